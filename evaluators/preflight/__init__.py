"""Preflight: is this the model it claims to be, before a single text is encoded?

Six tiers, each in a room of its own: files, code, pipeline, weights, tokenizer, configuration. A fatal finding in one
ends the look, because what the next would say could not be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from data.store.errors import PlumblineError
from evaluators.preflight import (
    code,
    config_numbers,
    configuration,
    files,
    hub,
    kinds,
    model_card,
    pin,
    pipeline,
    requirements,
    tokenizer,
    weights,
)
from evaluators.preflight.catalogue import finding as catalogued
from evaluators.preflight.finding import Finding, Tier, at_least, worst
from evaluators.preflight.target import Target, find_target
from evaluators.trust.limits import no_panic

__all__ = ["Finding", "Target", "at_least", "find_target", "inspect", "preflight", "worst"]


def preflight(model: str, *, revision: str | None = None, trust: Collection[str] = ()) -> list[Finding]:
    """Faults of a model, in the order of the tiers; empty when nothing is wrong.

    Args:
        model: a folder, or the name of a model in the hub's cache or on the hub.
        revision: the commit, branch or tag asked for.
        trust: models whose own code may run, each as ``name@revision``; no other code runs.

    Raises:
        ModelError: there is no such model here or within reach.
    """
    return inspect(find_target(model, revision=revision, trust=trust))


def inspect(target: Target, *, pinned: Path | None = None, repository: str | None = None) -> list[Finding]:
    """Faults of a model whose folder is known, against a pin and against the hub where these are given."""
    kept = pin.read_pin(pinned) if pinned else None
    found: list[Finding] = []
    for tier in _tiers(target, kept, repository):
        with no_panic(target.name):
            found.extend(_whole(*tier))
        if worst(found) == "fatal":
            break
    return found


def _whole(tier: Tier, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a tier finds; a file of a form that no rule foresaw is a finding and not the end of the look."""
    try:
        yield from check()
    except PlumblineError:
        raise
    except Exception as error:  # whatever libraries and our own rules make of a stranger's file
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        yield replace(
            catalogued("look-ended", f"The look at the tier {tier} ended in {words}", {"error": words}), tier=tier
        )


def _tiers(
    target: Target, kept: dict[str, Any] | None, repository: str | None
) -> Iterator[tuple[Tier, Callable[[], Iterator[Finding]]]]:
    def of_files() -> Iterator[Finding]:
        yield from files.check(target)
        if kept:
            yield from pin.check_files(target, kept)
        if repository:
            yield from hub.check(target, repository)

    def of_tokenizer() -> Iterator[Finding]:
        for part in kinds.transformers_of(target):
            yield from tokenizer.check(part)
        if kept:
            yield from pin.check_tokens(target, kept)

    yield "files", of_files
    yield "code", lambda: code.check(target)
    sort, parts = kinds.kind(target), kinds.transformers_of(target)
    yield (
        "pipeline",
        lambda: chain(
            pipeline.check(target),
            requirements.check(target),
            *(config_numbers.check(part) for part in parts if sort.known),
        ),
    )
    if not sort.known or not sort.weights:
        yield "weights", lambda: kinds.check_values_on_disk(target)
    if not sort.known:
        return
    if sort.weights:
        yield "weights", lambda: chain.from_iterable(weights.check(part) for part in parts)
    yield "tokenizer", of_tokenizer
    if sort.vectors:
        yield "configuration", lambda: chain(model_card.check(target), *(configuration.check(part) for part in parts))

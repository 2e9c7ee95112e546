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
from data.store.vocabulary import Severity, Tier
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
from evaluators.preflight.finding import Finding, at_least, worst
from evaluators.preflight.loading import error_in_words
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
    pin_of_model = pin.read_pin(pinned) if pinned else None
    findings: list[Finding] = []
    for tier, check in _tiers(target, pin_of_model, repository):
        with no_panic(target.name):
            findings.extend(_to_the_end(tier, check))
        if worst(findings) is Severity.FATAL:
            break
    return findings


def _to_the_end(tier: Tier, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a tier; a file of a form that no rule foresaw is a finding and not the end of the look."""
    try:
        yield from check()
    except PlumblineError:
        raise
    except Exception as error:  # whatever libraries and our own rules make of a stranger's file
        words = error_in_words(error)
        ended = catalogued("look-ended", f"The look at the tier {tier} ended in {words}", {"error": words})
        yield replace(ended, tier=tier)


def _tiers(
    target: Target, pinned: dict[str, Any] | None, repository: str | None
) -> Iterator[tuple[Tier, Callable[[], Iterator[Finding]]]]:
    def of_files() -> Iterator[Finding]:
        yield from files.check(target)
        if pinned:
            yield from pin.check_files(target, pinned)
        if repository:
            yield from hub.check(target, repository)

    def of_tokenizer() -> Iterator[Finding]:
        for part in kinds.transformers_of(target):
            yield from tokenizer.check(part)
        if pinned:
            yield from pin.check_tokens(target, pinned)

    yield Tier.FILES, of_files
    yield Tier.CODE, lambda: code.check(target)
    kind, parts = kinds.model_kind(target), kinds.transformers_of(target)
    numbers = [config_numbers.check(part) for part in parts] if kind.known else []
    yield Tier.PIPELINE, lambda: chain(pipeline.check(target), requirements.check(target), *numbers)
    if not kind.known or not kind.weights:
        yield Tier.WEIGHTS, lambda: kinds.check_values_on_disk(target)
    if not kind.known:
        return
    if kind.weights:
        yield Tier.WEIGHTS, lambda: chain.from_iterable(weights.check(part) for part in parts)
    yield Tier.TOKENIZER, of_tokenizer
    if kind.vectors:
        yield Tier.CONFIGURATION, lambda: chain(model_card.check(target), *map(configuration.check, parts))

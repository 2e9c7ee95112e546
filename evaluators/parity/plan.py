"""What a parity check compares: a reference, candidates and texts, from the command line or from a TOML plan."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.store.errors import InputError
from evaluators.encoders.registry import backend_of
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.spec import parse_spec
from evaluators.levels import levels
from evaluators.probes import BUNDLED, ProbeSet, load_probes

__all__ = ["CheckPlan", "make_plan"]

_KEYS = {"reference", "candidate", "probes", "keep_text", "fail_on"}


@dataclass(frozen=True)
class CheckPlan:
    """One check: the reference, its candidates, the texts, and what is done with the result.

    ``fail_on`` are levels of ``data.rules.drift``: a verdict at least as bad ends the command with status 1. With
    ``anyway`` a reference is compared with although preflight finds a fatal fault in it.
    """

    reference: EncoderSettings
    candidates: tuple[EncoderSettings, ...]
    probes: ProbeSet
    keep_text: bool = True
    fail_on: tuple[str, ...] = ()
    anyway: bool = False


def make_plan(
    *,
    reference: str | None = None,
    candidates: Sequence[str] = (),
    plan: Path | None = None,
    probes: Path | None = None,
    keep_text: bool | None = None,
    fail_on: Sequence[str] = (),
    anyway: bool = False,
) -> CheckPlan:
    """A plan from a file, from the command line, or from both: what the command line says wins or is added.

    Raises:
        InputError: nothing to compare, or something in it cannot be used; says which.
    """
    table = _table(plan) if plan else {}
    reference_settings = (
        parse_spec(reference) if reference else _encoder(table.get("reference"), f"{plan}, [reference]")
    )
    entries = [_encoder(entry, f"{plan}, [[candidate]] {n}") for n, entry in enumerate(table.get("candidate", []), 1)]
    entries += [parse_spec(spec) for spec in candidates]
    if reference_settings is None or not entries:
        raise InputError(
            "A check needs a reference and at least one candidate",
            where=str(plan or "the command line"),
            remedy="Give --reference SPEC --candidate SPEC, or a plan with [reference] and [[candidate]].",
        )
    listed = [probes] if probes else ([Path(plan).parent / table["probes"]] if plan and "probes" in table else [])
    path = listed[0] if listed else BUNDLED
    return CheckPlan(
        reference=_with_texts(reference_settings, path),
        candidates=tuple(_with_texts(entry, path) for entry in entries if entry is not None),
        probes=load_probes(path),
        keep_text=bool(table.get("keep_text", True)) if keep_text is None else keep_text,
        fail_on=levels(fail_on or _listed(table.get("fail_on", ()))),
        anyway=anyway,
    )


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _table(plan: Path) -> Mapping[str, Any]:
    try:
        table = tomllib.loads(plan.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("The plan cannot be read", where=str(plan), remedy=f"{error}.") from None
    if unknown := sorted(set(table) - _KEYS):
        remedy = f"Known: {', '.join(sorted(_KEYS))}."
        raise InputError(f"The plan has the unknown key {', '.join(unknown)}", where=str(plan), remedy=remedy)
    if not isinstance(table.get("candidate", []), list):
        raise InputError("A candidate is written as [[candidate]]", where=str(plan))
    return table


def _encoder(entry: Any, where: str) -> EncoderSettings | None:
    """An encoder of a plan: a table of settings, or a table or string with a spec."""
    if entry is None:
        return None
    if isinstance(entry, str):
        return parse_spec(entry)
    if not isinstance(entry, Mapping):
        raise InputError("An encoder is a table of settings or a spec", where=where)
    if "spec" in entry:
        spec = parse_spec(str(entry["spec"]))
        return spec.changed(label=str(entry["label"])) if "label" in entry else spec
    if missing := [key for key in ("backend", "source") if key not in entry]:
        raise InputError(f"The encoder lacks {' and '.join(missing)}", where=where, remedy='Or write spec = "...".')
    return EncoderSettings.from_mapping(entry, where=where)


def _with_texts(settings: EncoderSettings, probes: Path) -> EncoderSettings:
    """Ready-made vectors without texts beside them are in the order of the probes."""
    if "texts" not in (backend_of(settings.backend).options or ()) or "texts" in settings.options:
        return settings
    texts = "bundled" if probes == BUNDLED else str(probes)
    return settings.changed(options={**settings.options, "texts": texts})

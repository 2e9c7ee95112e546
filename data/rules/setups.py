"""What sets the runs of one model apart: weights, pooling, lengths, precision, prompts, in a few words.

A published figure does not say how it was made. What is known of a set-up is known of runs of this machine, so a run is
laid beside another run of the same model: the one that agrees best with what is published.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import duckdb
import pandas as pd

from data.rules.causes import cause_of_setting
from data.rules.words import Phrase, in_a_row, mark, phrase
from data.store.runs import File, InUse, Recorded, ReproduceSettings, recorded
from data.store.vocabulary import RunKind, Verdict

__all__ = [
    "Agreement",
    "NamedRun",
    "SetUp",
    "SetUpDifference",
    "best",
    "named_runs",
    "one_name",
    "set_up_differences",
    "setups",
]

# A copy of the hub may have a model's weights or tokenizer in several forms, so the one that is loaded first counts.
_WEIGHTS = "bin|pt|pth|onnx|gguf|h5|msgpack"
_TOKENIZER = r"vocab\.(json|txt)|merges\.txt|.*\.model"
_RUN_ID = re.compile(r"\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-\w+")
# What can move a score by more than rounding, as it is said: the value stands in its blank.
_WORDS = {
    "weights": mark("weights {value}"),
    "pooling": mark("pooling {value}"),
    "modules": mark("modules {value}"),
    "tokenizer": mark("tokenizer {value}"),
    "max_seq_length": mark("{value} tokens"),
    "dtype": "{value}",
    "dimensions": mark("{value} dimensions"),
    "prompts": mark("prompt {value}"),
    "similarity": mark("{value} similarity"),
    "encoder": "{value}",
}
# What a person looks at for each of them.
_NOUNS = {
    "weights": mark("weights"), "pooling": mark("pooling"), "modules": mark("modules"), "tokenizer": mark("tokenizer"),
    "max_seq_length": mark("maximum length"), "dtype": mark("precision"), "dimensions": mark("dimensions"),
    "prompts": mark("prompts"), "similarity": mark("similarity"), "encoder": mark("loader"),
    "attention": mark("attention"), "device": mark("device"), "configuration": mark("configuration"),
}  # fmt: skip
# One thing under two names: as mteb's loaders record it, and as the encoders of the parity check do.
_SAME = {
    "fp32": "float32", "fp16": "float16", "bf16": "bfloat16",
    "SentenceTransformerEncoderWrapper": "sentence-transformers",
}  # fmt: skip
# The rest is named only where nothing above differs.
_LIBRARIES = ("mteb", "sentence-transformers", "transformers", "torch", "tokenizers")
_LESSER = ("attention", "device", "configuration", *_LIBRARIES)


class SetUpDifference(NamedTuple):
    """One fact in which a run differs from another; ``theirs`` is None where the other side is not known."""

    name: str
    ours: str
    theirs: str | None

    @property
    def short(self) -> Phrase:
        """What this run has: 'pooling cls', '32 tokens'."""
        if (self.name, self.ours) == ("prompts", "none"):
            return phrase("no prompt")
        if self.name in _WORDS:
            return phrase(_WORDS[self.name], value=self.ours)
        return phrase("{name} {value}", name=self.noun, value=self.ours)

    @property
    def words(self) -> Phrase:
        """The same beside what the other has: 'pooling cls instead of mean'."""
        if self.theirs is None:
            return self.short
        return phrase("{ours} instead of {theirs}", ours=self.short, theirs=self.theirs)

    @property
    def noun(self) -> Phrase:
        """What to look at."""
        return Phrase(_NOUNS.get(self.name, self.name))

    @property
    def cause(self) -> str | None:
        """Code of the cause it is, in :mod:`data.rules.causes`; None for what moves no vector that is known of."""
        return cause_of_setting(self.name, self.ours)

    @property
    def matters(self) -> bool:
        """Whether it can move a score by more than rounding does."""
        return self.name in _WORDS


class SetUp(NamedTuple):
    """How one run was set up: its facts in words by name, those that were asked for, and which model it is of."""

    run_id: str
    model: str
    facts: Mapping[str, str]
    asked: frozenset[str]


class Agreement(NamedTuple):
    """How a run agrees with what is published: cells that hold, cells that do not, and how far off all are together."""

    held: int
    failed: int
    off: float


class NamedRun(NamedTuple):
    """A row of a comparison by its set-up."""

    label: Phrase  # model, set-up and time, for a sentence; empty where nothing sets it apart
    short: Phrase  # the set-up alone, for an axis; empty where nothing sets it apart
    advice: Phrase | None  # where to look; None where nothing is known
    differs: Phrase  # what sets it apart from ``beside``, in words
    beside: str  # the run it is laid beside; empty for the one that agrees best with what is published
    direct: bool = True  # one of the two sides is the run that agrees best
    cause: str | None = None  # code of the cause that ``differs`` is, where it is one


def setups(cursor: duckdb.DuckDBPyConnection) -> dict[str, SetUp]:
    """Every reproduction of the store by its run_id, the earliest first."""
    rows = cursor.execute(
        "SELECT run_id, model, settings, environment, files, warnings FROM runs WHERE kind = ?"
        " ORDER BY started_at, run_id",
        [RunKind.REPRODUCE],
    ).fetchall()
    return {run: _set_up(run, model, recorded(*records)) for run, model, *records in rows}


def set_up_differences(one: SetUp, other: SetUp) -> list[SetUpDifference]:
    """What differs between two runs of which both sides are known, what can move a score first."""
    return [
        SetUpDifference(name, one.facts[name], other.facts[name])
        for name in (*_WORDS, *_LESSER)
        if name in one.facts and name in other.facts and one.facts[name] != other.facts[name]
    ]


def _agreements(judged: pd.DataFrame) -> dict[str, Agreement]:
    """How each run agrees with what is published.

    Args:
        judged: deltas of kind ``reproduced``, as :func:`data.rules.deltas.deltas` gives them.
    """
    sure = judged[judged["comparable"].astype(bool)]
    holds = sure["verdict"].isin([verdict for verdict in Verdict if verdict.holds])
    counts = pd.DataFrame({"held": holds, "failed": ~holds, "off": sure["delta"].abs()})
    by_run = counts.groupby(sure["check_run"]).sum()
    return {str(run): Agreement(int(r["held"]), int(r["failed"]), float(r["off"])) for run, r in by_run.iterrows()}


def best(one: SetUp, others: Iterable[SetUp], standing: Mapping[str, Agreement]) -> SetUp | None:
    """The other run of this model to lay it beside: of those that agree better with what is published, the best.

    None for the run that agrees best itself. Where nothing is published, it is the first run.
    """
    alike = [other for other in others if other.model == one.model]
    none = Agreement(0, 0, 0.0)

    def rank(each: SetUp) -> tuple[float, float]:
        held, failed, off = standing.get(each.run_id, none)
        return failed - held, off

    first = min(alike, key=rank, default=one)  # of equals the first, which is the earliest
    return None if first.run_id == one.run_id else first


def named_runs(
    known: Mapping[str, SetUp], judged: pd.DataFrame, pairs: Iterable[tuple[str, str, str]]
) -> dict[str, NamedRun]:
    """Rows by what sets their runs apart.

    Args:
        known: of :func:`setups`.
        judged: deltas of kind ``reproduced``: they say which run to lay another one beside.
        pairs: (name of the row, its run, the run it is held against or '' for what is published).
    """
    standing = _agreements(judged)
    return {row: _named(known[run], known.get(claim), known, standing) for row, run, claim in pairs if run in known}


def _named(run: SetUp, claim: SetUp | None, known: Mapping[str, SetUp], standing: Mapping[str, Agreement]) -> NamedRun:
    other = claim or best(run, known.values(), standing)
    differences = set_up_differences(run, other) if other else _wished(run)
    differs = _listed(differences)
    if claim:
        when = phrase("{before} → {after}", before=_moment(claim.run_id), after=_moment(run.run_id))
    else:
        when = phrase("run of {moment}", moment=_moment(run.run_id))
    label = phrase("{model} with {differs} ({when})", model=run.model, differs=differs, when=when)
    return NamedRun(
        label=label if differs else phrase(""),
        short=_listed(differences, short=True),
        advice=_advice(differences, claim, other, standing) if other and differences else None,
        differs=differs,
        beside=other.run_id if other else "",
        cause=differences[0].cause if len(_first(differences)) == 1 else None,
        direct=claim is None or None in (best(run, known.values(), standing), best(claim, known.values(), standing)),
    )


def _listed(differences: Iterable[SetUpDifference], *, short: bool = False) -> Phrase:
    """Differences in words: those that matter, at most three; the lesser ones where there are no others."""
    first = _first(list(differences))
    words = [each.short if short else each.words for each in first[:3]]
    row = in_a_row(words)
    return phrase("{some} and {n} more", some=row, n=len(first) - 3) if len(first) > 3 else row


def _advice(
    differences: list[SetUpDifference], claim: SetUp | None, other: SetUp, standing: Mapping[str, Agreement]
) -> Phrase:
    """What to look at, and what the run beside it says: if that one holds, the difference between them is the cause."""
    first = _first(differences)[:3]
    both = mark("{before} and {after}")
    others = in_a_row([each.noun for each in differences if each not in first], both)
    nouns = in_a_row([each.noun for each in first], both)
    if others:
        this = mark("look at its {nouns}; of all that is recorded, only this and its {others} differ")
        these = mark("look at its {nouns}; of all that is recorded, only these and its {others} differ")
    else:
        this = mark("look at its {nouns}; of all that is recorded, only this differs")
        these = mark("look at its {nouns}; of all that is recorded, only these differ")
    look = phrase(this if len(first) == 1 else these, nouns=nouns, others=others)
    if claim:
        return phrase("{look} between the two runs", look=look)
    held, failed, _ = standing.get(other.run_id, Agreement(0, 0, 0.0))
    values = {"look": look, "moment": _moment(other.run_id), "held": held, "cells": held + failed}
    if held <= failed:
        return phrase("{look} from the run of {moment}", **values)
    on_all = mark("{look} from the run of {moment}, which holds on all {held} cells")
    on_some = mark("{look} from the run of {moment}, which holds on {held} of {cells} cells")
    return phrase(on_some if failed else on_all, **values)


def _first(differences: list[SetUpDifference]) -> list[SetUpDifference]:
    return [each for each in differences if each.matters] or differences


def _wished(one: SetUp) -> list[SetUpDifference]:
    """What was asked for on top of what the model does by itself: all there is to say of a run without another one."""
    return [SetUpDifference(name, one.facts[name], None) for name in _WORDS if name in one.asked and name in one.facts]


def _moment(run_id: str) -> str:
    """Month, day, hour and minute a run began, from its name: '11-21 08:14'; another name as it is."""
    return _RUN_ID.sub(r"\1-\2 \3:\4", run_id)


def _set_up(run_id: str, model: str, records: Recorded) -> SetUp:
    settings, files = cast(ReproduceSettings, records.settings), records.files
    in_use = settings.get("in_use") or InUse()
    modules = [str(module) for module in in_use.get("modules") or []]
    facts: dict[str, Any] = {name: records.environment["libraries"].get(name) for name in _LIBRARIES}
    facts |= {
        "dtype": in_use.get("dtype"),
        "max_seq_length": in_use.get("max_seq_length"),
        "similarity": in_use.get("similarity"),
        "attention": in_use.get("attention"),
        "device": in_use.get("device"),
    }
    facts |= {
        "dimensions": in_use.get("truncate_dim") or in_use.get("dimensions"),
        "encoder": str(in_use.get("encoder") or "").rpartition(".")[2],
        "modules": " + ".join(module.partition("(")[0] for module in modules),
        "pooling": in_use.get("pooling") or next((m[8:-1] for m in modules if m.startswith("Pooling(")), None),
        "prompts": _prompts(in_use.get("prompts")) if in_use else None,
        "weights": _digest(files, r".*\.safetensors") or _digest(files, rf".*\.({_WEIGHTS})"),
        "tokenizer": _digest(files, r"(.*/)?tokenizer\.json") or _digest(files, rf"(.*/)?({_TOKENIZER})"),
        "configuration": _digest(files, r"(0_[^/]+/)?(config|sentence_bert_config)\.json"),
    }
    asked = {name for name, value in (settings.get("asked") or {}).items() if value}
    wishes = frozenset("dimensions" if name == "truncate_dim" else name for name in asked)
    known = {name: str(one_name(value)) for name, value in facts.items() if value not in (None, "")}
    return SetUp(run_id, model, known, wishes)


def one_name(value: object) -> object:
    """A setting by the name that mteb's loaders record, whichever of its names it goes by; any other value as it is."""
    return _SAME.get(str(value), value)


def _digest(files: Iterable[File], pattern: str) -> str | None:
    """Eight characters for what the files of this pattern hold, whatever they are called; None where there are none."""
    digests = sorted(str(file["sha256"]) for file in files if re.fullmatch(pattern, file["path"]))
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:8] if digests else None


def _prompts(prompts: Mapping[str, str] | None) -> str:
    """The prompts in use: the text if there is one, their names if there are several, 'none' if all are empty."""
    texts = {name: text for name, text in (prompts or {}).items() if text}
    if not texts:
        return "none"
    if len(set(texts.values())) > 1:
        return "of " + ", ".join(f"{name} “{_cut(text)}”" for name, text in list(texts.items())[:3])
    return f"“{_cut(next(iter(texts.values())))}”"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 24 else line[:23] + "…"

"""What a parity check says of live encoders made by others, held against what is true of each.

``python -m tests.diagnose.others_report [--set frozen] [NAME...]`` asks each of :mod:`tests.diagnose.others` (over HTTP
where it takes other clients to see it) and judges every observation and verdict: *wrong* if the truth contradicts it,
*described* if what is true of the encoder was said, *silent* if nothing wrong was said and not that either.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal
from unittest.mock import patch

import numpy as np

from data.rules.drift import SAME_VECTORS
from evaluators.encoders.base import Description, Encoded, in_use
from evaluators.encoders.base import Encoder as Asking
from evaluators.encoders.settings import EncoderSettings
from evaluators.parity import run
from evaluators.parity.compare import compare_outputs
from evaluators.parity.observations import NO_FAULT, Observation
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import Examined
from evaluators.parity.verdict import DriftJudgement
from evaluators.probes import ProbeSet, load_probes
from tests.diagnose.others import Encoder, Misbehaviour, Truth, right, served

__all__ = ["Asker", "Judged", "judged", "looked_at", "main"]

Judgement = Literal["WRONG", "DESCRIBED", "SILENT"]


@dataclass(frozen=True)
class Judged:
    """The judgement on what was said of one encoder, and every statement that is not so."""

    judgement: Judgement
    wrong: tuple[str, ...] = ()


# --- asking --------------------------------------------------------------------------------------------------------


class _Local:
    """One start of an encoder of the set, or the right model, as the check's encoders are."""

    def __init__(self, settings: EncoderSettings, start: Encoder | None) -> None:
        self.settings, self.start, self.gone = settings, start, ""

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        rows = right(texts) if self.start is None else self.start.encode(texts, "one")
        return Encoded(dense=np.asarray(rows, dtype=np.float32))

    def describe(self) -> Description:
        return Description(self.settings.source, None, in_use(self.settings), {})

    def close(self) -> None:
        """Nothing is held."""


class Asker:
    """Puts encoders through a check's protocol on the core probes; the reference is asked once.

    Attributes:
        served: all of them over HTTP, not only those that take other clients to see.
        probes: the texts they are asked for; the core probes unless others are given.
    """

    def __init__(self, served: bool = False, probes: ProbeSet | None = None) -> None:
        self.served = served
        self.probes = probes or ProbeSet("core", load_probes().core)
        self.reference = self._examine(EncoderSettings("langchain", "right", label="reference"), None)

    def __call__(self, one: Misbehaviour) -> tuple[Examined, DriftJudgement]:
        """What is seen of one encoder, and the verdict on it."""
        if self.served or _takes_others(one.truth):
            with served(one.start(1)) as url:
                settings = EncoderSettings("openai", url, model="all-MiniLM-L6-v2", label=one.name)
                examined = run.examine(settings, self._plan(settings), reference=self.reference.log)
        else:
            examined = self._examine(EncoderSettings("langchain", one.name, label=one.name), one)
        return examined, compare_outputs(self.reference.side, examined.side, self.probes.probes)[0].verdict

    def _plan(self, settings: EncoderSettings) -> CheckPlan:
        return CheckPlan(settings, (), self.probes)

    def _examine(self, settings: EncoderSettings, one: Misbehaviour | None) -> Examined:
        starts: list[_Local] = []

        def reopen(given: EncoderSettings) -> Asking:
            starts.append(_Local(given, None if one is None else one.start(len(starts) + 1)))
            return starts[-1]

        with patch.object(run, "open_encoder", reopen):
            reference = None if one is None else self.reference.log
            return run.examine(settings, self._plan(settings), reference=reference)


def _takes_others(truth: Truth) -> bool:
    """Whether only other clients can see it; the honest are asked by them as well, so that a false alarm would show."""
    return truth.load or truth.connection or truth.another == "concurrent" or truth.honest


# --- judging -------------------------------------------------------------------------------------------------------


def judged(one: Misbehaviour, examined: Examined, verdict: DriftJudgement) -> Judged:
    """The judgement on all that was said of an encoder."""
    found = [seen for outcome in examined.protocol for seen in outcome.observed]
    wrong = [f"{seen.code}: {why}" for seen in found if (why := _contradicted(seen, one))]
    wrong += _wrong_verdict(one.truth, verdict)
    if wrong:
        return Judged("WRONG", tuple(wrong))
    return Judged("DESCRIBED" if _described(one.truth, found, verdict) else "SILENT")


def _contradicted(seen: Observation, one: Misbehaviour) -> str:
    """Why an observation is not so; empty if it may be."""
    truth, numbers = one.truth, seen.numbers
    never = {
        "another-text": not truth.another,
        "rows-moved": truth.another != "batch",
        "at-once-differs": not truth.load,
        "clients-differ": not truth.connection,
        "batch-differs": not truth.batch or bool(truth.another) or truth.honest,
        "batch-within-precision": not truth.batch,
        "beginning-shared": truth.another != "earlier" or truth.texts != "some",
        "moving-offset": not (truth.before or truth.time) or truth.noise > 0,
        "first-call-differs": not truth.before,
        "depends-on-before": not truth.before,
        "numbers-come-and-go": truth.finite,
        "outliers": truth.answers == 1 and not truth.before and not truth.another,
        "second-load-restless": not truth.before,
        "large-batch-differs": not truth.batch,
        "repeats-within-precision": not truth.noise and not truth.before and not truth.time,
        "repeats-within-arithmetic": not truth.before and truth.answers == 1,
        "variants-shared": truth.another != "earlier" or truth.texts != "some",
    }
    if seen.code.startswith("loads-"):
        turned = seen.code == "loads-rotated" and "rotat" not in one.what
        return "" if truth.start and not turned else "two starts are not that"
    if never.get(seen.code, False):
        return "that is not so"
    if seen.code == "distinct-answers":
        return _wrong_count(truth, numbers["answers"])
    if seen.code == "noise":
        return _wrong_noise(one, float(numbers.get("size", truth.noise)), numbers)
    if seen.code == "another-text":
        whose = {"batch": {"call", "before", "any"}, "earlier": {"before", "any"}, "concurrent": {"any"}}
        return "" if numbers["whose"] in whose[truth.another] else f"not of {numbers['whose']}"
    if seen.code == "batch-differs" and numbers["place"] and not truth.place:
        return "it does not depend on the place"
    return ""


def _wrong_count(truth: Truth, said: int) -> str:
    if truth.answers is None:
        return "there is no bound to the answers"
    return f"a text has {truth.answers}" if said > truth.answers and not truth.before else ""


def _wrong_noise(one: Misbehaviour, size: float, numbers: dict[str, object]) -> str:
    if one.truth.answers is not None and not one.truth.before:
        return f"a text has {one.truth.answers}"
    if not one.truth.noise:
        return "nothing is left to chance"
    if not 0.5 < size / one.truth.noise < 2:
        return f"its size is {one.truth.noise:g}"
    named = {"gaussian": "even", "uniform": "even"}
    for word, shape in named.items():
        if word in one.what and numbers.get("shape", shape) != shape:
            return f"it is {shape}"
    kurtosis = numbers.get("kurtosis")
    bell = isinstance(kurtosis, float) and abs(kurtosis - 3) < 0.3
    return "it is no Gaussian" if "uniform" in one.what and bell else ""


def _wrong_verdict(truth: Truth, verdict: DriftJudgement) -> list[str]:
    if truth.honest:
        return (
            [] if verdict.verdict not in ("unstable", "unusable", "different space") else [f"verdict {verdict.verdict}"]
        )
    same = {"identical", "scale only"} | (set() if 0 < truth.noise**2 < SAME_VECTORS else {"precision only"})
    return [f"verdict {verdict.verdict}"] if verdict.verdict in same else []


def _described(truth: Truth, found: Sequence[Observation], verdict: DriftJudgement) -> bool:
    """Whether what is true of it was said."""
    if truth.honest:
        return not [seen for seen in found if seen.code not in NO_FAULT]
    codes = {seen.code for seen in found}
    if (expected := _codes_of(truth)) is not None:
        return bool(codes & expected)
    if not truth.finite:
        if "numbers-come-and-go" in codes:
            return True
        return "No vector of numbers" in verdict.sentence and "exactly those" in verdict.sentence
    some = "differs everywhere" if truth.texts == "all" else "differs on some texts"
    return not codes - NO_FAULT and verdict.verdict == some


def _codes_of(truth: Truth) -> set[str] | None:
    """The codes of which any describes it; None where it is the same wrong vector every time."""
    if truth.load:
        return {"at-once-differs"}
    if truth.connection:
        return {"clients-differ"}
    if truth.another == "batch":
        return {"rows-moved", "another-text"}
    if truth.another == "earlier":
        return {"another-text", "beginning-shared", "variants-shared"}
    if truth.start:
        return {"loads-another-answer", "loads-rotated", "loads-offset", "loads-differ"}
    if truth.noise:
        return {"noise", "repeats-within-precision"}
    if truth.before or truth.time:
        few = {"distinct-answers", "outliers"} if truth.answers else {"moving-offset"}
        return few | {"first-call-differs", "depends-on-before"}
    if truth.answers != 1:
        return {"distinct-answers", "outliers"}
    return {"batch-differs"} if truth.batch else None


# --- the command ---------------------------------------------------------------------------------------------------


def looked_at(encoders: Sequence[Misbehaviour], asker: Asker) -> Counter[str]:
    """Ask each, print what was said of it beside the truth, and count the judgements."""
    counts: Counter[str] = Counter()
    plain = asdict(Truth())
    for one in encoders:
        began = time.perf_counter()
        examined, verdict = asker(one)
        found = judged(one, examined, verdict)
        counts[found.judgement] += 1
        truth = {name: value for name, value in asdict(one.truth).items() if value != plain[name]}
        codes = ", ".join(dict.fromkeys(s.code for outcome in examined.protocol for s in outcome.observed))
        print(f"{found.judgement:9} {one.name} ({one.what} {truth})")
        print(f"          codes: {codes or 'none'}; {verdict.verdict}: {verdict.sentence}")
        for why in found.wrong:
            print(f"          not so: {why}")
        print(f"          {time.perf_counter() - began:.0f} s", flush=True)
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 1 where a statement was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.diagnose.others_report")
    parser.add_argument("--set", choices=["open", "frozen"], default="open")
    parser.add_argument("--served", action="store_true", help="all of them over HTTP (second loads are not seen)")
    parser.add_argument("names", nargs="*")
    given = parser.parse_args(argv)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch

    torch.set_num_threads(1)
    module = importlib.import_module("tests.diagnose.others" + ("_frozen" if given.set == "frozen" else ""))
    encoders: Sequence[Misbehaviour] = getattr(module, "FROZEN" if given.set == "frozen" else "ENCODERS")
    chosen = [one for one in encoders if not given.names or any(name in one.name for name in given.names)]
    counts = looked_at(chosen, Asker(given.served))
    said = ", ".join(f"{counts[name]} {name.lower()}" for name in ("WRONG", "DESCRIBED", "SILENT"))
    print(f"{len(chosen)} encoders: {said}")
    return int(counts["WRONG"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())

from __future__ import annotations

import pytest

from evaluators.diagnose.answer import Bench, diagnose
from tests.maintain import selftest
from tests.maintain.selftest import KINDS, Outcome, Trial, ask, effective, plan, summary

# So many trials of each kind on the decoder; the whole of it is `python -m tests.maintain self-test`.
_SAMPLE = {"one cause": 20, "two causes": 7, "two causes, bf16 noise": 5, "cause withheld": 20}


@pytest.fixture(scope="module")
def outcomes(decoder: Bench) -> list[Outcome]:
    planned = plan(decoder, pairs=8, seed=1)
    return [
        ask(decoder, trial)
        for kind, wanted in _SAMPLE.items()
        for trial in [one for one in planned if one.kind == kind][:wanted]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "bar"),
    [("one cause", 0.95), ("two causes", 0.85), ("two causes, bf16 noise", 0.85), ("cause withheld", 0.95)],
)
def test_a_sample_of_the_self_test_on_the_decoder(outcomes: list[Outcome], kind: str, bar: float) -> None:
    (row,) = [row for row in summary(outcomes) if row["kind"] == kind]
    assert row["asked"] >= 5
    assert row["right"] >= bar * row["asked"], [one for one in outcomes if one.trial.kind == kind and not one.right]
    assert row["partly"] >= 0.98 * row["asked"] or not kind.startswith("two")


def test_the_plan_asks_for_every_effective_cause_and_is_the_same_each_time(decoder: Bench) -> None:
    planned = plan(decoder, pairs=3, seed=1)
    assert planned == plan(decoder, pairs=3, seed=1)
    asked = {kind: {one.truth for one in planned if one.kind == kind} for kind in KINDS}
    every = {(cause.words,) for cause in effective(decoder)}
    assert every < asked["one cause"] and every < asked["cause withheld"]
    assert len(asked["two causes"]) == 3


def test_a_cause_stated_that_was_withheld_is_counted_as_wrong(decoder: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    # A diagnosis that leaves nothing out of its catalogue states a cause where none may be stated.
    monkeypatch.setattr(selftest, "diagnose", lambda bench, vectors, *, without: diagnose(bench, vectors))
    outcome = ask(decoder, Trial("cause withheld", ("texts cut at 64 tokens",)))
    assert (outcome.right, outcome.wrong) == (False, True)

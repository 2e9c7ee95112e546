from __future__ import annotations

from collections.abc import Callable

import pytest

from data.rules.causes import CAUSES
from evaluators.diagnose.answer import Bench, diagnose
from evaluators.diagnose.causes import catalogue
from tests.maintain import selftest
from tests.maintain.selftest import KINDS, Trial, ask, effective, plan, summary

_BARS = {"one cause": 0.95, "two causes": 0.85, "two causes, bf16 noise": 0.85, "cause withheld": 0.95}

_OF_OTHERS = 2  # trials of each kind but one cause


def _kinds(bench: Bench) -> Callable[[str], str]:
    """What the causes of a trial are told apart by here: their slot, or by which road they come about."""
    slots: dict[str, str] = {cause.words: cause.slot for cause in catalogue(bench.reference, 64, 21)}
    solved = {cause.words for cause in CAUSES.values() if cause.family == "space"}
    return lambda name: slots.get(name, "solved" if name in solved else name.partition(":")[0])


def _covering(bench: Bench, trials: list[Trial]) -> list[Trial]:
    """One cause of every slot, and of each other kind the first few trials whose causes act in different ones.

    Each kind with each slot is in the soak, where every trial is, and so is a part at random that is withheld: it is
    looked for in every other part.
    """
    kind_of, first = _kinds(bench), dict[tuple[str, ...], Trial]()
    for trial in trials:
        slots = sorted(kind_of(name) for name in trial.truth)
        others = sum(kind == trial.kind for kind, *_ in first)
        if trial.kind == "one cause" or (others < _OF_OTHERS and "weights random" not in slots):
            first.setdefault((trial.kind, *slots), trial)
    return list(first.values())


def test_a_sample_of_every_kind_and_slot_comes_out_right(decoder: Bench) -> None:
    outcomes = [ask(decoder, trial) for trial in _covering(decoder, plan(decoder, pairs=8, seed=1))]
    missed = [one for one in outcomes if not one.right]
    assert {one.trial.kind for one in outcomes} == set(KINDS) and len(outcomes) >= 12
    assert len(missed) <= 0.05 * len(outcomes), missed
    assert all(one.partly for one in outcomes if one.trial.kind.startswith("two")), missed


@pytest.mark.soak
@pytest.mark.timeout(4 * 3600)
@pytest.mark.parametrize("model", ["decoder", "whole_minilm"])
def test_the_whole_self_test(model: str, request: pytest.FixtureRequest) -> None:
    """Every single cause, pairs with and without noise, every single cause withheld; more pairs by the command."""
    bench: Bench = request.getfixturevalue(model)
    rows = summary([ask(bench, trial) for trial in plan(bench, pairs=40, seed=1)])
    for row in rows:
        assert row["asked"] >= 20
        assert row["right"] >= _BARS[row["kind"]] * row["asked"], row
        assert row["partly"] >= 0.98 * row["asked"] or not row["kind"].startswith("two"), row


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

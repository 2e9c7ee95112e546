"""The rules that suggest causes: each fires on its sign and stays quiet without it."""

from __future__ import annotations

from typing import Any

import pytest

from data.rules.causes import CAUSES, FAMILIES
from data.rules.signs import RULES, CellEvidence, WeightsFinding, signs

PLAIN: dict[str, Any] = {"delta": -0.1, "floor": 0.003, "verdict": "gap", "same_data": True}

SEEN = {
    "metric-other": {
        "obstacle": "metric",
        "why_not": "another metric: ap against accuracy",
        "verdict": "not comparable",
    },
    "set-up-other": {"set_up": "32 tokens instead of 256, and run 1 without that matches here"},
    "weights-random": {"warnings": ("transformers: Some weights were not initialized from the checkpoint",)},
    "code-not-run": {"differs": frozenset({"trust"})},
    "loaded-wrongly": {"model_significant": True, "model_typical": -0.5, "model_tasks": 8},
    "data-other": {"same_data": False, "verdict": "not comparable"},
    "task-other": {"task_significant": True, "task_moved": 94, "task_models": 120},
    "weights-of-revision": {"revisions": "revision"},
    "prompt": {"by_type": {"Retrieval": -0.1, "STS": -0.001}},
    "pooling": {"model_significant": True, "model_typical": -0.1, "by_type": {"Classification": -0.176, "STS": -0.085}},
    "max-length": {"by_type": {"Retrieval": -0.05, "STS": 0.001}},
    "dimensions-cut": {"differs": frozenset({"truncate_dim"})},
    "precision": {"model_significant": True, "model_typical": -0.012},
    "evaluator-other": {"differs": frozenset({"mteb major"})},
    "claim-older": {"delta": 0.1},
}


def codes(**more: Any) -> list[str]:
    return [sign.code for sign in signs(CellEvidence(**(PLAIN | more)))]


def test_every_rule_is_tried_here() -> None:
    assert list(SEEN) == [rule.code for rule in RULES]


@pytest.mark.parametrize("code", SEEN)
def test_each_rule_fires_on_its_sign(code: str) -> None:
    assert code in codes(**SEEN[code])
    assert code not in codes()


def test_a_plain_gap_has_no_cause_and_a_match_needs_none() -> None:
    assert codes() == []
    assert codes(**SEEN["loaded-wrongly"], verdict="match") == []
    assert codes(**(SEEN["loaded-wrongly"] | {"delta": None})) == []


def test_nearly_all_of_a_score_gone_is_a_matter_of_loading_unless_the_task_is_at_fault() -> None:
    assert "loaded-wrongly" in codes(claim_score=0.565, check_score=0.02)
    assert "loaded-wrongly" not in codes(claim_score=0.565, check_score=0.02, task_significant=True)
    assert "loaded-wrongly" not in codes(claim_score=0.565, check_score=0.35)


def test_of_a_score_below_zero_no_more_than_all_is_gone() -> None:
    seen = [str(sign.seen) for sign in signs(CellEvidence(**(PLAIN | {"claim_score": 0.845, "check_score": -0.169})))]
    assert "100% of the score is gone" in seen


def test_what_is_certain_comes_before_what_is_only_common() -> None:
    found = codes(**SEEN["metric-other"], differs=frozenset({"mteb major", "dtype"}))
    assert found[0] == "metric-other"
    assert found[-1] == "evaluator-other"


def test_a_warning_is_quoted_in_part() -> None:
    long = "newly initialized " + "x" * 1000
    assert len(signs(CellEvidence(**PLAIN, warnings=(long,)))[0].seen) < 300


def test_every_sign_is_of_the_catalogue() -> None:
    assert {rule.code for rule in RULES} <= set(CAUSES) | set(FAMILIES)
    assert signs(CellEvidence(**PLAIN, **SEEN["prompt"]))[0].words == FAMILIES["prompt"]


def test_a_finding_or_a_set_up_that_is_known_to_be_a_cause_names_it() -> None:
    assert codes(faults=(WeightsFinding("norms-untrained", "scales are 1"),)) == ["norms-lost"]
    assert codes(faults=(WeightsFinding("weights-zero", "one is 0"),)) == ["weights"]
    assert codes(set_up="pooling cls instead of mean", set_up_cause="pooling-cls") == ["pooling-cls"]

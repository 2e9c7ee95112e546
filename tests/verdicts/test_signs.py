"""The rules that suggest causes: each fires on its sign and stays quiet without it."""

from __future__ import annotations

from typing import Any

import pytest

from data.rules.signs import RULES, Evidence, signs

PLAIN: dict[str, Any] = {"delta": -0.1, "floor": 0.003, "verdict": "gap", "same_data": True}

SEEN = {
    "metric": {"obstacle": "metric", "why_not": "another metric: ap against accuracy", "verdict": "not comparable"},
    "set-up": {"set_up": "32 tokens instead of 256, and run 1 without that matches here"},
    "weights": {"warnings": ("transformers: Some weights were not initialized from the checkpoint",)},
    "code": {"differs": frozenset({"trust"})},
    "loading": {"model_significant": True, "model_typical": -0.5, "model_tasks": 8},
    "data": {"same_data": False, "verdict": "not comparable"},
    "task": {"task_significant": True, "task_moved": 94, "task_models": 120},
    "revision": {"revisions": "revision"},
    "prompt": {"by_type": {"Retrieval": -0.1, "STS": -0.001}},
    "pooling": {"model_significant": True, "model_typical": -0.1, "by_type": {"Classification": -0.176, "STS": -0.085}},
    "length": {"by_type": {"Retrieval": -0.05, "STS": 0.001}},
    "dimensions": {"differs": frozenset({"truncate_dim"})},
    "precision": {"model_significant": True, "model_typical": -0.012},
    "version": {"differs": frozenset({"mteb major"})},
    "gain": {"delta": 0.1},
}


def codes(**more: Any) -> list[str]:
    return [sign.code for sign in signs(Evidence(**(PLAIN | more)))]


def test_every_rule_is_tried_here() -> None:
    assert list(SEEN) == [rule.code for rule in RULES]


@pytest.mark.parametrize("code", SEEN)
def test_each_rule_fires_on_its_sign(code: str) -> None:
    assert code in codes(**SEEN[code])
    assert code not in codes()


def test_a_plain_gap_has_no_cause_and_a_match_needs_none() -> None:
    assert codes() == []
    assert codes(**SEEN["loading"], verdict="match") == []
    assert codes(**(SEEN["loading"] | {"delta": None})) == []


def test_nearly_all_of_a_score_gone_is_a_matter_of_loading_unless_the_task_is_at_fault() -> None:
    assert "loading" in codes(claim_score=0.565, check_score=0.02)
    assert "loading" not in codes(claim_score=0.565, check_score=0.02, task_significant=True)
    assert "loading" not in codes(claim_score=0.565, check_score=0.35)


def test_what_is_certain_comes_before_what_is_only_common() -> None:
    found = codes(**SEEN["metric"], differs=frozenset({"mteb major", "dtype"}))
    assert found[0] == "metric"
    assert found[-1] == "version"


def test_a_warning_is_quoted_in_part() -> None:
    long = "newly initialized " + "x" * 1000
    assert len(signs(Evidence(**PLAIN, warnings=(long,)))[0].seen) < 300

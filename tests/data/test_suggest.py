from __future__ import annotations

import numpy as np
import pytest

from data.suggest import COSTS, Delta, suggest

OFFICIAL = (0.820, 0.800, 0.118)
TASKS = (("STSBenchmark", "STS"), ("Banking77Classification", "Classification"), ("LegalQuAD", "Retrieval"))


def _deltas(values: tuple[float, ...]) -> list[Delta]:
    return [Delta(task, kind, value, was) for (task, kind), value, was in zip(TASKS, values, OFFICIAL, strict=True)]


# int8, dropout and an ignored mask cost too nearly the same to be told apart from three scores.
@pytest.mark.parametrize("cause", sorted(set(COSTS) - {"int8 arithmetic", "dropout on", "mask ignored in pooling"}))
def test_a_measured_cost_suggests_its_cause(cause: str) -> None:
    known = [delta for delta in _deltas(COSTS[cause]) if not np.isnan(delta.delta)]
    if max(abs(delta.delta) for delta in known) <= 0.01:
        pytest.skip("too small a cost to tell from noise on these tasks")
    assert cause in [one.cause for one in suggest(known)[:2]]


def test_noise_suggests_nothing() -> None:
    assert suggest(_deltas((0.0005, -0.002, 0.001))) == []


def test_a_single_delta_has_no_pattern() -> None:
    assert suggest(_deltas(COSTS["CLS pooling"])[:1]) == []


def test_one_task_off_among_many_is_the_data() -> None:
    deltas = [Delta(f"T{index}", "STS", 0.0001) for index in range(6)] + [Delta("Massive", "Classification", -0.16)]
    assert suggest(deltas)[0].cause == "another revision of the data set"


def test_a_suggestion_ends_with_what_would_settle_it() -> None:
    (first, *_) = suggest(_deltas(COSTS["CLS pooling"]), model="org/name")
    assert "org/name" in first.settle and "diagnose" in first.settle

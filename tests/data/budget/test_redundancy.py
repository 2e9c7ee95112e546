"""Own tasks beside a public benchmark, made so that the truth is known: a copy, one of its own, too few models."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.budget.gaussian import Gaussian, fit
from data.rules.budget.redundancy import FEWEST_MODELS, Novelty, redundancy_of
from data.rules.budget.table import TaskTable
from tests.data.budget.test_prediction import made

WHOLE = made(models=120, seed=5, missing=0.0).scores  # of the same models, before any went missing


@pytest.fixture(scope="module")
def public() -> tuple[TaskTable, Gaussian]:
    table = made(models=120, seed=5)
    return table, fit(table.scores, table.types)


def own(table: TaskTable, values: np.ndarray, models: int) -> dict[str, float]:
    """Own scores of every third model, some of whom lack public tasks."""
    return dict(zip(table.models[::3][:models], values[::3][:models].tolist(), strict=True))


def test_a_copy_says_what_the_public_one_says(public: tuple[TaskTable, Gaussian]) -> None:
    table, gaussian = public
    copy = WHOLE[:, 9] + 1e-3 * np.random.default_rng(0).standard_normal(len(WHOLE))
    seen = redundancy_of(table, gaussian, own(table, copy, 30))
    assert seen.novelty is Novelty.SAME and seen.relative == "T9" and seen.models == 30
    assert seen.low >= 0.8 and seen.share > 0.95 and seen.correlation > 0.99


def test_the_mean_of_the_public_ones_is_told_by_all_of_them_together(public: tuple[TaskTable, Gaussian]) -> None:
    table, gaussian = public
    assert redundancy_of(table, gaussian, own(table, WHOLE.mean(axis=1), 40)).novelty is Novelty.SAME


def test_an_independent_task_says_something_of_its_own(public: tuple[TaskTable, Gaussian]) -> None:
    table, gaussian = public
    drawn = np.random.default_rng(1).normal(0.5, 0.1, len(table.models))
    seen = redundancy_of(table, gaussian, own(table, drawn, 40))
    assert seen.novelty is Novelty.OWN and seen.share < 0.2 and seen.high < 0.5


def test_with_too_few_models_nothing_is_said(public: tuple[TaskTable, Gaussian]) -> None:
    table, gaussian = public
    few = own(table, table.scores[:, 0], FEWEST_MODELS - 1)
    seen = redundancy_of(table, gaussian, few | {"nobody/knows": 0.5})
    assert seen.novelty is Novelty.FEW and seen.models == FEWEST_MODELS - 1 and np.isnan(seen.share)
    alike = dict.fromkeys(table.models[::2], 0.5)
    assert redundancy_of(table, gaussian, alike).novelty is Novelty.FEW, "scores that do not differ say nothing"


def test_a_family_is_left_out_together(public: tuple[TaskTable, Gaussian]) -> None:
    """Members that share an own strength foretell each other, not what a stranger scores."""
    table, gaussian = public
    draw = np.random.default_rng(2)
    families = tuple(f"family {i // 4}" for i in range(len(table.models)))
    strengths = np.repeat(draw.normal(0, 0.1, len(families) // 4), 4)
    scores = table.scores + np.repeat(draw.normal(0, 0.02, (len(families) // 4, len(table.tasks))), 4, axis=0)
    own_scores = dict(zip(table.models, (0.5 + strengths).tolist(), strict=True))
    together = redundancy_of(table._replace(families=families, scores=scores), gaussian, own_scores)
    alone = redundancy_of(table._replace(families=table.models, scores=scores), gaussian, own_scores)
    assert together.share < alone.share and together.novelty is Novelty.OWN

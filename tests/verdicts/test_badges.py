"""The badge a model carries on other pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dashboard.queries.badges import BADGES, badges
from data.store import open_reader
from tests.verdicts.making import BROKEN, PAGE_MODELS, PAGE_TASKS, result, store_of


def found(path: Path) -> pd.DataFrame:
    return badges(open_reader(path).cursor()).set_index("model")


def test_every_model_has_one(page_store: Path) -> None:
    frame = found(page_store)
    assert set(frame.index) == set(PAGE_MODELS)
    assert set(frame["badge"]) <= set(BADGES)


def test_a_broken_model_is_contradicted_and_one_gap_is_not(page_store: Path) -> None:
    frame = found(page_store)
    assert frame.loc[BROKEN, ["badge", "tasks_held"]].tolist() == ["contradicted", 0]
    assert frame.loc["org/model-03", ["badge", "tasks_held", "tasks_compared"]].tolist() == ["reproduced", 5, 6]


def test_tasks_that_cannot_be_compared_do_not_count(page_store: Path) -> None:
    assert found(page_store).loc["org/model-02", "tasks_compared"] == len(PAGE_TASKS) - 1


def test_own_runs_speak_first_and_the_best_run_of_a_task_counts(page_store: Path) -> None:
    own = found(page_store).loc["org/model-01"]
    assert (own["checked_by"], own["badge"], own["tasks_held"]) == ("own runs", "reproduced", 5)
    assert own["why"] == "5 of 5 tasks hold in own runs"


def test_nothing_compared_is_not_reproduced(tmp_path: Path) -> None:
    lone = found(store_of(tmp_path / "s.duckdb", [result("official", 0.5)])).iloc[0]
    assert (lone["badge"], lone["tasks_compared"]) == ("not reproduced", 0)
    assert lone["checked_by"] is None or pd.isna(lone["checked_by"])

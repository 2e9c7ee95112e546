"""The badge a model carries on other pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from dashboard.queries.badges import badges
from dashboard.sections.badges import with_reasons
from data.store.database import open_reader
from data.store.vocabulary import Badge
from tests.dashboard.opened import on
from tests.verdicts.making import BROKEN, PAGE_MODELS, PAGE_TASKS, result, store_of


def found(path: Path) -> pd.DataFrame:
    return with_reasons(badges(open_reader(path).cursor())).set_index("model")


def test_every_model_has_one(page_store: Path) -> None:
    frame = found(page_store)
    assert set(frame.index) == set(PAGE_MODELS)
    assert set(frame["badge"]) <= set(Badge)


def test_a_broken_model_is_contradicted_and_one_gap_is_not(page_store: Path) -> None:
    frame = found(page_store)
    assert frame.loc[BROKEN, ["badge", "tasks_held"]].tolist() == ["contradicted", 0]
    assert frame.loc["org/model-03", ["badge", "tasks_held", "tasks_compared"]].tolist() == ["reproduced", 5, 6]


@pytest.mark.parametrize(("failing", "badge"), [(2, "reproduced"), (3, "contradicted")])
def test_more_than_a_quarter_of_the_tasks_contradict(tmp_path: Path, failing: int, badge: str) -> None:
    tasks = [f"Task{place}" for place in range(8)]
    claims = [result("reported", 0.8, task) for task in tasks]
    checks = [result("official", 0.4 if place < failing else 0.8, task) for place, task in enumerate(tasks)]
    frame = found(store_of(tmp_path / "s.duckdb", [*claims, *checks]))
    assert frame["badge"].tolist() == [badge] and frame["tasks_held"].tolist() == [8 - failing]


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


def test_the_leaderboard_and_the_compare_page_show_it(record_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(record_store))
    frame = found(record_store)
    at = on("leaderboard")
    board = at.dataframe[0].value.set_index("Model")["Checked"]
    shown = board[board != ""]
    assert len(shown) > 50
    for model, text in shown.items():
        row = frame.loc[model]
        assert text == f"{row['badge']} {row['tasks_held']}/{row['tasks_compared']}"
    assert (frame.loc[board[board == ""].index, "badge"] == "not reproduced").all()
    at.switch_page("screens/compare.py")
    at.query_params["c_models"] = ["jinaai/jina-embeddings-v2-base-en", "thenlper/gte-base"]
    at.run()
    assert not at.exception
    facts = next(f.value for f in at.dataframe if "Fact" in f.value).set_index("Fact")
    figures = facts.loc["Published figures"].tolist()
    assert [f.split(":")[0] for f in figures] == ["contradicted", "reproduced"]

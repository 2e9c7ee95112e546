"""The table of a benchmark with very many models: a sample, the same at every visit, in which no task is forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data.rules.budget import table as budget_table
from data.rules.budget.table import TaskTable, task_table
from data.store.database import StoreReader, open_reader, writing
from data.store.derive import derive
from tests.dashboard.budget_store import BENCHMARK, MODELS, PARTLY, TASKS, WHOLE, budget_store

MOST, FEWEST = 10, 2


def table_of(store: Path, *beside: str) -> TaskTable:
    with open_reader(store).own_cursor() as cursor:
        return task_table(cursor, BENCHMARK, beside=beside)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty-one models; a task of one type has figures of three of them alone."""
    path = budget_store(tmp_path_factory.mktemp("sample") / "sample.duckdb")
    with writing(path) as connection:
        few = [MODELS[1], MODELS[17], MODELS[33]]
        connection.execute(
            "DELETE FROM scores WHERE result_id IN (FROM (SELECT result_id FROM results WHERE task = 'STS4'"
            " AND NOT list_contains(?, model)))",
            [few],
        )
        connection.execute("DELETE FROM results WHERE task = 'STS4' AND NOT list_contains(?, model)", [few])
        derive(connection)
    return path


@pytest.fixture
def whole(store: Path) -> TaskTable:
    return table_of(store)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, whole: TaskTable) -> None:
    """Tables that hold ten models; the whole one was read before."""
    monkeypatch.setattr(budget_table, "MOST_FITTED", MOST)
    monkeypatch.setattr(budget_table, "_FEWEST_OF_A_TASK", FEWEST)


def test_of_few_models_all_are_in_it(whole: TaskTable) -> None:
    assert len(whole.models) == 41 and whole.drawn_of is None


@pytest.mark.usefixtures("small")
def test_a_sample_is_bounded_and_the_same_at_every_visit(store: Path, whole: TaskTable) -> None:
    first, again = table_of(store), table_of(store)
    assert first.models == again.models and first.drawn_of == 41
    assert MOST <= len(first.models) <= MOST + FEWEST * len(TASKS) and len(first.models) < 41
    assert first.tasks == whole.tasks, "a task that hardly anybody has run is asked all the same"
    at = [whole.models.index(model) for model in first.models]
    np.testing.assert_array_equal(first.scores, whole.scores[at])
    finished = (~np.isnan(first.scores)).sum(axis=0)
    assert finished[first.tasks.index("STS4")] >= FEWEST


@pytest.mark.usefixtures("small")
def test_who_is_asked_for_is_in_it(store: Path) -> None:
    drawn = set(table_of(store).models)
    outside = [model for model in (WHOLE, PARTLY, *MODELS) if model not in drawn][:2]
    table = table_of(store, *outside, "nobody/knows")
    assert set(table.models) == drawn | set(outside)


def test_of_the_bundled_record_all_models_are_in_it(record_reader: StoreReader) -> None:
    with record_reader.own_cursor() as cursor:
        query = "SELECT benchmark FROM board GROUP BY 1 ORDER BY count(DISTINCT model) DESC, 1 LIMIT 2"
        names = [name for (name,) in cursor.execute(query).fetchall()]
        assert all(task_table(cursor, name).drawn_of is None for name in names)

"""Which result counts, and how ranks and means come of it, on a board small enough to do by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.store.database import writing
from data.store.derive import derive, derive_as_of

BENCHMARK = "Two types"
TASKS = {"A1": "Retrieval", "A2": "Retrieval", "B": "STS"}
# model -> task -> main score of the one cell, or of several (split, subset) cells
SCORES: dict[str, dict[str, Any]] = {
    "good": {"A1": 0.9, "A2": 0.8, "B": 0.7},
    "fair": {"A1": 0.5, "A2": 0.8, "B": 0.9},
    "half": {"A1": 0.6, "B": 0.8},
    "poor": {"A1": 0.1, "A2": 0.1, "B": 0.1},
}


class Board:
    """A store under construction: results are added one by one, with everything else at its plainest."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection, self.next_id = connection, 1

    def insert(self, table: str, **row: Any) -> None:
        names, marks = ", ".join(row), ", ".join("?" for _ in row)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))

    def benchmark(self, name: str, tasks: list[str], **how: Any) -> None:
        shown = dict.fromkeys(("mean_task", "mean_task_type", "task_types", "public_private", "mean_subset"), False)
        flags = {f"show_{column}": value for column, value in (shown | how.pop("show", {})).items()}
        row = {"position": 0, "ranked_by": "borda", "sorted_by": "rank", "show_zero_shot": True, "public_only": False}
        self.insert("benchmarks", benchmark=name, **(row | flags | how))
        for position, task in enumerate(tasks):
            self.insert("benchmark_tasks", benchmark=name, task=task, position=position)

    def task(self, name: str, type_: str, cells: list[tuple[str, str]], benchmark: str, **facts: Any) -> None:
        row = {
            "registered": True,
            "private": False,
            "is_aggregate": False,
            "is_public": True,
            "dataset_revision": "d" * 40,
        }
        self.insert("tasks", task=name, type=type_, **(row | facts))
        for split, subset in cells:
            self.insert("benchmark_cells", benchmark=benchmark, task=name, split=split, subset=subset)

    def model(self, name: str, **facts: Any) -> None:
        row = {"registered": True, "private": False, "revision": "main", "training_known": False}
        self.insert("models", model=name, **(row | facts))

    def result(self, model: str, task: str, score: float | dict[tuple[str, str], float | None], **facts: Any) -> int:
        row = {
            "revision": "main",
            "experiment": "",
            "origin": "official",
            "mteb_version": "2.0.0",
            "dataset_revision": "d" * 40,
            "file": f"{model}/{task}.json",
            "withdrawn": False,
            "added_in": 1,
        }
        self.insert("results", result_id=self.next_id, model=model, task=task, **(row | facts))
        cells = score if isinstance(score, dict) else {("test", "default"): score}
        for (split, subset), value in cells.items():
            self.insert("scores", result_id=self.next_id, split=split, subset=subset, main_score=value)
        self.next_id += 1
        return self.next_id - 1


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with writing(tmp_path / "store.duckdb", fresh=True) as connection:
        board = Board(connection)
        board.benchmark(BENCHMARK, list(TASKS))
        for task, type_ in TASKS.items():
            board.task(task, type_, [("test", "default")], BENCHMARK)
        for position, version in enumerate(("1.0.0", "2.0.0", "10.0.0")):
            board.insert("versions", mteb_version=version, position=position)
        for model, scores in SCORES.items():
            board.model(model)
            for task, score in scores.items():
                board.result(model, task, score)
        yield board


def ranking(board: Board, *, benchmark: str = BENCHMARK, **only: Any) -> dict[str, dict[str, Any]]:
    """Derive, then ask: model -> its row."""
    derive(board.connection)
    asked = [benchmark, only.get("models"), only.get("tasks"), only.get("strict", False)]
    result = board.connection.execute("FROM ranking(?, ?::VARCHAR[], ?::VARCHAR[], ?)", asked)
    names = [column[0] for column in result.description or ()]
    return {row["model"]: row for row in (dict(zip(names, r, strict=True)) for r in result.fetchall())}


def test_borda_counts_points_over_tasks_and_ignores_what_is_missing(board: Board) -> None:
    rows = ranking(board)
    # Four models. A1: good 3, half 2, fair 1, poor 0. A2: good and fair level at rank 1.5, so 2.5 each; poor at rank 3
    # has 1; half, which has no score, 0. B: fair 3, half 2, good 1, poor 0.
    points = {model: row["borda_points"] for model, row in rows.items()}
    assert points == {"good": 6.5, "fair": 6.5, "half": 4.0, "poor": 1.0}
    assert {model: row["rank"] for model, row in rows.items()} == {"good": 1, "fair": 1, "half": 3, "poor": 4}


def test_means_are_blank_unless_every_task_is_there(board: Board) -> None:
    rows = ranking(board)
    assert rows["good"]["mean_task"] == pytest.approx(0.8)
    assert rows["good"]["mean_task_type"] == pytest.approx((0.85 + 0.7) / 2)
    assert rows["half"]["mean_task"] is None
    assert rows["half"]["mean_task_type"] is None
    assert (rows["half"]["tasks_present"], rows["half"]["tasks_scored"], rows["half"]["tasks_total"]) == (2, 3, 3)


def test_a_task_nobody_ran_does_not_blank_the_means(board: Board) -> None:
    board.task("C", "STS", [("test", "default")], BENCHMARK)
    board.insert("benchmark_tasks", benchmark=BENCHMARK, task="C", position=3)
    row = ranking(board)["good"]
    assert row["mean_task"] == pytest.approx(0.8)
    assert (row["tasks_scored"], row["tasks_total"]) == (3, 4)


def test_a_missing_cell_blanks_the_task_but_still_ranks(board: Board) -> None:
    cells = [("test", "en"), ("test", "de")]
    board.task("M", "STS", cells, BENCHMARK)
    board.insert("benchmark_tasks", benchmark=BENCHMARK, task="M", position=3)
    board.result("good", "M", {cells[0]: 0.5, cells[1]: 0.7})
    board.result("fair", "M", {cells[0]: 0.9, cells[1]: None})
    rows = ranking(board)
    assert rows["good"]["mean_task"] == pytest.approx((0.9 + 0.8 + 0.7 + 0.6) / 4)
    assert rows["fair"]["mean_task"] is None
    assert rows["fair"]["borda_points"] == 6.5 + 3  # .9 beats .6 on M, among four models


def test_a_filtered_ranking_is_computed_among_what_is_left(board: Board) -> None:
    rows = ranking(board, models=["fair", "half", "poor"])
    assert {model: row["rank"] for model, row in rows.items()} == {"fair": 1, "half": 2, "poor": 3}
    rows = ranking(board, tasks=["A1", "B"])
    assert rows["half"]["mean_task"] == pytest.approx(0.7)
    assert rows["half"]["tasks_total"] == 2


def test_strict_leaves_out_what_does_not_rest_on_one_run_of_todays_task(board: Board) -> None:
    board.connection.execute("UPDATE results SET origin = 'reported' WHERE model = 'good' AND task = 'B'")
    board.connection.execute("UPDATE results SET dataset_revision = 'e' WHERE model = 'fair' AND task = 'B'")
    board.connection.execute("UPDATE results SET revision = 'older' WHERE model = 'poor' AND task = 'A1'")
    rows = ranking(board, strict=True)
    present = {model: row["tasks_present"] for model, row in rows.items()}
    assert present == {"good": 2, "fair": 2, "half": 2, "poor": 2}
    assert all(row["mean_task"] is None for row in rows.values())
    assert ranking(board)["good"]["mean_task"] == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("first", "second", "wins"),
    [
        ({"revision": "main"}, {"revision": "older", "mteb_version": "10.0.0"}, "first"),  # the registry's revision
        ({"revision": "older"}, {"revision": "older", "mteb_version": "10.0.0"}, "second"),  # 10.0 is after 2.0
        ({"revision": "older"}, {"revision": "older", "mteb_version": "2.0-2.1"}, "first"),  # a range is no version
        (
            {"revision": "older", "mteb_version": None},
            {"origin": "reported", "revision": "external", "mteb_version": None},
            "first",
        ),
        ({"revision": None}, {"revision": "older"}, "second"),
    ],
)
def test_which_of_several_results_counts(board: Board, first: Any, second: Any, wins: str) -> None:
    board.model("twice")
    board.result("twice", "A1", 0.111, **first)
    board.result("twice", "A1", 0.222, **second)
    assert ranking(board)["twice"]["tasks_present"] == 1
    row = board.connection.execute("SELECT score FROM board WHERE model = 'twice'").fetchone()
    assert row == ({"first": 0.111, "second": 0.222}[wins],)


def test_withdrawn_figures_and_experiments_do_not_count(board: Board) -> None:
    board.result("half", "A2", 0.99, withdrawn=True)
    board.result("half", "A2", 0.98, experiment="truncate_dim_64")
    assert ranking(board)["half"]["tasks_present"] == 2


def test_a_private_model_gets_a_rank_and_moves_none(board: Board) -> None:
    before = {model: row["rank"] for model, row in ranking(board).items()}
    board.model("ours", registered=False, private=True, revision=None)
    for task, score in {"A1": 0.55, "A2": 0.8, "B": 0.75}.items():
        board.result("ours", task, score, origin="reproduced", revision=None)
    rows = ranking(board)
    # Among five: A1 rank 3 (2 points), A2 level with two at rank 2 (3), B rank 3 (2).
    assert rows["ours"]["borda_points"] == 7.0
    assert rows["ours"]["rank"] == 1
    assert not rows["ours"]["ranked"]
    assert {model: row["rank"] for model, row in rows.items() if model != "ours"} == before


def test_own_runs_of_a_published_model_do_not_replace_what_is_published(board: Board) -> None:
    board.result("good", "A1", 0.2, origin="reproduced", mteb_version="10.0.0")
    assert ranking(board)["good"]["mean_task"] == pytest.approx(0.8)


def test_own_tasks_rank_every_model_that_ran_them(board: Board) -> None:
    board.benchmark("Own", ["mine"])
    board.task("mine", "Retrieval", [("test", "default")], "Own", private=True)
    for model, score in {"good": 0.3, "fair": 0.4}.items():
        board.result(model, "mine", score, origin="reproduced")
    rows = ranking(board, benchmark="Own")
    assert {model: row["rank"] for model, row in rows.items()} == {"fair": 1, "good": 2}


def test_own_tasks_are_a_benchmark_that_outlives_a_new_registry(board: Board) -> None:
    board.task("mine", "Retrieval", [("test", "default")], "none of mteb's", private=True)
    board.result("good", "mine", 0.3, origin="reproduced")
    assert list(ranking(board, benchmark="Own tasks")) == ["good"]
    for table in ("benchmarks", "benchmark_tasks", "benchmark_cells"):
        board.connection.execute(f"DELETE FROM {table} WHERE benchmark = 'Own tasks'")
    assert list(ranking(board, benchmark="Own tasks")) == ["good"]
    board.connection.execute("DELETE FROM results WHERE task = 'mine'")
    assert list(ranking(board, benchmark="Own tasks")) == []
    assert board.connection.execute("SELECT 1 FROM benchmarks WHERE benchmark = 'Own tasks'").fetchall() == []


def test_ranks_of_a_mean_number_only_models_that_have_it(board: Board) -> None:
    board.connection.execute("UPDATE benchmarks SET ranked_by = 'mean_task'")
    rows = ranking(board)
    assert {model: row["rank"] for model, row in rows.items()} == {"good": 1, "fair": 2, "half": None, "poor": 3}
    assert rows["half"]["borda_rank"] == 3


@pytest.mark.parametrize("unknown", ["registered = false", "name"])
def test_ranks_of_a_mean_skip_models_that_mteb_does_not_know(board: Board, unknown: str) -> None:
    board.connection.execute("UPDATE benchmarks SET ranked_by = 'mean_task'")
    if unknown == "name":
        board.connection.execute("UPDATE results SET filed_as = 'old/good' WHERE model = 'good'")
    else:
        board.connection.execute("UPDATE models SET registered = false WHERE model = 'good'")
    rows = ranking(board)
    assert {model: row["rank"] for model, row in rows.items()} == {"good": 1, "fair": 1, "half": None, "poor": 2}


def test_subsets_weigh_the_same_where_the_benchmark_says_so(board: Board) -> None:
    cells = [("test", "en"), ("test", "de"), ("test", "fr")]
    board.benchmark("Subsets", ["M", "N"], show={"mean_subset": True})
    board.task("M", "STS", cells, "Subsets")
    board.task("N", "STS", cells[:1], "Subsets")
    board.result("good", "M", dict.fromkeys(cells, 0.6))
    board.result("good", "N", {cells[0]: 1.0})
    board.result("fair", "M", {cells[0]: 0.7, cells[1]: 0.7, cells[2]: 0.1})
    board.result("fair", "N", {cells[0]: 0.9})
    rows = ranking(board, benchmark="Subsets")
    assert rows["good"]["mean_subset"] == pytest.approx((0.6 * 3 + 1) / 4)
    assert (
        rows["good"]["borda_points"] == rows["fair"]["borda_points"] == 2.0
    )  # two subsets each of four, one point a win


def test_groups_of_a_benchmark(board: Board) -> None:
    for entry, task in enumerate(("A1", "A2")):
        board.insert(
            "benchmark_groups", benchmark=BENCHMARK, dimension="D", label="A", position=0, entry=entry, task=task
        )
    derive(board.connection)
    rows = dict(board.connection.execute("SELECT model, mean FROM group_means WHERE label = 'A'").fetchall())
    assert rows["good"] == pytest.approx(0.85)
    assert rows["half"] is None


def test_as_of_an_earlier_import(board: Board, tmp_path: Path) -> None:
    derive(board.connection)
    board.connection.execute("UPDATE results SET gone_in = 2 WHERE model = 'good' AND task = 'A1'")
    board.result("good", "A1", 0.0, added_in=2)
    cursor = board.connection.cursor()
    derive_as_of(cursor, 1)
    then = cursor.execute("SELECT mean_task FROM leaderboard WHERE model = 'good'").fetchone()
    derive(board.connection)
    now = board.connection.execute("SELECT mean_task FROM leaderboard WHERE model = 'good'").fetchone()
    assert then == (pytest.approx(0.8),)
    assert now == (pytest.approx(0.5),)


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("abcdef0" * 5, "abcdef0", True),
        ("x_is_a_combined_dataset", "x is a combined dataset", True),
        ("1" * 40, "2" * 40, False),
        ("None", "1" * 40, None),
        (None, "1" * 40, None),
        ("1.0", "1", False),
    ],
)
def test_when_two_dataset_revisions_are_the_same(board: Board, a: str | None, b: str | None, same: bool | None) -> None:
    assert board.connection.execute("SELECT same_dataset(?, ?)", [a, b]).fetchone() == (same,)


def test_the_contract_for_others(board: Board, tmp_path: Path) -> None:
    def columns(view: str) -> list[str]:
        return [c[0] for c in board.connection.execute(f"FROM {view} LIMIT 0").description or ()]

    assert columns("leaderboard") == [
        "benchmark", "model", "rank", "mean_task", "mean_task_type", "tasks_present", "tasks_total",
    ]  # fmt: skip
    assert columns("task_scores") == [
        "model", "revision", "origin", "task", "split", "subset", "main_score", "mteb_version", "dataset_revision",
    ]  # fmt: skip

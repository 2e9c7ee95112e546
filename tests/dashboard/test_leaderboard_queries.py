"""The leaderboard's questions against the store's own views."""

from __future__ import annotations

import pandas as pd
import pytest

from dashboard.queries import leaderboard as asked
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.queries.training import training
from data.store.database import open_reader

ALL = "Tiny(all)"


@pytest.fixture
def cursor(made_store):
    return open_reader(made_store).cursor()


def table(cursor, among: Filter) -> pd.DataFrame:
    return asked.table(cursor, ALL, asked.selected(cursor, ALL, among))


def models(frame: pd.DataFrame) -> set[str]:
    return set(frame["model"])


def test_without_filters_it_is_the_leaderboard_view(cursor):
    board = table(cursor, Filter())
    view = cursor.execute("SELECT * FROM leaderboard WHERE benchmark = ? ORDER BY rank, model", [ALL]).df()
    mine = board.sort_values(["rank", "model"])[view.columns.drop("benchmark")].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, view.drop(columns="benchmark"))


@pytest.mark.parametrize(
    ("among", "where"),
    [
        (Filter(size_from=5e7, size_to=1e9), "n_parameters BETWEEN 5e7 AND 1e9"),
        (Filter(dimensions_to=400), "dimensions <= 400"),
        (Filter(tokens_from=8192), "max_tokens >= 8192"),
        (Filter(licences=("allowed",)), "licence IN ('mit', 'apache-2.0')"),
        (Filter(licences=("unknown",)), "licence IS NULL"),
        (Filter(licences=("noncommercial", "conditions")), "false"),
        (Filter(open_weights=False), "NOT open_weights"),
        (Filter(instructions=True), "use_instructions"),
        (Filter(licences=("'); DROP TABLE models; --",)), "false"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_filter_of_models_keeps_exactly_those(cursor, among, where):
    wanted = {m for (m,) in cursor.execute(f"SELECT model FROM models WHERE {where}").fetchall()}
    board = table(cursor, among)
    assert models(board) == wanted
    if wanted:
        again = cursor.execute("SELECT model, rank FROM ranking(?, ?, NULL, false)", [ALL, list(wanted)]).fetchall()
        assert dict(zip(board["model"], board["rank"], strict=True)) == dict(again)


@pytest.mark.parametrize("among", [Filter(), Filter(types=("STS",)), Filter(size_from=5e7), Filter(whole=True)])
def test_how_many_lack_tasks_is_as_the_table_says(cursor, among):
    board = table(cursor, among)
    counted = asked.lacking(cursor, ALL, asked.selected(cursor, ALL, among))
    assert counted == ((board["tasks_missing"] > 0).sum(), len(board))


def test_filters_of_tasks_choose_tasks(cursor):
    assert table(cursor, Filter(languages=("deu",)))["tasks_scored"].unique().tolist() == [2]
    assert table(cursor, Filter(domains=("Web",)))["tasks_scored"].unique().tolist() == [2]
    assert table(cursor, Filter(types=("STS",)))["tasks_scored"].unique().tolist() == [1]
    assert table(cursor, Filter(without=("TinySTS",)))["tasks_scored"].unique().tolist() == [3]
    assert list(asked.type_means(cursor, ALL, Selection(tasks=("TinySTS", "TinyCluster"))).columns) == [
        "Clustering",
        "STS",
    ]


def test_complete_models_only(cursor):
    assert "org/model-05" in models(table(cursor, Filter()))
    assert "org/model-05" not in models(table(cursor, Filter(complete=True)))
    assert "org/model-05" in models(table(cursor, Filter(complete=True, without=("TinyCluster",))))


def test_trusted_leaves_out_the_three_kinds(cursor):
    board = table(cursor, Filter(trusted=True)).set_index("model")
    three = board.loc[["org/model-01", "org/model-02", "org/model-03"]]
    assert three["tasks_missing"].tolist() == [1, 1, 1] and three["rank"].isna().all()
    assert board["rank"].notna().sum() == len(board) - 4, "what was left out, or is missing, is no loss: it is no rank"
    assert board[["reported", "other_dataset", "other_revision"]].to_numpy().sum() == 0


def test_evidence_counts(cursor):
    board = table(cursor, Filter()).set_index("model")
    columns = ["reported", "other_dataset", "other_revision"]
    assert board.loc["org/model-01", columns].tolist() == [1, 0, 0]
    assert board.loc["org/model-02", columns].tolist() == [0, 0, 1]
    assert board.loc["org/model-03", columns].tolist() == [0, 1, 0]
    assert board.loc["org/model-00", columns].tolist() == [0, 0, 0]


def test_zero_shot_is_the_share_of_tasks_not_trained_on(cursor):
    percent = training(cursor, ALL)["zero_shot"]
    assert percent["org/model-00"] == 75 and percent["org/model-03"] == 100
    assert pd.isna(percent["org/model-04"]), "nobody said what it was trained on"
    assert training(cursor, ALL, ("TinySTS",))["zero_shot"]["org/model-00"] == 0
    three = training(cursor, ALL, ("TinySTS", "TinyClass", "TinyRetrieval")).loc["org/model-00"]
    assert three.tolist() == [3, 1, 66], "cut, not rounded"
    kept = models(table(cursor, Filter(zero_shot=100)))
    assert not kept & {"org/model-00", "org/model-04"} and "org/model-03" in kept


def test_sources_name_every_task_and_where_its_score_is_from(cursor):
    sources = asked.score_sources(cursor, ALL, "org/model-05").set_index("task")
    assert len(sources) == 4 and pd.isna(sources.loc["TinyCluster", "file"])
    assert sources.loc["TinySTS", "score"] == pytest.approx(0.85)
    card = asked.score_sources(cursor, ALL, "org/model-01").set_index("task").loc["TinySTS"]
    assert (card["origin"], card["revision"], card["reported"]) == ("reported", "external", True)


def test_unfinished_tasks_are_named(cursor):
    assert asked.unfinished(cursor, ALL) == []

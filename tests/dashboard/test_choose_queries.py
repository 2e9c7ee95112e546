"""Every number of the pages that help to choose, against a direct query of the store or arithmetic on one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from dashboard.queries import changes, compare, profile, task, use
from dashboard.queries.intervals import intervals
from data.rules.ranking import borda
from data.store.database import StoreReader, open_reader, version_of
from data.store.errors import InputError, StoreDamagedError
from tests.dashboard.choose_store import BENCHMARK, CHANGED, HOSTILE, LATE, MODELS, TASKS, choose_store
from tests.data.pairs import paired_difference

A, B, LACKS, PARTIAL = "org/model-00", "org/model-02", "org/model-05", "org/model-06"

# Without any view or macro of the store: what stands now, a mean over a task's cells, blank unless all are there.
DIRECT = """
SELECT r.model, r.task, CASE WHEN count(*) = (
    SELECT count(*) FROM task_cells c WHERE c.task = r.task) THEN sum(s.main_score) / count(*) END AS score
FROM results r, scores s WHERE r.result_id = s.result_id AND r.gone_in IS NULL GROUP BY r.model, r.task
"""


@pytest.fixture(scope="module")
def path(made_choice: Path) -> Path:
    return made_choice


@pytest.fixture(scope="module")
def reader(path: Path) -> Iterator[StoreReader]:
    opened = open_reader(path)
    yield opened
    opened.close()


@pytest.fixture
def cursor(reader: StoreReader) -> duckdb.DuckDBPyConnection:
    return reader.cursor()


@pytest.fixture
def direct(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Models down, tasks across."""
    return cursor.execute(DIRECT).df().pivot(index="model", columns="task", values="score")


# Compare


@pytest.mark.parametrize("benchmark", [BENCHMARK, compare.ANY_TASKS])
def test_compared_scores_are_the_stores_and_gaps_stay_gaps(cursor, direct, benchmark):
    models = (A, B, LACKS, PARTIAL)
    tasks = tuple(TASKS) if benchmark == compare.ANY_TASKS else ()
    frame = compare.compared(cursor, benchmark, models, tasks)
    assert len(frame) == len(models) * len(TASKS)
    for row in frame.itertuples():
        assert row.score == pytest.approx(direct.loc[row.model, row.task], abs=1e-12, nan_ok=True)
    gaps = set(frame[frame["score"].isna()][["model", "task"]].itertuples(index=False, name=None))
    assert gaps == {(LACKS, "Similar3"), (LACKS, "Sort1"), (PARTIAL, "Sort0")}
    assert set(frame[~frame["shared"]]["task"]) == {"Similar3", "Sort1", "Sort0"}
    assert len(compare.shared_wide(frame, models)) == len(TASKS) - 3


def test_strict_leaves_out_other_dataset_revisions(cursor):
    frame = compare.compared(cursor, BENCHMARK, (A, B), (), True)
    assert set(frame[frame["score"].isna()]["task"]) == {"Sort1"}


def test_head_to_head_counts_and_signs(cursor, direct):
    found = compare.head_to_head(cursor, BENCHMARK, (A, B, LACKS), A).set_index("model")
    shared = direct.loc[[A, B, LACKS]].dropna(axis=1)
    assert list(found.index) == [B, LACKS] and (found["tasks"] == len(shared.columns)).all()
    difference = shared.loc[B] - shared.loc[A]
    floors = pd.Series({t: 0.3 if t == "Search0" else 0.035 if TASKS[t] == "STS" else 0.0 for t in shared.columns})
    assert found.loc[B, "mean"] == pytest.approx(shared.loc[B].mean())
    assert found.loc[B, "difference"] == pytest.approx(difference.mean())
    assert found.loc[B, "wins"] == (difference > floors).sum()
    assert found.loc[B, "losses"] == (difference < -floors).sum()
    assert found.loc[B, "ties"] == (difference.abs() <= floors).sum() > 0
    expected = paired_difference(*(shared.loc[m, sorted(shared.columns)].to_numpy() for m in (B, A)))
    assert found.loc[B, "low"] < difference.mean() < found.loc[B, "high"]
    assert found.loc[B, "high"] - found.loc[B, "low"] == pytest.approx(expected.high - expected.low, rel=0.1)
    back = compare.head_to_head(cursor, BENCHMARK, (A, B, LACKS), B).set_index("model")
    assert back.loc[A, "difference"] == pytest.approx(-found.loc[B, "difference"])
    assert back.loc[A, "wins"] == found.loc[B, "losses"]


def test_without_floors_nothing_is_called_a_tie(tmp_path):
    opened = open_reader(choose_store(tmp_path / "bare.duckdb", floors=False))
    frame = compare.compared(opened.cursor(), BENCHMARK, (A, B))
    assert frame["floor"].isna().all()
    assert compare.head_to_head(opened.cursor(), BENCHMARK, (A, B), A)["ties"].tolist() == [0]
    opened.close()


def test_facts_count_the_tasks_trained_on(cursor):
    found = compare.registry_facts(cursor, (A, MODELS[4], "nobody/knows"), "", ("Search0", "Search2", "Sort2"))
    assert found["trained_on"].fillna(-1).tolist() == [2, -1, -1]
    assert found["zero_shot"].fillna(-1).tolist() == [33, -1, -1]
    whole = compare.registry_facts(cursor, (A,), BENCHMARK)
    assert whole[["trained_on", "judged", "zero_shot"]].to_numpy().tolist() == [[3, 12, 75]]
    assert found["model"].tolist() == [A, MODELS[4], "nobody/knows"]


def test_top_models_are_complete_and_in_order_of_rank(cursor):
    rows = cursor.execute("SELECT model FROM leaderboard WHERE mean_task IS NOT NULL ORDER BY rank").fetchall()
    assert compare.top_models(cursor, BENCHMARK, 3) == [model for (model,) in rows[:3]]


# Rank intervals


def test_intervals_hold_the_ranks_and_means_of_the_leaderboard(cursor):
    found = intervals(cursor, BENCHMARK).models
    board = cursor.execute("SELECT * FROM ranking(?, NULL, NULL, false)", [BENCHMARK]).df().merge(found, on="model")
    assert len(board) == len(MODELS) + 1
    assert ((board["rank_low"] <= board["rank"]) & (board["rank"] <= board["rank_high"])).all()
    whole = board.dropna(subset=["mean_task"])
    assert ((whole["mean_low"] < whole["mean_task"]) & (whole["mean_task"] < whole["mean_high"])).all()
    assert ((whole["type_low"] < whole["mean_task_type"]) & (whole["mean_task_type"] < whole["type_high"])).all()
    assert board[board["mean_task"].isna()]["mean_low"].isna().all()
    assert board[board["rank"] == 1]["against_first"].tolist() == [""]
    assert board[board["rank"] == board["rank"].max()]["against_first"].tolist() == ["behind"]
    lacking = set(board[board["tasks_present"] < board["tasks_scored"]]["model"])
    assert set(board[board["against_first"] == "lacks"]["model"]) == lacking
    assert intervals(cursor, BENCHMARK).models.equals(found)


def test_no_intervals_of_nothing(cursor):
    assert intervals(cursor, "no such benchmark").models.empty
    few = intervals(cursor, BENCHMARK, None, tuple(TASKS)[:5]).models
    assert len(few) and few["rank_low"].isna().all()


def test_borda_in_numpy_is_borda_in_sql(cursor):
    assert _disagreements(cursor) == []


@pytest.mark.soak
def test_borda_in_numpy_is_borda_in_sql_on_the_whole_record(record_store):
    opened = open_reader(record_store)
    assert _disagreements(opened.cursor()) == []
    opened.close()


def _disagreements(cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, str, float, float]]:
    """(benchmark, model, rank here, rank there) for every published model of every benchmark that differs."""
    wrong = []
    compared_models = 0
    for (name,) in cursor.execute("SELECT benchmark FROM benchmarks").fetchall():
        contests = cursor.execute("SELECT * FROM contests(?, NULL, NULL, false) WHERE ranked", [name]).df()
        if contests.empty:
            continue
        matrix = contests.pivot(index="model", columns="contest", values="any_score")
        (pool,) = cursor.execute(
            "SELECT count(DISTINCT model) FROM board_cells(?, NULL, NULL, false) WHERE ranked AND score IS NOT NULL",
            [name],
        ).fetchall()[0]
        mine = dict(zip(matrix.index, borda(matrix.to_numpy(), pool), strict=True))
        rows = cursor.execute(
            "SELECT model, borda_rank FROM ranking(?, NULL, NULL, false) WHERE ranked", [name]
        ).fetchall()
        compared_models += len(rows)
        wrong += [(name, model, mine[model], rank) for model, rank in rows if mine[model] != rank]
    print(f"{compared_models} ranks compared")
    assert compared_models
    return wrong


# Tasks and models


@pytest.mark.parametrize("benchmark", ["", BENCHMARK])
def test_standings_are_the_stores(cursor, direct, benchmark):
    found = task.models_by_score(cursor, "Sort0", benchmark).set_index("model")
    assert set(found.index) == set(direct["Sort0"].dropna().index) | {PARTIAL}
    for model, score in direct["Sort0"].dropna().items():
        assert found.loc[model, "score"] == pytest.approx(score)
        assert found.loc[model, "place"] == (direct["Sort0"] > score).sum() + 1
    assert np.isnan(found.loc[PARTIAL, "score"]) and pd.isna(found.loc[PARTIAL, "place"])
    assert (found.loc[PARTIAL, "cells_present"], found.loc[PARTIAL, "cells_total"]) == (2, 3)


def test_cells_and_metrics_are_the_stores(cursor):
    standings = task.models_by_score(cursor, "Sort0").set_index("model")
    result = int(standings.loc[A, "result_id"])
    cells = task.cells(cursor, (result,))
    rows = cursor.execute(
        "SELECT subset, languages, main_score, metrics[2] FROM scores WHERE result_id = ? ORDER BY subset", [result]
    ).fetchall()
    assert list(cells[["subset", "languages", "main_score"]].itertuples(index=False, name=None)) == [
        r[:3] for r in rows
    ]
    metrics = task.metrics(cursor, result).set_index(["subset", "metric"])["value"]
    for subset, _, score, recall in rows:
        assert metrics[subset, "main"] == score and metrics[subset, "recall_at_100"] == recall
    partial = task.cells(cursor, (int(standings.loc[PARTIAL, "result_id"]),))
    assert list(partial["subset"]) == ["de", "en"]


def test_percentiles_are_of_peers_of_half_to_twice_the_size(cursor, direct):
    peers = profile.peers(cursor, B, BENCHMARK)
    sizes = dict(cursor.execute("SELECT model, n_parameters FROM models").fetchall())
    assert peers == sorted(m for m in direct.index if m != B and sizes[m] and sizes[B] / 2 <= sizes[m] <= sizes[B] * 2)
    found = profile.tasks_against_peers(cursor, B, BENCHMARK).set_index("task")
    assert set(found.index) == set(TASKS)
    for name in TASKS:
        others = direct.loc[peers, name].dropna()
        assert found.loc[name, "score"] == pytest.approx(direct.loc[B, name])
        assert found.loc[name, "percentile"] == pytest.approx(100 * (others < direct.loc[B, name]).mean())
        assert found.loc[name, "median"] == pytest.approx(others.median())
        assert found.loc[name, "peers"] == len(others)


def test_a_model_of_unknown_size_has_all_others_as_peers(cursor):
    assert len(profile.peers(cursor, MODELS[4], BENCHMARK)) == len(MODELS)


def test_languages_are_made_of_their_cells(cursor):
    languages, cells = profile.languages_against_peers(cursor, A, BENCHMARK)
    found = languages.set_index("language")
    german = cells[cells["languages"].str.contains("deu")]
    assert set(german["task"]) == {"Sort0", "Search1"} and len(german) == 2
    assert found.loc["deu", "cells"] == 2 and found.loc["deu", "tasks"] == 2
    assert found.loc["deu", "score"] == pytest.approx(german["score"].mean())
    assert found.loc["deu", "percentile"] == pytest.approx(german["percentile"].mean())
    (score,) = cursor.execute(
        "SELECT main_score FROM results JOIN scores USING (result_id)"
        " WHERE model = ? AND task = 'Sort0' AND subset = 'de' AND gone_in IS NULL",
        [A],
    ).fetchall()[0]
    assert german.set_index("task").loc["Sort0", "score"] == score


# Our use


def test_types_alike_is_mean_task_type(cursor):
    found = use.short_list(cursor, use.Use(BENCHMARK))
    rows = dict(
        cursor.execute("SELECT model, mean_task_type FROM ranking(?, NULL, NULL, false)", [BENCHMARK]).fetchall()
    )
    assert set(found.ranked["model"]) == {model for model, mean in rows.items() if mean is not None}
    for row in found.ranked.itertuples():
        assert row.score == pytest.approx(rows[row.model], abs=1e-12)
    assert dict(found.lacking.itertuples(index=False, name=None)) == {LACKS: 2, PARTIAL: 1, LATE: 1}
    assert found.ranked["place"].is_monotonic_increasing and found.ranked["score"].is_monotonic_decreasing


def test_weights_do_what_they_say(cursor, direct):
    asked = use.Use(
        BENCHMARK, types=(("Retrieval", 3.0), ("STS", 1.0)), domains=(("Legal", 4.0),), tasks=(("Search0", 0.0),)
    )
    found = use.short_list(cursor, asked).ranked.set_index("model")
    search = (4 * direct["Search1"] + direct["Search2"] + direct["Search3"] + direct["Search4"]) / 7
    # Search0 is in the Legal domain (4) and weighted 0 by name
    similar = direct[[f"Similar{i}" for i in range(4)]].mean(axis=1)
    for model in found.index:
        assert found.loc[model, "score"] == pytest.approx(0.75 * search[model] + 0.25 * similar[model])
        assert found.loc[model, "mean Retrieval"] == pytest.approx(search[model])
    assert LACKS not in found.index and PARTIAL in found.index


def test_languages_score_only_their_cells(cursor):
    found = use.short_list(cursor, use.Use(BENCHMARK, languages=(("deu", 2.0), ("fra", 1.0)), coverage=0.0))
    assert set(zip(found.weights["task"], found.weights["language"], strict=True)) == {
        ("Sort0", "deu"), ("Sort0", "fra"), ("Search1", "deu"),
    }  # fmt: skip
    cells = dict(
        cursor.execute(
            "SELECT task || subset, main_score FROM results JOIN scores USING (result_id)"
            " WHERE model = ? AND gone_in IS NULL",
            [A],
        ).fetchall()
    )
    expected = (cells["Search1en-de"] + (2 * cells["Sort0de"] + cells["Sort0fr"]) / 3) / 2
    assert found.ranked.set_index("model").loc[A, "score"] == pytest.approx(expected)
    assert PARTIAL in set(found.lacking["model"])


def test_limits_leave_out_who_does_not_say(cursor):
    limits = use.Limits(
        parameters=400e6, tokens=1000, open_weights=True, licences=("allowed",), dimensions=800, zero_shot=50
    )
    found = use.short_list(cursor, use.Use(BENCHMARK, limits=limits))
    rows = cursor.execute(
        "SELECT model FROM models WHERE n_parameters <= 400e6 AND max_tokens >= 1000 AND open_weights"
        " AND licence IN ('mit', 'apache-2.0') AND dimensions <= 800 AND training_known"
    ).fetchall()
    within = {model for (model,) in rows}
    assert within and set(found.ranked["model"]) | set(found.lacking["model"]) == within
    unknown = cursor.execute("SELECT count(*) FROM models WHERE coalesce(n_parameters > 400e6, true)").fetchall()[0][0]
    assert found.excluded["parameters"] == unknown
    assert found.models == len(MODELS) + 1
    assert found.ranked["zero_shot"].between(50, 100).all()


def test_zero_shot_is_the_share_of_tasks_not_trained_on(cursor):
    found = use.candidates(cursor, BENCHMARK).set_index("model")
    assert found.loc[A, "zero_shot"] == pytest.approx(75) and np.isnan(found.loc[MODELS[4], "zero_shot"])


def test_index_size_and_cost(cursor):
    ranked = use.short_list(cursor, use.Use(BENCHMARK)).ranked
    found = use.with_index(ranked, documents=2e6, precision="int8", cut=300, price=0.5)
    sizes = dict(cursor.execute("SELECT model, dimensions FROM models").fetchall())
    for row in found.itertuples():
        offers_256 = int(MODELS.index(row.model)) % 2
        kept = 256 if offers_256 else sizes[row.model]
        assert row.index_dimensions == kept and row.index_bytes == 2e6 * kept
        assert row.cost == pytest.approx(2e6 * kept / 1e9 * 0.5)


def test_a_rare_task_is_ignored_unless_named(cursor):
    found = use.short_list(cursor, use.Use(BENCHMARK, coverage=0.95))
    assert set(found.rare) == {"Similar3", "Sort1", "Sort0", "Sort2"} and LACKS in set(found.ranked["model"])
    named = use.short_list(cursor, use.Use(BENCHMARK, coverage=0.95, tasks=(("Sort2", 2.0),)))
    assert "Sort2" not in named.rare and LATE in set(named.lacking["model"])


def test_nothing_left_is_said(cursor):
    with pytest.raises(InputError, match="Nothing is left to weigh"):
        use.short_list(cursor, use.Use(BENCHMARK, types=(("BitextMining", 1.0),)))
    with pytest.raises(InputError, match="No task"):
        use.short_list(cursor, use.Use(BENCHMARK, languages=(("xxx", 1.0),)))
    assert use.short_list(cursor, use.Use(BENCHMARK, limits=use.Limits(parameters=1.0))).ranked.empty


# What changed


def test_two_imports(cursor):
    found = changes.changed_scores(cursor, before=1, after=2)
    changed = found[found["cells_changed"] > 0]
    (row,) = changed.to_dict("records")
    assert (row["model"], row["task"], row["after"]) == CHANGED
    (before,) = cursor.execute(
        "SELECT main_score FROM results JOIN scores USING (result_id) WHERE model = ? AND task = ? AND gone_in = 2",
        list(CHANGED[:2]),
    ).fetchall()[0]
    assert row["before"] == before and row["difference"] == pytest.approx(CHANGED[2] - before)
    new = found[found["cells_new"] > 0]
    assert set(new["model"]) == {LATE} and new["cells_new"].sum() == 13
    assert found["cells_gone"].sum() == 0
    assert set(changes.models_before(cursor, before=1)) == set(MODELS)


def test_no_import_is_dated_before_one_the_store_had_already():
    """The bundle brings a run of its own, which began before the bundle was read into this store."""
    store = duckdb.connect()
    store.execute("CREATE TABLE imports (import_id INTEGER, kind VARCHAR, started_at TIMESTAMP)")
    store.execute(
        "INSERT INTO imports VALUES (1, 'bundle', '2026-11-27'), (2, 'run', '2026-11-21'), (3, 'run', '2026-12-01')"
    )
    found = changes.imports(store)
    assert found["import_id"].tolist() == [3, 2, 1]
    assert found["started_at"].dt.strftime("%m-%d").tolist() == ["12-01", "11-27", "11-27"]


def test_moves_are_the_differences_of_two_rankings(cursor):
    found = changes.moves(cursor, BENCHMARK, before=1, after=2).set_index("model")
    now = dict(cursor.execute("SELECT model, rank FROM leaderboard WHERE benchmark = ?", [BENCHMARK]).fetchall())
    assert found["rank_after"].to_dict() == now
    rows = cursor.execute(
        "SELECT r.model, r.task, avg(s.main_score) AS score FROM results r JOIN scores s USING (result_id)"
        " WHERE r.added_in = 1 GROUP BY ALL"
    ).df()
    then = rows.pivot(index="model", columns="task", values="score")
    expected = dict(zip(then.index, borda(then.to_numpy()), strict=True))
    assert found["rank_before"].dropna().to_dict() == expected
    assert np.isnan(found.loc[LATE, "rank_before"]) and np.isnan(found.loc[LATE, "move"])
    moved = found.dropna(subset=["move"])
    assert (moved["move"] == moved["rank_before"] - moved["rank_after"]).all() and (moved["move"] < 0).any()
    still = dict(cursor.execute("SELECT model, rank FROM leaderboard WHERE benchmark = ?", [BENCHMARK]).fetchall())
    assert still == now, "asking for the past changed the present"


def test_another_store(cursor, path, tmp_path):
    other = tmp_path / "older's.duckdb"
    shutil.copyfile(path, other)
    with duckdb.connect(str(other)) as connection:
        connection.execute("DELETE FROM results WHERE model = ?", [HOSTILE])
        connection.execute(
            "UPDATE scores SET main_score = 0.5 FROM results r"
            " WHERE r.result_id = scores.result_id AND r.model = ? AND r.task = 'Sort2'",
            [B],
        )
    asked = {"other": str(other), "version": tuple(version_of(other))}
    found = changes.changed_scores(cursor, **asked)
    assert set(found[found["cells_new"] > 0]["model"]) == {HOSTILE}
    (row,) = found[found["cells_changed"] > 0].to_dict("records")
    assert (row["model"], row["task"], row["before"]) == (B, "Sort2", 0.5)
    assert HOSTILE not in changes.models_before(cursor, **asked)
    assert changes.other_stores(other) == []
    moves = changes.moves(cursor, BENCHMARK, **asked)
    assert len(moves) == len(MODELS) + 1


def test_a_file_that_is_no_store_is_said(cursor, tmp_path):
    other = tmp_path / "not.duckdb"
    other.write_bytes(b"not a store")
    with pytest.raises(StoreDamagedError):
        changes.changed_scores(cursor, other=str(other), version=1)

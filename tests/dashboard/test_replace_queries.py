"""Replacing a model: the same numbers as Compare, overlap of training by another route, gaps with their reasons."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from dashboard.queries import compare, replace, use
from dashboard.queries.replace import Doubt, Lack
from dashboard.queries.training import overlap, scored_tasks, training
from dashboard.tables import replace as replace_tables
from data.store.database import StoreReader, open_reader, writing
from data.store.derive import derive
from tests.dashboard import choose_store, gaps_store
from tests.serving import ROOT

A, LACKS, PARTIAL = "org/model-00", "org/model-05", "org/model-06"
LARGE = "openai/text-embedding-3-large"
MULTILINGUAL = "MTEB(Multilingual, v2)"


@pytest.fixture(scope="module")
def choose(made_choice: Path) -> Iterator[StoreReader]:
    reader = open_reader(made_choice)
    yield reader
    reader.close()


@pytest.fixture(scope="module")
def gaps(made_gaps: Path) -> Iterator[StoreReader]:
    reader = open_reader(made_gaps)
    yield reader
    reader.close()


def agrees_with_compare(
    cursor: duckdb.DuckDBPyConnection, incumbent: str, benchmark: str, strict: bool, most: int | None = None
) -> int:
    """How many candidates were compared in pairs, as Compare does, and had the same figures."""
    frame = replace.rivals(cursor, incumbent, benchmark, strict)
    for row in frame.head(most or len(frame)).to_dict("records"):
        pair = (incumbent, row["model"])
        told = compare.head_to_head(cursor, benchmark, pair, incumbent, (), strict).iloc[0]
        for name in ("tasks", "wins", "losses", "ties", "standing"):
            assert told[name] == row[name], (row["model"], name)
        for name in ("mean", "difference", "low", "high"):
            assert told[name] == pytest.approx(row[name], abs=1e-12, nan_ok=True), (row["model"], name)
    return len(frame)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("incumbent", [A, LACKS, PARTIAL])
def test_every_pair_has_compares_numbers(choose: StoreReader, incumbent: str, strict: bool) -> None:
    assert agrees_with_compare(choose.cursor(), incumbent, choose_store.BENCHMARK, strict) == 13


@pytest.mark.parametrize("benchmark", [gaps_store.BENCHMARK, gaps_store.BY_TYPE])
@pytest.mark.parametrize("strict", [False, True])
def test_also_where_types_weigh_alike_and_figures_are_left_out(gaps: StoreReader, benchmark: str, strict: bool) -> None:
    for incumbent in gaps_store.MODELS[:3]:
        assert agrees_with_compare(gaps.cursor(), incumbent, benchmark, strict) == len(gaps_store.MODELS) - 1


def test_types_weigh_alike_where_everybody_shares_the_same_tasks(made_gaps: Path, tmp_path: Path) -> None:
    path, (incumbent, other, *rest) = Path(shutil.copy(made_gaps, tmp_path)), gaps_store.MODELS
    with writing(path) as connection:
        gone = "SELECT result_id FROM results WHERE list_contains(?, model)"
        connection.execute(f"DELETE FROM scores WHERE result_id IN ({gone})", [rest])
        connection.execute("DELETE FROM results WHERE list_contains(?, model)", [rest])
        derive(connection)
    reader = open_reader(path)
    assert list(replace.rivals(reader.cursor(), incumbent, gaps_store.BY_TYPE)["model"]) == [other]
    assert agrees_with_compare(reader.cursor(), incumbent, gaps_store.BY_TYPE, False) == 1
    reader.close()


def test_wins_and_losses_are_beyond_the_noise(choose: StoreReader) -> None:
    cursor = choose.cursor()
    row = replace.rivals(cursor, LACKS, choose_store.BENCHMARK).set_index("model").loc[A]
    tasks = replace.by_task(cursor, LACKS, A, choose_store.BENCHMARK)
    shared = tasks[tasks["shared"]]
    noise = shared["floor"].fillna(0)
    assert (
        row["wins"] == (shared["difference"] > noise).sum() and row["losses"] == (shared["difference"] < -noise).sum()
    )
    assert row["wins"] + row["losses"] + row["ties"] == row["tasks"] == 10
    types = shared.groupby("type")["difference"].mean()
    assert row["worst"] == pytest.approx(types.min()) and row["worst_type"] == types.idxmin()


def test_overlap_is_counted_task_by_task(choose: StoreReader) -> None:
    cursor = choose.cursor()
    frame = replace.rivals(cursor, LACKS, choose_store.BENCHMARK).set_index("model")
    assert frame.loc[A, "trained"] == 3 and frame.loc["org/model-01", "trained"] == 0
    assert np.isnan(frame.loc["org/model-04", "trained"]) and np.isnan(frame.loc["org/model-04", "unseen"])
    tasks = replace.by_task(cursor, LACKS, A, choose_store.BENCHMARK)
    assert set(tasks.loc[tasks["new_trained"] == 1, "task"]) == {"Search0", "Search1", "Sort2"}
    assert (tasks["old_trained"] == 0).all()
    unseen = tasks[tasks["shared"] & (tasks["new_trained"] == 0)]
    assert frame.loc[A, "unseen_tasks"] == len(unseen) == 7
    assert frame.loc[A, "unseen"] == pytest.approx(unseen["difference"].mean())
    back = replace.by_task(cursor, A, LACKS, choose_store.BENCHMARK)
    assert set(back.loc[back["old_trained"] == 1, "task"]) == {"Search0", "Search1", "Sort2"}


def test_overlap_agrees_with_the_count_every_page_has(choose: StoreReader) -> None:
    cursor = choose.cursor()
    tasks = scored_tasks(cursor, choose_store.BENCHMARK)
    marks = overlap(cursor, choose_store.MODELS, tasks)
    counts = training(cursor, choose_store.BENCHMARK)["trained_on"].reindex(choose_store.MODELS)
    assert marks.sum(axis=1, min_count=1).tolist() == pytest.approx(counts.astype(float).tolist(), nan_ok=True)
    assert overlap(cursor, ["nobody/knows"], tasks).isna().all(axis=None)


def test_why_a_task_is_not_compared(choose: StoreReader) -> None:
    cursor = choose.cursor()
    tasks = replace.by_task(cursor, LACKS, choose_store.LATE, choose_store.BENCHMARK).set_index("task")
    assert tasks["lack"].replace("", None).dropna().to_dict() == {
        "Similar3": Lack.INCUMBENT, "Sort1": Lack.INCUMBENT, "Sort2": Lack.CANDIDATE,
    }  # fmt: skip
    partly = replace.by_task(cursor, A, PARTIAL, choose_store.BENCHMARK).set_index("task")
    assert partly.loc["Sort0", "lack"] == Lack.PARTLY and not partly.loc["Sort0", "shared"]
    strict = replace.by_task(cursor, A, "org/model-01", choose_store.BENCHMARK, True).set_index("task")
    assert strict.loc["Sort1", "lack"] == Lack.DATA and strict["shared"].sum() == 11
    shown = replace_tables.not_compared_table(strict.reset_index()).shown
    assert shown.to_dict("records") == [
        {"Task": "Sort1", "Type": "Classification", "Why": "not on today's data, left out"}
    ]


def test_a_task_both_lack_and_a_card_left_out(made_choice: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(made_choice, tmp_path))
    with writing(path) as connection:
        connection.execute("UPDATE results SET origin = 'reported' WHERE model = 'org/model-01' AND task = 'Search2'")
        connection.execute("UPDATE results SET metric = 'ap' WHERE model = 'org/model-01' AND task = 'Search3'")
        connection.execute("UPDATE results SET gone_in = 2 WHERE model = 'org/model-01' AND task = 'Sort1'")
        derive(connection)
    reader = open_reader(path)
    cursor = reader.cursor()
    loose = replace.by_task(cursor, LACKS, "org/model-01", choose_store.BENCHMARK).set_index("task")
    assert loose.loc["Sort1", "lack"] == Lack.BOTH
    assert loose.loc["Search2", "doubts"] == [Doubt.CARD] and loose.loc["Search3", "doubts"] == [Doubt.METRIC]
    strict = replace.by_task(cursor, LACKS, "org/model-01", choose_store.BENCHMARK, True).set_index("task")
    assert strict.loc["Search2", "lack"] == Lack.CARD and strict.loc["Search2", "doubts"] == []
    reader.close()


def test_two_data_revisions_are_a_doubt(gaps: StoreReader) -> None:
    cursor = gaps.cursor()
    new, old = (
        cursor.execute(f"SELECT task, dataset_revision FROM results WHERE model = '{model}' AND gone_in IS NULL").df()
        for model in ("org/close-1", gaps_store.BETTER)
    )
    both = new.merge(old, on="task")
    differ = set(both.loc[both["dataset_revision_x"] != both["dataset_revision_y"], "task"])
    tasks = replace.by_task(cursor, "org/close-1", gaps_store.BETTER, gaps_store.BENCHMARK)
    doubted = tasks[tasks["doubts"].map(lambda doubts: Doubt.DATA in doubts)]
    assert differ and set(doubted["task"]) == differ & set(tasks.loc[tasks["shared"], "task"])


def test_languages_are_of_the_cells_both_have(choose: StoreReader) -> None:
    cursor = choose.cursor()
    languages = replace.by_language(cursor, A, "org/model-01", choose_store.BENCHMARK).set_index("language")
    cells = cursor.execute(
        "SELECT r.model, r.task, s.subset, s.languages, s.main_score FROM results r JOIN scores s USING (result_id)"
        " WHERE r.gone_in IS NULL AND r.model IN (?, 'org/model-01')", [A]
    ).df()  # fmt: skip
    wide = cells.pivot(index=["task", "subset", "languages"], columns="model", values="main_score").reset_index()
    change = wide["org/model-01"] - wide[A]
    for language in ("eng", "deu", "fra"):
        mine = wide["languages"].str.contains(language)
        assert languages.loc[language, "difference"] == pytest.approx(change[mine].mean())
        assert languages.loc[language, ["tasks", "cells"]].tolist() == [wide.loc[mine, "task"].nunique(), mine.sum()]
    # A cell a model lacks whole tasks for counts nowhere.
    partly = replace.by_language(cursor, A, PARTIAL, choose_store.BENCHMARK).set_index("language")
    assert "fra" not in partly.index and partly.loc["deu", "tasks"] == 1


def test_boards_begin_with_the_one_the_model_has_most_tasks_of(gaps: StoreReader, choose: StoreReader) -> None:
    assert replace.boards_of(choose.cursor(), A) == [choose_store.BENCHMARK]
    assert replace.boards_of(choose.cursor(), "nobody/knows") == []
    assert set(replace.boards_of(gaps.cursor(), gaps_store.BETTER)) == {gaps_store.BENCHMARK, gaps_store.BY_TYPE}
    assert replace.has_tasks(choose.cursor(), LACKS, choose_store.BENCHMARK) == (10, 12)


def test_a_model_without_a_score_is_offered_and_compared_with_nobody(choose: StoreReader) -> None:
    cursor = choose.cursor()
    frame = replace.rivals(cursor, "nobody/knows", choose_store.BENCHMARK)
    assert (frame["tasks"] == 0).all() and len(frame) == 14
    assert replace.has_tasks(cursor, "nobody/knows", choose_store.BENCHMARK) == (0, 12)


def test_who_is_named_first() -> None:
    frame = pd.DataFrame(
        [
            ("closed/best", "ahead", 0.09, None, False, None, 0.1),
            ("open/big", "ahead", 0.08, "apache-2.0", True, 7e9, np.nan),
            ("open/small", "tied", 0.01, "mit", True, 3e8, np.nan),
            ("worse/small", "behind", -0.1, "mit", True, 1e8, 0.01),
            ("few/free", "few", 0.5, "mit", True, 1e8, 0.01),
        ],
        columns=["model", "standing", "difference", "licence", "open_weights", "n_parameters", "usd"],
    )
    chosen = {pick.row["model"]: pick.best_of for pick in replace_tables.picks(frame)}
    assert chosen == {"closed/best": ("all", "priced"), "open/big": ("commercial",), "open/small": ("small",)}
    assert replace_tables.picks(frame[frame["standing"] == "behind"]) == []


# The bundled record


def test_the_record_has_candidates_for_text_embedding_3_large(record_reader: StoreReader) -> None:
    cursor = record_reader.cursor()
    assert replace.boards_of(cursor, LARGE)[0] == MULTILINGUAL
    has, total = replace.has_tasks(cursor, LARGE, MULTILINGUAL)
    assert has < total, "an API model with missing tasks"
    frame = replace.rivals(cursor, LARGE, MULTILINGUAL)
    able = replace_tables.holding(frame[frame["tasks"] >= has / 2])
    assert able["standing"].head(5).eq("ahead").all() and "Qwen/Qwen3-Embedding-8B" in set(able["model"].head(5))
    assert frame.set_index("model").loc["sentence-transformers/all-MiniLM-L6-v2", "standing"] == "behind"
    sample = frame.sort_values("difference", ascending=False)["model"].head(8)
    for model in sample:
        told = compare.head_to_head(cursor, MULTILINGUAL, (LARGE, model), LARGE).iloc[0]
        row = frame.set_index("model").loc[model]
        assert told["difference"] == pytest.approx(row["difference"], abs=1e-12) and told["tasks"] == row["tasks"]


def test_overlap_on_the_record_is_that_of_its_files(record_reader: StoreReader) -> None:
    """Marks of tasks against the registry's own parquet files, without the store."""
    cursor = record_reader.cursor()
    files = ROOT / "data" / "record"
    known = pd.read_parquet(files / "models.parquet", columns=["model", "training_known"]).set_index("model")
    seen = pd.read_parquet(files / "model_training.parquet")
    pairs = set(zip(seen["model"], seen["task"], strict=True))
    models = ["BAAI/bge-m3", "intfloat/multilingual-e5-large", "microsoft/harrier-oss-v1-27b", LARGE]
    for candidate in models[:3]:
        tasks = replace.by_task(cursor, LARGE, candidate, MULTILINGUAL)
        assert tasks["old_trained"].isna().all() and not known.loc[LARGE, "training_known"]
        assert known.loc[candidate, "training_known"]
        expected = [float((candidate, task) in pairs) for task in tasks["task"]]
        assert tasks["new_trained"].tolist() == expected and sum(expected) > 0
        row = replace.rivals(cursor, LARGE, MULTILINGUAL).set_index("model").loc[candidate]
        assert row["trained"] == (tasks["shared"] & (tasks["new_trained"] == 1)).sum()


def test_the_runs_of_the_record_tell_a_speed(record_reader: StoreReader) -> None:
    speeds = replace.speeds(record_reader.cursor())
    assert list(speeds.index) == ["sentence-transformers/all-MiniLM-L6-v2"]
    texts, seconds = record_reader.cursor().execute(
        "SELECT sum(texts), sum(seconds) FROM run_tasks WHERE texts > 0"
    ).fetchall()[0]  # fmt: skip
    assert texts / seconds < speeds["speed"].iloc[0] < 256 * texts / seconds, "a text is one to 256 tokens"


def test_limits_are_those_of_our_use(choose: StoreReader) -> None:
    frame = replace.rivals(choose.cursor(), A, choose_store.BENCHMARK)
    for limits in (use.Limits(parameters=2e8), use.Limits(licences=("allowed",)), use.Limits(open_weights=True)):
        found = use.short_list(choose.cursor(), use.Use(choose_store.BENCHMARK, limits=limits, coverage=0.0))
        listed = set(found.ranked["model"]) | set(found.lacking["model"])
        _, within = use.within_limits(frame, limits)
        assert set(frame.loc[within, "model"]) == listed - {A}

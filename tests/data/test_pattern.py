"""What the store knows of the tasks behind some deltas, asked for as the command line and the page ask for it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from data.rules.deltas import deltas
from data.rules.suggestions import suggest
from data.rules.task_deltas import cells_of, source_of, task_deltas
from data.store.database import open_reader, writing
from data.store.derive import derive_compared
from evaluators.diagnose.from_store import read_deltas

FOLDER = "/models/of ours"
METRICS = ["cosine_spearman", "euclidean_spearman", "not_stored_there"]
LENGTHS = {"test": {"text1_statistics": {"average_text_length": 20.5}, "text2_statistics": {"average_text_length": 31}}}
DOCUMENTS = {
    "test": {
        "queries_text_statistics": {"average_text_length": 90.35},
        "documents_text_statistics": {"average_text_length": 1499.41},
    },
    "train": {"documents_text_statistics": {"average_text_length": 9000}},
}


@pytest.fixture(scope="module")
def cursor(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """A public model and a folder, two runs each, on pairs in Japanese and on documents in English."""
    path: Path = tmp_path_factory.mktemp("pattern") / "store.duckdb"
    tasks = [("Pairs", "STS", LENGTHS), ("Documents", "Retrieval", DOCUMENTS)]
    runs = [("org/model", "r-1"), ("org/model", "r-2"), ("local/of ours", "r-3"), ("local/of ours", "r-4")]
    # The later run of each loses its normalisation: distances move, cosines do not.
    values = {"r-1": [0.8, 0.8, 0.1], "r-2": [0.8, 0.7, 0.1], "r-3": [0.8, 0.8, 0.1], "r-4": [0.8, 0.7, 0.1]}
    with writing(path, fresh=True) as connection:
        for task, kind, statistics in tasks:
            connection.execute(
                "INSERT INTO tasks (task, registered, private, type, metric, is_aggregate, statistics)"
                " VALUES (?, true, false, ?, 'main', false, ?)",
                [task, kind, json.dumps(statistics)],
            )
        connection.execute("INSERT INTO metric_sets VALUES (1, ?), (2, ?)", [METRICS, METRICS[:2]])
        for i, (model, run) in enumerate(runs):
            asked = {"asked": {"model": FOLDER if model.startswith("local/") else model}}
            connection.execute(
                "INSERT INTO runs VALUES (?, 'reproduce', ?, NULL, false, '', ?, '{}', '[]', '[]', '2026-01-01', NULL,"
                " 'done')",
                [run, model, json.dumps(asked)],
            )
            for j, (task, _, _) in enumerate(tasks):
                connection.execute(
                    "INSERT INTO results (result_id, model, revision, experiment, origin, task, file, withdrawn,"
                    " added_in, run_id, dataset_revision, date) VALUES (?, ?, 'x', '', 'reproduced', ?, '', false, 1,"
                    " ?, 'd', ?)",
                    [2 * i + j, model, task, run, pd.Timestamp("2026-01-01") + pd.Timedelta(days=i)],
                )
                language, kept = ("jpn-Jpan", 3 - i % 2) if task == "Pairs" else ("eng-Latn", 0)
                connection.execute(
                    "INSERT INTO scores VALUES (?, 'test', 'default', ?, ?, ?, ?)",
                    [2 * i + j, language, 0.5 - 0.1 * (i % 2), {3: 1, 2: 2}.get(kept),
                     values[run][:kept] if kept else None],
                )  # fmt: skip
        derive_compared(connection)
    reader = open_reader(path)
    return reader.cursor()


def test_lengths_languages_and_metrics_come_from_the_store(cursor: duckdb.DuckDBPyConnection) -> None:
    frame = deltas(cursor, "runs", model="org/model")
    documents, pairs = task_deltas(cursor, cells_of(frame))
    assert (pairs.task, pairs.task_type, pairs.characters) == ("Pairs", "STS", 31)
    assert pairs.languages == ("jpn-Jpan",) and pairs.scripts == {"Jpan"}
    assert pairs.metrics == pytest.approx({"cosine_spearman": 0.0, "euclidean_spearman": -0.1})  # of both sides alone
    assert documents.characters == 1499.41  # the documents of the split that is scored
    assert documents.scripts == {"Latn"} and documents.metrics == {}
    assert pairs.delta == pytest.approx(-0.1) and pairs.official == pytest.approx(0.5)
    assert suggest([documents, pairs])[0].words == "normalisation missing or added"


def test_nothing_asked_nothing_known(cursor: duckdb.DuckDBPyConnection) -> None:
    assert task_deltas(cursor, ()) == []


def test_what_would_settle_it_names_something_that_exists(cursor: duckdb.DuckDBPyConnection) -> None:
    assert source_of(cursor, "org/model", "r-2") == "org/model"
    assert source_of(cursor, "local/of ours", "r-4") == FOLDER
    frame = deltas(cursor, "runs", model="local/of ours")
    (first, *_) = suggest(task_deltas(cursor, cells_of(frame)), source_of(cursor, "local/of ours", "r-4"))
    assert shlex.split(first.settle)[5] == f"sentence-transformers:{FOLDER}"


def test_the_command_line_reads_the_same(made_parity: Path) -> None:
    """Of the made store: one task, published at .80 and run at .79."""
    source, (found,) = read_deltas(open_reader(made_parity).cursor(), "run-bf16")
    assert source == "org/small-model"
    assert (found.task, found.official) == ("TinySTS", 0.8) and found.delta == pytest.approx(-0.01)
    assert found.characters is None and found.scripts == frozenset()

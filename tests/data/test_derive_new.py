"""What is derived after each of many imports is what deriving everything gives, to the last bit."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from data.store import derive as derive_module
from data.store.derive import derive, derive_as_of, derive_new
from data.store.migrate import create

MODELS, TASKS, SPLITS, SUBSETS = 9, 6, ("test", "dev"), ("a", "b", "c")
TABLES = (
    "chosen", "cells_held", "board", "board_subsets", "board_groups", "group_entries", "benchmark_cells",
    "benchmark_tasks", "delta_figures", "delta_grounds", "model_counts", "task_counts",
)  # fmt: skip


@pytest.fixture
def store() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        create(connection)
        facts(connection)
        yield connection


def facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Six tasks, the last of one's own, in benchmarks of the usual kind, by subsets and with columns of its own."""
    rows(connection, "models", [{"model": f"m{n}", "registered": n % 3 > 0, "private": False, "revision": f"r{n % 2}",
                                 "training_known": False} for n in range(MODELS)])  # fmt: skip
    rows(connection, "tasks", [{"task": f"T{n}", "registered": n < TASKS - 1, "private": n == TASKS - 1, "type": "x",
                                "is_aggregate": False, "dataset_revision": "d0"} for n in range(TASKS)])  # fmt: skip
    kinds = {"plain": False, "by subset": True, "grouped": False}
    names = ("show_mean_task", "show_mean_task_type", "show_task_types", "show_public_private", "show_zero_shot")
    rows(connection, "benchmarks", [{"benchmark": b, "position": p, "ranked_by": "borda", "sorted_by": "rank",
                                     "show_mean_subset": subset, "public_only": False, **dict.fromkeys(names, False)}
                                    for p, (b, subset) in enumerate(kinds.items())])  # fmt: skip
    for benchmark in kinds:
        cells = [(n, split, subset) for n in range(TASKS - 1) for split in SPLITS[: 1 + (benchmark == "plain")]
                 for subset in SUBSETS]  # fmt: skip
        rows(connection, "benchmark_cells", [{"benchmark": benchmark, "task": f"T{n}", "split": split, "subset": subset}
                                             for n, split, subset in cells])  # fmt: skip
        rows(connection, "benchmark_tasks", [{"benchmark": benchmark, "task": f"T{n}", "position": n}
                                             for n in range(TASKS - 1)])  # fmt: skip
    groups = [("whole", 0, "T0", None, None), ("whole", 1, "T1", None, None), ("part", 2, "T1", "test", "a"),
              ("part", 2, "T2", "test", "b"), ("part", 3, "T3", "test", "c")]  # fmt: skip
    rows(connection, "benchmark_groups", [{"benchmark": "grouped", "dimension": "d", "label": label, "position": 0,
                                           "entry": entry, "task": task, "split": split, "subset": subset}
                                          for label, entry, task, split, subset in groups])  # fmt: skip


def rows(connection: duckdb.DuckDBPyConnection, table: str, values: list[dict[str, Any]]) -> None:
    for row in values:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def an_import(connection: duckdb.DuckDBPyConnection, chance: random.Random, number: int) -> None:
    """Add some results, end some, and drop one for another with the same figures, as an import does."""
    rows(connection, "imports", [{"import_id": number, "kind": "folder", "source": "s", "started_at": "2026-01-01"}])
    standing = [n for (n,) in connection.execute("SELECT result_id FROM results WHERE gone_in IS NULL").fetchall()]
    for result_id in chance.sample(standing, k=min(len(standing), chance.randrange(3))):
        connection.execute("UPDATE results SET gone_in = ? WHERE result_id = ?", [number, result_id])
    [(following,)] = connection.execute("SELECT coalesce(max(result_id), 0) + 1 FROM results").fetchall()
    if standing and chance.random() < 0.3:
        again(connection, chance.choice(standing), following, chance)
        following += 1
    for result_id in range(following, following + chance.choice([0, 0, 1, 3])):
        add(connection, chance, number, result_id)
        following += 1
    if chance.random() < 0.5:  # a claim and its checks
        of = {"model": f"m{chance.randrange(3)}", "task": f"T{chance.randrange(2)}", "experiment": ""}
        for place, origin in enumerate(("reported", "official", "reproduced")):
            add(connection, chance, number, following + place, **of, origin=origin)
    connection.execute("DELETE FROM versions; INSERT INTO versions VALUES ('1.0', 0), ('2.0', 1)")
    if chance.random() < 0.3:  # what a comparison rests on besides results: metric, noise floor, weights of a run
        task = f"T{chance.randrange(TASKS - 1)}"
        connection.execute("UPDATE tasks SET metric = ? WHERE task = ?", [chance.choice(["ap", "f1"]), task])
        rows(connection, "noise_floors", [{"scope": "task", "name": task, "n": 1, "floor": chance.random() / 9}])
        connection.execute("DELETE FROM noise_floors WHERE name = ? AND n > 1", [task])
        connection.execute("UPDATE noise_floors SET n = 2 WHERE name = ?", [task])
        a_run(connection, chance, number)


def a_run(connection: duckdb.DuckDBPyConnection, chance: random.Random, number: int) -> None:
    """A run without a result, which tells what the weights of a revision are."""
    files = json.dumps([{"path": "model.safetensors", "sha256": chance.choice("ab")}])
    texts = {name: "" for name in ("command", "settings", "environment", "warnings")}
    run = {"run_id": str(number), "kind": "reproduce", "model": f"m{chance.randrange(MODELS)}", "revision": "r0",
           "private": False, "started_at": "2026-01-01", "status": "done", "files": files}  # fmt: skip
    rows(connection, "runs", [{**texts, **run, "settings": "{}", "environment": "{}", "warnings": "[]"}])


def again(connection: duckdb.DuckDBPyConnection, old: int, new: int, chance: random.Random) -> None:
    """The same figures read from another place, perhaps with an older date: merge() keeps the new one alone."""
    connection.execute(
        "UPDATE results SET result_id = ?, date = ? WHERE result_id = ?",
        [new, f"2025-0{chance.randrange(1, 9)}-01", old],
    )
    connection.execute("UPDATE scores SET result_id = ? WHERE result_id = ?", [new, old])


def add(connection: duckdb.DuckDBPyConnection, chance: random.Random, number: int, result_id: int, **more: Any) -> None:
    own = chance.random() < 0.2
    task = TASKS - 1 if own else chance.randrange(TASKS - 1)
    rows(connection, "results", [{
        "result_id": result_id, "model": f"m{chance.randrange(MODELS)}", "revision": chance.choice(["r0", "r1", None]),
        "experiment": chance.choice(["", "", "", "variant"]), "task": f"T{task}", "file": str(result_id),
        "origin": "reproduced" if own else chance.choice(["official", "official", "reported", "reproduced"]),
        "mteb_version": chance.choice(["1.0", "2.0", None]), "dataset_revision": chance.choice(["d0", "d1", None]),
        "date": f"2026-01-{chance.randrange(1, 28):02d}", "withdrawn": chance.random() < 0.1, "added_in": number,
        **more,
    }])  # fmt: skip
    for split in SPLITS:
        for subset in SUBSETS:
            if chance.random() < 0.5:
                score = chance.choice([chance.random(), chance.random(), chance.random(), None, float("nan")])
                cell = {"result_id": result_id, "split": split, "subset": subset, "main_score": score}
                rows(connection, "scores", [cell])


_MODELS_COUNTED = """
SELECT model, count(DISTINCT r.result_id) FILTER (NOT withdrawn), count(s.result_id) FILTER (NOT withdrawn),
    (SELECT count(DISTINCT c.task) FROM chosen c
    WHERE c.model = r.model AND c.experiment = '')
FROM results r LEFT JOIN scores s USING (result_id) WHERE gone_in IS NULL GROUP BY model
"""
_TASKS_COUNTED = """
SELECT task, count(*) FILTER (NOT withdrawn),
    (SELECT count(DISTINCT c.model) FROM chosen c WHERE c.task = r.task AND c.experiment = '')
FROM results r WHERE gone_in IS NULL GROUP BY task
"""


def answers(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return connection.execute(f"FROM ({query}) ORDER BY ALL").fetchall()


def derived(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 4))])
def test_following_imports_is_deriving_everything(store: duckdb.DuckDBPyConnection, seed: int) -> None:
    chance = random.Random(seed)
    compared = 0
    for number in range(1, 10):
        an_import(store, chance, number)
        derive_new(store)
        followed = derived(store)
        store.begin()
        derive(store)
        whole = derived(store)
        store.rollback()  # the next import goes on from what was followed
        for table in TABLES:
            assert repr(followed[table]) == repr(whole[table]), (number, table)
        compared = max(compared, len(followed["delta_figures"]))
        assert repr(answers(store, "FROM delta_figures")) == repr(answers(store, "FROM delta_facts")), number
        assert answers(store, "FROM model_counts") == answers(store, _MODELS_COUNTED), number
        assert answers(store, "FROM task_counts") == answers(store, _TASKS_COUNTED), number
    assert compared


def test_a_few_models_at_a_time_give_the_same(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    an_import(store, chance, 1)
    for result_id in range(100, 140):
        add(store, chance, 1, result_id)
    derive(store)
    at_once = derived(store)
    monkeypatch.setattr(derive_module, "_MODELS_AT_A_TIME", 2)
    derive(store)
    assert repr(derived(store)) == repr(at_once)
    assert at_once["board"] and at_once["board_subsets"] and at_once["board_groups"]


def test_another_registry_derives_everything(store: duckdb.DuckDBPyConnection) -> None:
    chance = random.Random(8)
    an_import(store, chance, 1)
    for result_id in range(100, 140):
        add(store, chance, 1, result_id)
    derive_new(store)
    before = derived(store)
    store.execute("UPDATE models SET revision = 'r1' WHERE registered")
    store.execute("DELETE FROM benchmark_cells WHERE benchmark = 'plain' AND subset = 'c'")
    derive_new(store)
    followed = derived(store)
    derive(store)
    assert repr(followed) == repr(derived(store)) != repr(before)


@pytest.mark.parametrize("benchmark", [None, pytest.param("plain", marks=pytest.mark.soak), "grouped"])
def test_as_of_an_import_is_as_if_everything_were_derived_then(
    store: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch, benchmark: str | None
) -> None:
    chance = random.Random(11)
    for number in range(1, 6):
        an_import(store, chance, number)
    derive(store)
    sizes = set()
    for import_id in (1, 3, 4, 5):
        seen = []
        for at_a_time in (3000, 1):  # what changed since; then everything, as one model at a time is all that goes
            monkeypatch.setattr(derive_module, "_MODELS_AT_A_TIME", at_a_time)
            cursor = store.cursor()
            derive_as_of(cursor, import_id, benchmark)
            of = "benchmark IN (SELECT benchmark FROM benchmark_cells)"
            tables = ("board", "board_subsets", "board_groups", "group_entries")
            seen.append([cursor.execute(f"FROM {table} WHERE {of} ORDER BY ALL").fetchall() for table in tables])
            cursor.close()
        assert repr(seen[0]) == repr(seen[1]), import_id
        sizes.add(len(seen[0][0]))
    assert len(sizes) > 1

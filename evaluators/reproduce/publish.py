"""Put a run into the store: the run, its tasks, and a result with every metric for each finished task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from data.store import keys
from data.store.database import writing
from data.store.derive import derive
from data.store.errors import PlumblineError, StoreBusyError
from data.store.findings import put_findings
from data.store.runs import RunRow, put_run
from data.store.vocabulary import ImportKind, Origin, Status
from evaluators.reproduce.journal import Journal
from evaluators.results.names import Names
from evaluators.results.parse import parse

__all__ = ["publish", "put", "restore"]

_TASK = (
    "task", "status", "error", "warnings", "dataset_path", "batch_size", "texts", "seconds", "peak_memory_mb",
    "finished_at",
)  # fmt: skip


@retry(retry=retry_if_exception_type(StoreBusyError), wait=wait_fixed(0.5), stop=stop_after_delay(60), reraise=True)
def publish(journal: Journal, store: Path | None = None) -> None:
    """Bring the store up to what the journal says; publishing twice changes nothing.

    Raises:
        StoreBusyError: another process wrote for a whole minute.
    """
    with writing(store) as connection:
        put(connection, journal.run, list(journal.tasks().values()), journal.read)
        own = journal.run["private"] or any(record.get("own_task") for record in journal.tasks().values())
        if own and journal.run["status"] != Status.RUNNING:
            derive(connection)  # only these stand on the leaderboard; seconds on a full record, so once a run


def restore(connection: duckdb.DuckDBPyConnection, root: Path) -> tuple[int, list[str]]:
    """Put every run kept under ``root`` into a store that was built anew.

    Returns:
        How many runs there are now, and a sentence for each that cannot be read; it loses none of the others.
    """
    problems = []
    found = sorted(root.glob("*/run.json"))
    for path in found:
        connection.begin()
        try:
            journal = Journal(path.parent)
            put(connection, journal.run, list(journal.tasks().values()), journal.read)
        except (PlumblineError, KeyError, OSError) as error:
            connection.rollback()
            problems.append(f"The run in {path.parent} cannot be put back ({type(error).__name__}: {error}).")
        else:
            connection.commit()
    return len(found) - len(problems), problems


def put(
    connection: duckdb.DuckDBPyConnection,
    run: dict[str, Any],
    records: list[dict[str, Any]],
    read: Callable[[str], bytes],
) -> None:
    """Write one run into an open store.

    Args:
        connection: from :func:`data.store.database.writing`.
        run: the row of ``runs``.
        records: one a task.
        read: gives the bytes of a result file by the name a record has for it.
    """
    # The folder of an earlier version may still hold a key that a server had echoed.
    keys.remember_named(json.dumps(run.get("settings"), default=str))
    run, told = keys.masked_all(run), keys.masked_all(records)
    run_id = run["run_id"]
    put_run(connection, cast(RunRow, run))
    known = dict(
        connection.execute(
            "SELECT file, result_id FROM results WHERE run_id = ? AND gone_in IS NULL", [run_id]
        ).fetchall()
    )
    rows = []
    for record, kept in zip(told, records, strict=True):
        result = None
        if record["status"] == Status.DONE:
            _add_task(connection, record)
            result = known.get(record["file"]) or _add_result(connection, run, record, read(kept["file"]))
        rows.append({"run_id": run_id, "result_id": result} | {n: _sql(record.get(n)) for n in _TASK})
    connection.execute("DELETE FROM run_tasks WHERE run_id = ?", [run_id])
    for row in rows:
        _insert(connection, "run_tasks", row)
    connection.execute("DELETE FROM findings WHERE run_id = ?", [run_id])
    put_findings(connection, run_id, run["model"], run.get("findings", []))
    _add_model(connection, run)


def _insert(connection: duckdb.DuckDBPyConnection, table: str, row: dict[str, Any]) -> None:
    """One row, by the names of its columns, which are ours."""
    marks = ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))


def _sql(value: Any) -> Any:
    """Lists and dicts as the JSON they are stored as."""
    return json.dumps(value, default=str) if isinstance(value, dict | list) else value


def _add_result(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], record: dict[str, Any], data: bytes) -> int:
    """One result file's row in ``results`` and its cells in ``scores``, as the importer reads it; its result_id."""
    names = Names.of(connection, only=record["task"])
    if "metric" in record:  # a store without an import knows no tasks
        names.metrics.setdefault(record["task"], record["metric"])
        names.types.setdefault(record["task"], record["type"])
    result = parse(data, names)
    result_id = _next(connection, "results", "result_id")
    row = {
        "result_id": result_id,
        "model": run["model"],
        "revision": run["revision"],
        "experiment": "",
        "origin": Origin.REPRODUCED,
        "task": record["task"],
        **{name: getattr(result, name) for name in _HEADER},
        "file": record["file"],
        "withdrawn": False,
        "run_id": run["run_id"],
        "added_in": _import_id(connection, run),
    }
    _insert(connection, "results", row)
    sets: dict[tuple[str, ...], int] = {}
    rows = [
        {
            "result_id": result_id,
            "split": cell.split,
            "subset": cell.subset,
            "languages": cell.languages,
            "main_score": cell.main_score,
            "metric_set": _metric_set(connection, cell.names, sets),
            "metrics": list(cell.values),
        }
        for cell in result.cells
    ]
    connection.register("new_scores", pa.Table.from_pylist(rows, schema=_SCORES))
    connection.execute("INSERT INTO scores BY NAME SELECT * FROM new_scores")
    connection.unregister("new_scores")
    return result_id


_HEADER = ("metric", "mteb_version", "dataset_revision", "evaluation_time", "date", "notes")
_SCORES = pa.schema(
    [
        ("result_id", pa.int32()),
        ("split", pa.string()),
        ("subset", pa.string()),
        ("languages", pa.string()),
        ("main_score", pa.float64()),
        ("metric_set", pa.int32()),
        ("metrics", pa.list_(pa.float64())),
    ]
)


def _metric_set(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...], seen: dict[tuple[str, ...], int]) -> int:
    if names not in seen:
        found = connection.execute("SELECT metric_set FROM metric_sets WHERE names = ?", [list(names)]).fetchall()
        seen[names] = found[0][0] if found else _next(connection, "metric_sets", "metric_set")
        if not found:
            connection.execute("INSERT INTO metric_sets VALUES (?, ?)", [seen[names], list(names)])
    return seen[names]


def _import_id(connection: duckdb.DuckDBPyConnection, run: dict[str, Any]) -> int:
    """The run counts as one import, whose source is its folder."""
    found = connection.execute(
        "SELECT import_id FROM imports WHERE kind = ? AND source = ?", [ImportKind.RUN, run["run_id"]]
    ).fetchall()
    if found:
        return int(found[0][0])
    import_id = _next(connection, "imports", "import_id")
    connection.execute(
        "INSERT INTO imports (import_id, kind, source, mteb_version, started_at) VALUES (?, ?, ?, ?, ?)",
        [import_id, ImportKind.RUN, run["run_id"], run["environment"]["libraries"].get("mteb"), run["started_at"]],
    )
    return import_id


def _next(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> int:
    # fetchall, because a result that was not read to its end keeps DuckDB's connection from anything else
    [(following,)] = connection.execute(f"SELECT coalesce(max({column}), 0) + 1 FROM {table}").fetchall()
    return int(following)


def _add_task(connection: duckdb.DuckDBPyConnection, record: dict[str, Any]) -> None:
    """The facts of an own task; those of mteb's tasks come with the import."""
    facts = record.get("own_task")
    if not facts:
        return
    connection.execute("DELETE FROM tasks WHERE task = ?", [record["task"]])
    connection.execute("DELETE FROM task_cells WHERE task = ?", [record["task"]])
    connection.execute(
        """INSERT INTO tasks (task, registered, private, type, description, metric, modalities, languages, splits,
                              is_public, is_aggregate, is_beta, dataset, dataset_revision, n_samples)
           VALUES (?, false, true, ?, ?, ?, ['text'], ?, ?, false, false, false, ?, ?, ?)""",
        [
            record["task"],
            *(facts[name] for name in ("type", "description", "metric", "languages")),
            [split for split, _, _ in facts["cells"]],
            *(facts[name] for name in ("dataset", "revision", "samples")),
        ],
    )
    for split, subset, languages in facts["cells"]:
        connection.execute("INSERT INTO task_cells VALUES (?, ?, ?, ?)", [record["task"], split, subset, languages])


def _add_model(connection: duckdb.DuckDBPyConnection, run: dict[str, Any]) -> None:
    """A model that mteb's registry does not know is private; the facts of the others come with the import."""
    if not run["private"]:
        return
    in_use = run["settings"]["in_use"]
    connection.execute(
        """INSERT INTO models (model, registered, private, revision, max_tokens, dimensions, training_known)
           SELECT ?, false, true, ?, ?, ?, false WHERE NOT EXISTS (SELECT 1 FROM models WHERE model = ?)""",
        [run["model"], run["revision"], in_use.get("max_seq_length"), in_use.get("dimensions"), run["model"]],
    )

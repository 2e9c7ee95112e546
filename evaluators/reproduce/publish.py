"""Put a run into the store: the run, its tasks, and a result with every metric for each finished task."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import duckdb
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from data.store import keys
from data.store.database import writing
from data.store.derive import derive_compared, derive_new
from data.store.errors import PlumblineError, StoreBusyError
from data.store.findings import put_findings
from data.store.rows import append, in_json, next_number
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
            derive_new(connection)  # only these stand on the leaderboard
        else:
            derive_compared(connection, journal.run["model"])


def restore(connection: duckdb.DuckDBPyConnection, root: Path) -> tuple[int, list[str]]:
    """Put every run kept under ``root`` into a store that was built anew.

    Returns:
        How many runs there are now, and a sentence for each that cannot be read; it loses none of the others.
    """
    problems = []
    runs = sorted(root.glob("*/run.json"))
    for path in runs:
        connection.begin()
        try:
            journal = Journal(path.parent)
            put(connection, journal.run, list(journal.tasks().values()), journal.read)
        except (PlumblineError, KeyError, OSError) as error:
            connection.rollback()
            problems.append(f"The run in {path.parent} cannot be put back ({type(error).__name__}: {error}).")
        else:
            connection.commit()
    return len(runs) - len(problems), problems


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
    run, masked = keys.masked_all(run), keys.masked_all(records)
    run_id = run["run_id"]
    put_run(connection, cast(RunRow, run))
    standing = {
        (file, finished): result for file, finished, result in connection.execute(_STANDING, {"run": run_id}).fetchall()
    }
    tasks = []
    for record, unmasked in zip(masked, records, strict=True):
        result = None
        if record["status"] == Status.DONE:
            _add_task(connection, record)
            result = standing.get((record["file"], _finished(record)))
            if result is None:
                _outdate(connection, run, record["task"])
                result = _add_result(connection, run, record, read(unmasked["file"]))
        tasks.append(in_json({name: record.get(name) for name in _TASK}) | {"run_id": run_id, "result_id": result})
    connection.execute("DELETE FROM run_tasks WHERE run_id = ?", [run_id])
    append(connection, "run_tasks", tasks)
    connection.execute("DELETE FROM findings WHERE run_id = ?", [run_id])
    put_findings(connection, run_id, run["model"], run.get("findings", []))
    _add_model(connection, run)


# Results of a run by what tells them from a later one of the same task: one that was run again on other data has left
# its figures under the same name.
_STANDING = """
SELECT r.file, t.finished_at, r.result_id
FROM results r LEFT JOIN run_tasks t ON t.result_id = r.result_id AND t.run_id = r.run_id
WHERE r.run_id = $run AND r.gone_in IS NULL
"""


def _finished(record: dict[str, Any]) -> datetime | None:
    at = record.get("finished_at")
    return datetime.fromisoformat(at) if at else None


def _outdate(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], task: str) -> None:
    """What the run had on a task before, on other data, is current no more."""
    connection.execute(
        "UPDATE results SET gone_in = ? WHERE run_id = ? AND task = ? AND gone_in IS NULL",
        [_import_id(connection, run), run["run_id"], task],
    )


def _add_result(connection: duckdb.DuckDBPyConnection, run: dict[str, Any], record: dict[str, Any], data: bytes) -> int:
    """One result file's row in ``results`` and its cells in ``scores``, as the importer reads it; its result_id."""
    names = Names.of(connection, only=record["task"])
    if "metric" in record:  # a store without an import knows no tasks
        names.metrics.setdefault(record["task"], record["metric"])
        names.types.setdefault(record["task"], record["type"])
    result = parse(data, names)
    result_id = next_number(connection, "results", "result_id")
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
    append(connection, "results", [row])
    sets = {metrics: _metric_set(connection, metrics) for metrics in dict.fromkeys(cell.names for cell in result.cells)}
    scores = [
        {
            "result_id": result_id,
            "split": cell.split,
            "subset": cell.subset,
            "languages": cell.languages,
            "main_score": cell.main_score,
            "metric_set": sets[cell.names],
            "metrics": list(cell.values),
        }
        for cell in result.cells
    ]
    append(connection, "scores", scores)
    return result_id


_HEADER = ("metric", "mteb_version", "dataset_revision", "evaluation_time", "date", "notes")


def _metric_set(connection: duckdb.DuckDBPyConnection, names: tuple[str, ...]) -> int:
    numbers = connection.execute("SELECT metric_set FROM metric_sets WHERE names = ?", [list(names)]).fetchall()
    if numbers:
        return int(numbers[0][0])
    number = next_number(connection, "metric_sets", "metric_set")
    append(connection, "metric_sets", [{"metric_set": number, "names": list(names)}])
    return number


def _import_id(connection: duckdb.DuckDBPyConnection, run: dict[str, Any]) -> int:
    """The run counts as one import, whose source is its folder."""
    imports = connection.execute(
        "SELECT import_id FROM imports WHERE kind = ? AND source = ?", [ImportKind.RUN, run["run_id"]]
    ).fetchall()
    if imports:
        return int(imports[0][0])
    row = {
        "import_id": next_number(connection, "imports", "import_id"),
        "kind": ImportKind.RUN,
        "source": run["run_id"],
        "mteb_version": run["environment"]["libraries"].get("mteb"),
        "started_at": run["started_at"],
    }
    append(connection, "imports", [row])
    return int(row["import_id"])


def _add_task(connection: duckdb.DuckDBPyConnection, record: dict[str, Any]) -> None:
    """The facts of an own task; those of mteb's tasks come with the import."""
    facts = record.get("own_task")
    if not facts:
        return
    task = {"task": record["task"]}
    for table in ("tasks", "task_cells"):
        connection.execute(f"DELETE FROM {table} WHERE task = $task", task)
    row = task | {
        **{name: facts[name] for name in ("type", "description", "metric", "languages", "dataset")},
        **{"registered": False, "private": True, "is_public": False, "is_aggregate": False, "is_beta": False},
        "modalities": ["text"],
        "splits": [split for split, _, _ in facts["cells"]],
        "dataset_revision": facts["revision"],
        "n_samples": facts["samples"],
    }
    append(connection, "tasks", [row])
    cells = [task | dict(zip(("split", "subset", "languages"), cell, strict=True)) for cell in facts["cells"]]
    append(connection, "task_cells", cells)


def _add_model(connection: duckdb.DuckDBPyConnection, run: dict[str, Any]) -> None:
    """A model that mteb's registry does not know is private; the facts of the others come with the import."""
    if not run["private"]:
        return
    in_use = run["settings"]["in_use"]
    row = {
        **{"model": run["model"], "registered": False, "private": True, "training_known": False},
        "revision": run["revision"],
        "max_tokens": in_use.get("max_seq_length"),
        "dimensions": in_use.get("dimensions"),
    }
    append(connection, "models", [row], known="OR IGNORE")

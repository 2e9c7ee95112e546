"""Our own reproductions that come with the record: packed from finished runs, read into a store built from the bundle.

One Parquet file, a row a task: the run, the task's record and mteb's own result file, each as JSON. What reads it is
what publishes a run that was just made.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import InputError
from data.vocabulary import Status
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.publish import put

__all__ = ["REPRODUCTIONS", "pack", "unpack"]

REPRODUCTIONS = "reproductions.parquet"
_FILE = Path(__file__).resolve().parents[2] / "data" / "record" / REPRODUCTIONS


def pack(journals: list[Journal], file: Path = _FILE) -> int:
    """Write the finished tasks of these runs to ``file``; returns how many there are.

    Paths of this machine are left out: a bundle says which model and data, not where somebody kept them.
    """
    rows = [
        {
            "run": json.dumps(_portable_run(journal.run)),
            "record": json.dumps(record | {"dataset_path": _last_two(record.get("dataset_path")), "dataset": {}}),
            "result": (journal.folder / record["file"]).read_text(encoding="utf-8"),
        }
        for journal in journals
        for record in journal.tasks().values()
        if record["status"] == Status.DONE
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd", compression_level=19)
    return len(rows)


def unpack(connection: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Put the bundled runs into an open store; returns how many runs there are, 0 without a bundle of them.

    Raises:
        InputError: the file is not one that :func:`pack` wrote.
    """
    if not file.is_file():
        return 0
    try:
        rows = pq.read_table(file, columns=["run", "record", "result"]).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError("The bundled reproductions cannot be read", where=str(file)) from error
    runs: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        runs.setdefault(row["run"], []).append(row)
    for run, members in runs.items():
        records = [json.loads(row["record"]) for row in members]
        files = {record["file"]: row["result"].encode() for record, row in zip(records, members, strict=True)}
        put(connection, json.loads(run), records, files.__getitem__)
    return len(runs)


def _portable_run(run: dict[str, Any]) -> dict[str, Any]:
    """The run with the model's name in the place of its folder."""
    asked = run["settings"]["asked"]
    folder = asked["model"]
    shown = Path(folder).name if Path(folder).is_absolute() else folder
    words = [Path(word).name if word.startswith("/") else word for word in run["command"].split(" ")]
    if "--out" in words:
        del words[words.index("--out") : words.index("--out") + 2]
    status = Status.STOPPED if run["status"] == Status.RUNNING else run["status"]
    return run | {
        "status": status,
        "command": " ".join(words),
        "settings": run["settings"] | {"asked": asked | {"model": shown}},
        "findings": json.loads(json.dumps(run.get("findings", [])).replace(folder, shown)),
    }


def _last_two(path: str | None) -> str | None:
    """``org/name`` of a data set's folder."""
    return "/".join(Path(path).parts[-2:]) if path else None

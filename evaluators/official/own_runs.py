"""Our own reproductions that come with the record: read into a store built from the bundle.

One Parquet file, a row a task: the run, the task's record and mteb's own result file, each as JSON. What reads it is
what publishes a run that was just made.
"""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.store.errors import InputError
from evaluators.reproduce.publish import put

__all__ = ["REPRODUCTIONS", "unpack"]

REPRODUCTIONS = "reproductions.parquet"


def unpack(connection: duckdb.DuckDBPyConnection, file: Path) -> int:
    """Put the bundled runs into an open store; returns how many runs there are, 0 without a bundle of them.

    Raises:
        InputError: the file is not one that ``python -m tests.maintain bundle-runs`` wrote.
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

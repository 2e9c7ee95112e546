"""The bundled record in data/record: figures of the published record as Parquet, read straight into the store.

Figures are packed: a score that six decimals hold exactly is an integer of millionths, the split, subset and languages
of a file's cells are a list that many files share, and what a path or the registry says is not said again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from data.store.errors import InputError
from data.store.rows import stored_fact
from evaluators.official.registry import REGISTRY_TABLES, replace_facts
from evaluators.results.names import NO_REVISION

__all__ = ["FOLDER", "BundleSource", "bundle_source", "is_in", "is_there", "read_facts", "read_results"]

FOLDER = Path(__file__).resolve().parents[2] / "data" / "record"
SOURCE = "SOURCE.json"


class BundleSource(NamedTuple):
    """What SOURCE.json says of a bundle."""

    commit: str
    date: dt.datetime
    mteb_version: str
    digest: str
    about: dict[str, Any]


def is_there(folder: Path = FOLDER) -> bool:
    """Whether there is a bundled record in ``folder``."""
    return (folder / SOURCE).is_file()


def bundle_source(folder: Path = FOLDER) -> BundleSource:
    """What SOURCE.json says.

    Raises:
        InputError: there is no bundle in ``folder``.
    """
    if not is_there(folder):
        raise InputError(
            "There is no bundled record",
            where=str(folder),
            remedy="Write one with `python -m tests.maintain bundle --from CHECKOUT`, or import a checkout.",
        )
    text = (folder / SOURCE).read_text(encoding="utf-8")
    about = json.loads(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return BundleSource(about["commit"], dt.datetime.fromisoformat(about["date"]), about["mteb_version"], digest, about)


def is_in(cursor: duckdb.DuckDBPyConnection, source: BundleSource) -> bool:
    """Whether the store already holds this very bundle."""
    return stored_fact(cursor, "bundle") == source.digest


def read_facts(connection: duckdb.DuckDBPyConnection, folder: Path = FOLDER) -> None:
    """Put the bundle's models, tasks and benchmarks in the place of the store's."""
    rows = {table: connection.read_parquet(str(folder / f"{table}.parquet")) for table in REGISTRY_TABLES}
    replace_facts(connection, rows, bundle_source(folder).mteb_version)


# The path of a result, unless its folder is named otherwise than its model.
PATH = f"""'results/' || replace(model, '/', '__') || '/' || coalesce(revision, '{NO_REVISION}')
    || '/' || task || '.json'"""
# Languages of a cell, unless the file says otherwise than the registry.
SPOKEN = "(SELECT task, subset, any_value(languages) AS spoken FROM task_cells GROUP BY ALL)"


def read_results(connection: duckdb.DuckDBPyConnection, folder: Path, import_id: int, first: int) -> None:
    """Append the bundle's results and main scores, numbered from ``first``.

    A bundle may have them in shards (results-001.parquet with scores-001.parquet), each numbered from 0: one at a time
    is read, so that the memory that a large record takes is that of its largest shard.
    """
    connection.register("bundled_cells", connection.read_parquet(str(folder / "cells.parquet")))
    for results in sorted(folder.glob("results*.parquet")):
        scores = folder / results.name.replace("results", "scores")
        connection.register("bundled_results", connection.read_parquet(str(results)))
        connection.register("bundled_scores", connection.read_parquet(str(scores)))
        first += _read_shard(connection, import_id, first)
        connection.unregister("bundled_results")
        connection.unregister("bundled_scores")
    connection.unregister("bundled_cells")


def _read_shard(connection: duckdb.DuckDBPyConnection, import_id: int, first: int) -> int:
    """Append one shard; returns how many numbers it takes."""
    connection.execute(
        f"""
        INSERT INTO results BY NAME
        SELECT result_id + {first} AS result_id, * EXCLUDE (result_id, cell_set, file),
               coalesce(file, {PATH}) AS file, {import_id} AS added_in
        FROM bundled_results
        """
    )
    connection.execute(
        f"""
        INSERT INTO scores BY NAME
        SELECT result_id + {first} AS result_id, split, subset, coalesce(cell.languages, spoken) AS languages,
               coalesce(millionths / 1e6, exact) AS main_score
        FROM bundled_scores
        JOIN (SELECT result_id, cell_set, task FROM bundled_results) USING (result_id)
        JOIN bundled_cells cell USING (cell_set, position)
        LEFT JOIN {SPOKEN} USING (task, subset)
        ORDER BY result_id, position
        """
    )
    [(numbers,)] = connection.execute("SELECT coalesce(max(result_id) + 1, 0) FROM bundled_results").fetchall()
    return int(numbers)

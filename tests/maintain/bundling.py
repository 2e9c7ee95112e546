"""Write the bundled record from a checkout of the results repository."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from data.store.database import writing
from data.store.errors import InputError
from evaluators.official import registry
from evaluators.official.bundle import PATH, SOURCE, SPOKEN
from evaluators.official.git import commit_and_date
from evaluators.official.importer import ImportSummary, import_from
from evaluators.official.workers import Progress
from tests.maintain.withdrawn import add_withdrawn

__all__ = ["write_bundle"]

REPOSITORY = "https://github.com/embeddings-benchmark/results"
LICENCE = "CC0-1.0"


def write_bundle(
    checkout: Path,
    out: Path,
    *,
    withdrawn: Path | None = None,
    git_dir: Path | None = None,
    commit: str = "HEAD",
    progress: Progress | None = None,
) -> ImportSummary:
    """Write ``out``/*.parquet and SOURCE.json from ``checkout`` and the installed mteb's registry.

    Args:
        checkout: a checkout of the results repository.
        out: the folder to write to.
        withdrawn: a Parquet file of model cards' own figures that the record no longer holds.
        git_dir: git directory of the checkout, where it is not the checkout's own.
        commit: the commit that is checked out.
        progress: called with (files done, files to do).

    Raises:
        InputError: ``checkout`` holds no results, or its commit is unknown.
    """
    git = ["git", f"--git-dir={git_dir}"] if git_dir else ["git", "-C", str(checkout)]
    about = _provenance(git, commit)
    missing = _missing(git, about["commit"], checkout)
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "record.duckdb"
        with writing(store) as connection:
            version = registry.installed_version()
            registry.replace_facts(connection, registry.read_registry(), version)
        summary = import_from(checkout, store=store, progress=progress)
        with duckdb.connect(str(store)) as connection:
            if withdrawn is not None:
                add_withdrawn(connection, withdrawn)
            out.mkdir(parents=True, exist_ok=True)
            counts = _write_tables(connection, out)
    about |= {"mteb_version": version, "written": dt.datetime.now(dt.UTC).date().isoformat(), "counts": counts}
    about["missing"] = {
        "why": "files of the commit that were not in the checkout this was made from",
        "count": len(missing),
        "files": missing,
    }
    (out / SOURCE).write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return summary


def _provenance(git: list[str], commit: str) -> dict[str, Any]:
    sha, date = commit_and_date(git, commit)
    if sha is None or date is None:
        raise InputError(
            "The commit of the checkout is unknown",
            where=commit,
            remedy="Name its git directory with --git-dir, and the commit with --commit.",
        )
    return {"repository": REPOSITORY, "commit": sha, "date": date.isoformat(), "licence": LICENCE}


def _missing(git: list[str], commit: str, checkout: Path) -> list[str]:
    """Result files the commit has and the checkout has not."""
    listing = [*git, "ls-tree", "-r", "-z", "--name-only", commit, "results/"]
    named = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\0")
    return sorted(name for name in named if name.endswith(".json") and not (checkout / name).exists())


def _write_tables(connection: duckdb.DuckDBPyConnection, out: Path) -> dict[str, int]:
    """Write every table; returns its number of rows."""
    counts = {}
    for table in registry.REGISTRY_TABLES:
        rows = connection.sql(f"SELECT * FROM {table} ORDER BY ALL").to_arrow_table()
        counts[table] = _write(rows, out / f"{table}.parquet")
    _number_cells(connection)
    results = connection.sql(
        f"""
        SELECT position AS result_id, cell_set, model, revision, experiment, origin, task, metric, mteb_version,
               dataset_revision, evaluation_time::FLOAT AS evaluation_time, date,
               CASE WHEN file <> {PATH} THEN file END AS file, notes, filed_as, withdrawn
        FROM results JOIN numbered USING (result_id) ORDER BY position
        """
    ).to_arrow_table()
    counts["results"] = _write(results, out / "results.parquet", {"result_id": "DELTA_BINARY_PACKED"})
    cells = connection.sql("SELECT * FROM cell_rows ORDER BY cell_set, position").to_arrow_table()
    counts["cells"] = _write(cells, out / "cells.parquet", {"position": "DELTA_BINARY_PACKED"})
    scores = connection.sql(
        """
        SELECT numbered.position AS result_id, ordered.position,
               CASE WHEN packs THEN TRY_CAST(round(main_score * 1e6) AS INTEGER) END AS millionths,
               CASE WHEN NOT packs THEN main_score END AS exact
        FROM (
            SELECT *, main_score IS NULL
                OR coalesce(TRY_CAST(round(main_score * 1e6) AS INTEGER) / 1e6 = main_score, false) AS packs
            FROM ordered
        ) ordered
        JOIN numbered USING (result_id) ORDER BY 1, 2
        """
    ).to_arrow_table()
    columns = ("position", "millionths", "exact")
    encodings = {"result_id": "DELTA_BINARY_PACKED"} | dict.fromkeys(columns, "BYTE_STREAM_SPLIT")
    counts["scores"] = _write(scores, out / "scores.parquet", encodings)
    return counts


def _number_cells(connection: duckdb.DuckDBPyConnection) -> None:
    """Number results in a fixed order, and the distinct lists of cells that they have."""
    connection.execute(
        f"""
        CREATE TEMP TABLE ordered AS
        SELECT result_id, split, subset, CASE WHEN scores.languages IS DISTINCT FROM spoken THEN scores.languages END
               AS languages, main_score,
               -- the order of the file, because means are summed in it
               (row_number() OVER (PARTITION BY result_id ORDER BY scores.rowid))::INTEGER - 1 AS position
        FROM scores JOIN (SELECT result_id, task FROM results) USING (result_id)
        LEFT JOIN {SPOKEN} USING (task, subset);
        CREATE TEMP TABLE lists AS
        SELECT result_id, list((split, subset, languages) ORDER BY position)::VARCHAR AS cells
        FROM ordered GROUP BY ALL;
        CREATE TEMP TABLE sets AS
        SELECT cells, (row_number() OVER (ORDER BY cells))::INTEGER - 1 AS cell_set, min(result_id) AS example
        FROM lists GROUP BY cells;
        CREATE TEMP TABLE cell_rows AS
        SELECT cell_set, position, split, subset, languages FROM sets JOIN ordered ON result_id = example;
        CREATE TEMP TABLE numbered AS
        SELECT result_id, cell_set, (row_number() OVER (
                   ORDER BY withdrawn, model, experiment, revision, task, file))::INTEGER - 1 AS position
        FROM results JOIN lists USING (result_id) JOIN sets USING (cells)
        """
    )


def _write(rows: pa.Table, path: Path, encodings: dict[str, str] | None = None) -> int:
    plain = [name for name in rows.column_names if name not in (encodings or {})]
    pq.write_table(
        rows,
        path,
        compression="zstd",
        compression_level=19,
        use_dictionary=plain,
        column_encoding=encodings or None,
        write_statistics=False,
        row_group_size=200_000,
        store_schema=False,
    )
    return int(rows.num_rows)

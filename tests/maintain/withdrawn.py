"""Model cards' own figures that the record once held beside runs, and deleted: kept to compare the two."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

from data.store.errors import InputError
from evaluators.results.names import EXTERNAL, Names

__all__ = ["add_withdrawn"]

# The commit that deleted them; its parent is the last to have them.
DELETED_IN = "090916e66"


def add_withdrawn(connection: duckdb.DuckDBPyConnection, figures: Path) -> int:
    """Add the figures of a Parquet file as withdrawn results; returns how many results.

    The runs they stood beside are added too where the record has since lost them (models deleted or renamed).

    Columns read: model (as its folder is called), revision, task, split, subset, metric, mteb_version, run_path; for
    the card's figure score_external, dr_ext (dataset revision) and external_in_head (the record still has it), for the
    run score_run, dr_run and run_in_head.

    Raises:
        InputError: the file is no such Parquet file.
    """
    names = Names.of(connection)
    try:
        connection.register("figures", connection.read_parquet(str(figures)))
        folders = connection.execute("SELECT DISTINCT model, task FROM figures").fetchall()
    except duckdb.Error as error:
        raise InputError("The file of withdrawn figures cannot be read", where=str(figures)) from error
    today = [
        {"folder": folder, "named": task, "model": names.model(folder.replace("__", "/")), "task": names.task(task)}
        for folder, task in folders
    ]
    connection.register("today", pa.Table.from_pylist(today))
    connection.execute(f"CREATE OR REPLACE TEMP TABLE withdrawn AS {_CARDS} UNION {_RUNS}")
    connection.execute(_ADD)
    return int(connection.execute("SELECT count(*) FROM withdrawn_results").fetchall()[0][0])


_METRIC = "CASE WHEN figures.metric <> tasks.metric THEN figures.metric END AS metric"
_FROM = """FROM figures JOIN today ON figures.model = folder AND figures.task = named
    LEFT JOIN tasks ON tasks.task = today.task"""
_CARDS = f"""
    SELECT today.model, '{EXTERNAL}' AS revision, 'reported' AS origin, today.task, {_METRIC}, NULL AS mteb_version,
           dr_ext AS dataset_revision, split, subset, score_external AS main_score,
           'commit {DELETED_IN}^: results/' || folder || '/{EXTERNAL}/' || named || '.json' AS file
    {_FROM} WHERE NOT external_in_head AND score_external IS NOT NULL"""
_RUNS = f"""
    SELECT today.model, figures.revision, 'official', today.task, {_METRIC}, mteb_version,
           dr_run, split, subset, score_run, 'commit {DELETED_IN}^: ' || run_path
    {_FROM} WHERE NOT run_in_head AND score_run IS NOT NULL"""
_ADD = """
    CREATE OR REPLACE TEMP TABLE withdrawn_results AS
    SELECT (SELECT max(result_id) FROM results) + row_number() OVER (ORDER BY file) AS result_id, *
    FROM (SELECT model, revision, origin, task, file, any_value(metric) AS metric,
                 any_value(mteb_version) AS mteb_version, any_value(dataset_revision) AS dataset_revision
          FROM withdrawn GROUP BY ALL);
    INSERT INTO results BY NAME
    SELECT *, '' AS experiment, true AS withdrawn, 1 AS added_in FROM withdrawn_results;
    INSERT INTO scores BY NAME
    SELECT result_id, split, subset, any_value(languages) AS languages, main_score
    FROM (SELECT file, task, split, subset, main_score FROM withdrawn)
    JOIN (SELECT result_id, file FROM withdrawn_results) USING (file)
    LEFT JOIN task_cells USING (task, split, subset) GROUP BY ALL
    """

"""Model cards' own figures that the record once held beside runs, and deleted: kept to compare with the runs."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.errors import InputError
from evaluators.official.names import EXTERNAL, Names

__all__ = ["add_withdrawn"]

# The commit that deleted them; its parent is the last to have them.
DELETED_IN = "090916e66"


def add_withdrawn(connection: duckdb.DuckDBPyConnection, figures: Path) -> int:
    """Add the figures of a Parquet file as withdrawn results; returns how many results.

    Columns read: model (as its folder is called), task, split, subset, metric, score_external, dr_ext (dataset
    revision), external_in_head (rows of figures that the record still holds are left out).

    Raises:
        InputError: the file is no such Parquet file.
    """
    names = Names.of(connection)
    try:
        connection.register("figures", connection.read_parquet(str(figures)))
        folders = connection.execute("SELECT DISTINCT model, task FROM figures").fetchall()
    except duckdb.Error as error:
        raise InputError("The file of withdrawn figures cannot be read", where=str(figures)) from error
    connection.execute("CREATE OR REPLACE TEMP TABLE today (folder VARCHAR, named VARCHAR, model VARCHAR, task VARCHAR)")
    connection.executemany(
        "INSERT INTO today VALUES (?, ?, ?, ?)",
        [[folder, task, names.model(folder.replace("__", "/")), names.task(task)] for folder, task in folders],
    )
    file = f"'commit {DELETED_IN}^: results/' || folder || '/{EXTERNAL}/' || named || '.json'"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE withdrawn AS
        SELECT DISTINCT today.model, today.task, {file} AS file, split, subset, score_external AS main_score,
               nullif(figures.metric, tasks.metric) AS metric, dr_ext AS dataset_revision
        FROM figures JOIN today ON figures.model = folder AND figures.task = named
        LEFT JOIN tasks ON tasks.task = today.task
        WHERE NOT external_in_head AND score_external IS NOT NULL;
        CREATE OR REPLACE TEMP TABLE withdrawn_results AS
        SELECT (SELECT max(result_id) FROM results) + row_number() OVER (ORDER BY file) AS result_id, *
        FROM (SELECT model, task, file, any_value(metric) AS metric, any_value(dataset_revision) AS dataset_revision
              FROM withdrawn GROUP BY ALL);
        INSERT INTO results BY NAME
        SELECT *, '{EXTERNAL}' AS revision, '' AS experiment, 'reported' AS origin, true AS withdrawn, 1 AS added_in
        FROM withdrawn_results;
        INSERT INTO scores BY NAME
        SELECT result_id, split, subset, any_value(languages) AS languages, main_score
        FROM (SELECT file, task, split, subset, main_score FROM withdrawn)
        JOIN (SELECT result_id, file FROM withdrawn_results) USING (file)
        LEFT JOIN task_cells USING (task, split, subset) GROUP BY ALL
        """
    )
    return int(connection.execute("SELECT count(*) FROM withdrawn_results").fetchall()[0][0])

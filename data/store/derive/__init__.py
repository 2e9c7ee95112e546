"""Fill the derived tables from the record, for the store about to be published or as it stood after an import.

What is derived of a model depends on its own results and on which cells of a task anybody has been scored on
(``cells_held``). So after an import only the models whose results changed are derived anew, and of the others what
rests on tasks that have other cells now. Everything at once goes a few thousand models at a time, which bounds what it
takes of memory.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.store.rows import set_fact, stored_fact

__all__ = ["derive", "derive_as_of", "derive_compared", "derive_new"]

_HERE = Path(__file__).resolve().parent
_MODELS_AT_A_TIME = 3000
_DERIVED = ("chosen", "cells_held", "board", "board_subsets", "board_groups", "group_entries")
_OF_COMPARED = ("40_compared", "50_counts")
_MARK = "derived"
# What is known of models, tasks and benchmarks, as far as it decides which figure counts. What no registry knows is
# left out: it changes with the results it is known from.
_FACTS = """
SELECT (SELECT coalesce(sum(hash(benchmark, task, split, subset)::HUGEINT), 0) FROM benchmark_cells
        WHERE benchmark <> 'Own tasks')
    || ' ' || (SELECT coalesce(sum(hash(b)::HUGEINT), 0) FROM benchmark_groups b)
    || ' ' || (SELECT coalesce(sum(hash(benchmark, show_mean_subset)::HUGEINT), 0) FROM benchmarks
               WHERE benchmark <> 'Own tasks')
    || ' ' || (SELECT coalesce(sum(hash(task, private, dataset_revision)::HUGEINT), 0) FROM tasks WHERE registered)
    || ' ' || (SELECT coalesce(sum(hash(model, revision)::HUGEINT), 0) FROM models WHERE registered)
"""
_HOW_FAR = "SELECT coalesce(max(result_id), 0), (SELECT coalesce(max(import_id), 0) FROM imports) FROM results"
# Tasks of one's own are a benchmark that is made anew each time, of few models.
_CHANGED = """
SELECT DISTINCT model FROM results WHERE result_id > $result OR gone_in > $import
UNION SELECT DISTINCT model FROM results WHERE task IN (SELECT task FROM tasks WHERE private)
"""


def derive(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill every derived table from the record as it stands. Own tasks become a benchmark first."""
    _run(connection, "own_tasks")
    _fill(connection)
    derive_compared(connection)
    _mark(connection)


def derive_new(connection: duckdb.DuckDBPyConnection) -> None:
    """The same after results were added or ended since the last time: takes as long as what is new.

    Everything is derived where that is not all that changed: what the registry says, or a store derived by an earlier
    version.
    """
    mark = (stored_fact(connection, _MARK) or "").split("|")
    if len(mark) != 3 or mark[2] != _facts(connection):
        derive(connection)
        return
    _run(connection, "own_tasks")
    since = {"result": int(mark[0]), "import": int(mark[1])}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE touched AS {_CHANGED}", since)
    _no_groups(connection)
    for part in ("10_chosen", "20_board", "30_groups", *_OF_COMPARED):
        _run(connection, part)
    _mark(connection)


def derive_compared(connection: duckdb.DuckDBPyConnection, model: str | None = None) -> None:
    """Only what is compared and counted: of one model, as a run of it is put into the store, or of all."""
    if model is not None:
        connection.execute("CREATE OR REPLACE TEMP TABLE touched AS SELECT ? AS model", [model])
        for part in _OF_COMPARED:
            _run(connection, part)
        return
    for table in ("delta_figures", "delta_grounds", "model_counts", "task_counts"):
        connection.execute(f"DELETE FROM {table}")
    turns = _in_turn(connection)
    for turn in range(turns):
        _touch(connection, turn)
        _run(connection, _OF_COMPARED[0])
    _run(connection, _OF_COMPARED[1])


def derive_as_of(cursor: duckdb.DuckDBPyConnection, import_id: int, benchmark: str | None = None) -> None:
    """Make temporary derived tables, as they stood after an import, that shadow the store's own on this cursor.

    The macros and views of the leaderboard, asked through the same cursor, then answer for that import; of one
    ``benchmark`` alone, where one is named. What has not changed since is taken from the store's tables. Give it a
    cursor of its own (``Reader.own_cursor``): what is made here stays on it until it is closed.
    """
    [(store,)] = cursor.execute("SELECT current_database()").fetchall()
    of = ["true", "true"]
    if benchmark is not None:
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE benchmark_cells AS FROM {store}.benchmark_cells WHERE benchmark = ?",
            [benchmark],
        )
        of = ["task IN (SELECT task FROM benchmark_cells)", "benchmark IN (SELECT benchmark FROM benchmark_cells)"]
    for table in _DERIVED:
        where = of[0] if table in ("chosen", "cells_held") else of[1]
        cursor.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS FROM {store}.{table} WHERE {where}")
    cursor.execute(
        "CREATE OR REPLACE TEMP TABLE touched AS"
        " SELECT DISTINCT model FROM results WHERE added_in > $1 OR gone_in > $1",
        [import_id],
    )
    cursor.execute("SET VARIABLE as_of = ?", [import_id])
    [(changed,)] = cursor.execute("SELECT count(*) FROM touched").fetchall()
    if changed > _MODELS_AT_A_TIME:
        _fill(cursor)
        return
    _no_groups(cursor)
    for part in ("10_chosen", "20_board", "30_groups"):
        _run(cursor, part)


def _fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Derive every model, those whose results stand together at a time."""
    for table in _DERIVED:
        connection.execute(f"DELETE FROM {table}")
    turns = _in_turn(connection)
    _no_groups(connection)
    for part in ("10_chosen", "20_board"):
        for turn in range(turns):
            _touch(connection, turn)
            if part == "20_board":
                connection.execute("DELETE FROM other_cells; DELETE FROM left_tasks")
            _run(connection, part)
    connection.execute(
        "DELETE FROM other_groups; INSERT INTO other_groups SELECT DISTINCT benchmark FROM benchmark_groups;"
        " INSERT INTO groups_anew FROM other_groups"
    )
    _run(connection, "30_groups")


def _no_groups(connection: duckdb.DuckDBPyConnection) -> None:
    """No benchmark's own columns are made anew so far: those with anything touched, and those for everybody."""
    for table in ("other_groups", "groups_anew"):
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table} (benchmark VARCHAR)")


def _in_turn(connection: duckdb.DuckDBPyConnection) -> int:
    """Put the models in turns, those whose results stand together in one; how many turns there are."""
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE in_turn AS
        SELECT model, (row_number() OVER (ORDER BY min(result_id)) - 1) // ? AS turn
        FROM current_results GROUP BY model""",
        [_MODELS_AT_A_TIME],
    )
    [(turns,)] = connection.execute("SELECT coalesce(max(turn), 0) + 1 FROM in_turn").fetchall()
    return int(turns)


def _touch(connection: duckdb.DuckDBPyConnection, turn: int) -> None:
    connection.execute("CREATE OR REPLACE TEMP TABLE touched AS SELECT model FROM in_turn WHERE turn = ?", [turn])


def _run(connection: duckdb.DuckDBPyConnection, part: str) -> None:
    connection.execute((_HERE / f"{part}.sql").read_text(encoding="utf-8"))


def _facts(connection: duckdb.DuckDBPyConnection) -> str:
    [(facts,)] = connection.execute(_FACTS).fetchall()
    return str(facts)


def _mark(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember up to where everything is derived."""
    [(result, last_import)] = connection.execute(_HOW_FAR).fetchall()
    set_fact(connection, _MARK, f"{result}|{last_import}|{_facts(connection)}")

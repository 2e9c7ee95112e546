"""Bring freshly read results into the store: what is new, what changed, what is the same, what is gone.

The rule, in one sentence: a published result is its path in the record, wherever it was read from, and the figures read
last stand; the same figures read again, from another place or with more metrics, are no change. data/README.md has it
in full.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb
from packaging.version import InvalidVersion, Version

from data.store.rows import append

__all__ = ["Merged", "fill_in_names", "merge"]


class Merged(NamedTuple):
    """What an import changed."""

    added: int
    gone: int


def merge(connection: duckdb.DuckDBPyConnection, import_id: int, first: int, *, bundled: bool) -> Merged:
    """Settle the results numbered from ``first`` on against those that stood before.

    Reads the temporary tables ``seen`` (root, path, size, mtime_ns, result_id) and ``vanished`` (root, path).
    """
    _pair_with_standing(connection, first)
    same = _drop_same(connection, keep_old=bundled)
    changed = _end(connection, "SELECT old FROM pairs", import_id)
    connection.execute("DELETE FROM files WHERE result_id IN (SELECT old FROM pairs)")
    vanished = _end_unclaimed(connection, import_id, bundled=bundled)
    _remember_files(connection)
    (read,) = _one(connection, f"SELECT count(*) FROM results WHERE result_id >= {first}")
    return Merged(added=read if bundled else read - same, gone=changed + vanished)


def _pair_with_standing(connection: duckdb.DuckDBPyConnection, first: int) -> None:
    """Pair each new result with the standing one that was read from the same file, here or elsewhere."""
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pairs AS
        WITH standing AS NOT MATERIALIZED (
            SELECT result_id, file, origin FROM results WHERE result_id < {first} AND gone_in IS NULL AND NOT withdrawn)
        SELECT new.result_id AS new, old.result_id AS old FROM results new JOIN standing old USING (file)
        WHERE new.result_id >= {first} AND NOT new.withdrawn
          AND new.origin <> 'reproduced' AND old.origin <> 'reproduced'
        UNION
        SELECT seen.result_id, old.result_id FROM seen JOIN files USING (root, path)
        JOIN standing old ON old.result_id = files.result_id WHERE seen.result_id IS NOT NULL
        UNION
        SELECT new.result_id, old.result_id FROM results new JOIN results old USING (file)
        WHERE new.result_id >= {first} AND new.withdrawn
          AND old.withdrawn AND old.result_id < {first} AND old.gone_in IS NULL
        """
    )


_HEADER = ("model", "revision", "experiment", "origin", "task", "mteb_version", "dataset_revision")


def _drop_same(connection: duckdb.DuckDBPyConnection, *, keep_old: bool) -> int:
    """Keep one of each pair with the same figures: the one with the metrics. Leaves the changed ones in ``pairs``."""
    connection.execute("CREATE OR REPLACE TEMP TABLE same (new INTEGER, old INTEGER, added_in INTEGER)")
    if _one(connection, "SELECT count(*) FROM pairs") == (0,):
        return 0
    header = " AND ".join(f"new.{column} IS NOT DISTINCT FROM old.{column}" for column in _HEADER)
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE prints AS
        SELECT result_id, count(*) AS cells, sum(hash(split, subset, main_score)::HUGEINT) AS print FROM scores
        WHERE result_id IN (SELECT new FROM pairs UNION SELECT old FROM pairs) GROUP BY result_id;
        INSERT INTO same
        SELECT pairs.new, pairs.old, old.added_in FROM pairs
        JOIN results new ON new.result_id = pairs.new JOIN results old ON old.result_id = pairs.old
        JOIN prints a ON a.result_id = pairs.new JOIN prints b ON b.result_id = pairs.old
        WHERE {header} AND a.cells = b.cells AND a.print = b.print;
        DELETE FROM pairs WHERE (new, old) IN (SELECT (new, old) FROM same)
        """
    )
    if _one(connection, "SELECT count(*) FROM same") == (0,):
        return 0
    drop, keep = ("new", "old") if keep_old else ("old", "new")
    for table in ("results", "scores"):
        connection.execute(f"DELETE FROM {table} WHERE result_id IN (SELECT {drop} FROM same)")
    for table in ("files", "seen"):
        connection.execute(
            f"UPDATE {table} SET result_id = same.{keep} FROM same WHERE {table}.result_id = same.{drop}"
        )
    if not keep_old:
        connection.execute("UPDATE results SET added_in = same.added_in FROM same WHERE result_id = same.new")
    return int(_one(connection, "SELECT count(*) FROM same")[0])


def _end_unclaimed(connection: duckdb.DuckDBPyConnection, import_id: int, *, bundled: bool) -> int:
    """End results whose file this place no longer has, unless another place or the bundle still has it."""
    gone = """
        SELECT files.* FROM files JOIN vanished USING (root, path)
        UNION SELECT files.* FROM files JOIN seen USING (root, path) WHERE seen.result_id IS NULL"""
    from_bundle = "(SELECT import_id FROM imports WHERE kind = 'bundle')"
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE lost AS SELECT result_id FROM ({gone}) WHERE result_id IS NOT NULL;
        DELETE FROM files WHERE (root, path) IN (SELECT (root, path) FROM ({gone}))
        """
    )
    if bundled:  # an older bundle had it, and this one has not
        connection.execute(
            f"""INSERT INTO lost SELECT result_id FROM results
            WHERE added_in IN {from_bundle} AND added_in <> {import_id} AND gone_in IS NULL
              AND result_id NOT IN (SELECT old FROM same)"""
        )
        claimed = "SELECT result_id FROM files WHERE result_id IS NOT NULL"
    else:
        if _one(connection, "SELECT count(*) FROM lost") == (0,):
            return 0  # who claims what is asked of the whole record
        claimed = f"""SELECT result_id FROM files WHERE result_id IS NOT NULL
            UNION ALL SELECT result_id FROM results WHERE added_in IN {from_bundle}"""
    return _end(connection, f"SELECT result_id FROM lost WHERE result_id NOT IN ({claimed})", import_id)


def _end(connection: duckdb.DuckDBPyConnection, which: str, import_id: int) -> int:
    ended = f"result_id IN ({which}) AND gone_in IS NULL"
    (count,) = _one(connection, f"SELECT count(*) FROM results WHERE {ended}")
    if count:
        connection.execute(f"UPDATE results SET gone_in = {import_id} WHERE {ended}")
    return int(count)


def _remember_files(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("DELETE FROM files WHERE (root, path) IN (SELECT (root, path) FROM seen)")
    connection.execute("INSERT INTO files SELECT root, path, size, mtime_ns, result_id FROM seen")


def fill_in_names(connection: duckdb.DuckDBPyConnection) -> None:
    """Give models and tasks that no registry knows a row of their own, and put the versions in order."""
    connection.execute(
        """
        INSERT INTO models (model, registered, private, training_known)
        SELECT model, false, bool_and(origin = 'reproduced'), false FROM results
        WHERE model NOT IN (SELECT model FROM models) GROUP BY model;
        INSERT INTO tasks (task, registered, private, type, is_aggregate)
        SELECT task, false, bool_and(origin = 'reproduced'), 'unknown', false FROM results
        WHERE task NOT IN (SELECT task FROM tasks) GROUP BY task;
        """
    )
    written = connection.execute("SELECT DISTINCT mteb_version FROM results WHERE mteb_version IS NOT NULL").fetchall()
    parsed = {text: version for (text,) in written if (version := _version(text)) is not None}
    order = {version: position for position, version in enumerate(sorted(set(parsed.values())))}
    connection.execute("DELETE FROM versions")
    rows = [{"mteb_version": text, "position": order[version]} for text, version in parsed.items()]
    append(connection, "versions", rows)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    # fetchall, since DuckDB keeps the connection busy until the last row is fetched
    return tuple(connection.execute(query).fetchall()[0])

"""Import result files into the store: look, read what is new, settle it against what stood, publish."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from data.store.database import bring_up_to_date, reading, store_path, writing
from data.store.derive import derive, derive_new
from data.store.rows import append, next_number, set_fact, stored_fact
from data.store.storage import is_address, open_storage
from data.store.vocabulary import ImportKind, Origin
from evaluators.official import bundle, registry
from evaluators.official.batch import Batch
from evaluators.official.cards import describe_unregistered
from evaluators.official.fleet_runs import FleetRuns, fleet_runs
from evaluators.official.from_storage import stored_sources
from evaluators.official.git import checkout_commit
from evaluators.official.merge import fill_in_names, merge
from evaluators.official.own_runs import REPRODUCTIONS, unpack
from evaluators.official.sample import load_sample
from evaluators.official.scan import META, FoundFile, Source, result_sources
from evaluators.official.workers import Progress, read_batches
from evaluators.results.names import Names

__all__ = ["ImportSummary", "import_bundle", "import_from"]


class ImportSummary(NamedTuple):
    """What an import did, and what stands now."""

    source: str
    seconds: float
    files_seen: int = 0
    files_read: int = 0
    rejected: Sequence[tuple[str, str]] = ()  # path, reason
    added: int = 0
    gone: int = 0
    models: int = 0
    tasks: int = 0
    results: int = 0
    rows: int = 0
    published: bool = False


class _Changes(NamedTuple):
    """What a look at a place found, against the look before."""

    source: Source
    new: list[FoundFile]
    vanished: list[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.vanished)


def import_from(
    place: Path | str,
    *,
    origin: str | None = None,
    rebuild: bool = False,
    store: Path | None = None,
    kind: ImportKind = ImportKind.FOLDER,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import the results at ``place``: a checkout of the results repository, mteb's cache folder, a zip of either.

    Args:
        place: the folder or zip, or the address of shared storage that holds them (``s3://bucket/path``).
        origin: ``reproduced`` for runs that are not of the published record; by default `reported` for the revision
            ``external``, `reproduced` for a cache folder's own runs, else `official`.
        rebuild: start from an empty store.
        store: the store to change; the default is :func:`data.store.database.store_path`.
        kind: what to call the import in the table of imports.
        progress: called with (files done, files to do).

    Raises:
        InputError: nothing there looks like results of mteb.
        StoreBusyError: another process is writing.
        StorageError: shared storage cannot be listed or read; the store is as it was.
    """
    began, started_at = time.monotonic(), dt.datetime.now(dt.UTC).replace(tzinfo=None)
    store = store or store_path()
    place, places, fleet = _look(place)

    def is_current(cursor: duckdb.DuckDBPyConnection) -> bool:
        changed = (fleet and fleet.new(cursor)) or any(_changes(cursor, *each) for each in places)
        return not changed and _facts_are_current(cursor)

    looked_at = ImportSummary(str(place), 0, len(fleet.prints) - 1 if fleet else sum(len(files) for _, files in places))
    if not rebuild and (unchanged := _unchanged(store, is_current, looked_at, began)):
        return unchanged
    with writing(store, fresh=rebuild) as connection:
        importing = _Importing(connection, kind, str(place), started_at)
        facts_stand = _facts_are_current(connection)
        _bring_facts_up_to_date(connection)
        names = Names.of(connection)
        changes = [_changes(connection, *each) for each in places]
        for change in changes:
            importing.read(change, names, origin or (Origin.REPRODUCED if change.source.own_runs else None), progress)
        commit, date = checkout_commit(place) if isinstance(place, Path) else (None, None)
        summary = importing.finish(looked_at.files_seen, began, commit=commit, date=date)
        if fleet:
            read, rejected = fleet.put(connection, importing.import_id)
            standing = _summary(connection, summary._replace(files_read=read, rejected=rejected), began)
            summary = standing._replace(added=standing.results - summary.results)
        describe_unregistered(connection, [change.source for change in changes])
        if not (fleet and facts_stand) or summary.files_read:  # of a fleet often nothing is new but how far it is
            derive_new(connection)
        return summary._replace(seconds=time.monotonic() - began)


def import_bundle(*, rebuild: bool = False, store: Path | None = None, folder: Path = bundle.FOLDER) -> ImportSummary:
    """Import the bundled record; never imports mteb.

    Raises:
        InputError: there is no bundled record in ``folder``.
        StoreBusyError: another process is writing.
    """
    began, started_at = time.monotonic(), dt.datetime.now(dt.UTC).replace(tzinfo=None)
    store = store or store_path()
    source = bundle.bundle_source(folder)
    is_current = partial(bundle.is_in, source=source)
    if not rebuild and (unchanged := _unchanged(store, is_current, ImportSummary(str(folder), 0), began)):
        return unchanged
    with writing(store, fresh=rebuild) as connection:
        importing = _Importing(connection, ImportKind.BUNDLE, str(folder), started_at)
        bundle.read_facts(connection, folder)
        bundle.read_results(connection, folder, importing.import_id, importing.first)
        load_sample(connection, folder)
        summary = importing.finish(0, began, commit=source.commit, date=source.date)
        unpack(connection, folder / REPRODUCTIONS)
        set_fact(connection, "bundle", source.digest)
        derive(connection)
        return summary._replace(seconds=time.monotonic() - began)


def _look(place: Path | str) -> tuple[Path | str, list[tuple[Source, list[FoundFile]]], FleetRuns | None]:
    """A place as it is called, with its files source by source, or the runs of the fleet that writes there."""
    if (fleet := fleet_runs(place)) is not None:
        return fleet.place, [], fleet
    called, sources = _sources(place)
    places = [(source, list(source.files())) for source in sources]
    # A fleet that has begun since: its first sign of life was there before any file that was listed.
    fleet = fleet_runs(place)
    return (called, places, None) if fleet is None else (fleet.place, [], fleet)


def _sources(place: Path | str) -> tuple[Path | str, list[Source]]:
    """A place as it is called, and the results there; a folder by its address is the folder."""
    if not is_address(str(place)):
        return Path(place), result_sources(Path(place))
    storage = open_storage(place)
    if storage.scheme == "file":
        return Path(storage.url), result_sources(Path(storage.url))
    return storage.url, stored_sources(storage.url)


def _unchanged(
    store: Path, is_current: Callable[[duckdb.DuckDBPyConnection], bool], summary: ImportSummary, began: float
) -> ImportSummary | None:
    """What stands in the store where there is nothing new for it; None where there is, or there is no store."""
    if not store.exists():
        return None
    bring_up_to_date(store)
    with reading(store) as cursor:
        return _summary(cursor, summary, began) if is_current(cursor) else None


def _changes(cursor: duckdb.DuckDBPyConnection, source: Source, files: list[FoundFile]) -> _Changes:
    """Files that are new or differ in size or time, with all of a folder whose model_meta.json does."""
    rows = cursor.execute("SELECT path, size, mtime_ns FROM files WHERE root = ?", [source.root]).fetchall()
    before = {path: (size, mtime_ns) for path, size, mtime_ns in rows}
    new = {file.path for file in files if before.get(file.path) != (file.size, file.mtime_ns)}
    # Of a folder that cannot be listed nobody knows what has vanished.
    unlisted = tuple(f"{file.path}/" for file in files if file.unlisted)
    vanished = {path for path in before.keys() - {file.path for file in files} if not path.startswith(unlisted)}
    renamed = {path.rpartition("/")[0] for path in new | vanished if path.endswith(f"/{META}")}
    stale = [file for file in files if file.path in new or file.path.rpartition("/")[0] in renamed]
    return _Changes(source, stale, sorted(vanished))


def _facts_are_current(cursor: duckdb.DuckDBPyConnection) -> bool:
    version = stored_fact(cursor, "mteb_version")
    return version is not None and registry.installed_version() in (None, version)


def _bring_facts_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Take what is known of models, tasks and benchmarks from the bundle; from mteb where another one is installed."""
    if _facts_are_current(connection):
        return
    installed = registry.installed_version()
    bundled = bundle.bundle_source() if bundle.is_there() else None
    if bundled is not None and installed in (None, bundled.mteb_version):
        bundle.read_facts(connection)
    else:
        registry.replace_facts(connection, registry.read_registry(), installed)


_MEMORY = "384MB"
_GROUP = 122_880  # rows that DuckDB keeps together


class _Importing:
    """One import on its way into the store."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kind: str, source: str, started_at: dt.datetime) -> None:
        self.connection, self.kind, self.source, self.started_at = connection, kind, source, started_at
        self.import_id = next_number(connection, "imports", "import_id")
        self.first = self.next_result = next_number(connection, "results", "result_id")
        sets = connection.execute("SELECT metric_set, names FROM metric_sets").fetchall()
        self.sets = {tuple(names): number for number, names in sets}
        self.old_sets = len(self.sets)
        self.files_read = 0
        self.rejected: list[tuple[str, str, str]] = []  # root, path, reason
        connection.execute(
            """
            CREATE OR REPLACE TEMP TABLE seen
            (root VARCHAR, path VARCHAR, size BIGINT, mtime_ns BIGINT, result_id INTEGER);
            CREATE OR REPLACE TEMP TABLE vanished (root VARCHAR, path VARCHAR)"""
        )

    def read(self, change: _Changes, names: Names, origin: str | None, progress: Progress | None) -> None:
        """Read every new file of a place."""
        root = change.source.root
        append(self.connection, "vanished", [{"root": root, "path": path} for path in change.vanished])
        self.rejected += [(root, file.path, file.problem) for file in change.new if file.problem]
        readable = [file for file in change.new if not file.problem and not file.path.endswith(f"/{META}")]
        unread = [file for file in change.new if file.problem or file.path.endswith(f"/{META}")]
        append(self.connection, "seen", _looked_at(root, unread, pa.nulls(len(unread), pa.int32())))
        # DuckDB would keep what it writes in memory as long as there is any, and all of a transaction until its end;
        # what ends inside a group of rows it writes again with the next. Nobody sees the store before it is published.
        self.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        waiting: dict[str, list[pa.Table]] = {"seen": [], "results": [], "scores": []}
        for files, batch in read_batches(change.source, readable, names, origin, progress):
            for table, rows in zip(waiting, self._numbered(root, files, batch), strict=True):
                waiting[table].append(rows)
                if sum(map(len, waiting[table])) >= _GROUP:
                    waiting[table] = self._write(table, waiting[table])
        for table, parts in waiting.items():
            self._write(table, parts, every=True)
        self.connection.execute("RESET memory_limit")

    def _write(self, table: str, waiting: list[pa.Table], *, every: bool = False) -> list[pa.Table]:
        """Put as many whole groups of rows into the store as wait, or every row; returns the rest."""
        if not waiting:
            return []
        rows = pa.concat_tables(waiting)
        ready = len(rows) if every else len(rows) // _GROUP * _GROUP
        append(self.connection, table, rows.slice(0, ready).unify_dictionaries().combine_chunks())
        return [rows.slice(ready)]

    def _numbered(self, root: str, files: Sequence[FoundFile], batch: Batch) -> tuple[pa.Table, pa.Table, pa.Table]:
        """A batch's files, results and scores with their numbers, as the store's tables have them."""
        self.files_read += len(files)
        self.rejected += [(root, files[position].path, reason) for position, reason in batch.rejected]
        ids = np.full(len(files), -1, dtype=np.int32)
        positions = batch.results["file"].to_numpy()
        ids[positions] = np.arange(self.next_result, self.next_result + len(positions), dtype=np.int32)
        self.next_result += len(positions)
        results = batch.results.set_column(0, "result_id", pa.array(ids[positions]))
        paths = [_in_record(files[position].path) for position in positions]
        results = results.append_column("file", pa.array(paths, pa.string()))
        for column, value in (("withdrawn", False), ("added_in", self.import_id)):
            results = results.append_column(column, pa.repeat(value, len(positions)))
        scores = batch.scores.set_column(0, "result_id", pa.array(ids[batch.scores["file"].to_numpy()]))
        place = scores.schema.get_field_index("metric_set")
        scores = scores.set_column(place, "metric_set", self._sets(scores["metric_set"], batch.metric_sets))
        return _looked_at(root, files, pa.array(ids, mask=ids < 0)), results, scores

    def _sets(self, local: pa.ChunkedArray, sets: Sequence[tuple[str, ...]]) -> pa.ChunkedArray:
        """Numbers of a batch's metric sets, as the store numbers them."""
        numbers = pa.array([self.sets.setdefault(names, len(self.sets) + 1) for names in sets], pa.int32())
        return numbers.take(local.combine_chunks()) if len(numbers) else local

    def finish(
        self, seen: int, began: float, *, commit: str | None = None, date: dt.datetime | None = None
    ) -> ImportSummary:
        """Settle what was read and write down the import."""
        connection = self.connection
        merged = merge(connection, self.import_id, self.first, bundled=self.kind == ImportKind.BUNDLE)
        new_sets = [{"metric_set": n, "names": list(names)} for names, n in self.sets.items() if n > self.old_sets]
        append(connection, "metric_sets", new_sets)
        self._reject()
        fill_in_names(connection)
        row = {
            "import_id": self.import_id,
            "kind": self.kind,
            "source": self.source,
            "source_commit": commit,
            "source_date": date,
            "mteb_version": stored_fact(connection, "mteb_version"),
            "started_at": self.started_at,
            "seconds": time.monotonic() - began,
            "files_seen": seen,
            "files_read": self.files_read,
            "files_rejected": len(self.rejected),
            "results_added": merged.added,
            "results_gone": merged.gone,
        }
        append(connection, "imports", [row])
        rejected = [(path, reason) for _, path, reason in self.rejected]
        summary = ImportSummary(
            self.source, 0, seen, self.files_read, rejected, merged.added, merged.gone, published=True
        )
        return _summary(connection, summary, began)

    def _reject(self) -> None:
        looked_at = "SELECT (root, path) FROM seen UNION ALL SELECT (root, path) FROM vanished"
        self.connection.execute(f"DELETE FROM rejected WHERE (root, path) IN ({looked_at})")
        names = ("root", "path", "reason", "import_id")
        rows = [dict(zip(names, (*rejected, self.import_id), strict=True)) for rejected in self.rejected]
        append(self.connection, "rejected", rows)


def _looked_at(root: str, files: Sequence[FoundFile], result_ids: pa.Array) -> pa.Table:
    """Rows of the table ``seen``."""
    columns = zip(*(file[:3] for file in files), strict=True) if files else [()] * 3
    path, size, mtime_ns = (pa.array(values, kind) for values, kind in zip(columns, _LOOKED_AT, strict=True))
    named = {"root": pa.repeat(root, len(files)), "path": path, "size": size, "mtime_ns": mtime_ns}
    return pa.table(named | {"result_id": result_ids})


_LOOKED_AT = (pa.string(), pa.int64(), pa.int64())


def _in_record(path: str) -> str:
    """Path inside the published record, whatever stands above results/ in a zip."""
    parts = path.split("/")
    below = parts[parts.index("results") + 1 :] if "results" in parts[:-3] else parts
    return "/".join(["results", *below])


def _summary(cursor: duckdb.DuckDBPyConnection, summary: ImportSummary, began: float) -> ImportSummary:
    """Add what stands in the store now."""
    row = cursor.execute(
        """SELECT count(DISTINCT model), count(DISTINCT task), count(*),
        (SELECT count(*) FROM scores) - (SELECT count(*) FROM scores
            WHERE result_id IN (SELECT result_id FROM results WHERE gone_in IS NOT NULL))
        FROM results WHERE gone_in IS NULL"""
    ).fetchall()[0]
    now = dict(zip(("models", "tasks", "results", "rows"), row, strict=True))
    return summary._replace(**now, seconds=time.monotonic() - began)

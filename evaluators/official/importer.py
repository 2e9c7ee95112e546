"""Import result files into the store: look, read what is new, settle it against what stood, publish."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from data.store.database import bring_up_to_date, open_reader, store_path, writing
from data.store.derive import derive
from data.store.vocabulary import ImportKind
from evaluators.official import bundle, registry, sample
from evaluators.official.batch import Batch
from evaluators.official.cards import describe_unregistered
from evaluators.official.git import commit_of
from evaluators.official.merge import fill_in_names, merge
from evaluators.official.own_runs import REPRODUCTIONS, unpack
from evaluators.official.scan import META, Found, Source, sources
from evaluators.official.workers import Progress, batches
from evaluators.results.names import Names

__all__ = ["Summary", "import_bundle", "import_from"]


class Summary(NamedTuple):
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
    seen: int
    new: list[Found]
    vanished: list[str]

    def __bool__(self) -> bool:
        return bool(self.new or self.vanished)


def import_from(
    place: Path,
    *,
    origin: str | None = None,
    rebuild: bool = False,
    store: Path | None = None,
    kind: ImportKind = ImportKind.FOLDER,
    progress: Progress | None = None,
) -> Summary:
    """Import the results at ``place``: a checkout of the results repository, mteb's cache folder, a zip of either.

    Args:
        place: the folder or zip.
        origin: ``reproduced`` for runs that are not of the published record; by default `reported` for the revision
            ``external``, `reproduced` for a cache folder's own runs, else `official`.
        rebuild: start from an empty store.
        store: the store to change; the default is :func:`data.store.database.store_path`.
        kind: what to call the import in the table of imports.
        progress: called with (files done, files to do).

    Raises:
        InputError: nothing there looks like results of mteb.
        StoreBusyError: another process is writing.
    """
    began, started_at = time.monotonic(), dt.datetime.now(dt.UTC).replace(tzinfo=None)
    store = store or store_path()
    found = [(source, list(source.files())) for source in sources(place)]
    if not rebuild and store.exists():
        bring_up_to_date(store)
        reader = open_reader(store)
        try:
            if not any(_changes(reader.cursor(), *each) for each in found) and _facts_are_current(reader.cursor()):
                return _summary(reader.cursor(), Summary(str(place), 0, sum(len(files) for _, files in found)), began)
        finally:
            reader.close()
    with writing(store, fresh=rebuild) as connection:
        importing = _Importing(connection, kind, str(place), started_at)
        _bring_facts_up_to_date(connection)
        names = Names.of(connection)
        changes = [_changes(connection, *each) for each in found]
        for change in changes:
            importing.read(change, names, origin or ("reproduced" if change.source.own_runs else None), progress)
        commit, date = commit_of(place)
        summary = importing.finish(sum(change.seen for change in changes), began, commit=commit, date=date)
        describe_unregistered(connection, [change.source for change in changes])
        derive(connection)
        return summary._replace(seconds=time.monotonic() - began)


def import_bundle(*, rebuild: bool = False, store: Path | None = None, folder: Path = bundle.FOLDER) -> Summary:
    """Import the bundled record; never imports mteb.

    Raises:
        InputError: there is no bundled record in ``folder``.
        StoreBusyError: another process is writing.
    """
    began, started_at = time.monotonic(), dt.datetime.now(dt.UTC).replace(tzinfo=None)
    store = store or store_path()
    written = bundle.described(folder)
    if not rebuild and store.exists():
        bring_up_to_date(store)
        reader = open_reader(store)
        try:
            if bundle.is_in(reader.cursor(), written):
                return _summary(reader.cursor(), Summary(str(folder), 0), began)
        finally:
            reader.close()
    with writing(store, fresh=rebuild) as connection:
        importing = _Importing(connection, ImportKind.BUNDLE, str(folder), started_at)
        bundle.read_facts(connection, folder)
        bundle.read_results(connection, folder, importing.import_id, importing.first)
        sample.load(connection, folder)
        summary = importing.finish(0, began, commit=written.commit, date=written.date)
        unpack(connection, folder / REPRODUCTIONS)
        bundle.mark(connection, written)
        derive(connection)
        return summary._replace(seconds=time.monotonic() - began)


def _changes(cursor: duckdb.DuckDBPyConnection, source: Source, files: list[Found]) -> _Changes:
    """Files that are new or differ in size or time, with all of a folder whose model_meta.json does."""
    rows = cursor.execute("SELECT path, size, mtime_ns FROM files WHERE root = ?", [source.root]).fetchall()
    known = {path: (size, mtime_ns) for path, size, mtime_ns in rows}
    new = {file.path for file in files if known.get(file.path) != (file.size, file.mtime_ns)}
    vanished = known.keys() - {file.path for file in files}
    renamed = {path.rpartition("/")[0] for path in new | vanished if path.endswith(f"/{META}")}
    stale = [file for file in files if file.path in new or file.path.rpartition("/")[0] in renamed]
    return _Changes(source, len(files), stale, sorted(vanished))


def _facts_are_current(cursor: duckdb.DuckDBPyConnection) -> bool:
    known = bundle.fact(cursor, "mteb_version")
    return known is not None and registry.installed_version() in (None, known)


def _bring_facts_up_to_date(connection: duckdb.DuckDBPyConnection) -> None:
    """Take what is known of models, tasks and benchmarks from the bundle; from mteb where another one is installed."""
    if _facts_are_current(connection):
        return
    installed = registry.installed_version()
    written = bundle.described() if bundle.is_there() else None
    if written is not None and installed in (None, written.mteb_version):
        bundle.read_facts(connection)
    else:
        registry.replace(connection, registry.load())
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('mteb_version', ?)", [installed])


_MEMORY = "384MB"
_BATCHES_A_TRANSACTION = 20


class _Importing:
    """One import on its way into the store."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, kind: str, source: str, started_at: dt.datetime) -> None:
        self.connection, self.kind, self.source, self.started_at = connection, kind, source, started_at
        self.import_id = self._next("import_id", "imports")
        self.first = self.next_result = self._next("result_id", "results")
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

    def _next(self, column: str, table: str) -> int:
        return int(self.connection.execute(f"SELECT coalesce(max({column}) + 1, 1) FROM {table}").fetchall()[0][0])

    def read(self, change: _Changes, names: Names, origin: str | None, progress: Progress | None) -> None:
        """Read every new file of a place."""
        root = change.source.root
        self._insert("vanished", {"root": [root] * len(change.vanished), "path": change.vanished})
        unusable = [file for file in change.new if file.problem]
        self.rejected += [(root, file.path, file.problem) for file in unusable if file.problem]
        self._remember(root, unusable, [None] * len(unusable))
        metas = [file for file in change.new if file.path.endswith(f"/{META}") and not file.problem]
        self._remember(root, metas, [None] * len(metas))
        readable = [file for file in change.new if not file.problem and not file.path.endswith(f"/{META}")]
        # DuckDB would keep what it writes in memory as long as there is any, and all of a transaction until its end;
        # but a transaction a batch takes three times as long. Nobody sees the store before it is published.
        self.connection.execute(f"SET memory_limit = '{_MEMORY}'")
        for number, (files, batch) in enumerate(batches(change.source, readable, names, origin, progress)):
            if number % _BATCHES_A_TRANSACTION == 0:
                if number:
                    self.connection.commit()
                self.connection.begin()
            self._append(root, files, batch)
        if readable:
            self.connection.commit()
        self.connection.execute("RESET memory_limit")

    def _append(self, root: str, files: Sequence[Found], batch: Batch) -> None:
        """Number a batch's results and put them into the store."""
        self.files_read += len(files)
        self.rejected += [(root, files[position].path, reason) for position, reason in batch.rejected]
        ids = np.full(len(files), -1, dtype=np.int32)
        positions = batch.results["file"].to_numpy()
        ids[positions] = np.arange(self.next_result, self.next_result + len(positions), dtype=np.int32)
        self.next_result += len(positions)
        self._remember(root, files, [None if number < 0 else int(number) for number in ids])
        results = batch.results.set_column(0, "result_id", pa.array(ids[positions]))
        results = results.append_column("file", pa.array([_in_record(files[position].path) for position in positions]))
        self._insert("results", results, extra=f"false AS withdrawn, {self.import_id} AS added_in")
        scores = batch.scores.set_column(0, "result_id", pa.array(ids[batch.scores["file"].to_numpy()]))
        place = scores.schema.get_field_index("metric_set")
        scores = scores.set_column(place, "metric_set", self._numbered(scores["metric_set"], batch.metric_sets))
        self._insert("scores", scores)

    def _numbered(self, local: pa.ChunkedArray, sets: Sequence[tuple[str, ...]]) -> pa.ChunkedArray:
        """Numbers of a batch's metric sets, as the store numbers them."""
        numbers = pa.array([self.sets.setdefault(names, len(self.sets) + 1) for names in sets], pa.int32())
        return numbers.take(local.combine_chunks()) if len(numbers) else local

    def _remember(self, root: str, files: Sequence[Found], result_ids: Sequence[int | None]) -> None:
        self._insert(
            "seen",
            {
                "root": [root] * len(files),
                "path": [file.path for file in files],
                "size": [file.size for file in files],
                "mtime_ns": [file.mtime_ns for file in files],
                "result_id": pa.array(result_ids, pa.int32()),
            },
        )

    def _insert(self, table: str, rows: pa.Table | dict[str, Sequence[object]], extra: str = "") -> None:
        incoming = rows if isinstance(rows, pa.Table) else pa.table(rows)
        if incoming.num_rows:
            self.connection.register("incoming", incoming)
            self.connection.execute(f"INSERT INTO {table} BY NAME SELECT *{', ' if extra else ''}{extra} FROM incoming")
            self.connection.unregister("incoming")

    def finish(self, seen: int, began: float, *, commit: str | None = None, date: dt.datetime | None = None) -> Summary:
        """Settle what was read and write down the import."""
        connection = self.connection
        merged = merge(connection, self.import_id, self.first, bundled=self.kind == ImportKind.BUNDLE)
        new_sets = [(number, list(names)) for names, number in self.sets.items() if number > self.old_sets]
        if new_sets:
            self._insert("metric_sets", {"metric_set": [s[0] for s in new_sets], "names": [s[1] for s in new_sets]})
        self._reject()
        fill_in_names(connection)
        connection.execute(
            "INSERT INTO imports VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [self.import_id, self.kind, self.source, commit, date, bundle.fact(connection, "mteb_version")]
            + [self.started_at, time.monotonic() - began, seen, self.files_read, len(self.rejected), *merged],
        )
        told = Summary(self.source, 0, seen, self.files_read, [(path, why) for _, path, why in self.rejected])
        return _summary(connection, told._replace(added=merged.added, gone=merged.gone, published=True), began)

    def _reject(self) -> None:
        looked_at = "SELECT (root, path) FROM seen UNION ALL SELECT (root, path) FROM vanished"
        self.connection.execute(f"DELETE FROM rejected WHERE (root, path) IN ({looked_at})")
        rows = [dict(zip(("root", "path", "reason"), rejected, strict=True)) for rejected in self.rejected]
        if rows:
            self._insert("rejected", pa.Table.from_pylist(rows), extra=f"{self.import_id} AS import_id")


def _in_record(path: str) -> str:
    """Path inside the published record, whatever stands above results/ in a zip."""
    parts = path.split("/")
    below = parts[parts.index("results") + 1 :] if "results" in parts[:-3] else parts
    return "/".join(["results", *below])


def _summary(cursor: duckdb.DuckDBPyConnection, told: Summary, began: float) -> Summary:
    """Add what stands in the store now."""
    row = cursor.execute(
        """SELECT count(DISTINCT model), count(DISTINCT task), count(*),
        (SELECT count(*) FROM scores SEMI JOIN (SELECT result_id FROM results WHERE gone_in IS NULL) USING (result_id))
        FROM results WHERE gone_in IS NULL"""
    ).fetchall()[0]
    now = dict(zip(("models", "tasks", "results", "rows"), row, strict=True))
    return told._replace(**now, seconds=time.monotonic() - began)

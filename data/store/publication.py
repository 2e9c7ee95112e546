"""A store published on shared storage: uploaded under a name of its own, then a pointer to it replaced in one step.

```
stores/current.json              the pointer: name, SHA-256, size, schema, number and time of the store to show
stores/000042.json               the same for each publication; who writes number 42 first has published it
stores/000042-<sha256>.duckdb    the store, written once and never changed
```

A publisher takes the number after the one it began from. Of two that began from the same one, only one can write that
number's file, and the other is told; nothing but a whole store that was published can ever be pointed at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from filelock import FileLock, Timeout

from data.store.access_mode import must_be_writable
from data.store.database import Version, put_in_place, version_of
from data.store.errors import StorageError, StoreBusyError, StoreError, StoreOutdatedError
from data.store.migrate import RECORD, SCHEMA_VERSION, damaged, migrate, renew_views
from data.store.storage import Storage
from data.store.vocabulary import StorageFault

__all__ = [
    "KEEP", "Publication", "current_publication", "fetch_store", "latest_publication", "publication_here",
    "publish_store", "runs_of_this_machine",
]  # fmt: skip

POINTER = "stores/current.json"
KEEP = 5  # stores that stay on the storage
_MOST_LATE = 10  # publishers that overtake one between two of its requests
_LARGEST_POINTER = 2**16  # bytes
_NAME = re.compile(r"stores/\d{6,}-[0-9a-f]{16}\.duckdb")


class Publication(NamedTuple):
    """A store on shared storage.

    Attributes:
        number: 1 for the first and one more each time.
        name: path below the storage's root.
        sha256: of its bytes.
        size: in bytes.
        schema: version of the schema it was written by.
        published_at: UTC, ISO 8601 to the second.
        publisher: of which call of :func:`publish_store` it is.
    """

    number: int
    name: str
    sha256: str
    size: int
    schema: int
    published_at: str
    publisher: str

    def as_bytes(self) -> bytes:
        """The file that says so."""
        return json.dumps(self._asdict(), indent=1).encode() + b"\n"


def current_publication(storage: Storage) -> Publication | None:
    """The store to show, by the pointer; None where nothing was published yet.

    Raises:
        StorageError: the storage cannot be asked, or the pointer cannot be read.
    """
    return _read(storage, POINTER)


def latest_publication(storage: Storage) -> Publication | None:
    """The newest that was published: the pointer's, or a later one whose publisher has not come to the pointer yet."""
    latest = current_publication(storage)
    while (later := _read(storage, _claim(latest.number + 1 if latest else 1))) is not None:
        latest = later
    return latest


def publish_store(storage: Storage, store: Path, begun_from: Publication | None, *, keep: int = KEEP) -> Publication:
    """Upload the store at ``store`` and make it the one to show.

    Args:
        storage: where to.
        store: a local store; a writer may go on meanwhile, what is published is what it is now.
        begun_from: :func:`latest_publication` before anything was read into the store.
        keep: how many stores stay on the storage, this one included.

    Returns:
        The new publication; ``begun_from`` where the store is that one.

    Raises:
        StoreBusyError: somebody else published meanwhile; theirs stands.
        ReadOnlyError: nothing may be written beside the store, where it is kept aside while it is uploaded.
        StoreMissingError, StorageError: nothing was published.
    """
    must_be_writable(store)
    version = version_of(store)
    if begun_from is not None and publication_here(store, storage) == (begun_from, True):
        _point_at_latest(storage, begun_from)  # whoever published it may have died before
        return begun_from
    with _snapshot(store) as file:
        digest, size = _digest(file), file.stat().st_size
        number = begun_from.number + 1 if begun_from else 1
        now = datetime.now(UTC).isoformat(timespec="seconds")
        name = f"stores/{number:06}-{digest[:16]}.duckdb"
        ours = Publication(number, name, digest, size, SCHEMA_VERSION, now, uuid.uuid4().hex)
        storage.upload(file, name)
    # A number that is taken is read again: the answer to our own request may have been lost.
    if not storage.write_new(_claim(number), ours.as_bytes()) and (theirs := _read(storage, _claim(number))) != ours:
        if theirs is not None and theirs.name != name:
            storage.remove(name)
        raise StoreBusyError(
            "Somebody else has published meanwhile, and theirs stands",
            where=f"{storage.url}/{_claim(number)}",
            remedy="Publish again if yours should come after it.",
        )
    _point_at_latest(storage, ours)
    _note_here(store, storage, ours, version)
    _prune(storage, number, keep)
    return ours


def fetch_store(storage: Storage, publication: Publication, path: Path) -> None:
    """Bring a published store here and put it in the place of the one at ``path`` in one step, as a writer does.

    One of an earlier schema is brought up to ours on the way, and its views are ours in any case: of what somebody put
    on the storage only the figures are taken.

    Raises:
        StoreOutdatedError: of a later schema than ours; nothing was fetched.
        StorageError: it is not there, did not arrive whole, or the storage cannot be asked.
        StoreBusyError: somebody else fetches or writes the store here.
        StoreDamagedError: what was published is no store.
        StoreError: it cannot be written here.
    """
    if publication.schema > SCHEMA_VERSION:
        raise StoreOutdatedError(
            "The published store is of a later schema than this version of Plumbline reads",
            where=f"{storage.url}/{publication.name}: schema {publication.schema}, here {SCHEMA_VERSION}",
            remedy="Update Plumbline here; until then the store before it is shown.",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.following.lock", timeout=0), _arriving(path) as arriving:
            storage.download(publication.name, arriving)
            _check(storage, publication, arriving)
            _make_ours(arriving)
            put_in_place(arriving, path)
    except Timeout:
        raise StoreBusyError(
            "Another process is writing the store", where=str(path), remedy="Wait until it has finished."
        ) from None
    except OSError as error:
        raise StoreError(
            "A published store cannot be put here", where=f"{path}: {error.strerror}",
            remedy="Make the folder writable for this process, or free space there.",
        ) from error  # fmt: skip
    _note_here(path, storage, publication, version_of(path))


def publication_here(path: Path, storage: Storage) -> tuple[Publication | None, bool]:
    """Which publication of a storage the local store is or came from, and whether it is that one, unchanged since."""
    try:
        noted = json.loads(_note(path).read_bytes())
        if noted["storage"] != storage.url:
            return None, False
        return _publication(noted["publication"]), Version(*noted["version"]) == version_of(path)
    except (OSError, ValueError, TypeError, KeyError, StoreError):
        return None, False


def runs_of_this_machine(path: Path) -> int:
    """How many runs a store holds that did not come with the bundle; 0 where there is no store, or no readable one."""
    bundled = "SELECT run_id FROM read_parquet($parity) UNION SELECT run ->> '$.run_id' FROM read_parquet($runs)"
    if not path.is_file():
        return 0
    files = {"parity": str(RECORD / "parity-runs.parquet"), "runs": str(RECORD / "reproductions.parquet")}
    if not all(Path(file).is_file() for file in files.values()):
        bundled, files = "SELECT ''", {}
    try:
        with duckdb.connect() as connection:
            connection.execute("ATTACH '{}' AS store (READ_ONLY)".format(str(path).replace("'", "''")))
            query = f"SELECT count(*) FROM store.runs WHERE run_id NOT IN ({bundled})"  # noqa: S608
            return int(connection.execute(query, files).fetchall()[0][0])
    except duckdb.Error:
        return 0


def _read(storage: Storage, path: str) -> Publication | None:
    try:
        written = storage.read(path, _LARGEST_POINTER)
    except StorageError as error:
        if error.code == StorageFault.MISSING:
            return None
        raise
    try:
        return _publication(json.loads(written))
    except (ValueError, TypeError, KeyError) as error:
        raise StorageError(
            "What says which store was published cannot be read", where=f"{storage.url}/{path}",
            remedy="Publish again once it was removed.", code=StorageFault.FAILED,
        ) from error  # fmt: skip


def _publication(written: Any) -> Publication:
    """A publication from its file; what a later version wrote beside is left out."""
    publication = Publication(**{name: written[name] for name in Publication._fields})
    numbers = (publication.number, publication.size, publication.schema)
    if not all(type(number) is int and number >= 0 for number in numbers) or not _NAME.fullmatch(publication.name):
        raise ValueError
    return publication


def _claim(number: int) -> str:
    return f"stores/{number:06}.json"


def _point_at_latest(storage: Storage, publication: Publication) -> None:
    """Replace the pointer; where somebody published after us and we came late, by theirs."""
    for _ in range(_MOST_LATE):
        latest = latest_publication(storage)
        if latest is None or latest.number < publication.number:
            latest = publication
        if current_publication(storage) == latest:
            return
        storage.write(POINTER, latest.as_bytes())


def _prune(storage: Storage, newest: int, keep: int) -> None:
    """Remove stores that are no longer among the last; the files that say who published stay, as what orders them."""
    for file in storage.files("stores"):
        if _NAME.fullmatch(file.path) and int(file.path.partition("/")[2].partition("-")[0]) <= newest - max(1, keep):
            storage.remove(file.path)


@contextmanager
def _snapshot(store: Path) -> Iterator[Path]:
    """The file that is published now, under another name, so that a writer who replaces it changes nothing of it."""
    snapshot = store.with_name(f"{store.name}.{os.getpid()}.leaving")
    snapshot.unlink(missing_ok=True)
    try:
        try:
            os.link(store, snapshot)
        except OSError:  # no hard links on this file system
            shutil.copyfile(store, snapshot)
        yield snapshot
    finally:
        snapshot.unlink(missing_ok=True)


@contextmanager
def _arriving(path: Path) -> Iterator[Path]:
    """A place beside the store for one that comes; what processes that were killed left there goes first."""
    arriving = path.with_name(f"{path.name}.{os.getpid()}.arriving")
    try:
        for leftover in path.parent.glob(f"{path.name}.*.arriving*"):
            leftover.unlink(missing_ok=True)
        yield arriving
    finally:
        for leftover in path.parent.glob(f"{arriving.name}*"):
            leftover.unlink(missing_ok=True)


def _make_ours(arrived: Path) -> None:
    """Bring a store that arrived up to our schema, and put our views over its tables."""
    try:
        with duckdb.connect(str(arrived), config={"autoinstall_known_extensions": False}) as connection:
            migrate(connection, arrived)
            renew_views(connection)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise damaged(arrived) from error


def _digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _check(storage: Storage, publication: Publication, arrived: Path) -> None:
    if arrived.stat().st_size != publication.size or _digest(arrived) != publication.sha256:
        raise StorageError(
            "The store that arrived is not the one that was published", where=f"{storage.url}/{publication.name}",
            remedy="It is fetched again; if that does not help, publish again.", code=StorageFault.FAILED,
        )  # fmt: skip


def _note(path: Path) -> Path:
    return path.with_suffix(".published.json")


def _note_here(path: Path, storage: Storage, publication: Publication, version: Version) -> None:
    """Remember beside the local store which publication this version of it is."""
    noted = {"storage": storage.url, "publication": publication._asdict(), "version": version}
    unfinished = _note(path).with_name(f".{_note(path).name}.{os.getpid()}")
    unfinished.write_text(json.dumps(noted), encoding="utf-8")
    unfinished.replace(_note(path))

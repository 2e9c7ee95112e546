"""Vectors of rows kept on disk: what one diagnosis has encoded is read by the next one, of whatever candidate.

One SQLite file, whose entries are bare numbers: 32-bit floats with a checksum, found by a digest of all that they
depend on. Two processes may use it at once. It is bounded: what was not asked for longest goes first. It is never
needed: where the file cannot be read or written, or is not ours, rows are encoded as if it were empty, no more.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np

from evaluators.cached import cache_folder
from evaluators.diagnose.reference import Embeddings

__all__ = ["KeptVectors", "kept_file"]

_MOST = 512 * 2**20  # bytes of the file
_LEFT = 0.8  # of that stays when it is full
_DAY = 86_400
_AT_ONCE = 500  # entries asked for in one statement
_WAIT = 10.0  # seconds for another process
_HEAD = 4  # sizes before the numbers of an entry
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (name BLOB PRIMARY KEY, day INTEGER, sum BLOB, held BLOB) WITHOUT ROWID"


def kept_file() -> Path:
    """Where they are: ``diagnose.sqlite`` in :func:`evaluators.cached.cache_folder`."""
    return cache_folder() / "diagnose.sqlite"


class KeptVectors:
    """The entries of one identity (:func:`evaluators.diagnose.identity.reference_identity`).

    Args:
        identity: what every entry depends on besides its own name.
        file: the file; made where it is not there.
        most: bytes that the file may have.
    """

    def __init__(self, identity: str, file: Path | None = None, most: int = _MOST) -> None:
        self._identity, self._file, self._most = identity, file or kept_file(), most
        self._usable = True

    def read(self, names: Sequence[str]) -> dict[str, Embeddings]:
        """Those of the entries that are there and whole, float32 of the shape they were written in."""
        keys = {self._key(name): name for name in names}
        held: dict[str, Embeddings] = {}
        with self._going_on_without(), closing(self._connection()) as database:
            for asked in _some(list(keys)):
                marks = ",".join("?" * len(asked))
                rows = database.execute(f"SELECT name, day, sum, held FROM vectors WHERE name IN ({marks})", asked)
                read = [(key, day, _array(key, total, blob)) for key, day, total, blob in rows.fetchall()]
                held |= {keys[key]: array for key, _, array in read if array is not None}
                old = [(_today(), key) for key, day, _ in read if day != _today()]
                database.executemany("UPDATE vectors SET day = ? WHERE name = ?", old)
            database.commit()
        return held

    def write(self, entries: Mapping[str, Embeddings]) -> None:
        """Keep entries of up to four dimensions, and give up the oldest where the file would grow over its bound."""
        rows = []
        for name, array in entries.items():
            key, blob = self._key(name), _blob(array)
            rows.append((key, _today(), _sum(key, blob), blob))
        with self._going_on_without(), closing(self._connection()) as database:
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)
            database.commit()
            self._make_room(database)

    def _make_room(self, database: sqlite3.Connection) -> None:
        size = _pragma(database, "page_size")
        used = size * (_pragma(database, "page_count") - _pragma(database, "freelist_count"))
        if used <= self._most:
            return
        left = used
        for key, length in database.execute("SELECT name, length(held) FROM vectors ORDER BY day, name").fetchall():
            if left <= _LEFT * self._most:
                break
            database.execute("DELETE FROM vectors WHERE name = ?", [key])
            left -= length + 64
        database.commit()
        database.execute("PRAGMA incremental_vacuum").fetchall()

    @contextmanager
    def _going_on_without(self) -> Iterator[None]:
        """Where anything is wrong with the file, nothing more is asked of it in this process."""
        try:
            yield
        except (sqlite3.OperationalError, OSError):  # a full disk, a folder that is not ours, another process for long
            self._usable = False
        except sqlite3.DatabaseError:  # torn by a crash, or never ours: the next process begins a new one
            self._usable = False
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def _connection(self) -> sqlite3.Connection:
        place = ":memory:"
        if self._usable:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place = str(self._file)
        database = sqlite3.connect(place, timeout=_WAIT)
        # A file torn by a power cut is seen (sums), and costs nothing but the encoding: no waiting for the disk.
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA auto_vacuum = INCREMENTAL")
        database.execute(_TABLE)
        return database

    def _key(self, name: str) -> bytes:
        return sha256(f"{self._identity}\n{name}".encode()).digest()


def _blob(array: Embeddings) -> bytes:
    """The shape, as four 32-bit integers of which those ahead are zero, and the numbers."""
    shape = (*(0,) * (_HEAD - array.ndim), *array.shape)
    return np.array(shape, dtype="<i4").tobytes() + np.ascontiguousarray(array, dtype="<f4").tobytes()


def _array(key: bytes, total: object, blob: object) -> Embeddings | None:
    """What an entry holds; None where it is not what was written under its name."""
    if not isinstance(blob, bytes) or len(blob) < 4 * _HEAD or total != _sum(key, blob):
        return None
    shape = [size for size in np.frombuffer(blob[: 4 * _HEAD], dtype="<i4").tolist() if size]
    return np.frombuffer(blob[4 * _HEAD :], dtype="<f4").reshape(shape).astype(np.float32)


def _sum(key: bytes, blob: bytes) -> bytes:
    return blake2b(blob, key=key, digest_size=16).digest()


def _some(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    yield from (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE))


def _pragma(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _today() -> int:
    return int(time.time()) // _DAY

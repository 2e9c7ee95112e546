"""Result files on shared storage (``s3://bucket/path``): the layouts a folder has, read over a network.

A request takes as long as reading hundreds of files from a disk does, so that models are listed side by side, and what
is read next is asked for ahead. A file is new when its etag or its size is another.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from data.store.errors import InputError, StorageError, UnreadableResultError
from data.store.storage import Storage, StoredFile, open_storage
from data.store.storage_base import checked_path
from data.store.vocabulary import StorageFault
from evaluators.official.scan import EXPERIMENTS, LARGEST, META, FoundFile, Source, above_limit

__all__ = ["StorageSource", "stored_sources"]

_AT_ONCE = 32  # requests; a service answers thousands a second, a process of ours reads some hundreds
# What is wrong with one file, and not with the storage: any other fault ends the import, since a key that ran out or a
# service that is away would otherwise end every result.
_OF_THE_FILE = {
    StorageFault.MISSING: "The file was removed while it was imported",
    StorageFault.TOO_LARGE: f"The file has more than {LARGEST // 2**20} MB; no result has",
    StorageFault.ARCHIVED: "The file is archived and cannot be read",
}


def stored_sources(address: str) -> list[Source]:
    """The results at an address: below ``results/``, in mteb's cache, or right there, as in a folder.

    Raises:
        InputError: nothing there looks like results, so that a place that was emptied ends no result.
        StorageError: the storage cannot be asked.
    """
    storage = open_storage(address)
    top = storage.folders()
    if "remote" in top and "remote/results" in storage.folders("remote"):
        own = [StorageSource(f"{storage.url}/results", own_runs=True)] if "results" in top else []
        return [StorageSource(f"{storage.url}/remote/results"), *own]
    if "results" in top:
        return [StorageSource(f"{storage.url}/results")]
    if any(_at_a_results_place(file.path) for model in top[:20] for file in _in_model(storage, model)):
        return [StorageSource(storage.url)]
    raise _no_results(storage)


class StorageSource:
    """Results on shared storage: <model>/<revision>/<Task>.json, variants below <revision>/experiments/<name>/.

    Sent to another process it takes the address alone; that process asks with credentials of its own environment.
    """

    def __init__(self, root: str, *, own_runs: bool = False) -> None:
        self.root, self.own_runs = root, own_runs
        self._opened: Storage | None = None
        self._threads: ThreadPoolExecutor | None = None
        self._coming: dict[str, Future[bytes]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {"root": self.root, "own_runs": self.own_runs, "_opened": None, "_threads": None, "_coming": {}}

    def files(self) -> Iterator[FoundFile]:
        """Every result file, model by model; raises StorageError where a listing fails, and then none of them count."""
        storage = self._storage()
        models = [model for model in storage.folders() if not _odd(model)]
        if not models:  # a moment ago there were some
            raise _no_results(storage)
        for listed in self._side_by_side(lambda model: list(_in_model(storage, model)), models):
            yield from (_found(file) for file in listed if _at_a_results_place(file.path))

    def ahead(self, paths: Sequence[str]) -> None:
        """Ask for files that are read next, and for what names the model of each folder."""
        self._coming.clear()  # what a batch that was left early had asked for
        self._storage()
        folders = dict.fromkeys(path.rpartition("/")[0] for path in paths)
        for path in dict.fromkeys([*(f"{folder}/{META}" for folder in folders), *paths]):
            self._coming[path] = self._pool().submit(self._fetch, path)

    def has(self, path: str) -> bool:
        """Whether a file is there; it is fetched, since it is read next."""
        try:
            data = self._result(path)
        except StorageError as error:
            if error.code == StorageFault.MISSING:
                return False
            raise
        held: Future[bytes] = Future()
        held.set_result(data)
        self._coming[path] = held
        return True

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            UnreadableResultError: this one cannot be read.
            StorageError: the storage does not answer or refuses us; the import cannot go on.
        """
        try:
            return self._result(path)
        except StorageError as error:
            with suppress(KeyError):
                raise UnreadableResultError(_OF_THE_FILE[StorageFault(error.code)]) from error
            raise

    def _result(self, path: str) -> bytes:
        coming = self._coming.pop(path, None)
        return self._fetch(path) if coming is None else coming.result()

    def _fetch(self, path: str) -> bytes:
        return self._storage().read(path, LARGEST)

    def _storage(self) -> Storage:
        if self._opened is None:
            self._opened = open_storage(self.root)
        return self._opened

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_AT_ONCE, "plumbline-storage")
        return self._threads

    def _side_by_side(self, ask: Callable[[str], list[StoredFile]], names: Iterable[str]) -> Iterator[list[StoredFile]]:
        """Answers in order, some of them ahead; the first that fails ends all."""
        waiting: deque[Future[list[StoredFile]]] = deque()
        try:
            for name in names:
                waiting.append(self._pool().submit(ask, name))
                if len(waiting) > _AT_ONCE:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _no_results(storage: Storage) -> InputError:
    return InputError(
        "The storage holds no results of mteb",
        where=storage.url,
        remedy="It should hold results/<model>/<revision>/<Task>.json, as a checkout of embeddings-benchmark/results.",
    )


def _in_model(storage: Storage, model: str) -> Iterator[StoredFile]:
    return iter(()) if _odd(model) else storage.files(model)


def _odd(path: str) -> bool:
    """Whether a key could not be a path; whoever may write to a bucket may call an object anything."""
    try:
        checked_path(path)
    except InputError:
        return True
    return False


def _at_a_results_place(path: str) -> bool:
    parts = path.split("/")
    return path.endswith(".json") and (len(parts) == 3 or (len(parts) == 5 and parts[2] == EXPERIMENTS))


def _found(file: StoredFile) -> FoundFile:
    problem = "Its name could not be a path" if _odd(file.path) else above_limit(file.size)
    return FoundFile(file.path, file.size, _stamp(file.version), problem)


def _stamp(version: str) -> int:
    """What the table ``files`` remembers of a version: its time where it is one, else 63 bits of its SHA-256.

    Two versions of one file, of the same size, are taken for one with a chance of 1 in 9e18.
    """
    return int.from_bytes(hashlib.sha256(version.encode()).digest()[:8], "big") >> 1

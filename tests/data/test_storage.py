"""Shared storage: folders and a real S3 server, by the same questions; what goes wrong is a sentence without keys."""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.store.errors import InputError, MissingDependencyError, StorageError
from data.store.storage import Storage, StoredFile, is_address, open_storage
from data.store.vocabulary import StorageFault
from tests.s3_server import KEY, SECRET, S3Server
from tests.serving import ROOT

LIMIT = 2**20


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """An empty storage of each kind."""
    if request.param == "folder":
        return open_storage(f"file://{tmp_path}/shared")
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/team/results")


def paths(storage: Storage, below: str = "") -> list[str]:
    return [file.path for file in storage.files(below)]


def test_what_is_written_is_read_listed_and_removed(storage: Storage) -> None:
    assert paths(storage) == [] and storage.look("a/b.json") is None and storage.folders() == []
    for path, data in (("a/b.json", b"one"), ("a/c/d é.json", b""), ("e.json", b"x" * 1000)):
        storage.write(path, data)
    assert [(file.path, file.size) for file in storage.files()] == [
        ("a/b.json", 3),
        ("a/c/d é.json", 0),
        ("e.json", 1000),
    ]
    assert paths(storage, "a") == ["a/b.json", "a/c/d é.json"] and paths(storage, "nothing") == []
    assert storage.folders() == ["a"] and storage.folders("a") == ["a/c"]
    assert storage.read("a/b.json", 3) == b"one" and storage.read("a/c/d é.json", 10) == b""
    assert storage.look("e.json") == list(storage.files())[-1] and storage.look("a") is None
    for path in ("a/b.json", "a/b.json", "never.json"):
        storage.remove(path)
    assert paths(storage) == ["a/c/d é.json", "e.json"]


def test_another_version_is_told_from_the_one_before_at_the_same_size(storage: Storage) -> None:
    storage.write("a.json", b"one")
    first = storage.look("a.json")
    storage.write("a.json", b"two")
    second = storage.look("a.json")
    assert isinstance(first, StoredFile) and isinstance(second, StoredFile)
    assert first.size == second.size and first.version != second.version
    assert list(storage.files()) == [second]


def test_only_the_first_of_several_writers_wins(storage: Storage) -> None:
    assert storage.write_new("claim.json", b"first")
    assert not storage.write_new("claim.json", b"second")
    assert storage.read("claim.json", LIMIT) == b"first"


def test_of_sixteen_writers_at_once_one_wins(tmp_path: Path) -> None:
    """In a folder; what S3 promises moto does not keep under a race: it looks and writes without a lock."""
    storage = open_storage(tmp_path)
    barrier = threading.Barrier(16)

    def write(number: int) -> bool:
        barrier.wait()
        return storage.write_new("claim", b"%d" % number)

    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(write, range(16)))
    assert won.count(True) == 1 and storage.read("claim", 10) == b"%d" % won.index(True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["claim"]


def test_where_there_are_no_hard_links_one_wins_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _refuse)
    storage = open_storage(tmp_path)
    assert storage.write_new("claim", b"1") and not storage.write_new("claim", b"2")
    assert paths(storage) == ["claim"]


def _refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_readers_during_writes_see_whole_files_only(storage: Storage) -> None:
    bodies = [bytes([letter]) * 200_000 for letter in b"abc"]
    storage.write("file", bodies[0])
    done = threading.Event()

    def write() -> None:
        for turn in itertools.count():
            if done.is_set():
                return
            storage.write("file", bodies[turn % 3])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(12):
            assert storage.read("file", LIMIT) in bodies
            assert [(file.path, file.size) for file in storage.files()] == [("file", 200_000)]
    finally:
        done.set()
        writer.join()


_KILLED = """
import sys
from data.store.storage import open_storage
storage = open_storage(sys.argv[1])
print("ready", flush=True)
for turn in range(10**9):
    storage.write("a.json", bytes([97 + turn % 3]) * 3_000_000)
"""


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new(storage: Storage, s3_server: S3Server) -> None:
    """Killed at moments spread over its writes; what it left beside a file is in no listing."""
    for moment in (0.02, 0.05, 0.11):
        writer = subprocess.Popen(
            [sys.executable, "-c", _KILLED, storage.url], cwd=ROOT, stdout=subprocess.PIPE,
            env={**os.environ, **s3_server.environment()},
        )  # fmt: skip
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        while storage.look("a.json") is None:
            time.sleep(0.01)
        time.sleep(moment)
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        assert [(file.path, file.size) for file in storage.files()] == [("a.json", 3_000_000)]
        assert len(set(storage.read("a.json", 2**23))) == 1


def test_a_server_that_dies_in_the_midst_of_a_write_leaves_the_old_file(bucket: str, s3_server: S3Server) -> None:
    storage = open_storage(f"s3://{bucket}/results")
    storage.write("a.json", b"old")
    with s3_server.failing(lambda request: "cut" if request.method == "PUT" else None):
        for write in (storage.write, storage.write_new):
            with pytest.raises(StorageError) as raised:
                write("a.json", b"x" * 200_000)
            assert raised.value.code == StorageFault.AWAY
        assert storage.read("a.json", LIMIT) == b"old"


def test_an_upload_in_parts_that_was_not_completed_is_no_file(bucket: str, s3_server: S3Server) -> None:
    client = s3_server.client()
    upload = client.create_multipart_upload(Bucket=bucket, Key="results/a.json")["UploadId"]
    client.upload_part(Bucket=bucket, Key="results/a.json", PartNumber=1, UploadId=upload, Body=b"x" * 1000)
    storage = open_storage(f"s3://{bucket}/results")
    assert paths(storage) == [] and storage.look("a.json") is None


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../a", "a/../../b", "a//b", "", ".", "a/", "a\\b", "a\0b", "x" * 1100]
)
def test_a_path_that_leads_elsewhere_is_refused(storage: Storage, path: str) -> None:
    asks: list[Callable[[], object]] = [
        lambda: storage.read(path, 1), lambda: storage.write(path, b""), lambda: storage.write_new(path, b""),
        lambda: storage.remove(path), lambda: storage.look(path), lambda: storage.upload(Path(__file__), path),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(InputError, match="no path below the storage"):
            ask()


def test_links_that_lead_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "folder").symlink_to(tmp_path)
    storage = open_storage(root)
    assert paths(storage) == [] and storage.look("link") is None
    for ask in (lambda: storage.read("link", 9), lambda: storage.write("folder/new", b"")):
        with pytest.raises(StorageError) as raised:
            ask()
        assert raised.value.code == StorageFault.MISSING


def test_no_more_is_read_than_allowed(storage: Storage) -> None:
    storage.write("a", b"x" * 101)
    assert len(storage.read("a", 101)) == 101
    with pytest.raises(StorageError) as raised:
        storage.read("a", 100)
    assert raised.value.code == StorageFault.TOO_LARGE


def test_what_is_not_there_is_said(storage: Storage) -> None:
    with pytest.raises(StorageError, match="no such file") as raised:
        storage.read("a/b", 9)
    assert raised.value.code == StorageFault.MISSING and "a/b" in str(raised.value)


def test_large_files_go_up_and_come_down_whole(storage: Storage, tmp_path: Path) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(os.urandom(3 * 2**20))
    storage.upload(there, "stores/one.duckdb")
    storage.download("stores/one.duckdb", back)
    assert back.read_bytes() == there.read_bytes()
    with pytest.raises(StorageError, match="no such file"):
        storage.download("stores/two.duckdb", back)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://host/path", "no storage we know"),
        ("s3://", "names no bucket"),
        ("s3:///path", "names no bucket"),
        ("s3://AKIAIOSFODNN7:wJalrXUtnFEMI@bucket/path", "Credentials do not belong"),
        ("s3://token@bucket/path", "Credentials do not belong"),
        ("abfs://container@wJalr.dfs.core.windows.net/path", "Credentials do not belong"),
        ("az://container/path?sig=wJalrXUtnFEMI", "Credentials do not belong"),
        ("s3://bucket/a/../b", "no path below"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_secrets(address: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        open_storage(address)
    assert "wJalr" not in str(raised.value) and "AKIA" not in str(raised.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(MissingDependencyError, match="pip install gcsfs"):
        open_storage("gs://bucket/path")


def test_the_same_place_has_one_address(tmp_path: Path, bucket: str) -> None:
    assert {open_storage(each).url for each in (tmp_path, f"file://{tmp_path}/", str(tmp_path))} == {str(tmp_path)}
    assert {open_storage(f"{scheme}://{bucket}/a/").url for scheme in ("s3", "S3", "s3a")} == {f"s3://{bucket}/a"}
    assert is_address("s3://a") and not is_address("a/b") and not is_address(str(tmp_path))


def test_a_storage_that_is_sent_elsewhere_carries_no_credentials(storage: Storage, s3_server: S3Server) -> None:
    storage.write("a", b"1")
    sent = pickle.dumps(storage)
    assert KEY.encode() not in sent and SECRET.encode() not in sent
    assert pickle.loads(sent).read("a", 9) == b"1" and pickle.loads(sent).url == storage.url


@pytest.fixture
def away() -> Iterator[S3Server]:
    """A server of its own, to be stopped."""
    server = S3Server()
    yield server
    server.stop()


def _asks(storage: Storage, local: Path) -> list[Callable[[], object]]:
    return [
        lambda: list(storage.files()), storage.folders, lambda: storage.look("a"), lambda: storage.read("a", 9),
        lambda: storage.write("a", b""), lambda: storage.write_new("a", b""), lambda: storage.remove("a"),
        lambda: storage.upload(Path(__file__), "a"), lambda: storage.download("a", local),
    ]  # fmt: skip


def test_a_bucket_that_is_not_there_is_no_empty_one(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    for ask in _asks(open_storage(f"s3://{bucket}-not/results"), tmp_path / "local")[:2]:
        with pytest.raises(StorageError, match="no such bucket") as raised:
            ask()
        assert raised.value.code == StorageFault.NO_BUCKET


@pytest.mark.parametrize(
    ("status", "fault", "words"),
    [(403, StorageFault.REFUSED, "AWS_ACCESS_KEY_ID"), (503, StorageFault.AWAY, "try again")],
)
def test_every_refusal_is_a_sentence_with_a_remedy(
    bucket: str, s3_server: S3Server, tmp_path: Path, status: int, fault: StorageFault, words: str,
) -> None:  # fmt: skip
    storage = open_storage(f"s3://{bucket}/results")
    with s3_server.failing(lambda _: status):
        # Twice six tries each, with pauses, where the storage is away.
        for ask in _asks(storage, tmp_path / "local")[:: 1 if status == 403 else 4]:
            with pytest.raises(StorageError, match=words) as raised:
                ask()
            assert raised.value.code == fault and bucket in raised.value.where
            assert KEY not in str(raised.value) and SECRET not in str(raised.value)


def test_without_credentials_what_to_set_is_said(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(StorageError, match="AWS_PROFILE") as raised:
        open_storage(f"s3://{bucket}/results").read("a", 9)
    assert raised.value.code == StorageFault.REFUSED


def test_a_server_that_is_gone_is_away(away: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in away.environment().items():
        monkeypatch.setenv(name, value)
    storage = open_storage(f"s3://{away.bucket()}/results")
    storage.write("a", b"1")
    away.stop()
    for ask in (lambda: list(storage.files()), lambda: storage.read("a", 9)):
        with pytest.raises(StorageError, match="cannot be reached") as raised:
            ask()
        assert raised.value.code == StorageFault.AWAY


def test_half_an_answer_is_asked_for_again_and_never_taken(bucket: str, s3_server: S3Server) -> None:
    storage = open_storage(f"s3://{bucket}/results")
    storage.write("a", b"x" * 100_000)
    torn = iter(["drop"])
    with s3_server.failing(lambda request: next(torn, None) if request.method == "GET" else None):
        assert storage.read("a", LIMIT) == b"x" * 100_000
    with s3_server.failing(lambda _: "drop"), pytest.raises(StorageError) as raised:
        storage.read("a", LIMIT)
    assert raised.value.code == StorageFault.AWAY


def test_a_page_of_a_listing_that_fails_fails_the_listing(
    bucket: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    storage = open_storage(f"s3://{bucket}/results")
    for number in range(5):
        storage.write(f"{number}.json", b"")
    s3_server.forget()
    assert len(paths(storage)) == 5 and s3_server.lists() == 3
    last = iter([None, None])
    with s3_server.failing(lambda _: next(last, 403)), pytest.raises(StorageError):
        paths(storage)

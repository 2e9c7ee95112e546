"""Opening, publishing and guarding the store."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path

import duckdb
import pytest

from data.store.database import StoreReader, open_reader, store_path, version_of, writing
from data.store.errors import StoreBusyError, StoreDamagedError, StoreMissingError, StoreOutdatedError
from data.store.migrate import SCHEMA_VERSION
from tests.serving import ROOT


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "store.duckdb"
    put(path, "first", fresh=True)
    return path


def put(path: Path, value: str, *, fresh: bool = False) -> None:
    with writing(path, fresh=fresh) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('note', ?)", [value])


def note(reader: StoreReader) -> str:
    row = reader.cursor().execute("SELECT value FROM meta WHERE key = 'note'").fetchone()
    assert row is not None
    return str(row[0])


def hold(path: Path, ready: str) -> None:
    """Write without end, in a process of its own."""
    with writing(path) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('note', 'never published')")
        Path(ready).touch()
        time.sleep(60)


def start_holding(path: Path, ready: Path) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=hold, args=(path, str(ready)), daemon=True)
    process.start()
    deadline = time.monotonic() + 30
    while not ready.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process


def test_the_environment_names_another_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "other.duckdb"))
    assert store_path() == tmp_path / "other.duckdb"
    monkeypatch.delenv("PLUMBLINE_STORE")
    assert store_path().name == "plumbline.duckdb"


def test_what_a_test_names_no_store_for_leaves_the_users_alone() -> None:
    assert ROOT not in store_path().parents and not store_path().exists()


def test_a_reader_keeps_the_version_it_opened(path: Path) -> None:
    old = open_reader(path)
    put(path, "second")
    new = open_reader(path)
    assert (note(old), note(new)) == ("first", "second")
    assert old.version != new.version == version_of(path)


def test_a_reader_cannot_write(path: Path) -> None:
    with pytest.raises(duckdb.Error):
        open_reader(path).cursor().execute("INSERT INTO meta VALUES ('x', 'y')")


def test_threads_read_through_cursors_of_their_own(path: Path) -> None:
    put(path, "1")
    reader, wrong = open_reader(path), []

    def read(number: int) -> None:
        for _ in range(40):
            row = reader.cursor().execute("SELECT sum(i) + ? FROM range(1000) t(i)", [number]).fetchone()
            if row != (499500 + number,):
                wrong.append(row)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_failed_write_leaves_the_store_and_no_litter(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(RuntimeError), writing(path) as connection:
        connection.execute("DELETE FROM meta")
        raise RuntimeError
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir() if "partial" in p.name] == []


def test_a_second_writer_is_told(path: Path, tmp_path: Path) -> None:
    process = start_holding(path, tmp_path / "ready")
    try:
        with pytest.raises(StoreBusyError, match="Another process is writing the store"), writing(path):
            pass
        assert note(open_reader(path)) == "first"
    finally:
        process.kill()
        process.join()


def test_a_killed_writer_leaves_the_store_and_the_next_one_cleans_up(path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    process = start_holding(path, tmp_path / "ready")
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert path.read_bytes() == before
    assert any("partial" in p.name for p in path.parent.iterdir())
    put(path, "after")
    assert note(open_reader(path)) == "after"
    assert not any("partial" in p.name for p in path.parent.iterdir())


def test_no_store_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StoreMissingError, match="python -m evaluators import"):
        open_reader(tmp_path / "nothing.duckdb")


def test_another_schema_is_refused_by_readers_and_writers(path: Path) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(SCHEMA_VERSION + 1)])
    with pytest.raises(StoreOutdatedError, match="--rebuild"):
        open_reader(path)
    with pytest.raises(StoreOutdatedError), writing(path):
        pass
    put(path, "fresh", fresh=True)
    assert note(open_reader(path)) == "fresh"


@pytest.mark.parametrize("content", [b"", b"not a database", b"\x00" * 10_000])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.duckdb"
    path.write_bytes(content)
    with pytest.raises(StoreDamagedError, match="--rebuild"):
        open_reader(path)
    assert path.read_bytes() == content


def test_a_quote_in_the_path_is_only_a_character(tmp_path: Path) -> None:
    path = tmp_path / "it's; DROP TABLE meta" / "store.duckdb"
    put(path, "here", fresh=True)
    assert note(open_reader(path)) == "here"

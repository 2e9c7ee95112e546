"""One switch says whether anything is written beside the store, and every writer of it goes by it."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pytest

from data.store.access_mode import must_be_writable, read_only, store_path
from data.store.database import reading, writing
from data.store.errors import ReadOnlyError


@pytest.mark.parametrize(
    ("switch", "expected"),
    [("1", True), ("yes", True), ("true", True), ("anything", True), ("0", False), ("", False), (" No ", False)],
)
def test_the_switch(switch: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", switch)
    assert read_only(tmp_path / "store.duckdb") is expected


def test_the_default_is_the_store_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_READ_ONLY", raising=False)
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "not" / "there" / "yet.duckdb"))
    assert store_path() == tmp_path / "not" / "there" / "yet.duckdb" and not read_only()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_read_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_READ_ONLY", raising=False)
    asked: list[Path] = []

    def refuse(path: Path, mode: int) -> bool:
        asked.append(path)
        return not mode & os.W_OK

    monkeypatch.setattr(os, "access", refuse)
    assert read_only(tmp_path / "store.duckdb") and asked == [tmp_path]
    with pytest.raises(ReadOnlyError, match="cannot be written to"):
        must_be_writable(tmp_path / "store.duckdb")


def test_no_writer_gets_past_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError, match="PLUMBLINE_READ_ONLY is set"), writing(tmp_path / "sub" / "store.duckdb"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_reader_writes_nothing_when_memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "store.duckdb"
    with writing(store):
        pass
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", "1")
    with reading(store) as cursor:
        cursor.execute("SET memory_limit = '40MB'; SET threads = 1")
        with pytest.raises(duckdb.OutOfMemoryException):
            cursor.execute("CREATE TEMP TABLE t AS SELECT hash(i)::VARCHAR || repeat('x', 99) FROM range(1000000) r(i)")
        assert list(Path.cwd().iterdir()) == []

"""``python -m evaluators publish``: what is new on the storage is imported, and the store published there."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.store.database import version_of
from data.store.publication import current_publication, fetch_store
from data.store.storage import open_storage
from tests.commands import Ended, command
from tests.make_store import add_private
from tests.official.conftest import ask, result
from tests.official.test_import import standing
from tests.official.test_storage import Put, put
from tests.s3_server import S3Server

__all__ = ["put"]  # the fixture


@pytest.fixture
def publish(bucket: str, store: Path, monkeypatch: pytest.MonkeyPatch):
    """The command on a store, a local one of this test unless another is named."""

    def run(*words: str, at: Path = store) -> Ended:
        monkeypatch.setenv("PLUMBLINE_STORE", str(at))
        return command("publish", f"s3://{bucket}", *words)

    return run


def test_results_come_in_and_the_store_goes_out(
    put: Put, publish, bucket: str, tmp_path: Path, s3_server: S3Server
) -> None:
    put(result("STS12", 0.5))
    ended = publish()
    assert ended.status == 0, ended.err
    assert "Published publication 1" in ended.out
    storage, theirs = open_storage(f"s3://{bucket}"), tmp_path / "theirs" / "plumbline.duckdb"
    first = current_publication(storage)
    assert first is not None
    fetch_store(storage, first, theirs)
    assert [score for *_, score in standing(theirs)] == [0.5]
    s3_server.forget()
    assert "Nothing new: it stays publication 1" in publish().out and s3_server.count("PUT") == 0
    # Another machine, without a store: the history of imports goes on from what is published.
    put(result("STS12", 0.7))
    elsewhere = tmp_path / "elsewhere" / "plumbline.duckdb"
    ended = publish(at=elsewhere)
    assert ended.status == 0 and "Began from publication 1" in ended.out and "Published publication 2" in ended.out
    history = "SELECT main_score, added_in, gone_in FROM results JOIN scores USING (result_id) ORDER BY added_in"
    assert ask(elsewhere, history) == [(0.5, 1, 2), (0.7, 2, None)]


def test_runs_of_this_machine_are_published_only_where_that_was_said(
    publish, made_store: Path, tmp_path: Path, bucket: str
) -> None:
    own = tmp_path / "own.duckdb"
    own.write_bytes(made_store.read_bytes())
    add_private(own)
    before = version_of(own)
    ended = publish("--no-import", at=own)
    assert ended.status == 2 and "3 runs of this machine" in ended.err and "--own-runs" in ended.err
    assert current_publication(open_storage(f"s3://{bucket}")) is None and version_of(own) == before
    assert publish("--no-import", "--own-runs", at=own).status == 0


def test_what_cannot_be_imported_is_not_published(publish, bucket: str) -> None:
    ended = publish()
    assert ended.status == 2 and "holds no results" in ended.err
    assert current_publication(open_storage(f"s3://{bucket}")) is None


def test_a_store_of_another_history_says_so(put: Put, publish, made_store: Path, tmp_path: Path) -> None:
    put(result())
    assert publish().status == 0
    other = tmp_path / "other.duckdb"
    other.write_bytes(made_store.read_bytes())
    ended = publish("--no-import", at=other)
    assert ended.status == 0 and "made of another store" in ended.err and "publication 2" in ended.out

"""A dashboard whose store comes from shared storage shows the new one without a restart, and says what is wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page
from streamlit.testing.v1 import AppTest

from dashboard.start.following import follow_published
from data.store.database import version_of
from data.store.errors import InputError
from data.store.following import Follower, followed
from data.store.publication import latest_publication, publish_store
from data.store.storage import open_storage
from tests.browser import drawn
from tests.dashboard.opened import on
from tests.make_store import make_store
from tests.s3_server import S3Server
from tests.serving import ROOT, served


@pytest.mark.browser
def test_a_page_shows_the_new_store_without_a_restart(
    made_store: Path, bucket: str, open_page: Callable[..., Page], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(f"s3://{bucket}/team")
    publish_store(storage, Path(shutil.copy(made_store, tmp_path / "ours.duckdb")), None)
    more = make_store(tmp_path / "more.duckdb", plain_models=31)
    monkeypatch.setenv("PLUMBLINE_STORE_FROM", storage.url)
    monkeypatch.setenv("PLUMBLINE_STORE_EVERY", "0.2")
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", "1")
    theirs = tmp_path / "theirs" / "plumbline.duckdb"
    with served(theirs, tmp_path / "log", ahead=True) as address:
        monkeypatch.delenv("PLUMBLINE_READ_ONLY")  # of the dashboard alone
        page = open_page(address)
        page.get_by_text("30 models ·").wait_for()
        page.get_by_text("publication 1").wait_for()
        shown = version_of(theirs)
        publish_store(storage, more, latest_publication(storage))
        end = time.monotonic() + 600
        while version_of(theirs) == shown:
            assert time.monotonic() < end
            time.sleep(0.05)
        while page.get_by_text("37 models ·").count() == 0:
            assert time.monotonic() < end, page.inner_text("body")
            assert page.get_by_test_id("stAlert").count() == 0 and page.get_by_test_id("stException").count() == 0
            page.reload()
            drawn(page)
        page.get_by_text("publication 2").wait_for()
        # The storage loses the pointer: what is shown stays, and the page says since when.
        storage.remove("stores/current.json")
        while page.get_by_text("no newer store could be had").count() == 0:
            assert time.monotonic() < end, page.inner_text("body")
            time.sleep(0.3)
            page.reload()
            drawn(page)
        assert page.get_by_text("37 models ·").count() == 1


def test_the_overview_says_what_keeps_a_newer_store_away(
    made_store: Path, bucket: str, s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(f"s3://{bucket}/team")
    ours = Path(shutil.copy(made_store, tmp_path / "plumbline.duckdb"))
    publish_store(storage, ours, None)
    monkeypatch.setenv("PLUMBLINE_STORE", str(ours))
    follower = Follower(storage, ours, 60)
    follower.look()
    captions = " ".join(each.value for each in on("overview").caption)
    assert "publication 1, of 20" in captions and bucket.partition("-")[2] in captions, captions
    with s3_server.failing(lambda _: 403):
        follower.look()
    said = " ".join(each.value for each in on("overview").markdown)
    assert "no newer store could be had" in said and "The storage refused us" in said and "AWS" in said
    said = " ".join(each.value for each in on("overview", lang="zh").markdown)
    assert "存储拒绝了访问" in said


def test_without_any_store_yet_the_page_says_why_none_has_come(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "plumbline.duckdb"))
    Follower(open_storage(f"s3://{bucket}-not"), tmp_path / "plumbline.duckdb", 60).look()
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180).run()
    assert not at.exception and "There is no such bucket" in at.error[0].value
    # Of another store that is not there, the bucket says nothing.
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "another.duckdb"))
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180).run()
    assert not at.exception and not at.error and "There is no store yet" in at.info[0].value


def test_settings_that_cannot_be_used_are_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "plumbline.duckdb"))
    monkeypatch.setenv("PLUMBLINE_STORE_FROM", str(tmp_path))
    for wrong in ("often", "0", "-1", "nan", "1e9"):
        monkeypatch.setenv("PLUMBLINE_STORE_EVERY", wrong)
        with pytest.raises(InputError, match="number of seconds"):
            follow_published()
    monkeypatch.delenv("PLUMBLINE_STORE_FROM")
    follow_published()
    assert followed(tmp_path / "plumbline.duckdb") is None

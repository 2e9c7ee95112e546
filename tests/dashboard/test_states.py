"""What cannot be shown is a sentence and a command, never a traceback."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from data.store.database import writing
from tests.make_store import make_store
from tests.serving import ROOT


@pytest.fixture
def at(monkeypatch, tmp_path):
    """A page test over a store in a folder of its own; nothing is there yet."""
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "store.duckdb"))
    return AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)


def store() -> Path:
    return Path(os.environ["PLUMBLINE_STORE"])


def said(at: AppTest) -> str:
    return " ".join(e.value for kind in ("info", "error", "warning", "markdown", "code") for e in at.get(kind))


def test_no_store_says_how_to_build_one(at):
    at.run()
    assert not at.exception
    assert "There is no store yet" in said(at)
    assert "python -m evaluators import" in [c.value for c in at.code]


def test_a_store_that_appears_is_shown_on_the_next_look(at):
    at.run()
    make_store(store())
    at.button(key="look_again").click().run()
    assert not at.exception and "There is no store yet" not in said(at)
    assert "Best of 30 models on 4 tasks" in said(at)


def test_older_schema(at, made_store):
    shutil.copyfile(made_store, store())
    with duckdb.connect(str(store())) as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'schema_version'")
    at.run()
    assert not at.exception
    assert "schema 0" in said(at) and "--rebuild" in said(at)


@pytest.mark.parametrize("content", [b"", b"not a database " * 400, "half"], ids=["empty file", "text", "cut in half"])
def test_damaged_file(at, made_store, content):
    whole = made_store.read_bytes()
    store().write_bytes(whole[: len(whole) // 2] if content == "half" else content)
    at.run()
    assert not at.exception
    assert "--rebuild" in said(at)


def test_a_folder_where_the_store_should_be(at):
    store().mkdir()
    at.run()
    assert not at.exception
    assert "--rebuild" in said(at)


def test_a_store_with_nothing_in_it(at):
    with writing(store(), fresh=True):
        pass
    at.run()
    assert not at.exception
    assert "python -m evaluators import" in [c.value for c in at.code]


def test_a_store_replaced_while_the_page_is_open(at):
    make_store(store(), plain_models=3)
    at.run()
    make_store(store(), plain_models=5)
    at.run()
    assert not at.exception
    assert "updated" in at.toast[0].value
    at.run()
    assert not at.toast


def test_a_store_that_goes_away_while_the_page_is_open(at):
    make_store(store(), plain_models=3)
    at.run()
    store().unlink()
    at.run()
    assert not at.exception
    assert "There is no store yet" in said(at)

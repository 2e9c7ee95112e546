"""Pages are drawn before anybody asks: what they ask of the store is answered then, and a failure stops nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.queries import profile
from dashboard.report.runner import run_page, stage
from dashboard.start import warming
from data.store.database import version_of, writing
from tests.serving import ROOT


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, made_store: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copy(made_store, tmp_path / "store.duckdb"))
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return path


def asked_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the store is asked from now on for the profile of a model."""
    asked: list[str] = []
    whole = profile.tasks_against_peers

    def counted(*args: object) -> object:
        asked.append("profile")
        return whole(*args)  # type: ignore[arg-type]

    counted.__module__, counted.__qualname__ = whole.__module__, whole.__qualname__
    monkeypatch.setattr(profile, "tasks_against_peers", counted)
    return asked


def test_who_opens_a_page_after_it_was_drawn_asks_nothing_of_the_store(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_again(monkeypatch)
    assert warming.warm(["models"]) == [] and asked == ["profile"]
    with stage():
        run_page("models", "")
    assert asked == ["profile"]
    with writing(store) as connection:  # another version: its answers are others
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('note', 'new')")
    assert warming.warm(["models"]) == [] and asked == ["profile", "profile"]


def test_a_page_that_fails_is_named_and_the_others_are_drawn(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def one(page: str, query: str) -> None:
        drawn.append(page)
        if page == "tasks":
            raise RuntimeError("as if")

    monkeypatch.setattr(warming, "run_page", one)
    assert warming.warm(["models", "tasks", "runs"]) == ["tasks"] and drawn == ["models", "tasks", "runs"]


def test_what_was_begun_for_a_store_that_is_gone_is_left(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    before = version_of(store)

    def one(page: str, query: str) -> None:
        drawn.append(page)
        with writing(store) as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('note', 'newer')")

    monkeypatch.setattr(warming, "run_page", one)
    warming.warm(["models", "tasks"], of=before)
    assert drawn == ["models"]


def test_all_pages_are_drawn_the_first_one_first() -> None:
    order = warming._in_order()
    assert order[0] == "" and {"leaderboard", "decisions"} <= set(order)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_what_serves_everyone_keeps_its_priority(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads inherit it: DuckDB's would answer every viewer as slowly as nobody, had pages drawn ahead begun them."""

    def priorities() -> dict[int, int]:
        threads = [int(thread.name) for thread in Path("/proc/self/task").iterdir()]
        return {thread: os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}

    ours, before = os.getpriority(os.PRIO_PROCESS, 0), priorities()
    seen: list[dict[int, int]] = []
    monkeypatch.setattr(warming, "run_page", lambda page, query: seen.append(priorities()))
    monkeypatch.setattr(warming, "_in_order", lambda: ["models"])
    monkeypatch.setattr(warming, "_NICENESS", 19)  # further down than the tests, whoever runs them
    warming._warm_behind(version_of(store))
    begun = [nice for thread, nice in seen[0].items() if thread not in before]
    assert sorted(begun) == [ours] * (len(begun) - 1) + [19] and len(begun) > 1


# A page that is being drawn for nobody, for as long as anybody waits, and a process that ends meanwhile.
STOPPED = """
import threading
from dashboard.start import warming
from data.store.access_mode import store_path
from data.store.database import open_reader

drawing = threading.Event()

def page(name, query):
    cursor = open_reader(store_path()).cursor()
    drawing.set()
    threading.Event().wait()

warming.run_page = page
warming.runtime.exists = lambda: True
warming.keep_warm()
drawing.wait()
"""


def test_a_server_stopped_while_it_draws_ahead_ends_without_a_word(store: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert (ended.returncode, ended.stdout.decode()) == (0, "")

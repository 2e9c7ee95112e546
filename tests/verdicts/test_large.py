"""A comparison of more cells than a page takes: a part of its models is shown, and what is said of all is of all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import believing, eyes, reproduction
from data.rules.believing import BeliefVerdict
from data.rules.deltas import cells_by_verdict, counted_by, deltas, thresholds
from data.store.database import open_reader
from data.store.vocabulary import Comparison
from tests.serving import ROOT
from tests.verdicts.making import BROKEN

LIMITS = thresholds()


@pytest.fixture
def cursor(page_store: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    reader = open_reader(page_store)
    yield reader.cursor()
    reader.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(believing, "MOST_CELLS", 10)
    monkeypatch.setattr(believing, "MOST_MODELS", 3)
    monkeypatch.setattr(reproduction, "MOST_MODELS", 3)


def test_a_part_is_counted_as_the_whole(cursor: duckdb.DuckDBPyConnection, small_pages: None) -> None:
    every = deltas(cursor, Comparison.REPORTED, LIMITS)
    part = reproduction.part_of(cursor, Comparison.REPORTED, LIMITS)
    assert part is not None and part.every == len(every) and len(part.shown) == 3
    assert counted_by(part.cells) == counted_by(cells_by_verdict(every))
    assert (part.models, part.tasks) == (every["model"].nunique(), every["task"].nunique())
    assert BROKEN in part.shown, "those of most figures that do not hold come first"
    task = str(every["task"].iloc[0])
    of_task = every[every["task"].str.contains(task.lower(), case=False, regex=False)]
    narrowed = reproduction.part_of(cursor, Comparison.REPORTED, LIMITS, task.lower())
    assert narrowed is not None and counted_by(narrowed.cells) == counted_by(cells_by_verdict(of_task))
    fine = sorted(set(every["model"]) - set(part.shown))[0]
    pinned = reproduction.part_of(cursor, Comparison.REPORTED, LIMITS, pinned=fine)
    assert pinned is not None and fine in pinned.shown


def test_how_many_claims_hold_is_known_without_judging_each(
    cursor: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = believing.believed(cursor, LIMITS)
    assert whole.models == len(whole.beliefs) and whole.doubtful and whole.holding
    monkeypatch.setattr(believing, "MOST_CELLS", 10)
    large = believing.believed(cursor, LIMITS)
    assert large[1:] == whole[1:]
    doubtful = [one for one in whole.beliefs if one.verdict not in (BeliefVerdict.HOLDS, BeliefVerdict.NOT_COMPARABLE)]
    assert {one.model for one in large.beliefs} == {one.model for one in doubtful}
    assert large.beliefs == doubtful, "what is usual is learned of everybody, as they are few"


def test_the_gravest_are_listed_and_all_are_counted(
    cursor: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = eyes.checked_claims(cursor, LIMITS)
    monkeypatch.setattr(eyes, "_MOST", 1)
    listed = eyes.checked_claims(cursor, LIMITS)
    assert listed.totals == whole.totals == whole.cells.groupby(["kind", "verdict"]).size().to_dict()
    assert len(listed.cells) == len(listed.totals) < len(whole.cells)
    assert listed.cells.iloc[0].equals(whole.cells.iloc[0])


def test_the_page_says_what_it_leaves_out(
    page_store: Path,
    small_pages: None,
    monkeypatch: pytest.MonkeyPatch,
    cursor: duckdb.DuckDBPyConnection,
    tmp_path: Path,
) -> None:
    # A copy: what pages asked of the store itself is remembered by its version, and they were not small.
    monkeypatch.setenv("PLUMBLINE_STORE", str(shutil.copyfile(page_store, tmp_path / "small.duckdb")))
    test = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    test.switch_page("screens/reproduction.py")
    test.query_params["r_compare"] = "Model cards"
    test.run()
    assert not test.exception, test.exception
    every = deltas(cursor, Comparison.REPORTED, LIMITS)
    words = " ".join(element.value for kind in ("markdown", "caption") for element in test.get(kind))
    assert f"3 of {every['model'].nunique()} models are shown" in words
    assert f"of {counted_by(cells_by_verdict(every)).comparable:,} comparable cells hold" in words
    assert "Of the 3 models shown below" in words

"""A store of more models than a browser should be sent: what is drawn is bounded, what is left out is said."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.runtime.caching import get_data_cache_stats_provider
from streamlit.testing.v1 import AppTest

from dashboard import access, bound
from dashboard.queries import leaderboard, profile, replace, search
from dashboard.queries.rows import wide
from dashboard.queries.search import Sort, ranked_hits, searched_items
from dashboard.sections import board
from data.store.database import StoreReader, Version, open_reader
from tests.serving import ROOT


def opened(page: str, **asked: str | list[str]) -> AppTest:
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.switch_page(f"screens/{page}.py")
    for name, value in asked.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


@pytest.fixture
def crowded(made_store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A copy of the made store, of which no other page has asked, on pages that take three options and two rows."""
    store = Path(shutil.copyfile(made_store, tmp_path / "crowded.duckdb"))
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    monkeypatch.setattr(bound, "MOST", 3)
    monkeypatch.setattr(bound, "OFFERED", 2)
    monkeypatch.setattr(board, "MOST_ROWS", 2)
    return store


def models(store: Path) -> list[str]:
    query = "SELECT model FROM model_counts WHERE tasks > 0 ORDER BY lower(model), model"
    return [name for (name,) in open_reader(store).cursor().execute(query).fetchall()]


def test_a_control_offers_some_and_finds_the_rest(crowded: Path) -> None:
    every = models(crowded)
    chosen = every[-1]
    at = opened("models", m_model=chosen)
    control = at.selectbox(key="m_model")
    assert control.value == chosen, "a link opens as it was copied"
    assert chosen in control.options and len(control.options) <= 4 < len(every), "two, the default and the one chosen"
    other = every[-2]
    at.text_input(key="_m_model_part").set_value(other.rpartition("/")[2][:12].upper()).run()
    control = at.selectbox(key="m_model")
    assert other in control.options and chosen in control.options and control.value == chosen
    control.set_value(other).run()
    assert at.selectbox(key="m_model").value == other and not at.exception


def test_a_control_of_several_keeps_those_chosen(crowded: Path) -> None:
    chosen = models(crowded)[-2:]
    at = opened("compare", c_models=chosen)
    assert list(at.multiselect(key="c_models").value) == chosen


def table(at: AppTest) -> Any:
    return next(frame.value for frame in at.dataframe if "Rank" in frame.value)


def test_a_large_board_draws_the_first_rows_of_any_order(crowded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened("leaderboard")
    drawn = table(at)
    words = " ".join(element.value for element in at.caption)
    assert len(drawn) == 2 and "rows are drawn" in words
    turned = table(at.toggle(key="l_reverse").set_value(True).run())
    by_name = table(at.toggle(key="l_reverse").set_value(False).run().selectbox(key="l_sort").set_value("Model").run())
    monkeypatch.setattr(board, "MOST_ROWS", 1000)
    whole = opened("leaderboard")
    assert "rows are drawn" not in " ".join(element.value for element in whole.caption)
    every = table(whole)
    assert len(every) > 2 and drawn["Model"].tolist() == every["Model"].tolist()[:2]
    last = table(whole.toggle(key="l_reverse").set_value(True).run())
    assert turned["Model"].tolist() == last["Model"].tolist()[:2]
    assert by_name["Model"].tolist() == sorted(every["Model"], key=str.casefold)[:2]


def test_a_name_is_found_among_very_many(made_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = open_reader(made_store).cursor()
    every = searched_items(cursor)
    names = [item.key for item in every if item.sort == Sort.MODEL]
    monkeypatch.setattr(search, "_FEW_MODELS", 0)
    assert not [item for item in searched_items(cursor) if item.sort == Sort.MODEL], "nothing typed, nothing meant"
    for name in names:
        typed = name.rpartition("/")[2]
        found = ranked_hits(typed, searched_items(cursor, typed))
        assert found == ranked_hits(typed, every), typed
    typed = names[0].rpartition("/")[2]
    wrong = typed[:4] + "x" + typed[5:]
    assert ranked_hits(wrong, searched_items(cursor, wrong))[:1] == ranked_hits(wrong, every)[:1]


def test_what_was_asked_is_kept_up_to_so_many_bytes(made_store: Path) -> None:
    asked: list[int] = []

    def large(_: object, number: int) -> bytes:
        asked.append(number)
        return bytes(60_000_000)

    def ask(number: int) -> None:
        assert len(access._answer("nowhere", Version(0, 0, 0), "large", str(number), reader, large, (number,), {}))

    reader = StoreReader(made_store)
    for number in range(6):
        ask(number)
    sizes = [each.byte_length for group in get_data_cache_stats_provider().get_stats().values() for each in group
             if each.cache_name.endswith("_answer")]  # fmt: skip
    assert 180_000_000 < sum(sizes) <= 200_000_000, "three of them"
    ask(5)
    assert asked == [0, 1, 2, 3, 4, 5], "what was asked last is still there"
    ask(0)
    assert asked[-1] == 0, "what was asked first is not"
    for number in (0, 3, 4, 5):
        access._answer.clear("nowhere", Version(0, 0, 0), "large", str(number), reader, large, (number,), {})
    reader.close()


def test_a_table_of_scores_is_as_a_pivot_and_its_names_are_asked_for_once(made_store: Path) -> None:
    cursor = open_reader(made_store).cursor()
    rows: list[int] = []

    class Counting:
        def execute(self, *asked: Any) -> Any:
            answer = cursor.execute(*asked)
            rows.append(answer.fetchone() is not None and 1 + len(answer.fetchall()))
            return cursor.execute(*asked)

    cells = "SELECT model, task, score FROM board_cells($benchmark, NULL, NULL, false)"
    for benchmark in leaderboard.benchmarks(cursor)["benchmark"]:
        asked = {"benchmark": benchmark}
        long = cursor.execute(cells, asked).df()
        expected = long.pivot(index="model", columns="task", values="score")
        rows.clear()
        table = wide(Counting(), cells, asked, "task", "score")  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(table, expected)
        assert rows == [len(expected), len(expected.columns), len(long)]


def test_what_is_copied_at_each_run_of_a_page_has_no_lists(made_store: Path) -> None:
    """An answer is copied for everyone who asks: a column of lists takes a hundred times as long as one of texts."""
    cursor = open_reader(made_store).cursor()
    board = leaderboard.benchmarks(cursor)["benchmark"].iloc[0]
    selection = leaderboard.selected(cursor, board, leaderboard.Filter())
    models = leaderboard.table(cursor, board, selection)
    standings = profile.standings(cursor, board)
    for frame in (models, standings, replace.rivals(cursor, models["model"].iloc[0], board)):
        assert len(frame) and not [name for name in frame if frame[name].dtype == object]
    for row in models.to_dict("records"):
        mine = profile.standing_of(standings, row["model"])
        assert mine is not None and (mine.rank, mine.missing) == (row["rank"], row["tasks_missing"])
    assert profile.standing_of(standings, "nobody/knows") is None

"""What an address asks for: names nobody knows, orders of tables, and the way back to a page."""

from __future__ import annotations

import itertools
import shutil

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.tables.columns import PARAMETERS, Column, Table
from tests.dashboard.choose_store import BENCHMARK, LATE
from tests.dashboard.gaps_store import BENCHMARK as GAPS
from tests.dashboard.gaps_store import BETTER, UNFINISHED
from tests.dashboard.opened import on
from tests.serving import ROOT

A, B = "org/model-00", "org/model-02"


@pytest.fixture(scope="module")
def path(made_choice):
    return made_choice


@pytest.fixture(scope="module")
def gaps(made_gaps):
    return made_gaps


@pytest.fixture(autouse=True)
def store(monkeypatch, path):
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))


def text(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "subheader")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "asked", "said"),
    [
        ("models", {"m_model": "org/model-0O"}, "no model “org/model-0O” in this store.** Did you mean org/model-"),
        ("models", {"m_model": "MODEL-02"}, "no model “MODEL-02” in this store.** Did you mean org/model-02"),
        ("models", {"m_model": A, "m_benchmark": "Chose(all)"}, "Did you mean Choose(all)?"),
        ("tasks", {"t_task": "Serch1"}, "no task “Serch1” in this store.** Did you mean Search1"),
        ("tasks", {"t_task": "Search1", "t_open": "org/model-99"}, "no model on this task “org/model-99”"),
        ("compare", {"c_benchmark": "choose"}, "Did you mean Choose(all)?"),
        ("compare", {"c_models": ["org/model-2"]}, "models cannot be “org/model-2” (near it: org/model-"),
        ("use", {"u_use": "Retrieval for RGA"}, "Did you mean Retrieval for RAG?"),
        ("changes", {"w_benchmark": "Choose"}, "Did you mean Choose(all)?"),
        ("leaderboard", {"benchmark": "Choose(al)"}, "Did you mean Choose(all)?"),
    ],
)
def test_a_name_nobody_knows_is_said_with_those_near_it(page, asked, said):
    at = on(page, **asked)
    assert said in text(at)
    if page in ("models", "leaderboard") or "c_models" in asked:
        assert not at.dataframe, "and nothing else is shown in its place"
    if "c_models" in asked:
        assert "None of the models the link asks for is in this store" in text(at)


@pytest.mark.parametrize(
    ("asked", "title", "address"),
    [
        ({"weights": "Open", "name": "model-0"}, "Leaderboard", {"l_weights": "Open", "l_name": "model-0"}),
        ({"l_name": "model-0", "lang": "en"}, "Leaderboard", {"l_name": "model-0", "lang": "en"}),
        ({"c_models": [A, B]}, "Compare", {"c_models": [A, B]}),
        ({"o_find": "model"}, "Overview", {"o_find": "model"}),
        ({"lang": "en"}, "Overview", {"lang": "en"}),
        ({}, "Overview", {}),
    ],
)
def test_a_link_to_the_root_opens_the_page_it_asks(asked, title, address):
    """The leaderboard was there before: its keys, with its prefix or with none, are no question to the overview."""
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    for key, value in asked.items():
        at.query_params[key] = value
    at.run()
    shown = {key: value if len(value) > 1 else value[0] for key, value in at.query_params.items()}
    assert not at.exception and at.title[0].value.startswith(title)
    assert {key: shown[key] for key in address} == address and "were ignored" not in text(at)


def test_choosing_after_that_shows_what_was_chosen():
    at = on("models", m_model="nobody/knows")
    at.selectbox(key="m_model").set_value(B).run()
    assert "There is no model" not in text(at) and at.selectbox(key="m_model").value == B and at.dataframe
    at.selectbox(key="m_model").set_value(A).run()
    assert at.selectbox(key="m_model").value == A


def test_blanks_are_last_whichever_way_a_table_is_sorted():
    frame = pd.DataFrame(
        {"score": [2.0, None, 3.0, 1.0], "model": ["b", "", "A", "c"], "rank": [2, None, 1, 3],
         "size": [5e9, None, 2e7, 3e8]}
    )  # fmt: skip
    columns = (
        Column("Score", "score"),
        Column("Model", "model"),
        Column("Rank", "rank", small_first=True),
        Column("Parameters", "size", PARAMETERS, small_first=True),
    )
    table = Table.of(columns, frame)

    def in_order(name: str, *, reverse: bool = False) -> list[object]:
        return table.sorted_by(name, reverse=reverse).shown[name].tolist()

    assert in_order("Score")[:3] == [3, 2, 1] and in_order("Score", reverse=True)[:3] == [1, 2, 3]
    assert in_order("Rank")[:3] == [1, 2, 3] and in_order("Rank", reverse=True)[:3] == [3, 2, 1]
    assert in_order("Model") == ["A", "b", "c", ""] and in_order("Model", reverse=True) == ["c", "b", "A", ""]
    assert in_order("Parameters") == ["20M", "300M", "5B", ""], "by the numbers the texts are made of"
    assert table.sorted_by("No such column") is table
    for name, reverse in itertools.product(table.sortable, (False, True)):
        ordered = table.sorted_by(name, reverse=reverse)
        assert pd.isna(ordered.shown["Score"].iloc[-1])
        assert ordered.source["score"].equals(ordered.shown["Score"].rename("score")), "rows stay together"


def test_the_order_of_a_table_is_in_the_address():
    at = on("tasks", t_task="Sort0", t_rows_sort="-Score")
    scores = next(d.value for d in at.dataframe if "Place" in d.value)["Score"]
    assert scores.dropna().is_monotonic_increasing and pd.isna(scores.iloc[-1])
    assert "cannot be" in text(on("tasks", t_task="Sort0", t_rows_sort="Nothing"))


def test_a_page_is_as_it_was_left_when_one_comes_back():
    at = on("use", u_parameters="0.4", u_equal_Retrieval="3")
    at.number_input(key="u_top").set_value(3.0).run()
    before = text(at)
    at.query_params.clear()
    at.switch_page("screens/compare.py").run()
    at.query_params.clear()
    at.switch_page("screens/use.py").run()
    assert not at.exception and text(at) == before
    values = {key: at.number_input(key=key).value for key in ("u_parameters", "u_equal_Retrieval", "u_top")}
    assert values == {"u_parameters": 0.4, "u_equal_Retrieval": 3, "u_top": 3}


def test_the_store_that_is_older_is_the_one_before(path, monkeypatch, tmp_path):
    for name in ("ours.duckdb", "other.duckdb"):
        shutil.copyfile(path, tmp_path / name)
    with duckdb.connect(str(tmp_path / "ours.duckdb")) as connection:
        connection.execute("DELETE FROM results WHERE model = ?", [LATE])
        connection.execute("UPDATE imports SET started_at = started_at - INTERVAL 30 DAY")
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "ours.duckdb"))
    at = on("changes", w_kind="Another store")
    assert "Before: ours.duckdb, last imported into 2026-10-03 00:00. After: other.duckdb, 2026-11-02 00:00." in text(
        at
    )
    assert "1 new model, 13 new scores, 0 changed scores, 0 gone" in text(at)
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "other.duckdb"))
    at = on("changes", w_kind="Another store")
    assert "1 new model, 13 new scores, 0 changed scores, 0 gone" in text(at), "from either side"


def test_the_board_opens_without_what_nobody_has_finished_and_says_so(monkeypatch, gaps):
    monkeypatch.setenv("PLUMBLINE_STORE", str(gaps))
    at = on("leaderboard", benchmark=GAPS)
    assert f"**{UNFINISHED}** is left out: no model in this record has every cell of it" in text(at)
    assert "on 10 tasks" in text(at) and at.dataframe[0].value["Mean (Task)"].notna().any()
    own = on("leaderboard", benchmark=GAPS, all_tasks="true")
    assert own.toggle(key="l_all_tasks").value and f"**{UNFINISHED}** counts" in text(own)
    shown = own.dataframe[0].value
    assert shown["Mean (Task)"].isna().all() and "Mean range" not in shown
    strict = on("leaderboard", benchmark=GAPS, trusted="true")
    assert "4 tasks are left out because too few of them share them" in text(strict)
    assert "1 model lacks some and stands below, without a rank" in text(strict)


def test_one_model_left_is_set_apart_from_nobody(monkeypatch, gaps):
    monkeypatch.setenv("PLUMBLINE_STORE", str(gaps))
    at = on("leaderboard", benchmark=GAPS, size=["0", "25M"])
    assert "Nobody else is ranked here" in text(at) and "apart" not in text(at)
    at = on("use", u_equal_benchmark=GAPS, u_parameters="0.03", u_coverage="0")
    assert f"**{BETTER}** is first of 1 model; nobody else".replace("**", "") in text(at).replace("**", "")


def test_weights_travel_to_compare(monkeypatch):
    at = on("compare", c_models=[A, B], c_weights="type.Retrieval=3&type.STS=1&coverage=25")
    assert "Weighted as on Our use: Retrieval 3, STS 1." in text(at)
    assert "9 of 9 tasks" in text(at)
    bad = on("compare", c_models=[A, B], c_weights="type.Retrieval=x")
    assert "cannot be read" in text(bad) and "12 of 12 tasks" in text(bad)
    assert BENCHMARK in bad.selectbox(key="c_benchmark").options

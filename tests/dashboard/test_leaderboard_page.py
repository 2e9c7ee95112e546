"""The leaderboard page through Streamlit's own test harness: what it says, and that nothing makes it fail."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.make_store import HOSTILE
from tests.serving import ROOT


@pytest.fixture
def at(monkeypatch, made_store):
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    return AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180).switch_page(
        "screens/leaderboard.py"
    )


def text(at: AppTest) -> str:
    return " ".join(e.value for kind in ("markdown", "caption", "info", "warning") for e in at.get(kind))


def table(at: AppTest):
    return at.dataframe[0].value


def test_the_headline_names_the_best_the_number_of_models_and_tasks(at):
    at.run()
    assert not at.exception
    assert "Best of 30 models on 4 tasks: **org\\/model\\-00**, mean 75.00." in text(at)
    assert "with open weights" in text(at) and "up to 1B parameters" in text(at)


def test_the_rule_of_filtered_ranking_is_stated(at):
    at.query_params["weights"] = "Open"
    at.run()
    assert "ranks and means are then computed among exactly those by the same rule" in text(at)


def test_name_search_hides_rows_and_leaves_ranks_alone(at):
    at.run()
    ranks = table(at).set_index("Model")["Rank"]
    at.text_input(key="l_name").set_value("MODEL-1").run()
    assert sorted(table(at)["Model"]) == [f"org/model-1{i}" for i in range(10)]
    assert table(at)["Rank"].tolist() == ranks[table(at)["Model"]].tolist()
    assert "20 hidden by the name search" in text(at)


def test_filters_rank_among_those_left(at):
    at.query_params["weights"] = "Proprietary"
    at.run()
    assert table(at)["Rank"].tolist()[:3] == [1, 2, 3]
    assert table(at)["Model"].tolist()[0] == "org/model-03"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_can_be_chosen(at, name):
    at.query_params["model"] = name
    at.run()
    assert not at.exception
    assert at.selectbox(key="l_model").value == name
    assert len(at.dataframe[1].value) == 4


def test_a_search_that_finds_nothing_says_so_as_text(at):
    at.query_params["name"] = "<b>[nobody](x)"
    at.run()
    assert not at.exception
    assert "\\<b\\>\\[nobody\\]\\(x\\)" in text(at)


def test_filters_that_leave_nobody_say_so(at):
    at.query_params.update({"weights": "Proprietary", "zero_shot": "100 %", "licence": "mit", "size": ["8B", "16B"]})
    at.run()
    assert not at.exception
    assert "No model meets all of these filters" in text(at)


def test_clearing_the_filters(at):
    at.query_params.update({"weights": "Open", "language": "deu", "trusted": "true"})
    at.run()
    assert len(table(at)) < 30
    next(button for button in at.button if button.label == "Clear all filters").click().run()
    assert len(table(at)) == 30 and not at.toggle(key="l_trusted").value


@pytest.mark.parametrize("value", ["", "\x00", "'; DROP TABLE models; --", "-1", "9" * 400, "<script>", "ü" * 50])
def test_no_value_in_the_address_breaks_the_page(at, value):
    for key in ("benchmark", "sort", "model", "size", "language", "tokens", "zero_shot", "view", "name"):
        at.query_params[key] = value
    at.run()
    assert not at.exception and not at.error


def test_a_group_of_the_menu_narrows_the_benchmarks(at):
    at.query_params["benchmark"] = "Tiny(all)"
    at.run()
    assert at.selectbox(key="l_group").options == ["All benchmarks", "General Purpose", "Language-specific"]
    at.selectbox(key="l_group").set_value("Language-specific").run()
    assert at.selectbox(key="l_benchmark").options == ["Tiny(half)"]
    assert not at.warning and "on 2 tasks" in text(at)

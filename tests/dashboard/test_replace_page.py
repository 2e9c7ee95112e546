"""The page on replacing a model, through Streamlit's own test harness: the answer, limits, prices, gaps."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import compare, replace
from data.rules.prices import COLUMNS_OF_PRICES
from data.store.database import open_reader, writing
from tests.dashboard.choose_store import BENCHMARK, HOSTILE
from tests.dashboard.opened import on

A, LACKS, CLOSED = "org/model-00", "org/model-05", "org/model-03"
WITHOUT = "org/nothing-run"


@pytest.fixture(scope="module")
def path(made_choice: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of the pages that help to choose, with a model more that nobody has run."""
    path = Path(shutil.copy(made_choice, tmp_path_factory.mktemp("replace")))
    with writing(path) as connection:
        connection.execute(
            "INSERT INTO models BY NAME SELECT * REPLACE (? AS model) FROM models WHERE model = ?", [WITHOUT, A]
        )
    return path


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    monkeypatch.delenv("PLUMBLINE_PRICES", raising=False)


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A list of prices of one's own: a fine line, an old one, one that is none and one of a model nobody knows."""
    own = tmp_path / "own.csv"
    own.write_text(
        ",".join(COLUMNS_OF_PRICES)
        + f"\n{CLOSED},0.5,https://example.org/prices,2026-11-01,half at night"
        + "\norg/model-01,0.25,our contract,2020-01-01,\norg/model-02,cheap,x,2026-11-01,"
        + "\nno/such-model,1,x,2026-11-01,\n"
    )
    monkeypatch.setenv("PLUMBLINE_PRICES", str(own))
    return own


def text(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "subheader")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


def table(at: AppTest, *columns: str):
    return next(d.value for d in at.dataframe if set(columns) <= set(d.value.columns))


def test_the_answer_comes_first_and_in_numbers(path: Path) -> None:
    at = on("replace", x_incumbent=LACKS)
    frame = replace.rivals(open_reader(path).cursor(), LACKS, BENCHMARK).sort_values("difference", ascending=False)
    best = frame.iloc[0]
    headline = next(m.value for m in at.markdown if m.value.startswith("#### ")).replace("\\", "")
    points = f"{100 * best['difference']:.2f}"
    assert headline.startswith(f"#### **{best['model']}** is {points} points better than **{LACKS}** on the ")
    assert f"{best['tasks']} of its 10 tasks that both have" in headline and "by chance (+" in headline
    assert f"{LACKS} has 10 of the 12 tasks of {BENCHMARK}" in text(at)
    shown = table(at, "Difference", "What the tasks say")
    assert list(shown["Model"]) == list(frame["model"]) and shown["Difference"].is_monotonic_decreasing
    assert list(shown["Shared tasks"]) == list(frame["tasks"])


def test_the_numbers_are_compares_for_the_same_two() -> None:
    other = on("compare", c_models=[LACKS, A], c_baseline=LACKS)
    told = table(other, "Difference", "Wins").iloc[0]
    shown = table(on("replace", x_incumbent=LACKS), "Difference", "What the tasks say").set_index("Model").loc[A]
    for name in ("Difference", "95% interval", "Wins", "Losses", "Ties"):
        assert told[name] == shown[name], name
    tasks = table(other, "Task", "Noise").set_index("Task")
    mine = table(on("replace", x_incumbent=LACKS, x_candidate=A), "Task", "Rests on").set_index("Task")
    assert set(tasks.index) == set(mine.index)
    for task, row in tasks.iterrows():
        assert row["Δ model-00"] == mine.loc[task, "Difference"]


def test_training_is_marked_task_by_task_on_every_page() -> None:
    mine = table(on("replace", x_incumbent=LACKS, x_candidate=A), "Task", "Rests on").set_index("Task")
    assert mine.loc[mine["Trained on it"] == "candidate"].index.sort_values().tolist() == [
        "Search0",
        "Search1",
        "Sort2",
    ]
    swapped = table(on("replace", x_incumbent=A, x_candidate=LACKS), "Task", "Rests on").set_index("Task")
    assert (swapped["Trained on it"] == "incumbent").sum() == 3
    compared = table(on("compare", c_models=[LACKS, A]), "Task", "Noise").set_index("Task")
    assert set(compared.index[compared["Trained on it"] == "model-00"]) == {"Search0", "Search1", "Sort2"}
    standings = table(on("tasks", t_task="Search0"), "Place", "Cells").set_index("Model")["Trained on it"]
    assert standings[A] == "yes" and standings["org/model-01"] == "" and standings["org/model-04"] == "not stated"
    listed = table(on("replace", x_incumbent=LACKS), "Trained on", "Unseen").set_index("Model")["Trained on"]
    assert listed[A] == "3 of 10" and listed["org/model-04"] == "not stated"


def test_nobody_said_is_said() -> None:
    at = on("compare", c_models=["org/model-04", A])
    assert "Nobody said what org/model-04 was trained on." in text(at)
    assert "Nobody said what org/model-04 was trained on." in text(on("replace", x_incumbent="org/model-04"))


def test_limits_choose_candidates_and_leave_their_numbers() -> None:
    every = table(on("replace", x_incumbent=LACKS), "Difference", "What the tasks say").set_index("Model")
    at = on("replace", x_incumbent=LACKS, x_parameters=0.2, x_open="true")
    shown = table(at, "Difference", "What the tasks say").set_index("Model")
    assert set(shown.index) == {A, "org/model-01", "org/model-02"}  # the fifth does not say its size
    assert (shown["Difference"] == every.loc[shown.index, "Difference"]).all()
    assert "13 other models there, 3 meet the limits and 3" in text(at)
    at = on("replace", x_incumbent=LACKS, x_parameters=0.0)
    assert "No model within the limits shares enough tasks" in text(at)


def test_a_model_that_shares_too_few_tasks_is_left_out() -> None:
    at = on("replace", x_incumbent=LACKS, x_coverage=100)
    shown = table(at, "Difference", "What the tasks say")
    assert set(shown["Shared tasks"]) == {10} and "13 meet the limits and 11 of those share enough tasks" in text(at)


def test_when_nobody_holds_up_the_page_says_keep() -> None:
    at = on("replace", x_incumbent="org/model-01", x_parameters=0.5, x_open="true", x_dimensions=700)
    shown = table(at, "Difference", "What the tasks say")
    assert set(shown["What the tasks say"]) <= {"worse", "cannot be told apart"}
    first = next(m.value for m in at.markdown if m.value.startswith("#### "))
    assert "Nothing is better than" in first or first.startswith("#### Keep **")


def test_only_figures_on_todays_data(path: Path) -> None:
    at = on("replace", x_incumbent=LACKS, x_candidate="org/model-01", x_strict="true")
    told = compare.compared(open_reader(path).cursor(), BENCHMARK, (LACKS, "org/model-01"), (), True)
    shared = told[told["shared"]]["task"].unique()
    assert set(table(at, "Task", "Rests on")["Task"]) == set(shared)
    assert table(at, "Task", "Why").set_index("Task").loc["Similar3", "Why"] == "the incumbent lacks it"


def test_prices_of_ones_own(priced: Path) -> None:
    at = on("replace", x_incumbent=LACKS, x_candidate=CLOSED, x_documents=2000, x_mean=500)
    shown = table(at, "USD per 1M tokens").set_index("Model")
    assert shown.loc[CLOSED, "USD per 1M tokens"] == 0.5 and shown.loc[CLOSED, "Price as of"] == "2026-11-01"
    assert shown.loc[CLOSED, "Re-embedding"] == 500 and shown.loc["org/model-01", "Price as of"] == "2020-01-01, old"
    told = text(at)
    assert (
        "about 500.00 USD, at 0.5 USD per million tokens (2026-11-01). half at night [Source](https://example" in told
    )
    assert f"{priced}, line 4: “cheap” is no price" in told and "no/such-model" in told
    only = table(on("replace", x_incumbent=LACKS, x_priced="true"), "USD per 1M tokens")
    assert set(only["Model"]) == {CLOSED, "org/model-01"}
    facts = table(on("compare", c_models=[CLOSED, A]), "Fact").set_index("Fact")
    assert facts.loc["API price", "model-03"] == "0.5 USD per million tokens (2026-11-01)"
    assert table(on("use"), "USD per 1M tokens").set_index("Model").loc[CLOSED, "USD per 1M tokens"] == 0.5


def test_a_list_beside_the_store_is_found(monkeypatch: pytest.MonkeyPatch, made_choice: Path, tmp_path: Path) -> None:
    shutil.copy(made_choice, tmp_path / "store.duckdb")
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "store.duckdb"))
    assert "USD per 1M tokens" not in on("replace", x_incumbent=A).dataframe[0].value
    (tmp_path / "prices.csv").write_text(",".join(COLUMNS_OF_PRICES) + f"\n{CLOSED},0.5,x,2026-11-01,\n")
    assert "USD per 1M tokens" in on("replace", x_incumbent=A).dataframe[0].value
    monkeypatch.setenv("PLUMBLINE_PRICES", str(tmp_path / "gone.csv"))
    assert "gone.csv cannot be read" in text(on("replace", x_incumbent=A))


def test_the_move_says_what_it_takes() -> None:
    at = on("replace", x_incumbent=LACKS, x_candidate=A, x_precision="int8")
    assert "1,000,000 of 300 tokens are 300 million tokens" in text(at)
    assert "Index: 384 MB for 1.0 GB in int8; 384 dimensions for 1,024." in text(at)
    assert "both live side by side: 1.4 GB" in text(at)
    long = on("replace", x_incumbent=LACKS, x_candidate=A, x_mean=900)
    assert "cut them into chunks" in text(long) and "cut them into chunks" not in text(at)
    assert "what the rate limits of its API allow" in text(on("replace", x_incumbent=LACKS, x_candidate=CLOSED))


def test_a_model_without_a_score_is_a_sentence() -> None:
    at = on("replace", x_incumbent=WITHOUT)
    assert f"{WITHOUT} has no score on any benchmark here" in text(at)
    assert f"python -m evaluators reproduce {WITHOUT}" in [c.value for c in at.code]


def test_a_name_with_markup_is_text() -> None:
    for asked in ({"x_incumbent": HOSTILE}, {"x_incumbent": A, "x_candidate": HOSTILE}):
        at = on("replace", **asked)
        shown = " ".join(element.value for kind in ("markdown", "subheader", "caption") for element in at.get(kind))
        shown = re.sub("`[^`]*`", "", shown)  # what stands in code is shown as it is
        assert "<b>" not in shown.replace("\\<b\\>", "") and "](javascript" not in shown


def test_a_candidate_nobody_knows_is_said_and_the_first_is_shown() -> None:
    at = on("replace", x_incumbent=LACKS, x_candidate="org/model-0")
    assert "cannot be" in at.warning[0].value and at.subheader[1].value.startswith("new\\/late in place of")


def test_in_chinese_the_numbers_are_the_same() -> None:
    english, chinese = on("replace", x_incumbent=LACKS), on("replace", x_incumbent=LACKS, lang="zh")
    assert "比" in text(chinese) and "迁移" in text(chinese) and "points better" not in text(chinese)
    for one, other in zip(english.dataframe, chinese.dataframe, strict=True):
        numbers = one.value.select_dtypes("number")
        assert numbers.equals(other.value[numbers.columns])

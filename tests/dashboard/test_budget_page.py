"""The page on what a budget tells, through Streamlit's own test harness: its numbers are the rules' own."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import budget as budget_queries
from data.rules.budget import table as budget_table
from data.rules.budget.choice import Budget
from data.rules.budget.plan import plan_of
from data.rules.budget.prediction import Predictor, predictor_of
from data.rules.budget.spelled import mteb_definition
from data.rules.budget.table import task_table
from data.store.database import open_reader, writing
from tests.dashboard.budget_store import (
    ALONE,
    BENCHMARK,
    COPY,
    FEW,
    HERE,
    HOSTILE,
    MODELS,
    PARTLY,
    RUN_HERE,
    SLOWER,
    SMALL,
    TASKS,
    WHOLE,
    budget_store,
)
from tests.dashboard.opened import on


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return budget_store(tmp_path_factory.mktemp("budget") / "budget.duckdb")


@pytest.fixture(scope="module")
def predictor(path: Path) -> Predictor:
    reader = open_reader(path)
    yield predictor_of(task_table(reader.cursor(), BENCHMARK))
    reader.close()


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))


def text(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "subheader")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


def points(half: float) -> str:
    return f"{100 * half:.2f}" if half < 0.00995 else f"{100 * half:.1f}"


def headline(at: AppTest) -> str:
    return next(m.value for m in at.markdown if m.value.startswith("#### ")).removeprefix("#### ")


def table(at: AppTest, *columns: str):
    return next(d.value for d in at.dataframe if set(columns) <= set(d.value.columns))


def test_the_answer_is_in_one_sentence_and_is_the_rules_own(predictor: Predictor) -> None:
    at = on("budget", b_budget="20%")
    plan = plan_of(predictor, Budget(seconds=0.2 * predictor.table.seconds.sum()))
    tasks, share, half = (
        f"**{len(plan.steps)} of 15 tasks**",
        f"{100 * plan.share:.0f}%",
        points(plan.after.half),
    )
    assert headline(at) == f"{tasks}, {share} of the time, tell the mean within **±{half} points** (95%)."
    assert f"Without a single task it is ±{points(plan.before.half)}." in text(at)
    low, high = 100 * np.nanquantile(predictor.table.scores @ predictor.table.weights, [0.05, 0.95])
    assert f"lie between {low:.1f} and {high:.1f}" in text(at) and f"Measured on {plan.after.models} models" in text(at)
    shown = table(at, "Takes away", "Mean after it")
    assert list(shown["Task"]) == [step.task for step in plan.steps]
    assert shown["Mean after it"].tolist() == pytest.approx([100 * step.half for step in plan.steps], abs=0.0051)
    rest = table(at, "Told", "Goes with")
    assert list(rest["Task"]) == [one.task for one in plan.rest] and set(rest["Goes with"]) <= set(shown["Task"])
    assert rest["Told"].tolist() == pytest.approx([100 * max(one.known, 0) for one in plan.rest], abs=0.0051)


def test_a_model_that_is_published_is_told_by_the_tasks_alone_as_if_nobody_had_seen_it(predictor: Predictor) -> None:
    at = on("budget", b_budget="Tasks", b_tasks=3, b_model=WHOLE)
    stranger, row = predictor.as_stranger(WHOLE), predictor.table.scores[predictor.table.models.index(WHOLE)]
    plan = plan_of(stranger, Budget(tasks=3))
    scores = {step.task: row[predictor.table.tasks.index(step.task)] for step in plan.steps}
    mean = stranger.predict(scores, leave_out=WHOLE)
    assert f"By these 3 tasks alone **{WHOLE}** comes to **{100 * mean.mean.value:.2f} ± " in text(at)
    assert f"Rank {mean.rank.low:.0f} to {mean.rank.high:.0f} of 41" in text(at)
    assert f"Published is {100 * row.mean():.2f}" in text(at)
    types = table(at, "Predicted", "Published").set_index("Type")
    assert types.loc["STS", "Predicted"] == pytest.approx(100 * mean.types["STS"].value, abs=0.0051)
    sts = [i for i, kind in enumerate(predictor.table.types) if kind == "STS"]
    assert types.loc["STS", "Published"] == pytest.approx(100 * row[sts].mean(), abs=0.0051)


def test_what_was_run_here_counts_as_done_and_its_own_scores_speak(predictor: Predictor, path: Path) -> None:
    at = on("budget", b_budget="10%", b_model=RUN_HERE)
    here = budget_queries.run_here(open_reader(path).cursor(), BENCHMARK, RUN_HERE)
    row = predictor.table.scores[predictor.table.models.index(RUN_HERE)]
    assert set(here) == set(HERE)
    for task, score in here.items():
        assert score == pytest.approx(row[predictor.table.tasks.index(task)] + 0.001)
    stranger = predictor.as_stranger(RUN_HERE)
    mean = stranger.predict(here, predictor.table.noise, leave_out=RUN_HERE).mean.value
    assert f"By the 2 tasks run here **{RUN_HERE}** comes to **{100 * mean:.2f} ± " in text(at)
    assert "beside the 2 that are done" in headline(at)
    assert not set(HERE) & set(table(at, "Takes away")["Task"])
    assert "--budget 10%" not in " ".join(c.value for c in at.code), "it would run again what is done"


def test_a_model_that_lacks_tasks_is_known_by_those_it_has() -> None:
    at = on("budget", b_budget="10%", b_model=PARTLY)
    assert f"By the 10 tasks that are published **{PARTLY}** comes to" in text(at) and "Published is" not in text(at)
    assert set(table(at, "Takes away")["Type"]) == {"Classification"}
    types = table(at, "Predicted", "Tasks run").set_index("Type")
    assert types.loc["STS", "95% interval"] == "" and types.loc["Classification", "Tasks run"] == "0 of 5"


def test_minutes_are_those_of_this_machine(predictor: Predictor) -> None:
    at = on("budget", b_budget="Min", b_minutes=10)
    assert at.selectbox(key="b_pace").options == [RUN_HERE]
    here = dict(zip(predictor.table.tasks, predictor.table.seconds, strict=True))
    seconds = sum(here[task] for task in table(at, "Takes away")["Task"])
    assert seconds <= 60 * 10 / SLOWER * 1.01, "a run here takes three times as long"
    assert seconds > 60 * 10 / SLOWER / 4 and "--budget 10min" in at.code[0].value


def test_own_tasks_say_what_they_add() -> None:
    own = table(on("budget"), "What it adds").set_index("Task")
    assert own.loc[COPY, "What it adds"] == "says what the public ones already say"
    assert own.loc[COPY, "Goes with"] == "STS2" and own.loc[COPY, "Public tasks tell"] > 95
    assert own.loc[ALONE, "What it adds"] == "says something of its own" and own.loc[ALONE, "Public tasks tell"] < 20
    assert own.loc[FEW, "What it adds"] == "too few models to tell" and own.loc[FEW, "Models"] == 5


def test_of_very_many_models_a_sample_is_asked_and_the_page_says_so(
    monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path
) -> None:
    store = Path(shutil.copyfile(path, tmp_path / "many.duckdb"))  # of which no page has asked
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    monkeypatch.setattr(budget_table, "MOST_FITTED", 30)
    monkeypatch.setattr(budget_table, "_FEWEST_OF_A_TASK", 2)
    with open_reader(store).own_cursor() as cursor:
        drawn = task_table(cursor, BENCHMARK)
        outside = next(model for model in MODELS if model not in drawn.models)
        with_it = predictor_of(task_table(cursor, BENCHMARK, beside=[outside]))
    assert drawn.drawn_of == 41 > len(drawn.models)
    at = on("budget", b_budget="Tasks", b_tasks=3)
    assert f"{len(drawn.models)} of 41 are asked" in text(at)
    at = on("budget", b_budget="Tasks", b_tasks=3, b_model=outside)
    assert f"{len(drawn.models) + 1} of 41 are asked" in text(at), "the one the page is about is among them"
    stranger, row = with_it.as_stranger(outside), with_it.table.scores[with_it.table.models.index(outside)]
    steps = plan_of(stranger, Budget(tasks=3)).steps
    told = stranger.predict({s.task: row[with_it.table.tasks.index(s.task)] for s in steps}, leave_out=outside)
    assert f"**{outside}** comes to **{100 * told.mean.value:.2f} ± " in text(at)
    assert f"among the {len(with_it.table.models)} models that are asked" in text(at)
    own = table(at, "What it adds").set_index("Task")
    assert own.loc[COPY, "Models"] == 30, "models with own runs are asked, too"
    monkeypatch.setattr(budget_table, "MOST_FITTED", 41)
    assert "are asked" not in text(on("budget", b_benchmark=SMALL))


def test_with_few_models_nothing_is_said_of_how_sure_it_is() -> None:
    at = on("budget", b_benchmark=SMALL, b_budget="Tasks", b_tasks=1)
    assert "would be the first to run; how surely, nobody can say" in headline(at) and "±" not in headline(at)
    assert "Only 4 models have most" in text(at) and not at.get("plotly_chart")
    assert "Mean after it" not in table(at, "Takes away").columns
    assert "No task fits this budget: the cheapest takes 33%" in text(on("budget", b_benchmark=SMALL, b_budget="1%"))


def test_the_list_can_be_taken_along() -> None:
    at = on("budget", b_budget="20%")
    tasks = list(table(at, "Takes away")["Task"])
    whole, named, definition = (code.value for code in at.code[:3])
    assert shlex.split(whole)[3:] == ["reproduce", "MODEL", "--benchmark", BENCHMARK, "--budget", "20%"]
    assert shlex.split(named)[3:] == ["reproduce", "MODEL", "--tasks", ",".join(tasks)]
    assert definition == mteb_definition(f"{BENCHMARK}: 20%", BENCHMARK, tasks).rstrip()


@pytest.mark.parametrize("value", ["", "\x00", "'; DROP TABLE models; --", "9" * 400, "<script>", HOSTILE])
def test_no_value_in_the_address_breaks_it(value: str) -> None:
    keys = ("b_budget", "b_tasks", "b_minutes", "b_pace", "b_model", "b_beside", "b_rows_sort")
    for at in (on("budget", **dict.fromkeys(keys, value)), on("budget", b_benchmark=value)):
        assert text(at)
        assert all("<script>" not in element.value for element in at.markdown), "escaped, it has a backslash in it"


def test_a_name_with_markup_is_text() -> None:
    at = on("budget", b_model=HOSTILE, b_budget="20%")
    shown = " ".join(element.value for kind in ("markdown", "caption", "info") for element in at.get(kind))
    assert "evil" in shown and "<b>" not in shown.replace("\\<b\\>", "") and "](javascript" not in shown
    assert shlex.split(at.code[0].value)[4] == HOSTILE


def test_others_beside_it_are_drawn_and_the_order_is_in_the_address() -> None:
    at = on("budget", b_beside=[SMALL], b_rows_sort="Takes away")
    assert len(at.get("plotly_chart")) == 1
    assert table(at, "Takes away")["Takes away"].is_monotonic_decreasing


def test_an_empty_store_and_none_are_sentences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with writing(tmp_path / "empty.duckdb", fresh=True):
        pass
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "empty.duckdb"))
    at = on("budget")
    assert "no scores yet" in text(at) and "python -m evaluators import" in [c.value for c in at.code]
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "none.duckdb"))
    assert "There is no store yet" in text(on("budget"))


def test_without_own_runs_it_is_said_how_to_get_there(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    at = on("budget")
    assert "No own task has been run yet. With runs of at least 20 models" in text(at)
    assert "Minutes here" not in [each.label for each in at.number_input] and len(TASKS) == 15


def test_in_chinese_the_numbers_are_the_same() -> None:
    english, chinese = (on("budget", b_model=WHOLE, b_budget="20%", lang=code) for code in ("en", "zh"))
    assert "个任务" in text(chinese) and "of the time" not in text(chinese)
    for one, other in zip(english.dataframe, chinese.dataframe, strict=True):
        numbers = one.value.select_dtypes("number")
        assert numbers.equals(other.value[numbers.columns])

"""The pages that help to choose, through Streamlit's own test harness: numbers, sentences, and nothing that breaks."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import compare, task, use
from data.store.database import open_reader
from tests.dashboard.choose_store import BENCHMARK, HOSTILE, LATE
from tests.dashboard.opened import on

A, B, LACKS, PARTIAL = "org/model-00", "org/model-02", "org/model-05", "org/model-06"
PAGES = ["compare", "tasks", "models", "use", "changes", "replace"]


@pytest.fixture(scope="module")
def path(made_choice):
    return made_choice


@pytest.fixture
def cursor(path):
    reader = open_reader(path)
    yield reader.cursor()
    reader.close()


@pytest.fixture(autouse=True)
def store(monkeypatch, path):
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))


def text(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "subheader")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


def table(at: AppTest, *columns: str):
    """The first table that has these columns."""
    return next(d.value for d in at.dataframe if set(columns) <= set(d.value.columns))


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_without_a_choice(page):
    assert not on(page).warning


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("value", ["", "\x00", "'; DROP TABLE models; --", "9" * 400, "<script>", HOSTILE])
def test_no_value_in_the_address_breaks_a_page(page, value):
    keys = {
        "compare": ["c_benchmark", "c_models", "c_baseline", "c_tasks", "c_strict", "c_plot"],
        "tasks": ["t_task", "t_in", "t_models", "t_open"],
        "models": ["m_model", "m_benchmark", "m_view", "m_language"],
        "use": ["u_use", "u_parameters", "u_licence", "u_equal_Retrieval", "u_equal_languages", "u_top", "u_precision"],
        "replace": [
            "x_incumbent",
            "x_benchmark",
            "x_candidate",
            "x_parameters",
            "x_licence",
            "x_documents",
            "x_strict",
        ],
        "changes": ["w_kind", "w_after", "w_before", "w_benchmark"],
    }[page]
    at = on(page, **dict.fromkeys(keys, value))
    assert text(at)
    assert all("<script>" not in element.value for element in at.markdown), "escaped, it has a backslash in it"


def test_compare_says_what_is_shared_and_what_is_left_out():
    at = on("compare", c_models=[A, LACKS, PARTIAL])
    assert "9 of 12 tasks" in text(at)
    assert "Left out: 3 (model-05 lacks 2, model-06 lacks 1)" in text(at)
    assert len(table(at, "Task", "Noise")) == 9


def test_compare_shows_the_scores_and_signed_differences_of_the_store(cursor):
    at = on("compare", c_models=[A, B], c_baseline=B)
    shown = table(at, "Task", "Noise").set_index("Task")
    frame = compare.compared(cursor, BENCHMARK, (A, B)).pivot(index="task", columns="model", values="score")
    for name, row in frame.iterrows():
        assert shown.loc[name, "model-00"] == pytest.approx(100 * row[A], abs=0.0051)
        assert shown.loc[name, "Δ model-00"] == pytest.approx(100 * (row[A] - row[B]), abs=0.0051)
    biggest = shown["Δ model-00"].abs()
    assert biggest.is_monotonic_decreasing and shown.index[0] == "Search0"
    assert shown["Noise"].dropna().to_dict()["Search0"] == 30
    types = table(at, "Type", "Tasks").set_index("Type")
    assert types.loc["All tasks", "Δ model-00"] == pytest.approx(100 * (frame[A] - frame[B]).mean(), abs=0.0051)
    verdict = table(at, "What the tasks say")
    assert verdict["Difference"].iloc[0] == pytest.approx(100 * (frame[A] - frame[B]).mean(), abs=0.0051)


def test_a_type_narrows_the_tasks_to_those_its_mean_is_made_of():
    at = on("compare", c_models=[A, B], c_type="STS")
    tasks = table(at, "Task", "Noise")
    assert sorted(tasks["Task"]) == [f"Similar{i}" for i in range(4)]
    types = table(at, "Type", "Tasks").set_index("Type")
    assert types.loc["STS", "Δ model-02"] == pytest.approx(tasks["Δ model-02"].mean(), abs=0.0051)


def test_compare_draws_each_plot():
    for plot in ("Differences", "Scores", "Heatmap", "Radar"):
        at = on("compare", c_models=[A, B, HOSTILE], c_plot=plot)
        assert len(at.get("plotly_chart")) == 1


def test_compare_one_model_or_no_shared_task_is_a_sentence():
    at = on("compare", c_models=[A])
    assert "Pick at least two models" in text(at)
    at = on("compare", c_models=[A, LACKS], c_tasks=["Sort1"])
    assert "share no task" in text(at)


def test_hand_picked_tasks():
    at = on("compare", c_benchmark=compare.ANY_TASKS)
    assert "Pick the tasks" in text(at)
    at = on("compare", c_benchmark=compare.ANY_TASKS, c_models=[A, B], c_tasks=["Sort0", "Search3"])
    assert set(table(at, "Task", "Noise")["Task"]) == {"Sort0", "Search3"}
    assert "too few shared tasks to tell (2)" in table(at, "What the tasks say")["What the tasks say"].iloc[0]


def test_a_task_shows_every_model_and_blanks_for_partial_ones(cursor):
    at = on("tasks", t_task="Sort0", t_models=[PARTIAL, A], t_open=A)
    shown = table(at, "Place", "Cells").set_index("Model")
    assert list(shown.index[:2]) == [A, PARTIAL], "marked models stand first, by place"
    for row in task.models_by_score(cursor, "Sort0").itertuples():
        assert shown.loc[row.model, "Score"] == pytest.approx(100 * row.score, nan_ok=True, abs=0.0051)
    assert shown.loc[PARTIAL, "Cells"] == "2 of 3"
    assert f"No complete score here: {PARTIAL}" in text(at)
    metrics = table(at, "Metric")
    assert set(metrics["Metric"]) == {"main", "recall_at_100"} and len(metrics.columns) == 4
    origin = table(at, "Fact", "Value")
    assert A in set(next(d.value for d in at.dataframe if "File" in set(d.value.get("Fact", [])))["Value"])
    assert "accuracy" in set(origin["Value"])


def test_a_models_profile_leads_with_its_peers():
    at = on("models", m_model=B)
    assert "half to twice its own 120M" in text(at)
    assert len(table(at, "Δ to best")) == 12


def test_a_models_languages_open_their_cells():
    at = on("models", m_model=A, m_view="By language", m_language="deu")
    languages = table(at, "Language", "Cells").set_index("Language")
    cells = table(at, "Subset", "Percentile")
    assert set(cells["Task"]) == {"Sort0", "Search1"} and languages.loc["deu", "Cells"] == 2
    assert languages.loc["deu", "Mean of cells"] == pytest.approx(cells["Score"].mean(), abs=0.0051)


def test_a_model_with_markup_in_its_name_is_text_everywhere():
    at = on("models", m_model=HOSTILE)
    at = on("compare", c_models=[HOSTILE, A])
    at = on("tasks", t_models=[HOSTILE], t_open=HOSTILE)
    shown = " ".join(m.value for m in at.markdown) + " ".join(s.value for s in at.subheader)
    assert "<b>" not in shown.replace("\\<b\\>", "")


def test_our_use_says_who_is_first_and_why(cursor):
    at = on("use", u_equal_STS=0, u_equal_Classification=0)
    found = use.short_list(
        cursor, use.Use(BENCHMARK, types=(("Classification", 0.0), ("Retrieval", 1.0), ("STS", 0.0)))
    )
    first = found.ranked["model"].iloc[0]
    assert f"{first} is first of {len(found.ranked)} models".replace("**", "") in text(at).replace("**", "")
    shown = table(at, "Place", "Score")
    assert shown["Model"].tolist() == found.ranked["model"].tolist()
    assert shown["Score"].tolist() == pytest.approx((100 * found.ranked["score"]).tolist(), abs=0.0051)
    assert "First on Retrieval" in text(at) and "small changes of the weights" in text(at)


def test_limits_and_an_index_change_the_list():
    at = on("use", u_parameters=0.2, u_documents=2000, u_precision="int8", u_price=0.5)
    shown = table(at, "Place", "Index")
    assert len(shown) == 4  # 40 to 200 million, the fifth does not say
    assert shown.set_index("Model").loc["org/model-01", "Index"] == "1.5 GB"
    assert shown.set_index("Model").loc["org/model-01", "Cost a month"] == pytest.approx(0.77)
    assert "parameters (10)" in text(at)


def test_limits_nobody_meets_are_a_sentence():
    at = on("use", u_parameters=0.0)
    assert "No model within the limits" in text(at)
    at = on("use", u_equal_STS=0, u_equal_Retrieval=0, u_equal_Classification=0)
    assert "Nothing is left to weigh" in text(at)


def test_what_changed_counts_and_moves():
    at = on("changes")
    assert "1 new model, 13 new scores, 1 changed score, 0 gone" in text(at)
    moves = table(at, "Move").set_index("Model")
    assert moves.loc[LATE].isna()[["Rank before", "Move"]].all()
    assert moves.loc[A, "Move"] < 0


def test_one_import_is_a_sentence(monkeypatch, made_store):
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    at = on("changes")
    assert "holds one import" in text(at)


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_store_is_a_sentence(monkeypatch, tmp_path, page):
    from data.store.database import writing

    with writing(tmp_path / "empty.duckdb", fresh=True):
        pass
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "empty.duckdb"))
    at = on(page)
    assert at.info and any(code.value.startswith("python -m evaluators import") for code in at.code)

"""Predicted means on the Leaderboard and on Replace: marked, beside what was measured, and only where one asks."""

from __future__ import annotations

import json
import re
import shutil
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import filling, leaderboard
from dashboard.queries.filling import FilledBoard, Unfilled
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.report.files import files_of
from dashboard.report.html import html_of
from dashboard.report.making import Wish, make_report
from dashboard.sections import board, filled_means
from dashboard.tables.filling import predicted_text
from dashboard.views import read_view
from data.rules.budget import table as budget_table
from data.rules.budget.table import TaskTable
from data.store.database import StoreReader, open_reader
from tests.dashboard.filling_store import BOARD, LITTLE, PARTLY, WHOLE, filling_store
from tests.dashboard.opened import on
from tests.make_store import PRIVATE_MODEL
from tests.report.reading import read
from tests.serving import ROOT

BOTH = {"l_benchmark": BOARD, "l_predict": "true", "l_predict_ranks": "true"}
PREDICTED = r"≈ \d\d\.\d\d? ± \d\.\d\d?"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filling_store(tmp_path_factory.mktemp("filling") / "store.duckdb")


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))


def rows(at: AppTest) -> pd.DataFrame:
    frame: pd.DataFrame = next(d.value for d in at.dataframe if "Model" in d.value.columns)
    return frame.set_index("Model")


def words(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


def asked(path: Path, selection: Selection = Selection(), ranks: bool = False) -> FilledBoard:  # noqa: B008
    return filling.filled(open_reader(path).cursor(), BOARD, selection, ranks)


def published(path: Path) -> int:
    query = "SELECT count(DISTINCT model) FROM board WHERE benchmark = ? AND ranked"
    [(models,)] = open_reader(path).cursor().execute(query, [BOARD]).fetchall()
    return int(models)


def test_without_the_switch_nothing_is_computed_or_said(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    def asked_for(*_: object) -> None:
        raise AssertionError("nobody asked")

    monkeypatch.setattr(filling, "task_table", asked_for)
    at = on("leaderboard", l_benchmark=BOARD)
    assert not at.toggle(key="l_predict").value and "l_predict_ranks" not in {toggle.key for toggle in at.toggle}
    assert "redict" not in " ".join(rows(at).columns) and "≈" not in words(at)
    assert "redict" not in " ".join(rows(on("replace", x_incumbent=WHOLE, x_benchmark=BOARD)).columns)


@pytest.mark.parametrize("model", [PARTLY, PRIVATE_MODEL])
def test_the_page_on_budgets_says_the_same_of_a_model_that_lacks_tasks(path: Path, model: str) -> None:
    filled = asked(path).means.loc[model]
    half = 100 * (filled["high"] - filled["value"])
    expected = f"comes to **{100 * filled['value']:.2f} ± {half:.{1 if half >= 0.995 else 2}f}**"
    assert expected in words(on("budget", b_benchmark=BOARD, b_model=model))


def test_a_prediction_has_a_column_of_its_own_and_all_else_is_as_it_was(path: Path) -> None:
    before = sha256(path.read_bytes()).hexdigest()
    off, predicted = rows(on("leaderboard", l_benchmark=BOARD)), on("leaderboard", l_benchmark=BOARD, l_predict="true")
    shown = rows(predicted)
    pd.testing.assert_frame_equal(shown.drop(columns="Predicted mean"), off)
    lacking = shown["Missing"].notna()
    assert shown.loc[lacking, "Mean (Task)"].isna().all(), "no predicted number stands among the means"
    assert (shown.loc[~lacking, "Predicted mean"] == "").all() and shown.loc[LITTLE, "Predicted mean"] == ""
    texts = shown.loc[lacking & (shown.index != LITTLE), "Predicted mean"]
    assert len(texts) == 7 and texts.str.fullmatch(PREDICTED).all()
    one = asked(path).means.loc[PARTLY]
    assert shown.loc[PARTLY, "Predicted mean"] == predicted_text(one["value"], one["high"] - one["value"])
    assert shown.loc[PRIVATE_MODEL, "Predicted mean"], "own runs are predicted too"
    assert "≈ is a predicted mean, no score: 7 of 8 models that lack tasks have one." in words(predicted)
    assert "calibrated on 39 models of other families" in words(predicted)
    assert sha256(path.read_bytes()).hexdigest() == before, "nothing is stored"


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path) -> list[TaskTable]:
    """A store of which no page has asked, on pages that take ten rows and thirty models; the tables that are fitted."""
    monkeypatch.setenv("PLUMBLINE_STORE", str(shutil.copyfile(path, tmp_path / "many.duckdb")))
    monkeypatch.setattr(board, "MOST_ROWS", 10)
    monkeypatch.setattr(filled_means, "MOST_ROWS", 10)
    monkeypatch.setattr(budget_table, "MOST_FITTED", 30)
    monkeypatch.setattr(budget_table, "_FEWEST_OF_A_TASK", 2)
    fitted: list[TaskTable] = []
    real = filling.predictor_of
    monkeypatch.setattr(filling, "predictor_of", lambda table: (fitted.append(table), real(table))[1])
    return fitted


def test_of_very_many_models_those_drawn_are_predicted(
    path: Path, many: list[TaskTable], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = on("leaderboard", l_benchmark=BOARD, l_predict="true", l_sort="Missing")
    shown, (table,) = rows(at), many
    assert len(shown) == 10 and table.drawn_of == published(path)
    assert set(shown.index) - {PRIVATE_MODEL} <= set(table.models) and len(table.models) < table.drawn_of
    assert "l_predict_ranks" not in {toggle.key for toggle in at.toggle} and "in the table alone" in words(at)
    texts = shown.loc[shown["Missing"].notna() & (shown.index != LITTLE), "Predicted mean"]
    assert len(texts) == 7 and texts.str.fullmatch(PREDICTED).all(), "who lacks tasks stands first"
    with monkeypatch.context() as patch:  # of a board of so many models the table is not asked for before it is shown
        patch.setattr(leaderboard, "table", lambda *_: pytest.fail("nobody asked for the table"))
        on("replace", x_incumbent=WHOLE, x_benchmark=BOARD)
    best = on("leaderboard", l_benchmark=BOARD, l_predict="true")
    assert "None of these lacks a task." in words(best) and len(rows(best)) == 10
    replace = on("replace", x_incumbent=PARTLY, x_benchmark=BOARD, x_predict="true")
    assert "its mean is predicted at" in words(replace) and "in the table alone" in words(replace)
    assert PARTLY in many[-1].models


def test_ranks_are_mixed_only_where_one_asks_and_say_so(path: Path) -> None:
    off, at = rows(on("leaderboard", l_benchmark=BOARD)), on("leaderboard", **BOTH)
    mixed = rows(at)
    assert list(mixed.index) != list(off.index) and mixed["Rank"].dropna().is_monotonic_increasing
    again = mixed.loc[off.index]
    assert again["Rank without predicted"].tolist() == off["Rank"].tolist()
    added = ["Rank", "Rank without predicted", "Predicted mean", "Predicted rank"]
    pd.testing.assert_frame_equal(again.drop(columns=added), off.drop(columns="Rank"))
    whole = again["Missing"].isna()
    assert (again.loc[whole, "Predicted rank"] == "").all()
    places = again.loc[again["Predicted mean"] != "", "Predicted rank"]
    assert places.str.fullmatch(r"≈ \d+(–\d+)?").all()
    # Each model is .01 below the one before it: what it would have on every task is its place among the others.
    assert abs(again.loc[PARTLY, "Rank"] - 7) <= 1 and off.loc[PARTLY, "Rank"] > 12
    assert "**Ranks with predicted.**" in words(at)
    head = json.loads(at.dataframe[0].proto.columns)["Rank"]
    assert head["label"] == "Rank with predicted"
    assert head["help"].startswith("MTEB's rule, as if every model with a predicted mean")


def test_the_switches_are_in_the_address() -> None:
    at = on("leaderboard", l_benchmark=BOARD)
    at.toggle(key="l_predict").set_value(True).run()
    at.toggle(key="l_predict_ranks").set_value(True).run()
    assert not at.exception
    linked = on("leaderboard", **BOTH)
    assert linked.toggle(key="l_predict").value and linked.toggle(key="l_predict_ranks").value
    pd.testing.assert_frame_equal(rows(at), rows(linked))
    assert "cannot be “maybe”" in words(on("leaderboard", l_benchmark=BOARD, l_predict="maybe"))
    by_mean = rows(on("leaderboard", **BOTH, l_sort="Predicted mean"))["Predicted mean"]
    values = by_mean[by_mean != ""].str.extract(r"≈ ([\d.]+)")[0].astype(float)
    assert values.is_monotonic_decreasing and (by_mean.iloc[len(values) :] == "").all()


def test_nothing_is_predicted_where_figures_are_left_out_on_purpose() -> None:
    at = on("leaderboard", **BOTH, l_trusted="true")
    assert "l_predict" not in {toggle.key for toggle in at.toggle} and "≈" not in words(at)
    assert "ignored" not in words(at), "a link with it is no fault"
    assert "l_predict" not in {toggle.key for toggle in on("leaderboard", **BOTH, l_complete="true").toggle}


def test_it_is_the_mean_that_is_shown(path: Path) -> None:
    with_all = asked(path).means
    three = asked(path, Selection(tasks=("TinySTS", "TinyClass", "TinyRetrieval"))).means
    assert with_all.loc[PARTLY, "missing"] == 1 and with_all.loc[PARTLY, "measured"] == pytest.approx(0.75)
    assert PARTLY not in three.index, "two of three tasks are too few"
    assert "org05/model-05" in with_all.index and "org05/model-05" not in three.index, "it has these three"
    few = asked(path, Selection(models=(WHOLE, PARTLY)), ranks=True)
    assert list(few.means.index) == [PARTLY] and set(few.ranks.index) == {WHOLE, PARTLY}
    assert few.means.loc[PARTLY].tolist() == pytest.approx(with_all.loc[PARTLY].tolist())
    # Among those that have no TinyRetrieval the mean is over the three other tasks.
    alone = ("org06/model-06", "org12/model-12", "org20/model-20")
    assert asked(path, Selection(models=alone)).means.empty


def test_a_made_mean_is_found_again(path: Path) -> None:
    means = asked(path).means
    for model, row in means.drop(index=PRIVATE_MODEL).iterrows():
        truth = 0.9 - 0.01 * int(str(model)[3:5]) - 0.15
        assert row["low"] - 0.004 <= truth <= row["high"] + 0.004
        assert row["high"] - row["low"] < 0.02


def test_why_nothing_can_be_said(path: Path, made_store: Path, record_reader: StoreReader) -> None:
    assert asked(path, Selection(trusted=True)).why == Unfilled.STRICT
    one_family = filling.filled(open_reader(made_store).cursor(), BOARD, Selection())
    assert one_family.why == Unfilled.FEW and one_family.means.empty and one_family.ranks.empty
    with record_reader.own_cursor() as cursor:
        assert filling.filled(cursor, "HUME(v1)", Selection()).why == Unfilled.SUBSETS
        name = "MTEB(Europe, v1)"
        whole = leaderboard.selected(cursor, name, Filter(whole=True))
        assert leaderboard.unfinished(cursor, name)
        assert filling.filled(cursor, name, whole).why == Unfilled.UNFINISHED, "mteb's own view stays as it is"


def test_where_nothing_can_be_predicted_the_page_says_why(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    at = on("leaderboard", **BOTH)
    assert "No mean is predicted: too few families of models have most of these tasks" in words(at)
    assert "redict" not in " ".join(rows(at).columns)


def test_replace_shows_means_beside_and_decides_without_them() -> None:
    choices = {"x_incumbent": PARTLY, "x_benchmark": BOARD}
    off, at = on("replace", **choices), on("replace", **choices, x_predict="true")
    pd.testing.assert_frame_equal(rows(at).drop(columns=["Mean of all tasks", "Predicted mean"]), rows(off))
    headline = [next(m.value for m in page.markdown if m.value.startswith("#### ")) for page in (off, at)]
    assert headline[0] == headline[1]
    assert re.search(
        rf"\*\*{PARTLY}\*\* has 3 of 4 tasks of Tiny\(all\); with the others its mean is predicted at {PREDICTED} "
        r"\(calibrated on 39 models\)\. What holds up is decided on shared tasks alone\.",
        words(at),
    )
    shown = rows(at)
    both = shown["Mean of all tasks"].notna() & (shown["Predicted mean"] != "")
    assert not both.any() and shown["Mean of all tasks"].notna().sum() > 30
    board = rows(on("leaderboard", l_benchmark=BOARD, l_predict="true"))
    assert shown["Predicted mean"].tolist() == board.loc[shown.index, "Predicted mean"].tolist(), "one answer"
    np.testing.assert_allclose(shown["Mean of all tasks"], board.loc[shown.index, "Mean (Task)"])
    assert "has all 4 tasks of Tiny(all): mean" in words(
        on("replace", x_incumbent=WHOLE, x_benchmark=BOARD, x_predict="true")
    )
    little = on("replace", x_incumbent=LITTLE, x_benchmark=BOARD, x_predict="true")
    assert "its mean cannot be predicted" in words(little)
    strict = on("replace", **choices, x_predict="true", x_strict="true")
    assert "≈" not in words(strict) and "Predicted mean" not in rows(strict)


def test_a_report_and_its_csv_say_predicted() -> None:
    address = f"leaderboard?l_benchmark={quote(BOARD)}&l_predict=true&l_predict_ranks=true"
    report = make_report(Wish((read_view(address),)))
    page = read(html_of(report))
    heads, *lines = page.tables[0]
    assert heads[0] == "Rank with predicted" and {"Predicted mean", "Rank without predicted"} <= set(heads)
    of = {line[heads.index("Model")]: line for line in lines}
    assert re.fullmatch(PREDICTED, of[PARTLY][heads.index("Predicted mean")])
    assert of[PARTLY][heads.index("Mean (Task)")] == "" and "≈ is a predicted mean, no score" in page.text
    csv = next(data for name, data in files_of(report, ("csv",)) if name.endswith(".csv")).decode()
    assert "Predicted mean" in csv.splitlines()[0] and "≈" in csv


def test_it_is_said_in_chinese() -> None:
    at = on("leaderboard", **BOTH, lang="zh")
    assert "≈ 为预测均值，不是分数：缺少任务的 8 个模型中有 7 个给出预测。" in words(at)
    assert json.loads(at.dataframe[0].proto.columns)["Rank"]["label"] == "排名（含预测）"
    other = on("replace", x_incumbent=PARTLY, x_benchmark=BOARD, x_predict="true", lang="zh")
    assert "是否站得住只由共同任务决定" in words(other)


def test_an_interval_is_never_written_narrower_than_it_is() -> None:
    assert predicted_text(0.6123, 0.00801) == "≈ 61.2 ± 0.9"
    assert predicted_text(0.6123, 0.008) == "≈ 61.2 ± 0.8"
    assert predicted_text(0.61234, 0.000301) == "≈ 61.23 ± 0.04"


def test_no_other_page_or_figure_knows_of_predictions() -> None:
    users = {
        str(file.relative_to(ROOT / "dashboard"))
        for file in (ROOT / "dashboard").rglob("*.py")
        if re.search(r"queries(\.| import )filling|budget\.fill", file.read_text("utf-8"))
    }
    assert users == {
        "queries/filling.py", "sections/board.py", "sections/budget.py", "sections/filled_means.py",
        "sections/filling.py", "tables/filling.py", "tables/leaderboard.py",
    }  # fmt: skip


def test_on_the_record_measured_rows_stay_as_they_are(record_reader: StoreReader) -> None:
    name = "BEIR"
    with record_reader.own_cursor() as cursor:
        selection = leaderboard.selected(cursor, name, Filter())
        board = leaderboard.table(cursor, name, selection)
        filled = filling.filled(cursor, name, selection, ranks=True)
    lacking = board.loc[board["tasks_missing"] > 0].set_index("model")
    assert set(filled.means.index) <= set(lacking.index) and len(filled.means) > 30
    assert (filled.means["missing"] == lacking.loc[filled.means.index, "tasks_missing"]).all()
    assert set(filled.ranks.index) == set(board["model"])
    whole = filled.ranks.drop(index=filled.means.index)
    assert (whole["rank"] == whole["low"]).all() and (whole["rank"] == whole["high"]).all()
    measured = board.set_index("model")["rank"].loc[whole.index]
    assert (whole["rank"].sub(measured).abs() <= len(filled.means)).all()

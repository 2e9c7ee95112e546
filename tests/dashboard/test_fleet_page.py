"""The page on fleets, through Streamlit's own test harness: what the store was told of a plan, and nothing made up."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from data.store.database import writing
from data.store.rows import append
from tests.dashboard.opened import on

HOSTILE = "org/<img src=x>*b*"
SEEN = pd.Timestamp("2026-11-20 10:30:00")


def fleet_store(path: Path, *, plans: tuple[str, ...] = ("forty",), status: str = "running") -> Path:
    """Plans of two models and three tasks: one done, one with a task at work, one waiting and one set aside."""
    with writing(path, fresh=True) as connection:
        for number, plan in enumerate(plans):
            whose = {"storage": "s3://team/fleet", "plan_id": plan}
            append(connection, "fleets", [whose | {
                "name": plan.title(), "status": status, "drivers": 2, "started_at": SEEN - pd.Timedelta(hours=1),
                "seen_at": SEEN - pd.Timedelta(days=number), "an_hour": 12.0, "seconds_left": 7200.0, "cost": 3.5,
                "cost_left": 1.25, "currency": "EUR", "dashboard": "http://127.0.0.1:8265",
            }])  # fmt: skip
            cells = [("org/done", task, "done", 10.0, None, []) for task in ("A", "B", "C")]
            cells += [(HOSTILE, "A", "running", None, None, []), (HOSTILE, "B", "waiting", None, None, [])]
            cells += [(HOSTILE, "C", "set aside", None, "It raised <b>this</b>.", ["line one", "Segmentation fault"])]
            cells += [("org/refused", task, "failed", None, "No weights.", []) for task in ("A", "B", "C")]
            append(connection, "fleet_cells", [
                whose | {"setup": model, "model": model, "task": task, "status": state, "seconds": seconds,
                         "expected": 60.0, "run_id": "run-1", "error": error, "log": log}
                for model, task, state, seconds, error, log in cells
            ])  # fmt: skip
    return path


def text(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "subheader", "code")
    return " ".join(element.value for kind in kinds for element in at.get(kind))


def opened(monkeypatch: pytest.MonkeyPatch, path: Path, **asked: object) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return on("fleet", **asked)


def test_it_says_how_far_a_plan_is_and_what_it_gave_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = opened(monkeypatch, fleet_store(tmp_path / "store.duckdb"))
    words = text(at)
    assert "3 of 9 tasks done" in words and "1 running · 1 waiting · 3 failed with their model · 1 set aside" in words
    assert "12 an hour" in words and "about 2.0 h left" in words and "3.50 EUR spent, about 1.25 more" in words
    assert "2026-11-20 10:30:00 UTC" in words and "(http://127.0.0.1:8265)" in words
    models, failures = (frame.value for frame in at.dataframe)
    assert list(models.iloc[:, 0]) == [HOSTILE, "org/done", "org/refused"]
    assert list(models.iloc[:, 1]) == ["0 of 3", "3 of 3", "0 of 3"]
    assert [list(row) for row in failures.iloc[:, [0, 2]].itertuples(index=False)] == [["org/refused", 3], [HOSTILE, 1]]
    assert "Segmentation fault" in words and "\\<img" in at.expander[0].label


def test_a_plan_that_has_ended_promises_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = text(opened(monkeypatch, fleet_store(tmp_path / "store.duckdb", status="stopped")))
    assert "3.50 EUR spent" in words and "left" not in words and "more " not in words.partition("later")[0]
    assert "8265" not in words  # nobody answers there any more


def test_of_several_plans_the_one_heard_of_last_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fleet_store(tmp_path / "store.duckdb", plans=("new", "old"))
    assert "New, on" in text(opened(monkeypatch, path))
    assert "Old, on" in text(opened(monkeypatch, path, f_plan="old"))
    assert "驱动进程" in text(opened(monkeypatch, path, lang="zh"))


def test_without_a_plan_it_says_what_to_type(made_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = text(opened(monkeypatch, made_store))
    assert "No plan yet" in words and "evaluators fleet PLAN.toml" in words

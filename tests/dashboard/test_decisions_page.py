"""Decisions on the pages: kept by one session, seen by another, outdated when a figure moves, none on read-only."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from data.store.database import reading, writing
from data.store.decisions import Conclusion, Decision, Item, decide, decisions_path, read_decisions
from tests.dashboard.opened import on

BENCHMARK = "MTEB(eng, v2)"


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, made_store: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copy(made_store, tmp_path / "store.duckdb"))
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return path


def first_model(at: AppTest) -> str:
    return str(at.dataframe[0].value["Model"].iloc[0])


def fill(at: AppTest, **texts: str) -> None:
    at.text_input(key="decision_name_0").set_value(texts.get("name", "Short list"))
    at.text_area(key="decision_reason_0").set_value(texts.get("reason", "It is small."))
    at.text_input(key="decision_author").set_value(texts.get("author", "Ada"))
    next(button for button in at.button if button.label == "Keep the decision").click()
    at.run()
    assert not at.exception


def state_of_record(store: Path) -> tuple[object, object]:
    query = "SELECT source_commit, source_date FROM imports WHERE kind <> 'run' ORDER BY import_id DESC LIMIT 1"
    with reading(store) as cursor:
        return cursor.execute(query).fetchall()[0]  # type: ignore[return-value]


def texts(at: AppTest) -> str:
    return "\n".join(str(one.value) for kind in (at.markdown, at.caption, at.warning) for one in kind)


def test_a_decision_of_one_session_is_seen_in_another(store: Path) -> None:
    at = on("models")
    model = str(at.selectbox(key="m_model").value)
    fill(at)
    (decision,) = read_decisions().decisions
    assert Item("model", model) in decision.items and decision.figures
    assert decision.link.startswith("models") and decision.choice == Conclusion.ACCEPT
    commit, date = state_of_record(store)
    assert decision.record == " ".join(str(part)[:10] for part in (commit, date) if part is not None)
    other = on("models", m_model=model)
    assert "Short list" in texts(other) and "It is small" in texts(other)
    assert "Outdated" not in texts(other)
    listed = on("decisions")
    assert "Short list" in texts(listed) and "1 decision, 0 outdated" in texts(listed)


def test_it_stands_only_where_what_it_is_about_is_shown(store: Path) -> None:
    models = on("models").selectbox(key="m_model").options
    decide(Decision("About one", "Q?", Conclusion.REJECT, "", "Ben", "models", (Item("model", models[0]),)))
    assert "About one" in texts(on("models", m_model=models[0]))
    assert "About one" not in texts(on("models", m_model=models[1]))


def test_a_figure_that_moved_makes_it_outdated(store: Path) -> None:
    at = on("models")
    fill(at, name="Before the import")
    (decision,) = read_decisions().decisions
    name = next(name for name, figure in decision.figures.items() if isinstance(figure, float))
    decisions_path().unlink()
    moved = replace(decision, figures={**decision.figures, name: float(decision.figures[name]) + 0.01})  # type: ignore[arg-type]
    decide(moved)
    with writing(store) as connection:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('note', 'another version')")
    again = on("decisions")
    assert "Outdated: 1 of its" in texts(again) and "1 decision, 1 outdated" in texts(again)
    assert "Before the import" not in texts(on("decisions", z_state="stands"))


def test_a_read_only_deployment_offers_no_form_and_shows_what_was_decided(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(Decision("Kept before", "Q?", Conclusion.ACCEPT, "", "Ada", "leaderboard"))
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", "1")
    for page in ("leaderboard", "models", "decisions"):
        assert not [button for button in on(page).button if button.label == "Keep the decision"]
    assert "Kept before" in texts(on("decisions"))


def test_nothing_somebody_writes_is_markup(store: Path) -> None:
    hostile = "<script>alert(1)</script> ![x](http://evil) :red[x] **b** [y](javascript:alert)"
    decide(Decision(hostile, hostile, Conclusion.ACCEPT, hostile, hostile, f"javascript:alert(1)//{hostile}"))
    at = on("decisions")
    page = texts(at)
    assert r"\<script\>" in page and "<script>" not in page and "![x]" not in page and ":red[x]" not in page
    assert "](javascript" not in page.replace("\\]\\(", "")
    assert not [link for link in at.get("page_link") if "javascript" in str(link.proto)]


def test_a_missing_name_is_said_and_nothing_is_kept(store: Path) -> None:
    at = on("models")
    fill(at, name=" ")
    assert "The decision has no name" in at.error[0].value
    assert not decisions_path().exists()

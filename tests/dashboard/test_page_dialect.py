"""One dialect of pages: how they are laid out, name their keys in the address, and import what they show."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.sections import board
from dashboard.tables import leaderboard as leaderboard_tables
from dashboard.tables.columns import Column, number
from tests.dashboard.opened import on
from tests.serving import ROOT

DASHBOARD = ROOT / "dashboard"
SCREENS = sorted(path for path in (DASHBOARD / "screens").glob("*.py") if path.name != "__init__.py")
SECTIONS = sorted((DASHBOARD / "sections").glob("*.py"))
TABLES = sorted((DASHBOARD / "tables").glob("*.py"))


def listed() -> dict[str, str]:
    """Pages by the name of their file, with the prefix of their keys, as app.py lists them."""
    lines = re.findall(
        r'^    Page\("(\w+)", .*?:material/\w+:", "(\w+)"', (DASHBOARD / "app.py").read_text("utf-8"), re.M
    )
    return dict(lines)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_every_screen_is_a_page_with_keys_of_its_own() -> None:
    assert set(listed()) == {path.stem for path in SCREENS}
    assert len(set(listed().values())) == len(listed())


@pytest.mark.parametrize("path", SCREENS, ids=lambda path: path.stem)
def test_every_page_is_controls_then_questions_then_parts(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"main", "controls", "questions"} <= set(functions)
    (statement,) = functions["main"].body[1:]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    call = statement.value
    assert [ast.unparse(part) for part in (call.func, *call.args[:2])] == ["lay_out", "controls", "questions"]
    parts = call.args[2]
    assert isinstance(parts, ast.Tuple)
    assert all(isinstance(part, ast.Name) and part.id.startswith("show_") for part in parts.elts)
    assert ast.unparse(tree.body[-1]) == "main()"


def imported(path: Path) -> Iterator[tuple[str, str, str | None]]:
    """What a file imports from a room: module, name, and the name it has there."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name, alias.asname) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "", alias.asname) for alias in node.names)


@pytest.mark.parametrize("path", [*SCREENS, *SECTIONS], ids=name)
def test_queries_figures_and_tables_are_called_by_their_room(path: Path) -> None:
    """``from dashboard.queries import task as task_queries``; by name only types and constants."""
    for module, what, called in imported(path):
        for room in ("queries", "figures", "tables"):
            if module == f"dashboard.{room}":
                assert called == f"{what}_{room}", (module, what)
            elif module.startswith(f"dashboard.{room}."):
                assert what[0].isupper() and called is None, (module, what)


@pytest.mark.parametrize("path", [*SCREENS, *SECTIONS], ids=name)
def test_pages_draw_tables_and_choices_by_the_same_functions(path: Path) -> None:
    text = path.read_text("utf-8")
    if path.name != "grid.py":
        assert "column_config" not in text and ".dataframe(" not in text
        assert "query_params" not in text.replace("query_params=address_of", "").replace("query_params=asked", "")
    assert "bind=" not in text and '.page_link("' not in text


def test_tables_know_streamlit_by_its_columns_alone_and_queries_not_at_all() -> None:
    for path in TABLES:
        assert set(re.findall(r"\bst\.(\w+)", path.read_text("utf-8"))) <= {"column_config"}, path
    for path in (DASHBOARD / "queries").glob("*.py"):
        assert "streamlit" not in {module for module, *_ in imported(path)}, path


@pytest.mark.parametrize(
    ("page", "old"),
    [
        ("leaderboard", {"benchmark": "Tiny(half)", "weights": "Open", "sort": "Parameters", "reverse": "true"}),
        ("leaderboard", {"name": "model-1", "size": ["0", "1B"], "type": "STS", "model": "org/model-01"}),
        ("reproduction", {"compare": "Model cards", "part": "Table", "verdicts": ["gap"], "drift": "0.06"}),
        ("drift", {"drift_view": "texts", "order": "by name", "log": "false"}),
        ("runs", {"kind": "parity", "recorded": "environment"}),
    ],
)
def test_links_from_before_every_key_had_a_prefix_still_work(monkeypatch, made_parity, made_store, page, old) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store if page == "leaderboard" else made_parity))
    new = {f"{listed()[page]}_{'view' if key == 'drift_view' else key}": value for key, value in old.items()}
    before, after = on(page, **old), on(page, **new)
    assert not before.warning or page == "reproduction"
    assert before.query_params == after.query_params
    shown = [[element.value for element in at.get(kind)] for at in (before, after) for kind in ("markdown", "caption")]
    assert shown[:2] == shown[2:]
    for one, other in zip(before.dataframe, after.dataframe, strict=True):
        assert one.value.astype(str).equals(other.value.astype(str))


def test_a_choice_no_page_has_is_still_said(store) -> None:
    assert "wat is not a choice on this page" in on("leaderboard", wat="1").warning[0].value


def test_the_first_page_is_at_its_own_name_too(store) -> None:
    at = AppTest.from_file(str(DASHBOARD / "app.py"), default_timeout=180).run()
    at_name = on("overview")
    assert [element.value for element in at.markdown] == [element.value for element in at_name.markdown]
    paths = {(info["url_pathname"], Path(info["script_path"]).stem) for info in at._registered_pages.values()}
    assert {("", "overview"), ("overview", "overview"), ("leaderboard", "leaderboard"), ("compare", "compare")} <= paths


def test_a_leaderboard_column_is_one_line(monkeypatch, store) -> None:
    """Its source is any column of the store's models: the page shows it, sorts by it and writes it into the CSV."""
    line = Column("Memory", "memory_mb", number("%.0f MB"), "What the weights take.", small_first=True)
    assert "Memory" not in on("leaderboard").dataframe[0].value
    monkeypatch.setattr(leaderboard_tables, "FACTS", (*leaderboard_tables.FACTS, line))
    written = []
    monkeypatch.setattr(board, "show_csv", lambda name, data, *_, **__: written.append(data()))
    at = on("leaderboard", l_sort="Memory")
    shown = at.dataframe[0].value
    assert shown["Memory"].notna().any() and shown["Memory"].dropna().is_monotonic_increasing
    assert "Memory" in at.selectbox(key="l_sort").options and "%.0f MB" in at.dataframe[0].proto.columns
    head, first = written[0].decode().splitlines()[:2]
    assert head.split(",")[-1] == "Memory" and float(first.split(",")[-1]) == shown["Memory"].iloc[0]


SCREEN = """
import streamlit as st
from dashboard import url_state
from dashboard.sections.layout import lay_out
from data.store.errors import InputError, StoreMissingError

def main():
    lay_out(controls, questions, (show_answer,), )

def controls():
    return url_state.segmented_control("What", ["answer", "empty", "fail"], "what")

def questions(what):
    if what == "empty":
        raise InputError("Nothing of that kind", where="here", remedy="Choose another.")
    if what == "fail":
        raise StoreMissingError("The store is gone", where="there", remedy="Run `make run`.")
    return what

def show_answer(answers):
    st.markdown(f"The page shows: {answers}")

main()
"""


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: None) -> Path:
    """The dashboard with a page more: one file and one line."""
    app = tmp_path / "dashboard" / "app.py"
    shutil.copytree(DASHBOARD / "screens", app.parent / "screens")
    (app.parent / "screens" / "added.py").write_text(SCREEN, encoding="utf-8")
    shutil.copy(DASHBOARD / "icon.svg", app.parent)
    last = '    Page("runs",'
    text = (DASHBOARD / "app.py").read_text("utf-8")
    line = '    Page("added", "Added page", ":material/add:", "a", "A page somebody added."),\n'
    app.write_text(text.replace(last, line + last), encoding="utf-8")
    monkeypatch.setattr(sys, "path", [*sys.path])
    return app


def test_a_page_is_one_file_and_one_line(added: Path) -> None:
    at = AppTest.from_file(str(added), default_timeout=180).run()
    assert not at.exception and "added" in {info["url_pathname"] for info in at._registered_pages.values()}
    at.switch_page("screens/added.py").run()
    assert at.title[0].value.startswith("Added page ") and at.markdown[0].value == "The page shows: answer"
    at.segmented_control(key="a_what").set_value("empty").run()
    assert "Nothing of that kind" in at.info[0].value and not at.exception
    at.segmented_control(key="a_what").set_value("fail").run()
    assert "The store is gone" in at.info[0].value and at.code[0].value == "make run" and not at.exception


def test_an_added_page_reads_its_address(added: Path) -> None:
    for key in ("a_what", "what"):
        at = AppTest.from_file(str(added), default_timeout=180).run()
        at.switch_page("screens/added.py")
        at.query_params[key] = "empty"
        at.run()
        assert "Nothing of that kind" in at.info[0].value and at.query_params == {"a_what": "empty"}

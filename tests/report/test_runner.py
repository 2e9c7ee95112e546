"""Pages run without a browser as Streamlit runs them for one, and nobody else notices."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from streamlit import runtime
from streamlit.runtime import Runtime
from streamlit.runtime.scriptrunner import ScriptRunner

from dashboard.report.document import Sheet, blocks_in
from dashboard.report.elements import DRAWN, LEFT_OUT, drawn_view
from dashboard.report.runner import _Runner, run_page, stage
from dashboard.views import page_names, read_view
from data.store.errors import PlumblineError
from tests.dashboard.opened import on
from tests.serving import ROOT

BLOCKS = {
    "vertical", "horizontal", "column", "expandable", "form", "tab_container", "tab", "popover", "dialog",
    "flex_container", "grid_container", None,
}  # fmt: skip


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> Path:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    return made_store


def test_a_page_says_what_it_says_to_a_browser(store: Path) -> None:
    at = on("leaderboard", l_benchmark="Tiny(half)", l_sort="Model", l_reverse="true")
    with stage():
        run = run_page("leaderboard", "l_benchmark=Tiny%28half%29&l_sort=Model&l_reverse=true")
    drawn = drawn_view(read_view("leaderboard"), run)
    (sheet,) = [block for block in blocks_in(drawn.blocks) if isinstance(block, Sheet)]
    assert sheet.frame.astype(str).equals(at.dataframe[0].value.astype(str))
    assert ("Benchmark", "Tiny(half)") in drawn.choices and ("Reverse", "✓") in drawn.choices
    assert drawn.title == "Leaderboard" and "Who is best" in drawn.question


def test_a_link_from_before_keys_had_a_prefix_is_read_in_a_second_run(store: Path) -> None:
    with stage():
        run = run_page("leaderboard", "benchmark=Tiny%28half%29")
    assert ("Benchmark", "Tiny(half)") in drawn_view(read_view("leaderboard"), run).choices


def test_main_and_runtime_are_as_they_were(store: Path) -> None:
    main = sys.modules["__main__"]
    with stage():
        assert runtime.exists()
        run_page("tasks", "")
    assert sys.modules["__main__"] is main and not runtime.exists()


def test_two_at_once_each_get_their_own(store: Path) -> None:
    seen: dict[str, dict[str, str]] = {}

    def draw(task: str, language: str) -> None:
        run = run_page("tasks", f"t_task={task}&lang={language}")
        seen[task] = dict(drawn_view(read_view("tasks"), run).choices)

    with stage():
        threads = [threading.Thread(target=draw, args=one) for one in (("TinySTS", "en"), ("TinyClass", "zh"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen["TinySTS"]["Task"] == "TinySTS" and "TinyClass" in seen["TinyClass"].values()


def test_files_of_other_sessions_stay(store: Path) -> None:
    with stage():
        files = Runtime.instance().media_file_mgr
        files._file_metadata["another"] = mark = type("Mark", (), {"marked": 0})()
        run_page("leaderboard", "")
        assert files._file_metadata["another"] is mark and mark.marked == 0
        assert not [session for session in files._files_by_session_and_coord if session.startswith("report-")]
        del files._file_metadata["another"]


def test_a_page_that_fails_is_one_notice(store: Path, tmp_path: Path) -> None:
    app = tmp_path / "app.py"
    app.write_text("import streamlit as st\nst.title('Here')\nraise KeyError('secret')\n", "utf-8")
    with stage():
        drawn = drawn_view(read_view(""), run_page("", "", app=app))
    (notice,) = drawn.blocks
    assert drawn.title == "Here" and notice.tone == "error" and "secret" not in notice.words  # type: ignore[union-attr]


def test_a_page_that_hangs_is_given_up(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = tmp_path / "app.py"
    app.write_text("import time, streamlit as st\nwhile True:\n    st.text('x')\n    time.sleep(0.01)\n", "utf-8")
    monkeypatch.setattr("dashboard.report.runner._SECONDS", 0.2)
    with stage(), pytest.raises(PlumblineError, match="did not come to its end"):
        run_page("", "", app=app)


@pytest.mark.parametrize("page", page_names())
def test_every_element_of_every_page_has_its_place_on_paper(
    page: str, made_store: Path, made_parity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An element that Streamlit or a page adds is drawn or left out on purpose, never lost."""
    for store in (made_store, made_parity):
        monkeypatch.setenv("PLUMBLINE_STORE", str(store))
        with stage():
            run = run_page(page, "")
        for message in run.messages:
            if message.WhichOneof("type") != "delta":
                continue
            delta = message.delta
            if delta.WhichOneof("type") == "new_element":
                assert delta.new_element.WhichOneof("type") in DRAWN.keys() | LEFT_OUT
            elif delta.WhichOneof("type") == "add_block":
                assert delta.add_block.WhichOneof("type") in BLOCKS


def test_what_is_relied_on_of_streamlit_is_there() -> None:
    """The end of a run is Streamlit's own but for what takes files away: look again when that changes."""
    import inspect

    theirs = inspect.getsource(ScriptRunner._on_script_finished)
    assert set(inspect.signature(_Runner._on_script_finished).parameters) == set(
        inspect.signature(ScriptRunner._on_script_finished).parameters
    )
    for line in (
        "self._join_wake_coordinator = None",
        "self._session_state.on_script_finished(",
        "self.on_event.send(",
    ):
        assert line in theirs and line in inspect.getsource(_Runner._on_script_finished)
    assert theirs.count("remove_orphaned") == 2 and theirs.count("self.") == 4
    assert "streamlit==1.67.0" in (ROOT / "requirements.txt").read_text("utf-8")

"""Run the dashboard at an address without a browser, and collect what it would have sent to one.

Streamlit's own script runner does it, in a session that nobody else has: in a command as well as inside a server that
serves others meanwhile. What is relied on of its inside is held by ``tests/report/test_runner.py``.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from streamlit import runtime
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime import Runtime, RuntimeConfig
from streamlit.runtime.caching.storage.dummy_cache_storage import MemoryCacheStorageManager
from streamlit.runtime.fragment import MemoryFragmentStorage
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.pages_manager import PagesManager
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner, ScriptRunnerEvent
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
from streamlit.runtime.scriptrunner_utils.run_descriptor import RunDescriptor
from streamlit.runtime.scriptrunner_utils.script_run_context import ScriptRunContext
from streamlit.runtime.state import SessionState

from dashboard.views import ON_PAPER
from data.store.errors import PlumblineError

__all__ = ["PageRun", "run_page", "stage"]

_APP = Path(__file__).resolve().parents[1] / "app.py"
_UPLOADS, _MEDIA = "/_report/upload", "/_report/media"  # nobody asks for either
_SECONDS = 300.0  # a page takes a few; after this long it hangs
_alone = threading.Lock()


class PageRun(NamedTuple):
    """What a page sent in its last run, and what its controls stand at by their id."""

    messages: list[ForwardMsg]
    controls: Mapping[str, Any]


@contextmanager
def stage() -> Iterator[None]:
    """Where pages can be run: in a server that one, else a runtime that serves nobody, for the length of the block.

    A command's ``__main__`` is put back: a process spawned later would run what Streamlit leaves there.
    """
    if runtime.exists():
        yield
        return
    with _alone:
        main = sys.modules["__main__"]
        Runtime(
            RuntimeConfig(
                script_path=str(_APP),
                media_file_storage=MemoryMediaFileStorage(_MEDIA),
                uploaded_file_manager=MemoryUploadedFileManager(_UPLOADS),
                cache_storage_manager=MemoryCacheStorageManager(),
            )
        )
        try:
            yield
        finally:
            Runtime._instance = None
            sys.modules["__main__"] = main


def run_page(page: str, query: str, *, app: Path = _APP) -> PageRun:
    """Run the app at a page and its choices until nothing asks for another run; within :func:`stage`.

    Nobody is signed in there: what one viewer has drawn is handed to others.

    Args:
        page: name of the page, empty for the first one.
        query: the choices as the address spells them.
        app: the script.

    Raises:
        PlumblineError: the page did not come to its end.
    """
    messages: list[ForwardMsg] = []
    state = SessionState()
    loop = asyncio.new_event_loop()
    runner = _runner(page, query, state, app, loop)

    def heard(_: ScriptRunner | None, event: ScriptRunnerEvent, **what: Any) -> None:
        if event == ScriptRunnerEvent.SCRIPT_STARTED:
            messages.clear()  # of a run that was cut short nothing is shown
            state[ON_PAPER] = True
        elif event == ScriptRunnerEvent.ENQUEUE_FORWARD_MSG:
            messages.append(what["forward_msg"])

    runner.on_event.connect(heard, weak=False)
    try:
        runner.start()
        _wait(runner, page)
        loop.close()
    finally:
        _clear(runner._session_id)
    return PageRun(messages, {one.id: _value(one) for one in state.get_widget_states()})


class _Runner(ScriptRunner):
    """A script runner whose end takes no files away: those of other sessions that are just being drawn again, too."""

    def _on_script_finished(
        self, ctx: ScriptRunContext, event: ScriptRunnerEvent, premature_stop: bool, run_descriptor: RunDescriptor
    ) -> None:
        with self._join_wake_lock:
            self._join_wake_coordinator = None
        if not premature_stop:
            self._session_state.on_script_finished(
                ctx.shared.widget_ids_this_run.snapshot(),
                remove_stale_widgets=(ctx.has_script_started and event != ScriptRunnerEvent.SCRIPT_STOPPED_FOR_RERUN),
            )
        self.on_event.send(self, event=event, run_descriptor=run_descriptor)


def _runner(page: str, query: str, state: SessionState, app: Path, loop: asyncio.AbstractEventLoop) -> ScriptRunner:
    scripts = ScriptCache()
    return _Runner(
        session_id=f"report-{uuid4().hex}",
        main_script_path=str(app),
        session_state=state,
        uploaded_file_mgr=MemoryUploadedFileManager(_UPLOADS),
        script_cache=scripts,
        initial_rerun_data=RerunData(query_string=query, page_name=page, page_script_hash=""),
        user_info={},
        fragment_storage=MemoryFragmentStorage(),
        pages_manager=PagesManager(str(app), scripts, setup_watcher=False),
        event_loop=loop,
    )


def _wait(runner: ScriptRunner, page: str) -> None:
    thread = runner._script_thread
    assert thread is not None  # it was started
    thread.join(_SECONDS)
    if thread.is_alive():
        runner.request_stop()
        raise PlumblineError(
            f"The page did not come to its end within {_SECONDS:.0f} seconds",
            where=page or "first page",
            remedy="Open it in the dashboard, and leave it out if it is as slow there.",
        )


def _clear(session: str) -> None:
    """Let go of the files the session's buttons would have handed over; the next run of anybody takes them away."""
    here = runtime.get_instance()
    here.media_file_mgr.clear_session_refs(session)
    here.dataframe_source_mgr.clear_session_refs(session)


def _value(state: Any) -> Any:
    """What a control stands at: a text, a number, a list of either; None for one with nothing to say."""
    kind = state.WhichOneof("value")
    value: Any = getattr(state, kind) if kind else None
    return list(value.data) if hasattr(value, "data") else value

"""What the guard of tests/traces.py sees of what one test could leave for another, and who takes which file when."""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from tests.traces import changes, of_modules, of_process
from tests.turns import FromBothEnds, in_a_row


def _chdir(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)


def _logger(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setattr(logging.getLogger("plumbline.made"), "level", 17)


LEFT: dict[str, tuple[Callable[[pytest.MonkeyPatch, Path], None], str]] = {
    "a new variable": (lambda patch, _: patch.setenv("PLUMBLINE_MADE", "x"), "environment: PLUMBLINE_MADE"),
    "another value": (lambda patch, _: patch.setenv("PLUMBLINE_STORE", "x"), "environment: PLUMBLINE_STORE"),
    "a variable less": (lambda patch, _: patch.delenv("PLUMBLINE_STORE"), "environment: PLUMBLINE_STORE"),
    "another folder": (_chdir, "folder"),
    "a logger": (_logger, "logger plumbline.made"),
    "arguments": (lambda patch, _: patch.setattr(sys, "argv", ["x"]), "arguments"),
    "a search path": (lambda patch, folder: patch.syspath_prepend(folder), "search path"),
}


@pytest.mark.parametrize("what", LEFT)
def test_what_is_left_is_named(what: str, tmp_path: Path) -> None:
    change, name = LEFT[what]
    logging.getLogger("plumbline.made")
    before = of_process()
    with pytest.MonkeyPatch.context() as patch:
        change(patch, tmp_path)
        (line,) = changes(before, of_process())
    assert line.startswith(name)
    assert changes(before, of_process()) == []


class _Known:
    def __init__(self) -> None:
        self.keys = {"one"}


def test_what_modules_hold_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tests.made_module")
    of_session = ContextVar("made", default="en")
    held: dict[str, Any] = {"seen": ["a"], "known": _Known(), "language": of_session, "answer": 42}
    vars(module).update(held)
    monkeypatch.setitem(sys.modules, "tests.made_module", module)
    before = of_modules()
    assert changes(before, of_modules()) == []
    held["seen"].append("b")
    held["known"].keys.add("two")
    token = of_session.set("zh")
    vars(module)["answer"] = object()
    names = {line.partition(":")[0] for line in changes(before, of_modules())}
    of_session.reset(token)
    place = "tests.made_module"
    assert names == {f"{place}.seen holds", f"{place}.known.keys holds", f"{place}.language is", f"{place}.answer"}


def _test(file: str, *, browser: bool = False, slow: bool = False) -> Any:
    return SimpleNamespace(
        path=Path(file),
        fixturenames=["chromium"] if browser else [],
        get_closest_marker=lambda name: slow and name == "slow",
    )


def test_pages_stand_at_one_end_and_models_at_the_other() -> None:
    files = ["tests/dashboard/a.py", "tests/data/b.py", "tests/parity/c.py", "tests/dashboard/d.py", "tests/cases/e.py"]
    items = [_test(file, browser=file.endswith("d.py"), slow=file.endswith("e.py")) for file in files]
    row = [item.path.name for item in in_a_row(items)]
    assert row == ["d.py", "a.py", "b.py", "c.py", "e.py"]


def test_workers_take_files_from_either_end() -> None:
    sharing = FromBothEnds.__new__(FromBothEnds)
    sharing.workqueue = OrderedDict((name, {f"{name}::test": False}) for name in "abcd")
    sharing.assigned_work = {}
    sharing.registered_collections = {_Node(f"gw{i}"): [f"{name}::test" for name in "abcd"] for i in (0, 1)}
    taken = []
    for node in [*sharing.registered_collections, *sharing.registered_collections]:
        sharing._assign_work_unit(node)
        taken.append(next(reversed(sharing.assigned_work[node])))
    assert taken == ["a", "d", "b", "c"]


class _Node:
    """As much of a worker as the handing out of work looks at."""

    def __init__(self, name: str) -> None:
        self.gateway = SimpleNamespace(id=name)

    def send_runtest_some(self, _: list[int]) -> None:
        """Nothing is run."""

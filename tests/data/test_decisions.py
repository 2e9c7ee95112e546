"""Decisions: a file that many append to at once, and that no bad line, full disk or read-only folder spoils."""

from __future__ import annotations

import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from data.rules.decided import Moved, moved_figures
from data.store.decisions import LONGEST, Conclusion, Decision, Item, decide, decisions_path, read_decisions
from data.store.errors import InputError, ReadOnlyError, StoreError

ONE = Decision(
    name="Short list", question="Which model should we take?", choice=Conclusion.ACCEPT,
    reason="Small and free.\nFast.", author="Ada", link="compare?c_models=a%2Fb",
    items=(Item("model", "a/b"), Item("benchmark", "MTEB(eng, v2)")),
    figures={"a/b · mean": 0.5, "a/b · checked": "reproduced 3/3", "a/b · rank": None},
)  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.decisions.jsonl"


def test_a_decision_comes_back_as_it_was_with_time_and_id(path: Path) -> None:
    written = decide(ONE, path)
    (read,) = read_decisions(path).decisions
    assert read == written
    assert replace(read, at="", decision_id="") == ONE
    assert read.at.endswith("+00:00") and len(read.decision_id) == 12


def test_the_latest_is_first_and_nothing_before_is_touched(path: Path) -> None:
    decide(ONE, path)
    before = path.read_bytes()
    decide(replace(ONE, choice=Conclusion.REJECT), path)
    assert path.read_bytes().startswith(before)
    assert sorted(decision.choice for decision in read_decisions(path).decisions) == ["accept", "reject"]


def write(path: str, author: str) -> None:
    for number in range(20):
        decide(replace(ONE, author=author, reason=f"{number} " + "é" * 3000), Path(path))


def test_many_processes_write_at_once_and_every_line_is_whole(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write, args=(str(path), name)) for name in ("Ada", "Ben", "Cleo")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    decisions = read_decisions(path)
    assert not decisions.unreadable
    assert sorted(one.author for one in decisions.decisions) == ["Ada"] * 20 + ["Ben"] * 20 + ["Cleo"] * 20
    assert {one.reason.split()[0] for one in decisions.decisions} == {str(n) for n in range(20)}


@pytest.mark.parametrize(
    "line",
    [b'{"name": "cut sh', b"[]", b"7", b"{}", b"\xff\xfe", b'"text"', b"[" * 100_000, b'{"name": 7}',
     json.dumps({**dict.fromkeys(LONGEST, "x"), "at": "yesterday", "decision_id": "1", "choice": "accept"}).encode(),
     json.dumps({**dict.fromkeys(LONGEST, "x"), "at": "2026-01-01", "decision_id": "1", "choice": "burn"}).encode()],
    ids=range(10),
)  # fmt: skip
def test_a_line_that_is_none_costs_itself_alone(path: Path, line: bytes) -> None:
    decide(ONE, path)
    with path.open("ab") as file:
        file.write(line)  # and no end of the line: a disk that was full
    decide(replace(ONE, name="After it"), path)
    decisions = read_decisions(path)
    assert {one.name for one in decisions.decisions} == {"Short list", "After it"}
    assert decisions.unreadable == (f"{path.name}:2",)


def test_what_a_later_version_writes_beside_is_left_out(path: Path) -> None:
    decide(ONE, path)
    line = json.loads(path.read_text("utf-8")) | {"colour": "blue"}
    path.write_text(json.dumps(line) + "\n", "utf-8")
    assert read_decisions(path).decisions[0].name == ONE.name


@pytest.mark.parametrize("wrong", [{"name": " "}, {"author": ""}, {"question": ""}, {"reason": "x" * 4001},
                                   {"items": tuple(Item("model", str(n)) for n in range(201))}])  # fmt: skip
def test_what_cannot_be_kept_is_said_and_not_written(path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        decide(replace(ONE, **wrong), path)  # type: ignore[arg-type]
    assert not path.exists()


def test_nothing_is_written_on_a_read_only_deployment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError):
        decide(ONE, path)
    assert not list(path.parent.iterdir())
    assert read_decisions(path).decisions == ()


def test_a_disk_that_refuses_is_said(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="cannot be kept"):
        decide(ONE, path)
    assert read_decisions(path).unreadable


def test_the_file_lies_beside_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "team.duckdb"))
    assert decisions_path() == tmp_path / "team.decisions.jsonl"
    assert os.environ["PLUMBLINE_STORE"]


def test_figures_that_moved() -> None:
    then = {"mean": 0.5, "rank": 3.0, "checked": "reproduced 3/3", "gone": 0.1, "same": None}
    now = {"mean": 0.5 + 1e-12, "rank": 4.0, "checked": "contradicted 1/3", "same": None, "new": 1.0}
    assert moved_figures(then, now) == [
        Moved("rank", 3.0, 4.0), Moved("checked", "reproduced 3/3", "contradicted 1/3"), Moved("gone", 0.1, None),
    ]  # fmt: skip

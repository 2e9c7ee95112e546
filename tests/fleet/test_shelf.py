"""What lies on storage: a cell is one session's, is done once, and is told whole; in a folder and on a real S3."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import StorageError
from data.store.storage import Storage, open_storage
from data.store.vocabulary import Status
from evaluators.fleet.plan import read_plan
from evaluators.fleet.pulse import Pulse, new_session
from evaluators.fleet.shelf import Cell, Shelf, cell_of, run_folders, stored_run
from evaluators.fleet.summary import stored_state

CELL = Cell("STS12", "0a1b2c3d")
DONE = {"task": "STS12", "status": Status.DONE}


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(tmp_path / "shared")
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/fleet")


def commit(shelf: Shelf, digest: str, result: bytes = b"{}", cell: Cell = CELL, **record: Any) -> bool:
    return shelf.commit(digest, cell, {**DONE, **record}, result, ("org__model", "abc"), b'{"name": "org/model"}')


def test_of_many_sessions_one_has_a_cell(storage: Storage) -> None:
    answers: list[str | int] = []
    shelves = [Shelf(storage, f"session-{number}") for number in range(8)]
    threads = [threading.Thread(target=lambda s=shelf: answers.append(s.claim("run", CELL))) for shelf in shelves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (owner,) = {answer for answer in answers if isinstance(answer, str)}
    assert answers.count(1) == 1 and answers.count(owner) == 7
    mine = next(shelf for shelf in shelves if shelf.session == owner)
    assert mine.claim("run", CELL) == 2  # begun again after a death


def test_what_a_dead_session_had_goes_to_one_other(storage: Storage) -> None:
    first, second, third = (Shelf(storage, name) for name in ("first", "second", "third"))
    assert first.claim("run", CELL) == 1 and second.claim("run", CELL) == "first"
    assert second.claim("run", CELL, dead={"first"}) == 1
    assert third.claim("run", CELL, dead={"first"}) == "second"
    assert third.claim("run", CELL, dead={"first", "second"}) == 1


def test_a_cell_is_done_once_and_its_result_was_there_before(storage: Storage) -> None:
    first, second = Shelf(storage, "first"), Shelf(storage, "second")
    first.begin("run", {"run_id": "r1", "model": "org/model"})
    assert second.begin("run", {"run_id": "r2"})["run_id"] == "r1"
    assert commit(first, "run", b'{"by": 1}', seconds=1) and not commit(second, "run", b'{"by": 2}', seconds=2)
    assert storage.read("results/org__model/abc/STS12.json", 100) == b'{"by": 1}'
    assert first.done("run") == {CELL.name}
    (folder,) = run_folders(storage)
    assert stored_run(storage, folder).records == [{**DONE, "seconds": 1, "file": "results/org__model/abc/STS12.json"}]


def test_a_second_identity_of_a_revision_has_a_folder_of_its_own(storage: Storage) -> None:
    shelf = Shelf(storage, "only")
    assert commit(shelf, "one", b'{"dtype": 32}') and commit(shelf, "two", b'{"dtype": 16}')
    assert storage.read("results/org__model/abc/STS12.json", 100) == b'{"dtype": 32}'
    assert storage.read("results/org__model/abc/experiments/two/STS12.json", 100) == b'{"dtype": 16}'


def test_a_task_on_other_data_has_a_place_of_its_own_and_the_last_is_told(storage: Storage) -> None:
    """Two plans, one with a language more: had they one file, each would have the other's figures, or none."""
    shelf = Shelf(storage, "only")
    other = cell_of("STS12", {"path": ["other"]})
    shelf.begin("run", {"run_id": "r1"})
    assert commit(shelf, "run", finished_at="2026-01-02") and other.name != CELL.name
    assert not shelf.is_done("run", other) and commit(shelf, "run", b'{"data": 2}', other, finished_at="2026-01-03")
    assert shelf.done("run") == {CELL.name, other.name}
    assert storage.read("results/org__model/abc/STS12.json", 100) == b"{}"
    (record,) = stored_run(storage, "runs/run").records
    assert storage.read(record["file"], 100) == b'{"data": 2}'


def test_a_result_is_never_written_twice(storage: Storage) -> None:
    """Whoever was slow and taken for dead finds another's result, and whoever follows the dead takes theirs."""
    Shelf(storage, "dead")._folder("run", CELL, ("org__model", "abc"))
    storage.write("results/org__model/abc/STS12.json", b'{"by": "the dead"}')  # who died before the record
    assert commit(Shelf(storage, "next"), "run", b'{"by": "the next"}')
    assert storage.read("results/org__model/abc/STS12.json", 100) == b'{"by": "the dead"}'


def test_a_claim_whose_answer_was_lost_is_the_first_try_and_what_is_forgiven_was_none(storage: Storage) -> None:
    """The library asks again, and is told that the file is there."""
    shelf, asked = Shelf(storage, "only"), storage.write_new
    storage.write_new = lambda path, data: asked(path, data) and asked(path, data)  # type: ignore[method-assign]
    assert shelf.claim("run", CELL) == 1 and shelf.claim("run", CELL) == 2
    shelf.forgive("run", CELL, 1)
    assert shelf.claim("run", CELL) == 2
    shelf.forgive("run", CELL, 99)
    Shelf(storage, "another").forgive("run", CELL, 99)
    assert shelf.claim("run", CELL) == 1


def test_an_import_is_told_of_every_change_of_a_run_and_of_no_claim(storage: Storage) -> None:
    shelf = Shelf(storage, "only")
    assert not run_folders(storage)
    commit(shelf, "half")  # a run whose run.json is not there yet
    assert not run_folders(storage)
    shelf.begin("run", {"run_id": "r1"})
    seen = [run_folders(storage)]
    shelf.claim("run", CELL)
    assert run_folders(storage) == seen[0]
    for change in (
        lambda: shelf.set_aside("run", {"task": "STS12", "status": Status.FAILED, "error": "x"}),
        lambda: commit(shelf, "run"),
        lambda: shelf.change("run", status=Status.DONE),
    ):
        change()
        assert run_folders(storage) not in seen
        seen.append(run_folders(storage))
    stored = stored_run(storage, "runs/run")
    assert stored.run["status"] == Status.DONE and [record["status"] for record in stored.records] == [Status.DONE]


def test_a_session_is_dead_when_it_is_over_or_gone_from_this_machine_or_silent(tmp_path: Path) -> None:
    file = tmp_path / "PLAN.toml"
    file.write_text(
        f'storage = "{tmp_path}/shared"\ntasks = ["STS12"]\n[limits]\nheartbeat = 0.05\ndead_after = 0.3\n'
        '[[models]]\nmodel = "a/b"\n'
    )
    plan = read_plan(file)
    storage = open_storage(plan.storage)
    shelf = Shelf(storage, new_session())
    judge = Pulse(plan, Shelf(storage, new_session()), dict)
    pulse = Pulse(plan, shelf, dict)
    pulse.start()
    alive = shelf.shown(f"sessions/{shelf.session}.json")
    assert alive is not None and not judge.is_dead(shelf.session)
    pulse.stop(Status.STOPPED)
    assert judge.is_dead(shelf.session)
    shelf.show("sessions/gone.json", alive | {"pid": 2**22 + 1})
    assert judge.is_dead("gone")
    for session, moved in (("set", 30), ("other", 300)):  # the clock was set; another process has the number now
        shelf.show(f"sessions/{session}.json", alive | {"process_began": alive["process_began"] - moved})
    assert not judge.is_dead("set") and judge.is_dead("other")
    neighbour = str(alive["machine"]).replace("pid:[", "pid:[1")  # a container with the name of its machine
    shelf.show("sessions/neighbour.json", alive | {"machine": neighbour, "pid": 2**22 + 1})
    assert not judge.is_dead("neighbour") or neighbour == alive["machine"]
    shelf.show("sessions/far.json", alive | {"machine": "another"})
    assert not judge.is_dead("far")
    threading.Event().wait(0.4)
    assert judge.is_dead("far")
    shelf.show("sessions/far.json", alive | {"machine": "another", "number": 99})
    assert not judge.is_dead("far")


def test_a_driver_that_others_take_for_dead_ends_and_no_fault_of_its_own_makes_them(tmp_path: Path) -> None:
    file = tmp_path / "PLAN.toml"
    file.write_text(
        f'storage = "{tmp_path}/shared"\ntasks = ["STS12"]\n[limits]\nheartbeat = 0.02\n[[models]]\nmodel = "a/b"\n'
    )
    plan, beats = read_plan(file), threading.Semaphore(0)

    def beat() -> dict[str, Any]:
        beats.release()
        if pulse.trouble == "" and pulse._number == 2:
            raise RuntimeError("dictionary changed size during iteration")
        return {}

    pulse = Pulse(plan, Shelf(open_storage(plan.storage), "s"), beat)
    pulse.start()
    for _ in range(4):
        assert beats.acquire(timeout=60)
    pulse.check()
    pulse.stop(Status.STOPPED)
    pulse._written_at -= 1
    with pytest.raises(StorageError, match="Storage has been away"):
        pulse.check()


def test_the_state_that_several_sessions_tell_of(tmp_path: Path) -> None:
    shelf = Shelf(open_storage(tmp_path), "x")
    cells = {
        "old": [("A", Status.DONE), ("B", Status.RUNNING), ("C", Status.SET_ASIDE)],
        "new": [("A", Status.WAITING), ("B", Status.RUNNING), ("C", Status.DONE)],
    }
    for number, (session, states) in enumerate(cells.items()):
        record = {"session": session, "plan_id": "p", "started_at": f"2026-01-0{number + 1}", "status": Status.STOPPED}
        shelf.show(f"sessions/{session}.json", record)
        setup = {"key": "m", "label": "m", "model": "m", "of a later version": 1}
        told = setup | {"cells": {task: {"task": task, "status": status, "more": 2} for task, status in states}}
        shelf.show(f"plans/p/cells/{session}/m.json", told)
    state, sessions = stored_state(shelf, "p")
    assert [record["session"] for record in sessions] == ["old", "new"]
    assert {task: cell.status for task, cell in state.setups["m"].cells.items()} == {
        "A": Status.DONE, "B": Status.WAITING, "C": Status.DONE,
    }  # fmt: skip

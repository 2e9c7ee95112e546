"""A worker by itself, as an actor has it, on real models and tasks; and what an import makes of the storage."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from data.store import keys
from data.store.errors import StorageError
from data.store.storage import Storage, open_storage
from data.store.vocabulary import Status
from evaluators.fleet.answers import Elsewhere, GaveUp, Loaded, Ran, Refused, TaskFailedError
from evaluators.fleet.choice import planned_tasks
from evaluators.fleet.known import keep_known, known_done, known_run
from evaluators.fleet.plan import FleetPlan, read_plan
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import Shelf
from evaluators.fleet.state import FleetState
from evaluators.fleet.worker import ModelWorker
from evaluators.official.importer import import_from
from tests.commands import command
from tests.fleet.conftest import done_cells, records, write_plan
from tests.reproduce.conftest import rows

pytestmark = pytest.mark.slow


@pytest.fixture
def plan(fleet_inputs: Path, fleet_environment: None, tmp_path: Path) -> FleetPlan:
    more = "[prices]\ncpu_hour = 0.5\n"
    return read_plan(
        write_plan(tmp_path / "made.toml", fleet_inputs, str(tmp_path / "shared"), models=2, tasks=3, more=more)
    )


def worker(plan: FleetPlan, session: str = "one", model: int = 0) -> ModelWorker:
    return ModelWorker(plan, plan.setups[model], session, {}, f"worker-of-{session}")


def test_a_cell_is_run_once_and_as_reproduce_runs_it(plan: FleetPlan, fleet_inputs: Path, tmp_path: Path) -> None:
    first, second = worker(plan), worker(plan, "two")
    loaded = first.load()
    assert isinstance(loaded, Loaded) and not loaded.done and set(loaded.seconds) == {"Fleet0", "Fleet1", "Fleet2"}
    for task in loaded.cells:
        ran = first.run(task)
        assert isinstance(ran, Ran) and ran.ours and ran.record["texts"] > 0
    again = second.load()
    assert isinstance(again, Loaded) and again.digest == loaded.digest and len(again.done) == 3
    ran = second.run("Fleet0")
    assert isinstance(ran, Ran) and not ran.ours and "seconds" not in ran.record

    own = [str(part) for task in range(3) for part in ("--own", fleet_inputs / "tasks" / f"t{task}")]
    model = (str(fleet_inputs / "models" / "m0"), "--as", "fleet/m0", "--out", str(tmp_path / "serial"))
    ended = command("reproduce", *model, *own)
    assert ended.status == 0, ended.err
    (run,) = (tmp_path / "serial").glob("*/run.json")
    assert run.parent.name.rpartition("-")[2] == loaded.digest[:8]  # the same identity
    for path in run.parent.glob("mteb/results/*/*/Fleet*.json"):
        ours = tmp_path / "shared" / path.relative_to(run.parent / "mteb")
        assert json.loads(ours.read_text())["scores"] == json.loads(path.read_text())["scores"]


def test_a_model_that_preflight_refuses_is_an_answer(plan: FleetPlan, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    setup = plan.setups[0]._replace(request=plan.setups[0].request._replace(model=str(empty)))
    answer = ModelWorker(plan, setup, "one", {}, "w").load()
    assert isinstance(answer, Refused) and "no weights" in answer.error


def test_storage_that_is_away_for_a_moment_is_no_fault_of_the_model(
    plan: FleetPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, done = iter((False, True)), Shelf.done

    def away_once(shelf: Shelf, digest: str) -> set[str]:
        if not next(answers, True):
            raise StorageError("The storage cannot be reached", where="there", remedy="Wait.")
        return done(shelf, digest)

    monkeypatch.setattr(Shelf, "done", away_once)
    assert isinstance(worker(plan).load(), Loaded)


def test_keys_of_a_machine_get_into_no_record(plan: FleetPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of the cluster has an environment of its own, and its worker is started by no command of ours."""
    monkeypatch.setenv("VENDOR_API_KEY", "sk-0123456789abcdef")
    keys.forget()
    try:
        worker(plan)
        shelf = Shelf(open_storage(plan.storage), "one")
        shelf.set_aside("run", {"task": "STS12", "error": "401: sk-0123456789abcdef is no key"})
        record = shelf.given_up("run", "STS12")
    finally:
        keys.forget()
    assert record is not None and "sk-0" not in record["error"] and "401" in record["error"]


def test_a_branch_may_be_another_tomorrow(plan: FleetPlan) -> None:
    from evaluators.fleet.loading import _fixed

    model: Any = SimpleNamespace(registered=True)
    assert _fixed(None, model) and _fixed("a" * 40, model) and not _fixed("main", model)
    assert not _fixed(None, SimpleNamespace(registered=False))  # type: ignore[arg-type]


def test_what_killed_workers_have_left_is_removed_and_what_others_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evaluators.fleet.loading import _FOLDER, _numbers, _sweep

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    of = {"dead": (_numbers(), 2**22 + 1), "ours": (_numbers(), os.getpid()), "of a container": (1, 2**22 + 1)}
    places = {name: tmp_path / f"{_FOLDER}{space}-{number}-x" for name, (space, number) in of.items()}
    for place in places.values():
        place.mkdir()
    _sweep()
    assert [name for name, place in places.items() if place.exists()] == ["ours", "of a container"]


def test_a_restart_on_another_kind_of_machine_is_another_run(plan: FleetPlan) -> None:
    answer = worker(plan).run("Fleet0", digest="of another")
    assert isinstance(answer, Refused) and "figures would be another run's" in answer.error


def test_what_begins_too_often_is_given_up(plan: FleetPlan, tmp_path: Path) -> None:
    """A worker that dies leaves its claim, and the next one of its session begins the task again."""
    storage = open_storage(plan.storage)
    loaded = worker(plan).load()
    assert isinstance(loaded, Loaded)
    for _ in range(plan.limits.retries + 1):
        Shelf(storage, "one").claim(loaded.digest, loaded.cells["Fleet0"])
    answer = worker(plan).run("Fleet0")
    assert isinstance(answer, GaveUp) and "died" in answer.record["error"]
    assert worker(plan, "two").run("Fleet0") == Elsewhere("one")
    assert isinstance(worker(plan, "two").run("Fleet0", frozenset({"one"})), Ran)
    for _ in range(plan.limits.retries + 1):
        Shelf(storage, "one").begin_load("w")
    assert isinstance(ModelWorker(plan, plan.setups[0], "one", {}, "w").load(), Refused)


def test_a_task_that_raises_is_tried_again_then_given_up(plan: FleetPlan, tmp_path: Path) -> None:
    plan = plan._replace(
        choice=plan.choice._replace(tasks=("STS12",)),
        datasets=str(tmp_path),
        limits=plan.limits._replace(retries=1, heartbeat=0.01),
    )
    at = worker(plan)
    with pytest.raises(TaskFailedError, match="not in the folder"):
        at.run("STS12")
    answer = at.run("STS12")
    assert isinstance(answer, GaveUp) and "not in the folder" in answer.record["error"]
    assert isinstance(at.run("Fleet0"), Ran)


def test_what_is_all_done_is_known_without_loading_until_the_files_change(plan: FleetPlan, fleet_inputs: Path) -> None:
    shelf, tasks, at = Shelf(open_storage(plan.storage), "one"), planned_tasks(plan), worker(plan)
    loaded = at.load()
    assert isinstance(loaded, Loaded) and known_run(shelf, plan.plan_id, plan.setups[0]) is None
    keep_known(shelf, plan.plan_id, plan.setups[0].key, loaded)
    assert known_run(shelf, plan.plan_id, plan.setups[0]) == loaded.digest
    assert known_done(shelf, loaded.digest, tasks) == set()
    at.run("Fleet1")
    assert known_done(shelf, loaded.digest, tasks) == {"Fleet1"}
    (fleet_inputs / "models" / "m0" / "note.txt").write_text("x")
    try:
        assert known_run(shelf, plan.plan_id, plan.setups[0]) is None
    finally:
        (fleet_inputs / "models" / "m0" / "note.txt").unlink()


def made_storage(plan: FleetPlan) -> Storage:
    """One model done, the other with a task set aside and one that waits, as their driver left it."""
    storage = open_storage(plan.storage)
    shelf = Shelf(storage, "one")
    state = FleetState.of_plan(plan, ["Fleet0", "Fleet1", "Fleet2"])
    for number, setup in enumerate(state.setups.values()):
        at = worker(plan, model=number)
        loaded = at.load()
        assert isinstance(loaded, Loaded)
        setup.run_id, setup.digest = loaded.run_id, loaded.digest
        for task, cell in list(setup.cells.items())[: 3 - 2 * number]:
            ran = at.run(task)
            assert isinstance(ran, Ran)
            cell.status, cell.seconds = Status.DONE, ran.record["seconds"]
    lost = list(setup.cells.values())[1]
    lost.give_up(
        Status.SET_ASIDE, "Its worker died at it, or its machine, the last of 4 times.", ["Segmentation fault"]
    )
    record = {"task": lost.task, "status": Status.FAILED, "error": lost.error, "finished_at": "2026-11-27 10:00:00"}
    shelf.set_aside(setup.digest, record)
    for key, setup in state.setups.items():
        shelf.show(f"plans/{plan.plan_id}/cells/one/{key}.json", setup.as_record())
    pulse = Pulse(plan, shelf, lambda: {"name": plan.name, "currency": "USD", "cost": 1.5, "an_hour": 12.0})
    pulse.start()
    pulse.stop(Status.STOPPED)
    return storage


def test_an_import_before_the_first_run_brings_the_plan_alone(plan: FleetPlan, tmp_path: Path) -> None:
    pulse = Pulse(plan, Shelf(open_storage(plan.storage), "one"), dict)
    pulse.start()
    pulse.stop(Status.STOPPED)
    summary = import_from(plan.storage)
    assert (summary.added, summary.results, summary.rejected) == (0, 0, [])
    assert rows(tmp_path / "store.duckdb", "SELECT plan_id FROM fleets") == [("made",)]


def test_an_import_brings_runs_figures_and_how_far_the_plan_is(plan: FleetPlan, tmp_path: Path) -> None:
    storage, store = made_storage(plan), tmp_path / "store.duckdb"
    orphan = "results/fleet__m1/half/Fleet2.json"  # a result whose record is not there yet
    storage.write(orphan, storage.read(sorted(done_cells(storage))[0], 2**20))
    summary = import_from(storage.url)
    assert (summary.added, summary.files_read, summary.rejected) == (4, 2, [])
    assert rows(store, "SELECT model, task, origin FROM current_results WHERE model LIKE 'fleet/%' ORDER BY ALL") == [
        ("fleet/m0", "Fleet0", "reproduced"), ("fleet/m0", "Fleet1", "reproduced"),
        ("fleet/m0", "Fleet2", "reproduced"), ("fleet/m1", "Fleet0", "reproduced"),
    ]  # fmt: skip
    assert rows(store, "SELECT task, t.status, error IS NULL FROM run_tasks t JOIN runs USING (run_id) WHERE model = ?"
                " ORDER BY task", "fleet/m1") == [("Fleet0", "done", True), ("Fleet1", "failed", False)]  # fmt: skip
    versions = rows(store, "SELECT DISTINCT json_extract_string(environment, '$.libraries.mteb') FROM runs")
    assert versions[0][0] and len(versions) == 1
    assert rows(store, "SELECT plan_id, status, drivers, an_hour, cost, currency FROM fleets") == [
        ("made", "stopped", 1, 12.0, 1.5, "USD")
    ]
    assert rows(store, "SELECT status, count(*), any_value(log) FROM fleet_cells GROUP BY status ORDER BY ALL") == [
        ("done", 4, []), ("set aside", 1, ["Segmentation fault"]), ("waiting", 1, []),
    ]  # fmt: skip

    assert not import_from(storage.url).published  # nothing is new
    assert isinstance(worker(plan, "two", 1).run("Fleet2"), Ran)
    summary = import_from(storage.url)
    assert (summary.added, summary.files_read) == (1, 1)
    name = next(path for path in records(storage, "runs") if path.endswith("run.json"))
    storage.write(name, b'{"cut')
    summary = import_from(storage.url)
    assert [path for path, _ in summary.rejected] == [name.rpartition("/")[0]] and summary.results == 5

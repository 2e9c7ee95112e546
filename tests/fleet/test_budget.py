"""A budget in a plan: the tasks are those of ``reproduce --budget``, and a claim that is settled asks for no more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.store.storage import open_storage
from data.store.vocabulary import Status
from evaluators.fleet.answers import Loaded
from evaluators.fleet.budget import FleetBudget, chosen_by_budget
from evaluators.fleet.choice import planned_tasks
from evaluators.fleet.plan import FleetPlan, read_plan
from evaluators.fleet.pulse import Pulse
from evaluators.fleet.shelf import Shelf
from evaluators.fleet.state import FleetState, SetUpState
from evaluators.fleet.worker import ModelWorker
from evaluators.official.importer import import_from
from tests.commands import command
from tests.reproduce.conftest import pairs, rows, write_pairs
from tests.reproduce.test_budget import ACME, BENCHMARK, FOLDERS, made_record, tasks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our pairs under the names of six of mteb's data sets."""
    folder = tmp_path_factory.mktemp("fleet-budget-hub")
    for name in FOLDERS.values():
        write_pairs(folder / "mteb" / name, pairs())
    return folder


class Budgeted:
    """A model run task by task as the budget of a plan has it, by a worker and without Ray."""

    def __init__(self, plan: FleetPlan, session: str) -> None:
        self.plan, self.tasks = plan, planned_tasks(plan)
        self.shelf = Shelf(open_storage(plan.storage), session)
        (setup,) = FleetState.of_plan(plan, self.tasks).setups.values()
        self.setup: SetUpState = setup
        self.told: list[str] = []

    def load(self, budget: FleetBudget) -> ModelWorker:
        at = ModelWorker(self.plan, self.plan.setups[0], self.shelf.session, {}, "w")
        loaded = at.load()
        assert isinstance(loaded, Loaded)
        self.setup.digest = loaded.digest
        for task in loaded.done:
            self.setup.cells[task].status = Status.DONE
        self.told += budget.begin(self.setup, loaded.digest, loaded.done, loaded.seconds)
        return at

    def go(self, most: int = 99) -> list[str]:
        """The tasks that were run, in their order."""
        ran: list[str] = []
        pulse = Pulse(self.plan, self.shelf, dict)
        pulse.start()
        with chosen_by_budget(self.plan, self.tasks, self.shelf) as budget:
            assert budget is not None
            at = self.load(budget)
            while (waiting := self.setup.waiting()) and len(ran) < most:
                cell = waiting[0]
                answer = at.run(cell.task, digest=self.setup.digest)
                cell.status = Status.DONE
                assert answer.record["status"] == Status.DONE  # type: ignore[union-attr]
                ran.append(cell.task)
                self.told += budget.ended(self.setup, cell)
        pulse.stop(Status.STOPPED)
        return ran


@pytest.fixture
def plan(fleet_inputs: Path, fleet_environment: None, hub: Path, tmp_path: Path) -> Any:
    def of(budget: str, storage: str = "shared") -> FleetPlan:
        file = tmp_path / "PLAN.toml"
        file.write_text(
            f'storage = "{storage}"\nbenchmarks = ["{BENCHMARK}"]\ndatasets = "{hub}"\n'
            f'[[models]]\nmodel = "{fleet_inputs}/models/m0"\nas = "{ACME}"\n{budget}\n'
        )
        return read_plan(file)

    return of


def budgets(store: Path) -> dict[str, Any]:
    [(settings,)] = rows(store, "SELECT settings FROM runs WHERE json_exists(settings, '$.budgets')")
    record: dict[str, Any] = json.loads(settings)["budgets"][BENCHMARK]
    return record


def test_the_tasks_are_those_of_reproduce_and_a_driver_that_follows_runs_the_rest(
    plan: Any, fleet_inputs: Path, hub: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store.duckdb"
    made_record(store, {})
    first = Budgeted(plan('budget = "3 tasks"'), "first")
    ran = first.go(most=1)  # and is killed
    assert set(first.setup.cells) == {*ran, *(cell.task for cell in first.setup.waiting())}
    assert len(first.setup.cells) == 3
    second = Budgeted(plan('budget = "3 tasks"'), "second")
    assert len(ran + second.go()) == 3 and second.setup.over
    assert rows(store, "SELECT count(*) FROM runs") == [(0,)]  # the store itself was read only
    import_from(str(tmp_path / "shared"))
    ours = budgets(store)

    made_record(store, {})
    ended = command("reproduce", fleet_inputs / "models" / "m0", "--as", ACME, "--benchmark", BENCHMARK, "--datasets",
                    hub, "--budget", "3 tasks", "--out", tmp_path / "serial")  # fmt: skip
    assert ended.status == 0, ended.err
    serial = budgets(store)
    assert sorted(ours["ran"]) == sorted(serial["ran"]) and serial["ran"][0] == ran[0]
    assert {**ours, "ran": [], "chosen": []} == {**serial, "ran": [], "chosen": []}
    assert any(line.startswith("after 3 tasks") for line in second.told) and ours["asked"] == "3 tasks"

    third = Budgeted(plan('budget = "3 tasks"'), "third")
    with chosen_by_budget(third.plan, third.tasks, third.shelf) as budget:
        assert budget is not None
        done = set(ours["ran"])
        for task in done:
            third.setup.cells[task].status = Status.DONE
        budget.known(third.setup, second.setup.digest, done)
    assert third.setup.over and set(third.setup.cells) == done  # nothing need be loaded to know it


def test_a_claim_that_is_settled_asks_for_no_further_tasks(plan: Any, tmp_path: Path) -> None:
    store = tmp_path / "store.duckdb"
    made_record(store, {})
    measured = Budgeted(plan('budget = "1 task"', "before"), "before")
    measured.go()
    import_from(str(tmp_path / "before"))
    score = rows(store, "SELECT main_score FROM scores s JOIN results USING (result_id) WHERE origin = 'reproduced'")
    made_record(store, dict.fromkeys(tasks(), score[0][0]))
    settled = Budgeted(plan('budget = "6 tasks"'), "settled")
    ran = settled.go()
    assert 3 < len(ran) < 6 and set(settled.setup.cells) == set(ran)
    assert any("Settled: the claim holds." in line for line in settled.told)
    further = Budgeted(plan('budget = "6 tasks"\ngo_on = true'), "further")
    assert len(ran) + len(further.go()) == 6


@pytest.mark.soak  # a claim that is settled otherwise goes the same way, and test_budget.py of reproduce has it
def test_a_claim_that_does_not_hold_asks_for_none_either(plan: Any, tmp_path: Path) -> None:
    made_record(tmp_path / "store.duckdb", {})
    other = Budgeted(plan('budget = "6 tasks"\nclaim = 99.9', "other"), "other")
    assert len(other.go()) < 6 and any("does not hold" in line for line in other.told)


def test_a_task_that_is_set_aside_is_made_up_for(plan: Any, tmp_path: Path) -> None:
    made_record(tmp_path / "store.duckdb", {})
    at = Budgeted(plan('budget = "2 tasks"'), "one")
    with chosen_by_budget(at.plan, at.tasks, at.shelf) as budget:
        assert budget is not None
        at.load(budget)
        lost = at.setup.waiting()[0]
        lost.give_up(Status.SET_ASIDE, "It raised.")
        budget.ended(at.setup, lost)
        left = [cell.task for cell in at.setup.waiting()]
    assert len(left) == 2 and lost.task not in left and lost.task in at.setup.cells


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"store": None}, "There is no store yet"),
        ({"benchmark": "MTEB(deu, v1)"}, "No model has figures on this benchmark"),
        ({"budget": 'budget = "smoke"\nclaim = 3'}, "A smoke run judges no mean"),
    ],
)
def test_what_makes_no_sense_is_said_before_a_cluster_is_started(
    plan: Any, tmp_path: Path, change: dict[str, Any], sentence: str
) -> None:
    if "store" not in change:
        made_record(tmp_path / "store.duckdb", {})
    file = tmp_path / "PLAN.toml"
    file.write_text(
        f'storage = "{tmp_path}/shared"\nbenchmarks = ["{change.get("benchmark", BENCHMARK)}"]\n'
        f'[[models]]\nmodel = "a/b"\n{change.get("budget", chr(34).join(("budget = ", "5%", "")))}\n'
    )
    ended = command("fleet", file)
    assert ended.status == 2 and sentence in ended.err + ended.out and "Traceback" not in ended.err

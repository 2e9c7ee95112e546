"""What is counted of a plan's cells is what is there, whatever changed; a large plan costs little."""

from __future__ import annotations

import random
from collections import Counter
from statistics import median

import pytest

from data.store.vocabulary import Status
from evaluators.fleet.plan import FleetPrices
from evaluators.fleet.state import CellState, FleetState, SetUpState, _tallied
from evaluators.fleet.summary import summary_of

TASKS = [f"T{number}" for number in range(7)]


def state(models: int = 3, tasks: int = len(TASKS)) -> FleetState:
    return FleetState(
        SetUpState(f"m{place}", f"m{place}", f"org/m{place}", {f"T{n}": CellState(f"T{n}") for n in range(tasks)})
        for place in range(models)
    )


def change(setup: SetUpState, chance: random.Random) -> None:
    """One of the things that happen to a cell, or to all of a model's."""
    cell = setup.cells[chance.choice(list(setup.cells))]
    match chance.randrange(7):
        case 0:
            cell.status, cell.seconds = Status.DONE, chance.choice([None, 10.0, 30.0])
        case 1:
            cell.status = chance.choice([Status.WAITING, Status.RUNNING])
        case 2:
            cell.expected = chance.choice([None, 5.0, 50.0])
        case 3:
            cell.give_up(Status.SET_ASIDE, "It raised.", ["line"])
        case 4:
            cell.growth += 1
        case 5:
            setup.cells = setup.cells | {"extra": CellState("extra", expected=1.0)}
        case 6:
            setup.cells = {task: each for task, each in setup.cells.items() if task != cell.task} or setup.cells


def left_by_hand(setup: SetUpState) -> float | None:
    """Seconds left as the documentation of the rule has it, cell by cell."""
    done = [cell for cell in setup.cells.values() if cell.status == "done" and cell.seconds]
    ratios = [cell.seconds / cell.expected for cell in done if cell.seconds and cell.expected]
    total = 0.0
    for cell in setup.cells.values():
        if cell.status not in ("waiting", "running"):
            continue
        if cell.expected is not None:
            total += cell.expected * (median(ratios) if ratios else 1.0)
        elif done:
            total += median([each.seconds for each in done if each.seconds])
        else:
            return None
    return total


@pytest.mark.parametrize("seed", range(5))
def test_counts_follow_every_change(seed: int) -> None:
    chance, plan = random.Random(seed), state()
    for _ in range(150):
        setup = plan.setups[chance.choice(list(plan.setups))]
        before = setup.version
        change(setup, chance)
        assert setup.version != before
        counts = Counter(cell.status for cell in setup.cells.values())
        assert {str(status): setup.count(status) for status in Status} == {str(s): counts[s] for s in Status}
        assert setup.over == (counts["waiting"] + counts["running"] == 0)
        assert setup.finished == sum(c.status == "done" and c.seconds is not None for c in setup.cells.values())
        assert setup.growths == tuple(sorted({c.growth for c in setup.cells.values() if c.status == "waiting"}))
        known = [c.expected for c in setup.cells.values() if c.status == "waiting" and c.expected is not None]
        assert setup.expected_seconds == (sum(known) if known else None)
        assert setup.seconds_left() == left_by_hand(setup)
        assert plan.count() == sum(len(each.cells) for each in plan.setups.values())
        running = {(one.key, cell.task) for one, cell in plan.cells(Status.RUNNING)}
        assert running == {
            (key, task) for key, one in plan.setups.items() for task, c in one.cells.items() if c.status == "running"
        }


def test_progress_is_written_down_and_counted_nowhere() -> None:
    (setup,) = state(1).setups.values()
    counted, before = setup._tally(), setup.version
    setup.cells["T0"].texts = 12
    assert setup.version != before and setup._tally() is counted
    setup.digest = "abc"
    assert setup.version > before + 1


def test_what_is_written_has_no_bookkeeping_and_comes_back() -> None:
    (setup,) = state(1).setups.values()
    setup.cells["T1"].give_up(Status.FAILED, "No weights.")
    record = setup.as_record()
    assert not any(name.startswith("_") for name in [*record, *record["cells"]["T1"]])
    again = SetUpState.of_record(record)
    assert again == setup and again.count(Status.FAILED) == 1


def test_of_a_large_plan_only_what_changed_is_counted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand models with twenty tasks: a summary looks at no cell of those that stand as they were."""
    plan, counted = state(10_000, 20), []

    def summary() -> tuple[int, int]:
        told = summary_of(plan, FleetPrices(), seconds=1.0, spent=(0, 0), taken=(0, 0), at_work=1, asked=0)
        return told.cells, told.done

    assert summary() == (200_000, 0)
    monkeypatch.setattr("evaluators.fleet.state._tallied", lambda cells, do=_tallied: counted.append(1) or do(cells))
    plan.setups["m77"].cells["T3"].status = Status.DONE
    assert summary() == (200_000, 1) and not plan.over and len(counted) == 1

"""How far a plan is, in figures: a driver's own, or as the records on storage have it."""

from __future__ import annotations

from typing import Any, NamedTuple

from data.store.vocabulary import Status
from evaluators.fleet.plan import FleetPrices
from evaluators.fleet.shelf import Shelf
from evaluators.fleet.state import FleetState, SetUpState

__all__ = ["Summary", "plans_on", "stored_state", "summary_of"]

_HOUR = 3600.0


class Summary(NamedTuple):
    """Counts of cells; figures that are not known are None."""

    cells: int
    done: int
    running: int
    waiting: int
    failed: int
    set_aside: int
    actors_waiting: int  # for a place
    seconds: float  # since this session began
    an_hour: float | None  # cells that this session finishes
    seconds_left: float | None
    cost: float | None
    cost_left: float | None
    currency: str
    dashboard: str | None
    trouble: str


def summary_of(
    state: FleetState,
    prices: FleetPrices,
    *,
    seconds: float,
    spent: tuple[float, float],
    taken: tuple[float, float],
    at_work: int,
    asked: int,
    dashboard: str | None = None,
    trouble: str = "",
) -> Summary:
    """What a session knows.

    Args:
        state: the cells.
        prices: of an hour of a core and of a card.
        seconds: since it began.
        spent: seconds of cores and of cards so far.
        taken: cores and cards at work now.
        at_work: actors at work now: what is left is shared by them.
        asked: actors that wait for a place.
        dashboard: the address of Ray's.
        trouble: why the last record could not be written.
    """
    finished = sum(setup.finished for setup in state.setups.values())
    left = state.seconds_left()
    wall = left / at_work if left is not None and at_work else 0.0 if state.over else None
    return Summary(
        cells=state.count(),
        done=state.count(Status.DONE),
        running=state.count(Status.RUNNING),
        waiting=state.count(Status.WAITING),
        failed=state.count(Status.FAILED),
        set_aside=state.count(Status.SET_ASIDE),
        actors_waiting=asked,
        seconds=round(seconds, 1),
        an_hour=round(finished / seconds * _HOUR, 1) if finished and seconds > 0 else None,
        seconds_left=None if wall is None else round(wall, 1),
        cost=_price(prices, spent),
        cost_left=None if wall is None else _price(prices, (taken[0] * wall, taken[1] * wall)),
        currency=prices.currency,
        dashboard=dashboard,
        trouble=trouble,
    )


def _price(prices: FleetPrices, seconds: tuple[float, float]) -> float | None:
    """Of so many seconds of cores and of cards; None where a price that counts is not given."""
    parts = list(zip(seconds, (prices.cpu_hour, prices.gpu_hour), strict=True))
    if all(price is None for _, price in parts) or any(used and price is None for used, price in parts[1:]):
        return None
    return round(sum(used / _HOUR * (price or 0.0) for used, price in parts), 4)


def plans_on(shelf: Shelf) -> list[str]:
    """Ids of the plans that somebody has begun on a storage."""
    return sorted({str(record["plan_id"]) for _, record in shelf.shown_below("sessions") if "plan_id" in record})


def stored_state(shelf: Shelf, plan_id: str) -> tuple[FleetState, list[dict[str, Any]]]:
    """The cells of a plan and its sessions, the newest last, as storage has them.

    Of a cell that several sessions tell of, done stands before all; else the newest session's word.
    """
    sessions = [
        record
        for _, record in shelf.shown_below("sessions")
        if record.get("plan_id") == plan_id and "session" in record
    ]
    sessions.sort(key=lambda record: str(record.get("started_at")))
    setups: dict[str, SetUpState] = {}
    for session in sessions:
        for key, record in shelf.shown_below(f"plans/{plan_id}/cells/{session['session']}"):
            newer = SetUpState.of_record(record)
            if (older := setups.get(key)) is not None:
                newer.run_id = newer.run_id or older.run_id
                newer.cells |= {
                    task: cell
                    for task, cell in older.cells.items()
                    if cell.status == Status.DONE or task not in newer.cells
                }
            if session.get("status") != Status.RUNNING:
                for cell in newer.cells.values():
                    cell.status = Status.WAITING if cell.status == Status.RUNNING else cell.status
            setups[key] = newer
    return FleetState(setups.values()), sessions

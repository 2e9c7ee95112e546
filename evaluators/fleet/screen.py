"""What a person sees of a fleet: a table that is drawn again and again on a terminal, elsewhere a line an event."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from rich.box import SIMPLE
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from data.store.vocabulary import Status
from evaluators.fleet.state import CellState, FleetState, SetUpState
from evaluators.fleet.summary import Summary
from evaluators.reproduce.estimate import duration

__all__ = ["FleetBoard", "failures", "headline", "models_table", "sessions_table"]

_ROWS = 30  # of models, on a terminal
_COLOURS = {
    Status.DONE: "green", Status.RUNNING: "cyan", Status.WAITING: "yellow", Status.FAILED: "red",
    Status.SET_ASIDE: "red", Status.STOPPED: "yellow",
}  # fmt: skip
_EVERY = 60.0  # seconds between two lines that say how far it is, where there is no terminal


class FleetBoard:
    """Draws a session on a console; a driver's watcher, and a context while it is drawn."""

    def __init__(self, console: Console, state: FleetState | None = None) -> None:
        self.console, self.state = console, state
        self._live = Live(console=console, refresh_per_second=2, transient=True) if console.is_terminal else None
        self._last = time.monotonic()

    def __enter__(self) -> FleetBoard:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def happened(self, kind: str, sentence: str, log: list[str]) -> None:
        """One line, and below a failure the last lines of its log."""
        line = Text.assemble((f"{kind:9} ", _COLOURS.get(Status(kind), "")), sentence)
        self.console.print(line, soft_wrap=True)
        if kind in (Status.FAILED, Status.SET_ASIDE):
            for entry in log[-5:]:
                self.console.print(Text(f"          | {entry}", "dim"), soft_wrap=True)

    def stands(self, summary: Summary) -> None:
        """Draw the table, or now and then a line."""
        if self._live is not None and self.state is not None:
            shown = Text(summary.trouble, "yellow") if summary.trouble else Text("")
            self._live.update(Group(models_table(self.state, _ROWS), headline(summary), shown))
        elif time.monotonic() - self._last > _EVERY:
            self._last = time.monotonic()
            self.console.print(headline(summary), soft_wrap=True)


def headline(summary: Summary) -> Text:
    """How far everything is, in a line."""
    parts = [f"{summary.done} of {summary.cells} done"]
    for count, words in (
        (summary.running, "running"),
        (summary.waiting, "waiting"),
        (summary.failed, "failed with their model"),
        (summary.set_aside, "set aside"),
    ):
        parts += [f"{count} {words}"] if count else []
    if summary.actors_waiting:
        parts.append(f"{summary.actors_waiting} models wait for a place")
    if summary.an_hour:
        parts.append(f"{summary.an_hour:,.0f} an hour")
    if summary.seconds_left:
        parts.append(f"about {duration(summary.seconds_left)} left")
    if summary.cost is not None:
        more = f", about {summary.cost_left:,.2f} more" if summary.cost_left else ""
        parts.append(f"{summary.cost:,.2f} {summary.currency} spent{more}")
    if summary.dashboard:
        parts.append(f"Ray: {summary.dashboard}")
    return Text("; ".join(parts))


def models_table(state: FleetState, most: int | None = None) -> Table:
    """A row a model: those at work first, then those with most left to do."""
    table = Table(box=SIMPLE, pad_edge=False)
    table.add_column("model", overflow="fold")
    table.add_column("done", justify="right")
    table.add_column("running")
    table.add_column("failed", justify="right")
    table.add_column("left", justify="right")
    setups = sorted(state.setups.values(), key=lambda setup: (-setup.count(Status.RUNNING), setup.over, setup.label))
    for setup in setups[:most]:
        failed = setup.count(Status.FAILED, Status.SET_ASIDE)
        left = None if setup.over else setup.seconds_left()
        table.add_row(
            Text(setup.label),
            f"{setup.count(Status.DONE)} / {len(setup.cells)}",
            Text(", ".join(_at_work(cell) for cell in setup.cells.values() if cell.status == Status.RUNNING)),
            Text(str(failed) if failed else "", "red"),
            duration(left),
        )
    if most is not None and len(setups) > most:
        table.add_row(Text(f"and {len(setups) - most} more", "dim"))
    return table


def _at_work(cell: CellState) -> str:
    return f"{cell.task} {cell.texts:,}/{cell.asked:,}" if cell.asked else cell.task


def failures(state: FleetState) -> Iterable[Text]:
    """Every task that was given up and why, with the last lines of its log; a refused model once."""
    for setup in state.setups.values():
        if setup.error:
            cells = [cell for cell in setup.cells.values() if cell.status == Status.FAILED]
            yield Text.assemble(("failed    ", "red"), f"{setup.label}, all its {len(cells)} open tasks: {setup.error}")
            yield from _log(cells[0] if cells else None)
        for cell in setup.cells.values():
            if cell.status == Status.SET_ASIDE:
                yield _given_up(setup, cell)
                yield from _log(cell)


def _given_up(setup: SetUpState, cell: CellState) -> Text:
    return Text.assemble((f"{cell.status:9} ", "red"), f"{setup.label}: {cell.task}: {cell.error}")


def _log(cell: CellState | None) -> Iterable[Text]:
    for line in cell.log[-5:] if cell else []:
        yield Text(f"          | {line}", "dim")


def sessions_table(sessions: list[dict[str, Any]]) -> Table:
    """A row a driver: when it was last heard of, and what it said."""
    table = Table(box=SIMPLE, pad_edge=False)
    for name in ("driver", "status", "begun (UTC)", "last sign of life"):
        table.add_column(name)
    for record in sessions:
        table.add_row(
            Text(str(record.get("session"))),
            str(record.get("status")),
            str(record.get("started_at"))[:19],
            _ago(str(record.get("seen_at"))),
        )
    return table


def _ago(moment: str) -> str:
    try:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(moment).replace(tzinfo=UTC)).total_seconds()
    except ValueError:
        return ""
    return f"{duration(max(seconds, 0.0))} ago"

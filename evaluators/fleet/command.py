"""``python -m evaluators fleet``."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from evaluators.reproduce.command import stopped_like_ctrl_c

if TYPE_CHECKING:
    from evaluators.fleet.plan import FleetPlan
    from evaluators.fleet.state import FleetState

__all__ = ["register", "run_fleet"]

_Plan = Annotated[Path, typer.Argument(metavar="PLAN.toml", help="Models, tasks, storage; docs/fleet.md shows one.")]
_Address = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="A Ray cluster, or 'auto' on one of its machines.", show_default="this machine"
    ),
]
_Status = Annotated[bool, typer.Option("--status", help="Say how far the plan is, as storage has it; runs nothing.")]


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("fleet")(fleet)


def fleet(plan: _Plan, address: _Address = None, status: _Status = False) -> None:
    """Run many models on many tasks on many machines; what is done already, here or elsewhere, is not run again."""
    from evaluators.fleet.plan import read_plan

    asked = read_plan(plan)
    console = Console(highlight=False)
    if status:
        _show(asked, console)
        return
    try:
        with stopped_like_ctrl_c():
            state = run_fleet(asked, console, address)
    except KeyboardInterrupt:
        console.print("Stopped. Finished tasks are kept; the same command goes on from there.", style="yellow")
        raise typer.Exit(130) from None
    _conclude(asked, state, console)


def run_fleet(plan: FleetPlan, console: Console, address: str | None = None) -> FleetState:
    """Run a plan to its end, drawing how far it is.

    Raises:
        InputError, NotFoundError: the plan names what is not there, or no cluster answers.
        MissingDependencyError: Ray, or what speaks to the storage, is not installed.
        StorageError: the storage cannot be written.
    """
    from data.rules.words import in_english
    from data.store.storage import open_storage
    from evaluators.fleet.budget import chosen_by_budget
    from evaluators.fleet.choice import planned_tasks
    from evaluators.fleet.crew import joined_cluster
    from evaluators.fleet.driver import Driver
    from evaluators.fleet.pulse import new_session
    from evaluators.fleet.screen import FleetBoard, headline
    from evaluators.fleet.shelf import Shelf

    shelf = Shelf(open_storage(plan.storage), new_session())
    tasks = planned_tasks(plan)
    many = in_english("{models} models, {tasks} tasks", {"models": len(plan.setups), "tasks": len(tasks)})
    console.print(f"{many}; results go to {shelf.storage.url}", markup=False)
    # Whoever may not write here is told so before a cluster is started.
    asked = {"name": plan.name, "setups": [setup.label for setup in plan.setups], "tasks": list(tasks)}
    shelf.show(f"plans/{plan.plan_id}/plan.json", asked)
    with chosen_by_budget(plan, tasks, shelf) as budget, joined_cluster(address) as dashboard:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # Ray has put a handler of its own in between
        with FleetBoard(console) as board:
            driver = Driver(plan, tasks, shelf, _published(plan, list(tasks)), board, dashboard, budget)
            board.state = driver.state
            state = driver.drive()
    console.print(headline(driver.summary()), soft_wrap=True)
    return state


def _published(plan: FleetPlan, tasks: list[str]) -> dict[str, dict[str, float]]:
    """Published seconds by set-up and task, where there is a store."""
    from evaluators.reproduce.estimate import published_seconds

    return {setup.key: published_seconds(setup.request.known_as or setup.request.model, tasks) for setup in plan.setups}


def _conclude(plan: FleetPlan, state: FleetState, console: Console) -> None:
    """Say what was given up and what to type next; status 2 where something was."""
    from data.store.vocabulary import Status
    from evaluators.fleet.screen import failures

    for line in failures(state):
        console.print(line, soft_wrap=True)
    console.print(f"Into the store: python -m evaluators import --from {plan.storage}", markup=False, soft_wrap=True)
    if state.count(Status.FAILED, Status.SET_ASIDE):
        raise typer.Exit(2)


def _show(plan: FleetPlan, console: Console) -> None:
    from data.store.errors import NotFoundError
    from data.store.storage import open_storage
    from evaluators.fleet.screen import failures, models_table, sessions_table
    from evaluators.fleet.shelf import Shelf
    from evaluators.fleet.summary import stored_state

    state, sessions = stored_state(Shelf(open_storage(plan.storage), ""), plan.plan_id)
    if not sessions:
        raise NotFoundError(
            "Nobody has begun this plan", where=plan.storage, remedy=f"python -m evaluators fleet {plan.path}"
        )
    drawn: list[Any] = [models_table(state), *failures(state), sessions_table(sessions)]
    for part in drawn:
        console.print(part, soft_wrap=True)

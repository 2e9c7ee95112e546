"""The tasks of a plan as mteb's own objects, on the driver and on every machine alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data.store.errors import InputError
from evaluators.fleet.plan import FleetPlan
from evaluators.reproduce.tasks import parts_of

__all__ = ["one_download_a_node", "planned_tasks"]


def planned_tasks(plan: FleetPlan) -> dict[str, Any]:
    """The tasks by name, each once, in the plan's order.

    Raises:
        NotFoundError: an unknown task or benchmark, or none left.
        InputError: two of one name on other data, a folder that is none.
    """
    from evaluators.reproduce.own import own_tasks
    from evaluators.reproduce.run import data_of
    from evaluators.reproduce.tasks import chosen, take_from

    choice = plan.choice
    filters = (list(choice.task_types), list(choice.languages))
    tasks: list[Any] = []
    for benchmark in choice.benchmarks:
        tasks += chosen(benchmark, [], *filters)
    if choice.tasks or not (choice.benchmarks or choice.own):
        tasks += chosen(None, list(choice.tasks), *filters)
    if plan.datasets is not None:
        if not Path(plan.datasets).is_dir():
            raise InputError("There is no such folder of data sets", where=plan.datasets)
        for task in tasks:
            take_from(Path(plan.datasets), task)
    tasks += [task for folder in choice.own for task in own_tasks(Path(folder))]
    by_name: dict[str, Any] = {}
    for task in tasks:
        other = by_name.setdefault(task.metadata.name, task)
        if other is not task and data_of(other) != data_of(task):
            raise InputError(
                "Two of the plan's benchmarks run one task on other splits or languages",
                where=f"{plan.path}: {task.metadata.name}",
                remedy="Make a plan of each; results of both are kept.",
            )
    return by_name


def one_download_a_node(task: Any) -> None:
    """Let a task's data be fetched by one process of this machine at a time: the others find it in the hub's cache."""
    for part in parts_of(task):
        part.load_data = _locked(part.load_data, str(part.metadata.dataset["path"]))


def _locked(load: Callable[..., None], dataset: str) -> Callable[..., None]:
    def locked(*args: Any, **kwargs: Any) -> None:
        from filelock import FileLock
        from huggingface_hub.constants import HF_HOME

        folder = Path(HF_HOME) / "plumbline-locks"
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{hashlib.sha256(dataset.encode()).hexdigest()[:16]}.lock"):
            load(*args, **kwargs)

    return locked

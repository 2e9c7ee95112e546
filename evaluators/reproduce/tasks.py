"""Which tasks to run, and where their data sets come from."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from data.store.errors import InputError, NotFoundError

__all__ = ["chosen", "data_source", "parts_of", "take_from"]


def chosen(benchmark: str | None, names: list[str], task_types: list[str], languages: list[str]) -> list[Any]:
    """The tasks that all given filters keep, in mteb's order; a benchmark's own instances where one is named.

    Raises:
        NotFoundError: an unknown name, or nothing left.
        InputError: no filter at all, which would be every task mteb has.
    """
    import mteb

    if not (benchmark or names or task_types or languages):
        raise InputError(
            "Nothing says what to run", remedy="Give --benchmark, --tasks, --task-types, --languages or --own."
        )
    if benchmark:
        # mteb hands out the same instances each time, and what is done to them here would last.
        tasks = deepcopy(list(_of_mteb("benchmark", benchmark, partial(mteb.get_benchmark, benchmark)).tasks))
        tasks = [task for task in tasks if not names or task.metadata.name in names]
        for task in tasks if languages else []:
            task.filter_languages(languages)
    elif names:
        get = partial(mteb.get_task, languages=languages or None)
        tasks = [_of_mteb("task", name, partial(get, name)) for name in names]
    else:
        tasks = list(mteb.get_tasks(languages=languages or None, task_types=task_types or None, modalities=["text"]))
    tasks = [task for task in tasks if not task_types or task.metadata.type in task_types]
    if languages:
        tasks = [task for task in tasks if set(languages) & _languages(task)]
    if not tasks:
        raise NotFoundError("No task is left by these filters", remedy="Loosen one of them.")
    return tasks


def _of_mteb(kind: str, name: str, get: Callable[[], Any]) -> Any:
    """What mteb has under a name; its own hint at a name it does not know."""
    try:
        return get()
    except (KeyError, ValueError) as error:
        hint = str(error.args[0]).removeprefix("KeyError: ") if error.args else ""
        raise NotFoundError(f"There is no such {kind}", where=name, remedy=hint) from error


def _languages(task: Any) -> set[str]:
    """Its languages with and without their script: 'eng' and 'eng-Latn'."""
    return {code for full in task.metadata.bcp47_codes for code in (full, full.split("-")[0])} | set(task.languages)


def parts_of(task: Any) -> list[Any]:
    """The tasks that an aggregate is made of; of any other, the task itself."""
    return list(getattr(task.metadata, "tasks", None) or [task])


def take_from(folder: Path, task: Any) -> None:
    """Point the task, and the tasks it is made of, at data sets laid out like the hub: ``folder/<org>/<name>/``.

    Nothing else changes: the revision stays as recorded and the task's own code reads the files.
    """
    for part in parts_of(task):
        named = part.metadata.dataset["path"]
        update = {"dataset": {**part.metadata.dataset, "path": str(folder / named)}}
        part.metadata = part.metadata.model_copy(update=update)


def data_source(task: Any) -> str | None:
    """The local folder that stands in for the hub, or None when the hub (or its cache) is asked.

    Raises:
        NotFoundError: a folder was named and the data set is not in it.
    """
    paths = [str(part.metadata.dataset["path"]) for part in parts_of(task)]
    local = [path for path in paths if Path(path).is_absolute()]
    for path in local:
        if not Path(path).is_dir():
            raise NotFoundError(
                f"The data set of {task.metadata.name} is not in the folder given with --datasets",
                where=path,
                remedy="Copy it there as <org>/<name>/, or run without --datasets to ask the hub.",
            )
    return ", ".join(local) or None

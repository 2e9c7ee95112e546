"""Which tasks to run, and where their data sets come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data.store.errors import InputError, NotFoundError

__all__ = ["chosen", "data_source", "take_from"]


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
        tasks = _benchmark(benchmark)
        tasks = [task for task in tasks if not names or task.metadata.name in names]
        for task in tasks if languages else []:
            task.filter_languages(languages)
    elif names:
        tasks = [_task(name, languages) for name in names]
    else:
        tasks = list(mteb.get_tasks(languages=languages or None, task_types=task_types or None, modalities=["text"]))
    kept = [task for task in tasks if not task_types or task.metadata.type in task_types]
    if languages:
        kept = [task for task in kept if set(languages) & _languages(task)]
    if not kept:
        raise NotFoundError("No task is left by these filters", remedy="Loosen one of them.")
    return kept


def _benchmark(name: str) -> list[Any]:
    import mteb

    try:
        return list(mteb.get_benchmark(name).tasks)
    except KeyError as error:
        raise NotFoundError("There is no such benchmark", where=name, remedy=_hint(error)) from error


def _task(name: str, languages: list[str]) -> Any:
    import mteb

    try:
        return mteb.get_task(name, languages=languages or None)
    except (KeyError, ValueError) as error:
        raise NotFoundError("There is no such task", where=name, remedy=_hint(error)) from error


def _hint(error: Exception) -> str:
    return str(error.args[0]).removeprefix("KeyError: ") if error.args else ""


def _languages(task: Any) -> set[str]:
    """Its languages with and without their script: 'eng' and 'eng-Latn'."""
    return {code for full in task.metadata.bcp47_codes for code in (full, full.split("-")[0])} | set(task.languages)


def take_from(folder: Path, task: Any) -> None:
    """Point the task, and the tasks it is made of, at data sets laid out like the hub: ``folder/<org>/<name>/``.

    Nothing else changes: the revision stays as recorded and the task's own code reads the files.
    """
    for part in getattr(task.metadata, "tasks", None) or [task]:
        named = part.metadata.dataset["path"]
        update = {"dataset": {**part.metadata.dataset, "path": str(folder / named)}}
        part.metadata = part.metadata.model_copy(update=update)


def data_source(task: Any) -> str | None:
    """The local folder that stands in for the hub, or None when the hub (or its cache) is asked.

    Raises:
        NotFoundError: a folder was named and the data set is not in it.
    """
    parts = getattr(task.metadata, "tasks", None) or [task]
    paths = [str(part.metadata.dataset["path"]) for part in parts]
    local = [path for path in paths if Path(path).is_absolute()]
    for path in local:
        if not Path(path).is_dir():
            raise NotFoundError(
                f"The data set of {task.metadata.name} is not in the folder given with --datasets",
                where=path,
                remedy="Copy it there as <org>/<name>/, or run without --datasets to ask the hub.",
            )
    return ", ".join(local) or None

"""A choice of tasks to take along: as commands of this house, and as a benchmark of mteb."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

__all__ = ["mteb_definition", "reproduce_command"]


def reproduce_command(model: str | None, benchmark: str, budget: str = "", tasks: Sequence[str] = ()) -> str:
    """The command that runs a budget, or just these tasks, of a benchmark.

    Args:
        model: name; None leaves the word MODEL to be filled in.
        benchmark: name.
        budget: as ``--budget`` takes it: "5%", "20min" or "8 tasks".
        tasks: to be run by name instead.
    """
    words = ["python", "-m", "evaluators", "reproduce", "MODEL" if model is None else model]
    words += ["--benchmark", benchmark, "--budget", budget] if budget else ["--tasks", ",".join(tasks)]
    return shlex.join(words)


def mteb_definition(name: str, benchmark: str, tasks: Sequence[str]) -> str:
    """Python that defines a benchmark of mteb 2 with some tasks of another, each on the cells it has there.

    Args:
        name: of the new benchmark.
        benchmark: of mteb, whose tasks these are.
        tasks: names, in the order to run them.
    """
    listed = "".join(f"    {task!r},\n" for task in tasks)
    return (
        "import mteb\n\n"
        f"names = [\n{listed}]\n"
        f"whole = mteb.get_benchmark({benchmark!r})\n"
        "few = mteb.Benchmark(\n"
        f"    name={name!r},\n"
        "    tasks=sorted(\n"
        "        (task for task in whole.tasks if task.metadata.name in names),\n"
        "        key=lambda task: names.index(task.metadata.name),\n"
        "    ),\n"
        f"    description={f'{len(tasks)} of the tasks of {benchmark}, which tell its mean.'!r},\n"
        ")\n"
    )

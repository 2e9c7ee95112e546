"""``python -m evaluators reproduce``: the options, and what they become."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from data.store.errors import InputError
from data.store.vocabulary import Status, Verdict

if TYPE_CHECKING:
    from evaluators.reproduce.journal import Journal
    from evaluators.reproduce.run import RunPlan
    from evaluators.reproduce.terminal import Screen
    from evaluators.reproduce.verdicts import JudgedCell

__all__ = ["register", "stopped_like_ctrl_c"]


class FailOn(StrEnum):
    """From which verdict on the command ends with status 1."""

    GAP = Verdict.GAP
    BROKEN = Verdict.BROKEN


class Loader(StrEnum):
    """What loads the model."""

    MTEB = "mteb"
    LIBRARY = "library"


_Model = Annotated[
    str, typer.Argument(help="A name on the hub, a local folder, or an encoder: BACKEND:SOURCE?key=value.")
]
_Benchmark = Annotated[str | None, typer.Option(help="Tasks of one of mteb's benchmarks.")]
_Tasks = Annotated[list[str] | None, typer.Option(help="Task names; repeat, or separate by commas.")]
_TaskTypes = Annotated[list[str] | None, typer.Option(help="Retrieval, STS, Classification ...")]
_Languages = Annotated[list[str] | None, typer.Option(help="eng, or eng-Latn.")]
_Own = Annotated[list[Path] | None, typer.Option(help="A folder of your own data; see data/sample/README.md.")]
_Revision = Annotated[str | None, typer.Option(help="The model's revision; mteb's registered one if left out.")]
_KnownAs = Annotated[str | None, typer.Option("--as", help="For a folder: the name to file and compare it under.")]
_Loader = Annotated[Loader, typer.Option(help="mteb's registered loader, or sentence-transformers by itself.")]
_Prompts = Annotated[list[str] | None, typer.Option(help="A JSON or TOML file, or query='text: ' pairs.")]
_Dtype = Annotated[str | None, typer.Option(help="float32, float16 or bfloat16.")]
_Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, mps.")]
_BatchSize = Annotated[int, typer.Option(min=1, help="Halved when memory runs out.")]
_MaxSeqLength = Annotated[int | None, typer.Option(min=1, help="Tokens kept of a text.")]
_TruncateDim = Annotated[int | None, typer.Option(min=1, help="Dimensions kept of a vector.")]
_TrustRemoteCode = Annotated[
    list[str] | None, typer.Option(metavar="MODEL@REVISION", help="Whose code may run, by name and revision.")
]
_CompareTo = Annotated[str, typer.Option(help="official, reported, or the id of another run.")]
_FailOn = Annotated[FailOn | None, typer.Option(help="End with status 1 if a verdict is this bad.")]
_Datasets = Annotated[Path | None, typer.Option(help="Data sets laid out like the hub: DIR/<org>/<name>/.")]
_Budget = Annotated[
    str | None,
    typer.Option(
        metavar="PART",
        help="Run the tasks of --benchmark that tell most of the rest, for a part of it: 5% of its published time,"
        " 20min (90s, 2h) of this machine, '8 tasks', or smoke (at most 1%: is the run broken?).",
    ),
]
_Claim = Annotated[
    str | None, typer.Option(metavar="MEAN", help="With --budget: a mean a vendor claims, 65.2 or 0.652.")
]
_GoOn = Annotated[bool, typer.Option("--go-on", help="With --budget: run all of it although the claim is settled.")]
_EmbeddingsCache = Annotated[Path | None, typer.Option(help="Keep vectors by content in this folder.")]
_Out = Annotated[Path | None, typer.Option(help="Where runs are kept (default: the user's cache folder).")]
_Anyway = Annotated[
    bool, typer.Option("--anyway", help="Run although preflight calls it doomed; its findings stay with the run.")
]
_Again = Annotated[bool, typer.Option("--again", help="Begin a new run even if one can be continued.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("reproduce")(reproduce_model)


def reproduce_model(  # noqa: PLR0913 -- an option each
    model: _Model,
    benchmark: _Benchmark = None,
    tasks: _Tasks = None,
    task_types: _TaskTypes = None,
    languages: _Languages = None,
    own: _Own = None,
    revision: _Revision = None,
    known_as: _KnownAs = None,
    loader: _Loader = Loader.MTEB,
    prompts: _Prompts = None,
    dtype: _Dtype = None,
    device: _Device = None,
    batch_size: _BatchSize = 32,
    max_seq_length: _MaxSeqLength = None,
    truncate_dim: _TruncateDim = None,
    trust_remote_code: _TrustRemoteCode = None,
    compare_to: _CompareTo = "official",
    fail_on: _FailOn = None,
    datasets: _Datasets = None,
    budget: _Budget = None,
    claim: _Claim = None,
    go_on: _GoOn = False,
    embeddings_cache: _EmbeddingsCache = None,
    out: _Out = None,
    anyway: _Anyway = False,
    again: _Again = False,
) -> None:
    """Run MTEB tasks on a model here, and say which published figures hold."""
    from data.store.keys import as_written
    from evaluators.reproduce.budget_plan import BudgetOptions
    from evaluators.reproduce.journal import default_root
    from evaluators.reproduce.prompts import read_prompts
    from evaluators.reproduce.request import ModelRequest
    from evaluators.reproduce.run import RunPlan
    from evaluators.trust import allowances

    asked = BudgetOptions(budget, claim, go_on).checked(benchmark, compare_to, whole=not (languages or own))
    request = ModelRequest(
        model, revision, known_as, loader.value, dtype, device, max_seq_length, truncate_dim,
        read_prompts(prompts or []), allowances(trust_remote_code or []), anyway,
    )  # fmt: skip
    plan = RunPlan(
        request=request,
        tasks=_chosen_tasks(benchmark, tasks, task_types, languages, own, datasets),
        root=out or default_root(),
        command=as_written(["python", "-m", "evaluators", *sys.argv[1:]]),
        batch_size=batch_size,
        compare_to=compare_to,
        embeddings_cache=embeddings_cache,
        again=again,
        guide=asked.guide(compare_to, datasets) if asked else None,
    )
    _run(plan, fail_on)


def _run(plan: RunPlan, fail_on: FailOn | None) -> None:
    from evaluators.reproduce.run import reproduce
    from evaluators.reproduce.terminal import Screen

    screen = Screen(Console(highlight=False))
    try:
        with stopped_like_ctrl_c():
            journal = reproduce(plan, screen)
    except KeyboardInterrupt:
        screen.note("Stopped. Finished tasks are kept; the same command goes on from there.")
        raise typer.Exit(130) from None
    _conclude(journal, plan, screen, fail_on)


@contextmanager
def stopped_like_ctrl_c() -> Iterator[None]:
    """Within it a scheduler's stop (SIGTERM) raises KeyboardInterrupt, so that what is done is kept; then as before."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _conclude(journal: Journal, plan: RunPlan, screen: Screen, fail_on: FailOn | None) -> None:
    """Say what holds and what to type next, and end with the status that says it to a pipeline."""
    from evaluators.reproduce.verdicts import set_up_of, verdicts_of

    names = {task.metadata.name for task in plan.tasks}
    records = {name: record for name, record in journal.tasks().items() if name in names}
    cells = verdicts_of(journal.run_id, journal.run["model"], list(records), plan.compare_to)
    screen.summary(cells, records, plan.compare_to)
    if plan.guide:
        plan.guide.conclude(plan.command)
    set_up = set_up_of(journal.run_id, journal.run["model"])
    if set_up and any(cell.verdict != Verdict.MATCH for cell in cells):
        screen.note(set_up)
    if following := _next(journal.run_id, cells, plan.compare_to):
        screen.note(following)
    failed = [name for name, record in records.items() if record["status"] != Status.DONE]
    # Of a budget, other tasks were run in the place of those that failed.
    if failed and (plan.guide is None or not plan.guide.ran):
        raise typer.Exit(2)
    if plan.guide and (plan.guide.broken or (fail_on and plan.guide.fails)):
        raise typer.Exit(1)
    if fail_on and any(Verdict(cell.verdict).gravity >= Verdict(fail_on).gravity for cell in cells):
        raise typer.Exit(1)


def _next(run: str, cells: list[JudgedCell], compare_to: str) -> str:
    """What to type next: why published figures do not hold, where there are enough of them to have a pattern."""
    from data.rules.suggestions import FEWEST

    comparable = {cell.task for cell in cells if cell.verdict != Verdict.NOT_COMPARABLE}
    moved = any(cell.verdict not in (Verdict.MATCH, Verdict.NOT_COMPARABLE) for cell in cells)
    if compare_to != "official" or len(comparable) < FEWEST or not moved:
        return ""
    return f"What the scores suggest: python -m evaluators diagnose --scores {run}"


def _chosen_tasks(
    benchmark: str | None,
    names: list[str] | None,
    task_types: list[str] | None,
    languages: list[str] | None,
    own: list[Path] | None,
    datasets: Path | None,
) -> list[Any]:
    from evaluators.reproduce.own import own_tasks
    from evaluators.reproduce.tasks import chosen, take_from

    filters = (benchmark, _split(names), _split(task_types), _split(languages))
    tasks = chosen(*filters) if any(filters) or not own else []
    if datasets is not None:
        if not datasets.is_dir():
            raise InputError("There is no such folder of data sets", where=str(datasets))
        for task in tasks:
            take_from(datasets.resolve(), task)
    return tasks + [task for folder in own or [] for task in own_tasks(folder)]


def _split(values: list[str] | None) -> list[str]:
    """Repeated options and comma-separated ones alike."""
    return [part.strip() for value in values or [] for part in value.split(",") if part.strip()]

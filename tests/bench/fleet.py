"""What a fleet costs over serial runs on one machine, and what a second machine of one core gains."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from tests.fleet.conftest import fleet_environment_of, ray_cluster, records
from tests.serving import ROOT
from tests.small_models import minilm

OVERHEAD_AIM, SPEED_UP_AIM = 0.05, 1.8
LENGTHS = (128, 192, 224, 256)  # tokens; a set-up of all-MiniLM-L6-v2 each
TASKS = 3
PAIRS = 1_500  # of each task: about two and a half minutes of encoding in all, on one core
ROUNDS = 2  # of about 20 minutes each, in which the machine has to be quiet


class Took(NamedTuple):
    """What a way of running the cells took, in seconds.

    Attributes:
        whole: from the first command to the last, by the clock.
        work: from the first task's begin to the last's end, by the clock.
    """

    whole: float
    work: float


def measure(context: Any = None) -> None:
    """Print what the same cells take by serial commands, by a fleet on one core, and by one on two, turn by turn."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_tasks(folder)
        turns: list[tuple[Took, Took, Took]] = []
        for turn in range(ROUNDS):
            began = os.getloadavg()[0]
            ways = (
                serial(folder, folder / f"serial{turn}"),
                *(fleet(folder, folder / f"fleet{turn}-{nodes}", nodes) for nodes in (1, 2)),
            )
            turns.append(ways)
            row = "; ".join(f"{way.whole:.0f} s" for way in ways)
            print(f"turn {turn + 1} (serial; one core; two cores): {row}; load {began:.1f} to {os.getloadavg()[0]:.1f}")
    print(f"{len(LENGTHS) * TASKS} cells of all-MiniLM-L6-v2 with one thread, {os.cpu_count()} cores")
    extra = [one.whole / alone.whole - 1 for alone, one, _ in turns]
    print(f"a fleet on one core over {len(LENGTHS)} commands of reproduce: {_row(extra, '+.1%')} by the clock,"
          f" aim {OVERHEAD_AIM:.0%}")  # fmt: skip
    whole = [one.whole / two.whole for _, one, two in turns]
    work = [one.work / two.work for _, one, two in turns]
    print(f"two cores over one: {_row(whole, '.2f')} times as fast, {_row(work, '.2f')} from the first task's begin to"
          f" the last's end, aim {SPEED_UP_AIM}")  # fmt: skip


def _row(values: list[float], form: str) -> str:
    return ", ".join(format(value, form) for value in values)


def make_tasks(folder: Path) -> None:
    """Tasks of scored pairs with texts of some length."""
    for number in range(TASKS):
        place = folder / "tasks" / f"t{number}"
        place.mkdir(parents=True)
        text = "the weight on a string shows whether the wall stands upright and the eye does the rest of it " * 2
        rows = [f'"{n} {number} {text}","{text} {n * 7 % 91}",{n % 6}' for n in range(PAIRS)]
        (place / "pairs.csv").write_text("sentence1,sentence2,score\n" + "\n".join(rows) + "\n")
        (place / "task.toml").write_text(f'name = "BenchFleet{number}"\n')


def environment(folder: Path) -> dict[str, str]:
    """One thread, and a home of its own."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PLUMBLINE_STORE": str(folder / "store.duckdb"),
            "PLUMBLINE_CACHE": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}  # fmt: skip


def timed(command: list[str], folder: Path) -> Took:
    """A command of ours; its work is all of it."""
    folder.mkdir(exist_ok=True)
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "evaluators", *command], cwd=ROOT, env=environment(folder), check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    took = perf_counter() - began
    return Took(took, took)


def serial(inputs: Path, folder: Path) -> Took:
    """Each set-up by a command of its own, as a person types them."""
    own = [str(part) for task in sorted((inputs / "tasks").iterdir()) for part in ("--own", task)]
    commands = [["reproduce", str(minilm()), "--as", f"bench/m{n}", "--max-seq-length", str(n), *own] for n in LENGTHS]
    took = [timed(command, folder) for command in commands]
    return Took(*(sum(part) for part in zip(*took, strict=True)))


def fleet(inputs: Path, folder: Path, nodes: int) -> Took:
    """One plan of all set-ups, on machines of one core; the cluster is there already, as a team's is."""
    folder.mkdir()
    own = [str(task) for task in sorted((inputs / "tasks").iterdir())]
    models = "".join(f'[[models]]\nmodel = "{minilm()}"\nas = "bench/m{n}"\nmax_seq_length = {n}\n' for n in LENGTHS)
    plan = folder / "plan.toml"
    plan.write_text(f'storage = "{folder}/shared"\nown = {json.dumps(own)}\n[resources]\ncpus = 1\n{models}')
    with cluster(nodes, folder) as address:
        command = timed(["fleet", str(plan), "--address", address], folder)
    from data.store.storage import open_storage

    ends = [
        (datetime.fromisoformat(record["finished_at"]), record["seconds"])
        for path, record in records(open_storage(folder / "shared"), "runs").items()
        if "/tasks/" in path
    ]
    assert len(ends) == len(LENGTHS) * TASKS
    shutil.rmtree(folder / "shared")
    work = max(end for end, _ in ends) - min(end - timedelta(seconds=seconds) for end, seconds in ends)
    return Took(command.whole, work.total_seconds())


@contextmanager
def cluster(nodes: int, folder: Path) -> Iterator[str]:
    """A Ray cluster in this machine whose head runs nothing."""
    with fleet_environment_of(folder), ray_cluster(nodes) as made:
        yield made.address


if __name__ == "__main__":
    measure()

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
from typing import Any

from tests.fleet.conftest import records
from tests.serving import ROOT
from tests.small_models import minilm

OVERHEAD_AIM, SPEED_UP_AIM = 0.05, 1.8
LENGTHS = (128, 192, 224, 256)  # tokens; a set-up of all-MiniLM-L6-v2 each
TASKS = 3
PAIRS = 1_500  # of each task: about two and a half minutes of encoding in all, on one core
ROUNDS = 2


def measure(context: Any = None) -> None:
    """Print wall-clock times of the same cells by serial commands, by a fleet on one core, and by one on two."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_tasks(folder)
        times: dict[str, list[float]] = {"serial": [], "one": [], "two": [], "work of one": [], "work of two": []}
        for turn in range(ROUNDS):
            times["serial"].append(serial(folder, folder / f"serial{turn}"))
            for name, nodes in (("one", 1), ("two", 2)):
                whole, work = fleet(folder, folder / f"{name}{turn}", nodes)
                times[name].append(whole)
                times[f"work of {name}"].append(work)
        best = {name: min(values) for name, values in times.items()}
    cells = len(LENGTHS) * TASKS
    print(
        f"{cells} cells, all-MiniLM-L6-v2, one thread, best of {ROUNDS} rounds, load average {os.getloadavg()[0]:.1f}"
    )
    print(f"{len(LENGTHS)} commands of reproduce, one after the other  {best['serial']:7.1f} s")
    extra = best["one"] / best["serial"] - 1
    print(f"a fleet on one machine of one core           {best['one']:7.1f} s  {extra:+.1%}, aim {OVERHEAD_AIM:.0%}")
    print(f"a fleet on two of them                       {best['two']:7.1f} s  {best['one'] / best['two']:.2f} times, "
          f"aim {SPEED_UP_AIM}")  # fmt: skip
    gain = best["work of one"] / best["work of two"]
    print(f"from the first task's begin to the last's end: {best['work of one']:.1f} and {best['work of two']:.1f} s, "
          f"{gain:.2f} times")  # fmt: skip


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
            "XDG_CACHE_HOME": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}  # fmt: skip


def timed(command: list[str], folder: Path) -> float:
    """Seconds of a command of ours."""
    folder.mkdir(exist_ok=True)
    began = perf_counter()
    subprocess.run(
        [sys.executable, "-m", "evaluators", *command], cwd=ROOT, env=environment(folder), check=True,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return perf_counter() - began


def serial(inputs: Path, folder: Path) -> float:
    """Each set-up by a command of its own, as a person types them."""
    own = [str(part) for task in sorted((inputs / "tasks").iterdir()) for part in ("--own", task)]
    commands = [["reproduce", str(minilm()), "--as", f"bench/m{n}", "--max-seq-length", str(n), *own] for n in LENGTHS]
    return sum(timed(command, folder) for command in commands)


def fleet(inputs: Path, folder: Path, nodes: int) -> tuple[float, float]:
    """Seconds of the whole command, and from the first task's begin to the last's end, on machines of one core."""
    folder.mkdir()
    own = [str(task) for task in sorted((inputs / "tasks").iterdir())]
    models = "".join(f'[[models]]\nmodel = "{minilm()}"\nas = "bench/m{n}"\nmax_seq_length = {n}\n' for n in LENGTHS)
    plan = folder / "plan.toml"
    plan.write_text(f'storage = "{folder}/shared"\nown = {json.dumps(own)}\n[resources]\ncpus = 1\n{models}')
    with cluster(nodes, folder) as address:
        whole = timed(["fleet", str(plan), "--address", address], folder)
    from data.store.storage import open_storage

    ends = [
        (datetime.fromisoformat(record["finished_at"]), record["seconds"])
        for path, record in records(open_storage(folder / "shared"), "runs").items()
        if "/tasks/" in path
    ]
    assert len(ends) == len(LENGTHS) * TASKS
    shutil.rmtree(folder / "shared")
    return whole, (max(end for end, _ in ends) - min(end - timedelta(seconds=s) for end, s in ends)).total_seconds()


@contextmanager
def cluster(nodes: int, folder: Path) -> Iterator[str]:
    """A Ray cluster in this machine whose head runs nothing."""
    from ray.cluster_utils import Cluster

    before = dict(os.environ)
    os.environ.update(environment(folder) | {"RAY_USAGE_STATS_ENABLED": "0"})
    head = {"num_cpus": 0, "object_store_memory": 80 * 2**20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            made.add_node(num_cpus=1, object_store_memory=80 * 2**20)
        yield made.address
    finally:
        made.shutdown()
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    measure()

"""Six models of our own and eight tasks of three kinds, a Ray cluster of several nodes, and drivers in processes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.store.storage import Storage
from tests.once import once
from tests.reproduce.conftest import pairs
from tests.serving import ROOT
from tests.small_models import byte_level

TOPICS = ("river", "engine", "violin", "harvest", "planet", "ledger")


@pytest.fixture(scope="session")
def fleet_inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models/m0..m5 and tasks/t0..t7."""
    return once(tmp_path_factory, "fleet", make_inputs)


def make_inputs(folder: Path, models: int = 6, tasks: int = 8, size: int = 60) -> None:
    """Models that differ in their weights, and tasks of scored pairs, labels and retrieval by turns."""
    import torch
    from safetensors.torch import load_file, save_file

    for number in range(models):
        place = folder / "models" / f"m{number}"
        place.mkdir(parents=True)
        byte_level(place)
        generator = torch.Generator().manual_seed(number)
        tensors = load_file(place / "model.safetensors")
        for name, tensor in tensors.items():
            if tensor.is_floating_point():
                tensors[name] = tensor + 0.02 * torch.randn(tensor.shape, generator=generator)
        save_file(tensors, place / "model.safetensors", {"format": "pt"})
    for number in range(tasks):
        place = folder / "tasks" / f"t{number}"
        place.mkdir(parents=True)
        (place / "task.toml").write_text(f'name = "Fleet{number}"\n')
        (_scored, _labelled, _retrieval)[number % 3](place, size + 5 * number)


def _scored(folder: Path, size: int) -> None:
    rows = pairs()
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence1", "sentence2", "score"])
        for number in range(size):
            row = rows[number % len(rows)]
            writer.writerow([f"{number} {row['sentence1']}", row["sentence2"], row["score"]])


def _labelled(folder: Path, size: int) -> None:
    for part in ("train", "test"):
        with (folder / f"{part}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            for number in range(size):
                topic = TOPICS[number % 3]
                writer.writerow([f"{part} {number}: of a {topic} and {TOPICS[(number * 7) % 6]}", topic])


def _retrieval(folder: Path, size: int) -> None:
    (folder / "qrels").mkdir()
    documents = [{"_id": f"d{n}", "title": "", "text": f"{TOPICS[n % 6]} number {n} by the road"} for n in range(size)]
    queries = [{"_id": f"q{n}", "text": f"which {TOPICS[n % 6]} is number {n}"} for n in range(size // 2)]
    for name, rows in (("corpus", documents), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"q{n}\td{n}\t1\n" for n in range(size // 2))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)


def write_plan(file: Path, inputs: Path, storage: str, *, models: int, tasks: int, more: str = "") -> Path:
    """A plan of the first models and tasks; drivers that give a sign of life every half second."""
    own = [str(inputs / "tasks" / f"t{n}") for n in range(tasks)]
    tables = "".join(f'\n[[models]]\nmodel = "{inputs}/models/m{n}"\nas = "fleet/m{n}"\n' for n in range(models))
    limits = "[limits]\nheartbeat = 0.5\ndead_after = 30\nretries = 6\n[resources]\ncpus = 1\nmemory_mb = 100\n"
    file.write_text(f"storage = {json.dumps(storage)}\nown = {json.dumps(own)}\n{limits}{more}{tables}")
    return file


@pytest.fixture
def fleet_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What every process of a test runs with, the machines of a cluster among them."""
    for name, value in {
        "PLUMBLINE_STORE": str(tmp_path / "store.duckdb"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_memory_monitor_refresh_ms": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)


@pytest.fixture
def start_cluster(fleet_environment: None, request: pytest.FixtureRequest) -> Iterator[Callable[[int], Any]]:
    """``start_cluster(nodes)``: a Ray cluster whose head runs nothing, so that any of its machines may die."""
    from ray.cluster_utils import Cluster

    clusters = []

    def start(nodes: int) -> Any:
        soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 4}
        head = {"num_cpus": 0, "object_store_memory": 80 * 2**20, "include_dashboard": False, "_system_config": soon}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        clusters.append(cluster)
        for _ in range(nodes):
            add_node(cluster)
        return cluster

    yield start
    for cluster in clusters:
        cluster.shutdown()


def add_node(cluster: Any) -> Any:
    """One more machine of one core."""
    for attempt in range(4):
        try:
            return cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20, memory=4 * 2**30)
        except Exception as error:  # Ray's own, of a machine too busy to start a node within half a minute
            if attempt == 3 or "timed out" not in str(error):
                raise
    raise AssertionError


def start_driver(plan: Path, address: str | None, log: Path) -> subprocess.Popen[bytes]:
    """``python -m evaluators fleet`` in a process of its own."""
    command = [sys.executable, "-m", "evaluators", "fleet", str(plan)]
    with log.open("ab") as file:
        return subprocess.Popen(
            [*command, *(["--address", address] if address else [])],
            cwd=ROOT, env={**os.environ, "COLUMNS": "200"}, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip


def records(storage: Storage, below: str) -> dict[str, dict[str, Any]]:
    """Records on storage by their paths."""
    return {
        file.path: json.loads(storage.read(file.path, 2**26))
        for file in storage.files(below)
        if file.path.endswith(".json")
    }


def done_cells(storage: Storage) -> set[str]:
    """Model, revision and task of every record of a finished task, by where its result lies."""
    return {record["file"] for path, record in records(storage, "runs").items() if "/tasks/" in path}

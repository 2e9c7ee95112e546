"""Six models of our own and eight tasks of three kinds, a Ray cluster of several nodes, and drivers in processes."""

from __future__ import annotations

import csv
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
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
        if number:
            shutil.copytree(folder / "models" / "m0", place)
        else:
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


_TOKEN = secrets.token_hex(32)  # one a process: Ray remembers it


def environment_of(folder: Path, temporary: Path) -> dict[str, str]:
    """What every process of a test runs with, the machines of a cluster among them.

    Args:
        folder: of the test's own, for what is kept.
        temporary: a folder by a short path: names of sockets have at most 107 bytes, and Ray's are long.
    """
    return {
        "PLUMBLINE_STORE": str(folder / "store.duckdb"), "XDG_CACHE_HOME": str(folder / "cache"),
        "PLUMBLINE_CACHE": str(folder / "cache" / "plumbline"),
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_memory_monitor_refresh_ms": "0", "RAY_TMPDIR": str(temporary), "TMPDIR": str(temporary),
        "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": _TOKEN,  # the cluster listens on the network
        "RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE": "1",  # where /dev/shm is small, as in containers
        "NO_PROXY": "*", "no_proxy": "*", "RAY_grpc_enable_http_proxy": "0",
    }  # fmt: skip


_UNSET = ("RAY_ADDRESS", "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@contextmanager
def fleet_environment_of(folder: Path) -> Iterator[None]:
    """The environment of a test, for as long as it is at work; nothing of it or of Ray is left behind."""
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="pl-", dir=short, ignore_cleanup_errors=True) as temporary,
    ):
        for name in _UNSET:
            patch.delenv(name, raising=False)
        for name, value in environment_of(folder, Path(temporary)).items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def fleet_environment(tmp_path: Path) -> Iterator[None]:
    """The environment of every process of the test."""
    with fleet_environment_of(tmp_path):
        yield


@contextmanager
def ray_cluster(nodes: int) -> Iterator[Any]:
    """A Ray cluster whose head runs nothing, so that any of its machines may die; none of its processes is left.

    The test is skipped where Ray cannot be started at all.
    """
    pytest.importorskip("ray", reason="Ray is not installed (requirements-fleet.txt)")
    from ray._private.authentication_test_utils import reset_auth_token_state
    from ray.cluster_utils import Cluster

    reset_auth_token_state()  # a test before may have imported Ray without a token
    soon = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 1000, "health_check_failure_threshold": 4}
    head = {"num_cpus": 0, "object_store_memory": STORE, "include_dashboard": False, "_system_config": soon}
    before = _processes()
    try:
        try:
            cluster = _in_time(lambda: Cluster(initialize_head=True, head_node_args=head))
            for _ in range(nodes):
                add_node(cluster)
        except Exception as error:  # noqa: BLE001 -- whatever this machine refuses: memory, sockets, time
            pytest.skip(f"Ray cannot be started on this machine: {type(error).__name__}: {str(error)[:300]}")
        try:
            yield cluster
        finally:
            cluster.shutdown()
    finally:
        _end(_processes() - before)


STORE = 80 * 2**20  # bytes of an object store; Ray takes no less than 75 MB


def _processes() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _end(processes: set[psutil.Process]) -> None:
    """End what a cluster has left; what is no longer there is no matter."""
    ray = [each for each in processes if each.is_running() and _is_rays(each)]
    for process in ray:
        with suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(ray, timeout=30)


def _is_rays(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return any("ray" in part for part in process.cmdline()[:3])
    return False


@pytest.fixture
def start_cluster(fleet_environment: None) -> Iterator[Callable[[int], Any]]:
    """``start_cluster(nodes)``: a cluster of the test's own."""
    with ExitStack() as stack:
        yield lambda nodes: stack.enter_context(ray_cluster(nodes))


def add_node(cluster: Any) -> Any:
    """One more machine of one core."""
    return _in_time(lambda: cluster.add_node(num_cpus=1, object_store_memory=STORE, memory=4 * 2**30))


def _in_time(start: Callable[[], Any]) -> Any:
    """What ``start`` gives; Ray itself gives a node half a minute to start, which is short on a busy machine."""
    for attempt in range(4):
        try:
            return start()
        except Exception as error:  # Ray's own
            if attempt == 3 or "timed out" not in str(error):
                raise
    raise AssertionError


@pytest.fixture
def start_driver() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """``start_driver(plan, address, log)``: the command in a process of its own, which ends with the test."""
    drivers: list[subprocess.Popen[bytes]] = []

    def start(plan: Path, address: str | None, log: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "evaluators", "fleet", str(plan)]
        with log.open("ab") as file:
            drivers.append(subprocess.Popen(
                [*command, *(["--address", address] if address else [])],
                cwd=ROOT, env={**os.environ, "COLUMNS": "200"}, stdout=file, stderr=subprocess.STDOUT,
            ))  # fmt: skip
        return drivers[-1]

    yield start
    for driver in drivers:
        driver.kill()
        driver.wait()


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

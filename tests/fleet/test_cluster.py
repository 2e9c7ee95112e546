"""On a real Ray cluster in this machine: each cell once, whoever crosses whom, dies, or goes wrong in another way."""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import InputError
from data.store.storage import open_storage
from evaluators.official.importer import import_from
from evaluators.trust import code_revision
from tests.commands import command
from tests.fleet.conftest import add_node, done_cells, fleet_environment_of, ray_cluster, records, write_plan
from tests.fleet.marked import DIES, NO_MEMORY, RAISES, marked_model, task_with
from tests.reproduce.conftest import rows
from tests.s3_server import S3Server

SEEDS = [int(seed) for seed in os.environ.get("PLUMBLINE_SEEDS", "14").split(",")]
Cluster = Callable[[int], Any]
Drivers = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture(scope="module")
def one_node(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path, str]]:
    """A cluster of one node that the tests of this file share, the folder it writes to, and a bucket."""
    folder = tmp_path_factory.mktemp("fleet")
    with fleet_environment_of(folder), pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        with ray_cluster(1) as cluster:
            yield cluster, folder, s3_server.bucket()


def wait_for(what: Callable[[], Any], seconds: float = 240) -> Any:
    """Until it is so; whatever it then gives."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.2)
    return answer


def count_done(storage: Any) -> int:
    """How many records of finished tasks are there; one listing."""
    return sum("/tasks/" in file.path for file in storage.files("runs"))


def sessions(storage: Any) -> dict[str, list[str]]:
    """The tasks that each driver had run, by model and task, of all its models."""
    ran: dict[str, list[str]] = {}
    for path, setup in records(storage, "fleet/plans").items():
        if "/cells/" in path:
            own = ran.setdefault(path.split("/")[4], [])
            own += [f"{setup['model']} {task}" for task, cell in setup["cells"].items() if cell["seconds"] is not None]
    return ran


@pytest.mark.slow
def test_each_failure_costs_what_it_must(
    one_node: tuple[Any, Path, str], start_driver: Drivers, tmp_path: Path
) -> None:
    model = marked_model(tmp_path / "models" / "m0")
    (tmp_path / "models" / "m1").mkdir()  # nothing is in it
    for number, sign in enumerate(("", DIES, RAISES, NO_MEMORY)):
        task_with(tmp_path / "tasks" / f"t{number}", f"Marked{number}", sign)
    plan = write_plan(tmp_path / "PLAN.toml", tmp_path, str(tmp_path / "shared"), models=2, tasks=4)
    trusted = f'as = "fleet/m0"\ntrust = ["fleet/m0@{code_revision(model)}"]\n'
    plan.write_text(plan.read_text().replace('as = "fleet/m0"\n', trusted).replace("retries = 6", "retries = 0")
                    .replace("memory_mb = 100", "memory_mb = 200"))  # fmt: skip
    driver = start_driver(plan, one_node[0].address, tmp_path / "log")
    assert driver.wait(600) == 2
    log = (tmp_path / "log").read_text()
    storage = open_storage(tmp_path / "shared")
    assert {Path(file).stem for file in done_cells(storage)} == {"Marked0", "Marked3"}, log
    failed = {
        path.rpartition("/")[2]: record for path, record in records(storage, "runs").items() if "/failed/" in path
    }
    assert "died at it" in failed["Marked1.json"]["error"]
    assert "this text has a pilcrow in it" in failed["Marked2.json"]["error"]
    assert "Marked3 asks for more memory" in log
    assert "fleet/m1: The model folder holds no weights" in log
    states = [cell["status"] for path, setup in records(storage, "fleet/plans").items() if "/cells/" in path
              for cell in setup["cells"].values()]  # fmt: skip
    assert sorted(states) == ["done"] * 2 + ["failed"] * 4 + ["set aside"] * 2
    ended = command("fleet", plan, "--status")
    assert ended.status == 0 and "fleet/m0: Marked1: Its worker died at it" in ended.out
    assert "2 / 4" in ended.out and "all its 4 open tasks" in ended.out


# A driver sees of a node that is gone what it sees of a worker that dies: the test above has it on the same cluster,
# and test_outcome.py and test_state.py by hand.
@pytest.mark.soak
def test_a_node_dies_and_costs_the_task_it_was_at(
    fleet_inputs: Path, one_node: tuple[Any, Path, str], start_driver: Drivers
) -> None:
    """The smaller of the two, on a real S3 server: the one machine is gone in the midst, and another has come."""
    cluster, folder, bucket = one_node
    storage = open_storage(f"s3://{bucket}/fleet")
    plan = write_plan(folder / "small.toml", fleet_inputs, f"s3://{bucket}/fleet", models=1, tasks=2)
    driver = start_driver(plan, cluster.address, folder / "small.log")
    wait_for(lambda: any("/claims/" in file.path for file in storage.files("runs")))
    (node,) = cluster.worker_nodes
    cluster.remove_node(node, allow_graceful=False)
    add_node(cluster)
    assert driver.wait(300) == 0, (folder / "small.log").read_text()
    assert len(done_cells(storage)) == 2
    summary = import_from(f"s3://{bucket}/fleet")
    assert not summary.rejected and summary.added == 2
    store = folder / "store.duckdb"
    assert rows(store, "SELECT count(*), count(DISTINCT (model, task)) FROM current_results WHERE origin = 'reproduced'"
                " AND model LIKE 'fleet/%'") == [(2, 2)]  # fmt: skip
    assert rows(store, "SELECT DISTINCT status FROM runs") == [("done",)]


@pytest.mark.soak
def test_two_drivers_at_once_run_nothing_twice(
    fleet_inputs: Path, start_cluster: Cluster, start_driver: Drivers, tmp_path: Path
) -> None:
    cluster = start_cluster(2)
    storage = open_storage(tmp_path / "shared")
    plan = write_plan(tmp_path / "both.toml", fleet_inputs, storage.url, models=2, tasks=3)
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    drivers = [start_driver(plan, cluster.address, log) for log in logs]
    for driver, log in zip(drivers, logs, strict=True):
        assert driver.wait(300) == 0, log.read_text()
    assert len(done_cells(storage)) == 6
    ran = sessions(storage)
    assert len(ran) == 2 and sorted(cell for cells in ran.values() for cell in cells) == [
        f"fleet/m{model} Fleet{task}" for model in range(2) for task in range(3)
    ]


@pytest.mark.soak
@pytest.mark.timeout(5400)  # a busy machine takes long; a test of the suite may take twenty
@pytest.mark.parametrize("seed", SEEDS)
def test_nodes_die_at_five_moments_and_the_driver_twice(
    fleet_inputs: Path,
    start_cluster: Cluster,
    start_driver: Drivers,
    bucket: str,
    tmp_path: Path,
    serial_scores: dict[tuple[str, str], Any],
    seed: int,
) -> None:
    """6 models x 8 tasks: each cell exactly once, as a serial run has it, and no import ever sees half of anything."""
    cluster = start_cluster(3)
    storage = open_storage(f"s3://{bucket}/fleet")
    plan = write_plan(tmp_path / "whole.toml", fleet_inputs, f"s3://{bucket}/fleet", models=6, tasks=8)
    chance = random.Random(seed)
    faults, over = [], threading.Event()
    importer = threading.Thread(
        target=import_again_and_again, args=(bucket, tmp_path / "store.duckdb", faults, over), daemon=True
    )
    importer.start()
    log = tmp_path / "log"
    driver = start_driver(plan, cluster.address, log)
    # Each at a number of finished cells, and then at any moment of the next.
    moments = sorted(chance.sample(range(1, 44), 7))
    ends = dict(zip(moments, chance.sample(["node"] * 5 + ["driver"] * 2, 7), strict=True))
    for cells, what in ends.items():
        wait_for(lambda cells=cells: count_done(storage) >= cells, 1200)
        time.sleep(chance.random())
        if what == "driver":
            driver.kill()
            driver.wait()
            driver = start_driver(plan, cluster.address, log)
        else:
            cluster.remove_node(chance.choice(list(cluster.worker_nodes)), allow_graceful=False)
            add_node(cluster)
    assert driver.wait(1200) == 0, log.read_text()
    over.set()
    importer.join()
    assert not faults
    cells = [path for path in records(storage, "runs") if "/tasks/" in path]
    assert len(cells) == len(done_cells(storage)) == 48
    fleet = fleet_scores(storage)
    assert len(fleet) == 48 and fleet.keys() == serial_scores.keys()
    assert [cell for cell in fleet if fleet[cell] != serial_scores[cell]] == []


def import_again_and_again(bucket: str, store: Path, faults: list[Any], over: threading.Event) -> None:
    """Import what is there until nothing more will come, and note whatever cannot be read."""
    while not over.wait(1):
        try:
            faults += import_from(f"s3://{bucket}/fleet", store=store).rejected
        except InputError:  # nothing is there yet
            assert not store.exists()
        except Exception as error:  # noqa: BLE001 -- a thread of a test says so by its list
            faults.append(error)
            return


@pytest.fixture(scope="module")
def serial_scores(fleet_inputs: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Any]:
    """Of ``reproduce``, one model after the other in one process: scores by model's folder and task."""
    folder = tmp_path_factory.mktemp("serial")
    own = [str(part) for task in range(8) for part in ("--own", fleet_inputs / "tasks" / f"t{task}")]
    with fleet_environment_of(folder):
        for number in range(6):
            model = (str(fleet_inputs / "models" / f"m{number}"), "--as", f"fleet/m{number}", "--out", str(folder))
            ended = command("reproduce", *model, *own)
            assert ended.status == 0, ended.err
    return {
        (path.parts[-3], path.stem): json.loads(path.read_text())["scores"]
        for path in folder.glob("*/mteb/results/*/*/*.json")
        if path.stem != "model_meta"
    }


def fleet_scores(storage: Any) -> dict[tuple[str, str], Any]:
    """Scores on storage by model's folder and task."""
    return {
        (path.split("/")[1], path.split("/")[3].removesuffix(".json")): result["scores"]
        for path, result in records(storage, "results").items()
        if not path.endswith("model_meta.json")
    }

"""On a real Ray cluster of several nodes in this machine: each cell once, whoever crosses whom and whoever dies."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import InputError
from data.store.storage import open_storage
from evaluators.official.importer import import_from
from tests.commands import command as command_here
from tests.fleet.conftest import add_node, done_cells, records, start_driver, write_plan
from tests.reproduce.conftest import rows

Cluster = Callable[[int], Any]


def wait_for(what: Callable[[], Any], seconds: float = 240) -> Any:
    """Until it is so; whatever it then gives."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.05)
    return answer


def sessions(storage: Any) -> dict[str, list[str]]:
    """The tasks that each driver had run, by model and task, of all its models."""
    ran: dict[str, list[str]] = {}
    for path, setup in records(storage, "fleet/plans").items():
        if "/cells/" in path:
            own = ran.setdefault(path.split("/")[4], [])
            own += [f"{setup['model']} {task}" for task, cell in setup["cells"].items() if cell["seconds"] is not None]
    return ran


@pytest.mark.slow
def test_a_node_dies_and_costs_the_task_it_was_at(
    fleet_inputs: Path, start_cluster: Cluster, bucket: str, tmp_path: Path
) -> None:
    """The smaller of the two: 2 x 3 cells on a real S3 server, one of two machines gone and another come."""
    cluster = start_cluster(2)
    nodes = list(cluster.worker_nodes)
    storage = open_storage(f"s3://{bucket}/fleet")
    plan = write_plan(tmp_path / "small.toml", fleet_inputs, f"s3://{bucket}/fleet", models=2, tasks=3)
    driver = start_driver(plan, cluster.address, tmp_path / "log")
    wait_for(lambda: any("/claims/" in file.path for file in storage.files("runs")))
    cluster.remove_node(nodes[0], allow_graceful=False)
    add_node(cluster)
    assert driver.wait(300) == 0, (tmp_path / "log").read_text()
    assert len(done_cells(storage)) == 6
    summary = import_from(f"s3://{bucket}/fleet")
    assert not summary.rejected and summary.added == 6
    store = tmp_path / "store.duckdb"
    assert rows(store, "SELECT count(*), count(DISTINCT (model, task)) FROM current_results WHERE origin = 'reproduced'"
                " AND model LIKE 'fleet/%'") == [(6, 6)]  # fmt: skip
    assert rows(store, "SELECT DISTINCT status FROM runs") == [("done",)]


@pytest.mark.soak
def test_two_drivers_at_once_run_nothing_twice(fleet_inputs: Path, start_cluster: Cluster, tmp_path: Path) -> None:
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
def test_nodes_die_at_five_moments_and_the_driver_twice(
    fleet_inputs: Path, start_cluster: Cluster, bucket: str, tmp_path: Path
) -> None:
    """6 models x 8 tasks: each cell exactly once, as a serial run has it, and no import ever sees half of anything."""
    cluster = start_cluster(3)
    storage = open_storage(f"s3://{bucket}/fleet")
    plan = write_plan(tmp_path / "whole.toml", fleet_inputs, f"s3://{bucket}/fleet", models=6, tasks=8)
    chance = random.Random(14)
    faults, over = [], threading.Event()
    importer = threading.Thread(target=import_again_and_again, args=(bucket, tmp_path / "store.duckdb", faults, over))
    importer.start()
    log = tmp_path / "log"
    driver = start_driver(plan, cluster.address, log)
    # Each at a number of finished cells, and then at any moment of the next.
    moments = sorted(chance.sample(range(1, 44), 7))
    ends = dict(zip(moments, chance.sample(["node"] * 5 + ["driver"] * 2, 7), strict=True))
    for cells, what in ends.items():
        wait_for(lambda cells=cells: len(done_cells(storage)) >= cells, 1200)
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
    assert_as_serial(storage, fleet_inputs, tmp_path)


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


def assert_as_serial(storage: Any, inputs: Path, folder: Path) -> None:
    """The figures of every cell are those of ``reproduce``, one model after the other in one process."""
    own = [str(part) for task in range(8) for part in ("--own", inputs / "tasks" / f"t{task}")]
    for number in range(6):
        model = (str(inputs / "models" / f"m{number}"), "--as", f"fleet/m{number}", "--out", str(folder / "serial"))
        ended = command_here("reproduce", *model, *own)
        assert ended.status == 0, ended.err
    serial = {
        (path.parts[-3], path.stem): json.loads(path.read_text())["scores"]
        for path in (folder / "serial").glob("*/mteb/results/*/*/*.json")
        if path.stem != "model_meta"
    }
    fleet = {
        (path.split("/")[1], path.split("/")[3].removesuffix(".json")): result["scores"]
        for path, result in records(storage, "results").items()
        if not path.endswith("model_meta.json")
    }
    assert len(fleet) == 48 and fleet.keys() == serial.keys()
    differing = [cell for cell in fleet if fleet[cell] != serial[cell]]
    assert not differing

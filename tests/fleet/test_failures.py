"""A model of our own that dies, raises or runs out of memory at texts with a sign in them: each costs what it must."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.store.storage import open_storage
from evaluators.trust import code_revision
from tests.commands import command
from tests.fleet.conftest import done_cells, records, start_driver, write_plan
from tests.small_models import byte_level

# What a text has in it, by the byte of UTF-8 that our byte-level vocabulary has a token for, and by nothing else.
DIES, RAISES, NO_MEMORY = "§", "¶", "¥"
MODULE = """
import json, os, signal
from pathlib import Path
import ray, torch

class Marks(torch.nn.Module):
    def __init__(self, ids):
        super().__init__()
        self.ids = ids

    def forward(self, features, **_):
        seen = set(features["input_ids"].flatten().tolist())
        if self.ids["dies"] in seen:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.ids["raises"] in seen:
            raise ValueError("this text has a pilcrow in it")
        memory = ray.get_runtime_context().get_assigned_resources().get("memory", 0) if ray.is_initialized() else 0
        if self.ids["no_memory"] in seen and memory < 350 * 2**20:
            raise RuntimeError("CUDA out of memory. Tried to allocate a yen.")
        return features

    @staticmethod
    def load(path, subfolder="", **_):
        return Marks(json.loads(Path(path, subfolder, "marks.json").read_text()))
"""


def marked_model(folder: Path) -> Path:
    """A tiny model whose second module is code of its own."""
    from transformers import AutoTokenizer

    byte_level(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    signs = {"dies": DIES, "raises": RAISES, "no_memory": NO_MEMORY}
    ids = {name: tokenizer.convert_tokens_to_ids(sign) for name, sign in signs.items()}
    assert tokenizer.unk_token_id not in ids.values()
    (folder / "marks.py").write_text(MODULE)
    (folder / "2_Marks").mkdir()
    (folder / "2_Marks" / "marks.json").write_text(json.dumps(ids))
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_Marks", "type": "marks.Marks"})
    (folder / "modules.json").write_text(json.dumps(modules))
    return folder


def task_with(folder: Path, name: str, sign: str) -> None:
    folder.mkdir(parents=True)
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sentence1", "sentence2", "score"])
        writer.writerows([f"text {n} {sign if n == 5 else ''}", f"another {n}", n % 4] for n in range(12))
    (folder / "task.toml").write_text(f'name = "{name}"\n')


@pytest.mark.slow
def test_each_failure_costs_what_it_must(start_cluster: Callable[[int], Any], tmp_path: Path) -> None:
    model = marked_model(tmp_path / "models" / "m0")
    (tmp_path / "models" / "m1").mkdir()  # nothing is in it
    for number, sign in enumerate(("", DIES, RAISES, NO_MEMORY)):
        task_with(tmp_path / "tasks" / f"t{number}", f"Marked{number}", sign)
    plan = write_plan(tmp_path / "PLAN.toml", tmp_path, str(tmp_path / "shared"), models=2, tasks=4)
    trusted = f'as = "fleet/m0"\ntrust = ["fleet/m0@{code_revision(model)}"]\n'
    plan.write_text(plan.read_text().replace('as = "fleet/m0"\n', trusted).replace("retries = 6", "retries = 1")
                    .replace("memory_mb = 100", "memory_mb = 200"))  # fmt: skip
    cluster = start_cluster(1)
    driver = start_driver(plan, cluster.address, tmp_path / "log")
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

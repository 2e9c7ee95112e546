"""A model of our own that dies, raises or runs out of memory at texts with a sign in them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

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

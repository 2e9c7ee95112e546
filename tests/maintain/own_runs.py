"""Pack finished runs as the reproductions that come with the record; read by `evaluators/official/own_runs.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data.store.vocabulary import Status
from evaluators.official import bundle
from evaluators.official.own_runs import REPRODUCTIONS
from evaluators.reproduce.journal import Journal

__all__ = ["pack"]


def pack(journals: list[Journal], file: Path = bundle.FOLDER / REPRODUCTIONS) -> int:
    """Write the finished tasks of these runs to ``file``; returns how many there are.

    Paths of this machine are left out: a bundle says which model and data, not where somebody kept them.
    """
    rows = [
        {
            "run": json.dumps(_portable_run(journal.run)),
            "record": json.dumps(record | {"dataset_path": _last_two(record.get("dataset_path")), "dataset": {}}),
            "result": (journal.folder / record["file"]).read_text(encoding="utf-8"),
        }
        for journal in journals
        for record in journal.tasks().values()
        if record["status"] == Status.DONE
    ]
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file, compression="zstd", compression_level=19)
    return len(rows)


def _portable_run(run: dict[str, Any]) -> dict[str, Any]:
    """The run with the model's name in the place of its folder."""
    asked = run["settings"]["asked"]
    folder = asked["model"]
    shown = Path(folder).name if Path(folder).is_absolute() else folder
    words = [Path(word).name if word.startswith("/") else word for word in run["command"].split(" ")]
    if "--out" in words:
        del words[words.index("--out") : words.index("--out") + 2]
    status = Status.STOPPED if run["status"] == Status.RUNNING else run["status"]
    return run | {
        "status": status,
        "command": " ".join(words),
        "settings": run["settings"] | {"asked": asked | {"model": shown}},
        "findings": json.loads(json.dumps(run.get("findings", [])).replace(folder, shown)),
    }


def _last_two(path: str | None) -> str | None:
    """``org/name`` of a data set's folder."""
    return "/".join(Path(path).parts[-2:]) if path else None

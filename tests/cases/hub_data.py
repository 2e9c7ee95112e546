"""Small data sets laid out as the hub has them, so that mteb's own tasks read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["write_bitext", "write_retrieval", "write_rows"]


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_retrieval(
    folder: Path,
    passages: Mapping[str, str],
    queries: Mapping[str, str],
    *,
    judged: Mapping[str, str],
    subset: str = "",
) -> None:
    """Passages, queries, and the passage that answers each query, as mteb's retrieval data sets lie on the hub."""
    before = f"{subset}-" if subset else ""
    parts = {
        f"{before}corpus": ({"_id": name, "title": "", "text": text} for name, text in passages.items()),
        f"{before}queries": ({"_id": name, "text": text} for name, text in queries.items()),
        f"{before}qrels" if subset else "default": (
            {"query-id": query, "corpus-id": passage, "score": 1} for query, passage in judged.items()
        ),
    }
    _write_configs(folder, parts)


def write_bitext(folder: Path, subset: str, pairs: Iterable[tuple[str, str]]) -> None:
    """Sentences and their translations as BUCC has them: one row of three lists, counted from one."""
    left, right = zip(*pairs, strict=True)
    gold = [[n + 1, n + 1] for n in range(len(left))]
    _write_configs(folder, {subset: [{"sentence1": left, "sentence2": right, "gold": gold}]})


def _write_configs(folder: Path, parts: Mapping[str, Iterable[Mapping[str, Any]]]) -> None:
    """A file a configuration, and the card that names them."""
    lines = ["---", "configs:"]
    for name, rows in parts.items():
        write_rows(folder / f"{name}.jsonl", rows)
        lines += [f"- config_name: {name}", "  data_files:", "  - split: test", f"    path: {name}.jsonl"]
    (folder / "README.md").write_text("\n".join([*lines, "---", ""]), encoding="utf-8")

"""Prompts the user gives, in the names mteb chooses among."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from data.store.errors import InputError

__all__ = ["read_prompts"]


def read_prompts(entries: list[str]) -> dict[str, str]:
    """Prompts from JSON or TOML files and ``name=text`` pairs, later ones first.

    A name is one mteb looks for: a task, a task type, ``query`` or ``document``, or two of them joined by ``-``
    (``SciFact-query``). ``*`` stands for every task type, so for every text.

    Raises:
        InputError: a file that cannot be read, or a value that is not text.
    """
    prompts: dict[str, str] = {}
    for entry in entries:
        name, is_pair, text = entry.partition("=")
        named = {name: text} if is_pair and not Path(entry).is_file() else _read(Path(entry))
        for name, text in named.items():
            if not isinstance(text, str):
                raise InputError("A prompt is not text", where=f"{entry}: {name}", remedy='Write it as "name": "text".')
            prompts |= dict.fromkeys(_everywhere(), text) if name == "*" else {name: text}
    return prompts


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = path.read_text(encoding="utf-8")
        content = tomllib.loads(raw) if path.suffix == ".toml" else json.loads(raw)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise InputError(
            "The prompts cannot be read",
            where=str(path),
            remedy="Give a JSON or TOML file of names and texts, or name=text.",
        ) from error
    if not isinstance(content, dict):
        raise InputError("The prompts are no table of names and texts", where=str(path))
    return content


def _everywhere() -> list[str]:
    """Every task type, and both roles, which mteb prefers a task type over."""
    from typing import get_args

    from mteb.abstasks.task_metadata import TaskType

    return [*get_args(TaskType), "query", "document"]

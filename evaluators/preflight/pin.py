"""A pin: sizes and SHA-256 of a model's files, and the token ids of the probes, kept from the day it was right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.store.errors import InputError
from data.store.vocabulary import Severity
from evaluators.model_files.hashes import file_sha256, hash_files
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.kinds import model_kind, transformers_of
from evaluators.preflight.loading import load_tokenizer
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer import golden_ids

__all__ = ["check_files", "check_tokens", "read_pin", "write_pin"]


def write_pin(target: Target, path: Path) -> None:
    """Keep what the model's files and its tokenizer are now."""
    pin = {
        "model": target.name,
        "revision": target.revision,
        "files": {entry.pop("path"): entry for entry in hash_files(target.folder)},
        "tokens": _tokens(target),
    }
    path.write_text(json.dumps(pin, indent=1, ensure_ascii=False), encoding="utf-8")


def _tokens(target: Target) -> dict[str, list[int]] | None:
    """Ids of the probes, by the tokenizer of the first transformer; None where the model has none."""
    parts = transformers_of(target) if model_kind(target).known else []
    return golden_ids(load_tokenizer(parts[0])) if parts else None


def read_pin(path: Path) -> dict[str, Any]:
    """A pin from its file.

    Raises:
        InputError: it is not there, or is not a pin.
    """
    remedy = "Write one with `python -m evaluators preflight MODEL --write-pin FILE` where the model is right."
    try:
        pin = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError("The pin cannot be read", where=f"{path}: {error}", remedy=remedy) from error
    if not isinstance(pin, dict) or not isinstance(pin.get("files"), dict):
        raise InputError("The file is not a pin", where=str(path), remedy=remedy)
    return pin


def check_files(target: Target, pin: dict[str, Any]) -> Iterator[Finding]:
    """Files that are gone, changed or new since the pin."""
    for name, pinned in sorted(pin["files"].items()):
        if not target.has(name):
            yield finding("pin-missing", f"{name} was there when the pin was made", {"file": name}, _severity(name))
        elif (digest := file_sha256(target.path(name))) != pinned["sha256"]:
            size = target.path(name).stat().st_size
            seen = f"{name} is not the file of the pin ({size:,} bytes, then {pinned['size']:,})"
            evidence = {"file": name, "sha256": digest, "pinned": pinned["sha256"]}
            yield finding("pin-differs", seen, evidence, _severity(name))
    if new := [name for name in target.files if name not in pin["files"]]:
        severity = max(map(_severity, new), key=list(Severity).index)
        yield finding("pin-new-file", f"{', '.join(new)} came after the pin was made", {"files": new}, severity)


def check_tokens(target: Target, pin: dict[str, Any]) -> Iterator[Finding]:
    """Probes that become other token ids than when the pin was made."""
    golden = pin.get("tokens")
    if not golden:
        return
    now = golden_ids(load_tokenizer(target))
    changed = {probe: {"now": now[probe], "pinned": ids} for probe, ids in golden.items() if now.get(probe, ids) != ids}
    if changed:
        seen = f"{len(changed)} of {len(golden)} probes become other token ids than pinned"
        yield finding("pin-tokens", seen, changed)


def _severity(name: str) -> Severity:
    unread = (".md", ".gitattributes", ".gitignore", "data_config.json")
    return Severity.NOTICE if name.endswith(unread) else Severity.SERIOUS

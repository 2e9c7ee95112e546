"""A pin: sizes and SHA-256 of a model's files, and the token ids of the probes, kept from the day it was right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.store.errors import InputError
from evaluators.model_files.hashes import file_sha256, hash_files
from evaluators.preflight.finding import Finding, Severity
from evaluators.preflight.kinds import other_kind, transformers_of
from evaluators.preflight.loading import load_tokenizer
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer import golden_ids

__all__ = ["check_files", "check_tokens", "describe_files", "read_pin", "write_pin"]

_BACK = "Take the file from where the pin was made, or write a new pin if the change was meant."


def describe_files(target: Target) -> list[dict[str, Any]]:
    """Path, size in bytes and SHA-256 of every file of the model."""
    return hash_files(target.folder)


def write_pin(target: Target, path: Path) -> None:
    """Keep what the model's files and its tokenizer are now."""
    pin = {
        "model": target.name,
        "revision": target.revision,
        "files": {entry.pop("path"): entry for entry in describe_files(target)},
        "tokens": _tokens(target),
    }
    path.write_text(json.dumps(pin, indent=1, ensure_ascii=False), encoding="utf-8")


def _tokens(target: Target) -> dict[str, list[int]] | None:
    """Ids of the probes, by the tokenizer of the first transformer; None where the model has none."""
    parts = [] if other_kind(target) else transformers_of(target)
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
    for name, kept in sorted(pin["files"].items()):
        if not target.has(name):
            yield Finding(
                "files",
                "pin-missing",
                _severity(name),
                f"{name} was there when the pin was made",
                "It is gone.",
                _BACK,
                {"file": name},
            )
        elif (found := file_sha256(target.path(name))) != kept["sha256"]:
            size = target.path(name).stat().st_size
            yield Finding(
                "files",
                "pin-differs",
                _severity(name),
                f"{name} is not the file of the pin ({size:,} bytes, then {kept['size']:,})",
                "The model on this machine is not the one that was pinned.",
                _BACK,
                {"file": name, "sha256": found, "pinned": kept["sha256"]},
            )
    if new := [name for name in target.files if name not in pin["files"]]:
        worst: Severity = "serious" if any(_severity(name) == "serious" for name in new) else "notice"
        yield Finding(
            "files",
            "pin-new-file",
            worst,
            f"{', '.join(new)} came after the pin was made",
            "A loader may prefer it to what was pinned.",
            _BACK,
            {"files": new},
        )


def check_tokens(target: Target, pin: dict[str, Any]) -> Iterator[Finding]:
    """Probes that become other token ids than when the pin was made."""
    golden = pin.get("tokens")
    if not golden:
        return
    now = golden_ids(load_tokenizer(target))
    changed = {probe: {"now": now[probe], "pinned": ids} for probe, ids in golden.items() if now.get(probe, ids) != ids}
    if changed:
        yield Finding(
            "tokenizer",
            "pin-tokens",
            "serious",
            f"{len(changed)} of {len(golden)} probes become other token ids than pinned",
            "Another tokenizer, or another library version that reads it otherwise.",
            _BACK,
            changed,
        )


def _severity(name: str) -> Severity:
    return "notice" if name.endswith((".md", ".gitattributes", ".gitignore", "data_config.json")) else "serious"

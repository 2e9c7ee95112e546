"""What the user allowed: models by name and revision, and what the revision of a model's code is here and now."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from data.store.errors import InputError
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import read_bytes

__all__ = [
    "allow", "allowances", "allows", "as_options", "code_files", "code_revision", "resolved_commit", "hub_commit",
    "is_commit",
]  # fmt: skip

_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGITS = 12  # of the hash that stands for a folder's code


def allowances(named: Iterable[str]) -> dict[str, str]:
    """``["org/name@revision"]`` as ``{"org/name": "revision"}``.

    Raises:
        InputError: an entry without a revision, or with a branch or a tag, whose code can change after it was read.
    """
    allowed = {}
    for entry in named:
        model, at, revision = entry.rpartition("@")
        if not (at and model and revision):
            raise InputError(
                "Allowing a model's own code needs its name and revision",
                where=entry,
                remedy="Write it as MODEL@REVISION; there is no way to trust everything.",
            )
        if not _is_fixed(revision):
            raise InputError(
                "Code is allowed at a commit: what a branch or a tag names can change after it was read",
                where=entry,
                remedy="Write the commit, 40 hex digits (of a folder, the 12 of its code). "
                "Without this entry, the refusal prints the words to paste.",
            )
        allowed[model] = revision
    return allowed


def _is_fixed(revision: str) -> bool:
    return re.fullmatch(rf"[0-9a-f]{{{_DIGITS}}}", revision) is not None or is_commit(revision)


def is_commit(revision: str | None) -> bool:
    """Whether it is the full name of a commit, which nobody can move."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def code_files(folder: Path) -> list[str]:
    """The Python files that come with a model, relative to its folder and sorted."""
    return [name for name in relative_files(folder) if name.endswith(".py")]


def hub_commit(folder: Path) -> str | None:
    """The commit whose files the folder holds, where it lies in a hub's cache (models--org--name/snapshots/COMMIT)."""
    real = folder.resolve()
    in_cache = real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--")
    return real.name if in_cache and is_commit(real.name) else None


def code_revision(folder: Path) -> str:
    """What the code of a folder is allowed under: its commit in a hub's cache, else a hash of its Python files."""
    if commit := hub_commit(folder):
        return commit
    digest = hashlib.sha256()
    for name in code_files(folder):
        digest.update(os.fsencode(name) + b"\0" + read_bytes(folder / name) + b"\0")
    return digest.hexdigest()[:_DIGITS]


def resolved_commit(model: str, revision: str | None = None, *, cached: bool = False) -> str | None:
    """The commit that a revision of a hub's model stands for now; None where neither the hub nor its cache tells.

    Args:
        model: its name on the hub.
        revision: a commit, a branch or a tag; None is the default branch.
        cached: take the cache's word before the hub's, which spares the network.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError, RevisionResolutionError

    for local in (True, False) if cached else (False,):
        try:
            return str(HfApi().resolve_revision(model, revision=revision, local_files_only=local).resolved)
        except (RevisionResolutionError, HTTPError, OSError, ValueError):
            continue
    return None


def allow(name: str, revision: str) -> str:
    """The option that allows a model's code, to paste."""
    return f"--trust-remote-code {name}@{revision}"


def as_options(asked: Mapping[str, str]) -> str:
    """The options that allow each of these models at its revision, to paste."""
    return " ".join(allow(name, revision) for name, revision in asked.items())


def allows(allowed: Mapping[str, str], model: str, revision: str | None) -> bool:
    """Whether the user allowed the code of this very model and of this commit, or hash, that lies here."""
    return revision is not None and _is_fixed(revision) and allowed.get(model) == revision

"""Which model code may run: models named by the user with their revision, and nothing else.

One rule for every command, written ``NAME@REVISION``. A model of a hub goes by its name and commit. A folder goes by
its path and a hash of its Python files, so that code which changed since it was read is not the code allowed.

Every route by which transformers and sentence-transformers execute a repository's code ends in one function,
``transformers.dynamic_module_utils.get_cached_module_file``. A check there holds for loaders that hard-wire
``trust_remote_code=True`` as well, of which mteb's registry has several hundred.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import InputError, NotAllowedError

__all__ = ["allow", "allowances", "allows", "code_files", "code_revision", "only_code_from"]

_SNAPSHOTS = "snapshots"  # where the hub's cache keeps a commit's files, in a folder of the commit's name


def allowances(named: Iterable[str]) -> dict[str, str]:
    """``["org/name@revision"]`` as ``{"org/name": "revision"}``.

    Raises:
        InputError: an entry without a revision, because the code of a branch can change after it was read.
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
        allowed[model] = revision
    return allowed


def code_files(folder: Path) -> list[str]:
    """The Python files that come with a model, relative to its folder and sorted."""
    found = (path.relative_to(folder) for path in folder.rglob("*.py") if path.is_file())
    return sorted(path.as_posix() for path in found if not path.parts[0].startswith("."))


def code_revision(folder: Path) -> str:
    """What the code of a folder is allowed under: its commit in a hub's cache, else a hash of its Python files."""
    if (real := folder.resolve()).parent.name == _SNAPSHOTS:
        return real.name
    digest = hashlib.sha256()
    for name in code_files(folder):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def allow(name: str, revision: str) -> str:
    """The option that allows a model's code, to paste."""
    return f"--trust-remote-code {name}@{revision}"


def allows(allowed: Mapping[str, str], model: str, revision: str | None) -> bool:
    """Whether the user allowed the code of this very model and revision."""
    return model in allowed and allowed[model] == revision


@contextmanager
def only_code_from(allowed: Mapping[str, str]) -> Iterator[None]:
    """Refuse to fetch or run any repository's code but that of ``allowed``, whatever a loader asks for.

    Raises (from inside the block):
        NotAllowedError: with the option that would allow it.
    """
    from transformers import dynamic_module_utils as dynamic

    original = dynamic.get_cached_module_file

    def guarded(repo: str | Path, module_file: str, *args: Any, **kwargs: Any) -> Any:
        name = str(repo)
        here = Path(name) if Path(name).is_dir() else None
        now = code_revision(here) if here else kwargs.get("code_revision") or kwargs.get("revision") or "REVISION"
        if name not in allowed or (here and not allows(allowed, name, now)):
            raise NotAllowedError(
                f"Loading this model would run {module_file} of {name}",
                where=name,
                remedy=f"Read that code; if you trust it, add {allow(name, now)}",
            )
        if not here:
            kwargs["revision"] = allowed[name]  # the revision that was read, not the branch it stood on
        return original(repo, module_file, *args, **kwargs)

    dynamic.get_cached_module_file = guarded
    try:
        yield
    finally:
        dynamic.get_cached_module_file = original

"""Which code from the hub may run: models named by the user with their revision, and nothing else.

Every route by which transformers and sentence-transformers execute a repository's code ends in one function,
``transformers.dynamic_module_utils.get_cached_module_file``. A check there holds for loaders that hard-wire
``trust_remote_code=True`` as well, of which mteb's registry has several hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data.errors import InputError, NotAllowedError

__all__ = ["allowances", "allows", "only_code_from"]


def allowances(named: list[str]) -> dict[str, str]:
    """``["org/name@revision"]`` as ``{"org/name": "revision"}``.

    Raises:
        InputError: an entry without a revision, because the code of a branch can change after it was read.
    """
    allowed = {}
    for entry in named:
        model, at, revision = entry.rpartition("@")
        if not (at and model and revision):
            raise InputError(
                "--trust-remote-code needs a model and a revision",
                where=entry,
                remedy="Write it as MODEL@REVISION; there is no way to trust everything.",
            )
        allowed[model] = revision
    return allowed


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
        if name not in allowed:
            revision = kwargs.get("code_revision") or kwargs.get("revision") or "REVISION"
            raise NotAllowedError(
                f"Loading this model would run {module_file} of {name}",
                where=name,
                remedy=f"Read that code; if you trust it, add --trust-remote-code {name}@{revision}",
            )
        if not Path(name).is_dir():
            kwargs["revision"] = allowed[name]  # the revision that was read, not the branch it stood on
        return original(repo, module_file, *args, **kwargs)

    dynamic.get_cached_module_file = guarded
    try:
        yield
    finally:
        dynamic.get_cached_module_file = original

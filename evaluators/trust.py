"""Which model code may run: models named by the user with their revision, and nothing else.

One rule for every command, written ``NAME@REVISION``. A model of a hub goes by its name and commit. A folder goes by
its path and a hash of its Python files, so that code which changed since it was read is not the code allowed. Either
way the revision is compared with what lies here now: a branch or a tag allows nothing.

Every route by which transformers and sentence-transformers execute a repository's code goes through one function,
``transformers.dynamic_module_utils.get_cached_module_file``. A check there holds for loaders that hard-wire
``trust_remote_code=True`` as well, of which mteb's registry has several hundred. Whatever opens a model or a tokenizer
does so inside :func:`only_code_from`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from data.errors import InputError, NotAllowedError

__all__ = [
    "Named", "allow", "allowances", "allows", "as_options", "code_files", "code_revision", "commit_of", "hub_commit",
    "named_code", "only_code_from", "read_json", "strangers",
]  # fmt: skip

_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGITS = 12  # of the hash that stands for a folder's code
_UNREACHED = "COMMIT"  # stands where a commit belongs that neither the hub nor its cache tells


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
    return re.fullmatch(rf"[0-9a-f]{{{_DIGITS}}}", revision) is not None or _is_commit(revision)


def _is_commit(revision: str | None) -> bool:
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def code_files(folder: Path) -> list[str]:
    """The Python files that come with a model, relative to its folder and sorted."""
    found = (path.relative_to(folder) for path in folder.rglob("*.py") if path.is_file())
    return sorted(path.as_posix() for path in found if not path.parts[0].startswith("."))


def hub_commit(folder: Path) -> str | None:
    """The commit whose files the folder holds, where it lies in a hub's cache (models--org--name/snapshots/COMMIT)."""
    real = folder.resolve()
    in_cache = real.parent.name == "snapshots" and real.parent.parent.name.startswith("models--")
    return real.name if in_cache and _is_commit(real.name) else None


def code_revision(folder: Path) -> str:
    """What the code of a folder is allowed under: its commit in a hub's cache, else a hash of its Python files."""
    if commit := hub_commit(folder):
        return commit
    digest = hashlib.sha256()
    for name in code_files(folder):
        digest.update(name.encode() + b"\0" + (folder / name).read_bytes() + b"\0")
    return digest.hexdigest()[:_DIGITS]


def commit_of(model: str, revision: str | None = None, *, cached: bool = False) -> str | None:
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


class Named(NamedTuple):
    """One class of a repository's own code that a model's files name.

    Attributes:
        file: the file that names it, relative to the model's folder.
        role: what it is loaded as: AutoModel, AutoTokenizer, AutoProcessor...; ``module`` in modules.json.
        repository: the other repository that holds it, None for the model's own.
        code: file and class, as in ``modeling_own.OwnModel``.
    """

    file: str
    role: str
    repository: str | None
    code: str

    @property
    def reference(self) -> str:
        """As the file writes it."""
        return f"{self.repository}--{self.code}" if self.repository else self.code


def named_code(folder: Path) -> list[Named]:
    """Every class that the files of a model would have a loader import: its own code, and other repositories'."""
    declared = read_json(folder / "modules.json")
    modules = [entry for entry in declared if isinstance(entry, dict)] if isinstance(declared, list) else []
    own = (str(entry.get("type")) for entry in modules)
    found = [_named("modules.json", "module", kind) for kind in own if not kind.startswith("sentence_transformers.")]
    places = tuple(f"{entry['path']}/" for entry in modules if entry.get("path"))
    for path in sorted(folder.rglob("*config.json")):
        file = path.relative_to(folder).as_posix()
        if "/" in file and not file.startswith(places):
            continue  # a checkpoint, or a copy for another framework
        config = read_json(path)
        auto_map = config.get("auto_map") if isinstance(config, dict) else None
        if isinstance(auto_map, list):
            auto_map = {"AutoTokenizer": auto_map}  # as tokenizers were saved once; still read
        for role, named in auto_map.items() if isinstance(auto_map, dict) else ():
            classes = named if isinstance(named, list) else [named]  # of a tokenizer: slow and fast
            found.extend(_named(file, str(role), name) for name in classes if isinstance(name, str))
    return found


def _named(file: str, role: str, reference: str) -> Named:
    repository, other, code = reference.partition("--")
    return Named(file, role, repository, code) if other else Named(file, role, None, reference)


def read_json(path: Path) -> Any:
    """Content of a JSON file; None where it is not there or cannot be read (preflight's files tier says so)."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def strangers(folder: Path, allowed: Mapping[str, str]) -> dict[str, str]:
    """Other repositories whose code a model's files name and that were not allowed: name -> revision to allow."""
    others = sorted({named.repository for named in named_code(folder) if named.repository})
    now = {name: code_revision(Path(name)) if Path(name).is_dir() else allowed.get(name) for name in others}
    lost = [name for name in others if not allows(allowed, name, now[name])]
    return {name: str(now[name]) if Path(name).is_dir() else _commit_to_read(name) for name in lost}


def _commit_to_read(name: str, revision: str | None = None) -> str:
    return commit_of(name, revision, cached=True) or _UNREACHED


@contextmanager
def only_code_from(
    allowed: Mapping[str, str],
    files: Mapping[str, Path] | None = None,
    spelt: Callable[[Mapping[str, str]], str] = as_options,
) -> Iterator[None]:
    """Refuse to fetch or run any repository's code but that of ``allowed``, whatever a loader asks for.

    Each repository's code is taken at the very commit it was allowed at.

    Args:
        allowed: model -> revision, as :func:`allowances` gives it.
        files: where the files of a model lie, for loaders that are handed its folder instead of its name.
        spelt: puts what has to be allowed, name -> revision, into the words to paste.

    Raises (on entry, where the files tell, or from inside the block):
        NotAllowedError: with the words that would allow it.
    """
    from transformers import dynamic_module_utils as dynamic
    from transformers.generation import utils as generation  # holds the function under a name of its own

    files = files or {}
    for name, folder in files.items():
        if allows(allowed, name, code_revision(folder)) and (lost := strangers(folder, allowed)):
            raise NotAllowedError(
                f"The model runs code of {', '.join(lost)}, which is not allowed",
                where=name,
                remedy=f"Read that code; if you trust it, add {spelt(lost)}",
            )
    places = {Path(name).resolve(): name for name in allowed if Path(name).is_dir()}
    places |= {folder.resolve(): name for name, folder in files.items()}
    original = dynamic.get_cached_module_file

    def guarded(repo: str | Path, module_file: str, *args: Any, **kwargs: Any) -> Any:
        name = str(repo)
        if Path(name).is_dir():
            _check_folder(Path(name), module_file, allowed, places, spelt)
            return original(repo, module_file, *args, **kwargs)
        commit = allowed.get(name)
        if not _is_commit(commit):
            raise _refused(module_file, name, _commit_to_read(name, kwargs.get("revision")), spelt)
        # The commit that was read, not the branch it stood on; and it may be fetched, since it was named.
        path = original(repo, module_file, *args, **kwargs | {"revision": commit, "local_files_only": False})
        if commit not in Path(path).parts:
            raise NotAllowedError(f"{module_file} of {name} was asked for at {commit} and came as {path}", where=name)
        return path

    for module in (dynamic, generation):
        module.get_cached_module_file = guarded
    try:
        yield
    finally:
        for module in (dynamic, generation):
            module.get_cached_module_file = original


def _check_folder(
    here: Path,
    module_file: str,
    allowed: Mapping[str, str],
    places: Mapping[Path, str],
    spelt: Callable[[Mapping[str, str]], str],
) -> None:
    """Refuse a file of a folder unless that folder, or the model's folder it is part of, was allowed as it is now."""
    real = here.resolve()
    folder = max((p for p in places if real.is_relative_to(p)), key=lambda p: len(p.parts), default=None)
    name, folder = (str(here), real) if folder is None else (places[folder], folder)
    now = code_revision(folder)
    if not allows(allowed, name, now):
        raise _refused(module_file, name, now, spelt)
    path = Path(os.path.normpath(real / module_file))
    if path.exists() and Path(os.path.relpath(path, folder)).as_posix() not in code_files(folder):
        raise NotAllowedError(
            f"Loading this model would run {path}, which is not part of it",
            where=name,
            remedy="Its auto_map or modules.json must name files of its own folder.",
        )


def _refused(module_file: str, name: str, revision: str, spelt: Callable[[Mapping[str, str]], str]) -> NotAllowedError:
    return NotAllowedError(
        f"Loading this model would run {module_file} of {name}",
        where=name,
        remedy=f"Read that code; if you trust it, add {spelt({name: revision})}",
    )

"""Which classes a model's files would have a loader import: its own code, and that of other repositories."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import as_list, as_object, read_json, read_object
from evaluators.trust.allowed import allows, code_revision, resolved_commit

__all__ = ["CodeReference", "commit_to_read", "modules_of", "named_classes", "other_repositories"]

_UNREACHED = "COMMIT"  # stands where a commit belongs that neither the hub nor its cache tells


class CodeReference(NamedTuple):
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


def named_classes(folder: Path) -> list[CodeReference]:
    """Every class that the files of a model would have a loader import: its own code, and other repositories'."""
    modules = modules_of(folder / "modules.json")
    types = (str(entry.get("type")) for entry in modules)
    own = [name for name in types if not name.startswith("sentence_transformers.")]
    references = [_reference("modules.json", "module", name) for name in own]
    places = tuple(f"{entry['path']}/" for entry in modules if entry.get("path"))
    for file in relative_files(folder):
        if not file.endswith("config.json") or ("/" in file and not file.startswith(places)):
            continue  # of the second kind: a checkpoint, or a copy for another framework
        auto_map = read_object(folder / file).get("auto_map")
        if isinstance(auto_map, list):
            auto_map = {"AutoTokenizer": auto_map}  # as tokenizers were saved once; still read
        for role, named in as_object(auto_map).items():
            classes = named if isinstance(named, list) else [named]  # of a tokenizer: slow and fast
            references.extend(_reference(file, str(role), name) for name in classes if isinstance(name, str))
    return references


def modules_of(file: Path) -> list[dict[str, Any]]:
    """The entries of a modules.json; empty where there is none."""
    return [entry for entry in as_list(read_json(file)) if isinstance(entry, dict)]


def _reference(file: str, role: str, reference: str) -> CodeReference:
    repository, other, code = reference.partition("--")
    return CodeReference(file, role, repository, code) if other else CodeReference(file, role, None, reference)


def other_repositories(folder: Path, allowed: Mapping[str, str]) -> dict[str, str]:
    """Other repositories whose code a model's files name and that were not allowed: name -> revision to allow."""
    others = sorted({named.repository for named in named_classes(folder) if named.repository})
    now = {name: code_revision(Path(name)) if Path(name).is_dir() else allowed.get(name) for name in others}
    refused = [name for name in others if not allows(allowed, name, now[name])]
    return {name: str(now[name]) if Path(name).is_dir() else commit_to_read(name) for name in refused}


def commit_to_read(name: str, revision: str | None = None) -> str:
    """The commit under which a hub's model is to be allowed, as the cache or the hub tells it."""
    return resolved_commit(name, revision, cached=True) or _UNREACHED

"""The model under inspection: its folder, and the plain facts of its files that several tiers ask for."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Any

from data.store.errors import InputError, ModelError
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import as_object, read_json, read_object, read_text
from evaluators.trust import allowances, allows, code_files, code_revision, hub_commit
from evaluators.trust.code_references import modules_of

__all__ = ["Target", "find_target", "in_folder"]

_LONGEST_CARD = 1_000_000  # letters of a model card that are searched
# Copies of the weights for other frameworks: large, and not what this machine would load.
_OTHER_FORMATS = ["onnx/*", "openvino/*", "coreml/*", "*.h5", "*.msgpack", "*.ot", "*.gguf", "*.onnx"]


def in_folder(folder: str, name: str) -> str:
    """The name of a file of a folder, relative to the model's; '' and '.' are the model's own."""
    return f"{folder}/{name}" if folder not in {"", "."} else name


class Target:
    """A model's folder on this machine.

    Args:
        name: the name the user gave: a folder, or org/name on a hub.
        folder: where its files lie.
        revision: the commit they come from, where that is known.
        trust: models whose own code may run, each as ``name@revision``.
    """

    def __init__(self, name: str, folder: Path, revision: str | None = None, trust: Collection[str] = ()) -> None:
        self.name, self.folder, self.revision, self.trust = name, folder, revision, frozenset(trust)

    def path(self, name: str) -> Path:
        """Path of one of its files."""
        return self.folder / name

    def has(self, name: str) -> bool:
        """Whether the file is there."""
        return self.path(name).is_file()

    def json(self, name: str) -> Any:
        """Content of a JSON file; None when it is not there or cannot be read (the files tier says so)."""
        return read_json(self.path(name))

    def object(self, name: str) -> dict[str, Any]:
        """A JSON file that holds an object; an empty one when it does not."""
        return read_object(self.path(name))

    @cached_property
    def files(self) -> list[str]:
        """Paths of all its files, relative and sorted, without hidden ones."""
        return relative_files(self.folder)

    @cached_property
    def modules(self) -> list[dict[str, Any]]:
        """The entries of modules.json; empty when there is none."""
        return modules_of(self.path("modules.json"))

    def module(self, kind: str) -> dict[str, Any] | None:
        """The first declared module of a kind ('Pooling', 'Dense', 'Transformer'...), if any."""
        return next((entry for entry in self.modules if str(entry.get("type", "")).endswith("." + kind)), None)

    @cached_property
    def root(self) -> str:
        """Folder of the transformer itself, relative: '' nearly always, '0_Transformer' in old repositories."""
        entry = self.module("Transformer") or self.module("MLMTransformer")
        return str(entry.get("path") or "") if entry else ""

    def of_root(self, name: str) -> str:
        """The name of a file of the transformer, relative to the model's folder."""
        return in_folder(self.root, name)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The transformer's config.json."""
        return self.object(self.of_root("config.json"))

    @cached_property
    def card(self) -> str:
        """The model card; empty when there is none."""
        return read_text(self.path("README.md"))[:_LONGEST_CARD]

    @cached_property
    def code_files(self) -> list[str]:
        """The Python files that come with the model."""
        return code_files(self.folder)

    @cached_property
    def code_revision(self) -> str:
        """What the code is trusted under: the commit where it is known, else a hash of the Python files themselves."""
        return self.revision or code_revision(self.folder)

    @property
    def trusted(self) -> bool:
        """Whether the user allowed this very model at this very revision to run its code."""
        return allows(allowances(self.trust), self.name, self.code_revision)

    @cached_property
    def weight_files(self) -> list[str]:
        """The safetensors files that the transformer is loaded from, relative: the one file, else those of an index."""
        single = self.of_root("model.safetensors")
        if self.has(single):
            return [single]
        index = as_object(self.object(self.of_root("model.safetensors.index.json")).get("weight_map"))
        return [self.of_root(name) for name in sorted(set(map(str, index.values())))]

    @cached_property
    def pickles(self) -> list[str]:
        """The pickled weight files of the transformer, relative."""
        beside = (name for name in self.files if name.rpartition("/")[0] == self.root)
        return sorted(name for name in beside if Path(name).match("pytorch_model*.bin"))

    def part(self, root: str, modules: list[dict[str, Any]]) -> Target:
        """The same model as it is on one of its routes: another transformer, and the modules after it."""
        part = Target(self.name, self.folder, self.revision, self.trust)
        vars(part).update(root=root, modules=modules)
        return part


def find_target(model: str, *, revision: str | None = None, trust: Collection[str] = ()) -> Target:
    """The model's folder: a folder of this machine, else the hub's cache, else a download.

    Raises:
        ModelError: it is neither here nor within reach.
        InputError: the folder is empty or the revision is asked of a plain folder.
    """
    folder = Path(model).expanduser()
    if not folder.is_dir():
        return _from_hub(model, revision, trust)
    if not any(folder.iterdir()):
        raise InputError("The folder is empty", where=model, remedy="Name the folder that holds config.json.")
    commit = hub_commit(folder)
    if revision and revision != commit:
        raise InputError(
            f"A folder has no revision {revision}", where=model, remedy="Leave --revision out, or name the hub's model."
        )
    return Target(model, folder, commit, trust)


def _from_hub(model: str, revision: str | None, trust: Collection[str]) -> Target:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    from huggingface_hub.utils import httpx

    def fetch(*, local: bool) -> Path:
        return Path(snapshot_download(model, revision=revision, local_files_only=local, ignore_patterns=_OTHER_FORMATS))

    try:
        folder = fetch(local=True)
    except HFValidationError as error:
        raise ModelError("This is neither a folder nor a model's name", where=model, remedy=str(error)) from error
    except LocalEntryNotFoundError:
        try:
            folder = fetch(local=False)
        except (OSError, httpx.HTTPError) as error:
            raise ModelError(
                "The model is not on this machine and cannot be downloaded",
                where=f"{model}@{revision or 'main'}: {type(error).__name__}",
                remedy="Check the name and the revision, or copy its files here and name their folder.",
            ) from error
    return Target(model, folder, folder.name, trust)

"""The steps of a pipeline: what modules.json and a router list, in the order they run, with their settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from evaluators.model_files.listing import is_inside
from evaluators.model_files.reading import as_list, as_object
from evaluators.preflight.library_modules import (
    LENGTHS,
    LIBRARY,
    LIBRARY_MODULES,
    POOLING_FLAGS,
    READERS,
    ROUTERS,
    SENTENCE,
    Module,
    kind_of,
)
from evaluators.preflight.target import Target, in_folder

__all__ = ["Step", "distinct_steps", "pooling_modes", "routes", "text_modality"]

_LENGTH_FILES = (
    LENGTHS,
    *(
        f"sentence_{kind}_config.json"
        for kind in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    ),
)


# What a Transformer writes, by its task.
_OF_TASK = {"sequence-classification": "scores", "text-generation": "causal_logits", "any-to-any": "causal_logits"}


@dataclass(frozen=True)
class Step:
    """One module of a pipeline, where it lies in the model's folder, and its settings by their present names."""

    reference: str
    path: str
    settings: Mapping[str, Any]
    file: str | None

    @property
    def kind(self) -> str:
        """Its class, without the packages it lies in."""
        return kind_of(self.reference)

    @property
    def module(self) -> Module | None:
        """What the table says of its class; None for one it does not have, or of another library."""
        return LIBRARY_MODULES.get(self.kind) if self.reference.startswith(LIBRARY) else None

    @property
    def entry(self) -> dict[str, str]:
        """As modules.json would list it."""
        return {"type": self.reference, "path": self.path, "name": self.path}

    def named(self, file: str) -> str:
        """The name of a file of it, relative to the model's folder."""
        return in_folder(self.path, file)

    @property
    def reads(self) -> str:
        """The feature it takes."""
        return str(self.settings.get("module_input_name") or (self.module.reads if self.module else None))

    @property
    def writes(self) -> str:
        """The feature it gives; of a module that reads the text by its task, where its settings do not name it."""
        own = self.module.writes if self.module else SENTENCE
        if self.kind in READERS:
            own = _OF_TASK.get(str(self.settings.get("transformer_task")), own)
        else:
            own = self.settings.get("module_input_name") or own
        return str(self.settings.get("module_output_name") or own)

    def __str__(self) -> str:
        return f"{self.kind} in {self.path}" if self.path not in {"", "."} else self.kind


def routes(target: Target) -> list[tuple[str, list[Step]]]:
    """The name of each route through the model, '' where there is only one, and its steps in the order they run."""
    entries = [entry for entry in target.modules if is_inside(entry.get("path"))]
    steps = [_step(target, str(entry.get("type", "")), str(entry["path"])) for entry in entries]
    if not steps or steps[0].kind not in ROUTERS:
        return [("", steps)]
    return [(name, [*first, *steps[1:]]) for name, first in _routed(target, steps[0])]


def _routed(target: Target, router: Step) -> Iterator[tuple[str, list[Step]]]:
    types, structure = as_object(router.settings.get("types")), as_object(router.settings.get("structure"))
    for name, parts in structure.items():
        known = [part for part in as_list(parts) if isinstance(part, str) and part in types and is_inside(part)]
        folders = [PurePosixPath(router.path, part).as_posix() for part in known]
        yield name, [_step(target, str(types[part]), path) for part, path in zip(known, folders, strict=True)]


def _step(target: Target, reference: str, path: str) -> Step:
    file, settings = _settings(target, kind_of(reference), path)
    return Step(reference, path, settings, file)


def _settings(target: Target, kind: str, path: str) -> tuple[str | None, dict[str, Any]]:
    """The file a module's settings come from, None where it is not there, and the settings by their present names."""
    module = LIBRARY_MODULES.get(kind)
    if module is None or module.file is None:
        return None, {}
    names = _LENGTH_FILES if module.file == LENGTHS else (module.file, *(["config.json"] if kind in ROUTERS else []))
    for file in (in_folder(path, name) for name in names):
        if target.has(file):
            settings = target.object(file)
            return file, {module.renamed.get(key, key): value for key, value in settings.items()}
    return None, {}


def text_modality(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a Transformer's settings say of texts: the method that is called and the output that is taken."""
    return as_object(as_object(settings.get("modality_config")).get("text"))


def distinct_steps(target: Target) -> list[Step]:
    """The modules of all routes, each once, in the order they run."""
    return list({(step.kind, step.path): step for _, steps in routes(target) for step in steps}.values())


def pooling_modes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The pooling modes that the settings of a Pooling module declare, in either of the two ways; empty when none."""
    modern = settings.get("pooling_mode")
    if modern:
        return (modern,) if isinstance(modern, str) else tuple(map(str, modern))
    return tuple(mode for key, mode in POOLING_FLAGS.items() if settings.get(key))

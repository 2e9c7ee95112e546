"""Modules with weights of their own: their tensors by name and shape against their settings, and their activation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import READERS
from evaluators.preflight.loading import error_in_words, guarded, quietly
from evaluators.preflight.setting_types import is_positive
from evaluators.preflight.steps import Step
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import headers, load_pickle

__all__ = ["check_layers"]

Shapes = dict[str, tuple[int, ...]]


def check_layers(target: Target, step: Step) -> Iterator[Finding]:
    """Faults of a module's tensors and activation; of one that is not described here, what the library says of it."""
    if step.kind == "Dense":
        yield from _activation(target, step)
    expected = _expected(step)
    if expected is not None:
        yield from _against(target, step, expected)
    elif step.module and step.kind not in READERS and step.kind not in {"Pooling", "Normalize", "Dropout"}:
        yield from _refused(target, step)


def _expected(step: Step) -> Shapes | None:
    """Names and shapes of the tensors a module of these settings has; None where they are not known here."""
    sizes = step.settings
    match step.kind:
        case "Dense" if is_positive(sizes.get("in_features")) and is_positive(sizes.get("out_features")):
            inner, outer = sizes["in_features"], sizes["out_features"]
            shapes: Shapes = {"linear.weight": (outer, inner)}
            if sizes.get("bias", True):
                shapes["linear.bias"] = (outer,)
            if sizes.get("use_residual") and inner != outer:
                shapes["residual.weight"] = (outer, inner)
            return shapes
        case "LayerNorm" if is_positive(sizes.get("dimension")):
            return {name: (sizes["dimension"],) for name in ("norm.weight", "norm.bias")}
    return None


def _shapes(target: Target, step: Step) -> tuple[str, Shapes] | None:
    """The file of a module's weights and the shapes in it; None where there is none or it cannot be read."""
    if target.has(name := step.named("model.safetensors")):
        entries = headers([target.path(name)])  # where it cannot be read, the files tier says so
        return (name, {key: tuple(entry["shape"]) for key, entry in entries.items()}) if entries else None
    if target.has(name := step.named("pytorch_model.bin")):
        return name, {key: tuple(value.shape) for key, value in (load_pickle(target.path(name)) or {}).items()}
    return None


def _against(target: Target, step: Step, expected: Shapes) -> Iterator[Finding]:
    stored = _shapes(target, step)
    if stored is None:
        return
    name, shapes = stored
    lost, odd = sorted(expected.keys() - shapes.keys()), sorted(shapes.keys() - expected.keys())
    apart = [key for key in expected.keys() & shapes.keys() if expected[key] != shapes[key]]
    words = [
        *(f"lacks {key}" for key in lost),
        *(f"has {key}, for which {step.file} leaves no place" for key in odd),
        *(f"holds {key} as {_shape(shapes[key])}, {step.file} says {_shape(expected[key])}" for key in sorted(apart)),
    ]
    if words:
        yield finding(
            "module-tensors-differ",
            f"{name} {'; it '.join(words)}",
            {"missing": lost, "unexpected": odd, "shapes": {key: list(shapes[key]) for key in apart}},
            settings=step.file,
            weights=name,
        )


def _shape(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes)) if all(sizes) else str(list(sizes))


def _activation(target: Target, step: Step) -> Iterator[Finding]:
    """The activation function of a Dense module, which the library imports by its name."""
    if "activation_function" not in step.settings:
        if step.file:
            yield finding("activation-undeclared", f"{step.file} names no activation function")
        return
    named = step.settings["activation_function"]
    if not isinstance(named, str):
        yield finding("activation-refused", f"{step.file} says activation_function {named!r}")
    elif not named.startswith("torch.") and not target.trusted:
        yield finding("activation-replaced", f"{step.file} asks for the activation {named}")
    elif named.startswith("torch.") and (words := _no_layer(named)):
        yield finding("activation-refused", f"{step.file} asks for the activation {named}, {words}")


def _no_layer(named: str) -> str | None:
    """Why torch has no such layer; None where it has."""
    import torch

    layer: Any = torch
    for part in named.split(".")[1:]:
        layer = getattr(layer, part, None)  # nothing is imported that torch itself has not
    if not (isinstance(layer, type) and issubclass(layer, torch.nn.Module)):
        return "which torch does not have as a layer"
    try:
        layer()
    except TypeError:
        return "which cannot be made without arguments"
    return None


def _refused(target: Target, step: Step) -> Iterator[Finding]:
    """What sentence-transformers says when it loads a module that is small, and of which no more is known here."""
    from sentence_transformers.util import import_from_string

    with quietly(), guarded(target):
        try:
            made = import_from_string(step.reference)
            made.load(str(target.folder), subfolder=step.path, local_files_only=True)
        except Exception as error:  # noqa: BLE001 -- it builds from other people's settings, and those can raise anything
            words = error_in_words(error)
            yield finding("module-refused", f"sentence-transformers cannot load {step}: {words}", {"error": words})

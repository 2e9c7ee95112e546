"""Slot model: other weights, other arithmetic, layers left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from evaluators.diagnose.arithmetic import int8_activations, q4_0, q8_0, quantise_rows
from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Reference

__all__ = ["HALVES", "LAYERS_OUT", "causes", "changes", "layers_of"]

Change = Callable[[Any], Any]
LAYERS_OUT = "without-"  # begins the name of every change that leaves layers out and no weight changed
_MOST_LAYERS = 12  # so many single layers are left out one by one; of deeper models the first, the last and the middle
_HALF = "Load the model in float32, or accept what half precision costs."
_PRECISION: dict[str, tuple[str, Change, str]] = {
    "fp16": ("fp16 arithmetic", lambda model: model.half(), "model.half()"),
    "bf16": ("bf16 arithmetic", lambda model: model.bfloat16(), "model.bfloat16()"),
    "q8": ("int8 weights (q8_0)", q8_0, ""),
    "q8-row": ("int8 weights, one scale a row", partial(quantise_rows, bits=8), ""),
    "q4": ("int4 weights (q4_0)", q4_0, ""),
    "q4-row": ("int4 weights, one scale a row", partial(quantise_rows, bits=4), ""),
    "a8": ("int8 activations", int8_activations, ""),
    "a7": ("int8 activations, as PyTorch quantises", partial(int8_activations, steps=127), ""),
}


def causes(reference: Reference) -> list[Cause]:
    """Precision, LayerNorm lost, layers missing, other weights lying beside the model's own."""
    precision = [
        _cause(title, name, "precision", _HALF, snippet, True) for name, (title, _, snippet) in _PRECISION.items()
    ]
    return [
        *precision,
        *(_cause(title, name, "weights", remedy) for name, (title, remedy, _) in _damages(reference).items()),
    ]


def changes(reference: Reference) -> dict[str, Change]:
    """What each name in ``Recipe.weights`` does to a copy of the model."""
    damages = {name: change for name, (_, _, change) in _damages(reference).items()}
    return {name: change for name, (_, change, _) in _PRECISION.items()} | damages


def layers_of(model: Any) -> Any:
    """The model's list of layers, by whatever name its architecture keeps it under; None when there is none."""
    import torch

    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) > 1]
    return max(lists, key=len, default=None)


def _cause(title: str, name: str, family: str, remedy: str, snippet: str = "", precision: bool = False) -> Cause:
    change: Callable[[Recipe], Recipe] = lambda recipe: replace(recipe, weights=(*recipe.weights, name))  # noqa: E731
    return Cause(title, "model", family, change, remedy, snippet, precision)


# Half precision in both of its formats; the likelier one first, and on a CPU the cheaper by far.
HALVES = tuple(_cause(_PRECISION[name][0], name, "precision", _HALF, precision=True) for name in ("bf16", "fp16"))


def _damages(reference: Reference) -> dict[str, tuple[str, str, Change]]:
    again = "Load or convert the weights again; `preflight` names the tensors that are not in the file."
    found: dict[str, tuple[str, str, Change]] = {"norms": ("LayerNorm lost", again, _reset_norms)}
    layers = layers_of(reference.model)
    if layers is not None:
        count = len(layers)
        single = range(count) if count <= _MOST_LAYERS else (0, count // 2, count - 1)
        for index in single:
            found[f"{LAYERS_OUT}{index}"] = (
                f"layer {index} of {count} missing",
                again,
                partial(_drop, places=(index,)),
            )
        if count > 3:
            last = (count - 2, count - 1)
            found[f"{LAYERS_OUT}last-two"] = ("the last two layers missing", again, partial(_drop, places=last))
            found[f"{LAYERS_OUT}upper-half"] = (
                "the upper half of the layers missing",
                again,
                partial(_drop, places=tuple(range(count // 2, count))),
            )
    return found | _other_weights(reference)


def _reset_norms(model: Any) -> Any:
    """Every normalisation layer back to scale 1 and shift 0, as a loader leaves those it finds no values for."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if re.search(r"norm|ln_", name, re.IGNORECASE) and parameter.dim() == 1:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    return model


def _drop(model: Any, places: tuple[int, ...]) -> Any:
    import torch

    layers = layers_of(model)
    for index in places:
        layers[index] = _Through(layers[index])
    assert isinstance(layers, torch.nn.ModuleList)
    return model


def _Through(layer: Any) -> Any:  # noqa: N802  # a class in all but name: torch is imported on use
    """A layer that hands its input on, in the shape the layer itself would have returned."""
    import torch

    class Through(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by the type check
        def __init__(self) -> None:
            super().__init__()
            self.attention_type = getattr(layer, "attention_type", None)
            self.layer = layer

        def forward(self, hidden: Any, *arguments: Any, **options: Any) -> Any:
            returned = self.layer(hidden, *arguments, **options)
            return (hidden, *returned[1:]) if isinstance(returned, tuple) else hidden

    return Through()


def _read(file: Path) -> dict[str, Any]:
    from evaluators.preflight.stored import tensors

    return dict(tensors(file))


def _other_weights(reference: Reference) -> dict[str, tuple[str, str, Change]]:
    """Weights that lie beside those in use: a .bin next to the safetensors, other revisions in the hub's cache."""
    from evaluators.preflight.stored import load_pickle

    target, found = reference.target, {}

    def replaced(read: Callable[[], dict[str, Any] | None]) -> Change:
        def change(model: Any) -> Any:
            held = read() or {}
            prefix = f"{getattr(model, 'base_model_prefix', '')}."
            model.load_state_dict({name.removeprefix(prefix): value for name, value in held.items()}, strict=False)
            return model

        return change

    if target.weight_files and len(target.pickles) == 1:
        path = target.path(target.pickles[0])
        remedy = f"Delete {target.pickles[0]}, or make both sides read the safetensors."
        found["bin"] = ("weights of pytorch_model.bin", remedy, replaced(lambda: load_pickle(path)))
    others = target.folder.parent.iterdir() if target.revision and target.folder.parent.name == "snapshots" else ()
    for other in others:
        file = other / "model.safetensors"
        if other.name != target.revision and file.is_file():
            remedy = f"Load revision {target.revision}, or compare with {other.name}."
            found[f"revision-{other.name}"] = (
                f"weights of revision {other.name[:12]}", remedy, replaced(partial(_read, file))
            )  # fmt: skip
    return found

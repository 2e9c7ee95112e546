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
from evaluators.preflight.target import Target

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
    damages = [_cause(title, name, "weights", remedy) for name, (title, remedy, _) in _damages(reference).items()]
    others = [
        _cause(title, name, "weights", remedy, snippet)
        for name, (title, remedy, snippet, _) in _other_weights(reference).items()
    ]
    return [*precision, *damages, *others]


def changes(reference: Reference) -> dict[str, Change]:
    """What each name in ``Recipe.weights`` does to a copy of the model."""
    found = {name: change for name, (_, change, _) in _PRECISION.items()}
    found |= {name: change for name, (*_, change) in _damages(reference).items()}
    return found | {name: change for name, (*_, change) in _other_weights(reference).items()}


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
    return found


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


# Lines of Python that bring other weights into ``model``, whatever the version of the library calls its parts.
_LOADED = """other = SentenceTransformer({source}, device='cpu', model_kwargs={{'use_safetensors': {safe}}})
model[0].load_state_dict(other[0].state_dict())"""


def _other_weights(reference: Reference) -> dict[str, tuple[str, str, str, Change]]:
    """Weights that lie beside those in use: a .bin next to the safetensors, other revisions in the hub's cache.

    Returns:
        name in the recipe: what it is called, remedy, snippet, what it does to a copy of the model.
    """
    target, found = reference.target, {}
    here = f"{reference.name!r}, revision={target.revision!r}" if target.revision else repr(reference.name)
    if target.weight_files and len(target.pickles) == 1:
        file = target.path(target.pickles[0])
        remedy = f"Delete {file.name}, or make both sides read the safetensors."
        found["bin"] = f"weights of {file.name}", remedy, _LOADED.format(source=here, safe=False), _loaded(file)
    for other in _other_revisions(target):
        files = [file for name in ("model.safetensors", "pytorch_model.bin") if (file := other / name).is_file()]
        for place, file in enumerate(files):
            # A loader takes the first of them; what lies beside it is read by a loader of another opinion.
            title = f"{file.name if place else 'weights'} of revision {other.name[:12]}"
            remedy = f"Load revision {target.revision}, or compare with {other.name}."
            remedy += f" Make it read model.safetensors, not the {file.name} beside it." if place else ""
            snippet = _LOADED.format(source=_named(reference, other), safe=file.suffix == ".safetensors")
            found[f"revision-{other.name}-{file.suffix}"] = title, remedy, snippet, _loaded(file)
    return found


def _other_revisions(target: Target) -> list[Path]:
    """Folders of the model's other revisions in the hub's cache."""
    if not target.revision or target.folder.parent.name != "snapshots":
        return []
    return sorted(folder for folder in target.folder.parent.iterdir() if folder.name != target.revision)


def _named(reference: Reference, other: Path) -> str:
    """Another revision as an argument of SentenceTransformer: by the model's name, or its folder where it has none."""
    by_folder = Path(reference.name).expanduser().is_dir()
    return repr(str(other)) if by_folder else f"{reference.name!r}, revision={other.name!r}"


def _loaded(file: Path) -> Change:
    """The weights of a file in the place of a model's own."""
    from evaluators.preflight.weight_files import load_pickle, tensors

    def change(model: Any) -> Any:
        held = dict(tensors(file)) if file.suffix == ".safetensors" else load_pickle(file) or {}
        prefix = f"{getattr(model, 'base_model_prefix', '')}."
        named, own = {name.removeprefix(prefix): value for name, value in held.items()}, model.state_dict()
        # A revision of another size cannot be what was loaded: its tensors are left out, and it explains nothing.
        fitting = {name: value for name, value in named.items() if name in own and own[name].shape == value.shape}
        model.load_state_dict(fitting, strict=False)
        return model

    return change

"""What a cause does to the model itself, by the name a recipe has it under: precision, layers, other weights."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from evaluators.diagnose import arithmetic
from evaluators.diagnose.ggml.files import GGUF_FILES, as_gguf, with_tanh_gelu
from evaluators.diagnose.reference import Reference
from evaluators.preflight.target import Target

__all__ = [
    "OtherWeights", "WeightChange", "has_rotary", "has_window", "is_made_bidirectional", "last_norm", "layers_of",
    "missing_layers", "other_weights", "weight_changes", "without", "word_scale",
]  # fmt: skip

# How ONNX Runtime's files were quantised, by their names in a recipe.
_ONNX: dict[str, dict[str, Any]] = {
    "onnx": {"by_row": False, "steps": 254},
    "onnx-channel": {"by_row": True, "steps": 254},
    "onnx-reduced": {"by_row": False, "steps": 128},
    "onnx-channel-reduced": {"by_row": True, "steps": 128},
    "onnx-uint8": {"by_row": False, "steps": 255},
    "onnx-channel-uint8": {"by_row": True, "steps": 255},
}
# Eight bits whose inputs are rounded over their batch.
_BY_BATCH: dict[str, Callable[[Any], Any]] = {
    "a8": arithmetic.int8_activations,
    "a8-row": partial(arithmetic.int8_activations, by_row=True),
    "a7": partial(arithmetic.int8_activations, steps=127),
    **{name: partial(arithmetic.onnx_int8, **how) for name, how in _ONNX.items()},
}
# Four and eight bits in groups of a row: how many share a scale, and where its levels lie.
_GROUPS: dict[str, dict[str, Any]] = {
    **{f"{group}": {"group": group, "levels": "zero"} for group in arithmetic.WEIGHT_GROUPS},
    **{f"{group}-free": {"group": group, "levels": "free"} for group in arithmetic.WEIGHT_GROUPS},
    **{f"{group}-even": {"group": group, "levels": "16"} for group in (32, 128)},
    **{f"{group}-full": {"group": group, "levels": "15"} for group in arithmetic.WEIGHT_GROUPS},
    "64-words": {"group": 64, "levels": "free", "embeddings": True},
}
_GROUPS_OF_EIGHT: dict[str, dict[str, Any]] = {
    **{f"{group}": {"group": group, "levels": "255"} for group in (32, 128)},
    "64-words": {"group": 64, "levels": "256", "embeddings": True},
}
_ROTARY = (10_000, 160_000, 500_000, 1_000_000)  # bases of rotary positions that models have
_MOST_LAYERS = 12  # so many single layers are left out one by one; of deeper models the first, the last and the middle


class WeightChange(NamedTuple):
    """A function of a copy of the model, which it may change in place.

    Attributes:
        batched: whether a text's vector then depends on its batch.
        shared: whether it changes no weight, so that the copy needs none of its own.
        dear: whether making the weights takes as long as encoding a text.
        alone: whether each text must go through the model by itself.
    """

    apply: Callable[[Any], Any]
    batched: bool = False
    shared: bool = False
    dear: bool = False
    alone: bool = False


class OtherWeights(NamedTuple):
    """A file of weights that lies beside those in use, or in the folder of another revision.

    Attributes:
        name: in a recipe.
        revision: the folder of the revision; None for the one in use.
        ignored: whether a loader would take another file that lies beside it.
    """

    name: str
    file: Path
    revision: Path | None = None
    ignored: bool = False


def weight_changes(reference: Reference) -> dict[str, WeightChange]:
    """What each name in ``Recipe.weights`` does to a copy of this model."""
    layers = (places for _, places in missing_layers(reference.model))
    return {
        "fp16": WeightChange(lambda model: model.half()),
        "bf16": WeightChange(lambda model: model.bfloat16()),
        "tanh": WeightChange(with_tanh_gelu, shared=True),
        "q8": WeightChange(partial(arithmetic.blocks_of, form="q8_0"), dear=True),
        "q8-row": WeightChange(partial(arithmetic.quantise_rows, bits=8), dear=True),
        "u8-row": WeightChange(arithmetic.uint8_rows, dear=True),
        **{
            f"q{bits}-{name}": WeightChange(partial(arithmetic.weight_groups, **how), dear=True)
            for bits, groups in ((4, _GROUPS), (8, _GROUPS_OF_EIGHT))
            for name, how in groups.items()
        },
        "fp4": WeightChange(partial(arithmetic.four_bit_floats, kind="fp4"), dear=True),
        "q4": WeightChange(partial(arithmetic.blocks_of, form="q4_0"), dear=True),
        "q4-row": WeightChange(partial(arithmetic.quantise_rows, bits=4), dear=True),
        "nf4": WeightChange(partial(arithmetic.four_bit_floats, kind="nf4"), dear=True),
        "fp8": WeightChange(arithmetic.fp8, dear=True),
        "fp8-cast": WeightChange(partial(arithmetic.fp8, scaled=False), dear=True),
        "i8-row": WeightChange(partial(arithmetic.int8_by_row, embeddings=False), dear=True),
        "i8-row-words": WeightChange(partial(arithmetic.int8_by_row, embeddings=True), dear=True),
        **{name: WeightChange(change, batched=True) for name, change in _BY_BATCH.items()},
        **{f"{name} alone": WeightChange(change, dear=True, alone=True) for name, change in _BY_BATCH.items()},
        **{f"gguf {file}": WeightChange(partial(as_gguf, file=file), dear=True) for file in GGUF_FILES},
        "norms": WeightChange(_reset_norms),
        "no-last-norm": WeightChange(_without_last_norm, shared=True),
        "before-last": WeightChange(_before_last, shared=True),
        "words-unscaled": WeightChange(_words_unscaled, shared=True),
        "one-way": WeightChange(_one_way, shared=True),
        **{f"rotary {base}": WeightChange(partial(_with_base, base=base)) for base in _ROTARY},
        **{without(places): WeightChange(partial(_drop, places=places), shared=True) for places in layers},
        **{other.name: WeightChange(_loaded(other.file)) for other in other_weights(reference.target)},
    }


def layers_of(model: Any) -> Any:
    """The model's list of layers, by whatever name its architecture keeps it under; None when there is none."""
    import torch

    lists = [module for module in model.modules() if isinstance(module, torch.nn.ModuleList) and len(module) > 1]
    return max(lists, key=len, default=None)


def missing_layers(model: Any) -> list[tuple[str, tuple[int, ...]]]:
    """The sets of layers that are left out: the code of each cause, and their places."""
    count = len(layers_of(model) or ())
    single = range(count) if count <= _MOST_LAYERS else (0, count // 2, count - 1)
    sets: list[tuple[str, tuple[int, ...]]] = [("layer-missing", (place,)) for place in single]
    if count > 3:
        sets.append(("last-two-layers-missing", (count - 2, count - 1)))
        sets.append(("upper-layers-missing", tuple(range(count // 2, count))))
    return sets


def without(places: tuple[int, ...]) -> str:
    """The name of leaving out the layers at these places."""
    return "without " + ", ".join(map(str, places))


def other_weights(target: Target) -> list[OtherWeights]:
    """Weights that lie beside those in use: a .bin next to the safetensors, other revisions in the hub's cache."""
    others = []
    if target.weight_files and len(target.pickles) == 1:
        others.append(OtherWeights("bin", target.path(target.pickles[0]), ignored=True))
    for revision in _other_revisions(target):
        files = [file for name in ("model.safetensors", "pytorch_model.bin") if (file := revision / name).is_file()]
        for place, file in enumerate(files):
            name = f"revision-{revision.name}-{file.suffix}"
            others.append(OtherWeights(name, file, revision, ignored=place > 0))
    return others


def _other_revisions(target: Target) -> list[Path]:
    """Folders of the model's other revisions in the hub's cache."""
    if not target.revision or target.folder.parent.name != "snapshots":
        return []
    return sorted(folder for folder in target.folder.parent.iterdir() if folder.name != target.revision)


def _reset_norms(model: Any) -> Any:
    """Every normalisation layer back to scale 1 and shift 0, as a loader leaves those it finds no values for."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if re.search(r"norm|ln_", name, re.IGNORECASE) and parameter.dim() == 1:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
    return model


def last_norm(model: Any) -> str | None:
    """The name of the normalisation behind a model's last layer; None where it has none of its own."""
    names = ("norm", "final_norm", "final_layer_norm", "ln_f", "final_layernorm")
    return next((name for name in names if getattr(model, name, None) is not None), None)


def _without_last_norm(model: Any) -> Any:
    import torch

    if name := last_norm(model):
        setattr(model, name, torch.nn.Identity())
    return model


def _before_last(model: Any) -> Any:
    return _without_last_norm(_drop(model, (len(layers_of(model)) - 1,)))


def has_window(model: Any) -> bool:
    """Whether some of a model's layers see no further than a window."""
    return "sliding_attention" in (getattr(model.config, "layer_types", None) or ())


def word_scale(model: Any) -> Any:
    """The module that multiplies the vectors of words by a number, as Gemma's does; None where none does."""
    return next((module for module in model.modules() if getattr(module, "embed_scale", None) is not None), None)


def _words_unscaled(model: Any) -> Any:
    if (module := word_scale(model)) is not None:
        one = module.embed_scale
        module.embed_scale = one * 0 + 1 if hasattr(one, "dim") else 1.0
    return model


def is_made_bidirectional(model: Any) -> bool:
    """Whether a setting makes a model of a causal kind see both ways, as EmbeddingGemma's does."""
    return bool(getattr(model.config, "use_bidirectional_attention", False))


def _one_way(model: Any) -> Any:
    """Without that setting; its windows reach twice as far back, and not ahead."""
    config = model.config
    config.use_bidirectional_attention = False
    window = getattr(config, "sliding_window", None)
    if window:
        config.sliding_window = 2 * (window - 1)
    for module in model.modules():
        if hasattr(module, "is_causal"):
            module.is_causal = True
        if window and getattr(module, "sliding_window", None) == window:
            module.sliding_window = config.sliding_window
    return model


def has_rotary(model: Any) -> bool:
    """Whether a model counts positions by rotation, in the plain way."""
    return any(_plain_rotary(module) for module in model.modules())


def _plain_rotary(module: Any) -> bool:
    turns = getattr(module, "inv_freq", None)
    if turns is None or turns.dim() != 1 or len(turns) < 2:
        return False
    # The plain way has a geometric row that begins with one; scaled ones bend it.
    steps = turns[1:] / turns[:-1]
    return bool((turns[0] - 1).abs() < 1e-6) and bool((steps - steps[0]).abs().max() < 1e-4)


def _with_base(model: Any, base: float) -> Any:
    import torch

    for module in model.modules():
        if _plain_rotary(module):
            turns = module.inv_freq
            places = torch.arange(len(turns), dtype=torch.float32, device=turns.device) / len(turns)
            module.inv_freq = (base**-places).to(turns.dtype)
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


def _loaded(file: Path) -> Callable[[Any], Any]:
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

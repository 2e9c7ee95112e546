"""Which models this look knows: transformers whose weights lie in the folder. Of all others it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluators.preflight.finding import AGAIN, Finding
from evaluators.preflight.module_weights import disk_summaries
from evaluators.preflight.target import Target
from evaluators.preflight.values import impossible_values

__all__ = ["CONFIGURED", "check_other_kind", "check_values_on_disk", "other_kind"]

# Steps of sentence-transformers after the one that reads the text, each with a config.json of its own beside it.
CONFIGURED = {"Pooling", "Dense", "LayerNorm", "WeightedLayerPooling", "Dropout", "WordWeights"}
_STEPS = CONFIGURED | {"Normalize", "LSTM", "CNN"}
_WITHOUT_WEIGHTS = {"BoW"}
_HOLDS_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".npy", ".npz", ".h5", ".msgpack")
_ADAPTER, _OPEN_CLIP = "adapter_config.json", "open_clip_config.json"


def other_kind(target: Target) -> str | None:
    """What the model is, in words, where it is no transformer with weights of its own; None where it is one."""
    if target.has(target.of_root(_ADAPTER)):
        base = target.object(target.of_root(_ADAPTER)).get("base_model_name_or_path")
        return f"an adapter, whose weights are added to those of {base or 'another model'}"
    if kind := _reader(target):
        return f"a {kind} model of sentence-transformers, which has no transformer"
    if target.has(_OPEN_CLIP) and not target.config:
        return "a model of OpenCLIP"
    if target.config and not target.modules and not target.config.get("auto_map") and not _known_type(target):
        return f"of the type {target.config.get('model_type')!r}, which transformers does not know"
    return None


def check_other_kind(target: Target, kind: str) -> Iterator[Finding]:
    """A notice of what cannot be looked at, and a fault where not even a file of weights is there."""
    adapter = target.has(target.of_root(_ADAPTER))
    held = [name for name in target.files if name.endswith(_HOLDS_WEIGHTS)]
    if adapter:
        held = [name for name in held if Path(name).name.startswith("adapter_model")]
    if not held and _reader(target) not in _WITHOUT_WEIGHTS:
        yield Finding(
            "files",
            "weights-file-missing",
            "fatal",
            f"The model is {kind}, and {'no adapter_model.safetensors' if adapter else 'no file of weights'} is there",
            "Nothing can be loaded.",
            AGAIN,
        )
        return
    yield Finding(
        "files",
        "kind-unknown",
        "notice",
        f"The model is {kind}",
        "Only its files and its code are looked at: what its weights, tokenizer and configuration have to be is known "
        "of transformers alone.",
        "Compare its vectors with a machine where it works: python -m evaluators parity.",
        {"weights": held[:20]},
    )


def check_values_on_disk(target: Target) -> Iterator[Finding]:
    """Values that no trained tensor holds in the safetensors files, one tensor in memory at a time."""
    yield from impossible_values(disk_summaries(target))


def _reader(target: Target) -> str | None:
    """The class of sentence-transformers that reads the text, where it is another than Transformer."""
    first = str(target.modules[0].get("type", "")) if target.modules else ""
    kind = first.rpartition(".")[2]
    if not first.startswith("sentence_transformers.") or kind in _STEPS | {"Transformer"}:
        return None
    return kind


def _known_type(target: Target) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    return target.config.get("model_type") in CONFIG_MAPPING_NAMES

"""Sizes in a model's configuration, held against its weights before anything is built from them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice, pairwise
from pathlib import Path, PurePosixPath
from typing import Any

from evaluators.model_files.fault import Fault
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import (
    as_list,
    as_object,
    open_regular,
    printable,
    read_json,
    read_object,
    settings_within,
)

__all__ = ["WEIGHTS", "size_of_weights", "too_large", "unfounded"]

WEIGHTS = (
    ".safetensors", ".bin", ".pt", ".pth", ".gguf", ".onnx", ".onnx_data", ".data", ".npy", ".npz", ".h5", ".msgpack",
)  # fmt: skip
_LARGEST = 20_000_000  # of any number that counts something: Llama 4 has ten million positions
_MOST_LABELS = 1_000_000
_MOST_PARTS = 100_000  # heads, experts, stages: made one by one
_MOST_SHARDS = 2_000  # the largest models on the hub have some hundreds
_LONGEST_HEADER = 8_000_000  # bytes: some 80 a tensor; of the largest shards on the hub it has one or two million
_MOST_MODULES = 100
_MOST_MODES = 100
_MOST_LAYERS = 2_000  # the deepest model on the hub has 126
# Numbers that count nothing: they may be as large as they like.
_UNCOUNTED = re.compile(r"theta|base|scal|factor|eps|seed|max_length|flos|_ids?$|timestamp|version")
_LAYERS = re.compile(r"(^|_)(layers?|depths?|num_blocks|n_layer)$|_layers?(_|$)|^n_layers?$")
_LABELS = re.compile(r"num_labels|num_classes")
_PARTS = re.compile(r"(^|_)(num|n)_(?!.*(vocab|position|embd|embed|ctx|token|bucket|param|sample|train|step|epoch))")
# The configurations that loaders read; what a trainer wrote of its data is nobody's measure.
_CONFIGS = re.compile(
    r"config\.json|modules\.json|config_sentence_transformers\.json|sentence_[\w-]+_config\.json|"
    r"(adapter|cnn|generation|image_processor|lstm|preprocessor|processor|quantize|router|tokenizer|"
    r"video_preprocessor|wordembedding)_config\.json"
)
_STEPS = frozenset({"config.json", "lstm_config.json", "cnn_config.json"})
_SIDES = re.compile(r"features|dim$|dimension$|channels|kernel")
_LONGEST = 1_000_000  # tokens of a text
_FREE = 100_000_000  # elements that a model may have beside what its file holds: heads that come with the class


def size_of_weights(folder: Path) -> int:
    """Bytes of everything in the folder that can be weights."""
    return sum((folder / name).stat().st_size for name in relative_files(folder) if name.endswith(WEIGHTS))


def unfounded(folder: Path) -> Iterator[Fault]:
    """Numbers that no model of this size can have, in the order of the files."""
    held = size_of_weights(folder)
    for name in relative_files(folder):
        file = PurePosixPath(name).name
        if file.endswith(".safetensors"):
            yield from _of_header(folder, name)
        if file.endswith(".index.json"):
            yield from _of_index(name, read_object(folder / name))
        if file == "modules.json":
            yield from _of_pipeline(name, as_list(read_json(folder / name)))
        if not _CONFIGS.fullmatch(file):
            continue
        yield from islice(_numbers(name, read_json(folder / name)), 1)
        settings = read_object(folder / name)
        yield from _of_pooling(name, settings)
        yield from _of_module(folder, name, settings)
        yield from _of_padding(name, settings) if file.startswith("sentence_") else ()
        yield from _of_adapter(name, settings, held) if file == "adapter_config.json" else ()


def _of_header(folder: Path, name: str) -> Iterator[Fault]:
    """Each tensor that a header names is made by itself, however little it holds."""
    with open_regular(folder / name) as handle:
        length = int.from_bytes(handle.read(8), "little")
    if _LONGEST_HEADER < length < (folder / name).stat().st_size:
        yield _fault(name, f"its list of tensors has {length:,} bytes, and {_LONGEST_HEADER:,} at most make sense")


def _of_index(name: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    """Loaders, and every look at the files, go through the shards one by one."""
    shards = len(set(map(str, as_object(value.get("weight_map")).values())))
    if shards > _MOST_SHARDS:
        yield _fault(name, f"it names {shards:,} files of weights, and {_MOST_SHARDS:,} at most makes sense")


def _of_pipeline(name: str, modules: list[Any]) -> Iterator[Fault]:
    if len(modules) > _MOST_MODULES:
        yield _fault(name, f"it names {len(modules):,} modules, and {_MOST_MODULES} at most make sense")


def _of_pooling(name: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    modes = as_list(value.get("pooling_mode"))
    if len(modes) > _MOST_MODES:
        yield _fault(name, f"it names {len(modes):,} ways of pooling, and {_MOST_MODES} at most make sense")


def _numbers(name: str, settings: Any) -> Iterator[Fault]:
    """Every number of a configuration against the limit of its kind."""
    for key, value in settings_within({"": settings}):
        if type(value) is int and (limit := _limit(key)) is not None and abs(value) > limit:
            yield _fault(name, f"{printable(key)} is {_short(value)}, and {limit:,} at most makes sense")


def _limit(key: str) -> int | None:
    if _UNCOUNTED.search(key):
        return None
    if _LAYERS.search(key):
        return _MOST_LAYERS
    if _LABELS.search(key):
        return _MOST_LABELS
    return _MOST_PARTS if _PARTS.search(key) else _LARGEST


def _short(value: int) -> str:
    return f"{value:,}" if abs(value) < 10**15 else f"a number of {len(str(abs(value)))} digits"


def _of_module(folder: Path, name: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    """A step of sentence-transformers that is larger than the file beside it: it is built before the file is read."""
    file = PurePosixPath(name)
    if str(file.parent) == "." or not _STEPS.issuperset({file.name}):
        return
    numbers = sorted(number for key, number in value.items() if type(number) is int and _SIDES.search(key))
    hidden = value.get("hidden_dim")
    squared = hidden**2 if isinstance(hidden, int) else 0  # what an LSTM hands from word to word
    largest = max(squared, *(a * b for a, b in pairwise(numbers[-2:])), 0)
    held = size_of_weights(folder / file.parent)
    if largest > 2 * held + _FREE:
        yield _fault(name, f"asks for a matrix of {largest:,} numbers, and its weights have {held:,} bytes")


def _of_padding(name: str, settings: Mapping[str, Any]) -> Iterator[Fault]:
    """Texts padded to a length that no memory holds."""
    for group in (as_object(value) for _, value in settings_within({"": settings})):
        length = group.get("max_length", group.get("model_max_length", 0))
        for tokens in (length if group.get("padding") == "max_length" else 0, group.get("pad_to_multiple_of") or 0):
            if isinstance(tokens, int | float) and tokens > _LONGEST:
                yield _fault(name, f"pads every text to {_short(int(tokens))} tokens")


def _of_adapter(name: str, value: Mapping[str, Any], held: int) -> Iterator[Fault]:
    """An adapter whose rank is larger than its file."""
    ranks = [value.get("r"), *as_object(value.get("rank_pattern")).values()]
    largest = max((rank for rank in ranks if isinstance(rank, int)), default=0)
    if held and largest > min(held, 65_536):
        yield _fault(name, f"asks for a rank of {largest:,}, and its weights have {held:,} bytes")


def too_large(folder: Path, root: str = "") -> Fault | None:
    """A transformer whose parameters would be many times what its file can hold; built without memory to know it.

    Says nothing of a model that cannot be built without code of its own: its class is not known here.
    """
    place, held = folder / root, size_of_weights(folder)
    if not held or not read_object(place / "config.json"):
        return None
    needed = _elements(place)
    # One byte holds two elements at the least (4-bit weights).
    if needed is None or needed <= 2 * held + _FREE:
        return None
    name = f"{root}/config.json" if root else "config.json"
    return _fault(name, f"describes a model of {needed:,} numbers, and its weights have {held:,} bytes")


def _elements(place: Path) -> float | None:
    """Numbers in the parameters and buffers of the model that a folder's configuration describes."""
    from itertools import chain

    import torch
    from transformers import AutoConfig, AutoModel

    try:
        config = AutoConfig.from_pretrained(place, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModel.from_config(config, trust_remote_code=False)
    except Exception:  # noqa: BLE001 -- configurations raise anything; the loader, which fails alike, says so in its place
        return None
    return math.fsum(tensor.numel() for tensor in chain(model.parameters(), model.buffers()))


def _fault(name: str, what: str) -> Fault:
    return Fault("size-unfounded", printable(name), f"{printable(name)}: {what}")

"""The weights of the steps after the transformer, and of heads beside it: each module's file is looked at as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.loaded_files import is_read
from evaluators.preflight.missing_files import HEADS
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_summary import TensorSummary, summarise
from evaluators.preflight.weight_files import tensor_names, tensors, tensors_of_file

__all__ = ["disk_summaries", "packed_summaries", "part_summaries"]

_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_PLAIN = (".weight", ".bias", ".gamma", ".beta")


def part_summaries(target: Target) -> list[TensorSummary]:
    """Every floating-point tensor of the modules that modules.json names and of the heads, under its file's name."""
    return [
        summarise(f"{file}: {key}", file, tensor)
        for file in _files(target)
        for key, tensor in tensors_of_file(target.path(file))
        if tensor.is_floating_point()
    ]


def disk_summaries(target: Target) -> list[TensorSummary]:
    """Every floating-point tensor of all safetensors files that a loader may open, under its file's name."""
    return [summarise(f"{key} in {file}", file, tensor) for file, key, tensor in _on_disk(target)]


def packed_summaries(target: Target) -> tuple[list[TensorSummary], list[TensorSummary]]:
    """Of quantised weights: the tensors left as they were, and the scales, of which nothing but NaN can be asked."""
    names = [name for file in target.weight_files for name in tensor_names(target.path(file))]
    holders = {name[:end] for name in names for end in range(len(name)) if name[end] == "."}
    plain: list[TensorSummary] = []
    scales: list[TensorSummary] = []
    for file, key, tensor in _on_disk(target):
        if key in holders:  # its scales lie under its own name: it holds bits, of whatever type
            continue
        whole = key.endswith(_PLAIN) and tensor.element_size() > 1
        (plain if whole else scales).append(summarise(f"{key} in {file}", file, tensor))
    return plain, scales


def _on_disk(target: Target) -> Iterator[tuple[str, str, Any]]:
    for file in target.files:
        if file.endswith(".safetensors") and is_read(target, file):
            yield from ((file, key, tensor) for key, tensor in tensors(target.path(file)) if tensor.is_floating_point())


def _files(target: Target) -> Iterator[str]:
    for entry in target.modules:
        path = str(entry.get("path") or "")
        if path and path != target.root:
            # sentence-transformers takes the first of the two that is there.
            yield from [name for name in (f"{path}/{file}" for file in _WEIGHTS) if target.has(name)][:1]
    yield from (name for name in HEADS if target.has(name))

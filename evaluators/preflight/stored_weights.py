"""The one pass over the stored weights: each tensor is read, held against memory, summarised, and let go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from evaluators.preflight.loading import LoadedTransformer
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_names import used_tensors
from evaluators.preflight.tensor_summary import TensorSummary, summarise
from evaluators.preflight.weight_files import digest_of, tensors_of_file

__all__ = ["StoredWeights", "read_stored_weights"]

_SINGLE = "model.safetensors"


@dataclass
class StoredWeights:
    """What the pass saw.

    Attributes:
        summaries: of each floating-point tensor.
        integers: keys of parameters that are stored as whole numbers.
        twice: keys that are stored twice with different values.
        altered: names of parameters whose values in memory are not those of the file.
        unvouched: names of parameters that no tensor of the file is equal to.
    """

    summaries: list[TensorSummary] = field(default_factory=list)
    integers: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    unvouched: list[str] = field(default_factory=list)


def read_stored_weights(target: Target, loaded: LoadedTransformer) -> StoredWeights:
    """Read the weights of the transformer, the safetensors or the pickles where there are none, tensor by tensor."""
    parameters = dict(loaded.model.named_parameters())
    prefix = f"{getattr(loaded.model, 'base_model_prefix', '') or '-'}."
    precisions = {parameter.dtype for parameter in parameters.values()}
    stored = StoredWeights()
    equal: set[str] = set()
    unequal: set[str] = set()
    loose: set[str] = set()
    for file, key, tensor in _stored(target):
        name = next((name for name in _names(key, prefix) if name in parameters), None)
        if tensor.is_floating_point():
            stored.summaries.append(summarise(key, file, tensor))
        elif name:
            stored.integers.append(key)
        if name is None:
            loose |= _digests(tensor, precisions)
        elif name not in loaded.mismatched:
            (equal if _same(parameters[name], tensor) else unequal).add(name)
    # A loader may put a tensor elsewhere than its name says: what counts is that it is somewhere in the file.
    others = [name for name, _ in used_tensors(parameters.items()) if name not in equal]
    stored.unvouched = [name for name in others if digest_of(parameters[name]) not in loose]
    stored.altered = [name for name in stored.unvouched if name in unequal]
    stored.twice = _twice(stored.summaries, prefix)
    return stored


def _names(key: str, prefix: str) -> tuple[str, ...]:
    """The names a stored key may have in memory, with and without the name of the model within a larger one."""
    return key, key.removeprefix(prefix), prefix + key


def _same(parameter: Any, tensor: Any) -> bool:
    import torch

    return bool(parameter.shape == tensor.shape) and torch.equal(parameter.detach().cpu(), tensor.to(parameter.dtype))


def _digests(tensor: Any, precisions: set[Any]) -> set[str]:
    """Hashes of a tensor as it is, and rounded to the precisions that the loader may have taken it to."""
    others = {dtype for dtype in precisions if dtype != tensor.dtype and tensor.is_floating_point()}
    return {digest_of(tensor), *(digest_of(tensor.to(dtype)) for dtype in others)}


def _stored(target: Target) -> Iterator[tuple[str, str, Any]]:
    """File, key and tensor of everything in the weight files."""
    names = list(target.weight_files)
    single = target.of_root(_SINGLE)
    if names and single not in names and target.has(single):
        names.insert(0, single)  # beside an index: transformers takes the one, other tools the other
    for name in names or target.pickles:
        yield from ((name, key, tensor) for key, tensor in tensors_of_file(target.path(name)))


def _twice(summaries: list[TensorSummary], prefix: str) -> list[str]:
    """Keys that stand in two files, or with and without a prefix, and hold different values."""
    marks: dict[str, set[object]] = {}
    for summary in summaries:
        marks.setdefault(summary.name.removeprefix(prefix), set()).add(summary.mark)
    return sorted(key for key, values in marks.items() if len(values) > 1)

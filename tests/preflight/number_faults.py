"""Faults of single tensors of all-MiniLM-L6-v2, each with the code preflight names it by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["NUMBER_FAULTS"]

Tensors = dict[str, Any]
Change = Callable[[Tensors], None]
LAYER = "encoder.layer.{}.{}"
QUERY, KEY, VALUE = ("attention.self.query.weight", "attention.self.key.weight", "attention.self.value.weight")
OUT, UP, DOWN = "attention.output.dense.weight", "intermediate.dense.weight", "output.dense.weight"
NORM = "output.LayerNorm.weight"
WORDS, POSITIONS = "embeddings.word_embeddings.weight", "embeddings.position_embeddings.weight"


def _of(layer: int, part: str, change: Callable[[Any], Any]) -> Change:
    """Another tensor in place of this one."""

    def apply(tensors: Tensors) -> None:
        name = LAYER.format(layer, part)
        tensors[name] = change(tensors[name].clone())

    return apply


def _table(name: str, change: Callable[[Any], Any]) -> Change:
    def apply(tensors: Tensors) -> None:
        tensors[name] = change(tensors[name].clone())

    return apply


def _rows(first: int, last: int, factor: float) -> Callable[[Any], Any]:
    def change(tensor: Any) -> Any:
        tensor[first:last] *= factor
        return tensor

    return change


def _block(tensor: Any) -> Any:
    tensor[100:200, 50:150] = 0
    return tensor


def _tail(tensor: Any) -> Any:
    """As after a copy that stopped: nothing from the middle on."""
    flat = tensor.reshape(-1)
    flat[len(flat) // 2 :] = 0
    return tensor


def _one(value: float) -> Callable[[Any], Any]:
    def change(tensor: Any) -> Any:
        tensor.reshape(-1)[12_345] = value
        return tensor

    return change


def _swapped_bytes(tensor: Any) -> Any:
    import torch

    return torch.from_numpy(tensor.numpy().byteswap().copy()).nan_to_num(0.0, 1.0, 1.0)


def _misread(tensor: Any) -> Any:
    """The bits of bfloat16 read as float16."""
    import torch

    return tensor.to(torch.bfloat16).view(torch.float16).float().nan_to_num(0.0)


def _levels(tensor: Any) -> Any:
    step = tensor.abs().max() / 8
    return (tensor / step).round() * step


def _drawn(tensor: Any) -> Any:
    import torch

    return torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1)) * 0.02


def _alike(tensor: Any) -> Any:
    return tensor[:1].repeat(len(tensor), 1) + tensor * 0.01


def _exchange(part: str, one: int, other: int) -> Change:
    def apply(tensors: Tensors) -> None:
        first, second = LAYER.format(one, part), LAYER.format(other, part)
        tensors[first], tensors[second] = tensors[second], tensors[first]

    return apply


def _norm_exchanged(tensors: Tensors) -> None:
    scale = LAYER.format(2, NORM)
    bias = scale.removesuffix("weight") + "bias"
    tensors[scale], tensors[bias] = tensors[bias], tensors[scale]


# What was done to the tensor -> how, and the code of the finding.
NUMBER_FAULTS: dict[str, tuple[Change, str]] = {
    "one attention head's rows zero": (_of(2, VALUE, _rows(64, 96, 0.0)), "weights-zero-block"),
    "one row zero": (_of(3, UP, _rows(7, 8, 0.0)), "weights-zero-block"),
    "a block inside a matrix zero": (_of(4, OUT, _block), "weights-zero-block"),
    "the second half of a matrix zero": (_of(1, DOWN, _tail), "weights-zero-block"),
    "one weight of 1e6": (_of(1, QUERY, _one(1e6)), "weights-huge"),
    "one weight a hundred times the largest": (_of(3, KEY, _one(60.0)), "weights-huge"),
    "one head's rows times 100": (_of(2, QUERY, _rows(0, 32, 100.0)), "weights-uneven"),
    "a matrix times 10": (_of(2, OUT, lambda tensor: tensor * 10), "weights-scale"),
    "a matrix divided by 100": (_of(4, UP, lambda tensor: tensor / 100), "weights-scale"),
    "a LayerNorm's scale times 30": (_of(3, NORM, lambda tensor: tensor * 30), "weights-scale"),
    "a LayerNorm's scale negated": (_of(3, NORM, lambda tensor: -tensor), "weights-negated"),
    "a LayerNorm's scale and bias exchanged": (_norm_exchanged, "norms-exchanged"),
    "a matrix clipped": (_of(2, DOWN, lambda tensor: tensor.clamp(-0.02, 0.02)), "weights-clipped"),
    "the bytes of each number swapped": (_of(2, KEY, _swapped_bytes), "weights-garbled"),
    "bfloat16 read as float16": (_of(2, KEY, _misread), "weights-misread"),
    "rounded to 17 levels": (_of(2, KEY, _levels), "weights-coarse"),
    "all rows nearly the first": (_of(2, UP, _alike), "weights-alike"),
    "a matrix drawn at random": (_of(5, UP, _drawn), "weights-untrained"),
    "a square matrix transposed": (_of(1, VALUE, lambda tensor: tensor.T.contiguous()), "weights-transposed"),
    "two layers' key matrices exchanged": (_exchange(KEY, 1, 4), "weights-swapped"),
    "the word embeddings drawn at random": (_table(WORDS, _drawn), "weights-untrained"),
    "the later half of the positions zero": (_table(POSITIONS, _tail), "position-rows-zero"),
}

"""What a pass through the model is made of: rows of about one length, who sees whom, and what it may raise."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from inspect import Parameter, signature
from typing import Any

import numpy as np

from data.store.errors import ModelError, PlumblineError
from evaluators.diagnose.outputs import pooled_each_way
from evaluators.diagnose.reference import Embeddings, Reference
from evaluators.diagnose.rows import Row

__all__ = [
    "attention_mask",
    "bytes_of",
    "in_passes",
    "run_rows",
    "size_of",
    "takes_spelt_masks",
    "token_types",
    "trimmed",
    "while_encoding",
    "with_layers",
]

_TOKENS_AT_ONCE = 2048
_SAME = 1e-3  # of the largest number of a vector
_PADDING = 32  # tokens of padding in them: a pass more costs a small model as much


@contextmanager
def while_encoding(model: str) -> Iterator[None]:
    """What a model raises while it encodes, as an error that says so."""
    try:
        yield
    except PlumblineError:
        raise
    except Exception as error:  # other people's code and settings, which raise anything
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ModelError(
            f"The reference loads but cannot encode: {words}",
            where=model,
            remedy="Run `preflight` on it first: a diagnosis needs a sound reference.",
        ) from error


def attention_mask(rows: Sequence[Row], visible: Any, dtype: Any) -> Any:
    """The attention mask: as the tokenizer gives it, or spelled out for another kind of attention than the model's."""
    import torch

    if {row.attention for row in rows} == {""}:
        return visible
    length = visible.shape[1]
    bidirectional = visible[:, None, None, :].bool().expand(-1, 1, length, -1)
    causal = torch.tril(torch.ones(length, length, dtype=torch.bool))
    wanted = torch.tensor([row.attention == "causal" for row in rows])[:, None, None, None]
    allowed = bidirectional & (causal | ~wanted)
    allowed = allowed | torch.eye(length, dtype=torch.bool)  # a place that sees nothing would be NaN
    return torch.where(allowed, 0.0, torch.finfo(dtype).min).to(dtype)


def bytes_of(model: Any) -> int:
    """What the weights of a model take in memory."""
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def size_of(row: Row) -> int:
    """Places that a row takes in a pass, padding that is let through included."""
    return len(row.ids) + row.pads


def in_passes(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of one attention and about one length together, the longest first, many tokens at once and few of padding.

    A mask spelled out for some rows would be spelled out for those that have the model's own as well.
    """
    for attention in dict.fromkeys(row.attention for row in rows):
        yield from _of_one_attention([row for row in rows if row.attention == attention])


def _of_one_attention(rows: Sequence[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    padding = 0
    for row in rows:
        short = size_of(chunk[0]) - size_of(row) if chunk else 0
        if chunk and ((len(chunk) + 1) * size_of(chunk[0]) > _TOKENS_AT_ONCE or padding + short > _PADDING):
            yield chunk
            chunk, padding, short = [], 0, 0
        chunk.append(row)
        padding += short
    if chunk:
        yield chunk


def trimmed() -> None:
    """Give freed memory back to the system: copies of a model that come and go leave gigabytes of it in pieces."""
    with suppress(AttributeError, OSError, TypeError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)


def with_layers(model: Any) -> dict[str, Any]:
    """What asks a model for its hidden states; nothing of one whose own code does not know the word."""
    parameters = signature(model.forward).parameters.values()
    known = any(one.name == "output_hidden_states" or one.kind is Parameter.VAR_KEYWORD for one in parameters)
    return {"output_hidden_states": True} if known else {}


def token_types(rows: Sequence[Row], longest: int, tokenizer: Any, model: Any) -> dict[str, Any]:
    """The token types of a batch of so many tokens; nothing where all are 0 and the tokenizer gives none.

    GPT-2 adds the vector of word 0 where they are 0, and nothing where there are none.
    """
    import torch

    gives = "token_type_ids" in tokenizer.model_input_names and "token_type_ids" in signature(model.forward).parameters
    if not (gives or any(row.types for row in rows)):
        return {}
    return {"token_type_ids": torch.tensor([[row.types] * longest for row in rows])}


def run_rows(reference: Reference, model: Any, rows: Sequence[Row]) -> list[dict[str, Embeddings]]:
    """Every pooling of each row, float32 [width], from one pass of a model with the reference's settings.

    Raises:
        ModelError: the model cannot run them.
    """
    import torch

    longest = max(1, max(size_of(row) for row in rows))
    pad = reference.tokenizer.pad_token_id or 0
    ids = torch.full((len(rows), longest), pad)
    real = torch.zeros((len(rows), longest), dtype=torch.long)
    visible = torch.zeros((len(rows), longest), dtype=torch.long)
    for index, row in enumerate(rows):
        first = row.pads if row.left else 0
        own = slice(first, first + len(row.ids))
        ids[index, own] = torch.tensor(row.ids, dtype=torch.long)
        real[index, own] = 1
        visible[index, slice(0, size_of(row)) if row.padding in ("seen", "both") else own] = 1
    with torch.inference_mode(), while_encoding(reference.name):
        output = model(
            input_ids=ids,
            attention_mask=attention_mask(rows, visible, next(model.parameters()).dtype),
            **_positions(reference, rows, longest),
            **token_types(rows, longest, reference.tokenizer, model),
            **with_layers(model),
        )
        hidden = output.last_hidden_state.float()
        layers = [one.float() for one in getattr(output, "hidden_states", None) or ()]
    pooler = getattr(output, "pooler_output", None)
    return [
        pooled_each_way(
            hidden[index],
            real[index],
            row,
            None if pooler is None else pooler[index].float(),
            [one[index] for one in layers],
        )
        for index, row in enumerate(rows)
    ]


def takes_spelt_masks(reference: Reference, own: str) -> bool:
    """Whether the model gives its own vectors where its own mask is spelled out: some take none, or read it otherwise.

    Args:
        reference: the model.
        own: its kind of attention, causal or full.
    """
    ids = tuple(map(int, reference.tokenizer("a few words")["input_ids"]))
    try:
        plain, spelt = (
            run_rows(reference, reference.model, [Row(ids, 0, 0, "", seen, False)])[0]["mean"] for seen in ("", own)
        )
    except ModelError:
        return False
    return float(np.abs(spelt - plain).max()) < _SAME * float(np.abs(plain).max())


def _positions(reference: Reference, rows: Sequence[Row], longest: int) -> dict[str, Any]:
    import torch

    if not any(row.start for row in rows):
        return {}
    offset = reference.offset
    starts = torch.tensor([row.start for row in rows])[:, None] + offset
    last = (reference.positions or 10**9) + offset - 1
    return {"position_ids": (starts + torch.arange(longest)[None]).clamp(max=last)}

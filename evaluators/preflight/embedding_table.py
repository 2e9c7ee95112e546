"""The table of word vectors against the tokenizer: a row for each word, its own, and not another's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import Form
from evaluators.preflight.weight_files import header, load_pickle

__all__ = ["check_word_rows"]

_TABLE = re.compile(
    r"(word_embeddings|embed_tokens|tok_embeddings|token_embedding|wte|shared|word_embedding|^embeddings?|embedding)"
    r"(\.weight)?$"
)
_UNUSED = re.compile(r"unused|reserved|extra|madeup|placeholder|dummy|^<|^\[|^\W*$", re.IGNORECASE)
_PAIRS = 12_000
_ENOUGH = 100
# Mean cosine, after the mean row is taken off, of a word and its plural, its capitals, its form inside a word: .45 to
# .67 in all-MiniLM-L6-v2, all-mpnet-base-v2, multilingual-e5-small and a table of Llama's; of words drawn at random 0,
# with a standard deviation of .06 to .09. A table before training has 0 for both.
_ALIKE, _APART = 0.25, 0.08
# Pairs in a row of ids, of which so many have to be strangers for a stretch to be out of place.
_STRETCH, _STRANGERS = 12, 10
_IN_A_ROW = 6  # words of ids that follow one another: what nobody used lies scattered
_FEW = 0.15
# The strongest direction of a table's rows against the mean one: at most 2 for independent draws.
_STRUCTURED = 4.0


def check_word_rows(target: Target, form: Form) -> Iterator[Finding]:
    """Ordinary words whose rows are zero, equal, or not theirs."""
    table = word_table(target)
    if table is None:
        return
    height = len(table)
    ordinary = np.array(
        sorted(
            index
            for token, index in form.vocabulary.items()
            if index < height and index not in form.added and not _UNUSED.search(token)
        )
    )
    if len(ordinary) < _ENOUGH:
        return
    yield from _lost(table, ordinary, form)
    if (pairs := _pairs(form, height)) is not None:
        yield from _moved(table, pairs, form)


def word_table(target: Target) -> Any:
    """The table of word vectors as it is stored, rows by width; None where none of that name and height is found."""
    height = target.config.get("vocab_size")

    def is_table(key: str, shape: Sequence[int]) -> bool:
        return bool(_TABLE.search(key)) and len(shape) == 2 and shape[0] == (height or shape[0])

    for path in map(target.path, target.weight_files):
        if key := next((key for key, entry in header(path).items() if is_table(key, entry["shape"])), None):
            return _read(path, key)
    stored = (load_pickle(target.path(file)) or {} for file in ([] if target.weight_files else target.pickles))
    return next((value for tensors in stored for key, value in tensors.items() if is_table(key, value.shape)), None)


def _read(path: Path, key: str) -> Any:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        return opened.get_tensor(key)


def _lost(table: Any, ordinary: np.ndarray, form: Form) -> Iterator[Finding]:
    import torch

    # Two numbers a row, each the row along a direction of its own: rows are equal where both are, zero where both are.
    directions = torch.randn(table.shape[1], 2, generator=torch.Generator().manual_seed(0))
    marks = torch.cat([piece.float() @ directions for piece in table.split(1 << 14)])[ordinary].double().numpy()
    zero = ordinary[~marks.any(axis=1)]
    if len(zero) > max(2, 0.001 * len(ordinary)) or _run(zero) >= _IN_A_ROW:
        first = form.core.id_to_token(int(zero[0]))
        seen = f"The word embeddings of {len(zero):,} ordinary words are zero, the first is that of {first!r}"
        yield finding("word-rows-zero", seen, {"ids": zero[:12].tolist(), "count": len(zero)})
    others = marks[marks.any(axis=1)]
    _, counts = np.unique(others[:, 0] + 1j * others[:, 1], return_counts=True)
    equal = int(counts[counts > 1].sum())
    if equal > max(4, 0.005 * len(ordinary)):
        seen = f"{equal:,} of {len(ordinary):,} ordinary words have the word embedding of another word"
        yield finding("word-rows-equal", seen, {"count": equal})


def _run(ids: np.ndarray) -> int:
    """How many of the ids follow one another without a gap, at most."""
    return max((len(run) for run in np.split(ids, np.flatnonzero(np.diff(ids) > 1) + 1)), default=0)


def _pairs(form: Form, height: int) -> np.ndarray | None:
    """Ids of words that mean nearly the same: a word and its plural, with and without a capital or a mark."""
    known = {token: i for token, i in form.vocabulary.items() if i < height and i not in form.added}
    pairs: list[tuple[int, int]] = []
    for token, index in known.items():
        bare = token.removeprefix(form.mark)
        if len(bare) < 3 or not (bare.isalpha() and bare.isascii()):
            continue
        others = (token + "s", token.lower() if len(bare) > 3 else token, bare if len(bare) > 3 else token)
        pairs.extend((index, known[other]) for other in others if other != token and other in known)
    if len(pairs) < _ENOUGH:
        return None
    return np.array(sorted(pairs)[:: max(1, len(pairs) // _PAIRS)])


def _moved(table: Any, pairs: np.ndarray, form: Form) -> Iterator[Finding]:
    import torch

    middle = table[:: max(1, len(table) // 4096)].float().mean(0)
    left, right = (torch.nn.functional.normalize(table[side].float() - middle, dim=1) for side in pairs.T)
    cosines = (left * right).sum(1).numpy()
    mean, evidence = float(cosines.mean()), {"pairs": len(pairs), "mean_cosine": round(float(cosines.mean()), 3)}
    if mean < _APART and _has_structure(table, middle):
        seen = "Words of like meaning have vectors no more alike than any two"
        yield finding("words-moved", f"{seen} (cosine {mean:.2f} over {len(pairs)} pairs)", evidence)
    elif mean > _ALIKE and (stretch := _stretch(pairs, cosines)):
        first, last = (form.core.id_to_token(int(i)) for i in stretch)
        seen = f"The words from id {stretch[0]} ({first!r}) to {stretch[1]} ({last!r}) have vectors of other words"
        yield finding("words-moved", seen, {**evidence, "from": stretch[0], "to": stretch[1]})


def _stretch(pairs: np.ndarray, cosines: np.ndarray) -> tuple[int, int] | None:
    """The first stretch of ids in which words and their like are strangers, where there is one."""
    ids, strangers = pairs.T.reshape(-1), np.tile((cosines < _APART).astype(int), 2)
    order = np.argsort(ids, kind="stable")
    ids, strangers = ids[order], strangers[order]
    if strangers.mean() > _FEW:
        return None  # a table in which many are strangers tells nothing of a stretch
    window = np.convolve(strangers, np.ones(_STRETCH, int), "valid")
    at = np.flatnonzero(window >= _STRANGERS)
    return (int(ids[at[0]]), int(ids[at[-1] + _STRETCH - 1])) if len(at) else None


def _has_structure(table: Any, middle: Any) -> bool:
    """Whether the table was trained: its rows then lie along some directions far more than along others."""
    import torch

    some = torch.nn.functional.normalize(table[:: max(1, len(table) // 4096)].float() - middle, dim=1)
    strengths = torch.linalg.eigvalsh(some.T @ some)
    return float(strengths[-1] / strengths.mean()) > _STRUCTURED

"""Which models are one family: what is known of one would give away the other, so both are left out together."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["dealt", "families", "stem"]

Floats = npt.NDArray[np.float64]

# Words of a name that tell members of a family apart: sizes, versions, languages, what it is for.
_GENERIC = frozenset(
    [
        "embed",
        "embeddings",
        "embedding",
        "embedder",
        "text",
        "model",
        "models",
        "sentence",
        "multilingual",
        "english",
        "chinese",
        "en",
        "zh",
        "fr",
        "de",
        "ru",
        "instruct",
        "base",
        "small",
        "large",
        "medium",
        "mini",
        "tiny",
        "nano",
        "micro",
        "xs",
        "s",
        "m",
        "l",
        "xl",
        "xxl",
        "lite",
        "light",
        "long",
        "retrieval",
        "query",
        "document",
        "passage",
        "unsupervised",
        "supervised",
        "preview",
        "exp",
        "experimental",
        "beta",
        "latest",
        "v",
        "matryoshka",
        "onnx",
        "int8",
        "fp16",
        "bf16",
        "gguf",
        "quantized",
        "uncased",
        "cased",
    ]
)
_SIZE = re.compile(r"v?\d+(\.\d+)*[a-z]?|v\d.*|\d+[mbk]|(l|h|a)\d+")
# Two models whose scores differ by less than this on average (0-1 scale) are one under two names, or a quantised copy.
_COPY = 5e-4
# What was made from another and still is within this of it on average. Further, and the base says little of it: nearly
# everybody was made from a few language models, which are on the boards themselves.
_NEAR = 0.04
_SHARED = 8  # tasks; on fewer, chance makes copies


def families(
    models: Sequence[str], scores: Floats | None = None, adapted_from: Mapping[str, str] | None = None
) -> tuple[str, ...]:
    """The family of each model, named by its first member in the order given.

    One organisation's models whose names share their first telling word, models adapted from one another (where both
    are given and score alike), and models with nearly the same scores.

    Args:
        models: names, ``org/name``.
        scores: (models, tasks), 0-1 scale, NaN where missing.
        adapted_from: the model each one says it was made from.
    """
    parent = dict(zip(models, models, strict=True))

    def head(model: str) -> str:
        while parent[model] != model:
            parent[model] = parent[parent[model]]
            model = parent[model]
        return model

    def join(a: str, b: str) -> None:
        first, second = sorted((head(a), head(b)), key=place.__getitem__)
        parent[second] = first

    place = {model: i for i, model in enumerate(models)}
    stems: dict[tuple[str, str], str] = {}
    for model in models:
        join(stems.setdefault(stem(model), model), model)
        base = (adapted_from or {}).get(model)
        if base in place and (scores is None or _apart(scores, place[base], place[model]) < _NEAR):
            join(base, model)
    for i, j in _copies(scores) if scores is not None else ():
        join(models[i], models[j])
    return tuple(head(model) for model in models)


def stem(model: str) -> tuple[str, str]:
    """Organisation and the first word of a model's name that is no size, version or language, in small letters."""
    organisation, _, name = model.lower().rpartition("/")
    words = [word for word in re.split(r"[-_. ]+", name) if word and word not in _GENERIC and not _SIZE.fullmatch(word)]
    telling = words[0].rstrip("0123456789") or words[0] if words else ""
    return organisation, telling


def dealt(members: Sequence[str], folds: int, seed: int) -> dict[str, int]:
    """A fold for each family: the largest first, each into the fold that has the fewest models so far.

    Args:
        members: the family of each model.
        folds: how many.
        seed: of the order of families of one size.
    """
    names = list(map(str, np.random.default_rng(seed).permutation(np.array(sorted(set(members))))))
    size = Counter(members)
    filled = [0] * folds
    fold_of = {}
    for name in sorted(names, key=lambda name: -size[name]):
        fold_of[name] = fold = filled.index(min(filled))
        filled[fold] += size[name]
    return fold_of


def _apart(scores: Floats, i: int, j: int) -> float:
    """Mean distance of two rows over the tasks both have; infinite where those are too few."""
    apart = np.abs(scores[i] - scores[j])
    shared = ~np.isnan(apart)
    return float(apart[shared].mean()) if shared.sum() >= _SHARED else np.inf


def _copies(scores: Floats) -> list[tuple[int, int]]:
    """Pairs of rows that are the same figures but for rounding."""
    some = ~np.isnan(scores)
    pairs = []
    for i in range(len(scores)):
        shared = some[i + 1 :] & some[i]
        apart = np.where(shared, np.abs(scores[i + 1 :] - scores[i]), 0.0).sum(axis=1)
        enough = shared.sum(axis=1)
        near = np.flatnonzero((enough >= _SHARED) & (apart < _COPY * enough))
        pairs += [(i, i + 1 + int(j)) for j in near]
    return pairs

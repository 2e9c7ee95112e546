"""Which traits the texts that differ share, with the odds that chance makes a trait fit as well.

A trait is stated where, over all traits and lengths that were tried, chance would bring about a fit as good as its own
in less than one of a hundred candidates; and only the one that fits best, since traits go together.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.diagnose.measure import Errors

__all__ = ["FEWEST_DIFFERING", "TRAITS", "Shared", "drifts_most", "shared_trait"]

_CHANCE = 0.01  # over all traits tried together
_PLAINLY = 0.1  # of the odds of one trait, under which two of them say more
FEWEST_DIFFERING = 2  # texts that differ, and that do not, before a trait is looked for
_FEWEST = 3  # texts on either side, where all differ
_GRADED = 1.5  # times as far, in the middle, before a difference of sizes is worth a word
_FOLLOWS = 0.5  # rank correlation with length from which the drift is said to follow it

_Mask = NDArray[np.bool_]


def _has(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.search(pattern, text) is not None


# By the words they are called in a sentence: "the texts with ...".
TRAITS: dict[str, Callable[[str], bool]] = {
    "Latin letters": _has(r"[A-Za-z\u00c0-\u024f]"),
    "Cyrillic letters": _has(r"[\u0400-\u052f]"),
    "Greek letters": _has(r"[\u0370-\u03ff]"),
    "Arabic letters": _has(r"[\u0600-\u06ff]"),
    "Chinese characters": _has(r"[\u3400-\u9fff]"),
    "Japanese kana": _has(r"[\u3040-\u30ff]"),
    "Korean letters": _has(r"[\u1100-\u11ff\uac00-\ud7af]"),
    "characters beyond ASCII": lambda text: not text.isascii(),
    "accents": lambda text: any(unicodedata.combining(c) for c in unicodedata.normalize("NFD", text)),
    "full-width characters": _has(r"[\uff01-\uff5e\u3000]"),
    "control or invisible characters": lambda text: any(
        unicodedata.category(c) in ("Cc", "Cf") and c not in "\t\n\r" for c in text
    ),
    "digits": _has(r"\d"),
    "capitals": lambda text: any(c.isupper() for c in text),
    "capitals beyond ASCII": lambda text: any(c.isupper() and not c.isascii() for c in text),
    "punctuation": lambda text: any(unicodedata.category(c).startswith("P") for c in text),
    "markup": _has(r"</?[a-zA-Z]+[^>]*>|&[a-z]+;|\\[a-z]+\{"),
    "special tokens": _has(r"\[(CLS|SEP|PAD|MASK|UNK)\]|</?s>|<\|[a-z_]+\|>"),
    "white space at an end": lambda text: text != text.strip(),
    "several spaces, tabs or newlines in a row": _has(r"\s\s"),
    "a newline or tab": _has(r"[\n\t\r]"),
    "small English words (the, of, and)": _has(r"(?i)\b(the|of|and|in|is|to|on|a)\b"),
}

_ROLES = {"query": "the role of a query", "document": "the role of a document", None: "no role"}


@dataclass(frozen=True)
class Shared:
    """What texts that differ share.

    Attributes:
        code: trait, traits, longer or shorter.
        numbers: what its sentence says: with (texts that have it), differ (of those), without, others (of those).
        sentence: in words.
    """

    code: str
    numbers: dict[str, Any]
    sentence: str


def shared_trait(differ: _Mask, texts: Sequence[str], roles: Sequence[str | None] = ()) -> Shared | None:
    """The trait or length that tells the texts that differ from the others best; None where chance may do as much."""
    if min(int(differ.sum()), int((~differ).sum())) < FEWEST_DIFFERING:
        return None
    lengths = np.array([len(text) for text in texts])
    tried = [(code, values, mask) for code, values, mask in (*_by_length(lengths), *_by_trait(texts, roles))]
    odds = [_chance(differ, mask) for *_, mask in tried]
    place = min(range(len(tried)), key=lambda one: (odds[one], one))
    alone = _luck(odds[place], differ, [mask for *_, mask in tried])
    if alone < _CHANCE and _exact(differ, tried[place][2]):
        return _said(*tried[place], differ)
    pairs = list(_pairs(texts, roles))
    both = [_chance(differ, mask) if _exact(differ, mask) else 1.0 for *_, mask in pairs]
    best = min(range(len(pairs)), key=lambda one: (both[one], one), default=None)
    every = [mask for *_, mask in (*tried, *pairs)]
    if best is not None and _luck(both[best], differ, every) < min(_CHANCE, _PLAINLY * alone):
        return _said(*pairs[best], differ)
    return _said(*tried[place], differ) if alone < _CHANCE else None


def drifts_most(errors: Errors, texts: Sequence[str], roles: Sequence[str | None] = ()) -> Shared | None:
    """Where every text differs: the trait with which texts differ more, or that they do so by their length."""
    from scipy.stats import mannwhitneyu, spearmanr

    lengths = np.array([len(text) for text in texts])
    masks = list(_by_trait(texts, roles, _FEWEST))
    follows = spearmanr(lengths, errors) if len({*lengths.tolist()}) > 2 else None
    seen: list[tuple[float, Shared]] = []
    if follows is not None and abs(follows.statistic) > _FOLLOWS:
        code = "grows-with-length" if follows.statistic > 0 else "falls-with-length"
        how = "longer" if follows.statistic > 0 else "shorter"
        numbers = {"correlation": float(follows.statistic)}
        sentence = f"The {how} a text is, the more it differs (rank correlation {abs(follows.statistic):.2f})."
        seen.append((float(follows.pvalue), Shared(code, numbers, sentence)))
    for _, values, mask in masks:
        more, less = (float(np.median(errors[one])) for one in (mask, ~mask))
        if more > _GRADED * less:
            odds = float(mannwhitneyu(errors[mask], errors[~mask], alternative="greater").pvalue)
            numbers = {**values, "with": int(mask.sum()), "more": more, "less": less}
            sentence = (
                f"Texts with {values['trait']} differ most: by {more:.2g} in the middle, the others by {less:.2g}."
            )
            seen.append((odds, Shared("differs-more", numbers, sentence)))
    odds, shared = min(seen, key=lambda one: one[0], default=(1.0, None))
    return shared if odds * (len(masks) + 1) < _CHANCE else None


def _by_trait(
    texts: Sequence[str], roles: Sequence[str | None], fewest: int = FEWEST_DIFFERING
) -> list[tuple[str, dict[str, Any], _Mask]]:
    masks = [(name, np.array([test(text) for text in texts])) for name, test in TRAITS.items()]
    masks += [(name, np.array([role == one for one in roles])) for role, name in _ROLES.items() if roles]
    return [
        ("trait", {"trait": name}, mask) for name, mask in masks if min(int(mask.sum()), int((~mask).sum())) >= fewest
    ]


def _by_length(lengths: NDArray[np.int_]) -> list[tuple[str, dict[str, Any], _Mask]]:
    edges = sorted({*lengths.tolist()})[:-1]
    longer = [("longer", {"length": edge}, lengths > edge) for edge in edges]
    return [*longer, *(("shorter", {"length": edge}, lengths <= edge) for edge in edges)]


def _pairs(texts: Sequence[str], roles: Sequence[str | None]) -> list[tuple[str, dict[str, Any], _Mask]]:
    single = _by_trait(texts, roles)
    pairs = combinations(single, 2)
    both = [
        ("traits", {"trait": one["trait"], "other": other["trait"]}, mask & second)
        for (_, one, mask), (_, other, second) in pairs
    ]
    return [pair for pair in both if min(int(pair[2].sum()), int((~pair[2]).sum())) >= FEWEST_DIFFERING]


def _exact(differ: _Mask, mask: _Mask) -> bool:
    return bool((differ == mask).all())


def _luck(odds: float, differ: _Mask, masks: Sequence[_Mask]) -> float:
    """How many of the traits fit so well by chance: each counts with the odds it can have (Tarone, Biometrics 1990).

    A trait of two texts cannot fit better than those two by chance in one of 2,016 pairs; one of forty texts can never
    fit two differing ones so well, and does not count.
    """
    from scipy.stats import hypergeom

    count, hit = len(differ), int(differ.sum())
    total = 0.0
    for size, many in Counter(int(mask.sum()) for mask in masks).items():
        steps = hypergeom.sf(np.arange(min(size, hit)), count, size, hit)
        total += many * float(steps[steps <= odds * (1 + 1e-9)].max(initial=0.0))
    return total


def _chance(differ: _Mask, mask: _Mask) -> float:
    """Odds that so many of the texts with a trait differ by chance (Fisher's exact test, one side)."""
    from scipy.stats import hypergeom

    both, count = int((differ & mask).sum()), len(differ)
    return float(hypergeom.sf(both - 1, count, int(mask.sum()), int(differ.sum())))


def _said(code: str, values: dict[str, Any], mask: _Mask, differ: _Mask) -> Shared:
    having, rest = int(mask.sum()), int((~mask).sum())
    those, others = int((differ & mask).sum()), int((differ & ~mask).sum())
    numbers = {**values, "with": having, "differ": those, "without": rest, "others": others}
    name = {
        "longer": "of more than {length} characters",
        "shorter": "of at most {length} characters",
        "trait": "with {trait}",
        "traits": "with both {trait} and {other}",
    }[code].format(**values)
    if those == having and not others:
        return Shared(code, numbers, f"Exactly the {having} texts {name} differ.")
    sentence = f"Of the {having} texts {name}, {those} differ; of the {rest} others, {others}."
    return Shared(code, numbers, sentence)

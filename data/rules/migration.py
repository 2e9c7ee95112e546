"""What a move from one embedding model to another takes: tokens, money, time, and room for both indexes at once.

Vectors of two models cannot be searched together, even where they have as many dimensions: until every document is
embedded anew the old index answers, so both take room.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from data.rules.weighting import index_bytes

__all__ = ["CHARACTERS_PER_TOKEN", "Move", "Work", "mean_characters", "move", "tokens_per_second"]

# Of English text; runs count texts, and mteb's statistics characters.
CHARACTERS_PER_TOKEN = 4.0

_PAIRS = ("text1_statistics", "text2_statistics", "sentence1_statistics", "sentence2_statistics")


class Move(NamedTuple):
    """What it takes; NaN where a price, a speed or a size is unknown.

    ``tokens`` of all documents; ``dollars`` at the price; ``seconds`` at the speed; ``old_bytes`` and ``new_bytes`` of
    the two indexes' vectors.
    """

    tokens: float
    dollars: float
    seconds: float
    old_bytes: float
    new_bytes: float

    @property
    def both_bytes(self) -> float:
        """While both indexes live side by side."""
        return self.old_bytes + self.new_bytes


class Work(NamedTuple):
    """What one task of a run took: texts encoded, seconds, and characters of a text in the mean (NaN if unknown)."""

    texts: float
    seconds: float
    characters: float


def move(
    documents: float,
    mean_tokens: float,
    precision: str,
    *,
    old_dimensions: float,
    new_dimensions: float,
    price: float = math.nan,
    speed: float = math.nan,
) -> Move:
    """What it takes to embed all documents anew.

    Args:
        documents: how many.
        mean_tokens: of a document.
        precision: of the vectors, of ``data.rules.weighting.BYTES_PER_DIMENSION``.
        old_dimensions: of the index there is.
        new_dimensions: of the one to come.
        price: dollars a million tokens.
        speed: tokens a second.

    Raises:
        InputError: no such precision.
    """
    tokens = documents * mean_tokens
    return Move(
        tokens,
        tokens / 1e6 * price,
        tokens / speed if speed > 0 else math.nan,
        float(index_bytes(documents, old_dimensions, precision)),
        float(index_bytes(documents, new_dimensions, precision)),
    )


def tokens_per_second(work: Iterable[Work], max_tokens: float = math.nan) -> float:
    """Tokens a second over whole tasks, scoring and loading of data included; NaN where nothing was measured.

    A text counts as a token for each :data:`CHARACTERS_PER_TOKEN` characters, and no more than the model reads.
    """
    longest = max_tokens if max_tokens > 0 else math.inf
    tokens = seconds = 0.0
    for each in work:
        if each.texts > 0 and each.seconds > 0 and each.characters > 0:
            tokens += each.texts * min(each.characters / CHARACTERS_PER_TOKEN, longest)
            seconds += each.seconds
    return tokens / seconds if seconds else math.nan


def mean_characters(statistics: str | None, splits: Sequence[str] = ()) -> float:
    """Characters of a text of a task in the mean, by mteb's descriptive statistics (JSON); NaN where nobody counted.

    Args:
        statistics: by split, each with parts "..._text_statistics", of queries and documents say.
        splits: those that count; all where none of them is there.
    """
    try:
        by_split = json.loads(statistics) if statistics else {}
    except ValueError:
        return math.nan
    if not isinstance(by_split, Mapping):
        return math.nan
    counted = [by_split[name] for name in splits if name in by_split] or list(by_split.values())
    characters = texts = 0.0
    for part in (part for split in counted for part in _parts(split)):
        total, mean = part.get("total_text_length"), part.get("average_text_length")
        if total and mean:
            characters, texts = characters + float(total), texts + float(total) / float(mean)
    return characters / texts if texts else math.nan


def _parts(split: Any) -> list[Mapping[str, Any]]:
    if not isinstance(split, Mapping):
        return []
    named = [part for key, part in split.items() if key.endswith("text_statistics") or key in _PAIRS]
    return [part for part in named if isinstance(part, Mapping)]

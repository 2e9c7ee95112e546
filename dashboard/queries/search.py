"""One search over everything that has a name: what of the store is offered, and what of it is meant by what is typed.

Names are compared by their words, in which case, separators and marks count for nothing: ``text-embedding-3-large``
is text, embedding, 3, large, and ``STSBenchmark`` is sts, benchmark. The organisation before a slash need not be typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from dashboard.queries import drift
from dashboard.queries.rows import Cursor

__all__ = ["MOST_FOUND", "Findable", "Hit", "Sort", "has_many_models", "ranked_hits", "searched_items"]


class Sort(StrEnum):
    """What can be looked for; of two that match alike the one of the first sort comes first."""

    PAGE = "page"
    MODEL = "model"
    BENCHMARK = "benchmark"
    TASK = "task"
    RUN = "run"
    CHECK = "check"
    DECISION = "decision"


# How well a name matches, from best to worst; every word that was typed must match.
EXACT, PREFIX, WORD_STARTS, WITHIN, CLOSE = range(5)

_CHARACTERS = re.compile(r"[^\W_]+")
# Parts of a word as people write them: STS·Benchmark, Mini·LM, L·6, bge·m·3.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")
_LONGEST = 200  # characters typed that are looked at
_FEW_MODELS, MOST_FOUND = 5000, 400  # of more models only so many are looked at more closely


class Findable(NamedTuple):
    """Something with a name: what is searched of it, and what its page's address calls it.

    ``note`` is said beside the name, and of two that match alike the one with more ``weight`` is likelier meant.
    ``names`` are folded, the first without its organisation; ``words`` are of all of them.
    """

    sort: Sort
    key: str
    name: str
    note: str
    weight: float
    names: tuple[str, ...]
    words: tuple[str, ...]

    @classmethod
    def of(
        cls, sort: Sort, key: str, name: str = "", note: str = "", weight: float = 0, also: Iterable[str] = ()
    ) -> Findable:
        """An item whose ``name`` is shown (its key where that is none) and which is called ``also`` other names."""
        name = name or key
        own = name.rsplit("/", 1)[-1]
        every = [text for text in dict.fromkeys([own, name, *also, key]) if text]
        words = dict.fromkeys(chain.from_iterable(map(_words, every)))
        return cls(sort, key, name, note, weight, tuple(dict.fromkeys(map(_folded, every))), tuple(words))


class Hit(NamedTuple):
    """An item and how well it matches, 0 for the very name."""

    item: Findable
    level: int


def searched_items(cursor: Cursor, typed: str = "") -> list[Findable]:
    """Every model, benchmark and task with a result, every run and every check; not the pages, which no store has.

    Of very many models those that may be meant by what is ``typed``, at most :data:`MOST_FOUND`.
    """
    queries = {Sort.BENCHMARK: _BENCHMARKS, Sort.TASK: _TASKS, Sort.RUN: _RUNS}
    items = _items(cursor, Sort.MODEL, _MODELS) if not has_many_models(cursor) else _models_meant(cursor, typed)
    items += [item for sort, query in queries.items() for item in _items(cursor, sort, query)]
    checks = drift.checks(cursor)  # the newest first
    names = zip(checks["name"], checks["model"], strict=True)
    return items + [
        Findable.of(Sort.CHECK, str(name), note=str(model), weight=-i) for i, (name, model) in enumerate(names)
    ]


def has_many_models(cursor: Cursor) -> bool:
    """Whether there are too many models to look at each as somebody types."""
    [(models,)] = cursor.execute("SELECT count(*) FROM model_counts WHERE tasks > 0").fetchall()
    return bool(models > _FEW_MODELS)


def _models_meant(cursor: Cursor, typed: str) -> list[Findable]:
    words = _typed_words(typed)
    for parts in (words, [word[:3] for word in words]):  # as typed; then what may be another spelling of it
        limits = {"parts": parts, "whole": "".join(words), "most": MOST_FOUND}
        if parts and (items := _items(cursor, Sort.MODEL, _MODELS_WITH, limits)):
            return items
    return []


def _items(cursor: Cursor, sort: Sort, query: str, parameters: dict[str, object] | None = None) -> list[Findable]:
    asked = {**(parameters or {}), **({"sort": sort} if "$sort" in query else {})}
    rows = cursor.execute(query, asked or None).fetchall()
    return [Findable.of(sort, key, name, note or "", weight, also or ()) for key, name, note, weight, also in rows]


def ranked_hits(typed: str, items: Sequence[Findable]) -> list[Hit]:
    """What is meant by what was typed, the likeliest first; nothing for nothing.

    A name that is just that comes before one that begins with it, then those of which words begin with what was typed,
    those that have it within, and those that are spelled alike (one letter of a short word other, two of a long one).
    """
    wanted = _typed_words(typed)
    if not wanted:
        return []
    whole = "".join(wanted)
    hits = [Hit(item, level) for item in items if (level := _level(wanted, whole, item)) is not None]
    if not any(hit.level < CLOSE for hit in hits):
        hits += _close_hits(wanted, items)
    return sorted(hits, key=lambda hit: _order(hit, whole))


def _order(hit: Hit, whole: str) -> tuple[int, int, int, float, int, str]:
    item = hit.item
    place = list(Sort).index(item.sort)
    # The organisation or an older name alone is less than the name itself; of a shorter name less is left over.
    return hit.level, int(whole not in item.names[0]), place, -item.weight, len(item.names[0]), item.name.casefold()


def _level(wanted: Sequence[str], whole: str, item: Findable) -> int | None:
    """How well a name matches when spelled as typed; None when it does not."""
    if whole in item.names:
        return EXACT
    if any(name.startswith(whole) for name in item.names):
        return PREFIX
    if all(any(word.startswith(part) for word in item.words) for part in wanted):
        return WORD_STARTS
    if any(whole in name or all(part in name for part in wanted) for name in item.names):
        return WITHIN
    return None


def _close_hits(wanted: Sequence[str], items: Sequence[Findable]) -> list[Hit]:
    """Items that have a word near each of those typed, when nothing has them as they are."""
    vocabulary = set(chain.from_iterable(item.words for item in items))
    near = [_near_words(part, vocabulary) for part in wanted]
    return [Hit(item, CLOSE) for item in items if all(words.intersection(item.words) for words in near)]


def _near_words(part: str, vocabulary: set[str]) -> set[str]:
    """The words that begin with what was typed; where none does, those that are another spelling of it."""
    begun = {word for word in vocabulary if word.startswith(part)}
    return begun or {word for word in vocabulary if _is_close(part, word)}


def _is_close(typed: str, word: str) -> bool:
    """Whether a word, or as much of it as was typed, is another spelling: a letter more, less, other or in turn."""
    allowed = 0 if len(typed) < 4 or typed.isdigit() else 1 if len(typed) < 8 else 2
    if not allowed or len(word) < len(typed) - allowed:
        return False
    # An error takes three pairs of letters at most; what shares too few of them need not be looked at.
    pairs = _pairs(typed)
    if sum(pair in word for pair in pairs) < max(1, len(pairs) - 3 * allowed):
        return False
    return _fewest_errors(typed, word[: len(typed) + allowed], allowed) <= allowed


@lru_cache(maxsize=256)
def _pairs(word: str) -> tuple[str, ...]:
    return tuple(word[i : i + 2] for i in range(len(word) - 1))


def _fewest_errors(typed: str, word: str, most: int) -> int:
    """Letters to change, add, leave out or swap until ``typed`` begins ``word``; more than ``most`` is ``most`` + 1."""
    before: list[int] = []
    row = list(range(len(word) + 1))
    for i, letter in enumerate(typed, 1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(word, 1):
            errors = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == word[j - 2] and typed[i - 2] == other:
                errors = min(errors, earlier[j - 2] + 1)
            row.append(errors)
        if min(row) > most:
            return most + 1
    return min(row)  # what is left of the word is still to be typed


def _typed_words(typed: str) -> list[str]:
    return [word.casefold() for word in _CHARACTERS.findall(_without_marks(typed[:_LONGEST]))]


def _words(name: str) -> list[str]:
    """A name's words and their parts: "MiniLM-L6" is minilm, mini, lm, l6, l, 6."""
    words = []
    for word in _CHARACTERS.findall(_without_marks(name)):
        words += [word.casefold(), *(part.casefold() for part in _PARTS.findall(word))]
    return words


def _folded(name: str) -> str:
    """A name without case, marks and all that is no letter or digit."""
    return "".join(_CHARACTERS.findall(_without_marks(name))).casefold()


def _without_marks(text: str) -> str:
    """The text with letters as they are without accents, and full-width ones as the usual ones."""
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


# Each: what the page's address calls it, how it is shown, what is said beside it, its weight, other names it goes by.
_MODELS = """
SELECT model, NULL, NULL, tasks, list(old) FILTER (old IS NOT NULL)
FROM (SELECT model, tasks FROM model_counts WHERE tasks > 0)
LEFT JOIN renames ON kind = $sort AND new = model GROUP BY ALL
"""
# The same of those whose names hold every part, folded as nearly as the database does it; the likelier ones first.
_MODELS_WITH = """
WITH named AS (
    SELECT model, tasks, list(old) FILTER (old IS NOT NULL) AS old
    FROM model_counts LEFT JOIN renames ON kind = $sort AND new = model WHERE tasks > 0 GROUP BY ALL
),
folded AS (
    SELECT *, regexp_replace(lower(strip_accents(concat_ws(chr(0), model, array_to_string(old, chr(0))))),
        '[^\\p{L}\\p{N}\\x00]', '', 'g') AS letters
    FROM named
)
SELECT model, NULL, NULL, tasks, old FROM folded
WHERE list_bool_and(list_transform($parts, lambda part: contains(letters, part)))
ORDER BY contains(letters, $whole) DESC, tasks DESC, model LIMIT $most
"""
_TASKS = """
SELECT task, NULL, type, models, list(old) FILTER (old IS NOT NULL)
FROM (SELECT task, models FROM task_counts WHERE models > 0)
LEFT JOIN tasks USING (task) LEFT JOIN renames ON kind = $sort AND new = task GROUP BY ALL
"""
_BENCHMARKS = """
SELECT benchmark, NULL, display_name, -position, list_append(aliases, display_name) FROM benchmarks k
WHERE EXISTS (FROM board b WHERE b.benchmark = k.benchmark)
"""
_RUNS = "SELECT run_id, model, strftime(started_at, '%Y-%m-%d %H:%M'), epoch(started_at), [kind] FROM runs"

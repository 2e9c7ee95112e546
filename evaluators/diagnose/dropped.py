"""Words left out by a list that nobody knows: found word by word from the vectors.

In a text of few words the ones that are missing can be found by trying: without the right ones it has the candidate's
vector to the last digits, which no other choice has by chance. What one text tells of a word holds for the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from data.rules.causes import CAUSES, Cause
from data.rules.causes.edits import STOP_WORDS
from data.rules.causes.marks import MARKS, marks_in
from evaluators.diagnose.directions import left, off_by_rows, rows_alike
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import Errors
from evaluators.diagnose.reference import Embeddings

__all__ = ["words_left_out"]

_WORDS, _OPEN = 150, 80  # of a text at most, and of those not yet told of
_SHORTEST = 2  # words of a text
_FIRST = 2  # texts of which a single word has to bring each nearer
_NEARER = 0.9
_FOUND = 0.1  # of the distance before: a text without the right words
_TURNS = 3  # of looking at each word again
_FEWEST = 2  # texts that were found
_SHOWN = 6  # words

_COMMON = frozenset.union(*STOP_WORDS.values())

_MARKS = "marks-left-out"
# What counts as a word, by the cause that leaves them out.
_KINDS: dict[str, Callable[[str], list[str]]] = {
    _MARKS: marks_in,
    "words-left-out": str.split,
    "words-left-out-anywhere": re.compile(r"\w+").findall,
}


def words_left_out(bench: Bench, candidate: Embeddings, early: tuple[Cause, ...]) -> list[Cause]:
    """The words without which texts have the candidate's vectors, on top of early causes; nothing where none do.

    Args:
        bench: the reference and the texts.
        candidate: float [n, d].
        early: causes taken for granted, none of which leaves out words.
    """
    best: tuple[int, list[Cause]] = 0, []
    for code in _KINDS:
        sifted = _Sifted(bench, candidate, early, code)
        places = sifted.telling()
        if len(places) < _FEWEST or not all(sifted.one_word_helps(place) for place in places[:_FIRST]):
            continue
        count = sum(sifted.find(place) for place in places)
        if sifted.dropped and count >= max(_FEWEST, best[0] + 1):
            best = count, [_named(code, sifted.dropped)]
        if count == len(places):
            break
    return best[1]


def _named(code: str, dropped: set[str]) -> Cause:
    if code == _MARKS:
        kinds = [name for name in MARKS if name in dropped]
        blanks = {"listed": " ".join(kinds), "shown": [MARKS[name].words for name in kinds]}
        lines = [(MARKS[name].pattern, MARKS[name].instead) for name in kinds]
        return CAUSES[code].filled({**blanks, "lines": lines}, blanks=blanks)
    shown = sorted({word.lower() for word in dropped}, key=lambda word: (len(word), word))
    more = f" ... {len(shown)}" if len(shown) > _SHOWN else ""
    blanks = {"listed": " ".join(sorted(dropped)), "shown": f"{', '.join(shown[:_SHOWN])}{more}"}
    # In the lines to paste the words stand as Python has a list of them.
    return CAUSES[code].filled({**blanks, "listed": sorted(dropped)}, blanks=blanks)


class _Choice(NamedTuple):
    """Words without which a text is so far off."""

    without: frozenset[str]
    off: float


class _Sifted:
    """What the texts say of each word: left out or kept."""

    def __init__(self, bench: Bench, candidate: Embeddings, early: tuple[Cause, ...], code: str) -> None:
        self._bench, self._candidate, self._recipe = bench, candidate, bench.under(early)
        self._before = left(bench, candidate, self._recipe)
        self._code = code
        # Of a text that is cut nobody knows which of its last words were there.
        self._whole = [len(row.ids) < self._recipe.length for row in bench.rows(self._recipe)]
        self._words = [list(dict.fromkeys(_KINDS[code](text))) for text in bench.texts.texts]
        self.dropped: set[str] = set()
        self._kept: set[str] = set()

    def telling(self) -> list[int]:
        """Texts that differ, those of the fewest words first."""
        differ = np.flatnonzero(self._before.best > self._before.tolerance).tolist()
        least = 1 if self._code == _MARKS else _SHORTEST
        few = [place for place in differ if least <= len(self._words[place]) <= _WORDS]
        return sorted(few, key=lambda place: len(self._words[place]))

    def one_word_helps(self, place: int) -> bool:
        """Whether a text is nearer without one of its words."""
        alone = [frozenset({word}) for word in self._words[place]]
        return bool(self._off(place, alone).min() < _NEARER * self._before.best[place])

    def find(self, place: int) -> bool:
        """Whether the words are found that a text lacks; what it tells of its words is kept."""
        open_ = [word for word in self._words[place] if word not in self.dropped and word not in self._kept]
        # Those of lists of stop words first: they are few, and of a long text all would be too many to try.
        common = [word for word in open_ if word.lower() in _COMMON]
        for few in (common, open_):
            if len(few) > _OPEN:
                continue
            choice = self._looked_for(place, few)
            if choice.off <= max(_FOUND * self._before.best[place], self._before.tolerance[place]):
                choice = self._needed(place, choice) if self._code == _MARKS else choice
                self.dropped |= choice.without
                if self._whole[place]:
                    self._kept |= set(self._words[place]) - choice.without
                return True
        return False

    def _needed(self, place: int, choice: _Choice) -> _Choice:
        """Of marks those without which the text is no further off with the others: several may name the same signs."""
        for name in reversed(MARKS):
            fewer = choice.without - {name}
            if name in choice.without and (off := self._nearest(place, [fewer]).off) <= max(
                1.1 * choice.off, float(self._before.tolerance[place])
            ):
                choice = _Choice(fewer, off)
        return choice

    def _looked_for(self, place: int, open_: Sequence[str]) -> _Choice:
        """Known words go first; then the open ones that help most by themselves; then each is looked at again."""
        known = frozenset(word for word in self._words[place] if word in self.dropped)
        choice = self._nearest(place, [known, known.union(open_)])
        if not open_ or choice.off <= self._before.tolerance[place]:
            return choice
        alone = self._off(place, [known | {word} for word in open_])
        order = [open_[number] for number in np.argsort(alone)]
        choice = self._nearest(place, [known.union(order[:count]) for count in range(len(order) + 1)])
        for _ in range(_TURNS):
            before, choice = (
                choice,
                self._nearest(place, [choice.without, *(choice.without ^ {word} for word in open_)]),
            )
            if choice == before:
                break
        return choice

    def _nearest(self, place: int, sets: Sequence[frozenset[str]]) -> _Choice:
        off = self._off(place, sets)
        return _Choice(sets[int(off.argmin())], float(off.min()))

    def _off(self, place: int, sets: Sequence[frozenset[str]]) -> Errors:
        """How far a text is off without each of the sets of words; 2 where nothing is left of it."""
        own = self._bench.texts.texts[place]
        sift = CAUSES[self._code].sift
        assert sift is not None
        texts = [sift(own, " ".join(one)) for one in sets]
        distinct = [text for text in dict.fromkeys(texts) if text]
        if not distinct:
            return np.full(len(sets), 2.0)
        bench, rows = rows_alike(self._bench, distinct, self._bench.texts.roles[place], self._recipe)
        errors = off_by_rows(bench, self._recipe, rows, self._before.way, self._candidate[[place]])
        off = dict(zip(distinct, errors.tolist(), strict=True))
        return np.array([off.get(text, 2.0) for text in texts])

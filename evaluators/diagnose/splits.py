"""Long texts cut in pieces by characters, words or sentences before they were encoded: as what splitter, of what size.

What people set is tried on the shortest text that was cut, all of it at once, and held against longer ones. Where
nothing fits, each beginning and each rest of that text are, as for chunks of tokens (see ``chunks``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from data.rules.causes import Cause
from data.rules.causes.tokens import CHUNKS_HOW
from data.rules.splitters import SPLITTERS
from evaluators.diagnose.chunks import FITS, chunked, nearest_of, nearest_pairs
from evaluators.diagnose.directions import of_rows, rows_alike
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.recipe import Chunking, edited
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import around_prompt

__all__ = ["estimated_pieces"]

_SHARES = (0.1, 0.15, 0.2, 0.25, 0.5)  # of a size, that pieces share
_FIRST = ("mean-of-units", "weighted-of-units")  # of the ways to one vector, those that say which splitters may fit
_ROUGHLY = 0.7  # of the distance before, a splitter that may fit in another of the ways
_FEW = 4  # cuts of a text tried in every way
_HALF = 0.5  # of the texts that differ
_WITNESSES = 3  # more texts that have to fit
_ALIKE = 1.5  # times what the best leaves of a text
# Sizes and overlaps in tokens; a size may or may not count the special ones.
_IN_TOKENS = (
    tuple(
        sorted(
            {
                one + by
                for one in (*range(16, 512, 16), *range(10, 501, 10), *range(25, 501, 25), 512)
                for by in (-2, 0, 2)
            }
        )
    ),
    (5, 10, 16, 20, 25, 30, 32, 50, 64, 100, 128),
)
_AGAIN = ("tokens-again", "tokens-decoded")  # pieces of so many tokens, as text
_LARGEST = 1500  # characters of a text whose every beginning and rest is fitted


def estimated_pieces(lengths: Lengths) -> list[Cause]:
    """Causes that explain the longer texts, where those are the ones that differ; at most two."""
    if not lengths.longer():
        return []
    several = any(prompt for _, prompt in lengths.base.prompts)
    cuts = [_Cuts(lengths, prompted) for prompted in ((False, True) if several else (False,))]
    tried: list[tuple[float, Cause]] = []
    for causes in _each_way(cuts):
        shares = [(lengths.share(cause), cause) for cause in causes]
        if any(share == 1 for share, _ in shares):
            return [cause for share, cause in shares if share == 1]
        tried += [(share, cause) for share, cause in shares if share >= _HALF]
    return [max(tried, key=lambda each: each[0])[1]] if tried else []


def _each_way(cuts: Sequence[_Cuts]) -> Iterator[list[Cause]]:
    for cut in cuts:
        for unit in (*_AGAIN, *SPLITTERS) if cut.prompted else ("tokens", "tokens-rest", *_AGAIN, *SPLITTERS):
            yield cut.usual(unit)
    for cut in cuts:
        yield cut.fitted()


class _Cuts:
    """The texts as they are cut, and what of them differs."""

    def __init__(self, lengths: Lengths, prompted: bool) -> None:
        self._lengths, self.prompted = lengths, prompted
        bare, before = around_prompt(lengths.base)
        texts = lengths.bench.texts
        whole = bare if prompted else lengths.base
        self._texts = [edited(text, role, whole) for text, role in zip(texts.texts, texts.roles, strict=True)]
        self._of_piece = before if prompted else replace(lengths.base, prompts=(), edits=())

    def usual(self, unit: str) -> list[Cause]:
        """With a size and an overlap that people set."""
        in_tokens = unit not in SPLITTERS
        sizes, overlaps = _IN_TOKENS if in_tokens else (SPLITTERS[unit].sizes, SPLITTERS[unit].overlaps)
        counts = self._lengths.tokens if in_tokens else list(map(SPLITTERS[unit].count, self._texts))
        differing = self._lengths.differing(counts)
        if not differing:
            return []
        least = max(self._lengths.spared(counts, differing), default=1)
        most = self._lengths.room if in_tokens else max(sizes)  # that the model can take
        # Longer texts than which are cut: than a piece, or than the step from one to the next.
        settings = [
            self._chunking(size, shared, unit)
            for size in sizes
            if size <= most
            for shared in _overlaps(size, overlaps)
            if least <= (size - shared if unit.endswith("-rest") else size) < counts[differing[0]]
        ]
        best = self._lengths.before[differing[0]] * _ROUGHLY
        for number, place in enumerate(dict.fromkeys([*differing[:_WITNESSES], differing[-1]])):
            offs = self._off(settings, place)
            edge = best if number == 0 else max(_ALIKE * min(offs, default=0.0), self._lengths.before[place] * _ROUGHLY)
            settings = [one for one, off in zip(settings, offs, strict=True) if off <= edge]
        ordered = sorted(zip(self._off(settings, differing[0]), range(len(settings)), strict=True))
        chosen = [settings[number] for _, number in ordered[:_FEW]]
        return self._named(chosen, [differing[0], differing[-1]])

    def fitted(self) -> list[Cause]:
        """With any size: the one that a text shows which was cut in two."""
        counts = list(map(len, self._texts))
        differing = self._lengths.differing(counts)
        if not differing or counts[differing[0]] > _LARGEST:
            return []
        place = differing[0]
        text, role = self._texts[place], self._lengths.bench.texts.roles[place]
        shorter = [count for count in self._lengths.spared(counts, differing) if count < len(text)]
        wanted = unit_rows(self._lengths.candidate[[place]])[0]
        pairs = nearest_pairs(text, lambda parts: self._vectors(parts, role), wanted, max(shorter, default=8))
        settings = []
        for off, end, start in pairs:
            if off < FITS * self._lengths.before[place]:
                for unit in ("characters", "words"):
                    count = SPLITTERS[unit].count
                    settings.append(self._chunking(count(text[:end]), max(0, count(text[start:end])), unit))
        return self._named(dict.fromkeys(settings), [place, differing[-1]])

    def _chunking(self, size: int, shared: int, unit: str) -> Chunking:
        return Chunking(size, shared, _FIRST[0], unit, self.prompted)

    def _named(self, settings: Iterable[Chunking], places: Sequence[int]) -> list[Cause]:
        """The causes of a few settings, in every way to one vector, that the texts bear out."""
        declared = self._lengths.base.length
        causes = [chunked(one._replace(how=how), declared) for one in settings for how in CHUNKS_HOW]
        return nearest_of(self._lengths, causes, places) if causes else []

    def _off(self, settings: Sequence[Chunking], place: int) -> list[float]:
        """How far a text is off under each; those that cut it alike are computed once."""
        off: list[list[float]] = []
        for how in _FIRST:
            causes = [chunked(one._replace(how=how), self._lengths.base.length) for one in settings]
            rows = self._lengths.rows(causes, place)
            first = dict(zip(rows, causes, strict=True))
            self._lengths.ahead(list(first.values()), place)
            of_row = {row: self._lengths.off(cause, place) for row, cause in first.items()}
            off.append([of_row[row] for row in rows])
        return [min(both) for both in zip(*off, strict=True)]

    def _vectors(self, parts: Sequence[str], role: str | None) -> Embeddings:
        """Unit vectors of parts of a text, as pieces are encoded."""
        distinct = tuple(dict.fromkeys(parts))
        bench, rows = rows_alike(self._lengths.bench, distinct, role, self._of_piece)
        made = unit_rows(of_rows(bench, self._lengths.base, rows, self._lengths.way))
        own = {part: made[number, : self._lengths.candidate.shape[1]] for number, part in enumerate(distinct)}
        return np.stack([own[part] for part in parts])


def _overlaps(size: int, usual: Sequence[int]) -> list[int]:
    """What pieces of a size may share, as people set it; less than all of it."""
    shares = [int(share * size) for share in _SHARES]
    return [one for one in dict.fromkeys([0, *shares, *usual]) if one < size]

"""Where texts were cut: estimated from which of them differ, whatever the length, the unit and the end.

Texts up to a length are right and longer ones are not; between the longest that is right and the shortest that is not
lies the length. It is looked for on that shortest one, coarsely and then finely, and held against the longest ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from data.rules.causes import Cause
from evaluators.diagnose.cuts import (
    USUAL_LENGTHS,
    Maker,
    before_prompt,
    both_ends,
    end_of,
    numbered,
    of_tokens,
    roundest,
)
from evaluators.diagnose.directions import left
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.recipe import Recipe, edited
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Chunks, Row
from evaluators.diagnose.traits import special_token_traits

__all__ = ["Lengths"]

_NOISE = 4.0  # times what is left of short texts
_AGREE = 0.85  # of the texts on their side of the length
_TOO_COARSE = 0.2  # of noise, in which no length shows; twice that where it leaves texts right
_SPREADS = 6.0  # median deviations
_SCATTERED, _MOST, _CLEAR = 1.5, 0.9, 2.0  # times a quantile; times that, the texts that are cut
_BETTER = 0.3  # of the distance before, from which a length is believed
_HOPELESS = 0.9  # the same, over which no length is near
_LESS = 0.6  # the same, where what is left is noise
_SHORT = 4  # texts whose errors are noise, if any are
_BY_NOISE = 1.25  # times the distance of a text, which such noise makes or takes away
_EXPLAINED = 0.05  # of the distance before, of a text that a length explains
_COARSE = 12  # values looked at first
_SHARED = (0.5, 0.25, 0.75)  # of a length that two ends share
_LOOKED_AT = 4  # texts, until one tells a length
_WITNESSES = 3
_HALF = 0.5  # of the texts that differ
_ALIKE = 3.0  # times what the best length leaves of a text
_FEW = 3  # causes at once


class _Unit(NamedTuple):
    """A way to count: the lengths of all texts in it, and the cause that a length is."""

    lengths: Sequence[int]
    make: Maker
    most: int  # beyond which no text goes
    beginning: bool = True  # whether what is kept is the beginning of a text


class _Noise(NamedTuple):
    """What may be left of a text for no reason of its length.

    Attributes:
        most: distance up to which it is that.
        scattered: whether it leaves some texts right and others anywhere.
    """

    most: float
    scattered: bool


class Lengths:
    """The lengths that would explain a candidate on top of early causes.

    Args:
        bench: the reference and the texts.
        candidate: float [n, d].
        early: causes taken for granted, of the slots before pooling; those of the length itself are not.
        settled: places of texts whose difference has a cause of its own.
        scattered: whether what is left by early causes is known to be noise that leaves some texts right.
    """

    def __init__(
        self,
        bench: Bench,
        candidate: Embeddings,
        early: tuple[Cause, ...],
        settled: Collection[int] = (),
        *,
        scattered: bool = False,
    ) -> None:
        self.bench, self.candidate, self.settled, self._scattered = bench, candidate, settled, scattered
        self.early = tuple(cause for cause in early if cause.family != "length")
        self.base = bench.under(self.early)
        before = left(bench, candidate, self.base)
        self.way, self.before, self.tolerance = before.way, before.best, before.tolerance
        self._right = float(self.tolerance.max())
        self._benches: dict[int, Bench] = {}
        self._no_beginning: set[int] = set()  # places of texts of which no beginning comes near

    @cached_property
    def room(self) -> int:
        """Tokens that the model has positions for."""
        reference = self.bench.reference
        return min(int(reference.positions or reference.tokenizer.model_max_length), 8192)

    @cached_property
    def tokens(self) -> list[int]:
        """Tokens of each text, special ones included, as far as there is room."""
        return [len(row.ids) for row in self.bench.rows(replace(self.base, length=self.room))]

    def causes(self) -> list[Cause]:
        """A cause a unit in which a length is found, the best of them; the first alone that explains all texts."""
        some: list[tuple[float, int, Cause]] = []
        for number, unit in enumerate(self._units()):
            cause = self._estimated(unit)
            if cause is None:
                continue
            share = self.share(cause)
            if share == 1:
                return [cause]
            some.append((-share, number, cause))
        if any(-share >= _HALF for share, _, _ in some):
            return [cause for _, _, cause in sorted(some)[:_FEW]]
        return self._ends() if self.longer() else []

    def longer(self) -> list[int]:
        """Places of the texts that differ where those are the ones of more tokens, the shortest first; else none."""
        return self.differing(self.tokens)

    def share(self, cause: Cause) -> float:
        """Of the texts that differ or that a cause changes, those that are near under it."""
        noise, recipe = self._noise_of_tokens, self._under(cause)
        tolerance = noise.most
        then, now = self.bench.rows(self.base), self.bench.rows(recipe)
        every = [place for place in range(len(then)) if place not in self.settled]
        chosen = [place for place in every if self.before[place] > tolerance or then[place] != now[place]]
        after = left(self.bench, self.candidate, recipe, chosen).ways[self.way]
        edge = np.maximum(tolerance, _EXPLAINED * self.before[chosen])
        if noise.scattered:
            edge = np.maximum(edge, [self._near(place) for place in chosen])
        return float((after < edge).mean()) if chosen else 1.0

    @cached_property
    def _noise_of_tokens(self) -> _Noise:
        return self._noise(self.tokens)

    def _noise(self, lengths: Sequence[int]) -> _Noise:
        """What may be noise: some times what is left of the shortest texts, or what stands out of the shorter half.

        A coarse arithmetic moves all texts about alike, and those of a word or two most. One that rounds what goes
        through the model leaves some texts right and others anywhere: where no length parts the texts otherwise, noise
        is what nine in ten of the shorter half stay below.
        """
        order = np.argsort(lengths, kind="stable")
        short = self.before[order[: max(_SHORT, len(lengths) // 8)]]
        half = self.before[order[: max(_SHORT, len(lengths) // 2)]]
        middle = float(np.median(half))
        stands_out = middle + _SPREADS * float(np.median(np.abs(half - middle)))
        fine = max(self._right, min(_NOISE * float(np.median(short)), stands_out))
        if not self._scattered and self._parted(lengths, fine):
            return _Noise(fine, scattered=False)
        return _Noise(max(fine, _SCATTERED * float(np.quantile(half, _MOST))), scattered=True)

    def _near(self, place: int) -> float:
        """Distance of a text from which a length is believed: much less than before, or no more than noise."""
        before = float(self.before[place])
        return max(_BETTER * before, min(self._noise_of_tokens.most, _LESS * before))

    def _units(self) -> Iterator[_Unit]:
        declared = self.base.length

        yield _Unit(self.tokens, of_tokens(declared), self.room)
        if any(prompt for _, prompt in self.base.prompts):
            yield _Unit(self._own_tokens(), before_prompt(declared), self.room)
        if self.base.special == "all" and "last special token" in special_token_traits(self.bench.reference.tokenizer):
            yield _Unit(self.tokens, of_tokens(declared, "end-cut-off", special="last-cut"), self.room)
        yield _Unit(self.tokens, of_tokens(declared, "last-tokens", cut_left=True), self.room, beginning=False)
        texts, roles, _ = self.bench.texts
        for code, count in (("characters-cut", len), ("bytes-cut", _bytes), ("words-cut", _words)):
            for prompted in (False, True) if any(prompt for _, prompt in self.base.prompts) else (False,):
                recipe = self.base if prompted else replace(self.base, prompts=())
                written = [edited(text, role, recipe) for text, role in zip(texts, roles, strict=True)]
                whole = code + ("-with-prompt" if prompted else "")
                yield _Unit(list(map(count, written)), numbered(whole), max(map(count, written), default=0))

    def _own_tokens(self) -> list[int]:
        bare = replace(self.base, prompts=(), special="none", length=self.room)
        return [len(row.ids) for row in self.bench.rows(bare)]

    def differing(self, lengths: Sequence[int]) -> list[int]:
        """Places of the texts that differ and are longer than all that do not, the shortest first; few may disagree."""
        tolerance, scattered = self._noise(lengths)
        # Beside a coarser arithmetic a length is found once that is known, but where it parts the texts cleanly.
        wrong = [] if tolerance > 2 * _TOO_COARSE else self._parted(lengths, tolerance)
        clean = _FEW <= len(wrong) <= len(lengths) // 2 and self._all_longest(wrong, lengths, tolerance)
        if not scattered and tolerance > _TOO_COARSE and not clean:
            return []
        far = bool(wrong) and float(np.median(self.before[wrong])) >= _CLEAR * tolerance
        if scattered and not clean and (len(wrong) < _FEW or not far):
            return []  # the longest stand out of such noise by chance
        if tolerance > self._right and wrong and float(self.before[wrong].max()) < _SCATTERED * tolerance:
            return []
        return wrong

    def _all_longest(self, wrong: Sequence[int], lengths: Sequence[int], tolerance: float) -> bool:
        """Whether the texts that differ are exactly the longest ones."""
        every = [place for place in range(len(lengths)) if place not in self.settled]
        shortest = min(lengths[place] for place in wrong)
        return all((lengths[place] >= shortest) == (self.before[place] > tolerance) for place in every)

    def _parted(self, lengths: Sequence[int], tolerance: float) -> list[int]:
        open_ = [place for place in range(len(lengths)) if place not in self.settled]
        order = sorted(open_, key=lambda place: lengths[place])
        wrong = self.before[order] > tolerance
        sides = [int((~wrong[:cut]).sum() + wrong[cut:].sum()) for cut in range(len(order))]
        cut = int(np.argmax(sides)) if sides else 0
        if not order or sides[cut] < min(_AGREE * len(order), len(order) - 1) or not wrong[cut:].any():
            return []
        return [place for place, differs in zip(order[cut:], wrong[cut:], strict=True) if differs]

    def _estimated(self, unit: _Unit) -> Cause | None:
        """The length in a unit; None where there is none."""
        wrong = self.differing(unit.lengths)
        # In such noise a text that was cut a little looks like one that was not: those that are right say more.
        noisy = np.flatnonzero(self.before > self._right).tolist() if self._scattered else wrong
        right = self.spared(unit.lengths, noisy)
        whole = 1  # the longest of those that differ and are not cut
        for place in dict.fromkeys([*wrong[:_LOOKED_AT], *wrong[-1:]]):
            if unit.beginning and place in self._no_beginning:
                continue
            lowest = max((one for one in right if one < unit.lengths[place]), default=1)
            values = range(max(whole, lowest), min(unit.lengths[place], unit.most) + 1)
            best = self._nearest(values, unit.make, place)
            error = self._at(unit.make, place, best[:1])[0] if best else self.before[place]
            if unit.beginning and error > _HOPELESS * self.before[place]:
                self._no_beginning.add(place)  # and be it cut by characters or words
            if not best or error > self._near(place):
                continue  # another cause has a part in this text
            if place == wrong[-1] or (best[0] < unit.lengths[place] and not self._as_well_whole(unit, place, error)):
                return self._borne_out(unit, best, place, wrong)
            whole = unit.lengths[place]
        return None

    def _as_well_whole(self, unit: _Unit, place: int, error: float) -> bool:
        """Whether noise alone may make a text a little nearer where some of it is missing."""
        whole = [min(unit.lengths[place], unit.most)]
        return self._noise(unit.lengths).scattered and self._at(unit.make, place, whole)[0] < _BY_NOISE * error

    def _borne_out(self, unit: _Unit, best: Sequence[int], place: int, wrong: Sequence[int]) -> Cause | None:
        """The one of a few lengths that the longest texts bear out."""
        errors = self._at(unit.make, place, best)
        near = [one for one, error in zip(best, errors, strict=True) if error <= max(self._right, _ALIKE * errors[0])]
        values = self._same_row(unit, near, place)
        if self._noise(unit.lengths).scattered:
            # In noise the nearest is seldom the one that was set.
            usual = [one for one in USUAL_LENGTHS if one <= min(unit.lengths[place], unit.most)]
            errors_of = zip(usual, self._at(unit.make, place, usual), strict=True)
            values = sorted({*values, *(one for one, error in errors_of if error < _BY_NOISE * errors[0])})
        # A text that comes right to the last digits does so by no accident: what the length leaves of others is another
        # cause's.
        right = errors[0] <= self._right
        for other in [one for one in reversed(wrong) if one != place][:_WITNESSES]:
            errors = self._at(unit.make, other, values)
            if min(errors) > self._near(other):
                if right:
                    continue
                return None
            edge = max(self._right, 1.5 * min(errors))
            values = [value for value, error in zip(values, errors, strict=True) if error <= edge]
        # Where no text tells it from all that the model has room for, nothing was cut.
        whole = unit.most == self.room and self.room in values
        return unit.make(self.room if whole else roundest(values))

    def _same_row(self, unit: _Unit, best: Sequence[int], place: int) -> list[int]:
        """The lengths themselves, and those beside them that cut the text at the same token."""
        alone, values = self._alone(place), set(best)
        # Whatever is as long as the text or longer leaves it whole.
        most = unit.lengths[place] - 1 if best[0] < unit.lengths[place] else unit.most
        for one in best:
            row = alone.rows(self._under(unit.make(one)))[0]
            for step in (1, -1):
                value = one + step
                while 0 < value <= most and alone.rows(self._under(unit.make(value)))[0] == row:
                    values.add(value)
                    value += step
                    if abs(value - one) > 400:
                        break
        return sorted(values)

    def _nearest(self, values: Sequence[int], make: Maker, place: int) -> list[int]:
        """The few values that bring a text nearest, the nearest first; looked for coarsely, then finely."""
        known: dict[int, float] = {}
        step = max(1, len(values) // _COARSE)
        asked = {*range(0, len(values), step), len(values) - 1} if len(values) else set()
        # A little below all of a text only the length itself brings it near, and not one beside it.
        asked |= {values.index(one) for one in USUAL_LENGTHS if one in values}
        while asked:
            new = sorted(asked - known.keys())
            known.update(zip(new, self._at(make, place, [values[each] for each in new]), strict=True))
            if min(known.values()) > _HOPELESS * self.before[place]:
                return []
            if step == 1:
                break
            step = max(1, step // 2)
            near = sorted(known, key=known.__getitem__)[:3]
            asked = {each + by for each in near for by in (-step, step) if 0 <= each + by < len(values)}
        return [values[each] for each in sorted(known, key=known.__getitem__)[:3]]

    def _at(self, make: Maker, place: int, values: Sequence[int]) -> list[float]:
        """How far a text is off under each of these lengths."""
        alone, own = self._alone(place), self.candidate[[place]]
        recipes = [self._under(make(value)) for value in values]
        alone.ahead((recipe, (0,)) for recipe in recipes)
        return [float(left(alone, own, recipe).ways[self.way, 0]) for recipe in recipes]

    def _alone(self, place: int) -> Bench:
        if place not in self._benches:
            self._benches[place] = self.bench.only([place])
        return self._benches[place]

    def _under(self, cause: Cause) -> Recipe:
        return self.bench.under((*self.early, cause))

    def _ends(self) -> list[Cause]:
        """Long texts of which both ends are kept."""
        wrong = self.differing(self.tokens)
        place = wrong[0]
        declared = self.base.length
        makers: list[tuple[Maker, Sequence[int]]] = [
            (both_ends(declared, share), range(8, min(self.tokens[place], self.room) + 1)) for share in _SHARED
        ]
        if self.tokens[place] > declared:
            makers.append((end_of(declared), range(1, declared - 2)))
        tried: list[tuple[float, int, int]] = []
        for number, (make, values) in enumerate(makers):
            for value in self._nearest(values, make, place)[:1]:
                tried.append((self._at(make, place, [value])[0], number, value))
        for error, number, value in sorted(tried):
            unit = _Unit(self.tokens, makers[number][0], self.room)
            if error < self._near(place) and (cause := self._borne_out(unit, [value], place, wrong)):
                return [self._plainest(cause)]
        return []

    def _plainest(self, cause: Cause) -> Cause:
        """The length alone, where no text is so long that the middle of it is missing."""
        plain = of_tokens(self.base.length)(int(cause.changes.get("length", self.base.length)))
        same = self.bench.rows(self._under(plain)) == self.bench.rows(self._under(cause))
        return plain if same else cause

    def spared(self, lengths: Sequence[int], differing: Sequence[int]) -> list[int]:
        """Lengths of the texts that neither differ by their length nor for another cause."""
        return [one for place, one in enumerate(lengths) if place not in differing and place not in self.settled]

    def differs(self, place: int) -> bool:
        """Whether a text differs, and for no cause that is known."""
        return place not in self.settled and bool(self.before[place] > self._right)

    def rows(self, causes: Sequence[Cause], place: int) -> list[Row | Chunks]:
        """What a text becomes under each of several causes."""
        return [self._alone(place).rows(self._under(cause))[0] for cause in causes]

    def ahead(self, causes: Sequence[Cause], place: int) -> None:
        """Run what :meth:`off` will be asked of a text, all at once."""
        self._alone(place).ahead((self._under(cause), (0,)) for cause in causes)

    def off(self, cause: Cause, place: int) -> float:
        """How far a text is off under one more cause."""
        alone = self._alone(place)
        return float(left(alone, self.candidate[[place]], self._under(cause)).ways[self.way, 0])

    def bears_out(self, cause: Cause, places: Sequence[int]) -> bool:
        """Whether a cause brings each of these texts near."""
        return all(self.off(cause, place) < self._near(place) for place in places)


def _bytes(text: str) -> int:
    return len(text.encode())


def _words(text: str) -> int:
    return len(text.split())

"""Every answer that one load gave to the texts it was asked of again and again, and what they are held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Vectors
from evaluators.parity.asking import Call, CallLog
from evaluators.parity.scatter import gap, gaps, groups

__all__ = ["Answers", "AnswerRow", "rounding_gap", "rounds_by", "vectors_of_all"]

_TWO_CALLS = 4.0  # worst text of two calls, each rounded, over the median of one against the reference
_EVEN = 6.0  # largest over the median of what is rounding on every text
_LEAST = 0.25  # of the texts are moved by rounding alone
_WITHIN = 0.5  # of what the candidate differs from the reference by: less is its own precision
_PRECISE = 5e-4  # and never more than half precision may leave


class AnswerRow(NamedTuple):
    """One answer: the number of its call, its place in it, and its text."""

    call: int
    place: int
    text: int


class Answers:
    """The answers of one load, one a row, in the order they came.

    Attributes:
        log: the calls they are from.
        tolerance: gap up to which two answers are one.
        known: the reference's vectors of all texts, [n, d]; None where there is no reference to hold against.
        calls: those whose answers can be compared with each other, by the number that a row names.
        rows: those that are numbers.
    """

    def __init__(self, log: CallLog, tolerance: float, known: Vectors | None) -> None:
        self.log, self.tolerance, self.known = log, tolerance, known
        self.others = _of_beginnings(log, 0 if known is None else known.shape[1])
        made = log.of("all", "batch", "alone", "reversed", "company", "beginnings")
        widths = Counter(call.vectors.shape[1] for call in log.calls if call.texts)
        # Vectors of another width than most are no answers that could be compared.
        self.width = widths.most_common(1)[0][0] if widths else 0
        self.calls = [call for call in made if call.vectors.shape[1] == self.width]
        self.rows = [
            AnswerRow(number, place, text)
            for number, call in enumerate(self.calls)
            for place, text in enumerate(call.texts)
            if text >= 0 and bool(np.isfinite(call.vectors[place]).all())
        ]

    def how(self, row: AnswerRow) -> str:
        """The kind of call an answer is from."""
        return self.calls[row.call].how

    def vector(self, row: AnswerRow) -> Vectors:
        """One answer, [d]."""
        return np.asarray(self.calls[row.call].vectors[row.place])

    def stack(self, rows: Sequence[AnswerRow]) -> Vectors:
        """Several answers, [n, d]."""
        return np.stack([self.vector(row) for row in rows])

    def of(self, text: int, *how: str) -> list[AnswerRow]:
        """The answers to one text, of all or some kinds of calls."""
        return [row for row in self.rows if row.text == text and (not how or self.how(row) in how)]

    def of_call(self, how: str) -> list[AnswerRow]:
        """The answers in calls of one kind."""
        return [row for row in self.rows if self.how(row) == how]

    def repeated(self, rows: Sequence[AnswerRow] | None = None) -> float:
        """Largest gap between the first and another answer to the same text in calls that were the same."""
        same: dict[tuple[int, str], list[AnswerRow]] = {}
        for row in self.rows if rows is None else rows:
            if row.text in self.log.chosen and self.how(row) in ("batch", "alone"):
                same.setdefault((row.text, self.how(row)), []).append(row)
        apart = [gaps(self.stack(group[:1]), self.stack(group)).max() for group in same.values() if len(group) > 1]
        return float(max(apart, default=0.0))

    def first(self, *how: str) -> dict[int, Vectors] | None:
        """The first answer to each text in calls of one kind; None where there are none to compare."""
        first = {text: self.vector(rows[0]) for text in self.log.chosen if (rows := self.of(text, *how))}
        return first if len(first) > 1 else None

    def alone(self) -> Vectors | None:
        """The first answer to each text alone, NaN for texts that were not asked so, [n, d]."""
        rows = [row for text in self.log.chosen for row in self.of(text, "alone")[:1]]
        if not rows:
            return None
        bank = np.full((len(self.log.texts), len(self.vector(rows[0]))), np.nan, dtype=np.float32)
        for row in rows:
            bank[row.text] = self.vector(row)
        return bank

    def usual(self) -> Vectors | None:
        """The answer that each text has most often, NaN for texts asked once, [n, d]."""
        every = self.log.everything()
        width = next((call.vectors.shape[1] for call in self.calls), 0)
        bank = np.full((len(self.log.texts), width), np.nan, dtype=np.float32) if every is None else every.copy()
        for text in self.log.chosen:
            if rows := self.of(text):
                vectors = self.stack(rows)
                bank[text] = vectors[int((groups(vectors, self.tolerance) == 0).argmax())]
        return bank if width else None

    def arithmetic(self, bank: Vectors) -> float:
        """Gap that the encoder's arithmetic may leave between a text by itself and beside those of other clients."""
        if self.known is None:
            return self.tolerance
        drift = gap(bank, self.known)
        drift = drift[np.isfinite(drift)]
        return max(self.tolerance, rounding_gap(drift)) if len(drift) else self.tolerance

    def apart_in_all(self, number: int) -> dict[int, float]:
        """Gap of each text between the one call for all of them and alone, where it is too large; of its nth making."""
        calls = self.log.of("all")
        if number >= len(calls):
            return {}
        apart = {
            text: float(gap(calls[number].vectors[text], self.vector(rows[0])))
            for text in range(len(self.log.texts))
            if (rows := self.of(text, "alone"))
        }
        return {text: size for text, size in apart.items() if size > self.tolerance}

    def strays(self, rows: Sequence[AnswerRow], bank: Vectors | None) -> list[AnswerRow]:
        """Answers that are one row of the bank to the last digits, and not the text's own."""
        if bank is None:
            return []
        strays = []
        for row in rows:
            near = gap(self.vector(row)[None], bank)
            if len(self.others):  # the text asked before may have been one of those
                near = np.concatenate([near, gap(self.vector(row)[None], self.others)])
            own, nearest = float(near[row.text]), float(np.nanmin(near, initial=np.inf))
            # Where texts lie close together a match must still be far better than the text's own.
            if own > 10 * self.tolerance and nearest <= min(self.tolerance, own / 10):
                strays.append(row)
        return strays

    def by_clients(self) -> list[Call]:
        """The calls of each client by itself."""
        calls = [call for call in self.log.calls if call.how.startswith("client-")]
        return [call for call in calls if call.vectors.shape[1] == self.width]


def vectors_of_all(log: CallLog, reference: CallLog | None) -> Vectors | None:
    """The reference's vectors of all texts, where they have the candidate's width."""
    known = None if reference is None else reference.everything()
    width = next((call.vectors.shape[1] for call in log.calls), None)
    return known if known is not None and known.shape[1] == width else None


def rounding_gap(drift: NDArray[np.float64]) -> float:
    """How far a text may move with its batch by the arithmetic that makes the candidate differ from the reference.

    Two calls that round on their own are further apart than either is from the truth. What rounds moves every text, so
    that the texts moved least tell how much it rounds, whatever else moves the others (another tokenizer, a length).
    Where the drift is more than rounding, a part of it at most is put down to that. It is never more than half
    precision may leave.
    """
    middle = float(np.median(drift))
    rounds = middle if middle <= _PRECISE and float(drift.max()) <= _EVEN * middle else rounds_by(drift)
    return min(_PRECISE, max(_TWO_CALLS * rounds, _WITHIN * middle))


def rounds_by(drift: NDArray[np.float64]) -> float:
    """How far an encoder's arithmetic moves a text at most: as far as those of its texts that are moved least."""
    return float(np.quantile(drift, _LEAST)) if len(drift) else 0.0


def _of_beginnings(log: CallLog, width: int) -> Vectors:
    """Vectors of the texts that begin alike, [n, d]; those are asked between the others."""
    rows = [row for row in (log.first, *log.beginnings.values(), *log.variants.values()) if row is not None]
    rows = [row for row in rows if row.shape[1] == width]
    return np.concatenate(rows) if rows else np.zeros((0, width), dtype=np.float32)

"""What repeated asking shows of an encoder that does not agree with itself: observations with codes, no causes.

Pure functions over the calls of :mod:`evaluators.parity.asking`. A gap is a cosine distance where vectors have length
one (:func:`evaluators.parity.scatter.gap`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from evaluators.parity.asking import SAME, Asked, Call, alike_for
from evaluators.parity.scatter import gap, gaps, groups, noise_of, same_products
from evaluators.parity.scatter import together as moved_together

__all__ = ["CODES", "NO_FAULT", "OF_OTHERS", "Observation", "differs_from_all", "observe", "strayed"]

Matrix = NDArray[np.float32]
Rows = list[tuple[int, int, int]]  # (number of the call, place in it, text)

# code -> the protocol's test it is a result of
CODES: Final = {
    "another-text": "deterministic",
    "distinct-answers": "deterministic",
    "at-once-differs": "deterministic",
    "clients-differ": "deterministic",
    "moving-offset": "deterministic",
    "noise": "deterministic",
    "depends-on-before": "deterministic",
    "numbers-come-and-go": "deterministic",
    "outliers": "deterministic",
    "first-call-differs": "deterministic",
    "repeats-within-precision": "deterministic",
    "rows-moved": "order",
    "batch-differs": "batch",
    "batch-within-precision": "batch",
    "large-batch-differs": "batch",
    "loads-outputs": "loads",
    "second-load-restless": "loads",
    "loads-another-answer": "loads",
    "loads-rotated": "loads",
    "loads-offset": "loads",
    "loads-differ": "loads",
    "beginning-shared": "distinct",
    "variants-shared": "distinct",
}
# Codes of what shows only when others ask as well: calls one after another agree.
OF_OTHERS: Final = frozenset({"at-once-differs", "clients-differ"})
# Codes that say no more than that arithmetic rounds.
NO_FAULT: Final = frozenset({"batch-within-precision", "repeats-within-precision"})

_MATCHED = 0.8  # share of the answers out of place that must be another text's before that is said
_OFFSET = 0.5  # mean cosine between the deviations of two texts in one call from which one offset moves them
_FEW_ANSWERS = 2  # half of the answers are so many groups at most: more is noise
_ENOUGH = 6  # answers to a text from which the number of groups is counted; of fewer some must have come twice
_ASKED_AGAIN = 6  # texts that had another text's vector
_WITHIN = 0.5  # of what the candidate differs from the reference by: less is its own precision
_TWO_CALLS = 4.0  # worst text of two calls, each rounded, over the median of one against the reference
_EVEN = 6.0  # largest over the median of what is rounding on every text
_PRECISE = 5e-4  # and never more than half precision may leave
_REPEATED = 1e-10  # gap of two answers to one call from which it is said; two kernels of 32 bits leave 1e-12
_RARE = 0.3  # share of the answers that may be found once each beside a text's usual one
_SAME_BEFORE = 4  # pairs of calls after the same call from which what came before can be told to decide


@dataclass(frozen=True)
class Observation:
    """One thing seen: its code (of :data:`CODES`) and the numbers that go with it, as JSON can hold them."""

    code: str
    numbers: dict[str, Any]

    @property
    def test(self) -> str:
        """The protocol's test it is a result of."""
        return CODES[self.code]


def observe(asked: Asked, floor: float, reference: Asked | None = None) -> list[Observation]:
    """Everything that the calls show of an encoder that is not the same in all of them.

    Args:
        asked: its calls.
        floor: gap that its declared precision explains between calls of different batches.
        reference: calls of the reference, of the same texts; None where this is the reference.
    """
    known = _usable(asked, reference)
    own = _Answers(asked, max(floor, SAME), known)
    found = own.changes() + own.numberless()
    if not found:
        together = [] if asked.split else _moved(own) or _batch(own, floor)
        found += together or own.once_another_text() or _in_all(own) or own.once_odd()
        found += own.at_once() or own.barely()
    found += _loads(own)
    if any(one.code in ("another-text", "rows-moved") for one in found):
        return found  # what is at the place of a text that begins like another is not that text's
    beginnings = _beginnings(asked, reference)
    shared = min((one.numbers["characters"] for one in beginnings), default=None)
    return [*found, *beginnings, *_variants(asked, reference, shared)]


def strayed(asked: Asked, reference: Asked) -> list[int]:
    """Texts whose vector in the one call for all of them is the reference's vector of another text, at most a few."""
    known = _usable(asked, reference)
    if known is None:
        return []
    own = _Answers(asked, SAME, known)
    return [text for _, _, text in own.strays("all")][:_ASKED_AGAIN]


def differs_from_all(asked: Asked, floor: float, reference: Asked | None) -> bool:
    """Whether texts had another vector in the one call for all of them than in every later one, and no other's."""
    own = _Answers(asked, max(floor, SAME), _usable(asked, reference))
    if own.repeated() > SAME or asked.split or _moved(own) or _batch(own, floor) or own.once_another_text():
        return False
    return bool(own.apart_in_all(0))


def _usable(asked: Asked, reference: Asked | None) -> Matrix | None:
    """The reference's vectors of all texts, where they have the candidate's width."""
    known = None if reference is None else reference.everything()
    width = next((call.vectors.shape[1] for call in asked.calls), None)
    return known if known is not None and known.shape[1] == width else None


class _Answers:
    """The answers of one load, one a row, in the order they came."""

    def __init__(self, asked: Asked, tolerance: float, known: Matrix | None) -> None:
        self.asked, self.tolerance, self.known = asked, tolerance, known
        self.others = _of_beginnings(asked, 0 if known is None else known.shape[1])
        made = asked.of("all", "batch", "alone", "reversed", "company", "beginnings")
        widths = Counter(call.vectors.shape[1] for call in asked.calls if call.texts)
        # Vectors of another width than most are no answers that could be compared.
        self.width = widths.most_common(1)[0][0] if widths else 0
        self.calls = [call for call in made if call.vectors.shape[1] == self.width]
        self.rows: Rows = [
            (number, place, text)
            for number, call in enumerate(self.calls)
            for place, text in enumerate(call.texts)
            if text >= 0 and bool(np.isfinite(call.vectors[place]).all())
        ]

    def vector(self, row: tuple[int, int, int]) -> Matrix:
        return np.asarray(self.calls[row[0]].vectors[row[1]])

    def stack(self, rows: Rows) -> Matrix:
        return np.stack([self.vector(row) for row in rows])

    def of(self, text: int, *how: str) -> Rows:
        return [row for row in self.rows if row[2] == text and (not how or self.calls[row[0]].how in how)]

    def repeated(self) -> float:
        """Largest gap between two answers to the same text in calls that were the same."""
        worst = 0.0
        for text in self.asked.chosen:
            for how in ("batch", "alone"):
                if len(rows := self.of(text, how)) > 1:
                    worst = max(worst, float(gaps(self.stack(rows[:1]), self.stack(rows)).max()))
        return worst

    def changes(self) -> list[Observation]:
        """What is seen of an encoder that gives one text several vectors in calls that were the same."""
        size = self.repeated()
        if size <= SAME:
            return []
        swapped, strays = self._another_text()
        left = [row for row in self.rows if row not in strays]
        rest = self._several(left, size) if not swapped or self._vary(left) else None
        return [one for one in (swapped, rest) if one is not None]

    def once_odd(self) -> list[Observation]:
        """Answers in the calls made once, in another order or company, to texts that no other call moves."""
        if (bank := self.alone()) is None:
            return []
        room = self.arithmetic(bank)
        rows = [row for row in self.rows if self.calls[row[0]].how in ("reversed", "company")]
        sizes = [float(gap(self.vector(row), bank[row[2]])) for row in rows]
        odd = [size for size in sizes if size > room]
        if not odd:
            return []
        return [Observation("outliers", {"times": len(odd), "answers": len(self.rows), "worst": max(odd)})]

    def numberless(self) -> list[Observation]:
        """Answers without a vector of numbers to texts that have one in other calls."""
        given = [
            (text, bool(np.isfinite(call.vectors[place]).all()))
            for call in self.calls
            for place, text in enumerate(call.texts)
            if text in self.asked.chosen
        ]
        sound = {text for text, fine in given if fine}
        lost = [text for text, fine in given if not fine and text in sound]
        numbers = {"times": len(lost), "answers": len(given), "texts": len(set(lost))}
        return [Observation("numbers-come-and-go", numbers)] if lost else []

    def _vary(self, rows: Rows) -> bool:
        for text in self.asked.chosen:
            for how in ("batch", "alone"):
                own = [row for row in rows if row[2] == text and self.calls[row[0]].how == how]
                if len(own) > 1 and float(gaps(self.stack(own[:1]), self.stack(own)).max()) > self.tolerance:
                    return True
        return False

    def at_once(self) -> list[Observation]:
        """Answers given while others were, or to other clients, that differ from those given one after another."""
        if (bank := self.alone()) is None:
            return []
        tolerance = self.arithmetic(bank)
        worst: dict[str, float] = {}
        for call in self._by_clients():
            size = float(gap(call.vectors[0], bank[call.texts[0]]))
            worst[call.how] = max(worst.get(call.how, 0.0), size)
        differs = [name for name, size in worst.items() if size > tolerance]
        found = self._busy(bank, tolerance)
        if differs:
            numbers = {"clients": len(worst), "differ": len(differs), "worst": max(worst.values())}
            found.append(Observation("clients-differ", numbers))
        return found

    def _by_clients(self) -> list[Call]:
        """The calls of each client by itself."""
        calls = [call for call in self.asked.calls if call.how.startswith("client-")]
        return [call for call in calls if call.vectors.shape[1] == self.width]

    def _busy(self, bank: Matrix, tolerance: float) -> list[Observation]:
        """Answers given at the same time, each against what the same client got for it by itself, else what all get."""
        single = {call.texts[0]: call.vectors[0] for call in self._by_clients()}
        odd = any(float(gap(vector, bank[text])) > tolerance for text, vector in single.items())
        calls = [call for call in self.asked.of("at-once") if call.vectors.shape[1] == self.width]
        calls = [call for call in calls if not odd or call.texts[0] in single]
        sizes = [float(gap(call.vectors[0], single.get(call.texts[0], bank[call.texts[0]]))) for call in calls]
        busy = [call for call, size in zip(calls, sizes, strict=True) if size > tolerance]
        if not busy:
            return []
        another = 0
        for call in busy:
            near = np.delete(gap(call.vectors[0][None], bank), call.texts[0])
            another += bool(np.nanmin(near, initial=np.inf) <= tolerance)
        worst = float(np.nanmax(sizes))
        numbers = {"times": len(busy), "answers": len(calls), "another": another, "worst": worst}
        return [Observation("at-once-differs", numbers)]

    def arithmetic(self, bank: Matrix) -> float:
        """Gap that the encoder's arithmetic may leave between a text by itself and beside those of other clients."""
        if self.known is None:
            return self.tolerance
        drift = gap(bank, self.known)
        drift = drift[np.isfinite(drift)]
        return max(self.tolerance, min(_PRECISE, _rounding(drift))) if len(drift) else self.tolerance

    def alone(self) -> Matrix | None:
        """The first answer to each text alone, NaN for texts that were not asked so, [n, d]."""
        rows = [row for text in self.asked.chosen for row in self.of(text, "alone")[:1]]
        if not rows:
            return None
        bank = np.full((len(self.asked.texts), len(self.vector(rows[0]))), np.nan, dtype=np.float32)
        for row in rows:
            bank[row[2]] = self.vector(row)
        return bank

    def barely(self) -> list[Observation]:
        """Answers to one call that differ by less than counts, and by more than 32 bits leave."""
        size = self.repeated()
        return [Observation("repeats-within-precision", {"worst": size})] if size > _REPEATED else []

    def apart_in_all(self, number: int) -> dict[int, float]:
        """Gap of each text between the one call for all of them and alone, where it is too large; of its nth making."""
        calls = self.asked.of("all")
        if number >= len(calls):
            return {}
        found = {
            text: float(gap(calls[number].vectors[text], self.vector(rows[0])))
            for text in range(len(self.asked.texts))
            if (rows := self.of(text, "alone"))
        }
        return {text: size for text, size in found.items() if size > self.tolerance}

    def strays(self, how: str) -> Rows:
        """Answers in calls of one kind that are the reference's vector of another text."""
        rows = [row for row in self.rows if self.calls[row[0]].how == how]
        return [] if self.known is None else self._strays(rows, self.known)

    def once_another_text(self) -> list[Observation]:
        """Answers of the one call for all texts that were another text's vector, and when asked again were not."""
        if self.known is None:
            return []
        rows = [row for row in self.rows if self.calls[row[0]].how == "all"]
        strays = [
            row
            for row in self.strays("all")
            if (again := self.of(row[2], "alone"))
            and float(gap(self.vector(again[0]), self.known[row[2]])) <= self.tolerance
        ]
        return [self._whose(strays, self.known, len(rows))] if strays else []

    def _another_text(self) -> tuple[Observation | None, Rows]:
        """Answers that are the vector of another text, by the reference's vectors or by its own usual ones."""
        best: tuple[Observation | None, Rows] = (None, [])
        for bank in (self.known, self._usual()):
            if bank is None:
                continue
            out = [row for row in self.rows if float(gap(self.vector(row), bank[row[2]])) > 10 * self.tolerance]
            strays = self._strays(self.rows, bank)
            if strays and len(strays) >= _MATCHED * len(out) and len(strays) > len(best[1]):
                best = self._whose(strays, bank, len(self.rows)), strays
        return best

    def _usual(self) -> Matrix | None:
        """The answer that each text has most often, NaN for texts asked once, [n, d]."""
        every = self.asked.everything()
        width = next((call.vectors.shape[1] for call in self.calls), 0)
        bank = np.full((len(self.asked.texts), width), np.nan, dtype=np.float32) if every is None else every.copy()
        for text in self.asked.chosen:
            if rows := self.of(text):
                vectors = self.stack(rows)
                bank[text] = vectors[int((groups(vectors, self.tolerance) == 0).argmax())]
        return bank if width else None

    def _strays(self, rows: Rows, bank: Matrix) -> Rows:
        """Answers that are one row of the bank to the last digits, and not the text's own."""
        found = []
        for row in rows:
            near = gap(self.vector(row)[None], bank)
            if len(self.others):  # the text asked before may have been one of those
                near = np.concatenate([near, gap(self.vector(row)[None], self.others)])
            own, nearest = float(near[row[2]]), float(np.nanmin(near, initial=np.inf))
            # Where texts lie close together a match must still be far better than the text's own.
            if own > 10 * self.tolerance and nearest <= min(self.tolerance, own / 10):
                found.append(row)
        return found

    def _whose(self, strays: Rows, bank: Matrix, count: int) -> Observation:
        """Which text's vector a stray is: of the text asked just before it, of one in the same call, of any."""
        order = {(number, place): at for at, (number, place, _) in enumerate(self.rows)}
        before, within = 0, 0
        for number, place, _ in strays:
            near = gap(self.calls[number].vectors[place][None], bank)
            owners = set(np.flatnonzero(near <= self.tolerance).tolist())
            at = order[number, place]
            before += at > 0 and self.rows[at - 1][2] in owners
            within += bool(owners & set(self.calls[number].texts))
        whose = "before" if before >= _MATCHED * len(strays) else "call" if within == len(strays) else "any"
        return Observation("another-text", {"times": len(strays), "answers": count, "whose": whose})

    def _several(self, rows: Rows, size: float) -> Observation:
        """What came before decides, a few answers that come again and again, one offset for all texts, or noise."""
        chosen = [text for text in self.asked.chosen if sum(row[2] == text for row in rows) > 1]
        labels: dict[tuple[int, int, int], int] = {}
        few, answers, most, again = True, 1, 0, 0
        for how in ("batch", "alone"):  # each by itself: arithmetic may give a text another vector in a batch
            for text in chosen:
                own = [row for row in rows if row[2] == text and self.calls[row[0]].how == how]
                if len(own) > 1:
                    label = groups(self.stack(own), self.tolerance)
                    labels |= dict(zip(own, label.tolist(), strict=True))
                    count = int(label.max()) + 1
                    few = few and (len(own) < _ENOUGH or count <= len(own) // _FEW_ANSWERS)
                    again += len(own) - count
                    answers, most = max(answers, count), max(most, len(own))
        kinds = [self._of_kind(labels, how) for how in ("batch", "alone")]
        if self._by_what_came_before(labels) and not _changed_once(kinds, chosen):
            common = self._scatter(rows, chosen, size).numbers["together"]
            return Observation("depends-on-before", {"worst": size, "together": common})
        alike = self._within(labels) <= size / 10  # where groups are as wide as they are apart they are none
        if alike and (outliers := self._outliers(labels)) is not None:
            return outliers
        if alike and few and again and answers >= 2 and most >= 4:
            return self._distinct(labels, answers, chosen)
        return self._scatter(rows, chosen, size)

    def _within(self, labels: dict[tuple[int, int, int], int]) -> float:
        """Largest gap between an answer and the first of its group."""
        first: dict[tuple[int, str, int], Matrix] = {}
        worst = 0.0
        for row, label in labels.items():
            one = first.setdefault((row[2], self.calls[row[0]].how, label), self.vector(row))
            worst = max(worst, float(gap(one, self.vector(row))))
        return worst

    def _outliers(self, labels: dict[tuple[int, int, int], int]) -> Observation | None:
        """Answers none of which came twice, where a text has one answer otherwise."""
        counts = Counter((row[2], self.calls[row[0]].how, label) for row, label in labels.items())
        odd = [row for row, label in labels.items() if counts[row[2], self.calls[row[0]].how, label] == 1]
        usual = {key[:2] for key, count in counts.items() if count > 1}
        several = any(label and count > 1 for (*_, label), count in counts.items())
        if not odd or several or len(odd) > _RARE * len(labels) or len(usual) < len({key[:2] for key in counts}):
            return None
        main = {(row[2], self.calls[row[0]].how): self.vector(row) for row, label in labels.items() if not label}
        worst = max(float(gap(self.vector(row), main[row[2], self.calls[row[0]].how])) for row in odd)
        return Observation("outliers", {"times": len(odd), "answers": len(labels), "worst": worst})

    def _by_what_came_before(self, labels: dict[tuple[int, int, int], int]) -> bool:
        """Whether a call after the same call always has the same answers, and after others has others."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for row, label in labels.items():
            call, before = self.calls[row[0]], self.calls[row[0] - 1] if row[0] else None
            key = (row[1:], call.how, call.texts, before and before.texts)
            found.setdefault(key, []).append(label)
        again = [one for one in found.values() if len(one) > 1]
        pairs = len({key[1:] for key, one in found.items() if len(one) > 1})
        return pairs >= _SAME_BEFORE and all(len(set(one)) == 1 for one in again)

    def _distinct(self, labels: dict[tuple[int, int, int], int], answers: int, chosen: Sequence[int]) -> Observation:
        found: dict[str, Any] = {"answers": answers, "texts": sum(1 for text in chosen if _count(labels, text) > 1)}
        found |= {"asked": len(chosen), "times": _shares(self._largest(labels))}
        calls = [
            tuple(labels[row] for row in sorted(labels) if row[0] == number)
            for number, call in enumerate(self.calls)
            if call.how == "batch"
        ]
        found["by"] = "call" if len({one for one in calls if len(one) == len(chosen)}) <= answers else "text"
        found["once"] = _changed_once([self._of_kind(labels, how) for how in ("batch", "alone")], chosen)
        found["apart"] = self._apart(labels, chosen)
        found["lengths_only"] = self._lengths_only(labels, chosen)
        if self.known is not None:
            right = {
                row: float(gap(self.vector(row), self.known[row[2]])) <= max(self.tolerance, SAME) for row in labels
            }
            per_text = [any(hit for row, hit in right.items() if row[2] == text) for text in chosen]
            found["reference"] = float(np.mean(list(right.values()))) if all(per_text) else 0.0
            found["reference_texts"] = int(np.sum(per_text))
        return Observation("distinct-answers", found)

    def _of_kind(self, labels: dict[tuple[int, int, int], int], how: str) -> dict[tuple[int, int, int], int]:
        return {row: label for row, label in labels.items() if self.calls[row[0]].how == how}

    def _largest(self, labels: dict[tuple[int, int, int], int]) -> dict[tuple[int, int, int], int]:
        """The answers of the kind of call that was made most; labels of one kind mean nothing in another."""
        return max((self._of_kind(labels, how) for how in ("batch", "alone")), key=len)

    def _apart(self, labels: dict[tuple[int, int, int], int], chosen: Sequence[int]) -> float:
        """Largest gap between two of the answers to one text."""
        worst = 0.0
        for text in chosen:
            vectors = self.stack([row for row in labels if row[2] == text])
            worst = max(worst, float(gaps(vectors[:1], vectors).max()))
        return worst

    def _lengths_only(self, labels: dict[tuple[int, int, int], int], chosen: Sequence[int]) -> bool:
        def unit(rows: Matrix) -> Matrix:
            return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))

        stacks = [unit(self.stack([row for row in labels if row[2] == text])) for text in chosen]
        return all(float(gaps(rows[:1], rows).max()) <= self.tolerance for rows in stacks)

    def _scatter(self, rows: Rows, chosen: Sequence[int], size: float) -> Observation:
        means = {text: self.stack([row for row in rows if row[2] == text]).mean(0) for text in chosen}
        per_call: dict[int, list[Matrix]] = {}
        for row in rows:
            if row[2] in means and len(self.calls[row[0]].texts) > 1:
                per_call.setdefault(row[0], []).append(self.vector(row) - means[row[2]])
        common = moved_together([np.stack(one) for one in per_call.values() if len(one) > 1])
        noise = noise_of([self.stack([row for row in rows if row[2] == text]) for text in chosen])
        numbers = {"worst": size, "together": common} | ({} if noise is None else vars(noise))
        if common > _OFFSET:
            steps = [np.mean(one, axis=0) for _, one in sorted(per_call.items())]
            return Observation("moving-offset", numbers | {"drifts": _drifts(steps)})
        return Observation("noise", numbers)


def _of_beginnings(asked: Asked, width: int) -> Matrix:
    """Vectors of the texts that begin alike, [n, d]; those are asked between the others."""
    rows = [row for row in (asked.first, *asked.beginnings.values(), *asked.variants.values()) if row is not None]
    rows = [row for row in rows if row.shape[1] == width]
    return np.concatenate(rows) if rows else np.zeros((0, width), dtype=np.float32)


def _count(labels: dict[tuple[int, int, int], int], text: int) -> int:
    return len({label for row, label in labels.items() if row[2] == text})


def _shares(labels: dict[tuple[int, int, int], int]) -> list[int]:
    """How often each answer came, the most frequent first."""
    return [count for _, count in sorted(Counter(labels.values()).items())]


def _changed_once(kinds: Sequence[dict[tuple[int, int, int], int]], chosen: Sequence[int]) -> bool:
    """Whether there is a moment before which every text has one answer and after which it has another."""
    last, first = -1, 1 << 30
    for labels in kinds:
        for text in chosen:
            own = [(row[0], label) for row, label in sorted(labels.items()) if row[2] == text]
            changes = [at for at in range(1, len(own)) if own[at][1] != own[at - 1][1]]
            if len(changes) > 1:
                return False
            if changes:
                last, first = max(last, own[changes[0] - 1][0]), min(first, own[changes[0]][0])
    after = max(sum(1 for row in labels if row[0] >= first and row[2] == text) for labels in kinds for text in chosen)
    return 0 <= last < first < 1 << 30 and after > 1


def _drifts(steps: Sequence[Matrix]) -> bool:
    """Whether what follows in time is near: a mean that is kept up moves on, an offset drawn each time jumps."""
    if len(steps) < 4:
        return False
    rows = np.stack(steps)
    near = float(((rows[1:] - rows[:-1]) ** 2).sum(1).mean())
    every = float(2 * rows.var(0).sum() * len(rows) / (len(rows) - 1))
    return near < 0.5 * every


def _moved(own: _Answers) -> list[Observation]:
    """Rows of a batch that are another text's vector, the same in every batch: each is found alone, but elsewhere."""
    alone = _mean_of(own, "alone")
    if alone is None:
        return []
    for how in ("batch", "reversed"):
        for call in own.asked.of(how)[:1]:
            rows = [(place, text) for place, text in enumerate(call.texts) if text in alone]
            bank = np.stack([alone[text] for _, text in rows])
            near = [gap(call.vectors[place][None], bank) for place, _ in rows]
            moved = sum(
                bool(
                    one[at] > 10 * own.tolerance and np.nanmin(one, initial=np.inf) <= min(own.tolerance, one[at] / 10)
                )
                for at, one in enumerate(near)
            )
            if moved:
                return [Observation("rows-moved", {"moved": moved, "rows": len(rows)})]
    return []


def _mean_of(own: _Answers, *how: str) -> dict[int, Matrix] | None:
    """The first answer of each text in calls of one kind; None where there are none."""
    found = {text: own.vector(rows[0]) for text in own.asked.chosen if (rows := own.of(text, *how))}
    return found if len(found) > 1 else None


def _batch(own: _Answers, floor: float) -> list[Observation]:
    """Vectors that depend on the batch, where each batch gives the same ones again."""
    alone, whole = (_mean_of(own, how) for how in ("alone", "batch"))
    if alone is None or whole is None:
        return []
    texts = [text for text in alone if text in whole]

    def apart(left: dict[int, Matrix], right: dict[int, Matrix]) -> NDArray[np.float64]:
        return np.array([float(gap(left[text], right[text])) if text in right else 0.0 for text in texts])

    effect = apart(alone, whole)
    if float(effect.max()) <= floor:
        return []
    order, company = ((_mean_of(own, how) or whole) for how in ("reversed", "company"))
    numbers: dict[str, Any] = {
        "worst": float(effect.max()),
        "text": own.asked.texts[texts[int(effect.argmax())]].probe,
        "texts": int((effect > floor).sum()),
        "asked": len(texts),
        "place": bool(apart(whole, order).max() > floor),
        "company": bool(apart(whole, company).max() > floor),
    }
    if own.known is not None:
        drift = [float(gap(alone[text], own.known[text])) for text in texts]
        numbers["drift"] = float(np.median(drift))
        numbers["alone_is_reference"] = bool(max(drift) <= max(floor, SAME))
        if numbers["worst"] <= min(_PRECISE, _rounding(np.array(drift))):
            return [Observation("batch-within-precision", numbers)]
    return [Observation("batch-differs", numbers)]


def _in_all(own: _Answers) -> list[Observation]:
    """Texts whose vector in the call for all of them is another than alone: once, or whenever that call is made."""
    first, again = own.apart_in_all(0), own.apart_in_all(1)
    if not first or len(own.asked.of("all")) < 2 or own.known is None:
        return []
    asked = len({row[2] for row in own.rows if own.calls[row[0]].how == "alone"})
    if once := {text: size for text, size in first.items() if text not in again}:
        return [Observation("first-call-differs", {"texts": len(once), "asked": asked, "worst": max(once.values())})]
    bank = own.alone()
    room = own.tolerance if bank is None else own.arithmetic(bank)
    left = {text: size for text, size in first.items() if size > room}
    numbers = {"texts": len(left), "asked": asked, "together": len(own.asked.texts)}
    return [Observation("large-batch-differs", numbers | {"worst": max(left.values())})] if left else []


def _rounding(drift: NDArray[np.float64]) -> float:
    """How far a text may move with its batch by the arithmetic that makes the candidate differ from the reference.

    Two calls that round on their own are further apart than either is from the truth; where the drift is more than
    rounding, a part of it at most is put down to that.
    """
    middle = float(np.median(drift))
    rounds = middle <= _PRECISE and float(drift.max()) <= _EVEN * middle
    return (_TWO_CALLS if rounds else _WITHIN) * middle


def _loads(own: _Answers) -> list[Observation]:
    """How a second load differs from the first, which is said only where each agrees with itself."""
    calls = own.asked.of("batch", load=2)
    first = own.asked.of("batch")
    if not calls or not first or own.repeated() > SAME or _restless(calls):
        return []
    ours, theirs = first[0], calls[0]
    if ours.vectors.shape != theirs.vectors.shape:
        return []
    keep = np.asarray(np.isfinite(ours.vectors + theirs.vectors).all(1))
    if not keep.any():
        return []
    left, right = ours.vectors[keep], theirs.vectors[keep]
    distance = gap(left, right)
    if float(distance.max()) <= own.tolerance:
        return []
    numbers: dict[str, Any] = {"worst": float(distance.max()), "mean": float(distance.mean())}
    if own.known is not None:
        known = own.known[[text for text, one in zip(ours.texts, keep.tolist(), strict=True) if one]]
        right_loads = [float(gap(one, known).max()) <= own.tolerance for one in (left, right)]
        numbers["reference"] = right_loads
        numbers["products_of_reference"] = same_products(left, known) and same_products(right, known)
        if any(right_loads):
            return [Observation("loads-another-answer", numbers)]
    if same_products(left, right):
        return [Observation("loads-rotated", numbers)]
    offset = moved_together([right - left])
    return [Observation("loads-offset" if offset > 0.95 else "loads-differ", numbers | {"together": offset})]


def _restless(calls: Sequence[Call]) -> bool:
    first = calls[0].vectors
    return any(bool((gap(first, call.vectors) > SAME).any()) for call in calls[1:] if call.vectors.shape == first.shape)


def _beginnings(asked: Asked, reference: Asked | None) -> list[Observation]:
    """Texts that share their first characters and get one vector, where the reference gives them two."""
    if asked.first is None or reference is None or reference.first is None:
        return []
    first, known = asked.first, reference.first

    def one(rows: dict[int, Matrix], to: Matrix, tolerance: float) -> set[int]:
        return {shared for shared, row in rows.items() if row.shape == to.shape and float(gap(to, row)[0]) <= tolerance}

    told = {shared for shared in reference.beginnings if shared not in one(reference.beginnings, known, 1e-4)}
    same = one(asked.beginnings, first, SAME)
    # The reference is not asked of every number of characters: what it tells apart at more, it does at fewer.
    least = min((shared for shared in same if shared <= max(told, default=0)), default=None)
    if least is None or any(shared in told and shared not in same for shared in asked.beginnings if shared > least):
        return []
    kept: Callable[[Matrix, Matrix], bool] = lambda a, b: a.shape == b.shape and float(gap(a, b)[0]) <= 1e-4  # noqa: E731
    return [Observation("beginning-shared", {"characters": least, "first_kept": kept(first, known)})]


def _variants(asked: Asked, reference: Asked | None, shared: int | None) -> list[Observation]:
    """Variants of a text that get its vector, the reference's of the text, where the reference tells them apart.

    Those that begin alike for as many characters as already make two texts one say nothing more.
    """
    if asked.first is None or reference is None or reference.first is None:
        return []
    if asked.first.shape != reference.first.shape or float(gap(asked.first, reference.first)[0]) > 1e-4:
        return []
    told = [
        name
        for name, row in reference.variants.items()
        if float(gap(reference.first, row)[0]) > 1e-4 and (shared is None or alike_for(name) < shared)
    ]
    same = [
        name for name in told if name in asked.variants and float(gap(asked.first, asked.variants[name])[0]) <= SAME
    ]
    return [Observation("variants-shared", {"variants": same})] if same else []

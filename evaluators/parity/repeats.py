"""What an encoder shows that gives one text several vectors in calls that were the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from data.rules.vectors.arrays import Vectors, directions
from evaluators.parity.answers import AnswerRow, Answers, rounds_by
from evaluators.parity.asking import SAME
from evaluators.parity.observations import Observation
from evaluators.parity.scatter import gap, gaps, groups, noise_of, together

__all__ = ["barely", "several_answers", "numberless", "once_another_text"]

_MATCHED = 0.8  # share of the answers out of place that must be another text's before that is said
_OFFSET = 0.5  # mean cosine between the deviations of two texts in one call from which one offset moves them
_FEW_ANSWERS = 2  # half of the answers are so many groups at most: more is noise
_ENOUGH = 6  # answers to a text from which the number of groups is counted; of fewer some must have come twice
_REPEATED = 1e-10  # gap of two answers to one call from which it is said; two kernels of 32 bits leave 1e-12
_FAR_LESS = 0.25  # of what an encoder rounds: two answers of which one is right are as far apart as that
_RARE = 0.3  # share of the answers that may be found once each beside a text's usual one
_STEADY = ("depends-on-before", "distinct-answers")  # what is the same again under the same circumstances
_SAME_BEFORE = 4  # pairs of calls after the same call from which what came before can be told to decide

Labels = Mapping[AnswerRow, int]  # the group that an answer is in among those to its text in calls of its kind


def several_answers(answers: Answers) -> list[Observation]:
    """What is seen of an encoder that gives one text several vectors in calls that were the same; else nothing."""
    size = answers.repeated()
    if size <= SAME:
        return []
    swapped, strays = _another_text(answers)
    left = [row for row in answers.rows if row not in strays]
    vary = not swapped or answers.repeated(left) > answers.tolerance
    if swapped or not vary:
        return [*([swapped] if swapped else []), *([_several(answers, left, size)] if vary else [])]
    return [_within_arithmetic(answers, size, _several(answers, left, size))]


def _within_arithmetic(answers: Answers, size: float, seen: Observation) -> Observation:
    """What was seen; no more than that it rounds, where it is far less than what the encoder rounds anyway.

    llama.cpp's server sums in the order in which texts lie in its slots, and another order tips a rounding of what it
    quantises. What comes and goes at random is no such thing, however small.
    """
    bank = answers.alone()
    if seen.code not in _STEADY or bank is None or answers.known is None:
        return seen
    drift = gap(bank, answers.known)
    rounds = rounds_by(drift[np.isfinite(drift)])
    numbers = {"worst": size, "drift": rounds}
    return Observation("repeats-within-arithmetic", numbers) if size <= _FAR_LESS * rounds else seen


def numberless(answers: Answers) -> list[Observation]:
    """Answers without a vector of numbers to texts that have one in other calls."""
    numbers_in = [
        (text, bool(np.isfinite(call.vectors[place]).all()))
        for call in answers.calls
        for place, text in enumerate(call.texts)
        if text in answers.log.chosen
    ]
    sound = {text for text, fine in numbers_in if fine}
    lost = [text for text, fine in numbers_in if not fine and text in sound]
    numbers = {"times": len(lost), "answers": len(numbers_in), "texts": len(set(lost))}
    return [Observation("numbers-come-and-go", numbers)] if lost else []


def barely(answers: Answers) -> list[Observation]:
    """Answers to one call that differ by less than counts, and by more than 32 bits leave."""
    size = answers.repeated()
    return [Observation("repeats-within-precision", {"worst": size})] if size > _REPEATED else []


def once_another_text(answers: Answers) -> list[Observation]:
    """Answers of the one call for all texts that were another text's vector, and when asked again were not."""
    if (known := answers.known) is None:
        return []
    rows = answers.of_call("all")
    strays = [
        row
        for row in answers.strays(rows, known)
        if (again := answers.of(row.text, "alone"))
        and float(gap(answers.vector(again[0]), known[row.text])) <= answers.tolerance
    ]
    return [_whose(answers, strays, known, len(rows))] if strays else []


def _another_text(answers: Answers) -> tuple[Observation | None, list[AnswerRow]]:
    """Answers that are the vector of another text, by the reference's vectors or by its own usual ones."""
    best: tuple[Observation | None, list[AnswerRow]] = (None, [])
    for bank in (answers.known, answers.usual()):
        if bank is None:
            continue
        limit = 10 * answers.tolerance
        out = [row for row in answers.rows if float(gap(answers.vector(row), bank[row.text])) > limit]
        strays = answers.strays(answers.rows, bank)
        if strays and len(strays) >= _MATCHED * len(out) and len(strays) > len(best[1]):
            best = _whose(answers, strays, bank, len(answers.rows)), strays
    return best


def _whose(answers: Answers, strays: Sequence[AnswerRow], bank: Vectors, count: int) -> Observation:
    """Which text's vector a stray is: of the text asked just before it, of one in the same call, of any."""
    order = {(row.call, row.place): at for at, row in enumerate(answers.rows)}
    before, within = 0, 0
    for row in strays:
        owners = set(np.flatnonzero(gap(answers.vector(row)[None], bank) <= answers.tolerance).tolist())
        at = order[row.call, row.place]
        before += at > 0 and answers.rows[at - 1].text in owners
        within += bool(owners & set(answers.calls[row.call].texts))
    whose = "before" if before >= _MATCHED * len(strays) else "call" if within == len(strays) else "any"
    return Observation("another-text", {"times": len(strays), "answers": count, "whose": whose})


def _several(answers: Answers, rows: Sequence[AnswerRow], size: float) -> Observation:
    """What came before decides, a few answers that come again and again, one offset for all texts, or noise."""
    chosen = [text for text in answers.log.chosen if sum(row.text == text for row in rows) > 1]
    labels: dict[AnswerRow, int] = {}
    few, most_groups, most, again = True, 1, 0, 0
    for how in ("batch", "alone"):  # each by itself: arithmetic may give a text another vector in a batch
        for text in chosen:
            own = [row for row in rows if row.text == text and answers.how(row) == how]
            if len(own) > 1:
                label = groups(answers.stack(own), answers.tolerance)
                labels |= dict(zip(own, label.tolist(), strict=True))
                count = int(label.max()) + 1
                few = few and (len(own) < _ENOUGH or count <= len(own) // _FEW_ANSWERS)
                again += len(own) - count
                most_groups, most = max(most_groups, count), max(most, len(own))
    kinds = [_of_kind(answers, labels, how) for how in ("batch", "alone")]
    if _by_what_came_before(answers, labels) and not _changed_once(kinds, chosen):
        common = _scatter(answers, rows, chosen, size).numbers["together"]
        return Observation("depends-on-before", {"worst": size, "together": common})
    alike = _within(answers, labels) <= size / 10  # where groups are as wide as they are apart they are none
    if alike and (outliers := _outliers(answers, labels)) is not None:
        return outliers
    if alike and few and again and most_groups >= 2 and most >= 4:
        return _distinct(answers, labels, most_groups, chosen)
    return _scatter(answers, rows, chosen, size)


def _within(answers: Answers, labels: Labels) -> float:
    """Largest gap between an answer and the first of its group."""
    first: dict[tuple[int, str, int], Vectors] = {}
    worst = 0.0
    for row, label in labels.items():
        vector = answers.vector(row)
        worst = max(worst, float(gap(first.setdefault((row.text, answers.how(row), label), vector), vector)))
    return worst


def _outliers(answers: Answers, labels: Labels) -> Observation | None:
    """Answers none of which came twice, where a text has one answer otherwise."""
    counts = Counter((row.text, answers.how(row), label) for row, label in labels.items())
    odd = [row for row, label in labels.items() if counts[row.text, answers.how(row), label] == 1]
    usual = {key[:2] for key, count in counts.items() if count > 1}
    several = any(label and count > 1 for (*_, label), count in counts.items())
    if not odd or several or len(odd) > _RARE * len(labels) or len(usual) < len({key[:2] for key in counts}):
        return None
    main = {(row.text, answers.how(row)): answers.vector(row) for row, label in labels.items() if not label}
    worst = max(float(gap(answers.vector(row), main[row.text, answers.how(row)])) for row in odd)
    return Observation("outliers", {"times": len(odd), "answers": len(labels), "worst": worst})


def _by_what_came_before(answers: Answers, labels: Labels) -> bool:
    """Whether a call after the same call always has the same answers, and after others has others."""
    after: dict[tuple[Any, ...], list[int]] = {}
    for row, label in labels.items():
        call, before = answers.calls[row.call], answers.calls[row.call - 1] if row.call else None
        after.setdefault((row[1:], call.how, call.texts, before and before.texts), []).append(label)
    again = [each for each in after.values() if len(each) > 1]
    pairs = len({key[1:] for key, each in after.items() if len(each) > 1})
    return pairs >= _SAME_BEFORE and all(len(set(each)) == 1 for each in again)


def _distinct(answers: Answers, labels: Labels, most: int, chosen: Sequence[int]) -> Observation:
    several = sum(len({label for row, label in labels.items() if row.text == text}) > 1 for text in chosen)
    # Labels of one kind of call mean nothing in another: those of the kind that was made most are counted.
    largest = max((_of_kind(answers, labels, how) for how in ("batch", "alone")), key=len)
    calls = [
        tuple(labels[row] for row in sorted(labels) if row.call == number)
        for number, call in enumerate(answers.calls)
        if call.how == "batch"
    ]
    numbers: dict[str, Any] = {
        "answers": most,
        "texts": several,
        "asked": len(chosen),
        "times": [count for _, count in sorted(Counter(largest.values()).items())],
        "by": "call" if len({each for each in calls if len(each) == len(chosen)}) <= most else "text",
        "once": _changed_once([_of_kind(answers, labels, how) for how in ("batch", "alone")], chosen),
    }
    stacks = [answers.stack([row for row in labels if row.text == text]) for text in chosen]
    numbers["apart"] = max((float(gaps(rows[:1], rows).max()) for rows in stacks), default=0.0)
    turned = [directions(rows) for rows in stacks]
    numbers["lengths_only"] = all(float(gaps(rows[:1], rows).max()) <= answers.tolerance for rows in turned)
    return Observation("distinct-answers", numbers | _of_the_reference(answers, labels, chosen))


def _of_the_reference(answers: Answers, labels: Labels, chosen: Sequence[int]) -> dict[str, Any]:
    """Which share of the answers is the reference's, and on how many texts one is."""
    if (known := answers.known) is None:
        return {}
    limit = max(answers.tolerance, SAME)
    right = {row: float(gap(answers.vector(row), known[row.text])) <= limit for row in labels}
    per_text = [any(hit for row, hit in right.items() if row.text == text) for text in chosen]
    share = float(np.mean(list(right.values()))) if all(per_text) else 0.0
    return {"reference": share, "reference_texts": int(np.sum(per_text))}


def _of_kind(answers: Answers, labels: Labels, how: str) -> Labels:
    return {row: label for row, label in labels.items() if answers.how(row) == how}


def _changed_once(kinds: Sequence[Labels], chosen: Sequence[int]) -> bool:
    """Whether there is a moment before which every text has one answer and after which it has another."""
    last, first = -1, 1 << 30
    for labels in kinds:
        for text in chosen:
            own = [(row.call, label) for row, label in sorted(labels.items()) if row.text == text]
            switches = [at for at in range(1, len(own)) if own[at][1] != own[at - 1][1]]
            if len(switches) > 1:
                return False
            if switches:
                last, first = max(last, own[switches[0] - 1][0]), min(first, own[switches[0]][0])
    after = max(sum(row.call >= first and row.text == text for row in labels) for labels in kinds for text in chosen)
    return 0 <= last < first < 1 << 30 and after > 1


def _scatter(answers: Answers, rows: Sequence[AnswerRow], chosen: Sequence[int], size: float) -> Observation:
    stacks = {text: answers.stack([row for row in rows if row.text == text]) for text in chosen}
    means = {text: stack.mean(0) for text, stack in stacks.items()}
    per_call: dict[int, list[Vectors]] = {}
    for row in rows:
        if row.text in means and len(answers.calls[row.call].texts) > 1:
            per_call.setdefault(row.call, []).append(answers.vector(row) - means[row.text])
    common = together([np.stack(each) for each in per_call.values() if len(each) > 1])
    noise = noise_of(list(stacks.values()))
    numbers = {"worst": size, "together": common} | ({} if noise is None else vars(noise))
    if common > _OFFSET:
        steps = [np.mean(each, axis=0) for _, each in sorted(per_call.items())]
        return Observation("moving-offset", numbers | {"drifts": _drifts(steps)})
    return Observation("noise", numbers)


def _drifts(steps: Sequence[Vectors]) -> bool:
    """Whether what follows in time is near: a mean that is kept up moves on, an offset drawn each time jumps."""
    if len(steps) < 4:
        return False
    rows = np.stack(steps)
    near = float(((rows[1:] - rows[:-1]) ** 2).sum(1).mean())
    every = float(2 * rows.var(0).sum() * len(rows) / (len(rows) - 1))
    return near < 0.5 * every

"""What an encoder shows whose answers depend on what else is asked: in the same call, or by others meanwhile."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Vectors
from evaluators.parity.answers import Answers, rounding_gap
from evaluators.parity.asking import SAME
from evaluators.parity.observations import Observation
from evaluators.parity.scatter import gap

__all__ = ["at_once", "in_all", "in_batches", "moved_rows", "once_odd"]


def moved_rows(answers: Answers) -> list[Observation]:
    """Rows of a batch that are another text's vector, the same in every batch: each is found alone, but elsewhere."""
    alone, limit = answers.first("alone"), answers.tolerance
    if alone is None:
        return []
    for how in ("batch", "reversed"):
        for call in answers.log.of(how)[:1]:
            rows = [(place, text) for place, text in enumerate(call.texts) if text in alone]
            bank = np.stack([alone[text] for _, text in rows])
            near = [gap(call.vectors[place][None], bank) for place, _ in rows]
            moved = sum(
                bool(each[at] > 10 * limit and np.nanmin(each, initial=np.inf) <= min(limit, each[at] / 10))
                for at, each in enumerate(near)
            )
            if moved:
                return [Observation("rows-moved", {"moved": moved, "rows": len(rows)})]
    return []


def in_batches(answers: Answers, floor: float) -> list[Observation]:
    """Vectors that depend on the batch, where each batch gives the same ones again."""
    alone, whole = (answers.first(how) for how in ("alone", "batch"))
    if alone is None or whole is None:
        return []
    texts = [text for text in alone if text in whole]

    def apart(left: dict[int, Vectors], right: dict[int, Vectors]) -> NDArray[np.float64]:
        return np.array([float(gap(left[text], right[text])) if text in right else 0.0 for text in texts])

    effect = apart(alone, whole)
    if float(effect.max()) <= floor:
        return []
    order, company = ((answers.first(how) or whole) for how in ("reversed", "company"))
    numbers: dict[str, Any] = {
        "worst": float(effect.max()),
        "text": answers.log.texts[texts[int(effect.argmax())]].probe,
        "texts": int((effect > floor).sum()),
        "asked": len(texts),
        "place": bool(apart(whole, order).max() > floor),
        "company": bool(apart(whole, company).max() > floor),
    }
    if answers.known is not None:
        drift = np.array([float(gap(alone[text], answers.known[text])) for text in texts])
        numbers["drift"] = float(np.median(drift))
        numbers["alone_is_reference"] = bool(drift.max() <= max(floor, SAME))
        if numbers["worst"] <= rounding_gap(drift):
            return [Observation("batch-within-precision", numbers)]
    return [Observation("batch-differs", numbers)]


def in_all(answers: Answers) -> list[Observation]:
    """Texts whose vector in the call for all of them is another than alone: once, or whenever that call is made."""
    first, again = answers.apart_in_all(0), answers.apart_in_all(1)
    if not first or len(answers.log.of("all")) < 2 or answers.known is None:
        return []
    numbers: dict[str, Any] = {"asked": len({row.text for row in answers.of_call("alone")})}
    if once := {text: size for text, size in first.items() if text not in again}:
        numbers |= {"texts": len(once), "worst": max(once.values())}
        return [Observation("first-call-differs", numbers)]
    bank = answers.alone()
    room = answers.tolerance if bank is None else answers.arithmetic(bank)
    if not (left := [size for size in first.values() if size > room]):
        return []
    numbers |= {"texts": len(left), "together": len(answers.log.texts), "worst": max(left)}
    return [Observation("large-batch-differs", numbers)]


def once_odd(answers: Answers) -> list[Observation]:
    """Answers in the calls made once, in another order or company, to texts that no other call moves."""
    if (bank := answers.alone()) is None:
        return []
    room = answers.arithmetic(bank)
    rows = [*answers.of_call("reversed"), *answers.of_call("company")]
    sizes = [float(gap(answers.vector(row), bank[row.text])) for row in rows]
    if not (odd := [size for size in sizes if size > room]):
        return []
    return [Observation("outliers", {"times": len(odd), "answers": len(answers.rows), "worst": max(odd)})]


def at_once(answers: Answers) -> list[Observation]:
    """Answers given while others were, or to other clients, that differ from those given one after another."""
    if (bank := answers.alone()) is None:
        return []
    tolerance = answers.arithmetic(bank)
    worst: dict[str, float] = {}
    for call in answers.by_clients():
        size = float(gap(call.vectors[0], bank[call.texts[0]]))
        worst[call.how] = max(worst.get(call.how, 0.0), size)
    observations = _busy(answers, bank, tolerance)
    if differs := [name for name, size in worst.items() if size > tolerance]:
        numbers = {"clients": len(worst), "differ": len(differs), "worst": max(worst.values())}
        observations.append(Observation("clients-differ", numbers))
    return observations


def _busy(answers: Answers, bank: Vectors, tolerance: float) -> list[Observation]:
    """Answers given at the same time, each against what the same client got for it by itself, else what all get."""
    single = {call.texts[0]: call.vectors[0] for call in answers.by_clients()}
    odd = any(float(gap(vector, bank[text])) > tolerance for text, vector in single.items())
    calls = [call for call in answers.log.of("at-once") if call.vectors.shape[1] == answers.width]
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

"""What a person may ask for with ``--budget`` and ``--claim``, and what it means."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from data.store.errors import InputError

__all__ = ["AskedBudget", "BudgetKind", "asked_budget", "asked_claim"]

_EXAMPLES = "Give a share of the benchmark's time (5%), a time on this machine (90s, 20min, 2h), '8 tasks', or smoke."
_UNITS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "m": 60.0, "min": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hour": 3600.0, "hours": 3600.0,
}  # fmt: skip
_BUDGET = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z%]+)")


class BudgetKind(StrEnum):
    """In what a budget is counted."""

    SHARE = "share"
    SECONDS = "seconds"
    TASKS = "tasks"
    SMOKE = "smoke"


class AskedBudget(NamedTuple):
    """A budget as it was asked for.

    Attributes:
        kind: share, seconds, tasks or smoke.
        amount: share of the benchmark's published time (0 to 1), seconds of this machine, or a number of tasks.
        text: as it was typed.
    """

    kind: BudgetKind
    amount: float
    text: str


def asked_budget(text: str) -> AskedBudget:
    """Read ``5%``, ``90s``, ``20min``, ``2h``, ``8 tasks`` or ``smoke``.

    Raises:
        InputError: it is none of these, nothing, or more than the whole.
    """
    words = text.strip().lower()
    if words == BudgetKind.SMOKE:
        return AskedBudget(BudgetKind.SMOKE, 0.01, words)
    parts = _BUDGET.fullmatch(words)
    if not parts:
        raise InputError("That is no budget", where=text, remedy=_EXAMPLES)
    amount, unit = float(parts[1]), parts[2]
    if amount <= 0:
        raise InputError("A budget of nothing runs nothing", where=text, remedy=_EXAMPLES)
    if unit in ("%", "percent"):
        if amount > 100:
            raise InputError(
                "A budget of more than the whole benchmark is no budget", where=text,
                remedy="Give at most 100%, or leave --budget out to run every task.",
            )  # fmt: skip
        return AskedBudget(BudgetKind.SHARE, amount / 100, words)
    if unit in ("task", "tasks"):
        if amount != int(amount):
            raise InputError("A number of tasks is a whole one", where=text, remedy=_EXAMPLES)
        return AskedBudget(BudgetKind.TASKS, amount, words)
    if unit not in _UNITS:
        raise InputError("That is no budget", where=text, remedy=_EXAMPLES)
    return AskedBudget(BudgetKind.SECONDS, amount * _UNITS[unit], words)


def asked_claim(text: str) -> float:
    """Read a claimed mean, on either scale: ``0.652``, ``65.2`` or ``65.2%``.

    Returns:
        On the 0-1 scale.

    Raises:
        InputError: it is no number, or no mean that a benchmark can have.
    """
    remedy = "Give the mean that is claimed, as 65.2 or 0.652."
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        raise InputError("A claim is a number", where=text, remedy=remedy) from None
    if not 0 < value <= 100:
        raise InputError("No benchmark has such a mean", where=text, remedy=remedy)
    return value / 100 if value > 1 or text.strip().endswith("%") else value

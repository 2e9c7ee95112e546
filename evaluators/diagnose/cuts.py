"""The causes that a length is, in each way to cut, and which of several lengths a person would have set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from data.rules.causes import CAUSES, Cause

__all__ = [
    "USUAL_LENGTHS",
    "Maker",
    "before_prompt",
    "both_ends",
    "end_of",
    "is_round",
    "numbered",
    "of_tokens",
    "roundest",
]

Maker = Callable[[int], Cause]
# The lengths that people set.
USUAL_LENGTHS = (
    32, 48, 64, 96, 100, 128, 192, 200, 256, 300, 384, 400, 500, 510, 512, 600, 768, 800, 1000, 1024, 1500, 2000, 2048,
    3000, 4000, 4096, 8000, 8192,
)  # fmt: skip


def of_tokens(declared: int, code: str = "max-length", **changes: object) -> Maker:
    """So many tokens of a text, special ones included; changes are what else the cause does to a recipe."""

    def make(length: int) -> Cause:
        values = {"length": length, "declared": declared}
        return CAUSES[code].filled(values, changes={"length": length, **changes})

    return make


def before_prompt(declared: int) -> Maker:
    """A length of the text alone, before its prompt is put."""

    def make(length: int) -> Cause:
        values = {"length": length, "declared": declared}
        return CAUSES["length-before-prompt"].filled(values, changes={"own_length": length})

    return make


def both_ends(declared: int, share: float) -> Maker:
    """Both ends of a text, of so many tokens together, a share of them of its end."""

    def make(length: int) -> Cause:
        tail = int((length - 2) * share)
        values = {"length": length, "tail": tail, "declared": declared}
        return CAUSES["middle-cut"].filled(values, changes={"length": length, "tail": tail})

    return make


def end_of(declared: int) -> Maker:
    """So many tokens of the end of a text, beside its beginning up to the declared length."""

    def make(tail: int) -> Cause:
        values = {"length": declared, "tail": tail, "declared": declared}
        return CAUSES["middle-cut"].filled(values, changes={"tail": tail})

    return make


def numbered(code: str) -> Maker:
    """A cause that a length is all there is to know of."""
    return lambda length: CAUSES[code].filled({"length": length})


def roundest(values: Sequence[int]) -> int:
    """Of lengths that no text tells apart, the one that a person would have set."""
    powers = [value for value in values if _is_power(value)]
    for unit in (1000, 500, 100, 50):
        whole = [value for value in values if value % unit == 0]
        if whole:
            return whole[0]
    tens = [value for value in values if value % 10 == 0]
    return (powers or tens or list(values))[0]


def is_round(value: int) -> bool:
    """Whether a person would have set a length: a power of two, or whole tens."""
    return _is_power(value) or value % 10 == 0


def _is_power(value: int) -> bool:
    return value & (value - 1) == 0

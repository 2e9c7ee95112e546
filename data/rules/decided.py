"""Whether the figures a decision was taken on still stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Moved", "moved_figures"]

_SAME = 1e-9  # sums in another order differ in the last bits

Figure = float | str | None


class Moved(NamedTuple):
    """A figure that is another one now; None is one that is not there."""

    name: str
    then: Figure
    now: Figure


def moved_figures(then: Mapping[str, Figure], now: Mapping[str, Figure]) -> list[Moved]:
    """The figures of ``then`` that are others now, in their order; what is only now there is no matter."""
    return [
        Moved(name, figure, now.get(name)) for name, figure in then.items() if not _same(figure, now.get(name))
    ]  # fmt: skip


def _same(one: Figure, other: Figure) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= _SAME * max(1.0, abs(one), abs(other))
    return one == other

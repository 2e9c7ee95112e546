"""What is drawn by lot: by a hash of the text and the seed, so that the same files give the same tasks everywhere."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["by_turns", "lot"]

Item = TypeVar("Item")


def lot(*parts: object) -> int:
    """A number that looks drawn and is always the same for the same parts."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def by_turns(items: Iterable[Item], group: Callable[[Item], int], order: Callable[[Item], int]) -> Iterator[Item]:
    """Items in turns by their group, so that one long document does not stand for all; by lot within each."""
    groups: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        groups[group(item)].append(item)
    waiting = [sorted(groups[key], key=order, reverse=True) for key in sorted(groups)]
    while waiting:
        for members in waiting:
            yield members.pop()
        waiting = [members for members in waiting if members]

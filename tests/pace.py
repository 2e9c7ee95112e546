"""How fast this machine is, so that a test can bound what something costs without knowing the machine."""

from __future__ import annotations

import time

import numpy as np

__all__ = ["spent", "unit"]


def unit() -> float:
    """Processor seconds of a fixed piece of work, Python and numpy half and half: .05 on a core of 2024.

    Measured anew each time: beside other work a core takes half as long again for the same, for minutes at a stretch.
    """
    return min(_once() for _ in range(3))


def spent(seconds: float) -> float:
    """Processor seconds in units of this machine's pace."""
    return seconds / unit()


def _once() -> float:
    started = time.process_time()
    total = 0
    for number in range(400_000):
        total += number % 7
    np.sort(np.random.default_rng(0).random(450_000))
    return time.process_time() - started


if __name__ == "__main__":
    print(f"{unit():.4f} s")

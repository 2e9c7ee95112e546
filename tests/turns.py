"""Which worker takes which file, and when: the dearest first, and what needs the same things by the same worker.

A browser, the dashboards it looks at and torch with mteb take seconds to start, once in each worker that needs them. So
the files stand in a row with the pages at one end, the models at the other and the quick ones between, the dearest
outermost, and workers take them from either end by turns: who is through sooner takes more, and the last to be taken is
short.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from xdist.scheduler.loadfile import LoadFileScheduling
from xdist.workermanage import WorkerController

__all__ = ["FromBothEnds", "in_a_row"]

# Folders of tests that look at pages, and of those that open models; the others need neither.
_PAGES = frozenset({"dashboard", "deploy", "report", "verdicts"})
_MODELS = frozenset(
    {
        "cases", "conformance", "diagnose", "encoders", "fleet", "hostile", "official", "parity", "preflight",
        "reproduce",
    }
)  # fmt: skip
# About what a test costs beside one of the quick ones.
_BROWSER, _SLOW = 30, 20


def in_a_row(items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests file by file: pages, the dearest file first; quick ones; models, the dearest file last."""
    costs: dict[Any, int] = defaultdict(int)
    for item in items:
        costs[item.path] += _cost(item)
    return sorted(items, key=lambda item: (_place(item, costs[item.path]), str(item.path)))


def _place(item: pytest.Item, cost: int) -> int:
    folders = set(item.path.parts)
    return -cost if folders & _PAGES else cost if folders & _MODELS else 0


def _cost(item: pytest.Item) -> int:
    if "chromium" in getattr(item, "fixturenames", ()):
        return _BROWSER
    return _SLOW if item.get_closest_marker("slow") else 1


class FromBothEnds(LoadFileScheduling):  # type: ignore[misc]
    """Files in the order in which they were collected: one worker begins with the first, the next with the last."""

    def _assign_work_unit(self, node: WorkerController) -> None:
        if int(node.gateway.id.removeprefix("gw")) % 2:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

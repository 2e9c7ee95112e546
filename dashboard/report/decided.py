"""What was decided on the views of a report, as a table of it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.report.document import Block, Head, Sheet
from dashboard.views import View
from dashboard.words import mark, tr
from data.store.decisions import decisions_path, read_decisions

__all__ = ["decided_so_far", "decisions_about"]

_HEADS = {
    "name": mark("Name"), "question": mark("Question"), "choice": mark("Choice"), "reason": mark("Reason"),
    "author": mark("Author"), "at": mark("Date (UTC)"), "record": mark("Record"), "link": mark("View"),
}  # fmt: skip


def decisions_about(views: Sequence[View]) -> tuple[Block, ...]:
    """What was decided on the views; what is about the things they show stands in the views themselves."""
    addresses = {view.address for view in views}
    decided = [one for one in read_decisions().decisions if one.link in addresses]
    if not decided:
        return ()
    rows = [{head: str(getattr(one, name)) for name, head in _HEADS.items()} for one in decided]
    heads = tuple(Head(head, tr(head)) for head in _HEADS.values())
    return (Sheet(heads, pd.DataFrame(rows), tr("Decisions"), "decisions"),)


def decided_so_far() -> tuple[int, int]:
    """What changes when another decision is kept: a report made before does not have it."""
    try:
        stat = decisions_path().stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)

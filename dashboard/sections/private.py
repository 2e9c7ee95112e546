"""The mark of what is private, the same on every page: own tasks, and models that nobody published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.formatting import plain
from dashboard.queries import names as names_queries
from dashboard.tables.columns import PRIVATE
from dashboard.words import listed, tr

__all__ = ["marked_names", "show_private", "with_private"]

_NAMED = 6


def with_private(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with what of each row is ``private``: 'model', 'task', 'model, task' or nothing."""
    private = answer_of(names_queries.private)
    sides = {"model": private.models, "task": private.tasks}
    nothing, marks = pd.Series(False, index=frame.index), pd.Series("", index=frame.index, dtype=object)
    model, task = (frame[name].isin(names) if name in frame else nothing for name, names in sides.items())
    return frame.assign(private=marks.mask(task, "task").mask(model, "model").mask(model & task, "model, task"))


def show_private(*, models: Iterable[str] = (), tasks: Iterable[str] = (), where: Any = st) -> None:
    """One quiet line that names those of these that are private; none where there are none."""
    private = answer_of(names_queries.private)
    names = [*(name for name in models if name in private.models), *(name for name in tasks if name in private.tasks)]
    if names:
        first = listed(map(plain, names[:_NAMED]))
        if len(names) > _NAMED:
            first = tr("{names} and {n} more", names=first, n=len(names) - _NAMED)
        badge = f":gray-badge[:material/lock: {tr('private')}] :small[{first}]"
        where.markdown(badge, help=tr(str(PRIVATE.help)))


def marked_names(texts: pd.Series, names: pd.Series, *, of: str) -> pd.Series:
    """Texts of a figure with the mark behind those whose names are private; ``of`` is 'models' or 'tasks'."""
    private: frozenset[str] = getattr(answer_of(names_queries.private), of)
    return texts.astype(str) + names.isin(private).map({True: tr(" (private)"), False: ""})

"""The mark of what is private, the same on every page: own tasks, and models that nobody published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import ask
from dashboard.formatting import plain
from dashboard.queries.names import private

__all__ = ["COLUMN", "MEANING", "badge", "labels", "marked", "of_cells"]

MEANING = "Known only from this machine: in neither MTEB's registry nor its published results."
_NAMED = 6
# Of every table that :func:`marked` may have widened.
COLUMN: dict[str, Any] = {"Private": st.column_config.TextColumn(width=80, help=MEANING)}


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a column Private after its columns Model and Task; unchanged where nothing in it is private."""
    marks = of_cells(frame, "Model", "Task")
    if not marks.ne("").any():
        return frame
    place = max(i for i, name in enumerate(frame.columns) if name in ("Model", "Task")) + 1
    return pd.concat([frame.iloc[:, :place], marks.rename("Private"), frame.iloc[:, place:]], axis=1)


def of_cells(frame: pd.DataFrame, model: str, task: str) -> pd.Series:
    """What of each row is private: 'model', 'task', 'model, task' or nothing."""
    known = ask(private)
    sides = [(model, known.models, "model"), (task, known.tasks, "task")]
    found = [frame[name].isin(names).map({True: word, False: ""}) for name, names, word in sides if name in frame]
    rows = zip(*found, strict=True)
    return pd.Series([", ".join(filter(None, row)) for row in rows] if found else "", index=frame.index, dtype=object)


def badge(*, models: Iterable[str] = (), tasks: Iterable[str] = (), where: Any = st) -> None:
    """One quiet line that names those of these that are private; none where there are none."""
    known = ask(private)
    named = [*(name for name in models if name in known.models), *(name for name in tasks if name in known.tasks)]
    if named:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        shown = ", ".join(map(plain, named[:_NAMED]))
        where.markdown(f":gray-badge[:material/lock: private] :small[{shown}{more}]", help=MEANING)


def labels(texts: pd.Series, names: pd.Series, *, of: str) -> pd.Series:
    """Texts of a figure with the mark behind those whose names are private; ``of`` is 'models' or 'tasks'."""
    known: frozenset[str] = getattr(ask(private), of)
    return texts.astype(str) + names.isin(known).map({True: " (private)", False: ""})

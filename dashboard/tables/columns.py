"""A column of a table is one line: its head, the column of the frame it shows, how, and what its head explains.

:class:`Table` turns such lines and a frame into what is shown, Streamlit's configuration of it, its order and its CSV.
A head stands in the code and in addresses in English; what is shown of it is said in the viewer's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import bytes_text, day, licence, parameters, rounded, word
from dashboard.stored_words import tr_stored
from dashboard.words import tr
from data.rules.licences import licence_of
from data.rules.words import Phrase

__all__ = [
    "BYTES", "CHECK", "COMPACT", "DATE", "DAY", "DIFFERENCE", "INTERVAL", "LICENCE", "LIST", "LOCALISED", "MARK",
    "MODEL", "MOMENT", "PARAMETERS", "PERCENT", "POINTS", "PRIVATE", "SHARE", "SMALL", "STORED", "TASK", "TEXT",
    "WHOLE", "WORDED", "Column", "Format", "Table", "number",
]  # fmt: skip

Source = str | Callable[[pd.DataFrame], Any]


@dataclass(frozen=True)
class Format:
    """How the values of a column are shown: Streamlit's column with its options, and what is written into it.

    ``order`` is what they are sorted by where that is not what is shown: the same in every language.
    """

    config: Callable[..., Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    write: Callable[[pd.Series], Any] | None = None
    order: Callable[[pd.Series], pd.Series] | None = None


def number(form: str, scale: float | None = None) -> Format:
    """Numbers in a printf format or one of Streamlit's; with a scale, that many times the source, to two decimals."""
    write = None if scale is None else lambda values: rounded(scale * values.astype("float64"))
    return Format(st.column_config.NumberColumn, {"format": form}, write)


def _written(write: Callable[[Any], str], order: Callable[[pd.Series], pd.Series] | None = None) -> Format:
    return Format(st.column_config.TextColumn, write=lambda values: values.map(write), order=order)


def _class_and_name(text: object) -> str:
    stated = licence_of(text)
    return f"{stated.label}: {stated.name}"


def _said(value: Any) -> Any:
    """A word of ours in the viewer's language; what is missing, or no text, as it is."""
    return word(value) if isinstance(value, str) else value


def _said_whole(value: Any) -> Any:
    """A sentence of the store in the viewer's language, or a word of it; what is no text as it is."""
    if not isinstance(value, str):
        return value
    one = word(value)
    return tr_stored(value) if one == value else one


TEXT = Format(st.column_config.TextColumn)
# Words of our own: verdicts, origins, states. They are sorted as the store has them.
WORDED = _written(_said, lambda values: values)
# Sentences that evaluators wrote; they are sorted as the store has them too.
STORED = _written(_said_whole, lambda values: values)
POINTS = number("%.2f", 100)  # of a source on the 0-1 scale
DIFFERENCE = number("%+.2f", 100)
SHARE = number("%.0f%%", 100)
PERCENT = number("%.0f%%")
WHOLE = number("%d")
SMALL = number("%.1e")
LOCALISED = number("localized")
PARAMETERS = _written(parameters)
COMPACT = number("compact")
BYTES = _written(bytes_text)
# By class and name in English, so that the order is the same in every language.
LICENCE = _written(licence, lambda texts: texts.map(_class_and_name))
DAY = _written(day)
DATE = Format(st.column_config.DateColumn, {"format": "YYYY-MM-DD"}, pd.to_datetime)
MOMENT = Format(st.column_config.DatetimeColumn, {"format": "YYYY-MM-DD HH:mm"})
CHECK = Format(st.column_config.CheckboxColumn)
LIST = Format(st.column_config.ListColumn)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: its head, in English, or with a phrase's blanks filled; what it goes by in addresses.
        source: the column of the frame it shows, or what makes it of the frame.
        format: how its values are shown.
        help: what the head explains.
        width: in pixels, or Streamlit's "small", "medium", "large".
        pinned: whether it stays in sight; Streamlit draws what is in grey, so names are not.
        optional: left out where the frame has no such source or nothing stands in it.
        sort: the column of the frame it is sorted by; its own source without.
        small_first: whether small numbers are what one looks for first; texts begin with A in any case.
        ours: whether the head is a word of ours and said in the viewer's language, not the name of a model or task.
        head: what is shown in place of its name, where that has to be said of what addresses go on calling so.
    """

    name: str
    source: Source
    format: Format = TEXT
    help: str | None = None
    width: int | str | None = None
    pinned: bool | None = None
    optional: bool = False
    sort: str | None = None
    small_first: bool = False
    ours: bool = True
    head: str | None = None

    @property
    def label(self) -> str:
        """Its head as it is shown."""
        return tr(self.head or self.name) if self.ours else self.name

    def values(self, frame: pd.DataFrame) -> pd.Series:
        """What stands in it, a row of the frame each."""
        raw = self.source(frame) if callable(self.source) else frame[self.source]
        series = pd.Series(raw, index=frame.index)
        return series if self.format.write is None else pd.Series(self.format.write(series), index=frame.index)

    def config(self) -> Any:
        """Streamlit's configuration of it."""
        explained = None if self.help is None else tr(self.help)
        return self.format.config(
            self.label, help=explained, width=self.width, pinned=self.pinned, **self.format.options
        )

    def sort_keys(self, source: pd.DataFrame, shown: pd.Series) -> pd.Series:
        """What rows are ordered by: numbers and dates as shown, of texts made of numbers those, of others no case."""
        raw = source[self.sort] if self.sort else shown
        if not self.sort and self.format.order is not None and isinstance(self.source, str):
            raw = self.format.order(source[self.source])
        if not self.sort and not _ordered(raw) and isinstance(self.source, str) and _ordered(source[self.source]):
            raw = source[self.source]
        return raw if _ordered(raw) else raw.map(_folded)


# Columns that many tables have.
MARK = Column(
    "", lambda frame: frame["differs"].map({True: ["≠"], False: []}),
    Format(st.column_config.MultiselectColumn, {"options": ["≠"], "color": ["orange"]}), "What differs", 50,
)  # fmt: skip
MODEL = Column("Model", "model")
TASK = Column("Task", "task")
INTERVAL = Column(
    "95% interval", "interval",
    help="Had the benchmark been made of other tasks like these: paired bootstrap over tasks", sort="low",
)  # fmt: skip


def _whose(whose: object) -> str:
    """What of a row is private, as the store names it."""
    return tr("model, task") if whose == "model, task" else word(whose)


PRIVATE = Column(
    "Private", "private", _written(_whose, lambda values: values),
    help="Known only from this machine: in neither MTEB's registry nor its published results.",
    width=80, optional=True,
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A frame as its columns show it; rows of ``source`` and ``shown`` are the same, numbered from 0."""

    columns: tuple[Column, ...]
    source: pd.DataFrame
    shown: pd.DataFrame

    @classmethod
    def of(cls, columns: Iterable[Column], source: pd.DataFrame) -> Table:
        """The table of a frame."""
        source = source.reset_index(drop=True)
        present: dict[str, Column] = {}
        shown: dict[str, pd.Series] = {}
        for column in columns:
            if column.optional and isinstance(column.source, str) and column.source not in source:
                continue
            values = column.values(source)
            if not column.optional or (values.notna() & values.ne("")).any():
                again = sum(other.strip() == column.name for other in present)
                if again:  # heads are unique
                    head = column.name if isinstance(column.name, Phrase) else Phrase(column.name)
                    column = replace(column, name=Phrase("{head}" + " " * again, {"head": head}))
                present[column.name], shown[column.name] = column, values
        return cls(tuple(present.values()), source, pd.DataFrame(shown))

    @property
    def config(self) -> dict[str, Any]:
        """Streamlit's ``column_config`` of what is shown."""
        return {column.name: column.config() for column in self.columns}

    @property
    def sortable(self) -> list[str]:
        """Heads of the columns that can be sorted by: all but lists."""
        lists = (LIST.config, MARK.format.config)
        return [column.name for column in self.columns if column.format.config not in lists]

    def only(self, *names: str) -> Table:
        """The same table with these columns, as they stand in it."""
        columns = tuple(column for column in self.columns if column.name in names)
        return Table(columns, self.source, self.shown[[column.name for column in columns]])

    def without(self, *names: str) -> Table:
        """The same table without these columns."""
        return self.only(*(column.name for column in self.columns if column.name not in names))

    def rows(self, chosen: Any) -> Table:
        """The same table with these rows, a mask or numbers, in this order."""
        source, shown = (frame.loc[chosen].reset_index(drop=True) for frame in (self.source, self.shown))
        return Table(self.columns, source, shown)

    def sorted_by(self, name: str, *, reverse: bool = False) -> Table:
        """The table in the order of a column, blanks last either way; as it is where there is no such column."""
        column = next((column for column in self.columns if column.name == name), None)
        if column is None:
            return self
        keys = column.sort_keys(self.source, self.shown[name])
        ascending = (column.small_first or not _ordered(keys)) != reverse
        return self.rows(keys.sort_values(ascending=ascending, na_position="last", kind="stable").index)

    @property
    def labels(self) -> dict[str, str]:
        """Heads as they are shown, by what they go by."""
        return {column.name: column.label for column in self.columns}

    def csv(self) -> bytes:
        """The table as it is shown; a text that a spreadsheet would run as a formula gets a quote in front."""
        return self.shown.map(_inert).to_csv(index=False, header=list(self.labels.values())).encode("utf-8")


def _ordered(values: pd.Series) -> bool:
    """Whether values have an order of their own, as numbers and dates have."""
    return pd.api.types.is_numeric_dtype(values) or pd.api.types.is_datetime64_any_dtype(values)


def _folded(value: object) -> str | None:
    return str(value).casefold() if pd.notna(value) and value != "" else None  # type: ignore[call-overload]


def _inert(value: Any) -> Any:
    if isinstance(value, list):
        return _inert("; ".join(map(str, value)))
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value

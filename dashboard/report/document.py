"""What a report is made of: the parts of a page, apart from how they are written down.

Texts are Markdown as Streamlit reads it, names from outside escaped in it by the page; cells of tables and what is
called text here are shown as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from dashboard.views import View

__all__ = [
    "Across", "Block", "FactList", "Figure", "Head", "Heading", "Listing", "Notice", "Part", "Plot", "Prose", "Report",
    "Sheet", "ViewDrawn", "Way", "blocks_in", "named",
]  # fmt: skip


@dataclass(frozen=True)
class Heading:
    """A heading within a view: ``level`` 2 and up, the view's own is 1."""

    level: int
    words: str


@dataclass(frozen=True)
class Prose:
    """A paragraph or several; ``small`` as a caption is."""

    words: str
    small: bool = False


@dataclass(frozen=True)
class Notice:
    """A message in a box; ``tone`` is info, success, warning or error."""

    tone: str
    words: str


@dataclass(frozen=True)
class Listing:
    """Text of a command or a file, in fixed width."""

    text: str


@dataclass(frozen=True)
class Head:
    """A column of a table.

    ``name`` is its column in the frame, ``label`` what is shown of it, ``kind`` what Streamlit calls its type
    (``number``, ``text``, ``list``, ``link``, ...), ``form`` how its values are written, ``help`` Markdown.
    """

    name: str
    label: str
    kind: str = ""
    form: str = ""
    help: str = ""
    pinned: bool = False
    display: str = ""  # of a link: its text, or a pattern whose group is


@dataclass(frozen=True, eq=False)
class Sheet:
    """A table with all of its rows; ``name`` tells it from the others of a report, as a file name."""

    heads: tuple[Head, ...]
    frame: pd.DataFrame
    words: str = ""
    name: str = ""


@dataclass(frozen=True)
class Plot:
    """A plotly figure as JSON, and what it shows in words."""

    spec: str
    words: str = ""
    themed: bool = True


@dataclass(frozen=True)
class Figure:
    """One number with its label, and how it differs."""

    label: str
    value: str
    difference: str = ""


@dataclass(frozen=True)
class FactList:
    """Names and what they stand for, as text."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Way:
    """A way to an address: of a page of the dashboard, relative, or in full."""

    words: str
    address: str


@dataclass(frozen=True)
class Across:
    """Blocks side by side, with their shares of the width."""

    cells: tuple[tuple[float, tuple[Block, ...]], ...]


@dataclass(frozen=True)
class Part:
    """What stood behind a title: a tab, or something unfolded."""

    words: str
    blocks: tuple[Block, ...]


Block = Heading | Prose | Notice | Listing | Sheet | Plot | Figure | FactList | Way | Across | Part


@dataclass(frozen=True)
class ViewDrawn:
    """A view on paper: its title and question, what was chosen there, and what it shows."""

    view: View
    title: str
    question: str
    choices: tuple[tuple[str, str], ...]
    blocks: tuple[Block, ...]


def blocks_in(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """All blocks from top to bottom, those within others too."""
    for block in blocks:
        yield block
        if isinstance(block, Part):
            yield from blocks_in(block.blocks)
        elif isinstance(block, Across):
            for _, cell in block.cells:
                yield from blocks_in(cell)


def named(blocks: tuple[Block, ...], prefix: str) -> tuple[Block, ...]:
    """The same blocks, each table named ``<prefix>-<n>``."""
    number = iter(range(1, 10_000))

    def of(block: Block) -> Block:
        if isinstance(block, Sheet):
            return replace(block, name=f"{prefix}-{next(number)}")
        if isinstance(block, Part):
            return replace(block, blocks=tuple(map(of, block.blocks)))
        if isinstance(block, Across):
            return replace(block, cells=tuple((share, tuple(map(of, cell))) for share, cell in block.cells))
        return block

    return tuple(map(of, blocks))


@dataclass(frozen=True)
class Report:
    """Views on paper, with what their figures rest on.

    Args:
        title: of the whole.
        language: code of the language it is written in.
        made: when, in words.
        views: in their order.
        provenance: names and what they stand for: record, versions, when it was made.
        decisions: what was decided about the views.
        base: where the dashboard is, for links back; None where nobody knows.
    """

    title: str
    language: str
    made: str
    views: tuple[ViewDrawn, ...]
    provenance: FactList
    decisions: tuple[Block, ...] = ()
    base: str | None = None

    def live(self, address: str) -> str | None:
        """An address of the dashboard in full; None where nobody knows where it is."""
        return None if self.base is None else f"{self.base}/{address.lstrip('/')}"

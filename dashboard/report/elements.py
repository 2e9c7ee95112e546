"""What a page sent to a browser, as the blocks of a document.

Controls become one line of what they stand at; what can only be clicked is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from streamlit import dataframe_util
from streamlit.proto.Block_pb2 import Block as BlockProto
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.proto.Metric_pb2 import Metric
from streamlit.proto.Slider_pb2 import Slider

from dashboard.formatting import small
from dashboard.report.document import (
    Across,
    Block,
    Figure,
    Head,
    Heading,
    Listing,
    Notice,
    Part,
    Plot,
    Prose,
    Sheet,
    ViewDrawn,
    Way,
    named,
)
from dashboard.report.runner import PageRun
from dashboard.views import View
from dashboard.words import tr

__all__ = ["DRAWN", "LEFT_OUT", "drawn_view"]

_MAIN, _SIDE = 0, 1  # the first number of a path
_TONES = {1: "error", 2: "warning", 3: "info", 4: "success"}  # Alert.Format
_TITLE = re.compile(r"\*\*(?P<bold>[^*\n]+)\*\*|#{1,6} (?P<heading>[^\n]+)")

# What a browser shows and paper does not: what can only be clicked, and what shows that something is going on.
LEFT_OUT = frozenset(
    {
        "button", "download_button", "menu_button", "toast", "spinner", "progress", "skeleton", "space", "empty",
        "balloons", "snow", "favicon", "html", "iframe", "selectbox", "multiselect", "checkbox", "slider",
        "button_group", "text_input", "number_input", "radio", "date_input", "text_area", "date_time_input",
        "time_input",
    }
)  # fmt: skip


@dataclass
class _Node:
    """A place of the page: an element, or a block with what is in it by its place."""

    proto: Any = None
    children: dict[int, _Node] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return (self.proto.WhichOneof("type") or "") if self.proto is not None else ""

    def inside(self) -> list[_Node]:
        return [self.children[place] for place in sorted(self.children)]


def drawn_view(view: View, run: PageRun, number: int = 1) -> ViewDrawn:
    """A view on paper, from a run of its page; ``number`` tells it from the others of a report."""
    root = _tree(run.messages)
    last = _Said()
    blocks = tuple(_blocks(root.children.get(_MAIN, _Node()), last))
    title, _, question = last.title.partition(" :small[")
    choices = [choice for place in (_MAIN, _SIDE) for choice in _choices(root.children.get(place), run.controls)]
    prefix = f"{number}-{view.page or 'first'}"
    title = title or view.title or view.page
    return ViewDrawn(view, title, question.removesuffix("]"), tuple(choices), named(blocks, prefix))


def _tree(messages: Sequence[ForwardMsg]) -> _Node:
    root = _Node()
    for message in messages:
        what = message.delta.WhichOneof("type") if message.WhichOneof("type") == "delta" else None
        if what not in ("new_element", "add_block"):
            continue
        node = root
        for place in message.metadata.delta_path:
            node = node.children.setdefault(place, _Node())
        node.proto, node.children = getattr(message.delta, what), {}
    return root


@dataclass
class _Said:
    """The title of the page, and the last words above a table or a plot, which say what it shows."""

    title: str = ""
    words: str = ""


def _blocks(node: _Node, last: _Said) -> Iterator[Block]:
    """What a place shows, as blocks."""
    if isinstance(node.proto, Element):
        make = DRAWN.get(node.kind)
        block = make(getattr(node.proto, node.kind), last) if make else None
        if block is not None:
            yield block
        return
    if title := _title(node):
        last.words = title
        inside = tuple(block for child in node.inside() for block in _blocks(child, last))
        if inside:
            yield Part(title, inside)
        return
    cells = [(_share(child), tuple(_blocks(child, last))) for child in node.inside()]
    cells = [(share, cell) for share, cell in cells if cell]
    across = any(child.kind == "column" for child in node.inside()) or _figures(cells)
    if across and len(cells) > 1:
        yield Across(tuple(cells))
    else:
        yield from (block for _, cell in cells for block in cell)


def _title(node: _Node) -> str:
    """The title that a block stands behind; empty of one that has none."""
    if not isinstance(node.proto, BlockProto) or node.kind not in ("tab", "expandable", "popover", "dialog"):
        return ""
    block = getattr(node.proto, node.kind)
    return str(block.title if node.kind == "dialog" else block.label)


def _share(node: _Node) -> float:
    return float(node.proto.column.weight) if node.kind == "column" else 1.0


def _figures(cells: Sequence[tuple[float, tuple[Block, ...]]]) -> bool:
    """Whether figures with labels stand in a row."""
    return len(cells) > 1 and all(isinstance(block, Figure) for _, cell in cells for block in cell)


def _heading(proto: Any, last: _Said) -> Block | None:
    if proto.tag == "h1" and not last.title:
        last.title = proto.body
        return None
    last.words = proto.body
    return Heading(int(proto.tag[1:] or 2), proto.body)


def _prose(proto: Any, last: _Said) -> Block | None:
    if proto.element_type == Markdown.Type.DIVIDER or not proto.body.strip():
        return None
    if proto.element_type in (Markdown.Type.CODE, Markdown.Type.LATEX):
        return Listing(proto.body)
    if title := _TITLE.match(proto.body):
        last.words = title["bold"] or title["heading"]
    return Prose(proto.body, small=proto.element_type == Markdown.Type.CAPTION)


def _notice(proto: Any, last: _Said) -> Block:
    return Notice(_TONES.get(proto.format, "info"), f"**{proto.title}** {proto.body}" if proto.title else proto.body)


def _sheet(proto: Any, last: _Said) -> Block:
    frame = dataframe_util.convert_arrow_bytes_to_pandas_df(proto.arrow_data.data)
    settings: dict[str, Any] = json.loads(getattr(proto, "columns", "") or "{}")
    if not (settings.get("_index") or {}).get("hidden", getattr(proto, "hide_index", False)):
        frame = frame.reset_index()
    order = [str(name) for name in getattr(proto, "column_order", ())] or [str(name) for name in frame.columns]
    frame.columns = pd.Index([str(name) for name in frame.columns])
    names = [name for name in order if name in frame.columns and not (settings.get(name) or {}).get("hidden")]
    heads = tuple(_head(name, settings.get(name) or {}) for name in names)
    return Sheet(heads, frame[names], proto.alt or last.words)


def _head(name: str, setting: Mapping[str, Any]) -> Head:
    kind = setting.get("type_config") or {}
    return Head(
        name,
        str(setting.get("label") or name),
        str(kind.get("type") or ""),
        str(kind.get("format") or ""),
        str(setting.get("help") or ""),
        bool(setting.get("pinned")),
        str(kind.get("display_text") or ""),
    )


def _plot(proto: Any, last: _Said) -> Block:
    title = (json.loads(proto.spec).get("layout") or {}).get("title") or {}
    words = proto.alt or (title.get("text") if isinstance(title, dict) else title) or last.words
    return Plot(proto.spec, str(words), themed=proto.theme == "streamlit")


def _metric(proto: Any, last: _Said) -> Block:
    sign = {Metric.MetricDirection.UP: "↑ ", Metric.MetricDirection.DOWN: "↓ "}.get(proto.direction, "")
    return Figure(proto.label, proto.body, f"{sign}{proto.delta}" if proto.delta else "")


def _page_link(proto: Any, last: _Said) -> Block:
    query = proto.query_string.removeprefix("?")
    return Way(proto.label, f"{proto.page}?{query}" if query and not proto.external else proto.page)


# How each element is drawn that paper shows.
DRAWN: dict[str, Callable[[Any, _Said], Block | None]] = {
    "heading": _heading,
    "markdown": _prose,
    "text": lambda proto, last: Listing(proto.body),
    "alert": _notice,
    "exception": lambda proto, last: Notice("error", tr("This part of the page could not be drawn.")),
    "code": lambda proto, last: Listing(proto.code_text),
    "json": lambda proto, last: Listing(proto.body),
    "dataframe": _sheet,
    "table": _sheet,
    "plotly_chart": _plot,
    "metric": _metric,
    "link_button": lambda proto, last: Way(proto.label, proto.url),
    "page_link": _page_link,
}


def _choices(node: _Node | None, controls: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The controls of a place with what they stand at, those that leave everything open left out."""
    if node is None or node.kind == "form":  # what is only being written is not chosen
        return
    if isinstance(node.proto, Element):
        proto: Any = getattr(node.proto, node.kind) if node.kind else None
        identity = getattr(proto, "id", "")
        if identity in controls and hasattr(proto, "label"):
            value = _chosen(node.kind, proto, controls[identity])
            if value:
                yield proto.label, value
    for child in node.inside():
        yield from _choices(child, controls)


def _chosen(kind: str, proto: Any, value: Any) -> str:
    """What a control stands at, as its label would be answered."""
    if kind in ("selectbox", "radio", "text_input", "text_area"):
        return "" if value is None else str(value)
    if kind in ("multiselect", "button_group"):
        return ", ".join(map(str, value or ()))
    if kind == "checkbox":
        return "✓" if value else ""
    if kind == "number_input":
        return "" if value is None else small(value, 12)
    if kind == "slider":
        return _ends(proto, value)
    return ""


def _ends(proto: Any, value: Any) -> str:
    """A slider's ends; empty of one that leaves its whole range."""
    ends: Sequence[Any] = list(value or ())
    at_first: Sequence[Any] = list(proto.default)
    if proto.type == Slider.Type.SELECT_SLIDER:
        at_first = [proto.options[int(place)] for place in at_first]
    return "" if ends == at_first else " – ".join(end if isinstance(end, str) else small(end, 12) for end in ends)

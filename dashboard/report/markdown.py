"""A report as Markdown that any reader of it understands: every table with all rows, plots named."""

from __future__ import annotations

import re

from dashboard.report import cells
from dashboard.report.document import (
    Across,
    Block,
    FactList,
    Figure,
    Heading,
    Listing,
    Notice,
    Part,
    Plot,
    Prose,
    Report,
    Sheet,
    ViewDrawn,
    Way,
)
from dashboard.report.markup import as_markdown, as_words, safe_address
from dashboard.words import tr

__all__ = ["markdown_of"]

_SIGNS = re.compile(r"([\\`*_{}\[\]()<>#|~!&])")


def markdown_of(report: Report) -> bytes:
    """The report as a file."""
    parts = [f"# {_inert(as_words(report.title))}", _inert(report.made)]
    for view in report.views:
        parts += _view(view, report)
    if report.decisions:
        parts += [f"## {tr('Decisions')}", *(_block(block, report) for block in report.decisions)]
    parts += [f"## {tr('Where the figures come from')}", _block(report.provenance, report)]
    return ("\n\n".join(filter(None, parts)) + "\n").encode("utf-8")


def _view(view: ViewDrawn, report: Report) -> list[str]:
    live = safe_address(report.live(view.view.address) or "")
    chosen = "; ".join(f"**{as_markdown(label)}:** {_inert(value)}" for label, value in view.choices)
    return [
        f"## {as_markdown(view.title)}",
        f"*{as_markdown(view.question)}*" if view.question else "",
        chosen,
        f"[{tr('Open it live')}](<{live}>)" if live else "",
        *(_block(block, report) for block in view.blocks),
    ]


def _block(block: Block, report: Report) -> str:
    match block:
        case Heading(level, words):
            return f"{'#' * max(level, 3)} {as_markdown(words)}"
        case Prose(words, _):
            return as_markdown(words)
        case Notice(_, words):
            return "\n".join(f"> {line}" for line in as_markdown(words).splitlines())
        case Listing(text):
            fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
            return f"{fence}\n{text}\n{fence}"
        case Sheet():
            return _sheet(block)
        case Plot():
            return f"*{tr('Plot, drawn in the HTML report: {title}', title=_inert(as_words(block.words)))}*"
        case Figure(label, value, difference):
            behind = f" ({as_markdown(difference)})" if difference else ""
            return f"**{as_markdown(label)}:** {as_markdown(value)}{behind}"
        case FactList(facts):
            return "\n".join(f"- {_inert(name)}: {_inert(value)}" for name, value in facts)
        case Way(words, address):
            full = safe_address(address) or safe_address(report.live(address) or "")
            return f"[{as_markdown(words)}](<{full}>)" if full else ""
        case Across(row):
            return "\n\n".join(_block(one, report) for _, cell in row for one in cell)
        case Part(words, blocks):
            return "\n\n".join([f"**{as_markdown(words)}**", *(_block(one, report) for one in blocks)])


def _sheet(sheet: Sheet) -> str:
    heads = [_inert(head.label) or " " for head in sheet.heads]
    values = [[cells.cell_text(value, head) for value in sheet.frame[head.name]] for head in sheet.heads]
    numbers = [any(map(cells.is_numeric, sheet.frame[head.name])) for head in sheet.heads]
    lines = [heads, ["---:" if number else "---" for number in numbers]]
    lines += [[_inert(text) for text in row] for row in zip(*values, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _inert(text: str) -> str:
    """Text whose every character is shown as it is, on one line."""
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))

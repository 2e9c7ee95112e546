"""A report as one file of HTML that needs nothing else: it opens from a disk with the network off.

Its policy lets two scripts run and no others, by their hashes: ours and plotly's, which is packed in the file. Nothing
is loaded from anywhere.
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import plotly

from dashboard.report import cells
from dashboard.report.colours import as_css, as_data
from dashboard.report.document import (
    Across,
    Block,
    FactList,
    Figure,
    Head,
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
    blocks_in,
)
from dashboard.report.markup import as_html, as_inline_html, as_words, safe_address
from dashboard.words import tr, tr_n
from data.store.errors import InputError

__all__ = ["MOST_BYTES", "html_of"]

MOST_BYTES = 6_000_000
_ASSETS = Path(__file__).parent / "assets"
_PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
_LONG = 60  # characters from which a text wraps in its cell


def html_of(report: Report) -> bytes:
    """The report as a file.

    Raises:
        InputError: it would be larger than :data:`MOST_BYTES`.
    """
    plots = [block for view in report.views for block in blocks_in(view.blocks) if isinstance(block, Plot)]
    body = "\n".join([_top(report), "<main>", *_sections(report), "</main>"])
    written = _page(report, body, plots).encode("utf-8")
    if len(written) > MOST_BYTES:
        raise InputError(
            f"The report would be {len(written) / 1e6:.1f} MB, and is to be no more than {MOST_BYTES / 1e6:.0f}",
            remedy="Choose fewer views, or narrow what their tables show; --format parquet takes tables of any size.",
        )
    return written


def _page(report: Report, body: str, plots: list[Plot]) -> str:
    script = (_ASSETS / "report.js").read_text("utf-8")
    packed, hash_of_plotly = _plotly() if plots else ("", "")
    scripts = " ".join(f"'sha256-{each}'" for each in (_hash(script.encode()), hash_of_plotly) if each)
    policy = (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:;"
        " base-uri 'none'; form-action 'none'"
    )
    words = {
        "old": tr("This browser cannot open the plots packed in this file; one of 2023 or later can. The tables hold"
                  " their figures."),
        "part": tr("Part {n} of {total} of this table: the same rows in each, and all columns in one of them"),
        "cut": tr("The first {n} of {total} rows; the file has all of them."),
    }  # fmt: skip
    data = as_data() | {"words": words, "plots": [{"spec": plot.spec, "themed": plot.themed} for plot in plots]}
    return f"""<!doctype html>
<html lang="{"zh-Hans" if report.language == "zh" else report.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<link rel="icon" href="data:,">
<title>{escape(as_words(report.title))} · Plumbline</title>
<style>
{as_css()}{(_ASSETS / "report.css").read_text("utf-8")}</style>
</head>
<body>
{body}
<script type="application/json" id="data">{_inert(data)}</script>
<script type="text/plain" id="plotly">{packed}</script>
<script>{script}</script>
</body>
</html>
"""


def _inert(data: Any) -> str:
    """JSON that no reader of HTML takes for anything else."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


@cache
def _plotly() -> tuple[str, str]:
    """Plotly's script packed for the file, and its hash."""
    code = _PLOTLY.read_bytes()
    return base64.b64encode(gzip.compress(code, 9, mtime=0)).decode("ascii"), _hash(code)


def _hash(code: bytes) -> str:
    return base64.b64encode(sha256(code).digest()).decode("ascii")


def _top(report: Report) -> str:
    views = "".join(
        f'<li><a href="#view-{i}">{escape(as_words(view.title))}</a>{_chosen_in_short(view)}</li>'
        for i, view in enumerate(report.views, 1)
    )
    source = f'<a href="#provenance">{escape(tr("Where the figures come from"))}</a>'
    papers = {"portrait": tr("A4 portrait"), "landscape": tr("A4 landscape"), "slides": tr("Slides")}
    options = "".join(f'<option value="{value}">{escape(label)}</option>' for value, label in papers.items())
    count = tr_n(len(report.views), "{n} view", "{n} views")
    off = tr("Plots, sorting and CSV need scripts, which are off here.")
    return f"""<header class="top">
<p class="brand">Plumbline</p>
<h1>{as_inline_html(report.title)}</h1>
<p class="small">{escape(count)} · {escape(report.made)} · {source}</p>
<nav><ol>{views}</ol></nav>
<div class="tools"><label>{escape(tr("Paper"))} <select id="paper">{options}</select></label>
<button type="button" id="print">{escape(tr("Print"))}</button>
<button type="button" id="theme">{escape(tr("Light or dark"))}</button></div>
<noscript><p class="notice warning">{escape(off)}</p></noscript>
</header>"""


def _chosen_in_short(view: ViewDrawn) -> str:
    values = ", ".join(value for _, value in view.choices[:2])
    short = values if len(values) <= 80 else values[:79] + "…"
    return f' <span class="small">{escape(short)}</span>' if short else ""


def _sections(report: Report) -> list[str]:
    sections = [_view(report, view, i) for i, view in enumerate(report.views, 1)]
    if report.decisions:
        inside = "".join(_block(block, report) for block in report.decisions)
        sections.append(f'<section class="view" id="decisions"><h2>{escape(tr("Decisions"))}</h2>{inside}</section>')
    facts = _facts(report.provenance, report)
    heading = escape(tr("Where the figures come from"))
    return [*sections, f'<section class="view" id="provenance"><h2>{heading}</h2>{facts}</section>']


def _view(report: Report, view: ViewDrawn, number: int) -> str:
    live = report.live(view.view.address)
    address = safe_address(live) if live else None
    link = f'<p class="small"><a href="{escape(address)}">{escape(tr("Open it live"))}</a></p>' if address else ""
    chosen = "; ".join(f"<b>{as_inline_html(label)}:</b> {escape(value)}" for label, value in view.choices)
    return "".join(
        [
            f'<section class="view" id="view-{number}"><h2>{as_inline_html(view.title)}</h2>',
            f'<p class="small">{as_inline_html(view.question)}</p>' if view.question else "",
            f'<p class="choices">{chosen}</p>' if chosen else "",
            link,
            *(_block(block, report) for block in view.blocks),
            "</section>",
        ]
    )


def _block(block: Block, report: Report) -> str:
    match block:
        case Heading(level, words):
            return f"<h{max(level, 3)}>{as_inline_html(words)}</h{max(level, 3)}>"
        case Prose(words, small):
            return f'<div class="small">{as_html(words)}</div>' if small else as_html(words)
        case Notice(tone, words):
            return f'<div class="notice {tone}" role="note">{as_html(words)}</div>'
        case Listing(text):
            return f"<pre><code>{escape(text)}</code></pre>"
        case Sheet():
            return _sheet(block)
        case Plot():
            return f'<div class="plot" role="img" aria-label="{escape(as_words(block.words))}"></div>'
        case Figure(label, value, difference):
            return (
                f'<div class="figure"><div class="label">{as_inline_html(label)}</div><div class="value">'
                f'{as_inline_html(value)}</div><div class="difference">{as_inline_html(difference)}</div></div>'
            )
        case FactList():
            return _facts(block, report)
        case Way(words, address):
            full = safe_address(address) or safe_address(report.live(address) or "")
            return f'<p><a href="{escape(full)}" rel="noreferrer">{as_inline_html(words)}</a></p>' if full else ""
        case Across(row):
            only = all(isinstance(one, Figure) for _, cell in row for one in cell)
            inside = "".join(
                f'<div style="--share: {share:.3f}">{"".join(_block(one, report) for one in cell)}</div>'
                for share, cell in row
            )
            return f'<div class="row{" figures" if only else ""}">{inside}</div>'
        case Part(words, blocks):
            inside = "".join(_block(one, report) for one in blocks)
            return f'<div class="part"><p class="part-title">{as_inline_html(words)}</p>{inside}</div>'


def _facts(facts: FactList, report: Report) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_linked(value)}</dd>" for name, value in facts.facts)
    return f'<dl class="facts">{rows}</dl>'


def _linked(text: str) -> str:
    address = safe_address(text)
    return f'<a href="{escape(address)}" rel="noreferrer">{escape(text)}</a>' if address else escape(text)


def _sheet(sheet: Sheet) -> str:
    """A table with every row; a cell that shows less than it holds carries that in ``data-v``."""
    columns = [[cells.plain_value(value) for value in sheet.frame[head.name]] for head in sheet.heads]
    numbers = [_of_numbers(column) for column in columns]
    heads = "".join(map(_head, sheet.heads, numbers))
    rows = "".join(f"<tr>{''.join(map(_cell, row, sheet.heads, numbers))}</tr>" for row in zip(*columns, strict=True))
    words = escape(as_words(sheet.words))
    count = tr_n(len(sheet.frame), "{n:,} row", "{n:,} rows")
    return (
        f'<div class="sheet"><div class="scroll" tabindex="0" role="region" aria-label="{words}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<div class="parts"></div><p class="under">{escape(count)}'
        f'<button type="button" data-csv="{escape(sheet.name)}">CSV</button></p></div>'
    )


def _of_numbers(values: list[Any]) -> bool:
    there = [value for value in values if not cells.is_missing(value)]
    return bool(there) and all(cells.is_numeric(value) for value in there)


def _head(head: Head, number: bool) -> str:
    names = " ".join(name for name, holds in (("n", number), ("pinned", head.pinned)) if holds)
    title = f' title="{escape(as_words(head.help))}"' if head.help else ""
    return (
        f'<th scope="col" class="{names}" data-name="{escape(head.name.strip() or head.label)}"{title}>'
        f'<button type="button">{escape(head.label)}</button></th>'
    )


def _cell(value: Any, head: Head, number: bool) -> str:
    text = cells.cell_text(value, head)
    held = "; ".join(map(str, value)) if isinstance(value, list) else "" if cells.is_missing(value) else str(value)
    names = " ".join(
        name for name, holds in (("n", number), ("pinned", head.pinned), ("long", len(text) > _LONG)) if holds
    )
    shown = escape(text)
    address = safe_address(held) if head.kind == "link" else None
    if address:
        shown = f'<a href="{escape(address)}" rel="noreferrer">{shown}</a>'
    differs = held != text and not (number and _same(held, text))
    data = f' data-v="{escape(held)}"' if differs else ""
    attributes = f' class="{names}"' if names else ""
    return f"<td{attributes}{data}>{shown}</td>"


def _same(held: str, text: str) -> bool:
    """Whether a number is written as it is, as 70.10 is 70.1."""
    try:
        return float(held) == float(text)
    except ValueError:
        return False

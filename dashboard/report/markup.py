"""Streamlit's Markdown as HTML, as plain Markdown and as text; nothing from outside comes out as markup.

Of Markdown only what pages use is read: emphasis, code, lists, headings, tables and links to addresses of the web; a
tag is shown as it is written. Streamlit's own signs (``:blue[...]``, ``:orange-badge[...]``, ``:small[...]`` and
``:material/...:``) are read by a rule of this module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

__all__ = ["as_html", "as_inline_html", "as_markdown", "as_words", "safe_address"]

_COLOURS = ("blue", "green", "orange", "red", "violet", "yellow", "gray", "grey", "rainbow", "primary")
_OPENING = re.compile(rf":(?P<name>{'|'.join(_COLOURS)}|small|shimmer)(?P<form>-badge|-background)?\[")
_ICON = re.compile(r":material/(?P<name>[a-z0-9_]+):")
# Signs of Streamlit's font that carry a meaning (dashboard/looks.py) as characters that any font has.
_SIGNS = {
    "check_circle": "✓", "stat_1": "≈", "warning": "⚠", "cancel": "✕", "block": "⊘", "error": "!", "help": "?",
    "info": "ℹ", "lightbulb": "✳", "rule": "◪", "schedule": "◷", "play_circle": "▶", "stop_circle": "■",
    "arrow_upward": "↑", "arrow_downward": "↓", "trending_up": "↗", "trending_down": "↘",
}  # fmt: skip
_JOINER = "\u2060"  # which the pages put into bare addresses, so that Streamlit makes no links of them
_TAG = re.compile(r"<[^>]*>")
_INSIDE = r"((?:[^\[\]\\]|\\.|\[(?:[^\[\]\\]|\\.)*\])*)"
_COLOURED = re.compile(rf"(?<!\\):(?:{'|'.join(_COLOURS)}|small|shimmer)(?:-badge|-background)?\[{_INSIDE}\]")


def safe_address(text: str) -> str | None:
    """An address of the web, or None: no script, no file, no data and nobody's password."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    fine = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc and text.isprintable()
    return text if fine and not any(sign in text for sign in " <>\"'`\\") else None


def as_html(markdown: str) -> str:
    """Paragraphs, lists and headings of a text."""
    return str(_READER.render(markdown.replace(_JOINER, "")))


def as_inline_html(markdown: str) -> str:
    """A text of one paragraph, as what stands within one."""
    return str(_READER.renderInline(" ".join(markdown.replace(_JOINER, "").split())))


def as_words(markdown: str) -> str:
    """A text without any markup."""
    return " ".join(unescape(_TAG.sub("", as_html(markdown))).split())


def as_markdown(markdown: str) -> str:
    """The same text without Streamlit's own signs, as other readers of Markdown understand it."""
    text = re.sub(rf"(?<!\\){_ICON.pattern}", lambda icon: _SIGNS.get(icon["name"], ""), markdown)
    before = ""
    while before != text:
        before, text = text, _COLOURED.sub(r"\1", text)
    return text.strip()


def _directive(state: StateInline, silent: bool) -> bool:
    """A colour, a badge, a size or an icon of Streamlit's."""
    if state.src[state.pos] != ":":
        return False
    icon = _ICON.match(state.src, state.pos, state.posMax)
    if icon:
        if not silent:
            state.push("sign", "", 0).content = _SIGNS.get(icon["name"], "")
        state.pos = icon.end()
        return True
    opening = _OPENING.match(state.src, state.pos, state.posMax)
    end = state.md.helpers.parseLinkLabel(state, opening.end() - 1) if opening else -1
    if opening is None or end < 0:
        return False
    if not silent:
        before, last = state.pos, state.posMax
        token = state.push("directive_open", "span", 1)
        token.attrs["class"] = f"c-{opening['name']}{opening['form'] or ''}"
        state.pos, state.posMax = opening.end(), end
        state.md.inline.tokenize(state)
        state.push("directive_close", "span", -1)
        state.pos, state.posMax = before, last
    state.pos = end + 1
    return True


class _Writer(RendererHTML):
    """HTML of tokens; a link is one only if its address is of the web."""

    def sign(self, tokens: Sequence[Token], i: int, options: Any, env: Any) -> str:
        content = tokens[i].content
        return f'<span class="sign" aria-hidden="true">{escape(content)}</span>' if content else ""

    def link_open(self, tokens: Sequence[Token], i: int, options: Any, env: Any) -> str:
        address = safe_address(str(tokens[i].attrs.get("href", "")))
        return f'<a href="{escape(address)}" rel="noreferrer">' if address else "<span>"

    def link_close(self, tokens: Sequence[Token], i: int, options: Any, env: Any) -> str:
        opened = i
        while tokens[opened].type != "link_open":
            opened -= 1
        return "</a>" if safe_address(str(tokens[opened].attrs.get("href", ""))) else "</span>"


def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "xhtmlOut": False}, renderer_cls=_Writer)
    reader.enable(["table", "strikethrough"]).disable(["image", "html_block", "html_inline"])
    reader.inline.ruler.before("emphasis", "directive", _directive)
    return reader


_READER = _reader()

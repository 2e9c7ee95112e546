"""Markdown of pages on paper: what we write is markup, what others wrote is shown."""

from __future__ import annotations

import re

import pytest

from dashboard.formatting import plain
from dashboard.report.cells import cell_text
from dashboard.report.document import Head
from dashboard.report.markup import as_html, as_inline_html, as_markdown, as_words, safe_address
from tests.make_store import HOSTILE

NASTY = [
    *HOSTILE,
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "[a](javascript:alert(1)) ![i](https://evil.example/x.png) <https://evil.example>",
    ":red[x] :material/home: | a | b |\n|---|---|",
    "&lt;b&gt; &amp; \"quoted\" 'single' `code` **bold** $x$ \\",
    "https://evil.example www.evil.example a@b.example",
]


@pytest.mark.parametrize("text", NASTY)
def test_text_from_outside_is_shown_as_it_is(text: str) -> None:
    html = as_html(plain(text))
    assert re.sub(r"</?p>\n?", "", html) == as_inline_html(plain(text))
    assert not re.search(r"<(?!/?p>)", html)
    assert as_words(plain(text)) == " ".join(text.split())


@pytest.mark.parametrize("text", NASTY)
def test_no_markdown_makes_a_script_a_picture_or_a_link_to_one(text: str) -> None:
    for html in (as_html(text), as_inline_html(text)):
        assert not re.search(r"<(script|img|iframe|style|svg|object)|<[^>]*\son\w+=|href=\"(?!https?://)", html)


def test_signs_of_streamlit_are_read() -> None:
    html = as_html(":red[:material/cancel: **failed** :small[`x`]] :orange-badge[n card] :material/unheard_of: a:b[c]")
    assert '<span class="c-red"><span class="sign" aria-hidden="true">✕</span> <strong>failed</strong>' in html
    assert '<span class="c-small"><code>x</code></span></span>' in html
    assert '<span class="c-orange-badge">n card</span>' in html and "unheard" not in html and "a:b[c]" in html
    assert as_markdown(":red[:material/cancel: **a\\]** :small[b]] \\:red\\[c\\]") == "✕ **a\\]** b \\:red\\[c\\]"
    assert as_words(":blue[**5** of 6] <x> \\*") == "5 of 6 <x> *"


def test_addresses_are_of_the_web_or_none() -> None:
    fine = ["https://a.example/x?y=1#z", "http://127.0.0.1:8501/compare?c_models=org%2Fa"]
    assert [safe_address(text) for text in fine] == fine
    for text in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//a.example", "https://u@a.example",
                 'https://a.example/"x', "https://a.example/<b>", "https://a.example/\n", "http://[", ""):  # fmt: skip
        assert safe_address(text) is None, text


@pytest.mark.parametrize(
    ("value", "head", "text"),
    [
        (70.1, Head("a", "a", "number", "%.2f"), "70.10"),
        (-0.5, Head("a", "a", "number", "%+.2f"), "-0.50"),
        (12.0, Head("a", "a", "number", "%.0f%%"), "12%"),
        (float("nan"), Head("a", "a", "number", "%d"), ""),
        (1234567, Head("a", "a", "number", "localized"), "1,234,567"),
        (1234567, Head("a", "a", "number", "compact"), "1.23M"),
        (True, Head("a", "a", "checkbox"), "✓"),
        (["a", "b"], Head("a", "a", "list"), "a, b"),
        ([], Head("a", "a", "list"), ""),
        (None, Head("a", "a"), ""),
        ("https://huggingface.co/datasets/o/n/x", Head("a", "a", "link", display=r"datasets/([^/]+/[^/]+).*"), "o/n"),
        ("https://a.example", Head("a", "a", "link", display="open"), "open"),
    ],
)
def test_cells_are_written_as_the_column_says(value: object, head: Head, text: str) -> None:
    assert cell_text(value, head) == text

"""No word of ours is missing in any language, and none is there that nobody says."""

from __future__ import annotations

import ast
import re
import string
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from dashboard.words import LANGUAGES, in_language, tr
from data.rules.causes import CAUSES, FAMILIES
from data.store import vocabulary
from tests.serving import ROOT

LOCALE = ROOT / "dashboard" / "locale"
OTHERS = [code for code in LANGUAGES if code != "en"]
# Calls whose texts are said in another language, with the places and names of those texts among the arguments.
# Of `tr_n` and `count` what is looked up is the text for several things and the noun for one.
SAID = {
    "tr": (0,), "mark": (0,), "phrase": (0,), "tr_n": (2,), "count": (1,),
    "Column": (0, 3, "name", "help"), "listed": (1,), "subject": (0,), "Measure": (1, 2),
    "Rule": (1,), "in_a_row": (1,), "Cost": ("where",),
}  # fmt: skip
# Words of the store that pages say by themselves.
SHOWN = (
    vocabulary.Verdict, vocabulary.Origin, vocabulary.Badge, vocabulary.RunKind, vocabulary.Status, vocabulary.Severity,
    vocabulary.Tier, vocabulary.Outcome, vocabulary.Output, vocabulary.DriftVerdict, vocabulary.DiagnosisVerdict,
    vocabulary.Slot, vocabulary.LinkState,
)  # fmt: skip
SOURCES = [*(ROOT / "dashboard").rglob("*.py"), *(ROOT / "data" / "rules").rglob("*.py")]


def texts_of(tree: ast.AST) -> Iterator[str]:
    """Every constant text that a file gives to one of those calls."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        for place in SAID.get(called, ()):
            if isinstance(place, int):
                given = node.args[place : place + 1]
            else:
                given = [keyword.value for keyword in node.keywords if keyword.arg == place]
            for value in given:
                # of a choice between two texts both are said
                parts = [value.body, value.orelse] if isinstance(value, ast.IfExp) else [value]
                yield from (part.value for part in parts if isinstance(part, ast.Constant) and type(part.value) is str)


@cache
def english() -> dict[str, str]:
    """Every text that is said, and a file that says it."""
    said: dict[str, str] = {}
    for path in sorted(SOURCES):
        for text in texts_of(ast.parse(path.read_text("utf-8"))):
            said.setdefault(text, str(path.relative_to(ROOT)))
    for code, cause in CAUSES.items():
        for text in (cause.words, cause.general, cause.effect, cause.remedy):
            said.setdefault(text, f"{code} of data/rules/causes")
    for family, words in FAMILIES.items():
        said.setdefault(words, f"{family} of data/rules/causes")
    for words in SHOWN:
        for word in words:
            said.setdefault(str(word), f"{words.__name__} of data/store/vocabulary.py")
    return said


def has_words(text: str) -> bool:
    """Whether anything but blanks, signs and icons is in a text."""
    return bool(re.search("[A-Za-z]{2}", re.sub(r"\{[^}]*\}|:material/\w+:", "", text)))


def catalogues(code: str) -> Iterator[tuple[Path, dict[str, str]]]:
    for path in sorted((LOCALE / code).glob("*.toml")):
        yield path, tomllib.loads(path.read_text("utf-8"))


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("code", OTHERS)
def test_every_text_is_there(code: str) -> None:
    there = {text for _, texts in catalogues(code) for text in texts}
    missing = {text: file for text, file in english().items() if text not in there and has_words(text)}
    assert not missing, f"{len(missing)} missing"


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_there_that_nobody_says_or_twice(code: str) -> None:
    seen: dict[str, Path] = {}
    for path, texts in catalogues(code):
        for text in texts:
            # What evaluators wrote into the store, tests named after those files hold against who writes it.
            assert text in english() or path.stem.startswith("stored_"), (path.name, text)
            assert text not in seen, (path.name, seen[text].name, text)
            seen[text] = path


@pytest.mark.parametrize("code", OTHERS)
def test_translations_fill_the_same_blanks(code: str) -> None:
    for path, texts in catalogues(code):
        for text, other in texts.items():
            assert blanks(other) == blanks(text), (path.name, text)
            assert other.strip(), (path.name, text)


def test_the_reader_of_texts_sees_what_is_said() -> None:
    code = (
        "tr('One {a}', a=1)\ntr_n(n, '{n} thing', '{n} things')\ncount(3, 'odd one', 'odd ones')\n"
        "Column('Head', 'source', help='What it is.')\nx = mark('a' 'b')\nst.write('unsaid')\ntr('p' if x else 'q')"
    )
    assert set(texts_of(ast.parse(code))) == {"One {a}", "{n} things", "odd one", "Head", "What it is.", "ab", "p", "q"}


def test_bold_ends_where_markdown_lets_it() -> None:
    """Behind a mark of punctuation, and before a letter, two asterisks end nothing."""
    for path, texts in catalogues("zh"):
        for other in texts.values():
            assert not re.search(r"\*\*[^*]*[。，；：！？”）]\*\*(?=\w)", other), (path.name, other)


def test_two_threads_say_words_in_their_own_languages() -> None:
    """Two reports in two languages are written at the same time; neither has words of the other."""
    both = threading.Barrier(2)

    def write(code: str) -> list[str]:
        with in_language(code):
            both.wait(10)
            return [tr("Leaderboard") for _ in range(200)]

    with ThreadPoolExecutor(2) as pool:
        english, chinese = pool.map(write, ("en", "zh"))
    assert set(english) == {"Leaderboard"} and set(chinese) == {"排行榜"} and tr("Leaderboard") == "Leaderboard"

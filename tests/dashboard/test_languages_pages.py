"""Every word of ours on a page is said in the viewer's language, and the numbers stay what they are."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest

from dashboard import words
from dashboard.sections import drift_maps
from data.store.database import open_reader
from tests.dashboard.opened import on
from tests.dashboard.test_page_dialect import listed
from tests.serving import ROOT

# Fields of Streamlit's messages that somebody reads.
READ = {"body", "label", "placeholder", "help", "options", "content", "title", "delta", "caption", "text"}
# What no page translates: names of things and of measures, units, and what commands are made of.
NAMES = {
    "MTEB", "mteb", "Plumbline", "CSV", "UTC", "GB", "Borda", "BEIR", "English", "html", "float32", "float16",
    "bfloat16", "int8", "binary", "fp32", "L2", "TB", "MB", "kB",
}  # fmt: skip
# Columns that hold words of the store, which pages say in the viewer's language.
OURS = {
    "verdict", "kind", "status", "severity", "tier", "outcome", "origin", "badge", "output", "side", "slot", "state",
    "claim_origin", "check_origin", "obstacle", "revisions", "checked_by", "scope",
}  # fmt: skip


class Pseudo(dict[str, str]):
    """A catalogue that has every text, between brackets that nothing else is between."""

    def get(self, text: str, default: Any = None) -> Any:
        return f"⟦{text}⟧" if re.search("[A-Za-z]", text) else text

    def __contains__(self, text: object) -> bool:
        return True


@pytest.fixture
def pseudo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "catalogue_of", lambda code, parts="*": Pseudo())


@pytest.fixture(params=["made_store", "made_parity"])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    path: Path = request.getfixturevalue(request.param)
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return path


@cache
def values(path: Path) -> re.Pattern[str]:
    """Every text that stands in a store, the longest first: names of models and tasks, and what others wrote."""
    reader = open_reader(path)
    cursor, texts = reader.cursor(), set[str]()
    columns = cursor.execute(
        "SELECT table_name, column_name, data_type LIKE '%[]' FROM duckdb_columns() WHERE NOT internal"
        " AND data_type IN ('VARCHAR', 'VARCHAR[]') AND schema_name = 'main'"
    ).fetchall()
    for table, column, several in columns:
        if column not in OURS:
            each = f'unnest("{column}")' if several else f'"{column}"'
            texts.update(
                unescaped(row[0]) for row in cursor.execute(f'SELECT {each} FROM "{table}"').fetchall() if row[0]
            )
            if column == "languages":  # shown without their script
                texts.update(part for text in set(texts) if re.fullmatch("[a-z]{3}-[A-Z][a-z]{3}", text)
                             for part in text.split("-"))  # fmt: skip
    reader.close()
    ordered = sorted(texts, key=len, reverse=True)
    return re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in ordered if re.search("[A-Za-z]", text)))


def unescaped(text: str) -> str:
    """A text without what ``formatting.plain`` puts into it, white space in one line."""
    return " ".join(text.replace("\\", "").replace("\u2060", "").split())


def read(message: Message) -> Iterator[str]:
    """Every text of a message that somebody reads."""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if isinstance(one, Message):
                yield from read(one)
            elif isinstance(one, str) and field.name in READ:
                yield one


def shown(at: AppTest) -> Iterator[tuple[str, str]]:
    """Kind and text of everything on a page but its tables, figures and commands."""

    def walk(block: Any) -> Iterator[tuple[str, str]]:
        for child in block.children.values():
            proto = getattr(child, "proto", None)
            kind = str(getattr(child, "type", ""))
            if isinstance(proto, Message) and kind not in ("code", "json", "arrow_data_frame", "plotly_chart", "html"):
                yield from ((kind, text) for text in read(proto))
            if hasattr(child, "children"):
                yield from walk(child)

    yield from walk(at._tree)


def untold(text: str, of_store: re.Pattern[str]) -> list[str]:
    """Words of a text that stand in no brackets and are no name."""
    text = unescaped(text)
    while (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = inner
    text = of_store.sub(" ", text)
    text = re.sub(r":material/\w+:|:[a-z]+(?:-badge)?\[|`[^`]*`|\{[^}]*\}| · [\w-]{8}$", " ", text)
    return [word for word in re.findall(r"[A-Za-z][A-Za-z0-9]+", text) if word not in NAMES]


# Views of the pages beyond the one they open with, by the store that has something in them.
VIEWS = [
    ("made_store", "leaderboard", {"l_model": "org/model-01", "l_name": "model", "l_trusted": "true"}),
    ("made_store", "leaderboard", {"l_view": "Quality against size", "l_weights": "Open", "wat": "1"}),
    ("made_store", "leaderboard", {"l_name": "no such name", "l_benchmark": "Tiny(half)"}),
    ("made_store", "leaderboard", {"l_size": ["0", "25M"], "l_dimensions": "64", "l_type": "STS"}),
    ("made_store", "leaderboard", {"l_benchmark": "Tin(all)"}),
    ("made_store", "compare", {"c_plot": "Radar", "c_strict": "true"}),
    ("made_store", "compare", {"c_benchmark": "Hand-picked tasks"}),
    ("made_store", "compare", {"c_models": ["org/model-01"], "c_weights": "type.STS=x"}),
    ("made_store", "compare", {"c_weights": "type.STS=3"}),
    ("made_store", "tasks", {"t_task": "TinySTS", "t_open": "org/model-01", "t_models": ["org/model-02"]}),
    ("made_store", "models", {"m_view": "By language"}),
    ("made_store", "models", {"m_model": "org/nobody"}),
    ("made_store", "use", {"u_parameters": "0.1", "u_equal_domains": "News", "u_size": "Parameters"}),
    ("made_store", "use", {"u_parameters": "0.0001"}),
    ("made_store", "reproduction", {"r_compare": "Run against run"}),
    ("made_store", "reproduction", {"r_compare": "Model cards", "r_part": "Biggest differences"}),
    ("made_store", "reproduction", {"r_compare": "Model cards", "r_part": "By task type", "r_verdicts": ["gap"]}),
    ("made_store", "reproduction", {"r_compare": "Model cards", "r_part": "Table", "r_find": "no such name"}),
    ("made_parity", "reproduction", {"r_part": "Heatmap"}),
    ("made_parity", "runs", {"runs_kind": "parity", "runs_recorded": "files"}),
    ("made_parity", "runs", {"runs_kind": "diagnose"}),
    *(("made_parity", "drift", {"d_view": view}) for view in drift_maps.VIEWS),
    *(("made_parity", "drift", {"d_beside": beside}) for beside in ("tokens", "vectors", "neighbours", "settings")),
]


def said_in_english_alone(at: AppTest, path: Path) -> set[tuple[str, str]]:
    of_store = values(path)
    return {(kind, text) for kind, text in shown(at) if untold(text, of_store)}


@pytest.mark.parametrize("page", sorted(listed()))
def test_no_word_of_a_page_is_said_in_english_alone(store: Path, pseudo: None, page: str) -> None:
    assert not said_in_english_alone(on(page, lang="zh"), store)


@pytest.mark.parametrize(("name", "page", "asked"), VIEWS)
def test_no_word_of_a_view_is_said_in_english_alone(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, pseudo: None, name: str, page: str, asked: Any
) -> None:
    path: Path = request.getfixturevalue(name)
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    assert not said_in_english_alone(on(page, lang="zh", **asked), path)


def figures(at: AppTest) -> Counter[str]:
    """Every number on a page outside of its tables and plots."""
    texts = (_PLACE.sub(lambda place: str(1 + _PLACES.index(place[1].lower())), text) for _, text in shown(at))
    return Counter(number for text in texts for number in re.findall(r"\d+(?:[.,:-]\d+)*", unescaped(text)))


# English says the first three places in words.
_PLACES = ("first", "second", "third")
_PLACE = re.compile(rf"\b({'|'.join(_PLACES)})(?= on )", re.IGNORECASE)


@pytest.mark.parametrize("page", sorted(listed()))
def test_the_numbers_of_a_page_are_the_same_in_either_language(store: Path, page: str) -> None:
    english, chinese = on(page, lang="en"), on(page, lang="zh")
    assert figures(english) == figures(chinese)
    if page in ("leaderboard", "reproduction", "runs", "drift"):
        for one, other in zip(english.dataframe, chinese.dataframe, strict=True):
            numbers = [table.value.select_dtypes("number") for table in (one, other)]
            assert numbers[0].equals(numbers[1])


@pytest.mark.soak
@pytest.mark.parametrize(("name", "page", "asked"), VIEWS)
def test_the_numbers_of_a_view_are_the_same_in_either_language(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: str, page: str, asked: Any
) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(request.getfixturevalue(name)))
    assert figures(on(page, lang="en", **asked)) == figures(on(page, lang="zh", **asked))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, made_store: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))


def address(at: AppTest) -> dict[str, list[str]]:
    return {key: value if isinstance(value, list) else [value] for key, value in at.query_params.items()}


def test_an_address_is_spelled_in_english_whatever_the_labels_say(made: None) -> None:
    """Of each kind of control: segments, a list with several choices, a list with one, tabs."""
    asked = {
        "l_weights": ["Open"], "l_licence": ["commercial use"], "l_sort": ["Parameters"],
        "l_view": ["Quality against size"], "l_colour": ["release"],
    }  # fmt: skip
    at = on("leaderboard", lang="zh", **asked)
    assert not at.warning and address(at) == {"lang": ["zh"], **asked}
    assert at.session_state["l_weights"] == "Open" and at.session_state["l_licence"] == ["allowed"]
    with words.in_language("zh"):  # AppTest asks how options are shown outside of any session
        at.segmented_control(key="l_weights").set_value("Proprietary")
        at.multiselect(key="l_licence").set_value(["allowed", "unknown"])
        at.selectbox(key="l_sort").set_value("Rank").run()
    changed = {"l_weights": ["Proprietary"], "l_licence": ["commercial use", "licence unknown"]}
    kept = {key: value for key, value in asked.items() if key != "l_sort"}
    assert address(at) == {"lang": ["zh"], **kept, **changed}
    with words.in_language("zh"):
        at.segmented_control(key="l_weights").set_value("Any").run()
    assert "l_weights" not in at.query_params
    assert on("leaderboard", lang="en", **kept).session_state["l_weights"] == "Open"


def test_an_address_in_another_language_is_no_choice(made: None) -> None:
    at = on("leaderboard", lang="zh", l_weights="开放")
    assert "weights 不能是“开放”" in at.warning[0].value and "l_weights" not in at.query_params


# What draws a text, and which arguments of it are none.
DRAWS = {
    "badge", "button", "caption", "download_button", "error", "expander", "header", "info", "link_button", "markdown",
    "metric", "multiselect", "number_input", "page_link", "popover", "radio", "range_slider", "segmented_control",
    "selectbox", "show_empty", "spinner", "subheader", "subject", "success", "tabs", "text_area", "text_input", "title",
    "toast", "toggle", "warning", "write", "compare_link", "report_ignored",
}  # fmt: skip
PLACES = {"subject": (1,), "page_link": (1,), "metric": (0, 1, 2)}  # of texts among the arguments; else the first
TEXTS = {"label", "help", "placeholder", "alt", "body", "title"}
DRAWING = [*(ROOT / "dashboard" / "screens").glob("*.py"), *(ROOT / "dashboard" / "sections").glob("*.py")]


def unsaid(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Texts with words that a file draws as they are: line and text."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if called not in DRAWS:
            continue
        places = [node.args[place] for place in PLACES.get(called, (0,)) if place < len(node.args)]
        for given in [*places, *(keyword.value for keyword in node.keywords if keyword.arg in TEXTS)]:
            yield from ((given.lineno, text) for text in literal(given) if worded(text))


def literal(node: ast.expr) -> Iterator[str]:
    """The constant parts of an argument that no other call has in hand."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr):
        yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    elif isinstance(node, ast.BinOp):
        yield from (*literal(node.left), *literal(node.right))
    elif isinstance(node, ast.IfExp):
        yield from (*literal(node.body), *literal(node.orelse))


def worded(text: str) -> bool:
    """Whether a text has words: keys and names of icons and colours are none."""
    text = re.sub(r":material/\w+:|:[a-z{}]+(?:-badge)?\[|`[^`]*`", " ", text)
    return bool(re.search(r"[A-Za-z]{2}", text)) and (" " in text.strip() or "{" in text or text[:1].isupper())


@pytest.mark.parametrize("path", DRAWING, ids=lambda path: str(path.relative_to(ROOT / "dashboard")))
def test_what_a_page_draws_is_said_in_the_viewers_language(path: Path) -> None:
    assert not [(line, text) for line, text in unsaid(ast.parse(path.read_text("utf-8"))) if text not in NAMES]


def test_the_reader_of_pages_sees_what_is_drawn_as_it_is() -> None:
    code = (
        "st.caption('Two words')\nleft.markdown(f'{n} rows')\nst.button(tr('Fine words'), key='a key')\n"
        "url_state.toggle('Label', 'key', help='Said to nobody')\nst.info('One more' if x else tr('c d'))\n"
        "st.markdown(f'**{tr(x)}** :red[{y}]')\nst.markdown('#### ' + tr('x y'))\nshow_empty('Nothing here')"
    )
    assert [text for _, text in sorted(unsaid(ast.parse(code)))] == [
        "Two words", "{} rows", "Label", "Said to nobody", "One more", "Nothing here",
    ]  # fmt: skip

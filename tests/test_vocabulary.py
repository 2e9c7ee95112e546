"""One vocabulary: every literal that stands for a word of the store is one, and Python names it by its enumeration."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from data.store import vocabulary
from data.store.vocabulary import COLUMNS, Comparison, ImportKind, Obstacle, Revisions, RunKind
from tests.serving import ROOT

SOURCES = sorted(path for folder in ("data", "evaluators", "dashboard") for path in (ROOT / folder).rglob("*.py"))
SCRIPTS = sorted((ROOT / "data").rglob("*.sql"))
# `kind` is a column of three tables, and the name of other things in Python.
KINDS = {"imports": ImportKind, "runs": RunKind, "delta": Comparison}
# What else Python calls by these names: kinds of modules, of settings, of trials; the state of a page.
_OTHERS = {"kind", "state", "output", "side"}
_COMPARED = re.compile(
    r"\b(?:\w+\.)?(?P<column>" + "|".join(COLUMNS) + r")\s*(?:=|<>|!=|(?:NOT\s+)?IN\s*\()\s*"
    r"(?P<literals>'[^']*'(?:\s*,\s*'[^']*')*)"
)
_NAMED = re.compile(r"'(?P<literal>[a-z ]+)' AS (?P<column>" + "|".join(COLUMNS) + r")\b")


def words_of(column: str, statement: str = "") -> set[str]:
    among = COLUMNS[column]
    if column == "kind":
        about = [kinds for table, kinds in KINDS.items() if re.search(rf"\b{table}", statement)]
        among = tuple(about) or among
    return {str(word) for vocabulary_ in among for word in vocabulary_}


def sql_of(path: Path) -> Iterator[tuple[int, str]]:
    """Statements of a script, or what looks like SQL among the strings of a module, with the line each begins in."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        without = re.sub(r"--[^\n]*", lambda m: " " * len(m.group()), text)
        for match in re.finditer(r"[^;]+", without):
            yield text.count("\n", 0, match.start()) + 1, match.group()
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant | ast.JoinedStr):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else " " for part in parts)
            if re.search(r"\b(SELECT|FROM|WHERE|INSERT|UPDATE|ORDER BY)\b", said):
                yield node.lineno, said


def strangers(path: Path) -> Iterator[str]:
    """Literals in the SQL of a file that are no words of the column they are compared with or given to."""
    for line, statement in sql_of(path):
        found = [(m["column"], re.findall(r"'([^']*)'", m["literals"])) for m in _COMPARED.finditer(statement)]
        found += [(m["column"], [m["literal"]]) for m in _NAMED.finditer(statement)]
        for column, given in found:
            known = words_of(column, statement)
            yield from (f"{path.relative_to(ROOT)}:{line} {column} '{word}'" for word in given if word not in known)


def test_literals_in_sql_are_words_of_their_column() -> None:
    assert [wrong for path in (*SOURCES, *SCRIPTS) for wrong in strangers(path)] == []


def test_the_check_of_sql_sees_a_word_of_another_table() -> None:
    """A store's imports are of no kind `reproduce`: runs are."""
    assert "reproduce" not in words_of("kind", "SELECT count(*) FROM imports WHERE kind <> 'reproduce'")
    assert "run" in words_of("kind", "SELECT count(*) FROM imports WHERE kind <> 'run'")
    found = _COMPARED.search("WHERE r.origin NOT IN ('official', 'imagined')")
    assert found and re.findall(r"'([^']*)'", found["literals"]) == ["official", "imagined"]


def field(node: ast.expr) -> str | None:
    """The field an expression reads, if it is one of ours: ``cell["verdict"]``, ``row.verdict``, ``verdict``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        name = node.slice.value
    elif isinstance(node, ast.Attribute):
        name = node.attr
    elif isinstance(node, ast.Name):
        name = node.id
    else:
        return None
    return name if name in COLUMNS else None


def literals(node: ast.expr) -> list[str]:
    items = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]


def bare(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Comparisons of a field of ours with a literal: line, field, literal."""
    for node in ast.walk(tree):
        sides: list[tuple[ast.expr, ast.expr]] = []
        if isinstance(node, ast.Compare):
            every = [node.left, *node.comparators]
            sides = [(one, other) for one in every for other in every if one is not other]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("isin", "eq", "ne")
        ):
            sides = [(node.func.value, argument) for argument in node.args]
        for one, other in sides:
            if name := field(one):
                yield from ((node.lineno, name, word) for word in literals(other))


def test_python_compares_with_the_enumeration() -> None:
    """A literal that is a word of the field is to be its enumeration's; one that is none can never be equal."""
    found = [
        f"{path.relative_to(ROOT)}:{line} {name} {word!r}"
        for path in SOURCES
        for line, name, word in bare(ast.parse(path.read_text(encoding="utf-8")))
        if word in words_of(name) or name not in _OTHERS
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('cell["verdict"] == "match"', ("verdict", "match")),
        ('verdict.verdict not in ("match", "gap")', ("verdict", "match")),
        ('"fail" != outcome.outcome', ("outcome", "fail")),
        ('frame["severity"].isin(["fatal"])', ("severity", "fatal")),
        ('run["status"] == "finished"', ("status", "finished")),
    ],
)
def test_the_check_of_python_sees_a_literal(code: str, expected: tuple[str, str]) -> None:
    assert expected in [(name, word) for _, name, word in bare(ast.parse(code))]


def given(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Literals given to a field by name, as ``status="done"`` or ``{"severity": "fatal"}``: line, field, literal."""
    for node in ast.walk(tree):
        pairs: list[tuple[object, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Dict):
            keys = ((key.value if isinstance(key, ast.Constant) else None) for key in node.keys)
            pairs = list(zip(keys, node.values, strict=True))
        for name, value in pairs:
            word = value.value if isinstance(value, ast.Constant) else None
            # Headings of tables are capitals: no word of the store is.
            if isinstance(name, str) and name in COLUMNS and isinstance(word, str) and word[:1].islower():
                yield value.lineno, name, word


def test_what_python_writes_is_a_word() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {name} {word!r}"
        for path in SOURCES
        for line, name, word in given(ast.parse(path.read_text(encoding="utf-8")))
        if name not in _OTHERS and word not in words_of(name)
    ]
    assert wrong == []
    assert list(given(ast.parse("put(status='finished')"))) == [(1, "status", "finished")]


# Fields that hold words for people; each has a code, a number or a list beside it for whoever decides.
SENTENCES = {
    "detail",
    "sentence",
    "seen",
    "why",
    "why_not",
    "remarks",
    "remark",
    "hindrance",
    "reason",
    "notes",
    "said",
}
_PARSES = {
    *("startswith", "endswith", "find", "index", "partition", "rpartition", "split", "removeprefix", "removesuffix"),
    *("search", "match", "fullmatch", "findall", "contains", "extract"),
}
# What only a sentence said is read from it once, by the migration that gives it a column.
_KNOWN = {"data/store/migrations/03_filed_as.sql": "notes", "data/store/migrations/02.sql": "detail"}


def sentence(node: ast.expr) -> bool:
    """Whether an expression reads a sentence: ``row["detail"]``, ``finding.seen``, ``reason``, or a part of one."""
    if isinstance(node, ast.Subscript):
        key = node.slice
        return sentence(node.value) or (isinstance(key, ast.Constant) and key.value in SENTENCES)
    if isinstance(node, ast.Attribute):
        return node.attr in SENTENCES or (node.attr in ("str", "value") and sentence(node.value))
    if isinstance(node, ast.BoolOp):
        return any(sentence(value) for value in node.values)
    if isinstance(node, ast.Call):
        # said.get(...)[2], str(outcome.detail), column.fillna("").str
        inner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return any(sentence(each) for each in (*inner, *node.args))
    return isinstance(node, ast.Name) and node.id in SENTENCES


def parsed(tree: ast.AST) -> Iterator[int]:
    """Lines in which a sentence is searched for a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
            if text and sentence(node.comparators[0]):
                yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _PARSES:
            yield from [node.lineno] * any(sentence(each) for each in (node.func.value, *node.args))


def test_no_code_parses_a_sentence() -> None:
    found = [f"{path.relative_to(ROOT)}:{line}" for path in SOURCES
             for line in parsed(ast.parse(path.read_text(encoding="utf-8")))]  # fmt: skip
    assert found == []
    columns = "|".join(SENTENCES)
    searched = (
        rf"\b({columns})\s+(?:NOT\s+)?I?LIKE\b|(?:regexp_\w+|contains|starts_with|instr)\(\s*(?:\w+\.)?({columns})\b"
    )
    for path in (*SOURCES, *SCRIPTS):
        for line, statement in sql_of(path):
            for m in re.finditer(searched, statement, re.IGNORECASE):
                assert _KNOWN.get(str(path.relative_to(ROOT))) == (m[1] or m[2]), (path, line)


# Where a sentence is held against templates to be said in another language: nothing but what is shown may come of it.
_SHOWN_BY = {"sections", "tables", "screens", "figures"}


def test_a_sentence_that_is_matched_is_only_shown() -> None:
    """``dashboard/stored_words.py`` does parse sentences: no rule, query or evaluator may ask it what one says."""
    asking = {
        path.relative_to(ROOT).parts[1]
        for path in SOURCES
        if path.name != "stored_words.py" and "stored_words" in path.read_text(encoding="utf-8")
    }
    assert asking <= _SHOWN_BY, asking


@pytest.mark.parametrize(
    "code",
    [
        '"dense output agrees" in said.get("loads", ("", None, ""))[2]',
        '(e.why_not or "").startswith("another metric")',
        '"different model revisions" in (e.remarks or "")',
        're.search("tensors", finding["seen"])',
        'frame["why_not"].str.contains("metric")',
        'str(outcome.detail).split(" ")',
    ],
)
def test_a_sentence_that_is_parsed_is_seen(code: str) -> None:
    assert list(parsed(ast.parse(code))) == [1]


def test_columns_that_say_what_they_may_hold_say_what_the_vocabulary_says() -> None:
    """The comments of the schema list the words of each column."""
    for script in sorted((ROOT / "data" / "store" / "schema").glob("*.sql")):
        table = ""
        for line in script.read_text(encoding="utf-8").splitlines():
            table = m[1] if (m := re.match(r"CREATE TABLE (\w+)", line)) else table
            said = re.match(
                r"\s+(\w+)\s+VARCHAR.*?--\s*((?:[a-z][a-z ]+ \| )+[a-z][a-z ]+?)(?: \| \.\.\.|[:;]|$)", line
            )
            if said and said[1] in COLUMNS:
                assert set(said[2].split(" | ")) <= words_of(said[1], table), (script.name, line)


def test_codes_of_the_deltas_are_those_the_view_writes() -> None:
    view = (ROOT / "data" / "store" / "views" / "30_deltas.sql").read_text(encoding="utf-8")
    codes = set(re.findall(r"\{'code': '([^']+)'", view))
    assert codes == set(Obstacle) | set(Revisions)


def test_every_enumeration_is_named_and_has_no_word_twice() -> None:
    defined = {
        name for name, value in vars(vocabulary).items() if isinstance(value, type) and issubclass(value, StrEnum)
    }
    assert defined - {"StrEnum"} == set(vocabulary.__all__) - {"COLUMNS"}
    for name in defined - {"StrEnum"}:
        words = [str(word) for word in getattr(vocabulary, name)]
        assert len(words) == len(set(words)), name


def test_what_is_written_out_elsewhere_is_the_same() -> None:
    """The types that older rooms still spell out, and the words of a drift."""

    from data.rules import drift

    assert tuple(drift.DRIFT_VERDICTS) == tuple(vocabulary.DriftVerdict)


def test_the_worst_of_several_verdicts_is_the_gravest_that_says_something() -> None:
    order = sorted(vocabulary.Verdict, key=lambda each: each.gravity)
    assert order == ["not comparable", "match", "drift", "gap", "broken"]
    assert [each for each in order if each.holds] == ["match", "drift"]

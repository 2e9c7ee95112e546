"""The table of findings against the code that makes them: each row is used, and each blank is filled."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from data.store.vocabulary import Severity, Tier
from evaluators.preflight import catalogue
from evaluators.preflight.catalogue import CATALOGUE, Entry, finding, read_catalogue

ROOT = Path(catalogue.__file__).parents[3]
FOLDER = ROOT / "evaluators" / "preflight"
# Functions that take a code and hand it on to ``finding`` with blanks of no row.
HAND_ON = {"finding", "catalogued", "reported", "_of_tensors"}
OPTIONS = {"evidence", "severity"}


def _blanks(entry: Entry) -> set[str]:
    return {name for text in (entry.why, entry.remedy) for _, name, _, _ in Formatter().parse(text) if name is not None}


def _modules(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    for package in packages:
        for file in sorted((ROOT / "evaluators" / package).rglob("*.py")):
            yield file, ast.parse(file.read_text(encoding="utf-8"))


def _codes(argument: ast.expr) -> list[str]:
    """The codes that an argument may be: a text, or one of two; none where it is a variable."""
    if isinstance(argument, ast.IfExp):
        return [*_codes(argument.body), *_codes(argument.orelse)]
    return [argument.value] if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else []


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file, tree in _modules("preflight"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in HAND_ON:
                yield f"{file.name}:{node.lineno}", node


def _texts() -> dict[str, list[str]]:
    """Every text that stands alone in the code, and where."""
    texts: dict[str, list[str]] = {}
    for file, tree in _modules("preflight", "model_files", "trust"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.setdefault(node.value, []).append(f"{file.name}:{node.lineno}")
    return texts


def test_a_finding_is_made_by_the_table_alone() -> None:
    """Nobody else calls the class: every finding has its words from the one table."""
    made = [
        f"{file.name}:{node.lineno}"
        for file, tree in _modules("preflight", "model_files", "trust", "parity", "reproduce", "diagnose", "encoders")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Finding"
    ]
    assert len(made) == 1 and made[0].startswith("__init__.py"), made


def test_every_code_in_the_code_has_a_row() -> None:
    unknown = {(place, code) for place, call in _calls() for code in _codes(call.args[0]) if code not in CATALOGUE}
    assert unknown == set()


def test_every_row_is_used() -> None:
    """By its code as a text of its own somewhere but in the table."""
    texts = _texts()
    unused = [code for code in CATALOGUE if all(place.startswith("fault.py") for place in texts.get(code, []))]
    assert unused == []


def test_every_blank_is_filled_and_no_other() -> None:
    """By every call that names its code; a call that is handed its code fills none, and its rows have none."""
    named: set[str] = set()
    for place, call in _calls():
        codes, given = _codes(call.args[0]), {keyword.arg for keyword in call.keywords} - OPTIONS
        named |= set(codes)
        blanks = [_blanks(CATALOGUE[code]) for code in codes]
        if getattr(call.func, "id", "") == "finding":
            assert given == set().union(*blanks), place
        else:
            assert not any(blanks), place
    handed_on = set(CATALOGUE) - named
    assert handed_on and [code for code in handed_on if _blanks(CATALOGUE[code])] == []


def test_a_row_says_what_to_do() -> None:
    for code, entry in CATALOGUE.items():
        assert isinstance(entry.tier, Tier) and isinstance(entry.severity, Severity), code
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*(/[a-z]+(-[a-z]+)*)?", code), code
        assert all(text == text.strip() for text in (entry.why, entry.remedy)), code
        made = finding(code, "seen", **dict.fromkeys(_blanks(entry), "{x}"))
        assert made.code == code.partition("/")[0] and made.tier is entry.tier and made.why and made.remedy
        if "/" in code:
            assert made.code in CATALOGUE, code


def test_a_blank_left_open_is_an_error() -> None:
    with pytest.raises(KeyError):
        finding("kind-framework", "seen")


ROW = 'severity = "notice"\nwhy = "Because."\nremedy = "Mend it."\n'


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f'tier = "files"\n[a]\n{ROW}extra = "x"\n', TypeError),
        ('tier = "files"\n[a]\nseverity = "notice"\nwhy = "Because."\n', TypeError),
        (f'tier = "nowhere"\n[a]\n{ROW}', ValueError),
        ('tier = "files"\n[a]\nseverity = "grave"\nwhy = "x"\nremedy = "y"\n', ValueError),
        (f'tier = "files"\n[b]\n{ROW}', ValueError),
    ],
)
def test_a_table_is_read_strictly(text: str, error: type[Exception], tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text(f'tier = "code"\n[b]\n{ROW}', encoding="utf-8")
    assert read_catalogue(tmp_path) == {"b": Entry(Tier.CODE, Severity.NOTICE, "Because.", "Mend it.")}
    (tmp_path / "second.toml").write_text(text, encoding="utf-8")
    with pytest.raises(error):
        read_catalogue(tmp_path)


def test_a_file_is_a_room() -> None:
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in FOLDER.rglob("*.toml")}
    assert lengths and max(lengths.values()) < 250, lengths

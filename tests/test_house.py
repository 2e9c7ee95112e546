"""The picture of the house holds: who may import whom, one definition a public name, names that say what they hold.

The picture is the one of the README, under "The folders".
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from tests.serving import ROOT

HALVES = ("data", "evaluators", "dashboard")
# What `data.rules` takes of the store: its words, its errors and the shape of its records. It opens nothing.
FOR_RULES = {"data.store.vocabulary", "data.store.errors", "data.store.runs"}

# Public names that several modules define: what the command line, the backends and the tiers are each asked by.
AGAIN = {"main", "register", "open", "OPTIONS", "check"}

# Names that say that something was done to a thing, and not what it is.
VAGUE = {"found", "said", "told", "kept"}

LONGEST_FUNCTION, LONGEST_FILE = 60, 400  # lines


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the product by its dotted name; a package goes by its own."""
    trees = {}
    for path in sorted(file for half in HALVES for file in (ROOT / half).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        trees[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text(encoding="utf-8"))
    return trees


def room(module: str) -> str:
    """The package of a module, as the picture names it: the first two parts."""
    return ".".join(module.split(".")[:2])


def imported(module: str, tree: ast.AST) -> Iterator[str]:
    """The product's modules that a module imports: at its top, in its functions, and for types alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports by a relative name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            known = [name, name.rpartition(".")[0]]
            yield from [part for part in known if part in modules() and part != module][:1]


@cache
def graph() -> dict[str, frozenset[str]]:
    return {module: frozenset(imported(module, tree)) for module, tree in modules().items()}


def layers(text: str) -> dict[str, list[list[str]]]:
    """The picture: of each half its layers, from the lowest to the highest, each with its packages."""
    (block,) = [block for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) if "<" in block]
    halves: dict[str, str] = {}
    for line in block.splitlines():
        if named := re.match(r"(\w+) {2,}(.*)", line):
            half, halves[named[1]] = named[1], named[2]
        elif line.strip():
            halves[half] += " " + line.strip()
    return {
        half: [[f"{half}.{name.strip()}" for name in layer.split(",")] for layer in picture.split("<")]
        for half, picture in halves.items()
    }


@cache
def picture() -> dict[str, list[list[str]]]:
    return layers((ROOT / "README.md").read_text(encoding="utf-8").partition("\n## The folders\n")[2])


def height(module: str) -> int:
    """The layer a module is in; what no layer names is above all of them."""
    every = picture()[module.split(".")[0]]
    return next((place for place, layer in enumerate(every) if room(module) in layer), len(every))


def allowed(module: str, other: str) -> bool:
    """Whether the picture lets a module import another."""
    here, there = module.split(".")[0], other.split(".")[0]
    if here != there:
        return there == "data" and here != "data"
    if room(module) == "data.rules" and room(other) == "data.store":
        return other in FOR_RULES
    return room(module) == room(other) or height(other) < height(module) < len(picture()[here])


def test_the_picture_names_every_room_and_nothing_else() -> None:
    drawn = [name for half in picture().values() for layer in half for name in layer]
    assert len(drawn) == len(set(drawn)) and set(picture()) == set(HALVES)
    assert set(drawn) == {room(module) for module in modules() if "." in module}


def test_nobody_imports_from_above_himself() -> None:
    wrong = {
        f"{room(module)} -> {room(other)}"
        for module, others in graph().items()
        for other in others
        if "." in module and "." in other and not allowed(module, other)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("module", "other", "right"),
    [
        ("evaluators.official.own_runs", "evaluators.reproduce.publish", True),
        ("evaluators.reproduce.run", "evaluators.official.importer", False),
        ("evaluators.parity.run", "evaluators.reproduce.run", False),
        ("dashboard.queries.runs", "evaluators.environment", False),
        ("evaluators.environment", "dashboard.formatting", False),
        ("data.store.runs", "data.rules.drift", False),
        ("data.rules.deltas", "data.store.database", False),
        ("dashboard.queries.runs", "dashboard.screens.runs", False),
    ],
)
def test_the_check_of_imports_knows_right_from_wrong(module: str, other: str, right: bool) -> None:
    assert allowed(module, other) == right


def test_the_check_sees_imports_inside_functions_and_for_types() -> None:
    code = "def f():\n    from data.store import runs\nif TYPE_CHECKING:\n    from data.store.errors import InputError"
    assert set(imported("data.rules.deltas", ast.parse(code))) == {"data.store.runs", "data.store.errors"}


def circles(edges: dict[str, frozenset[str]]) -> list[set[str]]:
    """Modules that import each other, directly or by way of others."""
    names = sorted(edges)
    matrix = np.array([[other in edges[name] for other in names] for name in names], dtype=np.int8)
    _, labels = connected_components(matrix, connection="strong")
    return [
        {names[place] for place in np.flatnonzero(labels == label)} for label in np.flatnonzero(np.bincount(labels) > 1)
    ]


def test_no_modules_import_each_other() -> None:
    assert not circles(graph())
    assert circles({"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("a"), "d": frozenset("a")}) == [{*"abc"}]


def public(tree: ast.Module) -> set[str]:
    """Names in ``__all__`` that the module itself defines."""
    listed: set[str] = set()
    defined: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
            defined |= names
            if "__all__" in names and node.value is not None:
                listed = set(ast.literal_eval(node.value))
    return listed & defined


def test_a_public_name_is_defined_once() -> None:
    homes = defaultdict(list)
    for module, tree in modules().items():
        for name in public(tree):
            homes[name].append(module)
    assert not {name: places for name, places in homes.items() if len(places) > 1 and name not in AGAIN}
    assert public(ast.parse("__all__ = ['f', 'g', 'X']\nfrom a import g\ndef f(): ...\nX, y = 1, 2")) == {"f", "X"}


def vague(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Variables, parameters and attributes with a name of :data:`VAGUE`: line and name."""
    for node in ast.walk(tree):
        name = ""
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            name = node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.arg):
            name = node.arg
        if name in VAGUE:
            yield node.lineno, name


def test_names_say_what_they_hold() -> None:
    assert not [(module, line, name) for module, tree in modules().items() for line, name in vague(tree)]
    code = "found = 1\nfor said in x: self.told = said\ndef f(kept): return [found for found in kept]"
    assert sorted(name for _, name in vague(ast.parse(code))) == ["found", "found", "kept", "said", "told"]


def lengths(module: str, tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    """A file and its functions, each with its lines and how many it may have."""
    yield module, max((getattr(node, "end_lineno", 0) for node in tree.body), default=0), LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}.{node.name}", (node.end_lineno or 0) - node.lineno + 1, LONGEST_FUNCTION


def unwritten(tree: ast.AST) -> Iterator[str]:
    """Numbers that a page writes by itself, with a sign or a power and not by ``written``; shares beside their sign."""
    by_rule = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "written"
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None and id(node) not in by_rule:
            spec = ast.unparse(node.format_spec)[2:-1]
            if "+" in spec or spec[-1:] in ("g", "e"):
                yield f"{node.lineno}: {ast.unparse(node)}"
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.search(r"[0-9}] %(?![\w{(])", node.value)
        ):
            yield f"{node.lineno}: {node.value}"
        if isinstance(node, ast.JoinedStr):
            behind = [str(part.value) for part in node.values[1:] if isinstance(part, ast.Constant)]
            yield from (f"{node.lineno}: {text}" for text in behind if re.match(r" %(?![\w{(])", text))


def test_pages_write_numbers_in_one_way() -> None:
    addresses = {"dashboard.queries.question", "dashboard.url_state"}  # which Python reads again
    halves = ("dashboard", "data.rules")
    pages = {name: tree for name, tree in modules().items() if name.startswith(halves) and name not in addresses}
    assert {name: wrong for name, tree in pages.items() if (wrong := list(unwritten(tree)))} == {}


@pytest.mark.parametrize(
    ("code", "right"),
    [
        ('f"{delta:+.2f}"', False), ('written(f"{delta:+.2f}")', True), ('f"{drift:.2g}"', False),
        ('tr("about 5 %")', False), ('f"{share} % of it"', False), ('f"{share}% of it"', True), ('tr("{n:.0%}")', True),
        ('tr("{drift:+.2g}", drift=1)', True),
    ],
)  # fmt: skip
def test_the_check_of_numbers_knows_right_from_wrong(code: str, right: bool) -> None:
    assert (not list(unwritten(ast.parse(code)))) == right


def test_a_function_is_a_thought_and_a_file_a_room() -> None:
    long = {name for module, tree in modules().items() for name, lines, most in lengths(module, tree) if lines > most}
    assert not long

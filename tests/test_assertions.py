"""Tests can fail: no assertion holds whatever the code does, and no test is without one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import ROOT

# Names of calls that fail a test by themselves.
_FAIL = ("raises", "warns", "fail", "expect", "wait_for_url", "wait_for", "wait_for_function", "wait_for_selector")


def idle(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Assertions that cannot fail: the line, and why."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and (why := _always(node.test)):
            yield node.lineno, why


def _always(test: ast.expr) -> str | None:
    """Why a condition always holds; None where it may not."""
    if isinstance(test, ast.Constant):
        return "a constant" if test.value else None
    if isinstance(test, ast.Tuple | ast.List | ast.Set) and test.elts:
        return "a tuple or list that is not empty"
    if isinstance(test, ast.Dict) and test.keys:
        return "a dictionary that is not empty"
    if isinstance(test, ast.JoinedStr) and any(isinstance(part, ast.Constant) and part.value for part in test.values):
        return "a text that is not empty"
    if isinstance(test, ast.Lambda | ast.GeneratorExp):
        return "a function or generator, which is always true"
    if isinstance(test, ast.BoolOp):
        found = [_always(value) for value in test.values]
        return (
            next((why for why in found if why), None)
            if isinstance(test.op, ast.Or)
            else found[0]
            if all(found)
            else None
        )
    if isinstance(test, ast.IfExp):
        # `assert a == b if c else "text"` is `(a == b) if c else "text"`: one of its ways out holds whatever happens.
        return _always(test.body) or _always(test.orelse)
    if isinstance(test, ast.Compare):
        sides = [test.left, *test.comparators]
        if all(isinstance(side, ast.Constant) for side in sides):
            return "constants compared"
        same = len(sides) == 2 and ast.dump(sides[0]) == ast.dump(sides[1])
        if same and isinstance(test.ops[0], ast.Eq | ast.LtE | ast.GtE | ast.Is) and not _calls(sides[0]):
            return "a value compared with itself"
    return None


def _calls(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.Call) for inner in ast.walk(node))


def _name(call: ast.Call) -> str:
    return (
        call.func.attr
        if isinstance(call.func, ast.Attribute)
        else call.func.id
        if isinstance(call.func, ast.Name)
        else ""
    )


def _checks(node: ast.AST, helpers: set[str]) -> bool:
    calls = [_name(inner) for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    plain = any(isinstance(inner, ast.Assert | ast.Raise) for inner in ast.walk(node))
    return plain or any(name in _FAIL or name in helpers or name.startswith("assert_") for name in calls)


def functions(tree: ast.AST) -> list[ast.FunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "tests").rglob("*.py"))}


@pytest.fixture(scope="module")
def helpers(trees: dict[Path, ast.Module]) -> set[str]:
    """Functions of the tests that check something, at any depth."""
    every = [function for tree in trees.values() for function in functions(tree)]
    found: set[str] = set()
    while True:
        more = {f.name for f in every if not f.name.startswith("test_") and f.name not in found and _checks(f, found)}
        if not more:
            return found
        found |= more


def test_assertions_can_fail(trees: dict[Path, ast.Module]) -> None:
    assert [(str(path.relative_to(ROOT)), *found) for path, tree in trees.items() for found in idle(tree)] == []


def test_every_test_checks_something(trees: dict[Path, ast.Module], helpers: set[str]) -> None:
    tests = [(path, f) for path, tree in trees.items() for f in functions(tree) if f.name.startswith("test_")]
    assert len(tests) > 500
    assert [f"{path.relative_to(ROOT)} {f.name}" for path, f in tests if not _checks(f, helpers)] == []


@pytest.mark.parametrize(
    "code",
    [
        'assert "drift"',
        "assert (found == 3, 'message')",
        "assert found == 3 or 'message'",
        'assert found == 3 if known else "drift"',
        "assert [found == 3]",
        "assert (x > 1 for x in found)",
        "assert 3 == 3",
        "assert found == found",
        "assert f'{found} is there'",
        "assert lambda: found",
    ],
)
def test_an_assertion_that_cannot_fail_is_seen(code: str) -> None:
    assert [line for line, _ in idle(ast.parse(code))] == [1]


@pytest.mark.parametrize(
    "code",
    [
        "assert found",
        "assert found == 3, 'message'",
        "assert found and 'a' in found",
        "assert draw() == draw()",
        "assert found != found",
        "assert not found",
        "assert found == (3 if known else 4)",
        "assert 'a' in found",
    ],
)
def test_an_assertion_that_can_is_left_alone(code: str) -> None:
    assert list(idle(ast.parse(code))) == []

"""The dashboard process stays small: it imports neither a model library nor the evaluators."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.serving import ROOT

FORBIDDEN = {"torch", "mteb", "transformers", "sentence_transformers", "evaluators"}
FILES = sorted((ROOT / "dashboard").rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_file_imports_the_other_half(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    named = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert not named & FORBIDDEN


def test_loading_every_module_loads_none_of_them():
    modules = [".".join(f.relative_to(ROOT).with_suffix("").parts) for f in FILES if f.parent.name not in ("screens",)]
    modules = [m.removesuffix(".__init__") for m in modules if m != "dashboard.app"]
    script = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\n" + (
        f"print(sorted({FORBIDDEN!r} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_no_page_opens_the_door_to_markup():
    for file in FILES:
        assert "unsafe_allow_html" not in file.read_text(encoding="utf-8"), file

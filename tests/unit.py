"""What makes a test a unit test: it reaches for nothing heavy. ``pytest -p tests.unit`` runs those tests alone.

Nobody marks them. A test that imports a model library or a page's harness, starts a process, opens a port or asks for a
browser ends there, skipped with what it reached for; ``make test`` runs it. So a new test falls on its side by itself,
and one whose code takes to importing torch leaves by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest

__all__ = ["HEAVY", "HEAVY_FIXTURES"]

HEAVY = frozenset(
    {
        "torch", "mteb", "transformers", "sentence_transformers", "datasets", "onnxruntime", "openvino",
        "FlagEmbedding", "langchain_core", "streamlit.testing",
    }
)  # fmt: skip
# tests/conftest.py imports playwright for everybody: what costs is the browser. The record and the
# sample of results take seconds to import.
HEAVY_FIXTURES = frozenset({"chromium", "record_store", "sample"})
_PROCESS = ("subprocess.Popen", "os.posix_spawn", "os.fork")
_EVENTS = {**dict.fromkeys(_PROCESS, "a process"), "socket.bind": "a port"}


class _Refusing(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in HEAVY:
            _leave(fullname)
        return None


def _leave(wanted: str) -> None:
    pytest.skip(f"no unit test: reaches for {wanted}", allow_module_level=True)


def _heard(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _EVENTS:
        _leave(_EVENTS[event])


@pytest.hookimpl(tryfirst=True)
def pytest_collection() -> None:
    """From here on: pytest itself starts workers before, and asks the machine what it is."""
    sys.meta_path.insert(0, _Refusing())
    sys.addaudithook(_heard)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    light = [item for item in items if not HEAVY_FIXTURES & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(light)])
    items[:] = light

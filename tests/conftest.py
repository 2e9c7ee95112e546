"""What many tests need: the whole bundled record in a store, built once for a test process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from data.store import Reader, open_reader
from evaluators.official.importer import import_bundle


@pytest.fixture(scope="session")
def record_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of a store built from the bundled record; copy it before changing anything."""
    store = tmp_path_factory.mktemp("record") / "plumbline.duckdb"
    import_bundle(store=store)
    return store


@pytest.fixture(scope="session")
def record_reader(record_store: Path) -> Iterator[Reader]:
    reader = open_reader(record_store)
    yield reader
    reader.close()

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from data.store.database import open_reader
from tests.verdicts.making import SHARED, page_results, real_record, store_of


@pytest.fixture(scope="session")
def overlap_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Model cards' figures against official runs, all of them."""
    if not (SHARED / "reported-vs-run.parquet").exists():
        pytest.skip("shared/mteb/reported-vs-run.parquet is not at hand")
    return real_record(tmp_path_factory.mktemp("overlap") / "overlap.duckdb")


@pytest.fixture
def overlap(overlap_store: Path) -> duckdb.DuckDBPyConnection:
    return open_reader(overlap_store).cursor()


@pytest.fixture(scope="session")
def page_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small store of the reproduction page's tests (see tests/verdicts/making.py)."""
    return store_of(tmp_path_factory.mktemp("page") / "page.duckdb", page_results())

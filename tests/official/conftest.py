from __future__ import annotations

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from data.store.database import StoreReader, open_reader, writing
from evaluators.official import bundle, registry
from evaluators.results.names import Names
from tests.once import once

ROOT = Path(__file__).resolve().parents[2]
FEW_MODELS = ("sentence-transformers/all-MiniLM-L6-v2", "AITeamVN/Vietnamese_Embedding", "BAAI/bge-m3")


@pytest.fixture(scope="session")
def names(record_reader: StoreReader) -> Names:
    """The names of mteb's registry, as the bundled record has them."""
    return Names.of(record_reader.cursor())


@pytest.fixture(scope="session")
def sample_zip() -> Path:
    """7,772 real result files of 35 models."""
    places = [folder / "shared" / "mteb" / "results-sample.zip" for folder in (ROOT, ROOT.parent)]
    path = next((place for place in places if place.exists()), None)
    if path is None:
        pytest.skip("needs shared/mteb/results-sample.zip, here or beside the repository")
    return path


@pytest.fixture(scope="session")
def sample(sample_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, unpacked: a folder as a checkout of the results repository."""

    def unpack(folder: Path) -> None:
        with zipfile.ZipFile(sample_zip) as archive:
            archive.extractall(folder)

    return once(tmp_path_factory, "sample", unpack)


@pytest.fixture(scope="session")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled record cut to the results of a few models; whole, `record_store` goes through the command once."""

    def cut(folder: Path) -> None:
        shutil.copytree(bundle.FOLDER, folder)
        few = f"SELECT result_id FROM '{folder / 'results.parquet'}' WHERE model IN {FEW_MODELS}"
        for table in ("scores", "results"):  # the results last: they say whose scores are which
            rewrite(folder / f"{table}.parquet", f"FROM kept WHERE result_id IN ({few})")

    return once(tmp_path_factory, "bundle", cut)


def rewrite(path: Path, query: str) -> None:
    """Put what ``query`` makes of a Parquet file, there called ``kept``, in its place."""
    with duckdb.connect() as connection:
        kept = connection.read_parquet(str(path)).to_arrow_table()
        connection.register("kept", kept)
        connection.sql(query).to_parquet(str(path))


@pytest.fixture(scope="session")
def read_registry() -> dict[str, pa.Table]:
    """What the installed mteb's registry says, which takes seconds to read."""
    return registry.read_registry()


def result(task: str = "STS12", score: float = 0.5, **changes: Any) -> dict[str, Any]:
    """A result file of today's format, with one cell."""
    cell = {"main_score": score, "cosine_spearman": score, "hf_subset": "default", "languages": ["eng-Latn"]}
    content: dict[str, Any] = {
        "dataset_revision": "a0d554a64d88156834ff5ae9920b964011b16384",
        "task_name": task,
        "mteb_version": "2.10.0",
        "scores": {"test": [cell]},
        "evaluation_time": 12.5,
        "kg_co2_emissions": None,
    }
    return content | changes


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a result file below ``<root>/results/<model>/<revision>``; returns its path."""

    def write_one(
        content: Any,
        model: str = "org__model",
        revision: str = "abc",
        *,
        name: str | None = None,
        root: str = "checkout",
    ) -> Path:
        folder = tmp_path / root / "results" / model / revision
        folder.mkdir(parents=True, exist_ok=True)
        meta = folder / "model_meta.json"
        if not meta.exists() and "experiments" not in revision:
            meta.write_text(json.dumps({"name": model.replace("__", "/"), "revision": revision}))
        path = folder / (name or f"{content['task_name']}.json")
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return write_one


@pytest.fixture(scope="session")
def facts_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that knows mteb's registry, but for nine in ten of its cells, and no result."""

    def known(path: Path) -> None:
        with writing(path) as connection:
            bundle.read_facts(connection)
            for table in ("task_cells", "benchmark_cells"):  # of pairs of two hundred languages each
                connection.execute(f"DELETE FROM {table} WHERE task IN ('FloresBitextMining', 'NTREXBitextMining')")

    return once(tmp_path_factory, "facts.duckdb", known)


@pytest.fixture
def store(facts_store: Path, tmp_path: Path) -> Path:
    """A store of its own for a test, without results."""
    return Path(shutil.copy(facts_store, tmp_path / "plumbline.duckdb"))


def ask(store: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows of a query on a published store."""
    reader = open_reader(store)
    try:
        return reader.cursor().execute(query, list(values)).fetchall()
    finally:
        reader.close()


def committed(checkout: Path) -> str:
    """Make ``checkout`` a git checkout; returns its commit."""
    git = ["git", "-C", str(checkout), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "results"], check=True)
    return subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()

"""The commands as typed: what they print and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from data.store.database import StoreReader, version_of, writing
from evaluators.official import importer
from tests.commands import Ended, command
from tests.official.conftest import FEW_MODELS, ROOT, Write, ask, committed, result


def run(store: Path, *arguments: str, **environment: str) -> Ended:
    """A command on this store; `record_store` is made by one in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PLUMBLINE_STORE": str(store), **environment}.items():
            patch.setenv(name, value)
        return command(*arguments)


@pytest.fixture
def of_few_models(small_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The command takes a few models' results for the bundled record."""
    monkeypatch.setattr(importer, "import_bundle", partial(importer.import_bundle, folder=small_bundle))
    return small_bundle


def test_an_import_prints_what_it_did_and_what_it_refused(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    for number in range(22):
        write(b"{", name=f"Bad [red]{number:02}.json")
    told = run(store, "import", "--from", str(tmp_path / "checkout"))
    assert told.status == 0, told.err
    lines = told.out.splitlines()
    table = dict(line.rsplit(None, 1) for line in lines[:10])
    assert (table["models"], table["results"], table["rejected"]) == ("1", "1", "22")
    assert "  org__model/abc/Bad [red]00.json: The file is not complete JSON" in told.out
    assert sum("not complete JSON" in line for line in lines) == 20
    assert lines[-1].strip() == "and 2 more, in the store's table `rejected`"


def test_with_nothing_new_it_says_so(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    run(store, "import", "--from", str(tmp_path / "checkout"))
    told = run(store, "import", "--from", str(tmp_path / "checkout"))
    assert told.status == 0
    assert told.out.startswith("Nothing new in ")


def test_if_missing_leaves_a_store_alone_and_imports_nothing_heavy(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    run(store, "import", "--from", str(tmp_path / "checkout"))
    before = version_of(store)
    told = run(store, "import", "--if-missing")
    assert (told.status, told.out) == (0, "")
    assert version_of(store) == before
    code = "import sys, evaluators.__main__ as m; m.app(['import', '--if-missing'], standalone_mode=False); "
    heavy = "print({'mteb', 'torch', 'transformers', 'sentence_transformers'} & set(sys.modules))"
    environment = os.environ | {"PLUMBLINE_STORE": str(store)}
    loaded = subprocess.run(
        [sys.executable, "-c", code + heavy], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "set()"


@pytest.mark.usefixtures("of_few_models")
def test_if_missing_adds_the_record_to_a_store_of_comparisons_alone(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    with writing(path) as connection:
        connection.execute(
            "INSERT INTO runs VALUES ('mine', 'diagnose', 'a', NULL, FALSE, 'c', '{}', '{}', '[]', '[]', "
            "TIMESTAMP '2026-01-01', NULL, 'done')"
        )
    assert run(path, "import", "--if-missing").status == 0
    reader = StoreReader(path)
    assert reader.cursor().execute("SELECT count(*) FROM runs WHERE run_id = 'mine'").fetchone() == (1,)
    assert reader.cursor().execute("SELECT count(DISTINCT model) FROM results").fetchone() == (len(FEW_MODELS),)
    reader.close()


def test_if_missing_builds_what_is_missing_damaged_or_of_another_schema(of_few_models: Path, tmp_path: Path) -> None:
    importer.import_bundle(store=tmp_path / "whole.duckdb")
    expected = ask(tmp_path / "whole.duckdb", "SELECT count(*) FROM current_results")
    assert expected[0][0] > 100
    damaged = tmp_path / "damaged.duckdb"
    damaged.write_bytes(b"no store")
    for store in (tmp_path / "missing.duckdb", damaged):
        assert run(store, "import", "--if-missing").status == 0
        assert ask(store, "SELECT count(*) FROM current_results") == expected


def test_unusable_input_ends_with_two_and_a_sentence(store: Path, tmp_path: Path) -> None:
    for arguments in (
        ["--from", str(tmp_path / "nowhere")],
        ["--from", str(tmp_path), "--download"],
        ["--from", str(tmp_path), "--origin", "imagined"],
    ):
        told = run(store, "import", *arguments)
        assert told.status == 2, arguments
        assert told.err.strip()
        assert "Traceback" not in told.err


def test_download_imports_mtebs_own_clone(write: Write, store: Path, tmp_path: Path) -> None:
    """By mteb's own code, from a repository on this disk that git is told to take for the one on GitHub."""
    write(result())
    committed(tmp_path / "checkout")
    environment = {
        "MTEB_CACHE": str(tmp_path / "cache"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.file://{tmp_path / 'checkout'}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://github.com/embeddings-benchmark/results",
    }
    told = run(store, "import", "--download", **environment)
    assert told.status == 0, told.err
    assert ask(store, "SELECT kind, results_added FROM imports") == [("download", 1)]
    assert ask(store, "SELECT model, task, origin FROM current_results") == [("org/model", "STS12", "official")]


def test_help_is_quick_and_names_the_options() -> None:
    told = run(Path("unused"), "import", "--help")
    assert told.status == 0
    for option in ("--from", "--download", "--if-missing", "--rebuild", "--origin"):
        assert option in told.out
    # What makes a command slow to start is what it imports; the clock would judge the machine.
    script = "import sys, evaluators.__main__; print(*{'torch', 'mteb', 'transformers', 'pandas'} & sys.modules.keys())"
    imported = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert imported.stdout.split() == []

"""The bundled record: small, complete, and the same figures as the files it was made from."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from data.store.database import open_reader, version_of
from data.store.errors import InputError
from evaluators.official import bundle, registry
from evaluators.official.importer import import_bundle, import_from
from tests.maintain.bundling import write_bundle
from tests.official.conftest import FEW_MODELS, ROOT, Write, ask, committed, result, rewrite

MODELS = ("sentence-transformers__all-MiniLM-L6-v2", "voyageai__voyage-law-2", "SGPT", "codefuse-ai__F2LLM-v2-80M")
FIGURES = """
    SELECT model, revision, experiment, origin, task, metric, mteb_version, dataset_revision, date, file, notes,
        filed_as, split, subset, languages, main_score,
        row_number() OVER (PARTITION BY result_id ORDER BY scores.rowid) AS place
    FROM current_results JOIN scores USING (result_id) WHERE NOT withdrawn ORDER BY ALL"""


def test_the_committed_bundle_is_small_and_says_where_it_is_from(record_store: Path) -> None:
    files = list(bundle.FOLDER.glob("*.parquet"))
    # other areas keep their own figures there too; all together stay below the limit
    assert sum(file.stat().st_size for file in files) <= 8_000_000
    about = bundle.bundle_source().about
    assert about["repository"] == "https://github.com/embeddings-benchmark/results"
    assert len(about["commit"]) == 40
    assert about["licence"] == "CC0-1.0"
    assert about["missing"]["count"] == len(about["missing"]["files"])
    published = "SELECT count(DISTINCT result_id), count(*) FROM results JOIN scores USING (result_id)"
    published += " WHERE origin <> 'reproduced'"  # our own runs have a file of their own
    held = ask(record_store, published)
    assert held == [(about["counts"]["results"], about["counts"]["scores"])]
    assert ask(record_store, "SELECT kind, source_commit, mteb_version FROM imports WHERE kind = 'bundle'") == [
        ("bundle", about["commit"], about["mteb_version"])
    ]


def test_the_store_has_the_whole_record(record_store: Path) -> None:
    [(count,)] = ask(record_store, "SELECT count(*) FROM results")
    assert count > 100_000


def test_a_store_from_the_bundle_needs_no_mteb(small_bundle: Path, tmp_path: Path) -> None:
    # A file, because in `python -c` DuckDB takes itself to be talked to and draws a bar where the machine is slow.
    script = tmp_path / "importing.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom evaluators.official.importer import import_bundle\n"
        "import_bundle(folder=Path(sys.argv[1]))\n"
        "print(*({'mteb', 'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))\n"
    )
    environment = {"PLUMBLINE_STORE": str(tmp_path / "s.duckdb"), "PATH": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(small_bundle)]
    heavy = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert heavy.split() == []
    assert ask(tmp_path / "s.duckdb", f"SELECT DISTINCT model FROM results WHERE model NOT IN {FEW_MODELS}") == []
    [(count,)] = ask(tmp_path / "s.duckdb", "SELECT count(*) FROM results")
    assert count > 100


@pytest.fixture
def registry_once(read_registry: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing a bundle reads mteb's registry; once is enough for all tests."""
    monkeypatch.setattr(registry, "read_registry", lambda: read_registry)


@pytest.mark.usefixtures("registry_once")
@pytest.mark.slow
def test_what_goes_in_comes_out_to_the_last_bit(sample: Path, write: Write, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for folder in (sample / "results").iterdir():
        if folder.name.startswith(MODELS):
            shutil.copytree(folder, checkout / "results" / folder.name)
    # what packs badly: many digits, speeds, negatives, nothing, the same cell twice, an order of its own
    mains = [0.1 + 0.2, 41290.663429438544, -0.0312345678901, None, 0.5, 0.25, 1e-9]
    subsets = ["z", "a", "m", "b", "z", "y", "c"]
    entries = [
        {"main_score": m, "hf_subset": s, "languages": ["xyz-Zzzz"]} for m, s in zip(mains, subsets, strict=True)
    ]
    write(result("GPUSpeedTask", scores={"test": entries, "dev": entries[:2]}))
    commit = committed(checkout)
    write_bundle(checkout, tmp_path / "bundle")
    import_bundle(store=tmp_path / "bundled.duckdb", folder=tmp_path / "bundle")
    import_from(checkout, store=tmp_path / "read.duckdb")
    bundled, read = (ask(tmp_path / f"{name}.duckdb", FIGURES) for name in ("bundled", "read"))
    assert len(read) > 500
    assert bundled == read
    about = json.loads((tmp_path / "bundle" / "SOURCE.json").read_text())
    assert (about["commit"], about["missing"]["count"]) == (commit, 0)


@pytest.mark.usefixtures("registry_once")
@pytest.mark.slow
def test_files_the_checkout_lacks_are_named(write: Write, tmp_path: Path) -> None:
    write(result("STS12"))
    gone = write(result("STS13"))
    committed(tmp_path / "checkout")
    gone.unlink()
    write_bundle(tmp_path / "checkout", tmp_path / "bundle")
    assert bundle.bundle_source(tmp_path / "bundle").about["missing"]["files"] == ["results/org__model/abc/STS13.json"]


def test_withdrawn_figures_stand_beside_the_runs_they_were_deleted_for(record_store: Path) -> None:
    ((cards, with_run),) = ask(
        record_store,
        """SELECT count(*), count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM results run
            WHERE run.model = card.model AND run.task = card.task AND run.origin = 'official'))
        FROM results card WHERE withdrawn AND origin = 'reported'""",
    )
    assert cards > 3000
    assert with_run == cards
    shown = "SELECT count(*) FROM chosen SEMI JOIN results ON chosen.result_id = results.result_id AND withdrawn"
    assert ask(record_store, shown) == [(0,)]
    files = ask(record_store, "SELECT DISTINCT split_part(file, ': results/', 1) FROM results WHERE withdrawn")
    assert files == [("commit 090916e66^",)]


def test_a_folder_without_a_bundle(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no bundled record"):
        import_bundle(store=tmp_path / "s.duckdb", folder=tmp_path)
    assert not (tmp_path / "s.duckdb").exists()


def test_a_checkout_whose_commit_nobody_knows(write: Write, tmp_path: Path) -> None:
    write(result())
    with pytest.raises(InputError, match="The commit of the checkout is unknown"):
        write_bundle(tmp_path / "checkout", tmp_path / "bundle", git_dir=tmp_path / "nothing")


def test_the_same_bundle_again_publishes_nothing(record_store: Path) -> None:
    before = version_of(record_store)
    assert not import_bundle(store=record_store).published
    assert version_of(record_store) == before


def test_a_newer_bundle_ends_what_it_no_longer_has(small_bundle: Path, tmp_path: Path) -> None:
    """A bundle that lost one file, changed one score and gained nothing."""
    store, folder = tmp_path / "s.duckdb", tmp_path / "bundle"
    import_bundle(store=store, folder=small_bundle)
    shutil.copytree(small_bundle, folder)
    about = json.loads((folder / "SOURCE.json").read_text())
    (folder / "SOURCE.json").write_text(json.dumps(about | {"written": "later"}))
    rewrite(folder / "scores.parquet", "SELECT * FROM kept WHERE result_id <> 7")
    rewrite(folder / "results.parquet", "SELECT * FROM kept WHERE result_id <> 7")
    changed = "CASE WHEN result_id = 9 THEN 123 ELSE millionths END AS millionths"
    rewrite(folder / "scores.parquet", f"SELECT * REPLACE ({changed}) FROM kept")
    summary = import_bundle(store=store, folder=folder)
    assert (summary.added, summary.gone) == (1, 2)
    assert ask(store, "SELECT count(*) FROM results WHERE gone_in IS NOT NULL") == [(2,)]


def test_the_store_answers_the_contract_for_others(record_store: Path) -> None:
    reader = open_reader(record_store)
    columns = {
        "leaderboard": {"benchmark", "model", "rank", "mean_task", "mean_task_type", "tasks_present", "tasks_total"},
        "task_scores": {"model", "revision", "origin", "task", "split", "subset", "main_score", "mteb_version"},
    }
    for view, expected in columns.items():
        described = reader.cursor().execute(f"DESCRIBE {view}").fetchall()
        assert expected <= {row[0] for row in described}
    reader.close()

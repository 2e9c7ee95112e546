"""A look is a run: kept where there is a store, seen on the runs page, and never in the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from data.store.database import StoreReader, version_of, writing
from data.store.findings import FindingRow, put_findings
from data.store.vocabulary import Severity, Tier
from evaluators.__main__ import app
from tests.dashboard.test_drift_page import page, said
from tests.make_store import make_store
from tests.models import build


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    folder = build("BERT, CLS", tmp_path / "model")
    (folder / "modules.json").unlink()
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = make_store(tmp_path / "store.duckdb")
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return path


def test_the_run_and_its_findings_are_kept_and_shown(
    faulty: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["evaluators", "preflight", str(faulty)])
    assert CliRunner().invoke(app, ["preflight", str(faulty)]).exit_code == 1
    reader = StoreReader(store)
    [(run, kind, model, private, status)] = (
        reader.cursor().execute("SELECT run_id, kind, model, private, status FROM runs").fetchall()
    )
    reader.close()
    assert (kind, model, private, status) == ("preflight", str(faulty), True, "done")
    at = page(monkeypatch, store, "runs", run=run, part="Findings")
    shown = said(at)
    assert "preflight · " in shown
    assert f"python -m evaluators preflight {faulty}" in shown
    assert "Add modules.json from the model's repository." in shown


def test_where_there_is_no_store_none_is_made(faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = tmp_path / "none" / "store.duckdb"
    monkeypatch.setenv("PLUMBLINE_STORE", str(nowhere))
    told = CliRunner().invoke(app, ["preflight", str(faulty)])
    assert told.exit_code == 1 and told.stderr == ""
    assert not nowhere.parent.exists()


def test_a_store_that_somebody_writes_to_is_no_error(faulty: Path, store: Path) -> None:
    before = version_of(store)
    with FileLock(f"{store}.lock"):
        told = CliRunner().invoke(app, ["preflight", str(faulty), "--json"])
    assert told.exit_code == 1 and "Another process is writing the store" in " ".join(told.stderr.split())
    assert version_of(store) == before


def test_a_file_that_is_no_store_is_no_error(faulty: Path, store: Path) -> None:
    store.write_text("not a store")
    told = CliRunner().invoke(app, ["preflight", str(faulty)])
    assert told.exit_code == 1 and "not a store" in told.stderr
    assert store.read_text() == "not a store"


def test_one_fault_is_kept_once(store: Path) -> None:
    """By its code and evidence, in whatever words; another code, tier or evidence is another fault."""

    def row(code: str, seen: str, **evidence: Any) -> FindingRow:
        return {
            "tier": Tier.WEIGHTS, "code": code, "severity": Severity.FATAL, "seen": seen, "why": "", "remedy": "",
            "evidence": evidence,
        }  # fmt: skip

    rows = [
        row("weights-missing", "3 of 9 tensors", missing=["a", "b"], of=9),
        row("weights-missing", "three tensors", of=9, missing=["a", "b"]),
        row("weights-missing", "3 of 9 tensors", missing=["a", "c"], of=9),
        row("weights-zero", "one"),
        row("weights-zero", "one"),
        row("weights-zero", "another"),
    ]
    with writing(store) as connection:
        put_findings(connection, "run", "model", rows)
        kept = connection.execute("SELECT code, seen FROM findings ORDER BY ALL").fetchall()
    assert kept == [
        ("weights-missing", "3 of 9 tensors"),
        ("weights-missing", "3 of 9 tensors"),
        ("weights-zero", "another"),
        ("weights-zero", "one"),
    ]

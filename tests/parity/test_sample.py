"""The bundled sample: what it holds, and that it goes into a store once."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from data.rules.causes import CAUSES
from data.store.database import writing
from evaluators.official import sample

FOLDER = Path(__file__).parents[2] / "data" / "record"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    path = tmp_path_factory.mktemp("sample") / "s.duckdb"
    for _ in range(2):  # the second time changes nothing
        with writing(path) as connection:
            sample.load_sample(connection, FOLDER)
    return duckdb.connect(str(path), read_only=True)


def test_every_table_is_whole(store: duckdb.DuckDBPyConnection) -> None:
    counts = {table: store.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in sample.SAMPLE_TABLES}
    assert counts == {
        "runs": 2, "checks": 1, "encoders": 14, "probes": 64, "protocol": 14 * 7, "vectors": 14 * 64,
        "drift": 13 * 64, "drift_summary": 13, "findings": 8, "diagnoses": 13, "diagnosis_causes": 48,
    }  # fmt: skip


def test_it_shows_each_kind_of_verdict(store: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT label, verdict FROM drift_summary JOIN encoders USING (encoder_id)"
    assert dict(store.execute(query).fetchall()) == {
        "transformers by hand": "identical", "ONNX Runtime fp32": "identical", "texts stripped": "identical",
        "128 dimensions": "identical", "bf16": "precision only", "OpenVINO, its own precision": "precision only",
        "not normalised": "scale only", "32 tokens": "differs on some texts", "CLS pooling": "differs everywhere",
        'prompt "query: "': "differs everywhere", "rotated copy": "different space",
        "ONNX Runtime int8": "precision only", "torch int8": "unstable",
    }  # fmt: skip


def test_each_cause_is_named(store: duckdb.DuckDBPyConnection) -> None:
    query = """SELECT label, d.verdict, list(cause ORDER BY position) FILTER (accepted) FROM diagnoses d
        JOIN encoders ON encoder_id = candidate LEFT JOIN diagnosis_causes USING (diagnosis_id) GROUP BY ALL"""
    assert {label: (verdict, causes) for label, verdict, causes in store.execute(query).fetchall()} == {
        "transformers by hand": ("identical", None), "ONNX Runtime fp32": ("identical", None),
        "texts stripped": ("identical", None), "128 dimensions": ("explained", ["cut to 128 dimensions"]),
        "bf16": ("precision only", ["bf16 arithmetic"]), "OpenVINO, its own precision": ("precision only", None),
        "not normalised": ("explained", ["normalisation missing"]), "32 tokens": ("explained", ["max length 32"]),
        "CLS pooling": ("explained", ["CLS pooling"]), 'prompt "query: "': ("explained", ['prompt "query: " added']),
        "rotated copy": ("explained", ["a rotation of the space"]), "ONNX Runtime int8": ("unknown", None),
        "torch int8": ("precision only", ["int8 activations, as PyTorch quantises"]),
    }  # fmt: skip


def test_each_cause_has_its_code(store: duckdb.DuckDBPyConnection) -> None:
    codes = store.execute("SELECT cause, code, blanks FROM diagnosis_causes").fetchall()
    assert {part for _, code, _ in codes for part in code.split(" + ")} <= set(CAUSES)
    assert ("max length 32", "max-length", '{"length":32}') in codes
    assert {code for (code,) in store.execute("SELECT code FROM findings").fetchall()} <= set(CAUSES)


def test_nothing_of_the_machine_it_was_made_on_is_in_it(store: duckdb.DuckDBPyConnection) -> None:
    tables = ("runs", "encoders", "protocol", "findings", "diagnoses", "diagnosis_causes")
    text = str([store.execute(f"SELECT * FROM {table}").fetchall() for table in tables])
    assert "all-MiniLM-L6-v2" in text
    assert "/work" not in text and "/tmp" not in text and "/root" not in text


def test_an_empty_folder_adds_nothing(tmp_path: Path) -> None:
    with writing(tmp_path / "s.duckdb") as connection:
        sample.load_sample(connection, tmp_path)
        assert connection.execute("SELECT count(*) FROM checks").fetchall() == [(0,)]

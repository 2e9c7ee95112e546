"""A store of an earlier schema: readers say how to bring it up to date, writers do, and nothing in it is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from data.store.database import bring_up_to_date, open_reader, version_of, writing
from data.store.errors import StoreOutdatedError
from data.store.vocabulary import Obstacle
from evaluators.__main__ import app

_LOADS = "Two loads of the same model disagree in the {} (worst distance 0.3){}: weights were initialised at random."
_KEPT = ("runs", "checks", "encoders", "vectors", "drift", "drift_summary", "findings", "results", "scores")


@pytest.fixture
def first(made_parity: Path, tmp_path: Path) -> Path:
    """The store as schema 1 had it: less in the protocol, no answers, no sides of remedies, views of other columns."""
    path = tmp_path / "first.duckdb"
    shutil.copyfile(made_parity, path)
    with duckdb.connect(str(path)) as connection:
        for column in ("outputs", "code", "observed"):
            connection.execute(f"ALTER TABLE protocol DROP COLUMN {column}")
        connection.execute("ALTER TABLE diagnosis_causes DROP COLUMN side")
        for column in ("outside", "own_weights"):
            connection.execute(f"ALTER TABLE encoders DROP COLUMN {column}")
        connection.execute('UPDATE runs SET settings = \'{"in_use": {"encoder": "tei"}}\' WHERE kind = \'reproduce\'')
        connection.execute("DROP TABLE answers")
        connection.execute("DROP VIEW deltas")
        connection.execute("CREATE VIEW deltas AS SELECT 'another metric: a against b' AS obstacle")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
        encoders = connection.execute("SELECT encoder_id FROM encoders ORDER BY encoder_id LIMIT 3").fetchall()
        said = [("sparse output", "; its dense and multi output agrees"), ("dense output", "")]
        said.append(("sparse output (worst distance 0.1) and multi output", "; its dense output agrees"))
        for (encoder,), words in zip(encoders, said, strict=True):
            connection.execute(
                "INSERT INTO protocol VALUES ('check-1', ?, 'loads', 'fail', 0.3, ?)", [encoder, _LOADS.format(*words)]
            )
    return path


def counts(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in _KEPT]


def test_a_reader_says_which_command_brings_it_up_to_date(first: Path) -> None:
    with pytest.raises(StoreOutdatedError, match="`python -m evaluators import` to bring it up to date"):
        open_reader(first)


def test_a_writer_brings_it_up_to_date_and_loses_nothing(first: Path) -> None:
    before = counts(first)
    bring_up_to_date(first)
    assert counts(first) == before
    cursor = open_reader(first).cursor()
    outputs = cursor.execute("SELECT outputs FROM protocol WHERE test = 'loads' ORDER BY encoder_id").fetchall()
    assert outputs == [(["sparse"],), (["dense"],), (["sparse", "multi"],)]
    obstacles = cursor.execute("SELECT DISTINCT obstacle FROM deltas WHERE obstacle IS NOT NULL").fetchall()
    assert {name for (name,) in obstacles} <= set(Obstacle)
    assert cursor.execute("SELECT count(*) FROM deltas WHERE kind = 'reproduced'").fetchone() == (1,)
    once = version_of(first)
    bring_up_to_date(first)
    assert version_of(first) == once, "a store of today's schema is left alone"


def test_the_views_are_those_of_a_new_store(first: Path, tmp_path: Path) -> None:
    bring_up_to_date(first)
    with writing(tmp_path / "new.duckdb", fresh=True):
        pass
    shapes = []
    for path in (first, tmp_path / "new.duckdb"):
        columns = "SELECT table_name, column_name, data_type FROM duckdb_columns() ORDER BY ALL"
        macros = "SELECT function_name, parameters FROM duckdb_functions() WHERE NOT internal ORDER BY ALL"
        cursor = duckdb.connect(str(path), read_only=True)
        shapes.append((cursor.execute(columns).fetchall(), cursor.execute(macros).fetchall()))
        cursor.close()
    assert shapes[0] == shapes[1]


def test_import_if_missing_keeps_what_was_run_here(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with duckdb.connect(str(first)) as connection:
        connection.execute("INSERT INTO imports (import_id, kind, source, started_at) VALUES (1, 'folder', '', now())")
    before = counts(first)
    monkeypatch.setenv("PLUMBLINE_STORE", str(first))
    assert CliRunner().invoke(app, ["import", "--if-missing"]).exit_code == 0
    assert counts(first) == before


def test_import_if_missing_brings_the_record_to_a_store_of_own_runs_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An own run counts as an import, of the kind `run`; it is no record."""
    from evaluators.official.command import _state

    path = tmp_path / "own.duckdb"
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    assert _state() == (False, False)
    for kind, recorded in (("run", False), ("bundle", True)):
        with writing(path, fresh=True) as connection:
            connection.execute(
                "INSERT INTO imports (import_id, kind, source, started_at) VALUES (1, ?, '', now())", [kind]
            )
        assert _state() == (True, recorded), kind


def test_what_an_encoder_is_like_is_known_from_its_backend(first: Path, made_parity: Path) -> None:
    bring_up_to_date(first)
    query = "SELECT encoder_id, outside, own_weights FROM encoders ORDER BY 1"
    with duckdb.connect(str(made_parity), read_only=True) as connection:
        written_today = connection.execute(query).fetchall()
    cursor = open_reader(first).cursor()
    assert cursor.execute(query).fetchall() == written_today
    runs = cursor.execute("SELECT settings -> '$.in_use' FROM runs WHERE kind = 'reproduce'").fetchall()
    assert runs and all(json.loads(in_use) == {"encoder": "tei", "outside": True} for (in_use,) in runs)

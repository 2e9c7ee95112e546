"""A store of an earlier schema: readers say how to bring it up to date, writers do, and nothing in it is lost."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from typer.testing import CliRunner

from dashboard.queries import diagnosis, drift_cost
from data.rules.causes import CAUSES
from data.rules.deltas import deltas
from data.store.database import bring_up_to_date, open_reader, version_of, writing
from data.store.errors import StoreOutdatedError
from data.store.vocabulary import Obstacle
from evaluators.__main__ import app

_LOADS = "Two loads of the same model disagree in the {} (worst distance 0.3){}: weights were initialised at random."
_RENAMED = "format of before 1.11; model was called org/old (dim=2, x=y); main score taken from ap"
_KEPT = ("runs", "checks", "encoders", "vectors", "drift", "drift_summary", "findings", "results", "scores")


@pytest.fixture
def first(made_parity: Path, tmp_path: Path) -> Path:
    """The store as schema 1 had it: less in the protocol, no answers, no sides of remedies, views of other columns."""
    path = tmp_path / "first.duckdb"
    shutil.copyfile(made_parity, path)
    with duckdb.connect(str(path)) as connection:
        for column in ("outputs", "code", "observed"):
            connection.execute(f"ALTER TABLE protocol DROP COLUMN {column}")
        for column in ("side", "code", "blanks"):
            connection.execute(f"ALTER TABLE diagnosis_causes DROP COLUMN {column}")
        connection.execute("ALTER TABLE diagnoses DROP COLUMN runner_up_code")
        for column in ("outside", "own_weights"):
            connection.execute(f"ALTER TABLE encoders DROP COLUMN {column}")
        connection.execute('UPDATE runs SET settings = \'{"in_use": {"encoder": "tei"}}\' WHERE kind = \'reproduce\'')
        for table in ("answers", "fleets", "fleet_cells"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE results DROP COLUMN filed_as")
        connection.execute("UPDATE results SET notes = ? WHERE rowid = 0", [_RENAMED])
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
    names = cursor.execute("SELECT filed_as FROM results WHERE filed_as IS NOT NULL").fetchall()
    assert names == [("org/old (dim=2, x=y)",)]
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


# Written by the version before schema 3, with what it showed: made checks, and the diagnoses of the bundled sample.
SECOND = json.loads(Path(__file__).with_name("schema_2.json").read_text(encoding="utf-8"))


@pytest.fixture
def second(tmp_path: Path) -> Path:
    """The store as schema 2 had it, from what is kept of one."""
    path = tmp_path / "second.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in SECOND["schema"]:
            connection.execute(statement)
        for table, held in SECOND["tables"].items():
            marks = ", ".join("?" * len(held["columns"]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", held["rows"])
    assert SECOND["tables"]["meta"]["rows"] == [["schema_version", "2"]]
    return path


def rows(frame: pd.DataFrame, columns: list[str]) -> list[list[object]]:
    return json.loads(frame[columns].to_json(orient="values", double_precision=15))


def _today(query: str) -> str:
    """A query of schema 2 as it is asked now: the two figures of a delta were called left and right."""
    return query.replace("left_", "claim_").replace("right_", "check_")


def test_a_store_of_schema_2_shows_the_same_numbers(second: Path) -> None:
    with pytest.raises(StoreOutdatedError, match="schema 2"):
        open_reader(second)
    bring_up_to_date(second)
    cursor = open_reader(second).cursor()
    for query in SECOND["queries"]:
        now = [[str(value) if hasattr(value, "isoformat") else value for value in row]
               for row in cursor.execute(_today(query["sql"])).fetchall()]  # fmt: skip
        assert now == [[str(value).replace("T", " ") if is_time(value) else value for value in row]
                       for row in query["rows"]], query["sql"]  # fmt: skip
    ((candidate,),) = cursor.execute("SELECT encoder_id FROM encoders WHERE label = 'prompt'").fetchall()
    newest, pages = diagnosis.diagnosis(cursor, "check-1", candidate), SECOND["pages"]
    name = newest["diagnosis_id"][0]
    assert rows(newest, ["verdict", "sentence", "unexplained", "runner_up"]) == pages["diagnosis"]
    causes = diagnosis.causes(cursor, name)
    assert rows(causes, ["cause", "slot", "accepted", "explained", "remaining", "remedy"]) == pages["causes"]
    assert rows(diagnosis.proof(cursor, name).texts, ["before", "after"]) == pages["proof"]
    judged = deltas(cursor, "reproduced")
    assert rows(judged, ["model", "task", "claim_score", "check_score", "delta", "verdict"]) == pages["deltas"]
    assert rows(drift_cost.drift_and_delta(cursor), ["encoder", "task", "drift", "delta", "verdict"]) == pages["cost"]


def is_time(value: object) -> bool:
    return isinstance(value, str) and value[4:5] == "-" and value[10:11] == "T"


def test_causes_of_a_store_of_schema_2_get_their_codes(second: Path) -> None:
    bring_up_to_date(second)
    cursor = open_reader(second).cursor()
    coded = {
        cause: (code, json.loads(blanks) if blanks else {})
        for cause, code, blanks in cursor.execute("SELECT cause, code, blanks FROM diagnosis_causes").fetchall()
    }
    assert coded["max length 32"] == ("max-length", {"length": 32})
    assert coded["layer 5 of 6 missing"] == ("layer-missing", {"layer": 5, "layers": 6})
    assert coded["a leading space + cut to 128 dimensions and normalised again"] == (
        "leading-space + dimensions-cut-normalised", {"dimensions": 128}
    )  # fmt: skip
    # Words that no version wrote, of the made checks, stay without a code.
    assert {cause for cause, (code, _) in coded.items() if code is None} == {
        "bf16", "prompt “passage:”", "prompt “query:”",
    }  # fmt: skip
    assert {part for code, _ in coded.values() if code for part in code.split(" + ")} <= set(CAUSES)
    runners = cursor.execute("SELECT runner_up, runner_up_code FROM diagnoses WHERE runner_up LIKE 'max%'").fetchall()
    assert sorted(runners) == [("max length 254", "max-length"), ("max length 64", "max-length")]
    codes = cursor.execute("SELECT DISTINCT code FROM findings WHERE tier = 'vectors'").fetchall()
    assert {code for (code,) in codes} <= set(CAUSES) | {"prompt-added"}


def test_what_an_encoder_is_like_is_known_from_its_backend(first: Path, made_parity: Path) -> None:
    bring_up_to_date(first)
    query = "SELECT encoder_id, outside, own_weights FROM encoders ORDER BY 1"
    with duckdb.connect(str(made_parity), read_only=True) as connection:
        written_today = connection.execute(query).fetchall()
    cursor = open_reader(first).cursor()
    assert cursor.execute(query).fetchall() == written_today
    runs = cursor.execute("SELECT settings -> '$.in_use' FROM runs WHERE kind = 'reproduce'").fetchall()
    assert runs and all(json.loads(in_use) == {"encoder": "tei", "outside": True} for (in_use,) in runs)

"""A key that is quoted by whatever it was sent to is in no byte that is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from data.store import keys
from data.store.database import writing
from evaluators.__main__ import main
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.publish import put
from evaluators.reproduce.served import SpecEncoder
from evaluators.reproduce.warning_capture import WarningCapture
from tests.encoders.test_keys import traces
from tests.parity.echoing import BY_PROGRAMS, ROADS, echoing, program
from tests.serving import ROOT

KEY = "sk-Zq8+r4Tn/w2Xy7=Vb9LmG5"


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    keys.forget()
    yield
    keys.forget()


def texts_of(store: Path) -> str:
    """Every value of every table."""
    with duckdb.connect(str(store), read_only=True) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return "\n".join(json.dumps(connection.execute(f"FROM {name}").fetchall(), default=str) for name in tables)


def shown(store: Path, page: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.switch_page(f"screens/{page}.py")
    at.run()
    assert not at.exception, at.exception
    values = [getattr(element, "value", None) for element in at.main]
    frames = [value.to_csv() for value in values if hasattr(value, "to_csv")]
    return "\n".join([*(str(getattr(element, "proto", "")) for element in at.main), *map(str, values), *frames])


def test_no_road_leads_to_store_terminal_or_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "texts.txt").write_text("one text\nanother text\n")
    store = tmp_path / "s.duckdb"
    roads = [*ROADS, "inside a list"]
    with echoing() as url:
        right = list(ROADS).index("right, and named after it")
        rest = "key_env=SOME_KEY&retries=0&timeout=20"
        specs = [f"openai:{url}/{n}/v1?model=m&{rest}&label={roads[n]}" for n in range(len(roads))]
        specs += [f"tei:{url}/{n}?{rest}&label={roads[n]}" for n in range(len(roads))]
        specs += [program(tmp_path, name, "SOME_KEY") for name in BY_PROGRAMS]
        candidates = [word for spec in specs for word in ("--candidate", spec)]
        reference = f"openai:{url}/{right}/v1?model=m&{rest}&label=reference"
        asked = ["evaluators", "parity", "--reference", reference, *candidates, "--probes", str(tmp_path / "texts.txt")]
        monkeypatch.setattr("sys.argv", [*asked, "--store", str(store)])
        with pytest.raises(SystemExit) as ended:
            main()
    said = "".join(capfd.readouterr())
    assert ended.value.code == 0, said
    assert "***" in said and "inside a list" in said
    found = texts_of(store)
    assert found.count("***") > len(specs)
    assert traces(said, KEY) == traces(found, KEY) == []
    for file in tmp_path.glob("s.duckdb*"):
        assert traces(file.read_bytes().decode("latin-1"), KEY) == []
    for page in ("drift", "runs"):
        words = shown(store, page, monkeypatch)
        assert "***" in words and traces(words, KEY) == []


def test_a_run_of_a_server_keeps_no_key_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    right = list(ROADS).index("right, and named after it")
    with echoing() as url:
        served = SpecEncoder(f"tei:{url}/{right}?key_env=SOME_KEY")
    heard = WarningCapture()
    heard.note("httpx", f"sent Bearer {KEY}")
    journal = Journal.open(tmp_path, {"model": served.description.model})
    journal.write_run(
        settings={"in_use": served.in_use()}, model=served.description.model, warnings=heard.take(),
        command=keys.as_written(["reproduce", f"x?label={KEY}"]), failed=f"raw {KEY}",
    )  # fmt: skip
    written = (journal.folder / "run.json").read_text()
    assert "SOME_KEY" in written and "***" in written
    assert traces(written, KEY) == []


def test_an_error_nobody_foresaw_is_printed_without_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_API_KEY", KEY)
    monkeypatch.setattr("sys.argv", ["evaluators", "noise"])
    monkeypatch.setattr("evaluators.__main__.app", lambda: {}[KEY])
    with pytest.raises(SystemExit):
        main()
    said = capfd.readouterr().err
    assert "KeyError" in said and traces(said, KEY) == []


def test_a_key_where_a_name_belongs_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOME_API_KEY", KEY)
    spec = f"openai:http://127.0.0.1:9/v1?model={KEY.replace('+', '%2B').replace('=', '%3D')}"
    monkeypatch.setattr("sys.argv", ["evaluators", "parity", "--reference", spec, "--candidate", spec])
    with pytest.raises(SystemExit) as ended:
        main()
    said = "".join(capfd.readouterr())
    assert ended.value.code == 2 and "names the key itself" in said and traces(said, KEY) == []


def test_a_store_of_before_is_cleaned_when_it_is_opened_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the five roads, as the version before wrote it."""
    store = tmp_path / "s.duckdb"
    settings = json.dumps({"backend": "openai", "key_env": "SOME_KEY", "batch_size": 32})
    echoed = f'{{"detail": "sent: Bearer {KEY}"}}'
    rows: dict[str, list[object]] = {
        "runs (run_id, kind, model, private, command, settings, environment, files, warnings, started_at, status)": [
            "r", "parity", f"org/{KEY}", False, "python", settings, "{}", "[]",
            json.dumps([f"Asked for m, the server answered as {KEY}."]), "2026-01-01", "done",
        ],
        "encoders": ["e", "l", "openai", True, False, KEY, KEY[3:], settings, "{}", "[]"],
        "protocol (check_id, encoder_id, test, outcome, detail)": ["c", "e", "batch", "fail", echoed],
        "drift (check_id, encoder_id, text_hash, output, error)": ["c", "e", "t", "dense", "..." + KEY[:12]],
        "drift_summary (check_id, encoder_id, output, verdict, sentence)": [
            "c", "e", "dense", "unusable", f"Headers: {KEY.encode().hex()}",
        ],
        "vectors": ["c", "e", "t", "dense", [1.0, 2.0], [1], [KEY, "b"], None],
        "models (model, registered, private, training_known)": [f"local/{KEY}", False, True, False],
    }  # fmt: skip
    with writing(store) as connection:
        for table, values in rows.items():
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    assert KEY in texts_of(store)
    views = "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    with duckdb.connect(str(store), read_only=True) as connection:
        before = connection.execute(views).fetchall()
    with writing(store):
        pass
    assert KEY in texts_of(store)  # nobody knows it here
    monkeypatch.setenv("SOME_KEY", KEY)
    with writing(store) as connection:
        connection.execute("INSERT INTO meta VALUES ('more', 'is written')")
    found = texts_of(store)
    assert traces(found, KEY) == [] and "is written" in found
    assert traces(store.read_bytes().decode("latin-1"), KEY) == []  # nor in a block that is free now
    with duckdb.connect(str(store), read_only=True) as connection:
        [encoder] = connection.execute("SELECT model, settings ->> 'key_env' FROM encoders").fetchall()
        assert encoder == ("***", "SOME_KEY")
        [warning] = connection.execute("SELECT warnings ->> 0 FROM runs").fetchall()
        assert warning == ("Asked for m, the server answered as ***.",)
        assert connection.execute("SELECT vector, tokens FROM vectors").fetchall() == [([1.0, 2.0], ["***", "b"])]
        assert connection.execute("SELECT model FROM models WHERE private").fetchall() == [("local/***",)]
        assert connection.execute(views).fetchall() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["s.duckdb", "s.duckdb.lock"]


def test_a_run_put_back_from_its_folder_is_cleaned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    run = {
        "run_id": "r", "kind": "reproduce", "model": f"local/{KEY}", "revision": None, "private": False, "command": KEY,
        "settings": {"in_use": {"key_env": "SOME_KEY"}}, "environment": {}, "files": [], "warnings": [{"text": KEY}],
        "started_at": "2026-01-01", "finished_at": None, "status": "done",
    }  # fmt: skip
    record = {"task": "T", "status": "failed", "error": f"sent {KEY}"}
    with writing(tmp_path / "s.duckdb") as connection:
        put(connection, run, [record], lambda file: b"")
    assert traces(texts_of(tmp_path / "s.duckdb"), KEY) == []

"""The first page: what it asks the store, and what it says on every kind of store."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import duckdb
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import eyes, overview
from dashboard.sections import record
from data.rules.deltas import cells_by_verdict, counted_by, deltas, thresholds
from data.store.database import StoreReader, open_reader, writing
from data.store.decisions import Conclusion, Decision, Item, decide
from data.store.derive import derive
from data.store.vocabulary import Comparison, DriftVerdict, Verdict
from tests.dashboard.choose_store import BENCHMARK
from tests.dashboard.opened import on
from tests.make_parity import NEWEST, add_check, made_texts, twelve
from tests.make_store import HOSTILE, make_store
from tests.serving import ROOT

NOW = datetime(2026, 11, 25, 12)  # noqa: DTZ001 - the store keeps UTC without saying so


@pytest.fixture(scope="module")
def chosen(made_choice: Path) -> Path:
    return made_choice


@pytest.fixture(scope="module")
def troubled(tmp_path_factory) -> Path:
    """The made store with everything that needs eyes: broken figures, runs that ended badly, a fatal finding."""
    path = make_store(tmp_path_factory.mktemp("overview") / "troubled.duckdb", plain_models=8)
    with writing(path) as connection:
        for number, (model, factor) in enumerate({"org/model-00": 0.4, "org/model-04": 0.9, HOSTILE[0]: 0.5}.items()):
            _again(connection, model, 90_000 + number, factor)
        for name, status, command, at in (
            ("run-failed", "failed", "evaluators reproduce a", NOW),
            ("run-stopped", "stopped", "evaluators reproduce b", NOW),
            ("run-mended", "failed", "evaluators reproduce c", NOW - timedelta(days=2)),
            ("run-after", "done", "evaluators reproduce c", NOW - timedelta(days=1)),
        ):
            _run(connection, name, status, command, at)
        _add(connection, "findings", [
            {"finding_id": f"f-{i}", "run_id": "run-after", "model": HOSTILE[0], "tier": "weights",
             "code": "weights-missing", "severity": severity, "seen": "36 of 101 <b>tensors</b> are missing",
             "why": "", "remedy": "", "evidence": json.dumps({"of": i % 2})}
            for i, severity in enumerate(("fatal", "serious", "fatal"))
        ])  # fmt: skip
        derive(connection)
    return path


def _again(connection: duckdb.DuckDBPyConnection, model: str, number: int, factor: float) -> None:
    """An own run of a model on TinySTS that gives that share of the published score."""
    connection.execute(
        """
        INSERT INTO results BY NAME SELECT * REPLACE ($number AS result_id, 'reproduced' AS origin, 1 AS added_in),
            'run-' || $number AS run_id FROM (SELECT * EXCLUDE run_id FROM results WHERE model = $model
            AND task = 'TinySTS' AND origin = 'official' LIMIT 1)
        """,
        {"number": number, "model": model},
    )
    connection.execute(
        """
        INSERT INTO scores BY NAME SELECT * REPLACE ($number AS result_id, main_score * $factor AS main_score)
        FROM scores WHERE result_id = (SELECT min(result_id) FROM results WHERE model = $model AND task = 'TinySTS'
            AND origin = 'official')
        """,
        {"number": number, "model": model, "factor": factor},
    )


def _run(connection: duckdb.DuckDBPyConnection, name: str, status: str, command: str, at: datetime) -> None:
    facts = {"settings": "{}", "environment": "{}", "files": "[]", "warnings": "[]", "private": False}
    row = {"run_id": name, "kind": "reproduce", "model": HOSTILE[1], "status": status, "command": command} | facts
    _add(connection, "runs", [row | {"started_at": at, "finished_at": at + timedelta(minutes=1)}])


def _add(connection: duckdb.DuckDBPyConnection, table: str, rows: list[dict[str, object]]) -> None:
    connection.register("rows_in", pd.DataFrame(rows))
    connection.execute(f"INSERT INTO {table} BY NAME FROM rows_in")
    connection.unregister("rows_in")


def links(at: AppTest) -> dict[str, str]:
    """The labels of the page's links, without marks, and the address each leads to."""
    shown = [element.proto for element in at.get("page_link")]
    return {link.label.replace("\\", ""): f"{link.page}?{link.query_string}" for link in shown}


def said(at: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning")
    return " ".join(element.value for kind in kinds for element in at.get(kind)).replace("\\", "")


def opened(store: Path, monkeypatch: pytest.MonkeyPatch, **asked: str) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    return on("overview", **asked)


# What it asks the store.


def test_a_figure_checked_several_times_holds_if_it_once_did(made_parity: Path, troubled: Path, tmp_path: Path) -> None:
    limits = thresholds()
    for store in (made_parity, troubled):
        cursor = open_reader(store).cursor()
        claims = eyes.checked_claims(cursor, limits)
        kinds = (Comparison.REPORTED, Comparison.REPRODUCED)
        whole = [counted_by(cells_by_verdict(deltas(cursor, kind, limits))) for kind in kinds]
        assert claims.figures == sum(each.comparable for each in whole), "each figure was checked once here"
        assert claims.held == sum(each.held for each in whole)
    assert list(claims.cells["verdict"]) == [Verdict.BROKEN, Verdict.BROKEN, Verdict.GAP]
    assert list(claims.cells["model"]) == ["org/model-00", HOSTILE[0], "org/model-04"]
    twice = tmp_path / "twice.duckdb"
    shutil.copyfile(troubled, twice)
    with writing(twice) as connection:
        _again(connection, "org/model-00", 91_000, 1.0)
        derive(connection)
    again = eyes.checked_claims(open_reader(twice).cursor(), limits)
    assert (again.figures, again.held) == (claims.figures, claims.held + 1), "the right run speaks for the figure"
    assert len(again.cells) == len(claims.cells), "and the broken one still needs eyes"


def test_runs_that_were_done_since_need_no_eyes(troubled: Path) -> None:
    runs = eyes.unfinished_runs(open_reader(troubled).cursor())
    assert list(runs["run_id"]) == ["run-failed", "run-stopped"], "failed before stopped; run-mended was mended"


def test_a_fault_met_twice_is_one_and_only_fatal_ones_are(troubled: Path) -> None:
    findings = eyes.fatal_findings(open_reader(troubled).cursor())
    assert list(findings["model"]) == [HOSTILE[0]] and "tensors" in findings["seen"].iloc[0]


def test_only_the_newest_check_of_an_encoder_speaks(made_parity: Path, tmp_path: Path) -> None:
    encoders = eyes.unreliable_encoders(open_reader(made_parity).cursor())
    assert list(encoders["verdict"]) == [DriftVerdict.UNSTABLE, DriftVerdict.EVERYWHERE]
    assert encoders["encoder"].iloc[1] == "one text fails", "the server; what was loaded here was meant to differ"
    assert encoders["check"].iloc[0].startswith("2026-11-20"), "not of check-many, a day before"
    mended = tmp_path / "mended.duckdb"
    shutil.copyfile(made_parity, mended)
    with duckdb.connect(str(mended)) as connection:
        connection.execute("UPDATE drift_summary SET verdict = 'identical' WHERE check_id = 'check-1'")
    assert eyes.unreliable_encoders(open_reader(mended).cursor()).empty


def test_challengers_are_open_and_better_on_what_is_shared(record_reader: StoreReader) -> None:
    cursor = record_reader.cursor()
    incumbent = overview.usual_incumbent(cursor, "MTEB(eng, v2)")
    assert incumbent == "openai/text-embedding-3-large"
    found = overview.challengers(cursor, "MTEB(eng, v2)", incumbent)
    facts = cursor.execute("SELECT model, open_weights, n_parameters FROM models").df().set_index("model")
    assert 1 <= len(found) <= 2 and found[0].difference >= found[-1].difference > 0
    for one in found:
        assert facts.loc[one.model, "open_weights"] and facts.loc[one.model, "n_parameters"] == one.n_parameters
    assert found[-1].n_parameters <= found[0].n_parameters
    assert overview.challengers(cursor, "MTEB(eng, v2)", "no/such-model") == ()


def test_the_newest_check_is_told_by_its_worst(made_parity: Path, made_store: Path) -> None:
    check = overview.newest_check(open_reader(made_parity).cursor())
    assert check.encoders == 12 and check.verdict is DriftVerdict.UNSTABLE and "onerror" in check.worst
    assert check.same == 3, "two alike and two in another precision, but 24 dimensions fit no index"
    assert overview.newest_check(open_reader(made_store).cursor()) is None


def test_the_record_is_the_newest_import_that_is_no_run(record_reader: StoreReader) -> None:
    facts = overview.record_facts(record_reader.cursor())
    source = json.loads((ROOT / "data" / "record" / "SOURCE.json").read_text("utf-8"))
    assert (facts.commit, facts.mteb_version) == (source["commit"], source["mteb_version"])
    assert facts.date.isoformat() == source["date"] and facts.models > 600 and facts.checks >= 1


def test_age_is_said_in_days_and_marked_when_it_is_old() -> None:
    facts = overview.Record("s", "f" * 40, datetime(2026, 8, 20), "2.26.24", 1, 1, 1, 0, 0)  # noqa: DTZ001
    young = record._origin(facts, date(2026, 8, 21))
    assert "**1 day old**" in young and "orange" not in young and "--download" not in young
    assert "orange" not in record._origin(facts, date(2026, 8, 20) + timedelta(days=record.OLD))
    old = record._origin(facts, date(2026, 8, 20) + timedelta(days=record.OLD + 1))
    assert ":orange[" in old and "**61 days old**" in old and "import --download" in old
    assert f"tree/{'f' * 40}" in old


# What the page says.


def test_it_answers_the_three_questions_of_the_bundled_record(record_store: Path, monkeypatch) -> None:
    at = opened(record_store, monkeypatch)
    text = said(at)
    cursor = open_reader(record_store).cursor()
    claims = eyes.checked_claims(cursor, thresholds())
    assert "Best of " in text and " on 41 tasks: **" in text and "Best with open weights for commercial use" in text
    assert "Beside **openai/text-embedding-3-large**" in text and "points on the" in text
    assert f"**{claims.held:,} of {claims.figures:,}** published figures" in text
    broken = int((claims.cells["verdict"] == Verdict.BROKEN).sum())
    assert f"**{broken:,} broken figures**" in text and "days old" in text
    assert "What needs eyes" in text and "Nothing needs eyes" not in text
    pages = {address.partition("?")[0] for address in links(at).values()}
    assert {"leaderboard", "use", "replace", "compare", "reproduction", "drift"} <= pages


def test_links_of_what_needs_eyes_lead_to_the_very_cell(record_store: Path, monkeypatch) -> None:
    at = opened(record_store, monkeypatch)
    worst = eyes.checked_claims(open_reader(record_store).cursor(), thresholds()).cells.iloc[0]
    label = next(label for label in links(at) if worst["model"] in label and worst["task"] in label)
    reproduction = on("reproduction", **_asked(links(at)[label]))
    assert reproduction.selectbox(key="r_row").value == worst["row"]
    assert reproduction.selectbox(key="r_task").value == worst["task"]
    assert not any("ignored" in warning.value for warning in reproduction.warning)


def _asked(address: str) -> dict[str, str | list[str]]:
    return {key: value if len(value) > 1 else value[0] for key, value in parse_qs(urlsplit(address).query).items()}


def test_everything_that_needs_eyes_is_counted_and_leads_on(troubled: Path, monkeypatch) -> None:
    at = opened(troubled, monkeypatch)
    text, there = said(at), links(at)
    groups = ["1 fatal finding", "1 failed run", "2 broken figures", "1 figure with a gap", "1 stopped run"]
    places = [text.index(f"**{group}**") for group in groups]
    assert places == sorted(places), "the most severe first"
    assert any("run=run-failed" in address for address in there.values())
    assert any("run=run-after" in address for address in there.values())
    assert not any("run-mended" in address for address in there.values())
    assert "<b>tensors</b>" in " ".join(there), "as text"
    for element in at.get("page_link"):
        assert "<img" not in element.proto.label.replace("\\<", ""), "names with markup are escaped"


def test_an_outdated_decision_needs_eyes(chosen: Path, monkeypatch, tmp_path: Path) -> None:
    store = tmp_path / "decided.duckdb"
    shutil.copyfile(chosen, store)
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    items = (Item("model", "org/model-00"), Item("benchmark", BENCHMARK))
    figures = {f"org/model-00 · {BENCHMARK} · rank": 99.0}
    decide(Decision("Take *00*", "Which?", Conclusion.ACCEPT, "best", "me", "leaderboard", items, figures))
    at = on("overview")
    assert "**1 outdated decision**" in said(at) and any("Take *00*" in label for label in links(at))


def test_nothing_needs_eyes_is_said_with_what_was_looked_at(made_store: Path, chosen: Path, monkeypatch) -> None:
    text = said(opened(made_store, monkeypatch))
    assert "Nothing needs eyes." in text and "Looked at: 0 figures" in text
    assert "No published figure was measured a second time yet." in text


def test_an_empty_store_and_none_say_what_to_do(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(tmp_path / "none.duckdb"))
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.query_params["o_find"] = "drift"
    at.run()
    assert not at.exception and "There is no store yet" in said(at)
    assert any("Drift" in label for label in links(at)), "pages are found without a store"
    with writing(tmp_path / "none.duckdb", fresh=True):
        pass
    at.run()
    assert not at.exception and "The store is empty" in said(at)
    assert "python -m evaluators import" in [code.value for code in at.code]


def test_a_store_with_nothing_but_a_check_is_not_called_empty(tmp_path: Path, monkeypatch) -> None:
    path, probes = tmp_path / "watch.duckdb", made_texts(8)
    with writing(path, fresh=True) as connection:
        add_check(connection, probes, twelve(probes)[:3], started=NEWEST)
    at = opened(path, monkeypatch)
    words = said(at)
    assert (
        "Newest check of vectors: the same model as the reference in **2 of 2 encoders**;" in words
        and "is empty" not in words
    )
    assert "No published scores are in this store" in words
    assert any("What was run here" in label for label in links(at))


# The search.


def test_what_is_typed_is_in_the_address_and_its_hits_are_links(made_store: Path, monkeypatch) -> None:
    at = opened(made_store, monkeypatch, o_find="model 02")
    assert next(iter(links(at).items())) == ("**org/model-02** :gray[Model]", "models?m_model=org%2Fmodel-02")
    at.text_input(key="o_find").set_value("tinysts").run()
    assert any(address == "tasks?t_task=TinySTS" for address in links(at).values())
    at.text_input(key="o_find").set_value("tiny all").run()
    assert any(address == "leaderboard?l_benchmark=Tiny%28all%29" for address in links(at).values())
    at.text_input(key="o_find").set_value("no such thing").run()
    assert "Nothing is called “no such thing” or nearly so." in said(at)
    for name in HOSTILE:
        at.text_input(key="o_find").set_value(name).run()
        assert not at.exception
        first = at.get("page_link")[0].proto.label
        assert "<img" not in first.replace("\\<", "") and ":red[" not in first.replace("\\:", "")


# What changed.


def test_changes_are_since_the_date_in_the_address(chosen: Path, monkeypatch) -> None:
    default = said(opened(chosen, monkeypatch))
    assert "With the newest import, of" in default
    at = opened(chosen, monkeypatch, o_since="2020-01-01")
    assert "Since 2020-01-01, as chosen." in said(at) and "the whole record is new" in said(at)
    assert at.date_input(key="o_since").value == date(2020, 1, 1)
    later = opened(chosen, monkeypatch, o_since="2030-01-01")
    assert "No model, score or rank is another one." in said(later)
    assert "since cannot be “soon”" in said(opened(chosen, monkeypatch, o_since="soon"))

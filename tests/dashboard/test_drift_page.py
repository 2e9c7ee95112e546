"""The drift and runs pages over stores of every kind, without a browser."""

from __future__ import annotations

import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from data.store.database import writing
from data.store.derive import derive_compared
from tests.make_parity import NEWEST, Made, add_check, made_texts, synthetic, twelve
from tests.make_store import make_store
from tests.serving import ROOT
from tests.work import calls

VIEWS = ["traits", "texts", "encoders", "dimensions", "distributions", "length", "history", "cost", "figures"]


def page(monkeypatch, store: Path, name: str = "drift", **asked: str) -> AppTest:
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.switch_page(f"screens/{name}.py")
    for key, value in asked.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def said(at: AppTest) -> str:
    kinds = ("markdown", "info", "error", "warning", "caption", "subheader", "code")
    return "\n".join(str(element.value) for kind in kinds for element in at.get(kind))


def test_no_check_yet_gives_the_command(monkeypatch, made_store):
    at = page(monkeypatch, made_store)
    assert any(code.value.startswith("python -m evaluators parity ") for code in at.code)


def test_no_run_yet_gives_a_command(monkeypatch, made_store):
    assert any("python -m evaluators" in code.value for code in page(monkeypatch, made_store, "runs").code)


def test_the_first_words_say_which_is_the_same_model(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity)
    headline = at.markdown[0].value
    assert headline.startswith("**3 encoders of 12 are the same model**") and "2 with a catch, 7 not" in headline
    same, catch, other = (at.markdown[i].value for i in (2, 4, 6))
    assert "**bf16**" in same and "**strips**" in catch and "**rotated**" in other
    assert "cls" not in same and "same again" not in other


def test_the_few_texts_of_a_watch_are_counted_once(monkeypatch, tmp_path):
    store = tmp_path / "store.duckdb"
    probes, base = made_texts(8), synthetic(8)
    with writing(store, fresh=True) as connection:
        add_check(connection, probes, [Made("reference", base), Made("server", base, "identical")], started=NEWEST)
        connection.execute("UPDATE checks SET probe_set = 'bundled, 8 of them'")
    assert "8 texts of the set bundled, 1 encoder." in said(page(monkeypatch, store)).replace("\\", "")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("order", ["worst first", "clustered"])
def test_every_view_is_drawn(monkeypatch, made_parity, view, order):
    at = page(monkeypatch, made_parity, drift_view=view, order=order, log="false" if order == "clustered" else "true")
    assert not at.error and not at.warning


@pytest.mark.parametrize("beside", ["tokens", "vectors", "neighbours", "settings"])
def test_a_failed_text_is_said_to_have_failed(monkeypatch, made_parity, beside):
    at = page(monkeypatch, made_parity, encoder="one text fails", probe="numbers-3", beside=beside)
    assert "the server answered 500" in at.error[0].value


def test_hostile_names_stay_text(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, encoder="<img src=x onerror=alert(1)> **bold** $x$")
    assert "\\<img src\\=x onerror\\=alert\\(1\\)\\> \\*\\*bold\\*\\*" in said(at)
    assert not any(re.search(r"(?<!\\)<img|(?<!\\)\*\*bold", element.value) for element in at.markdown)


def test_a_diagnosis_gives_its_remedy_and_snippet(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, encoder="prompt")
    codes = [code.value for code in at.code]
    assert "Leave the prompt out." in codes and 'model.encode(["query:" + text for text in texts])' in codes
    assert "it breaks here" in said(at)
    assert any(expander.label.startswith("Its own behaviour: 1 of 1 passed") for expander in at.expander)


def test_a_remedy_names_the_side_it_is_made_on(monkeypatch, made_parity, tmp_path):
    """Of a candidate pooled by CLS "Use mean pooling" is for the candidate; what says `cls` is the proof."""
    path = tmp_path / "store.duckdb"
    shutil.copyfile(made_parity, path)
    proof = {"reference": {"pooling": "mean"}, "agrees": {"pooling": "cls"}}
    with writing(path) as connection:
        connection.execute("UPDATE diagnoses SET snippet = ?, proof = ?", ["mode = 'cls'", json.dumps(proof)])
        connection.execute("UPDATE diagnosis_causes SET remedy = 'Use mean pooling.', side = 'candidate'")
        connection.execute("UPDATE diagnosis_causes SET remedy = 'Strip both.', side = 'both' WHERE position = 2")
    at = page(monkeypatch, path, encoder="prompt")
    texts = [str(e.value) for e in at.get("markdown")]
    assert "To change in the candidate, prompt:" in texts and "To change on both sides:" in texts
    [proved] = [e for e in at.expander if "The proof to run" in e.label]
    assert "no remedy" in proved.label and [code.value for code in proved.code] == ["mode = 'cls'"]
    beside = next(table.value for table in at.dataframe if "Found in the candidate" in str(table.proto.columns))
    row = beside[beside["Setting"] == "pooling"].iloc[0]
    assert (row["Reference"], row["Found in the candidate"]) == ("mean", "cls")


def test_a_fault_met_by_several_is_shown_once(monkeypatch, made_parity, tmp_path):
    """The same fault of the same files: of the reference, of two candidates, and of an earlier look at the model."""
    path = tmp_path / "store.duckdb"
    shutil.copyfile(made_parity, path)
    with writing(path) as connection:
        ids = dict(
            connection.execute(
                "SELECT label, encoder_id FROM encoders JOIN drift_summary USING (encoder_id)"
                " WHERE check_id = 'check-1' UNION ALL"
                " SELECT label, encoder_id FROM encoders JOIN checks ON reference = encoder_id"
            ).fetchall()
        )
        met = [("run-check-1", ids[name]) for name in ("cls", "reference fp32", "strips")] + [("run-bf16", None)]
        for number, (run, subject) in enumerate(met):
            connection.execute(
                "INSERT INTO findings VALUES (?, ?, 'org/small-model', ?, 'weights', 'weights-missing', 'fatal',"
                " '3 of 9 tensors are not in the file', 'Why.', 'Load them.', ?)",
                [f"twice-{number}", run, subject, '{"missing": 3}'],
            )
    for name, link in (("drift", {"encoder": "cls"}), ("runs", {"run": "run-check-1", "part": "Findings"})):
        labels = [e.label for e in page(monkeypatch, path, name, **link).expander if "3 of 9 tensors" in e.label]
        assert len(labels) == 1, name
    assert "cls, reference fp32, strips" in labels[0].replace("\\", "")
    table = page(monkeypatch, path, "runs").dataframe[0].value.set_index("Run")
    assert table.loc["run-check-1", "Findings"] == 2


def test_what_has_no_diagnosis_gives_the_command(monkeypatch, made_parity):
    assert any("evaluators diagnose" in code.value for code in page(monkeypatch, made_parity, encoder="cls").code)
    assert not any("evaluators diagnose" in code.value for code in page(monkeypatch, made_parity, encoder="bf16").code)


def test_texts_that_were_not_kept(monkeypatch, tmp_path):
    probes = made_texts(8)
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, twelve(probes)[:4], started=NEWEST, keep_texts=False)
    at = page(monkeypatch, tmp_path / "s.duckdb")
    assert "not kept" in said(at)
    assert not any(probe.text in said(at) for probe in probes)


def test_an_encoder_that_gave_nothing(monkeypatch, tmp_path):
    probes = made_texts(6)
    dead = Made(
        "dead server", np.full((6, 4), np.nan, dtype=np.float32), "unusable", "It answered 500.", {"backend": "tei"}
    )
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, [Made("reference", synthetic(6)), dead], started=NEWEST)
    for view in VIEWS:
        at = page(monkeypatch, tmp_path / "s.duckdb", drift_view=view)
        assert "It answered 500\\." in said(at)


def test_no_vectors_at_all(monkeypatch, tmp_path):
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(
            connection,
            made_texts(3),
            [Made("a", synthetic(3)), Made("b", synthetic(3), "unusable", "No.")],
            started=NEWEST,
        )
        connection.execute("DELETE FROM vectors")
        connection.execute("DELETE FROM drift")
    assert "nothing to compare" in said(page(monkeypatch, tmp_path / "s.duckdb"))


@pytest.mark.parametrize("output", ["sparse", "multi"])
def test_outputs_that_are_no_plain_vectors(monkeypatch, tmp_path, output):
    probes = made_texts(6)
    given = [{"to": 0.5, "ken": 0.25}] * 6
    made = [Made(name, synthetic(6), "identical", "Same.", output=output, payload=given) for name in ("a", "b")]
    made[1].settings = {"batch_size": 1}
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, made, started=NEWEST)
    for view in VIEWS:
        at = page(monkeypatch, tmp_path / "s.duckdb", output=output, drift_view=view, beside="vectors")
    assert "to" in at.json[0].value


def test_two_encoders_of_one_label_are_told_apart(monkeypatch, tmp_path):
    probes = made_texts(6)
    twins = [Made("a", synthetic(6), "identical", "Same.", {"batch_size": size}) for size in (1, 2, 3)]
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, twins, started=NEWEST)
        add_check(connection, probes, twins[:2], started=NEWEST - timedelta(days=1), check_id="older")
    at = page(monkeypatch, tmp_path / "s.duckdb")
    assert len(set(at.selectbox(key="d_against").options)) == 3


def test_a_run_shows_what_it_diagnosed(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, "runs", run="run-check-1", part="Diagnoses")
    assert "Diagnosis of prompt" in said(at) and "explain 99" in said(at)


def test_runs_show_command_warnings_and_findings(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, "runs", run="run-bf16", part="Warnings")
    assert "transformers.modeling_utils: Some weights were <b>not</b> initialised" in [code.value for code in at.code]
    at = page(monkeypatch, made_parity, "runs", run="run-check-1", part="Findings")
    assert any("A prompt is put before each text" in expander.label for expander in at.expander)
    assert "Leave prompts empty." in [code.value for code in at.code]


def test_two_runs_beside_each_other(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, "runs", run="run-bf16", other="run-check-1")
    assert "**Environment**: 1 of 5 entries differ" in said(at) and "**Files**: the same" in said(at)


def test_a_link_to_what_is_gone_says_so(monkeypatch, made_parity):
    at = page(monkeypatch, made_parity, check="no such check", encoder="nobody")
    assert "check cannot be" in at.warning[0].value and "encoder cannot be" in at.warning[0].value


@pytest.mark.parametrize("asked", [{"drift_view": "texts"}, {"drift_view": "texts", "check": "many"}, {"name": "runs"}])
def test_a_rerun_is_quick(monkeypatch, made_parity, asked):
    if asked.get("check"):
        asked = {**asked, "check": f"{NEWEST - timedelta(days=1):%Y-%m-%d %H:%M} · reference fp32 · eck-many"}
    at = page(monkeypatch, made_parity, **asked)
    assert not at.warning
    at.run()
    assert calls(at.run) < 500_000  # 320,000 at most: a seventh of a second (`make bench` has it by the clock)


def test_an_old_and_an_empty_store_say_what_to_do(monkeypatch, tmp_path):
    assert "There is no store yet" in said(page(monkeypatch, tmp_path / "none.duckdb"))
    make_store(tmp_path / "s.duckdb", plain_models=2)
    assert "No parity check yet" in said(page(monkeypatch, tmp_path / "s.duckdb"))


@pytest.fixture
def two_tasks(made_parity, tmp_path):
    """The store with a second task of the reproduction, and what explains the prompt's drift said of bf16 as well."""
    path = tmp_path / "store.duckdb"
    shutil.copyfile(made_parity, path)
    with writing(path) as connection:
        for table, change in (
            ("tasks", "'Other' AS task, 'Classification' AS type"),
            ("results", "result_id + 2 AS result_id, 'Other' AS task"),
            ("run_tasks", "'Other' AS task, 3 AS result_id"),
        ):
            connection.execute(f"INSERT INTO {table} BY NAME SELECT * REPLACE ({change}) FROM {table}")
        connection.execute(
            "INSERT INTO scores BY NAME SELECT * REPLACE (result_id + 2 AS result_id, main_score - result_id / 10 AS"
            " main_score) FROM scores"
        )
        derive_compared(connection)
    return path


def rows_of(store, query):
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(query).fetchall()


def of_cell(monkeypatch, store):
    return page(
        monkeypatch, store, "reproduction", compare="Our runs", row="org/small-model · run-bf16", task="TinySTS"
    )


def test_a_cell_of_a_run_shows_its_chain_and_what_its_scores_suggest(monkeypatch, two_tasks):
    at = of_cell(monkeypatch, two_tasks)
    words = said(at)
    assert "**files**] · same" in words and "**vectors**] · same" in words and "**scores**] · differs" in words
    assert "over 2 tasks: a suggestion, nothing is proved" in words
    assert any(code.value.startswith("python -m evaluators parity --reference") for code in at.code)
    [(typed,)] = rows_of(two_tasks, "SELECT command FROM runs WHERE run_id = 'run-bf16'")
    assert typed in [code.value for code in at.code]  # the run's own command, under "Run it again"
    assert any("Known fault" in str(table.proto.columns) for table in at.dataframe)


def test_a_cell_of_a_run_shows_the_diagnosis_of_its_set_up(monkeypatch, two_tasks):
    with writing(two_tasks) as connection:
        connection.execute("UPDATE diagnoses SET candidate = 'bf16'")
    at = of_cell(monkeypatch, two_tasks)
    words = said(at)
    assert "Diagnosis of this set-up" in words and "99" in words and "What the scores suggest" not in words
    assert any("query:" in code.value for code in at.code)


def test_a_run_says_what_its_budget_came_to(monkeypatch, made_parity, tmp_path):
    path = Path(shutil.copy(made_parity, tmp_path / "store.duckdb"))
    budgets = {
        "MTEB(<b>x</b>)": {
            "asked": "5%", "claim": 0.652, "claim_origin": "official", "state": "holds",
            "difference": [0.001, -0.01, 0.012], "mean": [0.653, 0.642, 0.664], "rank": [12.0, 8.0, 20.0],
            "chosen": ["A", "B"], "ran": ["A"], "failed": ["B"], "share": 0.031,
        },
        "Seen": {"asked": "smoke", "chosen": ["A"], "ran": ["A"], "share": 0.004, "smoke": "broken", "missed": []},
        "Unseen": {"asked": "smoke", "chosen": ["A"], "ran": ["A"], "share": 0.004, "smoke": "nothing-seen",
                   "missed": ["max-length-32", "of-a-later-version"]},
    }  # fmt: skip
    with writing(path) as connection:
        connection.execute("UPDATE runs SET settings = ? WHERE run_id = 'run-bf16'", [json.dumps({"budgets": budgets})])
    words = said(page(monkeypatch, path, "runs", runs_run="run-bf16"))
    assert "1 of the 2 tasks chosen, 3.1% of the benchmark's time" in words and "1 of the 1 task chosen" in words
    assert "its mean at **65.30** (64.20 to 66.40, 95%)" in words and "rank would be 12 (8 to 20)" in words
    assert "The claim of 65.20 (official figures) **holds**" in words
    assert "+0.10 points from it (−1.00 to +1.20)" in words
    assert "because they failed: B" in words and "<b>x" not in words
    assert words.count("**Broken**") == 1 and "**Nothing broken was seen**" in words
    assert "would not show: texts cut at 32 tokens, of\\-a\\-later\\-version" in words

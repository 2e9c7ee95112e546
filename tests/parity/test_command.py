"""``python -m evaluators parity`` as people call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from data.store.errors import InputError
from evaluators.__main__ import app
from evaluators.parity.plan import make_plan
from evaluators.probes import load_probes
from tests.commands import Ended, command
from tests.parity.conftest import rows

ROOT = Path(__file__).parents[2]


def run(*arguments: object, store: Path) -> Ended:
    return command("parity", *arguments, "--store", store)


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Ready-made vectors of three texts: right, scaled, and wrong for the last text."""
    texts = ["one text", " another text ", "a third\n"]
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": text, "role": "query"}) for text in texts))
    right = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    np.save(tmp_path / "right.npy", right)
    np.save(tmp_path / "scaled.npy", right * 3)
    right[2] = right[2][::-1]
    np.save(tmp_path / "wrong.npy", right)
    return tmp_path


def test_two_on_the_command_line(vectors: Path, tmp_path: Path) -> None:
    """In a process of its own, with next to nothing in its environment."""
    store = tmp_path / "s.duckdb"
    words = ["--reference", f"ready:{vectors}/right.npy", "--candidate", f"ready:{vectors}/scaled.npy",
             "--probes", vectors / "texts.jsonl", "--store", store]  # fmt: skip
    started = [sys.executable, "-m", "evaluators", "parity", *map(str, words)]
    done = subprocess.run(started, cwd=ROOT, capture_output=True, text=True, env={"COLUMNS": "200", "PATH": ""})
    assert done.returncode == 0, done.stderr
    assert "scale only" in done.stdout
    found = duckdb.connect(str(store), read_only=True)
    assert rows(found, "SELECT verdict FROM drift_summary") == [("scale only",)]
    assert rows(found, "SELECT probe_set, n_texts FROM checks") == [("texts", 3)]
    typed = rows(found, "SELECT command FROM runs")[0][0]
    assert typed.startswith("python -m evaluators parity --reference")
    traits = dict(rows(found, "SELECT probe, traits FROM probes"))
    assert "outer-space" in traits["texts-2"]


def test_many_from_a_plan_and_failing_on_a_verdict(vectors: Path, tmp_path: Path) -> None:
    plan = vectors / "plan.toml"
    plan.write_text(f"""
        probes = "texts.jsonl"
        keep_text = false
        fail_on = "differs"
        [reference]
        backend = "ready"
        source = "{vectors}/right.npy"
        [[candidate]]
        spec = "ready:{vectors}/wrong.npy"
        label = "wrong one"
        [[candidate]]
        backend = "tei"
        source = "http://127.0.0.1:9"
        retries = 0
        """)
    store = tmp_path / "s.duckdb"
    done = run("--plan", plan, store=store)
    assert done.status == 1, done.err
    found = duckdb.connect(str(store), read_only=True)
    assert rows(found, "SELECT label, verdict FROM drift_summary JOIN encoders USING (encoder_id) ORDER BY label") == [
        ("tei 127.0.0.1:9", "unusable"), ("wrong one", "differs on some texts"),
    ]  # fmt: skip
    assert rows(found, "SELECT count(text) FROM probes") == [(0,)]
    found.close()  # one process would be shown the old file again
    again = run("--plan", plan, "--fail-on", "unstable", store=store)  # what the command line says wins
    assert again.status == 1 and "Failing on unstable: tei 127.0.0.1:9 (unusable)" in again.out, again.out
    assert rows(duckdb.connect(str(store), read_only=True), "SELECT count(*) FROM runs") == [(2,)]


@pytest.mark.parametrize(
    ("candidate", "level", "status"),
    [
        ("right", "differs", 0),
        ("scaled", "differs", 0),
        ("scaled", "scale only", 1),
        ("scaled", "precision only", 1),
        ("wrong", "differs", 1),
        ("wrong", "unstable", 0),
        ("wrong", "unstable,unusable", 0),
        ("nowhere", "unusable", 1),
        ("nowhere", "differs", 1),
        ("nowhere", "unstable, differs", 1),
        ("nowhere", None, 0),
    ],
)
def test_a_pipeline_is_stopped_from_a_level_on(
    vectors: Path, tmp_path: Path, candidate: str, level: str | None, status: int
) -> None:
    asked = ["parity", "--reference", f"ready:{vectors}/right.npy", "--candidate", f"ready:{vectors}/{candidate}.npy"]
    asked += ["--probes", str(vectors / "texts.jsonl"), "--store", str(tmp_path / "s.duckdb")]
    done = CliRunner().invoke(app, [*asked, *(["--fail-on", level] if level else [])])
    assert done.exit_code == status, done.output
    assert ("Failing on" in done.output) == bool(status)


def test_an_unknown_level_is_said_before_anything_is_encoded(vectors: Path, tmp_path: Path) -> None:
    asked = ["parity", "--reference", "ready:x", "--candidate", "ready:y", "--fail-on", "bad"]
    done = CliRunner().invoke(app, [*asked, "--store", str(tmp_path / "s.duckdb")])
    assert isinstance(done.exception, InputError) and "differs, " in str(done.exception)


def test_stopping_it_has_the_status_of_an_interrupt(
    vectors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("evaluators.parity.run.check", interrupted)
    asked = ["parity", "--reference", "ready:x", "--candidate", "ready:y", "--probes", str(vectors / "texts.jsonl")]
    assert CliRunner().invoke(app, [*asked, "--store", str(tmp_path / "s.duckdb")]).exit_code == 130


def test_a_reference_without_vectors_is_an_error_and_is_kept(vectors: Path, tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    done = run("--reference", "ready:/nowhere.npy", "--candidate", f"ready:{vectors}/right.npy",
               "--probes", vectors / "texts.jsonl", store=store)  # fmt: skip
    assert done.status == 2
    assert "The reference gave no vectors" in done.err
    assert "Traceback" not in done.err
    found = duckdb.connect(str(store), read_only=True)
    assert rows(found, "SELECT status, verdict FROM runs, drift_summary") == [("failed", "unusable")]


def test_wrong_calls_are_sentences(tmp_path: Path) -> None:
    done = run("--reference", "nonsense", "--candidate", "ready:x", store=tmp_path / "s.duckdb")
    assert (done.status, "named by its backend" in done.err) == (2, True)
    done = run("--reference", "ready:x", store=tmp_path / "s.duckdb")
    assert (done.status, "at least one candidate" in done.err) == (2, True)


def test_help_is_quick_and_shows_the_syntax(tmp_path: Path) -> None:
    heavy = "{'torch', 'transformers', 'mteb', 'sentence_transformers'}"
    code = f"import sys; from evaluators.__main__ import app; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
    assert "BACKEND:SOURCE" in run("--help", store=tmp_path / "s").out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[reference", "cannot be read"),
        ("colour = 1", "unknown key colour"),
        ("[candidate]\nbackend = 'tei'", r"\[\[candidate\]\]"),
        ("[reference]\nbackend = 'tei'", "lacks source"),
        ("fail_on = ['bad']\nreference = 'ready:x'\n[[candidate]]\nspec = 'ready:y'", "no verdict bad"),
        ("reference = 'ready:x'", "at least one candidate"),
    ],
)
def test_a_wrong_plan_is_said_to_be_wrong(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(InputError, match=words):
        make_plan(plan=tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no text in the file"),
        (b'{"text": "a"}\n{"txt": "b"}', "line 2"),
        (b'{"text": "a"}\n{"text": ', "line 2"),
        (b'{"text": "a", "role": "boss"}', "role 'boss'"),
        (b'{"text": "\\ud800"}', "lone surrogate"),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_wrong_probes_are_said_to_be_wrong(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_probes(tmp_path / "p.jsonl")


def test_plain_lines_and_repeated_texts(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("one\n two \none\n")
    found = load_probes(tmp_path / "p.txt")
    assert [probe.text for probe in found.probes] == ["one", " two "]
    assert found.notes == ("Line 3 repeats the text of p-1 and is left out.",)

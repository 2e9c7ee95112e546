"""Case 1: a model with code of its own, run without it. HotpotQA came out at 1.97 for 56.48, and only a log line knew.

The model here has all-MiniLM-L6-v2's weights under an architecture of its own (tests/cases/own_architecture.py), as
jina-embeddings-v2 has: the nearest built-in class finds embeddings and attention, and draws the rest at random.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from playwright.sync_api import expect
from streamlit.testing.v1 import AppTest

from data.store.errors import ModelError
from evaluators.trust import code_revision
from tests.cases.hub_data import write_retrieval, write_rows
from tests.cases.own_architecture import own_architecture
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.serving import ROOT, served

pytestmark = pytest.mark.slow

NAME, TASK = "acme/own-architecture", "HotpotQA"
SAMPLE = ROOT / "data" / "sample" / "questions"
LOST = "36 of 101 tensors are not in the file: encoder.layer.0.intermediate.dense.bias"


class Told(NamedTuple):
    """What came of the story: what each command said, and the runs without and with the model's code."""

    story: Story
    allow: str
    preflight: str
    refused: str
    code_ran: bool
    without: str
    allowed: str
    diagnosed: str
    runs: list[str]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The story, command by command."""
    story = Story(tmp_path_factory.mktemp("case-1"))
    here, mark = story.folder, story.folder / "its-code-ran"
    model = own_architecture(here / "model", mark)
    allow = f"{model}@{code_revision(model)}"
    _publish(story, model, allow)
    mark.unlink()

    preflight = story.run("preflight", model, status=1)
    reproduce = ("reproduce", model, "--as", NAME, "--tasks", TASK, "--datasets", here / "hub", "--out", here / "runs")
    with pytest.raises(ModelError) as refused:
        story.run(*reproduce)
    without = story.run(*reproduce, "--anyway", "--fail-on", "broken", status=1)
    code_ran = mark.exists()
    allowed = story.run(*reproduce, "--trust-remote-code", allow, "--fail-on", "gap")
    write_rows(here / "texts.jsonl", [{"text": row["text"]} for row in _sample("queries")[:8]])
    spec = f"sentence-transformers:{model}"
    story.run(
        "parity", "--reference", f"{spec}?trust={allow}&label=with its code",
        "--candidate", f"{spec}?label=without its code", "--probes", here / "texts.jsonl",
    )  # fmt: skip
    diagnosed = story.run("diagnose", "last", "--trust-remote-code", allow)
    runs = [run for (run,) in story.ask("SELECT run_id FROM runs WHERE kind = 'reproduce' ORDER BY started_at")]
    return Told(story, allow, preflight, str(refused.value), code_ran, without, allowed, diagnosed, runs)


def _sample(file: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SAMPLE / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()]


def _publish(story: Story, model: Path, allow: str) -> None:
    """The model's authors run it as it is meant to be, and publish; the store imports their figure as the official."""
    here = story.folder
    judged = dict(line.split("\t")[:2] for line in (SAMPLE / "qrels" / "test.tsv").read_text().splitlines()[1:])
    passages, queries = ({row["_id"]: row["text"] for row in _sample(file)} for file in ("corpus", "queries"))
    write_retrieval(here / "hub" / "mteb" / "hotpotqa", passages, queries, judged=judged)
    (here / "authors").mkdir()
    Story(here / "authors").run(
        "reproduce", model, "--as", NAME, "--tasks", TASK, "--datasets", here / "hub", "--out", here / "authors",
        "--trust-remote-code", allow,
    )  # fmt: skip
    (results,) = (here / "authors").glob("*/mteb")
    story.run("import", "--from", results, "--origin", "official")


def test_preflight_names_the_tensors_and_what_to_pass(told: Told) -> None:
    assert "BertModel is loaded instead" in told.preflight
    assert LOST in told.preflight
    assert f"--trust-remote-code {told.allow}" in told.preflight


def test_reproduce_refuses_and_no_code_runs(told: Told) -> None:
    assert "Preflight stops the run" in told.refused and LOST in told.refused
    assert f"--trust-remote-code {told.allow}" in told.refused
    assert not told.code_ran


def test_run_anyway_it_is_broken_and_with_its_code_it_matches(told: Told) -> None:
    assert f"broken {TASK}" in told.without and f"match {TASK}" in told.allowed
    scores = dict(told.story.ask("SELECT run_id, main_score FROM results JOIN scores USING (result_id)"))
    bad, good = (scores[run] for run in told.runs)
    assert good > 0.8 and bad < 0.5 * good


def test_diagnosis_says_random_weights(told: Told) -> None:
    assert "weights of one part drawn at random" in _joined(told.diagnosed)
    assert told.story.causes() == {"without its code": ["weights random: mlp of every layer"]}
    failed = told.story.ask("SELECT label FROM protocol JOIN encoders USING (encoder_id) WHERE outcome = 'fail'")
    assert failed == [("without its code",)]  # two loads of it disagree


def test_the_pages_say_so(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    store, run = told.story.store, told.runs[0]
    reproduction = page(monkeypatch, store, "reproduction", row=f"{NAME} · {run}", task=TASK)
    assert f":red-badge[:material/cancel: broken] {TASK}" in _read(reproduction)
    assert "is off on all of its 1 task: too few to tell that from chance" in _read(reproduction)
    assert "files**] · a fault" in _read(reproduction) and LOST in _read(reproduction)
    assert f"--trust-remote-code {told.allow}" in _read(reproduction)
    drift = _read(page(monkeypatch, store, encoder="without its code"))
    assert "weights of one part drawn at random" in drift and LOST in drift
    runs = page(monkeypatch, store, "runs", run=run, part="Findings")
    assert any(LOST in _plain(finding.label) for finding in runs.expander)


def _joined(text: str) -> str:
    """What a terminal broke into lines."""
    return " ".join(text.split())


def _read(at: AppTest) -> str:
    """A page's words as a browser shows them."""
    return _plain(said(at))


def _plain(text: str) -> str:
    return re.sub(r"\\(?=\W|_)", "", text)


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_seen_in_a_browser(told: Told, tmp_path: Path, open_page: Any) -> None:
    with served(told.story.store, tmp_path / "page.log") as address:
        cell = f"row={quote(f'{NAME} · {told.runs[0]}')}&task={TASK}"
        view = open_page(f"{address}/reproduction?{cell}", height=2600)
        expect(view.get_by_text("broken", exact=True).first).to_be_visible()
        expect(view.get_by_text("it breaks here")).to_be_visible()
        expect(view.get_by_text(LOST).first).to_be_visible()
        view.locator("summary").filter(has_text=LOST).first.click()  # the finding, with its remedy
        expect(view.get_by_test_id("stCode").filter(has_text=f"--trust-remote-code {told.allow}").first).to_be_visible()
        view = open_page(f"{address}/drift?encoder=without its code", height=2400)
        expect(view.get_by_text("weights of one part drawn at random").first).to_be_visible()
        expect(view.get_by_text("it breaks here")).to_be_visible()


def test_a_colleagues_figure_on_the_old_scale_is_broken_on_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The figures as they were reported: 1.966 out of a hundred for .56482."""
    name, story = "jinaai/jina-embeddings-v2-small-en", Story(tmp_path)
    _result(tmp_path / "published", name, 0.56482)
    _result(tmp_path / "colleague", name, 1.966)
    story.run("import", "--from", tmp_path / "published")
    story.run("import", "--from", tmp_path / "colleague", "--origin", "reproduced")
    seen = _read(page(monkeypatch, story.store, "reproduction", row=f"{name} · imported", task=TASK))
    assert (
        f":red-badge[:material/cancel: broken] {TASK}, ndcg_at_10: published figure **56.48**, our run **1.97**" in seen
    )
    assert "**The model is not loaded as it should be**: 97% of the score is gone. Run the preflight" in seen
    assert story.ask("SELECT notes FROM results WHERE origin = 'reproduced'") == [
        ("figures on a 0-100 scale, divided by 100",)
    ]


def _result(folder: Path, model: str, score: float) -> None:
    """A result file as mteb 1.28 wrote it."""
    place = folder / "results" / model.replace("/", "__") / "44e7d1d6caec8c883c2d4b207588504d519788d0"
    place.mkdir(parents=True)
    cell = {"hf_subset": "default", "languages": ["eng-Latn"], "main_score": score, "ndcg_at_10": score}
    result = {
        "task_name": TASK, "mteb_version": "1.28.0", "dataset_revision": "ab518f4d6fcca38d87c25209f94beba119d02014",
        "evaluation_time": 100.0, "kg_co2_emissions": None, "scores": {"test": [cell]},
    }  # fmt: skip
    (place / f"{TASK}.json").write_text(json.dumps(result), encoding="utf-8")
    (place / "model_meta.json").write_text(json.dumps({"name": model, "revision": place.name}), encoding="utf-8")

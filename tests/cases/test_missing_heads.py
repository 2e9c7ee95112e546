"""Case 4: BGE-M3 through FlagEmbedding without its head files: other sparse results at each start, right dense ones."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.models import build
from tests.serving import served

# Looked for and not imported: every worker collects this file, and the library brings torch and transformers.
pytestmark = pytest.mark.skipif(find_spec("FlagEmbedding") is None, reason="needs FlagEmbedding")
OUTPUTS = "outputs=dense,sparse,multi&max_length=128&model=BAAI/bge-m3"
HEADS = ["sparse_linear.pt", "colbert_linear.pt"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model, whole, copied, and copied as somebody does who takes the weights and forgets the two small files."""
    root = tmp_path_factory.mktemp("models")
    whole = build("BGE-M3 with its heads", root / "whole" / "bge-m3")
    found = {"whole": whole}
    for name, lost in (("copy", ""), ("headless", "*_linear.pt"), ("half", "sparse_linear.pt")):
        found[name] = root / name / "bge-m3"
        shutil.copytree(whole, found[name], ignore=shutil.ignore_patterns(lost))
    return found


@pytest.fixture(scope="module")
def story(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Compare the three outputs, name the cause."""
    told = Story(tmp_path_factory.mktemp("case-4"))
    spec = {name: f"flag-embedding:{folder}?{OUTPUTS}&label={name}" for name, folder in models.items()}
    told.run("parity", "--reference", spec["whole"], "--candidate", spec["copy"], "--candidate", spec["headless"])
    told.run("diagnose", "last")
    return told


def test_preflight_says_what_is_declared_and_missing_with_size_and_hash_of_what_is_there(
    models: dict[str, Path], tmp_path: Path
) -> None:
    told = Story(tmp_path)
    assert json.loads(told.run("preflight", models["whole"], "--json")) == []
    [both] = json.loads(told.run("preflight", models["headless"], "--json", status=1))
    assert (both["code"], both["severity"]) == ("heads-missing", "serious")
    assert both["seen"] == "sparse_linear.pt and colbert_linear.pt are not there"
    [one] = json.loads(told.run("preflight", models["half"], "--json", status=1))
    head = models["half"] / "colbert_linear.pt"
    assert one["evidence"] == {
        "missing": ["sparse_linear.pt"],
        "present": [
            {
                "path": "colbert_linear.pt",
                "size": head.stat().st_size,
                "sha256": hashlib.sha256(head.read_bytes()).hexdigest(),
            }
        ],
    }
    assert "46f8a3bc89a29a05ec42285cee146f9b" in one["remedy"]  # what the right file of BGE-M3 itself has


def test_two_loads_disagree_in_the_heads_and_agree_in_the_dense_vectors(story: Story) -> None:
    outcomes = dict(
        story.ask("SELECT label, outcome FROM protocol JOIN encoders USING (encoder_id) WHERE test = 'loads'")
    )
    assert outcomes == {"whole": "pass", "copy": "pass", "headless": "fail"}
    [(detail,)] = story.ask("SELECT detail FROM protocol WHERE test = 'loads' AND outcome = 'fail'")
    assert "disagree in the sparse output" in detail
    assert "and multi output" in detail
    assert "its dense output agrees" in detail


def test_each_output_has_a_verdict_and_a_measure_of_its_own(story: Story) -> None:
    rows = story.ask(
        "SELECT label, output, verdict, measures FROM drift_summary JOIN encoders USING (encoder_id) ORDER BY ALL"
    )
    verdicts = {(label, output): verdict for label, output, verdict, _ in rows}
    assert {verdict for (label, _), verdict in verdicts.items() if label == "copy"} == {"identical"}
    assert verdicts["headless", "dense"] == "identical"
    assert verdicts["headless", "sparse"] == verdicts["headless", "multi"] == "unstable"
    measures = {(label, output): json.loads(text) for label, output, _, text in rows}
    assert measures["copy", "sparse"]["token_overlap"] == 1
    assert measures["headless", "sparse"]["token_overlap"] < 1
    assert measures["copy", "multi"]["maxsim_difference"] == 0
    assert measures["headless", "multi"]["maxsim_difference"] > 0.01


def test_the_files_of_both_sides_are_recorded(story: Story) -> None:
    files = {
        label: {entry["path"] for entry in json.loads(text)}
        for label, text in story.ask("SELECT label, files FROM encoders")
    }
    assert files["whole"] == files["copy"]
    assert files["whole"] - files["headless"] == set(HEADS)


def test_what_preflight_found_is_kept_with_the_check(story: Story) -> None:
    found = story.ask(
        "SELECT code, label FROM findings JOIN encoders ON subject = encoder_id JOIN runs USING (run_id)"
        " WHERE kind = 'parity'"
    )
    assert found == [("heads-missing", "headless")]


def test_the_cause_is_named_and_nothing_is_claimed_to_bring_it_about(story: Story) -> None:
    assert story.causes() == {"copy": [], "headless": ["weights random: the heads"]}
    [(sentence, snippet, remedy)] = story.ask(
        "SELECT sentence, snippet, remedy FROM diagnoses JOIN diagnosis_causes USING (diagnosis_id) WHERE accepted"
    )
    assert "Two loads agree in the dense vectors and not in the others" in sentence
    assert snippet is None  # no setting gives the vectors of a random draw
    assert story.ask("SELECT seen FROM findings WHERE tier = 'vectors'") == [("weights random: the heads",)]
    assert all(head in remedy for head in HEADS)


def test_the_pages_tell_it(monkeypatch: pytest.MonkeyPatch, story: Story) -> None:
    for output, broken in (("dense", False), ("sparse", True), ("multi", True)):
        words = said(page(monkeypatch, story.store, output=output, encoder="headless"))
        assert ("Two loads of the same model disagree in the" in words) is broken
        assert "sparse\\_linear\\.pt" in words  # the chain: these files differ
        assert "the heads are random" in words and "it breaks here" in words
        assert "Put sparse_linear.pt and colbert_linear.pt" in words
    [(run,)] = story.ask("SELECT run_id FROM runs WHERE kind = 'parity'")
    runs = page(monkeypatch, story.store, "runs", run=run, part="Warnings")
    assert "FlagEmbedding initialises both heads at random" in "\n".join(code.value for code in runs.code)


@pytest.fixture(scope="module")
def site(story: Story) -> Iterator[str]:
    with served(story.store, story.folder / "served.log") as address:
        yield address


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_somebody_who_opens_the_link_sees_output_verdict_cause_and_remedy(site: str, open_page: Any) -> None:
    view = open_page(f"{site}/drift?output=sparse&encoder=headless", height=2600)
    expect(view.get_by_text("Two loads of the same model disagree in the sparse output").first).to_be_visible()
    expect(view.get_by_text("it breaks here")).to_be_visible()
    expect(view.get_by_text("sparse_linear.pt and colbert_linear.pt are not there").first).to_be_visible()
    expect(view.get_by_text("the heads are random").first).to_be_visible()
    expect(view.get_by_test_id("stCode").filter(has_text="Put sparse_linear.pt and colbert_linear.pt")).to_be_visible()

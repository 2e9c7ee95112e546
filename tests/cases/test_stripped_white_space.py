"""Case 2: BCEmbedding and LangChain give other vectors of one model, because one of them strips the texts.

The model is made for it: a RoBERTa whose byte-level tokenizer sees white space.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from evaluators.probes import load_probes
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.models import byte_level_tokenizer, randomise, write_modules
from tests.serving import ROOT, served

SAMPLE = ROOT / "data" / "sample" / "pairs"
STRIPPED = {probe.probe for probe in load_probes().probes if probe.text != probe.text.strip()}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import RobertaConfig, RobertaModel

    folder, tokenizer = tmp_path_factory.mktemp("model") / "bce-tiny", byte_level_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=0, bos_token_id=None, eos_token_id=1,
    )  # fmt: skip
    randomise(RobertaModel(config, add_pooling_layer=False)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "mean_tokens")
    return folder


@pytest.fixture(scope="module")
def encoders(model: Path) -> tuple[str, str]:
    """BCEmbedding's way (tokens, their mean, length 1, by hand), and LangChain's on an older library."""
    return (
        f"transformers:{model}?model=acme/bce-tiny&label=BCEmbedding&pooling=mean&normalise=yes",
        f"langchain:tests.cases.older_langchain:Stripping?folder={model}&model=acme/bce-tiny&label=LangChain",
    )


@pytest.fixture(scope="module")
def story(model: Path, encoders: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The two commands: compare, name the cause. A third encoder is the library as it is today."""
    told = Story(tmp_path_factory.mktemp("case-2"))
    today = f"sentence-transformers:{model}?model=acme/bce-tiny&label=today"
    told.run("parity", "--reference", encoders[0], "--candidate", encoders[1], "--candidate", today)
    told.run("diagnose", "last")
    return told


def test_only_the_texts_with_white_space_at_the_ends_differ_and_they_are_named(story: Story) -> None:
    drifted = story.ask(
        "SELECT probe FROM drift JOIN probes USING (text_hash) JOIN encoders USING (encoder_id)"
        " WHERE label = 'LangChain' AND cosine_distance > 1e-6"
    )
    assert {probe for (probe,) in drifted} == STRIPPED
    found = dict(story.ask("SELECT label, verdict FROM drift_summary JOIN encoders USING (encoder_id)"))
    assert found == {"LangChain": "differs on some texts", "today": "identical"}
    [(sentence,)] = story.ask("SELECT sentence FROM drift_summary WHERE verdict = 'differs on some texts'")
    assert "exactly those with the trait outer-space" in sentence
    assert all(probe in sentence for probe in STRIPPED)


def test_euclidean_distance_makes_the_same_drift_look_larger_and_both_are_told(story: Story) -> None:
    drifted = story.ask(
        "SELECT cosine_distance, l2 FROM drift JOIN encoders USING (encoder_id)"
        " WHERE label = 'LangChain' AND cosine_distance > 1e-6"
    )
    cosine, euclidean = np.array(drifted).T
    np.testing.assert_allclose(euclidean, np.sqrt(2 * cosine), rtol=1e-3)
    assert (euclidean > 2 * cosine).all()
    [(sentence, amplified)] = story.ask(
        "SELECT sentence, l2_amplification FROM drift_summary WHERE verdict = 'differs on some texts'"
    )
    assert f"(cosine distance {cosine.max():.2g}, Euclidean {euclidean.max():.2g})" in sentence
    assert amplified == pytest.approx(euclidean.sum() / cosine.sum(), rel=1e-3)


def test_the_cause_is_named(story: Story) -> None:
    assert story.causes() == {"LangChain": ["white space stripped"], "today": []}
    [(explained, remedy)] = story.ask("SELECT explained, remedy FROM diagnosis_causes WHERE accepted")
    assert explained > 0.999
    assert "up to 5.3" in remedy


def test_the_proof_is_the_reference_encoded_the_other_way(story: Story) -> None:
    story.prove("LangChain")
    [(proof,)] = story.ask("SELECT proof FROM diagnoses WHERE verdict = 'explained'")
    assert json.loads(proof)["reference"]["edits"] == []
    assert json.loads(proof)["agrees"]["edits"] == ["white-space-stripped"]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped pairs as a crawler leaves them: every other first sentence indented, on a line of its own."""
    folder = tmp_path_factory.mktemp("crawled")
    (folder / "task.toml").write_text('name = "CrawledPairs"\nlanguage = "eng-Latn"\n')
    with (SAMPLE / "pairs.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        for number, row in enumerate(rows):
            indented = f"\n      {row['sentence1']}  \n"
            writer.writerow(row | {"sentence1": indented} if number % 2 else row)
    return folder


@pytest.fixture(scope="module")
def scored(story: Story, encoders: tuple[str, str], crawled: Path) -> dict[str, dict[str, float]]:
    """Scores of both on the pairs as crawled and as they should be, by encoder and task."""
    common = ("--own", crawled, "--own", SAMPLE, "--as", "acme/bce-tiny", "--out", story.folder / "runs")
    story.run("reproduce", encoders[0], *common)
    [(first,)] = story.ask("SELECT run_id FROM runs WHERE kind = 'reproduce'")
    output = story.run("reproduce", encoders[1], *common, "--compare-to", first, "--fail-on", "gap", status=1)
    assert "gap CrawledPairs" in output
    assert "match SamplePairs" in output
    rows = story.ask("SELECT run_id = ? AS bce, task, main_score FROM results JOIN scores USING (result_id)", first)
    return {
        name: {task: score for bce, task, score in rows if bce is which}
        for name, which in (("BCEmbedding", True), ("LangChain", False))
    }


@pytest.mark.slow
def test_the_task_moves_by_points_and_only_where_the_texts_have_such_ends(scored: dict[str, dict[str, float]]) -> None:
    bce, langchain = scored["BCEmbedding"], scored["LangChain"]
    assert abs(bce["CrawledPairs"] - langchain["CrawledPairs"]) > 0.03
    assert bce["SamplePairs"] == pytest.approx(langchain["SamplePairs"], abs=1e-6)
    assert langchain["CrawledPairs"] == pytest.approx(langchain["SamplePairs"], abs=1e-6)  # stripped, they are the same


@pytest.mark.usefixtures("scored")
def test_the_pages_tell_it(monkeypatch: pytest.MonkeyPatch, story: Story) -> None:
    drift = page(monkeypatch, story.store, encoder="LangChain", probe="space-ends")
    assert "1 of 2 tasks match the reference's run; CrawledPairs −" in said(drift).replace("\\", "")
    codes = [code.value for code in drift.code]
    assert "···An·indented·sentence·with·spaces·after·it.···" in codes
    assert "White space stripped explains" in said(drift) and "it breaks here" in said(drift)
    assert any("Strip the texts on both sides or on neither" in code for code in codes)
    assert "texts = [text.strip() for text in texts]" in "\n".join(codes)
    [(run,)] = story.ask("SELECT run_id FROM runs WHERE kind = 'diagnose'")
    runs = page(monkeypatch, story.store, "runs", run=run, part="Findings")
    [(check,)] = story.ask("SELECT check_id FROM checks")
    assert f"python -m evaluators diagnose {check}" in [code.value for code in runs.code]
    assert any("white space stripped" in expander.label for expander in runs.expander)


@pytest.fixture(scope="module")
def site(story: Story) -> Iterator[str]:
    with served(story.store, story.folder / "served.log") as address:
        yield address


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_somebody_who_opens_the_link_sees_texts_verdict_cause_and_remedy(site: str, open_page: Any) -> None:
    view = open_page(f"{site}/drift?encoder=LangChain&drift_view=texts&measure=L2", height=2600)
    expect(view.get_by_text("exactly those with the trait outer-space").first).to_be_visible()
    expect(view.get_by_text("White space stripped explains 100.0% of the drift").first).to_be_visible()
    expect(view.get_by_test_id("stCode").filter(has_text="Strip the texts on both sides or on neither")).to_be_visible()
    expect(view.get_by_text("it breaks here")).to_be_visible()

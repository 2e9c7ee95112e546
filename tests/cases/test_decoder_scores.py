"""Case 5 in scores: what the card's authors publish, and what people get by another library, a server, less precision.

The model is that of test_decoder.py: small, and taught enough for a fault to cost points on the tasks.
"""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from playwright.sync_api import expect

from data.rules.deltas import deltas
from data.store.database import open_reader
from tests.cases.hub_data import write_bitext, write_retrieval, write_rows
from tests.cases.small_world import QUERY, Fact, facts, texts
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.encoders.server import serving
from tests.serving import served

pytestmark = pytest.mark.slow

_FACTS = 80
NAME = "acme/small-decoder"
RETRIEVAL, BITEXT, CODE, PAIRS = "ArguAna", "BUCC", "CodeSearchNetRetrieval", "story-pairs"


class Tasks:
    """The three tasks of the case, small, and pairs of one's own: their data and the commands that run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        world = facts(_FACTS, seed=9)
        passages = {f"d{n}": fact.passage for n, fact in enumerate(world)}
        queries, judged = (
            {f"q{n}": fact.question for n, fact in enumerate(world)},
            {f"q{n}": f"d{n}" for n in range(_FACTS)},
        )
        write_retrieval(folder / "mteb" / "arguana", passages, queries, judged=judged)
        code = {f"d{n}": fact.code for n, fact in enumerate(world)}
        write_retrieval(folder / "mteb" / CODE, code, queries, judged=judged, subset="python")
        write_bitext(folder / "mteb" / BITEXT, "de-en", [(fact.german, fact.passage) for fact in world])
        _write_pairs(folder / PAIRS, world)

    def run(self, story: Story, model: object) -> str:
        """All four, in two commands: they go on with one run."""
        how = ("--as", NAME, "--datasets", self.folder, "--out", story.folder / "runs")
        first = story.run("reproduce", model, *how, "--tasks", RETRIEVAL, "--own", self.folder / PAIRS)
        subsets = ("--languages", "deu-Latn,python-Code")
        return first + story.run("reproduce", model, *how, "--tasks", f"{BITEXT},{CODE}", *subsets)


def _write_pairs(folder: Path, world: list[Fact]) -> None:
    """Pairs of passages, scored by how much of the one is in the other."""
    folder.mkdir()
    draw = random.Random(4)
    with (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["sentence1", "sentence2", "score"])
        for fact in world:
            other, same = draw.choice(world), draw.randint(0, 4)
            mixed = Fact(
                *(left if place < same else right for place, (left, right) in enumerate(zip(fact, other, strict=True)))
            )
            rows.writerow([fact.passage, mixed.passage, sum(a == b for a, b in zip(fact, mixed, strict=True))])


@pytest.fixture(scope="module")
def scores(decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Story, dict[str, str]]]:
    """What the card's authors publish, then what people get: by another library, from a server, at half precision."""
    from sentence_transformers import SentenceTransformer

    story, authors = Story(tmp_path_factory.mktemp("scores")), Story(tmp_path_factory.mktemp("authors"))
    tasks = Tasks(tmp_path_factory.mktemp("hub"))
    tasks.run(authors, decoder)
    (results,) = (authors.folder / "runs").glob("*/mteb")
    story.run("import", "--from", results, "--origin", "official")
    model = SentenceTransformer(str(decoder), device="cpu")
    with serving(model=lambda texts: model.encode(texts, prompt="")) as server:
        served_as = f"openai:{server.url}/v1?model={NAME}"
        asked = quote(QUERY)
        told = {
            "another library": tasks.run(story, f"transformers:{decoder}?pooling=last&normalise=yes"),
            "bf16": tasks.run(story, f"sentence-transformers:{decoder}?dtype=bf16"),
            "served": tasks.run(story, f"{served_as}&query_prompt={asked}"),
            "served without the instruction": tasks.run(story, served_as),
            "suggested": story.run("diagnose", "--scores", NAME),
        }
        write_rows(story.folder / "texts.jsonl", texts())
        story.run(
            "parity", "--reference", f"sentence-transformers:{decoder}?model={NAME}&label=card",
            "--candidate", served_as, "--probes", story.folder / "texts.jsonl",
        )  # fmt: skip
        story.run("diagnose", "last")
    yield story, told


def _deltas(story: Story, told: str) -> pd.DataFrame:
    """The deltas of the run that a command told of, by task."""
    reader = open_reader(story.store)
    found = deltas(reader.cursor(), "reproduced", run_id=_run(told)).set_index("task")
    reader.close()
    return found


def _run(told: str) -> str:
    found = re.search(r"^run (\S+?)[,;]", told, re.MULTILINE)
    assert found is not None, told
    return found[1]


def test_the_right_set_up_matches_by_another_library_and_from_a_server(scores: tuple[Story, dict[str, str]]) -> None:
    story, told = scores
    for which in ("another library", "served"):
        verdicts = _deltas(story, told[which])["verdict"].to_dict()
        assert verdicts == dict.fromkeys((RETRIEVAL, BITEXT, CODE, PAIRS), "match")
    assert "2 tasks to run, about " in told["served"]  # the estimate comes first


def test_half_precision_is_close(scores: tuple[Story, dict[str, str]]) -> None:
    found = _deltas(scores[0], scores[1]["bf16"])
    assert found["delta"].abs().max() > 0
    assert set(found["verdict"]) <= {"match", "drift"} and found["delta"].abs().max() < 0.015


def test_without_its_instruction_only_what_has_queries_fails(
    scores: tuple[Story, dict[str, str]],
) -> None:
    found = _deltas(scores[0], scores[1]["served without the instruction"])
    assert found.loc[[BITEXT, PAIRS], "verdict"].tolist() == ["match", "match"]
    assert set(found.loc[[RETRIEVAL, CODE], "verdict"]) <= {"gap", "broken"}
    assert found.loc[[RETRIEVAL, CODE], "delta"].max() < -0.1


def test_scores_alone_suggest_the_instruction_and_say_what_would_settle_it(
    scores: tuple[Story, dict[str, str]],
) -> None:
    suggested = scores[1]["suggested"]
    assert "nothing is proved until vectors are compared" in suggested
    assert "prompt missing" in suggested.split("├")[0]  # the first two lines of the table
    assert f"parity --reference sentence-transformers:{NAME} --candidate YOUR_ENCODER" in suggested


def test_vectors_settle_it_and_the_reproduction_page_shows_both(
    scores: tuple[Story, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    story, told = scores
    run = _run(told["served without the instruction"])
    seen = said(page(monkeypatch, story.store, "reproduction", row=f"{NAME} · {run}", task=CODE))
    assert "**Diagnosis of this set-up**" in seen
    assert "Differs on 5 of 20 texts, exactly the queries" in seen.replace("\\", "")
    assert "Prompt missing explains 100" in seen and "**prompt missing** · text" in seen
    assert "Drift: up to 1.5 points or 3 × the floor" in seen.replace("\\", "")


def test_the_figures_people_ask_for_stand_beside_the_published_ones(
    scores: tuple[Story, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    story, told = scores
    row = f"{NAME} · {_run(told['served'])}"
    for task, wanted in ((RETRIEVAL, {"ndcg_at_10", "recall_at_100"}), (PAIRS, {"cosine_spearman"}), (BITEXT, {"f1"})):
        at = page(monkeypatch, story.store, "reproduction", row=row, task=task)
        [metrics] = [frame.value for frame in at.dataframe if "Metric" in frame.value.columns]
        both = metrics.set_index("Metric").loc[sorted(wanted), ["Published figure", "Our run"]]
        assert both.notna().all(axis=None) and (both["Published figure"] == both["Our run"]).all()


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_the_reproduction_page_in_a_browser(
    scores: tuple[Story, dict[str, str]], tmp_path: Path, open_page: Any
) -> None:
    story, told = scores
    run = _run(told["served without the instruction"])
    with served(story.store, tmp_path / "page.log") as address:
        view = open_page(f"{address}/reproduction?row={quote(f'{NAME} · {run}')}&task={RETRIEVAL}", height=3000)
        expect(view.get_by_text("Prompt missing explains").first).to_be_visible()
        expect(view.get_by_text("Drift: up to 1.5 points or 3 × the floor")).to_be_visible()
        expect(view.get_by_text("Every metric of both")).to_be_visible()

"""What case 5 also asks, and no benchmark covers: three questions about one's own documents, each a folder of its own.

The recipe is in docs/reproduce.md: judgements in several files are several splits, and a figure each.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cases.hub_data import write_rows
from tests.cases.small_world import facts
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page

pytestmark = pytest.mark.slow

WORLD = facts(120, seed=9)
IN_A_DOCUMENT = 20


def _write(
    folder: Path, passages: Mapping[str, str], queries: Mapping[str, str], judged: Mapping[str, Mapping[str, str]]
) -> None:
    """A folder for ``--own``: BEIR's layout, a file of judgements for each split."""
    write_rows(folder / "corpus.jsonl", ({"_id": name, "text": text} for name, text in passages.items()))
    write_rows(folder / "queries.jsonl", ({"_id": name, "text": text} for name, text in queries.items()))
    (folder / "qrels").mkdir()
    for split, pairs in judged.items():
        lines = ["query-id\tcorpus-id\tscore", *(f"{query}\t{passage}\t1" for query, passage in pairs.items())]
        (folder / "qrels" / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _long_documents(folder: Path, queries: Mapping[str, str]) -> None:
    """Six documents of twenty passages, whole and cut; the judgements say where in the document the answer stands."""
    parts = {"begin": range(5), "middle": range(5, 15), "end": range(15, IN_A_DOCUMENT)}

    def judged(name: str) -> dict[str, dict[str, str]]:
        at = {n: divmod(n, IN_A_DOCUMENT) for n in range(len(WORLD))}
        return {
            part: {f"q{n}": name.format(*place) for n, place in at.items() if place[1] in places}
            for part, places in parts.items()
        }

    chunks = {f"doc{n // IN_A_DOCUMENT}-{n % IN_A_DOCUMENT}": fact.passage for n, fact in enumerate(WORLD)}
    _write(folder / "manual-cut", chunks, queries, judged("doc{}-{}"))
    starts = range(0, len(WORLD), IN_A_DOCUMENT)
    whole = {f"doc{n // IN_A_DOCUMENT}": " ".join(f.passage for f in WORLD[n : n + IN_A_DOCUMENT]) for n in starts}
    _write(folder / "manual-whole", whole, queries, judged("doc{}"))


@pytest.fixture(scope="module")
def told(decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """All three folders in one command."""
    story = Story(tmp_path_factory.mktemp("own"))
    queries = {f"q{n}": fact.question for n, fact in enumerate(WORLD)}
    _long_documents(story.folder, queries)
    mixed = {f"d{n}": fact.german if n % 2 else fact.passage for n, fact in enumerate(WORLD)}
    languages = {"english": range(0, len(WORLD), 2), "german": range(1, len(WORLD), 2)}
    _write(
        story.folder / "two-languages", mixed, queries,
        {language: {f"q{n}": f"d{n}" for n in those} for language, those in languages.items()},
    )  # fmt: skip
    passages = {f"d{n}": fact.passage for n, fact in enumerate(WORLD)}
    bait = {
        f"bait{n}-{who}": fact._replace(who=who).passage
        for n, fact in enumerate(WORLD[:40]) for who in ("guard", "nurse") if who != fact.who
    }  # fmt: skip
    _write(
        story.folder / "planted", passages | bait, queries,
        {"baited": {f"q{n}": f"d{n}" for n in range(40)}, "left-alone": {f"q{n}": f"d{n}" for n in range(40, 120)}},
    )  # fmt: skip
    own = [
        word
        for name in ("manual-cut", "manual-whole", "two-languages", "planted")
        for word in ("--own", story.folder / name)
    ]
    story.run("reproduce", decoder, *own, "--out", story.folder / "runs")
    return story


def _splits(story: Story, task: str) -> dict[str, float]:
    """nDCG@10 of each split."""
    return dict(story.ask("SELECT split, main_score FROM results JOIN scores USING (result_id) WHERE task = ?", task))


def test_a_long_document_is_found_by_its_chunks_wherever_the_answer_stands(told: Story) -> None:
    cut, whole = _splits(told, "manual-cut"), _splits(told, "manual-whole")
    assert set(cut) == set(whole) == {"begin", "middle", "end"}
    assert min(cut.values()) > 0.85
    assert all(whole[part] < cut[part] - 0.1 for part in cut)


def test_questions_in_one_language_over_texts_in_two(told: Story) -> None:
    found = _splits(told, "two-languages")
    assert found["english"] > found["german"] + 0.1


def test_a_planted_text_misleads_and_by_how_much_is_seen(told: Story) -> None:
    found = _splits(told, "planted")
    assert found["left-alone"] > found["baited"] + 0.1


def test_the_splits_stand_beside_each_other_on_the_page(told: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    at = page(monkeypatch, told.store, "tasks", t_task="planted")
    [cells] = [frame.value for frame in at.dataframe if "Split" in frame.value.columns]
    assert cells["Split"].tolist() == ["baited", "left-alone"]

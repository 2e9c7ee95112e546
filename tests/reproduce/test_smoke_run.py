"""Real runs for the smoke rule by another route than its table: damaged files, sentence-transformers, mteb.

The table's own runs change tensors and vectors in memory; here a folder is loaded as people load it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.rules.budget.faults import fault_table
from data.rules.budget.smoke import Smoke, SmokePlan, SmokeVerdict, smoke_verdict
from evaluators.reproduce.tasks import chosen, take_from
from tests.models import copy_of, minilm_folder
from tests.reproduce.conftest import REAL_DATA

pytestmark = pytest.mark.skipif(not REAL_DATA.is_dir(), reason="needs the real data sets beside the checkout")

# As the record has them.
PUBLISHED = {"PoemSentimentClassification": 0.457486, "STSBenchmark": 0.820325, "STS13": 0.806032}
FLOORS = {"PoemSentimentClassification": 0.0026, "STSBenchmark": 0.0023, "STS13": 0.0023}


def plan_of(*tasks: str) -> SmokePlan:
    """What these tasks show, by the table."""
    faults = fault_table()
    places = [faults.tasks.index(task) for task in tasks]
    return SmokePlan(
        benchmark="at hand",
        tasks=tasks,
        seconds=(1.0,) * len(tasks),
        floors=tuple(FLOORS[task] for task in tasks),
        share=1.0,
        model=faults.model,
        faults=faults.faults,
        effects=faults.deltas[:, places],
        assumed=(),
    )


def ran(folder: Path, *tasks: str, change: Callable[[Any], Any] | None = None) -> SmokeVerdict:
    """The verdict on a real run of the folder."""
    import mteb
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    if change:
        change(model)
    scores = {}
    for task in chosen(None, list(tasks), [], []):
        take_from(REAL_DATA, task)
        [result] = mteb.evaluate(model, [task], co2_tracker=False, cache=None, show_progress_bar=False).task_results
        cells = [cell["main_score"] for split in result.scores.values() for cell in split]
        scores[task.metadata.name] = sum(cells) / len(cells)
    return smoke_verdict(plan_of(*tasks), scores, PUBLISHED)


def edited(folder: Path, file: str, **changes: Any) -> Path:
    path = copy_of(minilm_folder(), folder) / file
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")
    return folder


def cls(folder: Path) -> Path:
    return edited(folder, "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True)


def cut_at(folder: Path, length: int) -> Path:
    return edited(folder, "sentence_bert_config.json", max_seq_length=length)


def last_layer_missing(folder: Path) -> Path:
    """Its tensors are not in the file: the loader draws them, and says so in a log line."""
    from safetensors.torch import load_file, save_file

    copy_of(minilm_folder(), folder)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_file({name: t for name, t in tensors.items() if ".layer.5." not in name}, folder / "model.safetensors")
    return folder


@pytest.mark.slow
def test_a_pooling_of_another_kind_is_called_broken(tmp_path: Path) -> None:
    broken = ran(cls(tmp_path / "cls"), "PoemSentimentClassification")
    assert broken.code is Smoke.BROKEN and "pooling-cls" in {fault.code for fault in broken.plan.shown}


@pytest.mark.soak
def test_what_the_plan_shows_is_shown_and_what_it_misses_is_not(tmp_path: Path) -> None:
    tasks = ("PoemSentimentClassification", "STSBenchmark", "STS13")
    folders = {
        "pooling-cls": cls(tmp_path / "cls"),
        "max-length-16": cut_at(tmp_path / "16", 16),
        "max-length-64": cut_at(tmp_path / "64", 64),
        "weights-random-last": last_layer_missing(tmp_path / "last"),
    }
    verdicts = {code: ran(folder, *tasks) for code, folder in folders.items()}
    verdicts["dropout-on"] = ran(minilm_folder(), *tasks, change=_in_training)
    verdicts["prompt-instruct"] = ran(minilm_folder(), *tasks, change=_instructed)
    for code, verdict in verdicts.items():
        shown = code in {fault.code for fault in verdict.plan.shown}
        assert (verdict.code is Smoke.BROKEN) == shown, (code, verdict.sentence)
    assert verdicts["max-length-64"].code is Smoke.NOTHING_SEEN
    assert ran(minilm_folder(), *tasks).code is Smoke.NOTHING_SEEN


def _in_training(model: Any) -> None:
    encode = model.encode

    def noisy(*arguments: Any, **options: Any) -> Any:
        model.eval = lambda: model.train()
        return encode(*arguments, **options)

    model.encode = noisy


def _instructed(model: Any) -> None:
    model.prompts = {
        "all": "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    }
    model.default_prompt_name = "all"

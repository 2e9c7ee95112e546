"""What the store says of models, tasks and benchmarks is what the installed mteb's registry says."""

from __future__ import annotations

import math
from pathlib import Path

import pyarrow as pa
import pytest

from evaluators.official import registry
from tests.official.conftest import ask


@pytest.mark.slow
def test_the_bundle_has_todays_registry(read_registry: dict[str, pa.Table], record_store: Path) -> None:
    ((written_with,),) = ask(record_store, "SELECT value FROM meta WHERE key = 'mteb_version'")
    if written_with != registry.installed_version():
        pytest.skip(f"another mteb is installed than the bundle was written with, {written_with}")
    for table in registry.REGISTRY_TABLES:
        of_registry = "WHERE registered" if table in ("models", "tasks") else ""
        known = [row for row in read_registry[table].to_pylist() if row.get("registered", True)]
        assert ask(record_store, f"SELECT count(*) FROM {table} {of_registry}") == [(len(known),)], table


@pytest.mark.slow
def test_cells_of_benchmarks_are_their_instances_splits_and_subsets(record_store: Path) -> None:
    import mteb

    stored: dict[str, set[tuple[str, str, str]]] = {}
    for benchmark, *cell in ask(record_store, "SELECT benchmark, task, split, subset FROM benchmark_cells"):
        stored.setdefault(benchmark, set()).add(tuple(cell))
    for benchmark in mteb.get_benchmarks():
        by_name = {task.metadata.name: task for task in benchmark.tasks}
        expected = {
            (name, split, subset)
            for name, task in by_name.items()
            for split in task.eval_splits
            for subset in (["default"] if task.is_aggregate else task.hf_subsets)
        }
        assert stored[benchmark.name] == expected, benchmark.name


def test_facts_of_a_model_and_a_task(record_store: Path) -> None:
    import mteb

    model = mteb.get_model_meta("sentence-transformers/all-MiniLM-L6-v2")
    facts = "n_parameters, dimensions, max_tokens, licence, open_weights, release_date::VARCHAR, training_known"
    assert ask(record_store, f"SELECT {facts} FROM models WHERE model = ?", model.name) == [
        (model.n_parameters, 384, 256, model.license, True, str(model.release_date), True)
    ]
    trained_on = ask(record_store, "SELECT task FROM model_training WHERE model = ?", model.name)
    assert {task for (task,) in trained_on} == model.get_training_datasets()
    task = mteb.get_task("STS12")
    facts = "type, metric, dataset_revision, n_samples"
    assert ask(record_store, f"SELECT {facts} FROM tasks WHERE task = 'STS12'") == [
        ("STS", task.metadata.main_score, task.metadata.revision, task.metadata.n_samples["test"])
    ]


def test_unlimited_tokens_are_unknown() -> None:
    assert registry._finite(math.inf) is None
    assert registry._finite(512.0) == 512

"""mteb's own summary tables, computed by mteb from the scores that are in a store."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

import duckdb

# Under the name the results were published with: mteb does not bring old names up to date.
RESULTS = """
    SELECT coalesce(r.filed_as, r.model) AS model,
        coalesce(r.revision, 'no_revision_available') AS revision, r.result_id, r.task, r.mteb_version,
        r.dataset_revision
    FROM current_results r
    WHERE r.experiment = '' AND NOT r.withdrawn AND r.origin <> 'reproduced' AND list_contains(?, r.task)
    ORDER BY 1, revision, r.date DESC NULLS LAST, r.result_id DESC
"""
SCORES = """
    SELECT s.result_id, s.split, s.subset, s.languages, s.main_score
    FROM scores s JOIN current_results r USING (result_id) WHERE list_contains(?, r.task) ORDER BY s.result_id, s.rowid
"""


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing here is garbage, and looking for it among millions of scores takes most of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def results_in(cursor: duckdb.DuckDBPyConnection, benchmarks: Sequence[Any]) -> Any:
    """All published results of the store on tasks of these benchmarks as mteb's own ``BenchmarkResults``.

    Within a model, later evaluations come first: mteb takes the first of results that its rule ranks alike.
    """
    from mteb.results import BenchmarkResults, ModelResult, TaskResult

    class Result(TaskResult):
        """One that mteb copies for each benchmark without the scores, which it replaces right after."""

        def model_dump(self, **_: Any) -> dict[str, Any]:
            return dict(self.__dict__)

    asked = sorted({task.metadata.name for benchmark in benchmarks for task in benchmark.tasks})
    cells = {result: rows for result, rows in groupby_list(cursor.execute(SCORES, [asked]).fetchall())}
    models = []
    for (model, revision), rows in groupby(cursor.execute(RESULTS, [asked]).fetchall(), key=itemgetter(0, 1)):
        tasks = []
        for _, _, result_id, task, version, dataset_revision in rows:
            scores: dict[str, list[dict[str, Any]]] = {}
            for _, split, subset, languages, main_score in cells.get(result_id, ()):
                entry = {"hf_subset": subset, "languages": (languages or "").split(","), "main_score": main_score}
                scores.setdefault(split, []).append(entry)
            tasks.append(
                Result.model_construct(
                    task_name=task, mteb_version=version, dataset_revision=dataset_revision, scores=scores
                )
            )
        models.append(
            ModelResult.model_construct(
                model_name=model, model_revision=revision, task_results=tasks, experiment_name=None, model_meta=None
            )
        )
    return BenchmarkResults.model_construct(model_results=models, benchmark=None)


def groupby_list(rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, list[tuple[Any, ...]]]]:
    """Rows in lists by their first column, which they are sorted by."""
    for key, group in groupby(rows, key=itemgetter(0)):
        yield key, list(group)


def tables(results: Any, benchmarks: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Name and summary table of each of the benchmarks that mteb can tabulate from ``results``."""
    for benchmark in benchmarks:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = results._to_results_df(benchmark.tasks)
            if frame.is_empty():
                continue
            table = benchmark._create_summary_table(frame)
        if not table.is_empty:
            yield benchmark.name, table

"""What mteb's registry says of models, tasks and benchmarks, as tables of the store.

Loading it takes seconds, so it happens when a record is bundled, and at an import only if another mteb is installed
than the one the bundled record was written with.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from data.store.errors import MissingDependencyError
from data.store.rows import append, set_fact

__all__ = ["REGISTRY_TABLES", "installed_version", "read_registry", "replace_facts"]

REGISTRY_TABLES = (
    "models", "model_training", "tasks", "task_cells", "benchmarks", "benchmark_tasks", "benchmark_cells",
    "benchmark_groups", "renames",
)  # fmt: skip

Rows = list[dict[str, Any]]


def installed_version() -> str | None:
    """Version of the installed mteb, without importing it; None when it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("mteb")
    except PackageNotFoundError:
        return None


def read_registry() -> dict[str, pa.Table]:
    """Read the registry of the installed mteb: the rows of each of :data:`REGISTRY_TABLES`.

    Raises:
        MissingDependencyError: mteb is not installed.
    """
    try:
        import mteb
    except ImportError as error:
        raise MissingDependencyError(
            "Reading the registry needs mteb", remedy="Install it with `pip install -r requirements.txt`."
        ) from error
    with _quiet():
        from mteb.get_tasks import TASK_LIST
        from mteb.models.model_implementations import MODEL_REGISTRY
        from mteb.results.task_result import outdated_tasks

        tasks = [task() for task in TASK_LIST]
        benchmarks = mteb.get_benchmarks()
        rows = _models(MODEL_REGISTRY) | _tasks(tasks) | _benchmarks(benchmarks)
        # tasks of old files that mteb no longer has, but still knows how to read
        former = _tasks([task() for task in outdated_tasks.values()])
    rows["tasks"] += [row | {"registered": False} for row in former["tasks"]]
    rows["task_cells"] += former["task_cells"]
    rows["renames"] = _renames()
    return {table: pa.Table.from_pylist(rows[table]) for table in REGISTRY_TABLES}


# Which rows of a table those of the view `incoming` stand for; all of them where nothing is said.
_REPLACED = {
    "models": "registered OR model IN (SELECT model FROM incoming)",
    "tasks": "registered OR task IN (SELECT task FROM incoming)",
    "model_training": "model NOT IN (SELECT model FROM models WHERE NOT registered)",
    "task_cells": "task NOT IN (SELECT task FROM tasks WHERE private)",
}


def replace_facts(
    connection: duckdb.DuckDBPyConnection, rows: Mapping[str, pa.Table | duckdb.DuckDBPyRelation], version: str | None
) -> None:
    """Put ``rows`` in the place of what the store held of the registry; what only the record names stays.

    Args:
        connection: inside :func:`data.store.database.writing`.
        rows: of each of :data:`REGISTRY_TABLES`.
        version: of the mteb whose registry it is.
    """
    for table in REGISTRY_TABLES:
        connection.register("incoming", rows[table])
        connection.execute(f"DELETE FROM {table} WHERE {_REPLACED.get(table, 'true')}")
        append(connection, table, rows[table])
    set_fact(connection, "mteb_version", version)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back mteb's 115 remarks that a task is in beta: the store has a column for that."""
    logger = logging.getLogger("mteb")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _models(registry: dict[str, Any]) -> dict[str, Rows]:
    models, training = [], []
    for name, meta in sorted(registry.items()):
        trained_on = meta.get_training_datasets()
        models.append(_model(name, meta) | {"training_known": trained_on is not None})
        training += [{"model": name, "task": task} for task in sorted(trained_on or ())]
    return {"models": models, "model_training": training}


# What the store calls as mteb does.
_OF_MODEL = (
    "revision", "n_parameters", "n_active_parameters", "n_embedding_parameters", "open_weights", "use_instructions",
    "reference", "adapted_from", "superseded_by", "public_training_code",
)  # fmt: skip
_LISTS_OF_MODEL = ("languages", "framework", "modalities", "model_type")
_OF_TASK = ("type", "description", "category", "is_public", "is_beta", "reference", "sample_creation", "superseded_by")
_OF_BENCHMARK = ("display_name", "description", "reference", "show_zero_shot")
_SHOWN = ("mean_task", "mean_task_type", "task_types", "public_private", "mean_subset")


def _same(meta: Any, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(meta, name) for name in names}


def _model(name: str, meta: Any) -> dict[str, Any]:
    dimensions = _dimensions(meta.embed_dim)
    return {
        "model": name,
        "registered": True,
        "private": False,
        **_same(meta, _OF_MODEL),
        **{column: _strings(values) for column, values in _same(meta, _LISTS_OF_MODEL).items()},
        "release_date": str(meta.release_date) if meta.release_date else None,
        "memory_mb": meta.memory_usage_mb,
        "max_tokens": _finite(meta.max_tokens),
        "dimensions": max(dimensions) if dimensions else None,
        "dimension_options": dimensions,
        "licence": meta.license,
        "similarity": _text(meta.similarity_fn_name),
        # a link, or only yes or no
        "public_training_data": {True: "yes", False: "no"}.get(meta.public_training_data, meta.public_training_data),
    }


def _dimensions(embed_dim: int | Sequence[int] | None) -> list[int] | None:
    if embed_dim is None:
        return None
    return [embed_dim] if isinstance(embed_dim, int) else sorted(embed_dim)


def _finite(value: float | None) -> int | None:
    return None if value is None or not math.isfinite(value) else int(value)


def _text(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "value", value))


def _strings(values: Iterable[Any] | None) -> list[str] | None:
    return None if values is None else [str(getattr(value, "value", value)) for value in values]


def _tasks(tasks: Sequence[Any]) -> dict[str, Rows]:
    rows = sorted((_task(task) for task in tasks), key=lambda row: str(row["task"]))
    cells = [cell for task in sorted(tasks, key=lambda task: str(task.metadata.name)) for cell in _cells(task)]
    return {"tasks": rows, "task_cells": cells}


def _task(task: Any) -> dict[str, Any]:
    meta = task.metadata
    prompt = meta.prompt if isinstance(meta.prompt, dict) else {"query": meta.prompt}
    date_from, date_to = meta.date or (None, None)
    n_samples, statistics = _statistics(meta.descriptive_stats)
    return {
        "task": meta.name,
        "registered": True,
        "private": False,
        **_same(meta, _OF_TASK),
        "metric": meta.main_score,
        "modalities": _strings(meta.modalities),
        "domains": _strings(meta.domains),
        "subtypes": _strings(meta.task_subtypes),
        "languages": sorted(meta.languages),
        "splits": list(meta.eval_splits),
        "is_aggregate": bool(task.is_aggregate),
        "dataset": meta.dataset.get("path"),
        "dataset_revision": meta.dataset.get("revision"),
        "licence": meta.license,
        "date_from": date_from,
        "date_to": date_to,
        "prompt_query": prompt.get("query"),
        "prompt_document": prompt.get("document"),
        "annotations": meta.annotations_creators,
        "adapted_from": _strings(meta.adapted_from),
        "n_samples": n_samples,
        "statistics": statistics,
    }


def _statistics(described: dict[str, Any] | None) -> tuple[int | None, str | None]:
    """Samples over all splits, and the counts and lengths by split; those by subset would fill half the bundle."""
    if not described:
        return None, None
    by_split = {
        split: {name: value for name, value in figures.items() if name != "hf_subset_descriptive_stats" and value}
        for split, figures in described.items()
    }
    counts = [count for figures in by_split.values() if isinstance(count := figures.get("num_samples"), int)]
    total = sum(counts) if len(counts) == len(by_split) else None
    return total, json.dumps(_lengths(by_split), separators=(",", ":"))


def _lengths(figures: Any) -> Any:
    """Without label tables (a row a class), which say nothing about length."""
    if isinstance(figures, dict):
        return {
            name: _lengths(value) for name, value in figures.items() if value is not None and name not in _LABEL_TABLES
        }
    return round(figures, 2) if isinstance(figures, float) else figures


_LABEL_TABLES = {"labels", "label_distribution"}


def _cells(task: Any) -> Rows:
    meta = task.metadata
    by_subset = meta.hf_subsets_to_langscripts
    if task.is_aggregate:
        # in the order of the registry, as mteb lists them
        by_subset = {"default": list(dict.fromkeys(spoken for languages in by_subset.values() for spoken in languages))}
    return [
        {"task": meta.name, "split": split, "subset": subset, "languages": ",".join(languages)}
        for split in meta.eval_splits
        for subset, languages in by_subset.items()
    ]


def _benchmarks(benchmarks: Sequence[Any]) -> dict[str, Rows]:
    menu = _menu()
    order = {name: position for position, name in enumerate(menu)}
    ordered = sorted(benchmarks, key=lambda benchmark: (order.get(benchmark.name, len(order)), benchmark.name))
    rows: dict[str, Rows] = {"benchmarks": [], "benchmark_tasks": [], "benchmark_cells": [], "benchmark_groups": []}
    for position, benchmark in enumerate(ordered):
        rows["benchmarks"].append(_benchmark(benchmark) | {"position": position, "menu": menu.get(benchmark.name)})
        # A task named twice counts once, as its last instance: that is what mteb's select_tasks makes of it.
        by_name = {task.metadata.name: task for task in benchmark.tasks}
        for place, (name, task) in enumerate(by_name.items()):
            rows["benchmark_tasks"].append({"benchmark": benchmark.name, "task": name, "position": place})
            rows["benchmark_cells"] += [
                {"benchmark": benchmark.name, "task": name, "split": split, "subset": subset}
                for split in task.eval_splits
                for subset in (["default"] if task.is_aggregate else task.hf_subsets)
            ]
        rows["benchmark_groups"] += _groups(benchmark)
    return rows


def _benchmark(benchmark: Any) -> dict[str, Any]:
    from mteb.benchmarks.benchmark import BenchmarkAggregation as Shown
    from mteb.benchmarks.benchmark import RtebBenchmark

    shown = set(map(_text, (a for a in benchmark.aggregations if isinstance(a, Shown))))
    first_sort = _first(benchmark.summary_sort_column)
    ranked_by = {None: "borda", "Mean (Task)": "mean_task", "Mean (TaskType)": "mean_task_type"}[first_sort]
    return {
        "benchmark": benchmark.name,
        **_same(benchmark, _OF_BENCHMARK),
        "aliases": list(benchmark.aliases or ()),
        "ranked_by": ranked_by,
        # Without a column of its own, a table with a subset mean is sorted by that, any other by its rank.
        "sorted_by": "mean_subset" if first_sort is None and "mean_subset" in shown else "rank",
        **{f"show_{aggregation}": aggregation in shown for aggregation in _SHOWN},
        "public_only": isinstance(benchmark, RtebBenchmark),
        "superseded_by": list(benchmark.superseded_by or ()),
    }


def _first(columns: str | Sequence[str] | None) -> str | None:
    return columns if columns is None or isinstance(columns, str) else columns[0]


def _menu() -> dict[str, str]:
    """Heading of every benchmark on mteb's board, in the board's order."""
    from mteb.benchmarks import _leaderboard_menu as board

    headings: dict[str, str] = {}

    def walk(entries: Iterable[Any], heading: str) -> None:
        for entry in entries:
            if hasattr(entry, "tasks"):
                headings.setdefault(entry.name, heading)
            else:
                inner = (entry.name or "").strip()
                walk(entry.benchmarks, f"{heading} / {inner}" if heading and inner else heading or inner)

    for entries in (board.GP_BENCHMARK_ENTRIES, board.R_BENCHMARK_ENTRIES, board.HOME_BENCHMARK_ENTRIES):
        walk(entries, "")
    return headings


def _groups(benchmark: Any) -> Rows:
    """Each entry of a custom group: a whole task, or the cells whose mean is one data point."""
    from mteb.benchmarks._benchmark_metrics import _is_whole_task_ref
    from mteb.benchmarks.benchmark import CustomGrouping

    rows: Rows = []
    for grouping in (a for a in benchmark.aggregations if isinstance(a, CustomGrouping)):
        for position, group in enumerate(grouping.groups):
            for entry, task in enumerate(group.tasks):
                cells: list[tuple[str | None, str | None]] = [(None, None)]
                if not _is_whole_task_ref(task):
                    cells = [(split, subset) for split in task.eval_splits for subset in task.hf_subsets]
                rows += [
                    {
                        "benchmark": benchmark.name,
                        "dimension": grouping.name,
                        "label": group.label,
                        "position": position,
                        "entry": entry,
                        "task": task.metadata.name,
                        "split": split,
                        "subset": subset,
                    }
                    for split, subset in cells
                ]
    return rows


def _renames() -> Rows:
    from mteb.get_tasks import _TASK_RENAMES
    from mteb.models.get_model_meta import _MODEL_RENAMES
    from mteb.results.task_result import renamed_tasks

    tasks = {**renamed_tasks, **_TASK_RENAMES}
    return [{"kind": "task", "old": old, "new": new} for old, new in sorted(tasks.items())] + [
        {"kind": "model", "old": old, "new": new} for old, new in sorted(_MODEL_RENAMES.items())
    ]

"""Questions of the leaderboard page. Ranks and means are the store's own macros; nothing is computed twice."""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import pandas as pd

__all__ = [
    "Among",
    "Pool",
    "benchmarks",
    "choices",
    "group_means",
    "model_facts",
    "pool",
    "sources",
    "table",
    "type_means",
    "unfinished",
    "zero_shot",
]


@dataclass(frozen=True)
class Among:
    """Which models and tasks take part. None and empty mean no limit; a model that does not say is not within one.

    Sizes are in parameters, ``zero_shot`` in percent; ``languages``, ``types`` and ``domains`` choose tasks that have
    any of them, ``without`` takes tasks away. ``trusted`` leaves out model cards' own figures, other dataset revisions
    and other model revisions.
    """

    size_from: float | None = None
    size_to: float | None = None
    dimensions_to: int | None = None
    tokens_from: int | None = None
    licences: tuple[str, ...] = ()
    open_weights: bool | None = None
    instructions: bool | None = None
    zero_shot: int | None = None
    languages: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    complete: bool = False
    trusted: bool = False

    def narrows_tasks(self) -> bool:
        """Whether fewer tasks than the benchmark's own take part."""
        return bool(self.languages or self.types or self.domains or self.without)

    def limits_models(self) -> bool:
        """Whether a model's own facts decide if it takes part."""
        limits = (self.size_from, self.size_to, self.dimensions_to, self.tokens_from)
        return any(v is not None for v in (*limits, self.open_weights, self.instructions, self.zero_shot)) or bool(
            self.licences
        )


@dataclass(frozen=True)
class Pool:
    """The models and tasks that take part, by name; None for all. What the store's macros are asked with."""

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    trusted: bool = False

    def parameters(self, benchmark: str) -> dict[str, object]:
        """As the parameters $benchmark, $models, $tasks and $trusted."""
        return {
            "benchmark": benchmark,
            "models": None if self.models is None else list(self.models),
            "tasks": None if self.tasks is None else list(self.tasks),
            "trusted": self.trusted,
        }


def benchmarks(cursor: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Every benchmark with a ranked model, in the order of mteb's menu, then those it does not show."""
    return cursor.execute(
        "SELECT * FROM benchmarks k WHERE EXISTS (FROM board b WHERE b.benchmark = k.benchmark)"
        " ORDER BY menu IS NULL, position, benchmark"
    ).df()


def choices(cursor: duckdb.DuckDBPyConnection, benchmark: str) -> dict[str, list[str]]:
    """What the filters can be set to on a benchmark, by filter, most frequent first."""
    tasks = "SELECT t.* FROM tasks t SEMI JOIN board b ON b.task = t.task AND b.benchmark = $benchmark"
    models = "SELECT m.* FROM models m SEMI JOIN board b ON b.model = m.model AND b.benchmark = $benchmark"
    asked = {
        "languages": f"SELECT unnest(languages) AS name FROM ({tasks})",
        "types": f"SELECT type AS name FROM ({tasks})",
        "tasks": f"SELECT task AS name FROM ({tasks})",
        "domains": f"SELECT unnest(domains) AS name FROM ({tasks})",
        "licences": f"SELECT licence AS name FROM ({models})",
    }
    return {key: _frequent(cursor, inner, benchmark) for key, inner in asked.items()}


def pool(cursor: duckdb.DuckDBPyConnection, benchmark: str, among: Among) -> Pool:
    """Who takes part on a benchmark under these limits."""
    tasks = tuple(_tasks(cursor, benchmark, among)) if among.narrows_tasks() else None
    taking = Pool(None, tasks, among.trusted)
    if among.limits_models():
        taking = replace(taking, models=tuple(_models(cursor, taking.parameters(benchmark), among)))
    if among.complete:
        rows = cursor.execute(
            "SELECT model FROM ranking($benchmark, $models, $tasks, $trusted) WHERE tasks_present = tasks_scored",
            taking.parameters(benchmark),
        ).fetchall()
        taking = replace(taking, models=tuple(model for (model,) in rows))
    return taking


def table(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool) -> pd.DataFrame:
    """One row a model that takes part: rank, means (0-1), what its figures rest on, and its facts; by rank.

    ``tasks_missing`` counts the tasks anybody has a score for and this model has not, or not in full. ``reported``,
    ``other_dataset`` and ``other_revision`` count scores that rest on a model card, on other data, on another revision.
    """
    return _run(cursor, _TABLE, taking.parameters(benchmark))


def zero_shot(cursor: duckdb.DuckDBPyConnection, benchmark: str, tasks: tuple[str, ...] | None) -> dict[str, float]:
    """By model, the percentage of the tasks (whole numbers, cut as mteb does) that it was not trained on.

    Models whose training data nobody stated are not in it. ``tasks`` None is all of the benchmark's.
    """
    query = f"WITH {_ZERO_SHOT} SELECT model, floor(percent) FROM zero_shot WHERE percent IS NOT NULL"
    asked = {"benchmark": benchmark, "tasks": None if tasks is None else list(tasks)}
    return dict(cursor.execute(query, asked).fetchall())


def type_means(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool) -> pd.DataFrame:
    """Mean of each task type (0-1): models down, types across, blank unless all its tasks are there."""
    long = _run(
        cursor,
        "SELECT model, type, mean FROM type_means($benchmark, $models, $tasks, $trusted) ORDER BY type",
        taking.parameters(benchmark),
    )
    return long.pivot(index="model", columns="type", values="mean")


def group_means(cursor: duckdb.DuckDBPyConnection, benchmark: str) -> pd.DataFrame:
    """The benchmark's own further means (0-1) over all its tasks: models down, groups across in its own order."""
    long = cursor.execute(
        "SELECT model, mean,"
        " CASE WHEN contains(dimension, label) THEN dimension ELSE label || ' (' || dimension || ')' END AS name"
        " FROM group_means WHERE benchmark = ? ORDER BY position",
        [benchmark],
    ).df()
    names = list(dict.fromkeys(long["name"]))
    return long.pivot(index="model", columns="name", values="mean")[names]


def unfinished(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool) -> list[str]:
    """Tasks that some models have scores on and none has whole, so that nobody has a mean."""
    rows = cursor.execute(
        "SELECT task FROM board_cells($benchmark, $models, $tasks, $trusted)"
        " GROUP BY task HAVING count(score) = 0 ORDER BY task",
        taking.parameters(benchmark),
    ).fetchall()
    return [task for (task,) in rows]


def sources(cursor: duckdb.DuckDBPyConnection, benchmark: str, model: str) -> pd.DataFrame:
    """Where a model's numbers on a benchmark come from: one row a task, those without a score too."""
    return _run(cursor, _SOURCES, {"benchmark": benchmark, "model": model})


def model_facts(cursor: duckdb.DuckDBPyConnection, model: str) -> pd.DataFrame:
    """What the registry says of one model, in one row; empty when it is unknown."""
    return cursor.execute("SELECT * FROM models WHERE model = ?", [model]).df()


def _tasks(cursor: duckdb.DuckDBPyConnection, benchmark: str, among: Among) -> list[str]:
    rows = cursor.execute(
        "SELECT task FROM benchmark_tasks JOIN tasks USING (task) WHERE benchmark = $benchmark"
        " AND (len($languages) = 0 OR list_has_any(coalesce(languages, []), $languages))"
        " AND (len($types) = 0 OR list_contains($types, type))"
        " AND NOT list_contains($without, task)"
        " AND (len($domains) = 0 OR list_has_any(coalesce(domains, []), $domains))",
        {
            "benchmark": benchmark,
            "languages": list(among.languages),
            "types": list(among.types),
            "domains": list(among.domains),
            "without": list(among.without),
        },
    ).fetchall()
    return [task for (task,) in rows]


def _models(cursor: duckdb.DuckDBPyConnection, asked: dict[str, object], among: Among) -> list[str]:
    rows = cursor.execute(
        _MODELS,
        {
            **{key: asked[key] for key in ("benchmark", "tasks")},
            "size_from": among.size_from,
            "size_to": among.size_to,
            "dimensions_to": among.dimensions_to,
            "tokens_from": among.tokens_from,
            "licences": list(among.licences),
            "open_weights": among.open_weights,
            "instructions": among.instructions,
            "zero_shot": among.zero_shot,
        },
    ).fetchall()
    return [model for (model,) in rows]


def _frequent(cursor: duckdb.DuckDBPyConnection, inner: str, benchmark: str) -> list[str]:
    rows = cursor.execute(
        f"SELECT name FROM ({inner}) WHERE name IS NOT NULL GROUP BY name ORDER BY count(*) DESC, name",
        {"benchmark": benchmark},
    ).fetchall()
    return [name for (name,) in rows]


def _run(cursor: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object]) -> pd.DataFrame:
    return cursor.execute(query, parameters).df()


# mteb counts a task as seen when it, or one it holds to be similar, is among the model's training sets.
_ZERO_SHOT = """
scored AS (SELECT DISTINCT task FROM board_cells($benchmark, NULL, $tasks, false)),
zero_shot AS (
    SELECT m.model, CASE WHEN m.training_known
        THEN (100 - 100.0 * count(s.task) / (SELECT count(*) FROM scored))::DECIMAL(9, 6)::DOUBLE END AS percent
    FROM models m
    LEFT JOIN model_training t ON t.model = m.model
    LEFT JOIN scored s ON s.task = t.task
    GROUP BY m.model, m.training_known
)
"""

_MODELS = f"""
WITH {_ZERO_SHOT}
SELECT m.model FROM models m JOIN zero_shot z USING (model)
WHERE ($size_from IS NULL OR n_parameters >= $size_from)
    AND ($size_to IS NULL OR n_parameters <= $size_to)
    AND ($dimensions_to IS NULL OR dimensions <= $dimensions_to)
    AND ($tokens_from IS NULL OR max_tokens >= $tokens_from)
    AND (len($licences) = 0 OR list_contains($licences, licence))
    AND ($open_weights IS NULL OR open_weights = $open_weights)
    AND ($instructions IS NULL OR use_instructions = $instructions)
    AND ($zero_shot IS NULL OR z.percent >= $zero_shot)
"""

_TABLE = """
WITH evidence AS (
    SELECT model, count(*) FILTER (reported) AS reported, count(*) FILTER (other_dataset) AS other_dataset,
        count(*) FILTER (other_revision AND NOT reported) AS other_revision
    FROM board_cells($benchmark, $models, $tasks, $trusted) GROUP BY model
)
SELECT r.rank, r.model, r.ranked, r.mean_task, r.mean_task_type, r.mean_public, r.mean_private, r.mean_subset,
    r.tasks_present, r.tasks_scored, r.tasks_total, r.tasks_scored - r.tasks_present AS tasks_missing,
    e.reported, e.other_dataset, e.other_revision,
    m.n_parameters, m.dimensions, m.max_tokens, m.memory_mb, m.licence, m.open_weights, m.use_instructions,
    m.release_date, m.registered
FROM ranking($benchmark, $models, $tasks, $trusted) r
JOIN evidence e USING (model)
LEFT JOIN models m USING (model)
ORDER BY r.rank NULLS LAST, r.mean_task DESC NULLS LAST, r.model
"""

_SOURCES = """
SELECT t.task, t.type, b.score, b.any_score, b.cells_present, b.cells_total, b.reported, b.other_dataset,
    b.other_revision, r.origin, r.revision, r.dataset_revision, t.dataset, t.dataset_revision AS dataset_revision_today,
    r.mteb_version, r.date, r.file, r.notes, coalesce(r.metric, t.metric) AS metric,
    i.kind AS import_kind, i.source, i.source_commit
FROM benchmark_tasks k
JOIN tasks t USING (task)
LEFT JOIN board b ON b.benchmark = k.benchmark AND b.task = k.task AND b.model = $model
LEFT JOIN results r ON r.result_id = b.result_id
LEFT JOIN imports i ON i.import_id = r.added_in
WHERE k.benchmark = $benchmark
ORDER BY t.type, t.task
"""

"""Questions of the leaderboard page. Ranks and means are the store's own macros; nothing is computed twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import pandas as pd

from dashboard.queries.training import scored_tasks
from data.rules.licences import of_class
from data.rules.overlap import most_shared

__all__ = [
    "Among",
    "Pool",
    "benchmarks",
    "choices",
    "first_shown",
    "group_means",
    "model_facts",
    "pool",
    "sources",
    "table",
    "type_means",
    "unfinished",
]


@dataclass(frozen=True)
class Among:
    """Which models and tasks take part. None and empty mean no limit; a model that does not say is not within one.

    Sizes are in parameters, ``zero_shot`` in percent; ``languages``, ``types`` and ``domains`` choose tasks that have
    any of them, ``without`` takes tasks away; ``licences`` are of ``data.rules.licences.CLASSES``. ``trusted`` leaves
    out model cards' own figures, other dataset revisions and other model revisions, and then the tasks that too few
    models share. ``whole`` keeps the tasks nobody has finished, as mteb's own board does.
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
    whole: bool = False

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
    """The models and tasks that take part, by name; None for all. What the store's macros are asked with.

    ``asked`` are the tasks the viewer's filters leave (None: all), of which ``unfinished`` were left out because no
    model has every cell of them, and ``unshared`` because the models that are compared do not all have them.
    """

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    trusted: bool = False
    asked: tuple[str, ...] | None = None
    unfinished: tuple[str, ...] = ()
    unshared: tuple[str, ...] = ()

    def chosen(self) -> bool:
        """Whether the viewer has narrowed the benchmark in any way."""
        return self.models is not None or self.asked is not None or self.trusted

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


def first_shown(names: Sequence[str]) -> int:
    """Position of the benchmark that pages open with."""
    return list(names).index(_FIRST_SHOWN) if _FIRST_SHOWN in names else 0


def choices(cursor: duckdb.DuckDBPyConnection, benchmark: str) -> dict[str, list[str]]:
    """What the filters can be set to on a benchmark, by filter, most frequent first."""
    tasks = "SELECT t.* FROM tasks t SEMI JOIN board b ON b.task = t.task AND b.benchmark = $benchmark"
    asked = {
        "languages": f"SELECT unnest(languages) AS name FROM ({tasks})",
        "types": f"SELECT type AS name FROM ({tasks})",
        "tasks": f"SELECT task AS name FROM ({tasks})",
        "domains": f"SELECT unnest(domains) AS name FROM ({tasks})",
    }
    return {key: _frequent(cursor, inner, benchmark) for key, inner in asked.items()}


def pool(cursor: duckdb.DuckDBPyConnection, benchmark: str, among: Among) -> Pool:
    """Who takes part on a benchmark under these limits."""
    tasks = tuple(_tasks(cursor, benchmark, among)) if among.narrows_tasks() else None
    taking = Pool(None, tasks, among.trusted, asked=tasks)
    if among.limits_models():
        taking = replace(taking, models=tuple(_models(cursor, benchmark, tasks, among)))
    if among.trusted:
        taking = _on_shared_tasks(cursor, benchmark, taking)
    elif not among.whole:
        taking = _without_unfinished(cursor, benchmark, taking)
    if among.complete:
        rows = cursor.execute(
            "SELECT model FROM ranking($benchmark, $models, $tasks, $trusted) WHERE tasks_present = tasks_scored",
            taking.parameters(benchmark),
        ).fetchall()
        taking = replace(taking, models=tuple(model for (model,) in rows))
    return taking


def _without_unfinished(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool) -> Pool:
    """The same without the tasks that no model of the record has finished: with them nobody has a mean."""
    left_out = [task for task in unfinished(cursor, benchmark) if taking.tasks is None or task in taking.tasks]
    if not left_out:
        return taking
    return replace(taking, tasks=tuple(_other_tasks(cursor, benchmark, taking, left_out)), unfinished=tuple(left_out))


def _on_shared_tasks(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool) -> Pool:
    """The same on the tasks that the most figures can be compared on, now that some of them are left out."""
    found = cursor.execute(
        "SELECT model, task FROM board_cells($benchmark, $models, $tasks, $trusted) WHERE score IS NOT NULL"
        " QUALIFY ranked OR NOT bool_or(ranked) OVER ()",
        taking.parameters(benchmark),
    ).df()
    if found.empty:
        return taking
    there = pd.crosstab(found["model"], found["task"]).astype(bool)
    _, shared = most_shared(there.to_numpy())
    kept = [str(task) for task in there.columns[shared]]
    return replace(taking, tasks=tuple(kept), unshared=tuple(_other_tasks(cursor, benchmark, taking, kept)))


def _other_tasks(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool, tasks: list[str]) -> list[str]:
    """The tasks that take part, without these."""
    rows = cursor.execute(
        "SELECT DISTINCT task FROM board_cells($benchmark, NULL, $tasks, false) WHERE NOT list_contains($without, task)"
        " ORDER BY task",
        {"benchmark": benchmark, "tasks": taking.parameters(benchmark)["tasks"], "without": tasks},
    ).fetchall()
    return [task for (task,) in rows]


def table(cursor: duckdb.DuckDBPyConnection, benchmark: str, taking: Pool, facts: tuple[str, ...] = ()) -> pd.DataFrame:
    """One row a model that takes part: rank, means (0-1), what its figures rest on, and its facts; by rank.

    ``facts`` are the columns of `models` that are shown beside those every page of a benchmark asks about.

    ``tasks_missing`` counts the tasks anybody has a score for and this model has not, or not in full. ``reported``,
    ``other_dataset`` and ``other_revision`` count scores that rest on a model card, on other data, on another revision.
    """
    known = ", ".join(f'm."{name}"' for name in dict.fromkeys((*_FACTS, *facts)))
    return _run(cursor, _TABLE.format(facts=known), taking.parameters(benchmark))


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


def unfinished(cursor: duckdb.DuckDBPyConnection, benchmark: str) -> list[str]:
    """Tasks that some models have scores on and none of the record has whole, so that nobody has a mean over all."""
    rows = cursor.execute(
        "SELECT task FROM board_cells(?, NULL, NULL, false) GROUP BY task HAVING count(score) = 0 ORDER BY task",
        [benchmark],
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


def _models(
    cursor: duckdb.DuckDBPyConnection, benchmark: str, tasks: tuple[str, ...] | None, among: Among
) -> list[str]:
    stated = [licence for (licence,) in cursor.execute("SELECT DISTINCT licence FROM models").fetchall()]
    wanted = of_class(stated, among.licences)
    rows = cursor.execute(
        _MODELS,
        {
            "of_tasks": scored_tasks(cursor, benchmark, tasks),
            "size_from": among.size_from,
            "size_to": among.size_to,
            "dimensions_to": among.dimensions_to,
            "tokens_from": among.tokens_from,
            "any_licence": not among.licences,
            "licences": [licence for licence in wanted if licence is not None],
            "unstated": None in wanted,
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


_FIRST_SHOWN = "MTEB(eng, v2)"

_MODELS = """
SELECT m.model FROM models m JOIN trained_on($of_tasks) z USING (model)
WHERE ($size_from IS NULL OR n_parameters >= $size_from)
    AND ($size_to IS NULL OR n_parameters <= $size_to)
    AND ($dimensions_to IS NULL OR dimensions <= $dimensions_to)
    AND ($tokens_from IS NULL OR max_tokens >= $tokens_from)
    AND ($any_licence OR list_contains($licences, licence) OR ($unstated AND licence IS NULL))
    AND ($open_weights IS NULL OR open_weights = $open_weights)
    AND ($instructions IS NULL OR use_instructions = $instructions)
    AND ($zero_shot IS NULL OR z.zero_shot >= $zero_shot)
"""

_FACTS = ("n_parameters", "licence", "open_weights", "release_date")
_TABLE = """
WITH evidence AS (
    SELECT model, count(*) FILTER (reported) AS reported, count(*) FILTER (other_dataset) AS other_dataset,
        count(*) FILTER (other_revision AND NOT reported) AS other_revision
    FROM board_cells($benchmark, $models, $tasks, $trusted) GROUP BY model
)
SELECT r.rank, r.model, r.ranked, r.mean_task, r.mean_task_type, r.mean_public, r.mean_private, r.mean_subset,
    r.tasks_present, r.tasks_scored, r.tasks_total, r.tasks_scored - r.tasks_present AS tasks_missing,
    e.reported, e.other_dataset, e.other_revision,
    {facts}
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

"""Questions of the leaderboard page. Ranks and means are the store's own macros; nothing is computed twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from dashboard.queries.rows import Cursor, first_column, most_frequent
from dashboard.queries.training import scored_tasks
from data.rules.licences import of_class
from data.rules.overlap import most_shared

__all__ = [
    "Filter", "Selection", "benchmark_row", "benchmarks", "choices", "first_shown", "group_means", "lacking",
    "model_facts", "quality_of", "score_sources", "selected", "table", "type_means", "unfinished",
]  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """What a viewer asks of models and tasks. None and empty mean no limit, which a model that does not say exceeds.

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
        return bool(self.licences) or any(limit is not None for limit in self.limits().values())

    def limits(self) -> dict[str, float | bool | None]:
        """The limits on a model's facts but for its licence, as the parameters of the same names."""
        names = ("size_from", "size_to", "dimensions_to", "tokens_from", "open_weights", "instructions", "zero_shot")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Selection:
    """The models and tasks that take part, by name; None for all. What a filter comes to on one benchmark.

    ``filtered_tasks`` are the tasks the viewer's filters leave (None: all), of which ``unfinished`` were left out
    because no model has every cell of them, and ``unshared`` because the models that are compared do not all have them.
    """

    models: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None
    trusted: bool = False
    filtered_tasks: tuple[str, ...] | None = None
    unfinished: tuple[str, ...] = ()
    unshared: tuple[str, ...] = ()

    def chosen(self) -> bool:
        """Whether the viewer has narrowed the benchmark in any way."""
        return self.models is not None or self.filtered_tasks is not None or self.trusted

    def parameters(self, benchmark: str) -> dict[str, object]:
        """As the parameters $benchmark, $models, $tasks and $trusted."""
        return {
            "benchmark": benchmark,
            "models": None if self.models is None else list(self.models),
            "tasks": None if self.tasks is None else list(self.tasks),
            "trusted": self.trusted,
        }


def benchmarks(cursor: Cursor) -> pd.DataFrame:
    """Every benchmark with a ranked model, in the order of mteb's menu, then those it does not show."""
    return cursor.execute(
        "SELECT * FROM benchmarks k WHERE EXISTS (FROM board b WHERE b.benchmark = k.benchmark)"
        " ORDER BY menu IS NULL, position, benchmark"
    ).df()


def benchmark_row(benchmarks: pd.DataFrame, name: str) -> dict[str, Any]:
    """One of :func:`benchmarks` by name, as what asks how it ranks takes it."""
    return {str(key): value for key, value in benchmarks[benchmarks["benchmark"] == name].iloc[0].items()}


def first_shown(names: Sequence[str]) -> int:
    """Position of the benchmark that pages open with."""
    return list(names).index(_FIRST_SHOWN) if _FIRST_SHOWN in names else 0


def quality_of(benchmark: Mapping[str, Any]) -> str:
    """Column of the benchmark's headline mean: the one its rank is of, else the first it shows."""
    if benchmark["show_mean_subset"]:
        return "mean_subset"
    return "mean_task_type" if benchmark["ranked_by"] == "mean_task_type" else "mean_task"


def choices(cursor: Cursor, benchmark: str) -> dict[str, list[str]]:
    """What the filters can be set to on a benchmark, by filter, most frequent first."""
    tasks = "FROM tasks t SEMI JOIN board b ON b.task = t.task AND b.benchmark = $benchmark"
    columns = {"languages": "unnest(languages)", "types": "type", "tasks": "task", "domains": "unnest(domains)"}
    return {
        key: most_frequent(cursor, f"SELECT {column} AS name {tasks}", {"benchmark": benchmark})
        for key, column in columns.items()
    }


def selected(cursor: Cursor, benchmark: str, criteria: Filter) -> Selection:
    """Who takes part on a benchmark under these limits."""
    tasks = tuple(_tasks(cursor, benchmark, criteria)) if criteria.narrows_tasks() else None
    selection = Selection(None, tasks, criteria.trusted, filtered_tasks=tasks)
    if criteria.limits_models():
        selection = replace(selection, models=tuple(_models(cursor, benchmark, tasks, criteria)))
    if criteria.trusted:
        selection = _on_shared_tasks(cursor, benchmark, selection)
    elif not criteria.whole:
        selection = _without_unfinished(cursor, benchmark, selection)
    if criteria.complete:
        query = "SELECT model FROM ranking($benchmark, $models, $tasks, $trusted) WHERE tasks_present = tasks_scored"
        complete = first_column(cursor, query, selection.parameters(benchmark))
        selection = replace(selection, models=tuple(complete))
    return selection


def _without_unfinished(cursor: Cursor, benchmark: str, selection: Selection) -> Selection:
    """The same without the tasks that no model of the record has finished: with them nobody has a mean."""
    tasks = [task for task in unfinished(cursor, benchmark) if selection.tasks is None or task in selection.tasks]
    if not tasks:
        return selection
    return replace(selection, tasks=_other_tasks(cursor, benchmark, selection, tasks), unfinished=tuple(tasks))


def _on_shared_tasks(cursor: Cursor, benchmark: str, selection: Selection) -> Selection:
    """The same on the tasks that the most figures can be compared on, now that some of them are left out."""
    cells = cursor.execute(
        "SELECT model, task FROM board_cells($benchmark, $models, $tasks, $trusted) WHERE score IS NOT NULL"
        " QUALIFY ranked OR NOT bool_or(ranked) OVER ()",
        selection.parameters(benchmark),
    ).df()
    if cells.empty:
        return selection
    present = pd.crosstab(cells["model"], cells["task"]).astype(bool)
    _, shared = most_shared(present.to_numpy())
    tasks = [str(task) for task in present.columns[shared]]
    return replace(selection, tasks=tuple(tasks), unshared=_other_tasks(cursor, benchmark, selection, tasks))


def _other_tasks(cursor: Cursor, benchmark: str, selection: Selection, without: list[str]) -> tuple[str, ...]:
    """The tasks that take part, without these."""
    return tuple(task for task in scored_tasks(cursor, benchmark, selection.tasks) if task not in set(without))


def table(cursor: Cursor, benchmark: str, selection: Selection, facts: tuple[str, ...] = ()) -> pd.DataFrame:
    """One row a model that takes part: rank, means (0-1), what its figures rest on, and its facts; by rank.

    ``facts`` are the columns of `models` that are shown beside those every page of a benchmark asks about.

    ``tasks_missing`` counts the tasks anybody has a score for and this model has not, or not in full. ``reported``,
    ``other_dataset`` and ``other_revision`` count scores that rest on a model card, on other data, on another revision.
    """
    known = ", ".join(f'm."{name}"' for name in dict.fromkeys((*_FACTS, *facts)))
    return cursor.execute(_TABLE.format(facts=known), selection.parameters(benchmark)).df()


def lacking(cursor: Cursor, benchmark: str, selection: Selection) -> tuple[int, int]:
    """How many models of :func:`table` lack tasks, and how many it has: what that says, without ranking anybody."""
    [(some, of)] = cursor.execute(_LACKING, selection.parameters(benchmark)).fetchall()
    return int(some), int(of)


def type_means(cursor: Cursor, benchmark: str, selection: Selection) -> pd.DataFrame:
    """Mean of each task type (0-1): models down, types across, blank unless all its tasks are there."""
    long = cursor.execute(
        "SELECT model, type, mean FROM type_means($benchmark, $models, $tasks, $trusted) ORDER BY type",
        selection.parameters(benchmark),
    ).df()
    return long.pivot(index="model", columns="type", values="mean")


def group_means(cursor: Cursor, benchmark: str) -> pd.DataFrame:
    """The benchmark's own further means (0-1) over all its tasks: models down, groups across in its own order."""
    long = cursor.execute(
        "SELECT model, mean,"
        " CASE WHEN contains(dimension, label) THEN dimension ELSE label || ' (' || dimension || ')' END AS name"
        " FROM group_means WHERE benchmark = ? ORDER BY position",
        [benchmark],
    ).df()
    names = list(dict.fromkeys(long["name"]))
    return long.pivot(index="model", columns="name", values="mean")[names]


def unfinished(cursor: Cursor, benchmark: str) -> list[str]:
    """Tasks that some models have scores on and none of the record has whole, so that nobody has a mean over all."""
    query = "SELECT task FROM board_cells(?, NULL, NULL, false) GROUP BY task HAVING count(score) = 0 ORDER BY task"
    return first_column(cursor, query, [benchmark])


def score_sources(cursor: Cursor, benchmark: str, model: str) -> pd.DataFrame:
    """Where a model's numbers on a benchmark come from: one row a task, those without a score too."""
    return cursor.execute(_SOURCES, {"benchmark": benchmark, "model": model}).df()


def model_facts(cursor: Cursor, model: str) -> pd.DataFrame:
    """What the registry says of one model, in one row; empty when it is unknown."""
    return cursor.execute("SELECT * FROM models WHERE model = ?", [model]).df()


def _tasks(cursor: Cursor, benchmark: str, criteria: Filter) -> list[str]:
    wishes = {name: list(getattr(criteria, name)) for name in ("languages", "types", "domains", "without")}
    return first_column(cursor, _TASKS, {"benchmark": benchmark, **wishes})


def _models(cursor: Cursor, benchmark: str, tasks: tuple[str, ...] | None, criteria: Filter) -> list[str]:
    licences = of_class(first_column(cursor, "SELECT DISTINCT licence FROM models"), criteria.licences)
    parameters = criteria.limits() | {
        "of_tasks": scored_tasks(cursor, benchmark, tasks),
        "any_licence": not criteria.licences,
        "licences": [licence for licence in licences if licence is not None],
        "unstated": None in licences,
    }
    return first_column(cursor, _MODELS, parameters)


_FIRST_SHOWN = "MTEB(eng, v2)"

_TASKS = """
SELECT task FROM benchmark_tasks JOIN tasks USING (task)
WHERE benchmark = $benchmark AND NOT list_contains($without, task)
    AND (len($languages) = 0 OR list_has_any(coalesce(languages, []), $languages))
    AND (len($types) = 0 OR list_contains($types, type))
    AND (len($domains) = 0 OR list_has_any(coalesce(domains, []), $domains))
"""

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

_LACKING = """
WITH cells AS MATERIALIZED (FROM board_cells($benchmark, $models, $tasks, $trusted)),
scored AS (SELECT count(DISTINCT task) AS tasks FROM cells WHERE ranked OR NOT EXISTS (FROM cells WHERE ranked)),
present AS (SELECT count(score) AS tasks FROM cells GROUP BY model HAVING count(score) > 0)
SELECT count(*) FILTER (p.tasks < s.tasks), count(*) FROM present p CROSS JOIN scored s
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

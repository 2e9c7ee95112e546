"""Which models fit one's own use: the limits they meet, the weighted score, and how sure its order is."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from dashboard.queries.rows import Cursor, most_frequent, wide
from dashboard.queries.training import training
from data.rules.bootstrap import mean_intervals, paired_differences
from data.rules.licences import licence_of
from data.rules.ranking import ranks
from data.rules.weighting import entry_weights, factors, index_bytes, monthly_cost, robustness, weighted_scores
from data.rules.words import phrase
from data.store.errors import InputError

__all__ = [
    "Limits",
    "ShortList",
    "Use",
    "candidates",
    "domains_of",
    "entries",
    "languages_of",
    "short_list",
    "tasks_with_types",
    "weighed",
    "with_index",
    "within_limits",
]

Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Limits:
    """What a model must have; None and empty mean no limit. A model that does not say is not within one.

    ``licences`` are codes of ``data.rules.licences.CLASSES``; ``unknown`` is one of them.
    """

    parameters: float | None = None
    dimensions: float | None = None
    tokens: float | None = None
    zero_shot: float | None = None
    licences: tuple[str, ...] = ()
    open_weights: bool = False


@dataclass(frozen=True)
class Use:
    """What matters. Shares of task types are empty for all alike; the other weights multiply inside a type.

    With languages, a task counts once for each of them that it has cells in, scored on those cells alone. A task that
    less than ``coverage`` (0-1) of the models have counts only where it is named in ``tasks``: it would leave nearly
    everybody out.
    """

    benchmark: str
    types: Weights = ()
    domains: Weights = ()
    languages: Weights = ()
    tasks: Weights = ()
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    coverage: float = 0.25
    top: int = 5


@dataclass(frozen=True)
class ShortList:
    """The answer: ranked models, what each limit took away, what kept others out, and the weights in use.

    ``ranked``: one row a model within the limits with every score that counts, the best first. Columns: place, model,
    score (0-1), low, high (95%, bootstrap over tasks), against_first (a code of ``data.rules.bootstrap``, empty for
    the first), first and among_top (shares of weight draws), the facts of :func:`candidates`, and ``mean <type>`` and
    ``place <type>``.
    ``lacking``: models within the limits that lack scores: model, missing. ``excluded``: limit -> models it alone or
    among others takes away. ``weights``: task, type, language, weight (summing to one). ``rare``: tasks left out
    because too few models have them. ``models``: how many have any score on the benchmark.
    """

    ranked: pd.DataFrame
    lacking: pd.DataFrame
    excluded: dict[str, int]
    weights: pd.DataFrame
    rare: tuple[str, ...]
    models: int


_OF_BENCHMARK = "FROM benchmark_tasks JOIN tasks USING (task) WHERE benchmark = ?"

_CELLS = """
SELECT model, task, score FROM board_cells($benchmark, NULL, NULL, $strict)
"""

_CELLS_IN = """
WITH spellings AS MATERIALIZED (
    SELECT s.languages, l.language
    FROM (SELECT DISTINCT languages FROM scores) s
    JOIN (SELECT unnest($languages) AS language) l
        ON list_contains(list_transform(string_split(s.languages, ','), lambda x: split_part(x, '-', 1)), l.language)
),
-- Materialized: the few cells in these languages first, then whether the benchmark asks for them; the other way round
-- takes four times as long.
spoken AS MATERIALIZED (
    SELECT s.result_id, l.language, s.split, s.subset, s.main_score
    FROM scores s JOIN spellings l USING (languages)
    WHERE s.main_score IS NOT NULL AND NOT isnan(s.main_score)
),
counted AS (
    SELECT c.model, c.task, s.language, s.split, s.subset, s.main_score
    FROM board_cells($benchmark, NULL, NULL, $strict) c
    JOIN spoken s USING (result_id)
    SEMI JOIN benchmark_cells k
        ON k.benchmark = $benchmark AND k.task = c.task AND k.split = s.split AND k.subset = s.subset
),
means AS (
    SELECT model, task, language, avg(main_score) AS score, count(DISTINCT (split, subset)) AS cells
    FROM counted GROUP BY ALL
)
SELECT model, task, language, CASE WHEN cells = max(cells) OVER (PARTITION BY task, language) THEN score END AS score
FROM means
"""

_CANDIDATES = """
WITH scored AS (
    SELECT DISTINCT model FROM board_cells($benchmark, NULL, NULL, false)
    WHERE CASE WHEN $partly THEN any_score ELSE score END IS NOT NULL
)
SELECT s.model, m.n_parameters, m.dimensions, array_to_string(m.dimension_options, ' ') AS dimension_options,
    m.max_tokens, m.licence, m.open_weights, m.release_date
FROM scored s LEFT JOIN models m ON m.model = s.model ORDER BY s.model
"""


def candidates(cursor: Cursor, benchmark: str, partly: bool = False) -> pd.DataFrame:
    """Every model on the benchmark's leaderboard, with the facts limits are set on; ``zero_shot`` in percent.

    Its ``dimension_options`` are a text with blanks between them: lists of very many models take long to copy.
    ``partly``: also those without a whole score on any task, whose cells in one language may be whole.
    """
    facts = cursor.execute(_CANDIDATES, {"benchmark": benchmark, "partly": partly}).df()
    return facts.join(training(cursor, benchmark)["zero_shot"], on="model")


def entries(cursor: Cursor, benchmark: str, languages: tuple[str, ...] = (), strict: bool = False) -> pd.DataFrame:
    """What a weighted score is made of: models down, (task, language) across, 0-1; language is '' for all."""
    parameters: dict[str, object] = {"benchmark": benchmark, "strict": strict}
    if languages:
        long = cursor.execute(_CELLS_IN, parameters | {"languages": list(languages)}).df()
        scores = long.pivot(index="model", columns=["task", "language"], values="score")
    else:
        scores = wide(cursor, _CELLS, parameters, "task", "score")
        scores.columns = pd.MultiIndex.from_product([scores.columns, [""]], names=["task", "language"])
    return scores.dropna(axis=1, how="all").sort_index(axis=1)


def short_list(cursor: Cursor, use: Use) -> ShortList:
    """Rank the models that meet the limits by their weighted score.

    Raises:
        InputError: no task is left that counts.
    """
    scores, weights, rare = weighed(cursor, use)
    facts = candidates(cursor, use.benchmark, bool(use.languages)).set_index("model")
    excluded, within = within_limits(facts, use.limits)
    scores = scores.reindex(facts.index[within])
    missing = scores.isna().sum(axis=1)
    lacking = missing[missing > 0].sort_values().rename("missing").rename_axis("model").reset_index()
    ranked = _ranked(scores[missing == 0], weights, use).join(facts, on="model")
    return ShortList(ranked, lacking, excluded, weights, rare, len(facts))


def weighed(cursor: Cursor, use: Use) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """What a use weighs: scores as :func:`entries` has them, of those that count; their weights; tasks too rare.

    The weights are a row an entry: task, language, type, weight (summing to one). Limits play no part in it.

    Raises:
        InputError: no task is left that counts.
    """
    scores = entries(cursor, use.benchmark, tuple(name for name, _ in use.languages), use.strict)
    if scores.empty:
        raise InputError(
            phrase("No task of the benchmark counts with these choices"),
            where=use.benchmark,
            remedy=phrase("Loosen them."),
        )
    common = (scores.notna().mean() >= use.coverage) | scores.columns.isin([t for t, _ in use.tasks], level="task")
    rare = tuple(sorted(set(scores.columns[~common].get_level_values("task"))))
    scores = scores.loc[:, common]
    weights = _weights(cursor, use, scores)
    counting = (weights["weight"] > 0).to_numpy()
    return scores.loc[:, counting], weights[counting].reset_index(drop=True), rare


def with_index(
    ranked: pd.DataFrame, documents: float, precision: str, cut: float | None = None, price: float | None = None
) -> pd.DataFrame:
    """The ranked models with what an index of their vectors takes: index_dimensions, index_bytes, cost (a month).

    ``cut`` keeps at most so many dimensions where a model offers fewer than it has; NaN where its size is unknown.
    """
    size = _index_dimensions(ranked, cut)
    taken = index_bytes(documents, size.to_numpy(), precision)
    cost = np.nan if price is None else monthly_cost(taken, price)
    return ranked.assign(index_dimensions=size, index_bytes=taken, cost=cost)


def domains_of(cursor: Cursor, benchmark: str) -> list[str]:
    """Domains of the benchmark's tasks, the most frequent first."""
    return most_frequent(cursor, f"SELECT unnest(domains) AS name {_OF_BENCHMARK}", [benchmark])


def languages_of(cursor: Cursor, benchmark: str) -> list[str]:
    """Languages of the benchmark's tasks (ISO 639-3), the most frequent first."""
    return most_frequent(cursor, f"SELECT unnest(languages) AS name {_OF_BENCHMARK}", [benchmark])


def tasks_with_types(cursor: Cursor, benchmark: str) -> pd.DataFrame:
    """The benchmark's tasks that anybody has a score on, with their types."""
    return cursor.execute(
        "SELECT DISTINCT task, type FROM board JOIN tasks USING (task) WHERE benchmark = ? AND score IS NOT NULL"
        " ORDER BY type, task",
        [benchmark],
    ).df()


def _weights(cursor: Cursor, use: Use, scores: pd.DataFrame) -> pd.DataFrame:
    facts = cursor.execute("SELECT task, type, domains FROM tasks").df().set_index("task")
    frame = scores.columns.to_frame(index=False)
    frame["type"] = facts["type"].reindex(frame["task"]).to_numpy()
    domains = [[] if isinstance(d, float) or d is None else list(d) for d in facts["domains"].reindex(frame["task"])]
    own = (
        factors(domains, dict(use.domains))
        * factors([[language] for language in frame["language"]], dict(use.languages))
        * factors([[task] for task in frame["task"]], dict(use.tasks))
    )
    return frame.assign(weight=entry_weights(list(frame["type"]), dict(use.types), own))


def within_limits(facts: pd.DataFrame, limits: Limits) -> tuple[dict[str, int], pd.Series]:
    """How many models each limit takes away, and which are within all of them.

    ``facts`` has the columns of :func:`candidates`; the zero-shot share only where that limit is set.
    """
    tests = {
        "parameters": None if limits.parameters is None else facts["n_parameters"] <= limits.parameters,
        "dimensions": None if limits.dimensions is None else facts["dimensions"] <= limits.dimensions,
        "max tokens": None if limits.tokens is None else facts["max_tokens"] >= limits.tokens,
        "zero-shot": None if limits.zero_shot is None else facts["zero_shot"] >= limits.zero_shot,
        "licence": facts["licence"].map(lambda text: licence_of(text).code).isin(limits.licences)
        if limits.licences
        else None,
        "open weights": facts["open_weights"] if limits.open_weights else None,
    }
    met = {name: test.astype("boolean").fillna(False).astype(bool) for name, test in tests.items() if test is not None}
    within = pd.Series(True, index=facts.index)
    for test in met.values():
        within &= test
    return {name: int((~test).sum()) for name, test in met.items()}, within


def _ranked(scores: pd.DataFrame, weights: pd.DataFrame, use: Use) -> pd.DataFrame:
    matrix, weight = scores.to_numpy(dtype=np.float64), weights["weight"].to_numpy()
    if not len(matrix):
        return pd.DataFrame(columns=["place", "model", "score", "low", "high", "against_first", "first", "among_top"])
    score = np.round(weighted_scores(matrix, weight), 12)  # what differs in the last bits only is level
    tasks = pd.factorize(weights["task"])[0]
    standing = mean_intervals(matrix, weights=weight, clusters=tasks, ranked=False)
    # Of several that are level, the first by name, as the list has it.
    first = int(np.lexsort((scores.index.to_numpy(), ranks(score)))[0])
    against = [difference.standing for difference in paired_differences(matrix, first, weights=weight, clusters=tasks)]
    against[first] = ""
    robust = robustness(matrix, weight, list(weights["type"]), top=use.top)
    frame = pd.DataFrame(
        {"place": ranks(score).astype(int), "model": scores.index, "score": score, "low": standing.low,
         "high": standing.high, "against_first": against, "first": robust.first,
         "among_top": robust.among_top}
    )  # fmt: skip
    for name, part in weights.groupby("type"):
        mean = matrix[:, part.index] @ (part["weight"] / part["weight"].sum()).to_numpy()
        frame[f"mean {name}"], frame[f"place {name}"] = mean, ranks(mean).astype(int)
    return frame.sort_values(["place", "model"]).reset_index(drop=True)


def _index_dimensions(ranked: pd.DataFrame, cut: float | None) -> pd.Series:
    """Dimensions kept in the index: the largest a model offers within the cut, else all it has."""
    full = ranked["dimensions"].astype("Float64").astype(float)
    if cut is None:
        return full
    offered = [
        max((d for d in map(int, str(options).split()) if d <= cut), default=np.nan)
        for options in ranked["dimension_options"].fillna("").tolist()
    ]
    return pd.Series(offered, index=ranked.index, dtype=float).fillna(full)

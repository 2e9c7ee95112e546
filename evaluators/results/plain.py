"""Files of today's format with nothing to interpret, taken as columns: all but a few of a hundred thousand.

An entry of a file is not looked at on its own: the entries of a split have the same keys, so that all their values in
one list are a table, and a column of it is every so-manieth value. Each step is one call for all of a split.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from evaluators.results.names import Names
from evaluators.results.parse import (
    MAIN_ROUNDING,
    NOT_METRICS,
    Result,
    number_of,
    renamed,
    spoken_languages,
    with_header,
)

__all__ = ["CellRun", "read_plain", "runs_of"]


class CellRun(NamedTuple):
    """Cells of one split, one after the other, that have the same metrics: those of all cells stand in one list."""

    split: str
    names: tuple[str, ...]
    subsets: list[str]
    languages: list[str | None]
    main_scores: Sequence[float | None]
    values: Sequence[float | None]


class _Shape(NamedTuple):
    """What stands where in an entry, by its keys; a few hundred shapes serve 1.3 million entries."""

    names: tuple[str, ...]  # of its metrics
    places: dict[str, int]
    others: tuple[int, ...]  # where no metric is, the last first
    texts: tuple[int, ...]  # where a metric would be, were it a number
    ignored: tuple[int, ...]  # where none would be, unless it held some of its own


_shapes: dict[tuple[str, ...], _Shape] = {}
_NUMBERS = {float, int, type(None)}
_WORDS = {str, list}
_FLOAT, _TEXT, _LIST, _ENTRY = {float}, {str}, {list}, {dict}


def read_plain(content: Any, names: Names) -> tuple[Result, list[CellRun]] | None:
    """Read one decoded result file; None where :func:`evaluators.results.parse.interpret` has to look at it.

    Returns:
        What that function returns, without the cells; and the cells.
    """
    if type(content) is not dict:
        return None
    scores, written = content.get("scores"), content.get("task_name")
    if type(scores) is not dict or type(written) is not str or not scores:
        return None
    task = names.task(written)
    metric = names.metrics.get(task)
    runs = []
    for split, entries in scores.items():
        run = _run(split, entries, task, metric, names)
        if run is None:
            return None
        runs.append(run)
    notes = renamed(written, task)
    return with_header(content, task, None, number_of(content.get("evaluation_time")), notes, names), runs


def runs_of(result: Result) -> list[CellRun]:
    """The cells of a result that was interpreted."""
    return [
        CellRun(cell.split, cell.names, [cell.subset], [cell.languages], [cell.main_score], cell.values)
        for cell in result.cells
    ]


def _run(split: str, entries: Any, task: str, metric: str | None, names: Names) -> CellRun | None:
    """The entries of one split; None where they are not alike or anything in them has to be interpreted."""
    if type(entries) is not list or not entries or set(map(type, entries)) != _ENTRY:
        return None
    keys = tuple(entries[0])
    shape = _shapes.get(keys) or _shape(keys, tuple(map(type, entries[0].values())))
    if shape is None:  # not remembered: of another entry with these keys it may be a list what here is nested
        return None
    _shapes[keys] = shape
    if len(entries) == 1:
        values = list(entries[0].values())
    else:
        if list(map(tuple, entries)).count(keys) != len(entries):
            return None
        values = list(itertools.chain.from_iterable(map(dict.values, entries)))
    mains = _main_scores(values, len(keys), shape, metric)
    heads = _heads(values, len(keys), shape, task, names)
    if mains is None or heads is None:
        return None
    figures = _figures(values, len(keys), shape)
    return None if figures is None else CellRun(split, shape.names, *heads, mains, figures)


def _main_scores(values: list[Any], width: int, shape: _Shape, metric: str | None) -> list[float] | None:
    """Main scores on the 0-1 scale that are the task's own metric; None where any is not."""
    mains = values[shape.places["main_score"] :: width]
    if set(map(type, mains)) != _FLOAT or max(mains) > 1 + MAIN_ROUNDING or min(mains) < -1 - MAIN_ROUNDING:
        return None
    if metric is None:
        return mains
    place = shape.places.get(metric)
    own = None if place is None else values[place::width]
    if own is None or (own != mains and not _nearly(own, mains)):
        return None
    return mains


def _nearly(own: list[Any], mains: list[float]) -> bool:
    return set(map(type, own)) == _FLOAT and all(abs(a - b) < MAIN_ROUNDING for a, b in zip(own, mains, strict=True))


def _heads(
    values: list[Any], width: int, shape: _Shape, task: str, names: Names
) -> tuple[list[str], list[str | None]] | None:
    """Subsets and their languages; None where a subset has no name or comes twice, or languages are no list."""
    subsets = values[shape.places["hf_subset"] :: width]
    lists = values[shape.places["languages"] :: width]
    if set(map(type, subsets)) != _TEXT or set(map(type, lists)) != _LIST:
        return None
    if len(subsets) > 1 and len(set(subsets)) < len(subsets):
        return None
    languages = [
        spoken_languages(each) or names.spoken(task, subset) for each, subset in zip(lists, subsets, strict=True)
    ]
    return subsets, languages


def _figures(values: list[Any], width: int, shape: _Shape) -> list[float | None] | None:
    """The metrics of all entries, which is what stays of ``values``; None where one is no number."""
    for place in shape.texts:
        if not set(map(type, values[place::width])) <= _WORDS:
            return None
    for place in shape.ignored:
        if dict in map(type, values[place::width]):
            return None
    for place in shape.others:
        del values[place::width]
        width -= 1
    kinds = set(map(type, values))
    if not kinds <= _NUMBERS:
        return None
    # Arrow refuses integers that a float holds only roughly.
    return [None if value is None else float(value) for value in values] if int in kinds else values


def _shape(keys: tuple[str, ...], types: tuple[type, ...]) -> _Shape | None:
    """The shape of entries with these keys; None where metrics are nested or a key that every entry has is missing."""
    metrics = [
        place
        for place, (key, kind) in enumerate(zip(keys, types, strict=True))
        if kind in _NUMBERS and key not in NOT_METRICS
    ]
    others = [place for place in range(len(keys)) if place not in metrics]
    texts = tuple(place for place in others if keys[place] not in NOT_METRICS)
    ignored = tuple(place for place in others if keys[place] in NOT_METRICS - _CHECKED)
    if not set(keys) >= _CHECKED or not {types[place] for place in texts} <= _WORDS:
        return None
    places = {key: place for place, key in enumerate(keys)}
    return _Shape(tuple(keys[place] for place in metrics), places, tuple(reversed(others)), texts, ignored)


_CHECKED = {"main_score", "hf_subset", "languages"}

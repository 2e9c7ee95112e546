"""Bytes of one result file in, its figures out: every shape of file that mteb ever wrote.

What mteb's own ``TaskResult.from_disk`` reads comes out the same. What it refuses but a person can read (a task it no
longer knows, a main score only implied by the task's metric) is read too, with a note.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from data.store.errors import UnreadableResultError
from evaluators.results.legacy_format import SIMILARITIES, cells_by_split, evaluation_time
from evaluators.results.names import Names

__all__ = [
    "NOT_METRICS",
    "MAIN_ROUNDING",
    "Result",
    "ScoreCell",
    "interpret",
    "load_json",
    "number_of",
    "parse",
    "renamed",
    "spoken_languages",
    "with_header",
]


class ScoreCell(NamedTuple):
    """One score: a split and subset of the task, its main score and every other number the file has for it."""

    split: str
    subset: str
    languages: str | None
    main_score: float | None
    names: tuple[str, ...]
    values: tuple[float | None, ...]


class Result(NamedTuple):
    """One result file, without what its folder says (model, revision, experiment)."""

    task: str
    metric: str | None
    mteb_version: str | None
    dataset_revision: str | None
    evaluation_time: float | None
    date: dt.datetime | None
    notes: str | None
    cells: list[ScoreCell]


# JSON knows neither NaN nor Infinity; mteb writes both, and orjson refuses them. Replacing them after a key and reading
# with orjson is three times faster than Python's own reader, which is for the few files that have them in lists.
_BARE_AFTER_KEY = (b'": NaN', b'": Infinity', b'": -Infinity')


def load_json(data: bytes) -> Any:
    """Decode JSON as mteb writes it, NaN and Infinity as None.

    Raises:
        UnreadableResultError: it is not JSON, says at which character.
    """
    if not data or data.isspace():
        raise UnreadableResultError("The file is empty")
    try:
        return orjson.loads(data)  # most files; the others are refused at their first NaN
    except orjson.JSONDecodeError:
        pass
    try:
        # Without a backslash no quote before a colon is part of a text. What is put in is as long as what it replaces:
        # that takes half the time of the other repairs.
        return orjson.loads(b"" if b"\\" in data else data.replace(b'": NaN', b'":null'))
    except orjson.JSONDecodeError:
        return _load_repaired(data)


def _load_repaired(data: bytes) -> Any:
    for bare in _BARE_AFTER_KEY:
        if b"\\" + bare in data:  # the quote is part of a text
            return _load_slowly(data)
        data = data.replace(bare, b'": null')
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return _load_slowly(data)


def _load_slowly(data: bytes) -> Any:
    """What orjson refuses though Python's own reader takes it: NaN in a list, integers beyond 64 bits."""
    try:
        text = data.decode("utf-8-sig")
        content = json.loads(text, parse_constant=lambda _: None, parse_int=_any_size, parse_float=_any_size)
        orjson.dumps(content)  # Python takes half characters (lone surrogates), which no text can hold
        return content
    except json.JSONDecodeError as error:
        raise UnreadableResultError(f"The file is not complete JSON: {error.msg} at character {error.pos}") from error
    except TypeError as error:
        raise UnreadableResultError(f"The file holds what is no text or too deeply nested: {error}") from error
    except RecursionError as error:
        raise UnreadableResultError("The file is nested deeper than any result is") from error
    except UnicodeDecodeError as error:
        raise UnreadableResultError("The file is not text, so not a result of mteb") from error


def _any_size(digits: str) -> float | int | None:
    """A number of any length; None where even a float cannot hold it."""
    number = float(digits)
    if not math.isfinite(number):
        return None
    return int(digits) if number.is_integer() and abs(number) < 2**53 and digits.lstrip("-").isdigit() else number


def parse(data: bytes, names: Names) -> Result:
    """Read one result file.

    Raises:
        UnreadableResultError: it is no result of mteb; ``what`` says why in a sentence.
    """
    return interpret(load_json(data), names)


def interpret(content: Any, names: Names) -> Result:
    """What a decoded file says; raises as :func:`parse` does."""
    if not isinstance(content, dict):
        raise UnreadableResultError(f"The file holds a {_kind(content)}, not the result of a task")
    if isinstance(content.get("scores"), dict) and isinstance(content.get("task_name"), str):
        return _current(content, names)
    if isinstance(content.get("mteb_dataset_name"), str):
        return _legacy(content, names)
    raise UnreadableResultError("The file names no task and no scores, so it is not a result of mteb")


def _kind(value: object) -> str:
    return {list: "list", str: "text", int: "number", float: "number", bool: "truth value"}.get(type(value), "null")


def _current(content: dict[str, Any], names: Names) -> Result:
    written = content["task_name"]
    task = names.task(written)
    notes = renamed(written, task)
    reader = _CellReader(task, names)
    for split, entries in content["scores"].items():
        if not isinstance(entries, list):
            raise UnreadableResultError(f"The scores of split '{split[:40]}' are a {_kind(entries)}, not a list")
        for entry in entries:
            if not isinstance(entry, dict):
                raise UnreadableResultError(
                    f"A score of split '{split[:40]}' is a {_kind(entry)}, not a set of figures"
                )
            subset = entry.get("hf_subset")
            reader.add(split, subset if isinstance(subset, str) else "default", entry)
    return reader.result(content, number_of(content.get("evaluation_time")), notes)


def _legacy(content: dict[str, Any], names: Names) -> Result:
    written = content["mteb_dataset_name"]
    task = names.task(written)
    notes = renamed(written, task)
    splits, more = cells_by_split(content, task)
    reader = _CellReader(task, names)
    for split, subsets in splits.items():
        for subset, figures in subsets.items():
            reader.add(split, subset, figures)
    return reader.result(content, evaluation_time(content), ["format of before 1.11", *notes, *more])


def renamed(written: str, task: str) -> list[str]:
    """A note where a task is called otherwise today."""
    return [] if task == written else [f"task was called {written}"]


class _CellReader:
    """Collects the cells of one file and what had to be interpreted on the way."""

    def __init__(self, task: str, names: Names) -> None:
        self.task, self.names = task, names
        self.metric: str | None = names.metrics.get(task)
        self.cells: list[ScoreCell] = []
        self.other_metric: str | None = None
        self.derived = self.without = self.unlike = 0
        self.keys: tuple[str, ...] = ()  # of the entry before, which the next is mostly like
        self.types: tuple[type, ...] = ()
        self.take: _Take = _taker_for((), ())

    def add(self, split: str, subset: str, entry: dict[str, Any]) -> None:
        keys, held = tuple(entry), tuple(entry.values())
        types = tuple(map(type, held))
        if keys != self.keys or types != self.types:
            self.keys, self.types, self.take = keys, types, _taker_for(keys, types)
        names, values = self.take(entry, held)
        main = entry.get("main_score")
        if type(main) is not float:
            main = self._main_score(entry, main, names, values)
        elif self.metric is not None and main != entry.get(self.metric):
            self._note_other_metric(main, names, values)
        spoken = spoken_languages(entry.get("languages")) or self.names.spoken(self.task, subset)
        self.cells.append(ScoreCell(split, subset, spoken, main, names, values))

    def _main_score(
        self, entry: dict[str, Any], main: object, names: tuple[str, ...], values: tuple[float | None, ...]
    ) -> float | None:
        """A main score that is missing, an integer, or written as text; from the task's metric if there is none."""
        if "main_score" in entry:
            number = number_of(main)
            self.without += number is None
            return number
        if self.metric is not None and self.metric in names:
            self.derived += 1
            return values[names.index(self.metric)]
        self.without += 1
        return None

    def _note_other_metric(self, main: float, names: tuple[str, ...], values: tuple[float | None, ...]) -> None:
        """Find which metric the main score is where it is not the task's own."""
        if self.other_metric:
            return
        figures, metric = dict(zip(names, values, strict=True)), self.metric or ""
        own = figures.get(metric)
        if own is not None and abs(own - main) < MAIN_ROUNDING:
            return
        same = [name for name, value in figures.items() if value is not None and abs(value - main) < 1e-12]
        if any(_SAME_METRIC.sub(r"hit_rate_at_\1", name) == metric for name in same):
            return
        if metric == "map_at_1000" and "map" in same:  # no query has more documents to rank than that
            return
        if same:
            alike = set(metric.split("_"))
            self.other_metric = max(same, key=lambda name: len(alike.intersection(name.split("_"))))
        elif own is not None:
            self.unlike += 1

    def result(self, content: dict[str, Any], seconds: float | None, notes: list[str]) -> Result:
        if not self.cells:
            raise UnreadableResultError("The file holds no scores")
        if self.derived:
            notes.append(f"main score taken from {self.metric}")
        if self.without:
            notes.append(f"{self.without} of {len(self.cells)} main scores missing or not a number")
        if self.other_metric:
            notes.append(f"main score is {self.other_metric}, the task's is {self.metric}")
        if self.unlike and not self.other_metric:
            notes.append(f"main score differs from the file's own {self.metric}")
        twice = len(self.cells) - len({cell[:2] for cell in self.cells})  # splits and subsets
        if twice:
            notes.append(f"{twice} of {len(self.cells)} entries repeat a split and subset; all count, as in mteb")
        scaled = self._bring_to_unit_scale()
        result = with_header(content, self.task, self.other_metric, seconds, notes, self.names, scaled)
        return result._replace(cells=self.cells)

    def _bring_to_unit_scale(self) -> bool:
        """Figures in percent, as some write them, on MTEB's scale; speed tasks count texts a second and stay."""
        mains = [abs(cell.main_score) for cell in self.cells if cell.main_score is not None]
        if not mains or not 1 + MAIN_ROUNDING < max(mains) <= 100 or not self._is_unit_scaled():
            return False
        self.cells = [
            cell._replace(
                main_score=None if cell.main_score is None else cell.main_score / 100,
                values=tuple(None if value is None else value / 100 for value in cell.values),
            )
            for cell in self.cells
        ]
        return True

    def _is_unit_scaled(self) -> bool:
        return self.names.types.get(self.task, "Speed") != "Speed"


def with_header(
    content: dict[str, Any],
    task: str,
    metric: str | None,
    seconds: float | None,
    notes: list[str],
    names: Names,
    scaled: bool = False,
) -> Result:
    """A result without cells: what a file says beside them, and the notes after those on its cells."""
    if task not in names.metrics:
        notes.append("task unknown to mteb's registry")
    if scaled:
        notes.append("figures on a 0-100 scale, divided by 100")
    version, revision = _text(content.get("mteb_version")), _text(content.get("dataset_revision"))
    date = _date(content.get("date"), notes)
    return Result(task, metric, version, revision, seconds, date, "; ".join(notes) or None, [])


_SAME_METRIC = re.compile(r"^cv_recall_at_(\d+)$")  # what mteb calls hit_rate_at_k today
# Main scores are written in full and metrics to six places in some versions, the other way round in others.
MAIN_ROUNDING = 5e-6


def spoken_languages(values: object) -> str | None:
    """Languages as an entry lists them, with commas between them; None or nothing where it does not."""
    try:
        return ",".join(values) if type(values) is list else None
    except TypeError:  # not all of them are texts
        return None


# How to take the metrics out of an entry, by its keys and the types of its values: there are a few hundred shapes
# among 1.3 million entries, so that each entry costs two tuples and a lookup.
_Take = Callable[[dict[str, Any], tuple[Any, ...]], tuple[tuple[str, ...], tuple[float | None, ...]]]
_shapes: dict[tuple[tuple[str, ...], tuple[type, ...]], _Take] = {}
NOT_METRICS = {"main_score", "hf_subset", "languages", "mteb_version", "evaluation_time"}
_NUMBERS = (float, int, type(None))


def _taker_for(keys: tuple[str, ...], types: tuple[type, ...]) -> _Take:
    """What takes names and values of all numbers of an entry with these keys; lists and texts are left out."""
    shape = (keys, types)
    if shape not in _shapes:
        _shapes[shape] = _taker(keys, types)
    return _shapes[shape]


def _taker(keys: tuple[str, ...], types: tuple[type, ...]) -> _Take:
    places = [
        place
        for place, (key, kind) in enumerate(zip(keys, types, strict=True))
        if kind in _NUMBERS and key not in NOT_METRICS
    ]
    names = tuple(keys[place] for place in places)
    nested = [key for key, kind in zip(keys, types, strict=True) if kind is dict]
    if nested or not places:
        return lambda entry, held: _flatten(entry, list(names), nested)
    if int in types:
        return lambda entry, held: (names, tuple(_as_float(held[place]) for place in places))
    first, end = places[0], places[-1] + 1
    if end - first == len(places):  # most shapes; a slice is twice as fast
        return lambda entry, held: (names, held[first:end])
    getter = operator.itemgetter(*places)
    return lambda entry, held: (names, getter(held))


def _flatten(entry: dict[str, Any], plain: list[str], nested: list[str]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    figures = {key: _as_float(entry[key]) for key in plain}
    for key in nested:
        prefix = SIMILARITIES.get(key, key)
        for name, value in entry[key].items():
            if type(value) in _NUMBERS:
                figures.setdefault(f"{prefix}_{name}", _as_float(value))
    return tuple(figures), tuple(figures.values())


def _as_float(value: float | None) -> float | None:
    # Arrow refuses integers that a float holds only roughly
    return None if value is None else float(value)


def number_of(value: object) -> float | None:
    """A finite number, also from text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _date(value: object, notes: list[str]) -> dt.datetime | None:
    """A time as seconds since 1970 or as ISO text, in UTC without a zone."""
    if value is None:
        return None
    try:
        if isinstance(value, str):
            read = dt.datetime.fromisoformat(value)
            return read.astimezone(dt.UTC).replace(tzinfo=None) if read.tzinfo else read
        if isinstance(value, int | float):
            return dt.datetime.fromtimestamp(value, dt.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        pass
    notes.append("date cannot be read")
    return None

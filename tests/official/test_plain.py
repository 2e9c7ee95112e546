"""What is taken as columns is what the reader of entries finds, to the last bit; the rest is left to that one."""

from __future__ import annotations

import copy
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import UnreadableResultError
from evaluators.results.names import Names
from evaluators.results.parse import interpret, load_json
from evaluators.results.plain import CellRun, read_plain
from tests.official.test_as_written import bits
from tests.official.test_fuzz import changed

NAMES = Names(
    renamed_tasks={"OldTask": "Task"},
    renamed_models={},
    metrics={"Task": "accuracy"},
    types={"Task": "Classification"},
    languages={"Task": {"en": "eng-Latn", "default": "eng-Latn,fra-Latn"}},
    lower_case={"task": "Task"},
)
ODD: list[Any] = [None, True, False, 0, 1, 2**53 + 1, 2.0, -0.0, 99.5, "0.5", "", [], [0.5], {"a": 0.5}, {}, ["x", 1]]


def content() -> dict[str, Any]:
    entry = {"accuracy": 0.25, "f1": 0.5, "main_score": 0.25, "hf_subset": "en", "languages": ["eng-Latn"]}
    other = entry | {"hf_subset": "fr", "languages": [], "f1": None}
    return {
        "task_name": "Task",
        "mteb_version": "2.1.0",
        "dataset_revision": "abc",
        "evaluation_time": 3,
        "date": 1.5,
        "scores": {"test": [entry, other], "dev": [dict(entry)]},
    }


def agrees(decoded: Any, names: Names) -> bool:
    """Whether the file is plain; fails where it is and the two readers differ."""
    plain = read_plain(copy.deepcopy(decoded), names)
    if plain is None:
        return False
    result, runs = plain
    expected = interpret(decoded, names)
    assert result == expected._replace(cells=[])
    cells, figures = taken_apart(runs)
    assert cells == [(cell.split, cell.subset, cell.languages, cell.names) for cell in expected.cells]
    assert figures == [bits([cell.main_score, *cell.values]) for cell in expected.cells]
    return True


def taken_apart(runs: list[CellRun]) -> tuple[list[tuple[Any, ...]], list[list[bytes | None]]]:
    cells, figures = [], []
    for run in runs:
        width = len(run.names)
        assert len(run.values) == width * len(run.subsets)
        for place, (subset, spoken, main) in enumerate(zip(run.subsets, run.languages, run.main_scores, strict=True)):
            cells.append((run.split, subset, spoken, run.names))
            figures.append(bits([main, *run.values[place * width : (place + 1) * width]]))
    return cells, figures


def test_the_readers_agree_on_the_sample(sample_zip: Path) -> None:
    plain = files = 0
    with zipfile.ZipFile(sample_zip) as archive:
        for path in archive.namelist():
            if path.endswith(".json") and not path.endswith("model_meta.json"):
                try:
                    plain += agrees(load_json(archive.read(path)), NAMES)
                    files += 1
                except UnreadableResultError:
                    continue
    assert files > 7_000, files
    assert plain > 0.8 * files, (plain, files)


@pytest.mark.parametrize("seed", range(3))
def test_the_readers_agree_on_odd_files(seed: int) -> None:
    chance = random.Random(seed)
    plain = 0
    for _ in range(1500):
        odd: Any = content()
        for entries in odd["scores"].values():
            for entry in entries:
                if chance.random() < 0.3:
                    entry[chance.choice(list(entry))] = copy.deepcopy(chance.choice(ODD))
                if chance.random() < 0.05:
                    entry["f1"] = entry.pop("f1")  # the same keys in another order
        if chance.random() < 0.3:
            odd = changed(odd, chance)
        try:
            decoded = load_json(json.dumps(odd).encode())
        except UnreadableResultError:
            continue
        plain += agrees(decoded, NAMES)
    assert 200 < plain < 1300, plain


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("key", ["accuracy", "f1", "main_score", "hf_subset", "languages", "evaluation_time", "note"])
def test_what_a_key_held_before_is_not_what_it_holds(key: str, value: Any) -> None:
    """The shape of a file is remembered by its keys; another file with these keys may hold other things there."""
    for first, second in ((value, 0.5), (0.5, value), ("text", value), (value, "text")):
        for held in (first, second):
            file = content()
            for entry in file["scores"]["test"]:
                entry |= {key: copy.deepcopy(held)}
            agrees(file, NAMES)


def test_entries_with_keys_in_another_order_are_not_alike() -> None:
    file = content()
    assert agrees(file, NAMES)
    file["scores"]["test"][1] = dict(reversed(file["scores"]["test"][1].items()))
    assert not agrees(file, NAMES), "other keys, or the same in another order, are other metrics"

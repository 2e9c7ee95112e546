"""Whatever stands in a result file, it is read or refused with a reason, and what is read fits the store."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from data.store.errors import UnreadableResultError
from evaluators.official.batch import read_batch
from evaluators.official.scan import FolderSource
from evaluators.results.names import Names
from evaluators.results.parse import parse
from tests.official.conftest import result

ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**53 + 1,
        2**63,
        -(2**64),
        10**400,
        0.1,
        -0.0,
        1e308,
        101.5,
        float("nan"),
        float("inf"),
    ),
    *("", "NaN", "1e5", "test", "\x00", "\ud800", "é" * 3, "🙂", "a" * 5000, "'; --", "<b>", "2025-01-01", "external"),
    *([], {}, [None], [[]], [1, "a"], {"a": None}, {"": {"": 1}}, {"en": {"main_score": 1}}, [{"main_score": "x"}]),
]
KEYS = [
    "main_score",
    "hf_subset",
    "languages",
    "scores",
    "task_name",
    "mteb_dataset_name",
    "date",
    "cos_sim",
    "",
    "test",
]
OLD = {
    "mteb_dataset_name": "STS22",
    "mteb_version": "1.0.2",
    "dataset_revision": None,
    "test": {"en": {"cos_sim": {"pearson": 0.6, "spearman": 0.7}}, "evaluation_time": 3.5},
    "validation": {"accuracy": 0.5, "v_measures": {"Level 0": [0.1]}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of everything inside a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield from places(below, (*path, key))


def changed(content: Any, chance: random.Random) -> Any:
    """``content`` with something in it replaced, removed or added."""
    content = copy.deepcopy(content)
    *above, last = chance.choice([path for path in places(content) if path] or [(None,)])
    if last is None:
        return content
    holder = content
    for key in above:
        holder = holder[key]
    action = chance.randrange(4)
    if action == 0:
        del holder[last]
    elif action == 1 and isinstance(holder, dict):
        holder[chance.choice(KEYS)] = copy.deepcopy(chance.choice(ODD))
    else:
        holder[last] = copy.deepcopy(chance.choice(ODD))
    return content


@pytest.mark.parametrize("seed", range(4))
def test_changed_files_are_read_or_refused(seed: int, names: Names, tmp_path: Path) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "org__model" / "abc"
    folder.mkdir(parents=True)
    contents: list[Any] = [
        result(date=1.5),
        OLD,
        result("STS22", scores={"test": [{"main_score": 1, "hf_subset": "en"}]}),
    ]
    for number in range(600):
        content = chance.choice(contents)
        for _ in range(chance.randint(1, 4)):
            content = changed(content, chance) if isinstance(content, dict | list) else content
        data = json.dumps(content).encode()
        if chance.random() < 0.1:
            cut = chance.randrange(len(data) + 1)
            data = data[:cut] + bytes([chance.randrange(256)]) + data[cut + chance.randrange(3) :]
        (folder / f"Task{number}.json").write_bytes(data)
    paths = [f"org__model/abc/Task{number}.json" for number in range(600)]
    batch = read_batch(FolderSource(str(tmp_path)), paths, names, None)
    assert len(batch.results) + len(batch.rejected) == 600
    assert len(batch.rejected) > 20
    assert len(batch.results) > 100
    assert all(reason.strip() for _, reason in batch.rejected)
    batch.scores.validate(full=True)
    assert isinstance(batch.scores, pa.Table)


@pytest.mark.parametrize("number", [2**53 + 1, -(2**60), 10**30, 1e308])
def test_numbers_of_any_size_fit(number: float, names: Names, tmp_path: Path) -> None:
    cell = result()["scores"]["test"][0] | {"count": number, "nested": {"count": number}}
    (tmp_path / "Task.json").write_text(json.dumps(result(scores={"test": [cell]})))
    batch = read_batch(FolderSource(str(tmp_path)), ["Task.json"], names, None)
    assert batch.rejected == []
    assert batch.scores["metrics"].to_pylist() == [[0.5, float(number), float(number)]]


def test_half_characters_are_refused(names: Names) -> None:
    with pytest.raises(UnreadableResultError, match="no text"):
        parse(b'{"task_name": "\\ud800", "scores": {"test": [{"main_score": 0.5, "hf_subset": "a"}]}}', names)

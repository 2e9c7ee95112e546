"""What mteb reads from a result file and what Plumbline reads from it are the same figures."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evaluators.official.batch import identity
from evaluators.official.scan import META, FolderSource
from evaluators.results.names import NO_REVISION, Names
from evaluators.results.parse import Result, parse

# What mteb writes for a value that an old file does not have.
UNKNOWN = {"mteb version not available", "dataset revision not available", "None"}


@pytest.fixture(scope="module")
def checkout(sample: Path) -> Path:
    """The sample, or the whole record where somebody names a checkout of it."""
    return Path(os.environ.get("PLUMBLINE_CHECKOUT", sample))


def files(checkout: Path) -> Iterator[tuple[FolderSource, str]]:
    source = FolderSource(str(checkout / "results"))
    for found in source.files():
        assert found.problem is None, found
        if not found.path.endswith(META):
            yield source, found.path


def read_by_mteb(path: Path) -> Any:
    """mteb's reading of a file, or the reason why it refuses."""
    from mteb.results import TaskResult

    try:
        return TaskResult.from_disk(path)
    except Exception as error:  # noqa: BLE001 - mteb raises whatever pydantic, the registry or a lookup raises
        return f"{type(error).__name__}: {error}"


def cells(theirs: Any) -> list[tuple[str, str, str | None, float | None]]:
    """(split, subset, languages, main score) in the order of the file, a NaN as nothing."""
    rows = []
    for split, entries in theirs.scores.items():
        for entry in entries:
            score = entry["main_score"]
            known = None if score is None or not math.isfinite(score) else float(score)
            rows.append((split, entry["hf_subset"], ",".join(entry["languages"]) or None, known))
    return rows


def differences(ours: Result, theirs: Any, names: Names) -> list[str]:
    found = []
    if ours.task != names.task(theirs.task_name):
        found.append(f"task {theirs.task_name}, ours {ours.task}")
    for field in ("mteb_version", "dataset_revision"):
        value = getattr(theirs, field)
        mine = getattr(ours, field)
        if (None if value in UNKNOWN else value) != (None if mine in UNKNOWN else mine):
            found.append(f"{field} {value}, ours {mine}")
    mine = [(cell.split, cell.subset, cell.languages or None, cell.main_score) for cell in ours.cells]
    if mine != cells(theirs):
        found.append(f"cells {cells(theirs)[:3]}, ours {mine[:3]}")
    seconds = theirs.evaluation_time or 0
    if (0 if math.isnan(seconds) else seconds) != pytest.approx(ours.evaluation_time or 0):
        found.append(f"evaluation time {theirs.evaluation_time}, ours {ours.evaluation_time}")
    return found


@pytest.mark.slow
def test_every_file_of_the_sample_reads_as_mteb_reads_it(
    checkout: Path, names: Names, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "mteb")
    different, refused, compared = [], Counter[str](), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source, path in files(checkout):
            ours = parse(source.read(path), names)
            theirs = read_by_mteb(Path(source.root, path))
            if isinstance(theirs, str):
                refused[why_mteb_refuses(ours, theirs)] += 1
                continue
            compared += 1
            different += [f"{path}: {difference}" for difference in differences(ours, theirs, names)]
    with capsys.disabled():
        print(f"\n{compared:,} files read as mteb reads them; refused by mteb, read here: {dict(refused)}")
    assert not different, "\n".join(different[:20])
    assert compared > 7000
    assert set(refused) <= {"a task mteb no longer has"}


def why_mteb_refuses(ours: Result, error: str) -> str:
    unknown = "task unknown to mteb's registry" in (ours.notes or "")
    return "a task mteb no longer has" if unknown and error.startswith("KeyError") else error[:150]


def test_models_and_revisions_are_those_of_mteb(checkout: Path, names: Names) -> None:
    from mteb import ResultCache

    folders = sorted({path.rpartition("/")[0] for _, path in files(checkout)})
    source = FolderSource(str(checkout / "results"))
    assert len(folders) > 35
    assert any("/experiments/" in folder for folder in folders)
    for folder in folders:
        theirs = ResultCache._get_model_name_and_revision_from_path(Path(source.root, folder))
        ours = identity(source, folder, names)
        if theirs is None:  # a variant without model_meta.json: mteb passes over it, we name it after its folder
            assert ours.experiment == Path(folder).name
            assert "no model_meta.json" in (ours.notes or "")
            continue
        assert ours.model == names.model(theirs[0])
        assert (ours.revision or NO_REVISION) == (theirs[1] or NO_REVISION)
        assert (ours.experiment or None) == theirs[2]

"""Files that are no results, and places that are traps: each refused with a reason, and nothing else is lost."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from evaluators.official.importer import import_from
from evaluators.official.scan import LARGEST
from tests.official.conftest import Write, ask, result


def truncated(path: Path) -> None:
    path.write_bytes(b'{"task_name": "STS12", "scores": {"test": [{"main_sc')


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 40)


def empty(path: Path) -> None:
    path.touch()


def brackets(path: Path) -> None:
    with path.open("wb") as handle:
        for _ in range(100):
            handle.write(b"[" * 2**20)


def brackets_below_the_limit(path: Path) -> None:
    path.write_bytes(b"[" * (8 * 2**20))


def folder(path: Path) -> None:
    path.mkdir()


def dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere.json")


def link_out_of_the_root(path: Path) -> None:
    outside = path.parents[4] / "outside.json"
    outside.write_text("{}")
    path.symlink_to(outside)


def link_with_dots(path: Path) -> None:
    (path.parents[4] / "outside.json").write_text("{}")
    path.symlink_to(Path("../../../../outside.json"))


def pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_itself(path: Path) -> None:
    path.symlink_to(path)


CLASSES: dict[Callable[[Path], None], str] = {
    truncated: "not complete JSON",
    binary: "not text",
    empty: "The file is empty",
    brackets: "The file has 100 MB; no result has more than 64",
    brackets_below_the_limit: "nested deeper than any result is",
    folder: "A folder stands where a result file should be",
    dangling_link: "The link leads nowhere",
    link_out_of_the_root: "The link leads out of the folder that is imported",
    link_with_dots: "The link leads out of the folder that is imported",
    pipe: "It is a pipe or a device, not a file",
    link_to_itself: "The link leads nowhere",
}


@pytest.mark.parametrize("make", CLASSES, ids=lambda make: make.__name__)
def test_each_class_is_refused_with_a_reason_and_the_rest_is_imported(
    make: Callable[[Path], None], write: Write, store: Path, tmp_path: Path
) -> None:
    good = write(result("STS13"))
    make(good.with_name("Bad.json"))
    summary = import_from(tmp_path / "checkout", store=store)
    ((path, reason),) = summary.rejected
    assert path == "org__model/abc/Bad.json"
    assert CLASSES[make] in reason
    assert ask(store, "SELECT task FROM current_results") == [("STS13",)]
    assert ask(store, "SELECT path, reason FROM rejected") == [(path, reason)]
    again = import_from(tmp_path / "checkout", store=store)
    assert not again.published  # a file known to be bad is not read again


def test_names_with_sql_and_markup_stay_text(write: Write, store: Path, tmp_path: Path) -> None:
    names = ["'; DROP TABLE results; --", '<script>alert("x")</script>', "a' OR '1'='1", "{{7*7}} %s $1 ?"]
    for number, name in enumerate(names):
        content = result(name, scores={name: [{"main_score": 0.5, "hf_subset": name, "languages": [name], name: 0.1}]})
        path = write(content, model=f"org__{number}", name="Task.json")
        path.with_name("model_meta.json").write_text(json.dumps({"name": name, "revision": name}))
    summary = import_from(tmp_path / "checkout", store=store)
    assert summary.rejected == []
    query = """SELECT model, revision, task, split, subset, languages, names[1]
        FROM current_results JOIN scores USING (result_id) JOIN metric_sets USING (metric_set)"""
    assert sorted(ask(store, query)) == sorted((name,) * 7 for name in names)
    assert not import_from(tmp_path / "checkout", store=store).published


def test_a_folder_that_leads_out_is_not_entered(write: Write, store: Path, tmp_path: Path) -> None:
    write(result("STS13"))
    write(result("STS12"), root="elsewhere")
    (tmp_path / "checkout" / "results" / "linked").symlink_to(tmp_path / "elsewhere" / "results" / "org__model")
    summary = import_from(tmp_path / "checkout", store=store)
    assert summary.rejected == [("linked", "The link leads out of the folder that is imported")]
    assert ask(store, "SELECT task FROM current_results") == [("STS13",)]


def test_an_unreadable_model_meta_costs_its_folder_only(write: Write, store: Path, tmp_path: Path) -> None:
    write(result("STS13"))
    write(result("STS12"), model="org__other").with_name("model_meta.json").write_text("{")
    summary = import_from(tmp_path / "checkout", store=store)
    ((path, reason),) = summary.rejected
    assert path == "org__other/abc/STS12.json"
    assert reason.startswith("The model_meta.json beside it cannot be read")
    assert ask(store, "SELECT task FROM current_results") == [("STS13",)]


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_damaged_member_of_a_zip_costs_itself_only(packing: int, store: Path, tmp_path: Path) -> None:
    archive = tmp_path / "results.zip"
    with zipfile.ZipFile(archive, "w", packing) as packed:
        for task in ("STS12", "STS13"):
            packed.writestr(f"results/org__model/abc/{task}.json", json.dumps(result(task)))
        start = packed.getinfo("results/org__model/abc/STS13.json").header_offset
    damaged = bytearray(archive.read_bytes())
    data = start + 30 + len("results/org__model/abc/STS13.json") + 9  # behind the heads of file and packing
    damaged[data : data + 40] = b"\xff" * 40
    archive.write_bytes(damaged)
    summary = import_from(archive, store=store)
    assert dict(summary.rejected) == {
        "results/org__model/abc/STS13.json": "The archive does not give this file out whole"
    }
    assert ask(store, "SELECT model, task FROM current_results") == [("org/model", "STS12")]


def test_a_zip_with_paths_that_lead_out(store: Path, tmp_path: Path) -> None:
    archive = tmp_path / "results.zip"
    content = json.dumps(result())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("results/org__model/abc/STS12.json", content)
        packed.writestr("results/../../../etc/STS13.json", content)
        packed.writestr("/results/org__model/abc/STS14.json", content)
        packed.writestr("results/STS15.json", content)
        packed.writestr("results/org__model/abc/Bomb.json", b"[" * (LARGEST + 1))
    summary = import_from(archive, store=store)
    assert dict(summary.rejected) == {
        "results/../../../etc/STS13.json": "The path leads out of the archive",
        "/results/org__model/abc/STS14.json": "The path leads out of the archive",
        "results/STS15.json": "It does not lie at <model>/<revision>/<Task>.json",
        "results/org__model/abc/Bomb.json": "The file has 64 MB; no result has more than 64",
    }
    assert ask(store, "SELECT model, task FROM current_results") == [("org/model", "STS12")]

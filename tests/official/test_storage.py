"""Results on a real S3 server: what stands is what a folder would give, and nothing ends by accident."""

from __future__ import annotations

import json
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data.store.database import version_of
from data.store.errors import InputError, StorageError
from data.store.storage import open_storage
from evaluators.official import from_storage, scan, workers
from evaluators.official.from_storage import StorageSource
from evaluators.official.importer import import_from
from tests.commands import command
from tests.official.conftest import Write, ask, result
from tests.official.test_import import standing
from tests.s3_server import KEY, SECRET, Request, S3Server

ROWS = """SELECT model, revision, experiment, origin, task, file, notes, split, subset, main_score, metrics
    FROM current_results JOIN scores USING (result_id) WHERE NOT withdrawn ORDER BY ALL"""
Put = Callable[..., str]


@pytest.fixture
def put(bucket: str) -> Put:
    """Write a result file below ``s3://<bucket>/<root>/<model>/<revision>``; returns its path in the bucket."""
    storage = open_storage(f"s3://{bucket}")

    def put_one(content: Any, model: str = "org__model", revision: str = "abc", *, name: str | None = None,
                root: str = "results", meta: bool = True) -> str:  # fmt: skip
        folder = f"{root}/{model}/{revision}"
        if meta and "experiments" not in revision:
            card = {"name": model.replace("__", "/"), "revision": revision}
            storage.write_new(f"{folder}/model_meta.json", json.dumps(card).encode())
        path = f"{folder}/{name or content['task_name'] + '.json'}"
        storage.write(path, content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return put_one


def test_what_stands_is_what_a_folder_gives(
    write: Write, put: Put, bucket: str, store: Path, facts_store: Path, tmp_path: Path
) -> None:
    for each in (write, put):
        each(result("STS12", 0.5))
        each(result("STS13", 0.6), revision="external")
        each(result("STS12", 0.7), revision="abc/experiments/dim_64")
        each(result("STS14", 0.8), model="other__model")
        each(b'{"cut": ', name="Cut.json")
    ours = import_from(f"s3://{bucket}", store=store)
    folder = tmp_path / "of_folder.duckdb"
    folder.write_bytes(facts_store.read_bytes())
    theirs = import_from(tmp_path / "checkout", store=folder)
    assert ask(store, ROWS) == ask(folder, ROWS) and len(ask(store, ROWS)) == 4
    assert (ours.added, ours.files_seen, ours.rejected) == (theirs.added, theirs.files_seen, theirs.rejected)
    assert ask(store, "SELECT DISTINCT source, root FROM imports, files") == [
        (f"s3://{bucket}", f"s3://{bucket}/results")
    ]


def test_a_second_import_reads_nothing_and_a_change_reads_that_file_alone(
    put: Put, bucket: str, store: Path, s3_server: S3Server
) -> None:
    """The changed one has the same size; only its etag tells."""
    for model in ("org__a", "org__b", "org__c"):
        for task in ("STS12", "STS13"):
            path = put(result(task, 0.5), model)
    import_from(f"s3://{bucket}/results", store=store)
    before = version_of(store)
    s3_server.forget()
    assert not import_from(f"s3://{bucket}/results", store=store).published
    assert s3_server.count("GET") == 0 and s3_server.lists() <= 8 and version_of(store) == before
    put(result("STS13", 0.7), "org__c")
    s3_server.forget()
    summary = import_from(f"s3://{bucket}/results", store=store)
    assert (summary.files_read, summary.added, summary.gone) == (1, 1, 1)
    read = [each.path for each in s3_server.requests if each.method == "GET" and "list-type" not in each.query]
    # Its model's card as well: before the result, and once more where no registry knows the model.
    assert set(read) == {f"/{bucket}/{path}", f"/{bucket}/results/org__c/abc/model_meta.json"} and len(read) <= 3


def test_a_vanished_file_ends_its_result_and_a_failed_listing_does_not(
    put: Put, bucket: str, store: Path, s3_server: S3Server
) -> None:
    put(result("STS12"), "org__a")
    gone = put(result("STS13"), "org__b")
    import_from(f"s3://{bucket}", store=store)
    before = version_of(store)
    for fault in (lambda _: 403, lambda request: 403 if "org__b" in request.query else None):
        with s3_server.failing(fault), pytest.raises(StorageError):
            import_from(f"s3://{bucket}", store=store)
        assert version_of(store) == before and len(standing(store)) == 2
    open_storage(f"s3://{bucket}").remove(gone)
    assert import_from(f"s3://{bucket}", store=store).gone == 1
    assert [task for _, task, _ in standing(store)] == ["STS12"]


def test_a_place_that_was_emptied_or_whose_bucket_is_gone_ends_nothing(
    put: Put, bucket: str, store: Path, s3_server: S3Server
) -> None:
    path = put(result(), meta=False)
    import_from(f"s3://{bucket}", store=store)
    open_storage(f"s3://{bucket}").remove(path)
    with pytest.raises(InputError, match="holds no results"):
        import_from(f"s3://{bucket}", store=store)
    s3_server.client().delete_bucket(Bucket=bucket)
    with pytest.raises(StorageError, match="no such bucket"):
        import_from(f"s3://{bucket}", store=store)
    assert len(standing(store)) == 1


def test_a_storage_that_goes_away_while_files_are_read_ends_the_import(
    put: Put, bucket: str, store: Path, s3_server: S3Server
) -> None:
    put(result("STS12", 0.5), "org__a")
    put(result("STS13", 0.5), "org__b")
    import_from(f"s3://{bucket}", store=store)
    before = version_of(store)
    put(result("STS12", 0.7), "org__a")
    put(result("STS13", 0.7), "org__b")

    def refused(request: Request) -> int | None:
        return 403 if request.path.endswith("org__b/abc/STS13.json") else None

    with s3_server.failing(refused), pytest.raises(StorageError, match="refused us"):
        import_from(f"s3://{bucket}", store=store)
    assert version_of(store) == before and [score for *_, score in standing(store)] == [0.5, 0.5]
    assert import_from(f"s3://{bucket}", store=store).added == 2


def test_what_is_wrong_with_one_file_is_said_and_loses_no_other(
    put: Put, bucket: str, store: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(result())
    put(b"x" * 5000, name="Large.json")
    put(b"", name="Empty.json")
    put(result("STS13"), name="Cold.json")
    put(b"{}", name="Deep.json", revision="a/b/c/d", meta=False)
    client = s3_server.client()
    client.put_object(Bucket=bucket, Key="results/org__model/abc/Cold.json", Body=b"{}", StorageClass="GLACIER")
    client.put_object(Bucket=bucket, Key="results/org__model/../Up.json", Body=b"{}")
    client.put_object(Bucket=bucket, Key="results//abc/Slash.json", Body=b"{}")
    client.put_object(Bucket=bucket, Key="results/../abc/Above.json", Body=b"{}")
    client.put_object(Bucket=bucket, Key="results/org__model/abc/", Body=b"")
    monkeypatch.setattr(scan, "LARGEST", 4000)
    summary = import_from(f"s3://{bucket}", store=store)
    assert summary.added == 1
    reasons = {path.rpartition("/")[2]: reason for path, reason in summary.rejected}
    assert reasons.keys() == {"Large.json", "Empty.json", "Cold.json", "Up.json"}
    assert "archived" in reasons["Cold.json"] and "no result has more" in reasons["Large.json"]
    assert "could not be a path" in reasons["Up.json"]


def test_an_object_that_grew_since_it_was_listed_is_not_fetched_whole(
    put: Put, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(b"x" * 5000, name="Large.json")
    monkeypatch.setattr(from_storage, "LARGEST", 4000)
    with pytest.raises(scan.UnreadableResultError, match="no result has"):
        StorageSource(f"s3://{bucket}/results").read(path.removeprefix("results/"))


def test_files_are_asked_for_side_by_side(put: Put, bucket: str, s3_server: S3Server) -> None:
    """Each answer waits until three others are asked for as well: read one after the other none would ever come."""
    paths = [put(result("STS12"), f"org__{letter}", meta=False).removeprefix("results/") for letter in "abcd"]
    together = threading.Barrier(4, timeout=60)

    def wait(request: Request) -> int | None:
        if request.path.endswith("STS12.json") or "org__" in request.query:
            together.wait()
        return None

    source = StorageSource(f"s3://{bucket}/results")
    with s3_server.failing(wait):
        assert [file.path for file in source.files()] == paths
        source.ahead(paths)
        assert all(json.loads(source.read(path))["task_name"] == "STS12" for path in paths)


def test_mtebs_cache_holds_own_runs_too(put: Put, bucket: str, store: Path) -> None:
    put(result("STS12", 0.5), root="cache/remote/results")
    put(result("STS12", 0.4), root="cache/results")
    import_from(f"s3://{bucket}/cache", store=store)
    origins = ask(store, "SELECT origin, main_score FROM current_results JOIN scores USING (result_id) ORDER BY ALL")
    assert origins == [("official", 0.5), ("reproduced", 0.4)]


def test_other_processes_read_with_the_environments_credentials(
    put: Put, bucket: str, store: Path, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("STS12", "STS13", "STS14"):
        put(result(task))
    monkeypatch.setattr(workers, "_WORTH_A_POOL", 0)
    source = StorageSource(f"s3://{bucket}/results")
    source.ahead([file.path for file in source.files()])
    sent = pickle.dumps(source)
    assert len(sent) < 500 and KEY.encode() not in sent and SECRET.encode() not in sent
    assert import_from(f"s3://{bucket}", store=store).added == 3
    with s3_server.failing(lambda _: 403), pytest.raises(StorageError) as raised:
        list(source.files())
    back = pickle.loads(pickle.dumps(raised.value))  # as it comes from the process that reads
    assert (str(back), back.code) == (str(raised.value), "refused")


def test_the_command_takes_an_address(
    put: Put, bucket: str, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(result())
    monkeypatch.setenv("PLUMBLINE_STORE", str(store))
    ended = command("import", "--from", f"s3://{bucket}/")
    assert ended.status == 0, ended.err
    assert len(standing(store)) == 1
    assert command("import", "--from", f"s3://{bucket}").out.startswith(f"Nothing new in s3://{bucket}.")
    refused = command("import", "--from", f"s3://{bucket}-not")
    assert refused.status == 2 and "no such bucket" in refused.err


def test_a_folder_by_its_address_is_the_folder(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    assert import_from(f"file://{tmp_path}/checkout", store=store).added == 1
    assert not import_from(tmp_path / "checkout", store=store).published


def test_of_a_folder_that_cannot_be_listed_nothing_ends(
    write: Write, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a mount that is away for a moment."""
    write(result("STS12"), "org__a")
    write(result("STS13"), "org__b")
    import_from(tmp_path / "checkout", store=store)
    real = os.scandir

    def failing(path: str) -> Any:
        if str(path).endswith("org__b"):
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", failing)
        summary = import_from(tmp_path / "checkout", store=store)
    assert summary.gone == 0 and "cannot be opened" in summary.rejected[0][1] and len(standing(store)) == 2
    assert import_from(tmp_path / "checkout", store=store).rejected == []

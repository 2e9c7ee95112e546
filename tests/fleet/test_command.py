"""What is wrong with a plan's surroundings is one sentence and status 2, before Ray is started; no traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from data.store.storage import open_storage
from evaluators.fleet.shelf import Shelf
from tests.commands import Ended, command
from tests.s3_server import S3Server
from tests.serving import ROOT

OWN = ROOT / "data" / "sample" / "pairs"


def plan(folder: Path, storage: str, tasks: str = f"own = {json.dumps([str(OWN)])}") -> Path:
    file = folder / "PLAN.toml"
    file.write_text(f'storage = "{storage}"\n{tasks}\n[[models]]\nmodel = "a/b"\n')
    return file


def assert_one_sentence(ended: Ended, words: str) -> None:
    assert ended.status == 2 and words in " ".join(ended.err.split()) and "Traceback" not in ended.err + ended.out


def test_a_bucket_that_may_not_be_written_to(s3_server: S3Server, bucket: str, tmp_path: Path) -> None:
    with s3_server.failing(lambda request: 403 if request.method == "PUT" else None):
        assert_one_sentence(command("fleet", plan(tmp_path, f"s3://{bucket}/fleet")), "The storage refused us")


def test_a_bucket_that_is_not_there(bucket: str, tmp_path: Path) -> None:
    assert_one_sentence(command("fleet", plan(tmp_path, f"s3://{bucket}-else/fleet")), "There is no such bucket")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:10001", "somewhere"])
def test_a_cluster_that_is_not_there(address: str, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    ended = command("fleet", plan(tmp_path, str(tmp_path)), "--address", address)
    assert_one_sentence(ended, "There is no Ray cluster to join")
    assert_one_sentence(ended, "as HOST:6379")


def test_without_ray(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert_one_sentence(command("fleet", plan(tmp_path, str(tmp_path))), "pip install -r requirements-fleet.txt")


def test_a_task_or_folder_that_is_not_there(tmp_path: Path) -> None:
    assert_one_sentence(command("fleet", plan(tmp_path, str(tmp_path), 'tasks = ["Nosuch"]')), "There is no such task")
    assert_one_sentence(command("fleet", plan(tmp_path, str(tmp_path), 'own = ["./none"]')), "none")
    assert_one_sentence(command("fleet", tmp_path / "none.toml"), "The plan cannot be read")


def test_what_nobody_has_begun_and_what_somebody_has(tmp_path: Path) -> None:
    ended = command("fleet", plan(tmp_path, str(tmp_path / "shared")), "--status")
    assert_one_sentence(ended, "Nobody has begun this plan")
    shelf = Shelf(open_storage(tmp_path / "shared"), "s")
    shelf.show("sessions/s.json", {"session": "s", "plan_id": "plan", "status": "running", "seen_at": "nonsense"})
    ended = command("fleet", tmp_path / "PLAN.toml", "--status")
    assert ended.status == 0 and "running" in ended.out

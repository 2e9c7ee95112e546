from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from data.store.database import writing
from data.store.errors import InputError, ModelError
from data.store.findings import put_findings
from evaluators.model_files.hashes import file_sha256, git_blob_sha1
from evaluators.preflight import find_target, inspect, preflight
from evaluators.preflight.pin import read_pin, write_pin
from evaluators.preflight.target import Target
from tests.commands import command
from tests.models import build

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return build("BERT, CLS", tmp_path / "model")


def _codes(folder: Path, pin: Path) -> list[str]:
    return [finding.code for finding in inspect(find_target(str(folder)), pinned=pin)]


def test_a_pinned_model_that_did_not_change_is_silent(model: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin.json"
    write_pin(find_target(str(model)), pin)
    assert _codes(model, pin) == []


def test_changes_no_other_check_can_see_are_told_by_the_pin(model: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin.json"
    write_pin(find_target(str(model)), pin)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu_new"}))
    assert inspect(find_target(str(model))) == []
    assert _codes(model, pin) == ["pin-differs"]


def test_new_and_missing_files_are_told_by_the_pin(model: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin.json"
    write_pin(find_target(str(model)), pin)
    (model / "special_tokens_map.json").unlink()
    (model / "added_tokens.json").write_text("{}")
    assert _codes(model, pin) == ["pin-missing", "pin-new-file"]


def test_other_token_ids_are_told_by_the_pin(model: Path, tmp_path: Path) -> None:
    pin = tmp_path / "pin.json"
    write_pin(find_target(str(model)), pin)
    kept = json.loads(pin.read_text())
    kept["tokens"]["plain"][3] += 1  # as if another version had read the same files otherwise
    pin.write_text(json.dumps(kept))
    assert _codes(model, pin) == ["pin-tokens"]


def test_a_file_that_is_no_pin_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "pin.json").write_text("[]")
    with pytest.raises(InputError, match="not a pin"):
        read_pin(tmp_path / "pin.json")


class _Hub(BaseHTTPRequestHandler):
    """As much of the hub as a model's description needs: two revisions, the newer with other weights."""

    folder: Path

    def do_GET(self) -> None:
        revision = self.path.split("/revision/")[1].split("?")[0] if "/revision/" in self.path else NEW
        body = json.dumps(
            {"_id": "0", "id": "org/name", "sha": revision, "siblings": self._siblings(revision)}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _siblings(self, revision: str) -> list[dict[str, object]]:
        weights = (
            file_sha256(self.folder / "model.safetensors") if revision == OLD else hashlib.sha256(b"newer").hexdigest()
        )
        lfs = {"sha256": weights, "size": 1, "pointerSize": 100}
        config = git_blob_sha1(self.folder / "config.json")
        return [
            {"rfilename": "model.safetensors", "size": 1, "blobId": "0" * 40, "lfs": lfs},
            {"rfilename": "config.json", "size": 1, "blobId": config},
        ]

    def log_message(self, *arguments: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def hub(model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    handler = type("Hub", (_Hub,), {"folder": model})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()


def test_the_files_of_an_old_revision_are_right_but_stale(model: Path, hub: None) -> None:
    findings = inspect(Target(str(model), model, OLD), repository="org/name")
    assert [(finding.code, finding.severity) for finding in findings] == [("revision-stale", "serious")]
    assert findings[0].evidence["changed"] == ["model.safetensors"]


def test_weights_that_are_not_the_hub_s_are_named(model: Path, hub: None) -> None:
    findings = inspect(Target(str(model), model, NEW), repository="org/name")
    assert [(finding.code, finding.evidence["file"]) for finding in findings] == [("hub-differs", "model.safetensors")]


def test_a_hub_out_of_reach_is_no_finding(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert inspect(find_target(str(model)), repository="org/name") == []


def test_a_model_that_is_nowhere_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not on this machine|neither a folder"):
        find_target("nobody/nothing-of-the-kind")


def test_findings_are_kept_under_the_run_that_looked(model: Path, tmp_path: Path) -> None:
    (model / "modules.json").unlink()
    with writing(tmp_path / "store.duckdb") as connection:
        for _ in range(2):  # the same look twice leaves one row
            rows = [finding.as_row() for finding in preflight(str(model))]
            put_findings(connection, "run-1", str(model), rows, subject="encoder-1")
        rows = connection.execute("SELECT run_id, subject, tier, code, severity FROM findings").fetchall()
    assert rows == [("run-1", "encoder-1", "files", "modules-missing", "serious")]


def test_the_command_tells_pipelines_by_its_exit_status(model: Path) -> None:
    words = ["preflight", model, "--json"]
    assert command(*words).status == 0
    (model / "modules.json").unlink()
    failed = command(*words)
    assert failed.status == 1
    assert [finding["code"] for finding in json.loads(failed.out)] == ["modules-missing"]
    assert command(*words, "--fail-on", "fatal").status == 0
    assert command(*words, "--fail-on", "never").status == 2

"""One record of a run: all four commands write it, pages read nothing else, and old ones are read as new."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import duckdb
import pytest

from dashboard.queries import runs as asked
from data.store import runs
from data.store.database import writing
from data.store.runs import Environment, File, RunRow, RunWarning, recorded
from data.store.vocabulary import RunKind, Status

NOW = datetime(2026, 11, 20, 10)  # noqa: DTZ001 - the store keeps UTC without saying so
FILES = [{"path": "config.json", "size": 12, "sha256": "c" * 64}]
SETTINGS = {
    RunKind.REPRODUCE: runs.ReproduceSettings,
    RunKind.PARITY: runs.ParitySettings,
    RunKind.PREFLIGHT: runs.PreflightSettings,
    RunKind.DIAGNOSE: runs.DiagnoseSettings,
}


def by_reproduce(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    from evaluators.preflight.finding import Finding
    from evaluators.reproduce.journal import Journal
    from evaluators.reproduce.model_settings import settings_in_use
    from evaluators.reproduce.publish import put
    from evaluators.reproduce.request import ModelRequest
    from evaluators.reproduce.run import begin_run
    from evaluators.reproduce.warning_capture import WarningCapture

    heard = WarningCapture()
    heard.note("transformers", "said twice")
    heard.note("transformers", "said twice")
    journal = Journal.open(folder / "runs", {})
    loaded: Any = SimpleNamespace(
        name="org/model", revision="a" * 40, registered=True, loader="library", files=FILES,
        findings=[Finding("weights", "weights-missing", "fatal", "3 of 9 tensors are not there", "Why.", "Load them.")],
    )  # fmt: skip
    plan: Any = SimpleNamespace(request=ModelRequest("org/model"), command="reproduce", batch_size=32)
    begin_run(journal, plan, loaded, settings_in_use(SimpleNamespace()), heard.take())
    put(connection, journal.run, [], journal.read)


def by_parity(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    from evaluators.encoders.base import Description
    from evaluators.parity.keep import _run

    def examined(label: str, warning: str) -> Any:
        said = Description("org/model", "a" * 40, {"backend": "ready"}, {}, FILES, [warning])
        return SimpleNamespace(description=said, settings=SimpleNamespace(display=label), error="")

    check: Any = SimpleNamespace(
        check_id="check", reference=examined("ours", "slow"), candidates=[examined("theirs", "old")],
        started_at=NOW, finished_at=NOW,
    )  # fmt: skip
    runs.put_run(connection, _run(check, "parity"))


def by_preflight(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    from evaluators.preflight.command import settings_of
    from evaluators.preflight.record import row_of

    (folder / "config.json").write_text("{}")
    target: Any = SimpleNamespace(name="org/model", folder=folder, revision="a" * 40, files=["config.json"])
    target.path = lambda name: folder / name
    settings = settings_of(None, ["org/model@" + "a" * 40], folder / "pin.json", "org/model")
    runs.put_run(connection, row_of(target, command="preflight", settings=settings, started=NOW, finished=NOW))


def by_diagnose(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    from evaluators.diagnose.from_store import keep_diagnoses
    from evaluators.diagnose.recipe import Recipe

    reference: Any = SimpleNamespace(name="org/model", recipe=Recipe(), target=SimpleNamespace(revision="a" * 40))
    keep_diagnoses(connection, reference, {}, check_id=None, command="diagnose", started=datetime.now(UTC))


WRITERS = {
    RunKind.REPRODUCE: by_reproduce,
    RunKind.PARITY: by_parity,
    RunKind.PREFLIGHT: by_preflight,
    RunKind.DIAGNOSE: by_diagnose,
}


def test_every_command_that_makes_a_run_is_here() -> None:
    assert set(WRITERS) == set(SETTINGS) == set(RunKind)


@pytest.mark.parametrize("kind", RunKind)
def test_what_a_command_writes_is_the_record(kind: RunKind, tmp_path: Path) -> None:
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        WRITERS[kind](connection, tmp_path)
        [run] = connection.execute("SELECT * FROM runs").df().to_dict("records")
        shown = {part: asked.part(connection, run["run_id"], part) for part in asked.PARTS}
    assert set(run) == set(RunRow.__annotations__)
    assert run["kind"] == kind and run["status"] in set(Status)
    settings, environment, files, warnings = (
        json.loads(run[name]) for name in ("settings", "environment", "files", "warnings")
    )
    assert settings and set(settings) <= set(get_type_hints(SETTINGS[kind]))
    assert set(environment) == set(Environment.__annotations__)
    assert environment["libraries"] and environment["python"] and environment["cpus"] and environment["memory_mb"]
    assert all(set(file) == set(File.__annotations__) for file in files)
    assert all(set(warning) == set(RunWarning.__annotations__) for warning in warnings)
    assert bool(warnings) == (kind in (RunKind.REPRODUCE, RunKind.PARITY))
    # What the page reads is what was written: nothing is lost or made up on the way.
    assert recorded(run["settings"], run["environment"], run["files"], run["warnings"]) == (
        settings, environment, files, warnings
    )  # fmt: skip
    names = set(shown["environment"]["name"])
    assert {"python", "platform", "cpus", "memory_mb"} <= names and any(n.startswith("libraries.") for n in names)


def test_what_an_encoder_or_a_loader_says_is_of_the_record() -> None:
    from evaluators.encoders.base import in_use
    from evaluators.encoders.settings import EncoderSettings
    from evaluators.reproduce.model_settings import settings_in_use

    known = set(get_type_hints(runs.InUse))
    assert set(settings_in_use(SimpleNamespace())) <= known
    read = {
        "backend",
        "source",
        "options",
        "pooling",
        "normalise",
        "dimensions",
        "dtype",
        "max_length",
        "strip",
        "prompts",
    }
    assert read <= known and read <= set(in_use(EncoderSettings("ready", "vectors.npy")))


@dataclass(frozen=True)
class Old:
    """Runs as earlier versions kept them, with what is known of them today."""

    environment: dict[str, Any]
    warnings: list[Any]
    known: dict[str, Any]
    said: list[str]


@pytest.mark.parametrize(
    "old",
    [
        Old(
            {"python": "3.11.9", "machine": "x86_64", "cores": 2, "memory_gb": 16.8, "threads": "1",
             "versions": {"torch": "2.13.0"}},
            ["theirs: it is old"],
            {"cpu": "x86_64", "cpus": 2, "memory_mb": 16022, "variables": {"OMP_NUM_THREADS": "1"},
             "libraries": {"torch": "2.13.0"}},
            ["theirs: it is old"],
        ),
        Old(
            {"python": "3.11.9", "cores": 2, "threads": None, "libraries": {"torch": "2.13.0"}},
            [],
            {"cpus": 2, "variables": {}, "libraries": {"torch": "2.13.0"}},
            [],
        ),
        Old(
            {"python": "3.11.9", "libraries": {"mteb": "2.26.24"}, "cpu": "A CPU", "cpus": 2, "torch_threads": 2},
            [{"source": "preflight", "text": "fatal: 3 of 9 tensors", "times": 1},
             {"source": "transformers", "text": "slow", "times": 2}],
            {"cpu": "A CPU", "cpus": 2, "torch_threads": 2},
            ["transformers: slow (2 times)"],
        ),
        Old({}, [], {"libraries": {}, "cpus": None}, []),
    ],
)  # fmt: skip
def test_runs_of_earlier_versions_are_read_as_todays(old: Old) -> None:
    found = recorded("{}", json.dumps(old.environment), "[]", json.dumps(old.warnings))
    assert set(found.environment) == set(Environment.__annotations__)
    assert {name: found.environment[name] for name in old.known} == old.known  # type: ignore[literal-required]
    assert [runs.in_one_line(warning) for warning in found.warnings] == old.said


def test_a_run_written_again_is_one_row(tmp_path: Path) -> None:
    writer: Callable[..., None] = WRITERS[RunKind.PARITY]
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        for _ in range(2):
            writer(connection, tmp_path)
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)

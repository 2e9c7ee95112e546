"""A backend is its own module and one line of the registry: whatever else asks of it asks its record."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from data.store import keys
from data.store.database import writing
from data.store.errors import InputError, MissingDependencyError, ModelError
from evaluators.__main__ import app
from evaluators.encoders import registry
from evaluators.encoders.base import Backend, Description, Encoded, in_use
from evaluators.encoders.registry import BACKENDS, open_encoder
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.spec import parse_spec
from evaluators.parity.keep import keep_check
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import check
from evaluators.preflight.encoders import look
from tests.parity.conftest import core_probes
from tests.parity.misbehaving import right

ROOT = Path(__file__).parents[2]
KEY = "zk-9F3xQ7Lw2VbT8mRc"


class Made:
    """Vectors of nothing, by a backend that nothing but the registry knows."""

    opened = 0

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        Made.opened += 1

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        return Encoded(dense=np.stack([right(text) for text in texts]).astype(np.float32))

    def describe(self) -> Description:
        return Description(self.settings.model, None, in_use(self.settings), {})

    def close(self) -> None:
        pass


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Adds the backend with the traits it is given: a module, and one line of the registry."""

    def add(**traits: Any) -> None:
        module = ModuleType("evaluators.encoders.made_here")
        module.BACKEND = Backend(open=Made, about="vectors made for a test", example="NOWHERE?size=3", **traits)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(registry, "BACKENDS", (*BACKENDS, "made-here"))

    yield add
    keys.forget()


def kept(candidate: str, store: Path) -> duckdb.DuckDBPyConnection:
    Made.opened = 0
    done = check(CheckPlan(parse_spec("made-here:reference"), (parse_spec(candidate),), core_probes()))
    with writing(store) as connection:
        keep_check(connection, done, "python -m evaluators parity")
    return duckdb.connect(str(store), read_only=True)


def test_it_opens_with_its_options_and_is_in_the_help(made: Any) -> None:
    made(options=frozenset({"size"}), in_process=False)
    encoder = open_encoder(parse_spec("made-here:NOWHERE?size=3"))
    assert encoder.encode(["a"], None).dense is not None
    with pytest.raises(InputError, match="Its options: size"):
        open_encoder(parse_spec("made-here:NOWHERE?width=3"))
    printed = CliRunner().invoke(app, ["parity", "--help"], env={"COLUMNS": "200"}).output
    assert "made-here:NOWHERE?size=3" in printed and "vectors made for a test" in printed


def test_its_source_has_a_revision_only_where_it_says_so(made: Any) -> None:
    made(revisions=True)
    assert parse_spec("made-here:org/name@main").revision == "main"
    made()
    assert parse_spec("made-here:org/name@main").source == "org/name@main"


def test_what_it_needs_is_asked_for(made: Any) -> None:
    made(package="no-such-package", in_process=False)
    with pytest.raises(MissingDependencyError, match="no-such-package"):
        open_encoder(parse_spec("made-here:x"))


@pytest.mark.parametrize("traits", [{"from_folder": True}, {"command_line": True, "in_process": False}])
def test_the_folders_it_names_are_vetted(made: Any, traits: dict[str, Any], tmp_path: Path) -> None:
    made(**traits)
    config = {"model_type": "bert", "_attn_implementation": "somebody/kernel"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="takes its attention from"):
        open_encoder(parse_spec(f"made-here:{tmp_path}"))


def test_the_protocol_asks_by_its_traits(made: Any, tmp_path: Path) -> None:
    made(in_process=False, shared=True, one_load="it is loaded once")
    found = kept("made-here:candidate", tmp_path / "server.duckdb")
    loads = found.execute("SELECT DISTINCT outcome, detail FROM protocol WHERE test = 'loads'").fetchall()
    assert loads == [("skipped", "Not asked: it is loaded once.")]
    assert Made.opened == 2 + 2 * 4, "each side once, and by four more clients"
    made(in_process=False)
    found = kept("made-here:candidate", tmp_path / "library.duckdb")
    assert Made.opened == 2 + 2, "each side once, and a second load of each"
    assert found.execute("SELECT DISTINCT outcome FROM protocol WHERE test = 'loads'").fetchall() == [("pass",)]


def test_preflight_looks_at_the_files_it_loads(made: Any, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    made(own_files=True)
    assert look(parse_spec(f"made-here:{tmp_path}"))
    assert not look(parse_spec(f"made-here:{tmp_path}?runtime=onnx"))
    made()
    assert not look(parse_spec(f"made-here:{tmp_path}"))


@pytest.mark.parametrize("outside", [True, False])
def test_a_store_is_cleaned_of_what_it_was_told_outside(
    made: Any, outside: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(in_process=False, outside=outside)
    store = tmp_path / "s.duckdb"
    found = kept("made-here:candidate?key_env=MADE_KEY", store)
    assert found.execute("SELECT DISTINCT outside FROM encoders").fetchall() == [(outside,)]
    found.close()
    with writing(store) as connection:
        connection.execute("UPDATE drift_summary SET sentence = ?", [f"The server says {KEY}"])
    monkeypatch.setenv("MADE_KEY", KEY)
    with writing(store) as connection:
        ((sentence,),) = connection.execute("SELECT sentence FROM drift_summary").fetchall()
    assert (KEY in sentence) is not outside


# Backends that are called as nothing else is; the others have the name of a library.
_OWN_NAMES = {"flag-embedding", "bce", "openai", "tei", "ready"}


def _names(node: ast.expr) -> set[str]:
    entries = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", [])
    return {entry.value for entry in entries if isinstance(entry, ast.Constant) and entry.value in BACKENDS}


def test_no_other_file_lists_backends_or_asks_for_one_by_name() -> None:
    listed = []
    for folder in ("data", "evaluators", "dashboard"):
        # What is in ``isolated`` runs under another Python, and knows nothing of Plumbline.
        for path in sorted(path for path in (ROOT / folder).rglob("*.py") if path.parent.name != "isolated"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Set | ast.List | ast.Tuple | ast.Dict):
                    names = _names(node)
                    if len(names) > 1 and names & _OWN_NAMES:
                        listed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
                if isinstance(node, ast.Compare) and "backend" in ast.unparse(node.left):
                    for other in node.comparators:
                        values = {other.value} if isinstance(other, ast.Constant) else _names(other)
                        if values & set(BACKENDS):
                            listed.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert {line.split(":")[0] for line in listed} == {"evaluators/encoders/registry.py"}, listed

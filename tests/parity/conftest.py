from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from data.store.database import writing
from evaluators.encoders.spec import parse_spec
from evaluators.parity.keep import keep_check
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import Check, check
from evaluators.probes import ProbeSet, load_probes


@pytest.fixture(autouse=True, scope="module")
def offline() -> Iterator[None]:
    """No test asks the hub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield


def core_probes() -> ProbeSet:
    """The 16 probes that are enough to tell causes apart."""
    whole = load_probes()
    return ProbeSet("core", whole.core)


def checked(reference: str, candidates: Sequence[str], probes: ProbeSet | None = None) -> Check:
    """A check of specs on the core probes."""
    specs = [parse_spec(spec) for spec in candidates]
    return check(CheckPlan(parse_spec(reference), tuple(specs), probes or core_probes()))


def verdicts(done: Check, output: str = "dense") -> dict[str, str]:
    """Verdict by label."""
    return {
        examined.settings.display: found.verdict.verdict
        for examined in done.candidates
        for found in examined.comparisons
        if found.output == output
    }


def kept(done: Check, path: Path) -> duckdb.DuckDBPyConnection:
    """The check in a store of its own, open for reading."""
    with writing(path) as connection:
        keep_check(connection, done, "python -m evaluators parity")
    return duckdb.connect(str(path), read_only=True)


def rows(connection: duckdb.DuckDBPyConnection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return connection.execute(query, list(values)).fetchall()

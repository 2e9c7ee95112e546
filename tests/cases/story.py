"""A case as a story: the real commands on a store of its own, then what the store and the pages say."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner

from evaluators.__main__ import app

__all__ = ["Story"]


@dataclass(frozen=True)
class Story:
    """A folder with a store in it, and the commands run on that store."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "store.duckdb"

    def run(self, *arguments: object, status: int = 0) -> str:
        """``python -m evaluators ARGUMENTS``, which must end with this status; what it said."""
        said = [str(argument) for argument in arguments]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["evaluators", *said])
            environment = {"PLUMBLINE_STORE": str(self.store), "HF_HUB_OFFLINE": "1", "COLUMNS": "240"}
            done = CliRunner().invoke(app, said, env=environment, catch_exceptions=False)
        assert done.exit_code == status, done.output
        return done.output

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the store answers."""
        with duckdb.connect(str(self.store), read_only=True) as connection:
            return connection.execute(query, list(values)).fetchall()

    def causes(self) -> dict[str, list[str]]:
        """The causes stated of each candidate by the newest diagnosis, by the candidate's label."""
        found = self.ask(
            "SELECT e.label, list(c.cause ORDER BY c.position) FILTER (c.accepted) FROM diagnoses d"
            " JOIN encoders e ON e.encoder_id = d.candidate LEFT JOIN diagnosis_causes c USING (diagnosis_id)"
            " GROUP BY e.label"
        )
        return {label: causes or [] for label, causes in found}

    def prove(self, label: str) -> None:
        """The vectors kept as proof, and those that the lines to paste give, are the candidate's on every text."""
        kept = self.ask(
            "SELECT text_hash, text, role, vector FROM vectors JOIN probes USING (text_hash) JOIN encoders"
            " USING (encoder_id) WHERE label = ? AND output = 'dense'", label,
        )  # fmt: skip
        [(proof, snippet)] = self.ask(
            "SELECT proof, snippet FROM diagnoses JOIN encoders ON encoder_id = candidate WHERE label = ?", label
        )
        order = json.loads(proof)["texts"]
        _, texts, roles, vectors = zip(*sorted(kept, key=lambda row: order.index(row[0])), strict=True)
        wanted, scope = np.array(vectors), dict[str, Any]()
        np.testing.assert_allclose(json.loads(proof)["vectors"], wanted, atol=1e-5 * np.abs(wanted).max())
        lines = snippet.replace('texts = ["..."]', f"texts = {list(texts)!r}")
        exec(lines.replace("roles = [None] * len(texts)", f"roles = {list(roles)!r}"), scope)
        np.testing.assert_allclose(scope["vectors"], wanted, atol=1e-5 * np.abs(wanted).max())

"""A real MTEB task through an encoder of the parity check gives what the library gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import InputError
from evaluators.reproduce.models import Asked, load
from tests.reproduce.conftest import SAMPLE, Command, rows


@pytest.mark.slow
def test_another_library_gives_the_same_score(command: Command, tiny: Path) -> None:
    own = ("--own", SAMPLE / "pairs", "--as", "acme/tiny")
    status, said = command.run("reproduce", tiny, *own)
    assert status == 0, said
    [(run,)] = rows(command.store, "SELECT run_id FROM runs")
    spec = f"transformers:{tiny}?pooling=mean&normalise=true"
    status, said = command.run("reproduce", spec, *own, "--compare-to", run, "--fail-on", "gap")
    assert status == 0, said
    assert "by the transformers encoder" in said
    assert len({round(score, 5) for (score,) in rows(command.store, "SELECT main_score FROM scores")}) == 1


def test_settings_belong_into_the_spec(tiny: Path) -> None:
    with pytest.raises(InputError, match="part of its name"):
        load(Asked(f"transformers:{tiny}?pooling=mean", dtype="bf16"))

"""Case: one side strips texts, the other does not. A tokenizer that sees white space drifts on just those texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.probes import ProbeSet, load_probes
from tests.parity.conftest import checked, verdicts
from tests.small_models import byte_level, minilm


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return byte_level(tmp_path_factory.mktemp("byte-level"))


def test_a_byte_level_model_drifts_on_just_the_texts_with_white_space_at_the_ends(model: Path) -> None:
    probes = load_probes()
    spec = f"sentence-transformers:{model}"
    done = checked(spec, [f"{spec}?strip=yes&label=stripped", f"transformers:{model}?label=by-hand"], probes)
    assert verdicts(done) == {"stripped": "differs on some texts", "by-hand": "identical"}
    stripped = done.candidates[0].comparisons[0]
    drifted = {
        probe.probe
        for probe, distance in zip(probes.probes, stripped.columns["cosine_distance"], strict=True)
        if distance > 1e-6
    }
    assert drifted == {probe.probe for probe in probes.probes if probe.text != probe.text.strip()}
    assert "exactly those with the trait outer-space" in stripped.verdict.sentence
    # Euclidean distance makes a small cosine distance look large: the square root of twice as much.
    assert stripped.summary["l2_amplification"] is not None
    assert stripped.summary["l2_amplification"] > 5


def test_a_word_piece_model_does_not_see_it() -> None:
    spec = f"transformers:{minilm()}"
    spaced = ProbeSet("spaced", tuple(probe for probe in load_probes().core if probe.text != probe.text.strip()))
    assert len(spaced.probes) >= 3
    assert verdicts(checked(spec, [f"{spec}?strip=yes&label=stripped"], spaced)) == {"stripped": "identical"}

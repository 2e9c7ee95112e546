"""A check looks at the files of its encoders before any text goes through them."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.store.errors import ModelError
from evaluators.encoders.spec import parse_spec
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import check
from evaluators.probes import ProbeSet, load_probes
from tests.models import build
from tests.parity.conftest import kept, rows

PROBES = ProbeSet("four", load_probes().core[:4])


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return build("BERT, CLS", tmp_path / "sound")


@pytest.fixture
def torn(tmp_path: Path) -> Path:
    """The same with a tensor missing from its file."""
    from safetensors.torch import load_file, save_file

    folder = build("BERT, CLS", tmp_path / "torn")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop(next(name for name in tensors if name.endswith("value.weight")))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def plan(reference: Path, candidate: Path, **more: bool) -> CheckPlan:
    specs = [parse_spec(f"sentence-transformers:{folder}") for folder in (reference, candidate)]
    return CheckPlan(specs[0], (specs[1],), PROBES, **more)


def test_a_candidate_at_fault_runs_and_its_fault_is_kept_with_it(sound: Path, torn: Path, tmp_path: Path) -> None:
    store = kept(check(plan(sound, torn)), tmp_path / "store.duckdb")
    found = rows(
        store, "SELECT f.code, f.severity, e.model FROM findings f JOIN encoders e ON e.encoder_id = f.subject"
    )
    assert found == [("weights-missing", "fatal", str(torn))]
    assert rows(store, "SELECT verdict FROM drift_summary") not in ([], [("identical",)])


def test_a_reference_at_fault_stops_the_check_unless_told_otherwise(sound: Path, torn: Path) -> None:
    steps = []
    with pytest.raises(ModelError, match="reference is at fault: 1 of"):
        check(plan(torn, sound), lambda encoder, what: steps.append(what))
    assert steps == ["looking at its files"]  # no text was encoded
    done = check(plan(torn, sound, anyway=True))
    assert [finding.code for finding in done.reference.findings] == ["weights-missing"]
    assert done.candidates[0].findings == ()

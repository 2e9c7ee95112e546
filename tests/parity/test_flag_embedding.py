"""Case: BGE-M3's three outputs through the real FlagEmbedding library, with its head files and without them."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from evaluators.parity.run import Check
from tests.parity.conftest import checked, kept, rows, verdicts
from tests.small_models import bge_m3

# Looked for and not imported: every worker collects this file, and the library brings torch and transformers.
pytestmark = pytest.mark.skipif(find_spec("FlagEmbedding") is None, reason="needs FlagEmbedding")
OUTPUTS = "outputs=dense,sparse,multi&max_length=250"


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Check:
    whole = bge_m3(tmp_path_factory.mktemp("whole"))
    headless = tmp_path_factory.mktemp("headless") / "model"
    shutil.copytree(whole, headless, ignore=shutil.ignore_patterns("*_linear.pt"))
    return checked(
        f"flag-embedding:{whole}?{OUTPUTS}",
        [f"flag-embedding:{whole}?{OUTPUTS}&label=same", f"flag-embedding:{headless}?{OUTPUTS}&label=headless",
         f"transformers:{whole}?label=by-hand&pooling=cls&normalise=yes&max_length=250"],
    )  # fmt: skip


def test_with_its_heads_all_three_outputs_agree(check: Check) -> None:
    same = check.candidates[0]
    found = {comparison.output: comparison.verdict.verdict for comparison in same.comparisons}
    assert found == {"dense": "identical", "sparse": "identical", "multi": "identical"}
    assert not same.description.warnings
    assert {entry["path"] for entry in same.description.files} >= {"sparse_linear.pt", "colbert_linear.pt"}


def test_without_them_two_loads_disagree_and_dense_does_not_mind(check: Check) -> None:
    headless = check.candidates[1]
    found = {comparison.output: comparison.verdict for comparison in headless.comparisons}
    assert found["dense"].verdict == "identical"
    assert found["sparse"].verdict == found["multi"].verdict == "unstable"
    loads = next(outcome for outcome in headless.protocol if outcome.test == "loads")
    assert loads.outcome == "fail"
    assert "disagree in the sparse output" in loads.detail
    assert "its dense output agrees" in loads.detail
    assert "initialised at random" not in found["sparse"].sentence  # that is seen in the files, not in the vectors
    assert headless.description.warnings == [
        "sparse_linear.pt, colbert_linear.pt not found: FlagEmbedding initialises both heads at random."
    ]


def test_its_dense_output_is_the_first_token_normalised(check: Check) -> None:
    assert verdicts(check)["by-hand"] == "identical"


def test_each_output_is_kept_with_its_own_measures(check: Check, tmp_path: Path) -> None:
    store = kept(check, tmp_path / "s.duckdb")
    found = rows(store, "SELECT label, output, measures FROM drift_summary JOIN encoders USING (encoder_id)")
    measures = {(label, output): json.loads(text) for label, output, text in found}
    assert measures["same", "sparse"]["token_overlap"] == 1
    assert measures["same", "multi"]["maxsim_difference"] == 0
    assert measures["headless", "multi"]["maxsim_difference"] > 0.001
    sparse = rows(store, "SELECT payload FROM vectors WHERE output = 'sparse' LIMIT 1")[0][0]
    assert all(isinstance(weight, float) for weight in json.loads(sparse).values())
    shape, flat = rows(store, "SELECT payload, vector FROM vectors WHERE output = 'multi' LIMIT 1")[0]
    assert np.prod(json.loads(shape)["shape"]) == len(flat)

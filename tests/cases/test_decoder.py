"""Case 5: a decoder that wants its instruction, its end token, its last token; people's figures are below the card's.

The model is Qwen3-shaped and small, and has learnt enough (tests/cases/small_world.py) for each fault to cost what
such faults cost: points on retrieval, bitext mining and code retrieval.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.cases.hub_data import write_rows
from tests.cases.small_world import texts
from tests.cases.story import Story
from tests.dashboard.test_drift_page import page, said
from tests.serving import served

pytestmark = pytest.mark.slow

# Each candidate, what is wrong with it, and what the diagnosis has to say.
FAULTS = {
    "another library": [],
    "prompt missing": ["prompt missing"],
    "mean pooling": ["mean pooling"],
    "EOS missing": ["EOS (the end token) missing"],
    "not normalised": ["normalisation missing"],
    "dimensions cut": ["cut to 32 dimensions"],
    "int8 weights": ["int8 weights"],
    "int8 by PyTorch": ["int8 activations, as PyTorch quantises"],
    "no prompt, mean pooling": ["mean pooling", "prompt missing"],
    "no EOS, dimensions cut": ["EOS (the end token) missing", "cut to 32 dimensions"],
}


@pytest.fixture(scope="module")
def vectors(decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """One parity check of every fault against the right set-up, and its diagnosis."""
    story = Story(tmp_path_factory.mktemp("vectors"))
    right, no_end = f"sentence-transformers:{decoder}", f"sentence-transformers:{_no_end(decoder, story.folder)}"
    candidates = {
        "another library": f"transformers:{decoder}?pooling=last&normalise=yes",
        "prompt missing": f"{right}?query_prompt=",
        "mean pooling": f"{right}?pooling=mean",
        "EOS missing": no_end,
        "not normalised": f"{right}?normalise=no",
        "dimensions cut": f"{right}?dimensions=32",
        "int8 weights": f"sentence-transformers:{_int8(decoder, story.folder)}",
        "int8 by PyTorch": f"{right}?dtype=int8",
        "no prompt, mean pooling": f"{right}?query_prompt=&pooling=mean",
        "no EOS, dimensions cut": f"{no_end}?dimensions=32",
    }
    assert list(candidates) == list(FAULTS)
    labelled = (f"{spec}{'&' if '?' in spec else '?'}label={quote(label)}" for label, spec in candidates.items())
    specs = [word for spec in labelled for word in ("--candidate", spec)]
    write_rows(story.folder / "texts.jsonl", texts())
    story.run("parity", "--reference", f"{right}?label=right", *specs, "--probes", story.folder / "texts.jsonl")
    story.run("diagnose", "last")
    return story


def _no_end(decoder: Path, folder: Path) -> Path:
    """The model with a tokenizer that ends no text, as some conversions leave it."""
    copy = shutil.copytree(decoder, folder / "no-end")
    tokenizer = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    (copy / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}), encoding="utf-8")
    return copy


def _int8(decoder: Path, folder: Path) -> Path:
    """The model's matrices through int8 and back, one scale for 32 weights: what llama.cpp calls q8_0."""
    from safetensors.numpy import load_file, save_file

    copy = shutil.copytree(decoder, folder / "int8")
    tensors = load_file(copy / "model.safetensors")
    for name, tensor in tensors.items():
        if tensor.ndim == 2:
            blocks = tensor.reshape(-1, 32)
            scale = np.abs(blocks).max(axis=1, keepdims=True) / 127
            tensors[name] = (np.round(blocks / scale) * scale).reshape(tensor.shape).astype(np.float32)
    save_file(tensors, copy / "model.safetensors", {"format": "pt"})
    return copy


def test_each_fault_is_named_and_two_at_once_are_both_named(vectors: Story) -> None:
    for label, causes in vectors.causes().items():
        wanted = FAULTS[label]
        assert len(causes) == len(wanted), (label, causes)
        assert all(cause.startswith(fault) for cause, fault in zip(sorted(causes), wanted, strict=True)), (
            label,
            causes,
        )
    assert len(vectors.causes()) == len(FAULTS)


def test_the_drift_page_names_each(vectors: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    for label in ("no prompt, mean pooling", "no EOS, dimensions cut"):
        words = said(page(monkeypatch, vectors.store, encoder=label))
        for cause in FAULTS[label]:
            assert f"**{cause}".replace("(", "\\(").replace(")", "\\)").lower() in words.lower()
        if label == "no prompt, mean pooling":
            for said_of in ("2 encoders of 10 are the same model", "and prompt missing explain 100.0% of the drift",
                            "Use last token pooling", "Pass the prompt of each role"):  # fmt: skip
                assert said_of in words.replace("\\", "")


@pytest.mark.soak  # the words are looked for above, and pages in a browser by the tests of the dashboard
@pytest.mark.browser
def test_the_drift_page_in_a_browser(vectors: Story, tmp_path: Path, open_page: Any) -> None:
    with served(vectors.store, tmp_path / "page.log") as address:
        view = open_page(f"{address}/drift?encoder={quote('no prompt, mean pooling')}", height=2400)
        expect(view.get_by_text("2 encoders of 10 are the same model")).to_be_visible()
        expect(view.get_by_text("and prompt missing explain 100.0% of the drift").first).to_be_visible()
        expect(view.get_by_test_id("stCode").filter(has_text="Use last token pooling")).to_be_visible()
        expect(view.get_by_test_id("stCode").filter(has_text="Pass the prompt of each role")).to_be_visible()

"""Models of many makers: rebuilt as the library runs them, and no cause that one of them refuses ends a diagnosis."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.lengths import Lengths
from tests.models import minilm_words, randomise, write_modules

TEXTS = [
    "Where is my parcel?", "The lamp burned two litres of oil & 3 candles.", "Café naïve", "URGENT", "42", "a\nb",
    "A child flies a red kite.", "def f(x): return x", "The old mill stands by the river, as it did.", "cat",
    *(" ".join(f"the committee will publish report {number} in spring" for number in range(count)) for count in (6, 9)),
]  # fmt: skip
_BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
         "max_position_embeddings": 130}  # fmt: skip
# What each of them is here for.
KINDS: dict[str, dict[str, Any]] = {
    "mpnet": _BERT,  # transformers makes it a tokenizer without a word that cannot read one
    "deberta-v2": _BERT,  # takes no mask that is spelled out
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64},  # positions without a table
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128},  # adds what token types it is given
    "fnet": _BERT,  # has no half precision
}


def _folder(kind: str, folder: Path) -> Path:
    from transformers import AutoConfig, AutoModel

    words = folder / "words"
    words.mkdir(parents=True)
    size = len(minilm_words(words))
    config = AutoConfig.for_model(kind, vocab_size=size, pad_token_id=0, **KINDS[kind])
    randomise(AutoModel.from_config(config)).save_pretrained(folder)
    for file in words.iterdir():
        if file.name not in ("config.json", "model.safetensors"):
            shutil.copy(file, folder)
    write_modules(folder, 32, "mean_tokens", length=100)
    return folder


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model of each kind, with MiniLM's kind of tokenizer."""
    return _folder(request.param, tmp_path_factory.mktemp("kind") / request.param)


@pytest.fixture(scope="module")
def bench(folder: Path) -> Bench:
    return Bench(load_reference(str(folder)), batched(TEXTS))


def test_the_reference_is_what_the_library_gives(folder: Path, bench: Bench) -> None:
    """Text by text: FNet mixes padding into what it stands beside."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    for place in (0, 2, 10):
        own = bench.only([place]).vectors(bench.reference.recipe)[0]
        assert np.abs(model.encode(TEXTS[place]) - own).max() < 1e-5


def test_what_the_model_refuses_ends_no_diagnosis(bench: Bench) -> None:
    """Every cause is tried on a change that is in no catalogue."""
    bench = bench.of_texts(batched(TEXTS[:8]))
    own = bench.vectors(bench.reference.recipe)
    changed = np.tanh(3 * own[:, ::-1] / np.abs(own).mean()) + np.random.default_rng(3).normal(size=own.shape) / 4
    answer = diagnose(bench, changed.astype(np.float32))
    assert answer.verdict is DiagnosisVerdict.UNKNOWN
    assert answer.floor > 0


def test_no_text_is_read_at_more_tokens_than_there_are_positions(bench: Bench) -> None:
    room = Lengths(bench, bench.vectors(bench.reference.recipe), ()).room
    longest = replace(bench.reference.recipe, length=room)
    many = bench.of_texts(batched(["word " * 600]))
    assert np.isfinite(many.vectors(longest)).all()


def test_texts_cut_short_are_named(bench: Bench) -> None:
    cut = bench.vectors(replace(bench.reference.recipe, length=24))
    answer = diagnose(bench, cut)
    assert [named.cause.code for named in answer.causes] == ["max-length"], answer.sentence


def test_a_mask_that_is_not_taken_is_no_cause(bench: Bench) -> None:
    """DeBERTa multiplies its words by a mask of another shape, XLNet reads it otherwise; FNet looks at none."""
    kind = bench.reference.target.config["model_type"]
    codes = {cause.code for cause in catalogue(bench.reference, 32, 32)}
    assert bool(codes & {"causal-mask", "causal-mask-lost"}) == (kind not in ("deberta-v2", "xlnet"))

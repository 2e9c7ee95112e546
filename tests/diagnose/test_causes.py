"""Candidates made by sentence-transformers, not by the catalogue: the cause is named, its snippet proves it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, Facts, diagnose
from evaluators.diagnose.measure import apart
from evaluators.diagnose.proof import snippet
from evaluators.diagnose.reference import Vectors
from tests.models import minilm_folder


@pytest.fixture(scope="session")
def library() -> Callable[[], Any]:
    """A fresh SentenceTransformer of MiniLM each time."""
    from sentence_transformers import SentenceTransformer

    return lambda: SentenceTransformer(str(minilm_folder()), device="cpu")


def _names(bench: Bench, vectors: Vectors) -> tuple[str, set[str]]:
    found = diagnose(bench, vectors)
    return found.verdict, {name for named in found.causes for name in (named.cause.name, *named.same_as)}


def _without_normalise(model: Any) -> Any:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize

    return SentenceTransformer(modules=[module for module in model if not isinstance(module, Normalize)])


def _max_length(model: Any, texts: list[str]) -> Vectors:
    model.max_seq_length = 32
    return model.encode(texts)


def _cls(model: Any, texts: list[str]) -> Vectors:
    model[1].pooling_mode = "cls"
    return model.encode(texts)


def _not_normalised(model: Any, texts: list[str]) -> Vectors:
    return _without_normalise(model).encode(texts)


def _prompt(model: Any, texts: list[str]) -> Vectors:
    return model.encode(texts, prompt="query: ")


def _bf16(model: Any, texts: list[str]) -> Vectors:
    return model.bfloat16().encode(texts, batch_size=1, convert_to_numpy=True).astype(np.float32)


def _cased(model: Any, texts: list[str]) -> Vectors:
    from tokenizers.normalizers import BertNormalizer

    model.tokenizer.backend_tokenizer.normalizer = BertNormalizer(lowercase=False)
    return model.encode(texts)


def _cut(model: Any, texts: list[str]) -> Vectors:
    return model.encode(texts, truncate_dim=128, normalize_embeddings=True)


def _last_layer_gone(model: Any, texts: list[str]) -> Vectors:
    layers = model[0].model.encoder.layer
    model[0].model.encoder.layer = layers[:-1]
    return model.encode(texts)


def _three(model: Any, texts: list[str]) -> Vectors:
    model = _without_normalise(model)
    model.max_seq_length = 32
    return model.encode([text.lower() for text in texts], prompt="passage: ")[:, :200]


MADE = {
    "max length 32": (_max_length, "explained", {"max length 32"}),
    "CLS": (_cls, "explained", {"CLS pooling"}),
    "not normalised": (_not_normalised, "explained", {"normalisation missing"}),
    "prompt": (_prompt, "explained", {'prompt "query: " added'}),
    "bf16": (_bf16, "precision only", {"bf16 arithmetic"}),
    "cased": (_cased, "explained", {"lower-casing lost in the tokenizer"}),
    "cut": (_cut, "explained", {"cut to 128 dimensions and normalised again"}),
    "last layer gone": (_last_layer_gone, "explained", {"layer 5 of 6 missing"}),
    "four at once": (
        _three,
        "explained",
        {"max length 32", "normalisation missing", 'prompt "passage: " added', "cut to 200 dimensions"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", MADE)
def test_what_the_library_did_is_named(case: str, minilm: Bench, library: Callable[[], Any]) -> None:
    make, verdict, wanted = MADE[case]
    found, names = _names(minilm, make(library(), list(minilm.texts.texts)))
    assert found == verdict
    assert wanted <= names


@pytest.mark.parametrize(
    "names",
    [
        ("max length 32",),
        ("CLS pooling", "normalisation missing"),
        ('prompt "query: " added', "lower-casing lost in the tokenizer"),
        ("cut to 128 dimensions and normalised again", "texts lower-cased"),
    ],
)
def test_the_snippet_pasted_makes_the_two_agree(names: tuple[str, ...], minilm: Bench) -> None:
    from evaluators.diagnose.causes import catalogue
    from evaluators.diagnose.recipe import combine

    causes = tuple(cause for cause in catalogue(minilm.reference, 384, 128) if cause.name in names)
    vectors = minilm.vectors(combine(minilm.reference.recipe, causes))
    scope: dict[str, Any] = {}
    exec(snippet(minilm.reference, causes, texts=repr(list(minilm.texts.texts))), scope)  # what a user would paste
    assert apart(vectors, scope["vectors"]).max() < 1e-4


def test_the_reference_itself_is_identical(minilm: Bench, library: Callable[[], Any]) -> None:
    found = diagnose(minilm, library().encode(list(minilm.texts.texts)))
    assert (found.verdict, found.causes) == ("identical", ())


def test_vectors_of_nothing_known_are_unknown(minilm: Bench) -> None:
    noise = np.random.default_rng(0).normal(size=(len(minilm.texts.texts), 384))
    found = diagnose(minilm, noise)
    assert (found.verdict, found.causes) == ("unknown", ())


def test_space_is_solved_and_not_over_fitted(minilm: Bench) -> None:
    base, draw = minilm.vectors(minilm.reference.recipe), np.random.default_rng(1)
    turn = np.linalg.qr(draw.normal(size=(384, 384)))[0]
    assert _names(minilm, base @ turn)[1] == {"a rotation of the space"}
    assert _names(minilm, base[:, draw.permutation(384)])[1] == {"dimensions permuted"}
    assert _names(minilm, base[draw.permutation(len(base))])[1] == {"rows shuffled"}
    assert _names(minilm, base * 9.4)[1] == {"all vectors scaled by one number"}


def test_a_text_without_a_vector_costs_only_itself(minilm: Bench, library: Callable[[], Any]) -> None:
    vectors = _cls(library(), list(minilm.texts.texts))
    vectors[3] = np.nan
    assert _names(minilm, vectors) == ("explained", {"CLS pooling"})


def test_random_weights_are_told_by_two_loads_not_by_likeness(decoder: Bench) -> None:
    from evaluators.diagnose.causes.chance import random_part, random_parts

    model = decoder.reference.model
    vectors = decoder.with_model(random_part(model, random_parts(model)["layer 3"], seed=77))
    told = diagnose(decoder, vectors, facts=Facts(loads_agree=False))
    assert [named.cause.name for named in told.causes] == ["weights random: layer 3"]


@pytest.mark.xfail(reason="on the decoder a skipped layer explains a random one; only loading twice tells them apart")
def test_random_weights_whose_loads_agree_are_not_named(decoder: Bench) -> None:
    from evaluators.diagnose.causes.chance import random_part, random_parts

    model = decoder.reference.model
    vectors = decoder.with_model(random_part(model, random_parts(model)["layer 3"], seed=77))
    assert diagnose(decoder, vectors, facts=Facts(loads_agree=True)).causes == ()


def test_dropout_is_told_by_repetition(decoder: Bench) -> None:
    vectors = decoder.vectors(decoder.reference.recipe) + 0.01
    (named,) = diagnose(decoder, vectors, facts=Facts(deterministic=False)).causes
    assert named.cause.name == "dropout on"

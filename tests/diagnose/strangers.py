"""Candidates that are no cause of the catalogue, each with what is true of it, made without its code.

Every one is all-MiniLM-L6-v2 run by transformers in padded batches, with one thing done to texts, model or vectors that
somebody somewhere does. What a diagnosis says of one, :mod:`tests.diagnose.strangers_report` holds against the truth.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.probes import load_probes
from tests.models import minilm_folder

__all__ = ["STRANGERS", "TEXTS", "Made", "Stranger", "Truth", "made", "right_vectors"]

Vectors = NDArray[np.float32]
TEXTS = tuple(probe.text for probe in load_probes().probes)
ROLES = tuple(probe.role for probe in load_probes().probes)


@dataclass(frozen=True)
class Truth:
    """What is true of a stranger, in the words of whoever made it.

    Attributes:
        traits: traits that decide which texts differ, or that make them differ more.
        longer: characters that a text may have and still be as it was, the least and the most; None where length has
            no part in it.
        shorter: the same where the long texts are as they were.
        maps: what explains a good part of it: scale, offset, linear.
        noise: its size over the length of a vector, where from text to text it is unrelated.
    """

    traits: frozenset[str] = frozenset()
    longer: tuple[int, int] | None = None
    shorter: tuple[int, int] | None = None
    maps: frozenset[str] = frozenset()
    noise: float | None = None


@dataclass(frozen=True)
class Made:
    """What a stranger does: one of these.

    Attributes:
        edit: of a text.
        ids: of a text's token ids.
        model: change of the model, in place.
        pool: of one text's hidden states (layers + 1, tokens, width) and token ids.
        vectors: of all vectors, in the order of the texts.
    """

    edit: Callable[[str], str] | None = None
    ids: Callable[[list[int]], list[int]] | None = None
    model: Callable[[Any], None] | None = None
    pool: Callable[[Any, list[int]], Any] | None = None
    vectors: Callable[[Vectors], NDArray[np.floating[Any]]] | None = None
    types: int = 0


@dataclass(frozen=True)
class Stranger:
    """A candidate and the truth about it."""

    name: str
    made: Made
    truth: Truth


def made(stranger: Stranger) -> Vectors:
    """Its vectors of all probes, float32 [n, 384]."""
    after = stranger.made.vectors
    return _encoded(stranger.made) if after is None else np.asarray(after(right_vectors()), np.float32)


@cache
def right_vectors() -> Vectors:
    """Those of the model as it should be, by the same route."""
    return _encoded(Made())


def _encoded(how: Made) -> Vectors:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
    model = AutoModel.from_pretrained(minilm_folder(), attn_implementation="eager").eval()
    if how.model is not None:
        how.model(model)
    ids = [
        tokenizer(how.edit(text) if how.edit else text, truncation=True, max_length=256)["input_ids"] for text in TEXTS
    ]
    ids = [how.ids(one) if how.ids else one for one in ids]
    vectors = np.empty((len(ids), 384), np.float32)
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    for start in range(0, len(order), 8):
        batch = order[start : start + 8]
        longest = max(len(ids[place]) for place in batch)
        rows = torch.tensor([ids[place] + [0] * (longest - len(ids[place])) for place in batch])
        mask = torch.tensor([[1] * len(ids[place]) + [0] * (longest - len(ids[place])) for place in batch])
        with torch.no_grad():
            output = model(
                input_ids=rows, attention_mask=mask, token_type_ids=torch.full_like(rows, how.types),
                output_hidden_states=True,
            )  # fmt: skip
        states = torch.stack(output.hidden_states)
        for row, place in enumerate(batch):
            own = states[:, row, : len(ids[place])]
            vector = (how.pool or _mean)(own, ids[place])
            vectors[place] = torch.nn.functional.normalize(vector, dim=0).numpy()
    return vectors


def _mean(states: Any, ids: list[int]) -> Any:
    return states[-1].mean(0)


# --- texts ---------------------------------------------------------------------------------------------------------


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text.lstrip(), maxsplit=1)[0]


def _head_and_tail(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:150]} {text[-150:]}"


def _shuffled_words(text: str) -> str:
    words = text.split()
    np.random.default_rng(len(text)).shuffle(words)
    return " ".join(words)


def _camel_split(text: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).replace("_", " ")


def _latin(text: str) -> str:
    letters = dict(zip("абвгдежзийклмнопрстуфхцчшщъыьэюя", "abvgdexzijklmnoprstufhccsswyyeuq", strict=True))
    return "".join(letters.get(char.lower(), char) for char in text)


def _cut_words(text: str) -> str:
    return re.sub(r"[A-Za-z]{7,}", lambda word: word[0][:6], text)


def _without_numbers(text: str) -> str:
    return re.sub(r"[0-9]", "#", text)


# --- model ---------------------------------------------------------------------------------------------------------


def _relu(model: Any) -> None:
    import torch

    for layer in model.encoder.layer:
        layer.intermediate.intermediate_act_fn = torch.nn.ReLU()


def _head_lost(model: Any) -> None:
    import torch

    with torch.no_grad():
        for layer in model.encoder.layer:
            layer.attention.output.dense.weight[:, :32] = 0


def _flat_attention(model: Any) -> None:
    """Queries twice as long: attention as if the scale were that of a quarter of the width."""
    import torch

    with torch.no_grad():
        for layer in model.encoder.layer:
            layer.attention.self.query.weight *= 2
            layer.attention.self.query.bias *= 2


def _pruned(model: Any) -> None:
    import torch

    with torch.no_grad():
        for layer in model.encoder.layer:
            for part in (layer.intermediate.dense, layer.output.dense):
                edge = part.weight.abs().flatten().kthvalue(int(0.4 * part.weight.numel())).values
                part.weight[part.weight.abs() < edge] = 0


def _tuned(model: Any) -> None:
    """A low-rank update merged into queries and values, as an adapter's."""
    import torch

    draw = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for layer in model.encoder.layer:
            for part in (layer.attention.self.query, layer.attention.self.value):
                left, right = torch.randn(384, 4, generator=draw), torch.randn(4, 384, generator=draw)
                update = left @ right
                part.weight += 0.3 * part.weight.norm() / update.norm() * update


def _other_epsilon(model: Any) -> None:
    import torch

    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.eps = 0.05


def _two_layers(states: Any, ids: list[int]) -> Any:
    return (states[-1] + states[-2]).mean(0) / 2


def _weighted(states: Any, ids: list[int]) -> Any:
    """Rare words weigh more, the number of a word in the vocabulary standing for its rank."""
    import torch

    weights = torch.tensor([1e-3 / (1e-3 + 1 / max(1, one - 990)) for one in ids])[:, None]
    return (states[-1] * weights).sum(0) / weights.sum()


# --- vectors -------------------------------------------------------------------------------------------------------


def _noise_by_text(vectors: Vectors) -> NDArray[np.floating[Any]]:
    draw = np.random.default_rng(5)
    return vectors + 0.1 / 384**0.5 * draw.normal(size=vectors.shape)


def _unit(vectors: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _top_off(vectors: Vectors) -> NDArray[np.floating[Any]]:
    top = np.linalg.svd(vectors, full_matrices=False)[2][:3]
    return _unit(vectors - vectors @ top.T @ top)


def _corpus_mean_off(vectors: Vectors) -> NDArray[np.floating[Any]]:
    mean = np.random.default_rng(8).normal(size=384)
    return _unit(vectors - 0.4 * mean / np.linalg.norm(mean))


def _signed_root(vectors: Vectors) -> NDArray[np.floating[Any]]:
    return _unit(np.sign(vectors) * np.abs(vectors) ** 0.5)


def _dimensions_lost(vectors: Vectors) -> NDArray[np.floating[Any]]:
    left = np.random.default_rng(2).random(384) > 0.15
    return vectors * left


def _eight_bit_float(vectors: Vectors) -> NDArray[np.floating[Any]]:
    import torch

    return (torch.tensor(vectors) * 64).to(torch.float8_e4m3fn).float().numpy() / 64


def _clipped(vectors: Vectors) -> NDArray[np.floating[Any]]:
    return np.clip(vectors, -0.07, 0.07)


def _third_of_another(vectors: Vectors) -> NDArray[np.floating[Any]]:
    """A third of the requests goes to another model of the same width, whatever they ask."""
    chosen = np.random.default_rng(13).random(len(vectors)) < 1 / 3
    other = _unit(np.tanh(vectors @ np.random.default_rng(14).normal(size=(384, 384))))
    return np.where(chosen[:, None], other, vectors)


def _half_of_another(vectors: Vectors) -> NDArray[np.floating[Any]]:
    turned = _unit(np.tanh(3 * vectors @ np.random.default_rng(15).normal(size=(384, 384))))
    return _unit(np.concatenate([vectors[:, :192], turned[:, 192:]], axis=1))


def _smoothed(vectors: Vectors) -> NDArray[np.floating[Any]]:
    before = np.roll(vectors, 1, axis=0)
    return 0.8 * vectors + 0.2 * before


def _as(names: Sequence[str] = (), **values: Any) -> Truth:
    return replace(Truth(), traits=frozenset(names), **values)


_LINEAR = frozenset({"linear"})
STRANGERS = (
    Stranger("digits masked", Made(edit=_without_numbers), _as(["digits"])),
    Stranger("first sentence alone", Made(edit=_first_sentence), _as(["punctuation"], longer=(20, 400))),
    Stranger("head and tail", Made(edit=_head_and_tail), _as(longer=(190, 345))),
    Stranger("words in another order", Made(edit=_shuffled_words), _as(longer=(1, 60))),
    Stranger("identifiers split", Made(edit=_camel_split), _as(["capitals", "punctuation"])),
    Stranger("Cyrillic written in Latin", Made(edit=_latin), _as(["Cyrillic letters"])),
    Stranger(
        "lines joined by bars", Made(edit=lambda text: text.replace("\n", " | ")), _as(["a newline or tab"])
    ),
    Stranger("words cut to six letters", Made(edit=_cut_words), _as(["Latin letters"])),
    Stranger("text said twice", Made(edit=lambda text: f"{text} {text}"), _as(shorter=(300, 1100))),
    Stranger("a word put after", Made(edit=lambda text: f"{text} In one word:"), _as(shorter=(300, 1100))),
    Stranger(
        "small vocabulary", Made(ids=lambda ids: [one if one < 6000 else 100 for one in ids]),
        _as(["Latin letters"], longer=(1, 200)),
    ),
    Stranger(
        "every other token lost", Made(ids=lambda ids: ids[:1] + ids[1:-1:2] + ids[-1:]), _as(longer=(1, 9))
    ),
    Stranger("second segment", Made(types=1), _as()),
    Stranger("ReLU for GELU", Made(model=_relu), _as()),
    Stranger("a head lost", Made(model=_head_lost), _as()),
    Stranger("attention's scale", Made(model=_flat_attention), _as()),
    Stranger("pruned", Made(model=_pruned), _as()),
    Stranger("an adapter merged", Made(model=_tuned), _as()),
    Stranger("LayerNorm's epsilon", Made(model=_other_epsilon), _as()),
    Stranger("the mean of two layers", Made(pool=_two_layers), _as()),
    Stranger("rare words weigh more", Made(pool=_weighted), _as(longer=(0, 3))),
    Stranger("noise by text", Made(vectors=_noise_by_text), _as(noise=0.1)),
    Stranger("main directions off", Made(vectors=_top_off), _as(maps=_LINEAR)),
    Stranger("a fixed mean off", Made(vectors=_corpus_mean_off), _as(maps=frozenset({"linear", "offset"}))),
    Stranger("signed root", Made(vectors=_signed_root), _as()),
    Stranger("dimensions lost", Made(vectors=_dimensions_lost), _as(maps=_LINEAR)),
    Stranger("eight-bit floats", Made(vectors=_eight_bit_float), _as(noise=0.026)),
    Stranger("values clipped", Made(vectors=_clipped), _as()),
    Stranger("a third of another model", Made(vectors=_third_of_another), _as()),
    Stranger("half of another model", Made(vectors=_half_of_another), _as()),
    Stranger("smoothed over calls", Made(vectors=_smoothed), _as(maps=frozenset({"scale"}))),
)  # fmt: skip

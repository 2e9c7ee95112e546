"""What serving stacks do to tokens, layers, weights and finished vectors, each made without the catalogue's code."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, batched, diagnose
from evaluators.diagnose.reference import Embeddings
from evaluators.probes import load_probes

Rows = list[list[int]]


@pytest.fixture(scope="module")
def bench(minilm: Bench) -> Bench:
    """MiniLM in small with probes of every length; what one case computes of the causes serves the others."""
    probes = sorted(load_probes().probes, key=lambda probe: len(probe.text))[2:-4:2]
    return Bench(minilm.reference, batched([probe.text for probe in probes], [probe.role for probe in probes]))


def _ids(bench: Bench, limit: int = 256) -> Rows:
    tokenizer = bench.reference.tokenizer
    return [list(tokenizer(text, truncation=True, max_length=limit)["input_ids"]) for text in bench.texts.texts]


def _states(model: Any, ids: Sequence[int], **options: Any) -> list[Any]:
    import torch

    with torch.inference_mode():
        rows = {name: torch.tensor([value]) for name, value in options.items()}
        return [one[0] for one in model(torch.tensor([list(ids)]), output_hidden_states=True, **rows).hidden_states]


def _each(model: Any, rows: Rows, pool: Callable[[list[Any]], Any]) -> Embeddings:
    return np.stack([pool(_states(model, ids)).numpy() for ids in rows]).astype(np.float32)


def _mean(states: list[Any]) -> Any:
    return states[-1].mean(0)


def _unit(vectors: Embeddings) -> Embeddings:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _pooled(pool: Callable[[list[Any]], Any]) -> Callable[[Bench], Embeddings]:
    return lambda bench: _unit(_each(bench.reference.model, _ids(bench), pool))


def _divided(by: Callable[[Embeddings], Embeddings]) -> Callable[[Bench], Embeddings]:
    def made(bench: Bench) -> Embeddings:
        plain = _unit(_each(bench.reference.model, _ids(bench), _mean))
        return np.asarray(plain / by(plain)[:, None], dtype=np.float32)

    return made


def _standard(bench: Bench) -> Embeddings:
    plain = _each(bench.reference.model, _ids(bench), _mean)
    return np.asarray((plain - plain.mean(1, keepdims=True)) / plain.std(1, keepdims=True), dtype=np.float32)


def _second_segment(bench: Bench) -> Embeddings:
    model = bench.reference.model
    every = [_states(model, ids, token_type_ids=[1] * len(ids))[-1].mean(0).numpy() for ids in _ids(bench)]
    return _unit(np.stack(every).astype(np.float32))


def _padded(size: int, to: int = 0) -> Callable[[Bench], Embeddings]:
    """Mean over all places of each batch, as the texts come, of a model that does not look at the padding."""

    def made(bench: Bench) -> Embeddings:
        import torch

        rows, vectors = _ids(bench), []
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            longest = max(to, *map(len, batch))
            ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids in batch])
            mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch])
            with torch.inference_mode():
                vectors.append(bench.reference.model(ids, attention_mask=mask).last_hidden_state.mean(1).numpy())
        return _unit(np.concatenate(vectors).astype(np.float32))

    return made


def _weights(change: Callable[[Any], Any]) -> Callable[[Bench], Embeddings]:
    def made(bench: Bench) -> Embeddings:
        import torch

        model = copy.deepcopy(bench.reference.model)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if name.endswith("weight") and weight.dim() == 2 and "embeddings" not in name:
                    weight.copy_(change(weight))
        return _unit(_each(model, _ids(bench), _mean))

    return made


def _awq(weight: Any) -> Any:
    """Unsigned numbers of four bits with a zero point, in groups of 64, as AutoAWQ packs them."""
    groups = weight.reshape(-1, 64)
    least = groups.amin(1, keepdim=True)
    scale = (groups.amax(1, keepdim=True) - least) / 15
    zero = (-least / scale).round()
    return (((groups / scale).round().add(zero).clamp(0, 15) - zero) * scale).reshape(weight.shape)


def _fp4(weight: Any) -> Any:
    """The floats of bitsandbytes (csrc: dDequantizeFP4), by the nearest one in blocks of 64."""
    import torch

    levels = torch.tensor([0.0, 0.00520833, 0.16666667, 0.25, 0.33333333, 0.5, 0.66666667, 1.0])
    levels = torch.cat([levels, -levels])
    blocks = weight.reshape(-1, 64)
    scale = blocks.abs().max(1, keepdim=True).values
    nearest = (blocks / scale)[..., None].sub(levels).abs().argmin(-1)
    return (levels[nearest] * scale).reshape(weight.shape)


def _torch_int8(bench: Bench) -> Embeddings:
    """PyTorch's own dynamic quantisation, text by text."""
    import torch

    model = copy.deepcopy(bench.reference.model)
    quantised = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)
    return _unit(_each(quantised, _ids(bench), _mean))


def _quantile(bench: Bench) -> Embeddings:
    """Qdrant's scalar quantisation: the middle 99 % of all values over 127 steps, the rest cut off."""
    plain = _unit(_each(bench.reference.model, _ids(bench), _mean))
    low, high = np.quantile(plain, [0.005, 0.995])
    step = (high - low) / 127
    return np.asarray(low + np.round((plain.clip(low, high) - low) / step) * step, dtype=np.float32)


def _four_bits(bench: Bench) -> Embeddings:
    """Lucene's int4: 16 levels over one range."""
    plain = _unit(_each(bench.reference.model, _ids(bench), _mean))
    low, high = np.quantile(plain, [0.001, 0.999])
    step = (high - low) / 15
    return np.asarray(low + np.round((plain.clip(low, high) - low) / step) * step, dtype=np.float32)


def _chunks(size: int, one_of: Callable[[list[Embeddings], list[int]], Embeddings]) -> Callable[[Bench], Embeddings]:
    def made(bench: Bench) -> Embeddings:
        vectors = []
        for ids in _ids(bench, 512):
            inner = ids[1:-1]
            parts = [inner[start : start + size - 2] for start in range(0, len(inner), size - 2)] or [[]]
            each = [_mean(_states(bench.reference.model, [101, *part, 102])).numpy() for part in parts]
            vectors.append(one_of([vector / np.linalg.norm(vector) for vector in each], [len(part) for part in parts]))
        return _unit(np.stack(vectors).astype(np.float32))

    return made


def _by_text_tokens(parts: list[Embeddings], tokens: list[int]) -> Embeddings:
    return np.asarray(np.average(parts, axis=0, weights=np.maximum(tokens, 1)))


MADE: dict[str, tuple[Callable[[Bench], Embeddings], str]] = {
    "the first token left out": (
        _pooled(lambda states: states[-1][1:].mean(0)),
        "mean without the first token pooling",
    ),
    "the last token left out": (_pooled(lambda states: states[-1][:-1].mean(0)), "mean without the last token pooling"),
    "four layers": (_pooled(lambda states: sum(states[-4:]).mean(0) / 4), "mean over the last four layers pooling"),
    "first and last": (
        _pooled(lambda states: (states[0] + states[-1]).mean(0)),
        "mean over embeddings and last layer pooling",
    ),
    "L1": (
        _divided(lambda rows: np.abs(rows).sum(1)),
        "vectors divided by the sum of their values' sizes (L1)",
    ),
    "largest": (_divided(lambda rows: np.abs(rows).max(1)), "vectors divided by their largest value"),
    "standard": (_standard, "each vector brought to mean 0 and standard deviation 1"),
    "second segment": (_second_segment, "token types all 1 instead of 0"),
    "batches of 16": (_padded(16), "mean pooling with padding, texts padded in batches of 16 as they come"),
    "to the maximum": (_padded(1, 256), "mean pooling with padding, texts padded to the maximum length"),
    "AWQ": (_weights(_awq), "int4 weights in groups of 64, with a zero point"),
    "fp4": (_weights(_fp4), "four-bit weights (fp4)"),
    "PyTorch's int8": (_torch_int8, "int8 activations, as PyTorch quantises, text by text"),
    "quantile": (_quantile, "vectors rounded to int8, one scale for all"),
    "four bits": (_four_bits, "vectors rounded to 4 bits, one scale for all"),
    "the last chunk": (_chunks(130, lambda parts, _: parts[-1]), "texts in chunks of 130 tokens, 0 of them shared: "
                       "the last one alone"),
    "chunks by their own tokens": (
        _chunks(130, _by_text_tokens),
        "texts in chunks of 130 tokens, 0 of them shared: the mean of their normalised vectors by their tokens, "
        "special ones not counted",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE)
def test_what_a_stack_did_is_named(case: str, bench: Bench) -> None:
    make, words = MADE[case]
    diagnosis = diagnose(bench, make(bench))
    assert diagnosis.verdict in ("explained", "precision only"), diagnosis.sentence
    assert len(diagnosis.causes) == 1, diagnosis.sentence
    (named,) = diagnosis.causes
    assert words in (named.cause.words, *named.same_as), diagnosis.sentence


def _eight_bit_linear(model: Any) -> Any:
    """Weights by row and inputs by token in eight bits, rounded down, as no entry of the catalogue does."""
    import torch

    def inputs(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        scale = given[0].abs().amax(-1, keepdim=True).clamp(min=1e-9) / 127
        return ((given[0] / scale + 0.37).floor() * scale,)

    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            scale = module.weight.data.abs().amax(1, keepdim=True) / 127
            module.weight.data = (module.weight.data / scale).round() * scale
            module.register_forward_pre_hook(inputs)
    return model


def test_a_length_beside_coarse_inputs_is_no_mere_precision(bench: Bench) -> None:
    model = _eight_bit_linear(copy.deepcopy(bench.reference.model))
    diagnosis = diagnose(bench, _unit(_each(model, _ids(bench, 150), _mean)))
    words = [named.cause.words for named in diagnosis.causes]
    assert "texts cut at 150 tokens" in words, diagnosis.sentence
    assert any("int8" in one for one in words), diagnosis.sentence
    assert diagnosis.verdict in ("explained", "partly explained")


def test_numbers_are_divided_by_what_they_are_or_not_at_all(bench: Bench) -> None:
    """Vectors that are not normalised in a way are not said to be."""
    plain = _each(bench.reference.model, _ids(bench), _mean)
    diagnosis = diagnose(bench, plain * np.float32(3.7))
    assert not any("largest" in named.cause.words or "L1" in named.cause.words for named in diagnosis.causes)

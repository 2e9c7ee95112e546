"""Candidates for the self-test, encoded by another route than the diagnosis itself takes.

The search runs each text once, unpadded, in float32, and assembles token ids by hand. Here texts go through in whole
padded batches with the tokenizer's own truncation and templates, eager attention, sentence-transformers' pooling and
normalisation in the model's own precision; layers are really taken out, and activations quantised by PyTorch itself.
Shared with the search are the weights, the edits of a text, and the tables of the quantised formats.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from evaluators.diagnose.recipe import Recipe, edited
from evaluators.diagnose.reference import SHORT_POOLINGS, Embeddings, Reference
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.tokenizers import tokenizer_variant
from evaluators.diagnose.weights import layers_of, missing_layers, weight_changes, without

__all__ = ["encode"]

Change = Callable[[Any], Any]
# sentence-transformers' names for poolings, where they differ
_TRIMMED = {"mean-text": (1, -1), "mean-but-first": (1, None), "mean-but-last": (0, -1)}
_LAYERS = {"last-four": (-4, -3, -2, -1), "first-and-last": (0, -1), "second-and-last": (1, -1)}
_OWN_TOKENS = {"cls", "pooler", *_TRIMMED, *_LAYERS}  # of which padding has no part, whoever sees it
_MODES = {short: name for name, short in SHORT_POOLINGS.items()}


def encode(reference: Reference, recipe: Recipe, texts: Texts, prepare: Change | None = None) -> Embeddings:
    """Embeddings of the texts under a recipe, float32 [n, d].

    Args:
        reference: the model.
        recipe: how to encode.
        texts: with their batches.
        prepare: one more change of the copy of the model, after the recipe's own (half precision, dropout).
    """
    import torch

    model = _model(reference, recipe)
    model = prepare(model) if prepare else model
    found: dict[int, Embeddings] = {}
    for batch in _batches(reference, texts, recipe):
        written = [_written(texts.texts[index], texts.roles[index], recipe, reference) for index in batch]
        with torch.no_grad():
            vectors = _batch(reference, model, recipe, written)
        found.update(zip(batch, vectors, strict=True))
    return _stored(np.stack([found[index] for index in range(len(texts.texts))]), recipe.rounding)


def _by_length(reference: Reference, texts: Texts, recipe: Recipe) -> list[int]:
    """The longest in tokens first."""
    written = [_written(text, role, recipe, reference) for text, role in zip(texts.texts, texts.roles, strict=True)]
    lengths = [len(ids) for ids in _token_ids(reference, recipe, written)]
    return sorted(range(len(lengths)), key=lambda place: -lengths[place])


def _batches(reference: Reference, texts: Texts, recipe: Recipe) -> list[list[int]]:
    """The batches of a recipe: those of the texts, one a text, or as a server makes them that does not say."""
    count = len(texts.texts)
    if any(name.endswith(" alone") for name in recipe.weights):
        return [[place] for place in range(count)]
    kind, _, size = recipe.padded.partition(" ")
    if kind in ("sent", "sorted"):
        order = list(range(count)) if kind == "sent" else _by_length(reference, texts, recipe)
        return [order[start : start + int(size)] for start in range(0, count, int(size))]
    return [list(batch) for batch in texts.batches]


def _model(reference: Reference, recipe: Recipe) -> Any:
    model = copy.deepcopy(reference.model)
    model.set_attn_implementation("eager")
    model.config.use_cache = False  # layers taken out leave gaps in the cache's numbering
    for name in recipe.weights:
        own = {"norms": _reset_norms, "a7": _quantised_by_torch, "a7 alone": _quantised_by_torch}
        own |= {without(places): partial(_fewer_layers, places=places) for _, places in missing_layers(reference.model)}
        model = own.get(name, weight_changes(reference)[name].apply)(model)
    return model


def _fewer_layers(model: Any, places: tuple[int, ...]) -> Any:
    layers = layers_of(model)
    for index in reversed(places):
        del layers[index]
    model.config.num_hidden_layers = len(layers)
    return model


def _reset_norms(model: Any) -> Any:
    import torch

    for module in model.modules():
        if "norm" in type(module).__name__.lower():
            for name, parameter in module.named_parameters(recurse=False):
                torch.nn.init.constant_(parameter, 1.0 if name == "weight" else 0.0)
    return model


def _quantised_by_torch(model: Any) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


def _written(text: str, role: str | None, recipe: Recipe, reference: Reference) -> str:
    end = str(reference.tokenizer.eos_token or reference.tokenizer.sep_token)
    return edited(text, role, recipe) + (end if recipe.special == "twice-last" else "")


def _batch(reference: Reference, model: Any, recipe: Recipe, written: list[str]) -> Embeddings:
    import torch

    ids = _token_ids(reference, recipe, written)
    whole = int(recipe.padded.partition(" ")[2]) if recipe.padded.startswith("to ") else 1
    longest, pad = max(whole, max(map(len, ids))), reference.tokenizer.pad_token_id or 0
    own_side = reference.tokenizer.padding_side == "left" and recipe.padding in ("seen", "both", "pooled")
    left = own_side or recipe.padding == "left"
    rows = [[pad] * (longest - len(one)) + one if left else one + [pad] * (longest - len(one)) for one in ids]
    real = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in ids])
    real = real.flip(1) if left else real
    shown = torch.ones_like(real) if recipe.padding in ("seen", "both") else real
    options: dict[str, Any] = {"input_ids": torch.tensor(rows), "attention_mask": shown}
    if recipe.attention:
        options["attention_mask"] = _square(shown, recipe.attention, _dtype(model))
    if recipe.shift:
        last = (reference.positions or 10**9) - 1
        options["position_ids"] = (torch.arange(longest) + recipe.shift).clamp(max=last)[None].expand(len(ids), -1)
    if recipe.types:
        options["token_type_ids"] = torch.full_like(options["input_ids"], recipe.types)
    output = model(**options, output_hidden_states=recipe.pooling in _LAYERS)
    counted = torch.ones_like(real) if recipe.padding in ("pooled", "both", "after") else real
    vectors = _pooled(output, real if recipe.pooling in _OWN_TOKENS else counted, recipe.pooling)
    return _finished(vectors, recipe, reference)


def _token_ids(reference: Reference, recipe: Recipe, written: list[str]) -> list[list[int]]:
    tokenizer = tokenizer_variant(reference, recipe.tokenizer)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    side = "left" if recipe.cut_left else "right"
    options: dict[str, Any] = {"truncation": True, "max_length": recipe.length, "padding": False, "verbose": False}
    if backend is None:  # a function that reads special tokens as text
        tokenizer = copy.deepcopy(reference.tokenizer)
        options["split_special_tokens"] = True
    else:
        tokenizer = copy.deepcopy(tokenizer)
    if recipe.special in ("no-first", "no-last"):
        _shorten_template(tokenizer, recipe.special)
    tokenizer.truncation_side = side
    options["add_special_tokens"] = recipe.special != "none"
    return [list(map(int, tokenizer(text, **options)["input_ids"])) for text in written]


def _shorten_template(tokenizer: Any, special: str) -> None:
    """A template without its first or its last special token, as a converter writes it that forgets one."""
    from tokenizers.processors import TemplateProcessing

    whole = tokenizer("a")["input_ids"]
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    (first, last) = (tokenizer.convert_ids_to_tokens(whole[place]) for place in (0, -1))
    single = [
        *([first] if whole[0] != bare[0] and special != "no-first" else []), "$A",
        *([last] if whole[-1] != bare[-1] and special != "no-last" else []),
    ]  # fmt: skip
    tokens = [(token, tokenizer.convert_tokens_to_ids(token)) for token in {first, last} & set(single)]
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single=" ".join(single), special_tokens=tokens)


def _square(shown: Any, attention: str, dtype: Any) -> Any:
    """A mask of who sees whom, spelled out: causal or not, and whatever the padding lets through."""
    import torch

    length = shown.shape[1]
    allowed = shown[:, None, None, :].bool().expand(-1, 1, length, -1)
    if attention == "causal":
        allowed = allowed & torch.ones(length, length).tril().bool()
    return torch.zeros(allowed.shape, dtype=dtype).masked_fill(~allowed, torch.finfo(dtype).min)


def _dtype(model: Any) -> Any:
    return next(model.parameters()).dtype


def _pooled(output: Any, mask: Any, pooling: str) -> Any:
    from sentence_transformers.sentence_transformer.modules import Pooling

    hidden = output.last_hidden_state
    if pooling == "pooler":
        return output.pooler_output
    if pooling in _TRIMMED:
        counts, (start, end) = mask.sum(1), _TRIMMED[pooling]
        inner = [one[own.bool()] for one, own in zip(hidden, mask, strict=True)]
        fewest = start + (end is not None)
        trimmed = [one[start:end] if count > fewest else one for one, count in zip(inner, counts, strict=True)]
        return _stack([one.mean(0) for one in trimmed])
    if pooling in _LAYERS:
        layers = _stack([output.hidden_states[place] for place in _LAYERS[pooling]]).mean(0)
        return (layers * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    mode = _MODES.get(pooling, pooling)
    if pooling == "last" and bool(mask.all()):
        return hidden[:, -1]
    if pooling == "cls":
        return _stack([one[own.bool()][0] if own.any() else one[0] * 0 for one, own in zip(hidden, mask, strict=True)])
    layer = Pooling(hidden.shape[-1], pooling_mode=mode)
    return layer({"token_embeddings": hidden, "attention_mask": mask})["sentence_embedding"]


def _stack(vectors: list[Any]) -> Any:
    import torch

    return torch.stack(vectors)


def _finished(vectors: Any, recipe: Recipe, reference: Reference) -> Embeddings:
    import torch

    for projection in reference.projections if recipe.dense else ():
        bias = None if projection.bias is None else torch.tensor(projection.bias)
        vectors = torch.nn.functional.linear(vectors, torch.tensor(projection.weight), bias)
        vectors = (
            getattr(torch, projection.activation)(vectors) if projection.activation and recipe.activated else vectors
        )
    orders = {"l1": 1, "largest": torch.inf}

    def normalised(rows: Any) -> Any:
        if recipe.normalise == "standard":
            return torch.nn.functional.layer_norm(rows, rows.shape[1:], eps=0.0)
        order = orders.get(recipe.normalise, 2)
        return rows if recipe.normalise == "no" else torch.nn.functional.normalize(rows, p=order)

    vectors = normalised(vectors) if recipe.normalise_first else vectors
    vectors = vectors[:, recipe.dimensions :] if (recipe.dimensions or 0) < 0 else vectors[:, : recipe.dimensions]
    vectors = vectors if recipe.normalise_first else normalised(vectors)
    return np.asarray(vectors.float().numpy(), dtype=np.float32)


def _stored(vectors: Embeddings, rounding: str) -> Embeddings:
    if rounding == "binary":
        return np.sign(vectors, where=vectors != 0, out=np.full_like(vectors, -1))
    if rounding == "int8":
        low, high = vectors.min(0), vectors.max(0)
        step = np.where(high > low, (high - low) / 255, 1)
        return np.asarray(np.rint((vectors - low) / step) * step + low, dtype=np.float32)
    return vectors

"""Numbers of the configuration that contradict one another, the stored shapes, or sense."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.positions import check_lengths, check_rotary
from evaluators.preflight.setting_types import is_number, is_positive
from evaluators.preflight.steps import routes
from evaluators.preflight.target import Target
from evaluators.preflight.trained_settings import check_trained_settings
from evaluators.preflight.widths import output_width

__all__ = ["check"]

_HEADS = ("num_attention_heads", "n_heads", "n_head", "num_heads")
_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")
_HEAD_SIZES = ("head_dim", "d_kv")
# Sizes that are at least one, by the names that architectures give them.
_SIZES = (
    *_HEADS, *_WIDTHS, *_HEAD_SIZES, "num_hidden_layers", "num_layers", "n_layers", "n_layer", "num_key_value_heads",
    "intermediate_size", "d_ff", "hidden_dim", "vocab_size", "embedding_size",
)  # fmt: skip
_MOST_EPSILON = 1e-3  # of published encoders none has more than 1e-5; at 1e-3 vectors move in the third digit
_FEWEST_TOKENS = 16  # less than a sentence
_LARGEST_HEAD = 512
# What a number of this name has to be; by the code of the finding where it is not.
_RANGES: dict[str, tuple[re.Pattern[str], Callable[[float], bool]]] = {
    "epsilon-absurd": (re.compile(r"(layer_?|rms_)?norm_eps(ilon)?"), lambda value: 0 < value < _MOST_EPSILON),
    "training-number-absurd": (re.compile(r"\w*dropout\w*|initializer_range"), lambda value: 0 <= value < 1),
    "chunked": (re.compile("chunk_size_feed_forward"), lambda value: value <= 1),
    "window-tiny": (
        re.compile("sliding_window|local_attention|attention_window"), lambda value: value >= _FEWEST_TOKENS
    ),
}  # fmt: skip


def check(target: Target) -> Iterator[Finding]:
    """Sizes, heads, epsilons, dropouts, activations, rotary bases, token ids and lengths of config.json."""
    config = target.config
    if not config:
        return
    yield from _not_finite(target)
    impossible = {name: value for name in _SIZES if is_number(value := config.get(name)) and not _is_size(value)}
    for name, value in impossible.items():
        yield finding("size-impossible", f"{target.of_root('config.json')} says {name} {value}", {name: value})
    if impossible:
        return
    yield from _heads(config)
    yield from _ranges(config)
    yield from check_trained_settings(config)
    yield from check_rotary(config)
    yield from _token_ids(config)
    yield from check_lengths(target)
    yield from _cut(target)


def _is_size(value: float) -> bool:
    return value >= 1 and value == int(value)


def _not_finite(target: Target) -> Iterator[Finding]:
    """NaN and Infinity, which JSON has not: Python reads them, other languages refuse the file."""
    for name in ("config.json", "sentence_bert_config.json", "tokenizer_config.json"):
        file = target.of_root(name)
        settings = target.object(file)
        odd = [key for key, value in settings.items() if isinstance(value, float) and not math.isfinite(value)]
        if odd:
            yield finding("number-not-finite", f"{file} says {odd[0]} is {settings[odd[0]]}", {"settings": odd})


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if config.get(name) is not None), None)


def _heads(config: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether heads divide the width, and the key's and value's heads the query's."""
    heads, width, size = _first(config, _HEADS), _first(config, _WIDTHS), _first(config, _HEAD_SIZES)
    groups = config.get("num_key_value_heads")
    if not (isinstance(heads, int) and isinstance(width, int)):
        return
    evidence = {"heads": heads, "width": width}
    if size is None and width % heads:
        yield finding("heads-differ", f"{heads} attention heads do not divide the width {width}", evidence)
    elif size is None and (width // heads > _LARGEST_HEAD or width // heads % 2):
        seen = f"{heads} attention heads share the width {width}: {width // heads} numbers each"
        yield finding("heads-unusual", seen, evidence)
    if isinstance(groups, int) and heads % groups:
        seen = f"{groups} key-value heads do not divide the {heads} heads"
        yield finding("heads-differ", seen, {"heads": heads, "groups": groups})


def _ranges(config: Mapping[str, Any]) -> Iterator[Finding]:
    unused = {"sliding_window"} if config.get("use_sliding_window") is False else set()
    for code, (named, holds) in _RANGES.items():
        for name, value in config.items():
            if named.fullmatch(name) and is_number(value) and not holds(value) and name not in unused:
                yield finding(code, f"config.json says {name} {value}", {name: value})


def _token_ids(config: Mapping[str, Any]) -> Iterator[Finding]:
    rows = config.get("vocab_size")
    for role in ("pad", "bos", "eos", "cls", "sep", "mask", "unk"):
        name = f"{role}_token_id"
        token = config.get(name)
        for one in token if isinstance(token, list) else [token]:
            if isinstance(one, int) and isinstance(rows, int) and not -1 <= one < rows:
                seen = f"config.json says {name} {one}, the model has {rows} rows"
                yield finding("token-id-beyond", seen, {name: one})


def _cut(target: Target) -> Iterator[Finding]:
    """``truncate_dim`` against the width the pipeline gives."""
    file = "config_sentence_transformers.json"
    cut = target.object(file).get("truncate_dim")
    if cut is None:
        return
    widths = [width for _, steps in routes(target) if (width := output_width(target, steps))]
    if not is_positive(cut):
        yield finding("truncation-impossible", f"{file} says truncate_dim {cut}", {"truncate_dim": cut})
    elif widths and cut > max(widths):
        seen = f"{file} keeps {cut} numbers, the model gives {max(widths)}"
        yield finding("truncation-idle", seen, {"width": widths})
    else:
        yield finding("truncated", f"{file} keeps the first {cut} numbers of a vector", {"truncate_dim": cut})

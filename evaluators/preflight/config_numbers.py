"""Numbers of the configuration that contradict one another, the stored shapes, or sense."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding, Severity
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import header

__all__ = ["check", "positions"]

# Sizes that are at least one, by the names that architectures give them.
_SIZES = (
    "hidden_size", "d_model", "dim", "n_embd", "num_hidden_layers", "num_layers", "n_layers", "n_layer",
    "num_attention_heads", "num_heads", "n_heads", "n_head", "num_key_value_heads", "head_dim", "d_kv",
    "intermediate_size", "d_ff", "hidden_dim", "vocab_size", "embedding_size",
)  # fmt: skip
_HEADS = ("num_attention_heads", "n_heads", "n_head", "num_heads")
_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd")
_EPSILONS = ("layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "rms_norm_eps", "norm_eps", "norm_epsilon")
_MOST_EPSILON = 1e-3  # of published encoders none has more than 1e-5; at 1e-3 vectors move in the third digit
_TOKENS = (
    "pad_token_id",
    "bos_token_id",
    "eos_token_id",
    "cls_token_id",
    "sep_token_id",
    "mask_token_id",
    "unk_token_id",
)
_THETAS = ("rope_theta", "rotary_emb_base", "global_rope_theta", "local_rope_theta")
_PLAUSIBLE_THETA = (100.0, 1e10)
# Positions squeezed evenly are hard to tell apart beyond a factor of 8, the most published; others reach 40 and 64.
_MOST_LINEAR, _MOST_STRETCHED = 32, 256
_FEWEST_OF_A_QUERY = 8
_FEWEST_TOKENS = 16  # less than a sentence
_LONG, _SHORT_THETA = 16384, 10000.0
# Tables of learned positions, and what their rows are counted from (fairseq's models count from after the padding).
_TABLES = ("position_embeddings.weight", "wpe.weight", "embed_positions.weight", "embeddings.position_embedding.weight")
_FROM_PADDING = {
    "roberta",
    "xlm-roberta",
    "xlm-roberta-xl",
    "camembert",
    "mpnet",
    "longformer",
    "data2vec-text",
    "ibert",
}
_DISENTANGLED = {"c2p", "p2c"}  # what DeBERTa's attention is made of, in all that were published
# Activations that one family of architectures is trained with; within a family they differ by less than 1e-3 or so.
_T5_PROJECTIONS = ("relu", "gated-gelu")
_FAMILIES = {"gelu": ("gelu",), "silu": ("silu", "swish"), "relu": ("relu",)}
_ACTIVATIONS = ("hidden_act", "hidden_activation", "activation", "activation_function")
# Settings that were trained with though no tensor shows them: published checkpoints leave the class's own value.
_AS_TRAINED = {
    "t5": ("relative_attention_max_distance",),
    "mt5": ("relative_attention_max_distance",),
    "umt5": ("relative_attention_max_distance",),
    "modernbert": ("local_attention", "global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"),
    "gemma3_text": ("query_pre_attn_scalar",),
    "albert": ("inner_group_num", "num_hidden_groups"),
    "gpt2": ("scale_attn_weights",),
    "gpt_bigcode": ("scale_attn_weights", "scale_attention_softmax_in_fp32"),
    "roformer": ("rotary_value",),
    "xlnet": ("attn_type", "untie_r"),
    "deberta-v2": ("max_relative_positions",),
}


def check(target: Target) -> Iterator[Finding]:
    """Sizes, heads, epsilons, dropouts, activations, rotary bases, token ids and lengths of config.json."""
    config = target.config
    if not config:
        return
    yield from _not_finite(target)
    impossible = list(_impossible(target))
    yield from impossible
    if impossible:
        return
    yield from _heads(target)
    yield from _epsilons(config)
    yield from _dropouts(config)
    yield from _activation(config)
    yield from _as_trained(config)
    yield from _rotary(config)
    yield from _windows(config)
    yield from _token_ids(config)
    yield from _lengths(target)
    yield from _lengths_of_roles(target)
    yield from _cut(target)


def _number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _first(config: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((config[name] for name in names if config.get(name) is not None), None)


def _not_finite(target: Target) -> Iterator[Finding]:
    """NaN and Infinity, which JSON has not: Python reads them, other languages refuse the file."""
    for name in ("config.json", "sentence_bert_config.json", "tokenizer_config.json"):
        file = target.of_root(name)
        odd = [
            key for key, value in target.object(file).items() if isinstance(value, float) and not math.isfinite(value)
        ]
        if odd:
            yield finding(
                "number-not-finite", f"{file} says {odd[0]} is {target.object(file)[odd[0]]}", {"settings": odd}
            )


def _impossible(target: Target) -> Iterator[Finding]:
    for name in _SIZES:
        value = target.config.get(name)
        if _number(value) and (value < 1 or value != int(value)):
            yield finding("size-impossible", f"{target.of_root('config.json')} says {name} {value}", {name: value})


def _heads(target: Target) -> Iterator[Finding]:
    """Whether heads divide the width, and the key's and value's heads the query's."""
    config = target.config
    heads, width, size = _first(config, _HEADS), _first(config, _WIDTHS), _first(config, ("head_dim", "d_kv"))
    groups = config.get("num_key_value_heads")
    if not (isinstance(heads, int) and isinstance(width, int)):
        return
    if size is None and width % heads:
        yield finding(
            "heads-differ", f"{heads} attention heads do not divide the width {width}", {"heads": heads, "width": width}
        )
    elif size is None and (width // heads > 512 or width // heads % 2):
        yield finding(
            "heads-unusual",
            f"{heads} attention heads share the width {width}: {width // heads} numbers each",
            {"heads": heads, "width": width},
        )
    if isinstance(groups, int) and heads % groups:
        yield finding(
            "heads-differ",
            f"{groups} key-value heads do not divide the {heads} heads",
            {"heads": heads, "groups": groups},
        )


def _epsilons(config: Mapping[str, Any]) -> Iterator[Finding]:
    for name in _EPSILONS:
        value = config.get(name)
        if _number(value) and not 0 < value < _MOST_EPSILON:
            yield finding("epsilon-absurd", f"config.json says {name} {value}", {name: value})


def _dropouts(config: Mapping[str, Any]) -> Iterator[Finding]:
    odd = {n: v for n, v in config.items() if ("dropout" in n or n == "initializer_range") and _number(v)}
    for name, value in odd.items():
        if not 0 <= value < 1:
            yield finding("training-number-absurd", f"config.json says {name} {value}", {name: value})
    chunk = config.get("chunk_size_feed_forward")
    if _number(chunk) and chunk > 1:
        yield finding("chunked", f"config.json says chunk_size_feed_forward {chunk}", {"chunk": chunk})


def _family(activation: str) -> str | None:
    return next((f for f, members in _FAMILIES.items() if any(member in activation for member in members)), None)


def _activation(config: Mapping[str, Any]) -> Iterator[Finding]:
    """An activation of another family than the architecture's own."""
    usual = _defaults(config)
    proj = config.get("feed_forward_proj")
    if config.get("model_type") in {"t5", "mt5", "umt5"} and isinstance(proj, str) and proj not in _T5_PROJECTIONS:
        yield finding(
            "activation-unusual", f"config.json says feed_forward_proj {proj}", usual=" or ".join(_T5_PROJECTIONS)
        )
    for name in _ACTIVATIONS:
        given, own = config.get(name), usual.get(name)
        if not (isinstance(given, str) and isinstance(own, str)) or given == own:
            continue
        if _family(given) != _family(own) or "quick" in given:
            yield finding("activation-unusual", f"config.json says {name} {given}", {name: given}, usual=own)


def _as_trained(config: Mapping[str, Any]) -> Iterator[Finding]:
    usual = _defaults(config)
    for name in _AS_TRAINED.get(str(config.get("model_type")), ()):
        given, own = config.get(name), usual.get(name)
        alike = _number(given) and _number(own) or (type(given) is type(own) and isinstance(given, bool | str))
        if alike and given != own:
            yield finding("setting-unusual", f"config.json says {name} {given}", {name: given}, usual=own)
    parts = config.get("pos_att_type")
    parts = parts.split("|") if isinstance(parts, str) else parts
    if config.get("relative_attention") and isinstance(parts, list) and set(parts) != _DISENTANGLED:
        seen = f"config.json says pos_att_type {config['pos_att_type']}"
        yield finding("setting-unusual", seen, {"pos_att_type": parts}, usual="p2c|c2p")


def _defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """What the architecture's own configuration class says where a file says nothing."""
    from transformers import CONFIG_MAPPING

    try:
        return dict(vars(CONFIG_MAPPING[config["model_type"]]()))
    except (KeyError, ValueError, TypeError):
        return {}  # a type of the model's own code, or one that has no defaults


def _rotary(config: Mapping[str, Any]) -> Iterator[Finding]:
    """The base and the scaling of rotary positions."""
    nested = config.get("rope_parameters")
    parameters = nested if isinstance(nested, dict) else {}
    thetas = {name: config[name] for name in _THETAS if config.get(name) is not None}
    parts = {"": parameters} | {name: part for name, part in parameters.items() if isinstance(part, dict)}
    thetas |= {
        f"rope_parameters.{part}{'.' if part else ''}rope_theta": values["rope_theta"]
        for part, values in parts.items()
        if values.get("rope_theta") is not None
    }
    low, high = _PLAUSIBLE_THETA
    for name, theta in thetas.items():
        if not _number(theta) or not low <= theta <= high:
            yield finding("rotary-absurd", f"config.json says {name} {theta}", {name: theta})
    top, inner = config.get("rope_theta"), parameters.get("rope_theta")
    if top is not None and inner is not None and top != inner:
        yield finding("rotary-absurd", f"config.json says rope_theta {top}, and {inner} in rope_parameters", thetas)
    scaling = config.get("rope_scaling") or parameters
    factor = scaling.get("factor") if isinstance(scaling, dict) else None
    kind = scaling.get("rope_type") or scaling.get("type") if isinstance(scaling, dict) else None
    most = _MOST_LINEAR if kind == "linear" else _MOST_STRETCHED
    if factor is not None and (not _number(factor) or not 1 <= factor <= most):
        yield finding("rotary-absurd", f"config.json scales rotary positions by {factor}", {"factor": factor})
    share = config.get("partial_rotary_factor")
    if share is not None and (not _number(share) or not 0 < share <= 1):
        yield finding("rotary-absurd", f"config.json says partial_rotary_factor {share}", {"share": share})


def _windows(config: Mapping[str, Any]) -> Iterator[Finding]:
    unused = config.get("use_sliding_window") is False
    for name in ("sliding_window", "local_attention", "attention_window"):
        size = config.get(name)
        if _number(size) and size < _FEWEST_TOKENS and not (unused and name == "sliding_window"):
            yield finding("window-tiny", f"config.json says {name} {size}", {name: size})


def _token_ids(config: Mapping[str, Any]) -> Iterator[Finding]:
    rows = config.get("vocab_size")
    for name in _TOKENS:
        token = config.get(name)
        for one in token if isinstance(token, list) else [token]:
            if isinstance(one, int) and isinstance(rows, int) and not -1 <= one < rows:
                yield finding(
                    "token-id-beyond", f"config.json says {name} {one}, the model has {rows} rows", {name: one}
                )


def positions(target: Target) -> tuple[int, bool] | None:
    """How many tokens the model has positions for, and whether a table of learned ones ends there; None without end.

    Rotary positions have no table: beyond the length they were trained at, vectors get worse and nothing stops.
    Relative ones (T5's) and slopes (ALiBi's) have no end.
    """
    config = target.config
    if rows := _table_rows(target):
        kind = config.get("model_type")
        pad = config.get("pad_token_id")
        offset = (pad if isinstance(pad, int) else 1) + 1 if kind in _FROM_PADDING else 0
        return rows - offset, True
    rotary = any(config.get(name) is not None for name in (*_THETAS, "rope_parameters", "rope_scaling"))
    last = config.get("max_position_embeddings") or config.get("n_positions")
    if not rotary or not isinstance(last, int) or config.get("position_embedding_type") == "alibi":
        return None
    scaling = config.get("rope_scaling") or config.get("rope_parameters")
    factor = scaling.get("factor") if isinstance(scaling, dict) else None
    return int(last * max(1.0, factor if _number(factor) else 1.0)), False


def _table_rows(target: Target) -> int | None:
    """Rows of the stored table of positions; what config.json says where the file cannot tell."""
    for name in target.weight_files:
        try:
            entries = header(target.path(name))
        except (OSError, ValueError):
            return None  # the files tier says so
        for key, entry in entries.items():
            if key.endswith(_TABLES) and len(entry["shape"]) == 2:
                return int(entry["shape"][0])
    return None


def _lengths(target: Target) -> Iterator[Finding]:
    """How many tokens of a text are read: some, a sentence's worth, and no more than there are positions."""
    file = target.of_root("sentence_bert_config.json")
    length = target.object(file).get("max_seq_length")
    evidence = {"max_seq_length": length}
    if not isinstance(length, int):
        return
    if length < 1:
        worse: Severity = "fatal" if length < 0 else "serious"
        yield finding("length-impossible", f"{file} reads {length} tokens of a text", evidence, worse)
    elif length < _FEWEST_TOKENS:
        yield finding("length-tiny", f"{file} reads {length} tokens of a text", evidence)
    elif (room := positions(target)) and length > room[0] and not room[1]:
        yield finding(
            "length-beyond-training",
            f"{file} reads {length} tokens, the model's rotary positions were trained for {room[0]}",
            evidence | {"positions": room[0]},
            room=room[0],
        )


def _lengths_of_roles(target: Target) -> Iterator[Finding]:
    """The lengths of queries and of documents, which PyLate and sentence-transformers keep apart."""
    for file in (target.of_root("sentence_bert_config.json"), "config_sentence_transformers.json"):
        for name, fewest in (("query_length", _FEWEST_OF_A_QUERY), ("document_length", _FEWEST_TOKENS)):
            length = target.object(file).get(name)
            if _number(length) and length < fewest:
                code = "length-impossible" if length < 1 else "length-tiny"
                yield finding(code, f"{file} says {name} {length}", {name: length})


def _cut(target: Target) -> Iterator[Finding]:
    """``truncate_dim`` against the width the pipeline gives."""
    from evaluators.preflight.pipeline import output_width
    from evaluators.preflight.steps import routes

    file = "config_sentence_transformers.json"
    kept = target.object(file).get("truncate_dim")
    if kept is None:
        return
    widths = [width for _, steps in routes(target) if (width := output_width(target, steps))]
    if not isinstance(kept, int) or isinstance(kept, bool) or kept < 1:
        yield finding("truncation-impossible", f"{file} says truncate_dim {kept}", {"truncate_dim": kept})
    elif widths and kept > max(widths):
        yield finding(
            "truncation-idle", f"{file} keeps {kept} numbers, the model gives {max(widths)}", {"width": widths}
        )
    else:
        yield finding("truncated", f"{file} keeps the first {kept} numbers of a vector", {"truncate_dim": kept})

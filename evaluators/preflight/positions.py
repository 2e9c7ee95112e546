"""Positions: how many tokens a model can tell apart by their place, and how many of a text are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data.store.vocabulary import Severity
from evaluators.model_files.reading import as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.setting_types import is_number
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import headers

__all__ = ["ABSOLUTE", "FROM_PADDING", "check_lengths", "check_rotary", "learned_positions", "positions_in_table"]

_THETAS = ("rope_theta", "rotary_emb_base", "global_rope_theta", "local_rope_theta")
_PLAUSIBLE_THETA = (100.0, 1e10)
# Positions squeezed evenly are hard to tell apart beyond a factor of 8, the most published; others reach 40 and 64.
_MOST_LINEAR, _MOST_STRETCHED = 32, 256
_FEWEST_OF_A_QUERY = 8
_FEWEST_TOKENS = 16  # less than a sentence
# Tables of learned positions.
_TABLES = ("position_embeddings.weight", "wpe.weight", "embed_positions.weight", "embeddings.position_embedding.weight")
_TABLE_MODULES = tuple(name.split(".")[-2] for name in _TABLES)
# Architectures of fairseq, whose tables count from after the padding id.
FROM_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "mpnet", "longformer", "data2vec-text",
                "ibert", "luke", "roberta-prelayernorm", "xmod"}  # fmt: skip
# Learned absolute positions: a text padded on the left is read at other positions.
ABSOLUTE = {"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "electra", "albert"}


def learned_positions(config: Mapping[str, Any]) -> int | None:
    """How many tokens the model has learned positions for; None when its positions have no table."""
    kind, rows = config.get("model_type"), config.get("max_position_embeddings")
    return int(rows) - _rows_before(config) if kind in ABSOLUTE and rows else None


def positions_in_table(model: Any, config: Mapping[str, Any]) -> int | None:
    """The same, read off a model that is loaded, whatever its architecture: rows of its table of positions."""
    declared = config.get("max_position_embeddings") or config.get("n_positions")
    for name, module in model.named_modules():
        rows = getattr(module, "num_embeddings", None)
        if rows and name.rpartition(".")[2] in _TABLE_MODULES:
            return min(int(rows), int(declared or rows)) - _rows_before(config)
    return None


def _rows_before(config: Mapping[str, Any]) -> int:
    """Rows of a table that stand before that of the first token."""
    return 2 if config.get("model_type") in FROM_PADDING else 0


def check_rotary(config: Mapping[str, Any]) -> Iterator[Finding]:
    """The base and the scaling of rotary positions."""
    parameters = as_object(config.get("rope_parameters"))
    parts = {"rope_parameters": parameters} | {
        f"rope_parameters.{name}": part for name, part in parameters.items() if isinstance(part, dict)
    }
    thetas = {name: config[name] for name in _THETAS if config.get(name) is not None}
    nested = {f"{name}.rope_theta": part.get("rope_theta") for name, part in parts.items()}
    thetas |= {name: theta for name, theta in nested.items() if theta is not None}
    low, high = _PLAUSIBLE_THETA
    for name, theta in thetas.items():
        if not is_number(theta) or not low <= theta <= high:
            yield finding("rotary-absurd", f"config.json says {name} {theta}", {name: theta})
    top, inner = config.get("rope_theta"), parameters.get("rope_theta")
    if top is not None and inner is not None and top != inner:
        yield finding("rotary-absurd", f"config.json says rope_theta {top}, and {inner} in rope_parameters", thetas)
    scaling = _scaling(config)
    factor, kind = scaling.get("factor"), scaling.get("rope_type") or scaling.get("type")
    most = _MOST_LINEAR if kind == "linear" else _MOST_STRETCHED
    if factor is not None and (not is_number(factor) or not 1 <= factor <= most):
        yield finding("rotary-absurd", f"config.json scales rotary positions by {factor}", {"factor": factor})
    share = config.get("partial_rotary_factor")
    if share is not None and (not is_number(share) or not 0 < share <= 1):
        yield finding("rotary-absurd", f"config.json says partial_rotary_factor {share}", {"share": share})


def _scaling(config: Mapping[str, Any]) -> dict[str, Any]:
    return as_object(config.get("rope_scaling") or config.get("rope_parameters"))


def _rotary_positions(target: Target) -> int | None:
    """For how many tokens rotary positions were trained; None for positions of another kind.

    Beyond a table of learned ones the run stops, which the tokenizer's tier says. Relative positions (T5's) and slopes
    (ALiBi's) have no end.
    """
    config = target.config
    if _has_table(target) or config.get("position_embedding_type") == "alibi":
        return None
    rotary = any(config.get(name) is not None for name in (*_THETAS, "rope_parameters", "rope_scaling"))
    last = config.get("max_position_embeddings") or config.get("n_positions")
    if not rotary or not isinstance(last, int):
        return None
    factor = _scaling(config).get("factor")
    return int(last * max(1.0, factor if is_number(factor) else 1.0))


def _has_table(target: Target) -> bool:
    entries = headers(map(target.path, target.weight_files))
    return any(key.endswith(_TABLES) and len(entry["shape"]) == 2 for key, entry in entries.items())


def check_lengths(target: Target) -> Iterator[Finding]:
    """How many tokens of a text are read: some, a sentence's worth, and no more than there are positions."""
    file = target.of_root("sentence_bert_config.json")
    length = target.object(file).get("max_seq_length")
    if isinstance(length, int):
        room = _rotary_positions(target)
        if length < _FEWEST_TOKENS:
            yield _too_short(f"{file} reads {length} tokens of a text", file, "max_seq_length", length)
        elif room and length > room:
            seen = f"{file} reads {length} tokens, the model's rotary positions were trained for {room}"
            evidence = {"max_seq_length": length, "positions": room}
            yield finding("length-beyond-training", seen, evidence, room=room)
    # The lengths of queries and of documents, which PyLate and sentence-transformers keep apart.
    for place in (file, "config_sentence_transformers.json"):
        for name, fewest in (("query_length", _FEWEST_OF_A_QUERY), ("document_length", _FEWEST_TOKENS)):
            length = target.object(place).get(name)
            if is_number(length) and length < fewest:
                yield _too_short(f"{place} says {name} {length}", place, name, length)


def _too_short(seen: str, file: str, name: str, length: float) -> Finding:
    evidence, setting = {name: length}, f"{name} in {file}"
    if length >= 1:
        return finding("length-tiny", seen, evidence, setting=setting)
    fatal = name == "max_seq_length" and length < 0
    return finding("length-impossible", seen, evidence, Severity.FATAL if fatal else None)

"""What a model's folder declares in the files of sentence-transformers: pooling, normalisation, length, prompts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.store.errors import ModelError
from evaluators.model_files.reading import parse_json

__all__ = ["Declared", "read_declared"]

# As sentence-transformers names them up to version 5 (flags) in 1_Pooling/config.json.
_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "last",
}
_NAMES = {"lasttoken": "last", "mean_sqrt_len_tokens": "mean_sqrt_len"}


@dataclass(frozen=True)
class Declared:
    """Declarations of a model folder; None where its files say nothing."""

    pooling: str | None = None
    normalise: bool = False
    max_length: int | None = None
    lower_case: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    other_modules: tuple[str, ...] = ()


def read_declared(folder: Path) -> Declared:
    """Read modules.json and the files it points to.

    Raises:
        ModelError: one of them is there and cannot be read.
    """
    modules = _read(folder / "modules.json", [])
    kinds = {str(module.get("type", "")).rsplit(".", 1)[-1]: module for module in modules}
    lengths = _read(folder / "sentence_bert_config.json", {})
    pooling = _read(folder / str(kinds.get("Pooling", {}).get("path", "1_Pooling")) / "config.json", {})
    prompts = _read(folder / "config_sentence_transformers.json", {}).get("prompts") or {}
    return Declared(
        pooling=_pooling(pooling),
        normalise="Normalize" in kinds,
        max_length=lengths.get("max_seq_length"),
        lower_case=bool(lengths.get("do_lower_case", False)),
        prompts={str(role): str(text) for role, text in prompts.items()},
        other_modules=tuple(sorted(set(kinds) - {"Transformer", "Pooling", "Normalize"})),
    )


def _pooling(config: Mapping[str, Any]) -> str | None:
    named = config.get("pooling_mode")
    if isinstance(named, str):
        return _NAMES.get(named, named)
    chosen = [mode for flag, mode in _FLAGS.items() if config.get(flag)]
    return chosen[0] if len(chosen) == 1 else None


def _read(path: Path, default: Any) -> Any:
    if not path.is_file():
        return default
    try:
        return parse_json(path)
    except (OSError, ValueError) as error:
        raise ModelError("A configuration file cannot be read", where=str(path), remedy=str(error)) from None

"""Settings that loaders and the later tiers read: what each has to be for either to make sense of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evaluators.preflight.target import Target

__all__ = ["malformed"]

Rule = tuple[str, Callable[[Any], bool]]


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _texts_by_name(value: Any) -> bool:
    return isinstance(value, dict) and all(entry is None or isinstance(entry, str) for entry in value.values())


def _classes(value: Any) -> bool:
    """An auto_map: a class, or several of which some may be null, for each kind of object."""
    if not isinstance(value, dict):
        return False
    entries = [part for entry in value.values() for part in (entry if isinstance(entry, list) else [entry])]
    return all(part is None or isinstance(part, str) for part in entries)


def _tokenizer_classes(value: Any) -> bool:
    """The same of a tokenizer, which was once saved as the list of its slow and its fast class alone."""
    return _classes({"AutoTokenizer": value} if isinstance(value, list) else value)


def _modes(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(mode, str) for mode in value))


TEXT: Rule = ("a text", _text)
WHOLE: Rule = ("a whole number", _whole)
NUMBER: Rule = ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
TEXTS: Rule = ("an object of texts", _texts_by_name)
CLASSES: Rule = ("an object of class names", _classes)
TOKENIZER_CLASSES: Rule = ("an object of class names, or a list of them", _tokenizer_classes)
MODES: Rule = ("a text or a list of texts", _modes)

_CONFIG: dict[str, Rule] = {
    "model_type": TEXT,
    "auto_map": CLASSES,
    "vocab_size": WHOLE,
    "hidden_size": WHOLE,
    "d_model": WHOLE,
    "max_position_embeddings": WHOLE,
}
_TOKENIZER: dict[str, Rule] = {"model_max_length": NUMBER, "auto_map": TOKENIZER_CLASSES}
_LENGTH: dict[str, Rule] = {"max_seq_length": WHOLE}
_PROMPTS: dict[str, Rule] = {"prompts": TEXTS, "default_prompt_name": TEXT, "similarity_fn_name": TEXT}
_POOLING: dict[str, Rule] = {"pooling_mode": MODES, "word_embedding_dimension": WHOLE, "embedding_dimension": WHOLE}
_MODULE: dict[str, Rule] = {"type": TEXT, "path": TEXT, "name": TEXT}


def malformed(target: Target) -> Iterator[tuple[str, str]]:
    """File and what is wrong with it, for each setting of another type than any loader takes; null counts as absent."""
    yield from _modules(target)
    files = {
        target.of_root("config.json"): _CONFIG,
        target.of_root("tokenizer_config.json"): _TOKENIZER,
        target.of_root("sentence_bert_config.json"): _LENGTH,
        target.of_root("model.safetensors.index.json"): {"weight_map": TEXTS},
        "config_sentence_transformers.json": _PROMPTS,
    }
    if entry := target.module("Pooling"):
        files[f"{entry.get('path')}/config.json"] = _POOLING
    for name, rules in files.items():
        value = target.json(name)
        if value is not None and not isinstance(value, dict):
            yield name, f"it holds {_kind(value)}, not an object"
        elif value:
            yield from ((name, words) for words in _differing(value, rules))


def _modules(target: Target) -> Iterator[tuple[str, str]]:
    value = target.json("modules.json")
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        yield "modules.json", "it is not a list of objects"
        return
    for entry in value:
        yield from (("modules.json", words) for words in _differing(entry, _MODULE))


def _differing(value: Mapping[str, Any], rules: Mapping[str, Rule]) -> Iterator[str]:
    for key, (words, holds) in rules.items():
        if value.get(key) is not None and not holds(value[key]):
            yield f"{key} is {_kind(value[key])}, not {words}"


def _kind(value: Any) -> str:
    shown = repr(value)
    return f"{shown[:60]}{'...' if len(shown) > 60 else ''}"

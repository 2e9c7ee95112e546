"""Settings that loaders and the later tiers read: what each has to be for either to make sense of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

from evaluators.preflight.target import Target

__all__ = ["is_number", "is_positive", "malformed"]

Rule = tuple[str, Callable[[Any], bool]]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether it is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_positive(value: Any) -> TypeGuard[int]:
    """Whether it is a whole number of at least one."""
    return type(value) is int and value > 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(entry is None or isinstance(entry, str) for entry in value.values())


def _are_classes(value: Any) -> bool:
    """An auto_map: a class, or several of which some may be null, for each kind of object."""
    if not isinstance(value, dict):
        return False
    entries = [part for entry in value.values() for part in (entry if isinstance(entry, list) else [entry])]
    return all(part is None or isinstance(part, str) for part in entries)


def _are_tokenizer_classes(value: Any) -> bool:
    """The same of a tokenizer, which was once saved as the list of its slow and its fast class alone."""
    return _are_classes({"AutoTokenizer": value} if isinstance(value, list) else value)


def _are_modes(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


_TEXT: Rule = ("a text", _is_text)
_WHOLE: Rule = ("a whole number", lambda value: type(value) is int)
_NUMBER: Rule = ("a number", is_number)
_TEXTS: Rule = ("an object of texts", _are_texts)
_CLASSES: Rule = ("an object of class names", _are_classes)
_TOKENIZER_CLASSES: Rule = ("an object of class names, or a list of them", _are_tokenizer_classes)
_MODES: Rule = ("a text or a list of texts", _are_modes)

_CONFIG: dict[str, Rule] = {
    "model_type": _TEXT,
    "auto_map": _CLASSES,
    "vocab_size": _WHOLE,
    "hidden_size": _WHOLE,
    "d_model": _WHOLE,
    "max_position_embeddings": _WHOLE,
}
_TOKENIZER: dict[str, Rule] = {"model_max_length": _NUMBER, "auto_map": _TOKENIZER_CLASSES}
_LENGTH: dict[str, Rule] = {"max_seq_length": _WHOLE}
_PROMPTS: dict[str, Rule] = {"prompts": _TEXTS, "default_prompt_name": _TEXT, "similarity_fn_name": _TEXT}
_POOLING: dict[str, Rule] = {"pooling_mode": _MODES, "word_embedding_dimension": _WHOLE, "embedding_dimension": _WHOLE}
_MODULE: dict[str, Rule] = {"type": _TEXT, "path": _TEXT, "name": _TEXT}


def malformed(target: Target) -> Iterator[tuple[str, str]]:
    """File and what is wrong with it, for each setting of another type than any loader takes; null counts as absent."""
    yield from _modules(target)
    files = {
        target.of_root("config.json"): _CONFIG,
        target.of_root("tokenizer_config.json"): _TOKENIZER,
        target.of_root("sentence_bert_config.json"): _LENGTH,
        target.of_root("model.safetensors.index.json"): {"weight_map": _TEXTS},
        "config_sentence_transformers.json": _PROMPTS,
    }
    if entry := target.module("Pooling"):
        files[f"{entry.get('path')}/config.json"] = _POOLING
    for name, rules in files.items():
        value = target.json(name)
        if value is not None and not isinstance(value, dict):
            yield name, f"it holds {_quoted(value)}, not an object"
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
            yield f"{key} is {_quoted(value[key])}, not {words}"


def _quoted(value: Any) -> str:
    text = repr(value)
    return f"{text[:60]}{'...' if len(text) > 60 else ''}"

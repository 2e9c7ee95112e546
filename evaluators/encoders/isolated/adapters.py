"""How the embedding objects of frameworks are asked: told apart by their methods, since they have no common class.

Needs nothing of Plumbline and none of the frameworks, so that ``host.py`` has it under another Python, too.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["ADAPTERS", "NoSuchClassError", "adapter_of", "argument_of", "made", "names_taken"]


class NoSuchClassError(Exception):
    """Words that name no class."""


Encode = Callable[[list[str], str], Any]  # texts of a role -> one vector a text


def _langchain(thing: Any) -> Encode:
    return lambda texts, role: (
        [thing.embed_query(text) for text in texts] if role == "query" else thing.embed_documents(texts)
    )


def _llama_index(thing: Any) -> Encode:
    return lambda texts, role: (
        [thing.get_query_embedding(text) for text in texts]
        if role == "query"
        else thing.get_text_embedding_batch(texts)
    )


def _haystack(thing: Any) -> Encode:
    if hasattr(thing, "warm_up"):
        thing.warm_up()
    if "documents" not in inspect.signature(thing.run).parameters:
        return lambda texts, role: [thing.run(text=text)["embedding"] for text in texts]
    document: Any = importlib.import_module("haystack").Document

    def encode(texts: list[str], role: str) -> Any:
        # The same text twice is the same document to Haystack: a number tells them apart.
        documents = [document(id=str(number), content=text) for number, text in enumerate(texts)]
        vectors = {each.id: each.embedding for each in thing.run(documents=documents)["documents"]}
        return [vectors.get(str(number)) for number in range(len(texts))]

    return encode


def _fastembed(thing: Any) -> Encode:
    return lambda texts, role: list(thing.query_embed(texts) if role == "query" else thing.embed(texts))


def _chroma(thing: Any) -> Encode:
    asked = getattr(thing, "embed_query", thing)
    return lambda texts, role: asked(input=texts) if role == "query" else thing(input=texts)


def _sentence_transformers(thing: Any) -> Encode:
    return lambda texts, role: thing.encode(texts)


# By name: the methods it is known by, and how it is asked. The first that fits is taken.
ADAPTERS: Mapping[str, tuple[tuple[str, ...], Callable[[Any], Encode]]] = {
    "langchain": (("embed_query", "embed_documents"), _langchain),
    "llama-index": (("get_query_embedding", "get_text_embedding_batch"), _llama_index),
    "fastembed": (("query_embed", "embed"), _fastembed),
    "haystack": (("run",), _haystack),
    "sentence-transformers": (("encode",), _sentence_transformers),
    "chroma": (("__call__",), _chroma),
}


def adapter_of(thing: Any) -> tuple[str, Encode]:
    """Which framework an object is of, and how to ask it.

    Raises:
        TypeError: it has the methods of none.
    """
    for name, (methods, adapt) in ADAPTERS.items():
        if all(callable(getattr(thing, method, None)) for method in methods):
            return name, adapt(thing)
    raise TypeError(f"{type(thing).__name__} has no method that gives embeddings: {_methods_known()}")


def _methods_known() -> str:
    return "; ".join(f"{name}: {', '.join(methods)}" for name, (methods, _) in ADAPTERS.items())


def made(source: str, arguments: Mapping[str, str]) -> Any:
    """The object of a class named ``module:Class``, made with arguments that come as words.

    Raises:
        ImportError: there is no such module, or it needs one that is not there.
        NoSuchClassError: it is not named so, or there is no such class in the module.
    """
    return class_of(source)(**{key: argument_of(value) for key, value in arguments.items()})


def class_of(source: str) -> Any:
    """The class named ``module:Class``.

    Raises:
        ImportError: there is no such module, or it needs one that is not there.
        NoSuchClassError: it is not named so, or there is no such class in the module.
    """
    module, colon, name = source.partition(":")
    if not colon or not name.isidentifier():
        raise NoSuchClassError("A class is named as module:Class")
    named = getattr(importlib.import_module(module), name, None)
    if named is None:
        raise NoSuchClassError(f"{module} has no class {name}")
    return named


def names_taken(source: str) -> tuple[frozenset[str], bool]:
    """The arguments that a class names, and whether it takes any other as well.

    Raises:
        ImportError, NoSuchClassError: as :func:`class_of`.
    """
    try:
        parameters = inspect.signature(class_of(source)).parameters
    except (TypeError, ValueError):  # of a class in C, say
        return frozenset(), False
    kinds = {each.kind for each in parameters.values()}
    named = (name for name, each in parameters.items() if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL))
    return frozenset(named), inspect.Parameter.VAR_KEYWORD in kinds


def argument_of(value: str) -> Any:
    """Arguments come as words; those that are JSON (numbers, true, objects) mean what they say."""
    try:
        return json.loads(value)
    except ValueError:
        return value

"""Any LangChain ``Embeddings`` class, named as ``module:Class``; further options are its arguments."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from data.store.errors import InputError, MissingDependencyError
from evaluators.encoders.base import Backend, Description, Encoded, dense, in_use, prepare, versions_of
from evaluators.encoders.settings import EncoderSettings


class LangChainEncoder:
    """Queries through ``embed_query``, everything else through ``embed_documents``, as a chain would do it."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        arguments = {name: _typed(value) for name, value in settings.options.items()}
        try:
            self._embeddings: Any = _class(settings.source)(**arguments)
        except ImportError as error:
            raise MissingDependencyError(f"{settings.source} needs a package: {error}") from None

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        if role == "query":
            rows = [self._embeddings.embed_query(text) for text in prepared]
        else:
            rows = self._embeddings.embed_documents(prepared)
        return Encoded(dense=dense(rows, texts, self.settings))

    def describe(self) -> Description:
        """The class, its arguments and the versions of what is behind it."""
        package = self.settings.source.partition(".")[0].partition(":")[0].replace("_", "-")
        return Description(
            model=self.settings.model,
            revision=self.settings.revision,
            settings=in_use(self.settings, prompts=self.settings.prompts or {}),
            versions=versions_of("langchain-core", package, "sentence-transformers", "transformers", "torch"),
        )

    def close(self) -> None:
        """Drop the object."""
        self._embeddings = None


def _class(source: str) -> Any:
    module, colon, name = source.partition(":")
    if not colon or not name.isidentifier():
        raise InputError("A LangChain class is named as module:Class", where=source)
    try:
        embeddings = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        package = (error.name or module).partition(".")[0]
        raise MissingDependencyError(
            f"The langchain encoder needs the package {package}", remedy=f"Install it: pip install {package}"
        ) from None
    except AttributeError:
        raise InputError(f"{module} has no class {name}", where=source) from None
    if not all(hasattr(embeddings, method) for method in ("embed_query", "embed_documents")):
        raise InputError(f"{name} is no Embeddings class: it has no embed_query or embed_documents", where=source)
    return embeddings


def _typed(value: str) -> Any:
    """Arguments come as words; those that are JSON (numbers, true, objects) mean what they say."""
    try:
        return json.loads(value)
    except ValueError:
        return value


BACKEND = Backend(
    about="any LangChain Embeddings class: module:Class, other keys are its arguments",
    example="langchain_huggingface:HuggingFaceEmbeddings?model_name=FOLDER",
    open=LangChainEncoder, options=None, revisions=True, outside=True,
)  # fmt: skip

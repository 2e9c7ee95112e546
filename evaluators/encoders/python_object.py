"""Any embeddings object of a Python framework, named as ``module:Class``; further options are its arguments.

LangChain, LlamaIndex, Haystack, Chroma and fastembed are told apart by their methods. A key that is a setting of
Plumbline's goes to the class, too, where that has an argument of the name and nobody else would heed it. One that
cannot live beside Plumbline is a ``command:`` (``isolated/host.py object module:Class key=value``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from data.store.errors import InputError, MissingDependencyError
from evaluators.encoders.base import Backend, Description, Encoded, dense, in_use, prepare, versions_of
from evaluators.encoders.isolated.adapters import ADAPTERS, NoSuchClassError, adapter_of, made, names_taken
from evaluators.encoders.settings import EncoderSettings

__all__ = ["ObjectEncoder"]

_OF_THE_CLASS = ("pooling", "max_length", "device")  # settings that only the class could heed
_NAMES = ("model", "revision", "batch_size")  # those that say something of it, and may be arguments of its own as well


class ObjectEncoder:
    """Queries and documents are asked for as the framework itself would.

    Attributes:
        framework: which it has to be of; any if empty.
    """

    framework = ""
    packages = (
        "langchain-core", "llama-index-core", "haystack-ai", "chromadb", "fastembed", "onnxruntime",
        "sentence-transformers", "transformers", "torch",
    )  # fmt: skip

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        source = settings.source
        try:
            thing = made(source, self._arguments())
        except ModuleNotFoundError as error:
            package = (error.name or source).partition(".")[0]
            what = f"{source} needs the package {package}"
            raise MissingDependencyError(what, remedy=f"Install it: pip install {package}") from None
        except ImportError as error:
            raise MissingDependencyError(f"{source} needs a package: {error}") from None
        except NoSuchClassError as error:
            raise InputError(str(error), where=source) from None
        self._encode = self._asked_as(thing)

    def _arguments(self) -> dict[str, str]:
        """What the class is made with: the options, and settings written that it has arguments of the same name for.

        Raises:
            InputError: a setting that nobody would heed.
        """
        settings = self.settings
        named, takes_any = names_taken(settings.source)
        of_class = [name for name in _OF_THE_CLASS if name in settings.written and name not in settings.options]
        if not takes_any and (lost := [name for name in of_class if name not in named]):
            what = f"{' and '.join(lost)} would not reach the class, which has no argument of that name"
            remedy = f"Hand it over as the class calls it, or as options.{lost[0]}=..., if it takes that all the same."
            raise InputError(what, where=settings.source, remedy=remedy)
        also = [name for name in _NAMES if name in settings.written & named]
        return {name: str(getattr(settings, name)) for name in (*of_class, *also)} | dict(settings.options)

    def _asked_as(self, thing: Any) -> Callable[[list[str], str], Any]:
        wrong = ""
        try:
            name, encode = adapter_of(thing)
        except TypeError as error:
            name, wrong = "", str(error)
        if self.framework and name != self.framework:
            methods = " or ".join(ADAPTERS[self.framework][0])
            wrong = f"{type(thing).__name__} is no Embeddings class: it has no {methods}"
        if wrong:
            raise InputError(wrong, where=self.settings.source)
        return encode

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        rows = self._encode(prepared, role or "")
        return Encoded(dense=dense(rows, texts, self.settings))

    def describe(self) -> Description:
        """The class, its arguments and the versions of what is behind it."""
        package = self.settings.source.partition(".")[0].partition(":")[0].replace("_", "-")
        return Description(
            model=self.settings.model,
            revision=self.settings.revision,
            settings=in_use(self.settings, prompts=self.settings.prompts or {}),
            versions=versions_of(package, *self.packages),
        )

    def close(self) -> None:
        """Drop the object."""
        del self._encode


BACKEND = Backend(
    about="an object of LlamaIndex, Haystack, Chroma or fastembed: module:Class, other keys are its arguments",
    example="llama_index.embeddings.huggingface:HuggingFaceEmbedding?model_name=FOLDER",
    open=ObjectEncoder, options=None, revisions=True, outside=True, by_length=True,
)  # fmt: skip

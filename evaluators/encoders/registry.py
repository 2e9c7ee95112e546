"""Which backends there are. Each is a module with ``OPTIONS`` (what only it understands) and ``open(settings)``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from data.errors import EncoderError, InputError, PlumblineError
from evaluators.encoders.base import Description, Encoded, Encoder
from evaluators.encoders.settings import EncoderSettings

__all__ = ["BACKENDS", "open_encoder"]

BACKENDS = {
    "sentence-transformers": "the library, with its torch, ONNX or OpenVINO back end (runtime=)",
    "transformers": "the bare model and tokenizer, pooled by hand",
    "onnx": "a graph in ONNX Runtime (file=), pooled by hand",
    "openvino": "a graph in OpenVINO (file=), pooled by hand",
    "flag-embedding": "FlagEmbedding's BGE-M3: dense, sparse and multi-vector (outputs=)",
    "bce": "BCEmbedding's EmbeddingModel",
    "langchain": "any LangChain Embeddings class: module:Class, other keys are its arguments",
    "openai": "any OpenAI-compatible server: address up to /v1",
    "tei": "a Text-Embeddings-Inference server",
    "vllm": "vLLM in this process",
    "command": "a program that reads texts and writes vectors as JSON lines",
    "ready": "vectors already made: .npy, .npz, .parquet, .jsonl or mteb's cached embeddings",
}


def open_encoder(settings: EncoderSettings) -> Encoder:
    """Open the encoder that the settings describe.

    Raises:
        InputError: no such backend, or an option that the backend does not know.
        MissingDependencyError: the backend's library is not installed.
        EncoderError: it cannot be opened.
    """
    if settings.backend not in BACKENDS:
        raise InputError(f"There is no backend {settings.backend!r}", remedy=f"There are {', '.join(BACKENDS)}.")
    module = import_module(f"evaluators.encoders.{settings.backend.replace('-', '_')}")
    options: frozenset[str] | None = module.OPTIONS  # None: the backend passes them on as arguments
    if options is not None and (unknown := sorted(set(settings.options) - options)):
        known = ", ".join(sorted(options)) or "none of its own"
        raise InputError(
            f"The setting {', '.join(unknown)} is not known", where=settings.backend, remedy=f"Its options: {known}."
        )
    with _explained(settings, "cannot open it"):
        return _Guarded(module.open(settings), settings)


class _Guarded:
    """An encoder whose library may raise anything: what is not one of our own errors becomes one."""

    def __init__(self, encoder: Encoder, settings: EncoderSettings) -> None:
        self.settings = settings
        self._encoder = encoder

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        with _explained(self.settings, "cannot encode these texts"):
            return self._encoder.encode(texts, role)

    def describe(self) -> Description:
        with _explained(self.settings, "cannot say what it is"):
            return self._encoder.describe()

    def close(self) -> None:
        self._encoder.close()


@contextmanager
def _explained(settings: EncoderSettings, what: str) -> Iterator[None]:
    try:
        yield
    except PlumblineError:
        raise
    except Exception as error:  # libraries and models of any make: no narrower class covers what they raise
        said = (str(error).splitlines() or [""])[0][:300]
        raise EncoderError(
            f"{settings.backend} {what}: {type(error).__name__}: {said}", where=settings.model
        ) from error

"""Which backends there are. Each is a module with ``OPTIONS`` (what only it understands) and ``open(settings)``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path

from data.errors import EncoderError, InputError, NotAllowedError, PlumblineError
from evaluators.encoders.base import Description, Encoded, Encoder, resolve
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust import allows, code_revision, named_code, only_code_from, opening, vet

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

# These load no model in this process, and need no library that could.
_ELSEWHERE = frozenset({"openai", "tei", "command", "ready"})
# Their source is a model's folder, or its name on a hub.
_FROM_FOLDERS = frozenset({
    "sentence-transformers", "transformers", "onnx", "openvino", "flag-embedding", "bce", "vllm",
})  # fmt: skip


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
        if settings.backend in _ELSEWHERE:
            _vet_named(settings)
            return _Guarded(module.open(settings), settings, nullcontext)
        bound = settings.allowed, _folders(settings), partial(_as_setting, settings)
        with opening(*bound):
            return _Guarded(module.open(settings), settings, partial(only_code_from, *bound))


def _folders(settings: EncoderSettings) -> dict[str, Path]:
    """The folders of models that an encoder will load in this process, by the name they are asked for."""
    if settings.backend in _FROM_FOLDERS:
        try:
            return {settings.source: resolve(settings)}
        except EncoderError:
            return {}  # the encoder says so itself, after what it lacks besides
    return {value: Path(value).expanduser() for value in settings.options.values() if _is_model(value)}


def _vet_named(settings: EncoderSettings) -> None:
    """Vet the model folders on a command line: the program that loads them may use a library that asks less.

    Raises:
        ModelError: a folder that no loader is to be handed.
        NotAllowedError: one whose modules.json has other code run than that of sentence-transformers.
    """
    words = shlex.split(settings.source) if settings.backend == "command" else []
    for word in filter(_is_model, words):
        folder = Path(word).expanduser()
        own_code = allows(settings.allowed, word, code_revision(folder))
        vet(folder, word, own_code=own_code)
        if not own_code and any(named.role == "module" for named in named_code(folder)):
            raise _not_allowed(settings, word, code_revision(folder))


def _is_model(word: str) -> bool:
    try:
        folder = Path(word).expanduser()
        return any((folder / name).exists() for name in ("config.json", "modules.json", "adapter_config.json"))
    except (OSError, ValueError, RuntimeError):  # no path at all
        return False


def _as_setting(settings: EncoderSettings, asked: Mapping[str, str]) -> str:
    """The setting that allows these too, to paste."""
    kept = {name: revision for name, revision in settings.allowed.items() if name not in asked}
    return "trust=" + ",".join(f"{name}@{revision}" for name, revision in (kept | dict(asked)).items())


class _Guarded:
    """An encoder whose library may raise anything: what is not one of our own errors becomes one."""

    def __init__(
        self, encoder: Encoder, settings: EncoderSettings, guard: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.settings = settings
        self._encoder = encoder
        self._guard = guard  # a library may open its model with the first text

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        with _explained(self.settings, "cannot encode these texts"), self._guard():
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
        if "trust_remote_code" in str(error):
            raise _not_allowed(settings, settings.source, code_revision(resolve(settings))) from error
        said = (str(error).splitlines() or [""])[0][:300]
        raise EncoderError(
            f"{settings.backend} {what}: {type(error).__name__}: {said}", where=settings.model
        ) from error


def _not_allowed(settings: EncoderSettings, source: str, revision: str) -> NotAllowedError:
    return NotAllowedError(
        "The model comes with code of its own",
        where=settings.model,
        remedy="Read that code; if you trust it, add " + _as_setting(settings, {source: revision}),
    )

"""Which backends there are. Each is a module with ``OPTIONS`` (what only it understands) and ``open(settings)``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from data.store import keys
from data.store.errors import EncoderError, EncoderGoneError, InputError, NotAllowedError, PlumblineError
from evaluators.encoders.base import Description, Encoded, Encoder, Tokens, resolve
from evaluators.encoders.bounds import Clock
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust import allows, code_revision, named_classes, only_code_from, opening, vet

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

_LONGEST_NAME, _LONGEST = 200, 2000  # characters of what an encoder says that are kept

# These load no model in this process, and need no library that could.
_ELSEWHERE = frozenset({"openai", "tei", "command", "ready"})
# Their source is a model's folder, or its name on a hub.
_FROM_FOLDERS = frozenset({
    "sentence-transformers", "transformers", "onnx", "openvino", "flag-embedding", "bce", "vllm",
})  # fmt: skip


def open_encoder(settings: EncoderSettings) -> _Guarded:
    """Open the encoder that the settings describe.

    Raises:
        InputError: no such backend, or an option that the backend does not know.
        MissingDependencyError: the backend's library is not installed.
        EncoderError: it cannot be opened.
    """
    written = (settings.model, settings.source, settings.label, settings.revision or "")
    keys.allow_words(*written, *(settings.prompts or {}).values())
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
        if not own_code and any(named.role == "module" for named in named_classes(folder)):
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
    """An encoder whose library may raise anything: what is not one of our own errors becomes one.

    Whatever an encoder says (names, versions, warnings, tokens, errors) passes the gate of :mod:`data.store.keys` here.
    """

    def __init__(
        self, encoder: Encoder, settings: EncoderSettings, guard: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self.settings = settings
        self._encoder = encoder
        self._guard = guard  # a library may open its model with the first text
        self._gone: EncoderGoneError | None = None

    @property
    def gone(self) -> str:
        """Why it cannot be asked any further; it is not, whoever asks. Empty while it can."""
        return str(self._gone or "")

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """As the encoder within."""
        if self._gone is not None:
            raise self._gone
        try:
            with _explained(self.settings, "cannot encode these texts"), self._guard():
                return _without_keys(self._encoder.encode(texts, role))
        except EncoderGoneError as error:
            self._gone = error
            raise

    def describe(self) -> Description:
        """As the encoder within."""
        with _explained(self.settings, "cannot say what it is"):
            return _shown(self._encoder.describe())

    def restart_clock(self) -> None:
        """Give it all of its ``timeout`` again, and another chance: a run of many parts is bounded by part."""
        self._gone = None
        if isinstance(clock := getattr(self._encoder, "clock", None), Clock):
            clock.restart()

    def close(self) -> None:
        """As the encoder within."""
        self._encoder.close()


def _without_keys(given: Encoded) -> Encoded:
    sparse = [{_whole(token): weight for token, weight in row.items()} for row in given.sparse or []]
    tokens = [Tokens(each.ids, [_whole(token) for token in each.texts]) for each in given.tokens or []]
    return replace(
        given,
        sparse=None if given.sparse is None else sparse,
        tokens=None if given.tokens is None else tokens,
        failed={position: keys.from_outside(reason, _LONGEST) for position, reason in given.failed.items()},
    )


def _whole(token: str) -> str:
    """A token as it is, even where it is a control character, as far as a file can take it."""
    return keys.masked(token).encode("utf-8", "replace").decode()


def _shown(said: Description) -> Description:
    """What an encoder says it is: keys taken out, and nothing so long that it could not be shown."""
    return Description(
        model=keys.from_outside(str(said.model), _LONGEST_NAME),
        revision=None if said.revision is None else keys.from_outside(str(said.revision), _LONGEST_NAME),
        settings=_all_shown(said.settings, most=None),  # a prompt may be long
        versions=_all_shown(said.versions),
        files=[_all_shown(file) | {"sha256": file.get("sha256")} for file in said.files],  # a digest made here
        warnings=_all_shown(said.warnings),
    )


def _all_shown(value: Any, most: int | None = _LONGEST) -> Any:
    if isinstance(value, str):
        return keys.from_outside(value, most)
    if isinstance(value, Mapping):
        return {keys.from_outside(str(name), _LONGEST_NAME): _all_shown(entry, most) for name, entry in value.items()}
    return [_all_shown(entry, most) for entry in value] if isinstance(value, list | tuple) else value


@contextmanager
def _explained(settings: EncoderSettings, what: str) -> Iterator[None]:
    try:
        yield
    except PlumblineError as error:
        error.what, error.where, error.remedy = map(keys.from_outside, (error.what, error.where, error.remedy))
        error.args = (str(error),)
        raise
    except Exception as error:  # libraries and models of any make: no narrower class covers what they raise
        if "trust_remote_code" in str(error):
            raise _not_allowed(settings, settings.source, code_revision(resolve(settings))) from error
        # The first line alone is often only where in a library it was.
        said = keys.from_outside(" ".join(str(error).split()), 300)
        raise EncoderError(
            f"{settings.backend} {what}: {type(error).__name__}: {said}", where=settings.model
        ) from error


def _not_allowed(settings: EncoderSettings, source: str, revision: str) -> NotAllowedError:
    return NotAllowedError(
        "The model comes with code of its own",
        where=settings.model,
        remedy="Read that code; if you trust it, add " + _as_setting(settings, {source: revision}),
    )

"""Which backends there are. Each is a module of its name with a record of what it is, ``BACKEND``."""

from __future__ import annotations

import shlex
from contextlib import nullcontext
from functools import partial
from importlib import import_module
from pathlib import Path

from data.store import keys
from data.store.errors import EncoderError, InputError
from evaluators.encoders.base import Backend, require, resolve
from evaluators.encoders.guarded import GuardedEncoder, as_own_errors, not_allowed, trust_setting
from evaluators.encoders.settings import EncoderSettings
from evaluators.trust import allows, code_revision, named_classes, only_code_from, opening, vet

__all__ = ["BACKENDS", "backend_of", "open_encoder"]

BACKENDS = (
    "sentence-transformers",
    "transformers",
    "onnx",
    "openvino",
    "flag-embedding",
    "bce",
    "langchain",
    "python-object",
    "openai",
    "tei",
    "llama-cpp",
    "ollama",
    "cohere",
    "voyage",
    "kserve",
    "json-template",
    "vllm",
    "command",
    "ready",
)


def backend_of(name: str) -> Backend:
    """What is known of a backend without opening it.

    Raises:
        InputError: there is no such backend.
    """
    if name not in BACKENDS:
        raise InputError(f"There is no backend {name!r}", remedy=f"There are {', '.join(BACKENDS)}.")
    backend: Backend = import_module(f"evaluators.encoders.{name.replace('-', '_')}").BACKEND
    return backend


def open_encoder(settings: EncoderSettings) -> GuardedEncoder:
    """Open the encoder that the settings describe.

    Raises:
        InputError: no such backend, or an option that the backend does not know.
        MissingDependencyError: the backend's library is not installed.
        EncoderError: it cannot be opened.
    """
    written = (settings.model, settings.source, settings.label, settings.revision or "")
    keys.allow_words(*written, *(settings.prompts or {}).values())
    backend = backend_of(settings.backend)
    if backend.options is not None and (unknown := sorted(set(settings.options) - backend.options)):
        known = ", ".join(sorted(backend.options)) or "none of its own"
        raise InputError(
            f"The setting {', '.join(unknown)} is not known", where=settings.backend, remedy=f"Its options: {known}."
        )
    require(backend.package, backend=settings.backend, remedy=backend.remedy)
    with as_own_errors(settings, "cannot open it"):
        if not backend.in_process:
            _vet_named(settings, backend)
            return GuardedEncoder(backend.open(settings), settings, nullcontext)
        bound = settings.allowed, _folders(settings, backend), partial(trust_setting, settings)
        with opening(*bound):
            return GuardedEncoder(backend.open(settings), settings, partial(only_code_from, *bound))


def _folders(settings: EncoderSettings, backend: Backend) -> dict[str, Path]:
    """The folders of models that an encoder will load in this process, by the name they are asked for."""
    if backend.from_folder:
        try:
            return {settings.source: resolve(settings)}
        except EncoderError:
            return {}  # the encoder says so itself
    values = (settings.model, *settings.options.values())
    return {value: Path(value).expanduser() for value in values if _is_model(value)}


def _vet_named(settings: EncoderSettings, backend: Backend) -> None:
    """Vet the model folders on a command line: the program that loads them may use a library that asks less.

    Raises:
        ModelError: a folder that no loader is to be handed.
        NotAllowedError: one whose modules.json has other code run than that of sentence-transformers.
    """
    words = shlex.split(settings.source) if backend.command_line else []
    for word in filter(_is_model, words):
        folder = Path(word).expanduser()
        own_code = allows(settings.allowed, word, code_revision(folder))
        vet(folder, word, own_code=own_code)
        if not own_code and any(named.role == "module" for named in named_classes(folder)):
            raise not_allowed(settings, word, code_revision(folder))


def _is_model(word: str) -> bool:
    try:
        folder = Path(word).expanduser()
        return any((folder / name).exists() for name in ("config.json", "modules.json", "adapter_config.json"))
    except (OSError, ValueError, RuntimeError):  # no path at all
        return False

"""Load the transformer and its tokenizer from a folder, and keep what the loader knows about it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from data.store.errors import ModelError, NotAllowedError, PlumblineError
from evaluators.preflight.kinds import model_kind
from evaluators.preflight.target import Target
from evaluators.trust import allowances, opening

__all__ = [
    "LoadedTransformer", "architecture_class", "error_in_words", "guarded", "load_model", "load_tokenizer",
    "native_class", "quietly",
]  # fmt: skip


@dataclass(frozen=True)
class LoadedTransformer:
    """A model in memory, and the keys its loader could not place."""

    model: Any
    missing: frozenset[str]
    unexpected: frozenset[str]
    mismatched: frozenset[str]


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Without transformers' progress bars and log lines: what they say is taken from the loader's own report."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def guarded(target: Target) -> contextlib.AbstractContextManager[None]:
    """Vet its folder; then no code runs but the model's own, if allowed, and other repositories' allowed by name."""
    return opening(allowances(target.trust), {target.name: target.folder})


def native_class(config: dict[str, Any]) -> str | None:
    """The class of transformers that is loaded for this model type without the model's own code; None if none is."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    model_kind = config.get("model_type")
    name = MODEL_MAPPING_NAMES.get(model_kind) if isinstance(model_kind, str) else None
    return name if isinstance(name, str) or name is None else str(name[0])


def architecture_class(target: Target) -> Any:
    """The class that sentence-transformers would build: of its kind, and the encoder alone for encoder-decoders."""
    import transformers

    if (loader := model_kind(target).loader) != "AutoModel":
        return getattr(transformers, loader)
    if target.config.get("is_encoder_decoder") or target.config.get("model_type") in {"t5", "mt5", "umt5"}:
        native = native_class(target.config) or ""
        encoder = getattr(transformers, native.removesuffix("Model") + "EncoderModel", None)
        if encoder is not None:
            return encoder
    return transformers.AutoModel


def load_model(target: Target) -> LoadedTransformer:
    """Load the weights in the precision of the file; its own code runs only if this model and revision were allowed.

    Raises:
        NotAllowedError: it cannot be loaded without code that was not allowed.
        ModelError: the loader refuses the files.
    """
    with quietly(), guarded(target):
        try:
            model, report = architecture_class(target).from_pretrained(
                target.folder / target.root,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                local_files_only=True,
                trust_remote_code=target.trusted,
            )
        except PlumblineError:
            raise
        except Exception as error:  # noqa: BLE001 -- configurations and models are other people's code and raise anything
            if target.config.get("auto_map") and not target.trusted:
                raise NotAllowedError("The model cannot be loaded without its own code", where=target.name) from error
            raise ModelError("The weights cannot be loaded", where=target.name, remedy=_remedy(error)) from error
    mismatched = frozenset(str(entry[0] if isinstance(entry, tuple) else entry) for entry in report["mismatched_keys"])
    beside = re.compile(model_kind(target).beside)
    unexpected = frozenset(key for key in report["unexpected_keys"] if not beside.search(key))
    return LoadedTransformer(model.eval(), frozenset(report["missing_keys"]) - mismatched, unexpected, mismatched)


def load_tokenizer(target: Target) -> Any:
    """Load the tokenizer.

    Raises:
        NotAllowedError: it names code of another repository that was not allowed.
        ModelError: the loader refuses the files.
    """
    from transformers import AutoTokenizer

    with quietly(), guarded(target):
        try:
            return AutoTokenizer.from_pretrained(
                target.folder / target.root, local_files_only=True, trust_remote_code=target.trusted
            )
        except PlumblineError:
            raise
        # `tokenizers` raises bare Exception for a file it cannot read.
        except Exception as error:
            raise ModelError("The tokenizer cannot be loaded", where=target.name, remedy=_remedy(error)) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:300]


def error_in_words(error: Exception) -> str:
    """What a library says of somebody's files: the error's name and the first line of its message."""
    return f"{type(error).__name__}: {_first_line(error)}"


def _remedy(error: Exception) -> str:
    """The error's first line, with its name where the words alone would not tell."""
    return isinstance(error, (OSError, ValueError)) and _first_line(error) or error_in_words(error)

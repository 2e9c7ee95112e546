"""Preflight of an encoder: what is wrong with its model's files, before any text goes through them."""

from __future__ import annotations

from data.store.errors import PlumblineError
from evaluators.encoders.settings import EncoderSettings
from evaluators.preflight import Finding, preflight

__all__ = ["Seen", "look"]

Seen = dict[tuple[str, str | None, str | None], tuple[Finding, ...]]

# These load a model's own files in this process, through transformers; preflight knows what those have to be.
_LOADS_FILES = frozenset({"sentence-transformers", "transformers", "flag-embedding", "bce", "vllm"})


def look(settings: EncoderSettings, seen: Seen | None = None) -> tuple[Finding, ...]:
    """Faults of the encoder's model; none for one whose files are not here, or are a graph of another runtime.

    Args:
        settings: the encoder.
        seen: what was found so far, by model: encoders that share a model are looked at once.
    """
    other_graph = settings.options.get("runtime", "torch") != "torch"
    if settings.backend not in _LOADS_FILES or other_graph:
        return ()
    seen = {} if seen is None else seen
    key = (settings.source, settings.revision, settings.trust)
    if key not in seen:
        seen[key] = _findings(settings)
    return seen[key]


def _findings(settings: EncoderSettings) -> tuple[Finding, ...]:
    trust = settings.trust.split(",") if settings.trust else ()
    try:
        return tuple(preflight(settings.source, revision=settings.revision, trust=trust))
    except PlumblineError:
        return ()  # what keeps preflight from a look keeps the encoder from opening, and is told there

"""Preflight of an encoder: what is wrong with its model's files, before any text goes through them."""

from __future__ import annotations

from data.store.errors import PlumblineError
from evaluators.encoders.registry import backend_of
from evaluators.encoders.settings import EncoderSettings
from evaluators.preflight import Finding, preflight

__all__ = ["Seen", "look"]

Seen = dict[tuple[str, str | None, str | None], tuple[Finding, ...]]


def look(settings: EncoderSettings, seen: Seen | None = None) -> tuple[Finding, ...]:
    """Faults of the encoder's model; none for one whose files are not here, or are a graph of another runtime.

    Args:
        settings: the encoder.
        seen: what was found so far, by model: encoders that share a model are looked at once.
    """
    if not backend_of(settings.backend).loads_own_files(settings):
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

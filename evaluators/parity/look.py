"""Preflight of the encoders of a check: what is wrong with a model's files, before any text goes through them."""

from __future__ import annotations

from data.errors import ModelError, PlumblineError
from evaluators.encoders.settings import EncoderSettings
from evaluators.preflight import Finding, at_least, preflight

__all__ = ["Seen", "look", "refuse_if_doomed"]

Seen = dict[tuple[str, str | None, str | None], tuple[Finding, ...]]

# These load a model's own files in this process, through transformers; preflight knows what those have to be.
_LOADS_FILES = frozenset({"sentence-transformers", "transformers", "flag-embedding", "bce", "vllm"})


def look(settings: EncoderSettings, seen: Seen) -> tuple[Finding, ...]:
    """Faults of the encoder's model; none for one whose files are not here, or are a graph of another runtime.

    Args:
        settings: the encoder.
        seen: what the check has found so far, by model: encoders that share a model are looked at once.
    """
    other_graph = settings.options.get("runtime", "torch") != "torch"
    if settings.backend not in _LOADS_FILES or other_graph:
        return ()
    key = (settings.source, settings.revision, settings.trust)
    if key not in seen:
        seen[key] = _found(settings)
    return seen[key]


def refuse_if_doomed(settings: EncoderSettings, findings: tuple[Finding, ...]) -> None:
    """Stop where the reference cannot give right vectors: nothing that is compared with them would mean anything.

    Raises:
        ModelError: a fatal finding.
    """
    if fatal := at_least(findings, "fatal"):
        raise ModelError(
            "Preflight stops the check: the reference is at fault: " + "; ".join(finding.seen for finding in fatal),
            where=settings.display,
            remedy=f"{fatal[0].remedy} To compare with it as it is, add --anyway.",
        )


def _found(settings: EncoderSettings) -> tuple[Finding, ...]:
    trust = settings.trust.split(",") if settings.trust else ()
    try:
        return tuple(preflight(settings.source, revision=settings.revision, trust=trust))
    except PlumblineError:
        return ()  # what keeps preflight from a look keeps the encoder from opening, and is told there

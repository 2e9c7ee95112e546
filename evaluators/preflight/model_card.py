"""What a model card of sentence-transformers states of the pipeline, against the files.

The library writes the card when it saves the model: each module with its settings, the longest text, the vector's
width, the similarity. Files that say something else were changed since, or belong to another model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding, Severity
from evaluators.preflight.pipeline import output_width
from evaluators.preflight.steps import Step, pooling_modes, routes
from evaluators.preflight.target import Target

__all__ = ["Stated", "check", "stated_modules"]

_BLOCK = re.compile(r"^(?:SentenceTransformer|SparseEncoder|MultiVectorEncoder)\($(.*?)^\)$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"^  \((?P<name>[^)\s]{1,80})\): (?P<kind>\w+)\((?P<settings>\{.{0,20000}\})?.*$", re.MULTILINE)
_WIDTH = re.compile(
    r"\*\*Output Dimensionality:\*\* (\d+)|to an? (\d+)[- ]dimensional (?:dense )?vector space", re.IGNORECASE
)
_LENGTH = re.compile(r"\*\*Maximum Sequence Length:\*\* (\d+) tokens")
_LENGTH_IN_WORDS = re.compile(r"longer than (\d+) word pieces is truncated")
_SIMILARITY = re.compile(r"\*\*Similarity Function:\*\* (Cosine|Dot|Euclidean|Manhattan|MaxSim)", re.IGNORECASE)
_LONGEST_CARD = 1_000_000
# Settings that decide a vector; others are where the library puts things, or were not there in older versions.
_DECIDE = ("in_features", "out_features", "bias", "activation_function", "include_prompt", "dimension", "do_lower_case")
_RENAMED = {"word_embedding_dimension": "embedding_dimension"}


class Stated(NamedTuple):
    """One module as the card writes it; settings by their present names, empty where it gives none."""

    kind: str
    settings: Mapping[str, Any]


def stated_modules(card: str) -> list[Stated]:
    """The modules of the card's architecture; none where it shows no architecture, or more than one."""
    blocks = _BLOCK.findall(card[:_LONGEST_CARD])
    if len(blocks) != 1:
        return []
    return [Stated(found["kind"], _settings(found["settings"] or "")) for found in _MODULE.finditer(blocks[0])]


def _settings(written: str) -> dict[str, Any]:
    try:
        value = ast.literal_eval(written) if written else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}  # written by hand, or by a later version
    return {_RENAMED.get(str(key), str(key)): entry for key, entry in value.items()} if isinstance(value, dict) else {}


def _once(kinds: list[str]) -> list[str]:
    """The modules in order, Normalize once where it follows itself: the second changes nothing."""
    return [kind for at, kind in enumerate(kinds) if kind != "Normalize" or kinds[at - 1 : at] != ["Normalize"]]


def check(target: Target) -> Iterator[Finding]:
    """Modules, their settings, length, width and similarity as the card states them against the files."""
    known = routes(target)
    if len(known) != 1 or not known[0][1]:
        return
    steps, stated = known[0][1], stated_modules(target.card)
    if stated and _once([entry.kind for entry in stated]) != _once([step.kind for step in steps]):
        yield finding(
            "card-modules-differ",
            f"The card builds {_chain(entry.kind for entry in stated)}, modules.json {_chain(s.kind for s in steps)}",
            {"card": [entry.kind for entry in stated], "files": [step.kind for step in steps]},
        )
    elif stated:
        for entry, step in zip(stated, steps, strict=False):
            yield from _module(entry, step)
    yield from _width(target, steps)
    yield from _length(target, stated)
    yield from _similarity(target)


def _chain(kinds: Iterator[str]) -> str:
    return " - ".join(kinds)


def _module(entry: Stated, step: Step) -> Iterator[Finding]:
    apart = {
        key: (entry.settings[key], step.settings.get(key))
        for key in _DECIDE
        if key in entry.settings and key in step.settings and entry.settings[key] != step.settings[key]
    }
    modes = _modes(entry.settings), _modes(step.settings)
    if step.kind == "Pooling" and modes[0] and modes[0] != modes[1]:
        apart["pooling_mode"] = modes
    if apart:
        words = [f"{key} is {ours} in {step.file} and {theirs} in the card" for key, (theirs, ours) in apart.items()]
        evidence = {key: list(map(str, both)) for key, both in apart.items()}
        yield finding("card-settings-differ", f"Of {step.kind}: {'; '.join(words)}", evidence, file=step.file)


def _modes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    return pooling_modes(settings)


def _one(pattern: re.Pattern[str], card: str) -> str | None:
    """The one value the card gives; None where it gives none or several."""
    values = {value for found in pattern.findall(card[:_LONGEST_CARD]) for value in _texts(found) if value}
    return values.pop() if len(values) == 1 else None


def _texts(found: str | tuple[str, ...]) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else found


def _width(target: Target, steps: list[Step]) -> Iterator[Finding]:
    given, stated = output_width(target, steps), _one(_WIDTH, target.card)
    cut = target.object("config_sentence_transformers.json").get("truncate_dim")
    if given and isinstance(cut, int) and 0 < cut < given:
        given = cut
    if stated and given and int(stated) != given:
        yield finding(
            "card-width-differs",
            f"The card speaks of vectors of {stated} numbers, the modules give {given}",
            {"card": int(stated), "files": given},
        )


def _length(target: Target, stated: list[Stated]) -> Iterator[Finding]:
    file = target.of_root("sentence_bert_config.json")
    kept = target.object(file).get("max_seq_length")
    shown = stated[0].settings.get("max_seq_length") if stated else None
    told = shown if isinstance(shown, int) else _one(_LENGTH, target.card)
    severity: Severity = "serious"
    if told is None:
        told, severity = _one(_LENGTH_IN_WORDS, target.card), "notice"  # by hand: it may never have been so
    if told is not None and isinstance(kept, int) and int(told) != kept:
        yield finding(
            "card-length-differs",
            f"The card reads {told} tokens of a text, {file} {kept}",
            {"card": int(told), "files": kept},
            severity,
        )


def _similarity(target: Target) -> Iterator[Finding]:
    told = _one(_SIMILARITY, target.card)
    kept = target.object("config_sentence_transformers.json").get("similarity_fn_name")
    if told and isinstance(kept, str) and kept != told.lower():
        yield finding(
            "card-similarity-differs",
            f"The card compares vectors by {told}, config_sentence_transformers.json says {kept}",
            {"card": told, "files": kept},
        )

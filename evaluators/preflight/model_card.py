"""What a model card of sentence-transformers states of the pipeline, against the files.

The library writes the card when it saves the model: each module with its settings, the longest text, the vector's
width, the similarity. Files that say something else were changed since, or belong to another model.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from data.store.vocabulary import Severity
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.steps import Step, pooling_modes, routes
from evaluators.preflight.target import Target
from evaluators.preflight.widths import output_width

__all__ = ["StatedModule", "check", "stated_modules"]

_BLOCK = re.compile(r"^(?:SentenceTransformer|SparseEncoder|MultiVectorEncoder)\($(.*?)^\)$", re.MULTILINE | re.DOTALL)
_MODULE = re.compile(r"^  \((?P<name>[^)\s]{1,80})\): (?P<kind>\w+)\((?P<settings>\{.{0,20000}\})?.*$", re.MULTILINE)
_WIDTH = re.compile(
    r"\*\*Output Dimensionality:\*\* (\d+)|to an? (\d+)[- ]dimensional (?:dense )?vector space", re.IGNORECASE
)
_LENGTH = re.compile(r"\*\*Maximum Sequence Length:\*\* (\d+) tokens")
_LENGTH_IN_WORDS = re.compile(r"longer than (\d+) word pieces is truncated")
_SIMILARITY = re.compile(r"\*\*Similarity Function:\*\* (Cosine|Dot|Euclidean|Manhattan|MaxSim)", re.IGNORECASE)
# Settings that decide a vector; others are where the library puts things, or were not there in older versions.
_DECIDE = ("in_features", "out_features", "bias", "activation_function", "include_prompt", "dimension", "do_lower_case")
_RENAMED = {"word_embedding_dimension": "embedding_dimension"}


class StatedModule(NamedTuple):
    """One module as the card writes it; settings by their present names, empty where it gives none."""

    kind: str
    settings: Mapping[str, Any]


def stated_modules(card: str) -> list[StatedModule]:
    """The modules of the card's architecture; none where it shows no architecture, or more than one."""
    blocks = _BLOCK.findall(card)
    if len(blocks) != 1:
        return []
    return [StatedModule(match["kind"], _settings(match["settings"] or "")) for match in _MODULE.finditer(blocks[0])]


def _settings(written: str) -> dict[str, Any]:
    try:
        value = ast.literal_eval(written) if written else {}
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return {}  # written by hand, or by a later version
    return {_RENAMED.get(str(key), str(key)): entry for key, entry in value.items()} if isinstance(value, dict) else {}


def _effective(kinds: list[str]) -> list[str]:
    """The modules in order, Normalize once where it follows itself: the second changes nothing."""
    return [kind for at, kind in enumerate(kinds) if kind != "Normalize" or kinds[at - 1 : at] != ["Normalize"]]


def check(target: Target) -> Iterator[Finding]:
    """Modules, their settings, length, width and similarity as the card states them against the files."""
    known = routes(target)
    if len(known) != 1 or not known[0][1]:
        return
    steps, stated = known[0][1], stated_modules(target.card)
    of_card, of_files = [entry.kind for entry in stated], [step.kind for step in steps]
    if stated and _effective(of_card) != _effective(of_files):
        seen = f"The card builds {' - '.join(of_card)}, modules.json {' - '.join(of_files)}"
        yield finding("card-modules-differ", seen, {"card": of_card, "files": of_files})
    elif stated:
        for entry, step in zip(stated, steps, strict=False):
            yield from _module(entry, step)
    yield from _width(target, steps)
    yield from _length(target, stated)
    yield from _similarity(target)


def _module(entry: StatedModule, step: Step) -> Iterator[Finding]:
    apart = {
        key: (entry.settings[key], step.settings.get(key))
        for key in _DECIDE
        if key in entry.settings and key in step.settings and entry.settings[key] != step.settings[key]
    }
    modes = pooling_modes(entry.settings), pooling_modes(step.settings)
    if step.kind == "Pooling" and modes[0] and modes[0] != modes[1]:
        apart["pooling_mode"] = modes
    if apart:
        words = [f"{key} is {ours} in {step.file} and {theirs} in the card" for key, (theirs, ours) in apart.items()]
        evidence = {key: list(map(str, both)) for key, both in apart.items()}
        yield finding("card-settings-differ", f"Of {step.kind}: {'; '.join(words)}", evidence, file=step.file)


def _one(pattern: re.Pattern[str], card: str) -> str | None:
    """The one value the card gives; None where it gives none or several."""
    values = {value for match in pattern.finditer(card) for value in match.groups() if value}
    return values.pop() if len(values) == 1 else None


def _width(target: Target, steps: list[Step]) -> Iterator[Finding]:
    width, stated = output_width(target, steps), _one(_WIDTH, target.card)
    cut = target.object("config_sentence_transformers.json").get("truncate_dim")
    if width and isinstance(cut, int) and 0 < cut < width:
        width = cut
    if stated and width and int(stated) != width:
        seen = f"The card speaks of vectors of {stated} numbers, the modules give {width}"
        yield finding("card-width-differs", seen, {"card": int(stated), "files": width})


def _length(target: Target, stated: list[StatedModule]) -> Iterator[Finding]:
    file = target.of_root("sentence_bert_config.json")
    length = target.object(file).get("max_seq_length")
    in_block = stated[0].settings.get("max_seq_length") if stated else None
    of_card = in_block if isinstance(in_block, int) else _one(_LENGTH, target.card)
    severity = None
    if of_card is None:
        of_card, severity = _one(_LENGTH_IN_WORDS, target.card), Severity.NOTICE  # by hand: it may never have been so
    if of_card is not None and isinstance(length, int) and int(of_card) != length:
        seen = f"The card reads {of_card} tokens of a text, {file} {length}"
        yield finding("card-length-differs", seen, {"card": int(of_card), "files": length}, severity)


def _similarity(target: Target) -> Iterator[Finding]:
    stated = _one(_SIMILARITY, target.card)
    named = target.object("config_sentence_transformers.json").get("similarity_fn_name")
    if stated and isinstance(named, str) and named != stated.lower():
        seen = f"The card compares vectors by {stated}, config_sentence_transformers.json says {named}"
        yield finding("card-similarity-differs", seen, {"card": stated, "files": named})

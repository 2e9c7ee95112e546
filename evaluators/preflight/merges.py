"""How a vocabulary was learnt, as tokenizer.json has it: BPE's merges make its tokens in the order of their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from evaluators.model_files.reading import as_list, as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["check_learnt"]

_ENOUGH = 100
# Tokens that no merge makes: single letters, and none else in Llama's vocabulary and DeepSeek's.
_UNMADE = 0.02
# Correlation between the order of merges and the ids of what they make: 1 where a trainer wrote both.
_IN_ORDER = 0.5


def check_learnt(target: Target) -> Iterator[Finding]:
    """Merges lost or in another order, and pieces whose scores are all the same."""
    file = target.object(target.of_root("tokenizer.json"))
    model = as_object(file.get("model"))
    vocabulary, merges = model.get("vocab"), model.get("merges")
    if isinstance(vocabulary, dict) and isinstance(merges, list):
        added = {as_object(entry).get("content") for entry in as_list(file.get("added_tokens"))}
        yield from _merges(vocabulary, merges, added)
    elif isinstance(vocabulary, list):
        yield from _scores(vocabulary)


def _merges(vocabulary: dict[str, Any], merges: list[Any], added: set[Any]) -> Iterator[Finding]:
    made = ["".join(merge.split(" ", 1) if isinstance(merge, str) else map(str, merge)) for merge in merges]
    longer = [token for token in vocabulary if len(token) > 1 and token not in added and not _is_byte(token)]
    if len(longer) < _ENOUGH:
        return
    unmade = set(longer).difference(made)
    if len(unmade) > _UNMADE * len(longer):
        counts = f"{len(unmade):,} of {len(longer):,}"
        seen = f"{counts} tokens of tokenizer.json are made by none of its {len(made):,} merges"
        yield finding("merges-wrong", seen, {"tokens": sorted(unmade)[:12], "count": len(unmade)})
        return
    ids = np.array([vocabulary[token] for token in made if isinstance(vocabulary.get(token), int)], float)
    if len(ids) >= _ENOUGH and ids.std() > 0:
        order = float(np.corrcoef(np.arange(len(ids)), ids)[0, 1])
        if order < _IN_ORDER:
            seen = "The merges of tokenizer.json are not in the order of the tokens they make"
            yield finding("merges-wrong", f"{seen} (correlation {order:.2f})", {"correlation": round(order, 3)})


def _is_byte(token: str) -> bool:
    return len(token) == 6 and token.startswith("<0x")


def _scores(vocabulary: list[Any]) -> Iterator[Finding]:
    scores = [entry[1] for entry in vocabulary if isinstance(entry, list) and len(entry) == 2]
    values = {score for score in scores if isinstance(score, int | float)}
    # Marks have scores of their own, nearly always 0; the pieces of one length can agree, not all of them.
    if len(scores) >= _ENOUGH and len(values) <= 2:
        seen = f"The {len(scores):,} pieces of tokenizer.json have the scores"
        yield finding("scores-lost", f"{seen} {', '.join(map(str, sorted(values)))} only", {"scores": sorted(values)})

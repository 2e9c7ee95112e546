"""The one catalogue of causes: diagnosis, suggestions, signs, set-ups, preflight and pages all speak from it.

To add a cause is to add an entry to the file of its slot. The diagnosis tries what says how a recipe changes under it
(``edit``, ``changes``, ``weights``); what has ``costs`` is suggested from scores.
"""

from __future__ import annotations

from collections.abc import Mapping

from data.rules.causes.cause import Cause, Cost, joined
from data.rules.causes.model import MODEL_CAUSES, POOLING_CAUSES
from data.rules.causes.output import OUTPUT_CAUSES, SCORE_CAUSES
from data.rules.causes.text import TEXT_CAUSES
from data.rules.causes.tokens import TOKEN_CAUSES
from data.store.vocabulary import Slot

__all__ = [
    "CAUSES", "FAMILIES", "OF_FINDING", "RECIPE_SLOTS", "Cause", "Cost", "cause_of_setting", "effect_of", "joined",
    "stored_cause", "words_of",
]  # fmt: skip

# By code, in the order in which causes that vectors cannot tell apart are stated.
CAUSES: dict[str, Cause] = {
    cause.code: cause
    for cause in (*TEXT_CAUSES, *TOKEN_CAUSES, *MODEL_CAUSES, *POOLING_CAUSES, *OUTPUT_CAUSES, *SCORE_CAUSES)
}
# The slots that a vector is made in, in the order a text passes through them.
RECIPE_SLOTS = tuple(slot for slot in Slot if slot is not Slot.SCORE)
# What a family's causes are called together, where nobody knows which of them it is.
FAMILIES = {
    "white-space": "other white space",
    "case": "texts in other case",
    "unicode": "other characters",
    "punctuation": "punctuation or markup removed",
    "markup": "markup or encoding changed",
    "words": "words or digits removed or masked",
    "around": "something written around each text",
    "part": "a part of each text alone",
    "prompt": "a prompt or instruction missing, or another one",
    "length": "texts cut at another length",
    "special": "special tokens missing or doubled",
    "tokenizer": "another tokenizer",
    "cut-side": "texts cut at the other end",
    "padding": "padding not masked",
    "positions": "positions counted otherwise",
    "types": "other token types",
    "attention": "another attention mask",
    "precision": "lower precision or quantised weights",
    "weights": "weights missing, damaged or another model's",
    "pooling": "another pooling",
    "normalisation": "normalisation missing or added",
    "rounding": "vectors stored in fewer bits",
    "bytes": "bytes of vectors read otherwise than written",
    "dimensions": "vectors cut to fewer dimensions",
    "dense": "a projection missing",
    "space": "another space",
    "batch": "vectors that depend on their call",
    "metric": "another metric",
    "data": "another data set",
    "task": "another task",
    "set-up": "another set-up",
    "claim": "another claim",
}
# Findings of preflight that are a cause, or of a family, by their codes.
OF_FINDING = {
    "weights-missing": "weights-random",
    "weights-renamed": "weights-random",
    "weights-mismatched": "weights-random",
    "weights-random": "weights-random",
    "weights-untrained": "weights-random",
    "head-missing": "weights-random",
    "heads-missing": "heads-random",
    "norms-untrained": "norms-lost",
    "stale-bin": "weights-of-file",
    "weights-two-sets": "weights-of-file",
    "revision-stale": "weights-of-revision",
    "weights-integer": "precision",
    "weights-coarse": "precision",
    "kind-quantised": "precision",
    "dtype-differs": "precision",
    "code-replaced": "code-not-run",
    "code-untrusted": "code-not-run",
    "code-of-others-untrusted": "code-not-run",
    "lowercase-missing": "lower-casing-lost",
    "lowercase-added": "texts-lower-cased",
    "accents-kept": "accents-kept",
    "accents-dropped": "accents-removed",
    "chinese-glued": "cjk-not-split",
    "normaliser-missing": "normalizer-lost",
    "prefix-differs": "prefix-space",
    "tokenizer-missing": "tokenizer-missing",
    "tokenizer-differs": "tokenizer",
    "eos-missing": "eos-missing",
    "special-tokens-lost": "special-tokens-missing",
    "special-tokens-doubled": "special",
    "truncation-left": "cut-at-the-beginning",
    "length-cut": "max-length",
    "length-tiny": "max-length",
    "length-baked": "max-length",
    "card-length-differs": "max-length",
    "attention-causal": "causal-mask",
    "pooling-differs": "pooling",
    "pooling-encoder": "pooling",
    "pooling-decoder": "pooling",
    "normalisation-missing": "normalisation-missing",
    "dimensions-differ": "dimensions",
    "card-width-differs": "dimensions",
    "prompts-exchanged": "prompts-swapped",
    "prompt-differs": "prompt",
    "prompt-default-differs": "prompt",
}
# Settings of a run, as they are recorded, whatever their value.
_OF_SETTING = {
    "weights": "weights",
    "pooling": "pooling",
    "modules": "pooling",
    "tokenizer": "tokenizer",
    "max_seq_length": "max-length",
    "dtype": "precision",
    "dimensions": "dimensions-cut",
    "truncate_dim": "dimensions-cut",
    "prompts": "prompt",
    "trust": "code-not-run",
    "mteb": "evaluator-other",
}


def cause_of_setting(name: str, value: str | None = None) -> str | None:
    """Code of the cause that a setting is in which two runs differ: that of its value, or of any; None for others."""
    own = (cause.code for cause in CAUSES.values() if value is not None and cause.setting == (name, value))
    return next(own, _OF_SETTING.get(name))


def stored_cause(code: str, blanks: Mapping[str, object]) -> Cause | None:
    """A cause of a diagnosis from the store, by its code (of several that act together: joined by ' + ') and blanks.

    None for a code that the catalogue does not have.
    """
    codes = code.split(" + ")
    if any(each not in CAUSES for each in codes):
        return None
    filled = [CAUSES[each].filled(blanks) for each in codes]
    return filled[0] if len(filled) == 1 else joined(filled)


def words_of(code: str) -> str:
    """What a cause or a family is called where no more is known than its code.

    Raises:
        KeyError: neither has it.
    """
    return FAMILIES[code] if code in FAMILIES else CAUSES[code].general or CAUSES[code].words


def effect_of(code: str) -> str:
    """What a cause does to vectors; empty for a family, whose causes do different things."""
    return CAUSES[code].effect if code in CAUSES else ""

"""Every finding of preflight as one row: its tier, how severe it is, why it matters and what to do.

A check says what it saw; all else about a finding stands here. ``why`` and ``remedy`` may have blanks in braces, which
the check fills: ``finding("pooling-width", seen, given=384)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evaluators.preflight.finding import Finding, Severity, Tier

__all__ = ["CATALOGUE", "Entry", "finding"]


class Entry(NamedTuple):
    """What is always true of a finding of one code."""

    tier: Tier
    severity: Severity
    why: str
    remedy: str


_REPOSITORY = "Take {file} from the model's repository."

# What modules.json declares, each step and what it hands to the next.
_PIPELINE: dict[str, Entry] = {}

# Numbers of the configuration that contradict one another, or the stored shapes.
_NUMBERS: dict[str, Entry] = {}

# What the folder is, where it is no embedding model of safetensors and modules.
_KINDS: dict[str, Entry] = {}

# Values that no trained tensor holds, and tensors that are not the model's.
_AGAIN = "Download the weights again, or repeat the conversion."
_WEIGHTS: dict[str, Entry] = {
    "weights-not-finite": Entry("weights", "fatal", "Every vector becomes NaN.", _AGAIN),
    "weights-zero": Entry("weights", "serious", "Nothing passes through them.", _AGAIN),
    "weights-constant": Entry("weights", "serious", "A trained tensor varies: this one was reset or lost.", _AGAIN),
    "norms-untrained": Entry("weights", "serious", "The LayerNorms' trained scales were lost.", _AGAIN),
    "weights-garbled": Entry(
        "weights", "serious", "The bytes were swapped or shifted: what is read are not the weights.", _AGAIN
    ),
    "weights-huge": Entry(
        "weights", "serious", "One such number decides every vector: a flipped bit, an overflow, a wrong unit.", _AGAIN
    ),
    "weights-misread": Entry(
        "weights", "serious", "Numbers of 16 bits were read as those of another kind (bfloat16, float16).", _AGAIN
    ),
    "weights-coarse": Entry(
        "weights",
        "serious",
        "They were rounded to a few bits and stored as if they had not been: vectors differ from the original's.",
        "Take the weights in the precision they were published in.",
    ),
    "weights-alike": Entry(
        "weights", "serious", "One row was written over all: whatever goes in, the same comes out.", _AGAIN
    ),
    "weights-zero-block": Entry(
        "weights", "serious", "Part of the matrix was lost: a copy that stopped, a head or a block set to zero.", _AGAIN
    ),
    "position-rows-zero": Entry(
        "weights",
        "serious",
        "All words at these positions are read as if they stood at one place.",
        "Set max_seq_length to the positions that have values, or download the weights again.",
    ),
    "shards-mixed": Entry(
        "weights",
        "serious",
        "One save writes the same into each of its files: these come from two.",
        "Download all of the files again, from one revision.",
    ),
    "weights-uneven": Entry(
        "weights", "serious", "Part of the matrix was multiplied: a head or block scaled twice, or not.", _AGAIN
    ),
    "weights-clipped": Entry("weights", "serious", "Large values were lost in a conversion of precision.", _AGAIN),
    "weights-negated": Entry("weights", "serious", "Every value that passes changes its sign.", _AGAIN),
    "weights-scale": Entry(
        "weights", "serious", "Neighbouring layers are of one scale: these were multiplied, or scaled twice.", _AGAIN
    ),
    "weights-untrained": Entry(
        "weights",
        "serious",
        "They are independent draws of one distribution, as before training; trained weights have structure.",
        "Take the weights from the model's repository; if they were converted, see that no tensor was left out.",
    ),
    "weights-duplicated": Entry(
        "weights", "serious", "Training never leaves two layers equal: one was copied over the other.", _AGAIN
    ),
    "weights-transposed": Entry(
        "weights",
        "serious",
        "Square, it loads without a word, and inputs are read as outputs.",
        "Repeat the conversion: one framework keeps matrices as inputs by outputs, another as outputs by inputs.",
    ),
    "weights-swapped": Entry(
        "weights", "serious", "Each fits the other's layer better than its own: they were exchanged.", _AGAIN
    ),
    "weights-integer": Entry(
        "weights", "serious", "All that is behind the decimal point is lost: nearly every weight is zero.", _AGAIN
    ),
    "weights-twice": Entry(
        "weights",
        "serious",
        "Which one is loaded depends on the tool and on the order of the files.",
        "Delete the files that are not of this revision, or download the model into an empty folder.",
    ),
}

# The ids a text becomes.
_TOKENIZER_AGAIN = "Take the tokenizer's files from the model's repository."
_TOKENIZER: dict[str, Entry] = {
    "token-eats-words": Entry(
        "tokenizer",
        "serious",
        "An added token is cut out of a text before anything else: the word it stands in becomes pieces.",
        "Remove it from added_tokens in tokenizer.json and tokenizer_config.json, or add it with single_word.",
    ),
    "lowercase-missing": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of lower-case texts: words with capitals become UNK or pieces.",
        "Put the normaliser of tokenizer.json and do_lower_case back as the model's repository has them.",
    ),
    "lowercase-added": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made with capitals: names and beginnings of sentences become other tokens.",
        "Put the normaliser of tokenizer.json and do_lower_case back as the model's repository has them.",
    ),
    "prefix-differs": Entry(
        "tokenizer",
        "serious",
        "No word can be put together from pieces: what is not a token as a whole becomes UNK.",
        'Set continuing_subword_prefix in tokenizer.json to "##".',
    ),
    "words-unreachable": Entry(
        "tokenizer",
        "serious",
        "Normaliser, splitting into words or merges are not those the vocabulary was made with.",
        _TOKENIZER_AGAIN,
    ),
    "accents-kept": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of texts without accents: words with one become UNK.",
        "Put strip_accents back as the model's repository has it.",
    ),
    "accents-dropped": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made with accents: words that have one become other tokens.",
        "Put strip_accents back as the model's repository has it.",
    ),
    "words-unread": Entry(
        "tokenizer",
        "serious",
        "A word of known characters can always be put together: words are limited in length, or split wrongly.",
        _TOKENIZER_AGAIN,
    ),
    "normaliser-missing": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of normalised texts: full-width letters and ligatures become unknown.",
        "Put the normaliser of tokenizer.json back as the model's repository has it.",
    ),
    "text-altered": Entry(
        "tokenizer",
        "serious",
        "What the model reads is not what was written.",
        "Put normaliser and pre_tokenizer of tokenizer.json back as the model's repository has them.",
    ),
    "special-tokens-lost": Entry(
        "tokenizer",
        "serious",
        "Tools that read the file as it is leave out the marks the model was trained with: every vector changes.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "special-tokens-swapped": Entry(
        "tokenizer",
        "serious",
        "The model was trained with each at its place: every vector changes.",
        "Take tokenizer_config.json, special_tokens_map.json and tokenizer.json from the model's repository.",
    ),
    "special-tokens-doubled": Entry(
        "tokenizer",
        "serious",
        "The model was trained with one: every vector changes, short texts most.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "special-ids-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that take the id read a word where the model expects a mark.",
        "Take config.json and the tokenizer's files from one revision of the model's repository.",
    ),
    "segments-differ": Entry(
        "tokenizer",
        "serious",
        "Models with segment embeddings were trained with segment 0 for a single text.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "length-baked": Entry(
        "tokenizer",
        "serious",
        "Tools that read tokenizer.json as it is cut every text there; sentence-transformers sets its own length.",
        "Set truncation in tokenizer.json to null, or to the length the model was trained with.",
    ),
    "padding-baked": Entry(
        "tokenizer",
        "serious",
        "Tools that read tokenizer.json as it is pad with another token than the model's, and read it as text.",
        "Set padding in tokenizer.json to null, or to the model's padding token.",
    ),
    "length-tiny": Entry(
        "tokenizer",
        "serious",
        "All of a text beyond its first words is left out.",
        "Put model_max_length back as the model's repository has it.",
    ),
    "truncation-left": Entry(
        "tokenizer",
        "serious",
        "Encoders are trained on beginnings: of a text that is too long the end is read, and its title is not.",
        'Set "truncation_side": "right" in tokenizer_config.json.',
    ),
    "merges-wrong": Entry(
        "tokenizer",
        "serious",
        "Words fall into pieces the model hardly saw: merges were lost or are in another order than they were learnt.",
        _TOKENIZER_AGAIN,
    ),
    "scores-lost": Entry(
        "tokenizer", "serious", "Which pieces a word is split into is left to chance.", _TOKENIZER_AGAIN
    ),
    "vocabularies-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one give other vectors than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "merges-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one file give other tokens than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "pieces-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one file give other tokens than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "words-moved": Entry(
        "tokenizer",
        "serious",
        "Words that differ by a plural, a capital or their place have like vectors in every trained table; here they "
        "have not: ids and rows do not belong together.",
        "Take tokenizer and weights from one revision of the model's repository.",
    ),
    "word-rows-zero": Entry(
        "weights",
        "serious",
        "These words are read as nothing.",
        "Download the weights again, or repeat the conversion.",
    ),
    "word-rows-equal": Entry(
        "weights",
        "serious",
        "These words cannot be told apart.",
        "Download the weights again, or repeat the conversion.",
    ),
}

CATALOGUE: dict[str, Entry] = {**_PIPELINE, **_NUMBERS, **_KINDS, **_WEIGHTS, **_TOKENIZER}


def finding(
    code: str, seen: str, evidence: Mapping[str, Any] | None = None, severity: Severity | None = None, **blanks: object
) -> Finding:
    """The finding of this code.

    Args:
        code: a key of ``CATALOGUE``.
        seen: what was seen in this very model, in one sentence.
        evidence: plain values that prove it.
        severity: where this case is milder or worse than the catalogue says.
        blanks: what the blanks of ``why`` and ``remedy`` are filled with.

    Raises:
        KeyError: there is no such code, or a blank is left open.
    """
    entry = CATALOGUE[code]
    return Finding(
        entry.tier,
        code,
        severity or entry.severity,
        seen,
        entry.why.format_map(blanks),
        entry.remedy.format_map(blanks),
        dict(evidence or {}),
    )

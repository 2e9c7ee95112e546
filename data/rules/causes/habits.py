"""What implementations of a WordPiece tokenizer do each in their own way: habits, most of which touch few texts."""

from __future__ import annotations

from data.rules.words import mark

__all__ = ["EXCLUSIVE", "HABITS", "LLAMA_CPP"]

# By name, in the words of a cause's blank.
HABITS = {
    "hangul-first": mark("of a Korean syllable its first letter alone"),
    "hangul-whole": mark("Korean syllables not taken apart"),
    "accents-by-table": mark("accents kept on all but Latin letters"),
    "accents-kept": mark("accents kept"),
    "marks-lost": mark("vowel signs that take room removed like accents"),
    "long-words-split": mark("words of over 100 characters split on"),
    "long-words-by-bytes": mark("words of over 100 bytes unknown"),
    "unknown-by-character": mark("one [UNK] for each character not known, the rest of the word kept"),
    "unknown-after-start": mark("the known beginning of a word kept, then [UNK]"),
    "unknown-skipped": mark("unknown characters skipped"),
    "unknown-dropped": mark("unknown words dropped"),
    "continuation-lost": mark("pieces inside a word read as beginnings of words (no ##)"),
    "symbols-joined": mark("symbols such as $ and = not split from words"),
    "punctuation-ascii": mark("punctuation beyond ASCII not split from words"),
    "punctuation-joined": mark("no punctuation split from words"),
    "spaces-ascii": mark("no-break and ideographic spaces not taken for spaces"),
    "blanks-only": mark("tabs and newlines not taken for spaces"),
    "controls-kept": mark("control and invisible characters kept"),
    "controls-split": mark("words split at control and invisible characters"),
    "form-feeds-split": mark("vertical tabs and form feeds taken for spaces"),
    "cjk-joined": mark("Chinese characters not split"),
    "cjk-all-split": mark("Japanese and Korean characters split one by one"),
    "lower-ascii": mark("only ASCII letters lower-cased"),
    "case-folded": mark("letters case-folded"),
    "case-kept": mark("letters not lower-cased"),
    "digits-split": mark("digits split one by one"),
    "specials-plain": mark("special tokens in the text read as plain text"),
}
# Of each of these no more than one.
EXCLUSIVE = (
    ("hangul-first", "hangul-whole", "accents-by-table", "accents-kept"),
    ("long-words-split", "long-words-by-bytes"),
    ("unknown-by-character", "unknown-after-start", "unknown-skipped", "unknown-dropped"),
    ("symbols-joined", "punctuation-joined"),
    ("punctuation-ascii", "punctuation-joined"),
    ("spaces-ascii", "blanks-only"),
    ("controls-kept", "controls-split"),
    ("cjk-joined", "cjk-all-split"),
    ("lower-ascii", "case-folded", "case-kept"),
)
# llama.cpp, src/llama-vocab.cpp (llm_tokenizer_wpm) and its tables: of what a character decomposes into it takes the
# first code point alone, it removes marks of every kind, and a word may be of any length.
LLAMA_CPP = ("form-feeds-split", "hangul-first", "long-words-split", "marks-lost")

"""What cleaners, clients and transports do to a text on its way: pure functions of one text."""

from __future__ import annotations

import html
import json
import re
import string
import unicodedata
from urllib.parse import quote, quote_plus, unquote

__all__ = [
    "STOP_WORDS", "ascii_by_nfkd", "ascii_punctuation_removed", "astral_removed", "astral_to_question_marks",
    "blanks_collapsed", "bytes_cut", "bytes_shown", "characters_cut", "cp1252_misread", "digits_hidden",
    "emails_removed", "emoji_removed", "first_line", "first_sentence", "invisible_removed", "json_escaped",
    "json_quoted", "json_whole", "latin1_only", "latin1_twice", "list_shown", "listed_removed",
    "listed_removed_anywhere", "markdown_removed", "markdown_stripped", "numbers_hidden", "percent_decoded",
    "percent_encoded", "percent_plus_encoded", "spaced", "stop_words_removed", "straightened",
    "tags_and_entities_read", "tags_spaced", "unprintable_removed", "urls_removed", "utf8_expected", "words_cut",
]  # fmt: skip

_TAG = re.compile(r"<[^>]*>")
_URL = re.compile(r"(?:https?://|www\.)\S+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")  # of Markdown, a picture's as well
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_STRAIGHT = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201a": "'", "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"',
    "\u00bb": '"', "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2014": "-", "\u2026": "...", "\u00a0": " ",
})  # fmt: skip
# By the lists that people take: Lucene's default, and the one of NLTK without its contractions.
STOP_WORDS = {
    "Lucene": frozenset(
        [
            "a",
            "an",
            "and",
            "are",
            "as",
            "at",
            "be",
            "but",
            "by",
            "for",
            "if",
            "in",
            "into",
            "is",
            "it",
            "no",
            "not",
            "of",
            "on",
            "or",
            "such",
            "that",
            "the",
            "their",
            "then",
            "there",
            "these",
            "they",
            "this",
            "to",
            "was",
            "will",
            "with",
        ]
    ),
    "NLTK": frozenset(
        [
            "i",
            "me",
            "my",
            "myself",
            "we",
            "our",
            "ours",
            "ourselves",
            "you",
            "your",
            "yours",
            "yourself",
            "yourselves",
            "he",
            "him",
            "his",
            "himself",
            "she",
            "her",
            "hers",
            "herself",
            "it",
            "its",
            "itself",
            "they",
            "them",
            "their",
            "theirs",
            "themselves",
            "what",
            "which",
            "who",
            "whom",
            "this",
            "that",
            "these",
            "those",
            "am",
            "is",
            "are",
            "was",
            "were",
            "be",
            "been",
            "being",
            "have",
            "has",
            "had",
            "having",
            "do",
            "does",
            "did",
            "doing",
            "a",
            "an",
            "the",
            "and",
            "but",
            "if",
            "or",
            "because",
            "as",
            "until",
            "while",
            "of",
            "at",
            "by",
            "for",
            "with",
            "about",
            "against",
            "between",
            "into",
            "through",
            "during",
            "before",
            "after",
            "above",
            "below",
            "to",
            "from",
            "up",
            "down",
            "in",
            "out",
            "on",
            "off",
            "over",
            "under",
            "again",
            "further",
            "then",
            "once",
            "here",
            "there",
            "when",
            "where",
            "why",
            "how",
            "all",
            "any",
            "both",
            "each",
            "few",
            "more",
            "most",
            "other",
            "some",
            "such",
            "no",
            "nor",
            "not",
            "only",
            "own",
            "same",
            "so",
            "than",
            "too",
            "very",
            "s",
            "t",
            "can",
            "will",
            "just",
            "don",
            "should",
            "now",
        ]
    ),
}


def characters_cut(text: str, length: int) -> str:
    """The first so many characters."""
    return text[:length]


def bytes_cut(text: str, length: int) -> str:
    """What the first so many bytes of UTF-8 hold; a character cut in two is dropped."""
    return text.encode()[:length].decode(errors="ignore")


def words_cut(text: str, length: int) -> str:
    """The first so many words, as they stand between white space; a text of fewer stays as it is."""
    words = text.split()
    return text if len(words) <= length else " ".join(words[:length])


def tags_spaced(text: str) -> str:
    """A space in the place of each tag."""
    return _TAG.sub(" ", text)


def tags_and_entities_read(text: str) -> str:
    """The text of a piece of HTML: without tags, and with entities as the characters that they stand for."""
    return html.unescape(_TAG.sub("", text))


def markdown_removed(text: str) -> str:
    """Without the marks of Markdown: links and pictures by their words, no emphasis, headings, quotes or code."""
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"^\s{0,3}(?:#{1,6}|>|[-*+]|\d+\.)\s+", "", text, flags=re.MULTILINE)
    text = re.sub(r"```[^\n]*\n?|`", "", text)
    return re.sub(r"(\*\*|__|\*|_|~~)(?=\S)(.+?)(?<=\S)\1", r"\2", text)


def markdown_stripped(text: str) -> str:
    """The same by plainer rules: bars of tables, rules and all stars, underlines and back quotes as well."""
    text = _LINK.sub(r"\1", text)
    text = re.sub(r"^\s*(?:#{1,6}|>+|[-*+]|\d+\.)\s*", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*\|?[\s:|-]*-{3,}[\s:|-]*$", "", text, flags=re.MULTILINE)
    return re.sub(r"[*_`~]+|\|", "", text)


def spaced(text: str, pattern: str) -> str:
    """A space in the place of whatever a pattern matches."""
    return re.sub(pattern, " ", text)


def blanks_collapsed(text: str) -> str:
    """One blank in the place of several; tabs and line ends stay."""
    return re.sub(r" +", " ", text)


def ascii_punctuation_removed(text: str) -> str:
    """Without the punctuation and symbols of ASCII."""
    return text.translate(str.maketrans("", "", string.punctuation))


def cp1252_misread(text: str) -> str:
    """UTF-8 read as Windows-1252."""
    return text.encode().decode("cp1252", "replace")


def latin1_twice(text: str) -> str:
    """UTF-8 read as Latin-1, written as UTF-8 and read so once more."""
    return text.encode().decode("latin-1").encode().decode("latin-1")


def latin1_only(text: str) -> str:
    """A question mark for each character that Latin-1 does not have."""
    return text.encode("latin-1", "replace").decode("latin-1")


def utf8_expected(text: str) -> str:
    """Latin-1 read as UTF-8: what is no ASCII is lost."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")


def json_escaped(text: str) -> str:
    """As it stands in JSON between the quotes."""
    return json_whole(text)[1:-1]


def json_whole(text: str) -> str:
    """As a string of JSON in ASCII, its quotation marks with it."""
    return json.dumps(text)


def json_quoted(text: str) -> str:
    """As it stands in JSON, with the quotes and with its own characters."""
    return json.dumps(text, ensure_ascii=False)


def percent_encoded(text: str) -> str:
    """As it stands in an address."""
    return quote(text)


def percent_plus_encoded(text: str) -> str:
    """As it stands in a form: a plus for each space."""
    return quote_plus(text)


def percent_decoded(text: str) -> str:
    """With what is percent-encoded in it decoded."""
    return unquote(text)


def list_shown(text: str) -> str:
    """As Python shows a list of one text."""
    return str([text])


def bytes_shown(text: str) -> str:
    """As Python shows the text's bytes."""
    return str(text.encode())


def astral_removed(text: str) -> str:
    """Without characters of more than 16 bits (emoji, rare Chinese)."""
    return "".join(char for char in text if ord(char) < 0x10000)


def astral_to_question_marks(text: str) -> str:
    """A question mark for each character of more than 16 bits."""
    return "".join(char if ord(char) < 0x10000 else "?" for char in text)


def invisible_removed(text: str) -> str:
    """Without control and format characters, but for tabs and line ends."""
    return "".join(char for char in text if char in "\t\n\r" or unicodedata.category(char) not in ("Cc", "Cf"))


def unprintable_removed(text: str) -> str:
    """Without what Python calls not printable: line ends, tabs and every space but the blank among it."""
    return "".join(filter(str.isprintable, text))


def emoji_removed(text: str) -> str:
    """Without pictures, their joiners, their variants and skin colours."""
    return re.sub("[\u2600-\u27bf\U0001f000-\U0001faff\u200d\ufe0e\ufe0f]", "", text)


def straightened(text: str) -> str:
    """With plain quotes, hyphens, dots and spaces in the place of typographic ones."""
    return text.translate(_STRAIGHT)


def stop_words_removed(text: str, words: frozenset[str]) -> str:
    """Without words of a list, as they stand between white space; capitals do not count."""
    return " ".join(word for word in text.split() if word.lower() not in words)


def ascii_by_nfkd(text: str) -> str:
    """What NFKD has of it in ASCII: letters without their accents, and nothing of other scripts."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def listed_removed(text: str, listed: str) -> str:
    """Without words of a list (between spaces), as they stand between white space; capitals count."""
    words = frozenset(listed.split())
    return " ".join(word for word in text.split() if word not in words)


def listed_removed_anywhere(text: str, listed: str) -> str:
    """The same, whatever signs stand beside a word; those stay."""
    words = frozenset(listed.split())
    return " ".join(re.sub(r"\w+", lambda word: "" if word[0] in words else word[0], text).split())


def urls_removed(text: str, instead: str = "") -> str:
    """With something in the place of each address of the web."""
    return _URL.sub(instead, text)


def emails_removed(text: str, instead: str = "") -> str:
    """With something in the place of each address of e-mail."""
    return _EMAIL.sub(instead, text)


def digits_hidden(text: str, instead: str = "") -> str:
    """With something in the place of each digit."""
    return re.sub(r"\d", instead, text)


def numbers_hidden(text: str, instead: str = "0") -> str:
    """With something in the place of each run of digits."""
    return re.sub(r"\d+", instead, text)


def first_line(text: str) -> str:
    """The first line that is not blank."""
    return next((line for line in text.splitlines() if line.strip()), text)


def first_sentence(text: str) -> str:
    """Up to the first full stop, question or exclamation mark that white space follows."""
    return re.split(r"(?<=[.!?])\s", text.strip(), maxsplit=1)[0]

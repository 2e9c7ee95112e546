"""Slot text: what was done to the characters before the tokenizer saw them, and which prompt stood before them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Reference

__all__ = ["EDITS", "causes"]


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _form(name: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> Callable[[str], str]:
    return lambda text: unicodedata.normalize(name, text)


EDITS: dict[str, Callable[[str], str]] = {
    "strip": str.strip,
    "collapse": lambda text: re.sub(r"\s+", " ", text).strip(),
    "newlines": lambda text: text.replace("\n", " "),
    "no-newlines": lambda text: text.replace("\n", ""),
    "lower": str.lower,
    "upper": str.upper,
    "accents": _without_accents,
    "nfc": _form("NFC"),
    "nfd": _form("NFD"),
    "nfkc": _form("NFKC"),
    "nfkd": _form("NFKD"),
    "leading-space": lambda text: " " + text,
    "trailing-newline": lambda text: text + "\n",
    "ascii": lambda text: text.encode("ascii", "ignore").decode(),
    "no-punctuation": lambda text: re.sub(r"[^\w\s]", "", text),
    "no-markup": lambda text: re.sub(r"<[^>]*>", "", text),
    "mojibake": lambda text: text.encode().decode("latin-1"),
    "escaped": lambda text: text.encode("unicode_escape").decode("ascii"),
}
# name of the cause, edit, family, remedy
_EDIT_CAUSES = (
    (
        "white space stripped", "strip", "white space",
        "Strip the texts on both sides or on neither; sentence-transformers strips up to 5.3 and not from 5.4 on.",
    ),
    ("white space collapsed", "collapse", "white space", "Keep inner white space on both sides or on neither."),
    ("newlines replaced by spaces", "newlines", "white space", "Stop replacing newlines, or do it on both sides."),
    ("newlines removed", "no-newlines", "white space", "Stop removing newlines."),
    ("a leading space", "leading-space", "white space", "Remove the space that is put before each text."),
    ("a trailing newline", "trailing-newline", "white space", "Strip the newline read with each line of the file."),
    ("texts lower-cased", "lower", "case", "Hand the texts over as they are; the tokenizer lower-cases if it should."),
    ("texts upper-cased", "upper", "case", "Hand the texts over as they are."),
    ("accents removed from the texts", "accents", "unicode", "Hand the texts over with their accents."),
    ("unicode form NFC", "nfc", "unicode", "Use one unicode form on both sides."),
    ("unicode form NFD", "nfd", "unicode", "Use one unicode form on both sides."),
    ("unicode form NFKC", "nfkc", "unicode", "Use one unicode form on both sides."),
    ("unicode form NFKD", "nfkd", "unicode", "Use one unicode form on both sides."),
    ("everything but ASCII dropped", "ascii", "unicode", "Read and send the texts as UTF-8."),
    ("UTF-8 read as Latin-1", "mojibake", "unicode", "Read the texts as UTF-8."),
    ("unicode escapes in the place of characters", "escaped", "unicode", "Decode the JSON before encoding it."),
    ("punctuation removed", "no-punctuation", "punctuation", "Hand the texts over with their punctuation."),
    ("markup removed", "no-markup", "punctuation", "Remove markup on both sides or on neither."),
)  # fmt: skip
# Edits that neither side is known to be wrong about: it is enough that both make them, or neither.
_ON_BOTH = ("strip", "collapse", "newlines", "nfc", "nfd", "nfkc", "nfkd", "no-markup")
_SNIPPETS = {
    "strip": "texts = [text.strip() for text in texts]",
    "collapse": "texts = [' '.join(text.split()) for text in texts]",
    "newlines": "texts = [text.replace('\\n', ' ') for text in texts]",
    "no-newlines": "texts = [text.replace('\\n', '') for text in texts]",
    "lower": "texts = [text.lower() for text in texts]",
    "upper": "texts = [text.upper() for text in texts]",
    "accents": (
        "import unicodedata\n"
        "texts = [''.join(c for c in unicodedata.normalize('NFD', t) if not unicodedata.combining(c)) for t in texts]"
    ),
    "leading-space": "texts = [' ' + text for text in texts]",
    "trailing-newline": "texts = [text + '\\n' for text in texts]",
    "ascii": "texts = [text.encode('ascii', 'ignore').decode() for text in texts]",
    "no-punctuation": "import re\ntexts = [re.sub(r'[^\\w\\s]', '', text) for text in texts]",
    "no-markup": "import re\ntexts = [re.sub(r'<[^>]*>', '', text) for text in texts]",
    "mojibake": "texts = [text.encode().decode('latin-1') for text in texts]",
    "escaped": "texts = [text.encode('unicode_escape').decode('ascii') for text in texts]",
} | {
    form: f"import unicodedata\ntexts = [unicodedata.normalize({form.upper()!r}, text) for text in texts]"
    for form in ("nfc", "nfd", "nfkc", "nfkd")
}
# Prompts that wrappers put before texts of models that want none, and that models want and do not get.
_COMMON_PROMPTS = {
    'prompt "query: " added': "query: ",
    'prompt "passage: " added': "passage: ",
    "BGE's instruction added": "Represent this sentence for searching relevant passages: ",
    "an Instruct prompt added": (
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
    ),
}


def causes(reference: Reference) -> list[Cause]:
    """Edits of the text and differences of the prompt."""
    edits = [
        Cause(name, "text", family, _edit(edit), remedy, _SNIPPETS[edit], both=edit in _ON_BOTH)
        for name, edit, family, remedy in _EDIT_CAUSES
        if edit not in reference.recipe.edits
    ]
    if reference.recipe.edits:
        clean = "Strip or lower-case the texts on both sides or on neither."
        as_is = "# texts as they are"
        edits.append(Cause("texts left as they are", "text", "white space", _no_edits, clean, as_is, both=True))
    return [*edits, *_prompt_causes(reference.recipe)]


def _edit(name: str) -> Callable[[Recipe], Recipe]:
    return lambda recipe: replace(recipe, edits=(*recipe.edits, name))


def _no_edits(recipe: Recipe) -> Recipe:
    return replace(recipe, edits=())


def _prompt_causes(recipe: Recipe) -> list[Cause]:
    own = dict(recipe.prompts)
    found = []
    if any(own.values()):
        remedy = "Pass the prompt of each role: " + "; ".join(f"{role}: {text!r}" for role, text in own.items())
        found.append(_prompted("prompt missing", {}, remedy))
    query, document = own.get("query", own.get(None, "")), own.get("document", own.get(None, ""))
    if query != document:
        found.append(_prompted("query and document swapped", {"query": document, "document": query}, "Swap the roles."))
        remedy = "Use the query's prompt for queries alone."
        found.append(_prompted("the query's prompt on every text", {None: query}, remedy))
    for name, prompt in _COMMON_PROMPTS.items():
        if prompt not in own.values():
            named = name.replace("added", "in the place of the model's own") if own else name
            found.append(_prompted(named, {None: prompt}, "Remove the prompt, or give the model's own."))
    return found


def _prompted(name: str, prompts: dict[str | None, str], remedy: str) -> Cause:
    chosen = tuple((role, prompt) for role, prompt in prompts.items() if prompt)
    return Cause(
        name, "text", "prompt", lambda recipe: replace(recipe, prompts=chosen), remedy, f"prompts = {dict(chosen)!r}"
    )

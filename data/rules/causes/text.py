"""Slot text: what was done to the characters before the tokenizer saw them, and which prompt stood before them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal

from data.rules.causes.cause import NOT_MEASURED, Cause, Cost
from data.rules.causes.prompts import PROMPT_CAUSES
from data.rules.causes.text_edits import EDIT_CAUSES
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["TEXT_CAUSES"]

_OTHER_TOKENS = "Texts that have {what} become other tokens, and get other vectors."


def _edited(
    code: str, words: str, family: str, what: str, remedy: str, edit: Callable[[str], str], snippet: str,
    *, both: bool = False,
) -> Cause:  # fmt: skip
    """An edit of the texts; of what they must have in them to show it."""
    effect = _OTHER_TOKENS.replace("{what}", what)
    return Cause(code, words, Slot.TEXT, family, effect, remedy, edit=edit, snippet=snippet, both=both)


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def _unicode_forms() -> Iterator[Cause]:
    forms: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
    for form in forms:
        snippet = f"import unicodedata\ntexts = [unicodedata.normalize({form!r}, text) for text in texts]"
        yield _edited(
            f"unicode-{form.lower()}", f"unicode form {form}", "unicode", "accents or full-width characters",
            "Use one unicode form on both sides.", partial(unicodedata.normalize, form), snippet, both=True,
        )  # fmt: skip


# How a prompt that a wrapper puts before texts stands to the model's own, in the blank of its words.
_HOW = (mark("added"), mark("in the place of the model's own"))
_prompted = partial(Cause, slot=Slot.TEXT, family="prompt")
_REMOVE_PROMPT = "Remove the prompt, or give the model's own."
_EVERY_VECTOR = "Every vector leans towards the prompt, the shorter the text the more."


def _common_prompt(code: str, words: str, prompt: str, costs: tuple[Cost, ...] = ()) -> Cause:
    """A prompt that wrappers put before texts of models that want none, or another one."""
    return _prompted(
        code=code, words=f"{words} {{how}}", effect=_EVERY_VECTOR, remedy=_REMOVE_PROMPT, costs=costs,
        changes={"prompts": ((None, prompt),)}, snippet=f"prompts = {({None: prompt})!r}",
    )  # fmt: skip


TEXT_CAUSES = (
    _edited(
        "white-space-stripped", "white space stripped", "white-space", "white space at either end",
        "Strip the texts on both sides or on neither; sentence-transformers strips up to 5.3 and not from 5.4 on.",
        str.strip, "texts = [text.strip() for text in texts]", both=True,
    ),
    _edited(
        "white-space-collapsed", "white space collapsed", "white-space", "white space beyond single blanks",
        "Keep inner white space on both sides or on neither.", lambda text: re.sub(r"\s+", " ", text).strip(),
        "texts = [' '.join(text.split()) for text in texts]", both=True,
    ),
    _edited(
        "newlines-replaced", "newlines replaced by spaces", "white-space", "newlines",
        "Stop replacing newlines, or do it on both sides.", lambda text: text.replace("\n", " "),
        "texts = [text.replace('\\n', ' ') for text in texts]", both=True,
    ),
    _edited(
        "newlines-removed", "newlines removed", "white-space", "newlines", "Stop removing newlines.",
        lambda text: text.replace("\n", ""), "texts = [text.replace('\\n', '') for text in texts]",
    ),
    _edited(
        "leading-space", "a leading space", "white-space", "a first word that a space changes",
        "Remove the space that is put before each text.", lambda text: " " + text,
        "texts = [' ' + text for text in texts]",
    ),
    _edited(
        "trailing-newline", "a trailing newline", "white-space", "a tokenizer that sees newlines",
        "Strip the newline read with each line of the file.", lambda text: text + "\n",
        "texts = [text + '\\n' for text in texts]",
    ),
    _edited(
        "texts-lower-cased", "texts lower-cased", "case", "capitals",
        "Hand the texts over as they are; the tokenizer lower-cases if it should.", str.lower,
        "texts = [text.lower() for text in texts]",
    ),
    _edited(
        "texts-upper-cased", "texts upper-cased", "case", "small letters", "Hand the texts over as they are.",
        str.upper, "texts = [text.upper() for text in texts]",
    ),
    _edited(
        "accents-removed", "accents removed from the texts", "unicode", "accents",
        "Hand the texts over with their accents.", _without_accents,
        "import unicodedata\n"
        "texts = [''.join(c for c in unicodedata.normalize('NFD', t) if not unicodedata.combining(c)) for t in texts]",
    ),
    *_unicode_forms(),
    _edited(
        "ascii-only", "everything but ASCII dropped", "unicode", "anything but ASCII",
        "Read and send the texts as UTF-8.", lambda text: text.encode("ascii", "ignore").decode(),
        "texts = [text.encode('ascii', 'ignore').decode() for text in texts]",
    ),
    _edited(
        "utf8-as-latin1", "UTF-8 read as Latin-1", "unicode", "anything but ASCII", "Read the texts as UTF-8.",
        lambda text: text.encode().decode("latin-1"), "texts = [text.encode().decode('latin-1') for text in texts]",
    ),
    _edited(
        "unicode-escapes", "unicode escapes in the place of characters", "unicode", "anything but ASCII, or newlines",
        "Decode the JSON before encoding it.", lambda text: text.encode("unicode_escape").decode("ascii"),
        "texts = [text.encode('unicode_escape').decode('ascii') for text in texts]",
    ),
    _edited(
        "punctuation-removed", "punctuation removed", "punctuation", "punctuation",
        "Hand the texts over with their punctuation.", lambda text: re.sub(r"[^\w\s]", "", text),
        "import re\ntexts = [re.sub(r'[^\\w\\s]', '', text) for text in texts]",
    ),
    _edited(
        "markup-removed", "markup removed", "punctuation", "tags", "Remove markup on both sides or on neither.",
        lambda text: re.sub(r"<[^>]*>", "", text),
        "import re\ntexts = [re.sub(r'<[^>]*>', '', text) for text in texts]", both=True,
    ),
    Cause(
        "texts-as-they-are", "texts left as they are", Slot.TEXT, "white-space",
        "Texts that the reference would strip or lower-case become other tokens.",
        "Strip or lower-case the texts on both sides or on neither.",
        changes={"edits": ()}, snippet="# texts as they are", both=True,
    ),
    _prompted(
        code="prompt-missing", words="prompt missing", setting=("prompts", "none"),
        effect="Texts of the roles that have a prompt get vectors without it: queries no longer meet their documents.",
        remedy="Pass the prompt of each role: {prompts}",
        # MiniLM has no prompt to lose: a third of retrieval, the share that the decoder of the tests loses.
        costs=(Cost(0.0, NOT_MEASURED, -0.040, where="on the decoder of the tests"),),
    ),
    _prompted(
        code="prompts-swapped", words="query and document swapped", remedy="Swap the roles.",
        effect="Queries get the vectors of documents, and documents those of queries.",
    ),
    _prompted(
        code="prompt-on-every-text", words="the query's prompt on every text",
        effect="Documents get the vectors of queries.", remedy="Use the query's prompt for queries alone.",
    ),
    _common_prompt(
        "prompt-query", 'prompt "query: "', "query: ", (Cost(0.001, -0.006, NOT_MEASURED, of={"how": "added"}),)
    ),
    _common_prompt("prompt-passage", 'prompt "passage: "', "passage: "),
    _common_prompt(
        "prompt-bge", "BGE's instruction", "Represent this sentence for searching relevant passages: "
    ),
    _common_prompt(
        "prompt-instruct", "an Instruct prompt",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:",
        (Cost(-0.125, -0.058, NOT_MEASURED, of={"how": "added"}),),
    ),
    *PROMPT_CAUSES,
    *EDIT_CAUSES,
)  # fmt: skip

"""A tokenizer against its own vocabulary: what it does to texts has to be what the vocabulary was made with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from string import ascii_lowercase, ascii_uppercase

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import SPECIAL, Form, is_latin
from evaluators.preflight.tokenizer_probes import SCRIPTS, WORDS, all_texts

__all__ = ["check_lowered_before", "check_vocabulary"]

# Of five tokenizers in use (two WordPiece, a Unigram of 250,000 pieces, BPE of Llama and DeepSeek) 3 of 326,694 whole
# words do not come back as the token they are.
_UNREACHABLE = 0.01
_ASKED = 1500
# A vocabulary without capitals was made in lower case; one in which this share has some was not.
_CASED, _UNCASED = 0.02, 0.002
_ENOUGH = 200  # tokens of letters, below which a vocabulary says nothing about how it was made
_IDEOGRAPH = re.compile(r"(##)?[\u4e00-\u9fff]+")
_STRANGE = "\U00013080"  # a hieroglyph: in hardly any vocabulary, and no normaliser drops it
_LETTERS = 20  # of 26, that a vocabulary of an alphabet has as tokens
_IDEOGRAPHS = 50  # Chinese characters, of which a vocabulary that reads Chinese has thousands
_LONG_WORD = 20  # letters; WordPiece's own limit is 100


def check_vocabulary(form: Form) -> Iterator[Finding]:
    """Tokens that eat words, casing, accents, tokens that no text becomes, known characters that are not read."""
    for check in (_eaten, _casing, _prefix, _unreachable, _accents, _unread, _glued, _chinese, _width, _altered):
        faults = list(check(form))
        yield from faults
        if faults and check in (_casing, _prefix, _unreachable):
            return  # the rest would say the same in other words


def _eaten(form: Form) -> Iterator[Finding]:
    """Added tokens are cut out of a text before it is split into words: one of letters cuts words in two."""
    contents = {index: str(token.content) for index, token in form.added.items()}
    suspects = {index: content for index, content in contents.items() if not SPECIAL.match(content.strip())}
    if not suspects:
        return
    texts = [*all_texts(), *(f" {word}" for word in WORDS)]
    eaten = {suspects[i] for encoding in form.encoded(texts) for i in encoding.ids if i in suspects}
    # A word that was added as a whole word, and is one, is read as one: that is what it was added for.
    eaten -= {content for content in eaten if _is_own_word(form, content)}
    if eaten:
        seen = f"{form.name} has added tokens that ordinary texts contain: {', '.join(map(repr, sorted(eaten)[:4]))}"
        yield finding("token-eats-words", seen, {"tokens": sorted(eaten)[:12]})


def _is_own_word(form: Form, content: str) -> bool:
    entry = next(token for token in form.added.values() if token.content == content)
    return bool(entry.single_word) and not entry.special


def _casing(form: Form) -> Iterator[Finding]:
    share = _share(form, lambda token: token != token.lower())
    if share is None and form.kind in {"WordPiece", "Unigram"} and _has_small_letters_alone(form):
        share = 0.0
    if share is None:
        return
    upper, lower = form.encoded(["HELLO THERE Paris"])[0].ids, form.encoded(["hello there paris"])[0].ids
    lowers, evidence = upper == lower, {"share_of_tokens_with_capitals": share}
    if share < _UNCASED and not lowers:
        yield finding("lowercase-missing", f"No token of the vocabulary has a capital, and {form.name} keeps capitals",
                      evidence)  # fmt: skip
    elif share > _CASED and lowers:
        seen = f"{share:.0%} of the vocabulary's tokens have capitals, and {form.name} turns all texts to lower case"
        yield finding("lowercase-added", seen, evidence)


def _has_small_letters_alone(form: Form) -> bool:
    """Whether nearly each small letter is a token, and no capital is in any: a small vocabulary that says it all."""
    tokens = [token for token, index in form.vocabulary.items() if index not in form.added]
    small = {token.removeprefix("##") for token in tokens} & set(ascii_lowercase)
    return len(small) >= _LETTERS and not any(char in token for token in tokens for char in ascii_uppercase)


def check_lowered_before(target: Target, form: Form) -> Iterator[Finding]:
    """Texts that sentence-transformers turns to lower case before a tokenizer that was made with capitals."""
    settings = target.object(target.of_root("sentence_bert_config.json"))
    share = _share(form, lambda token: token != token.lower(), enough=_ENOUGH // 4)
    if settings.get("do_lower_case") is True and share is not None and share > _CASED:
        seen = f"sentence_bert_config.json has do_lower_case, and {share:.0%} of the vocabulary's tokens have capitals"
        yield finding("lowercase-added", seen, {"share_of_tokens_with_capitals": share})


def _share(form: Form, holds: Callable[[str], bool], enough: int = _ENOUGH) -> float | None:
    """The share of ordinary tokens of two Latin letters or more that hold; None where there are too few to tell."""
    tokens = form.letters
    return sum(map(holds, tokens)) / len(tokens) if len(tokens) >= enough else None


def _prefix(form: Form) -> Iterator[Finding]:
    """A WordPiece vocabulary marks the insides of words, and the tokenizer looks for another mark or gives up early."""
    if form.kind != "WordPiece":
        return
    longest = form.core.model.max_input_chars_per_word
    if longest < _LONG_WORD:
        unknown = form.core.model.unk_token
        seen = f"max_input_chars_per_word of {form.name} is {longest}: a longer word becomes {unknown}"
        yield finding("words-unread", seen, {"max_input_chars_per_word": longest})
    marked = sum(token.startswith("##") for token in form.vocabulary)
    telling = len(form.letters) >= _ENOUGH // 4 or (form.prefix != "##" and marked > len(form.vocabulary) / 20)
    if telling and not any(token.startswith(form.prefix or "\0") for token in form.vocabulary):
        looked = f"{form.name} looks for {form.prefix!r} inside words"
        seen = f"{marked:,} tokens begin with ##, and {looked}" if marked else f"{looked}, and no token begins with it"
        yield finding("prefix-differs", seen, {"prefix": form.prefix})


def _unreachable(form: Form) -> Iterator[Finding]:
    tokens = [token for encoding in form.encoded(SCRIPTS["Latin"]) for token in encoding.tokens]
    if form.mark and not any(form.mark in token for token in tokens):
        seen = f"The vocabulary begins words with {form.mark}, and {form.name} gives no token that does"
        yield finding("words-unreachable", seen, {"tokens": tokens[:12]})
        return
    if form.kind == "WordLevel" or len(form.words) < 30:
        return
    asked = form.words[:: max(1, len(form.words) // _ASKED)]
    encodings = form.encoded([form.as_text(word) for word, _ in asked])
    lost = [word for (word, index), encoding in zip(asked, encodings, strict=True) if encoding.ids != [index]]
    if len(lost) > max(1, _UNREACHABLE * len(asked)):
        seen = f"{len(lost)} of {len(asked)} words that are tokens are not read as these by {form.name}: "
        seen += ", ".join(lost[:4]) + _made_by_the_normaliser(form, lost)
        yield finding("words-unreachable", seen, {"words": lost[:12], "asked": len(asked)})


def _made_by_the_normaliser(form: Form, words: Sequence[str]) -> str:
    """What the normaliser makes of the first of the words whose letters it changes; empty where it changes none."""
    normaliser = form.core.normalizer
    for word in words if normaliser is not None else ():
        text = form.as_text(word)
        if _folded(made := normaliser.normalize_str(text).replace("▁", " ")) != _folded(text):
            return f" (its normaliser, {type(normaliser).__name__}, makes {made.strip()!r} of {word!r})"
    return ""


def _accents(form: Form) -> Iterator[Finding]:
    """Accents that are kept though no token has one, or dropped though many have."""
    if form.kind not in {"WordPiece", "Unigram"}:
        return
    share = _share(form, _has_accent)
    alphabet = [token for token in form.bare if token.isalpha() and is_latin(token)]
    if share is None and len(alphabet) >= _ENOUGH // 4:  # a small vocabulary: its single letters count too
        share = sum(map(_has_accent, alphabet)) / len(alphabet) or None
    if share is None:
        return
    accented, bare = form.encoded(["é è ü ñ", "e e u n"])
    strips = accented.ids == bare.ids
    unknown = (form.encoded([_STRANGE])[0].ids or [None])[-1]
    # Who kept capitals kept accents: a cased vocabulary without any was made of texts that had none.
    uncased = (_share(form, lambda token: token != token.lower()) or 0) < _UNCASED
    if share == 0 and uncased and not strips and unknown in accented.ids:
        yield finding("accents-kept", f"No token of the vocabulary has an accent, and {form.name} keeps accents",
                      {"share_of_tokens_with_accents": share})  # fmt: skip
    elif share > _CASED and strips:
        seen = f"{share:.0%} of the vocabulary's tokens have accents, and {form.name} drops accents"
        yield finding("accents-dropped", seen, {"share_of_tokens_with_accents": share})


def _has_accent(token: str) -> bool:
    return unicodedata.normalize("NFD", token) != token


def _unread(form: Form) -> Iterator[Finding]:
    """Words that become unknown though the vocabulary has each of their characters."""
    if form.kind != "WordPiece":
        return
    core, unknown = form.core, form.core.model.unk_token
    lost: dict[str, list[str]] = {}
    for script, texts in SCRIPTS.items():
        for text in texts:
            plain = core.normalizer.normalize_str(text) if core.normalizer else text
            words = [word for word, _ in core.pre_tokenizer.pre_tokenize_str(plain)] if core.pre_tokenizer else [plain]
            for word in words:
                known = all((form.prefix if at else "") + char in form.vocabulary for at, char in enumerate(word))
                if known and any(token.value == unknown for token in core.model.tokenize(word)):
                    lost.setdefault(script, []).append(word)
    if lost:
        words = [word for of_script in lost.values() for word in of_script]
        seen = f"{form.name} makes {unknown} of words whose every character it knows: {', '.join(words[:4])}"
        yield finding("words-unread", seen, {"words": words[:12]})


def _glued(form: Form) -> Iterator[Finding]:
    """Punctuation that is read as the inside of the word before it, though no token has letters and punctuation."""
    if form.kind != "WordPiece" or len(form.letters) < _ENOUGH:
        return
    marks = {form.prefix + mark for mark in ".,!?"}
    tokens = form.encoded(["hello, world. where? here!"])[0].tokens
    if (glued := marks.intersection(tokens)) and not any(map(_is_mixed, form.bare)):
        step = type(form.core.pre_tokenizer).__name__.replace("NoneType", "none")
        seen = f"{form.name} reads 'hello, world.' as {' '.join(tokens[:4])}: its pre_tokenizer is {step}"
        yield finding("punctuation-glued", seen, {"tokens": sorted(glued), "pre_tokenizer": step})


def _chinese(form: Form) -> Iterator[Finding]:
    """Chinese characters that are read as one word, though no token has two of them."""
    if form.kind != "WordPiece":
        return
    chinese = [token for token in form.vocabulary if _IDEOGRAPH.fullmatch(token)]
    alone = [token for token in chinese if len(token) == 1]
    if len(alone) < _IDEOGRAPHS or any(len(token.removeprefix("##")) > 1 for token in chinese):
        return
    text = "".join(alone[: 2 * _LETTERS])
    tokens = form.encoded([text])[0].tokens
    if tokens[:2] != alone[:2]:
        seen = f"{form.name} reads {text[:4]!r} as {' '.join(tokens[:4])}: its normaliser does not set Chinese apart"
        yield finding("chinese-glued", seen, {"text": text, "tokens": tokens[:12]})


def _is_mixed(token: str) -> bool:
    return any(char.isalpha() for char in token) and any(char in ".,!?" for char in token)


def _width(form: Form) -> Iterator[Finding]:
    """Full-width letters and ligatures that become unknown: the vocabulary of pieces was made with them folded."""
    if form.kind != "Unigram":
        return
    wide = SCRIPTS["Latin"][-1]
    before, after = form.encoded([wide, unicodedata.normalize("NFKC", wide)])
    unknown = (form.encoded([_STRANGE])[0].ids or [None])[-1]
    known = {token for token in form.vocabulary if unicodedata.normalize("NFKC", token) != token}
    lost = unknown is not None and unknown in before.ids and unknown not in after.ids
    if lost and form.core.normalizer is None and not known:
        yield finding("normaliser-missing", f"{form.name} does not fold full-width letters, which become unknown")


def _altered(form: Form) -> Iterator[Finding]:
    """Plain texts that do not come back: letters were dropped, replaced or doubled on the way."""
    texts = [text for text in (*SCRIPTS["Latin"][:9], *all_texts()[:2]) if text.isascii()]
    changed = [
        text
        for text, encoding in zip(texts, form.encoded(texts), strict=True)
        if (back := _rejoined(form, encoding.tokens)) is not None and _folded(back) != _folded(text)
    ]
    if changed:
        back = _rejoined(form, form.encoded([changed[0]])[0].tokens)
        yield finding("text-altered", f"{form.name} reads {changed[0]!r} as {back!r}", {"texts": changed[:6]})


def _rejoined(form: Form, tokens: Sequence[str]) -> str | None:
    """The text that the tokens stand for; None where one stands for any character."""
    unknown = getattr(form.core.model, "unk_token", None)
    if unknown in tokens or "<unk>" in tokens or any(re.fullmatch(r"<0x[0-9A-F]{2}>", token) for token in tokens):
        return None
    if form.kind == "WordPiece":
        return "".join(token.removeprefix(form.prefix) for token in tokens)
    joined = "".join(tokens).replace("▁", " ").replace("</w>", " ")
    return _from_bytes(joined) if form.mark == "Ġ" else joined


def _from_bytes(joined: str) -> str:
    back = _byte_letters()
    if any(letter not in back for letter in joined):
        return joined
    return bytes(back[letter] for letter in joined).decode("utf-8", errors="replace")


def _byte_letters() -> dict[str, int]:
    """The byte that each letter of a byte-level vocabulary stands for (GPT-2's table)."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + at): byte for at, byte in enumerate(others)}


def _folded(text: str) -> str:
    """The text without what normalisers may rightly take from it: case, accents, width, spaces."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in bare if unicodedata.category(char) not in {"Mn", "Cc", "Cf"} and not char.isspace())

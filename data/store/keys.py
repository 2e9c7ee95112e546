"""Keys that this process knows, and the one gate that takes them out of whatever came from outside.

Servers, programs and libraries quote what they were sent: a refusal prints the headers, a proxy the request, a model is
named after its token. Every such string passes :func:`masked` before it is shown, logged or stored: the whole of it
first, and cut afterwards. Taken out are keys, parts of a key, and both in the encodings that errors quote them in.
"""

from __future__ import annotations

import base64
import html
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "allow_words", "as_written", "forget", "from_outside", "key_pattern", "known_keys", "looks_like_key", "masked",
    "masked_all", "remember", "remember_environment", "remember_named",
]  # fmt: skip

PART = 6  # characters of a key from which a part of it is taken out as well
_SHORTEST = 4  # characters; "x" is no secret
_LONGEST_QUOTE = 20_000  # characters that are looked through where only a beginning is wanted
_MASK = "***"

_NAMES = re.compile(r"(^|_)(API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|PAT)$", re.IGNORECASE)
_NO_SECRET = {"GPG_KEY"}  # the fingerprint that images of Python carry
# Parts of a key that are made of these give nothing away: "embeddings-test-key" must not blacken every embedding.
_WORDS = """
    account admin amazon anthropic authorization azure bearer cohere company default demo development document embedder
    embeddings encoder english error example google huggingface infinity internal invalid jina language llama localhost
    mistral models multilingual nomic ollama openai password plumbline private production project public queries request
    response sample search secret sentences server service staging team testing texts together token transformers user
    vectors voyage tests keys api embedding model query
""".split()  # noqa: SIM905 -- a list of words reads as one
# Keys for servers that want any.
_PLACEHOLDERS = {*_WORDS, "none", "empty", "dummy", "null", "fake", "test", "anything", "changeme"}
_URL_PASSWORD = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")
_ASSIGNED = re.compile(
    r"(?i)((?<![\w-])-{0,2}(?:[a-z]+[-_])*(?:api[-_]?key|token|secret|password|passwd|bearer|authorization)[=\s]\s*)"
    r"(?:bearer\s+)?[^\s&'\"]+"
)
_ESCAPE = re.compile(
    r"%[0-9a-f]{2}|\\u[0-9a-f]{4}|\\x[0-9a-f]{2}|&#\d{1,7};|&#x[0-9a-f]{1,6};|&[a-z]{2,8};|\\[/\"\\]", re.IGNORECASE
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]|\r(?!\n)")
# One character for one, which lower() does not give.
_LOWER = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_STANDARD_BASE64, _URL_BASE64 = str.maketrans("-_", "+/"), str.maketrans("+/", "-_")


@dataclass(frozen=True)
class _Forms:
    """What is looked for: the keys as they are, and each piece of an encoding that is long enough to give part away."""

    keys: frozenset[str] = frozenset()
    short: re.Pattern[str] | None = None  # keys that are only taken out as a word of their own
    plain: frozenset[str] = frozenset()
    hexadecimal: frozenset[str] = frozenset()
    base64: frozenset[str] = frozenset()

    @classmethod
    def of(cls, keys: Iterable[str]) -> _Forms:
        whole = frozenset(key.translate(_LOWER) for key in keys if len(key) >= PART)
        short = [re.escape(key) for key in keys if len(key) < PART]
        aligned = [encoded for key in keys if len(key) >= PART for encoded in _in_base64(key)]
        return cls(
            whole,
            re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(short)})(?![A-Za-z0-9])") if short else None,
            _pieces(whole, PART),
            _pieces((key.encode().hex() for key in _both_cases(keys)), 2 * PART),
            _pieces(aligned, _BASE64_PART),
        )


_BASE64_PART = 7  # characters of base64 that six bytes fill wherever they begin


@dataclass
class _Known:
    """The keys of this process, and words that the user chose to write himself."""

    keys: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    forms: _Forms = field(default_factory=_Forms)


_known = _Known()


def remember(*keys: str) -> None:
    """Take these out of everything from now on; fewer than four characters, or "ollama" and the like, are no secret."""
    new = {key for key in keys if len(key) >= _SHORTEST and key.lower() not in _PLACEHOLDERS} - _known.keys
    if new:
        _known.keys |= new
        _known.forms = _Forms.of(_known.keys)


def remember_environment() -> None:
    """Remember what variables hold whose names and values look like a key's."""
    remember(*(value for name, value in os.environ.items() if looks_like_key(name, value)))


def remember_named(settings: str) -> None:
    """Remember the keys that ``settings``, as JSON, name by their variable (``key_env``), where those are set."""
    for names in re.findall(r'"key_env"\s*:\s*"([^"]+)"', settings):
        remember(*(os.environ.get(name.strip(), "").strip() for name in names.split(",")))


def looks_like_key(name: str, value: str) -> bool:
    """Whether a variable of the environment holds a key, as far as name and value tell."""
    long = len(value) >= 12 and value.isascii() and value.isprintable() and " " not in value
    return bool(_NAMES.search(name)) and name not in _NO_SECRET and long and value[0] not in "/~."


def allow_words(*texts: str) -> None:
    """Leave parts of a key alone that the user has written himself, as the name of a model or an address."""
    _known.words |= {text.translate(_LOWER) for text in texts if text}


def known_keys() -> frozenset[str]:
    """The keys that are long enough, and more than everyday words, to be looked for in what is kept."""
    return frozenset(key for key in _known.keys if len(key) >= PART and not _ordinary(key.lower(), frozenset()))


def key_pattern() -> str | None:
    """A regular expression of RE2 that finds every text in which :func:`masked` might find a key; None if it has none.

    It finds too many, too: whatever has escapes in it.
    """
    long = [key for key in _known.keys if len(key) >= PART]
    if not long:
        return None
    strong = known_keys()
    # A part of six characters has one of the fours that begin at every third place within it, and so on.
    either = {*_every(strong, 4, PART), *_every((key.encode().hex() for key in _both_cases(strong)), 8, 2 * PART)}
    either |= {key.lower() for key in long if key not in strong}
    exact = set(_every((form for key in strong for form in _in_base64(key)), 4, _BASE64_PART))
    exact |= {piece.translate(_URL_BASE64) for piece in exact}
    escaped = r"(?i:%[0-9a-f]{2}|\\[ux][0-9a-f]{2}|&#|&[a-z]{2,8};)"
    return "|".join([f"(?i:{'|'.join(map(re.escape, sorted(either)))})", *map(re.escape, sorted(exact)), escaped])


def forget() -> None:
    """Know no key any more."""
    _known.keys.clear()
    _known.words.clear()
    _known.forms = _Forms()


def masked(text: str) -> str:
    """``text`` with every known key, and every part of one of six characters or more, in any encoding, as ``***``."""
    forms = _known.forms
    if not _known.keys or len(text) < _SHORTEST:
        return text
    spans = [match.span() for match in forms.short.finditer(text)] if forms.short else []
    for view, place in _views(text):
        lower = view.translate(_LOWER)
        runs = [run for run in _runs(lower, forms.plain, PART) if not _ordinary(lower[slice(*run)], forms.keys)]
        runs += _runs(lower, forms.hexadecimal, 2 * PART)
        runs += _runs(view.translate(_STANDARD_BASE64), forms.base64, _BASE64_PART)
        spans += [(place[start], place[end]) if place else (start, end) for start, end in runs]
    return _without(text, spans)


def masked_all(value: Any, mask: Callable[[str], str] = masked, mask_name: Callable[[str], str] | None = None) -> Any:
    """The same for every string in lists and dictionaries, their keys included.

    Args:
        value: as JSON can hold it.
        mask: what is done to a string.
        mask_name: what is done to a key of a dictionary; the same if None.
    """
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        name_of = mask_name or mask
        return {masked_all(name, name_of): masked_all(entry, mask, mask_name) for name, entry in value.items()}
    return [masked_all(entry, mask, mask_name) for entry in value] if isinstance(value, list | tuple) else value


def from_outside(text: str, most: int | None = None) -> str:
    """A string that a server, a program or a library gave, fit to be shown: keys masked, then cut to ``most``.

    Control characters, which could steer a terminal, become spaces; lone surrogates, which no file takes, question
    marks.
    """
    # Where a beginning is wanted no more is looked through; what the cut leaves of a key is too short to be a part.
    safe = masked(text if most is None else text[: max(_LONGEST_QUOTE, most)])
    safe = _URL_PASSWORD.sub(_MASK, _CONTROL.sub(" ", safe).encode("utf-8", "replace").decode())
    return safe if most is None or len(safe) <= most else safe[:most].rstrip() + " ..."


def as_written(arguments: Sequence[str]) -> str:
    """A command line as it may be kept: what was typed, without keys and passwords that stood in it."""
    without_passwords = (_URL_PASSWORD.sub(_MASK, masked(argument)) for argument in arguments)
    return shlex.join(_ASSIGNED.sub(rf"\g<1>{_MASK}", argument) for argument in without_passwords)


def _both_cases(keys: Iterable[str]) -> Iterator[str]:
    for key in keys:
        if len(key) >= PART:
            yield from {key, key.translate(_LOWER), key.upper()}


def _in_base64(key: str) -> Iterator[str]:
    """What base64 of any text that holds the key has in common, by how far the key is from a multiple of three."""
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + key.encode()).decode().rstrip("=")
        yield encoded[(0, 2, 3)[before] : len(encoded) - ((before + len(key.encode())) % 3 > 0)]


def _pieces(texts: Iterable[str], size: int) -> frozenset[str]:
    return frozenset(text[at : at + size] for text in texts for at in range(len(text) - size + 1))


def _every(texts: Iterable[str], size: int, part: int) -> Iterator[str]:
    """Pieces of ``size`` of which any stretch of ``part`` characters of the texts has at least one."""
    for text in texts:
        yield from (text[at : at + size] for at in range(0, len(text) - size + 1, part - size + 1))


def _views(text: str) -> Iterator[tuple[str, list[int]]]:
    """The text as it is, then up to three times with its escapes resolved and the place of each character in it."""
    view, place = text, list[int]()
    for _ in range(4):
        yield view, place
        if not any(sign in view for sign in "%\\&") or not _ESCAPE.search(view):
            return
        view, place = _unescaped(view, place)


def _unescaped(text: str, place: list[int]) -> tuple[str, list[int]]:
    letters: list[str] = []
    places: list[int] = []
    at = 0
    for match in _ESCAPE.finditer(text):
        letters += text[at : match.start()]
        places += range(at, match.start())
        resolved = _resolved(match.group())
        letters += resolved
        places += [match.start()] * len(resolved)
        at = match.end()
    letters += text[at:]
    places += range(at, len(text) + 1)
    return "".join(letters), [place[each] for each in places] if place else places


def _resolved(escape: str) -> str:
    """The character that an escape stands for; of what is none, the escape itself."""
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] == "%":
        return chr(int(escape[1:], 16))
    return chr(int(escape[2:], 16)) if escape[1] in "uxUX" else escape[1]


def _runs(text: str, pieces: frozenset[str], size: int) -> list[tuple[int, int]]:
    """Stretches of ``text`` that consist of pieces."""
    runs: list[tuple[int, int]] = []
    if not pieces:
        return runs
    for at in [at for at in range(len(text) - size + 1) if text[at : at + size] in pieces]:
        if runs and at <= runs[-1][1]:
            runs[-1] = (runs[-1][0], at + size)
        else:
            runs.append((at, at + size))
    return runs


def _ordinary(run: str, keys: frozenset[str]) -> bool:
    """Whether a part of a key is no more than words everybody uses, or the user's own."""
    if any(key in run for key in keys):
        return False
    if any(run in words for words in _known.words):
        return True
    words = re.findall("[a-z]+", run)
    whole = sum(len(word) for word in words if len(word) >= _SHORTEST)
    return (
        not re.search("[0-9]", run)
        and whole >= 0.5 * len(run)
        and all(any(word in usual for usual in _WORDS) for word in words)
    )


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """``text`` with the spans, which may touch and overlap, masked."""
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if start > at or not pieces:
            pieces += [text[at:start], _MASK]
        at = max(at, end)
    return "".join(pieces) + text[at:]

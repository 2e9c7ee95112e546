"""What a model's licence lets a company do: the class of each licence text, by the table ``licences.csv``.

The registry states a licence as a short name, as a sentence, or as an address. "Open weights" says nothing of it:
weights that anybody can download are often not for commercial use. A text that the table does not know stays unknown:
nothing is guessed from a word in it, but for the letters NC of Creative Commons and a plain "non-commercial".
This is a reading aid, no legal advice; the text itself stays in the store.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from data.rules.words import mark, phrase

__all__ = ["ALLOWED", "CLASSES", "CONDITIONS", "NONCOMMERCIAL", "UNKNOWN", "Licence", "licence_of", "of_class"]

ALLOWED, CONDITIONS, NONCOMMERCIAL, UNKNOWN = "allowed", "conditions", "noncommercial", "unknown"
# Code -> how pages say it, from the freest to the least known.
CLASSES = {
    ALLOWED: mark("commercial use"),
    CONDITIONS: mark("commercial use with conditions"),
    NONCOMMERCIAL: mark("non-commercial only"),
    UNKNOWN: mark("licence unknown"),
}


class Licence(NamedTuple):
    """A licence text read: code of its class (of :data:`CLASSES`), readable name, and why it is in that class."""

    code: str
    name: str
    reason: str

    @property
    def label(self) -> str:
        """The class as pages say it."""
        return CLASSES[self.code]


_TABLE = Path(__file__).resolve().parent / "licences.csv"
# Words that do not tell one licence from another.
_FILLING = frozenset(
    {
        "a", "agreement", "and", "clause", "community", "deed", "en", "generic", "gnu", "international", "legalcode",
        "licence", "license", "licenses", "later", "only", "or", "public", "software", "terms", "the", "unported", "v",
        "version",
    }
)  # fmt: skip
_WORD = re.compile(r"[a-z]+|\d+(?:\.\d+)*")
_VERSION = re.compile(r"\d+(?:\.\d+)*")
_NONCOMMERCIAL = re.compile(r"\bnon[\s_-]?commercial\b|\bno[\s_-]commercial\b")
_NOTHING_SAID = frozenset({"", "not specified", "not stated", "unspecified", "none", "unknown", "n/a", "nan"})
_CREATIVE = {
    "attribution": "by", "noncommercial": "nc", "commercial": "nc", "noderivatives": "nd", "noderivs": "nd",
    "derivatives": "nd", "sharealike": "sa",
}  # fmt: skip


@lru_cache(maxsize=4096)
def licence_of(text: object) -> Licence:
    """The licence a text of the registry or a model card names; a text nobody knows is :data:`UNKNOWN`, named as it is.

    Args:
        text: "apache-2.0", "CC-BY-NC-SA", "Apache License 2.0", an https address; what is no text states nothing.
    """
    stated = " ".join(text.split()) if isinstance(text, str) else ""
    if stated.casefold() in _NOTHING_SAID:
        return Licence(UNKNOWN, "not stated", "nobody stated it")
    if re.match(r"https?://", stated, re.IGNORECASE):
        return _of_address(stated)
    if known := _known(_words(stated)):
        return known
    other, excluded = _NONCOMMERCIAL.subn("", stated.casefold())
    if excluded and "commercial" not in other:  # "for commercial and non-commercial use" allows it
        return Licence(NONCOMMERCIAL, stated, "its text says non-commercial")
    return Licence(UNKNOWN, stated, "not a licence we know the terms of")


def of_class(texts: Iterable[str | None], codes: Collection[str]) -> list[str | None]:
    """Those of these licence texts whose class is one of ``codes``."""
    return [text for text in texts if licence_of(text).code in codes]


@lru_cache(maxsize=1)
def _table() -> dict[str, Licence]:
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["key"].casefold(): Licence(row["class"], row["name"], row["reason"]) for row in csv.DictReader(file)
        }


def _words(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.casefold()) if word not in _FILLING]
    return list(dict.fromkeys(words))


def _known(words: list[str]) -> Licence | None:
    """A licence by the words that name it and nothing else but its version: an addition may change the terms."""
    if words[:2] == ["creative", "commons"] or words[:1] in (["cc"], ["creativecommons"]):
        return _creative_commons(words)
    # "llama3" and "bsd3" run into their number; "cc0" is a name.
    family = " ".join(word for word in words if not _VERSION.fullmatch(word))
    licence = _table().get(family)
    versions = [word for word in words if _VERSION.fullmatch(word)]
    if licence is None or any(_VERSION.fullmatch(word) for word in words[: len(family.split())]):
        return None
    if family == "bsd" and versions:
        return licence._replace(name=f"BSD {versions[0]}-Clause")
    return licence._replace(name=" ".join([licence.name, *versions]))


def _creative_commons(words: list[str]) -> Licence | None:
    """CC 0, BY, NC, SA and ND in any order and spelling; without BY or 0 it is unknown unless NC is said."""
    terms = words[2:] if words[0] == "creative" else words[1:]
    parts = [_CREATIVE.get(word, word) for word in terms if word not in ("non", "no", "share", "alike", "derivs")]
    if "share" in terms and "alike" in terms:
        parts.append("sa")
    versions = [word for word in parts if _VERSION.fullmatch(word) and word != "0"]
    if "0" in parts or "zero" in parts or "publicdomain" in parts:
        return _table()["cc0"]
    letters = {word for word in parts if not _VERSION.fullmatch(word)}
    if not letters <= {"by", "nc", "sa", "nd"} or not letters & {"by", "nc"}:
        return None
    family = " ".join(["cc", "by", *(part for part in ("nc", "sa", "nd") if part in letters)])
    licence = _table().get(family)
    return licence._replace(name=" ".join([licence.name, *versions[:1]])) if licence else None


def _of_address(address: str) -> Licence:
    """Licences at an address: those of the table, Creative Commons' own, and else unknown under a readable name."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return Licence(UNKNOWN, address, "not an address that can be read")
    host, path = (parts.hostname or "").casefold(), unquote(parts.path).rstrip("/")
    if listed := _table().get(f"https://{host}{path}".casefold()):
        return listed
    segments = [part for part in path.split("/") if part]
    site, words = host.removeprefix("www."), list[str]()
    if site == "creativecommons.org":
        words = ["cc", *_words(" ".join(segments).replace("publicdomain", ""))]
    elif site in ("apache.org", "opensource.org") and segments:
        words = _words(segments[-1].replace("LICENSE", "apache"))
    if known := _known(words):
        return known
    owner = "/".join(segments[:2]) if host in ("huggingface.co", "github.com") and len(segments) > 2 else host
    return Licence(
        UNKNOWN, phrase("terms of {owner}", owner=owner) if owner else address, "not a licence we know the terms of"
    )

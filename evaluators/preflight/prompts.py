"""The prompts that config_sentence_transformers.json puts before texts: names, texts, the one by default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["check"]

_CARD_PROMPTS = re.compile(r"[\"'`](query: |passage: )|Instruct: |Represent this sentence", re.IGNORECASE)
_QUOTED = re.compile(r"[\"'`]([A-Za-z][^\"'`\n]{1,200})[\"'`]")
_NAMED = re.compile(r"prompt_name ?= ?[\"'](\w{1,60})[\"']")
# What a prompt of one role says when it is the other's.
_OTHER_ROLE = {
    "query": re.compile(r"^\W*(passage|document)\b", re.IGNORECASE),
    "passage": re.compile(r"^\W*query\b", re.IGNORECASE),
    "document": re.compile(r"^\W*query\b", re.IGNORECASE),
}
_NOBODY = re.compile(r"(?!)")
# The names that encode_query and encode_document look for.
_ROLES = {"query", "document", "passage", "corpus"}
_QUOTES = (('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d"))
# A prompt is put before a text as it stands: nothing fills a blank in.
_BLANK = re.compile(r"\{\{? ?\w{0,40} ?\}?\}|%s")
_ESCAPE = re.compile(r"\\[nt]")
_BY_DEFAULT = re.compile(r"\b(?:without a(?:ny)? (?:prompt )?name|by default|default prompt)\b", re.IGNORECASE)
_IN_CODE = re.compile(r"default_prompt_name ?= ?[\"'](\w{1,60})[\"']")


def check(target: Target) -> Iterator[Finding]:
    """The default prompt, each prompt's name and text, and what the card says of them."""
    settings = target.object("config_sentence_transformers.json")
    prompts, default = settings.get("prompts") or {}, settings.get("default_prompt_name")
    if default and default not in prompts:
        seen = f"The default prompt is {default!r}, which is not among {sorted(prompts)}"
        yield finding("prompt-undefined", seen, {"prompts": prompts})
    if exchanged := [name for name, text in prompts.items() if text and _OTHER_ROLE.get(name, _NOBODY).search(text)]:
        seen = f"The prompt {exchanged[0]!r} is {prompts[exchanged[0]]!r}"
        yield finding("prompts-exchanged", seen, {"prompts": prompts})
    yield from _names(prompts)
    yield from _texts(prompts)
    yield from _default(target, prompts, default)
    yield from _as_in_card(target, prompts)
    named = {name for name in _NAMED.findall(target.card) if name not in prompts}
    if unnamed := sorted(named - {"query", "document"} if not prompts else named):
        seen = f"The card asks for the prompt named {unnamed[0]!r}, the files have {sorted(prompts)}"
        yield finding("prompt-unnamed", seen, {"card": unnamed, "files": sorted(prompts)})
    if not any(prompts.values()) and (match := _CARD_PROMPTS.search(target.card)):
        yield finding("prompt-undeclared", f"The model card asks for a prompt ({match[0]!r}), no file declares it")


def _as_in_card(target: Target, prompts: Mapping[str, Any]) -> Iterator[Finding]:
    """Prompts that the card writes in quotes with another space, or in another case."""
    quoted = set(_QUOTED.findall(target.card))
    for name, text in prompts.items():
        near = [other for other in quoted if _bare(other) == _bare(str(text or "")) and _bare(other)]
        if text and near and text not in quoted:
            seen = f"The prompt {name!r} is {text!r}, the card writes {near[0]!r}"
            yield finding("prompt-differs", seen, {"prompt": text, "card": near})


def _bare(prompt: str) -> str:
    """A prompt without what is lost most easily."""
    return "".join(letter for letter in prompt.lower() if letter.isalnum())


def _names(prompts: Mapping[str, Any]) -> Iterator[Finding]:
    """Names of roles that are written otherwise than sentence-transformers looks for them."""
    for name in prompts:
        role = name.strip().lower()
        if role in _ROLES and name != role and role not in prompts:
            seen = f"A prompt is called {name!r}: encode_query and encode_document look for {role!r}"
            yield finding("prompt-miscalled", seen, {"prompts": sorted(prompts)})
            return


def _texts(prompts: Mapping[str, Any]) -> Iterator[Finding]:
    """Texts with quotes around them, blanks that nothing fills in, or line ends that were never read as such."""
    for name, text in prompts.items():
        if not isinstance(text, str) or len(text.strip()) < 2:
            continue
        bare = text.strip()
        seen, evidence = f"The prompt {name!r} is {text!r}", {"prompt": text}
        if any(bare.startswith(left) and bare.endswith(right) for left, right in _QUOTES):
            yield finding("prompt-quoted", f"{seen}: its quotes are a part of it", evidence)
        if _BLANK.search(text):
            yield finding("prompt-unfilled", seen, evidence)
        elif _ESCAPE.search(text):
            yield finding("prompt-escaped", seen, evidence)


def _default(target: Target, prompts: Mapping[str, Any], default: Any) -> Iterator[Finding]:
    """The default prompt against the one that the card names, by its name or by its text."""
    if not isinstance(default, str) or default not in prompts:
        return
    card = target.card
    lines = [line for line in card.splitlines() if _BY_DEFAULT.search(line)]
    written = {_bare(quoted) for line in lines for quoted in _QUOTED.findall(line)}
    written |= {_bare(name) for name in _IN_CODE.findall(card)}
    named = [name for name, text in prompts.items() if written & {_bare(name), _bare(str(text or "")) or _bare(name)}]
    if named and default not in named:
        seen = f"The default prompt is {default!r}, the card's is {named[0]!r}"
        yield finding("prompt-default-differs", seen, {"default": default, "card": named})

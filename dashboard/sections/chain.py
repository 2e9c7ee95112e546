"""The chain from files to scores: what is the same, what differs, and where it breaks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import looks
from dashboard.formatting import plain, signed, word
from dashboard.queries.chain import Link
from dashboard.stored_words import tr_stored
from dashboard.words import capital, listed, mark, running, stopped, tr
from data.store.vocabulary import LinkState

__all__ = ["OFF", "link_in_words", "show_chain"]

OFF = (LinkState.DIFFERS, LinkState.BROKEN)
_STATES = {
    LinkState.SAME: mark("same"),
    LinkState.DIFFERS: mark("differs"),
    LinkState.BROKEN: mark("a fault"),
    LinkState.UNKNOWN: mark("not known"),
}
_NAMES = {
    "files": mark("files"), "tokens": mark("tokens"), "vectors": mark("vectors"), "scores": mark("scores"),
}  # fmt: skip
_BETWEEN = {
    "files": mark("The files already differ, so everything after them may."),
    "tokens": mark("The same files, other tokens: look at the tokenizer, the text before it, prompts and lengths."),
    "vectors": mark("The same tokens, other vectors: look at weights, precision, attention, pooling and output."),
    "scores": mark("The same vectors, another score: look at the task, its data set and how it was scored."),
}
# By what a link is about, as the queries say it.
_SENTENCES = {
    "no check": mark("No parity check of this set-up yet."),
    "run shows no files": mark("The run does not show its files."),
    "other run shows no files": mark("The side it is compared with does not show its files."),
    "one encoder": mark("The same encoder on both sides."),
    "one side shows no files": mark("One side does not show its files."),
    "one revision, unseen": mark("Both say that they are revision {revision}; one does not show its files."),
    "another revision": mark("Another revision: {candidate}, and {reference} in the reference."),
    "same files": mark("The same {n} files, byte for byte."),
    "no tokens": mark("One side does not tell its tokens."),
    "other tokens": mark("Other tokens on {apart} of {texts} texts."),
    "same tokens": mark("The same tokens on all {texts} texts."),
    "not compared": mark("Not compared."),
    "no reproduction": mark("No reproduction under these settings yet."),
}
_FILES = {
    "changed": mark("{files}: of other content."),
    "missing": mark("{files}: not there."),
    "added": mark("{files}: there on this side alone."),
}


def show_chain(links: Sequence[Link]) -> None:
    """The chain as a row of links; the first that is not the same is where it breaks."""
    breaks = next((link for link in links if link.state in OFF), None)
    for column, link in zip(st.columns(len(links)), links, strict=True):
        with column.container(border=True, height="stretch"):
            here = f"  \n:red[**{tr('it breaks here')}**]" if link is breaks else ""
            name = looks.LINK_LOOKS[link.state].mark(f"**{tr(_NAMES[link.name])}**")
            st.markdown(f"{name} · {tr(_STATES[link.state])}{here}  \n{plain(link_in_words(link))}")
    if breaks is not None:
        before = links[: list(links).index(breaks)]
        known = all(link.state == LinkState.SAME for link in before)
        earlier = mark("What comes before the break is not known, so it may begin earlier.")
        st.markdown(tr(_BETWEEN[breaks.name] if known else earlier))


def link_in_words(link: Link) -> str:
    """What is known of a link, in a sentence or two."""
    facts = link.facts
    if link.about in _SENTENCES:
        return tr(_SENTENCES[link.about], **facts)
    return {"fault": _fault, "files": _files, "verdict": _verdict, "scores": _scores, "vectors": _vectors}[link.about](
        facts
    )


def _fault(facts: dict[str, Any]) -> str:
    more = tr("And {n} more.", n=facts["more"]) if facts["more"] else ""
    return running(stopped(tr_stored(str(facts["seen"]))), more)


def _files(facts: dict[str, Any]) -> str:
    sentences = []
    for how, text in _FILES.items():
        names = facts[how]
        some = listed(names[:2])
        if len(names) > 2:
            some = tr("{names} and {n} more", names=some, n=len(names) - 2)
        sentences.append(tr(text, files=some) if names else "")
    return running(*sentences)


def _vectors(facts: dict[str, Any]) -> str:
    return running(stopped(capital(word(facts["verdict"]))), tr_stored(str(facts["sentence"])))


def _verdict(facts: dict[str, Any]) -> str:
    """What the comparison says of the score of one cell."""
    named = {"task": facts["task"], "verdict": word(facts["verdict"])}
    points = signed(facts["delta"])
    if points and facts["apart"]:
        return tr("{task}: {verdict} by {points} points.", points=points, **named)
    return stopped(listed([named["task"], named["verdict"]], ": "))


def _scores(facts: dict[str, Any]) -> str:
    """How many tasks match the reference's run or what is published, and the one that differs most."""
    counts = {"n": facts["matching"], "total": facts["total"]}
    if facts["matching"] == facts["total"]:
        if facts["reference"]:
            return tr("{n} of {total} tasks match the reference's run.", **counts)
        return tr("{n} of {total} tasks match the published figures.", **counts)
    worst = {"task": facts["task"], "points": 100 * facts["delta"]}
    if facts["reference"]:
        return tr("{n} of {total} tasks match the reference's run; {task} {points:+.2f} points.", **counts, **worst)
    return tr("{n} of {total} tasks match the published figures; {task} {points:+.2f} points.", **counts, **worst)

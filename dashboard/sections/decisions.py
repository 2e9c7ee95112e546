"""Decisions on a page: those about what it shows, whether their figures still stand, and the form for a new one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.formatting import day, plain, rounded, small
from dashboard.queries import decided as decided_queries
from dashboard.queries import overview as overview_queries
from dashboard.views import current_address
from dashboard.words import mark, tr, tr_n
from data.rules.decided import Moved, moved_figures
from data.store.access_mode import read_only
from data.store.decisions import LONGEST, Conclusion, Decision, Decisions, Item, decide, decisions_path, read_decisions
from data.store.errors import PlumblineError

__all__ = [
    "CHOICE_WORDS", "all_decisions", "is_superseded", "items_of", "moved_of", "show_decide", "show_decision",
    "show_decisions_about", "show_unreadable",
]  # fmt: skip

CHOICE_WORDS = {
    Conclusion.ACCEPT: mark("accept"),
    Conclusion.REJECT: mark("reject"),
    Conclusion.INVESTIGATE: mark("investigate"),
}

# What a page's choices are called, and the kind of item they name.
_KINDS = {
    "benchmark": "benchmark", "model": "model", "models": "model", "incumbent": "model", "candidate": "model",
    "task": "task", "tasks": "task", "run": "run", "other": "run", "check": "check",
}  # fmt: skip
_MOST = 12  # items that a decision is about by itself
_AUTHOR, _KEPT = "_decision_author", "_decisions_kept"
_SHOWN = 3


def all_decisions() -> Decisions:
    """Every decision, read anew when the file has changed."""
    path = decisions_path()
    try:
        stat = path.stat()
    except OSError:
        return Decisions((), ())
    return _read(path, stat.st_mtime_ns, stat.st_size)


def items_of(choices: object) -> tuple[Item, ...]:
    """What a page's choices name: the model, the task and so on it is about, as far as they are filled in."""
    items: dict[Item, None] = {}
    # What matters on Our use, and the row of a benchmark, hold the name one step further in.
    for part in (choices, getattr(choices, "use", None), getattr(choices, "benchmark", None)):
        for field, kind in _KINDS.items():
            value = part.get(field) if isinstance(part, Mapping) else getattr(part, field, None)
            names = [value] if isinstance(value, str) else value if isinstance(value, Sequence) else []
            items.update(dict.fromkeys(Item(kind, name) for name in names if isinstance(name, str) and name))
    return tuple(items)[:_MOST]


def moved_of(decision: Decision) -> list[Moved]:
    """The figures of a decision that are others now."""
    return moved_figures(decision.figures, answer_of(decided_queries.figures_of, decision.items))


def is_superseded(decision: Decision, decisions: Iterable[Decision]) -> bool:
    """Whether a later decision of the same name is about the same."""
    mine = (decision.name, decision.items)
    return any((other.name, other.items) == mine and other.at > decision.at for other in decisions)


def show_decisions_about(items: tuple[Item, ...]) -> None:
    """The decisions about any of the items in a line each, the latest first; nothing where there is none."""
    here = current_address()
    about = [one for one in all_decisions().decisions if one.link == here or _is_about(one, items)]
    if not about:
        return
    for decision in about[:_SHOWN]:
        show_decision(decision, about)
    if len(about) > _SHOWN:
        st.caption(tr_n(len(about) - _SHOWN, "{n:,} more decision about this", "{n:,} more decisions about this"))


def show_decision(decision: Decision, others: Iterable[Decision] = (), where: Any = st) -> None:
    """One decision: what, why, who, when, and whether its figures still stand."""
    head = tr(
        "{choice}: **{name}** ({author}, {date})",
        choice=looks.CHOICE_LOOKS[decision.choice].mark(tr(CHOICE_WORDS[decision.choice])),
        name=plain(decision.name), author=plain(decision.author), date=day(datetime.fromisoformat(decision.at)),
    )  # fmt: skip
    where.markdown(f"{head} · {plain(decision.reason)}" if decision.reason.strip() else head)
    if is_superseded(decision, others):
        where.caption(tr("A later decision of this name is about the same."))
        return
    moved = moved_of(decision)
    if moved:
        changes = [f"{plain(one.name)}: {_said(one.then)} → {_said(one.now)}" for one in moved[:_SHOWN]]
        where.warning(
            tr_n(
                len(moved),
                "Outdated: {n} of its {all} figures is another one now. {figures}",
                "Outdated: {n} of its {all} figures are others now. {figures}",
                all=len(decision.figures),
                figures="; ".join([*changes, "…"] if len(moved) > _SHOWN else changes),
            ),
            icon=":material/history_toggle_off:",
        )


def show_decide(items: tuple[Item, ...], where: Any = st) -> None:
    """The form that keeps a decision on the view as it is; nothing on a read-only deployment."""
    if read_only():
        return
    with where.popover(tr("Decide"), icon=":material/gavel:"):
        _form(items)


def show_unreadable(decisions: Decisions) -> None:
    """The lines of the file that could not be read."""
    if decisions.unreadable:
        st.warning(
            tr("Not readable, and left out: {lines}.", lines=plain(", ".join(decisions.unreadable))),
            icon=":material/rule:",
        )


def _form(items: tuple[Item, ...]) -> None:
    with st.form("decision", border=False, clear_on_submit=False):
        st.caption(tr("Kept in a file beside the store, with this view and its figures of today."))
        # Kept ones leave fields behind that are empty again, refused ones their texts.
        nth = st.session_state.get(_KEPT, 0)
        name = st.text_input(tr("Name of the decision"), max_chars=LONGEST["name"], key=f"decision_name_{nth}")
        question = st.text_input(
            tr("Question"), value=tr(url_state.current_page().question), max_chars=LONGEST["question"]
        )
        choice = st.segmented_control(
            tr("Choice"), list(Conclusion), default=Conclusion.ACCEPT, required=True,
            format_func=lambda choice: tr(CHOICE_WORDS[choice]),
        )  # fmt: skip
        reason = st.text_area(tr("Reason"), max_chars=LONGEST["reason"], key=f"decision_reason_{nth}")
        signed = _signed_in()
        author = signed or st.text_input(
            tr("Your name"), value=st.session_state.get(_AUTHOR, ""), max_chars=LONGEST["author"], key="decision_author"
        )
        if not st.form_submit_button(tr("Keep the decision"), type="primary"):
            return
    decision = Decision(
        name, question, Conclusion(choice or Conclusion.INVESTIGATE), reason, author, current_address(), items
    )
    try:
        figures, state = answer_of(decided_queries.figures_of, items), answer_of(overview_queries.record_facts)
        record = " ".join(str(part)[:10] for part in (state.commit, state.date) if part is not None)
        decide(replace(decision, figures=figures, record=record))
    except PlumblineError as error:
        st.error(plain(error), icon=":material/error:")
        return
    st.session_state.update({_AUTHOR: author, _KEPT: nth + 1})
    st.toast(tr("The decision is kept."), icon=":material/gavel:")
    st.rerun()


def _signed_in() -> str:
    """Name or address of who is signed in; empty without a sign-in."""
    if not st.user.get("is_logged_in"):
        return ""
    return str(st.user.get("email") or st.user.get("name") or "")


def _is_about(decision: Decision, items: tuple[Item, ...]) -> bool:
    """Whether it is about something shown: a benchmark alone is too little where the decision names more than one."""
    shown, theirs = set(items), set(decision.items)
    more = {item for item in theirs if item.kind != "benchmark"}
    return bool(shown & (more or theirs))


def _said(figure: float | str | None) -> str:
    if isinstance(figure, int | float):
        return small(float(rounded(figure, 4)), 12)
    return plain(figure) if figure else tr("gone")


@st.cache_data(max_entries=4, show_spinner=False)
def _read(path: Path, modified: int, size: int) -> Decisions:
    return read_decisions(path)

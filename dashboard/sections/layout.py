"""How every page is laid out: its controls, what it asks the store with them, then its parts from top to bottom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from dashboard.messages import in_one_sentence, show_empty
from dashboard.sections.decisions import items_of, show_decisions_about
from dashboard.sections.frame import show_heading, show_tools
from data.store.errors import InputError

__all__ = ["lay_out"]

Choices = TypeVar("Choices")
Answers = TypeVar("Answers")


def lay_out(
    controls: Callable[[], Choices | None],
    questions: Callable[[Choices], Answers | None],
    parts: Sequence[Callable[[Answers], None]],
) -> None:
    """A page, top to bottom; it ends where there is nothing to choose from or nothing to show, which was then said.

    Args:
        controls: draws what a viewer chooses and returns it; None while the address names what nobody knows.
        questions: asks the store; None where there is no answer. What cannot be asked is an ``InputError``.
        parts: each draws one part of the answer.
    """
    tools = show_heading()
    choices = controls()
    items = items_of(choices)
    show_tools(tools, items)
    if choices is None:
        return
    show_decisions_about(items)
    try:
        answers = questions(choices)
    except InputError as error:
        show_empty(in_one_sentence(error))
        return
    if answers is not None:
        for part in parts:
            part(answers)

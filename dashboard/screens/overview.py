"""Overview: from a question to its answer, what needs eyes, what changed, and where the figures come from."""

from __future__ import annotations

from dashboard.sections.layout import lay_out
from dashboard.sections.search import show_search


def main() -> None:
    lay_out(controls, questions, (show_doors,))


def controls() -> str:
    show_search()
    return ""


def questions(choices: str) -> str:
    return choices


def show_doors(answers: str) -> None:
    pass


main()

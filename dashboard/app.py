"""Plumbline's dashboard: ``streamlit run dashboard/app.py``.

The list of pages is here and nowhere else: a page is one file in ``dashboard/screens`` and one line below.
That folder is not called ``pages``: Streamlit takes one of that name beside this file for an app of its own, and the
first address asked for after a start would open its page without this frame.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:  # Streamlit puts this folder on the path, the packages lie one above
    sys.path.insert(0, str(HERE.parent))

import streamlit as st  # noqa: E402

from dashboard import access, messages, url_state  # noqa: E402
from dashboard.sections import frame  # noqa: E402
from dashboard.url_state import Page  # noqa: E402
from dashboard.words import choose_language, mark, tr  # noqa: E402

# File and address, title, icon (a Material symbol that Streamlit carries with it), the prefix of the page's keys in the
# address and the question it answers, in the order of the bar on top. The first is at the root too.
PAGES = [
    Page("overview", mark("Overview"), ":material/home:", "o", mark(
        "Which model should we take, should we replace ours, and can we believe this figure, this server?")),
    Page("leaderboard", mark("Leaderboard"), ":material/leaderboard:", "l", mark(
        "Who is best on a benchmark, how sure is that, and what does each figure rest on?")),
    Page("use", mark("Our use"), ":material/target:", "u", mark(
        "Which models fit what matters to us, and does the choice hold if we weigh a little differently?")),
    Page("replace", mark("Replace"), ":material/swap_horiz:", "x", mark(
        "Should we replace our model: what holds up, what is gained and lost, what does the move cost?")),
    Page("budget", mark("Budget"), ":material/timer:", "b", mark(
        "Which few tasks tell the rest of a benchmark, how surely, and what do they cost?")),
    Page("compare", mark("Compare"), ":material/balance:", "c", mark(
        "How do these models differ, task by task, and can the data tell them apart?")),
    Page("tasks", mark("Tasks"), ":material/checklist:", "t", mark(
        "How does everybody do on this task, by split, subset, language and metric?")),
    Page("models", mark("Models"), ":material/person_search:", "m", mark(
        "Where is this model strong and weak among its peers of the same size?")),
    Page("changes", mark("What changed"), ":material/history:", "w", mark(
        "What is new between two imports or two stores: models, scores, ranks?")),
    Page("reproduction", mark("Reproduction"), ":material/compare_arrows:", "r", mark(
        "Do the published scores hold when the models are run again, and if not, whose fault is it?")),
    Page("drift", mark("Drift"), ":material/difference:", "d", mark(
        "Is the vector we are served the vector of the model, and if not, what is the cause?")),
    Page("runs", mark("Runs"), ":material/list_alt:", "runs", mark(
        "What exactly was run here, with what, and what did it say?")),
    Page("fleet", mark("Fleet"), ":material/lan:", "f", mark(
        "How far are the plans that run many models on many machines, and what did they give up?")),
    Page("decisions", mark("Decisions"), ":material/gavel:", "z", mark(
        "What was decided with these pages, and do the figures under it still stand?")),
]  # fmt: skip


def main() -> None:
    """Lay out the frame, then the page, with every error Plumbline can explain shown as a sentence."""
    # Before the list of pages: the icon of a page would be fetched from elsewhere to stand for it in the browser's tab.
    icon = str(HERE / "icon.svg")
    st.set_page_config(page_icon=icon, layout="wide")
    choose_language()
    # Streamlit serves a default page at the root alone and says "Page not found" at its name: there it is once more.
    at_names = [_page(page, page.name, hidden=page == PAGES[0]) for page in PAGES]
    opened = st.navigation([_page(PAGES[0], "", default=True), *at_names], position="top")
    page = next((page for page in PAGES if page.name == opened.url_path), PAGES[0])
    st.set_page_config(page_title=f"{tr(page.title)} · Plumbline", page_icon=icon, layout="wide")
    url_state.start_rerun(opened.url_path, page, PAGES)
    frame.show_brand()
    notices = st.container()
    with messages.errors_as_sentences(), access.one_version():
        opened.run()
    with notices:
        url_state.show_ignored()


def _page(page: Page, path: str, *, default: bool = False, hidden: bool = False) -> st.Page:
    return st.Page(
        HERE / "screens" / f"{page.name}.py",
        title=tr(page.title),
        icon=page.icon,
        url_path=path,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


main()

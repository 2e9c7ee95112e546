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
from dashboard.url_state import Page  # noqa: E402

# File and address, title, icon (a Material symbol that Streamlit carries with it) and the prefix of the page's keys in
# the address, in the order of the bar on top. The first is at the root too.
PAGES = [
    Page("leaderboard", "Leaderboard", ":material/leaderboard:", "l"),
    Page("use", "Our use", ":material/target:", "u"),
    Page("compare", "Compare", ":material/balance:", "c"),
    Page("tasks", "Tasks", ":material/checklist:", "t"),
    Page("models", "Models", ":material/person_search:", "m"),
    Page("changes", "What changed", ":material/history:", "w"),
    Page("reproduction", "Reproduction", ":material/compare_arrows:", "r"),
    Page("drift", "Drift", ":material/difference:", "d"),
    Page("runs", "Runs", ":material/list_alt:", "runs"),
]


def main() -> None:
    """Lay out the frame, then the page, with every error Plumbline can explain shown as a sentence."""
    st.set_page_config(page_title="Plumbline", page_icon=str(HERE / "icon.svg"), layout="wide")
    # Streamlit serves a default page at the root alone and says "Page not found" at its name: there it is once more.
    at_names = [_page(page, page.name, hidden=page == PAGES[0]) for page in PAGES]
    opened = st.navigation([_page(PAGES[0], "", default=True), *at_names], position="top")
    page = next((page for page in PAGES if page.name == opened.url_path), PAGES[0])
    url_state.start_rerun(opened.url_path, page, PAGES)
    notices = st.container()
    with messages.errors_as_sentences(), access.one_version():
        opened.run()
    with notices:
        url_state.show_ignored()


def _page(page: Page, path: str, *, default: bool = False, hidden: bool = False) -> st.Page:
    return st.Page(
        HERE / "screens" / f"{page.name}.py",
        title=page.title,
        icon=page.icon,
        url_path=path,
        default=default,
        visibility="hidden" if hidden else "visible",
    )


main()

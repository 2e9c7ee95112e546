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

# (file, title, icon) in the order of the bar on top. The address of a page is its file's name; the icons are the
# Material symbols that Streamlit carries with it.
PAGES = [
    ("leaderboard", "Leaderboard", ":material/leaderboard:"),
    ("use", "Our use", ":material/target:"),
    ("compare", "Compare", ":material/balance:"),
    ("tasks", "Tasks", ":material/checklist:"),
    ("models", "Models", ":material/person_search:"),
    ("changes", "What changed", ":material/history:"),
    ("reproduction", "Reproduction", ":material/compare_arrows:"),
    ("drift", "Drift", ":material/difference:"),
    ("runs", "Runs", ":material/list_alt:"),
]


def main() -> None:
    """Lay out the frame, then the page, with every error Plumbline can explain shown as a sentence."""
    st.set_page_config(page_title="Plumbline", page_icon=str(HERE / "icon.svg"), layout="wide")
    page = st.navigation([_page(*entry) for entry in PAGES], position="top")
    url_state.begin(page.url_path)
    notices = st.container()
    with messages.explained(), access.one_version():
        page.run()
    with notices:
        url_state.say_what_was_ignored()


def _page(name: str, title: str, icon: str) -> st.Page:
    default = name == "leaderboard"
    return st.Page(HERE / "screens" / f"{name}.py", title=title, icon=icon, url_path=name, default=default)


main()

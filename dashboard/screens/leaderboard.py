"""Leaderboard: every model on a benchmark, by MTEB's own rules."""

from __future__ import annotations

import streamlit as st

from dashboard import links, states
from dashboard.access import ask
from dashboard.queries import leaderboard


def page() -> None:
    """The page, top to bottom."""
    st.title("Leaderboard")
    benchmarks = ask(leaderboard.benchmarks)["benchmark"].tolist()
    if not benchmarks:
        states.empty("**The store is empty.** No scores have been imported yet.", "python -m evaluators import")
        return
    links.choose("Benchmark", benchmarks, "benchmark", remember="benchmark")


page()

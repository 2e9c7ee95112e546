"""Links that ask another page the same question."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.access import ask
from dashboard.queries.leaderboard import benchmarks, first_shown
from dashboard.question import Question

__all__ = ["compare"]


def compare(
    label: str,
    benchmark: str,
    models: Sequence[str],
    *,
    tasks: Sequence[str] = (),
    strict: bool = False,
    question: Question | None = None,
) -> None:
    """A link to Compare with these models, the first of them as the baseline.

    What Compare starts with anyway stays out of it: Streamlit takes a default out of an address as a page opens, and
    leaves a step in the browser's history for each.
    """
    offered = list(ask(benchmarks)["benchmark"])
    usual = offered[first_shown(offered)]
    # Compare starts with the benchmark asked about last.
    there: dict[str, str | Sequence[str]] = {"c_models": list(models)}
    if benchmark != usual or st.session_state.get("_kept_benchmark", usual) != usual:
        there["c_benchmark"] = benchmark
    if tasks:
        there["c_tasks"] = list(tasks)
    if strict:
        there["c_strict"] = "true"
    if question is not None:
        there["c_weights"] = question.text()
    st.page_link("screens/compare.py", label=label, icon=":material/compare_arrows:", query_params=there)

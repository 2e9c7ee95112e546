"""Fleet: how far the plans are that run many models on many machines, and what they gave up."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.figures import fleet as fleet_figures
from dashboard.formatting import plain, span_text, word
from dashboard.messages import show_empty
from dashboard.queries import fleet as fleet_queries
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import open_page
from dashboard.sections.private import show_private
from dashboard.tables import fleet as fleet_tables
from dashboard.words import listed, tr
from data.store.vocabulary import Status

_SHOWN_LOGS = 10


class Choices(NamedTuple):
    """The plan: where it lies, and its id there."""

    storage: str
    plan_id: str


class Answers(NamedTuple):
    """What the store was told of a plan last."""

    facts: dict[str, Any]
    cells: pd.DataFrame
    given_up: pd.DataFrame


def main() -> None:
    """How far it is, each model and each cell, then what was given up."""
    lay_out(controls, questions, (show_state, show_models, show_cells, show_given_up))


def controls() -> Choices | None:
    """The plan."""
    plans = answer_of(fleet_queries.fleets)
    if plans.empty:
        show_empty(
            tr("**No plan yet.** A fleet runs many models on many tasks and machines; an import from its storage "
               "brings how far it is."),
            "python -m evaluators fleet PLAN.toml",
        )  # fmt: skip
        return None
    names = list(plans["key"])
    name = url_state.subject("plan", tr("Plan"), names, "plan") if len(names) > 1 else names[0]
    if name is None:
        return None
    row = plans.iloc[names.index(name)]
    return Choices(str(row["storage"]), str(row["plan_id"]))


def questions(choices: Choices) -> Answers:
    """Its row, its cells, its failures."""
    return Answers(
        answer_of(fleet_queries.fleet_facts, *choices),
        answer_of(fleet_queries.fleet_cells, *choices),
        answer_of(fleet_queries.given_up, *choices),
    )


def show_state(answers: Answers) -> None:
    """How many of its tasks are done, the rate, time left and cost, and when that was told."""
    facts = answers.facts
    st.markdown(tr("#### {done:,} of {cells:,} tasks done", done=facts["done"], cells=facts["cells"]))
    status = looks.STATUS_LOOKS[Status(facts["status"])].mark(f"**{plain(word(facts['status']))}**")
    open_ = facts["status"] == Status.RUNNING
    parts = [
        tr("{n:,} running", n=facts["running"]) if facts["running"] else "",
        tr("{n:,} waiting", n=facts["waiting"]) if facts["waiting"] else "",
        tr("{n:,} failed with their model", n=facts["failed"]) if facts["failed"] else "",
        tr("{n:,} set aside", n=facts["set_aside"]) if facts["set_aside"] else "",
        tr("{n:,.0f} an hour", n=facts["an_hour"]) if facts["an_hour"] else "",
        tr("about {time} left", time=span_text(facts["seconds_left"])) if open_ and facts["seconds_left"] else "",
        _cost(facts),
    ]
    st.markdown(" · ".join(filter(None, [status, *parts])))
    seen = tr(
        "{name}, on {storage}: as its driver told at {seen:%Y-%m-%d %H:%M:%S} UTC. A later import tells more.",
        name=plain(facts["name"]), storage=plain(facts["storage"]), seen=facts["seen_at"],
    )  # fmt: skip
    st.caption(seen)
    address = str(facts["dashboard"] or "")
    if open_ and re.fullmatch(r"https?://[\w.\-\[\]:]+", address):
        st.caption(tr("Ray's own dashboard: {address}", address=f"[{plain(address)}]({address})"))


def _cost(facts: dict[str, Any]) -> str:
    if facts["cost"] is None:
        return ""
    spent = tr("{n:,.2f} {currency} spent", n=facts["cost"], currency=plain(facts["currency"]))
    if not facts["cost_left"] or facts["status"] != Status.RUNNING:
        return spent
    return listed([spent, tr("about {n:,.2f} more", n=facts["cost_left"])], ", ")


def show_models(answers: Answers) -> None:
    """A row a model; a click opens its run."""
    st.subheader(tr("By model"), divider="gray")
    show_private(models=list(answers.cells["model"].unique()))
    table = fleet_tables.fleet_models_table(answers.cells)
    row = show_sortable(table, "models", height=min(38 + 35 * max(answers.cells["setup"].nunique(), 1), 420))
    if row is not None and isinstance(row["run_id"], str):
        open_page("runs", run=row["run_id"])


def show_cells(answers: Answers) -> None:
    """Each model and task by its state."""
    if not answers.cells.empty:
        show_chart(fleet_figures.cells_done_map(answers.cells), key="cells")


def show_given_up(answers: Answers) -> None:
    """What was given up, and the last lines that its worker wrote."""
    if answers.given_up.empty:
        return
    st.subheader(tr("Given up"), divider="gray")
    show_table(fleet_tables.given_up_table(answers.given_up))
    logged = answers.given_up[answers.given_up["log"].map(len) > 0]
    for row in logged.head(_SHOWN_LOGS).to_dict("records"):
        name = ": ".join(plain(part) for part in (row["setup"], row["task"]) if isinstance(part, str))
        with st.expander(tr("The last lines of the log of {name}", name=name)):
            st.code("\n".join(row["log"]), language=None, wrap_lines=True)


main()

"""One cell of a comparison, opened: both provenances, every metric, warnings, likely causes, how to run it again."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import looks, url_state
from dashboard.access import answer_of
from dashboard.addresses import result_address
from dashboard.formatting import count, plain, score, signed, word
from dashboard.queries import reproduction as reproduction_queries
from dashboard.sections.cell_causes import show_likely_causes
from dashboard.sections.cell_diagnosis import show_cell_diagnosis
from dashboard.sections.delta_views import Deltas
from dashboard.sections.grid import show_table
from dashboard.sections.private import show_private
from dashboard.stored_words import tr_stored
from dashboard.tables import deltas as deltas_tables
from dashboard.words import capital, listed, mark, running, stopped, tr
from data.rules.deltas import Sides, worst_first
from data.store.vocabulary import Verdict

__all__ = ["show_cell"]

_FLOOR_OF = {
    "task": mark("this task and those of its type"), "all": mark("all tasks"), "none": mark("nothing known"),
}  # fmt: skip


def show_cell(deltas: Deltas) -> None:
    """Controls to choose a cell, and the cell."""
    cell = choose_cell(deltas.every, worst_first(deltas.shown, 1).iloc[0])
    if cell is None:
        return
    show_private(models=[cell["model"]], tasks=[cell["task"]])
    _show_verdict(cell, deltas.sides)
    run = deltas.named.get(str(cell["row"]))
    if run and run.differs:
        set_up = plain(tr(run.differs))
        st.caption(
            tr("The set-up of this run: {set_up}, beside run {run}.", set_up=set_up, run=plain(run.beside))
            if run.beside
            else tr("The set-up of this run: {set_up}.", set_up=set_up)
        )
    provenance = answer_of(reproduction_queries.provenance, int(cell["claim_id"]), int(cell["check_id"]))
    warnings = answer_of(reproduction_queries.run_warnings, int(cell["check_id"]))
    show_cell_diagnosis(cell, deltas.every)
    show_likely_causes(cell, deltas, provenance, warnings)
    _show_sides(provenance, deltas.sides)
    _show_metrics(cell, deltas.sides)
    _show_warnings(warnings)
    st.markdown(tr("**Run it again**"))
    run_id = cell["check_run"]
    command = answer_of(reproduction_queries.run_command, run_id) if isinstance(run_id, str) else None
    st.code(command or reproduction_queries.command(cell), language=None, wrap_lines=True)


def choose_cell(every: pd.DataFrame, gravest: pd.Series) -> dict[str, Any] | None:
    """The cell of a row, a task, a split and a subset; the gravest of what is shown until another is chosen."""
    rows = every["row"].unique().tolist()
    row = url_state.selectbox(tr("Model"), rows, "row", index=rows.index(gravest["row"]))
    of_row = every[every["row"] == row]
    tasks = of_row["task"].unique().tolist()
    first = tasks.index(gravest["task"]) if row == gravest["row"] else 0
    left, right = st.columns(2)
    task = url_state.selectbox(tr("Task"), tasks, "task", index=first, where=left)
    of_task = worst_first(of_row[of_row["task"] == task])
    names = deltas_tables.cell_names(of_task).tolist()
    name = url_state.selectbox(
        tr("Split and subset"), names, "cell", index=0 if names else None, where=right, disabled=not names
    )
    if name not in names:
        return None
    return {str(column): value for column, value in of_task.iloc[names.index(name)].items()}


def _show_verdict(cell: dict[str, Any], sides: Sides) -> None:
    verdict = Verdict(cell["verdict"])
    look = looks.VERDICT_LOOKS[verdict]
    figures = [
        f"{tr(side)} **{score(cell[f'{name}_score']) or tr('none')}**"
        for name, side in (("claim", sides.claim), ("check", sides.check))
    ]
    if signed(cell["delta"]):
        figures.append(tr("difference **{delta}**", delta=signed(cell["delta"])))
    where = listed([listed([plain(cell["task"]), plain(cell["metric"])]), listed(figures)], ": ")
    st.markdown(f":{look.colour}-badge[{look.icon} {word(verdict)}] {stopped(where)}")
    of = _FLOOR_OF.get(cell["floor_scope"])
    sentences = [
        tr(
            "Noise floor {floor}, from {reruns} of {tasks}",
            floor=score(cell["floor"]), reruns=count(cell["floor_n"], "rerun"),
            tasks=tr(of) if of else tr("{type} tasks", type=plain(cell["type"])),
        ),
        *(plain(tr_stored(cell[name])) for name in ("why_not", "remarks") if isinstance(cell[name], str)),
    ]  # fmt: skip
    st.caption(running(*(stopped(capital(sentence)) for sentence in sentences if sentence)))


def _show_sides(provenance: pd.DataFrame, sides: Sides) -> None:
    differing = int(provenance["differs"].sum())
    known = int((provenance["claim"].notna() & provenance["check"].notna()).sum())
    compared = mark("**Where they come from**: of {facts} known of both sides, {n} differ")
    st.markdown(tr(compared, facts=count(known, "fact"), n=differing or tr("none")))
    height = min(38 + 35 * len(provenance), 38 + 35 * max(differing + 4, 10))
    show_table(deltas_tables.sides_table(provenance, sides), height=height)
    files = provenance.loc[provenance["what"] == "file", ["claim", "check"]].to_numpy().ravel()
    with st.container(horizontal=True):
        for side, file in zip((sides.claim, sides.check), files, strict=False):
            if address := result_address(file, None):
                st.link_button(tr("File of the {side}", side=tr(side)), address, icon=":material/open_in_new:")


def _show_metrics(cell: dict[str, Any], sides: Sides) -> None:
    results = (int(cell["claim_id"]), int(cell["check_id"]))
    metrics = answer_of(reproduction_queries.metrics_of_both, *results, cell["split"], cell["subset"])
    shared = int((metrics["claim"].notna() & metrics["check"].notna()).sum())
    label = tr("Every metric of both: {n}, {shared} of them on both sides", n=len(metrics), shared=shared)
    with st.expander(label, expanded=len(metrics) > 1):
        show_table(deltas_tables.metrics_beside_table(metrics, sides))


def _show_warnings(warnings: list[str]) -> None:
    if warnings:
        with st.expander(tr("Warnings of the run: {n}", n=len(warnings)), expanded=len(warnings) <= 3):
            for warning in warnings:
                st.code(warning, language=None, wrap_lines=True)

"""Reproduction: which published figures hold, and whose fault it is where they do not."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import messages, private, url_state
from dashboard.access import ask
from dashboard.figures import deltas as figures
from dashboard.formatting import SCORE_FORMAT, count, plain
from dashboard.queries import reproduction as asked
from dashboard.sections import cell
from data.rules.attribution import Attribution, attributions, caveat
from data.rules.deltas import SIDES, Sides, Thresholds, counted, thresholds, worst_first
from data.rules.effects import Effects
from data.rules.setups import NamedRun
from data.store.vocabulary import Comparison, Verdict


class Kind(NamedTuple):
    """One way to compare: its kind of delta, and what to say when there is nothing."""

    name: Comparison
    nothing: str
    command: str

    @property
    def sides(self) -> Sides:
        """The two figures in words."""
        return SIDES[self.name]


_RUN = "python -m evaluators reproduce sentence-transformers/all-MiniLM-L6-v2 --tasks STSBenchmark"
KINDS = {
    "Our runs": Kind(
        Comparison.REPRODUCED,
        "**No run of this machine is here to compare with a published figure.** One task takes a minute or two.", _RUN,
    ),
    "Model cards": Kind(
        Comparison.REPORTED,
        "**No model card's figure and official run of one model and task are in this store.**",
        "python -m evaluators import",
    ),
    "Run against run": Kind(
        Comparison.RUNS,
        "**There are not yet two runs of one model on one task.** Run a model twice, with one setting changed.",
        f"{_RUN} --dtype bfloat16",
    ),
}  # fmt: skip
_MEANING = {
    Verdict.MATCH: "Within the noise floor: what honest reruns of one model differ by.",
    Verdict.DRIFT: "Beyond the noise floor, but small.",
    Verdict.GAP: "Too far apart to be noise.",
    Verdict.BROKEN: "A gap in which a large part of the score is gone.",
    Verdict.NOT_COMPARABLE: "Another metric, or other data and a difference beyond the noise: it proves nothing, "
    "and is no part of any share.",
}
_SIZES = {"30 most affected": 30, "80 most affected": 80, "All": 100_000}


def page() -> None:
    """The page, top to bottom."""
    present = ask(asked.kinds)
    # Own runs come first as soon as there is one; out of the box there are the model cards.
    first = "Our runs" if present.get(Comparison.REPRODUCED) else "Model cards"
    bar = st.container(horizontal=True, vertical_alignment="center")
    kind = KINDS[
        url_state.one_of("Compare", list(KINDS), "compare", default=first, where=bar, label_visibility="collapsed")
    ]
    if not present.get(kind.name):
        messages.empty(kind.nothing, kind.command)
        return
    limits = _limits(bar)
    everything = ask(asked.judged, kind.name, limits)
    split, background = ask(asked.effects, kind.name, limits)
    named = ask(asked.rows_by_set_up, kind.name, limits)
    chosen, verdicts = _chosen(everything)
    _headline(kind, chosen, len(everything))
    st.caption(_lines(limits))
    if not chosen.empty:
        _blame(kind, split, background, chosen, named)
    shown = chosen[chosen["verdict"].isin(verdicts)] if verdicts else chosen
    if shown.empty:
        st.info("**No cell meets all of these filters.** Widen one of them.", icon=":material/filter_alt:")
        return
    if len(shown) < len(chosen):
        st.caption(
            f"Shown below: {count(len(shown), 'cell')} with the verdict {plain(' or '.join(verdicts))}; the figures "
            f"above are of all {len(chosen):,}."
        )
    _views(kind, chosen, shown, split, named)
    st.subheader("One cell", anchor=False)
    cell.show(everything, split, kind.sides, named)


def _limits(bar: DeltaGenerator) -> Thresholds:
    """The thresholds in force, changed by what the address or the popover says."""
    stands = thresholds()
    with bar.popover("Thresholds", icon=":material/straighten:"):
        st.caption("Where the lines between the verdicts are. Changed ones stand in the address.")
        given = {
            "match_floors": url_state.number(
                "match up to this many noise floors", "match_floors", value=stands.match_floors, min_value=0.0, step=0.5
            ),
            "drift": url_state.number(
                "drift up to this difference (0 to 1) ...", "drift", value=stands.drift, min_value=0.0, step=0.005,
                format="%.3f",
            ),
            "drift_floors": url_state.number(
                "... or this many noise floors", "drift_floors", value=stands.drift_floors, min_value=0.0, step=0.5
            ),
            "lost": url_state.number(
                "broken when more than this share is lost", "lost", value=stands.lost, min_value=0.0, max_value=1.0,
                step=0.05,
            ),
        }  # fmt: skip
    return thresholds(given)


def _lines(limits: Thresholds) -> str:
    """Where the lines between the verdicts are, in points."""
    return (
        f"Match: up to {limits.match_floors:g} × the cell's noise floor. Drift: up to {100 * limits.drift:g} points "
        f"or {limits.drift_floors:g} × the floor, whichever is more. Gap: beyond. Broken: a gap of more than "
        f"{100 * limits.lost:g} % of the score."
    )


def _chosen(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The models and tasks asked about, and the verdicts to show of them: those choose rows and change no share."""
    find, kinds, verdicts = st.columns([2, 2, 2])
    wanted = url_state.text("Model or task", "find", where=find, placeholder="part of a name", icon=":material/search:")
    types = url_state.choose_many("Task types", sorted(frame["type"].dropna().unique()), "types", where=kinds)
    called = url_state.choose_many(
        "Show only", [str(verdict) for verdict in Verdict], "verdicts", where=verdicts, placeholder="every verdict",
        help="Chooses what is shown below; the share that holds stays that of all models and tasks chosen.",
    )  # fmt: skip
    keep = pd.Series(True, index=frame.index)
    if wanted.strip():
        held = [frame[c].str.contains(wanted.strip(), case=False, regex=False) for c in ("row", "task")]
        keep &= held[0] | held[1]
    if types:
        keep &= frame["type"].isin(types)
    return frame[keep], called


def _headline(kind: Kind, frame: pd.DataFrame, total: int) -> None:
    """How much holds of the models and tasks chosen; every share on it is of the cells that can be compared."""
    whole = counted(frame)
    runs = f" in {count(frame['row'].nunique(), 'run')}" if kind.name == Comparison.REPRODUCED else ""
    who = f"{count(frame['model'].nunique(), 'model')}{runs} on {count(frame['task'].nunique(), 'task')}"
    if whole.share is not None:
        st.markdown(f"#### {100 * whole.share:.1f} % of {whole.comparable:,} comparable cells hold ({who}).")
    elif len(frame):
        st.markdown(f"#### Nothing here can be compared ({who}).")
    hidden = f" {total - len(frame):,} cells of other models and tasks are left out." if total > len(frame) else ""
    st.caption(
        f"Each cell is a model, task, split and subset. Differences are {kind.sides.check} minus {kind.sides.claim}, "
        f"in points (0 to 100); a cell holds when it is a match or a drift. Shares are of the {whole.comparable:,} "
        f"cells that can be compared, of all {whole.cells:,} chosen.{hidden}"
    )
    with st.container(horizontal=True):
        for _, row in asked.counts(frame).iterrows():
            share = f"{100 * row['share']:.1f} % of comparable" if pd.notna(row["share"]) else "counted apart"
            st.metric(
                row["verdict"], f"{row['cells']:,}", share, delta_color="off", delta_arrow="off", border=True,
                help=_MEANING[row["verdict"]],
            )  # fmt: skip


def _blame(kind: Kind, split: Effects, background: int, frame: pd.DataFrame, named: dict[str, NamedRun]) -> None:
    st.subheader("Whose fault?", anchor=False)
    rows, tasks = set(frame["row"]), set(frame["task"])
    what = "Models" if kind.name == Comparison.REPORTED else "Runs"
    # Of pairs of runs, those with the run that agrees best tell most: they change one thing.
    found = sorted(
        attributions(split, named, kind.sides), key=lambda c: c.subject in named and not named[c.subject].direct
    )
    for charge in (c for c in found if c.of == "all"):
        st.markdown(_sentence(charge))
    left, right = st.columns(2)
    _list(left, what, "none stands out", [c for c in found if c.of == "model" and c.subject in rows])
    for row in _too_few(split, rows) if what == "Runs" else []:
        name = cell.short(pd.Series([row.name]), named).iloc[0]
        left.caption(
            f"{plain(name)} is off on all of its {count(row.cells, 'task')}: too few to tell that from chance."
        )
    _list(right, "Tasks", "none stands out", [c for c in found if c.of in ("task", "metric") and c.subject in tasks])
    if unsure := caveat(split, background):
        st.caption(plain(unsure) + ".")
    elif background:
        others = count(background, "other model")
        st.caption(f"Tasks are judged by these runs and by what the cards of {others} claim on the same tasks.")


def _too_few(split: Effects, shown: set[str]) -> list[Any]:
    """Rows off on every task they have, but on so few that no test can call them; three at the most."""
    rows = split.rows.set_index("name")
    off = rows[(rows["moved"] == rows["cells"]) & (rows["cells"] > 0) & ~rows["significant"].astype(bool)]
    return [row for _, row in off[off.index.isin(shown)].head(3).iterrows()]


def _list(where: DeltaGenerator, heading: str, nothing: str, found: list[Attribution]) -> None:
    where.markdown(f"**{heading}**" if found else f"**{heading}**: {nothing}.")
    if found:
        where.markdown("\n".join(f"- {_sentence(charge)}" for charge in found[:4]))
    if len(found) > 4:
        where.expander(f"{len(found) - 4} more").markdown("\n".join(f"- {_sentence(c)}" for c in found[4:]))


def _sentence(charge: Attribution) -> str:
    return f"**{plain(charge.label or charge.subject)}**: {plain(charge.observation)}; {plain(charge.advice)}."


def _views(kind: Kind, chosen: pd.DataFrame, frame: pd.DataFrame, split: Effects, named: dict[str, NamedRun]) -> None:
    """The views of ``frame``, the cells shown; a task's own verdict is that of all its cells in ``chosen``."""
    names = ["Heatmap", "Biggest differences", "By task type", "Table"]
    heat, biggest, types, table = st.tabs(names, key="part", bind="query-params", on_change="rerun")
    url_state.known("part")
    if heat.open:
        with heat:
            _heatmap(chosen, frame, split, named)
    for tab, draw in ((biggest, _biggest), (types, _types), (table, _table)):
        if tab.open:
            with tab:
                draw(kind, frame, split, named)


def _heatmap(chosen: pd.DataFrame, frame: pd.DataFrame, split: Effects, named: dict[str, NamedRun]) -> None:
    size = _SIZES[url_state.one_of("Show", list(_SIZES), "extent", label_visibility="collapsed")]
    pairs = frame[["row", "task"]].drop_duplicates().rename(columns={"task": "column"})
    shown = cell.by_task(chosen, split).merge(pairs, on=["row", "column"])
    rows = _affected(split.rows, set(shown["row"]), size)
    columns = _affected(split.columns, set(shown["column"]), size)
    models = rows["name"].map(frame.drop_duplicates("row").set_index("row")["model"])
    figure = figures.deltas_map(
        shown,
        rows.assign(label=private.labels(cell.short(rows["name"], named), models, of="models")),
        columns.assign(label=private.labels(columns["name"], columns["name"], of="tasks")),
    )

    def picked() -> None:
        _choose(st.session_state["heat"]["selection"]["points"], frame)

    st.plotly_chart(figure, key="heat", on_select=picked, selection_mode="points", config={"displayModeBar": False})
    st.caption(
        f"{count(len(rows), 'row')} of {shown['row'].nunique():,} and {count(len(columns), 'task')} of "
        f"{shown['column'].nunique():,}, lowest effect first. A cell is the median over those of the task's splits and "
        "subsets that can be compared; blank: not compared; ×: none can be. Bars: what a model shares over its "
        "tasks (right) and a task over its models (top), hollow where it may be chance. Click a cell to open it below."
    )


def _affected(lines: pd.DataFrame, among: set[str], size: int) -> pd.DataFrame:
    """The lines that account for most, in the order of what their bars show."""
    lines = lines[lines["name"].isin(among)]
    weight = lines["significant"].astype(float) * 1e6 + lines["typical"].abs().fillna(0) * lines["moved"]
    kept = lines.loc[weight.sort_values(ascending=False, kind="stable").index[:size]]
    drawn = kept["typical"].where(kept["significant"].astype(bool), kept["effect"]).fillna(0)
    return kept.loc[drawn.sort_values(kind="stable").index]


def _biggest(kind: Kind, frame: pd.DataFrame, split: Effects, named: dict[str, NamedRun]) -> None:
    first = url_state.one_of("First", ["25", "50", "100"], "first", label_visibility="collapsed")
    with_figures = frame.dropna(subset=["delta"])
    if Verdict.NOT_COMPARABLE not in st.session_state.get("verdicts", []):
        with_figures = with_figures[with_figures["comparable"].astype(bool)]
    if with_figures.empty:
        st.info("Nothing here can be compared.", icon=":material/filter_alt:")
        return
    order = with_figures["delta"].abs().sort_values(ascending=False, kind="stable").index[: int(first)]
    top = with_figures.loc[order]
    key = pd.Series(
        [list(k) for k in zip(top["row"], top["task"], top["split"] + " · " + top["subset"], strict=True)],
        index=top.index,
    )
    drawn = top.assign(
        who=private.labels(cell.short(top["row"], named), top["model"], of="models"),
        what=private.labels(top["task"] + cell.where(top), top["task"], of="tasks"),
        key=key,
    )

    def picked() -> None:
        _choose(st.session_state["dumbbell"]["selection"]["points"], frame)

    st.plotly_chart(
        figures.dumbbell_chart(drawn, claim=kind.sides.claim, check=kind.sides.check), key="dumbbell", on_select=picked,
        selection_mode="points", config={"displayModeBar": False},
    )  # fmt: skip
    st.caption(
        f"The {len(top):,} biggest of {len(with_figures):,} differences. The grey band is the noise floor around the "
        f"{kind.sides.claim}: inside it the two match. Click a mark to open its cell below."
    )


def _types(kind: Kind, frame: pd.DataFrame, split: Effects, named: dict[str, NamedRun]) -> None:
    counted = asked.types(frame)
    st.plotly_chart(figures.verdicts_chart(counted), key="types_plot", config={"displayModeBar": False})
    st.caption(
        "Left: cells of each verdict. Right: differences of the comparable cells; tick: median, thick: half of them, "
        "thin: nine in ten."
    )


def _choose(points: list[dict[str, Any]], frame: pd.DataFrame) -> None:
    """Make the cell of a clicked mark the chosen one; the controls below, and so the address, follow."""
    if points and (data := points[0].get("customdata")):
        row, task, *name = data
        its = frame[(frame["row"] == row) & (frame["task"] == task)]
        name = name or cell.name_of(worst_first(its)).head(1).tolist()
        st.session_state["row"], st.session_state["task"] = row, task
        st.session_state["cell"] = name[0] if name else None


def _table(kind: Kind, frame: pd.DataFrame, split: Effects, named: dict[str, NamedRun]) -> None:
    frame = frame.assign(private=private.of_cells(frame, "model", "task"))
    claim, check = kind.sides.claim, kind.sides.check
    shown = cell.as_table(frame, claim, check, named)
    st.download_button(
        "CSV", lambda: cell.as_csv(frame), file_name=f"plumbline-{kind.name}.csv", mime="text/csv",
        icon=":material/download:", on_click="ignore", help="These cells, with everything known of their verdicts.",
    )  # fmt: skip
    key = f"cells_{kind.name}_{len(frame)}"

    def selected() -> None:
        rows = st.session_state[key]["selection"]["rows"]
        if rows:
            line = frame.iloc[rows[0]]
            _choose([{"customdata": [line["row"], line["task"], f"{line['split']} · {line['subset']}"]}], frame)

    number = st.column_config.NumberColumn
    st.dataframe(
        shown, key=key, hide_index=True, on_select=selected, selection_mode="single-row", height=520, placeholder="",
        column_config=private.COLUMN
        | {
            claim.capitalize(): number(format=SCORE_FORMAT),
            check.capitalize(): number(format=SCORE_FORMAT),
            "Difference": number(format="%+.2f", help=f"{check} minus {claim}, points"),
            "Verdict": st.column_config.TextColumn(width=120),
            "Why not": st.column_config.TextColumn(width=240),
            "Noise floor": number(format="%.2f", help="Up to this difference, the two match"),
        },
        alt="One row a cell, with its verdict",
    )  # fmt: skip
    st.caption(f"{count(len(frame), 'cell')}. Select a row to open it below. Scores run from 0 to 100.")


page()

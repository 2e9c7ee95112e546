"""Reproduction: which published figures hold, and whose fault it is where they do not."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import count, plain, word
from dashboard.messages import show_empty
from dashboard.queries import reproduction as reproduction_queries
from dashboard.queries.reproduction import ShownPart
from dashboard.sections.beliefs import show_beliefs
from dashboard.sections.cell import show_cell
from dashboard.sections.delta_views import Deltas, show_delta_views
from dashboard.sections.layout import lay_out
from dashboard.tables import deltas as deltas_tables
from dashboard.words import listed, mark, running, stopped, tr
from data.rules.attribution import Attribution, attributions, caveat
from data.rules.deltas import SIDES, Sides, Thresholds, cells_by_verdict, counted_by, thresholds
from data.rules.effects import Effects
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
    mark("Our runs"): Kind(
        Comparison.REPRODUCED,
        mark("**No run of this machine is here to compare with a published figure.** One task takes a minute or two."),
        _RUN,
    ),
    mark("Model cards"): Kind(
        Comparison.REPORTED,
        mark("**No model card's figure and official run of one model and task are in this store.**"),
        "python -m evaluators import",
    ),
    mark("Run against run"): Kind(
        Comparison.RUNS,
        mark("**There are not yet two runs of one model on one task.** Run a model twice, with one setting changed."),
        f"{_RUN} --dtype bfloat16",
    ),
}  # fmt: skip
_MEANING = {
    Verdict.MATCH: mark("Within the noise floor: what honest reruns of one model differ by."),
    Verdict.DRIFT: mark("Beyond the noise floor, but small."),
    Verdict.GAP: mark("Too far apart to be noise."),
    Verdict.BROKEN: mark("A gap in which a large part of the score is gone."),
    Verdict.NOT_COMPARABLE: mark(
        "Another metric, or other data and a difference beyond the noise: it proves nothing, and is no part of any "
        "share."
    ),
}


_FEW = 3  # models


class Choices(NamedTuple):
    """A way to compare, where its verdicts part, the models and tasks asked about and the verdicts to show of them.

    Of a comparison too large to draw, ``deltas`` are those of a part of the models.
    """

    kind: Kind
    limits: Thresholds
    part: ShownPart | None
    deltas: pd.DataFrame
    chosen: pd.DataFrame
    verdicts: list[str]

    @property
    def models(self) -> list[str]:
        """The models asked about, where they are few: what a decision on the view is about."""
        models = [str(model) for model in self.chosen["model"].unique()]
        return models if len(models) <= _FEW else []


class Answers(NamedTuple):
    """What is chosen, the deltas that are shown of it, and whose fault they are.

    ``background`` is the number of other models that what is usual on the tasks was learned of.
    """

    choices: Choices
    deltas: Deltas
    background: int

    @property
    def by_runs(self) -> bool:
        """Whether a row is a run, not a model."""
        return self.choices.kind.name != Comparison.REPORTED


def main() -> None:
    """How much holds, whose fault the rest is, and one cell of it opened."""
    lay_out(controls, questions, (show_verdicts, show_headline, show_cells, show_blame))


def controls() -> Choices | None:
    """The way to compare, the thresholds, and the models and tasks."""
    present = answer_of(reproduction_queries.kinds)
    # Own runs come first as soon as there is one; out of the box there are the model cards.
    first = "Our runs" if present.get(Comparison.REPRODUCED) else "Model cards"
    bar = st.container(horizontal=True, vertical_alignment="center")
    name = url_state.segmented_control(
        tr("Compare"), list(KINDS), "compare", default=first, where=bar, shown=tr, label_visibility="collapsed"
    )
    kind = KINDS[name]
    if not present.get(kind.name):
        show_empty(tr(kind.nothing), kind.command)
        return None
    limits = choose_thresholds(bar)
    return Choices(kind, limits, *choose_deltas(kind.name, limits))


def choose_thresholds(bar: DeltaGenerator) -> Thresholds:
    """The thresholds in force, changed by what the address or the popover says."""
    in_force = thresholds()
    lines: dict[str, tuple[str, dict[str, Any]]] = {
        "match_floors": (tr("match up to this many noise floors"), {"step": 0.5}),
        "drift": (tr("drift up to this difference (0 to 1) ..."), {"step": 0.005, "format": "%.3f"}),
        "drift_floors": (tr("... or this many noise floors"), {"step": 0.5}),
        "lost": (tr("broken when more than this share is lost"), {"step": 0.05, "max_value": 1.0}),
    }
    with bar.popover(tr("Thresholds"), icon=":material/straighten:"):
        st.caption(tr("Where the lines between the verdicts are. Changed ones stand in the address."))
        changed = {
            name: url_state.number_input(label, name, value=getattr(in_force, name), min_value=0.0, **more)
            for name, (label, more) in lines.items()
        }
    return thresholds(changed)


def choose_deltas(kind: str, limits: Thresholds) -> tuple[ShownPart | None, pd.DataFrame, pd.DataFrame, list[str]]:
    """The models and tasks asked about, and the verdicts to show of them: those choose rows and change no share."""
    left, middle, right = st.columns([2, 2, 2])
    wanted = url_state.text_input(
        tr("Model or task"), "find", where=left, placeholder=tr("part of a name"), icon=":material/search:"
    ).strip()
    types = url_state.multiselect(
        tr("Task types"), answer_of(reproduction_queries.task_types, kind), "types", where=middle
    )
    verdicts = url_state.multiselect(
        tr("Show only"), [str(verdict) for verdict in Verdict], "verdicts", where=right, shown=word,
        placeholder=tr("every verdict"),
        help=tr("Chooses what is shown below; the share that holds stays that of all models and tasks chosen."),
    )  # fmt: skip
    pinned = str(url_state.choice("row") or "").partition(" · ")[0]
    part = answer_of(reproduction_queries.part_of, kind, limits, wanted, tuple(types), pinned)
    deltas = answer_of(reproduction_queries.judged, kind, limits, part and part.shown)
    if part is not None and part.models > len(part.shown):
        st.caption(
            tr("{shown:,} of {models:,} models are shown, those of most figures that do not hold; type part of a name "
               "to see others. The share that holds is of all.",
               shown=len(part.shown), models=part.models)
        )  # fmt: skip
    matches = pd.Series(True, index=deltas.index)
    if wanted:
        of_model, of_task = (deltas[name].str.contains(wanted, case=False, regex=False) for name in ("row", "task"))
        matches &= of_model | of_task
    if types:
        matches &= deltas["type"].isin(types)
    return part, deltas, deltas[matches], verdicts


def questions(choices: Choices) -> Answers:
    """Whose fault the deltas are, and what sets each run apart."""
    kind, limits, part, deltas, chosen, verdicts = choices
    models = part and part.shown
    split, background = answer_of(reproduction_queries.effects, kind.name, limits, models)
    named = answer_of(reproduction_queries.rows_by_set_up, kind.name, limits, models)
    shown = chosen[chosen["verdict"].isin(verdicts)] if verdicts else chosen
    return Answers(choices, Deltas(kind.sides, deltas, chosen, shown, split, named), background)


def show_headline(answers: Answers) -> None:
    """How much holds of the models and tasks chosen; every share on it is of the cells that can be compared."""
    kind, limits, part, deltas, chosen, _ = answers.choices
    cells = part.cells if part else cells_by_verdict(chosen)
    whole = counted_by(cells)
    models = count(part.models if part else chosen["model"].nunique(), "model")
    tasks = count(part.tasks if part else chosen["task"].nunique(), "task")
    if kind.name == Comparison.REPRODUCED:
        runs = count(chosen["row"].nunique(), "run")
        who = tr("{models} in {runs} on {tasks}", models=models, runs=runs, tasks=tasks)
    else:
        who = tr("{models} on {tasks}", models=models, tasks=tasks)
    if whole.share is not None:
        share = tr(
            "{share:.1f}% of {cells:,} comparable cells hold ({who}).",
            share=100 * whole.share, cells=whole.comparable, who=who,
        )  # fmt: skip
        st.markdown(f"#### {share}")
    elif len(chosen):
        st.markdown("#### " + tr("Nothing here can be compared ({who}).", who=who))
    others = (part.every if part else len(deltas)) - whole.cells
    explained = tr(
        "Each cell is a model, task, split and subset. Differences are {check} minus {claim}, in points (0 to 100); a "
        "cell holds when it is a match or a drift. Shares are of the {comparable:,} cells that can be compared, of all "
        "{cells:,} chosen.",
        check=tr(kind.sides.check), claim=tr(kind.sides.claim), comparable=whole.comparable, cells=whole.cells,
    )  # fmt: skip
    hidden = tr("{n:,} cells of other models and tasks are left out.", n=others) if others else ""
    st.caption(running(explained, hidden))
    with st.container(horizontal=True):
        for _, row in reproduction_queries.counts(cells).iterrows():
            known = pd.notna(row["share"])
            share = tr("{share:.1f}% of comparable", share=100 * row["share"]) if known else tr("counted apart")
            st.metric(
                word(row["verdict"]), f"{row['cells']:,}", share, delta_color="off", delta_arrow="off", border=True,
                help=tr(_MEANING[row["verdict"]]),
            )  # fmt: skip
    st.caption(_lines(limits))


def _lines(limits: Thresholds) -> str:
    """Where the lines between the verdicts are, in points."""
    return tr(
        "Match: up to {match:g} × the cell's noise floor. Drift: up to {drift:g} points or {floors:g} × the floor, "
        "whichever is more. Gap: beyond. Broken: a gap of more than {lost:g}% of the score.",
        match=limits.match_floors, drift=100 * limits.drift, floors=limits.drift_floors, lost=100 * limits.lost,
    )  # fmt: skip


def show_blame(answers: Answers) -> None:
    """Whose fault it is: models or runs on the left, tasks on the right."""
    chosen, deltas = answers.choices.chosen, answers.deltas
    if chosen.empty:
        return
    st.subheader(tr("Whose fault?"), anchor=False)
    rows, tasks = (set(chosen[name].unique().tolist()) for name in ("row", "task"))
    named = deltas.named
    # Of pairs of runs, those with the run that agrees best tell most: they change one thing.
    ordered = sorted(
        attributions(deltas.split, named, deltas.sides),
        key=lambda c: c.subject in named and not named[c.subject].direct,
    )
    for charge in (charge for charge in ordered if charge.of == "all"):
        st.markdown(_sentence(charge))
    left, right = st.columns(2)
    of_rows = [charge for charge in ordered if charge.of == "model" and charge.subject in rows]
    of_tasks = [charge for charge in ordered if charge.of in ("task", "metric") and charge.subject in tasks]
    _list(left, tr("Runs" if answers.by_runs else "Models"), of_rows)
    for row in _too_few(deltas.split, rows) if answers.by_runs else []:
        name = deltas_tables.short_row_names(pd.Series([row.name]), named).iloc[0]
        few = mark("{run} is off on all of its {tasks}: too few to tell that from chance.")
        left.caption(tr(few, run=plain(name), tasks=count(row.cells, "task")))
    _list(right, tr("Tasks"), of_tasks)
    if unsure := caveat(deltas.split, answers.background):
        st.caption(stopped(plain(tr(unsure))))
    elif answers.background:
        judged_by = mark("Tasks are judged by these runs and by what the cards of {models} claim on the same tasks.")
        st.caption(tr(judged_by, models=count(answers.background, "other model")))


def _too_few(split: Effects, shown: set[str]) -> list[Any]:
    """Rows off on every task they have, but on so few that no test can call them; three at the most."""
    rows = split.rows.set_index("name")
    off = rows[(rows["moved"] == rows["cells"]) & (rows["cells"] > 0) & ~rows["significant"].astype(bool)]
    return [row for _, row in off[off.index.isin(shown)].head(3).iterrows()]


def _list(where: DeltaGenerator, heading: str, at_fault: list[Attribution]) -> None:
    where.markdown(f"**{heading}**" if at_fault else tr("**{heading}**: none stands out.", heading=heading))
    sentences = [f"- {_sentence(charge)}" for charge in at_fault]
    if sentences:
        where.markdown("\n".join(sentences[:4]))
    if len(sentences) > 4:
        where.expander(tr("{n} more", n=len(sentences) - 4)).markdown("\n".join(sentences[4:]))


def _sentence(charge: Attribution) -> str:
    # A subject is the name of a model, a run or a task; a label is in our words.
    subject = plain(tr(charge.label) if charge.label else charge.subject)
    return stopped(
        listed([f"**{subject}**", listed([plain(tr(charge.observation)), plain(tr(charge.advice))], "; ")], ": ")
    )


def show_verdicts(answers: Answers) -> None:
    """Whether each model can be believed, first of all."""
    choices = answers.choices
    show_beliefs(choices.limits, choices.chosen["model"].unique().tolist(), whole=choices.part is None)


def show_cells(answers: Answers) -> None:
    """The cells, and beside them the one that is open with its evidence."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        show_views(answers)
    with right:
        show_chosen_cell(answers)


def show_views(answers: Answers) -> None:
    """The cells shown, as a heatmap, the biggest differences, by task type and as a table."""
    choices, shown = answers.choices, answers.deltas.shown
    if shown.empty:
        st.info(tr("**No cell meets all of these filters.** Widen one of them."), icon=":material/filter_alt:")
        return
    if len(shown) < len(choices.chosen):
        st.caption(
            tr(
                "Shown below: {cells} with the verdict {verdicts}; the figures above are of all {all:,}.",
                cells=count(len(shown), "cell"), all=len(choices.chosen),
                verdicts=listed((plain(word(verdict)) for verdict in choices.verdicts), " or "),
            )
        )  # fmt: skip
    show_delta_views(answers.deltas, choices.kind.name)


def show_chosen_cell(answers: Answers) -> None:
    """One cell, opened."""
    if len(answers.deltas.shown):
        st.subheader(tr("One cell"), anchor=False)
        show_cell(answers.deltas)


main()

"""The board of a benchmark: every model on it as a table, and its quality against its size."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of, version
from dashboard.figures import pareto as pareto_figures
from dashboard.formatting import count, plain
from dashboard.queries import badges as badges_queries
from dashboard.queries import intervals as intervals_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries.filling import FilledBoard
from dashboard.queries.intervals import Intervals
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.sections.badges import badge_words
from dashboard.sections.figure import show_chart
from dashboard.sections.filling import choose_filling, show_filled
from dashboard.sections.grid import MOST_ROWS, show_csv, show_table
from dashboard.sections.links import compare_link
from dashboard.tables import leaderboard as leaderboard_tables
from dashboard.tables.columns import Table
from dashboard.words import language, mark, running, tr, tr_n
from data.rules.bootstrap import DRAWS

__all__ = ["Board", "board_of", "show_board"]


class Board(NamedTuple):
    """A benchmark, who takes part, a row for each of these, and how sure the ranks are."""

    benchmark: dict[str, Any]
    selection: Selection
    models: pd.DataFrame
    intervals: Intervals

    @property
    def name(self) -> str:
        """The benchmark's."""
        return str(self.benchmark["benchmark"])

    @property
    def quality(self) -> str:
        """Column of the benchmark's headline mean."""
        return leaderboard_queries.quality_of(self.benchmark)


def board_of(benchmark: dict[str, Any], among: Filter) -> Board | None:
    """The board of those that take part in a benchmark (a row of the store's), with its intervals; None for nobody."""
    name = str(benchmark["benchmark"])
    selection = answer_of(leaderboard_queries.selected, name, among)
    models = answer_of(leaderboard_queries.table, name, selection, leaderboard_tables.fact_sources())
    if models.empty:
        return None
    # Those of a whole benchmark are computed once, those of a choice at once, with fewer draws.
    draws = DRAWS // 4 if selection.chosen() else DRAWS
    limits, first = (selection.models, selection.tasks, selection.trusted), intervals_queries.first_of(models)
    return Board(benchmark, selection, models, answer_of(intervals_queries.intervals, name, *limits, draws, first))


def show_board(board: Board) -> None:
    """The table, and quality against size."""
    table, plot = url_state.tabs([mark("Table"), mark("Quality against size")], "view", shown=tr)
    with table:
        show_board_table(board)
    if plot.open:
        with plot:
            show_figure(board)


def show_board_table(board: Board) -> None:
    """The table with its controls, and what the signs in it mean."""
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    switches = st.container(horizontal=True)
    large, lacking = len(board.models) > MOST_ROWS, _lacking(board.models)
    filled = None if large else choose_filling(board.name, board.selection, lacking, where=switches)
    head = _board_table(board, filled, board.models.head(MOST_ROWS))  # of a small board all of it
    wanted = url_state.text_input(
        tr("Search by name"), "name", where=bar, placeholder=tr("part of a name"), icon=":material/search:", width=300
    )
    by = url_state.selectbox(tr("Sort by"), head.sortable, "sort", where=bar, width=180, shown=_head) or "Rank"
    reverse = url_state.toggle(tr("Reverse"), "reverse", where=bar)
    if large:
        rows = _rows_in_order(board, by, reverse)
        rows = rows[rows["model"].str.contains(wanted.strip(), case=False, regex=False)]
        matching, drawn = len(rows), rows.head(MOST_ROWS)
        filled = choose_filling(
            board.name, board.selection, lacking, ranks=False, models=drawn["model"].tolist(), where=switches
        )
        lacking = _lacking(drawn)
        as_it_comes = filled is None and drawn.index.equals(board.models.index[:MOST_ROWS])
        table = head if as_it_comes else _board_table(board, filled, drawn)
        hint = tr("Every row that matches, with the columns shown.")
        show_csv(_file_name(board.name), lambda: _board_table(board, filled, rows).csv(), hint, where=bar)
    else:
        named = head.source["model"].str.contains(wanted.strip(), case=False, regex=False)
        table = head.rows(named).sorted_by(by, reverse=reverse)
        matching = len(table.source)
        show_csv(_file_name(board.name), table.csv, tr("Exactly the rows and columns shown."), where=bar)
    show_picked(board, bar)
    if table.source.empty:
        st.info(tr("No model's name holds “{part}”.", part=plain(wanted)), icon=":material/search_off:")
        return
    if filled is not None:
        show_filled(filled, lacking, drawn=large)
    show_grid(table, head.sortable)
    if matching > len(table.source):
        st.caption(
            tr("{shown:,} of {matching:,} rows are drawn: search, filter or sort to see others; the CSV has all.",
               shown=len(table.source), matching=matching)
        )  # fmt: skip
    show_legend(board.models, len(board.models) - matching, board.intervals.draws)


def _lacking(models: pd.DataFrame) -> int:
    """How many models lack tasks."""
    return int((models["tasks_missing"] > 0).sum())


def show_picked(board: Board, bar: Any) -> None:
    """The models whose rows were selected, and the way to compare them."""
    every = board.models["model"].tolist()
    picked = url_state.multiselect(
        tr("Selected"), every, "picked", where=bar, placeholder=tr("select rows"), width=320, wrap=False
    )
    if len(picked) > 1:
        compare_link(
            tr_n(len(picked), "Compare the one selected", "Compare the {n} selected"), board.name, picked, where=bar
        )


def _head(name: str) -> str:
    """The head of a column; of two alike the second has blanks behind it."""
    return tr(name.rstrip())


def _rows_in_order(board: Board, by: str, reverse: bool) -> pd.DataFrame:
    """The models of a large board in the order of a column; as it comes it is in the order of ranks."""
    if by == "Rank" and not reverse:
        return board.models
    asked = repr((board.name, board.selection, board.models["private"].sum()))
    order: list[int] = _order(str(version()), asked, by, reverse, language(), board)
    return board.models.iloc[order]


@st.cache_data(max_entries=64, show_spinner=False)
def _order(version: str, asked: str, by: str, reverse: bool, spoken: str, _board: Board) -> list[int]:
    """Places of a board's rows in the order of a column: the whole table is made for it, once."""
    models = _board.models.reset_index(drop=True)
    table = _board_table(_board, None, models.assign(place=range(len(models))))
    return [int(place) for place in table.sorted_by(by, reverse=reverse).source["place"]]


def _board_table(board: Board, filled: FilledBoard | None, models: pd.DataFrame) -> Table:
    """The table of some of the board's models: of a large board what is known of the drawn ones is asked of these."""
    few = len(board.models) > MOST_ROWS >= len(models)
    checked = answer_of(badges_queries.badges, *([tuple(models["model"])] if few else []))
    name, selection = board.name, board.selection
    by_type = board.benchmark["show_task_types"]
    whole = selection.tasks is None and not selection.trusted
    return leaderboard_tables.board_table(
        models,
        board.benchmark,
        groups=answer_of(leaderboard_queries.group_means, name) if whole else None,
        types=answer_of(leaderboard_queries.type_means, name, selection) if by_type else None,
        intervals=board.intervals.models,
        checked=badge_words(checked),
        filled=filled,
    )


def show_grid(table: Table, sortable: list[str]) -> None:
    """The rows; the last one selected is the model shown below, several are to be compared; the address keeps both.

    ``sortable``: the heads that sort it.
    """
    models = table.source["model"].tolist()
    order = [url_state.choice("sort"), url_state.choice("reverse")]
    key = f"grid_{hash((tuple(models), *map(str, order)))}"

    def selected() -> None:
        selection = st.session_state[key]["selection"]
        if selection["columns"]:  # a click on a head: Streamlit's own sorting is in no link and puts blanks first
            _sort_by(str(selection["columns"][0]), sortable)
        else:
            names = [models[row] for row in selection["rows"]]
            added = [name for name in names if name not in before]
            url_state.set_choice("model", next(iter([*added, *names]), None))
            url_state.set_choice("picked", names if len(names) > 1 else [])

    chosen = url_state.choice("model")
    picked = st.session_state.get(url_state.key_of("picked")) or []
    before = {*picked, chosen}
    rows = [models.index(name) for name in dict.fromkeys([*picked, chosen]) if name in models]
    st.session_state[key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    show_table(
        table,
        key=key,
        height="content" if len(models) < 20 else 640,
        on_select=selected,
        selection_mode=["multi-row", "single-column"],
        alt=tr("Leaderboard: one row a model, best first"),
    )


def _sort_by(column: str, sortable: list[str]) -> None:
    """Callback: sort by this column, or turn it round if it is sorted by already."""
    if column in sortable:
        url_state.set_choice("reverse", url_state.choice("sort") == column and not url_state.choice("reverse"))
        url_state.set_choice("sort", column)


def show_legend(models: pd.DataFrame, hidden: int, draws: int | None = None) -> None:
    """What the table's blanks, bars and badges mean, and of how few draws its ranges are, where they are fewer."""
    incomplete = int((models["tasks_missing"] > 0).sum())
    lacking = tr_n(
        incomplete,
        "{n:,} model lacks at least one task and has no mean over all.",
        "{n:,} models lack at least one task and have no mean over all.",
    )
    sentences = [
        tr("Scores run from 0 to 100, higher is better; a blank is a missing score, never a zero."),
        lacking if incomplete else "",
        tr("{n:,} hidden by the name search.", n=hidden) if hidden else "",
        tr(
            "The ranges are of {n:,} draws of the tasks instead of {usual:,}, as the board is this large: the ends of "
            "each are a little less exact.",
            n=draws,
            usual=DRAWS,
        )
        if draws
        else "",
    ]
    st.caption(running(*sentences))
    legend = [
        ("orange", tr("{n} card", n="n"), tr("scores stated on the model's own card, not run by MTEB")),
        ("gray", tr("{n} data", n="n"), tr("scores on another version of the data set than today's or none stated")),
        ("violet", tr("{n} revision", n="n"), tr("scores of another revision of the model than most of its others")),
    ]
    if models["private"].any():
        meaning = tr("known only from this machine: in neither MTEB's registry nor its published results")
        legend.append(("blue", tr(leaderboard_tables.PRIVATE_MODEL), meaning))
    if not models["ranked"].all():
        legend.append(("green", tr(leaderboard_tables.OWN_RUN), tr("only run here; moves nobody's rank")))
    st.markdown(" ".join(f":{colour}-badge[{label}] :small[{words}]" for colour, label, words in legend))


def show_figure(board: Board) -> None:
    """Quality against size; a click on a model chooses it."""
    colours = [mark("licence"), mark("release")]
    by = url_state.segmented_control(tr("Colour by"), colours, "colour", shown=tr)
    label = tr(leaderboard_tables.MEANS[board.quality])
    frame = board.models.assign(quality=board.models[board.quality])
    chosen, known = url_state.choice("model"), pareto_figures.drawable(frame)
    left_out = len(frame) - len(known)
    figure = pareto_figures.pareto_chart(frame, quality=label, by=by, chosen=chosen)

    def picked() -> None:
        points = st.session_state["plot"]["selection"]["points"]
        if points and "customdata" in points[0]:
            data = points[0]["customdata"]
            url_state.set_choice("model", data if isinstance(data, str) else data[0])

    show_chart(figure, key="plot", on_select=picked, selection_mode="points", config={"displaylogo": False})
    st.caption(
        tr(
            "Up and to the left is better. Models on the dotted line are beaten by none of their size or smaller. "
            "{models} not drawn: size not stated or {mean} missing.",
            models=count(left_out, "model"), mean=label,
        )
    )  # fmt: skip
    points = len(pareto_figures.drawn(known, chosen))
    if points < len(known):
        st.caption(
            tr(
                "Of the {models:,} others {points:,} have a point: all on the dotted line, the one chosen, and the "
                "rest at even steps of rank. The line is of all of them.",
                points=points, models=len(known),
            )
        )  # fmt: skip


def _file_name(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name).strip("-").lower()

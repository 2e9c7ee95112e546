"""One candidate in place of a model: what is gained and lost, what cannot be compared, and what the move takes."""

from __future__ import annotations

import math
import shlex
from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.addresses import web_address
from dashboard.figures import replace as replace_figures
from dashboard.formatting import bytes_text, count, plain, span_text
from dashboard.queries import compare as compare_queries
from dashboard.queries import replace as replace_queries
from dashboard.queries.replace import Doubt
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.links import compare_link, open_page
from dashboard.sections.prices import with_prices
from dashboard.sections.private import show_private, with_private
from dashboard.sections.training import show_untold_training
from dashboard.tables import compare as compare_tables
from dashboard.tables import replace as replace_tables
from dashboard.words import listed, mark, running, tr
from data.rules.migration import Move, move

__all__ = ["Documents", "Exchange", "show_exchange"]

_DOUBTS = {
    Doubt.CARD: mark("{n:,} with a model card's own figure"),
    Doubt.DATA: mark("{n:,} on two data revisions"),
    Doubt.METRIC: mark("{n:,} by two metrics"),
}
LANGUAGES = 15
MOVED = 20


class Documents(NamedTuple):
    """What is in the index: how many, tokens of one in the mean, and the precision of the vectors."""

    n: float
    mean_tokens: float
    precision: str


class Exchange(NamedTuple):
    """The model there is and the one that would take its place, on a benchmark."""

    incumbent: str
    candidate: str
    benchmark: str
    strict: bool


def show_exchange(pair: Exchange, documents: Documents) -> None:
    """Everything about one candidate, top to bottom."""
    tasks = answer_of(replace_queries.by_task, *pair)
    st.subheader(
        tr("{candidate} in place of {incumbent}", candidate=plain(pair.candidate), incumbent=plain(pair.incumbent)),
        anchor=False,
    )
    show_private(models=[pair.incumbent, pair.candidate])
    show_gains(pair, tasks)
    show_move(pair, documents)
    show_moved(pair, tasks)
    show_not_compared(tasks)


def show_gains(pair: Exchange, tasks: pd.DataFrame) -> None:
    """Gained and lost by task type and by language, as bars from zero."""
    languages = answer_of(replace_queries.by_language, *pair)
    left, right = st.columns(2)
    types = replace_queries.by_type(tasks)
    show_chart(replace_figures.gains_chart(types, "type", pair.incumbent), key="x_types", where=left)
    if languages.empty:
        right.caption(tr("Nobody said which languages these cells are in."))
        return
    shown = languages.head(LANGUAGES).sort_values("difference", ascending=False, kind="stable")
    show_chart(replace_figures.gains_chart(shown, "language", pair.incumbent), key="x_languages", where=right)
    st.caption(
        tr(
            "The band is the mean noise floor of the tasks; grey bars are within it. Every task and cell counts alike, "
            "a cell of two languages for both; of {n:,} languages those with most tasks are drawn.",
            n=len(languages),
        )
    )
    with st.expander(tr("All languages as a table")):
        show_table(replace_tables.languages_gained_table(languages))


def show_move(pair: Exchange, documents: Documents) -> None:
    """The migration note: tokens, money, time, both indexes, prompts and lengths; facts side by side below."""
    facts = with_prices(answer_of(compare_queries.registry_facts, (pair.incumbent, pair.candidate), pair.benchmark))
    old, new = facts.to_dict("records")
    speed = _speed(pair.candidate)
    taken = move(
        documents.n,
        documents.mean_tokens,
        documents.precision,
        old_dimensions=_number(old["dimensions"]),
        new_dimensions=_number(new["dimensions"]),
        price=_number(new["usd"]),
        speed=speed[0],
    )
    st.markdown(tr("**The move**"))
    notes = [
        tr(
            "Every document is embedded anew: {n:,.0f} of {mean:,.0f} tokens are {tokens:,.0f} million tokens.",
            n=documents.n, mean=documents.mean_tokens, tokens=taken.tokens / 1e6,
        ),
        _money(new, taken),
        _time(new, taken, *speed),
        *_indexes(old, new, taken, documents),
        *_prompts(old, new),
        *_lengths(old, new, documents),
    ]  # fmt: skip
    st.markdown("\n".join(f"- {note}" for note in notes))
    with st.expander(tr("Facts side by side")):
        show_table(compare_tables.facts_table(with_private(facts)), height="content")


def show_moved(pair: Exchange, tasks: pd.DataFrame) -> None:
    """The shared tasks, those that moved most first, each with its marks; a click opens the task."""
    st.markdown(tr("**Tasks that moved most**"))
    table = replace_tables.moved_table(with_private(tasks))
    left, right = st.columns(2)
    models = [pair.incumbent, pair.candidate]
    with left:
        compare_link(tr("Compare the two task by task"), pair.benchmark, models, strict=pair.strict)
    show_untold_training(
        tasks.set_index("task")[["old_trained", "new_trained"]].set_axis(models, axis=1).T, where=right
    )
    row = show_sortable(table, "moved", height=38 + 35 * min(MOVED, len(table.source)))
    st.caption(tr("Select a row to open its task, a head to sort by it."))
    if row is not None:
        open_page("tasks", task=str(row["task"]), **{"in": pair.benchmark}, models=models)


def show_not_compared(tasks: pd.DataFrame) -> None:
    """How many tasks are not compared and why, and what the compared ones rest on."""
    left_out, shared = tasks[~tasks["shared"]], tasks[tasks["shared"]]
    doubts = shared["doubts"].explode().value_counts()
    parts = [tr(words, n=int(doubts[doubt])) for doubt, words in _DOUBTS.items() if doubt in doubts]
    st.markdown(tr("**What cannot be compared**"))
    sentence = tr(
        "{shared:,} of {tasks} of the benchmark are compared.", shared=len(shared), tasks=count(len(tasks), "task")
    )
    if parts:
        sentence = tr("{compared} Of these, {doubts}.", compared=sentence, doubts=listed(parts))
    st.markdown(sentence)
    if len(left_out):
        show_table(replace_tables.not_compared_table(with_private(left_out)))


def _speed(model: str) -> tuple[float, str]:
    """Tokens a second this machine measured for a model, and in which run; NaN and nothing where none did."""
    measured = answer_of(replace_queries.speeds).to_dict("index").get(model)
    return (math.nan, "") if measured is None else (float(measured["speed"]), str(measured["run_id"]))


def _money(new: dict[Any, Any], taken: Move) -> str:
    if not math.isnan(taken.dollars):
        sentence = tr(
            "Money: about {dollars:,.2f} USD, at {usd:.3g} USD per million tokens ({day}).",
            dollars=taken.dollars, usd=new["usd"], day=new["price_of"],
        )  # fmt: skip
        source, note = web_address(new["price_source"]), plain(new["price_note"])
        linked = tr("[Source]({address})", address=source) if source else plain(new["price_source"])
        return running(sentence, note, linked)
    if new["open_weights"] is True:
        return tr("Money: what your own machines take; its weights are open, and no list names a price.")
    return tr("Money: unknown. Add the price of its API to prices.csv beside the store.")


def _time(new: dict[Any, Any], taken: Move, speed: float, run: str) -> str:
    if not math.isnan(taken.seconds):
        return tr(
            "Time: about {span} on one machine like this, at {speed:,.0f} tokens a second (run {run}).",
            span=span_text(taken.seconds), speed=speed, run=plain(run),
        )  # fmt: skip
    if new["open_weights"] is True:
        return tr(
            "Time: unknown, no run of this machine has timed it. Run `{command}`, then look again.",
            command=f"python -m evaluators reproduce {_as_code(new['model'])}",
        )
    return tr("Time: what the rate limits of its API allow.")


def _indexes(old: dict[Any, Any], new: dict[Any, Any], taken: Move, documents: Documents) -> list[str]:
    if math.isnan(taken.both_bytes):
        return [
            tr("Index: the dimensions of one of the two are not stated; the two indexes live side by side meanwhile.")
        ]
    change = (
        tr("vectors keep {old:,.0f} dimensions, and yet the two cannot be searched together", old=old["dimensions"])
        if old["dimensions"] == new["dimensions"]
        else tr("{new:,.0f} dimensions for {old:,.0f}", new=new["dimensions"], old=old["dimensions"])
    )
    return [
        tr(
            "Index: {new} for {old} in {precision}; {change}. Until all documents are embedded both live side by side: "
            "{both}.", new=bytes_text(taken.new_bytes), old=bytes_text(taken.old_bytes),
            precision=documents.precision, change=change, both=bytes_text(taken.both_bytes),
        )
    ]  # fmt: skip


def _prompts(old: dict[Any, Any], new: dict[Any, Any]) -> list[str]:
    wants = {True: True, False: False}.get(new["use_instructions"])
    had = {True: True, False: False}.get(old["use_instructions"])
    if wants:
        return [
            tr("Prompts: it wants an instruction before each query, as its card says; without it, it loses points.")
        ]
    if wants is False and had:
        return [tr("Prompts: it wants no instruction; take yours off.")]
    if wants is None:
        return [tr("Prompts: nobody said whether it wants an instruction before each query.")]
    return [tr("Prompts: none needed, as before.")]


def _lengths(old: dict[Any, Any], new: dict[Any, Any], documents: Documents) -> list[str]:
    longest, before = _number(new["max_tokens"]), _number(old["max_tokens"])
    if math.isnan(longest):
        return [tr("Length: how many tokens it reads is not stated.")]
    notes = [
        tr("Length: it reads {new:,.0f} tokens, the incumbent {old:,.0f}.", new=longest, old=before)
        if not math.isnan(before)
        else tr("Length: it reads {new:,.0f} tokens.", new=longest)
    ]
    if documents.mean_tokens > longest:
        notes.append(
            tr("Your documents are longer in the mean than it reads: cut them into chunks, or their ends are lost.")
        )
    return notes


def _number(value: Any) -> float:
    return math.nan if pd.isna(value) else float(value)


def _as_code(name: str) -> str:
    """A name as a shell takes it, between backticks."""
    return shlex.quote(str(name)).replace("`", "")

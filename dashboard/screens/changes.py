"""What changed: two imports of the record compared, or this store with another file."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import grids, private, url_state
from dashboard.access import ask
from dashboard.figures import changes as figures
from dashboard.formatting import count, day, plain
from dashboard.messages import empty
from dashboard.queries import changes as queries
from dashboard.queries.leaderboard import benchmarks, first_shown
from dashboard.tables import changes as tables
from data.store.database import store_path, version_of

IMPORTS, STORES = "Two imports", "Another store"
DRAWN = 25


def main() -> None:
    """Which two records, then models, scores and ranks that differ."""
    between = controls()
    if between is None:
        return
    changes = ask(queries.changed_scores, **between)
    say_which(between)
    before = ask(queries.models_before, **{key: value for key, value in between.items() if key != "after"})
    show_counts(changes, tables.models_added(changes, before))
    show_scores(changes)
    show_moves(between)


def controls() -> dict[str, Any] | None:
    """The two records to compare, as the queries ask for them; None when there is only one."""
    imports, others = ask(queries.imports), queries.other_stores(store_path())
    kinds = [kind for kind, there in ((IMPORTS, len(imports) > 1), (STORES, bool(others))) if there]
    if not kinds:
        only_one(imports)
        return None
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    kind = url_state.one_of("Compare", kinds, "w_kind", where=bar)
    if kind == STORES:
        name = url_state.subject("store", "With the store", others, "w_store", where=bar, width=360)
        if name is None:
            return None
        path = store_path().parent / name
        other, version = str(path), tuple(version_of(path))
        ours, theirs = ask(queries.latest), ask(queries.latest, other=other, version=version)
        return {"other": other, "version": version, "newer": bool(ours and theirs and theirs > ours)}
    labels = {tables.import_label(row): int(row["import_id"]) for _, row in imports.iterrows()}
    after = url_state.subject("import", "After", list(labels), "w_after", where=bar, width=420)
    if after is None:
        return None
    earlier = [label for label, number in labels.items() if number < labels[after]]
    if not earlier:
        empty("That is the first import. Choose a later one.")
        return None
    before = url_state.subject("import before that", "Before", earlier, "w_before", where=bar, width=420)
    if before is None:
        return None
    return {"before": labels[before], "after": labels[after]}


def say_which(between: dict[str, Any]) -> None:
    """Which record is the one before and which the one after, and when their dates are the other way round."""
    if "other" in between:
        path = {key: between[key] for key in ("other", "version")}
        sides = [
            (store_path().name, ask(queries.latest)),
            (path["other"].rsplit("/", 1)[-1], ask(queries.latest, **path)),
        ]
        (old, then), (new, now) = sides if between["newer"] else reversed(sides)
        st.caption(f"Before: {plain(old)}, last imported into {when(then)}. After: {plain(new)}, {when(now)}.")
        return
    dates = ask(queries.imports).set_index("import_id")["source_date"]
    then, now = dates.get(between["before"]), dates.get(between["after"])
    if pd.notna(then) and pd.notna(now) and now < then:
        st.caption(
            f"The later import read the older record: of {day(now)}, where the one before read that of {day(then)}."
        )


def when(moment: Any) -> str:
    """A moment to the minute, as records are imported several times a day."""
    return f"{moment:%Y-%m-%d %H:%M}" if pd.notna(moment) else "never"


def only_one(imports: pd.DataFrame) -> None:
    """Why there is nothing to compare yet, and what would change that."""
    said = ""
    if len(imports):
        row = imports.iloc[0]
        said = f" It was read on {day(row['started_at'])} from {plain(row['source'])}."
    empty(
        "This store holds one import, so nothing can have changed."
        + said
        + " Import again when the record has grown, or"
        " put another store (a .duckdb file) into the same folder to compare with.",
        "python -m evaluators import --download",
    )


def show_counts(changes: pd.DataFrame, added: pd.DataFrame) -> None:
    """The headline, and the models that are new."""
    changed, new, gone = (int(changes[f"cells_{kind}"].sum()) for kind in ("changed", "new", "gone"))
    st.markdown(
        f"#### {count(len(added), 'new model')}, {count(new, 'new score')}, {count(changed, 'changed score')},"
        f" {gone:,} gone"
    )
    st.caption("A score is one cell: a model at a revision on a split and subset of a task.")
    if len(added):
        with st.expander(f"{count(len(added), 'new model')}", expanded=True):
            st.dataframe(private.marked(added), hide_index=True, column_config=private.COLUMN)


def show_scores(changes: pd.DataFrame) -> None:
    """Scores that are others now, then new and gone ones by model."""
    found = private.marked(tables.changed(changes))
    if len(found):
        st.subheader("Changed scores", anchor=False)
        number = st.column_config.NumberColumn
        grids.show(
            found,
            "w_scores",
            column_config=private.COLUMN
            | {
                "Model": st.column_config.TextColumn(pinned=True),
                "Before": number(format="%.2f"),
                "After": number(format="%.2f"),
                "Difference": number(format="%+.2f", help="Mean over the cells that changed, in points"),
            },
        )
    left, right = st.columns(2)
    for where, title, column in ((left, "New scores", "cells_new"), (right, "Scores gone", "cells_gone")):
        part = tables.of_models(changes, column)
        if len(part):
            where.markdown(f"**{title} by model**")
            where.dataframe(private.marked(part), hide_index=True, column_config=private.COLUMN)


def show_moves(between: dict[str, Any]) -> None:
    """Moves in rank on one benchmark."""
    st.subheader("Moves in rank", anchor=False)
    offered = list(ask(benchmarks)["benchmark"])
    if not offered:
        return
    start = first_shown(offered)
    benchmark = url_state.subject(
        "benchmark", "Benchmark", offered, "w_benchmark", index=start, remember="benchmark", width=320
    )
    if benchmark is None:
        return
    with st.spinner("Ranking the record as it stood then ..."):
        frame = ask(queries.moves, benchmark, **between)
    moved = frame[frame["move"].fillna(0) != 0]
    entered, left = int(frame["rank_before"].isna().sum()), int(frame["rank_after"].isna().sum())
    st.markdown(
        f"{count(len(moved), 'model')} moved, {entered:,} entered, {left:,} left; "
        f"{count(len(frame) - len(moved) - entered - left, 'model')} kept their rank."
    )
    st.caption(
        "Ranks are MTEB's own, over all tasks of the benchmark, those that nobody has finished too. A change of a mean"
        " is blank where the benchmark was made of other tasks then."
    )
    if len(moved):
        st.plotly_chart(figures.moves_chart(frame, DRAWN), key="w_moves")
        if len(moved) > DRAWN:
            st.caption(f"The {DRAWN} that moved furthest; the table has all.")
    number = st.column_config.NumberColumn
    grids.show(
        tables.moves(frame),
        "w_ranks",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "Move": number(format="%+d", help="Places gained; negative is down"),
            "Mean before": number(format="%.2f"),
            "Mean after": number(format="%.2f"),
            "Difference": number(format="%+.2f"),
        },
    )


main()

"""What changed: two imports of the record compared, or this store with another file."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import changes as changes_figures
from dashboard.formatting import count, day, plain, word
from dashboard.messages import show_empty
from dashboard.queries import changes as changes_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.private import with_private
from dashboard.tables import changes as changes_tables
from dashboard.words import mark, running, tr
from data.store.database import store_path, version_of

IMPORTS, STORES = mark("Two imports"), mark("Another store")
_KINDS = (mark("bundle"), mark("folder"), mark("download"))  # of imports, as the store has them
DRAWN = 25

Records = dict[str, Any]  # the two records, as the queries ask for them


class Answers(NamedTuple):
    """The two records, the scores that differ, and the models that are new, with what is new of each."""

    records: Records
    changes: pd.DataFrame
    added: pd.DataFrame


def main() -> None:
    """Which two records, then models, scores and ranks that differ."""
    lay_out(controls, questions, (show_which, show_counts, show_scores, show_moves))


def controls() -> Records | None:
    """The two records to compare; None when there is only one."""
    imports, others = answer_of(changes_queries.imports), changes_queries.other_stores(store_path())
    kinds = [kind for kind, there in ((IMPORTS, len(imports) > 1), (STORES, bool(others))) if there]
    if not kinds:
        show_only_one(imports)
        return None
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    if url_state.segmented_control(tr("Compare"), kinds, "kind", where=bar, shown=tr) == STORES:
        return choose_store(bar, others)
    return choose_imports(bar, imports)


def choose_store(bar: Any, others: list[str]) -> Records | None:
    """Another store beside this one; which of the two is newer is known by their imports."""
    name = url_state.subject("store", tr("With the store"), others, "store", where=bar, width=360)
    if name is None:
        return None
    path = store_path().parent / name
    other: Records = {"other": str(path), "version": tuple(version_of(path))}
    ours, theirs = answer_of(changes_queries.latest), answer_of(changes_queries.latest, **other)
    return other | {"newer": bool(ours and theirs and theirs > ours)}


def choose_imports(bar: Any, imports: pd.DataFrame) -> Records | None:
    """Two imports of this store, the later one first."""
    labels = {changes_tables.import_label(row): int(row["import_id"]) for _, row in imports.iterrows()}
    words = {label: label_in_words(row) for label, (_, row) in zip(labels, imports.iterrows(), strict=True)}
    shown: dict[str, Any] = {"where": bar, "width": 420, "shown": words.__getitem__}
    after = url_state.subject("import", tr("After"), list(labels), "after", **shown)
    if after is None:
        return None
    earlier = [label for label, number in labels.items() if number < labels[after]]
    if not earlier:
        show_empty(tr("That is the first import. Choose a later one."))
        return None
    before = url_state.subject("import before that", tr("Before"), earlier, "before", **shown)
    return None if before is None else {"before": labels[before], "after": labels[after]}


def label_in_words(row: pd.Series) -> str:
    """One import in a line, as the address has it, with its kind in the viewer's language."""
    return changes_tables.import_label(row.where(row.index != "kind", word(row["kind"])))


def questions(records: Records) -> Answers:
    """What differs between the two."""
    changes = answer_of(changes_queries.changed_scores, **records)
    before = {key: value for key, value in records.items() if key != "after"}
    models = answer_of(changes_queries.models_before, **before)
    return Answers(records, changes, changes_tables.models_added(changes, models))


def show_which(answers: Answers) -> None:
    """Which record is the one before and which the one after, and when their dates are the other way round."""
    records = answers.records
    if "other" in records:
        path = {key: records[key] for key in ("other", "version")}
        sides = [
            (store_path().name, answer_of(changes_queries.latest)),
            (path["other"].rsplit("/", 1)[-1], answer_of(changes_queries.latest, **path)),
        ]
        (old, then), (new, now) = sides if records["newer"] else reversed(sides)
        sides_in_words = mark("Before: {old}, last imported into {then}. After: {new}, {now}.")
        st.caption(tr(sides_in_words, old=plain(old), then=when(then), new=plain(new), now=when(now)))
        return
    dates = answer_of(changes_queries.imports).set_index("import_id")["source_date"]
    then, now = dates.get(records["before"]), dates.get(records["after"])
    if pd.notna(then) and pd.notna(now) and now < then:
        turned = mark("The later import read the older record: of {now}, where the one before read that of {then}.")
        st.caption(tr(turned, now=day(now), then=day(then)))


def when(moment: Any) -> str:
    """A moment to the minute, as records are imported several times a day."""
    return f"{moment:%Y-%m-%d %H:%M}" if pd.notna(moment) else tr("never")


def show_only_one(imports: pd.DataFrame) -> None:
    """Why there is nothing to compare yet, and what would change that."""
    read = ""
    if len(imports):
        row = imports.iloc[0]
        read = tr("It was read on {day} from {source}.", day=day(row["started_at"]), source=plain(row["source"]))
    remedy = tr(
        "Import again when the record has grown, or put another store (a .duckdb file) into the same folder to compare "
        "with."
    )
    nothing = tr("This store holds one import, so nothing can have changed.")
    show_empty(running(nothing, read, remedy), "python -m evaluators import --download")


def show_counts(answers: Answers) -> None:
    """The headline, and the models that are new."""
    changes, added = answers.changes, answers.added
    changed, new, gone = (int(changes[f"cells_{kind}"].sum()) for kind in ("changed", "new", "gone"))
    headline = tr(
        "{models}, {scores}, {changed}, {gone:,} gone",
        models=count(len(added), "new model"), scores=count(new, "new score"), changed=count(changed, "changed score"),
        gone=gone,
    )  # fmt: skip
    st.markdown(f"#### {headline}")
    st.caption(tr("A score is one cell: a model at a revision on a split and subset of a task."))
    if len(added):
        with st.expander(f"{count(len(added), 'new model')}", expanded=True):
            show_table(changes_tables.of_models_table(with_private(added)))


def show_scores(answers: Answers) -> None:
    """Scores that are others now, then new and gone ones by model."""
    changed = changes_tables.changed_table(with_private(answers.changes))
    if len(changed.shown):
        st.subheader(tr("Changed scores"), anchor=False)
        show_sortable(changed, "scores")
    titles = ((tr("**New scores by model**"), "cells_new"), (tr("**Scores gone by model**"), "cells_gone"))
    for where, (title, column) in zip(st.columns(2), titles, strict=True):
        by_model = changes_tables.of_models(answers.changes, column)
        if len(by_model):
            where.markdown(title)
            show_table(changes_tables.of_models_table(with_private(by_model)), where=where)


def show_moves(answers: Answers) -> None:
    """Moves in rank on one benchmark."""
    st.subheader(tr("Moves in rank"), anchor=False)
    offered = list(answer_of(leaderboard_queries.benchmarks)["benchmark"])
    if not offered:
        return
    start = leaderboard_queries.first_shown(offered)
    benchmark = url_state.subject(
        "benchmark", tr("Benchmark"), offered, "benchmark", index=start, remember="benchmark", width=320
    )
    if benchmark is None:
        return
    with st.spinner(tr("Ranking the record as it stood then ...")):
        moves = answer_of(changes_queries.moves, benchmark, **answers.records)
    moved = int((moves["move"].fillna(0) != 0).sum())
    entered, left = int(moves["rank_before"].isna().sum()), int(moves["rank_after"].isna().sum())
    same = count(len(moves) - moved - entered - left, "model")
    sentence = mark("{models} moved, {entered:,} entered, {left:,} left; {same} kept their rank.")
    st.markdown(tr(sentence, models=count(moved, "model"), entered=entered, left=left, same=same))
    st.caption(
        tr(
            "Ranks are MTEB's own, over all tasks of the benchmark, those that nobody has finished too. A change of a "
            "mean is blank where the benchmark was made of other tasks then."
        )
    )
    if moved:
        show_chart(changes_figures.moves_chart(moves, DRAWN), key="w_moves")
        if moved > DRAWN:
            st.caption(tr("The {n} that moved furthest; the table has all.", n=DRAWN))
    show_sortable(changes_tables.moves_table(moves), "ranks")


main()

"""Compare: any number of models on the tasks they share, one pinned as the baseline."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import links, private
from dashboard.access import ask
from dashboard.figures import compare as figures
from dashboard.queries import compare as queries
from dashboard.queries import names
from dashboard.queries.badges import badges
from dashboard.queries.leaderboard import benchmarks
from dashboard.states import empty
from dashboard.tables import compare as tables
from dashboard.words import count, plain

READABLE = 8
LARGEST = 25
PLOTS = ["Differences", "Scores", "Heatmap", "Radar"]


def main() -> None:
    """Controls, what is compared, then facts, verdicts, figures and tables."""
    benchmark, models, baseline, tasks, strict = controls()
    if benchmark == queries.ANY_TASKS and not tasks:
        empty("Pick the tasks to compare on.")
        return
    frame = ask(queries.compared, benchmark, models, tasks, strict)
    wide = queries.shared_wide(frame, models)
    floors = frame.drop_duplicates("task").set_index("task")["floor"]
    say_coverage(frame, models)
    private.badge(models=models, tasks=frame["task"].unique())
    show_facts(models, tuple(frame["task"].unique()))
    if len(models) < 2:
        empty("Pick at least two models to compare.")
    elif wide.empty:
        empty("These models share no task here. Pick others, another benchmark, or tasks by hand.")
    else:
        show_verdicts(benchmark, models, baseline, tasks, strict, floors)
        show_figure(wide, baseline, floors)
        show_types(wide, baseline)
        show_tasks(wide, baseline, floors, models, benchmark)


def controls() -> tuple[str, tuple[str, ...], str, tuple[str, ...], bool]:
    """Benchmark or hand-picked tasks, models, baseline; all in the address."""
    left, middle, right = st.columns([2, 4, 2])
    offered = list(ask(benchmarks)["benchmark"])
    start = offered.index("MTEB(eng, v2)") if "MTEB(eng, v2)" in offered else 0
    benchmark = links.choose(
        "Benchmark", [*offered, queries.ANY_TASKS], "c_benchmark", index=start, remember="benchmark", where=left
    )
    benchmark = benchmark or queries.ANY_TASKS
    picked = links.choose_many(
        "Models", ask(names.models), "c_models", where=middle, placeholder="The first three", wrap=True
    )
    models = tuple(picked) or tuple(ask(queries.top_models, benchmark, 3))
    if not picked:
        middle.caption(f"None chosen: the first {len(models)} complete models of the benchmark.")
    elif len(models) > READABLE:
        middle.caption(f"Figures stay readable up to {READABLE} models; these are {len(models)}.")
    every = list(models) or ["–"]
    baseline = links.choose("Baseline", every, "c_baseline", where=right, help="Differences are to this model.")
    hand = benchmark == queries.ANY_TASKS
    offered_tasks = ask(names.tasks) if hand else ask(names.tasks_of, benchmark)
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    label = "Tasks" if hand else "Tasks (empty: all of the benchmark)"
    tasks = tuple(links.choose_many(label, offered_tasks, "c_tasks", where=left))
    strict = links.switch(
        "Only figures run on today's data",
        "c_strict",
        where=right,
        help="Leaves out model cards' own figures, other dataset revisions and, in a benchmark, mixed model revisions.",
    )
    return benchmark, models, baseline or every[0], tasks, strict


def say_coverage(frame: pd.DataFrame, models: tuple[str, ...]) -> None:
    """How many tasks count, how many are left out, and whose gaps those are."""
    by_task = frame.drop_duplicates("task")
    shared, total = int(by_task["shared"].sum()), len(by_task)
    sentence = f"**{shared} of {count(total, 'task')}** have a score from " + (
        f"all {len(models)} models; only these count below." if len(models) != 1 else "this model."
    )
    if shared < total:
        missing = frame[frame["score"].isna()].groupby("model").size().sort_values(ascending=False)
        gaps = ", ".join(f"{plain(tables.short_names(models)[str(m)])} lacks {n}" for m, n in missing.to_dict().items())
        sentence += f" Left out: {total - shared} ({gaps})."
    flags = frame[frame["shared"]]
    marked = [
        f"{n} {words}"
        for column, words in (
            ("reported", "from a model card"),
            ("other_dataset", "on another or unknown dataset revision"),
            ("other_revision", "from another revision of the model"),
        )
        if (n := int(flags[column].fillna(False).astype(bool).sum()))
    ]
    st.markdown(sentence)
    if marked:
        st.caption(f"Of {count(len(flags), 'score')}: " + ", ".join(marked) + ".")


def show_facts(models: tuple[str, ...], tasks: tuple[str, ...]) -> None:
    """What is known of each model, side by side."""
    with st.expander("Facts side by side", expanded=True):
        checked = ask(badges)[["model", "badge", "why"]]
        known = ask(queries.facts, models, tasks).merge(checked, on="model", how="left")
        frame = tables.facts(known.assign(private=known["model"].isin(ask(names.private).models)), len(tasks))
        pinned = {"Fact": st.column_config.TextColumn(pinned=True)}
        st.dataframe(frame, hide_index=True, height="content", column_config=pinned)


def show_verdicts(
    benchmark: str, models: tuple[str, ...], baseline: str, tasks: tuple[str, ...], strict: bool, floors: pd.Series
) -> None:
    """Head to head against the baseline, in numbers and words."""
    st.subheader(f"Head to head with {plain(tables.short_names(models)[baseline])}", anchor=False)
    found = ask(queries.head_to_head, benchmark, models, baseline, tasks, strict)
    number = st.column_config.NumberColumn
    st.dataframe(
        private.marked(tables.head_to_head(found, baseline)),
        hide_index=True,
        column_config=private.COLUMN
        | {
            "Mean": number(format="%.2f", help="Of the shared tasks"),
            "Difference": number(format="%+.2f", help="Mean difference to the baseline on the shared tasks, in points"),
            "95 % interval": st.column_config.TextColumn(
                help="Had the benchmark been made of other tasks like these: paired bootstrap over tasks"
            ),
        },
    )
    known = int(floors.notna().sum())
    st.caption(
        f"A tie is a difference within the noise floor of its task or type ({known} of {len(floors)} tasks have one)."
        if known
        else "No noise floor is known yet, so every difference counts as a win or a loss, however small."
    )


def show_figure(wide: pd.DataFrame, baseline: str, floors: pd.Series) -> None:
    """The tasks that differ most, in the way the viewer prefers."""
    st.subheader("Where they differ", anchor=False)
    plot = links.one_of("Show as", PLOTS, "c_plot", label_visibility="collapsed")
    largest = figures.most_different(wide, baseline, LARGEST)
    draw = {
        "Differences": lambda: figures.differences(largest, baseline, floors),
        "Scores": lambda: figures.dumbbell(largest, baseline),
        "Heatmap": lambda: figures.heatmap(largest, baseline),
        "Radar": lambda: figures.radar(wide, baseline),
    }
    st.plotly_chart(draw[plot](), key=f"figure_{plot}")
    if plot != "Radar" and len(wide) > LARGEST:
        st.caption(f"The {LARGEST} of {len(wide)} shared tasks that differ most; the table below has all.")


def show_types(wide: pd.DataFrame, baseline: str) -> None:
    """Means by task type, the biggest difference first; a click narrows the tasks below to one type."""
    st.subheader("By task type", anchor=False)
    shown = tables.by_type(wide, baseline)
    st.dataframe(
        shown,
        hide_index=True,
        column_config=formats(shown),
        on_select=lambda: open_type(list(shown["Type"])),
        selection_mode="single-row",
        placeholder="",
        key="c_type_rows",
    )
    st.caption("Select a row to see the tasks its means are made of.")


def open_type(types: list[str]) -> None:
    """Put the selected row's type into the control below."""
    if rows := st.session_state["c_type_rows"]["selection"]["rows"]:
        st.session_state["c_type"] = types[rows[0]]


def show_tasks(wide: pd.DataFrame, baseline: str, floors: pd.Series, models: tuple[str, ...], benchmark: str) -> None:
    """Every shared task, the biggest difference first; a click opens it."""
    st.subheader("By task", anchor=False)
    # The same cells there as here, so that the numbers are the same.
    there: dict[str, Any] = {"t_models": list(models)}
    if benchmark != queries.ANY_TASKS:
        there["t_in"] = benchmark
    types = [tables.ALL_TASKS, *sorted(set(wide.index.get_level_values("type")))]
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    kind = links.choose("Tasks of type", types, "c_type", where=left)
    shown = tables.by_task(wide, floors, baseline)
    if kind not in (None, tables.ALL_TASKS):
        shown = shown[shown["Type"] == kind].reset_index(drop=True)
    shown = private.marked(shown)
    first = str(shown["Task"].iloc[0])
    right.page_link(
        "screens/tasks.py",
        label=f"Open the task that differs most: {plain(first)}",
        icon=":material/open_in_new:",
        query_params={"t_task": first, **there},
    )
    picked = st.dataframe(
        shown,
        hide_index=True,
        column_config=formats(shown),
        on_select="rerun",
        selection_mode="single-row",
        placeholder="",
        key="c_rows",
    )
    st.caption("Select a row to open its task.")
    if rows := picked["selection"]["rows"]:
        task = str(shown["Task"].iloc[rows[0]])
        st.switch_page("screens/tasks.py", query_params={"t_task": task, **there})


def formats(shown: pd.DataFrame) -> dict[str, Any]:
    """Scores with two decimals, differences with their sign."""
    kinds: dict[str, Any] = dict(private.COLUMN)
    for column in shown.columns.drop(["Task", "Private", "Type", "Tasks"], errors="ignore"):
        sign = "%+.2f" if column.startswith(tables.DELTA) else "%.2f"
        kinds[column] = st.column_config.NumberColumn(format=sign)
    if "Task" in shown:
        kinds["Task"] = st.column_config.TextColumn(pinned=True)
    if "Noise" in shown:
        kinds["Noise"] = st.column_config.NumberColumn(format="%.2f", help="Noise floor, in points; blank if unknown")
    return kinds


main()

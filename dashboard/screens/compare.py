"""Compare: any number of models on the tasks they share, one pinned as the baseline."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import grids, private, url_state
from dashboard.access import ask
from dashboard.figures import compare as figures
from dashboard.formatting import count, plain
from dashboard.messages import empty
from dashboard.queries import compare as queries
from dashboard.queries import names
from dashboard.queries.badges import badges
from dashboard.queries.leaderboard import benchmarks, first_shown
from dashboard.question import Question
from dashboard.tables import compare as tables
from data.store.errors import InputError

READABLE = 8
LARGEST = 25
WEIGHTS = "c_weights"
_MEAN = "Of the shared tasks, weighted as on Our use where the link says so, else as the benchmark's headline mean does"
PLOTS = ["Differences", "Scores", "Heatmap", "Radar"]


def main() -> None:
    """Controls, what is compared, then facts, verdicts, figures and tables."""
    asked = controls()
    if asked is None:
        return
    benchmark, models, baseline, tasks, strict = asked
    question = weights(benchmark)
    if benchmark == queries.ANY_TASKS and not tasks:
        empty("Pick the tasks to compare on.")
        return
    try:
        frame = ask(queries.compared, benchmark, models, tasks, strict, question)
    except InputError as error:
        empty(plain(error))
        return
    wide = queries.shared_wide(frame, models)
    floors = frame.drop_duplicates("entry").set_index("entry")["floor"]
    say_coverage(frame, models)
    private.badge(models=models, tasks=frame["task"].unique())
    show_facts(models, benchmark, tasks)
    if len(models) < 2:
        empty("Pick at least two models to compare.")
    elif wide.empty:
        empty("These models share no task here. Pick others, another benchmark, or tasks by hand.")
    else:
        show_verdicts(benchmark, models, baseline, tasks, strict, question, floors)
        show_figure(wide, baseline, floors)
        show_types(wide, baseline)
        names_of = dict(zip(frame["entry"], frame["task"], strict=True))
        show_tasks(wide, baseline, floors, models, benchmark, names_of)


def controls() -> tuple[str, tuple[str, ...], str, tuple[str, ...], bool] | None:
    """Benchmark or hand-picked tasks, models, baseline; all in the address. None where that names what nobody knows."""
    left, middle, right = st.columns([2, 4, 2])
    offered = list(ask(benchmarks)["benchmark"])
    start = first_shown(offered)
    benchmark = url_state.subject(
        "benchmark", "Benchmark", [*offered, queries.ANY_TASKS], "c_benchmark", index=start, remember="benchmark",
        where=left,
    )  # fmt: skip
    if benchmark is None:
        return None
    picked = url_state.choose_many(
        "Models", ask(names.models), "c_models", where=middle, placeholder="The first three", wrap=True
    )
    if not picked and url_state.unknown("c_models"):
        empty("None of the models the link asks for is in this store. Choose some above.")
        return None
    models = tuple(picked) or tuple(ask(queries.top_models, benchmark, 3))
    if not picked:
        middle.caption(f"None chosen: the first {len(models)} complete models of the benchmark.")
    elif len(models) > READABLE:
        middle.caption(f"Figures stay readable up to {READABLE} models; these are {len(models)}.")
    every = list(models) or ["–"]
    baseline = url_state.choose("Baseline", every, "c_baseline", where=right, help="Differences are to this model.")
    hand = benchmark == queries.ANY_TASKS
    offered_tasks = ask(names.tasks) if hand else ask(names.tasks_of, benchmark)
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    label = "Tasks" if hand else "Tasks (empty: all of the benchmark)"
    tasks = tuple(url_state.choose_many(label, offered_tasks, "c_tasks", where=left))
    strict = url_state.switch(
        "Only figures run on today's data",
        "c_strict",
        where=right,
        help="Leaves out model cards' own figures, other dataset revisions and, in a benchmark, mixed model revisions.",
    )
    return benchmark, models, baseline or every[0], tasks, strict


def weights(benchmark: str) -> Question | None:
    """The weights of one's own use, where the link brought them; they can be taken off again."""
    url_state.known(WEIGHTS)
    if not (st.query_params.get(WEIGHTS) or st.session_state.get(WEIGHTS)) or benchmark == queries.ANY_TASKS:
        return None
    with st.expander("Weighted as on Our use", icon=":material/balance:"):
        given = url_state.text("Weights", WEIGHTS, help="Empty: every task alike. They are set on the page Our use.")
    if not given:
        return None
    try:
        found = Question.read(given)
    except InputError as error:
        url_state.note(f"the weights: {plain(error)}")
        return None
    st.caption(f"Weighted as on Our use: {plain(found.words())}. Means, differences and verdicts below are by these.")
    return found


def say_coverage(frame: pd.DataFrame, models: tuple[str, ...]) -> None:
    """How many tasks count, how many are left out, and whose gaps those are."""
    by_task = frame.drop_duplicates("entry")
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


def show_facts(models: tuple[str, ...], benchmark: str, tasks: tuple[str, ...]) -> None:
    """What is known of each model, side by side."""
    with st.expander("Facts side by side", expanded=True):
        checked = ask(badges)[["model", "badge", "why"]]
        of = "" if benchmark == queries.ANY_TASKS else benchmark
        known = ask(queries.registry_facts, models, of, tasks or None).merge(checked, on="model", how="left")
        frame = tables.facts(known.assign(private=known["model"].isin(ask(names.private).models)))
        pinned = {"Fact": st.column_config.TextColumn(pinned=True)}
        st.dataframe(frame, hide_index=True, height="content", column_config=pinned)


def show_verdicts(
    benchmark: str,
    models: tuple[str, ...],
    baseline: str,
    tasks: tuple[str, ...],
    strict: bool,
    question: Question | None,
    floors: pd.Series,
) -> None:
    """Head to head against the baseline, in numbers and words."""
    st.subheader(f"Head to head with {plain(tables.short_names(models)[baseline])}", anchor=False)
    found = ask(queries.head_to_head, benchmark, models, baseline, tasks, strict, question)
    number = st.column_config.NumberColumn
    st.dataframe(
        private.marked(tables.head_to_head(found, baseline)),
        hide_index=True,
        column_config=private.COLUMN
        | {
            "Mean": number(format="%.2f", help=_MEAN),
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
    plot = url_state.one_of("Show as", PLOTS, "c_plot", label_visibility="collapsed")
    largest = figures.most_different(wide, baseline, LARGEST)
    draw = {
        "Differences": lambda: figures.differences_chart(largest, baseline, floors),
        "Scores": lambda: figures.scores_chart(largest, baseline),
        "Heatmap": lambda: figures.differences_map(largest, baseline),
        "Radar": lambda: figures.radar_chart(wide, baseline),
    }
    st.plotly_chart(draw[plot](), key=f"figure_{plot}")
    if plot != "Radar" and len(wide) > LARGEST:
        st.caption(f"The {LARGEST} of {len(wide)} shared tasks that differ most; the table below has all.")


def show_types(wide: pd.DataFrame, baseline: str) -> None:
    """Means by task type, the biggest difference first; a click narrows the tasks below to one type."""
    st.subheader("By task type", anchor=False)
    shown = tables.by_type(wide, baseline)
    row = grids.show(shown, "c_types", column_config=formats(shown))
    st.caption(
        "Select a row to see the tasks its means are made of, a head to sort by it. Here every task counts alike."
    )
    if row is not None:  # before the control it sets, which is below
        st.session_state["c_type"] = str(shown["Type"].iloc[row])


def show_tasks(
    wide: pd.DataFrame,
    baseline: str,
    floors: pd.Series,
    models: tuple[str, ...],
    benchmark: str,
    names_of: dict[str, str],
) -> None:
    """Every shared task, the biggest difference first; a click opens it."""
    st.subheader("By task", anchor=False)
    # The same cells there as here, so that the numbers are the same.
    there: dict[str, Any] = {"t_models": list(models)}
    if benchmark != queries.ANY_TASKS:
        there["t_in"] = benchmark
    types = [tables.ALL_TASKS, *sorted(set(wide.index.get_level_values("type")))]
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    kind = url_state.choose("Tasks of type", types, "c_type", where=left)
    shown = tables.by_task(wide, floors, baseline)
    if kind not in (None, tables.ALL_TASKS):
        shown = shown[shown["Type"] == kind].reset_index(drop=True)
    shown = private.marked(shown)
    first = str(shown["Task"].iloc[0])
    right.page_link(
        "screens/tasks.py",
        label=f"Open the task that differs most: {plain(first)}",
        icon=":material/open_in_new:",
        query_params={"t_task": names_of[first], **there},
    )
    row = grids.show(shown, "c_rows", column_config=formats(shown))
    st.caption("Select a row to open its task, a head to sort by it.")
    if row is not None:
        task = names_of[str(shown["Task"].iloc[row])]
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

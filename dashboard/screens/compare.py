"""Compare: any number of models on the tasks they share, one pinned as the baseline."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import compare as compare_figures
from dashboard.formatting import count, plain, small
from dashboard.messages import in_one_sentence, show_empty
from dashboard.queries import badges as badges_queries
from dashboard.queries import compare as compare_queries
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import names as names_queries
from dashboard.queries import training as training_queries
from dashboard.queries.compare import ANY_TASKS
from dashboard.queries.question import Question
from dashboard.sections.badges import with_reasons
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import Choice, open_page, page_link
from dashboard.sections.prices import with_prices
from dashboard.sections.private import show_private, with_private
from dashboard.sections.training import show_untold_training
from dashboard.tables import compare as compare_tables
from dashboard.words import listed, mark, running, tr
from data.store.errors import InputError

READABLE = 8
LARGEST = 25
PLOTS = [mark("Differences"), mark("Scores"), mark("Heatmap"), mark("Radar")]
_DOUBTS = {
    "reported": mark("{n} from a model card"),
    "other_dataset": mark("{n} on another or unknown dataset revision"),
    "other_revision": mark("{n} from another revision of the model"),
}
_BY_HAND = mark("Hand-picked tasks")  # ANY_TASKS, as it is shown


class Choices(NamedTuple):
    """Models and the benchmark or tasks they are compared on; without tasks, all of the benchmark."""

    benchmark: str
    models: tuple[str, ...]
    baseline: str
    tasks: tuple[str, ...]
    strict: bool
    question: Question | None


class Answers(NamedTuple):
    """What is chosen, every score asked about, and those of the tasks all models share (index type and task)."""

    choices: Choices
    scores: pd.DataFrame
    shared: pd.DataFrame

    @property
    def floors(self) -> pd.Series:
        """Noise floors by task (0-1), NaN where unknown."""
        return self.scores.drop_duplicates("entry").set_index("entry")["floor"]


def main() -> None:
    """What is compared, then facts, verdicts, figures and tables."""
    lay_out(controls, questions, (show_coverage, show_facts, show_comparison))


def controls() -> Choices | None:
    """Benchmark or hand-picked tasks, models, baseline."""
    every = answer_of(names_queries.models)
    if not every:
        show_empty(tr("The store has no scores yet."), "python -m evaluators import")
        return None
    left, middle, right = st.columns([2, 4, 2])
    offered = list(answer_of(leaderboard_queries.benchmarks)["benchmark"])
    start = leaderboard_queries.first_shown(offered)
    benchmark = url_state.subject(
        "benchmark", tr("Benchmark"), [*offered, ANY_TASKS], "benchmark", index=start, remember="benchmark", where=left,
        shown=lambda name: tr(_BY_HAND) if name == ANY_TASKS else name,
    )  # fmt: skip
    if benchmark is None:
        return None
    picked = url_state.multiselect(
        tr("Models"), every, "models", where=middle, placeholder=tr("The first three"), wrap=True
    )
    if not picked and url_state.unknown_names("models"):
        show_empty(tr("None of the models the link asks for is in this store. Choose some above."))
        return None
    models = tuple(picked) or tuple(answer_of(compare_queries.top_models, benchmark, 3))
    if not picked:
        middle.caption(tr("None chosen: the first {n} complete models of the benchmark.", n=len(models)))
    elif len(models) > READABLE:
        many = mark("Figures stay readable up to {most} models; these are {n}.")
        middle.caption(tr(many, most=READABLE, n=len(models)))
    bases = list(models) or ["–"]
    hint = tr("Differences are to this model.")
    baseline = url_state.selectbox(tr("Baseline"), bases, "baseline", where=right, help=hint)
    tasks, strict = choose_tasks(benchmark)
    return Choices(benchmark, models, baseline or bases[0], tasks, strict, weights(benchmark))


def choose_tasks(benchmark: str) -> tuple[tuple[str, ...], bool]:
    """The tasks that count, and whether only figures run on today's data do."""
    by_hand = benchmark == ANY_TASKS
    offered = answer_of(names_queries.tasks) if by_hand else answer_of(names_queries.tasks_of, benchmark)
    left, right = st.columns([5, 3], vertical_alignment="bottom")
    label = tr("Tasks") if by_hand else tr("Tasks (empty: all of the benchmark)")
    tasks = tuple(url_state.multiselect(label, offered, "tasks", where=left))
    strict = url_state.toggle(
        tr("Only figures run on today's data"), "strict", where=right,
        help=tr(
            "Leaves out model cards' own figures, other dataset revisions and, in a benchmark, mixed model revisions."
        ),
    )  # fmt: skip
    return tasks, strict


def weights(benchmark: str) -> Question | None:
    """The weights of one's own use, where the link brought them; they can be taken off again."""
    url_state.declare("weights")
    if not url_state.choice("weights") or benchmark == ANY_TASKS:
        return None
    with st.expander(tr("Weighted as on Our use"), icon=":material/balance:"):
        text = url_state.text_input(
            tr("Weights"), "weights", help=tr("Empty: every task alike. They are set on the page Our use.")
        )
    if not text:
        return None
    try:
        question = Question.read(text)
    except InputError as error:
        url_state.report_ignored(tr("the weights: {error}", error=in_one_sentence(error)))
        return None
    weighted = mark("Weighted as on Our use: {weights}. Means, differences and verdicts below are by these.")
    st.caption(
        tr(weighted, weights=listed(f"{plain(name)} {small(weight, 6)}" for name, weight in question.counting()))
    )
    return question


def questions(choices: Choices) -> Answers | None:
    """Every score of the models on the tasks that count."""
    benchmark, models, _, tasks, strict, question = choices
    if benchmark == ANY_TASKS and not tasks:
        show_empty(tr("Pick the tasks to compare on."))
        return None
    scores = answer_of(compare_queries.compared, benchmark, models, tasks, strict, question)
    return Answers(choices, scores, compare_queries.shared_wide(scores, models))


def show_coverage(answers: Answers) -> None:
    """How many tasks count, how many are left out, whose gaps those are, and what the scores rest on."""
    scores, models = answers.scores, answers.choices.models
    by_task = scores.drop_duplicates("entry")
    shared, total = int(by_task["shared"].sum()), len(by_task)
    counts = {"shared": shared, "tasks": count(total, "task")}
    if len(models) == 1:
        sentence = tr("**{shared} of {tasks}** have a score from this model.", **counts)
    else:
        from_all = mark("**{shared} of {tasks}** have a score from all {n} models; only these count below.")
        sentence = tr(from_all, n=len(models), **counts)
    if shared < total:
        missing = scores[scores["score"].isna()].groupby("model").size().sort_values(ascending=False)
        names = compare_tables.short_names(models)
        gaps = listed(
            tr("{model} lacks {n}", model=plain(names[str(model)]), n=n) for model, n in missing.to_dict().items()
        )
        sentence = running(sentence, tr("Left out: {n} ({gaps}).", n=total - shared, gaps=gaps))
    st.markdown(sentence)
    counted = scores[scores["shared"]]
    doubts = [
        tr(text, n=n)
        for column, text in _DOUBTS.items()
        if (n := int(counted[column].fillna(False).astype(bool).sum()))
    ]
    if doubts:
        st.caption(tr("Of {scores}: {doubts}.", scores=count(len(counted), "score"), doubts=listed(doubts)))
    show_private(models=models, tasks=scores["task"].unique())


def show_facts(answers: Answers) -> None:
    """What is known of each model, side by side."""
    choices = answers.choices
    of_benchmark = "" if choices.benchmark == ANY_TASKS else choices.benchmark
    with st.expander(tr("Facts side by side")):
        facts = answer_of(compare_queries.registry_facts, choices.models, of_benchmark, choices.tasks or None)
        badges = with_reasons(answer_of(badges_queries.badges, choices.models))[["model", "badge", "why"]]
        facts = with_prices(with_private(facts.merge(badges, on="model", how="left")))
        show_table(compare_tables.facts_table(facts), height="content")


def show_comparison(answers: Answers) -> None:
    """Verdicts, the figure and the tables, where there is something to compare."""
    if len(answers.choices.models) < 2:
        show_empty(tr("Pick at least two models to compare."))
    elif answers.shared.empty:
        show_empty(tr("These models share no task here. Pick others, another benchmark, or tasks by hand."))
    else:
        for part in (show_verdicts, show_figure, show_types, show_tasks):
            part(answers)


def show_verdicts(answers: Answers) -> None:
    """Head to head against the baseline, in numbers and words."""
    choices, floors = answers.choices, answers.floors
    baseline = plain(compare_tables.short_names(choices.models)[choices.baseline])
    st.subheader(tr("Head to head with {model}", model=baseline), anchor=False)
    pairs = answer_of(compare_queries.head_to_head, *choices)
    show_table(compare_tables.head_to_head_table(with_private(pairs), choices.baseline))
    known = int(floors.notna().sum())
    tie = mark("A tie is a difference within the noise floor of its task or type ({known} of {n} tasks have one).")
    st.caption(
        tr(tie, known=known, n=len(floors))
        if known
        else tr("No noise floor is known yet, so every difference counts as a win or a loss, however small.")
    )


def show_figure(answers: Answers) -> None:
    """The tasks that differ most, in the way the viewer prefers."""
    shared, baseline = answers.shared, answers.choices.baseline
    st.subheader(tr("Where they differ"), anchor=False)
    plot = url_state.segmented_control(tr("Show as"), PLOTS, "plot", shown=tr, label_visibility="collapsed")
    largest = compare_figures.most_different(shared, baseline, LARGEST)
    draw = {
        "Differences": lambda: compare_figures.differences_chart(largest, baseline, answers.floors),
        "Scores": lambda: compare_figures.scores_chart(largest, baseline),
        "Heatmap": lambda: compare_figures.differences_map(largest, baseline),
        "Radar": lambda: compare_figures.radar_chart(shared, baseline),
    }
    show_chart(draw[plot](), key=f"figure_{plot}")
    if plot != "Radar" and len(shared) > LARGEST:
        most = mark("The {n} of {total} shared tasks that differ most; the table below has all.")
        st.caption(tr(most, n=LARGEST, total=len(shared)))


def show_types(answers: Answers) -> None:
    """Means by task type, the biggest difference first; a click narrows the tasks below to one type."""
    st.subheader(tr("By task type"), anchor=False)
    row = show_sortable(compare_tables.types_table(answers.shared, answers.choices.baseline), "types")
    hint = mark(
        "Select a row to see the tasks its means are made of, a head to sort by it. Here every task counts alike."
    )
    st.caption(tr(hint))
    if row is not None:  # before the control it sets, which is below
        url_state.set_choice("type", str(row["type"]))


def show_tasks(answers: Answers) -> None:
    """Every shared task, the biggest difference first; a click opens it."""
    choices, shared = answers.choices, answers.shared
    st.subheader(tr("By task"), anchor=False)
    # The same cells there as here, so that the numbers are the same.
    there: dict[str, Choice] = {"models": list(choices.models)}
    if choices.benchmark != ANY_TASKS:
        there["in"] = choices.benchmark
    types = [compare_tables.ALL_TASKS, *sorted(set(shared.index.get_level_values("type")))]
    left, right = st.columns([2, 5], vertical_alignment="bottom")
    kind = url_state.selectbox(
        tr("Tasks of type"), types, "type", where=left, shown=lambda name: tr(name) if name == types[0] else name
    )
    marks = with_private(shared.index.to_frame(index=False)).set_index("task")["private"]
    tasks = answers.scores.drop_duplicates("entry").set_index("entry")["task"]
    overlap = answer_of(training_queries.overlap, choices.models, tuple(tasks.unique()))
    seen = compare_tables.trained_models(overlap, tasks)
    table = compare_tables.tasks_table(shared, answers.floors, choices.baseline, marks, seen)
    if kind not in (None, compare_tables.ALL_TASKS):
        table = table.rows(table.source["type"] == kind)
    first = str(table.source["task"].iloc[0])
    opens = tr("Open the task that differs most: {task}", task=plain(first))
    page_link("tasks", opens, where=right, task=tasks[first], **there)
    row = show_sortable(table, "rows")
    st.caption(tr("Select a row to open its task, a head to sort by it."))
    show_untold_training(overlap)
    if row is not None:
        open_page("tasks", task=tasks[str(row["task"])], **there)


main()

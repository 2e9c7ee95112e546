"""Our use: weights, limits and an index say what matters; the answer is a short list with its reasons."""

from __future__ import annotations

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import use as use_figures
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import leaderboard as leaderboard_queries
from dashboard.queries import use as use_queries
from dashboard.queries.question import Question
from dashboard.queries.use import Limits, ShortList, Use
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import first_rows, show_sortable, show_table
from dashboard.sections.layout import lay_out
from dashboard.sections.links import compare_link, open_page
from dashboard.sections.prices import with_prices
from dashboard.sections.private import show_private, with_private
from dashboard.tables import use as use_tables
from dashboard.words import listed, mark, running, tr, tr_n
from data.rules.bootstrap import FEW, TIED
from data.rules.licences import CLASSES
from data.rules.weighting import BYTES_PER_DIMENSION, PRESETS, Preset

SHOWN = 50
_HEADINGS = {"domains": mark("Domains"), "languages": mark("Languages"), "tasks": mark("Tasks")}
_HINTS = {
    "domains": mark("Tasks of these domains weigh this much more inside their type; 0 leaves them out"),
    "languages": mark("Only cells in these languages count; a weight each"),
    "tasks": mark("These tasks weigh this much more inside their type; 0 leaves one out"),
}
AT_LEAST_ZERO: dict[str, Any] = {"min_value": 0.0, "step": 1.0, "format": "%g"}


class Choices(NamedTuple):
    """What matters, the index of vectors that is to be paid for, and the place of the answer above the controls."""

    use: Use
    vectors: dict[str, Any]
    answer: DeltaGenerator


class Answers(NamedTuple):
    """What is chosen, the short list, and its ranked models with what an index of theirs takes."""

    choices: Choices
    short_list: ShortList
    ranked: pd.DataFrame


def main() -> None:
    """What matters, then who fits, why, and how sure that is."""
    lay_out(controls, questions, (show_answer, show_reasons, show_list, show_figure, show_weights))


def controls() -> Choices | None:
    """The whole panel."""
    offered = list(answer_of(leaderboard_queries.benchmarks)["benchmark"])
    if not offered:
        show_empty(tr("The store has no benchmark yet."), "python -m evaluators import")
        return None
    left, right = st.columns([3, 3])
    presets = {preset.label: preset for preset in PRESETS}
    hint = tr("Sets the weights below, which can then be changed.")
    label = url_state.subject("use", tr("Use"), list(presets), "use", where=left, help=hint, shown=tr)
    if label is None:
        return None
    preset = presets[label]
    start = offered.index(preset.benchmark) if preset.benchmark in offered else 0
    # Controls whose default hangs on the use carry it in their key, so that another use starts from its own.
    benchmark = url_state.subject(
        "benchmark", tr("Benchmark"), offered, f"{preset.name}_benchmark", index=start, where=right
    )
    if benchmark is None:
        return None
    answer = st.container()
    weigh, must, index = st.columns(3)
    with weigh.expander(tr("What matters"), expanded=True, icon=":material/balance:"):
        weights = choose_weights(preset, benchmark)
    with must.expander(tr("What a model must have"), expanded=True, icon=":material/rule:"):
        limits, strict, coverage = choose_limits()
    with index.expander(tr("Index and list"), expanded=True, icon=":material/database:"):
        vectors, top = choose_index()
    return Choices(Use(benchmark, **weights, limits=limits, strict=strict, coverage=coverage, top=top), vectors, answer)


def choose_weights(preset: Preset, benchmark: str) -> dict[str, Any]:
    """Shares of task types, and weights of domains, languages and tasks."""
    tasks = answer_of(use_queries.tasks_with_types, benchmark)
    types = sorted(tasks["type"].unique())
    named = {name: share for name, share in preset.types.items() if name in types}
    if preset.types and not named:
        st.caption(tr("This benchmark has none of the task types the use asks for."))
    shares: list[tuple[str, float]] = []
    columns = st.columns(2)
    for i, name in enumerate(types):
        start = named.get(name, 0.0) if preset.types else 1.0
        n = int((tasks["type"] == name).sum())
        share = url_state.number_input(
            f"{name} ({n})",
            f"{preset.name}_{name}",
            where=columns[i % 2],
            help=tr("Share of {tasks}; 0 leaves them out", tasks=count(n, "task")),
            **AT_LEAST_ZERO,
            value=float(start),
        )
        shares.append((name, share or 0.0))
    offered = {
        "domains": (answer_of(use_queries.domains_of, benchmark), dict(preset.domains), 2.0),
        "languages": (answer_of(use_queries.languages_of, benchmark), {}, 1.0),
        "tasks": (sorted(tasks["task"]), {}, 2.0),
    }
    chosen: dict[str, Any] = {"types": tuple(shares)}
    for kind, (names, defaults, start) in offered.items():
        picked = url_state.multiselect(
            tr(_HEADINGS[kind]), names, f"{preset.name}_{kind}", default=[n for n in defaults if n in names],
            help=tr(_HINTS[kind]), placeholder=tr("All alike"),
        )  # fmt: skip
        weights = [
            url_state.number_input(
                tr("Weight of {name}", name=n), f"{kind}_{n}", **AT_LEAST_ZERO, value=defaults.get(n, start)
            )
            for n in picked
        ]
        chosen[kind] = tuple((n, weight or 0.0) for n, weight in zip(picked, weights, strict=True))
    return chosen


def choose_limits() -> tuple[Limits, bool, float]:
    """Hard limits on models, and which figures count."""
    unlimited: dict[str, Any] = {"min_value": 0.0, "value": None, "placeholder": tr("no limit"), "format": "%g"}
    billions = url_state.number_input(tr("Parameters at most (billions)"), "parameters", step=0.5, **unlimited)
    left, right = st.columns(2)
    dimensions = url_state.number_input(tr("Dimensions at most"), "dimensions", where=left, step=128.0, **unlimited)
    tokens = url_state.number_input(tr("Max tokens at least"), "tokens", where=right, step=512.0, **unlimited)
    zero_shot = url_state.number_input(
        tr("Zero-shot at least (%)"), "zero_shot", step=10.0, max_value=100.0, **unlimited,
        help=tr("Share of the benchmark's tasks that the model was not trained on"),
    )  # fmt: skip
    licence = tuple(
        url_state.multiselect(
            tr("Licence"), list(CLASSES), "licence", placeholder=tr("any"),
            format_func=CLASSES.__getitem__, shown=lambda code: tr(CLASSES[code]),
            help=tr("What it lets a company do. Open weights alone do not allow commercial use."),
        )
    )  # fmt: skip
    weights = url_state.toggle(tr("Open weights"), "open")
    strict = url_state.toggle(
        tr("Only figures run on today's data"), "strict",
        help=tr("Leaves out model cards' own figures, other dataset revisions and mixed model revisions."),
    )  # fmt: skip
    coverage = url_state.number_input(
        tr("Ignore tasks that fewer models have than (%)"), "coverage", min_value=0.0, max_value=100.0, value=25.0,
        step=5.0, format="%g", help=tr("A model must have every task that counts; a rare task would leave most out."),
    )  # fmt: skip
    limits = Limits(None if billions is None else billions * 1e9, dimensions, tokens, zero_shot, licence, weights)
    return limits, strict, (coverage or 0.0) / 100


def choose_index() -> tuple[dict[str, Any], int]:
    """What the vectors will cost, and how long the list is."""
    thousands = url_state.number_input(
        tr("Documents (thousands)"), "documents", min_value=0.0, value=1000.0, step=1000.0, format="%g"
    )
    precision = url_state.selectbox(tr("Precision of vectors"), list(BYTES_PER_DIMENSION), "precision") or "float32"
    offered = tr("Where a model offers fewer dimensions. Scores stay those of the full vectors.")
    empty_at_first: dict[str, Any] = {"value": None, "format": "%g"}
    cut = url_state.number_input(
        tr("Cut vectors to at most"),
        "cut",
        min_value=1.0,
        step=128.0,
        placeholder=tr("all"),
        help=offered,
        **empty_at_first,
    )
    price = url_state.number_input(
        tr("Price per GB and month"), "price", min_value=0.0, step=0.1, placeholder=tr("not counted"), **empty_at_first
    )
    bounds = {"min_value": 1.0, "max_value": 20.0}
    top = url_state.number_input(tr("Length of the short list"), "top", value=5.0, step=1.0, format="%g", **bounds)
    documents = 1000 * (thousands or 0.0)
    return {"documents": documents, "precision": precision, "cut": cut, "price": price}, int(top or 5)


def questions(choices: Choices) -> Answers:
    """Who fits, and what an index of each model's vectors takes."""
    short_list = answer_of(use_queries.short_list, choices.use)
    ranked = short_list.ranked
    return Answers(choices, short_list, use_queries.with_index(ranked, **choices.vectors) if len(ranked) else ranked)


def show_answer(answers: Answers) -> None:
    """The headline, and who is not on the list and why."""
    with answers.choices.answer:
        _show_first(answers)


def _show_first(answers: Answers) -> None:
    st.subheader(tr("The short list"), anchor=False)
    short_list, ranked = answers.short_list, answers.ranked
    if ranked.empty:
        show_empty(tr("No model within the limits has every score that counts. Loosen a limit, or take fewer tasks."))
    else:
        first, among = plain(ranked["model"].iloc[0]), count(len(ranked), "model")
        st.markdown(
            tr("**{model}** is first of {models}; {how_sure}.", model=first, models=among, how_sure=how_sure(ranked))
        )
    left_out = use_tables.who_is_left_out(len(short_list.lacking), short_list.excluded, short_list.models)
    st.caption(plain(left_out))
    if short_list.rare:
        rare = listed(map(plain, short_list.rare))
        st.caption(tr("Ignored, because too few models have them: {tasks}.", tasks=rare))
    if len(short_list.lacking):
        lacking = count(len(short_list.lacking), "model")
        with st.expander(tr("{models} within the limits lack scores that count", models=lacking)):
            show_table(use_tables.lacking_table(with_private(first_rows(short_list.lacking))))


def how_sure(ranked: pd.DataFrame) -> str:
    """What the tasks say of the first against all others."""
    if len(ranked) == 1:
        return tr("nobody else has every score that counts, so it is set apart from none")
    if ranked["against_first"].eq(FEW).any():
        return tr("too few tasks count to say how sure that is")
    tied = int(ranked["against_first"].eq(TIED).sum())
    if tied:
        return tr_n(tied, "{n:,} other is statistically tied with it", "{n:,} others are statistically tied with it")
    return tr("the tasks set it apart from all {n} others", n=len(ranked) - 1)


def show_reasons(answers: Answers) -> None:
    """Each of the short list in a sentence, and the way to compare them."""
    use = answers.choices.use
    by_type = answers.short_list.weights.groupby("type")["weight"].sum()
    types = list(by_type.sort_values(ascending=False, kind="stable").index)
    why = use_tables.reasons(answers.ranked, types, use.top)
    lines = [f"{i}. **{plain(model)}** – {plain(sentence)}" for i, (model, sentence) in enumerate(why, 1)]
    models = [model for model, _ in why]
    if lines:
        st.markdown("\n".join(lines))
    show_private(models=models)
    if len(models) > 1:
        label = tr("Compare the short list task by task")
        compare_link(label, use.benchmark, models, strict=use.strict, question=Question.of(use))


def show_list(answers: Answers) -> None:
    """All who fit, with intervals and robustness; a click opens a model."""
    (use, vectors, _), ranked = answers.choices, answers.ranked
    if ranked.empty:
        return
    row = show_sortable(use_tables.short_list_table(with_prices(with_private(ranked.head(SHOWN))), use.top), "rows")
    index = tr(
        "Index: {n:,.0f} vectors in {precision}, without the search structure around them.",
        n=vectors["documents"], precision=vectors["precision"],
    )  # fmt: skip
    first = tr("The first {n} of {total}.", n=SHOWN, total=len(ranked)) if len(ranked) > SHOWN else ""
    st.caption(running(index, first, tr("Select a row to open its profile, a head to sort by it.")))
    if row is not None:
        open_page("models", model=str(row["model"]), benchmark=use.benchmark)


def show_figure(answers: Answers) -> None:
    """Quality against what it costs."""
    ranked = answers.ranked
    if ranked.empty:
        return
    st.subheader(tr("Quality against size"), anchor=False)
    sizes = list(use_figures.SIZES)
    size = url_state.segmented_control(tr("Size"), sizes, "size", shown=tr, label_visibility="collapsed")
    figure = use_figures.short_list_chart(first_rows(ranked), size, answers.choices.use.top)
    show_chart(figure, key=f"u_pareto_{size}")
    unknown = int(ranked[use_figures.SIZES[size][0]].isna().sum())
    if unknown:
        st.caption(tr("{models} of unknown size not drawn.", models=count(unknown, "model")))


def show_weights(answers: Answers) -> None:
    """Every task with its share of the score."""
    weights = answers.short_list.weights
    scores = count(len(weights), "score")
    with st.expander(tr("The score: {scores} that count, with their shares", scores=scores)):
        show_table(use_tables.weights_table(with_private(weights)))


main()

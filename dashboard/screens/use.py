"""Our use: weights, limits and an index say what matters; the answer is a short list with its reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard import asks, grids, private, url_state
from dashboard.access import ask
from dashboard.figures import use as figures
from dashboard.formatting import count, plain
from dashboard.messages import empty
from dashboard.queries import use as queries
from dashboard.queries.leaderboard import benchmarks
from dashboard.queries.use import Limits, ShortList, Use
from dashboard.question import Question
from dashboard.tables import use as tables
from data.rules.bootstrap import FEW, TIED
from data.rules.licences import CLASSES
from data.rules.weighting import BYTES_PER_DIMENSION, PRESETS, Preset
from data.store.errors import InputError

SHOWN = 50
AT_LEAST_ZERO: dict[str, Any] = {"min_value": 0.0, "step": 1.0, "format": "%g"}


def main() -> None:
    """What matters, then who fits, why, and how sure that is."""
    offered = list(ask(benchmarks)["benchmark"])
    if not offered:
        empty("The store has no benchmark yet.", "python -m evaluators import")
        return
    asked = controls(offered)
    if asked is None:
        return
    use, index = asked
    try:
        found = ask(queries.short_list, use)
    except InputError as error:
        empty(plain(error))
        return
    show_answer(found)
    if len(found.ranked):
        ranked = queries.with_index(found.ranked, **index)
        show_reasons(found, ranked, use)
        show_list(ranked, use, f"{index['documents']:,.0f} vectors in {index['precision']}")
        show_figure(ranked, use)
    show_weights(found)


def controls(offered: list[str]) -> tuple[Use, dict[str, Any]] | None:
    """The whole panel; every answer is in the address. None while the address names what nobody knows."""
    left, right = st.columns([3, 3])
    presets = {preset.label: preset for preset in PRESETS}
    hint = "Sets the weights below, which can then be changed."
    label = url_state.subject("use", "Use", list(presets), "u_use", where=left, help=hint)
    if label is None:
        return None
    preset = presets[label]
    start = offered.index(preset.benchmark) if preset.benchmark in offered else 0
    # Controls whose default hangs on the use carry it in their key, so that another use starts from its own.
    benchmark = url_state.subject(
        "benchmark", "Benchmark", offered, f"u_{preset.name}_benchmark", index=start, where=right
    )
    if benchmark is None:
        return None
    weigh, must, index = st.columns(3)
    with weigh.expander("What matters", expanded=True, icon=":material/balance:"):
        weights = ask_weights(preset, benchmark)
    with must.expander("What a model must have", expanded=True, icon=":material/rule:"):
        limits, strict, coverage = ask_limits()
    with index.expander("Index and list", expanded=True, icon=":material/database:"):
        vectors, top = ask_index()
    return Use(benchmark, **weights, limits=limits, strict=strict, coverage=coverage, top=top), vectors


def ask_weights(preset: Preset, benchmark: str) -> dict[str, Any]:
    """Shares of task types, and weights of domains, languages and tasks."""
    tasks = ask(queries.tasks_with_types, benchmark)
    types = sorted(tasks["type"].unique())
    named = {name: share for name, share in preset.types.items() if name in types}
    if preset.types and not named:
        st.caption("This benchmark has none of the task types the use asks for.")
    shares: list[tuple[str, float]] = []
    columns = st.columns(2)
    for i, name in enumerate(types):
        start = named.get(name, 0.0) if preset.types else 1.0
        n = int((tasks["type"] == name).sum())
        share = url_state.number(
            f"{name} ({n})",
            f"u_{preset.name}_{name}",
            where=columns[i % 2],
            help=f"Share of {count(n, 'task')}; 0 leaves them out",
            **AT_LEAST_ZERO,
            value=float(start),
        )
        shares.append((name, share or 0.0))
    given = {
        "domains": (ask(queries.domains_of, benchmark), dict(preset.domains), 2.0),
        "languages": (ask(queries.languages_of, benchmark), {}, 1.0),
        "tasks": (sorted(tasks["task"]), {}, 2.0),
    }
    hints = {
        "domains": "Tasks of these domains weigh this much more inside their type; 0 leaves them out",
        "languages": "Only cells in these languages count; a weight each",
        "tasks": "These tasks weigh this much more inside their type; 0 leaves one out",
    }
    chosen: dict[str, Any] = {"types": tuple(shares)}
    for kind, (names, defaults, start) in given.items():
        picked = url_state.choose_many(
            kind.capitalize(), names, f"u_{preset.name}_{kind}", default=[n for n in defaults if n in names],
            help=hints[kind], placeholder="All alike",
        )  # fmt: skip
        weights = [
            url_state.number(f"Weight of {n}", f"u_{kind}_{n}", **AT_LEAST_ZERO, value=defaults.get(n, start))
            for n in picked
        ]
        chosen[kind] = tuple((n, weight or 0.0) for n, weight in zip(picked, weights, strict=True))
    return chosen


def ask_limits() -> tuple[Limits, bool, float]:
    """Hard limits on models, and which figures count."""
    unlimited: dict[str, Any] = {"min_value": 0.0, "value": None, "placeholder": "no limit", "format": "%g"}
    billions = url_state.number("Parameters at most (billions)", "u_parameters", step=0.5, **unlimited)
    left, right = st.columns(2)
    dimensions = url_state.number("Dimensions at most", "u_dimensions", where=left, step=128.0, **unlimited)
    tokens = url_state.number("Max tokens at least", "u_tokens", where=right, step=512.0, **unlimited)
    zero_shot = url_state.number(
        "Zero-shot at least (%)", "u_zero_shot", step=10.0, max_value=100.0, **unlimited,
        help="Share of the benchmark's tasks that the model was not trained on",
    )  # fmt: skip
    licence = tuple(
        url_state.choose_many(
            "Licence", list(CLASSES), "u_licence", placeholder="any", format_func=CLASSES.__getitem__,
            help="What it lets a company do. Open weights alone do not allow commercial use.",
        )
    )  # fmt: skip
    weights = url_state.switch("Open weights", "u_open")
    strict = url_state.switch(
        "Only figures run on today's data", "u_strict",
        help="Leaves out model cards' own figures, other dataset revisions and mixed model revisions.",
    )  # fmt: skip
    coverage = url_state.number(
        "Ignore tasks that fewer models have than (%)", "u_coverage", min_value=0.0, max_value=100.0, value=25.0,
        step=5.0, format="%g", help="A model must have every task that counts; a rare task would leave most out.",
    )  # fmt: skip
    limits = Limits(None if billions is None else billions * 1e9, dimensions, tokens, zero_shot, licence, weights)
    return limits, strict, (coverage or 0.0) / 100


def ask_index() -> tuple[dict[str, Any], int]:
    """What the vectors will cost, and how long the list is."""
    thousands = url_state.number(
        "Documents (thousands)", "u_documents", min_value=0.0, value=1000.0, step=1000.0, format="%g"
    )
    precision = url_state.choose("Precision of vectors", list(BYTES_PER_DIMENSION), "u_precision") or "float32"
    offered = "Where a model offers fewer dimensions. Scores stay those of the full vectors."
    empty_at_first: dict[str, Any] = {"value": None, "format": "%g"}
    cut = url_state.number(
        "Cut vectors to at most", "u_cut", min_value=1.0, step=128.0, placeholder="all", help=offered, **empty_at_first
    )
    price = url_state.number(
        "Price per GB and month", "u_price", min_value=0.0, step=0.1, placeholder="not counted", **empty_at_first
    )
    bounds = {"min_value": 1.0, "max_value": 20.0}
    top = url_state.number("Length of the short list", "u_top", value=5.0, step=1.0, format="%g", **bounds)
    documents = 1000 * (thousands or 0.0)
    return {"documents": documents, "precision": precision, "cut": cut, "price": price}, int(top or 5)


def show_answer(found: ShortList) -> None:
    """The headline, and who is not on the list and why."""
    st.subheader("The short list", anchor=False)
    ranked = found.ranked
    if ranked.empty:
        empty("No model within the limits has every score that counts. Loosen a limit, or take fewer tasks.")
    else:
        tied = int(ranked["against_first"].eq(TIED).sum())
        sure = (
            "nobody else has every score that counts, so it is set apart from none"
            if len(ranked) == 1
            else "too few tasks count to say how sure that is"
            if ranked["against_first"].eq(FEW).any()
            else f"the tasks set it apart from all {len(ranked) - 1} others"
            if tied < 1
            else f"{count(tied, 'other is', 'others are')} statistically tied with it"
        )
        st.markdown(f"**{plain(ranked['model'].iloc[0])}** is first of {count(len(ranked), 'model')}; {sure}.")
    st.caption(plain(tables.left_out(len(found.lacking), found.excluded, found.models)))
    if found.rare:
        st.caption(f"Ignored, because too few models have them: {plain(', '.join(found.rare))}.")
    if len(found.lacking):
        with st.expander(f"{count(len(found.lacking), 'model')} within the limits lack scores that count"):
            shown = found.lacking.rename(columns={"model": "Model", "missing": "Scores missing"})
            st.dataframe(private.marked(shown), hide_index=True, column_config=private.COLUMN)


def show_reasons(found: ShortList, ranked: pd.DataFrame, use: Use) -> None:
    """Each of the short list in a sentence, and the way to compare them."""
    types = list(found.weights.groupby("type")["weight"].sum().sort_values(ascending=False, kind="stable").index)
    why = tables.reasons(ranked, types, use.top)
    lines = [f"{i}. **{plain(model)}** – {plain(sentence)}" for i, (model, sentence) in enumerate(why, 1)]
    st.markdown("\n".join(lines))
    private.badge(models=[model for model, _ in why])
    if len(why) > 1:
        models = [model for model, _ in why]
        label = "Compare the short list task by task"
        asks.compare(label, use.benchmark, models, strict=use.strict, question=Question.of(use))


def show_list(ranked: pd.DataFrame, use: Use, index: str) -> None:
    """All who fit, with intervals and robustness; a click opens a model."""
    number = st.column_config.NumberColumn
    shown = private.marked(tables.short_list(ranked.head(SHOWN), use.top))
    types = [c.removeprefix("mean ") for c in ranked.columns if c.startswith("mean ")]
    share = number(format="%.0f %%", help="Share of 2,000 small changes of the weights in which it holds")
    head = ranked.head(SHOWN)
    row = grids.show(
        shown,
        "u_rows",
        by={"Parameters": head["n_parameters"], "Index": head["index_bytes"], "95 % interval": head["low"]},
        column_config=private.COLUMN
        | {
            "Model": st.column_config.TextColumn(pinned=True),
            "95 % interval": st.column_config.TextColumn(
                help="Had the tasks been others like these: bootstrap over tasks"
            ),
            "Tied with first": st.column_config.CheckboxColumn(
                help="The interval of the difference to the first has 0 in it"
            ),
            "First": share,
            f"Top {use.top}": share,
            "Zero-shot": number(format="%.0f %%"),
            "Cost a month": number(format="%.2f"),
            **dict.fromkeys(["Score", *types], number(format="%.2f")),
        },
    )
    st.caption(
        f"Index: {index}, without the search structure around them."
        + (f" The first {SHOWN} of {len(ranked)}." if len(ranked) > SHOWN else "")
        + " Select a row to open its profile, a head to sort by it."
    )
    if row is not None:
        model = str(shown["Model"].iloc[row])
        st.switch_page("screens/models.py", query_params={"m_model": model, "m_benchmark": use.benchmark})


def show_figure(ranked: pd.DataFrame, use: Use) -> None:
    """Quality against what it costs."""
    st.subheader("Quality against size", anchor=False)
    size = url_state.one_of("Size", list(figures.SIZES), "u_size", label_visibility="collapsed")
    st.plotly_chart(figures.short_list_chart(ranked, size, use.top), key=f"u_pareto_{size}")
    unknown = int(ranked[figures.SIZES[size][0]].isna().sum())
    if unknown:
        st.caption(f"{count(unknown, 'model')} of unknown size not drawn.")


def show_weights(found: ShortList) -> None:
    """Every task with its share of the score."""
    with st.expander(f"The score: {count(len(found.weights), 'score')} that count, with their shares"):
        share = st.column_config.NumberColumn(format="%.2f %%")
        shown = private.marked(tables.weights(found.weights))
        st.dataframe(shown, hide_index=True, column_config=private.COLUMN | {"Share": share})


main()

"""Replace our model: who holds up against the model there is, what is gained and lost, and what the move costs."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.formatting import plain
from dashboard.messages import show_empty
from dashboard.queries import compare as compare_queries
from dashboard.queries import names as names_queries
from dashboard.queries import replace as replace_queries
from dashboard.queries import use as use_queries
from dashboard.queries.replace import ENOUGH, USUAL
from dashboard.queries.use import Limits
from dashboard.sections.candidate import Documents, Exchange, show_exchange
from dashboard.sections.filled_means import with_means
from dashboard.sections.grid import show_sortable
from dashboard.sections.layout import lay_out
from dashboard.sections.prices import show_faults_of_prices, with_prices
from dashboard.sections.private import show_private, with_private
from dashboard.sections.replacement import show_verdict
from dashboard.tables import replace as replace_tables
from dashboard.words import tr
from data.rules.bootstrap import AHEAD, BEHIND, TIED
from data.rules.licences import CLASSES
from data.rules.weighting import BYTES_PER_DIMENSION

SHOWN = 100


class Choices(NamedTuple):
    """The model there is, where it is judged, what a candidate must have, and what is in the index.

    ``models`` are those a decision on this page is about: the one there is, and the candidate that was opened.
    """

    incumbent: str
    models: tuple[str, ...]
    benchmark: str
    limits: Limits
    priced: bool
    coverage: float
    documents: Documents
    strict: bool


class Answers(NamedTuple):
    """What is chosen; every rival; those within the limits that share enough; and how many share too few."""

    choices: Choices
    rivals: pd.DataFrame
    compared: pd.DataFrame
    within: int
    has: tuple[int, int]
    own_bytes: float


def main() -> None:
    """The model there is and the answer, then the candidates, then one of them in full."""
    lay_out(controls, questions, (show_answer, show_candidates, show_candidate))


def controls() -> Choices | None:
    """The model there is, the benchmark, limits on candidates, documents."""
    offered = answer_of(replace_queries.every_model)
    scored = answer_of(names_queries.models)
    if not scored:
        show_empty(tr("The store has no scores yet."), "python -m evaluators import")
        return None
    left, right = st.columns([3, 2])
    start = offered.index(USUAL if USUAL in scored else scored[0])
    incumbent = url_state.subject(
        "model", tr("The model we have"), offered, "incumbent", index=start, where=left,
        help=tr("Every candidate is compared with it on the tasks both have a score on."),
    )  # fmt: skip
    if incumbent is None:
        return None
    show_private(models=[incumbent])
    boards = answer_of(replace_queries.boards_of, incumbent)
    if not boards:
        show_empty(
            tr(
                "{model} has no score on any benchmark here, so nothing can be compared with it.",
                model=plain(incumbent),
            ),
            f"python -m evaluators reproduce {'MODEL' if '`' in incumbent else shlex.quote(incumbent)}",
        )
        return None
    benchmark = url_state.subject("benchmark", tr("Benchmark"), boards, "benchmark", where=right)
    if benchmark is None:
        return None
    limits, index = st.columns(2)
    with limits.expander(tr("What a candidate must have"), icon=":material/rule:"):
        limit, priced, coverage, strict = choose_limits()
    with index.expander(tr("What is in the index"), icon=":material/database:"):
        documents = choose_documents()
    opened = url_state.choice("candidate")
    models = (incumbent, opened) if isinstance(opened, str) and opened in offered else (incumbent,)
    return Choices(incumbent, models, benchmark, limit, priced, coverage, documents, strict)


def choose_limits() -> tuple[Limits, bool, float, bool]:
    """Hard limits on candidates, how much they must share, and which figures count."""
    unlimited: dict[str, Any] = {"min_value": 0.0, "value": None, "placeholder": tr("no limit"), "format": "%g"}
    left, right = st.columns(2)
    billions = url_state.number_input(
        tr("Parameters at most (billions)"), "parameters", where=left, step=0.5, **unlimited
    )
    dimensions = url_state.number_input(tr("Dimensions at most"), "dimensions", where=right, step=128.0, **unlimited)
    tokens = url_state.number_input(tr("Max tokens at least"), "tokens", where=left, step=512.0, **unlimited)
    coverage = url_state.number_input(
        tr("Shared tasks at least (%)"), "coverage", where=right, min_value=0.0, max_value=100.0, value=100 * ENOUGH,
        step=10.0, format="%g",
        help=tr("Of the tasks our model has: a mean over a few of them says little of the rest."),
    )  # fmt: skip
    licences = url_state.multiselect(
        tr("Licence"), list(CLASSES), "licence", placeholder=tr("any"), format_func=CLASSES.__getitem__,
        shown=lambda code: tr(CLASSES[code]),
        help=tr("What it lets a company do. Open weights alone do not allow commercial use."),
    )  # fmt: skip
    left, right = st.columns(2)
    weights = url_state.toggle(tr("Open weights"), "open", where=left)
    priced = url_state.toggle(tr("Price known"), "priced", where=right)
    strict = url_state.toggle(
        tr("Only figures run on today's data"), "strict",
        help=tr("Leaves out model cards' own figures, other dataset revisions and mixed model revisions."),
    )  # fmt: skip
    size = None if billions is None else billions * 1e9
    limits = Limits(size, dimensions, tokens, None, tuple(licences), weights)
    return limits, priced, (coverage or 0.0) / 100, strict


def choose_documents() -> Documents:
    """What has to be embedded anew, and how its vectors are kept."""
    left, right = st.columns(2)
    thousands = url_state.number_input(
        tr("Documents (thousands)"), "documents", where=left, min_value=0.0, value=1000.0, step=1000.0, format="%g"
    )
    mean = url_state.number_input(
        tr("Tokens a document, in the mean"), "mean", where=right, min_value=1.0, value=300.0, step=100.0, format="%g"
    )
    precision = url_state.selectbox(tr("Precision of vectors"), list(BYTES_PER_DIMENSION), "precision") or "float32"
    return Documents(1000 * (thousands or 0.0), mean or 0.0, precision)


def questions(choices: Choices) -> Answers | None:
    """Every rival, with what an index and the move to it cost; those that meet the limits and share enough."""
    incumbent, benchmark, strict = choices.incumbent, choices.benchmark, choices.strict
    rivals = answer_of(replace_queries.rivals, incumbent, benchmark, strict)
    has, total = answer_of(replace_queries.has_tasks, incumbent, benchmark, strict)
    if not has or not len(rivals):
        show_empty(tr("With these choices there is nothing to compare {model} with.", model=plain(incumbent)))
        return None
    documents = choices.documents
    speeds = answer_of(replace_queries.speeds)["speed"].astype(float)
    frame = with_prices(rivals).assign(speed=rivals["model"].map(speeds) if len(speeds) else np.nan)
    frame = use_queries.with_index(frame, documents.n, documents.precision)
    frame = frame.assign(dollars=documents.n * documents.mean_tokens / 1e6 * frame["usd"])
    _, within = use_queries.within_limits(frame, choices.limits)
    if choices.priced:
        within &= frame["usd"].notna()
    enough = frame["tasks"] >= max(1.0, choices.coverage * has)
    # Rivals come by name, so that of those level the first by name stays first.
    order = frame.loc[within & enough, "difference"].sort_values(ascending=False, kind="stable").index
    compared = frame.loc[order].reset_index(drop=True)
    own = answer_of(compare_queries.registry_facts, (incumbent,))
    size = use_queries.with_index(own, documents.n, documents.precision)["index_bytes"].iloc[0]
    return Answers(choices, frame, compared, int(within.sum()), (has, total), float(size))


def show_answer(answers: Answers) -> None:
    """The answer in a sentence, who is named first, and of whom it is the answer."""
    choices, compared = answers.choices, answers.compared
    if compared.empty:
        show_empty(tr("No model within the limits shares enough tasks. Loosen a limit."))
    else:
        show_verdict(compared, choices.incumbent, answers.has[0], answers.own_bytes)
    standing = compared["standing"].value_counts()
    has, total = answers.has
    st.caption(
        tr(
            "{model} has {has:,} of the {total:,} tasks of {benchmark}. Of {rivals:,} other models there, {within:,} "
            "meet the limits and {compared:,} of those share enough tasks: {ahead:,} better, {tied:,} that cannot be "
            "told apart, {behind:,} worse. Differences are in points, on the tasks that both have.",
            model=plain(choices.incumbent), has=has, total=total, benchmark=plain(choices.benchmark),
            rivals=len(answers.rivals), within=answers.within, compared=len(compared),
            **{name: int(standing.get(code, 0)) for name, code in
               (("ahead", AHEAD), ("tied", TIED), ("behind", BEHIND))},
        )
    )  # fmt: skip


def show_candidates(answers: Answers) -> None:
    """Everybody compared, the best first; a click opens one below."""
    compared = answers.compared
    if compared.empty:
        return
    st.subheader(tr("Candidates"), anchor=False)
    shown = with_means(
        compared.head(SHOWN), answers.choices.incumbent, answers.choices.benchmark, answers.choices.strict
    )
    table = replace_tables.candidates_table(with_private(shown))
    row = show_sortable(table, "rows", height=38 + 35 * min(12, len(table.source)))
    if row is not None:  # before the control it sets, which is below
        url_state.set_choice("candidate", str(row["model"]))
    st.caption(
        tr(
            "The first {n:,} of {total:,}. Select a row to open it below, a head to sort by it.",
            n=SHOWN,
            total=len(compared),
        )
        if len(compared) > SHOWN
        else tr("Select a row to open it below, a head to sort by it.")
    )
    show_faults_of_prices(answer_of(replace_queries.every_model))


def show_candidate(answers: Answers) -> None:
    """One candidate in full: the one chosen, else the first that holds up, else the first of the list."""
    choices = answers.choices
    able = answers.rivals.loc[answers.rivals["tasks"] > 0, "model"].tolist()
    compared = answers.compared["model"]  # in the order in which those that hold up are named
    best = (compared[answers.compared["standing"].isin([AHEAD, TIED])], compared)
    first = [*(name for names in best for name in names.head(1)), *able][:1]
    if not first:
        return
    chosen = url_state.selectbox(tr("Open a candidate"), able, "candidate", index=None, placeholder=first[0])
    pair = Exchange(choices.incumbent, chosen or first[0], choices.benchmark, choices.strict)
    show_exchange(pair, choices.documents)


main()

"""The controls that choose models and tasks, in the sidebar; each is in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import url_state
from dashboard.queries.leaderboard import Filter
from dashboard.words import mark, running, tr
from data.rules.licences import CLASSES

__all__ = ["RULE", "choose_among"]

RULE = mark(
    "Filters choose models and tasks; ranks and means are then computed among exactly those by the same rule; "
    "the name search only hides rows."
)

SIZES = {"0": 0.0, "25M": 25e6, "50M": 50e6, "100M": 1e8, "250M": 2.5e8, "500M": 5e8, "1B": 1e9, "2B": 2e9, "4B": 4e9}
SIZES |= {"8B": 8e9, "16B": 16e9, "∞": float("inf")}
DIMENSIONS = [64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096]
TOKENS = [256, 512, 1024, 2048, 4096, 8192, 16384, 32768]
ZERO_SHOT = [100, 95, 90, 75, 50]
_OPEN = {mark("Any"): None, mark("Open"): True, mark("Proprietary"): False}
_YES = {"Any": None, mark("Yes"): True, mark("No"): False}
DEFAULTS: dict[str, Any] = {
    "size": ("0", "∞"),
    "dimensions": None,
    "tokens": None,
    "licence": [],
    "weights": "Any",
    "instructions": "Any",
    "zero_shot": None,
    "language": [],
    "type": [],
    "domain": [],
    "without": [],
    "complete": False,
    "trusted": False,
}


def choose_among(offered: dict[str, list[str]], *, zero_shot: bool) -> Filter:
    """The limits the viewer has set; ``offered`` is what the lists offer, ``zero_shot`` whether that is asked."""
    with st.sidebar:
        trusted = url_state.toggle(tr("Only figures run on today's data"), "trusted", help=tr(_TRUSTED))
        complete = url_state.toggle(
            tr("Complete models only"), "complete", help=tr("Models with a score on every task shown.")
        )
        st.subheader(tr("Models"), anchor=False)
        unknown, any_of_them = tr(_UNKNOWN), tr("Any")
        smallest, largest = url_state.range_slider(tr("Parameters"), list(SIZES), "size", help=unknown)
        dimensions = _limit(tr("Dimensions, at most"), DIMENSIONS, "dimensions", help=unknown)
        longest = running(tr("Longest text a model reads."), unknown)
        tokens = _limit(tr("Tokens read, at least"), TOKENS, "tokens", help=longest)
        licences = url_state.multiselect(
            tr("Licence"), list(CLASSES), "licence", placeholder=any_of_them, help=tr(_LICENCE),
            format_func=CLASSES.__getitem__, shown=lambda code: tr(CLASSES[code]),
        )  # fmt: skip
        weights = url_state.segmented_control(tr("Weights"), list(_OPEN), "weights", shown=tr)
        instructions = url_state.segmented_control(
            tr("Instructions"), list(_YES), "instructions", shown=tr, help=tr(_INSTRUCTIONS)
        )
        unseen = _limit(tr("Zero-shot, at least"), ZERO_SHOT, "zero_shot", help=tr(_ZERO_SHOT)) if zero_shot else None
        st.subheader(tr("Tasks"), anchor=False)
        languages = url_state.multiselect(
            tr("Language"), offered["languages"], "language", placeholder=any_of_them, help=tr(_LANGUAGE)
        )
        types = url_state.multiselect(tr("Task type"), offered["types"], "type", placeholder=any_of_them)
        domains = url_state.multiselect(tr("Domain"), offered["domains"], "domain", placeholder=any_of_them)
        without = url_state.multiselect(tr("Leave out tasks"), offered["tasks"], "without", placeholder=tr("None"))
        st.button(tr("Clear all filters"), icon=":material/filter_alt_off:", on_click=_clear, width="stretch")
    return Filter(
        size_from=SIZES[smallest] or None,
        size_to=None if largest == "∞" else SIZES[largest],
        dimensions_to=dimensions,
        tokens_from=tokens,
        licences=tuple(licences),
        open_weights=_OPEN[weights],
        instructions=_YES[instructions],
        zero_shot=unseen,
        languages=tuple(languages),
        types=tuple(types),
        domains=tuple(domains),
        without=tuple(without),
        complete=complete,
        trusted=trusted,
    )


def _limit(label: str, steps: list[int], key: str, *, help: str) -> int | None:
    spell = (lambda n: f"{n}%") if steps is ZERO_SHOT else str
    return url_state.selectbox(label, steps, key, index=None, placeholder=tr("Any"), help=help, format_func=spell)


def _clear() -> None:
    for name, value in DEFAULTS.items():
        if url_state.key_of(name) in st.session_state:
            url_state.set_choice(name, value)


_LICENCE = mark(
    "What the licence lets a company do. Open weights alone do not allow commercial use; where nobody stated a "
    "licence, or it is not one we know the terms of, it is unknown."
)
_UNKNOWN = mark("Models that do not say are left out once a limit is set.")
_INSTRUCTIONS = mark("Whether a model wants to be told the task in words before each query.")
_ZERO_SHOT = mark(
    "Share of the benchmark's tasks that the model was not trained on. 100% means it has seen none of them. "
    "Models whose training data nobody stated are left out once a limit is set."
)
_LANGUAGE = mark("Tasks that cover any of these languages (ISO 639-3). A task in several languages counts whole.")
_TRUSTED = mark(
    "Leaves out scores that are only stated on a model's own card, scores on another version of a data set than MTEB "
    "uses today, and scores of another revision of the model than most of its others. What is left out counts as no "
    "loss: ranks are among models that share the same tasks, and of those as many as go together."
)

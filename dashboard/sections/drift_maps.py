"""The maps of a check: by trait, by text, between encoders, along the vector, and the figures beside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import url_state
from dashboard.access import answer_of
from dashboard.figures import drift_maps as drift_maps_figures
from dashboard.figures import drift_spread as drift_spread_figures
from dashboard.formatting import count, plain
from dashboard.messages import show_empty
from dashboard.queries import drift as drift_queries
from dashboard.queries import drift_cost as drift_cost_queries
from dashboard.queries import drift_vectors as drift_vectors_queries
from dashboard.queries.drift import SCALES
from dashboard.sections.drift_scales import measure_label
from dashboard.sections.drift_verdicts import show_verdict_figures
from dashboard.sections.figure import show_chart
from dashboard.sections.grid import show_table
from dashboard.tables import drift as drift_tables
from dashboard.words import listed, mark, tr
from data.rules.vectors.matrices import clustered

__all__ = ["VIEWS", "Chosen", "changes_in_words", "show_map"]

VIEWS = [
    mark("traits"), mark("texts"), mark("encoders"), mark("dimensions"), mark("distributions"), mark("length"),
    mark("history"), mark("cost"), mark("figures"),
]  # fmt: skip
_BETWEEN = {
    "cosine_distance": mark("Mean cosine distance"),
    "neighbours_lost": mark("Neighbours lost"),
    "similarities": mark("1 - rank correlation of similarities"),
}
_CHANGED = {
    "reference": mark("reference: {name} {before} → {after}"),
    "candidate": mark("candidate: {name} {before} → {after}"),
}
_NOBODY = mark("nobody there")
_WORST, _MEAN = mark("worst text"), mark("mean")


class Chosen(NamedTuple):
    """What the viewer looks at: a check, and one candidate of it against another encoder."""

    check: str
    output: str
    encoders: pd.DataFrame
    texts: pd.DataFrame
    candidate: str
    against: str
    measure: str
    order: str
    log: bool

    @property
    def names(self) -> dict[str, str]:
        """Encoders by id, as they are called here."""
        return dict(zip(self.encoders["encoder_id"], self.encoders["name"], strict=True))

    @property
    def pair(self) -> tuple[str, str, str, str]:
        """Check, output, candidate and what it is laid against, as the queries ask."""
        return self.check, self.output, self.candidate, self.against

    @property
    def pair_names(self) -> tuple[str, str]:
        """The candidate and what it is laid against, as they are called here."""
        return self.names[self.candidate], self.names[self.against]

    @property
    def reference(self) -> str:
        """The check's reference."""
        return str(self.encoders.loc[self.encoders["is_reference"], "encoder_id"].iloc[0])

    @property
    def reference_name(self) -> str:
        """The check's reference, as it is called here."""
        return self.names[self.reference]

    @property
    def text_names(self) -> dict[str, str]:
        """Texts by hash, as they are called here."""
        return dict(zip(self.texts["text_hash"], self.texts["name"], strict=True))


def show_map(view: str, chosen: Chosen, verdicts: pd.DataFrame) -> None:
    """One view of the check; a click on a cell or a point chooses its text and encoder for the panel below."""
    if view == "figures":
        show_verdict_figures(verdicts)
    else:
        _SHOWN[view](chosen)


def _traits(chosen: Chosen) -> None:
    worst = url_state.segmented_control(tr("A cell is"), [_WORST, _MEAN], "trait_cell", shown=tr) == _WORST
    traits = answer_of(drift_queries.traits, chosen.check, chosen.output, chosen.measure, worst)
    values = _ordered(traits.pivot(index="encoder_id", columns="trait", values="value"), chosen)
    counts, texts = (
        traits.pivot(index="encoder_id", columns="trait", values=name).reindex(
            index=values.index, columns=values.columns
        )
        for name in ("n", "text_hash")
    )
    targets = [[(text, encoder) for text in texts.loc[encoder]] for encoder in values.index]
    names = chosen.names
    rows = [names[encoder] for encoder in values.index]
    _map(values, rows, list(values.columns), chosen, targets, counts=counts)
    st.caption(
        tr("A row is an encoder, a column a trait of the texts. A click opens the worst text of the cell below.")
    )


def _texts(chosen: Chosen) -> None:
    values = _ordered(answer_of(drift_queries.drift_by_text, chosen.check, chosen.output, chosen.measure), chosen)
    names, text_names = chosen.names, chosen.text_names
    targets = [[(text, encoder) for encoder in values.columns] for text in values.index]
    rows = [text_names[text] for text in values.index]
    _map(values, rows, [names[encoder] for encoder in values.columns], chosen, targets)
    st.caption(
        tr("A row is a text, a column an encoder; blank where an encoder gave no vector. A click opens the text below.")
    )


def _encoders(chosen: Chosen) -> None:
    by = url_state.segmented_control(
        tr("Encoders differ by"),
        list(_BETWEEN),
        "between",
        format_func=_BETWEEN.__getitem__,
        shown=lambda name: tr(_BETWEEN[name]),
    )
    values = answer_of(drift_vectors_queries.encoder_distances, chosen.check, chosen.output, by)
    if values.empty:
        none = tr("This output has no vectors that can be compared directly; see the texts.")
        st.info(none, icon=":material/info:")
        return
    if chosen.order == "clustered":
        order, _ = clustered(values.to_numpy())
        values = values.iloc[order, order]
    names = [chosen.names[encoder] for encoder in values.index]
    distance = by == "cosine_distance"
    figure = drift_maps_figures.drift_map(
        values,
        names,
        names,
        label=tr(_BETWEEN[by]),
        log=chosen.log and distance,
        floor_kind="distance" if distance else "",
    )
    _chart(figure, "map_encoders", chosen, [[(None, row, column) for column in values] for row in values.index])
    st.caption(
        tr(
            "Every encoder against every other, from their vectors. Blank: the two have vectors of other lengths. "
            "A click lays the two side by side below."
        )
    )


def _dimensions(chosen: Chosen) -> None:
    blocks = answer_of(drift_vectors_queries.dimension_blocks, *chosen.pair)
    if not blocks.shape[1]:
        st.info(tr("One of the two has no vectors that can be laid over each other."), icon=":material/info:")
        return
    if chosen.order == "clustered":
        values = blocks.iloc[clustered(blocks.to_numpy())[0]]
    else:
        values = blocks.loc[blocks.abs().max(axis=1).sort_values(ascending=False).index]
    names = chosen.text_names
    figure = drift_maps_figures.signed_map(
        values,
        [names[text] for text in values.index],
        list(values.columns),
        label=tr("Largest difference in the block, signed"),
    )
    targets = [[(text, chosen.candidate)] * values.shape[1] for text in values.index]
    _chart(figure, "map_dimensions", chosen, targets)
    st.caption(
        tr(
            "{candidate} minus {against}. A column is a block of dimensions, a cell the largest difference in it with "
            "its sign. A stripe is a dimension that is always off.",
            candidate=plain(chosen.names[chosen.candidate]), against=plain(chosen.names[chosen.against]),
        )
    )  # fmt: skip


def _distributions(chosen: Chosen) -> None:
    quantiles = answer_of(drift_vectors_queries.spread, chosen.check, chosen.output)
    shown = [
        ("drift", tr("Cosine distance to the reference"), chosen.log),
        ("norm", tr("Length of the vectors"), False),
        ("cosine", tr("Cosine between different texts of one encoder"), False),
    ]
    for of, title, log in shown:
        if (quantiles["of"] == of).any():
            figure = drift_spread_figures.spread_chart(quantiles, chosen.names, of=of, title=title, log=log)
            show_chart(figure, key=f"spread_{of}", config=_BARE)
    st.caption(
        tr("Boxes hold half of the texts (or pairs of texts), whiskers 90%. Dotted: what each precision explains.")
    )


def _length(chosen: Chosen) -> None:
    counted = chosen.texts["tokens"].notna().all()
    length = "tokens" if counted else "characters"
    wide = answer_of(drift_queries.drift_by_text, chosen.check, chosen.output, chosen.measure)
    long = wide.reset_index().melt("text_hash", var_name="encoder_id").dropna(subset="value")
    facts = chosen.texts.set_index("text_hash")
    long = long.assign(name=long["text_hash"].map(facts["name"]), length=long["text_hash"].map(facts[length]))
    figure = drift_spread_figures.length_chart(
        long, chosen.names, chosen.candidate, length=length, label=measure_label(chosen.measure),
        floor_kind=SCALES[chosen.measure].floor, log=chosen.log, limits=_limits(chosen) if counted else {},
    )  # fmt: skip
    mine = long[long["encoder_id"] == chosen.candidate]
    _points(figure, "map_length", chosen, list(mine["text_hash"]))


def _limits(chosen: Chosen) -> dict[str, float]:
    """The maximum lengths that the two encoders were set to, by what to write beside them."""
    settings = chosen.encoders.set_index("encoder_id")["max_length"]
    limits = {chosen.against: settings.get(chosen.against), chosen.candidate: settings.get(chosen.candidate)}
    known = {each: float(most) for each, most in limits.items() if pd.notna(most)}
    if len(known) > 1 and len(set(known.values())) == 1:
        return {tr("limit of both"): next(iter(known.values()))}
    return {tr("limit of {encoder}", encoder=chosen.names[each]): most for each, most in known.items()}


def _history(chosen: Chosen) -> None:
    history = answer_of(drift_queries.history, chosen.check, chosen.output, chosen.candidate)
    show_chart(drift_spread_figures.history_chart(history), key="history", config=_BARE)
    if len(history) < 2:
        st.info(
            tr(
                "This pair was checked once so far: checked again, it shows here whether it moved. "
                "`parity --watch 15m` checks it on a timer."
            ),
            icon=":material/history:",
        )
    shown = history["verdict"].mask(history["away"], _NOBODY)
    changed = history["changed"].map(changes_in_words)
    show_table(drift_tables.drift_history_table(history.assign(verdict=shown, changed=changed)))


def changes_in_words(changes: list[tuple[str, str, str | None, str | None]] | None) -> str:
    """What of either side is another than at the check before; nothing of a first check."""
    if changes is None:
        return ""
    words = (
        tr(_CHANGED[side], name=name, before=before or tr("none"), after=after or tr("none"))
        for side, name, before, after in changes
    )
    return listed(words, "; ") or tr("nothing that is recorded")


def _cost(chosen: Chosen) -> None:
    points = answer_of(drift_cost_queries.drift_and_delta)
    if points.empty:
        show_empty(
            tr(
                "**No encoder has both a parity check and a reproduction yet.** With both, this shows what a drift of "
                "1e-3 costs in score."
            ),
            "python -m evaluators reproduce MODEL --tasks STSBenchmark,Banking77Classification.v2",
        )
        return
    show_chart(drift_spread_figures.cost_chart(points), key="cost", config=_BARE)
    st.caption(
        tr(
            "{encoders} with a check and a reproduction under the same settings, {tasks}. The bar of a point is its "
            "task's noise floor: within it, no score has moved.",
            encoders=count(points["encoder"].nunique(), "encoder"), tasks=count(len(points), "task"),
        )
    )  # fmt: skip
    show_table(drift_tables.cost_table(points))


def _ordered(values: pd.DataFrame, chosen: Chosen) -> pd.DataFrame:
    """Rows and columns as chosen: worst first, alike ones together, or by name."""
    if chosen.order == "clustered":
        figures = values.to_numpy(dtype=np.float64)
        if chosen.log:
            figures = np.log10(np.maximum(figures, 1e-8))
        return values.iloc[*clustered(figures)]
    if chosen.order == "by name":
        called = {**chosen.names, **chosen.text_names}
        by_name = [sorted(axis, key=lambda each: called.get(each, each)) for axis in (values.index, values.columns)]
        return values.loc[by_name[0], by_name[1]]
    weight = np.log10(values.clip(lower=1e-8)) if chosen.log else values
    rows, columns = (np.argsort(-weight.mean(axis=axis).to_numpy(), kind="stable") for axis in (1, 0))
    return values.iloc[rows, columns]


def _map(
    values: pd.DataFrame, rows: list[str], columns: list[str], chosen: Chosen, targets: list[list[Any]], **more: Any
) -> None:
    measure = SCALES[chosen.measure]
    figure = drift_maps_figures.drift_map(
        values, rows, columns, label=measure_label(chosen.measure), log=chosen.log, floor_kind=measure.floor, **more
    )
    _chart(figure, "map", chosen, targets)


def _chart(figure: Any, key: str, chosen: Chosen, targets: list[list[Any]]) -> None:
    """A map whose cells can be clicked; ``targets`` is what a click on each means, as :func:`_pick` takes it."""

    def picked() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            _pick(chosen, *targets[int(point["y"])][int(point["x"])])

    show_chart(figure, key=key, on_select=picked, selection_mode="points", config=_BARE)


def _points(figure: Any, key: str, chosen: Chosen, texts: list[str]) -> None:
    """A scatter whose second trace has a point for each of ``texts``."""

    def picked() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            if point["curve_number"] == 1:
                _pick(chosen, texts[int(point["point_index"])])

    show_chart(figure, key=key, on_select=picked, selection_mode="points", config=_BARE)


def _pick(chosen: Chosen, text: Any = None, encoder: str = "", against: str = "") -> None:
    """What was clicked becomes what the panel below shows."""
    if text in chosen.text_names:
        url_state.set_choice("probe", chosen.text_names[text])
    if encoder in chosen.names and encoder != chosen.reference:
        url_state.set_choice("encoder", chosen.names[encoder])
    if against in chosen.names:
        url_state.set_choice("against", chosen.names[against])


_BARE = {"displaylogo": False, "scrollZoom": False}
_SHOWN = {
    "traits": _traits, "texts": _texts, "encoders": _encoders, "dimensions": _dimensions, "length": _length,
    "distributions": _distributions, "history": _history, "cost": _cost,
}  # fmt: skip

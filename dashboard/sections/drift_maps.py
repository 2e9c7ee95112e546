"""The maps of a check: by trait, by text, between encoders, along the vector, and the figures beside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import messages, url_state
from dashboard.access import ask
from dashboard.figures import drift_maps, drift_spread
from dashboard.formatting import count, plain
from dashboard.queries import drift, drift_cost, drift_vectors
from dashboard.queries.drift import SCALES
from dashboard.sections import drift_verdicts
from data.rules.vectors.matrices import clustered

__all__ = ["VIEWS", "Chosen", "show"]

VIEWS = ["traits", "texts", "encoders", "dimensions", "distributions", "length", "history", "cost", "figures"]
_BETWEEN = {
    "cosine_distance": "Mean cosine distance",
    "neighbours_lost": "Neighbours lost",
    "similarities": "1 - rank correlation of similarities",
}


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
    def text_names(self) -> dict[str, str]:
        """Texts by hash, as they are called here."""
        return dict(zip(self.texts["text_hash"], self.texts["name"], strict=True))


def show(view: str, chosen: Chosen, verdicts: pd.DataFrame) -> None:
    """One view of the check; a click on a cell or a point chooses its text and encoder for the panel below."""
    if view == "figures":
        drift_verdicts.table_of_figures(verdicts)
    else:
        _SHOWN[view](chosen)


def _traits(chosen: Chosen) -> None:
    worst = url_state.one_of("A cell is", ["worst text", "mean"], "trait_cell") == "worst text"
    found = ask(drift.traits, chosen.check, chosen.output, chosen.measure, worst)
    values = _ordered(found.pivot(index="encoder_id", columns="trait", values="value"), chosen)
    counts, texts = (
        found.pivot(index="encoder_id", columns="trait", values=name).reindex(
            index=values.index, columns=values.columns
        )
        for name in ("n", "text_hash")
    )
    targets = [[(text, encoder) for text in texts.loc[encoder]] for encoder in values.index]
    names = chosen.names
    rows = [names[encoder] for encoder in values.index]
    _map(values, rows, list(values.columns), chosen, targets, counts=counts)
    st.caption("A row is an encoder, a column a trait of the texts. A click opens the worst text of the cell below.")


def _texts(chosen: Chosen) -> None:
    values = _ordered(ask(drift.drift_by_text, chosen.check, chosen.output, chosen.measure), chosen)
    names, text_names = chosen.names, chosen.text_names
    targets = [[(text, encoder) for encoder in values.columns] for text in values.index]
    rows = [text_names[text] for text in values.index]
    _map(values, rows, [names[encoder] for encoder in values.columns], chosen, targets)
    st.caption(
        "A row is a text, a column an encoder; blank where an encoder gave no vector. A click opens the text below."
    )


def _encoders(chosen: Chosen) -> None:
    by = url_state.one_of("Encoders differ by", list(_BETWEEN), "between", format_func=lambda name: _BETWEEN[name])
    values = ask(drift_vectors.encoder_distances, chosen.check, chosen.output, by)
    if values.empty:
        st.info("This output has no vectors that can be compared directly; see the texts.", icon=":material/info:")
        return
    if chosen.order == "clustered":
        order, _ = clustered(values.to_numpy())
        values = values.iloc[order, order]
    names = [chosen.names[encoder] for encoder in values.index]
    distance = by == "cosine_distance"
    figure = drift_maps.drift_map(
        values, names, names, label=_BETWEEN[by], log=chosen.log and distance, floor_kind="distance" if distance else ""
    )
    _chart(figure, "map_encoders", chosen, [[(None, row, column) for column in values] for row in values.index])
    st.caption(
        "Every encoder against every other, from their vectors. Blank: the two have vectors of other lengths. "
        "A click lays the two side by side below."
    )


def _dimensions(chosen: Chosen) -> None:
    found = ask(drift_vectors.dimension_blocks, chosen.check, chosen.output, chosen.candidate, chosen.against)
    if not found.shape[1]:
        st.info("One of the two has no vectors that can be laid over each other.", icon=":material/info:")
        return
    if chosen.order == "clustered":
        values = found.iloc[clustered(found.to_numpy())[0]]
    else:
        values = found.loc[found.abs().max(axis=1).sort_values(ascending=False).index]
    names = chosen.text_names
    figure = drift_maps.signed_map(
        values,
        [names[text] for text in values.index],
        list(values.columns),
        label="Largest difference in the block, signed",
    )
    targets = [[(text, chosen.candidate)] * values.shape[1] for text in values.index]
    _chart(figure, "map_dimensions", chosen, targets)
    st.caption(
        f"{plain(chosen.names[chosen.candidate])} minus {plain(chosen.names[chosen.against])}. A column is a block of "
        "dimensions, a cell the largest difference in it with its sign. A stripe is a dimension that is always off."
    )


def _distributions(chosen: Chosen) -> None:
    quantiles = ask(drift_vectors.spread, chosen.check, chosen.output)
    shown = [
        ("drift", "Cosine distance to the reference", chosen.log),
        ("norm", "Length of the vectors", False),
        ("cosine", "Cosine between different texts of one encoder", False),
    ]
    for of, title, log in shown:
        if (quantiles["of"] == of).any():
            figure = drift_spread.spread_chart(quantiles, chosen.names, of=of, title=title, log=log)
            st.plotly_chart(figure, key=f"spread_{of}", config=_BARE)
    st.caption("Boxes hold half of the texts (or pairs of texts), whiskers 90 %. Dotted: what each precision explains.")


def _length(chosen: Chosen) -> None:
    counted = chosen.texts["tokens"].notna().all()
    length = "tokens" if counted else "characters"
    wide = ask(drift.drift_by_text, chosen.check, chosen.output, chosen.measure)
    long = wide.reset_index().melt("text_hash", var_name="encoder_id").dropna(subset="value")
    facts = chosen.texts.set_index("text_hash")
    long = long.assign(name=long["text_hash"].map(facts["name"]), length=long["text_hash"].map(facts[length]))
    figure = drift_spread.length_chart(
        long, chosen.names, chosen.candidate, length=length, label=SCALES[chosen.measure].label,
        floor_kind=SCALES[chosen.measure].floor, log=chosen.log, limits=_limits(chosen) if counted else {},
    )  # fmt: skip
    mine = long[long["encoder_id"] == chosen.candidate]
    _points(figure, "map_length", chosen, list(mine["text_hash"]))


def _limits(chosen: Chosen) -> dict[str, float]:
    """The maximum lengths that the two encoders were set to, by what to write beside them."""
    settings = chosen.encoders.set_index("encoder_id")["max_length"]
    found = {chosen.against: settings.get(chosen.against), chosen.candidate: settings.get(chosen.candidate)}
    known = {each: float(most) for each, most in found.items() if pd.notna(most)}
    if len(known) > 1 and len(set(known.values())) == 1:
        return {"limit of both": next(iter(known.values()))}
    return {f"limit of {chosen.names[each]}": most for each, most in known.items()}


def _history(chosen: Chosen) -> None:
    found = ask(drift.history, chosen.check, chosen.output, chosen.candidate)
    st.plotly_chart(drift_spread.history_chart(found), key="history", config=_BARE)
    if len(found) < 2:
        st.info(
            "This pair was checked once so far: checked again, it shows here whether it moved.",
            icon=":material/history:",
        )
    st.dataframe(
        found[::-1], hide_index=True, column_order=["started_at", "verdict", "median", "worst", "changed"],
        column_config={
            "started_at": st.column_config.DatetimeColumn("Check (UTC)", format="YYYY-MM-DD HH:mm"),
            "verdict": "Verdict",
            "median": st.column_config.NumberColumn("Median", format="%.1e"),
            "worst": st.column_config.NumberColumn("Worst", format="%.1e"),
            "changed": st.column_config.TextColumn("Changed since the check before", width="large"),
        },
    )  # fmt: skip


def _cost(chosen: Chosen) -> None:
    points = ask(drift_cost.drift_and_delta)
    if points.empty:
        messages.empty(
            "**No encoder has both a parity check and a reproduction yet.** With both, this shows what a drift of 1e-3 "
            "costs in score.",
            "python -m evaluators reproduce MODEL --tasks STSBenchmark,Banking77Classification.v2",
        )
        return
    st.plotly_chart(drift_spread.cost_chart(points), key="cost", config=_BARE)
    st.caption(
        f"{count(points['encoder'].nunique(), 'encoder')} with a check and a reproduction under the same settings, "
        f"{count(len(points), 'task')}. The bar of a point is its task's noise floor: within it, no score has moved."
    )
    st.dataframe(
        points.assign(delta=100 * points["delta"], floor=100 * points["floor"]),
        hide_index=True,
        column_order=["encoder", "task", "drift", "delta", "floor", "verdict", "run_id"],
        column_config={
            "encoder": "Encoder",
            "task": "Task",
            "verdict": "Verdict of the score",
            "run_id": "Run",
            "drift": st.column_config.NumberColumn("Mean drift", format="%.1e"),
            "delta": st.column_config.NumberColumn("Delta, points", format="%+.2f"),
            "floor": st.column_config.NumberColumn("Noise floor", format="%.2f"),
        },
    )


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
    figure = drift_maps.drift_map(
        values, rows, columns, label=measure.label, log=chosen.log, floor_kind=measure.floor, **more
    )
    _chart(figure, "map", chosen, targets)


def _chart(figure: Any, key: str, chosen: Chosen, targets: list[list[Any]]) -> None:
    """A map whose cells can be clicked; ``targets`` is what a click on each means, as :func:`_pick` takes it."""

    def picked() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            _pick(chosen, *targets[int(point["y"])][int(point["x"])])

    st.plotly_chart(figure, key=key, on_select=picked, selection_mode="points", config=_BARE)


def _points(figure: Any, key: str, chosen: Chosen, texts: list[str]) -> None:
    """A scatter whose second trace has a point for each of ``texts``."""

    def picked() -> None:
        for point in st.session_state[key]["selection"]["points"][:1]:
            if point["curve_number"] == 1:
                _pick(chosen, texts[int(point["point_index"])])

    st.plotly_chart(figure, key=key, on_select=picked, selection_mode="points", config=_BARE)


def _pick(chosen: Chosen, text: Any = None, encoder: str = "", against: str = "") -> None:
    """What was clicked becomes what the panel below shows."""
    if text in chosen.text_names:
        st.session_state["probe"] = chosen.text_names[text]
    if encoder in chosen.names and encoder != _reference(chosen):
        st.session_state["encoder"] = chosen.names[encoder]
    if against in chosen.names:
        st.session_state["against"] = chosen.names[against]


def _reference(chosen: Chosen) -> str:
    return str(chosen.encoders.loc[chosen.encoders["is_reference"], "encoder_id"].iloc[0])


_BARE = {"displaylogo": False, "scrollZoom": False}
_SHOWN = {
    "traits": _traits, "texts": _texts, "encoders": _encoders, "dimensions": _dimensions, "length": _length,
    "distributions": _distributions, "history": _history, "cost": _cost,
}  # fmt: skip

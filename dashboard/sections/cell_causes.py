"""What likely made a score differ, from the signs; none of it is proven."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.access import answer_of
from dashboard.formatting import plain
from dashboard.queries import reproduction as reproduction_queries
from dashboard.sections.delta_views import Deltas
from dashboard.stored_words import tr_stored
from dashboard.words import capital, listed, phrase, running, stopped, tr
from data.rules.setups import NamedRun
from data.rules.signs import CellEvidence, signs
from data.rules.words import Phrase
from data.store.vocabulary import Verdict

__all__ = ["show_likely_causes"]


def show_likely_causes(cell: Mapping[str, Any], deltas: Deltas, provenance: pd.DataFrame, warnings: list[str]) -> None:
    """The first of the causes whose signs the cell has, or that none fits."""
    likely = signs(_evidence(cell, deltas, provenance, warnings))
    if likely:
        st.markdown(tr("**Likely causes**, from the signs; none is proven"))
    elif cell["verdict"] in (Verdict.GAP, Verdict.BROKEN, Verdict.DRIFT):
        st.markdown(tr("**Likely causes**: no rule fits what is known of this cell."))
    for sign in likely[:5]:
        seen = listed([f"**{plain(capital(tr(sign.words)))}**", plain(_seen(sign.seen))], ": ")
        st.markdown("- " + running(stopped(seen), plain(tr(sign.settle))))


def _seen(sign: str) -> str:
    """What a sign says it saw, sentences of the store in its blanks included."""
    held = sign.values.items() if isinstance(sign, Phrase) else ()
    return tr(sign, **{name: tr_stored(value) for name, value in held if type(value) is str})


def _evidence(cell: Mapping[str, Any], deltas: Deltas, provenance: pd.DataFrame, warnings: list[str]) -> CellEvidence:
    row = deltas.split.rows[deltas.split.rows["name"] == cell["row"]].iloc[0]
    column = deltas.split.columns[deltas.split.columns["name"] == cell["task"]].iloc[0]
    comparable = deltas.every[(deltas.every["row"] == cell["row"]) & deltas.every["obstacle"].isna()]
    differs = set(provenance.loc[provenance["differs"], "what"])
    mteb = provenance[provenance["what"] == "mteb"]
    if len({str(v).split(".")[0] for v in mteb[["claim", "check"]].to_numpy().ravel() if v}) > 1:
        differs.add("mteb major")
    return CellEvidence(
        delta=_known(cell["delta"]), floor=cell["floor"], verdict=cell["verdict"],
        obstacle=_known(cell["obstacle"]), why_not=_known(cell["why_not"]), revisions=_known(cell["revisions"]),
        claim_score=_known(cell["claim_score"]), check_score=_known(cell["check_score"]),
        same_data=None if pd.isna(cell["same_data"]) else bool(cell["same_data"]),
        model_significant=bool(row["significant"]), model_typical=_known(row["typical"]), model_tasks=int(row["cells"]),
        task_significant=bool(column["significant"]), task_moved=int(column["moved"]), task_models=int(column["cells"]),
        by_type=comparable.groupby("type")["delta"].median().dropna().to_dict(),
        differs=frozenset(differs), warnings=tuple(warnings),
        faults=tuple(answer_of(reproduction_queries.weight_faults, int(cell["check_id"]))),
        set_up=_set_up(cell, deltas.every, deltas.named.get(str(cell["row"]))),
    )  # fmt: skip


def _set_up(cell: Mapping[str, Any], every: pd.DataFrame, run: NamedRun | None) -> str | None:
    """What sets the run apart from another one of the model, if that one matches on this very cell."""
    if run is None or not run.beside or not run.differs:
        return None
    same = every[["task", "split", "subset"]].eq([cell["task"], cell["split"], cell["subset"]]).all(axis=1)
    matches = (every.loc[same & (every["check_run"] == run.beside), "verdict"] == Verdict.MATCH).any()
    if not matches:
        return None
    return phrase("{differs}, and run {run} without that matches here", differs=run.differs, run=run.beside)


def _known(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA else value

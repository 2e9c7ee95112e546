"""One cell of a comparison, opened: both provenances, every metric, warnings, likely causes, how to run it again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import looks, private, url_state
from dashboard.access import ask
from dashboard.addresses import result_address
from dashboard.formatting import count, plain, score, signed
from dashboard.queries import reproduction as asked
from dashboard.sections import cell_diagnosis
from data.rules.deltas import Sides, summed_up, worst_first
from data.rules.effects import Effects
from data.rules.setups import NamedRun
from data.rules.signs import CellEvidence, WeightsFinding, signs
from data.store.vocabulary import Verdict

__all__ = ["as_csv", "as_table", "by_task", "name_of", "short", "show", "where"]

_RUN_ID = r"\b\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-(\w{4})\w*"  # year, month, day, hour, minute, second, settings
_CSV = [
    "kind", "model", "task", "type", "split", "subset", "metric", "claim_origin", "claim_run", "claim_revision",
    "claim_score", "check_origin", "check_run", "check_revision", "check_score", "delta", "floor", "floor_scope",
    "floor_n", "verdict", "why_not", "remarks", "private",
]  # fmt: skip


def where(frame: pd.DataFrame) -> pd.Series:
    """Split and subset as a suffix, left out where they are the usual ones."""
    split = ("  " + frame["split"]).where(frame["split"] != "test", "")
    return split + ("  " + frame["subset"]).where(frame["subset"] != "default", "")


def short(rows: pd.Series, named: Mapping[str, NamedRun]) -> pd.Series:
    """Models without the organisation and runs by their set-up; what has none, or the same, by day and time."""
    models = rows.str.replace(r"^[^/ ]+/", "", regex=True)
    times = models.str.replace(_RUN_ID, r"\1-\2 \3:\4 \5", regex=True)
    set_ups = pd.Series([named[row].short if row in named else "" for row in rows], index=rows.index)
    parts = pd.DataFrame({"row": rows, "model": models.str.partition(" · ")[0], "set_up": set_ups, "time": times})
    alike = parts.drop_duplicates("row").groupby(["model", "set_up"]).size().rename("alike")
    found = parts.join(alike, on=["model", "set_up"])
    by_set_up = found["model"] + " · " + found["set_up"]
    by_both = found["set_up"] + " · " + found["time"].str.partition(" · ")[2]
    return times.where(set_ups == "", by_set_up.where(found["alike"] == 1, by_both))


def by_task(frame: pd.DataFrame, split: Effects) -> pd.DataFrame:
    """The heatmap's cells of these deltas: row, column, delta, verdict, cells, comparable and cause.

    ``delta`` and ``verdict`` are those of :func:`data.rules.deltas.summed_up`: what is coloured is what was compared.
    """
    shown = summed_up(frame, ["row", "task"]).rename(columns={"task": "column"})
    shown = shown.merge(split.cells[["row", "column", "cause"]], on=["row", "column"])
    return shown[["row", "column", "delta", "verdict", "cells", "comparable", "cause"]]


def as_table(frame: pd.DataFrame, claim: str, check: str, named: Mapping[str, NamedRun]) -> pd.DataFrame:
    """The deltas as they are shown: scores and differences in points, missing ones blank; what is private."""
    set_up = {"Set-up": [named[row].differs if row in named else "" for row in frame["row"]]} if named else {}
    return pd.DataFrame(
        {
            "Model": frame["row"],
            **({"Private": frame["private"]} if frame["private"].ne("").any() else {}),
            **set_up,
            "Task": frame["task"],
            "Type": frame["type"],
            "Split": frame["split"],
            "Subset": frame["subset"],
            claim.capitalize(): 100 * frame["claim_score"],
            check.capitalize(): 100 * frame["check_score"],
            "Difference": 100 * frame["delta"],
            "Verdict": frame["verdict"],
            "Noise floor": 100 * frame["floor"],
            "Floor of": frame["floor_scope"],
            "Reruns known": frame["floor_n"],
            "Why not": frame["why_not"],
            "Remarks": frame["remarks"],
        }
    )


def as_csv(frame: pd.DataFrame) -> bytes:
    """Every cell with all that its verdict rests on; a text that a spreadsheet would run gets a quote in front."""
    flat = frame[_CSV].copy()
    for name in flat.columns[flat.dtypes.map(pd.api.types.is_string_dtype)]:
        text = flat[name].astype("string")
        flat[name] = text.where(~text.str.match(r"[=+\-@\t\r]", na=False), "'" + text)
    return flat.to_csv(index=False).encode("utf-8")


def name_of(its: pd.DataFrame) -> pd.Series:
    """Cells of one row and task by the name a control has for each."""
    return its["split"] + " · " + its["subset"]


def show(frame: pd.DataFrame, split: Effects, sides: Sides, named: Mapping[str, NamedRun]) -> None:
    """Controls to choose a cell, and the cell."""
    claim, check = sides.claim, sides.check
    left, middle, right = st.columns([3, 2, 2])
    row = url_state.choose(
        "Model",
        list(dict.fromkeys(frame["row"])),
        "row",
        index=None,
        where=left,
        placeholder="Click a cell above, or choose",
    )
    its = frame[frame["row"] == row]
    task = url_state.choose(
        "Task", list(dict.fromkeys(its["task"])), "task", index=None, where=middle, disabled=row is None
    )
    its = worst_first(its[its["task"] == task])
    names = name_of(its).tolist()
    name = url_state.choose(
        "Split and subset", names, "cell", index=0 if names else None, where=right, disabled=not names
    )
    if not names or name not in names:
        return
    private.badge(models=its["model"].head(1), tasks=its["task"].head(1))
    cell = {str(name): value for name, value in its.iloc[names.index(name)].items()}
    _verdict(cell, claim, check)
    known = named.get(str(row))
    if known and known.differs:
        beside = f", beside run {plain(known.beside)}" if known.beside else ""
        st.caption(f"The set-up of this run: {plain(known.differs)}{beside}.")
    provenance = ask(asked.provenance, int(cell["claim_id"]), int(cell["check_id"]))
    heard = ask(asked.run_warnings, int(cell["check_id"]))
    faults = ask(asked.weight_faults, int(cell["check_id"]))
    cell_diagnosis.show(cell, frame)
    _causes(cell, frame, split, provenance, heard, faults, known)
    _sides(provenance, claim, check)
    _metrics(cell, claim, check)
    _warnings(heard)
    st.markdown("**Run it again**")
    again = ask(asked.run_command, cell["check_run"]) if isinstance(cell["check_run"], str) else None
    st.code(again or asked.command(cell), language=None, wrap_lines=True)


def _verdict(cell: dict[str, Any], claim: str, check: str) -> None:
    verdict = Verdict(cell["verdict"])
    look = looks.VERDICTS[verdict]
    figures = f"{claim} **{score(cell['claim_score']) or 'none'}**, {check} **{score(cell['check_score']) or 'none'}**"
    delta = f", difference **{signed(cell['delta'])}**" if signed(cell["delta"]) else ""
    st.markdown(
        f":{look.colour}-badge[{look.icon} {verdict}] {plain(cell['task'])}, {plain(cell['metric'])}: {figures}{delta}."
    )
    of = {
        "task": "this task and those of its type",
        "type": f"{plain(cell['type'])} tasks",
        "all": "all tasks",
        "none": "nothing known",
    }
    said = [
        f"Noise floor {score(cell['floor'])}, from {count(cell['floor_n'], 'rerun')} of {of[cell['floor_scope']]}",
        plain(cell["why_not"]) if isinstance(cell["why_not"], str) else "",
        plain(cell["remarks"]) if isinstance(cell["remarks"], str) else "",
    ]
    st.caption(". ".join(s[0].upper() + s[1:] for s in said if s) + ".")


def _causes(
    cell: dict[str, Any],
    frame: pd.DataFrame,
    split: Effects,
    provenance: pd.DataFrame,
    heard: list[str],
    faults: list[WeightsFinding],
    named: NamedRun | None,
) -> None:
    likely = signs(_evidence(cell, frame, split, provenance, heard, faults, named))
    if not likely:
        if cell["verdict"] in (Verdict.GAP, Verdict.BROKEN, Verdict.DRIFT):
            st.markdown("**Likely causes**: no rule fits what is known of this cell.")
        return
    st.markdown("**Likely causes**, from the signs; none is proven")
    for sign in likely[:5]:
        words = sign.words[0].upper() + sign.words[1:]
        st.markdown(f"- **{plain(words)}**: {plain(sign.seen)}. {plain(sign.settle)}")


def _evidence(
    cell: dict[str, Any],
    frame: pd.DataFrame,
    split: Effects,
    provenance: pd.DataFrame,
    heard: list[str],
    faults: list[WeightsFinding],
    named: NamedRun | None,
) -> CellEvidence:
    row = split.rows[split.rows["name"] == cell["row"]].iloc[0]
    column = split.columns[split.columns["name"] == cell["task"]].iloc[0]
    own = frame[(frame["row"] == cell["row"]) & frame["obstacle"].isna()]
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
        by_type=own.groupby("type")["delta"].median().dropna().to_dict(),
        differs=frozenset(differs), warnings=tuple(heard), faults=tuple(faults), set_up=_set_up(cell, frame, named),
        set_up_cause=named.cause if named else None,
    )  # fmt: skip


def _set_up(cell: dict[str, Any], frame: pd.DataFrame, named: NamedRun | None) -> str | None:
    """What sets the run apart from another one of the model, if that one matches on this very cell."""
    if named is None or not named.beside or not named.differs:
        return None
    same = frame[["task", "split", "subset"]].eq([cell["task"], cell["split"], cell["subset"]]).all(axis=1)
    matches = (frame.loc[same & (frame["check_run"] == named.beside), "verdict"] == Verdict.MATCH).any()
    return f"{named.differs}, and run {named.beside} without that matches here" if matches else None


def _known(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NA else value


def _sides(provenance: pd.DataFrame, claim: str, check: str) -> None:
    differing = int(provenance["differs"].sum())
    known = int((provenance["claim"].notna() & provenance["check"].notna()).sum())
    st.markdown(
        f"**Where they come from**: of {count(known, 'fact')} known of both sides, {differing or 'none'} differ"
    )
    files = provenance.loc[provenance["what"] == "file", ["claim", "check"]].to_numpy().ravel()
    both = pd.DataFrame(
        {
            "What": provenance["differs"].map({True: "≠ ", False: ""}) + provenance["what"],
            claim.capitalize(): provenance["claim"],
            check.capitalize(): provenance["check"],
        }
    )
    st.dataframe(
        both.iloc[provenance["differs"].map(lambda d: not d).argsort(kind="stable")],
        hide_index=True,
        placeholder="",
        height=min(38 + 35 * len(both), 38 + 35 * max(differing + 4, 10)),
        column_config={"What": st.column_config.TextColumn(width=180, help="≠: the two sides differ here")},
    )
    with st.container(horizontal=True):
        for side, file in zip((claim, check), files, strict=False):
            if address := result_address(file, None):
                st.link_button(f"File of the {side}", address, icon=":material/open_in_new:")


def _metrics(cell: dict[str, Any], claim: str, check: str) -> None:
    values = ask(asked.metrics_of_both, int(cell["claim_id"]), int(cell["check_id"]), cell["split"], cell["subset"])
    shared = int((values["claim"].notna() & values["check"].notna()).sum())
    with st.expander(f"Every metric of both: {len(values)}, {shared} of them on both sides", expanded=len(values) > 1):
        st.dataframe(
            values.rename(
                columns={
                    "metric": "Metric",
                    "claim": claim.capitalize(),
                    "check": check.capitalize(),
                    "delta": "Difference",
                }
            ),
            hide_index=True,
            placeholder="",
            column_config={
                claim.capitalize(): st.column_config.NumberColumn(format="%.5f"),
                check.capitalize(): st.column_config.NumberColumn(format="%.5f"),
                "Difference": st.column_config.NumberColumn(format="%+.5f"),
            },
        )


def _warnings(heard: list[str]) -> None:
    if heard:
        with st.expander(f"Warnings of the run: {len(heard)}", expanded=len(heard) <= 3):
            for warning in heard:
                st.code(warning, language=None, wrap_lines=True)

"""What a run of a part of a benchmark came to: how many tasks, the mean they put it at, and what that says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from dashboard.formatting import count, plain, score, signed
from dashboard.words import listed, mark, running, tr
from data.rules.budget.faults import FAULTS_FILE, fault_table
from data.rules.budget.smoke import Smoke
from data.rules.words import Phrase
from data.store.runs import BudgetRecord

__all__ = ["show_budgets"]

_SMOKE = {
    Smoke.BROKEN: mark("**Broken**: these tasks are further from what is known than honest reruns are."),
    Smoke.NOTHING_SEEN: mark("**Nothing broken was seen**, which does not say that the run is right."),
    Smoke.CANNOT_TELL: mark("**Cannot tell**: no task could be held against enough."),
}
_CLAIMS = {
    "holds": mark("The claim of {claim} ({origin}) **holds**."),
    "does not hold": mark("The claim of {claim} ({origin}) **does not hold**."),
    "cannot tell yet": mark("Whether the claim of {claim} ({origin}) holds **cannot be told yet**."),
}
_ORIGINS = {
    "official": mark("official figures"), "reported": mark("the model's own card"), "given": mark("as it was given"),
}  # fmt: skip


def show_budgets(budgets: Mapping[str, BudgetRecord]) -> None:
    """A paragraph for each benchmark of which a part was run."""
    for benchmark, record in budgets.items():
        judged = _smoke(record) if "smoke" in record else _claim(record)
        st.markdown(running(_run(benchmark, record), *judged))
        failed = record.get("failed") or []
        if failed:
            st.caption(tr("Left out because they failed: {tasks}.", tasks=plain(listed(failed))))


def _run(benchmark: str, record: BudgetRecord) -> str:
    """What was asked, and what of it was run."""
    ran, chosen = len(record.get("ran") or []), len(record.get("chosen") or [])
    return tr(
        "**{benchmark}**, asked for {asked}: {ran} of the {chosen} chosen, {share} of the benchmark's time.",
        benchmark=plain(benchmark), asked=plain(record.get("asked", "")), ran=ran, chosen=count(chosen, "task"),
        share=f"{record.get('share', 0.0):.1%}",
    )  # fmt: skip


def _claim(record: BudgetRecord) -> list[str]:
    """The mean of the whole benchmark as these tasks tell it, its rank, and the claim held against it."""
    sentences = []
    if mean := record.get("mean"):
        sentences.append(tr("They put its mean at **{mean}** ({low} to {high}, 95%).", **_ends(mean, score)))
    if rank := record.get("rank"):
        ranks = _ends(rank, lambda place: f"{place:.0f}")
        sentences.append(tr("Its rank would be {mean} ({low} to {high}).", **ranks))
    claim, state = record.get("claim"), record.get("state")
    if claim is None or state not in _CLAIMS:
        return [*sentences, tr("There was no claim to hold it against.")]
    origin = str(record.get("claim_origin", ""))
    sentences.append(tr(_CLAIMS[state], claim=score(claim), origin=plain(tr(_ORIGINS.get(origin, origin)))))
    if difference := record.get("difference"):
        off = _ends(difference, lambda value: signed(value))
        sentences.append(tr("The mean would be {mean} points from it ({low} to {high}).", **off))
    return sentences


def _ends(predicted: Sequence[float], write: Callable[[float], str]) -> dict[str, str]:
    """A prediction and the ends of its interval, as they are written."""
    return dict(zip(("mean", "low", "high"), map(write, predicted), strict=True))


def _smoke(record: BudgetRecord) -> list[str]:
    """Broken or nothing seen, and what these tasks would not show."""
    words: dict[str, str | Phrase] = {}
    if FAULTS_FILE.is_file():
        words = {fault.code: fault.words for fault in fault_table().faults}
    code, missed = record.get("smoke", ""), record.get("missed") or []
    known = Smoke(code) if code in list(Smoke) else Smoke.CANNOT_TELL
    named = listed(plain(tr(words.get(fault, fault))) for fault in missed)
    return [tr(_SMOKE[known]), tr("These tasks would not show: {faults}.", faults=named) if named else ""]

"""How a verdict, a severity or a state looks wherever it is shown: a colour and a sign of its own beside the word.

Colours are Streamlit's names, whose values stand in ``.streamlit/config.toml``, and hex for figures. Blue is good and
orange to red is bad, because those stay apart for every kind of colour blindness; the sign tells without a colour.
"""

from __future__ import annotations

from typing import NamedTuple

from data.store.vocabulary import DiagnosisVerdict, DriftVerdict, LinkState, Severity, Status, Verdict

__all__ = ["CATCH", "DIAGNOSES", "DRIFTS", "LINKS", "NOT", "SAME", "SEVERITIES", "STATUS", "VERDICTS", "Look"]


class Look(NamedTuple):
    """A colour of Streamlit's and a sign."""

    colour: str
    icon: str

    def mark(self, words: str) -> str:
        """Markdown of ``words`` (escaped already) in the colour, behind the sign."""
        return f":{self.colour}[{self.icon} {words}]"


SAME = Look("blue", ":material/check_circle:")
CATCH = Look("orange", ":material/error:")
NOT = Look("red", ":material/cancel:")
_UNKNOWN = Look("gray", ":material/help:")

VERDICTS = {
    Verdict.MATCH: SAME,
    Verdict.DRIFT: Look("blue", ":material/stat_1:"),
    Verdict.GAP: Look("orange", ":material/warning:"),
    Verdict.BROKEN: NOT,
    Verdict.NOT_COMPARABLE: Look("gray", ":material/block:"),
}
DRIFTS = {
    DriftVerdict.IDENTICAL: SAME,
    DriftVerdict.PRECISION: SAME,
    DriftVerdict.SCALE: CATCH,
    DriftVerdict.SOME_TEXTS: CATCH,
    DriftVerdict.EVERYWHERE: NOT,
    DriftVerdict.SPACE: NOT,
    DriftVerdict.UNSTABLE: NOT,
    DriftVerdict.UNUSABLE: NOT,
}
DIAGNOSES = {
    DiagnosisVerdict.IDENTICAL: SAME,
    DiagnosisVerdict.PRECISION: SAME,
    DiagnosisVerdict.EXPLAINED: Look("orange", ":material/lightbulb:"),
    DiagnosisVerdict.PARTLY: Look("orange", ":material/rule:"),
    DiagnosisVerdict.UNSTABLE: NOT,
    DiagnosisVerdict.UNKNOWN: _UNKNOWN,
}
LINKS = {
    LinkState.SAME: SAME,
    LinkState.DIFFERS: CATCH,
    LinkState.BROKEN: NOT,
    LinkState.UNKNOWN: _UNKNOWN,
}
SEVERITIES = {
    Severity.NOTICE: Look("blue", ":material/info:"),
    Severity.SERIOUS: CATCH,
    Severity.FATAL: NOT,
}
STATUS = {
    Status.WAITING: Look("gray", ":material/schedule:"),
    Status.RUNNING: Look("gray", ":material/play_circle:"),
    Status.DONE: SAME,
    Status.STOPPED: Look("orange", ":material/stop_circle:"),
    Status.FAILED: NOT,
}

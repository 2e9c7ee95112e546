"""How a verdict, a severity or a state looks wherever it is shown: a colour and a sign of its own beside the word.

Colours are Streamlit's names, whose values stand in ``.streamlit/config.toml``, and hex for figures. Blue is good and
orange to red is bad, because those stay apart for every kind of colour blindness; the sign tells without a colour.
"""

from __future__ import annotations

from typing import NamedTuple

from data.rules.believing import BeliefVerdict
from data.store.decisions import Conclusion
from data.store.vocabulary import DiagnosisVerdict, DriftVerdict, LinkState, Severity, Status, Verdict

__all__ = [
    "BAD", "BELIEF_LOOKS", "CAUTION", "CHOICE_LOOKS", "DIAGNOSIS_LOOKS", "DRIFT_LOOKS", "GOOD", "LINK_LOOKS",
    "Look", "SEVERITY_LOOKS", "STATUS_LOOKS", "VERDICT_LOOKS",
]  # fmt: skip


class Look(NamedTuple):
    """A colour of Streamlit's and a sign."""

    colour: str
    icon: str

    def mark(self, words: str) -> str:
        """Markdown of ``words`` (escaped already) in the colour, behind the sign."""
        return f":{self.colour}[{self.icon} {words}]"


GOOD = Look("blue", ":material/check_circle:")
CAUTION = Look("orange", ":material/error:")
BAD = Look("red", ":material/cancel:")
_UNKNOWN = Look("gray", ":material/help:")

VERDICT_LOOKS = {
    Verdict.MATCH: GOOD,
    Verdict.DRIFT: Look("blue", ":material/stat_1:"),
    Verdict.GAP: Look("orange", ":material/warning:"),
    Verdict.BROKEN: BAD,
    Verdict.NOT_COMPARABLE: Look("gray", ":material/block:"),
}
DRIFT_LOOKS = {
    DriftVerdict.IDENTICAL: GOOD,
    DriftVerdict.PRECISION: GOOD,
    DriftVerdict.SCALE: CAUTION,
    DriftVerdict.SOME_TEXTS: CAUTION,
    DriftVerdict.EVERYWHERE: BAD,
    DriftVerdict.SPACE: BAD,
    DriftVerdict.UNSTABLE: BAD,
    DriftVerdict.UNUSABLE: BAD,
}
DIAGNOSIS_LOOKS = {
    DiagnosisVerdict.IDENTICAL: GOOD,
    DiagnosisVerdict.PRECISION: GOOD,
    DiagnosisVerdict.EXPLAINED: Look("orange", ":material/lightbulb:"),
    DiagnosisVerdict.PARTLY: Look("orange", ":material/rule:"),
    DiagnosisVerdict.UNSTABLE: BAD,
    DiagnosisVerdict.UNKNOWN: _UNKNOWN,
}
LINK_LOOKS = {
    LinkState.SAME: GOOD,
    LinkState.DIFFERS: CAUTION,
    LinkState.BROKEN: BAD,
    LinkState.UNKNOWN: _UNKNOWN,
}
SEVERITY_LOOKS = {
    Severity.NOTICE: Look("blue", ":material/info:"),
    Severity.SERIOUS: CAUTION,
    Severity.FATAL: BAD,
}
BELIEF_LOOKS = {
    BeliefVerdict.OFFICIAL_SUSPECT: Look("red", ":material/report:"),
    BeliefVerdict.ABOVE: Look("orange", ":material/trending_down:"),
    BeliefVerdict.OURS_DIFFER: CAUTION,
    BeliefVerdict.MIXED: Look("orange", ":material/swap_vert:"),
    BeliefVerdict.BELOW: Look("blue", ":material/trending_up:"),
    BeliefVerdict.TASKS_MOVED: Look("gray", ":material/checklist:"),
    BeliefVerdict.HOLDS: GOOD,
    BeliefVerdict.NOT_COMPARABLE: Look("gray", ":material/block:"),
}
CHOICE_LOOKS = {
    Conclusion.ACCEPT: GOOD,
    Conclusion.REJECT: BAD,
    Conclusion.INVESTIGATE: Look("orange", ":material/search:"),
}
STATUS_LOOKS = {
    Status.WAITING: Look("gray", ":material/schedule:"),
    Status.RUNNING: Look("gray", ":material/play_circle:"),
    Status.DONE: GOOD,
    Status.STOPPED: Look("orange", ":material/stop_circle:"),
    Status.FAILED: BAD,
    Status.SET_ASIDE: Look("orange", ":material/block:"),
}

"""What repeated asking shows of an encoder that does not agree with itself: observations with codes, no causes.

Pure functions over the calls of :mod:`evaluators.parity.asking`. A gap is a cosine distance where vectors have length
one (:func:`evaluators.parity.scatter.gap`).
"""

from __future__ import annotations

from evaluators.parity.alike import beginnings_shared, variants_shared
from evaluators.parity.answers import Answers, vectors_of_all
from evaluators.parity.asking import SAME, CallLog
from evaluators.parity.company import at_once, in_all, in_batches, moved_rows, once_odd
from evaluators.parity.loads import differing_loads
from evaluators.parity.observations import Observation
from evaluators.parity.repeats import barely, numberless, once_another_text, several_answers

__all__ = ["differs_from_all", "observe", "strayed"]

_ASKED_AGAIN = 6  # texts that had another text's vector


def observe(log: CallLog, floor: float, reference: CallLog | None = None) -> list[Observation]:
    """Everything that the calls show of an encoder that is not the same in all of them.

    Args:
        log: its calls.
        floor: gap that its declared precision explains between calls of different batches.
        reference: calls of the reference, of the same texts; None where this is the reference.
    """
    answers = Answers(log, max(floor, SAME), vectors_of_all(log, reference))
    observations = several_answers(answers) + numberless(answers)
    if not any(one.is_fault for one in observations):
        if observations:  # of what is put down to arithmetic there, other calls show as much
            floor = max(floor, 2 * max(one.numbers["worst"] for one in observations))
            answers = Answers(log, max(floor, SAME), answers.known)
        observations += (
            _in_company(answers, floor) or once_another_text(answers) or in_all(answers) or once_odd(answers)
        )
        observations += at_once(answers) or ([] if observations else barely(answers))
    observations += differing_loads(answers)
    if any(one.code in ("another-text", "rows-moved") for one in observations):
        return observations  # what is at the place of a text that begins like another is not that text's
    beginnings = beginnings_shared(log, reference)
    shared = min((one.numbers["characters"] for one in beginnings), default=None)
    return [*observations, *beginnings, *variants_shared(log, reference, shared)]


def strayed(log: CallLog, reference: CallLog) -> list[int]:
    """Texts whose vector in the one call for all of them is the reference's vector of another text, at most a few."""
    answers = Answers(log, SAME, vectors_of_all(log, reference))
    return [row.text for row in answers.strays(answers.of_call("all"), answers.known)][:_ASKED_AGAIN]


def differs_from_all(log: CallLog, floor: float, reference: CallLog | None) -> bool:
    """Whether texts had another vector in the one call for all of them than in every later one, and no other's."""
    answers = Answers(log, max(floor, SAME), vectors_of_all(log, reference))
    if answers.repeated() > SAME or log.split or _in_company(answers, floor) or once_another_text(answers):
        return False
    return bool(answers.apart_in_all(0))


def _in_company(answers: Answers, floor: float) -> list[Observation]:
    return [] if answers.log.split else moved_rows(answers) or in_batches(answers, floor)

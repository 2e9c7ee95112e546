"""What repeated asking can show of an encoder, one row a code: which test it is a result of, and its words.

No cause is named here. An entry's words have blanks in braces for the numbers that go with the observation, or are
made by a function of those; nothing is a fault that says no more than that arithmetic rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

__all__ = ["NO_FAULT", "OBSERVATIONS", "Observation", "ObservationEntry", "in_sentences"]

Numbers = Mapping[str, Any]


class ObservationEntry(NamedTuple):
    """What is always true of an observation of one code.

    Attributes:
        test: the protocol's test it is a result of.
        words: a sentence or two, to be filled with its numbers.
        fault: whether it says more than that arithmetic rounds.
        of_others: whether it shows only when others ask as well; calls one after another agree.
    """

    test: str
    words: str | Callable[[Numbers], str]
    fault: bool = True
    of_others: bool = False


@dataclass(frozen=True)
class Observation:
    """One thing observed: its code (of :data:`OBSERVATIONS`) and the numbers that go with it, as JSON can hold them."""

    code: str
    numbers: dict[str, Any]

    @property
    def entry(self) -> ObservationEntry:
        """What is always true of it."""
        return OBSERVATIONS[self.code]

    @property
    def test(self) -> str:
        """The protocol's test it is a result of."""
        return self.entry.test

    @property
    def is_fault(self) -> bool:
        """Whether it says more than that arithmetic rounds, of an encoder that did not have the fault at first."""
        return self.entry.fault and bool(self.numbers.get("first_kept", True))

    def in_words(self) -> str:
        """A sentence or two."""
        words = self.entry.words
        return words.format_map(self.numbers) if isinstance(words, str) else words(self.numbers)


def in_sentences(observations: Sequence[Observation]) -> str:
    """All observations, a sentence or two each."""
    return " ".join(one.in_words() for one in observations)


_WHOSE: Final = {
    "before": "of the text asked for just before it",
    "call": "of another text of the same call",
    "any": "of another text",
}
_SHAPES: Final = {
    "even": "alike in all directions",
    "proportional": "in proportion to each value",
    "length": "of the length alone, the direction stays",
    "uneven": "stronger in some directions than in others",
}
_CHANGES: Final = {
    "spaces": "in where its spaces are",
    "punctuation": "in its punctuation",
    "case": "in upper and lower case",
    "length": "in the order of its letters",
    "order": "in the order of its words",
    "middle": "in its middle alone",
    "beginning": "in its beginning alone",
}


def _another_text(its: Numbers) -> str:
    return f"{its['times']} of {its['answers']} answers are the vector {_WHOSE[its['whose']]}, to the last digits."


def _distinct(its: Numbers) -> str:
    counts = ", ".join(str(count) for count in its["times"])
    words = (
        f"The same texts twice give other vectors: {its['texts']} of {its['asked']} texts have up to "
        f"{its['answers']} distinct answers (seen {counts} times; at most {its['apart']:.2g} apart), "
    )
    if its["once"]:
        words += "the one up to a moment during the check, the other after it."
    elif its["by"] == "call":
        words += "one for all texts of a call, as when several versions or replicas answer."
    else:
        words += "which may differ between texts of one call."
    if its.get("lengths_only"):
        words += " They differ in length alone."
    return words + _reference_among(its)


def _reference_among(its: Numbers) -> str:
    if "reference" not in its:
        return ""
    if its["reference"] > 0:
        return f" One of them is the reference's, on every text asked ({its['reference']:.0%} of the answers)."
    if its["reference_texts"]:
        return f" On {its['reference_texts']} of {its['asked']} texts one of them is the reference's."
    return " None of them is the reference's."


def _at_once(its: Numbers) -> str:
    another = f"; {its['another']} of them are another text's vector" if its["another"] else ""
    return (
        f"Asked for several texts at the same time, in calls of their own, it gives other vectors than one after "
        f"another: {its['times']} of {its['answers']} answers (worst distance {its['worst']:.2g}){another}."
    )


def _offset(its: Numbers) -> str:
    how = "moves on from call to call" if its["drifts"] else "is another at every call"
    return (
        f"The same texts twice give other vectors: all texts of a call are moved together, by one offset that {how} "
        f"(worst distance {its['worst']:.2g})."
    )


def _noise(its: Numbers) -> str:
    words = f"The same texts twice give other vectors (worst distance {its['worst']:.2g})"
    if "size" not in its:
        return words + "."
    gaussian = ", of Gaussian shape" if abs(its["kurtosis"] - 3) < 0.3 and its["shape"] != "uneven" else ""
    return (
        f"{words}: scatter of {its['size']:.2g} of the vector's length, {_SHAPES[its['shape']]}{gaussian}, "
        f"another for every answer."
    )


def _before(its: Numbers) -> str:
    together = ", and all texts of a call are moved together" if its["together"] > 0.5 else ""
    return (
        f"An answer depends on the call made before it: after the same call it is the same, after another it is "
        f"another (worst distance {its['worst']:.2g}){together}."
    )


def _variants(its: Numbers) -> str:
    how = ", or ".join(_CHANGES[name] for name in its["variants"])
    return f"A text gets the vector of one asked for before from which it differs {how}."


def _batch(its: Numbers) -> str:
    words = (
        f"The same text alone and in a batch gives other vectors (worst distance {its['worst']:.2g}, text "
        f"{its['text']}), the same ones whenever the batch is the same: {its['texts']} of {its['asked']} texts"
    )
    on = [
        *(["on the texts beside it"] if its["company"] else []),
        *(["on its place among them"] if its["place"] else []),
    ]
    words += f"; it depends {' and '.join(on)}." if on else "."
    return words + (" Alone they are the reference's." if its.get("alone_is_reference") else "")


def _loads_outputs(its: Numbers) -> str:
    broken = " and ".join(f"{output} output (worst distance {worst:.2g})" for output, worst in its["broken"].items())
    sound = f"; its {' and '.join(its['sound'])} output agrees" if its["sound"] else ""
    return f"Two loads of the same model disagree in the {broken}{sound}."


def _second_load(its: Numbers) -> str:
    then = ", the second time those of the first load" if its["then_as_first"] else ""
    return f"A second load gives other vectors for the same call made twice (worst distance {its['worst']:.2g}){then}."


_LOADS = "Two loads of the same model disagree (worst distance {worst:.2g}), and each agrees with itself"


def _loads_reference(its: Numbers) -> str:
    which = "first" if its["reference"][0] else "second"
    return f"{_LOADS.format_map(its)}: the {which} gives the reference's vectors, the other does not."


def _loads_rotated(its: Numbers) -> str:
    same = ", and are the reference's" if its.get("products_of_reference") else ""
    return f"{_LOADS.format_map(its)}: cosines between texts are kept{same}, as by a rotation drawn at each start."


def _beginning(its: Numbers) -> str:
    words = f"Texts that share their first {its['characters']} characters get one vector"
    return f"{words}: that of the one asked for first." if its["first_kept"] else f"{words}."


OBSERVATIONS: Final[dict[str, ObservationEntry]] = {
    "another-text": ObservationEntry("deterministic", _another_text),
    "distinct-answers": ObservationEntry("deterministic", _distinct),
    "at-once-differs": ObservationEntry("deterministic", _at_once, of_others=True),
    "clients-differ": ObservationEntry(
        "deterministic",
        "Which client asks makes a difference: {differ} of {clients} further connections get other vectors for the "
        "same text than the first (worst distance {worst:.2g}).",
        of_others=True,
    ),
    "moving-offset": ObservationEntry("deterministic", _offset),
    "noise": ObservationEntry("deterministic", _noise),
    "depends-on-before": ObservationEntry("deterministic", _before),
    "numbers-come-and-go": ObservationEntry(
        "deterministic",
        "{times} of {answers} answers hold values that are not numbers, for {texts} texts that have a vector of "
        "numbers at other times.",
    ),
    "outliers": ObservationEntry(
        "deterministic",
        "{times} of {answers} answers are another vector than the text has otherwise, none of them seen twice (worst "
        "distance {worst:.2g}).",
    ),
    "first-call-differs": ObservationEntry(
        "deterministic",
        "The first call for all texts gave {texts} of the {asked} texts that were asked again another vector than "
        "every later call, the same one made again among them (worst distance {worst:.2g}).",
    ),
    "repeats-within-precision": ObservationEntry(
        "deterministic",
        "The same texts twice differ by a cosine distance of {worst:.2g} at most: less than counts as different, more "
        "than 32-bit arithmetic leaves.",
        fault=False,
    ),
    "repeats-within-arithmetic": ObservationEntry(
        "deterministic",
        "The same texts twice differ by {worst:.2g} at most, far less than the encoder's arithmetic may make it (it is "
        "{drift:.2g} and more from the reference).",
        fault=False,
    ),
    "rows-moved": ObservationEntry(
        "order", "Rows come back shuffled: {moved} of {rows} texts of a batch have another text's vector."
    ),
    "batch-differs": ObservationEntry("batch", _batch),
    "batch-within-precision": ObservationEntry(
        "batch",
        "A text alone and in a batch differs by {worst:.2g} at most, no more than the encoder's arithmetic may make it "
        "(it is {drift:.2g} from the reference).",
        fault=False,
    ),
    "large-batch-differs": ObservationEntry(
        "batch",
        "In one call for {together} texts {texts} of {asked} get other vectors than alone and in a call of a few "
        "(worst distance {worst:.2g}), the same ones whenever it is made.",
    ),
    "loads-outputs": ObservationEntry("loads", _loads_outputs),
    "second-load-restless": ObservationEntry("loads", _second_load),
    "loads-another-answer": ObservationEntry("loads", _loads_reference),
    "loads-rotated": ObservationEntry("loads", _loads_rotated),
    "loads-offset": ObservationEntry(
        "loads", f"{_LOADS}: all texts are moved by nearly one offset, another at each start."
    ),
    "loads-differ": ObservationEntry("loads", f"{_LOADS}; neither a rotation nor one offset takes one to the other."),
    "beginning-shared": ObservationEntry("distinct", _beginning),
    "variants-shared": ObservationEntry("distinct", _variants),
}

NO_FAULT: Final = frozenset(code for code, entry in OBSERVATIONS.items() if not entry.fault)

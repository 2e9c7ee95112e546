"""What was observed of an encoder that does not agree with itself, in words. No cause is named here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evaluators.parity.stability import Observation

__all__ = ["in_words", "sentences"]

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


_VARIANTS: Final = {
    "spaces": "in where its spaces are",
    "punctuation": "in its punctuation",
    "case": "in upper and lower case",
    "length": "in the order of its letters",
    "order": "in the order of its words",
    "middle": "in its middle alone",
    "beginning": "in its beginning alone",
}


def sentences(found: Sequence[Observation]) -> str:
    """All observations, a sentence or two each."""
    return " ".join(in_words(one) for one in found)


def in_words(found: Observation) -> str:
    """One observation as a sentence or two."""
    return _WORDS[found.code](found.numbers)


def _another_text(held: Mapping[str, Any]) -> str:
    times, answers = held["times"], held["answers"]
    return f"{times} of {answers} answers are the vector {_WHOSE[held['whose']]}, to the last digits."


def _distinct(held: Mapping[str, Any]) -> str:
    counts = ", ".join(str(count) for count in held["times"])
    said = (
        f"The same texts twice give other vectors: {held['texts']} of {held['asked']} texts have up to "
        f"{held['answers']} distinct answers (seen {counts} times; at most {held['apart']:.2g} apart), "
    )
    if held["once"]:
        said += "the one up to a moment during the check, the other after it."
    elif held["by"] == "call":
        said += "one for all texts of a call, as when several versions or replicas answer."
    else:
        said += "which may differ between texts of one call."
    if held.get("lengths_only"):
        said += " They differ in length alone."
    return said + _reference_among(held)


def _reference_among(held: Mapping[str, Any]) -> str:
    if "reference" not in held:
        return ""
    if held["reference"] > 0:
        return f" One of them is the reference's, on every text asked ({held['reference']:.0%} of the answers)."
    if held["reference_texts"]:
        return f" On {held['reference_texts']} of {held['asked']} texts one of them is the reference's."
    return " None of them is the reference's."


def _at_once(held: Mapping[str, Any]) -> str:
    another = f"; {held['another']} of them are another text's vector" if held["another"] else ""
    return (
        f"Asked for several texts at the same time, in calls of their own, it gives other vectors than one after "
        f"another: {held['times']} of {held['answers']} answers (worst distance {held['worst']:.2g}){another}."
    )


def _clients(held: Mapping[str, Any]) -> str:
    return (
        f"Which client asks makes a difference: {held['differ']} of {held['clients']} further connections get other "
        f"vectors for the same text than the first (worst distance {held['worst']:.2g})."
    )


def _offset(held: Mapping[str, Any]) -> str:
    how = "moves on from call to call" if held["drifts"] else "is another at every call"
    return (
        f"The same texts twice give other vectors: all texts of a call are moved together, by one offset that {how} "
        f"(worst distance {held['worst']:.2g})."
    )


def _noise(held: Mapping[str, Any]) -> str:
    said = f"The same texts twice give other vectors (worst distance {held['worst']:.2g})"
    if "size" not in held:
        return said + "."
    gaussian = ", of Gaussian shape" if abs(held["kurtosis"] - 3) < 0.3 and held["shape"] != "uneven" else ""
    return (
        f"{said}: scatter of {held['size']:.2g} of the vector's length, {_SHAPES[held['shape']]}{gaussian}, "
        f"another for every answer."
    )


def _before(held: Mapping[str, Any]) -> str:
    together = ", and all texts of a call are moved together" if held["together"] > 0.5 else ""
    return (
        f"An answer depends on the call made before it: after the same call it is the same, after another it is "
        f"another (worst distance {held['worst']:.2g}){together}."
    )


def _numbers(held: Mapping[str, Any]) -> str:
    return (
        f"{held['times']} of {held['answers']} answers hold values that are not numbers, for {held['texts']} texts "
        f"that have a vector of numbers at other times."
    )


def _outliers(held: Mapping[str, Any]) -> str:
    return (
        f"{held['times']} of {held['answers']} answers are another vector than the text has otherwise, none of them "
        f"seen twice (worst distance {held['worst']:.2g})."
    )


def _first_call(held: Mapping[str, Any]) -> str:
    return (
        f"The first call for all texts gave {held['texts']} of the {held['asked']} texts that were asked again another "
        f"vector than every later call, the same one made again among them (worst distance {held['worst']:.2g})."
    )


def _barely(held: Mapping[str, Any]) -> str:
    return (
        f"The same texts twice differ by a cosine distance of {held['worst']:.2g} at most: less than counts as "
        f"different, more than 32-bit arithmetic leaves."
    )


def _large_batch(held: Mapping[str, Any]) -> str:
    return (
        f"In one call for {held['together']} texts {held['texts']} of {held['asked']} get other vectors than alone and "
        f"in a call of a few (worst distance {held['worst']:.2g}), the same ones whenever it is made."
    )


def _variants(held: Mapping[str, Any]) -> str:
    how = ", or ".join(_VARIANTS[name] for name in held["variants"])
    return f"A text gets the vector of one asked for before from which it differs {how}."


def _moved(held: Mapping[str, Any]) -> str:
    return f"Rows come back shuffled: {held['moved']} of {held['rows']} texts of a batch have another text's vector."


def _batch(held: Mapping[str, Any]) -> str:
    said = (
        f"The same text alone and in a batch gives other vectors (worst distance {held['worst']:.2g}, text "
        f"{held['text']}), the same ones whenever the batch is the same: {held['texts']} of {held['asked']} texts"
    )
    on = [
        *(["on the texts beside it"] if held["company"] else []),
        *(["on its place among them"] if held["place"] else []),
    ]
    said += f"; it depends {' and '.join(on)}." if on else "."
    return said + (" Alone they are the reference's." if held.get("alone_is_reference") else "")


def _within_precision(held: Mapping[str, Any]) -> str:
    return (
        f"A text alone and in a batch differs by {held['worst']:.2g} at most, no more than the encoder's arithmetic "
        f"may make it (it is {held['drift']:.2g} from the reference)."
    )


def _loads_outputs(held: Mapping[str, Any]) -> str:
    said = " and ".join(f"{output} output (worst distance {worst:.2g})" for output, worst in held["broken"].items())
    sound = held["sound"]
    rest = f"; its {' and '.join(sound)} output agrees" if sound else ""
    return f"Two loads of the same model disagree in the {said}{rest}."


def _second_load(held: Mapping[str, Any]) -> str:
    then = ", the second time those of the first load" if held["then_as_first"] else ""
    return f"A second load gives other vectors for the same call made twice (worst distance {held['worst']:.2g}){then}."


def _loads_start(held: Mapping[str, Any]) -> str:
    return f"Two loads of the same model disagree (worst distance {held['worst']:.2g}), and each agrees with itself"


def _loads_reference(held: Mapping[str, Any]) -> str:
    which = "first" if held["reference"][0] else "second"
    return f"{_loads_start(held)}: the {which} gives the reference's vectors, the other does not."


def _loads_rotated(held: Mapping[str, Any]) -> str:
    same = ", and are the reference's" if held.get("products_of_reference") else ""
    return f"{_loads_start(held)}: cosines between texts are kept{same}, as by a rotation drawn at each start."


def _loads_offset(held: Mapping[str, Any]) -> str:
    return f"{_loads_start(held)}: all texts are moved by nearly one offset, another at each start."


def _loads_differ(held: Mapping[str, Any]) -> str:
    return f"{_loads_start(held)}; neither a rotation nor one offset takes one to the other."


def _beginning(held: Mapping[str, Any]) -> str:
    shared = held["characters"]
    said = f"Texts that share their first {shared} characters get one vector"
    return f"{said}: that of the one asked for first." if held["first_kept"] else f"{said}."


_WORDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "another-text": _another_text,
    "distinct-answers": _distinct,
    "at-once-differs": _at_once,
    "clients-differ": _clients,
    "moving-offset": _offset,
    "noise": _noise,
    "depends-on-before": _before,
    "numbers-come-and-go": _numbers,
    "outliers": _outliers,
    "first-call-differs": _first_call,
    "repeats-within-precision": _barely,
    "rows-moved": _moved,
    "batch-differs": _batch,
    "batch-within-precision": _within_precision,
    "large-batch-differs": _large_batch,
    "loads-outputs": _loads_outputs,
    "second-load-restless": _second_load,
    "loads-another-answer": _loads_reference,
    "loads-rotated": _loads_rotated,
    "loads-offset": _loads_offset,
    "loads-differ": _loads_differ,
    "beginning-shared": _beginning,
    "variants-shared": _variants,
}

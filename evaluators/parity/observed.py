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


def _another_text(seen: Mapping[str, Any]) -> str:
    times, answers = seen["times"], seen["answers"]
    return f"{times} of {answers} answers are the vector {_WHOSE[seen['whose']]}, to the last digits."


def _distinct(seen: Mapping[str, Any]) -> str:
    counts = ", ".join(str(count) for count in seen["times"])
    said = (
        f"The same texts twice give other vectors: {seen['texts']} of {seen['asked']} texts have up to "
        f"{seen['answers']} distinct answers (seen {counts} times; at most {seen['apart']:.2g} apart), "
    )
    if seen["once"]:
        said += "the one up to a moment during the check, the other after it."
    elif seen["by"] == "call":
        said += "one for all texts of a call, as when several versions or replicas answer."
    else:
        said += "which may differ between texts of one call."
    if seen.get("lengths_only"):
        said += " They differ in length alone."
    return said + _reference_among(seen)


def _reference_among(seen: Mapping[str, Any]) -> str:
    if "reference" not in seen:
        return ""
    if seen["reference"] > 0:
        return f" One of them is the reference's, on every text asked ({seen['reference']:.0%} of the answers)."
    if seen["reference_texts"]:
        return f" On {seen['reference_texts']} of {seen['asked']} texts one of them is the reference's."
    return " None of them is the reference's."


def _at_once(seen: Mapping[str, Any]) -> str:
    another = f"; {seen['another']} of them are another text's vector" if seen["another"] else ""
    return (
        f"Asked for several texts at the same time, in calls of their own, it gives other vectors than one after "
        f"another: {seen['times']} of {seen['answers']} answers (worst distance {seen['worst']:.2g}){another}."
    )


def _clients(seen: Mapping[str, Any]) -> str:
    return (
        f"Which client asks makes a difference: {seen['differ']} of {seen['clients']} further connections get other "
        f"vectors for the same text than the first (worst distance {seen['worst']:.2g})."
    )


def _offset(seen: Mapping[str, Any]) -> str:
    how = "moves on from call to call" if seen["drifts"] else "is another at every call"
    return (
        f"The same texts twice give other vectors: all texts of a call are moved together, by one offset that {how} "
        f"(worst distance {seen['worst']:.2g})."
    )


def _noise(seen: Mapping[str, Any]) -> str:
    said = f"The same texts twice give other vectors (worst distance {seen['worst']:.2g})"
    if "size" not in seen:
        return said + "."
    gaussian = ", of Gaussian shape" if abs(seen["kurtosis"] - 3) < 0.3 and seen["shape"] != "uneven" else ""
    return (
        f"{said}: scatter of {seen['size']:.2g} of the vector's length, {_SHAPES[seen['shape']]}{gaussian}, "
        f"another for every answer."
    )


def _before(seen: Mapping[str, Any]) -> str:
    together = ", and all texts of a call are moved together" if seen["together"] > 0.5 else ""
    return (
        f"An answer depends on the call made before it: after the same call it is the same, after another it is "
        f"another (worst distance {seen['worst']:.2g}){together}."
    )


def _numbers(seen: Mapping[str, Any]) -> str:
    return (
        f"{seen['times']} of {seen['answers']} answers hold values that are not numbers, for {seen['texts']} texts "
        f"that have a vector of numbers at other times."
    )


def _outliers(seen: Mapping[str, Any]) -> str:
    return (
        f"{seen['times']} of {seen['answers']} answers are another vector than the text has otherwise, none of them "
        f"seen twice (worst distance {seen['worst']:.2g})."
    )


def _first_call(seen: Mapping[str, Any]) -> str:
    return (
        f"The first call for all texts gave {seen['texts']} of the {seen['asked']} texts that were asked again another "
        f"vector than every later call, the same one made again among them (worst distance {seen['worst']:.2g})."
    )


def _barely(seen: Mapping[str, Any]) -> str:
    return (
        f"The same texts twice differ by a cosine distance of {seen['worst']:.2g} at most: less than counts as "
        f"different, more than 32-bit arithmetic leaves."
    )


def _large_batch(seen: Mapping[str, Any]) -> str:
    return (
        f"In one call for {seen['together']} texts {seen['texts']} of {seen['asked']} get other vectors than alone and "
        f"in a call of a few (worst distance {seen['worst']:.2g}), the same ones whenever it is made."
    )


def _variants(seen: Mapping[str, Any]) -> str:
    how = ", or ".join(_VARIANTS[name] for name in seen["variants"])
    return f"A text gets the vector of one asked for before from which it differs {how}."


def _moved(seen: Mapping[str, Any]) -> str:
    return f"Rows come back shuffled: {seen['moved']} of {seen['rows']} texts of a batch have another text's vector."


def _batch(seen: Mapping[str, Any]) -> str:
    said = (
        f"The same text alone and in a batch gives other vectors (worst distance {seen['worst']:.2g}, text "
        f"{seen['text']}), the same ones whenever the batch is the same: {seen['texts']} of {seen['asked']} texts"
    )
    on = [
        *(["on the texts beside it"] if seen["company"] else []),
        *(["on its place among them"] if seen["place"] else []),
    ]
    said += f"; it depends {' and '.join(on)}." if on else "."
    return said + (" Alone they are the reference's." if seen.get("alone_is_reference") else "")


def _within_precision(seen: Mapping[str, Any]) -> str:
    return (
        f"A text alone and in a batch differs by {seen['worst']:.2g} at most, no more than the encoder's arithmetic "
        f"may make it (it is {seen['drift']:.2g} from the reference)."
    )


def _loads_outputs(seen: Mapping[str, Any]) -> str:
    said = " and ".join(f"{output} output (worst distance {worst:.2g})" for output, worst in seen["broken"].items())
    sound = seen["sound"]
    rest = f"; its {' and '.join(sound)} output agrees" if sound else ""
    return f"Two loads of the same model disagree in the {said}{rest}."


def _second_load(seen: Mapping[str, Any]) -> str:
    then = ", the second time those of the first load" if seen["then_as_first"] else ""
    return f"A second load gives other vectors for the same call made twice (worst distance {seen['worst']:.2g}){then}."


def _loads_start(seen: Mapping[str, Any]) -> str:
    return f"Two loads of the same model disagree (worst distance {seen['worst']:.2g}), and each agrees with itself"


def _loads_reference(seen: Mapping[str, Any]) -> str:
    which = "first" if seen["reference"][0] else "second"
    return f"{_loads_start(seen)}: the {which} gives the reference's vectors, the other does not."


def _loads_rotated(seen: Mapping[str, Any]) -> str:
    same = ", and are the reference's" if seen.get("products_of_reference") else ""
    return f"{_loads_start(seen)}: cosines between texts are kept{same}, as by a rotation drawn at each start."


def _loads_offset(seen: Mapping[str, Any]) -> str:
    return f"{_loads_start(seen)}: all texts are moved by nearly one offset, another at each start."


def _loads_differ(seen: Mapping[str, Any]) -> str:
    return f"{_loads_start(seen)}; neither a rotation nor one offset takes one to the other."


def _beginning(seen: Mapping[str, Any]) -> str:
    shared = seen["characters"]
    said = f"Texts that share their first {shared} characters get one vector"
    return f"{said}: that of the one asked for first." if seen["first_kept"] else f"{said}."


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

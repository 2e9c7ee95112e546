"""What is said of a candidate that does not agree with itself: what was seen; a cause only if it was reproduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.causes.space import SOLVED
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import apart
from evaluators.diagnose.nondeterminism import dropout, random_heads, random_weights
from evaluators.diagnose.reference import Vectors
from evaluators.diagnose.rows import Texts
from evaluators.diagnose.search import Search
from evaluators.diagnose.verdict import Diagnosis, Named, judge
from evaluators.parity.observations import NO_FAULT, in_sentences

__all__ = ["by_repeats", "not_by_itself", "with_observed"]

_TURN = "Use one projection, drawn once and kept; vectors of two starts do not mix."
_EXACT = 1e-3  # relative distance of every text up to which one of several answers is explained
_OLD = "It does not agree with itself; the check was made before every answer was kept, so that no cause is named."


def by_repeats(bench: Bench, candidate: Vectors, base: Vectors, facts: Facts, floor: float) -> Diagnosis | None:
    """The diagnosis where the facts say that the candidate changes by itself; None where they do not.

    Args:
        bench: the reference and its texts.
        candidate: its vectors from the call for all texts, float [n, d].
        base: the reference's, float [n, e].
        facts: what repeated asking showed, with every answer.
        floor: mean distance that bf16 leaves on this model and these texts.
    """
    seen = in_sentences([one for one in facts.observed if one.code not in NO_FAULT])
    if facts.deterministic is False:
        if facts.seen("noise") is not None and (named := dropout(bench, facts, base)) is not None:
            said = f"{seen} So does the reference with dropout on, in size, direction and from text to text."
            return _answer("explained", said, candidate, base, (named,))
        return _answer("unstable", f"{seen or _OLD}{_other_answer(bench, facts, base, floor)}", candidate, base)
    if facts.loads_agree is False:
        return _loads(bench, candidate, base, facts, seen)
    if facts.heads_agree is False:
        if facts.heads_missing:
            said = "Two loads agree in the dense vectors and not in the others, whose files are missing: "
            return _answer("explained", f"{said}the heads are random.", candidate, base, (random_heads(),))
        said = f"Two loads agree in the dense vectors and not in the others. {seen}"
        return _answer("unstable", said.strip(), candidate, base)
    return None


def with_observed(found: Diagnosis, facts: Facts | None) -> Diagnosis:
    """A diagnosis of the vectors, with what was seen of the candidate when it was asked again."""
    seen = [one for one in facts.observed if one.code not in NO_FAULT] if facts is not None else []
    verdict = DiagnosisVerdict(found.verdict)
    # What explains the vectors explains that they depend on the batch.
    if verdict is DiagnosisVerdict.EXPLAINED:
        seen = [one for one in seen if one.code != "batch-differs"]
    if not seen or verdict is DiagnosisVerdict.UNSTABLE:
        return found
    nothing_said = verdict in (DiagnosisVerdict.UNKNOWN, DiagnosisVerdict.PRECISION)
    return replace(
        found,
        verdict="unstable" if nothing_said or verdict is DiagnosisVerdict.IDENTICAL else found.verdict,
        sentence=in_sentences(seen) if nothing_said else f"{found.sentence} {in_sentences(seen)}",
    )


def not_by_itself(facts: Facts | None) -> bool:
    """Whether the candidate was asked again and each call gave the same vectors as before."""
    if facts is None or facts.deterministic is not True or facts.loads_agree is False:
        return False
    return all(one.code in NO_FAULT for one in facts.observed)


def _loads(bench: Bench, candidate: Vectors, base: Vectors, facts: Facts, seen: str) -> Diagnosis:
    turned = facts.seen("loads-rotated")
    if turned is not None and turned.numbers.get("products_of_reference"):
        cause = replace(SOLVED["rotated"], name="a rotation of the space, another at each load", remedy=_TURN)
        return _answer("explained", seen, candidate, base, (Named(cause, (), 1.0, 0.0),))
    if facts.seen("loads-differ") is None and facts.seen("loads-offset") is None:
        return _answer("unstable", seen or _OLD, candidate, base)
    named, others = random_weights(bench, candidate, base, facts)
    if named is None:
        said = f"{seen} No part of the reference drawn at random gives vectors like these."
        return _answer("unstable", said, candidate, base, (), others)
    extent = named.cause.name.partition(": ")[2]
    said = (
        f"{seen} So do loads of the reference with the weights of one part drawn at random "
        f"({'the whole model' if extent == 'all' else extent}), in size, direction and from text to text."
    )
    return _answer("explained", said, candidate, base, (named,), others)


def _other_answer(bench: Bench, facts: Facts, base: Vectors, floor: float) -> str:
    """A sentence on what the other of two answers is, where one is the reference's and the catalogue has the other."""
    seen = facts.seen("distinct-answers")
    if seen is None or seen.numbers["answers"] != 2 or not seen.numbers.get("reference"):
        return ""
    texts = facts.asked()
    rows = [_farthest(facts, text, base[text]) for text in texts]
    others = np.stack(rows)
    chosen = Texts(
        tuple(bench.texts.texts[text] for text in texts),
        tuple(bench.texts.roles[text] for text in texts),
        tuple((place,) for place in range(len(texts))),
    )
    few = bench.of_texts(chosen)
    causes = catalogue(bench.reference, base.shape[1], others.shape[1])
    found = judge(Search(few, others, causes).run(), floor, lambda best: 0.0)
    if not found.causes or float(found.after.max()) > _EXACT:
        return ""
    named = " and ".join(" or ".join((one.cause.name, *one.same_as)) for one in found.causes)
    return f" On these texts the other answer is what the reference gives with: {named}."


def _farthest(facts: Facts, text: int, base: Vectors) -> Vectors:
    """Of the answers to a text, the one that is farthest from the reference."""
    rows = np.stack([one[0] for one in facts.draws([text])])
    return np.asarray(rows[int(apart(rows, np.broadcast_to(base, rows.shape)).argmax())])


def _answer(
    verdict: str,
    sentence: str,
    candidate: Vectors,
    base: Vectors,
    causes: Sequence[Named] = (),
    others: Sequence[Named] = (),
) -> Diagnosis:
    errors = apart(candidate, base)
    drift = float(errors.mean())
    named = tuple(causes)
    if verdict == DiagnosisVerdict.EXPLAINED:
        return Diagnosis("explained", sentence, drift, 0.0, 0.0, named, tuple(others), errors, errors * 0)
    return Diagnosis("unstable", sentence, drift, drift, 0.0, (), tuple(others), errors, errors)

"""What is said of a candidate that does not agree with itself: what was seen; a cause only if it was reproduced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.rules.causes import CAUSES
from data.rules.causes.alike import either
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import apart
from evaluators.diagnose.nondeterminism import dropout, random_weights
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.search import Search
from evaluators.diagnose.verdict import Diagnosis, NamedCause, judge
from evaluators.parity.observations import NO_FAULT, in_sentences

__all__ = ["by_repeats", "not_by_itself", "with_observed"]

_EXACT = 1e-3  # relative distance of every text up to which one of several answers is explained
_OLD = "It does not agree with itself; the check was made before every answer was kept, so that no cause is named."


def by_repeats(bench: Bench, candidate: Embeddings, base: Embeddings, facts: Facts, floor: float) -> Diagnosis | None:
    """The diagnosis where the facts say that the candidate changes by itself; None where they do not.

    Args:
        bench: the reference and its texts.
        candidate: its vectors from the call for all texts, float [n, d].
        base: the reference's, float [n, e].
        facts: what repeated asking showed, with every answer.
        floor: mean distance that bf16 leaves on this model and these texts.
    """
    observed = in_sentences([one for one in facts.observed if one.code not in NO_FAULT])
    if facts.deterministic is False and not facts.by_company:
        if facts.observation("noise") is not None and (named := dropout(bench, facts, base)) is not None:
            sentence = f"{observed} So does the reference with dropout on, in size, direction and from text to text."
            return _explained(sentence, candidate, base, named)
        return _unstable(f"{observed or _OLD}{_other_answer(bench, facts, base, floor)}", candidate, base)
    if facts.loads_agree is False:
        return _loads(bench, candidate, base, facts, observed)
    if facts.heads_agree is False:
        sentence = "Two loads agree in the dense vectors and not in the others"
        if facts.heads_missing:
            sentence += ", whose files are missing: the heads are random."
            return _explained(sentence, candidate, base, NamedCause(CAUSES["heads-random"], (), 1.0, 0.0))
        return _unstable(f"{sentence}. {observed}".strip(), candidate, base)
    return None


def with_observed(diagnosis: Diagnosis, facts: Facts | None, bench: Bench) -> Diagnosis:
    """A diagnosis of the vectors, with what was seen of the candidate when it was asked again."""
    observed = [one for one in facts.observed if one.code not in NO_FAULT] if facts is not None else []
    verdict = diagnosis.verdict
    stated = verdict in (DiagnosisVerdict.EXPLAINED, DiagnosisVerdict.PARTLY)
    if facts is not None and facts.by_company and _acts_on_batches(diagnosis, facts, bench):
        stated = stated or verdict is DiagnosisVerdict.PRECISION
        observed = [one for one in observed if one.code not in ("batch-differs", "at-once-differs")]
    if not observed or verdict is DiagnosisVerdict.UNSTABLE:
        return diagnosis
    sentence = in_sentences(observed)
    if verdict is not DiagnosisVerdict.UNKNOWN and (diagnosis.causes or verdict is not DiagnosisVerdict.PRECISION):
        sentence = f"{diagnosis.sentence} {sentence}"
    return replace(diagnosis, verdict=verdict if stated else DiagnosisVerdict.UNSTABLE, sentence=sentence)


def _acts_on_batches(diagnosis: Diagnosis, facts: Facts, bench: Bench) -> bool:
    """Whether what explains the vectors explains that they depend on the batch.

    A coarse arithmetic that rounds each text by itself may do so too: another order of summation tips a rounding, and
    what comes of that goes through all layers. It is as large as what two computations of that arithmetic differ by.
    """
    if diagnosis.verdict is DiagnosisVerdict.EXPLAINED or bench.by_batch(tuple(one.cause for one in diagnosis.causes)):
        return True
    batch, coarse = facts.observation("batch-differs"), any(one.cause.forward for one in diagnosis.causes)
    if diagnosis.verdict is not DiagnosisVerdict.PRECISION or batch is None or not coarse:
        return False
    return bool(batch.numbers["worst"] <= float(diagnosis.after.max()) ** 2 / 2)


def not_by_itself(facts: Facts | None) -> bool:
    """Whether the candidate was asked again and each call gave the same vectors as before."""
    if facts is None or facts.deterministic is not True or facts.loads_agree is False:
        return False
    return all(one.code in NO_FAULT for one in facts.observed)


def _loads(bench: Bench, candidate: Embeddings, base: Embeddings, facts: Facts, observed: str) -> Diagnosis:
    turned = facts.observation("loads-rotated")
    if turned is not None and turned.numbers.get("products_of_reference"):
        return _explained(observed, candidate, base, NamedCause(CAUSES["rotated-at-each-load"], (), 1.0, 0.0))
    if facts.observation("loads-differ") is None and facts.observation("loads-offset") is None:
        return _unstable(observed or _OLD, candidate, base)
    named, others = random_weights(bench, candidate, base, facts)
    if named is None:
        sentence = f"{observed} No part of the reference drawn at random gives vectors like these."
        return _unstable(sentence, candidate, base, others)
    extent = named.cause.blanks["part"]
    sentence = (
        f"{observed} So do loads of the reference with the weights of one part drawn at random "
        f"({'the whole model' if extent == 'all' else extent}), in size, direction and from text to text."
    )
    return _explained(sentence, candidate, base, named, others)


def _other_answer(bench: Bench, facts: Facts, base: Embeddings, floor: float) -> str:
    """A sentence on what the other of two answers is, where one is the reference's and the catalogue has the other."""
    answers = facts.observation("distinct-answers")
    if answers is None or answers.numbers["answers"] != 2 or not answers.numbers.get("reference"):
        return ""
    texts = facts.asked()
    others = np.stack([_farthest(facts, text, base[text]) for text in texts])
    few = bench.only(texts)
    alone = few.of_texts(few.texts.each_alone())
    causes = catalogue(bench.reference, base.shape[1], others.shape[1], bench.texts.roles)
    diagnosis = judge(Search(alone, others, causes).run(), floor, lambda best: 0.0)
    if not diagnosis.causes or float(diagnosis.after.max()) > _EXACT:
        return ""
    named = " and ".join(either(one.cause.words, one.same_as) for one in diagnosis.causes)
    return f" On these texts the other answer is what the reference gives with: {named}."


def _farthest(facts: Facts, text: int, base: Embeddings) -> Embeddings:
    """Of the answers to a text, the one that is farthest from the reference."""
    rows = np.stack([one[0] for one in facts.draws([text])])
    return np.asarray(rows[int(apart(rows, np.broadcast_to(base, rows.shape)).argmax())])


def _explained(
    sentence: str, candidate: Embeddings, base: Embeddings, named: NamedCause, others: Sequence[NamedCause] = ()
) -> Diagnosis:
    errors = apart(candidate, base)
    drift, verdict = float(errors.mean()), DiagnosisVerdict.EXPLAINED
    return Diagnosis(verdict, sentence, drift, 0.0, 0.0, (named,), tuple(others), errors, errors * 0)


def _unstable(sentence: str, candidate: Embeddings, base: Embeddings, others: Sequence[NamedCause] = ()) -> Diagnosis:
    errors = apart(candidate, base)
    drift, verdict = float(errors.mean()), DiagnosisVerdict.UNSTABLE
    return Diagnosis(verdict, sentence, drift, drift, 0.0, (), tuple(others), errors, errors)

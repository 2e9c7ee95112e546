"""What is said of a drift that no cause explains: which texts, what relates the two sides, and what it is not.

Every statement is a count over the texts at hand or was judged on texts left out; what chance may bring about is not
said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.diagnose.facts import Facts
from evaluators.diagnose.measure import apart
from evaluators.diagnose.put_before import Before
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.relations import (
    as_noise,
    explained_by,
    lengths_alone,
    of_other_texts,
    products_kept,
    similarities_agree,
)  # fmt: skip
from evaluators.diagnose.text_traits import FEWEST_DIFFERING, drifts_most, shared_trait

__all__ = ["Statement", "described"]

_SAME = 1e-3  # relative distance of a text that does not differ
_ROUNDED = 4.0  # floors: the worst text of two honest computations in half precision
_FEWEST = 8  # texts below which nothing is said of maps
_MOST = 0.75  # of the texts differ, before maps of them all are looked for
_WORTH = 0.10  # of the drift: a share worth a word
_NOTHING = 0.05  # of the drift: what explains less is ruled out
_NOUNS = {
    "scale": "one scale for all texts",
    "offset": "one vector added to all texts",
    "linear": "a linear map",
}


@dataclass(frozen=True)
class Statement:
    """One thing that is true of a drift: its code with numbers, and in words."""

    code: str
    numbers: dict[str, Any]
    sentence: str


def described(
    candidate: Embeddings,
    made: Embeddings,
    texts: Sequence[str],
    facts: Facts | None,
    *,
    roles: Sequence[str | None] = (),
    floor: float,
    tried: int,
    before: Before | None = None,
) -> list[Statement]:
    """Everything that can be stated of how a candidate differs.

    Args:
        candidate: float [n, d].
        made: what it is held against: the reference's vectors, or those of the causes that explain part, float [n, e].
        texts: the texts.
        facts: what asking again showed.
        roles: of the texts; empty where they have none.
        floor: mean distance that half precision leaves on these texts.
        tried: causes of the catalogue that were tried in vain; 0 where some explain part.
        before: what vectors learned to stand before the texts explain, where that is most of it.
    """
    errors = apart(candidate, made)
    # Where every text differs a little, those count that differ by more than half precision may.
    rounded = _ROUNDED * floor
    same = _SAME if errors.min() <= _SAME or errors.min() > rounded else rounded
    differ = errors > same
    statements = [_extent(errors, same)]
    shared = drifts_most(errors, texts, roles) if differ.all() else shared_trait(differ, texts, roles)
    if shared is not None:
        statements.append(Statement(shared.code, shared.numbers, shared.sentence))
    elif min(int(differ.sum()), int((~differ).sum())) >= FEWEST_DIFFERING:
        sentence = "No trait or length that was looked for tells them from the others."
        statements.append(Statement("no-trait", {}, sentence))
    if candidate.shape == made.shape:
        statements += _related(candidate, made, differ)
    same_products = bool({"products", "lengths"} & {one.code for one in statements})
    if float(differ.mean()) >= _MOST and len(made) >= _FEWEST and not same_products:
        statements.append(_neighbours(candidate, made))
    statements.append(_again(facts))
    if before is not None:
        statements.append(_text_before(before))
    if tried:
        sentence = f"None of {tried} known causes explains it alone, nor do those together that bring it nearer."
        statements.append(Statement("tried", {"causes": tried}, sentence))
    return statements


def _text_before(before: Before) -> Statement:
    each = before.role if before.role in ("query", "document") else "text"
    sentence = (
        f"{before.vectors} word vectors learned to stand before each {each} explain {before.share:.0%} of the drift on "
        "texts they were not learned on, as an unknown prompt there does."
    )
    numbers = {"share": before.share, "role": before.role}
    return Statement("text-before", numbers, sentence)


def _extent(errors: Any, same: float) -> Statement:
    count, hit = len(errors), int((errors > same).sum())
    numbers = {
        "texts": count,
        "differ": hit,
        "same": same,
        "median": float(np.median(errors)),
        "worst": float(errors.max()),
    }
    if hit == count:
        sentence = f"All {count} texts differ, by {np.median(errors):.2g} in the middle and {errors.max():.2g} at most."
        return Statement("all-differ", numbers, sentence)
    sentence = f"{hit} of {count} texts differ by more than {same:.2g}, by {errors.max():.2g} at most."
    return Statement("some-differ", numbers, sentence)


def _neighbours(candidate: Embeddings, made: Embeddings) -> Statement:
    agree = similarities_agree(candidate, made)
    sentence = f"Which texts are near which agrees with the reference by a rank correlation of {agree:.2f}."
    return Statement("neighbours", {"correlation": agree}, sentence)


def _related(candidate: Embeddings, made: Embeddings, differ: Any) -> list[Statement]:
    """What relates the two sides, and what does not."""
    statements = []
    pairs = of_other_texts(candidate, made, differ)
    if pairs:
        numbers = {"texts": len(pairs), "differ": int(differ.sum()), "pairs": pairs[:50]}
        sentence = f"{len(pairs)} of the {int(differ.sum())} texts that differ have the vector of another text."
        statements.append(Statement("other-texts", numbers, sentence))
    if lengths_alone(candidate, made):
        return [*statements, Statement("lengths", {}, "The directions agree: the lengths alone differ.")]
    # Maps are of all texts: where many are left as they are there is none. (A blank text may be left by a pooling.)
    if int(differ.sum()) < _FEWEST or float(differ.mean()) < _MOST:
        return statements
    candidate, made = candidate[differ], made[differ]
    if products_kept(candidate, made):
        sentence = "The products of any two texts agree, as under a rotation of the space."
        return [*statements, Statement("products", {}, sentence)]
    shares = explained_by(candidate, made)
    best = max(shares, key=lambda kind: shares[kind])
    if shares[best] >= _WORTH:
        sentence = f"On texts it was not fitted on, {_NOUNS[best]} explains {shares[best]:.0%} of the drift."
        statements.append(Statement(best, {"share": shares[best]}, sentence))
    elif (noise := as_noise(candidate, made)) is not None:
        how = f"as unrelated as random noise of {noise.size:.2g} of a vector's length"
        sentence = f"From text to text the differences are {how}."
        statements.append(Statement("like-noise", {"size": noise.size}, sentence))
    # Fewer texts than dimensions do not tell that no linear map is there.
    out = [kind for kind in ("scale", "offset") if shares[kind] < _NOTHING]
    if out:
        names = " or ".join(_NOUNS[kind] for kind in out)
        statements.append(Statement("not-it", {"kinds": out}, f"Ruled out, each below 5% on texts left out: {names}."))
    return statements


def _again(facts: Facts | None) -> Statement:
    if facts is None or facts.deterministic is None:
        sentence = "It was not asked again: whether it gives the same vectors each time is not known."
        return Statement("not-asked-again", {}, sentence)
    sentence = "Asked again it gave the same vectors." if facts.deterministic else "Asked again it gave other vectors."
    return Statement("same-again" if facts.deterministic else "other-again", {}, sentence)

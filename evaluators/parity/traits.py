"""What the texts on which two encoders differ have in common, and the others have not."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Floats
from evaluators.probes import Probe

__all__ = ["common_trait"]

_ROLES = {"query": "the queries", "document": "the documents"}


def common_trait(
    affected: NDArray[np.bool_],
    there: NDArray[np.bool_],
    probes: Sequence[Probe],
    lengths: Floats | None = None,
    unit: str = "tokens",
) -> str:
    """What the affected texts share and the others do not, in words; an empty string if nothing sets them apart."""
    spared = there & ~affected
    roles, others = ({probe.role for probe, one in zip(probes, of, strict=True) if one} for of in (affected, spared))
    # Before lengths: a prompt makes the texts of its role the longest.
    if others and len(roles) == 1 and roles.isdisjoint(others) and (role := roles.pop()):
        return f"exactly {_ROLES.get(role, f'those in the role {role}')}"
    if lengths is not None and spared.any() and affected.sum() > 1:
        shortest, longest = float(lengths[affected].min()), float(lengths[spared].max())
        if shortest > longest:
            return f"exactly those of more than {longest:.0f} {unit}"
        longest_hit, shortest_spared = float(lengths[affected].max()), float(lengths[spared].min())
        if longest_hit < shortest_spared:
            return f"exactly those of fewer than {shortest_spared:.0f} {unit}"
    having = {
        trait: has
        for trait in dict.fromkeys(trait for probe in probes for trait in probe.traits)
        if ((has := np.array([trait in probe.traits for probe in probes]) & there) & affected).any()
    }
    best, score = "", 0.0
    for trait, has in having.items():
        both = int((has & affected).sum())
        precision, recall = both / int(has.sum()), both / int(affected.sum())
        f1 = 2 * precision * recall / (precision + recall)
        if f1 > score:
            best, score = _in_words(trait, precision, recall, int(has.sum())), f1
    if score < 1:  # two causes at once: two traits that together are the affected texts and no other
        certain = {trait: has for trait, has in having.items() if not (has & ~affected).any()}
        for one, other in combinations(certain, 2):
            if ((certain[one] | certain[other]) == affected).all():
                return f"exactly those with the trait {one} or {other}"
    return best if score >= 0.75 else ""


def _in_words(trait: str, precision: float, recall: float, size: int) -> str:
    if precision == recall == 1:
        return f"exactly those with the trait {trait}"
    if recall == 1:
        return f"all of them with the trait {trait}"
    if precision == 1:
        return f"among them all {size} with the trait {trait}"
    return f"mostly those with the trait {trait}"

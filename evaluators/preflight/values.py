"""Values that no trained tensor holds: NaN, zeros, one number throughout, or a whole layer's matrix twice."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from evaluators.preflight.finding import Finding, Severity
from evaluators.preflight.loading import Loaded
from evaluators.preflight.names import SHOWN, pattern, some, used

__all__ = ["copied_matrices", "impossible_values"]

# RoBERTa's checkpoints carry it as zeros on purpose: the model has one token type.
_ZERO_IS_RIGHT = re.compile(r"token_type_embeddings")
_NORM = re.compile(r"norm|ln_|layer_norm", re.IGNORECASE)


def impossible_values(loaded: Loaded) -> Iterator[Finding]:
    """Parameters that are not finite, zero, or constant where training would have made them vary."""
    from torch import isfinite

    kinds: dict[str, list[str]] = defaultdict(list)
    siblings: dict[str, int] = defaultdict(int)
    for name, tensor in used(loaded.model.named_parameters()):
        siblings[pattern(name)] += 1
        if name in loaded.missing:
            continue
        if not isfinite(tensor).all():
            kinds["nan"].append(name)
        elif tensor.numel() > 1 and not _ZERO_IS_RIGHT.search(name) and bool((tensor == tensor.reshape(-1)[0]).all()):
            kinds["zero" if tensor.reshape(-1)[0] == 0 else "constant"].append(name)
    shapes = dict(loaded.model.named_parameters())
    if kinds["nan"]:
        yield _value_finding(
            "weights-not-finite", "fatal", "hold NaN or infinity", kinds["nan"], "Every vector becomes NaN."
        )
    # A bias may rightly be zero in every layer; in some layers only, it is a loss.
    odd = {kind: [n for n in kinds[kind] if shapes[n].dim() > 1 or _partly(n, kinds[kind], siblings)] for kind in kinds}
    if odd.get("zero"):
        yield _value_finding(
            "weights-zero", "serious", "are zero throughout", odd["zero"], "Nothing passes through them."
        )
    norms = [name for name in kinds["constant"] if _NORM.search(name) and name.endswith("weight")]
    if norms and len(norms) == sum(1 for name in shapes if _NORM.search(name) and name.endswith("weight")):
        yield _value_finding(
            "norms-untrained",
            "serious",
            "are constant, as before training",
            norms,
            "The LayerNorms' trained scales were lost.",
        )
    elif odd.get("constant"):
        yield _value_finding(
            "weights-constant",
            "serious",
            "hold one value throughout",
            odd["constant"],
            "A trained tensor varies: this one was reset or lost.",
        )


def _value_finding(code: str, severity: Severity, what: str, names: list[str], why: str) -> Finding:
    seen = f"{len(names)} tensor{'s' if len(names) > 1 else ''} {what}: {some(names)}"
    return Finding(
        "weights",
        code,
        severity,
        seen,
        why,
        "Download the weights again, or repeat the conversion.",
        {"tensors": names[:SHOWN]},
    )


def _partly(name: str, found: list[str], siblings: dict[str, int]) -> bool:
    """Whether the tensor's like in other layers are not so."""
    like = [other for other in found if pattern(other) == pattern(name)]
    return len(like) < siblings[pattern(name)]


def copied_matrices(loaded: Loaded, digests: dict[str, str]) -> Iterator[Finding]:
    """A matrix that stands in two layers: a conversion that copied one layer over another."""
    matrices = {
        name: digests[name]
        for name, tensor in used(loaded.model.named_parameters())
        if tensor.dim() > 1 and tensor.std() > 0
    }
    places: dict[str, list[str]] = defaultdict(list)
    for name, digest in matrices.items():
        places[digest].append(name)
    copies = [names for names in places.values() if len(names) > 1 and len({pattern(name) for name in names}) == 1]
    if copies:
        yield Finding(
            "weights",
            "weights-duplicated",
            "serious",
            f"{len(copies)} matrices stand in more than one layer: {' and '.join(copies[0])}",
            "Training never leaves two layers equal: one was copied over the other.",
            "Download the weights again, or repeat the conversion.",
            {"copies": copies[:SHOWN]},
        )

"""The proof of a diagnosis: the re-encoded vectors, and lines to paste that bring them about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from data.rules.causes import Cause
from evaluators.diagnose.recipe import in_order
from evaluators.diagnose.reference import SHORT_POOLINGS, Reference
from evaluators.diagnose.verdict import Diagnosis
from evaluators.preflight.configuration import declared_pooling

__all__ = ["proof_record", "snippet"]

_NORMALISED = """from sentence_transformers.models import Normalize
model = SentenceTransformer(modules=[*model, Normalize()])"""
_NOT_NORMALISED = """from sentence_transformers.models import Normalize
model = SentenceTransformer(modules=[module for module in model if not isinstance(module, Normalize)])"""
_POOLING = """from sentence_transformers.models import Pooling
next(module for module in model if isinstance(module, Pooling)).pooling_mode = {mode!r}"""


def snippet(reference: Reference, causes: Sequence[Cause], texts: str = '["..."]') -> str:
    """Python to paste: the reference through sentence-transformers, with the causes built in.

    Args:
        reference: the reference.
        causes: those stated.
        texts: the expression that ``texts`` is set to.

    What it encodes agrees with the candidate up to what the diagnosis leaves unexplained. A cause that no setting of
    sentence-transformers brings about is a comment that says so.
    """
    ordered = in_order(causes)
    revision = f", revision={reference.target.revision!r}" if reference.target.revision else ""
    lines = [
        "import numpy as np",
        "from sentence_transformers import SentenceTransformer",
        "",
        f"model = SentenceTransformer({reference.name!r}{revision}, device='cpu')",
        f"model.max_seq_length = {reference.recipe.length}",
        *_own_settings(reference),
        f"texts = {texts}",
        f"prompts = {dict(reference.recipe.prompts)!r}",
        "roles = [None] * len(texts)  # 'query' or 'document' for each text, where the model has prompts",
        *_built_in([cause for cause in ordered if not cause.after]),
        "prompted = [prompts.get(role, prompts.get(None, '')) + text for role, text in zip(roles, texts)]",
        "vectors = model.encode(prompted, prompt='', convert_to_numpy=True).astype(np.float32)",
        *([f"vectors = vectors[:, :{reference.recipe.dimensions}]"] if reference.recipe.dimensions else []),
        *_built_in([cause for cause in ordered if cause.after]),
    ]
    return "\n".join(lines) + "\n"


def proof_record(reference: Reference, diagnosis: Diagnosis) -> dict[str, Any]:
    """What the store keeps beside a diagnosis: recipes, vectors made, distances before and after, texts searched."""
    match = diagnosis.match
    return {
        "reference": asdict(reference.recipe),
        "agrees": asdict(match.recipe) if match else None,
        "before": diagnosis.before.tolist(),
        "after": diagnosis.after.tolist(),
        "vectors": match.vectors.tolist() if match else None,
        "searched": diagnosis.searched,
        "described": [{"code": one.code, "numbers": one.numbers} for one in diagnosis.described],
    }


def _own_settings(reference: Reference) -> list[str]:
    """What was asked of the reference beyond what its files declare."""
    recipe, lines = reference.recipe, []
    declared = [SHORT_POOLINGS.get(mode, mode) for mode in declared_pooling(reference.target) or ()]
    if declared != [recipe.pooling]:
        library = {short: name for name, short in SHORT_POOLINGS.items()}
        lines += _POOLING.format(mode=library.get(recipe.pooling, recipe.pooling)).splitlines()
    normalises, wanted = reference.target.module("Normalize") is not None, recipe.normalise == "yes"
    if normalises != wanted:
        lines += (_NORMALISED if wanted else _NOT_NORMALISED).splitlines()
    return lines


def _built_in(causes: Sequence[Cause]) -> list[str]:
    lines = []
    for cause in causes:
        lines.append(f"# {cause.words}")
        if cause.snippet:
            lines += cause.snippet.splitlines()
        else:
            lines.append("# (no setting of sentence-transformers does this; the proof's vectors were made by hand)")
    return lines

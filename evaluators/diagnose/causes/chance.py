"""Causes that are random by nature: weights never loaded, dropout left on.

No re-encoding gives their vectors, so they are told by facts: does the candidate agree with itself, load after load
and call after call? How much of the model is random is then judged by which random part leaves the reference's
vectors nearest to the candidate's.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluators.diagnose.causes.model import layers_of
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import apart
from evaluators.diagnose.recipe import Cause, Recipe
from evaluators.diagnose.reference import Vectors
from evaluators.diagnose.verdict import Diagnosis, Named

__all__ = ["Facts", "by_chance", "random_part", "random_parts"]

_RELOAD = "Load the weights in full: `python -m evaluators preflight MODEL` names the tensors that are not in the file."
_HEADS = (
    "Put sparse_linear.pt and colbert_linear.pt beside config.json, from the model's own repository; "
    "`python -m evaluators preflight FOLDER` says which is not there."
)
_LAYER = re.compile(r"the tensor .*?\.\d+\.")
_DRAWS = 2
_PERMUTATIONS = 500
_FEW = 12  # the shortest texts, on which the parts are drawn: enough to tell them apart, and cheap
_ALIKE = 1.25  # of the nearest's distance, up to which another tensor of the same layer is not told from it
_CLOSE = 0.25  # of the drift: a part as near as this is the one, whatever is left of the differences between texts


@dataclass(frozen=True)
class Facts:
    """What the protocol tests of an encoder found, and what it says of itself; None where that is not known.

    Attributes:
        loads_agree: whether two loads give the same vectors.
        deterministic: whether one load gives the same vectors twice.
        heads_agree: whether two loads give the same sparse or multi-vector output.
        revision: the commit it says it is.
    """

    loads_agree: bool | None = None
    deterministic: bool | None = None
    heads_agree: bool | None = None
    revision: str | None = None


def by_chance(bench: Bench, candidate: Vectors, base: Vectors, facts: Facts) -> Diagnosis | None:
    """The diagnosis where the facts say that the candidate is random; None where they do not."""
    if facts.deterministic is False:
        return _answer(
            _named("dropout on", "Put the model in evaluation mode: model.eval()."),
            "One load of the candidate gives one text two vectors: dropout is on.",
            candidate, base, (),
        )  # fmt: skip
    if facts.loads_agree is False:
        return _weights(bench, candidate, base)
    if facts.heads_agree is False:
        sentence = "Two loads agree in the dense vectors and not in the others: the heads are random."
        return _answer(_named("weights random: the heads", _HEADS), sentence, candidate, base, ())
    return None


def random_parts(model: Any) -> dict[str, re.Pattern[str]]:
    """Parts of a model that can be lost: the whole, each layer, each block of all layers, each matrix."""
    parts = {"all": re.compile("")}
    names = [name for name, parameter in model.named_parameters() if parameter.dim() == 2]
    layers = layers_of(model)
    prefix = next((name for name, module in model.named_modules() if module is layers), None)
    if prefix is not None:
        inside = rf"^{re.escape(prefix)}\."
        for index in range(len(layers)):
            parts[f"layer {index}"] = re.compile(rf"{inside}{index}\.")
        # What another class calls by another name is lost in all of them; norms alone are set to one, not drawn.
        blocks = [name for name, child in layers[0].named_children() if any(p.dim() == 2 for p in child.parameters())]
        for child in blocks:
            parts[f"{child} of every layer"] = re.compile(rf"{inside}\d+\.{re.escape(child)}\.")
    parts |= {f"the tensor {name}": re.compile(rf"^{re.escape(name)}$") for name in names if "pooler" not in name}
    return parts


def random_part(model: Any, part: re.Pattern[str], seed: int) -> Any:
    """A copy of the model with one part as a loader leaves it that finds no values: normal 0.02, norms 1, biases 0."""
    import torch

    spread = float(getattr(model.config, "initializer_range", 0.02) or 0.02)
    generator = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not part.search(name):
                continue
            if parameter.dim() == 1:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return model


def _weights(bench: Bench, whole: Vectors, sound: Vectors) -> Diagnosis:
    short = sorted(range(len(whole)), key=lambda index: len(bench.rows(bench.reference.recipe)[index].ids))[:_FEW]
    candidate, base = whole[short], sound[short]
    drift = float(apart(candidate, base).mean())
    near = sorted(_nearest(bench, short, candidate), key=lambda found: found[1])
    part_left = near[0][1] < _CLOSE * drift or _depends(candidate, base)
    near.sort(key=lambda found: ((found[0] == "all") == part_left, found[1]))
    extent = near[0][0]
    kinds = {"all": "all", "layer": "a layer", "the": "a tensor"}
    kind = kinds.get(extent.split(" ")[0], "a block")
    alike = tuple(f"weights random: {part}" for part, left in near[1:] if _factors(extent, part, near[0][1], left))
    others = tuple(
        Named(_cause(f"weights random: {part}", _RELOAD), (), max(0.0, 1 - left / drift), left)
        for part, left in near[1:6]
    )
    sentence = f"Two loads of the candidate disagree: weights were drawn at random. Most like it is {kind} ({extent})."
    return _answer(_named(f"weights random: {extent}", _RELOAD, alike), sentence, whole, sound, others)


def _factors(one: str, other: str, nearest: float, left: float) -> bool:
    """Whether two tensors are of one layer and as near: of a product of two, either one random leaves noise alike."""
    layer, another = (_LAYER.match(part) for part in (one, other))
    return layer is not None and another is not None and layer[0] == another[0] and left < _ALIKE * nearest


def _depends(candidate: Vectors, base: Vectors) -> bool:
    """Whether the candidate's differences between texts follow those of the reference.

    Vectors of random weights lie close together, and their common direction is near some part's by chance; a test by
    permutation of the texts asks of what is left when that direction is gone.
    """
    width = min(candidate.shape[1], base.shape[1])
    one, other = (_unit((vectors - vectors.mean(0))[:, :width]) for vectors in (candidate, base))
    products, order = one @ other.T, np.random.default_rng(0)
    places = np.arange(len(products))
    chance = [float(products[places, order.permutation(places)].sum()) for _ in range(_PERMUTATIONS)]
    return float(np.trace(products)) > max(chance)


def _unit(vectors: Vectors) -> Vectors:
    """Rows of length one, so that no single text decides."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))


def _nearest(bench: Bench, short: list[int], candidate: Vectors) -> Iterator[tuple[str, float]]:
    """How far the candidate is from the reference with each part random, the mean over a few draws."""
    few = bench.only(short)
    for part, pattern in random_parts(bench.reference.model).items():
        if part not in bench.drawn:
            drawn = [few.with_model(random_part(bench.reference.model, pattern, seed)) for seed in range(_DRAWS)]
            # What the draws share is what a lost part leaves of the model: their mean is the best guess of any draw.
            bench.drawn[part] = _unit_mean(drawn)
        yield part, float(apart(candidate, bench.drawn[part]).mean())


def _unit_mean(drawn: list[Vectors]) -> Vectors:
    mean = np.mean(drawn, axis=0)
    size = np.mean([np.linalg.norm(one, axis=1) for one in drawn], axis=0)
    return np.asarray(mean * (size / np.maximum(np.linalg.norm(mean, axis=1), 1e-12))[:, None], dtype=np.float32)


def _cause(name: str, remedy: str) -> Cause:
    def same(recipe: Recipe) -> Recipe:
        return recipe

    return Cause(name, "model", "weights", same, remedy)


def _named(name: str, remedy: str, alike: tuple[str, ...] = ()) -> Named:
    """A cause that facts tell: the whole drift is its own, though no re-encoding can show it."""
    return Named(_cause(name, remedy), alike, 1.0, 0.0)


def _answer(named: Named, sentence: str, candidate: Vectors, base: Vectors, others: tuple[Named, ...]) -> Diagnosis:
    errors = apart(candidate, base)
    return Diagnosis("explained", sentence, float(errors.mean()), 0.0, 0.0, (named,), others, errors, errors * 0)

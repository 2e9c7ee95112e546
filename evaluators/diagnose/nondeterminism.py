"""Causes that are random by nature: weights never loaded, dropout left on.

No re-encoding gives their vectors. They are named where draws of them, made here from the reference, are what the
candidate's answers are draws of as well (:mod:`evaluators.diagnose.likeness`); that a candidate is random by itself
names nothing. How much of the model is random is judged by which random part leaves the reference's vectors nearest.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.facts import Facts
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.likeness import alike
from evaluators.diagnose.measure import apart, unit_rows
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.verdict import NamedCause
from evaluators.diagnose.weights import layers_of

__all__ = ["RandomPart", "dropout", "random_part", "random_parts", "random_weights", "seeded_dropout"]

_DRAWS = 2
_PROVED_BY = 10  # draws that the candidate's loads are held against
_DROPPED = 16  # draws of dropout
_MOST_TRIED = 4  # parts, the nearest first, of which draws are made to be held against
_PERMUTATIONS = 500
_FEW = 12  # the shortest texts, on which the parts are drawn: enough to tell them apart, and cheap
_SEEDED = 24  # texts that dropout drawn from the text is looked for on
_FEWEST = 5  # texts below which nothing is said of what is random
_ALIKE = 1.25  # of the nearest's distance, up to which another tensor of the same layer is not told from it
_CLOSE = 0.25  # of the drift: a part as near as this is the one, whatever is left of the differences between texts


def dropout(bench: Bench, facts: Facts, base: Embeddings) -> NamedCause | None:
    """Dropout, if the answers to the texts asked again are draws of the reference in training mode."""
    texts = facts.asked()
    if len(texts) < _FEWEST or not _drops(bench.reference.model):
        return None
    answers = facts.draws(texts)
    if len(answers) < 4 or not alike(answers, _dropped(bench, texts), base[texts]):
        return None
    return _whole(CAUSES["dropout-on"])


def seeded_dropout(bench: Bench, candidate: Embeddings, base: Embeddings) -> NamedCause | None:
    """Dropout whose numbers depend on the text alone: the one vector of each text is one draw, each by itself."""
    texts = _shortest(bench, _SEEDED)
    if len(texts) < _FEWEST or not _drops(bench.reference.model):
        return None
    if not alike([candidate[texts]], _dropped(bench, texts), base[texts]):
        return None
    return _whole(CAUSES["dropout-by-text"])


def _drops(model: Any) -> bool:
    import torch

    return any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in model.modules())


def _dropped(bench: Bench, texts: Sequence[int]) -> list[Embeddings]:
    """What the reference gives of the texts in training mode, so many times."""
    few, model = bench.only(texts), bench.reference.model
    if ("dropout", few.texts) not in bench.drawn:
        bench.drawn["dropout", few.texts] = _draws_of_dropout(few, model)
    drawn: list[Embeddings] = bench.drawn["dropout", few.texts]
    return drawn


def _draws_of_dropout(few: Bench, model: Any) -> list[Embeddings]:
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(17)
        model.train()
        try:
            return [few.with_model(model, each=True) for _ in range(_DROPPED)]
        finally:
            model.eval()


def _shortest(bench: Bench, count: int) -> list[int]:
    rows = bench.rows(bench.reference.recipe)
    return sorted(range(len(rows)), key=lambda index: len(rows[index].ids))[:count]


class RandomPart(NamedTuple):
    """A part of a model that can be lost.

    Attributes:
        tensors: matches the names of its tensors.
        layer: of a single tensor, the layer it belongs to.
    """

    tensors: re.Pattern[str]
    layer: str = ""


def random_parts(model: Any) -> dict[str, RandomPart]:
    """Parts of a model that can be lost: the whole, each layer, each block of all layers, each matrix."""
    parts = {"all": RandomPart(re.compile(""))}
    names = [name for name, parameter in model.named_parameters() if parameter.dim() == 2]
    layers = layers_of(model)
    prefix = next((name for name, module in model.named_modules() if module is layers), None)
    if prefix is not None:
        inside = rf"^{re.escape(prefix)}\."
        for index in range(len(layers)):
            parts[f"layer {index}"] = RandomPart(re.compile(rf"{inside}{index}\."))
        # What another class calls by another name is lost in all of them; norms alone are set to one, not drawn.
        blocks = [name for name, child in layers[0].named_children() if any(p.dim() == 2 for p in child.parameters())]
        for child in blocks:
            parts[f"{child} of every layer"] = RandomPart(re.compile(rf"{inside}\d+\.{re.escape(child)}\."))
    for name in names:
        if "pooler" not in name:
            layer = re.match(r".*?\.\d+\.", name)
            parts[f"the tensor {name}"] = RandomPart(re.compile(rf"^{re.escape(name)}$"), layer[0] if layer else "")
    return parts


def random_part(model: Any, part: RandomPart, seed: int) -> Any:
    """A copy of the model with one part as a loader leaves it that finds no values: normal 0.02, norms 1, biases 0."""
    import torch

    spread = float(getattr(model.config, "initializer_range", 0.02) or 0.02)
    generator = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not part.tensors.search(name):
                continue
            if parameter.dim() == 1:
                parameter.fill_(1.0 if name.endswith("weight") else 0.0)
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * spread)
    return model


def random_weights(
    bench: Bench, whole: Embeddings, sound: Embeddings, facts: Facts
) -> tuple[NamedCause | None, tuple[NamedCause, ...]]:
    """The part of the model of which two loads are draws, if there is one; and the nearest parts.

    Args:
        bench: the reference and its texts.
        whole: the candidate's vectors, of its first load, float [n, d].
        sound: the reference's, float [n, d].
        facts: with the answers of both loads.
    """
    if whole.shape[1] != sound.shape[1]:
        return None, ()
    short = _shortest(bench, _FEW)
    candidate, base = whole[short], sound[short]
    drift = float(apart(candidate, base).mean())
    near = sorted(_nearest(bench, short, candidate), key=lambda one: one[1])
    part_left = near[0][1] < _CLOSE * drift or _depends(candidate, base)
    near.sort(key=lambda one: ((one[0] == "all") == part_left, one[1]))
    runners = {part: NamedCause(_random(part), (), max(0.0, 1 - left / drift), left) for part, left in near}
    parts = random_parts(bench.reference.model)
    for extent, nearest in near[:_MOST_TRIED]:
        if _are_draws(bench, facts, sound, parts[extent]):
            same = [part for part, left in near if _factors(parts, extent, part) and left < _ALIKE * nearest]
            others = [runners[part] for part, _ in near[:6] if part not in (extent, *same)]
            return _whole(_random(extent), tuple(_random(part).words for part in same)), tuple(others[:5])
    return None, tuple(runners[part] for part, _ in near[:5])


def _are_draws(bench: Bench, facts: Facts, sound: Embeddings, part: RandomPart) -> bool:
    """Whether both loads are like draws of the part, and as far from each other as two draws are."""
    texts = facts.asked()
    loads = [facts.answers(texts, "batch", load) for load in (1, 2)]
    known = [one for one in loads if one is not None]
    if len(texts) < _FEWEST or len(known) < 2:
        return False
    few, seeds = bench.only(texts), range(_DRAWS, _DRAWS + _PROVED_BY)
    draws = [few.with_model(random_part(bench.reference.model, part, seed)) for seed in seeds]
    return alike(known, draws, sound[texts])


def _factors(parts: dict[str, RandomPart], one: str, other: str) -> bool:
    """Whether two parts are tensors of one layer: of a product of two, either one random leaves noise alike."""
    return one != other and parts[one].layer == parts[other].layer != ""


def _depends(candidate: Embeddings, base: Embeddings) -> bool:
    """Whether the candidate's differences between texts follow those of the reference.

    Embeddings of random weights lie close together, and their common direction is near some part's by chance; a test by
    permutation of the texts asks of what is left when that direction is gone.
    """
    width = min(candidate.shape[1], base.shape[1])
    one, other = (unit_rows((vectors - vectors.mean(0))[:, :width]) for vectors in (candidate, base))
    products, order = one @ other.T, np.random.default_rng(0)
    places = np.arange(len(products))
    chance = [float(products[places, order.permutation(places)].sum()) for _ in range(_PERMUTATIONS)]
    return float(np.trace(products)) > max(chance)


def _nearest(bench: Bench, short: list[int], candidate: Embeddings) -> Iterator[tuple[str, float]]:
    """How far the candidate is from the reference with each part random, the mean over a few draws."""
    few = bench.only(short)
    for name, part in random_parts(bench.reference.model).items():
        if (name, few.texts) not in bench.drawn:
            drawn = [few.with_model(random_part(bench.reference.model, part, seed)) for seed in range(_DRAWS)]
            # What the draws share is what a lost part leaves of the model: their mean is the best guess of any draw.
            bench.drawn[name, few.texts] = _unit_mean(drawn)
        yield name, float(apart(candidate, bench.drawn[name, few.texts]).mean())


def _unit_mean(drawn: list[Embeddings]) -> Embeddings:
    mean = np.mean(drawn, axis=0)
    size = np.mean([np.linalg.norm(one, axis=1) for one in drawn], axis=0)
    return np.asarray(mean * (size / np.maximum(np.linalg.norm(mean, axis=1), 1e-12))[:, None], dtype=np.float32)


def _random(part: str) -> Cause:
    return CAUSES["weights-random"].filled({"part": part})


def _whole(cause: Cause, same_as: tuple[str, ...] = ()) -> NamedCause:
    """A cause that facts tell: the whole drift is its own, though no re-encoding can show it."""
    return NamedCause(cause, same_as, 1.0, 0.0)

"""A text that nobody knows put before the texts: vectors learned to stand there say whether that is what happened.

A few vectors in the place of a prompt's word vectors are learned on some short texts and judged on others. Behind an
unknown prompt they explain most of the drift there (.6 to .8 on MiniLM); what was done to weights, or behind the texts,
they do not where they were not learned (below .3). Which words the prompt has they do not say: the words whose vectors
lie nearest are seldom its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from data.store.errors import ModelError
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.measure import Errors, apart, unit_rows
from evaluators.diagnose.passes import while_encoding
from evaluators.diagnose.recipe import Recipe
from evaluators.diagnose.reference import Embeddings

__all__ = ["Before", "learned_before"]

_VECTORS = 8  # that stand before each text
_TEXTS, _LEARNED_ON, _JUDGED_ON = 16, 8, 2  # texts; so many at most, at least
_FEWEST = 5
_LONGEST = 40  # tokens of such a text
_FARTHEST = 0.05  # mean distance; a prompt moves short texts much further
_STEPS, _LOOK_AFTER = 100, 25
_RATE = 0.4  # of the spread of the word vectors' numbers, a step
_HOPELESS = 0.2  # of the drift of the texts it learns on, explained when first looked at
_MOST_PARAMETERS = 400_000_000  # of a model: a hundred passes there and back
_DIFFERS, _ALL = 1e-3, 0.95  # distance of a text that differs; share of texts that are as good as all
_MOST_OF_IT = 0.5  # of the drift
_POOLINGS = ("mean", "cls", "last")


class Before(NamedTuple):
    """What learned vectors before each text explain.

    Attributes:
        share: of the drift of texts that they were not learned on, 0 to 1.
        role: of the texts; None for all.
        vectors: how many were learned.
    """

    share: float
    role: str | None
    vectors: int = _VECTORS


def learned_before(bench: Bench, candidate: Embeddings) -> Before | None:
    """What a text put before all texts, or those of one role, would explain; None where that is little or not to tell.

    Args:
        bench: the reference and the texts.
        candidate: float [n, d], of all texts of the bench.
    """
    reference = bench.reference
    recipe, base = reference.recipe, bench.vectors(reference.recipe)
    if recipe.pooling not in _POOLINGS or reference.projections or base.shape != candidate.shape:
        return None
    if sum(one.numel() for one in reference.model.parameters()) > _MOST_PARAMETERS:
        return None
    role, places = _in_question(bench, apart(candidate, base))
    bare = bench.rows(Recipe(length=recipe.length))
    short = sorted((place for place in places if len(bare[place].ids) <= _LONGEST), key=lambda one: len(bare[one].ids))
    if len(short) < _FEWEST or float(apart(candidate[short], base[short]).mean()) < _FARTHEST:
        return None
    short = short[:_TEXTS]
    count = min(_LEARNED_ON, len(short) - _JUDGED_ON)
    learned_on = short[::2][:count] if len(short) >= 2 * count else short[:count]
    chosen = [*learned_on, *(place for place in short if place not in learned_on)]
    own, wanted = unit_rows(base[chosen]), unit_rows(candidate[chosen])
    try:
        with while_encoding(reference.name):
            tuned = _Tuned(bench, [bare[place].ids for place in chosen])
            if not tuned.learn(wanted[:count], own[:count]):
                return None
            made = tuned.made(range(count, len(chosen)))
    except ModelError:  # a model that takes no vectors in the place of words, or no more tokens
        return None
    before, after = (float(np.linalg.norm(one - wanted[count:], axis=1).mean()) for one in (own[count:], made))
    share = 1 - after / before
    return Before(share, role) if share >= _MOST_OF_IT else None


def _in_question(bench: Bench, errors: Errors) -> tuple[str | None, list[int]]:
    """The texts that may have something before them: all, or those of the one role all of whose texts differ."""
    roles, differ = bench.texts.roles, errors > _DIFFERS
    of_role = {role: [place for place, own in enumerate(roles) if own == role] for role in dict.fromkeys(roles)}
    whole = [role for role, places in of_role.items() if float(differ[places].mean()) >= _ALL]
    if len(whole) == 1 < len(of_role):
        return whole[0], of_role[whole[0]]
    return None, np.flatnonzero(differ).tolist() if float(differ.mean()) >= _ALL else []


class _Tuned:
    """The model with vectors of its own before each text."""

    def __init__(self, bench: Bench, ids: Sequence[Sequence[int]]) -> None:
        import torch

        self._reference, self._model = bench.reference, bench.reference.model
        self._table = self._model.get_input_embeddings().weight.detach()
        tokenizer = self._reference.tokenizer
        self._first = 1 if ids[0] and ids[0][0] in tokenizer.all_special_ids else 0
        self._ids = [torch.tensor(one) for one in ids]
        self._rate = _RATE * float(self._table.std())
        start = self._table.mean(0).repeat(_VECTORS, 1)
        # Without a random start all vectors would stay one: what is drawn is the same each time.
        generator = torch.Generator().manual_seed(0)
        noise = torch.randn(start.shape, generator=generator) * self._table.std() / 4
        self._own = (start + noise).clone().requires_grad_(True)

    def learn(self, wanted: Embeddings, base: Embeddings) -> bool:
        """Learn on the first texts; False where it leads nowhere."""
        import torch

        goal = torch.tensor(wanted)
        drift = float(np.square(base - wanted).sum(1).mean())
        optimizer = torch.optim.Adam([self._own], lr=self._rate)
        for step in range(_STEPS):
            loss = (self._through(range(len(wanted))) - goal).square().sum(1).mean()
            if step == _LOOK_AFTER and float(loss.detach()) > (1 - _HOPELESS) * drift:
                return False
            (self._own.grad,) = torch.autograd.grad(loss, self._own)
            optimizer.step()
        return True

    def made(self, places: Sequence[int]) -> Embeddings:
        """Vectors of length one of texts with the learned vectors before them, float32 [n, d]."""
        import torch

        with torch.no_grad():
            return np.asarray(self._through(places).numpy(), dtype=np.float32)

    def _through(self, places: Sequence[int]) -> Any:
        """Unit vectors of texts, from one pass."""
        import torch

        words = [self._table[self._ids[place]] for place in places]
        rows = [torch.cat([own[: self._first], self._own, own[self._first :]]) for own in words]
        inputs = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(inputs.shape[1]) < lengths[:, None]).long()
        hidden = self._model(inputs_embeds=inputs, attention_mask=mask).last_hidden_state.float()
        weights = mask[..., None].float()
        if self._reference.recipe.pooling == "cls":
            pooled = hidden[:, 0]
        elif self._reference.recipe.pooling == "last":
            pooled = hidden[torch.arange(len(rows)), lengths - 1]
        else:
            pooled = (hidden * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(pooled, dim=1)

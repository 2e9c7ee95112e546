"""Run the model on rows, once a row: every pooling is taken from one pass, and equal rows are never run twice."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from data.rules.causes import Cause
from data.store.errors import ModelError, PlumblineError
from evaluators.diagnose.measure import unit_rows
from evaluators.diagnose.recipe import Recipe, combine
from evaluators.diagnose.reference import Embeddings, Projection, Reference
from evaluators.diagnose.rows import Row, RowBuilder, Texts
from evaluators.diagnose.weights import weight_changes
from evaluators.trust.limits import no_panic

__all__ = ["Bench", "finished"]

_TOKENS_AT_ONCE = 2048
_MEMORY = 3 * 2**29  # bytes of changed copies of the model kept at once


@contextmanager
def _encoding(model: str) -> Iterator[None]:
    """What a model raises while it encodes, as an error that says so."""
    try:
        yield
    except PlumblineError:
        raise
    except Exception as error:  # other people's code and settings, which raise anything
        words = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ModelError(
            f"The reference loads but cannot encode: {words}",
            where=model,
            remedy="Run `preflight` on it first: a diagnosis needs a sound reference.",
        ) from error


class Bench:
    """The reference, the texts, and every vector computed for them so far."""

    def __init__(self, reference: Reference, texts: Texts) -> None:
        self.reference, self.texts = reference, texts
        self._builder = RowBuilder(reference)
        self._rows: dict[Recipe, list[Row]] = {}
        self._finished: dict[Recipe, Embeddings] = {}
        self._changes = weight_changes(reference)
        self._models: dict[tuple[str, ...], Any] = {}
        self._pooled: dict[tuple[Any, ...], dict[str, Embeddings]] = {}
        self._under: dict[tuple[Cause, ...], Recipe] = {}
        self.drawn: dict[str, Embeddings] = {}  # what the model gives with a part of it random
        self.passes = 0  # rows run through the model

    def under(self, causes: tuple[Cause, ...]) -> Recipe:
        """The reference's own recipe under causes of its catalogue."""
        if causes not in self._under:
            self._under[causes] = combine(self.reference.recipe, causes)
        return self._under[causes]

    def pooled(self, recipe: Recipe, only: Sequence[int] | None = None) -> dict[str, Embeddings]:
        """Every pooling of the texts under a recipe, or of some of them: name to float32 [n, width].

        Each text keeps the company it has in its whole batch, however few are asked for.
        """
        rows = self.rows(recipe)
        asked = range(len(rows)) if only is None else only
        if any(self._changes[name].batched for name in recipe.weights):
            together = self._together(recipe, rows, set(asked))
            pooled = [together[index] for index in asked]
        else:
            self._fill(recipe.weights, [rows[index] for index in asked])
            pooled = [self._pooled[recipe.weights, rows[index]] for index in asked]
        return {name: np.stack([one[name] for one in pooled]) for name in pooled[0]}

    def finish(self, pooled: dict[str, Embeddings], recipe: Recipe) -> Embeddings:
        """Embeddings of one recipe out of what :meth:`pooled` gave, float32 [n, d]."""
        if recipe not in self._finished:
            while self._finished and len(self._finished) * pooled[recipe.pooling].nbytes > _MEMORY // 4:
                self._finished.pop(next(iter(self._finished)))
            self._finished[recipe] = finished(pooled[recipe.pooling], recipe, self.reference.projections)
        return self._finished[recipe]

    def vectors(self, recipe: Recipe) -> Embeddings:
        """Embeddings of the texts under a recipe, float32 [n, d]."""
        return self.finish(self.pooled(recipe), recipe)

    def only(self, chosen: Sequence[int]) -> Bench:
        """A bench of some of the texts; what was computed for them is shared."""
        place = {index: number for number, index in enumerate(chosen)}
        texts, roles, batches = self.texts
        left = tuple(tuple(place[index] for index in batch if index in place) for batch in batches)
        few = Texts(tuple(texts[i] for i in chosen), tuple(roles[i] for i in chosen), tuple(filter(None, left)))
        return self.of_texts(few)

    def of_texts(self, texts: Texts) -> Bench:
        """A bench of other texts, or of these in other batches; what was computed is shared."""
        bench = Bench(self.reference, texts)
        bench._builder, bench._pooled, bench._models = self._builder, self._pooled, self._models
        bench._changes = self._changes
        return bench

    def with_model(self, model: Any, *, each: bool = False) -> Embeddings:
        """Embeddings of the texts under the reference's own recipe, by another model; nothing of it is kept.

        Args:
            model: the model.
            each: run texts that are the same to the model by themselves: it may not give them the same vector.
        """
        rows = self.rows(self.reference.recipe)
        if each:
            return self._each_with(model, rows)
        pooled: dict[Row, dict[str, Embeddings]] = {}
        for chunk in _chunks(sorted(set(rows), key=_size, reverse=True)):
            pooled.update(zip(chunk, self._through(model, chunk), strict=True))
        own = self.reference.recipe
        return finished(np.stack([pooled[row][own.pooling] for row in rows]), own, self.reference.projections)

    def _each_with(self, model: Any, rows: Sequence[Row]) -> Embeddings:
        recipe, projections = self.reference.recipe, self.reference.projections
        order = sorted(range(len(rows)), key=lambda index: -_size(rows[index]))
        made = [one for chunk in _chunks([rows[index] for index in order]) for one in self._through(model, chunk)]
        pooled = np.stack([made[place][recipe.pooling] for place in np.argsort(order)])
        return finished(pooled, recipe, projections)

    def rows(self, recipe: Recipe) -> list[Row]:
        """What the model is given for each text under a recipe."""
        entry = replace(
            recipe,
            weights=(),
            pooling="",
            dense=True,
            normalise="",
            dimensions=None,
            normalise_first=False,
            rounding="",
        )
        if entry not in self._rows:
            with no_panic(self.reference.name), _encoding(self.reference.name):
                self._rows[entry] = self._builder.rows(self.texts, recipe)
        return self._rows[entry]

    def _together(self, recipe: Recipe, rows: list[Row], asked: set[int]) -> dict[int, dict[str, Embeddings]]:
        """Rows run in the candidate's own batches; kept by the whole batch, since each row depends on the others."""
        of_text: dict[int, dict[str, Embeddings]] = {}
        for batch in self.texts.batches:
            if asked.isdisjoint(batch):
                continue
            chosen = [rows[index] for index in batch]
            key = (recipe.weights, *chosen)
            if key not in self._pooled:
                results = self._run(recipe.weights, chosen)
                self._pooled[key] = {name: np.stack([one[name] for one in results]) for name in results[0]}
            for place, index in enumerate(batch):
                of_text[index] = {name: stack[place] for name, stack in self._pooled[key].items()}
        return of_text

    def _fill(self, weights: tuple[str, ...], rows: Sequence[Row]) -> None:
        new = sorted({row for row in rows if (weights, row) not in self._pooled}, key=_size, reverse=True)
        for chunk in _chunks(new):
            for row, pooled in zip(chunk, self._run(weights, chunk), strict=True):
                self._pooled[weights, row] = pooled

    def _run(self, weights: tuple[str, ...], rows: Sequence[Row]) -> list[dict[str, Embeddings]]:
        return self._through(self._changed(weights), rows)

    def _through(self, model: Any, rows: Sequence[Row]) -> list[dict[str, Embeddings]]:
        import torch

        self.passes += len(rows)
        longest = max(1, max(_size(row) for row in rows))
        pad = self.reference.tokenizer.pad_token_id or 0
        ids = torch.full((len(rows), longest), pad)
        real = torch.zeros((len(rows), longest), dtype=torch.long)
        visible = torch.zeros((len(rows), longest), dtype=torch.long)
        for index, row in enumerate(rows):
            first = row.pads if row.left else 0
            own = slice(first, first + len(row.ids))
            ids[index, own] = torch.tensor(row.ids, dtype=torch.long)
            real[index, own] = 1
            visible[index, slice(0, _size(row)) if row.padding in ("seen", "both") else own] = 1
        with torch.inference_mode(), _encoding(self.reference.name):
            output = model(
                input_ids=ids,
                attention_mask=_mask(rows, visible, next(model.parameters()).dtype),
                **self._positions(rows, longest),
            )
            hidden = output.last_hidden_state.float()
        pooler = getattr(output, "pooler_output", None)
        return [
            _pooled(hidden[index], real[index], row, None if pooler is None else pooler[index].float())
            for index, row in enumerate(rows)
        ]

    def _changed(self, weights: tuple[str, ...]) -> Any:
        """A copy of the model under the changes; as many copies are kept as fit into the memory set aside for them."""
        if not weights:
            return self.reference.model
        if weights not in self._models:
            own = self.reference.model
            shared = self._shared(weights)
            if not shared:
                self._make_room(_bytes(own))
            model = copy.deepcopy(own, {id(one): one for one in own.parameters()} if shared else None)
            for name in weights:
                model = self._changes[name].apply(model)
            self._models[weights] = model
        return self._models[weights]

    def _shared(self, weights: tuple[str, ...]) -> bool:
        return all(self._changes[name].shared for name in weights)

    def _make_room(self, size: int) -> None:
        """Give up copies until one more fits: those of several changes first, single ones are asked for again."""
        held = [names for names in self._models if not self._shared(names)]
        held.sort(key=lambda names: len(names) == 1)  # the order they were made in otherwise
        for names in held[: max(0, len(held) + 1 - _MEMORY // size)]:
            del self._models[names]

    def _positions(self, rows: Sequence[Row], longest: int) -> dict[str, Any]:
        import torch

        if not any(row.start for row in rows):
            return {}
        offset = self.reference.target.config.get("pad_token_id", 0) + 1 if self._offset else 0
        starts = torch.tensor([row.start for row in rows])[:, None] + offset
        last = (self.reference.positions or 10**9) + offset - 1
        return {"position_ids": (starts + torch.arange(longest)[None]).clamp(max=last)}

    @property
    def _offset(self) -> bool:
        """Whether positions begin after the padding id, as in RoBERTa's family."""
        return self.reference.target.config.get("model_type") in {"roberta", "xlm-roberta", "camembert", "mpnet"}


def _mask(rows: Sequence[Row], visible: Any, dtype: Any) -> Any:
    """The attention mask: as the tokenizer gives it, or spelled out for another kind of attention than the model's."""
    import torch

    if {row.attention for row in rows} == {""}:
        return visible
    length = visible.shape[1]
    bidirectional = visible[:, None, None, :].bool().expand(-1, 1, length, -1)
    causal = torch.tril(torch.ones(length, length, dtype=torch.bool))
    wanted = torch.tensor([row.attention == "causal" for row in rows])[:, None, None, None]
    allowed = bidirectional & (causal | ~wanted)
    allowed = allowed | torch.eye(length, dtype=torch.bool)  # a place that sees nothing would be NaN
    return torch.where(allowed, 0.0, torch.finfo(dtype).min).to(dtype)


def finished(pooled: Embeddings, recipe: Recipe, projections: tuple[Projection, ...]) -> Embeddings:
    """Pooled vectors after Dense modules, cutting, normalisation and rounding, float32 [n, d]."""
    vectors = pooled.astype(np.float32)
    for projection in projections if recipe.dense else ():
        vectors = _projected(vectors, projection)
    normalise = recipe.normalise == "yes"
    if normalise and recipe.normalise_first:
        vectors = unit_rows(vectors)
    if recipe.dimensions is not None:
        vectors = vectors[:, : recipe.dimensions]
    if normalise and not recipe.normalise_first:
        vectors = unit_rows(vectors)
    return _stored(vectors, recipe.rounding)


def _projected(vectors: Embeddings, projection: Projection) -> Embeddings:
    if vectors.shape[1] != projection.weight.shape[1]:
        return vectors
    linear = vectors @ projection.weight.T + (0 if projection.bias is None else projection.bias)
    if projection.activation == "tanh":
        linear = np.tanh(linear)
    elif projection.activation == "relu":
        linear = np.maximum(linear, 0)
    elif projection.activation == "gelu":
        from scipy.special import erf

        linear = linear * 0.5 * (1 + erf(linear / np.sqrt(2)))
    return np.asarray(linear, dtype=np.float32)


def _stored(vectors: Embeddings, rounding: str) -> Embeddings:
    if rounding == "binary":
        return np.where(vectors > 0, np.float32(1), np.float32(-1))
    if rounding == "int8":
        low, high = vectors.min(0), vectors.max(0)
        step = np.where(high > low, (high - low) / 255, 1)
        return np.asarray(low + np.round((vectors - low) / step) * step, dtype=np.float32)
    return vectors


def _pooled(hidden: Any, real: Any, row: Row, pooler: Any) -> dict[str, Embeddings]:
    """Every pooling of one text's token vectors."""
    import torch

    own = hidden[real.bool()]
    width = hidden.shape[1]
    empty = len(own) == 0
    if empty:
        own, row = torch.zeros(1, width), row._replace(pads=0, padding="")
    pool = hidden[: len(own) + row.pads] if row.padding in ("pooled", "both", "after") else own
    steps = torch.arange(1, len(pool) + 1, dtype=torch.float32)[:, None]
    inner = own[1:-1] if len(own) > 2 else own
    every = {
        "mean": pool.mean(0),
        "cls": own[0],
        "max": pool.max(0).values,
        "last": pool[-1],
        "mean_sqrt_len": pool.sum(0) / len(pool) ** 0.5,
        "weightedmean": (pool * steps).sum(0) / steps.sum(),
        "mean-text": inner.mean(0),
        "pooler": torch.zeros(width) if pooler is None or empty else pooler,
    }
    return {name: value.numpy().astype(np.float32) for name, value in every.items()}


def _bytes(model: Any) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())


def _size(row: Row) -> int:
    return len(row.ids) + row.pads


def _chunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Rows of about one length together, so many tokens at once."""
    chunk: list[Row] = []
    for row in rows:
        if chunk and (len(chunk) + 1) * _size(chunk[0]) > _TOKENS_AT_ONCE:
            yield chunk
            chunk = []
        chunk.append(row)
    if chunk:
        yield chunk

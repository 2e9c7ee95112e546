"""Run the model on rows, once a row: every pooling is taken from one pass, and equal rows are never run twice."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from data.rules.causes import Cause
from data.store.errors import ModelError
from evaluators.diagnose.kept import KeptVectors
from evaluators.diagnose.lattice import Lattice
from evaluators.diagnose.measure import ROUNDING, Errors
from evaluators.diagnose.outputs import POOLINGS, finished, of_chunks
from evaluators.diagnose.passes import bytes_of, in_passes, run_rows, size_of, trimmed, while_encoding
from evaluators.diagnose.recipe import Recipe, combine
from evaluators.diagnose.reference import Embeddings, Reference
from evaluators.diagnose.rows import Chunks, Row, RowBuilder, Sent, Texts, pieces
from evaluators.diagnose.weights import weight_changes
from evaluators.trust.limits import no_panic

__all__ = ["Bench"]

_SHORTEST = 12  # texts run at once under changed weights
_MEMORY = 3 * 2**29  # bytes of changed copies of the model kept at once


class Bench:
    """The reference, the texts, and every vector computed for them so far.

    Args:
        reference: the model.
        texts: all texts, in their batches.
        disk: vectors of rows on disk, read before a row is run and added to after; none where None.
    """

    def __init__(self, reference: Reference, texts: Texts, disk: KeptVectors | None = None) -> None:
        self.reference, self.texts, self._disk = reference, texts, disk
        self._builder = RowBuilder(reference)
        self._rows: dict[Recipe, dict[int, Row | Chunks]] = {}
        self._finished: dict[Recipe, Embeddings] = {}
        self._changes = weight_changes(reference)
        self._models: dict[tuple[str, ...], Any] = {}
        self._pooled: dict[tuple[Any, ...], dict[str, Embeddings]] = {}
        self._under: dict[tuple[Cause, ...], Recipe] = {}
        self._asked: tuple[int, ...] | None = None
        self._among: dict[tuple[int, ...], Bench] = {}
        self.lattice: Lattice | None = None  # of the candidate that is looked at, where its numbers lie on one
        # How far a cause moves each text, under late causes; NaN where nobody asked.
        self.moved: dict[tuple[Cause, tuple[Cause, ...]], Errors] = {}
        self.drawn: dict[Any, Any] = {}  # what the model gives with a part of it random
        self._ran = [0]  # shared with the benches of other texts

    @property
    def passes(self) -> int:
        """Rows run through the model, here and on the benches of other texts."""
        return self._ran[0]

    def under(self, causes: tuple[Cause, ...]) -> Recipe:
        """The reference's own recipe under causes of its catalogue."""
        if causes not in self._under:
            self._under[causes] = combine(self.reference.recipe, causes)
        return self._under[causes]

    def by_batch(self, causes: tuple[Cause, ...]) -> bool:
        """Whether a text's vector under the causes takes its whole batch to be run."""
        return self._batched(self.under(causes))

    def _batched(self, recipe: Recipe) -> bool:
        return any(self._changes[name].batched for name in recipe.weights)

    def is_dear(self, causes: tuple[Cause, ...]) -> bool:
        """Whether the causes take whole batches, or a model whose weights are made anew."""
        changes = [self._changes[name] for name in self.under(causes).weights]
        return any(change.batched or change.dear for change in changes)

    def sharing(self, places: Sequence[int], fewest: int) -> list[int]:
        """Those of the texts that share one batch, in their order: the batch that costs least of those with enough.

        Args:
            places: of texts.
            fewest: so many of them are enough.
        """
        own, size = self._own, [len(text) for text in self.texts.texts]
        shares = [(batch, [place for place in places if own[place] in batch]) for batch in self.texts.batches]
        enough = min(fewest, max(len(those) for _, those in shares))
        cost = [
            (len(batch) * max(size[text] for text in batch), number)
            for number, (batch, those) in enumerate(shares)
            if len(those) >= enough
        ]
        return shares[min(cost)[1]][1]

    def pooled(self, recipe: Recipe, only: Sequence[int] | None = None) -> dict[str, Embeddings]:
        """Every pooling of the texts under a recipe, or of some of them: name to float32 [n, width].

        Each text keeps the company it has in its whole batch, however few are asked for.
        """
        own = self._own
        asked = own if only is None else [own[place] for place in only]
        if self._batched(recipe):
            together = self._together(recipe, self._rows_of(recipe, range(len(self.texts.texts))), set(asked))
            pooled = [together[index] for index in asked]
        else:
            rows = self._rows_of(recipe, asked)
            wanted = [piece for row in rows for piece in pieces(row)]
            self._fill(recipe.weights, wanted, also=lambda: self._short_pieces(recipe))
            pooled = [self._of(recipe.weights, row) for row in rows]
        return {name: np.stack([one[name] for one in pooled]) for name in pooled[0]}

    def _short_pieces(self, recipe: Recipe) -> list[Row]:
        return [piece for row in self._rows_of(recipe, self._shortest()) for piece in pieces(row)]

    def ahead(self, asked: Iterable[tuple[Recipe, Sequence[int]]]) -> None:
        """Run what :meth:`pooled` will be asked for, many recipes at once: a pass each would be a batch of few rows."""
        rows: dict[tuple[str, ...], list[Row]] = {}
        for recipe, only in asked:
            if self._batched(recipe):
                continue  # each is run in its own batch
            of_recipe = self._rows_of(recipe, [self._own[place] for place in only])
            rows.setdefault(recipe.weights, []).extend(piece for row in of_recipe for piece in pieces(row))
        for weights, those in rows.items():
            self._fill(weights, those)

    def of_rows(self, recipe: Recipe, rows: Sequence[Row]) -> dict[str, Embeddings]:
        """Every pooling of rows that are no whole text's, under a recipe's weights."""
        self._fill(recipe.weights, rows)
        pooled = [self._pooled[recipe.weights, row] for row in rows]
        return {name: np.stack([one[name] for one in pooled]) for name in pooled[0]}

    def _of(self, weights: tuple[str, ...], row: Row | Chunks) -> dict[str, Embeddings]:
        """Every pooling of a text, its chunks put together."""
        if isinstance(row, Row):
            return self._pooled[weights, row]
        parts = [self._pooled[weights, piece] for piece in row.rows]
        return {name: of_chunks([part[name] for part in parts], row.weights, row.how) for name in parts[0]}

    def finish(self, pooled: dict[str, Embeddings], recipe: Recipe) -> Embeddings:
        """Embeddings of one recipe out of what :meth:`pooled` gave, float32 [n, d]."""
        if recipe not in self._finished:
            while self._finished and len(self._finished) * pooled[recipe.pooling].nbytes > _MEMORY // 4:
                self._finished.pop(next(iter(self._finished)))
            self._finished[recipe] = self.finish_some(pooled, recipe)
        return self._finished[recipe]

    def finish_some(
        self, pooled: dict[str, Embeddings], recipe: Recipe, only: Sequence[int] | None = None
    ) -> Embeddings:
        """The same of the texts in ``only``; nothing of it is kept."""
        vectors = finished(pooled[recipe.pooling], recipe, self.reference.projections)
        return vectors if self.lattice is None else self.lattice.snapped(vectors, recipe.rounding, only)

    def grain(self, recipe: Recipe) -> Errors | float:
        """Distance of each text below which nothing is told, by what its numbers were rounded to."""
        return ROUNDING if self.lattice is None else self.lattice.grain(recipe.rounding)

    def vectors(self, recipe: Recipe) -> Embeddings:
        """Embeddings of the texts under a recipe, float32 [n, d]."""
        return self._finished[recipe] if recipe in self._finished else self.finish(self.pooled(recipe), recipe)

    def only(self, chosen: Sequence[int]) -> Bench:
        """A bench of some of the texts, in batches of their own; what was computed for them is shared."""
        place = {index: number for number, index in enumerate(chosen)}
        texts, roles, batches = self.texts
        left = tuple(tuple(place[index] for index in batch if index in place) for batch in batches)
        few = Texts(tuple(texts[i] for i in chosen), tuple(roles[i] for i in chosen), tuple(filter(None, left)))
        bench = self.of_texts(few)
        bench.lattice = self.lattice and self.lattice.only(chosen)
        return bench

    def beside(self, lattice: Lattice | None) -> Bench:
        """A bench for a candidate whose numbers lie on a lattice; what was computed for the texts is shared."""
        if lattice is None and self.lattice is None:
            return self
        bench = copy.copy(self)
        bench.lattice, bench._finished, bench._among, bench.moved = lattice, {}, {}, {}
        return bench

    def among(self, chosen: Sequence[int]) -> Bench:
        """A bench that gives vectors of some of the texts, each in the whole batch that it has here."""
        asked = tuple(chosen)
        if asked not in self._among:
            bench = self.of_texts(self.texts)
            bench._rows, bench._asked = self._rows, asked
            bench.lattice = self.lattice and self.lattice.only(asked)
            self._among[asked] = bench
        return self._among[asked]

    def of_texts(self, texts: Texts) -> Bench:
        """A bench of other texts, or of these in other batches; what was computed is shared."""
        bench = copy.copy(self)
        bench.texts, bench._asked, bench.lattice = texts, None, None
        bench._rows, bench._finished, bench._among, bench.moved = {}, {}, {}, {}
        return bench

    def each_alone(self) -> Bench:
        """A bench of the same texts, each in a batch of its own."""
        bench = self.of_texts(self.texts.each_alone())
        bench.lattice = self.lattice
        return bench

    def with_model(self, model: Any, *, each: bool = False) -> Embeddings:
        """Embeddings of the texts under the reference's own recipe, by another model; nothing of it is kept.

        Args:
            model: the model.
            each: run texts that are the same to the model by themselves: it may not give them the same vector.
        """
        rows = [piece for row in self.rows(self.reference.recipe) for piece in pieces(row)]
        if each:
            return self._each_with(model, rows)
        pooled: dict[Row, dict[str, Embeddings]] = {}
        for chunk in in_passes(sorted(set(rows), key=size_of, reverse=True)):
            pooled.update(zip(chunk, self._through(model, chunk), strict=True))
        own = self.reference.recipe
        return finished(np.stack([pooled[row][own.pooling] for row in rows]), own, self.reference.projections)

    def _each_with(self, model: Any, rows: Sequence[Row]) -> Embeddings:
        recipe, projections = self.reference.recipe, self.reference.projections
        order = sorted(range(len(rows)), key=lambda index: -size_of(rows[index]))
        made = [one for chunk in in_passes([rows[index] for index in order]) for one in self._through(model, chunk)]
        pooled = np.stack([made[place][recipe.pooling] for place in np.argsort(order)])
        return finished(pooled, recipe, projections)

    def rows(self, recipe: Recipe) -> list[Row | Chunks]:
        """What the model is given for each text under a recipe."""
        return self._rows_of(recipe, self._own)

    @property
    def characters(self) -> list[int]:
        """How long the texts are whose vectors it gives."""
        return [len(self.texts.texts[index]) for index in self._own]

    def sent(self) -> Sent:
        """How they went to the candidate: each role is a call of its own."""
        roles = [self.texts.roles[index] for index in self._own]
        calls = [[place for place, own in enumerate(roles) if own == role] for role in dict.fromkeys(roles)]
        return Sent((self.characters, [len(row.ids) for row in self.rows(self.reference.recipe)]), calls)

    @property
    def _own(self) -> Sequence[int]:
        """Of all texts those that are asked for here."""
        return range(len(self.texts.texts)) if self._asked is None else self._asked

    def _rows_of(self, recipe: Recipe, asked: Sequence[int]) -> list[Row | Chunks]:
        entry = replace(
            recipe,
            weights=(),
            pooling="",
            dense=True,
            activated=True,
            normalise="",
            dimensions=None,
            normalise_first=False,
            rounding="",
        )
        held = self._rows.setdefault(entry, {})
        new = [index for index in asked if index not in held]
        if new:
            # Where padding counts, a row depends on its whole batch.
            chosen = new if recipe.padding == "masked" else range(len(self.texts.texts))
            texts, roles, batches = self.texts
            if recipe.padding == "masked":
                batches = tuple((place,) for place in range(len(new)))
            few = Texts(tuple(texts[index] for index in chosen), tuple(roles[index] for index in chosen), batches)
            held.update(zip(chosen, self._built(few, recipe), strict=True))
        return [held[index] for index in asked]

    def _built(self, few: Texts, recipe: Recipe) -> list[Row | Chunks]:
        """Rows of texts; a change of them that the tokenizer refuses is as if it were not made.

        Raises:
            ModelError: it refuses them with nothing changed.
        """
        own = self.reference.recipe
        try:
            with no_panic(self.reference.name), while_encoding(self.reference.name):
                return self._builder.rows(few, recipe)
        except ModelError:
            if recipe.tokenizer == own.tokenizer:
                raise
            return self._builder.rows(few, replace(recipe, tokenizer=own.tokenizer))

    def _together(self, recipe: Recipe, rows: list[Row | Chunks], asked: set[int]) -> dict[int, dict[str, Embeddings]]:
        """Rows run in the candidate's own batches; kept by the whole batch, since each row depends on the others."""
        of_text: dict[int, dict[str, Embeddings]] = {}
        for batch in self.texts.batches:
            if asked.isdisjoint(batch):
                continue
            chosen = [pieces(rows[index])[0] for index in batch]
            key = (recipe.weights, "together", *chosen)
            if key not in self._pooled:
                self._read([key])
            if key not in self._pooled:
                results, as_asked = self._run(recipe.weights, chosen)
                together = {name: np.stack([one[name] for one in results]) for name in results[0]}
                self._keep({key: together}, disk=as_asked)
            for place, index in enumerate(batch):
                of_text[index] = {name: stack[place] for name, stack in self._pooled[key].items()}
        return of_text

    def _shortest(self) -> Sequence[int]:
        """The texts that most causes are looked at on, whichever of them a candidate leaves open."""
        count = len(self.texts.texts)
        order = sorted(range(count), key=lambda index: (len(self.texts.texts[index]), index))
        return order[: min(_SHORTEST, count // 2)]

    @property
    def shortest(self) -> list[int]:
        """Places of the texts that a changed copy of the model is run on at once, as long as it is here."""
        texts = set(self._shortest())
        return [place for place, index in enumerate(self._own) if index in texts]

    def _fill(self, weights: tuple[str, ...], rows: Sequence[Row], also: Callable[[], Sequence[Row]] = tuple) -> None:
        new = list(dict.fromkeys(row for row in rows if (weights, row) not in self._pooled))
        if not new:
            return
        self._read([(weights, row) for row in new])
        if len(weights) == 1 and any((weights, row) not in self._pooled for row in new):
            # A changed copy costs more to make than short texts to run: the next candidate's are run while it is here.
            more = [row for row in also() if row not in new and (weights, row) not in self._pooled]
            self._read([(weights, row) for row in more])
            new = list(dict.fromkeys([*new, *more]))
        new = sorted((row for row in new if (weights, row) not in self._pooled), key=size_of, reverse=True)
        alone = any(self._changes[name].alone for name in weights)
        for chunk in ([row] for row in new) if alone else in_passes(new):
            results, as_asked = self._run(weights, chunk)
            self._keep({(weights, row): one for row, one in zip(chunk, results, strict=True)}, disk=as_asked)

    def _read(self, keys: Sequence[tuple[Any, ...]]) -> None:
        """Take what is on disk of these."""
        if self._disk is not None:
            names = {repr(key): key for key in keys}
            for name, stack in self._disk.read(list(names)).items():
                self._pooled[names[name]] = dict(zip(POOLINGS, stack, strict=True))

    def _keep(self, made: dict[tuple[Any, ...], dict[str, Embeddings]], *, disk: bool) -> None:
        """Keep what was made, here and on disk; a pooling of another width than the others stays here."""
        self._pooled.update(made)
        if disk and self._disk is not None:
            stacks = {repr(key): [one[name] for name in POOLINGS] for key, one in made.items()}
            alike = {name: np.stack(stack) for name, stack in stacks.items() if len({s.shape for s in stack}) == 1}
            self._disk.write(alike)

    def _through(self, model: Any, rows: Sequence[Row]) -> list[dict[str, Embeddings]]:
        self._ran[0] += len(rows)
        return run_rows(self.reference, model, rows)

    def _run(self, weights: tuple[str, ...], rows: Sequence[Row]) -> tuple[list[dict[str, Embeddings]], bool]:
        """Rows under changed weights, and whether they are; a change that the model refuses is as if it were not made.

        Raises:
            ModelError: the model cannot run them with nothing changed.
        """
        try:
            with while_encoding(self.reference.name):
                model = self._changed(weights)
            return self._through(model, rows), True
        except ModelError:
            plain = [row._replace(start=0, attention="", types=0) for row in rows]
            if not weights and plain == list(rows):
                raise
            return self._through(self.reference.model, plain), False

    def _changed(self, weights: tuple[str, ...]) -> Any:
        """A copy of the model under the changes; as many copies are kept as fit into the memory set aside for them."""
        if not weights:
            return self.reference.model
        if weights not in self._models:
            own = self.reference.model
            shared = self._shared(weights)
            if not shared:
                self._make_room(bytes_of(own))
            model = copy.deepcopy(own, {id(one): one for one in own.parameters()} if shared else None)
            for name in weights:
                model = self._changes[name].apply(model)
            self._models[weights] = model
            trimmed()
        return self._models[weights]

    def _shared(self, weights: tuple[str, ...]) -> bool:
        return all(self._changes[name].shared for name in weights)

    def _make_room(self, size: int) -> None:
        """Give up copies until one more fits: those of several changes first, single ones are asked for again."""
        held = [names for names in self._models if not self._shared(names)]
        held.sort(key=lambda names: len(names) == 1)  # the order they were made in otherwise
        for names in held[: max(0, len(held) + 1 - _MEMORY // size)]:
            del self._models[names]

"""What a parity check found of a candidate beside its vectors: does it agree with itself, and all of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from evaluators.diagnose.reference import Embeddings
from evaluators.parity.asking import Call
from evaluators.parity.observations import NO_FAULT, Observation

__all__ = ["Facts"]

_AT_ONCE = 2.0  # times what the texts of one call do to each other: other company, and of another size


@dataclass(frozen=True)
class Facts:
    """What the protocol tests of an encoder found, and what it says of itself; None where that is not known.

    Attributes:
        loads_agree: whether two loads give the same vectors.
        deterministic: whether one load gives the same vectors twice.
        heads_agree: whether two loads give the same sparse or multi-vector output.
        heads_missing: whether preflight found that the files of its heads are not there.
        revision: the commit it says it is.
        observed: what repeated asking showed.
        calls: the answers to it; their texts are numbers of the check's.
    """

    loads_agree: bool | None = None
    deterministic: bool | None = None
    heads_agree: bool | None = None
    heads_missing: bool = False
    revision: str | None = None
    observed: tuple[Observation, ...] = ()
    calls: tuple[Call, ...] = ()

    def observation(self, code: str) -> Observation | None:
        """What was observed under a code."""
        return next((one for one in self.observed if one.code == code), None)

    @property
    def by_company(self) -> bool:
        """Whether it changes with the texts that are encoded beside one, and by itself in no other way.

        A server that makes one batch of what several clients ask shows the same when they ask at once, and no more.
        """
        batch = self.observation("batch-differs")
        restless = [one for one in self.observed if one.test == "deterministic" and one.code not in NO_FAULT]
        return batch is not None and all(
            one.code == "at-once-differs"
            and not one.numbers["another"]
            and one.numbers["worst"] <= _AT_ONCE * batch.numbers["worst"]
            for one in restless
        )

    def only(self, chosen: Sequence[int]) -> Facts:
        """The facts about some of the texts, which are numbered anew."""
        place = {text: number for number, text in enumerate(chosen)}
        return replace(self, calls=tuple(_only(call, place) for call in self.calls))

    def of(self, *how: str, load: int = 1) -> list[Call]:
        """The calls of some kinds."""
        return [call for call in self.calls if call.how in how and call.load == load]

    def asked(self) -> list[int]:
        """Numbers of the texts that were asked again and again, in the order of the first batch."""
        batches = self.of("batch")
        return [text for text in batches[0].texts if text >= 0] if batches else []

    def draws(self, texts: Sequence[int]) -> list[Embeddings]:
        """The answers of the first load to the texts, [n, d] each: the k-th of every text makes the k-th of these."""
        rows_of: dict[int, list[Embeddings]] = {text: [] for text in texts}
        for call in self.of("batch", "alone", "reversed", "company"):
            for text, row in zip(call.texts, call.vectors, strict=True):
                if text in rows_of and bool(np.isfinite(row).all()):
                    rows_of[text].append(row)
        count = min((len(rows) for rows in rows_of.values()), default=0)
        return [np.stack([rows_of[text][number] for text in texts]) for number in range(count)]

    def answers(self, texts: Sequence[int], how: str, load: int = 1) -> Embeddings | None:
        """The first answer to each text in calls of one kind, [n, d]; None where one of them has none."""
        first: dict[int, Embeddings] = {}
        for call in self.of(how, load=load):
            for text, row in zip(call.texts, call.vectors, strict=True):
                if bool(np.isfinite(row).all()):
                    first.setdefault(text, row)
        return np.stack([first[text] for text in texts]) if texts and set(texts) <= set(first) else None


def _only(call: Call, place: dict[int, int]) -> Call:
    return replace(call, texts=tuple(place.get(text, -1) for text in call.texts))

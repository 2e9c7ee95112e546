"""The causes worth trying on a candidate: those a look speaks for, and those estimated or put together for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from data.rules.causes import Cause
from evaluators.diagnose.chunks import estimated_chunks
from evaluators.diagnose.directions import worth_trying
from evaluators.diagnose.dropped import words_left_out
from evaluators.diagnose.forward import Bench
from evaluators.diagnose.implementation import composed
from evaluators.diagnose.instructed import prompts_put
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.padded import length_of_batches
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.splits import estimated_pieces
from evaluators.diagnose.vocabulary import shifted_ids

__all__ = ["Worth"]

_LENGTH = "max-length"  # is estimated
_HABITS = "tokenizer-implementation"
_TEXTS_OF_EACH = 2  # that a cause worth trying adds to those that are searched
_MOST_TEXTS = 8


class Worth:
    """What was found worth trying so far, on top of nothing or of an explanation.

    Args:
        bench: the reference and all texts.
        candidate: float [n, d].
        causes: the catalogue; those that need a look before they are tried get one here.
        without: causes to leave out, in words.
    """

    def __init__(
        self, bench: Bench, candidate: Embeddings, causes: Sequence[Cause], without: Collection[str] = ()
    ) -> None:
        self._bench, self._candidate, self._without = bench, candidate, without
        self._looked_at = [cause for cause in causes if cause.forward and not cause.weights and cause.code != _LENGTH]
        self._asked: set[tuple[Cause, ...]] = set()
        self._words: dict[tuple[Cause, ...], list[Cause]] = {}
        self.causes: list[Cause] = []

    def more(self, early: tuple[Cause, ...]) -> list[int]:
        """Look for more of them on top of early causes; gives places of texts that show them."""
        if early in self._asked:
            return []
        self._asked.add(early)
        looks = worth_trying(self._bench, self._candidate, self._looked_at, early)
        # Nothing else is looked for in the texts that a cause changes which makes those looked at right.
        settled = {place for cause, look in looks.items() if look.right for place in self._touched(cause, early)}
        lengths = Lengths(self._bench, self._candidate, early, settled)
        solved = lengths.causes() or length_of_batches(lengths)
        for others in (estimated_chunks, estimated_pieces):
            if not any(lengths.share(cause) == 1 for cause in solved):
                solved += others(lengths)
        solved = solved or shifted_ids(lengths)
        if any(cause.code == _HABITS for cause in looks):
            solved += composed(self._bench, self._candidate, early)
        if not solved and not any(look.right for look in looks.values()):
            solved += prompts_put(self._bench, self._candidate, early)
            solved = solved or self._left_out(early)
        showing = {cause: look.places for cause, look in looks.items() if cause.by_look}
        return self._joined(showing | {cause: self._touched(cause, early) for cause in solved})

    def lengths(self, early: tuple[Cause, ...]) -> list[int]:
        """Look for a length alone on top of an arithmetic, which leaves the texts that were cut further off."""
        if early in self._asked:
            return []
        self._asked.add(early)
        # Where texts move with their batch, each is looked at alone: what company does to it is noise as well.
        bench = self._bench.each_alone() if self._bench.by_batch(early) else self._bench
        solved = Lengths(bench, self._candidate, early, scattered=True).causes()
        return self._joined({cause: self._touched(cause, early) for cause in solved})

    def _joined(self, showing: dict[Cause, list[int]]) -> list[int]:
        """Take causes in, each with the texts that show it; gives places of some of them."""
        known = {*(cause.words for cause in self.causes), *self._without}
        # The same words twice are one cause, however it was come by.
        fresh = {cause.words: cause for cause in showing if cause.words not in known}
        self.causes += fresh.values()
        shown = [
            place for cause, places in showing.items() if cause.words in fresh for place in places[:_TEXTS_OF_EACH]
        ]
        return list(dict.fromkeys(shown))[:_MOST_TEXTS]

    def _left_out(self, early: tuple[Cause, ...]) -> list[Cause]:
        """Words left out, whatever known list explains a part of it."""
        others = tuple(cause for cause in early if cause.family != "words")
        if others not in self._words:
            self._words[others] = words_left_out(self._bench, self._candidate, others)
        return self._words[others]

    def _touched(self, cause: Cause, early: tuple[Cause, ...]) -> list[int]:
        """The texts that a cause changes on top of others, the shortest first."""
        others = tuple(one for one in early if one.family != cause.family)
        then, now = (self._bench.rows(self._bench.under(causes)) for causes in (others, (*others, cause)))
        changed = [place for place, row in enumerate(now) if row != then[place]]
        return sorted(changed, key=lambda place: len(then[place].ids))

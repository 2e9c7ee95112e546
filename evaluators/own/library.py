"""All documents of a folder, cut: what the three questions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evaluators.own.document import Document
from evaluators.own.duplicates import Holders, bare, holders_of
from evaluators.own.languages import Language, language_of
from evaluators.own.lots import by_turns, lot
from evaluators.own.passages import Passage, SentencePlace, passages_of

__all__ = ["MOST_HOLDERS", "Asking", "Library", "OwnTask"]

MOST_HOLDERS = (
    3  # passages that hold a sentence word for word; in more of them it is boilerplate, and nobody's question
)


@dataclass(frozen=True)
class Asking:
    """How questions are drawn.

    Attributes:
        questions: the most of each split.
        seed: another one draws others.
        size: the weight of a passage.
    """

    questions: int = 100
    seed: int = 0
    size: int = 800


@dataclass
class OwnTask:
    """A task in the making: ids are the texts' own, and a split is judged query by query.

    Attributes:
        suffix: what its folder is called.
        corpus: id -> text.
        queries: id -> text.
        judged: split -> query -> ids of what answers it.
        left_out: why sentences were not asked -> how many.
        languages: of its texts.
    """

    suffix: str
    corpus: dict[str, str]
    queries: dict[str, str] = field(default_factory=dict)
    judged: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    languages: list[Language] = field(default_factory=list)

    def ask(self, split: str, text: str, answers: tuple[str, ...]) -> None:
        """Add a question to a split."""
        name = f"q{len(self.queries)}"
        self.queries[name] = text
        self.judged.setdefault(split, {})[name] = answers

    def leave_out(self, why: str, times: int = 1) -> None:
        """Count sentences that were not asked."""
        if times:
            self.left_out[why] = self.left_out.get(why, 0) + times


class Library:
    """Documents and their passages.

    Attributes:
        documents: what was read.
        passages: of all of them, in order.
        size: the weight of a passage.
    """

    def __init__(self, documents: Sequence[Document], size: int) -> None:
        self.documents, self.size = list(documents), size
        self.passages: list[Passage] = []
        self._extents: list[range] = []
        for number, document in enumerate(documents):
            first = len(self.passages)
            self.passages += passages_of(document, number, size)
            self._extents.append(range(first, len(self.passages)))

    def extent(self, document: int) -> range:
        """The places of a document's passages."""
        return self._extents[document]

    @cached_property
    def texts(self) -> list[str]:
        """The passages as they stand in a corpus."""
        return [passage.text for passage in self.passages]

    @cached_property
    def weights(self) -> list[int]:
        """What each document says in all."""
        return [sum(self.passages[place].weight for place in extent) for extent in self._extents]

    @cached_property
    def languages(self) -> list[Language]:
        """The language of each document."""
        return [language_of(self.texts[place] for place in extent) for extent in self._extents]

    def sentence(self, place: SentencePlace) -> str:
        """What stands there."""
        return self.passages[place.passage].units[place.unit].text

    def drawn(self, documents: Sequence[int], seed: int) -> list[SentencePlace]:
        """Every sentence of these documents that may be asked, the documents in turns; one that stands twice once."""
        places = [
            SentencePlace(passage, unit)
            for document in documents
            for passage in self.extent(document)
            for unit, content in enumerate(self.passages[passage].units)
            if content.asked
        ]
        turns = by_turns(
            places, lambda place: self.passages[place.passage].document, lambda place: lot(seed, self.sentence(place))
        )
        first: dict[str, SentencePlace] = {}
        for place in turns:
            first.setdefault(bare(self.sentence(place)), place)
        return list(first.values())

    def holders(self, places: Sequence[SentencePlace]) -> list[Holders]:
        """Which passages hold each sentence."""
        return holders_of([self.sentence(place) for place in places], self.texts)

    def answered(self, places: Sequence[SentencePlace], task: OwnTask) -> list[tuple[SentencePlace, tuple[int, ...]]]:
        """The sentences whose answer is sure, with the passages that hold them; counts why the others are not."""
        sure = []
        for place, (exact, near) in zip(places, self.holders(places), strict=True):
            if near:
                task.leave_out("nearly in another passage too", 1)
            elif len(exact) > MOST_HOLDERS:
                task.leave_out(f"in more than {MOST_HOLDERS} passages (boilerplate)", 1)
            elif place.passage in exact:
                sure.append((place, exact))
        return sure

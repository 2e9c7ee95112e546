"""Is an answer found wherever it stands in a long document, cut into passages and whole?"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from evaluators.own.duplicates import bare
from evaluators.own.library import Asking, Library, OwnTask
from evaluators.own.passages import SentencePlace, Unit, text_of

__all__ = ["FEWEST_DOCUMENTS", "LONG", "long_tasks"]

LONG = 4  # passages from which on a document is long
FEWEST_DOCUMENTS = 5  # among which finding the right one is a question
WHOLE = 200_000  # weight of a document that is offered whole; no model reads more of one
_PARTS = ("begin", "middle", "end")
_DRAWN = 3  # times as many sentences are looked at as are asked
_LEFT_OVER = 200  # weight of a passage without the sentence that is asked for
_REMOVED_FROM = 4  # every so-manieth sentence is taken out of its passage


def long_tasks(library: Library, asking: Asking) -> list[OwnTask]:
    """The task of the passages and, with enough documents, that of the documents whole; the same questions to both."""
    cut, whole = OwnTask("long-cut", {}), OwnTask("long-whole", {})
    documents = [d for d in range(len(library.documents)) if len(library.extent(d)) >= LONG]
    rows = [d for d in documents if not library.documents[d].columns]  # a table's rows are no running text
    sure = library.answered(_candidates(library, rows, asking), cut)
    removed = _Removed(library)
    for number, (place, holders) in enumerate(sure):
        answers = tuple(library.passages[holder].id for holder in holders)
        split = _part(library, place)
        if number % _REMOVED_FROM == _REMOVED_FROM - 1:
            if not _room(cut, "removed", asking) or not removed.take(place, holders):
                continue
            split = "removed"
        elif not _room(cut, split, asking):
            continue
        sentence = library.sentence(place)
        cut.ask(split, sentence, answers)
        whole.ask(split, sentence, tuple(sorted({_name(library.passages[holder].document) for holder in holders})))
    cut.corpus = {passage.id: removed.text(at) for at, passage in enumerate(library.passages)}
    whole.corpus = {
        _name(d): "\n".join(_up_to(WHOLE, library, d, removed))
        for d in range(len(library.documents))
        if library.extent(d)
    }
    cut.languages = whole.languages = [library.languages[d] for d in rows]
    return [cut, whole] if len(rows) >= FEWEST_DOCUMENTS else [cut]


def _candidates(library: Library, documents: list[int], asking: Asking) -> list[SentencePlace]:
    """Sentences of each part of the documents, in turns, and as many of each."""
    drawn = [
        place
        for place in library.drawn(documents, asking.seed)
        if library.passages[place.passage].begin < WHOLE - library.size
    ]
    most = _DRAWN * asking.questions * _REMOVED_FROM // (_REMOVED_FROM - 1)
    where = [_part(library, place) for place in drawn]
    parts = [
        list(islice((place for place, at in zip(drawn, where, strict=True) if at == part), most)) for part in _PARTS
    ]
    return [place for turn in range(most) for part in parts if turn < len(part) for place in [part[turn]]]


def _part(library: Library, place: SentencePlace) -> str:
    """Where in its document a sentence stands: the first quarter, the last, or between."""
    passage = library.passages[place.passage]
    before = sum(len(unit.text) for unit in passage.units[: place.unit]) / sum(len(unit.text) for unit in passage.units)
    at = (passage.begin + before * passage.weight) / library.weights[passage.document]
    return "begin" if at < 0.25 else "end" if at >= 0.75 else "middle"


def _room(task: OwnTask, split: str, asking: Asking) -> bool:
    return len(task.judged.get(split, ())) < asking.questions


def _name(document: int) -> str:
    return f"d{document}"


def _up_to(most: int, library: Library, document: int, removed: _Removed) -> Iterable[str]:
    for place in library.extent(document):
        if library.passages[place].begin > most:
            return
        yield removed.text(place)


class _Removed:
    """The sentences taken out of their passages: at most one of each, and out of every passage that holds it."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._left: dict[int, list[Unit]] = {}

    def take(self, place: SentencePlace, holders: tuple[int, ...]) -> bool:
        """Whether the sentence could be taken out of all that hold it, with enough left to be found by."""
        wanted = bare(self._library.sentence(place))
        left = {}
        for holder in holders:
            units = [unit for unit in self._library.passages[holder].units if bare(unit.text) != wanted]
            text = text_of(units)
            enough = sum(len(unit.text) for unit in units if not unit.heading) >= _LEFT_OVER
            if holder in self._left or wanted in bare(text) or not enough:
                return False
            left[holder] = units
        self._left |= left
        return True

    def text(self, place: int) -> str:
        """The passage as it stands in the corpus."""
        return text_of(self._left[place]) if place in self._left else self._library.texts[place]

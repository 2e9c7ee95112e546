"""Do questions in one language find texts in two?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evaluators.own.document import weight
from evaluators.own.duplicates import bare, holders_of
from evaluators.own.languages import Language
from evaluators.own.library import Asking, OwnTask
from evaluators.own.lots import lot
from evaluators.own.sentences import is_question_worthy, sentences_of
from evaluators.own.translations import Translated

__all__ = ["language_tasks"]

_WHOLE = 400  # weight of a text that is asked for whole, where its sentences do not pair
_CORPUS = 20_000


class _Item(NamedTuple):
    """A text that stands in the corpus in one language, and what asks for it in both."""

    text: str
    of: Language
    other: Language
    same: str  # in the text's own language
    translated: str


def language_tasks(translated: Sequence[Translated], asking: Asking) -> list[OwnTask]:
    """A task for each two languages: half of the texts stand in the corpus in the one, half in the other."""
    by_languages: dict[tuple[Language, Language], list[tuple[str, str]]] = defaultdict(list)
    for entry in translated:
        one, other = entry.languages
        turned = entry.pairs if one < other else [(right, left) for left, right in entry.pairs]
        by_languages[min(one, other), max(one, other)] += turned
    return [_task(languages, pairs, asking) for languages, pairs in sorted(by_languages.items())]


def _task(languages: tuple[Language, Language], pairs: list[tuple[str, str]], asking: Asking) -> OwnTask:
    one, other = languages
    task = OwnTask(f"languages-{one.code}-{other.code}", {}, languages=list(languages))
    drawn = sorted(dict.fromkeys(pairs), key=lambda pair: lot(asking.seed, *pair))[:_CORPUS]
    items = [item for at, pair in enumerate(drawn) if (item := _item(pair, languages, at % 2, asking.seed))]
    task.leave_out("without a sentence that has one translation", len(drawn) - len(items))
    task.corpus = {f"p{at}": item.text for at, item in enumerate(items)}
    for number, item in _sure(items, task):
        for asked, text in ((item.of, item.same), (item.other, item.translated)):
            split = f"{asked.code}-asks-{item.of.code}"
            if len(task.judged.get(split, ())) < asking.questions:
                task.ask(split, text, (f"p{number}",))
    return task


def _item(pair: tuple[str, str], languages: tuple[Language, Language], side: int, seed: int) -> _Item | None:
    """What is asked of a pair: a sentence where both sides have as many, else all of a short one."""
    sentences = [sentences_of(text) for text in pair]
    asked = pair
    if len(sentences[0]) == len(sentences[1]) > 1:
        both = [
            two for two in zip(*sentences, strict=True) if all(is_question_worthy(text) for text in two) and _alike(two)
        ]
        if both:
            asked = min(both, key=lambda two: lot(seed, *two))
    if max(map(weight, asked)) > _WHOLE or bare(asked[0]) == bare(asked[1]):
        return None
    return _Item(pair[side], languages[side], languages[1 - side], asked[side], asked[1 - side])


def _alike(two: tuple[str, ...]) -> bool:
    """Whether two sentences are about as long, as translations are."""
    one, other = sorted(map(weight, two))
    return other <= 2 * one


def _sure(items: Sequence[_Item], task: OwnTask) -> Iterator[tuple[int, _Item]]:
    """The items that nothing else in the corpus answers, in either language."""
    texts = [item.text for item in items]
    translations = [bare(item.translated) for item in items]
    counted: dict[str, int] = defaultdict(int)
    for text in translations:
        counted[text] += 1
    for number, (item, holders) in enumerate(zip(items, holders_of([item.same for item in items], texts), strict=True)):
        if holders.near or len(holders.exact) > 1 or counted[translations[number]] > 1:
            task.leave_out("in another text too, or nearly")
        else:
            yield number, item

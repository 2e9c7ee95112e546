"""Does a planted text mislead: a copy of a passage that contradicts it, or a false claim by itself?"""

from __future__ import annotations

from evaluators.own.contradiction import KINDS_OF_CHANGE, ProperNames, contradictions
from evaluators.own.duplicates import bare
from evaluators.own.library import Asking, Library, OwnTask
from evaluators.own.lots import lot
from evaluators.own.passages import SentencePlace, text_of

__all__ = ["planted_task"]

_DRAWN = 3


def planted_task(library: Library, asking: Asking) -> OwnTask:
    """The task: passages and planted texts; a split for each kind of change, one for claims, one that is left alone."""
    task = OwnTask("planted", dict(zip((p.id for p in library.passages), library.texts, strict=True)))
    splits = (*KINDS_OF_CHANGE, "claims", "left-alone")
    drawn = library.drawn(range(len(library.documents)), asking.seed)[: _DRAWN * asking.questions * len(splits)]
    sure = [place for place, holders in library.answered(drawn, task) if len(holders) == 1]
    names = ProperNames(unit.text for passage in library.passages for unit in passage.units if not unit.heading)
    everything = bare(" ".join(library.texts))
    used: set[int] = set()  # a passage stands in one question: a copy of it holds all its other sentences as they were
    for place in sure:
        free = [split for split in splits if len(task.judged.get(split, ())) < asking.questions]
        if not free:
            break
        if place.passage not in used and _plant(library, place, free, names, everything, task):
            used.add(place.passage)
    task.languages = sorted(set(library.languages))
    return task


def _plant(
    library: Library, place: SentencePlace, free: list[str], names: ProperNames, everything: str, task: OwnTask
) -> bool:
    """Ask for a sentence, in the emptiest of the splits that it lends itself to; whether there was one."""
    passage = library.passages[place.passage]
    sentence = library.sentence(place)
    changed = {
        kind: text
        for kind, text in contradictions(
            sentence, library.texts[place.passage], library.languages[passage.document], names
        ).items()
        if bare(text) not in everything
    }
    open_to = [split for split in free if split in changed or split == "left-alone" or (split == "claims" and changed)]
    if not changed:
        task.leave_out("nothing in it to contradict")
    if not open_to:
        return False
    split = min(open_to, key=lambda split: (len(task.judged.get(split, ())), lot(sentence, split)))
    answers = (passage.id,)
    task.ask(split, sentence, answers)
    if split == "claims":
        kind = min(changed, key=lambda kind: lot(sentence, kind))
        task.corpus[f"{passage.id}-claim-{place.unit}"] = changed[kind]
    elif split in changed:
        units = [
            unit._replace(text=changed[split]) if at == place.unit else unit for at, unit in enumerate(passage.units)
        ]
        task.corpus[f"{passage.id}-{split}-{place.unit}"] = text_of(units)
    return True

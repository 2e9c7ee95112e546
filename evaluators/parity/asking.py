"""Ask an encoder the same few short texts again and again: alone, together, in another order, in other company.

What is asked of every encoder takes 23 calls, of which 17 are of one text; one that gives a text two vectors is asked
:data:`MORE` times more, and one that gives two texts one vector at most eight times. A server is asked 24 times more,
by four clients: 16 at the same time, 8 one after another. All texts are short.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from os.path import commonprefix

import numpy as np

from data.rules.drift import SAME_VECTORS
from data.rules.vectors.arrays import Vectors
from data.store.errors import PlumblineError
from evaluators.encoders.base import Encoder
from evaluators.parity.scatter import gap
from evaluators.parity.vectors import ProbeVectors, encode_probes
from evaluators.probes import Probe

__all__ = [
    "MORE", "SAME", "TEXT_CHANGES", "Call", "CallLog", "alike_for", "ask_again", "ask_all_again", "ask_at_last",
    "ask_at_once", "ask_more", "ask_of_beginnings", "ask_twice", "beginning", "disagrees",
]  # fmt: skip


MORE = 24
SAME = SAME_VECTORS  # gap up to which two answers are one answer
_CLIENTS = 4
_STRIDE = 3  # texts are asked alone a second time in another order, so that what depends on the one before shows
# Plain words of two to three hundred letters: long enough for its padding to show, short enough to cost little.
_STEM = (
    "The ferry leaves the old harbour every morning at seven and carries letters, bread and a few passengers to the "
    "islands in the north of the bay, where the lighthouse keeper waits with his two dogs and a lantern that he "
    "bought from a sailor many years ago, before the road around the coast was built and opened"
)
_TAILS = (" by the mayor in the rain.", " again, green apples, chess.")
# Changes of the text that others share their beginning with; caches are keyed by less than the whole text.
TEXT_CHANGES: dict[str, Callable[[str], str]] = {
    "spaces": lambda text: text.replace("old harbour", "oldh arbour").replace("few passengers", "fewp assengers"),
    "punctuation": lambda text: text.replace(",", "").rstrip("."),
    "case": str.upper,
    "length": lambda text: text[::-1],
    "order": lambda text: " ".join(sorted(text.split())),
    "middle": lambda text: text.replace("lighthouse keeper", "gardener's widow"),
    "beginning": lambda text: "No train left" + text.removeprefix("The ferry leaves"),
}
BEGINNINGS = (16, 32, 64, 128, 256)  # characters that two texts share


@dataclass(frozen=True)
class Call:
    """One call and what came of it.

    Attributes:
        how: all (every text of the check), batch, alone, reversed company (all but the longest), at-once (alone, while
            others are answered), beginnings (of other texts: no rows), or client-0 to client-3 (alone, by a client of
            its own).
        load: 1, or 2 for a second load of the model.
        texts: numbers of the texts, in the order asked.
        vectors: float32 [n, d], a row a text; NaN where none came.
    """

    how: str
    load: int
    texts: tuple[int, ...]
    vectors: Vectors


@dataclass
class CallLog:
    """Every call made of one encoder, in the order made.

    Attributes:
        texts: the check's texts.
        chosen: numbers of those asked again and again.
        split: whether texts together were refused, so that what was asked as one call was several.
        beginnings: of texts that share their first characters with another: how many those are, to the vector.
        first: the vector of that other text.
        variants: of texts that differ from that one in one respect (:data:`TEXT_CHANGES`): its name, to the vector.
    """

    texts: Sequence[Probe]
    chosen: tuple[int, ...]
    split: bool = False
    calls: list[Call] = field(default_factory=list)
    first: Vectors | None = None
    beginnings: dict[int, Vectors] = field(default_factory=dict)
    variants: dict[str, Vectors] = field(default_factory=dict)

    def add(self, how: str, load: int, texts: Sequence[int], dense: Vectors | None) -> None:
        """Keep one call's dense vectors; nothing where it gave none, or of another width than the first."""
        width = next((call.vectors.shape[1] for call in self.calls), None)
        if dense is not None and (width in (None, dense.shape[1]) or load > 1):
            self.calls.append(Call(how, load, tuple(texts), np.asarray(dense, dtype=np.float32)))

    def of(self, *how: str, load: int = 1) -> list[Call]:
        """The calls of some kinds."""
        return [call for call in self.calls if call.how in how and call.load == load]

    def everything(self) -> Vectors | None:
        """The vectors of all texts of the check from one call, [n, d]."""
        return next((call.vectors for call in self.calls if call.how == "all"), None)


def beginning(shared: int, tail: int) -> Probe:
    """A text that has its first characters in common with all others of as many."""
    return Probe(f"shares {shared}", _STEM[:shared] + _TAILS[tail])


def alike_for(variant: str) -> int:
    """How many first characters a variant has in common with the text that it is one of."""
    text = beginning(len(_STEM), 0).text
    return len(commonprefix([text, TEXT_CHANGES[variant](text)]))


def ask_twice(encoder: Encoder, log: CallLog) -> None:
    """Alone in another order than before, and together without the longest, so that others need less padding."""
    for place in _steps(len(log.chosen)):
        _ask(encoder, log, "alone", [log.chosen[place]])
    longest = max(log.chosen, key=lambda index: len(log.texts[index].text))
    if len(log.chosen) > 2:
        _ask(encoder, log, "company", [index for index in log.chosen if index != longest])


def ask_again(encoder: Encoder, log: CallLog, texts: Sequence[int]) -> None:
    """Some texts once more, each alone."""
    for index in texts:
        _ask(encoder, log, "alone", [index])


def ask_at_once(reopen: Callable[[], Encoder], log: CallLog) -> str:
    """Each text alone by one of several clients, first while the others ask, twice, then one client after another.

    Each client is then asked by itself for the first of its own texts, so that what depends on the client is not put
    down to the others. One that gets no vector, or cannot be opened, ends it: no client waits twice for nothing.

    Args:
        reopen: opens one more client, bounded in time as any is.
        log: what came is added.

    Returns:
        Why it ended early; empty if it did not.
    """
    clients: list[Encoder] = []

    def alone(client: int) -> list[tuple[int, ProbeVectors]]:
        answers_of_client: list[tuple[int, ProbeVectors]] = []
        for index in [*log.chosen[client::_CLIENTS]] * 2:
            answers_of_client.append((index, encode_probes(clients[client], [log.texts[index]])))
            if answers_of_client[-1][1].failed:
                break
        return answers_of_client

    try:
        for _ in range(_CLIENTS):
            clients.append(reopen())
        with ThreadPoolExecutor(_CLIENTS) as pool:
            answers = [one for client in pool.map(alone, range(_CLIENTS)) for one in client]
        for index, vectors in answers:
            log.add("at-once", 1, [index], vectors.dense)
        if ended := next((reason for _, vectors in answers for reason in vectors.failed.values()), ""):
            return ended
        return _ask_each(clients, log)
    except PlumblineError as error:
        return str(error)
    finally:
        for client in clients:
            client.close()


def _ask_each(clients: Sequence[Encoder], log: CallLog) -> str:
    for _ in range(2):
        for number, index in enumerate(log.chosen[:_CLIENTS]):
            vectors = encode_probes(clients[number], [log.texts[index]])
            log.add(f"client-{number}", 1, [index], vectors.dense)
            if vectors.failed:
                return next(iter(vectors.failed.values()))
    return ""


def ask_at_last(encoder: Encoder, log: CallLog) -> None:
    """The few texts together once more, after everything else, so that what moves slowly has time to."""
    if not log.split:
        _ask(encoder, log, "batch", log.chosen)


def ask_all_again(encoder: Encoder, log: CallLog) -> None:
    """The call for all texts once more."""
    log.add("all", 1, range(len(log.texts)), encode_probes(encoder, log.texts).dense)


def ask_more(encoder: Encoder, log: CallLog) -> None:
    """As often again as it takes to tell two answers from noise: a third together, the rest alone."""
    alone = [log.chosen[place] for place in _steps(len(log.chosen))]
    rounds = MORE // 3
    for number in range(rounds):
        if not log.split:
            _ask(encoder, log, "batch", log.chosen)
        for index in alone[2 * number % len(alone) :][:2]:
            _ask(encoder, log, "alone", [index])


def ask_of_beginnings(encoder: Encoder, log: CallLog) -> None:
    """Texts that share their first characters with one asked before; where some get its vector, how many it takes."""
    role = log.texts[log.chosen[0]].role

    def dense(probes: Sequence[Probe]) -> Vectors | None:
        placed = [Probe(probe.probe, probe.text, role) for probe in probes]
        vectors = encode_probes(encoder, placed).dense
        if vectors is not None:
            log.add("beginnings", 1, (), vectors[:0])  # so that it is known what came before the next call
        return vectors

    log.first = dense([beginning(len(_STEM), 0)])
    if log.first is None:
        return
    whole = beginning(len(_STEM), 0)
    changed = [Probe(name, change(whole.text), role) for name, change in TEXT_CHANGES.items()]
    rows = dense([*(beginning(shared, 1) for shared in BEGINNINGS), *changed])
    if rows is None or rows.shape[1] != log.first.shape[1]:
        return
    log.beginnings = {shared: rows[place : place + 1] for place, shared in enumerate(BEGINNINGS)}
    log.variants = dict(zip(TEXT_CHANGES, np.split(rows[len(BEGINNINGS) :], len(TEXT_CHANGES)), strict=True))
    low, high = _bounds(log)
    while high is not None and high - low > 1:
        middle = (low + high) // 2
        if (row := dense([beginning(middle, 1)])) is None:
            return
        log.beginnings[middle] = row
        low, high = _bounds(log)


def disagrees(log: CallLog) -> bool:
    """Whether one load gave any text two vectors in calls that were the same."""
    for how in ("batch", "alone"):
        calls = log.of(how)
        for text in log.chosen:
            rows = [call.vectors[call.texts.index(text)] for call in calls if text in call.texts]
            if len(rows) > 1 and bool((gap(rows[0][None], np.stack(rows[1:])) > SAME).any()):
                return True
    return False


def _bounds(log: CallLog) -> tuple[int, int | None]:
    """The most shared characters that give another vector, and the fewest that give the same."""
    assert log.first is not None
    same = sorted(shared for shared, row in log.beginnings.items() if float(gap(log.first, row)[0]) <= SAME)
    other = [shared for shared in log.beginnings if shared not in same]
    # Only where every longer one is the same, too: otherwise it is chance.
    whole = [shared for shared in same if all(one in same for one in log.beginnings if one > shared)]
    least = min(whole, default=None)
    return max((shared for shared in other if least is None or shared < least), default=0), least


def _ask(encoder: Encoder, log: CallLog, how: str, texts: Sequence[int]) -> ProbeVectors:
    vectors = encode_probes(encoder, [log.texts[index] for index in texts])
    log.add(how, 1, texts, vectors.dense)
    return vectors


def _steps(count: int) -> list[int]:
    """All places below ``count``, no two that follow each other in order."""
    return [place for start in range(_STRIDE) for place in range(start, count, _STRIDE)][::-1]

"""Repeat a small check on a timer, keep each, and tell when the verdict on an endpoint changes.

An endpoint that is away (nothing listens, no answer in time, the key refused) is a state of its own and no drift. A
change is told once a second check, made at once, says the same.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from data.rules.drift import reaches
from data.store import keys
from data.store.database import writing
from data.store.errors import InputError, PlumblineError, StoreError
from data.store.vocabulary import DriftVerdict, Output
from evaluators.parity.keep import keep_check, last_verdict
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import Check, Examined, check
from evaluators.parity.webhook import Webhook
from evaluators.probes import ProbeSet

__all__ = ["AWAY", "WatchPlan", "few_texts", "seconds_of", "watch"]

AWAY = "away"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LEAST = 1.0  # seconds between checks
_PATIENCE, _PATIENCE_STOPPED = 30.0, 3.0  # seconds that a webhook may still take at the end; where somebody waits
_Pair = tuple[int, str]  # place of the candidate, output


class _Seen(NamedTuple):
    """What a check says of one output of a candidate, and whether that is a second check's word."""

    pair: _Pair
    verdict: str
    sentence: str
    twice: bool


@dataclass(frozen=True)
class WatchPlan:
    """How an endpoint is watched.

    Attributes:
        every: seconds from the end of a check to the next.
        times: checks to make; without end if None.
        store: where they are kept; the usual place if None.
        command: as it was typed, without keys.
        webhook: who is told of a change; without one, a change ends the watch.
    """

    every: float
    times: int | None = None
    store: Path | None = None
    command: str = ""
    webhook: Webhook | None = None


def seconds_of(interval: str) -> float:
    """Seconds of an interval as it is written: 90, 90s, 15m, 6h, 1d.

    Raises:
        InputError: it is none, or under a second.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smhd]?)", interval.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds < _LEAST:
        raise InputError(f"--watch {interval} is no time between checks", remedy="Write 90s, 15m, 6h or 1d.")
    return seconds


def few_texts(probes: ProbeSet, most: int) -> ProbeSet:
    """The first probes of the core, up to ``most``, under a name that says how many."""
    few = probes.core[:most]
    return probes if len(few) == len(probes.probes) else ProbeSet(f"{probes.name}, {len(few)} of them", few)


def watch(plan: CheckPlan, how: WatchPlan, say: Callable[[str], None]) -> int:
    """Check again and again until a verdict changes, somebody stops it, or all checks are made.

    Args:
        plan: what is compared, on the few texts of each check.
        how: how often, how long, and who is told.
        say: takes one line a check and candidate.

    Returns:
        The exit status: 0 at the end of ``times`` or a SIGTERM, 1 where a verdict changed and nobody else is told, or
        where one reaches a level of ``fail_on``, 2 where all ``times`` found no reference to compare with.

    Raises:
        PlumblineError: the first check could not be made as it was asked for.
        KeyboardInterrupt: Ctrl-C; nothing is left half written.
    """
    rounds = _Rounds(plan, how, say)
    made, patience = 0, _PATIENCE
    with _stopped() as stop:
        try:
            while not stop.asked:
                if rounds.once(first=made == 0):
                    return 1
                made += 1
                if how.times is not None and made >= how.times:
                    return 0 if rounds.compared else 2
                stop.wait(how.every)
        except _Terminated:
            patience = _PATIENCE_STOPPED
        except KeyboardInterrupt:
            patience = _PATIENCE_STOPPED
            raise
        finally:
            if how.webhook is not None:
                how.webhook.close(patience)
    say(_line("stopped"))
    return 0


class _Terminated(BaseException):
    """A SIGTERM in the middle of a check: what is half done is left, as with Ctrl-C."""


class _Stop:
    """Whether a SIGTERM came. No event: its handler would wait for a lock that the wait it interrupts may hold."""

    def __init__(self) -> None:
        self.asked = False

    def wait(self, seconds: float) -> None:
        """Sleep, unless it came; one that comes now ends the sleep by what its handler raises."""
        if not self.asked:
            time.sleep(seconds)


@contextmanager
def _stopped() -> Iterator[_Stop]:
    """What SIGTERM sets; whatever is going on then ends."""
    stop = _Stop()

    def ended(*_: Any) -> None:
        stop.asked = True
        raise _Terminated

    try:
        before = signal.signal(signal.SIGTERM, ended)
    except ValueError:  # not in the main thread: whoever runs that one stops us
        yield stop
        return
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, before)


class _Rounds:
    """One check after another, and what the last one said of each candidate.

    Attributes:
        compared: whether any check found both sides.
    """

    def __init__(self, plan: CheckPlan, how: WatchPlan, say: Callable[[str], None]) -> None:
        self._plan, self._how, self._say = plan, how, say
        self._names = _names(plan)
        self._reference: Examined | None = None
        self._was: dict[_Pair, str] = {}  # the last verdict that was no absence
        self._away: set[int] = set()
        self.compared = False

    def once(self, *, first: bool) -> bool:
        """Make one check and tell of it; whether that ends the watch."""
        done = self._check(first)
        if done is None:
            return False
        if not self.compared:
            self._was = self._before(done)
            self.compared = True
        states = _states(done)
        moved = {pair for pair, now in states.items() if now != AWAY and self._was.get(pair, now) != now}
        unkept = self._keep(done, range(len(done.candidates)))
        # Of each candidate whose verdict is another, what a second check says is what counts.
        again = self._check(first=False) if moved else None
        if again is not None:
            whose = {place for place, _ in moved}
            unkept = self._keep(again, sorted(whose)) or unkept
            done = replace(again, candidates=[
                (again if place in whose else done).candidates[place] for place in range(len(done.candidates))
            ])  # fmt: skip
        ends = False
        for place, examined in enumerate(done.candidates):
            for output, verdict, sentence in _verdicts(examined):
                seen = _Seen((place, output), verdict, sentence, (place, output) in moved and again is not None)
                ends |= self._tell(done, seen, unkept)
        return ends

    def _check(self, first: bool) -> Check | None:
        """A check, with the reference's vectors of the first; None where there is no reference to compare with."""
        try:
            done = check(self._plan, reference=self._reference)
        except PlumblineError as error:
            if first:
                raise
            self._say(_line(f"no check: {error}"))
            return None
        if done.reference.error:
            self._say(_line(f"no check, the reference is away: {done.reference.error}"))
            return None
        self._reference = done.reference
        return done

    def _before(self, done: Check) -> dict[_Pair, str]:
        """What the store says of the same pairs on the same texts: a change while nobody watched is one, too."""
        before = {}
        for place, examined in enumerate(done.candidates):
            for output in examined.settings.outputs:
                verdict = last_verdict(self._how.store, done, examined, output)
                if verdict is not None:
                    before[(place, output)] = verdict
        return before

    def _keep(self, done: Check, places: Sequence[int]) -> str:
        """Append candidates to the store; of an endpoint that stays away, once. What to say where it could not be."""
        gone = {place for place, examined in enumerate(done.candidates) if _is_away(examined)}
        staying = [done.candidates[place] for place in places if place not in gone & self._away]
        if not staying:
            return ""
        try:
            with writing(self._how.store) as connection:
                keep_check(connection, replace(done, candidates=staying), self._how.command)
        except StoreError as error:
            return f"; not kept: {error}"
        return ""

    def _tell(self, done: Check, seen: _Seen, unkept: str) -> bool:
        """One line, and word to the webhook where something changed; whether that ends the watch."""
        (place, output), verdict = seen.pair, seen.verdict
        before = self._was.get(seen.pair)
        away = verdict == AWAY
        came, went = place in self._away and not away, away and place not in self._away
        other = not away and before is not None and before != verdict
        changed = other and seen.twice
        state = self._state(seen, before, went=went, other=other, changed=changed) + (", back again" if came else "")
        self._say(_line(f"{self._names[place]}{f' {output}' if output != Output.DENSE else ''}: {state}. "
                        f"{seen.sentence}{unkept}"))  # fmt: skip
        self._away = self._away | {place} if away else self._away - {place}
        event = "verdict" if changed else "back" if came else "away" if went else ""
        if event and self._how.webhook is not None:
            word = {"candidate": self._names[place], "reference": done.reference.settings.display, "output": output}
            facts = word | {"was": before, "now": verdict, "sentence": seen.sentence, "check": done.check_id}
            self._how.webhook.tell({"event": event, "at": _now(), **facts})
        if not away and (before is None or changed):
            self._was[seen.pair] = verdict
        if self._plan.fail_on:
            sure = not away and (not other or changed)
            return sure and any(reaches(verdict, level) for level in self._plan.fail_on)
        return changed and self._how.webhook is None

    def _state(self, seen: _Seen, before: str | None, *, went: bool, other: bool, changed: bool) -> str:
        """What a line says of a verdict, beside the one before."""
        if seen.verdict == AWAY:
            return "away" if went else "still away"
        if changed:
            return f"{seen.verdict}, was {before}"
        if other:
            return f"{seen.verdict}, was {before}; not confirmed by a second check yet"
        if seen.twice:
            return f"{seen.verdict}, once otherwise: a second check at once did not confirm it"
        return seen.verdict if before is None else f"{seen.verdict}, unchanged"


def _names(plan: CheckPlan) -> list[str]:
    """What each candidate is called in a line: its label, with its address where another has the same."""
    labels = [candidate.display for candidate in plan.candidates]
    return [
        label if labels.count(label) == 1 else f"{label} at {candidate.source}"
        for label, candidate in zip(labels, plan.candidates, strict=True)
    ]


def _is_away(examined: Examined) -> bool:
    """Whether it could not be had before all texts had their vectors, whatever it said of them before."""
    return bool(examined.vectors.gone)


def _verdicts(examined: Examined) -> list[tuple[str, str, str]]:
    """Output, verdict (or that it is away) and sentence of each comparison."""
    if _is_away(examined):
        return [("dense", AWAY, examined.vectors.gone)]
    return [(each.output, str(each.verdict.verdict), each.verdict.sentence) for each in examined.comparisons] or [
        ("dense", str(DriftVerdict.UNUSABLE), examined.error)
    ]


def _states(done: Check) -> dict[_Pair, str]:
    return {
        (place, output): verdict
        for place, examined in enumerate(done.candidates)
        for output, verdict, _ in _verdicts(examined)
    }


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(text: str) -> str:
    """One line of a journal: the time, what happened, no keys."""
    return f"{_now()} {keys.from_outside(' '.join(text.split()), 2000)}"

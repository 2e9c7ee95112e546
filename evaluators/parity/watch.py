"""Repeat a small check on a timer, keep each, and tell when the verdict on an endpoint changes.

An endpoint that is away (nothing listens, no answer in time, the key refused) is a state of its own and no drift. A
change is told once a second check, made at once, says the same.
"""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from data.rules.drift import reaches
from data.store import keys
from data.store.database import writing
from data.store.errors import InputError, PlumblineError, StoreError
from data.store.vocabulary import DriftVerdict
from evaluators.parity.keep import keep_check, last_verdict
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import Check, Examined, check
from evaluators.parity.webhook import Webhook
from evaluators.probes import ProbeSet

__all__ = ["AWAY", "Watch", "few_texts", "seconds_of", "watch"]

AWAY = "away"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LEAST = 1.0  # seconds between checks
_Pair = tuple[str, str]  # label of the candidate, output


@dataclass(frozen=True)
class Watch:
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


def watch(plan: CheckPlan, how: Watch, say: Callable[[str], None]) -> int:
    """Check again and again until a verdict changes, somebody stops it, or all checks are made.

    Args:
        plan: what is compared, on the few texts of each check.
        how: how often, how long, and who is told.
        say: takes one line a check and candidate.

    Returns:
        The exit status: 0 at the end of ``times`` or a SIGTERM, 1 where a verdict changed and nobody else is told, or
        where one reaches a level of ``fail_on``.

    Raises:
        PlumblineError: the first check could not be made as it was asked for.
        KeyboardInterrupt: Ctrl-C; nothing is left half written.
    """
    rounds = _Rounds(plan, how, say)
    made = 0
    with _stopped() as stop:
        try:
            while not stop.is_set():
                changed = rounds.once(first=made == 0)
                made += 1
                if changed and how.webhook is None:
                    return 1
                if how.times is not None and made >= how.times:
                    break
                stop.wait(how.every)
        except _Terminated:
            pass
        finally:
            if how.webhook is not None:
                how.webhook.close()
    if stop.is_set():
        say(_line("stopped"))
    return 0


class _Terminated(BaseException):
    """A SIGTERM in the middle of a check: what is half done is left, as with Ctrl-C."""


@contextmanager
def _stopped() -> Iterator[Event]:
    """An event that SIGTERM sets; whatever is going on then ends."""
    stop = Event()

    def ended(*_: Any) -> None:
        stop.set()
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
    """One check after another, and what the last one said of each candidate."""

    def __init__(self, plan: CheckPlan, how: Watch, say: Callable[[str], None]) -> None:
        self._plan, self._how, self._say = plan, how, say
        self._reference: Examined | None = None
        self._was: dict[_Pair, str] = {}  # the last verdict that was no absence
        self._away: set[str] = set()

    def once(self, *, first: bool) -> bool:
        """Make one check and tell of it; whether a verdict changed, twice in a row."""
        done = self._check(first)
        if done is None:
            return False
        if first:
            self._was = self._before(done)
        changes = self._changes(done)
        again = self._check(first=False) if changes else None
        confirmed = {pair for pair in changes if again is not None and _states(again).get(pair) == _states(done)[pair]}
        kept = self._keep(done)
        told = False
        for examined in done.candidates:
            for output, verdict, sentence in _verdicts(examined):
                pair = (examined.settings.display, output)
                told |= self._tell(done, pair, verdict, sentence, confirmed=pair in confirmed, kept=kept)
        return told

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
        """What the store says of the same pairs on as many texts: a change while nobody watched is one, too."""
        before = {}
        for examined in done.candidates:
            for output, *_ in _verdicts(examined):
                verdict = last_verdict(self._how.store, done, examined, output)
                if verdict is not None:
                    before[(examined.settings.display, output)] = verdict
        return before

    def _changes(self, done: Check) -> list[_Pair]:
        states = _states(done)
        return [pair for pair, now in states.items() if now != AWAY and self._was.get(pair, now) != now]

    def _keep(self, done: Check) -> str:
        """Append the check to the store; of an endpoint that stays away, once. What to say where it could not be."""
        gone = {examined.settings.display for examined in done.candidates if _is_away(examined)}
        staying = [one for one in done.candidates if one.settings.display not in gone & self._away]
        if not staying:
            return ""
        try:
            with writing(self._how.store) as connection:
                keep_check(connection, replace(done, candidates=staying), self._how.command)
        except StoreError as error:
            return f"; not kept: {error}"
        return ""

    def _tell(self, done: Check, pair: _Pair, verdict: str, sentence: str, *, confirmed: bool, kept: str) -> bool:
        """One line, and word to the webhook where something changed; whether the verdict did, or is bad enough."""
        label, output = pair
        before = self._was.get(pair)
        away = verdict == AWAY
        came, went = label in self._away and not away, away and label not in self._away
        changed = confirmed and before is not None and before != verdict
        if away:
            state = "away" if went else "still away"
        elif changed:
            state = f"{verdict}, was {before}"
        elif before is not None and before != verdict:
            state = f"{verdict}, once: a second check at once did not confirm it, it stays {before}"
        else:
            state = f"{verdict}, unchanged" if before is not None else verdict
        state += ", back again" if came else ""
        self._say(_line(f"{label}{f' {output}' if output != 'dense' else ''}: {state}. {sentence}{kept}"))
        self._away = self._away | {label} if away else self._away - {label}
        event = "verdict" if changed else "back" if came else "away" if went else ""
        if event and self._how.webhook is not None:
            word = {"candidate": label, "reference": done.reference.settings.display, "output": output}
            facts = word | {"was": before, "now": verdict, "sentence": sentence, "check": done.check_id}
            self._how.webhook.tell({"event": event, "at": _now(), **facts})
        if not away and (before is None or changed):
            self._was[pair] = verdict
        bad = not away and any(reaches(verdict, level) for level in self._plan.fail_on)
        return changed if not self._plan.fail_on else bad


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
        (examined.settings.display, output): verdict
        for examined in done.candidates
        for output, verdict, _ in _verdicts(examined)
    }


def _now() -> str:
    return datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(text: str) -> str:
    """One line of a journal: the time, what happened, no keys."""
    return f"{_now()} {keys.from_outside(' '.join(text.split()), 2000)}"

"""What Plumbline says of each set-up of the real peers, and how long it takes: the table of ``docs/servers.md``.

python -m tests.peers.report [--texts FILE] [PEER ...]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from data.rules.causes import CAUSES
from tests.commands import command
from tests.peers.cases import CASES, Case
from tests.small_models import minilm

__all__ = ["Told", "Took", "told"]


class Told(NamedTuple):
    """What was said of a set-up.

    Attributes:
        verdict: of the check.
        sentence: of the check.
        diagnosis: its verdict; empty where there was nothing to diagnose.
        answer: its sentence.
        codes: of the causes that it named, in any order.
    """

    verdict: str
    sentence: str
    diagnosis: str = ""
    answer: str = ""
    codes: frozenset[str] = frozenset()

    def missing(self, case: Case) -> list[str]:
        """What should have been said and was not: a code of the catalogue, a family of it, or words."""
        if not case.causes:
            well = {"identical", "precision only"}
            return [] if well & {self.verdict, self.diagnosis} else ["that it is as it should be"]
        families = {CAUSES[code].family for code in self.codes if code in CAUSES}
        words = f"{self.sentence} {self.answer}"
        return [cause for cause in case.causes if cause not in self.codes | families and cause not in words]


class Took(NamedTuple):
    """Seconds of processor that a check of several set-ups and their diagnosis took, the peers' own left out."""

    check: float
    diagnosis: float


def told(cases: Sequence[Case], *more: object) -> tuple[list[Told], Took]:
    """Check and diagnose set-ups together by the commands that people type.

    Args:
        cases: the set-ups, whose servers run at the same time.
        more: further words of the check.
    """
    with ExitStack() as stack:
        lines = [stack.enter_context(case.opened()) for case in cases]
        store = Path(stack.enter_context(TemporaryDirectory())) / "s.duckdb"
        candidates = [
            word
            for number, line in enumerate(lines)
            for word in ("--candidate", f"{line}{'&' if '?' in line else '?'}label=peer-{number}&timeout=900")
        ]
        reference = f"sentence-transformers:{minilm()}?label=reference"
        started = time.process_time()
        check = command("parity", "--reference", reference, *candidates, "--store", store, *more)
        checked = time.process_time() - started
        if check.status:
            raise RuntimeError(f"{check.out[-2000:]}{check.err[-2000:]}")
        command("diagnose", "last", "--store", store)
        took = Took(checked, time.process_time() - started - checked)
        return [_read(store, f"peer-{number}") for number in range(len(cases))], took


def _read(store: Path, label: str) -> Told:
    with closing(duckdb.connect(str(store), read_only=True)) as connection:
        of_it = "encoder_id = (SELECT encoder_id FROM encoders WHERE label = ?)"
        row = connection.execute(f"SELECT verdict, sentence FROM drift_summary WHERE {of_it}", [label]).fetchone()
        asked = "SELECT verdict, sentence, diagnosis_id FROM diagnoses WHERE candidate = "
        answer = connection.execute(asked + of_it.partition(" = ")[2], [label]).fetchone()
        if row is None or answer is None:
            return Told(*(row or ("", "")))
        verdict, sentence, diagnosis = answer
        causes = "SELECT code FROM diagnosis_causes WHERE accepted AND diagnosis_id = ?"
        rows = connection.execute(causes, [diagnosis]).fetchall()
    codes = frozenset(code for (joined,) in rows if joined for code in joined.split(" + "))
    return Told(*row, verdict, sentence, codes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("environments", nargs="*")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    more = ("--probes", arguments.texts) if arguments.texts else ()
    print("| peer | set-up | the check | the diagnosis | named |\n|---|---|---|---|---|")
    for environment in arguments.environments or dict.fromkeys(case.environment for case in CASES):
        cases = [case for case in CASES if case.environment == environment]
        try:
            answers, took = told(cases, *more)
        except (RuntimeError, FileNotFoundError) as error:
            print(f"| {environment} | could not be run: {str(error)[-600:]} |", flush=True)
            continue
        for case, said in zip(cases, answers, strict=True):
            lacks = ", ".join(said.missing(case))
            cells = (case.peer, case.what, f"{said.verdict}: {said.sentence}", f"{said.diagnosis}: {said.answer}",
                     f"not {lacks}" if lacks else "yes")  # fmt: skip
            print("| " + " | ".join(cell.replace("\n", " ").replace("|", "/") for cell in cells) + " |", flush=True)
        print(f"| {environment} | {len(cases)} set-ups | {took.check:.1f} s | {took.diagnosis:.1f} s | |", flush=True)


if __name__ == "__main__":
    main()

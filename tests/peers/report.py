"""What Plumbline says of each set-up of the real peers, and how long it takes: the table of ``docs/servers.md``.

python -m tests.peers.report [--texts FILE] [PEER ...]
"""

from __future__ import annotations

import argparse
import os
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from data.rules.causes import CAUSES
from tests.commands import command
from tests.peers.cases import CASES, Case
from tests.small_models import minilm

__all__ = ["Told", "told"]


class Told(NamedTuple):
    """What was said of a set-up.

    Attributes:
        verdict: of the check.
        sentence: of the check.
        diagnosis: its verdict; empty where there was nothing to diagnose.
        answer: its sentence.
        codes: of the causes that it named, in any order.
        checked: seconds of the check.
        diagnosed: seconds of the diagnosis.
    """

    verdict: str
    sentence: str
    diagnosis: str
    answer: str
    codes: frozenset[str]
    checked: float
    diagnosed: float

    def missing(self, case: Case) -> list[str]:
        """What should have been said and was not: a code of the catalogue, a family of it, or words."""
        if not case.causes:
            well = {"identical", "precision only"}
            return [] if well & {self.verdict, self.diagnosis} else ["that it is as it should be"]
        families = {CAUSES[code].family for code in self.codes if code in CAUSES}
        words = f"{self.sentence} {self.answer}"
        return [cause for cause in case.causes if cause not in self.codes | families and cause not in words]


def told(case: Case, *more: object) -> Told:
    """Check and diagnose one set-up by the commands that people type.

    Args:
        case: the set-up.
        more: further words of the check.
    """
    with case.opened() as line, TemporaryDirectory() as folder:
        store = Path(folder) / "s.duckdb"
        joined = "&" if "?" in line else "?"
        started = time.monotonic()
        check = command(
            "parity", "--reference", f"sentence-transformers:{minilm()}?label=reference",
            "--candidate", f"{line}{joined}label=peer&timeout=900", "--store", store, *more,
        )  # fmt: skip
        checked = time.monotonic() - started
        if check.status:
            raise RuntimeError(f"{check.out[-2000:]}{check.err[-2000:]}")
        started = time.monotonic()
        command("diagnose", "last", "--store", store)
        diagnosed = time.monotonic() - started
        return _read(store, checked, diagnosed)


def _read(store: Path, checked: float, diagnosed: float) -> Told:
    with closing(duckdb.connect(str(store), read_only=True)) as connection:
        row = connection.execute("SELECT verdict, sentence FROM drift_summary").fetchone() or ("", "")
        answer = connection.execute("SELECT verdict, sentence FROM diagnoses").fetchone() or ("", "")
        rows = connection.execute("SELECT code FROM diagnosis_causes WHERE accepted").fetchall()
    codes = frozenset(code for (joined,) in rows if joined for code in joined.split(" + "))
    return Told(*row, *answer, codes, checked, diagnosed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("peers", nargs="*")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    more = ("--probes", arguments.texts) if arguments.texts else ()
    print(
        "| peer | set-up | the check | the diagnosis | named | seconds: check, diagnosis |\n|---|---|---|---|---|---|"
    )
    for case in CASES:
        if arguments.peers and case.environment not in arguments.peers:
            continue
        try:
            said = told(case, *more)
        except (RuntimeError, FileNotFoundError) as error:
            print(f"| {case.peer} | {case.what} | could not be run: {str(error)[-600:]} |", flush=True)
            continue
        lacks = ", ".join(said.missing(case))
        cells = (case.peer, case.what, f"{said.verdict}: {said.sentence}", f"{said.diagnosis}: {said.answer}",
                 f"not {lacks}" if lacks else "yes", f"{said.checked:.1f}, {said.diagnosed:.1f}")  # fmt: skip
        print("| " + " | ".join(cell.replace("\n", " ").replace("|", "/") for cell in cells) + " |", flush=True)


if __name__ == "__main__":
    main()

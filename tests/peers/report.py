"""What Plumbline says of each set-up of the real peers, and how long it takes: the table of ``docs/servers.md``.

python -m tests.peers.report [--texts FILE] [--keep FOLDER] [ENVIRONMENT ...]
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb

from data.rules.causes import CAUSES
from tests.commands import command
from tests.peers.cases import CASES, Case
from tests.small_models import minilm

__all__ = ["Told", "row", "told"]


class Told(NamedTuple):
    """What was said of a set-up.

    Attributes:
        verdict: of the check.
        sentence: of the check.
        refused: why a text has no vector, of those that have none.
        diagnosis: its verdict; empty where there was nothing to diagnose.
        answer: its sentence.
        codes: of the causes that it named, in any order.
        check: seconds of processor that the check took, the peer's own left out.
        diagnosing: the same of the diagnosis.
    """

    verdict: str
    sentence: str
    refused: str = ""
    diagnosis: str = ""
    answer: str = ""
    codes: frozenset[str] = frozenset()
    check: float = 0.0
    diagnosing: float = 0.0

    def missing(self, case: Case) -> list[str]:
        """What should have been said and was not: a code of the catalogue, a family of it, or words."""
        if not case.causes:
            well = {"identical", "precision only"}
            return [] if well & {self.verdict, self.diagnosis} else ["that it is as it should be"]
        families = {CAUSES[code].family for code in self.codes if code in CAUSES}
        words = f"{self.sentence} {self.refused}"  # not the answer, which also names what it does not state
        return [cause for cause in case.causes if cause not in self.codes | families and cause not in words]


def told(case: Case, *more: object, store: Path | None = None) -> Told:
    """Check and diagnose one set-up by the commands that people type, while its server runs.

    Args:
        case: the set-up.
        more: further words of the check.
        store: where both are kept; nowhere otherwise.
    """
    with ExitStack() as stack:
        line = stack.enter_context(case.opened())
        store = store or Path(stack.enter_context(TemporaryDirectory())) / "s.duckdb"
        candidate = f"{line}{'&' if '?' in line else '?'}label=peer&timeout=900"
        reference = f"sentence-transformers:{minilm()}?label=reference"
        with _timed() as check:
            done = command("parity", "--reference", reference, "--candidate", candidate, "--store", store, *more)
        if done.status:
            raise RuntimeError(f"{done.out[-2000:]}{done.err[-2000:]}")
        with _timed() as diagnosis:
            command("diagnose", "last", "--store", store)
        return _read(store, "peer")._replace(check=check[0], diagnosing=diagnosis[0])


@contextmanager
def _timed() -> Iterator[list[float]]:
    """Seconds of processor that the block takes here, the peer's own left out."""
    seconds = [time.process_time()]
    yield seconds
    seconds[0] = time.process_time() - seconds[0]


def _read(store: Path, label: str) -> Told:
    with closing(duckdb.connect(str(store), read_only=True)) as connection:
        of_it = "encoder_id = (SELECT encoder_id FROM encoders WHERE label = ?)"
        row = connection.execute(f"SELECT verdict, sentence FROM drift_summary WHERE {of_it}", [label]).fetchone()
        asked = "SELECT verdict, sentence, diagnosis_id FROM diagnoses WHERE candidate = "
        answer = connection.execute(asked + of_it.partition(" = ")[2], [label]).fetchone()
        why = connection.execute(f"SELECT any_value(error) FROM drift WHERE {of_it}", [label]).fetchone()
        told = Told(*(row or ("", "")), refused=(why or ("",))[0] or "")
        if row is None or answer is None:
            return told
        verdict, sentence, diagnosis = answer
        causes = "SELECT code FROM diagnosis_causes WHERE accepted AND diagnosis_id = ?"
        rows = connection.execute(causes, [diagnosis]).fetchall()
    codes = frozenset(code for (joined,) in rows if joined for code in joined.split(" + "))
    return told._replace(diagnosis=verdict, answer=sentence, codes=codes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, help="probes other than the bundled ones")
    parser.add_argument("--keep", type=Path, help="a folder for the store of each set-up")
    parser.add_argument("environments", nargs="*")
    arguments = parser.parse_args()
    os.environ["HF_HUB_OFFLINE"] = "1"
    more = ("--probes", arguments.texts) if arguments.texts else ()
    print(_cells("peer", "set-up", "the check", "the diagnosis", "named", "check, s", "diagnosis, s"))
    print(_cells(*["---"] * 7), flush=True)
    for number, case in enumerate(CASES):
        if arguments.environments and case.environment not in arguments.environments:
            continue
        store = arguments.keep / f"{number}.duckdb" if arguments.keep else None
        try:
            print(row(case, told(case, *more, store=store)), flush=True)
        except (RuntimeError, FileNotFoundError) as error:
            print(_cells(case.peer, case.what, f"could not be run: {str(error)[-600:]}"), flush=True)


def row(case: Case, said: Told) -> str:
    """A line of the table."""
    lacks = ", ".join(said.missing(case))
    check = f"{said.verdict}: {said.sentence}" + (f" ({said.refused})" if said.refused else "")
    answer = f"{said.diagnosis}: {said.answer}" if said.diagnosis else ""
    seconds = f"{said.check:.1f}", f"{said.diagnosing:.1f}"
    return _cells(case.peer, case.what, check, answer, f"not {lacks}" if lacks else "yes", *seconds)


def _cells(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("\n", " ").replace("|", "/") for cell in cells) + " |"


if __name__ == "__main__":
    main()

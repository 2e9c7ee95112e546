"""How bad the candidates of a check are, once they were diagnosed: what a pipeline stops at."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from data.rules.drift import reaches
from data.store.vocabulary import DiagnosisVerdict, DriftVerdict, Output
from evaluators.diagnose.verdict import Diagnosis

__all__ = ["alone", "standing"]

_NO_DIFFERENCE = (DiagnosisVerdict.IDENTICAL, DiagnosisVerdict.PRECISION)


def standing(
    connection: duckdb.DuckDBPyConnection, check_id: str, candidate: str | None, diagnoses: Mapping[str, Diagnosis]
) -> list[tuple[str, str]]:
    """Label and verdict of each output of each candidate, or of the one asked for.

    The check's verdict stands, also for candidates without vectors, which cannot be diagnosed. Where the diagnosis
    finds nothing but rounding in a dense output, that is the verdict; what disagrees with itself stays unstable.
    """
    rows = connection.execute(
        "SELECT encoder_id, label, output, verdict FROM drift_summary JOIN encoders USING (encoder_id) "
        "WHERE check_id = ? ORDER BY label, output",
        [check_id],
    ).fetchall()
    return [
        (label, _settled(verdict, diagnoses.get(name) if output == Output.DENSE else None))
        for name, label, output, verdict in rows
        if candidate in (None, name, label)
    ]


def alone(diagnosis: Diagnosis) -> str:
    """The verdict on vectors from a file, of which no check says anything."""
    return diagnosis.verdict if diagnosis.verdict in _NO_DIFFERENCE else DriftVerdict.EVERYWHERE


def _settled(verdict: str, diagnosis: Diagnosis | None) -> str:
    if diagnosis is None or diagnosis.verdict not in _NO_DIFFERENCE or reaches(verdict, DriftVerdict.UNSTABLE):
        return verdict
    return diagnosis.verdict

"""The bundled sample: a parity check of our own with its diagnoses, as Parquet beside the record."""

from __future__ import annotations

from pathlib import Path

import duckdb

__all__ = ["TABLES", "load"]

# What a check is made of, and what picks its rows.
_OF_CHECK = "check_id = $check"
_OF_ENCODERS = f"""encoder_id IN (
    SELECT encoder_id FROM vectors WHERE {_OF_CHECK} UNION SELECT encoder_id FROM drift_summary WHERE {_OF_CHECK})"""
_OF_RUNS = (
    f"run_id IN (SELECT run_id FROM checks WHERE {_OF_CHECK} UNION SELECT run_id FROM diagnoses WHERE {_OF_CHECK})"
)
TABLES = {
    "runs": _OF_RUNS,
    "checks": _OF_CHECK,
    "encoders": _OF_ENCODERS,
    "probes": f"text_hash IN (SELECT text_hash FROM drift WHERE {_OF_CHECK})",
    "protocol": _OF_CHECK,
    "vectors": _OF_CHECK,
    "drift": _OF_CHECK,
    "drift_summary": _OF_CHECK,
    "findings": _OF_RUNS,
    "diagnoses": _OF_CHECK,
    "diagnosis_causes": f"diagnosis_id IN (SELECT diagnosis_id FROM diagnoses WHERE {_OF_CHECK})",
}


def load(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Add the sample in ``folder`` to an open store, unless it is already there or there is none."""
    if not (folder / "parity-checks.parquet").is_file():
        return
    checks = connection.read_parquet(str(folder / "parity-checks.parquet"))
    known = {name for (name,) in connection.execute("SELECT check_id FROM checks").fetchall()}
    if {row[0] for row in checks.select("check_id").fetchall()} <= known:
        return
    for table in TABLES:
        file = folder / f"parity-{table}.parquet"
        if not file.is_file():  # nothing of the kind was written
            continue
        connection.register("incoming", connection.read_parquet(str(file)))
        shared = "OR IGNORE" if table in ("encoders", "probes") else ""  # other checks may have brought them
        connection.execute(f"INSERT {shared} INTO {table} BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")

"""The bundled sample: a parity check of our own with its diagnoses, as Parquet beside the record."""

from __future__ import annotations

from pathlib import Path

import duckdb

from data.store.rows import append

__all__ = ["SAMPLE_TABLES", "load_sample"]

SAMPLE_TABLES = (
    "runs", "checks", "encoders", "probes", "protocol", "vectors", "drift", "drift_summary", "findings", "diagnoses",
    "diagnosis_causes",
)  # fmt: skip


def load_sample(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Add the sample in ``folder`` to an open store, unless it is already there or there is none."""
    if not (folder / "parity-checks.parquet").is_file():
        return
    checks = connection.read_parquet(str(folder / "parity-checks.parquet"))
    held = {check for (check,) in connection.execute("SELECT check_id FROM checks").fetchall()}
    if {row[0] for row in checks.select("check_id").fetchall()} <= held:
        return
    for table in SAMPLE_TABLES:
        file = folder / f"parity-{table}.parquet"
        if file.is_file():  # else nothing of the kind was written
            shared = table in ("encoders", "probes")  # other checks may have brought them
            append(connection, table, connection.read_parquet(str(file)), known="OR IGNORE" if shared else "")

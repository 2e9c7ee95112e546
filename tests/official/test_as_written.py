"""The store holds every figure of a file of today's format as it is written there, to the last bit and in its order."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from data.store.database import open_reader
from evaluators.official.importer import import_from

NOT_METRICS = {"main_score", "hf_subset", "languages", "mteb_version", "evaluation_time"}
STORED = """
SELECT f.path, s.split, s.subset, s.main_score, m.names, s.metrics
FROM scores s JOIN results r USING (result_id) JOIN files f USING (result_id) LEFT JOIN metric_sets m USING (metric_set)
WHERE NOT coalesce(contains(r.notes, '0-100 scale'), false) ORDER BY s.result_id, s.rowid
"""


def test_figures_are_stored_as_they_are_written(sample_zip: Path, tmp_path: Path) -> None:
    store = tmp_path / "store.duckdb"
    summary = import_from(sample_zip, store=store)
    assert summary.files_read > 7_000, summary.files_read
    reader = open_reader(store)
    stored: dict[str, list[tuple[Any, ...]]] = {}
    for path, *cell in reader.cursor().execute(STORED).fetchall():
        stored.setdefault(path, []).append(tuple(cell))
    reader.close()
    compared = 0
    with zipfile.ZipFile(sample_zip) as archive:
        for path, cells in stored.items():
            content = json.loads(archive.read(path), parse_constant=lambda _: None)
            if "scores" in content:
                compared += compare(cells, content["scores"], path)
    assert compared > 14_000, compared


def compare(cells: list[tuple[Any, ...]], scores: dict[str, list[dict[str, Any]]], path: str) -> int:
    """How many cells there are, after each was found to be what the file says."""
    written = [(split, entry) for split, entries in scores.items() for entry in entries]
    for (split, subset, main, names, metrics), (written_split, entry) in zip(cells, written, strict=True):
        assert (split, subset) == (written_split, entry.get("hf_subset", "default")), path
        if type(entry.get("main_score")) is float:
            assert bits([main]) == bits([entry["main_score"]]), path
        if any(type(value) is dict for value in entry.values()):
            continue  # nested metrics are flattened under names of our own
        plain = {k: v for k, v in entry.items() if type(v) in (float, int, type(None)) and k not in NOT_METRICS}
        assert (names or []) == list(plain), path
        assert bits(metrics) == bits(plain.values()), path
    return len(cells)


def bits(values: Any) -> list[bytes | None]:
    return [None if value is None else struct.pack("<d", value) for value in values]

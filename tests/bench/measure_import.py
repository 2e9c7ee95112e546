"""Import of result files, against mteb's own reading of the same files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.child import Row, run

IMPORT = """
import sys, time
from pathlib import Path
from evaluators.official.importer import import_from
began = time.monotonic()
summary = import_from(Path(sys.argv[1]))
told.update(seconds=time.monotonic() - began, files=summary.files_seen, rows=summary.rows)
"""
MTEB = """
import sys, time, logging
from mteb import ResultCache
logging.disable(logging.CRITICAL)
began = time.monotonic()
results = ResultCache(sys.argv[1]).load_results(require_model_meta=False, include_remote=False)
told.update(seconds=time.monotonic() - began, models=len(results.model_results))
"""
BUNDLE = """
import time
from evaluators.official.importer import import_bundle
began = time.monotonic()
import_bundle()
told.update(seconds=time.monotonic() - began)
"""


def measure(place: Path) -> list[Row]:
    """A full import, one with nothing new, and a store from the bundled record.

    Ours is timed from the start of the process to a published store, mteb's from the call to its return.
    """
    with tempfile.TemporaryDirectory() as scratch:
        ours = run(IMPORT, str(place), PLUMBLINE_STORE=f"{scratch}/store.duckdb")
        again = run(IMPORT, str(place), PLUMBLINE_STORE=f"{scratch}/store.duckdb")
        bundled = run(BUNDLE, PLUMBLINE_STORE=f"{scratch}/bundled.duckdb")
    theirs = run(MTEB, str(place))
    files = f"{ours.told['files']:,.0f} files, {ours.told['rows']:,.0f} scores"
    whole = ours.told["files"] > 100_000
    reading = "mteb load_results"
    return [
        Row(f"full import ({files})", ours.seconds, "s", reading, theirs.told["seconds"], 10, 15 if whole else None),
        Row("  most memory", ours.megabytes, "MB", reading, theirs.megabytes, 3, 1024 if whole else None),
        Row("import with nothing new", again.seconds, "s", "a full import", ours.seconds, None, 3),
        Row("store from the bundled record", bundled.seconds, "s", reading, theirs.told["seconds"], None, 5),
    ]

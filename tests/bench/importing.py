"""Import of result files, against mteb's own reading of the same files."""

from __future__ import annotations

import tempfile
from typing import Any

from tests.bench.child import run

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


WHOLE = 100_000  # the aims are for the whole record; on less, what an import costs at least weighs more


def measure(context: Any) -> None:
    """Print a full import, one with nothing new, and a store from the bundled record.

    Ours is timed from the start of the process to a published store, mteb's from the call to its return.
    """
    with tempfile.TemporaryDirectory() as scratch:
        ours = run(IMPORT, str(context.place), PLUMBLINE_STORE=f"{scratch}/store.duckdb")
        again = run(IMPORT, str(context.place), PLUMBLINE_STORE=f"{scratch}/store.duckdb")
        bundled = run(BUNDLE, PLUMBLINE_STORE=f"{scratch}/bundled.duckdb")
    theirs = run(MTEB, str(context.place))
    files, rows, read_in = ours.told["files"], ours.told["rows"], theirs.told["seconds"]
    whole = files > WHOLE
    print(f"{files:,.0f} files, {rows:,.0f} scores; mteb's load_results: {read_in:.1f} s, {theirs.megabytes:,.0f} MB")
    faster, leaner = read_in / ours.seconds, theirs.megabytes / ours.megabytes
    aims = ("   aim 10 x, 15 s", "   aim 3 x, 1,024 MB") if whole else ("", "")
    print(f"{'full import':44} {ours.seconds:6.1f} s    {faster:4.1f} x faster than mteb reads{aims[0]}")
    print(f"{'full import, most memory':44} {ours.megabytes:6,.0f} MB   {leaner:4.1f} x less than mteb takes{aims[1]}")
    print(f"{'full import, computing':44} {ours.cpu:6.1f} s    {theirs.cpu / ours.cpu:4.1f} x less than mteb takes")
    quicker = ours.seconds / again.seconds
    print(f"{'import with nothing new':44} {again.seconds:6.1f} s    {quicker:4.1f} x faster than the first   aim 3 s")
    print(f"{'store from the bundled record':44} {bundled.seconds:6.1f} s    aim 5 s")

"""A record so many times as large as the real one: its import in bounded memory, what is new in it, and its pages.

``make bench SCALE=100`` measures at 1, 10 and 100 times and prints the curve. The record is read from shards in the
layout of the bundle (main scores, no other metrics); the 100 new files are result files of mteb, as they are anywhere.
Making the record takes long: ``SCALE_STORES`` may name a folder with stores that were imported before, ``x1.duckdb``,
``x10.duckdb`` and so on; they are left as they are, and the import of the whole is then not measured.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.child import ROOT, run
from tests.bench.generated import generate, write_files

MEMORY_MB, NEW_S, RERUN_MS, PAGES_MB = 4000, 10, 300, 1500
NEW_FILES = 100
IMPORT = """
import sys
from pathlib import Path
from evaluators.official.importer import import_bundle
summary = import_bundle(folder=Path(sys.argv[1]), rebuild=True)
told.update(models=summary.models, scores=summary.rows)
"""
NEW = """
import sys, time
from pathlib import Path
from evaluators.official.importer import import_from
began, busy = time.monotonic(), time.process_time()
summary = import_from(Path(sys.argv[1]))
told.update(seconds=time.monotonic() - began, cpu=time.process_time() - busy, added=summary.added)
told.update(models=summary.models, scores=summary.rows)
"""
# One process, as a dashboard is: every page as it opens, then as it is run again with the same choices, which is what a
# viewer waits for after the first. What choices cost is measured by the other benches.
PAGES = """
import sys, time
from streamlit.testing.v1 import AppTest
from dashboard.start.warming import settle
def timed(do):
    began, busy = time.perf_counter(), time.process_time()
    do()
    assert not at.exception and not at.error, (page, [each.value for each in (*at.exception, *at.error)])
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - busy)
for page in sys.argv[2:]:
    at = AppTest.from_file(sys.argv[1], default_timeout=1800)
    first = timed(at.switch_page(f'screens/{page}.py').run)
    settle()  # as a served dashboard does once its pages were drawn ahead
    again = [timed(at.run) for _ in range(20)]
    for name, place in (('wall', 0), ('cpu', 1)):
        ordered = sorted(each[place] for each in again)
        told[f'{page} opened {name}'], told[f'{page} p50 {name}'], told[f'{page} p95 {name}'] = (
            first[place], ordered[9], ordered[18])
"""
Curve = dict[str, dict[int, str]]


def measure(context: Any) -> None:
    """Print the curve up to ``context.scale``; nothing where no scale is asked for."""
    curve: Curve = {}
    for scale in (each for each in (1, 10, 100) if each <= context.scale):
        with tempfile.TemporaryDirectory(dir=context.scratch) as scratch:
            _measure_at(scale, Path(scratch), curve)
        _show(curve)


def _measure_at(scale: int, scratch: Path, curve: Curve) -> None:
    def put(what: str, value: str) -> None:
        curve.setdefault(what, {})[scale] = value

    store = scratch / "store.duckdb"
    if not _ready(scale, store):
        folder = scratch / "record"
        generate(folder, scale)
        whole = run(IMPORT, str(folder), PLUMBLINE_STORE=str(store))
        shutil.rmtree(folder)
        put("import, s (computing)", f"{whole.seconds:,.0f} ({whole.cpu:,.0f})")
        put(f"import, MB, aim {MEMORY_MB:,}", f"{whole.megabytes:,.0f}")
    write_files(scratch / "new", NEW_FILES)
    new = run(NEW, str(scratch / "new"), PLUMBLINE_STORE=str(store))
    assert new.told["added"] == NEW_FILES
    put("models", f"{new.told['models']:,.0f}")
    put("scores", f"{new.told['scores']:,.0f}")
    put("store, MB", f"{store.stat().st_size / 1e6:,.0f}")
    put(f"{NEW_FILES} new files, s (computing), aim {NEW_S}", f"{new.told['seconds']:,.1f} ({new.told['cpu']:,.1f})")
    put(f"{NEW_FILES} new files, MB, aim {MEMORY_MB:,}", f"{new.megabytes:,.0f}")
    pages = re.findall(r'^ +Page\(\s*"(\w+)"', (ROOT / "dashboard" / "app.py").read_text("utf-8"), re.M)
    seen = run(PAGES, str(ROOT / "dashboard" / "app.py"), *pages, PLUMBLINE_STORE=str(store))
    for page in pages:
        wall, cpu = ({key: seen.told[f"{page} {key} {name}"] for key in ("opened", "p50", "p95")}
                     for name in ("wall", "cpu"))  # fmt: skip
        put(f"{page}, opened, s (computing)", f"{wall['opened'] / 1000:,.1f} ({cpu['opened'] / 1000:,.1f})")
        put(f"{page}, rerun p50 and p95, ms (computing), aim p95 {RERUN_MS}",
            f"{wall['p50']:,.0f} {wall['p95']:,.0f} ({cpu['p50']:,.0f} {cpu['p95']:,.0f})")  # fmt: skip
    put(f"dashboard, every page opened, MB, aim {PAGES_MB:,}", f"{seen.megabytes:,.0f}")


def _ready(scale: int, store: Path) -> bool:
    """Put a store that was imported before in place, if there is one; a writer leaves the file it was linked to."""
    place = Path(os.environ.get("SCALE_STORES", "")) / f"x{scale}.duckdb"
    if not os.environ.get("SCALE_STORES") or not place.exists():
        return False
    try:
        os.link(place, store)
    except OSError:
        shutil.copyfile(place, store)
    return True


def _show(curve: Curve) -> None:
    """The curve so far: a line a measure, a column a scale."""
    scales = sorted({scale for values in curve.values() for scale in values})
    print(f"\n{'times the public record':72}" + "".join(f"{scale:>26,}" for scale in scales))
    for what, values in curve.items():
        print(f"{what:72}" + "".join(f"{values.get(scale, '-'):>26}" for scale in scales))

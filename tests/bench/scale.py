"""A record so many times as large as the real one: its import in bounded memory, what is new in it, and its pages.

``make bench SCALE=100`` measures at 1, 10 and 100 times and prints the curve. The record is read from shards in the
layout of the bundle (main scores, no other metrics); the 100 new files are result files of mteb, as they are anywhere.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.child import run
from tests.bench.generated import generate, write_files

MEMORY_GB, NEW_S, RERUN_MS, PAGES_GB = 4.0, 10.0, 300, 1.5
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
"""
# A page as it opens, then as it is run again with the same choices: what choices cost is measured by the other benches.
PAGE = """
import sys, time
from streamlit.testing.v1 import AppTest
at = AppTest.from_file(sys.argv[1], default_timeout=600)
def timed(do):
    began, busy = time.perf_counter(), time.process_time()
    do()
    assert not at.exception, at.exception[0].value
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - busy)
told['first'], told['first_cpu'] = timed(at.switch_page(f'screens/{sys.argv[2]}.py').run)
again = sorted(timed(at.run) for _ in range(20))
told['p95'], told['p95_cpu'] = again[18]
"""


def measure(context: Any) -> None:
    """Print the curve up to ``context.scale``; nothing where no scale is asked for."""
    for scale in (each for each in (1, 10, 100) if each <= context.scale):
        with tempfile.TemporaryDirectory(dir=context.scratch) as scratch:
            _measure_at(scale, Path(scratch))


def _measure_at(scale: int, scratch: Path) -> None:
    folder, store = scratch / "record", scratch / "store.duckdb"
    generate(folder, scale)
    whole = run(IMPORT, str(folder), PLUMBLINE_STORE=str(store))
    shutil.rmtree(folder)
    size = store.stat().st_size / 1e6
    print(f"{scale} times: {whole.told['models']:,.0f} models, {whole.told['scores']:,.0f} scores, {size:,.0f} MB")
    print(f"{'import, all of it':44} {whole.seconds:7.1f} s   computing {whole.cpu:,.1f} s   "
          f"most memory {whole.megabytes:,.0f} MB, aim {1000 * MEMORY_GB:,.0f}")  # fmt: skip
    write_files(scratch / "new", NEW_FILES)
    new = run(NEW, str(scratch / "new"), PLUMBLINE_STORE=str(store))
    assert new.told["added"] == NEW_FILES
    print(f"{f'import, {NEW_FILES} new files':44} {new.told['seconds']:7.1f} s   computing {new.told['cpu']:,.1f} s   "
          f"aim {NEW_S:.0f} s   most memory {new.megabytes:,.0f} MB")  # fmt: skip
    root = Path(__file__).resolve().parents[2]
    pages = re.findall(r'^ +Page\(\s*"(\w+)"', (root / "dashboard" / "app.py").read_text("utf-8"), re.M)
    for page in pages:
        seen = run(PAGE, str(root / "dashboard" / "app.py"), page, PLUMBLINE_STORE=str(store))
        first, first_cpu, p95, p95_cpu = (seen.told[name] for name in ("first", "first_cpu", "p95", "p95_cpu"))
        print(f"{page + ', opened':44} {first / 1000:7.1f} s   computing {first_cpu / 1000:.1f} s   "
              f"rerun p95 {p95:,.0f} ms, aim {RERUN_MS}   computing {p95_cpu:,.0f} ms   "
              f"memory {seen.megabytes:,.0f} MB, aim {1000 * PAGES_GB:,.0f}")  # fmt: skip

"""How long a leaderboard takes from the store, against mteb's summary table from results already in memory."""

from __future__ import annotations

import logging
import statistics
import time
import warnings
from typing import Any

from data.store.database import open_reader
from tests.conformance.mteb_tables import results_in

BENCHMARKS = ("MTEB(eng, v2)", "MTEB(Multilingual, v2)")
ROUNDS = 5


def measure(context: Any) -> None:
    """Print median milliseconds of the ranking of two benchmarks, and the ratio to mteb's.

    Neither reads a file: ours asks the open store, mteb selects, joins revisions and tabulates what it has loaded.
    """
    import mteb

    logging.getLogger("mteb").setLevel(logging.ERROR)
    reader = open_reader(context.store)
    cursor = reader.cursor()
    results = results_in(cursor)
    for name in BENCHMARKS:
        benchmark = mteb.get_benchmark(name)
        ours = milliseconds(lambda name=name: cursor.execute("FROM ranking(?, NULL, NULL, false)", [name]).fetchall())
        theirs = milliseconds(
            lambda benchmark=benchmark: benchmark._create_summary_table(results._to_results_df(benchmark.tasks)), 1
        )
        print(f"{'ranking of ' + name:44} {ours:6.0f} ms   {theirs / ours:4.0f} x faster than mteb's {theirs:,.0f} ms")
    reader.close()


def milliseconds(do: Any, rounds: int = ROUNDS) -> float:
    """Median time of doing it."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            do()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)

"""How long a rerun of the reproduction page takes: the whole script, over every view and kind of choice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from data.store import open_reader

ROOT = Path(__file__).resolve().parents[2]
AIM_MS = 150
ROUNDS = 5
VIEWS = ("Biggest differences", "By task type", "Table", "Heatmap")


def measure(context: Any) -> None:
    """Print median and 95th percentile of reruns: of choices made for the first time, and of all choices."""
    os.environ["PLUMBLINE_STORE"] = str(context.store)
    fresh, again = reruns(context.store)
    for what, times in (("reproduction, choice never made before", fresh), ("reproduction, any choice", fresh + again)):
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{what:44} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   aim p95 {AIM_MS} ms   n {len(times)}")


def reruns(store: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of each rerun: the first round of choices, with nothing cached, and the rounds after it."""
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    at.switch_page("screens/reproduction.py")
    at.query_params["compare"] = "Model cards"
    at.run()
    fresh: list[float] = []
    again: list[float] = []
    for round_ in range(ROUNDS):
        for choose in _choices(at, store):
            choose()
            start = time.perf_counter()
            at.run()
            (again if round_ else fresh).append(1000 * (time.perf_counter() - start))
            assert not at.exception and not at.error, "a page that fails is quick"
    return fresh, again


def _choices(at: AppTest, store: Path) -> list[Callable[[], Any]]:
    cursor = open_reader(store).cursor()
    cell = cursor.execute(
        "SELECT model, task FROM deltas WHERE kind = 'reported' AND verdict = 'broken' ORDER BY delta LIMIT 1"
    ).fetchone()
    row, task = cell or (None, None)
    return [
        *(lambda view=view: at.query_params.__setitem__("part", view) for view in VIEWS),
        lambda: at.text_input(key="find").set_value("e5"),
        lambda: at.text_input(key="find").set_value(""),
        lambda: at.multiselect(key="verdicts").set_value(["gap", "broken"]),
        lambda: at.multiselect(key="verdicts").set_value([]),
        lambda: at.multiselect(key="types").set_value(["Retrieval"]),
        lambda: at.multiselect(key="types").set_value([]),
        lambda: at.selectbox(key="row").set_value(row),
        lambda: at.selectbox(key="task").set_value(task),
        lambda: at.selectbox(key="row").set_value(None),
    ]

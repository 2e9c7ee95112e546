"""How long a rerun of the leaderboard takes: the whole script of the page, over every kind of choice a viewer makes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from data.store.database import open_reader

ROOT = Path(__file__).resolve().parents[2]
AIM_MS = 150
ROUNDS = 5


def measure(context: Any) -> None:
    """Print how long reruns take."""
    os.environ["PLUMBLINE_STORE"] = str(context.store)
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=180)
    at.switch_page("screens/leaderboard.py").run()
    told("leaderboard", *reruns(at, _choices(at, context.store)))


def reruns(at: AppTest, choices: list[Callable[[], Any]]) -> tuple[list[float], list[float]]:
    """Milliseconds of each rerun of an open page: the first round of choices, nothing cached, and the rounds after."""
    fresh: list[float] = []
    again: list[float] = []
    for round_ in range(ROUNDS):
        for choose in choices:
            choose()
            start = time.perf_counter()
            at.run()
            (again if round_ else fresh).append(1000 * (time.perf_counter() - start))
            assert not at.exception and not at.error, "a page that fails is quick"
    return fresh, again


def told(page: str, fresh: list[float], again: list[float]) -> None:
    """Print median and 95th percentile of reruns: of choices made for the first time, and of all choices."""
    for what, times in ((f"{page}, choice never made before", fresh), (f"{page}, any choice", fresh + again)):
        p50, p95 = np.percentile(times, [50, 95])
        print(f"{what:44} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   aim p95 {AIM_MS} ms   n {len(times)}")


def _choices(at: AppTest, store: Path) -> list[Callable[[], Any]]:
    """The two benchmarks most asked for (or the two largest), and on each the controls one after the other."""
    cursor = open_reader(store).cursor()
    usual = (
        "SELECT benchmark FROM board GROUP BY 1 ORDER BY benchmark IN ('MTEB(eng, v2)', 'MTEB(Multilingual, v2)') DESC,"
    )
    names = [name for (name,) in cursor.execute(f"{usual} count(*) DESC LIMIT 2").fetchall()]
    steps: list[Callable[[], Any]] = []
    for name in names:
        model = cursor.execute("SELECT min(model) FROM leaderboard WHERE benchmark = ? AND rank = 1", [name]).fetchone()
        steps += [
            lambda name=name: at.selectbox(key="l_benchmark").set_value(name),
            lambda: at.text_input(key="l_name").set_value("a"),
            lambda: at.text_input(key="l_name").set_value(""),
            lambda: at.selectbox(key="l_sort").set_value("Parameters"),
            lambda: at.toggle(key="l_reverse").set_value(True),
            lambda: at.toggle(key="l_reverse").set_value(False),
            lambda model=model[0] if model else None: at.selectbox(key="l_model").set_value(model),
            lambda: at.selectbox(key="l_model").set_value(None),
            lambda: at.segmented_control(key="l_weights").set_value("Open"),
            lambda: at.select_slider(key="l_size").set_value(("0", "1B")),
            lambda: at.toggle(key="l_trusted").set_value(True),
            lambda: at.toggle(key="l_trusted").set_value(False),
            lambda: at.select_slider(key="l_size").set_value(("0", "∞")),
            lambda: at.segmented_control(key="l_weights").set_value("Any"),
        ]
    return steps

"""The pages that help to choose: reruns of each on the whole record, and the bootstrap of a large leaderboard."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from data.rules import bootstrap as intervals
from data.store.database import open_reader
from tests.serving import ROOT

AIM_MS, AIM_S = 150, 2.0
ROUNDS = 5
MODELS = ["Qwen/Qwen3-Embedding-8B", "BAAI/bge-m3", "intfloat/multilingual-e5-large", "google/gemini-embedding-001"]

Choice = tuple[str, str, Any]  # kind of control, its key, what to set


def measure(context: Any) -> None:
    """Print the bootstrap's time, and median and 95th percentile of the reruns of each page."""
    cold, again = bootstrap()
    print(f"{'intervals, 400 models x 131 tasks, cold':44} {cold:6.2f} s   aim {AIM_S:.0f} s   (again {again:.2f} s)")
    os.environ["PLUMBLINE_STORE"] = str(context.store)
    for page, choices in _pages(context).items():
        fresh, later = reruns(page, choices)
        p50, p95 = np.percentile(fresh + later, [50, 95])
        first = f"never made before: p50 {np.median(fresh):.0f} ms, worst {max(fresh):.0f} ms"
        print(f"{page + ', rerun':44} p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   aim p95 {AIM_MS} ms   ({first})")


def bootstrap() -> tuple[float, float]:
    """Seconds for every rank and mean of a leaderboard: with nothing kept, then with the draws kept."""
    rng = np.random.default_rng(0)
    scores = rng.beta(5, 3, size=(400, 131))
    scores[rng.random(scores.shape) < 0.001] = np.nan
    intervals._drawn.cache_clear()
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        intervals.borda_intervals(scores)
        intervals.mean_intervals(scores, ranked=False)
        taken.append(time.perf_counter() - started)
    return taken[0], taken[1]


def reruns(page: str, choices: list[Choice]) -> tuple[list[float], list[float]]:
    """Milliseconds of each rerun after a choice: the first round, with nothing cached for it, and the rounds after."""
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    at.switch_page(f"screens/{page}.py").run()
    fresh: list[float] = []
    later: list[float] = []
    for round_ in range(ROUNDS):
        for kind, key, value in choices or [("", "", None)]:  # a page without a choice is run again as it is
            if key:
                next(c for c in at.get(kind) if c.key == key).set_value(value)
            started = time.perf_counter()
            at.run()
            (later if round_ else fresh).append(1000 * (time.perf_counter() - started))
            assert not at.exception and not at.error, "a page that fails is quick"
    return fresh, later


def _pages(context: Any) -> dict[str, list[Choice]]:
    """What a viewer changes on each page, one thing after the other; on the largest benchmarks there are."""
    ask: Callable[..., Any] = open_reader(context.store).cursor().execute
    known = {m for (m,) in ask("SELECT DISTINCT model FROM board").fetchall()}
    models = [m for m in MODELS if m in known] or sorted(known)[:4]
    usual = "benchmark IN ('MTEB(eng, v2)', 'MTEB(Multilingual, v2)') DESC"
    large = [
        b for (b,) in ask(f"SELECT benchmark FROM board GROUP BY 1 ORDER BY {usual}, count(*) DESC LIMIT 2").fetchall()
    ]
    tasks = [t for (t,) in ask("SELECT task FROM chosen GROUP BY 1 ORDER BY count(*) DESC, task LIMIT 3").fetchall()]
    preset = "All task types alike"
    return {
        "compare": [
            *(("selectbox", "c_benchmark", name) for name in large),
            *(("multiselect", "c_models", models[: n + 1]) for n in range(1, len(models))),
            ("selectbox", "c_baseline", models[1]),
            *(("segmented_control", "c_plot", plot) for plot in ("Scores", "Heatmap", "Radar", "Differences")),
            ("toggle", "c_strict", True),
            ("toggle", "c_strict", False),
        ],
        "tasks": [
            *(("selectbox", "t_task", task) for task in tasks),
            ("multiselect", "t_models", models),
            ("selectbox", "t_open", models[0]),
            ("multiselect", "t_models", []),
        ],
        "models": [
            *(("selectbox", "m_model", model) for model in models),
            *(("selectbox", "m_benchmark", name) for name in large),
            *(("segmented_control", "m_view", view) for view in ("By language", "By task")),
        ],
        "use": [
            ("selectbox", "u_use", preset),
            ("selectbox", "u_equal_benchmark", large[-1]),
            *(("number_input", "u_equal_Retrieval", float(n)) for n in (2, 3)),
            ("number_input", "u_parameters", 1.0),
            ("toggle", "u_open", True),
            ("number_input", "u_documents", 5000.0),
            *(("segmented_control", "u_size", size) for size in ("Parameters", "Dimensions", "Index size")),
            ("toggle", "u_open", False),
            ("number_input", "u_parameters", None),
            ("selectbox", "u_equal_benchmark", large[0]),
        ],
        "changes": [],
    }

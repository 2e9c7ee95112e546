"""How long a rerun of the reproduction page takes: the whole script, over every view and kind of choice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from data.store.database import open_reader
from tests.bench.pages import reruns, told

ROOT = Path(__file__).resolve().parents[2]
VIEWS = ("Biggest differences", "By task type", "Table", "Heatmap")


def measure(context: Any) -> None:
    """Print how long reruns take."""
    os.environ["PLUMBLINE_STORE"] = str(context.store)
    at = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    at.switch_page("screens/reproduction.py")
    at.query_params["r_compare"] = "Model cards"
    at.run()
    told("reproduction", *reruns(at, _choices(at, context.store)))


def _choices(at: AppTest, store: Path) -> list[Callable[[], Any]]:
    cursor = open_reader(store).cursor()
    cell = cursor.execute(
        "SELECT model, task FROM deltas WHERE kind = 'reported' AND verdict = 'broken' ORDER BY delta LIMIT 1"
    ).fetchone()
    row, task = cell or (None, None)
    return [
        *(lambda view=view: at.query_params.__setitem__("r_part", view) for view in VIEWS),
        lambda: at.text_input(key="r_find").set_value("e5"),
        lambda: at.text_input(key="r_find").set_value(""),
        lambda: at.multiselect(key="r_verdicts").set_value(["gap", "broken"]),
        lambda: at.multiselect(key="r_verdicts").set_value([]),
        lambda: at.multiselect(key="r_types").set_value(["Retrieval"]),
        lambda: at.multiselect(key="r_types").set_value([]),
        lambda: at.selectbox(key="r_row").set_value(row),
        lambda: at.selectbox(key="r_task").set_value(task),
        lambda: at.selectbox(key="r_row").set_value(None),
    ]

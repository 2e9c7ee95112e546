"""The made store with models of many families, some of which lack tasks, and own runs of a private one."""

from __future__ import annotations

from pathlib import Path

from data.store.database import writing
from data.store.derive import derive
from tests.make_store import PRIVATE_MODEL, add_private, make_store

__all__ = ["BOARD", "LITTLE", "PARTLY", "WHOLE", "filling_store"]

BOARD = "Tiny(all)"
WHOLE, PARTLY, LITTLE = "org00/model-00", "org06/model-06", "org08/model-08"


def filling_store(path: Path) -> Path:
    """Forty models of a family each and some more: three tasks of four for some, two for one, and a little noise."""
    make_store(path, plain_models=40)
    add_private(path)
    with writing(path) as connection:
        for table in ("models", "model_training", "results", "runs"):
            connection.execute(
                f"UPDATE {table} SET model = 'org' || right(model, 2) || '/model-' || right(model, 2)"
                " WHERE model LIKE 'org/model-%'"
            )
        connection.execute("UPDATE scores SET main_score = main_score + 0.004 * sin(12.9 * result_id)")
        lacks = [(f"org{i:02d}/model-{i:02d}", "TinyRetrieval") for i in (6, 8, 12, 20, 33)]
        lacks += [(LITTLE, "TinySTS"), ("org14/model-14", "TinyClass"), (PRIVATE_MODEL, "TinyCluster")]
        for model, task in lacks:
            where = "WHERE result_id IN (SELECT result_id FROM results WHERE model = ? AND task = ?)"
            connection.execute(f"DELETE FROM scores {where}", [model, task])
            connection.execute("DELETE FROM results WHERE model = ? AND task = ?", [model, task])
        derive(connection)
    return path

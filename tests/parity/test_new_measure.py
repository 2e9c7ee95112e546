"""A measure of a check is a function and a row: the check computes it, the store keeps it, the page shows it."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import drift
from dashboard.tables import drift as drift_tables
from data.rules import measures
from data.rules.measures import MEASURES, Compared, Measure, measured
from data.rules.vectors.clouds import Clouds
from data.rules.vectors.matrices import distances_between
from data.store.database import open_reader, writing
from evaluators.official import sample
from evaluators.parity import keep
from evaluators.probes import load_probes
from tests.parity.conftest import checked

ROOT = Path(__file__).parents[2]


def _largest_fall(compared: Compared) -> float | None:
    return None if compared.l2 is None else float(np.nanmax(compared.l2) - np.nanmin(compared.l2))


ROW = Measure("l2_range", "Range of L2", "From the nearest text to the farthest", "%.2f", _largest_fall)


@pytest.fixture
def with_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (measures, keep, drift, drift_tables):
        monkeypatch.setattr(module, "MEASURES", (*MEASURES, ROW))


@pytest.fixture
def store(with_one_more: None, tmp_path: Path) -> Path:
    rows = np.random.default_rng(0).normal(size=(16, 8)).astype(np.float32)
    texts = tmp_path / "texts.txt"
    texts.write_text("".join(f"text number {number}\n" for number in range(16)))
    for name, factor in (("reference", 1.0), ("candidate", 1.5)):
        np.save(tmp_path / f"{name}.npy", rows * factor)
    specs = [f"ready:{tmp_path}/{name}.npy?texts={texts}" for name in ("reference", "candidate")]
    done = checked(specs[0], specs[1:], load_probes(texts))
    with writing(tmp_path / "s.duckdb") as connection:
        keep.keep_check(connection, done, "python -m evaluators parity")
    return tmp_path / "s.duckdb"


def test_it_is_computed_stored_read_and_shown(store: Path) -> None:
    with duckdb.connect(str(store), read_only=True) as connection:
        [(check, text)] = connection.execute("SELECT check_id, measures FROM drift_summary").fetchall()
    kept = json.loads(text)["l2_range"]
    assert kept > 0
    reader = open_reader(store)
    frame = drift.verdicts(reader.cursor(), check, "dense")
    assert frame["l2_range"].tolist() == [kept]
    reader.close()
    table = drift_tables.verdict_figures_table(frame.assign(name="candidate"))
    column = table.config[ROW.label]
    assert table.shown[ROW.label].tolist() == [kept]
    assert column["help"] == ROW.help and column["type_config"]["format"] == ROW.format


def test_the_table_of_figures_has_it(with_one_more: None) -> None:
    def page() -> None:
        import pandas as pd

        from dashboard.sections.drift_verdicts import show_verdict_figures
        from dashboard.tables.drift import verdict_columns

        names = [*(column.source for column in verdict_columns()), "texts_failed"]
        show_verdict_figures(pd.DataFrame([{str(name): 1.0 for name in names}]))

    shown = AppTest.from_function(page).run()
    assert not shown.exception
    assert ROW.label in list(shown.dataframe[0].value.columns)


def test_a_check_of_before_has_no_such_figure(with_one_more: None, made_parity: Path) -> None:
    reader = open_reader(made_parity)
    frame = drift.verdicts(reader.cursor(), "check-1", "dense")
    reader.close()
    assert len(frame) and frame["l2_range"].isna().all()


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    path = tmp_path_factory.mktemp("bundled") / "s.duckdb"
    with writing(path) as connection:
        sample.load_sample(connection, ROOT / "data" / "record")
    return duckdb.connect(str(path), read_only=True)


def _vectors(store: duckdb.DuckDBPyConnection) -> dict[str, dict[str, np.ndarray]]:
    query = "SELECT encoder_id, text_hash, vector FROM vectors WHERE output = 'dense' AND vector IS NOT NULL"
    found: dict[str, dict[str, np.ndarray]] = {}
    for encoder, text, vector in store.execute(query).fetchall():
        found.setdefault(encoder, {})[text] = np.array(vector, dtype=np.float32)
    return found


def _tied(cosines: np.ndarray) -> int:
    """Texts whose tenth neighbour is as near as the eleventh."""
    ordered = np.sort(np.where(np.eye(len(cosines), dtype=bool), -np.inf, cosines), axis=1)
    return int((ordered[:, -10] - ordered[:, -11] < 1e-12).sum())


def test_the_figures_of_the_bundled_check_are_what_they_were(bundled: duckdb.DuckDBPyConnection) -> None:
    """Stored when each side had its own mathematics; of texts equally near, the first are the neighbours now."""
    vectors = _vectors(bundled)
    [(reference,)] = bundled.execute("SELECT reference FROM checks").fetchall()
    rows = bundled.execute("SELECT * FROM drift_summary").df().to_dict("records")
    compared = 0
    for row in rows:
        ours, theirs = vectors[reference], vectors[row["encoder_id"]]
        if next(iter(theirs.values())).shape != next(iter(ours.values())).shape:
            continue
        texts = [text for (text,) in bundled.execute("SELECT text_hash FROM probes ORDER BY 1").fetchall()]
        both = [text for text in texts if text in ours and text in theirs]
        clouds = Clouds(np.stack([ours[text] for text in both]), np.stack([theirs[text] for text in both]))
        distance = np.array(
            bundled.execute(
                "SELECT cosine_distance FROM drift WHERE encoder_id = ? AND cosine_distance IS NOT NULL",
                [row["encoder_id"]],
            ).fetchall()
        )[:, 0]
        now = measured(Compared(distance, None, clouds.neighbours_kept(), clouds))
        for name in set(now) - {"l2_amplification", "l2_range", "neighbour_overlap"}:
            assert now[name] == pytest.approx(row[name], rel=1e-9, abs=1e-12), (row["encoder_id"], name)
        tied = sum(_tied(cosines) for cosines in clouds.cosines)
        assert now["neighbour_overlap"] == pytest.approx(row["neighbour_overlap"], abs=1e-12 + tied / len(both) / 10)
        compared += 1
        apart = [np.stack([side[text] for text in both]) for side in (ours, theirs)]
        assert distances_between(apart, "cosine_distance")[0, 1] == pytest.approx(row["mean"], rel=1e-9, abs=1e-15)
        assert distances_between(apart, "similarities")[0, 1] == pytest.approx(1 - row["rank_correlation"], abs=1e-12)
        assert distances_between(apart, "neighbours_lost")[0, 1] == pytest.approx(1 - now["neighbour_overlap"])
    assert compared >= 10

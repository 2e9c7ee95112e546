"""The rule that makes noise floors out of rerun pairs, and how well its floors hold on models it has not seen."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from data.rules.deltas import Thresholds
from data.store.database import open_reader, writing
from data.store.errors import InputError
from data.store.migrate import NOISE_FLOORS
from tests.maintain.__main__ import app
from tests.maintain.noise import LOWEST, fit_floors, honest_pairs, read_pairs
from tests.verdicts.making import SHARED

MOVES = Path(__file__).parent / "data" / "honest_moves.parquet"
RERUNS = SHARED / "reruns.parquet"


def pairs(**columns: object) -> pd.DataFrame:
    """Eight cells of one rerun that moved by a thousandth each, changed as asked."""
    plain = {
        "model": "m",
        "task": [f"t{i}" for i in range(8)],
        "task_type": "STS",
        "subset": "default",
        "delta": 0.001,
        "cls": "same_major",
        "commit_date": "2025-01-03T10:00:00",
        "revision_before": "r",
        "revision_after": "r",
        "dataset_revision_before": "d",
        "dataset_revision_after": "d",
    }
    return pd.DataFrame({**plain, **columns})


@pytest.mark.parametrize(
    "columns",
    [
        {"cls": "dr_changed"},
        {"cls": "major_changed"},
        {"revision_after": "other"},
        {"dataset_revision_after": "other"},
        {"revision_before": None, "revision_after": None},
    ],
)
def test_a_pair_of_two_different_things_is_no_rerun(columns: dict[str, object]) -> None:
    assert len(honest_pairs(pairs())) == 8
    assert honest_pairs(pairs(**columns)).empty


def test_a_batch_that_moved_as_a_whole_is_a_correction() -> None:
    assert honest_pairs(pairs(delta=-0.4)).empty
    one_far = pairs(delta=[0.4, *[0.001] * 7])
    assert len(honest_pairs(one_far)) == 8, "a single far cell of a rerun is noise, and must stay"


def test_one_task_that_moved_for_everybody_on_a_day_is_a_correction() -> None:
    everybody = pd.concat([pairs(model=f"m{i}", delta=[0.4, *[0.001] * 7]) for i in range(3)], ignore_index=True)
    assert set(honest_pairs(everybody)["task"]) == {f"t{i}" for i in range(1, 8)}


def test_small_batches_are_left_out_whatever_they_show() -> None:
    assert honest_pairs(pairs().head(2)).empty
    assert honest_pairs(pairs(delta=0.0).head(2)).empty


def moved(model: str, task: str, size: float, cells: int, kind: str = "STS") -> pd.DataFrame:
    return pd.DataFrame({"model": model, "task": task, "task_type": kind, "moved": [size] * cells})


def test_models_weigh_the_same_however_many_cells_they_have() -> None:
    one_loud = pd.concat([moved("loud", "t", 0.2, 500), *(moved(f"m{i}", "t", 0.001, 1) for i in range(40))])
    floors = fit_floors(one_loud).set_index(["scope", "name"])
    assert floors.loc[("all", ""), "p95"] == 0.001
    assert floors.loc[("all", ""), "n"] == 540


def test_no_single_task_or_model_sets_its_types_floor() -> None:
    quiet = [moved(f"m{i}", f"t{j}", 0.001, 1) for i in range(5) for j in range(5)]
    calm = fit_floors(pd.concat(quiet)).set_index(["scope", "name"])["floor"]
    by_model = fit_floors(pd.concat([*quiet, moved("wild", "t0", 0.3, 5)])).set_index(["scope", "name"])["floor"]
    by_task = fit_floors(pd.concat([*quiet, *(moved(f"m{i}", "wild", 0.3, 2) for i in range(5))]))
    by_task = by_task.set_index(["scope", "name"])["floor"]
    assert by_model[("type", "STS")] < 1.2 * calm[("type", "STS")]
    assert by_task[("type", "STS")] == calm[("type", "STS")]
    assert by_task[("task", "wild")] > 0.1


def test_floors_are_wider_where_fewer_are_known() -> None:
    few = pd.concat([moved(f"m{i}", "t", 0.002, 3, "Known") for i in range(30)] + [moved("m0", "u", 0.002, 3, "Rare")])
    floors = fit_floors(few).set_index(["scope", "name"])["floor"]
    assert floors[("type", "Known")] < floors[("type", "Rare")] <= floors[("all", "")]


def test_a_floor_is_never_below_a_tenth_of_a_point() -> None:
    tiny = pd.concat([moved(f"m{i}", "t", 1e-7, 3) for i in range(5)])
    assert fit_floors(tiny)["floor"].eq(LOWEST).all()


def test_nothing_honest_is_an_error_that_says_so() -> None:
    with pytest.raises(InputError, match="No honest rerun pair"):
        fit_floors(moved("m", "t", 0.0, 5))


def _called(train: pd.DataFrame, test: pd.DataFrame) -> pd.Series:
    """Whether each cell of ``test`` would be called a gap or broken under floors fitted on ``train``."""
    floors = fit_floors(train)
    by = {scope: group.set_index("name")["floor"] for scope, group in floors.groupby("scope")}
    floor = test["task"].map(by["task"]).fillna(test["task_type"].map(by["type"])).fillna(by["all"].iloc[0])
    limits = Thresholds()
    return test["moved"] > np.maximum(limits.drift, limits.drift_floors * floor)


@pytest.mark.parametrize("seed", range(5))
def test_at_most_five_percent_of_moved_honest_cells_are_called_gaps_on_unseen_models(seed: int) -> None:
    honest = duckdb.read_parquet(str(MOVES)).df().astype({"moved": float})
    models = np.random.default_rng(seed).permutation(honest["model"].unique())
    train = honest["model"].isin(models[: len(models) // 2])
    called = _called(honest[train], honest[~train])
    assert len(called) > 100
    assert called.mean() <= 0.05


@pytest.mark.skipif(not RERUNS.exists(), reason="shared/mteb/reruns.parquet is not at hand")
def test_the_bundled_floors_and_the_summary_are_what_the_rule_makes_of_the_rerun_pairs() -> None:
    honest = honest_pairs(read_pairs(RERUNS))
    pd.testing.assert_frame_equal(
        duckdb.read_parquet(str(NOISE_FLOORS)).df(), fit_floors(honest), check_dtype=False, atol=1e-12
    )
    summary = duckdb.read_parquet(str(MOVES)).df()
    now = honest.loc[honest["moved"] > 0, "moved"]
    np.testing.assert_allclose(np.sort(summary["moved"]), np.sort(now), rtol=1e-6)
    models = np.random.default_rng(0).permutation(honest["model"].unique())
    train = honest["model"].isin(models[: len(models) // 2])
    assert _called(honest[train], honest[~train]).mean() <= 0.05


def test_the_command_writes_a_table_that_the_store_takes(tmp_path: Path) -> None:
    source, out = tmp_path / "pairs.parquet", tmp_path / "floors.parquet"
    several = pd.concat([pairs(model=f"m{i}") for i in range(3)], ignore_index=True)
    several["delta"] = several["delta"] * (1 + several.index.to_numpy() / 100)  # not one task corrected for all
    duckdb.from_df(several).write_parquet(str(source))
    done = CliRunner().invoke(app, ["noise", "--from", str(source), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "24 pairs, 24 honest" in " ".join(done.output.split())
    types = duckdb.read_parquet(str(out)).types
    assert [str(t) for t in types] == ["VARCHAR", "VARCHAR", "INTEGER", "DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE"]


@pytest.mark.parametrize(("content", "said"), [(None, "no file"), (b"junk", "not readable"), ("csv", "missing: cls")])
def test_a_file_that_is_no_table_of_pairs_is_named(tmp_path: Path, content: object, said: str) -> None:
    path = tmp_path / "x.parquet"
    if content == "csv":
        duckdb.from_df(pairs().drop(columns="cls")).write_parquet(str(path))
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_pairs(path)


def test_every_new_store_has_the_bundled_floors(tmp_path: Path) -> None:
    path = tmp_path / "new.duckdb"
    with writing(path, fresh=True):
        pass
    held = open_reader(path).cursor().execute("SELECT * FROM noise_floors").df()
    pd.testing.assert_frame_equal(held, duckdb.read_parquet(str(NOISE_FLOORS)).df(), check_dtype=False)

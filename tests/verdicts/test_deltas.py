"""Deltas and verdicts in the store: what is matched with what, signs, lines, what is not comparable."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from data.rules.deltas import Thresholds, deltas
from data.store.database import open_reader, writing
from data.store.derive import derive_compared
from tests.verdicts.making import DATA, MODEL, SHARED, result, store_of

FLOOR = 0.01


@pytest.fixture
def judged(tmp_path: Path):
    """``judged([results], kind, **more)``: the deltas of a store with these results."""

    def of(results: list[dict], kind: str = "reported", **more: Any) -> pd.DataFrame:
        path = store_of(tmp_path / "store.duckdb", results)
        return deltas(open_reader(path).cursor(), kind, **more)

    return of


def one(frame: pd.DataFrame) -> pd.Series:
    assert len(frame) == 1, frame
    return frame.iloc[0]


@cache
def macro() -> duckdb.DuckDBPyConnection:
    """A connection that knows the rule and nothing else."""
    connection = duckdb.connect()
    views = Path(__file__).resolve().parents[2] / "data" / "store" / "views" / "30_deltas.sql"
    statements = duckdb.extract_statements(views.read_text(encoding="utf-8"))
    connection.execute(next(s.query for s in statements if "MACRO verdict" in s.query))
    return connection


def verdict(
    delta: float | None, claim: float = 0.8, obstacle: str | None = None, same: bool | None = True, **more: float
) -> str:
    named = "".join(f", {name} := {value}" for name, value in more.items())
    row = macro().execute(f"SELECT verdict(?, ?, ?, ?, ?{named})", [delta, claim, FLOOR, obstacle, same]).fetchone()
    return str(row[0])


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        (0.0, "match"), (0.01, "match"), (-0.01, "match"), (0.0101, "drift"), (-0.03, "drift"), (0.0301, "gap"),
        (-0.0301, "gap"), (-0.2399, "gap"), (-0.2401, "broken"), (0.5, "gap"), (None, "not comparable"),
    ],
)  # fmt: skip
def test_the_lines_between_the_verdicts(delta: float | None, expected: str) -> None:
    assert verdict(delta) == expected


def test_thresholds_move_the_lines() -> None:
    assert verdict(0.02) == "drift"
    assert verdict(0.02, match_floors=2.0) == "match"
    assert verdict(0.04) == "gap"
    assert verdict(0.04, drift=0.05) == "drift"
    assert verdict(0.04, drift_floors=4.0) == "drift"
    assert verdict(-0.3) == "broken"
    assert verdict(-0.3, lost=0.5) == "gap"


def test_other_data_is_a_match_within_the_floor_and_proves_nothing_beyond() -> None:
    for same in (False, None):
        assert verdict(0.009, same=same) == "match"
        assert verdict(-0.5, same=same) == "not comparable"
    assert verdict(0.0, obstacle="another metric") == "not comparable"


def test_nothing_can_be_broken_from_nothing() -> None:
    assert verdict(-0.1, claim=0.0) == "gap"
    assert verdict(-0.1, claim=-0.2) == "gap"


def test_the_defaults_of_the_view_are_those_of_python(judged) -> None:
    floor = one(judged([result("reported", 0.8), result("official", 0.8)]))["floor"]
    limits = Thresholds()
    drift = max(limits.drift, limits.drift_floors * floor)
    lines = (
        (limits.match_floors * floor, "match", "drift"),
        (drift, "drift", "gap"),
        (limits.lost * 0.8, "gap", "broken"),
    )
    for line, within, beyond in lines:
        for size, expected in ((0.99 * line, within), (1.01 * line, beyond)):
            assert one(judged([result("reported", 0.8), result("official", 0.8 - size)]))["verdict"] == expected, size
    for field, value in Thresholds().__dict__.items():
        edge = {"match_floors": FLOOR * value, "drift": None, "drift_floors": FLOOR * value, "lost": 0.8 * value}[field]
        if edge:
            assert verdict(-edge * 0.999) != verdict(-edge * 1.001), field


def test_the_delta_is_the_check_minus_the_claim(judged) -> None:
    found = one(judged([result("reported", 0.8), result("official", 0.5)]))
    assert (found["claim_origin"], found["check_origin"]) == ("reported", "official")
    assert found["delta"] == pytest.approx(-0.3)
    assert (found["claim_score"], found["check_score"]) == (0.8, 0.5)


def test_a_run_is_held_against_the_official_figure_of_its_own_revision(judged) -> None:
    results = [
        result("official", 0.8, revision="b" * 40, date=pd.Timestamp("2026-05-01")),
        result("official", 0.7),
        result("reported", 0.9),
        result("reproduced", 0.71, run_id="run-1"),
    ]
    found = one(judged(results, "reproduced"))
    assert (found["claim_score"], found["claim_origin"]) == (0.7, "official")
    assert found["delta"] == pytest.approx(0.01)
    other = one(judged([*results[:1], results[-1]], "reproduced"))
    assert other["claim_score"] == 0.8
    assert "different model revisions" in other["remarks"]


def weights(path: Path, run: str, sha256: str, revision: str = "a" * 40) -> None:
    """Say which weights a run of :func:`store_of` had read."""
    with writing(path) as connection:
        connection.execute(
            "UPDATE runs SET revision = ?, files = ? WHERE run_id = ?",
            [revision, json.dumps([{"path": "model.safetensors", "size": 1, "sha256": sha256}]), run],
        )
        derive_compared(connection, MODEL)


def test_a_server_that_tells_no_revision_is_said_to(judged) -> None:
    found = one(
        judged(
            [result("official", 0.8), result("reproduced", 0.8, revision="as-served-by-openai", run_id="r")],
            "reproduced",
        )
    )
    assert found["remarks"] == "one side was served by a program that does not tell its revision"


def test_a_folder_is_of_a_revision_only_where_a_run_of_that_revision_read_the_same_weights(tmp_path: Path) -> None:
    path = store_of(
        tmp_path / "store.duckdb",
        [
            result("official", 0.8),
            result("reproduced", 0.8, revision="local-03af", run_id="folder"),
            result("reproduced", 0.8, "SciFact", revision="a" * 40, run_id="named"),
        ],
    )

    def remark() -> object:
        return one(deltas(open_reader(path).cursor(), "reproduced", run_id="folder"))["remarks"]

    assert remark() == "run from a folder; whether its files are revision aaaaaaa is not known"
    weights(path, "folder", "one", "local-03af")
    weights(path, "named", "one")
    assert pd.isna(remark())
    weights(path, "named", "another")
    assert remark() == "run from a folder, whose weights are not those of revision aaaaaaa"


def test_two_folders_are_told_apart_by_their_weights_alone(tmp_path: Path) -> None:
    both = [
        result("reproduced", 0.8, revision=f"local-{n}", run_id=f"r{n}", date=pd.Timestamp(f"2026-11-2{n}"))
        for n in (0, 1)
    ]
    path = store_of(tmp_path / "store.duckdb", both)
    for theirs, said in (("one", None), ("another", "the two are of folders with different weights")):
        weights(path, "r0", "one", "local-0")
        weights(path, "r1", theirs, "local-1")
        found = one(deltas(open_reader(path).cursor(), "runs"))["remarks"]
        assert found == said if said else pd.isna(found)


def test_data_on_which_another_run_matches_do_not_excuse_a_run(judged) -> None:
    official = result("official", 0.8, dataset_revision="e" * 40)
    right = result("reproduced", 0.8001, run_id="right")
    wrong = result("reproduced", 0.6, run_id="wrong")
    found = judged([official, right, wrong], "reproduced").set_index("check_run")
    assert found["verdict"].to_dict() == {"right": "match", "wrong": "gap"}
    assert "on the same data another run of this model matches" in found.loc["wrong", "remarks"]
    assert pd.isna(found.loc["wrong", "why_not"])
    for alibi in ([], [right | {"dataset_revision": "f" * 40}], [right | {"score": 0.7}], [right | {"model": "org/b"}]):
        alone = judged([official, *alibi, wrong], "reproduced").set_index("check_run")
        assert alone.loc["wrong", "verdict"] == "not comparable"
        assert alone.loc["wrong", "why_not"] == "another data set revision"


def test_a_run_is_held_against_the_model_card_only_where_nothing_is_official(judged) -> None:
    found = one(judged([result("reported", 0.9), result("reproduced", 0.9, run_id="run-1")], "reproduced"))
    assert found["claim_origin"] == "reported"


def test_runs_are_compared_later_minus_earlier(judged) -> None:
    results = [
        result("reproduced", 0.6, run_id="run-b", date=pd.Timestamp("2026-11-20")),
        result("reproduced", 0.5, run_id="run-a", date=pd.Timestamp("2026-11-19")),
    ]
    found = one(judged(results, "runs"))
    assert (found["claim_run"], found["check_run"]) == ("run-a", "run-b")
    assert found["delta"] == pytest.approx(0.1)
    assert judged(results, "runs", run_id="run-a").empty


def test_cells_are_matched_by_split_and_subset(judged) -> None:
    left = result("reported", cells={"en": 0.8, "de": 0.7, "fr": 0.6})
    right = result("official", cells={"de": 0.75, "en": 0.8, "it": 0.1})
    found = judged([left, right]).set_index("subset")["delta"]
    assert found.to_dict() == {"de": pytest.approx(0.05), "en": 0.0}


_WHY = (
    ({"dataset_revision": "e" * 40}, {}, "another data set revision"),
    ({"dataset_revision": None}, {}, "the data set revision of one side is not known"),
    ({"dataset_revision": "main"}, {}, "the data set revision of one side is not known"),
    ({"metric": "max_ap"}, {}, "another metric: max_ap against cosine_spearman"),
    ({}, {"split": "dev"}, "the two have no split and subset in common"),
    ({}, {"score": None}, "the official figure is missing for this cell"),
)


def test_why_two_figures_are_not_comparable(judged) -> None:
    results = []
    for n, (left, right, _) in enumerate(_WHY):
        results.append(result("reported", 0.8, model=f"org/{n}", **left))
        results.append(result("official", model=f"org/{n}", **({"score": 0.5} | right)))
    found = judged(results).set_index("model")
    assert len(found) == len(_WHY)
    for n, (_, _, why) in enumerate(_WHY):
        row = found.loc[f"org/{n}"]
        assert (row["verdict"], row["why_not"], bool(row["comparable"])) == ("not comparable", why, False)


def test_a_short_revision_of_the_same_data_is_the_same(judged) -> None:
    found = one(judged([result("reported", 0.8, dataset_revision=DATA[:7]), result("official", 0.5)]))
    assert found["verdict"] == "broken"


def test_other_data_within_the_floor_matches_and_says_so(judged) -> None:
    found = one(judged([result("reported", 0.5, dataset_revision="e" * 40), result("official", 0.5005)]))
    assert found["verdict"] == "match"
    assert "although the data set revision differs" in found["remarks"]


def test_equal_figures_match_whatever_their_metric_is_called(judged) -> None:
    found = one(judged([result("reported", 0.5, metric="cos_sim_spearman"), result("official", 0.5)]))
    assert (found["verdict"], bool(found["comparable"])) == ("match", True)
    assert "the metric is called cos_sim_spearman on one side" in found["remarks"]


def test_the_old_scale_is_recognised(judged) -> None:
    """Case 1 of the issue: HotpotQA 1.97 where 56.48 is published, both on the old scale."""
    found = one(
        judged(
            [result("official", 56.482, "HotpotQA"), result("reproduced", 1.966, "HotpotQA", run_id="r")], "reproduced"
        )
    )
    assert (found["claim_score"], found["check_score"]) == (pytest.approx(0.56482), pytest.approx(0.01966))
    assert found["verdict"] == "broken"
    mixed = one(judged([result("reported", 82.03), result("official", 0.8203)]))
    assert mixed["verdict"] == "match"
    assert "0-100 scale" in mixed["remarks"]


def test_speeds_are_no_scores_of_the_old_scale(judged) -> None:
    found = one(judged([result("reported", 90.0, "CPUSpeedTask"), result("official", 45.0, "CPUSpeedTask")]))
    assert found["delta"] == -45.0


def test_another_metric_of_the_same_result_is_recognised_by_its_value(judged) -> None:
    right = result("official", 0.10963, metrics={"accuracy": 0.10963, "f1": 0.2, "ap": 0.62658})
    found = one(judged([result("reported", 0.62658, "Toxic"), right | {"task": "Toxic"}]))
    assert found["verdict"] == "not comparable"
    assert found["why_not"] == "another metric: the model card's figure is the ap of the other side, not its accuracy"
    left = one(judged([right | {"task": "Toxic", "origin": "reported"}, result("official", 0.2, "Toxic")]))
    assert "the official figure is the f1 of the other side" in left["why_not"]


def test_a_metric_that_is_merely_near_is_no_mix_up(judged) -> None:
    right = result("official", 0.1, "Toxic", metrics={"accuracy": 0.1, "ap": 0.6266})
    assert one(judged([result("reported", 0.62658, "Toxic"), right]))["verdict"] == "broken"


def test_a_renamed_subset_is_recognised_where_there_is_just_one(judged) -> None:
    found = one(judged([result("reported", 0.8, subset="en"), result("official", 0.8, subset="default")]))
    assert (found["verdict"], found["subset"]) == ("match", "default")
    assert "renamed: en is now default" in found["remarks"]
    several = one(judged([result("reported", cells={"en": 0.8, "de": 0.8}), result("official", 0.8)]))
    assert several["why_not"] == "the two have no split and subset in common"


def test_the_verdict_names_its_floor(judged) -> None:
    known = one(judged([result("reported", 0.8, "SciFact"), result("official", 0.8, "SciFact")]))
    assert (known["floor_scope"], known["floor_n"]) == ("task", 2)
    kin = one(judged([result("reported", 0.8, "Mine"), result("official", 0.8, "Mine")]))
    assert kin["floor_scope"] == "type"


def test_a_task_nobody_described_has_the_same_floor(tmp_path: Path) -> None:
    """A store without an import holds runs of tasks it knows nothing of."""
    path = store_of(tmp_path / "s.duckdb", [result("reported", 0.8), result("official", 0.79)])
    before = one(deltas(open_reader(path).cursor(), "reported"))
    with writing(path) as connection:
        connection.execute("DELETE FROM tasks")
    after = one(deltas(open_reader(path).cursor(), "reported"))
    assert after[["floor", "floor_scope", "floor_n"]].tolist() == before[["floor", "floor_scope", "floor_n"]].tolist()
    assert after["floor_scope"] == "task"


def test_without_a_table_of_floors_the_drift_limit_is_the_floor(tmp_path: Path) -> None:
    path = store_of(tmp_path / "s.duckdb", [result("reported", 0.8), result("official", 0.79)], floors=False)
    found = one(deltas(open_reader(path).cursor(), "reported"))
    assert (found["floor"], found["floor_scope"], found["verdict"]) == (0.015, "none", "match")


def test_names_from_outside_are_values_not_sql(tmp_path: Path) -> None:
    name = "o'; DROP TABLE results; --"
    path = store_of(tmp_path / "s.duckdb", [result("reported", model=name), result("official", model=name)])
    cursor = open_reader(path).cursor()
    assert one(deltas(cursor, "reported", model=name))["model"] == name
    assert deltas(cursor, "reported", model="another").empty


@pytest.mark.skipif(not SHARED.exists(), reason="shared/mteb is not at hand")
def test_every_overlap_of_model_cards_and_runs_is_there_with_its_sign(overlap: duckdb.DuckDBPyConnection) -> None:
    found = deltas(overlap, "reported")
    known = duckdb.read_parquet(str(SHARED / "reported-vs-run.parquet")).df()
    known["model"] = known["model"].str.replace("__", "/")
    both = found.merge(known, on=["model", "task", "split", "subset"], suffixes=("", "_known"))
    rescaled = both["remarks"].fillna("").str.contains("0-100")
    assert len(both) == len(known) == len(found)
    assert (both["delta"] - both["delta_known"])[~rescaled].abs().max() < 1e-12
    sgpt = found[
        found["model"].str.contains("SGPT")
        & found["task"].isin(["ToxicConversationsClassification", "AmazonCounterfactualClassification"])
    ]
    far = sgpt[sgpt["delta"].abs() > 0.05]
    assert len(far) == 17
    assert far["why_not"].str.startswith("another metric").all()

"""The default leaderboard is mteb's own, number for number, on every benchmark mteb can tabulate (here on some)."""

from __future__ import annotations

import logging
import math
from typing import Any

import duckdb
import pytest

from data.store.database import StoreReader
from tests.conformance.mteb_tables import results_in, tables, uncollected

MEANS = {
    "Mean (Task)": "mean_task",
    "Mean (TaskType)": "mean_task_type",
    "Mean (Public)": "mean_public",
    "Mean (Private)": "mean_private",
    "Mean (Subset)": "mean_subset",
}
# Of each way of mteb to tabulate, of each way to rank, and with groups of its own; all of them in the soak.
_FEW = (
    "MTEB(eng, v2)", "MTEB(Scandinavian, v1)", "MTEB(cmn, v1)", "MTEB(Code, v1)", "FollowIR", "BRIGHT", "BRIGHT(v1.1)",
    "LongEmbed", "LMEB", "MAEB(v1)", "MIEB(lite)", "HUME(v1)", "ViDoRe(v3)", "RTEB(deu, beta)", "RTEB(beta)",
)  # fmt: skip
GROUP = "__cg__"  # how mteb marks the columns of a benchmark's own groups


def ours(cursor: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, dict[str, dict[str, Any]]]:
    """Benchmark -> model -> column -> value of these benchmarks, as the leaderboard page shows them."""
    of_these = "WHERE list_contains(?, benchmark)"
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for row in dicts(cursor.execute(f"FROM ranking(NULL, NULL, NULL, false) {of_these}", [names])):
        table.setdefault(row["benchmark"], {})[row["model"]] = row
    for row in dicts(cursor.execute(f"FROM type_means(NULL, NULL, NULL, false) {of_these}", [names])):
        if (model := table[row["benchmark"]].get(row["model"])) is not None:
            model[row["type"]] = row["mean"]
    for row in dicts(cursor.execute(f"FROM group_means {of_these}", [names])):
        if (model := table[row["benchmark"]].get(row["model"])) is not None:
            model[f"{GROUP}{row['dimension']}::{row['label']}"] = row["mean"]
    return table


def dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def differences(theirs: dict[str, Any], mine: dict[str, Any] | None, rank_column: str) -> list[str]:
    """What differs between one row of mteb's table and ours, in words."""
    model = theirs["Model"]
    if mine is None:
        return [f"{model} is missing"]
    found = []
    if theirs["Rank (Borda)"] != mine["borda_rank"]:
        found.append(f"{model}: Borda rank {theirs['Rank (Borda)']}, ours {mine['borda_rank']}")
    # Where the rank is of a mean, mteb numbers models without that mean after all others; ours have no rank.
    if mine["rank"] is not None and theirs[rank_column] != mine["rank"]:
        found.append(f"{model}: {rank_column} {theirs[rank_column]}, ours {mine['rank']}")
    for column, value in theirs.items():
        name = MEANS.get(column, column)
        compared = column in MEANS or column.startswith(GROUP) or (isinstance(value, float | None) and name in mine)
        if compared and not same(value, mine.get(name)):
            found.append(f"{model}: {column} {value}, ours {mine.get(name)}")
    return found


def same(left: float | None, right: float | None) -> bool:
    if left is None or right is None or math.isnan(left) or math.isnan(right):
        return missing(left) and missing(right)
    return abs(left - right) <= 1e-9


def missing(value: float | None) -> bool:
    return value is None or math.isnan(value)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("wanted", "boards", "rows"), [(_FEW, len(_FEW), 2_000), pytest.param((), 70, 10_000, marks=pytest.mark.soak)]
)
def test_every_table_of_mteb_agrees(
    record_reader: StoreReader,
    caplog: pytest.LogCaptureFixture,
    wanted: tuple[str, ...],
    boards: int,
    rows: int,
) -> None:
    import mteb

    caplog.set_level(logging.ERROR, "mteb")
    agreed, models, wrong = 0, 0, []
    benchmarks = [each for each in mteb.get_benchmarks() if each.name in wanted or not wanted]
    mine = ours(record_reader.cursor(), [benchmark.name for benchmark in benchmarks])
    with uncollected():
        for benchmark, table in tables(results_in(record_reader.cursor(), benchmarks), benchmarks):
            theirs = table.df.to_dicts()
            found = [
                f"{benchmark}: {difference}"
                for row in theirs
                for difference in differences(row, mine.get(benchmark, {}).get(row["Model"]), table.rank_col)
            ]
            agreed += not found
            models += len(theirs)
            wrong += found
    assert not wrong, "\n".join(wrong[:20])
    assert agreed >= boards
    assert models >= rows

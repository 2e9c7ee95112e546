"""Ranking on what is shared: no cell that was left out counts as a loss."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard.queries import leaderboard
from dashboard.queries.intervals import intervals
from dashboard.queries.leaderboard import Filter
from data.rules.bootstrap import AHEAD, BEHIND, FEW, TIED, paired_differences
from data.rules.overlap import most_shared
from data.store.database import open_reader
from tests.dashboard.gaps_store import BENCHMARK, BETTER, LOSER, TASKS, UNFINISHED
from tests.data.pairs import paired_difference


@pytest.fixture(scope="module")
def cursor(made_gaps):
    reader = open_reader(made_gaps)
    yield reader.cursor()
    reader.close()


def test_the_block_keeps_the_most_figures_and_has_no_gap() -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        there = rng.random((8, 6)) < rng.uniform(0.3, 0.95, size=6)
        models, tasks = most_shared(there)
        assert there[np.ix_(models, tasks)].all()
        order = np.argsort(-there.sum(axis=0), kind="stable")
        blocks = [(k + 1) * int(there[:, order[: k + 1]].all(axis=1).sum()) for k in range(6)]
        assert models.sum() * tasks.sum() == max(blocks)
    nobody, nothing = most_shared(np.zeros((3, 2), dtype=bool))
    assert not nobody.any() and not nothing.any()


def test_a_model_that_loses_on_the_shared_tasks_is_not_first(cursor) -> None:
    """Before, the model with more figures left came first though it loses wherever both have one."""
    taking = leaderboard.selected(cursor, BENCHMARK, Filter(trusted=True))
    board = leaderboard.table(cursor, BENCHMARK, taking).set_index("model")
    cells = cursor.execute("FROM board_cells(?, NULL, NULL, true)", [BENCHMARK]).df()
    wide = cells.pivot(index="model", columns="task", values="score")
    assert (wide.loc[BETTER] > wide.loc[LOSER]).sum() == wide.loc[BETTER].notna().sum(), "it wins on all they share"
    assert board.loc[BETTER, "rank"] == 1 and board.loc[LOSER, "rank"] > 1
    ranked = board[board["rank"].notna()]
    assert (ranked["tasks_missing"] == 0).all() and ranked["mean_task"].notna().all()
    assert board[board["rank"].isna()]["tasks_missing"].gt(0).all()
    shared = wide.loc[ranked.index, list(taking.tasks)]
    assert shared.notna().all(axis=None)
    assert set(taking.tasks) | set(taking.unshared) == {*TASKS, UNFINISHED}


def test_first_against_others_is_asked_of_what_both_have(cursor) -> None:
    found = intervals(cursor, BENCHMARK, draws=200)
    against = found.models.set_index("model")["against_first"]
    assert against[found.first] == "" and set(against) <= {"", "lacks", TIED, AHEAD, BEHIND, FEW}
    board = leaderboard.table(cursor, BENCHMARK, leaderboard.Selection()).set_index("model")
    lacking = board.index[board["tasks_missing"] > board.loc[found.first, "tasks_missing"]]
    assert len(lacking) and against[lacking].eq("lacks").all(), "a missing task proves nothing"


def test_one_rule_whoever_else_is_asked_about_and_in_any_order() -> None:
    rng = np.random.default_rng(1)
    scores = rng.normal(0.5, 0.05, size=(7, 24)) + np.linspace(0, 0.06, 7)[:, None]
    scores[3, 5:9] = np.nan
    weights = rng.uniform(0.5, 2, 24)
    for weighing in (None, weights):
        all_at_once = paired_differences(scores, 0, weights=weighing)
        order = rng.permutation(24)
        for row in range(1, 7):
            alone = paired_difference(scores[row], scores[0], weights=weighing)
            turned = paired_difference(
                scores[row, order], scores[0, order], weights=None if weighing is None else weighing[order]
            )
            assert alone == pytest.approx(all_at_once[row], abs=1e-12) and turned == pytest.approx(alone, abs=1e-9)
            assert alone.standing == all_at_once[row].standing == turned.standing
        assert all_at_once[3].tasks == 20 and all_at_once[0].standing == TIED


def test_standings_have_a_side_and_entries_of_one_task_are_drawn_together() -> None:
    rng = np.random.default_rng(2)
    low = rng.normal(0.5, 0.02, 30)
    assert paired_difference(low + 0.1, low + rng.normal(0, 0.01, 30)).standing == AHEAD
    assert paired_difference(low, low + 0.1 + rng.normal(0, 0.01, 30)).standing == BEHIND
    assert paired_difference(low[:5], low[:5] + 0.1).standing == FEW
    pairs = np.repeat(np.arange(15), 2)
    doubled = paired_difference(np.repeat(low[:15], 2), np.zeros(30), clusters=pairs)
    single = paired_difference(low[:15], np.zeros(15))
    assert doubled[:3] == pytest.approx(single[:3], abs=1e-12)


def test_the_board_opens_without_what_nobody_has_finished(cursor) -> None:
    taking = leaderboard.selected(cursor, BENCHMARK, Filter())
    assert taking.unfinished == (UNFINISHED,) and UNFINISHED not in taking.tasks and not taking.chosen()
    assert leaderboard.table(cursor, BENCHMARK, taking)["mean_task"].notna().any()
    own = leaderboard.selected(cursor, BENCHMARK, Filter(whole=True))
    assert own == leaderboard.Selection(), "mteb's own view is the store's own"
    assert leaderboard.table(cursor, BENCHMARK, own)["mean_task"].isna().all()
    assert intervals(cursor, BENCHMARK, draws=200).models["mean_low"].isna().all(), "no range of a mean that is not"


def test_a_model_that_lacks_tasks_and_does_better_is_named(cursor) -> None:
    found = intervals(cursor, BENCHMARK, None, TASKS, True, 200)
    (rival,) = [rival for rival in found.rivals if rival.model == BETTER]
    assert found.first == LOSER and (rival.better, rival.shared) == (7, 7)
    few = intervals(cursor, BENCHMARK, None, TASKS[5:], True, 200)
    assert few.first == LOSER and few.rivals == (), "two shared tasks are too few to say so"

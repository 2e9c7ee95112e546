"""One question has one answer, on whichever page it is asked and as it is written there.

Every page's queries and tables are asked the same about a sample of models and benchmarks; what two of them show is
compared, as numbers and as text.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from dashboard import formatting
from dashboard.queries import changes, compare, leaderboard, profile, use
from dashboard.queries import task as task_queries
from dashboard.queries.badges import badges
from dashboard.queries.intervals import intervals
from dashboard.queries.leaderboard import Filter, Selection
from dashboard.queries.question import Question
from dashboard.queries.training import training
from dashboard.sections.badges import badge_words
from dashboard.tables import changes as change_tables
from dashboard.tables import compare as compare_tables
from dashboard.tables import leaderboard as board_tables
from dashboard.tables import tasks as task_tables
from dashboard.tables import use as use_tables
from data.rules.licences import CLASSES
from data.store.database import open_reader
from data.store.errors import InputError
from tests.dashboard import choose_store, gaps_store


@pytest.fixture(scope="module", params=["gaps", "choose"])
def store(request, made_gaps, made_choice):
    """Cursor, benchmarks and models of two made stores: one of gaps and near ties, one of languages and floors."""
    if request.param == "gaps":
        path, names = made_gaps, gaps_store.MODELS
        benchmarks = [gaps_store.BENCHMARK, gaps_store.BY_TYPE]
    else:
        path, names = made_choice, [*choose_store.MODELS, choose_store.LATE]
        benchmarks = [choose_store.BENCHMARK]
    reader = open_reader(path)
    yield reader.cursor(), benchmarks, names
    reader.close()


def shown_board(cursor, name: str, taking: Selection) -> pd.DataFrame:
    """The leaderboard as its page shows it, by model."""
    board = leaderboard.table(cursor, name, taking, board_tables.fact_sources())
    board["zero_shot"] = board["model"].map(training(cursor, name, taking.filtered_tasks)["zero_shot"])
    board["private"] = False
    benchmark = leaderboard.benchmarks(cursor).set_index("benchmark").loc[name].to_dict()
    types = leaderboard.type_means(cursor, name, taking)
    return board_tables.board_table(board, benchmark, types=types).shown.set_index("Model")


def use_of(cursor, name: str) -> use.ShortList:
    return use.short_list(cursor, use.Use(name, coverage=0.0))


def two_decimals(value: float | None) -> str:
    """As a column of this format writes a number."""
    return "" if value is None or pd.isna(value) else f"{value:.2f}"


def test_against_the_first_is_the_same_on_leaderboard_compare_and_our_use(store) -> None:
    cursor, benchmarks, _ = store
    seen = set()
    for name, trusted in itertools.product(benchmarks, (False, True)):
        taking = leaderboard.selected(cursor, name, Filter(trusted=trusted))
        found = intervals(cursor, name, taking.models, taking.tasks, taking.trusted)
        tasks = taking.tasks if taking.unshared else ()
        for model, code in found.models.set_index("model")["against_first"].items():
            if code in ("", "lacks"):
                continue
            pair = (found.first, str(model))
            (row,) = compare.head_to_head(cursor, name, pair, pair[0], tasks, trusted).to_dict("records")
            assert row["standing"] == code, (name, model)
            seen.add(code)
    assert "behind" in seen and ("tied" in seen or gaps_store.BENCHMARK in benchmarks)


def test_our_use_and_compare_agree_when_the_weights_travel(store) -> None:
    cursor, benchmarks, _ = store
    for name in benchmarks:
        types = use.tasks_with_types(cursor, name)["type"].unique()
        domains = tuple((domain, 3.0) for domain in use.domains_of(cursor, name)[:1])
        languages = tuple((language, 1.0 + i) for i, language in enumerate(use.languages_of(cursor, name)[:2]))
        for asked in (
            use.Use(name, coverage=0.3),
            use.Use(name, tuple((kind, 1.0 + 3 * i) for i, kind in enumerate(types)), domains, coverage=0.3),
            use.Use(name, languages=languages, coverage=0.0),
        ):
            found = use.short_list(cursor, asked).ranked
            models = tuple(found["model"].head(4))
            question = Question.read(Question.of(asked).text())
            assert question == Question.of(asked)
            told = compare.head_to_head(cursor, name, models, models[0], (), False, question).set_index("model")
            use_table = use_tables.short_list_table(use.with_index(found, 1e6, "float32"), 5).shown.set_index("Model")
            compare_table = compare_tables.head_to_head_table(told.reset_index(), models[0]).shown.set_index("Model")
            for row in found[found["model"].isin(models[1:])].to_dict("records"):
                mine = told.loc[row["model"]]
                assert mine["standing"] == row["against_first"]
                assert mine["mean"] == pytest.approx(row["score"], abs=1e-12)
                assert two_decimals(compare_table.loc[row["model"], "Mean"]) == two_decimals(
                    use_table.loc[row["model"], "Score"]
                )
                behind = formatting.signed(found["score"].iloc[0] - row["score"]).lstrip("+")
                assert formatting.signed(mine["difference"]).lstrip("−") == behind.lstrip("−")


def test_means_of_all_pages_are_one_text(store) -> None:
    cursor, benchmarks, _ = store
    compared = 0
    for name in benchmarks:
        for taking in (leaderboard.selected(cursor, name, Filter()), Selection()):
            board = shown_board(cursor, name, taking)
            complete = tuple(board.index[board["Mean (Task)"].notna()])
            ranked = use_of(cursor, name).ranked
            weighed = use_tables.short_list_table(use.with_index(ranked, 1e6, "float32"), 5).shown.set_index("Model")
            for model in complete[:4]:
                pair = tuple(dict.fromkeys((model, complete[0])))
                wide = compare.shared_wide(compare.compared(cursor, name, pair), pair)
                by_type = compare_tables.types_table(wide, complete[0]).shown.set_index("Type")
                column = compare_tables.short_names(list(wide.columns))[model]
                assert two_decimals(board.loc[model, "Mean (Task)"]) == two_decimals(by_type.loc["All tasks", column])
                assert two_decimals(board.loc[model, "Mean (TaskType)"]) == two_decimals(weighed.loc[model, "Score"])
                for kind in set(by_type.index) - {"All tasks"}:
                    texts = {two_decimals(t) for t in (board.loc[model, kind], by_type.loc[kind, column])}
                    assert len(texts) == 1 and two_decimals(weighed.loc[model, kind]) in texts
                compared += 1
        moved = changes.moves(cursor, name, before=1, after=int(changes.imports(cursor)["import_id"].max()))
        own, shown = shown_board(cursor, name, Selection()), change_tables.moves_table(moved).shown.set_index("Model")
        for model in own.index:
            ranks = pd.Series([shown.loc[model, "Rank after"], own.loc[model, "Rank"]], dtype="Float64").fillna(-1)
            assert ranks.nunique() == 1
            assert two_decimals(shown.loc[model, "Mean after"]) == two_decimals(own.loc[model, "Mean (Task)"])
    assert compared >= 8


def test_a_score_of_a_task_is_one_text_on_every_page(store) -> None:
    cursor, benchmarks, names = store
    name, models = benchmarks[0], tuple(names[:2])
    sources = {model: leaderboard.score_sources(cursor, name, model).set_index("task")["score"] for model in models}
    profiles = {
        model: task_tables.profile_table(profile.tasks_against_peers(cursor, model, name)).shown.set_index("Task")[
            "Score"
        ]
        for model in models
    }
    wide = compare.shared_wide(compare.compared(cursor, name, models), models)
    beside = compare_tables.tasks_table(wide, pd.Series(dtype=float), models[0]).shown.set_index("Task")
    columns = compare_tables.short_names(models)
    for task in wide.index.get_level_values("task")[:4]:
        standings = task_tables.standings_table(task_queries.models_by_score(cursor, task, name)).shown.set_index(
            "Model"
        )["Score"]
        for model in models:
            numbers = (standings[model], profiles[model][task], beside.loc[task, columns[model]])
            assert {two_decimals(number) for number in numbers} == {formatting.score(sources[model][task])}, (
                task,
                model,
            )


def test_facts_are_one_text(store) -> None:
    cursor, benchmarks, names = store
    for name in benchmarks:
        board = shown_board(cursor, name, leaderboard.selected(cursor, name, Filter()))
        facts = compare.registry_facts(cursor, tuple(board.index), name)
        side_by_side = compare_tables.facts_table(facts).shown.set_index("Fact")
        columns = compare_tables.short_names(list(board.index))
        candidates = use.candidates(cursor, name).set_index("model")
        listed = use_tables.short_list_table(
            use.with_index(use_of(cursor, name).ranked, 1e6, "float32"), 5
        ).shown.set_index("Model")
        badge = badge_words(badges(cursor))
        for row in facts.to_dict("records"):
            model = row["model"]
            shown = side_by_side[columns[model]]
            zero_shot = board.loc[model, "Zero-shot"]
            assert shown["Zero-shot"] == ("" if pd.isna(zero_shot) else f"{zero_shot:.0f}%")
            assert candidates.loc[model, "zero_shot"] == zero_shot or pd.isna(zero_shot)
            if shown["Tasks trained on"]:
                seen, of = map(int, shown["Tasks trained on"].split(" of "))
                assert int(np.floor(100 - 100 * seen / of)) == zero_shot
                assert of == len(leaderboard.score_sources(cursor, name, model).dropna(subset=["type"]))
            assert shown["Licence"] == board.loc[model, "Licence"] == formatting.licence(row["licence"])
            assert shown["Parameters"] == formatting.parameters(board.loc[model, "Parameters"])
            assert model in badge.index or not badge.get(model, "")
            if model in listed.index:
                mine = listed.loc[model]
                assert (mine["Licence"], mine["Parameters"]) == (shown["Licence"], shown["Parameters"])
                assert pd.isna(zero_shot) == pd.isna(mine["Zero-shot"])
                assert pd.isna(zero_shot) or mine["Zero-shot"] == zero_shot


def test_a_licence_limit_keeps_the_same_models_on_both_pages(store) -> None:
    cursor, benchmarks, _ = store
    for name, code in itertools.product(benchmarks, CLASSES):
        board = leaderboard.selected(cursor, name, Filter(licences=(code,)))
        found = use.short_list(cursor, use.Use(name, limits=use.Limits(licences=(code,)), coverage=0.0))
        listed = set(found.ranked["model"]) | set(found.lacking["model"])
        on_board = set(leaderboard.table(cursor, name, Selection())["model"])
        assert set(board.models or ()) & on_board == listed and found.models == len(on_board)


@pytest.mark.parametrize("digits", [2, 1])
def test_rounding_does_not_hang_on_the_order_of_a_sum(digits: int) -> None:
    rng = np.random.default_rng(0)
    sums: list[Callable[[np.ndarray], float]] = [
        np.mean,
        lambda s: s[::-1].sum() / len(s),
        lambda s: float(sum(s)) / len(s),
    ]
    for _ in range(2000):
        scores = rng.integers(0, 10_000, size=rng.integers(2, 9)) / 10_000
        assert len({float(formatting.rounded(100 * how(scores), digits)) for how in sums}) == 1
    assert (
        formatting.score(0.10585)
        == formatting.score(0.105849999999999999)
        == formatting.score(np.nextafter(0.10585, 1))
        == "10.59"
    )
    assert (
        formatting.signed(-0.00005) == "−0.01"
        and formatting.signed(0.00005) == "+0.01"
        and formatting.signed(-0.00004) == "±0.00"
    )
    assert formatting.parameters(24_500_000) == "25M" and formatting.parameters(2_250_000_000) == "2.3B"


def test_weights_that_cannot_be_read_are_said() -> None:
    for text in ("type.STS=x", "type.STS=-1", "nothing=1", "type.STS=inf", "type.STS"):
        with pytest.raises(InputError):
            Question.read(text)
    odd = Question(types=(("A & B=%", 2.0),), tasks=(("Our [questions](x)", 0.0),), coverage=0.1)
    assert Question.read(odd.text()) == odd

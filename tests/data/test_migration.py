"""What a move takes, by hand."""

from __future__ import annotations

import json
import math

import pytest

from data.rules.migration import Work, mean_characters, move, tokens_per_second
from data.store.errors import InputError


def test_tokens_money_time_and_both_indexes() -> None:
    taken = move(1e6, 300, "float32", old_dimensions=3072, new_dimensions=1024, price=0.13, speed=1000)
    assert taken.tokens == 3e8 and taken.dollars == pytest.approx(39.0) and taken.seconds == 3e5
    assert (taken.old_bytes, taken.new_bytes, taken.both_bytes) == (12.288e9, 4.096e9, 16.384e9)
    assert move(10, 1, "binary", old_dimensions=100, new_dimensions=64).new_bytes == 80


def test_what_is_unknown_stays_unknown() -> None:
    taken = move(1e6, 300, "int8", old_dimensions=math.nan, new_dimensions=1024)
    assert math.isnan(taken.dollars) and math.isnan(taken.seconds) and math.isnan(taken.both_bytes)
    assert taken.new_bytes == 1.024e9
    assert math.isnan(move(1, 1, "int8", old_dimensions=1, new_dimensions=1, speed=0).seconds)
    with pytest.raises(InputError):
        move(1, 1, "float8", old_dimensions=1, new_dimensions=1)


def test_speed_is_of_all_tasks_together_and_stops_at_what_the_model_reads() -> None:
    work = [Work(100, 10, 400), Work(50, 40, 4000), Work(10, 0, 400), Work(10, 5, math.nan)]
    assert tokens_per_second(work) == (100 * 100 + 50 * 1000) / 50
    assert tokens_per_second(work, 512) == (100 * 100 + 50 * 512) / 50
    assert math.isnan(tokens_per_second([])) and math.isnan(tokens_per_second([Work(1, 1, math.nan)]))


def test_characters_of_a_text_are_mtebs() -> None:
    def of(total: int, mean: float) -> dict[str, float]:
        return {"total_text_length": total, "average_text_length": mean}

    statistics = {
        "test": {"queries_text_statistics": of(100, 10), "documents_text_statistics": of(900, 90), "number": 3},
        "train": {"text_statistics": of(5000, 500)},
        "odd": 7,
    }
    assert mean_characters(json.dumps(statistics), ["test"]) == 1000 / 20
    assert mean_characters(json.dumps(statistics), ["dev"]) == 6000 / 30
    assert mean_characters(json.dumps({"test": {"text1_statistics": of(8, 2)}})) == 2
    for nothing in (None, "", "{", "[]", "{}", json.dumps({"test": {"text_statistics": None}})):
        assert math.isnan(mean_characters(nothing, ["test"]))

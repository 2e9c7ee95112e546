from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from dashboard import formatting, words


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.nan])
@pytest.mark.parametrize(
    "write", [formatting.score, formatting.signed, formatting.parameters, formatting.bytes_text, formatting.day]
)
def test_missing_is_blank_not_zero(write, missing):
    assert write(missing) == ""


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (999, "999"), (22_713_216, "23M"), (1_543_000_000, "1.5B"), (999_960_000, "1B"), (7_567_295_488, "7.6B"),
     (27_008_663_808, "27B"), (1_000, "1K")],
)  # fmt: skip
def test_parameters(n, text):
    assert formatting.parameters(n) == text


def test_scores_are_points_and_differences_carry_their_sign():
    assert formatting.score(0.701234) == "70.12"
    assert formatting.in_points(0.5) == 50
    assert (formatting.signed(0.012), formatting.signed(-0.012), formatting.signed(1e-9)) == ("+1.20", "−1.20", "±0.00")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.234e-5, "1.2e-5"),
        (0.034, "0.034"),
        (0, "0"),
        (-2e-12, "−2e-12"),
        (3e15, "3e+15"),
        (123, "120"),
        (-1e6, "−1000000"),
        (None, ""),
    ],
)
def test_small_numbers_are_written_one_way(value: float | None, text: str) -> None:
    assert formatting.small(value) == text


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_sentence_writes_its_fractions_as_all_do(language: str) -> None:
    template = "{measure} of {n:,} encoders: medians from {low:.3g} ({lowest}) to {high:.3g} ({highest})."
    values = {"measure": "x-1e-05", "n": -3, "low": -1.5e-7, "lowest": "a-b", "high": np.float32(2e-5), "highest": "c"}
    with words.in_language(language):
        text = words.tr(template, **values)
    for part in ("x-1e-05", "-3", "−1.5e-7", "a-b", "2e-5"):  # names and counts stay as they are
        assert part in text, text


def test_what_is_counted_beside_the_first_number_is_no_plural_either() -> None:
    one, many = "{n} of its {all} figures is another one", "{n} of its {all} figures are others"
    assert words.tr_n(1, one, many, all=1) == "1 of its 1 figure is another one"
    assert words.tr_n(2, one, many, all=3) == "2 of its 3 figures are others"


def test_bytes_days_and_counts():
    assert (formatting.bytes_text(1_536_000_000), formatting.bytes_text(512), formatting.bytes_text(4e13)) == (
        "1.5 GB",
        "512 B",
        "40 TB",
    )
    assert formatting.day(date(2026, 11, 21)) == "2026-11-21"
    assert (formatting.count(1, "task"), formatting.count(1234, "task"), formatting.count(2, "match", "matches")) == (
        "1 task", "1,234 tasks", "2 matches",
    )  # fmt: skip


def test_plain_escapes_every_mark_of_markdown_and_keeps_the_characters():
    text = "<b>[x](y) *a* _b_ `c` $d$ :red[e] #f ~g~ |h| \\i !j"
    escaped = formatting.plain(text)
    assert escaped.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text
    assert all(escaped[i - 1] == "\\" for i, c in enumerate(escaped) if c in "<[]`$:*_#~|!(")


@pytest.mark.parametrize(
    ("template", "values", "said"),
    [
        ("on {k} tasks, which", {"k": 1}, "on 1 task, which"),
        ("on {k} tasks, which", {"k": np.int64(11)}, "on 11 tasks, which"),
        ("{n:,} of {k:,} tasks do not hold", {"n": 1, "k": 1}, "1 of 1 task does not hold"),
        ("{n:,} of {k:,} tasks do not hold", {"n": 1, "k": 1_001}, "1 of 1,001 tasks do not hold"),
        ("{n} other models lack {m} cells", {"n": 1, "m": 0}, "1 other model lacks 0 cells"),
        ("{points:.1f} points of {n:.0f} tokens", {"points": 1.0, "n": 1.2}, "1.0 points of 1 token"),
    ],
)
def test_one_of_what_is_counted_is_no_plural(template: str, values: dict[str, object], said: str) -> None:
    assert str(words.phrase(template, **values)) == said
    assert words.tr(template, **values) == said

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from dashboard import words


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.nan])
@pytest.mark.parametrize("write", [words.score, words.signed, words.parameters, words.bytes_, words.day])
def test_missing_is_blank_not_zero(write, missing):
    assert write(missing) == ""


@pytest.mark.parametrize(
    ("n", "text"),
    [(0, "0"), (999, "999"), (22_713_216, "23M"), (1_543_000_000, "1.5B"), (999_960_000, "1B"), (7_567_295_488, "7.6B"),
     (27_008_663_808, "27B"), (1_000, "1K")],
)  # fmt: skip
def test_parameters(n, text):
    assert words.parameters(n) == text


def test_scores_are_points_and_differences_carry_their_sign():
    assert words.score(0.701234) == "70.12"
    assert words.points(0.5) == 50
    assert (words.signed(0.012), words.signed(-0.012), words.signed(1e-9)) == ("+1.20", "−1.20", "±0.00")


def test_bytes_days_and_counts():
    assert (words.bytes_(1_536_000_000), words.bytes_(512), words.bytes_(4e13)) == ("1.5 GB", "512 B", "40 TB")
    assert words.day(date(2026, 11, 21)) == "2026-11-21"
    assert (words.count(1, "task"), words.count(1234, "task"), words.count(2, "match", "matches")) == (
        "1 task", "1,234 tasks", "2 matches",
    )  # fmt: skip


def test_plain_escapes_every_mark_of_markdown_and_keeps_the_characters():
    text = "<b>[x](y) *a* _b_ `c` $d$ :red[e] #f ~g~ |h| \\i !j"
    escaped = words.plain(text)
    assert escaped.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == text
    assert all(escaped[i - 1] == "\\" for i, c in enumerate(escaped) if c in "<[]`$:*_#~|!(")

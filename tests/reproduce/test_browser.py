"""The whole path: the shipped test set through a model, into the store, onto the pages of a served dashboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.reproduce.conftest import Run, rows
from tests.serving import served


@pytest.mark.soak  # the two pages have their tests on made runs, the runs theirs in test_run.py and test_setups.py
@pytest.mark.browser
def test_two_runs_of_the_shipped_set_stand_side_by_side(
    run: Run, tiny: Path, store: Path, tmp_path: Path, open_page
) -> None:
    sets = {"own": ("pairs", "intents", "questions"), "asked": {"known_as": "acme/tiny"}}
    first, _ = run(tiny, **sets)
    second, _ = run(tiny, **sets | {"asked": {"known_as": "acme/tiny", "max_seq_length": 4}})
    [(first_score,), (second_score,)] = rows(
        store,
        """SELECT main_score FROM results JOIN scores USING (result_id) WHERE task = 'SamplePairs'
           ORDER BY run_id = ?""",
        second.run_id,
    )
    assert first_score != second_score
    with served(store, tmp_path / "page.log") as address:
        page = open_page(f"{address}/reproduction?compare=Run+against+run", width=1400, height=2200)
        expect(page.get_by_text("SamplePairs").first).to_be_visible()
        expect(page.get_by_text("SampleQuestions").first).to_be_visible()
        page.close()  # before the server ends, which an open page would report
        page = open_page(f"{address}/runs?run={second.run_id}&other={first.run_id}", width=1400, height=2200)
        expect(page.get_by_text(re.compile(r"2 of \d+ entries differ")).first).to_be_visible()  # asked for, and in use
        page.close()

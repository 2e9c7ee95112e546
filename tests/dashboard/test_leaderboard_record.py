"""The published record on the page: figures anybody can look up on MTEB's own board."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from playwright.sync_api import expect

from data.store.database import open_reader
from tests.dashboard.grid import cells, grid

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    "dark", [pytest.param(False, id="light"), pytest.param(True, marks=pytest.mark.soak, id="dark")]
)
def test_a_known_rank_and_mean_on_english(record_dashboard, record_store, open_page, dark):
    page = open_page(
        f"{record_dashboard}/?benchmark=MTEB%28eng%2C+v2%29&name=gemini-embedding-001", dark=dark, width=1600
    )
    table = grid(page)
    assert cells(table, "Model") == ["google/gemini-embedding-001"]
    assert cells(table, "Mean (Task)") == ["73.3"]  # 73.30 as published
    rank = "SELECT rank FROM leaderboard WHERE benchmark = 'MTEB(eng, v2)' AND model = 'google/gemini-embedding-001'"
    assert cells(table, "Rank") == [str(open_reader(record_store).cursor().execute(rank).fetchone()[0])]


@pytest.mark.soak
def test_a_known_rank_and_score_on_multilingual(record_dashboard, record_store, open_page):
    page = open_page(f"{record_dashboard}/?benchmark=MTEB%28Multilingual%2C+v2%29&name=Qwen3-Embedding-8B", width=1900)
    table = grid(page)
    place = cells(table, "Model").index("Qwen/Qwen3-Embedding-8B")
    assert float(cells(table, "Classification")[place]) == 74.00
    assert float(cells(table, "Clustering")[place]) == 57.65
    rank = (
        "SELECT rank FROM leaderboard WHERE benchmark = 'MTEB(Multilingual, v2)' AND model = 'Qwen/Qwen3-Embedding-8B'"
    )
    assert cells(table, "Rank")[place] == str(open_reader(record_store).cursor().execute(rank).fetchone()[0])


def test_a_link_with_filters_and_its_csv(record_dashboard, record_store, open_page):
    link = f"{record_dashboard}/?benchmark=MTEB%28eng%2C+v2%29&size=0&size=1B&weights=Open&type=Retrieval"
    page = open_page(link, width=1600)
    expect(page.get_by_text(re.compile(r"Best of \d+ models on 10 tasks"))).to_be_visible()
    grid(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    csv = pd.read_csv(io.StringIO(download.value.path().read_text(encoding="utf-8")))
    cursor = open_reader(record_store).cursor()
    models = cursor.execute("SELECT list(model) FROM models WHERE open_weights AND n_parameters <= 1e9").fetchone()[0]
    tasks = cursor.execute(
        "SELECT list(task) FROM benchmark_tasks JOIN tasks USING (task)"
        " WHERE benchmark = 'MTEB(eng, v2)' AND type = 'Retrieval'"
    ).fetchone()[0]
    ranking = cursor.execute(
        "SELECT model, rank, mean_task FROM ranking('MTEB(eng, v2)', ?, ?, false)", [models, tasks]
    ).df()
    both = csv.merge(ranking, left_on="Model", right_on="model", validate="1:1")
    assert len(both) == len(csv) == len(ranking) > 100
    assert (both["Rank"] == both["rank"]).all()
    assert ((both["Mean (Task)"] - 100 * both["mean_task"]).abs().fillna(0) <= 0.005 + 1e-9).all()
    assert both["Mean (Task)"].isna().equals(both["mean_task"].isna())

"""Own tasks and private models stand on every page beside the public ones, and are marked there."""

from __future__ import annotations

import io
import shutil
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.queries import names
from data.store.database import open_reader, writing
from tests.dashboard.opened import on
from tests.make_parity import NEWEST, Made, add_check, made_texts, synthetic
from tests.make_store import PRIVATE_MODEL, PRIVATE_TASK, TASKS, add_private

PUBLIC = "org/model-00"
FOLDER = "/models/mine"


@pytest.fixture(scope="module")
def path(made_store, tmp_path_factory):
    path = Path(shutil.copy(made_store, tmp_path_factory.mktemp("private")))
    add_private(path)
    sides = [Made("ours", synthetic(4), settings={"model": FOLDER, "revision": None}),
             Made("theirs", synthetic(4), "identical", "Same.", {"batch_size": 8})]  # fmt: skip
    with writing(path) as connection:
        add_check(connection, made_texts(4), sides, started=NEWEST)
    return path


@pytest.fixture(autouse=True)
def store(monkeypatch, path):
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))


def badges(at: AppTest) -> str:
    """What stands behind the lock, with no mark-up left in it; each such line says what it means."""
    lines = [element for element in at.markdown if ":gray-badge[:material/lock: private]" in element.value]
    assert all("Known only from this machine" in element.help for element in lines)
    return " ".join(element.value for element in lines).replace("\\", "")


def table(at: AppTest, *columns: str) -> pd.DataFrame:
    return next(d.value for d in at.dataframe if set(columns) <= set(d.value.columns))


def test_what_is_private(path):
    with closing(open_reader(path)) as reader:
        found = names.private(reader.cursor())
    assert found.models == {PRIVATE_MODEL, FOLDER} and found.tasks == {PRIVATE_TASK}


def test_what_is_published_is_private_no_longer(made_store, tmp_path):
    path = Path(shutil.copy(made_store, tmp_path))
    add_private(path)
    with writing(path) as connection:
        connection.execute("UPDATE results SET origin = 'official' WHERE run_id = 'run-1'")
    with closing(open_reader(path)) as reader:
        assert names.private(reader.cursor()) == (frozenset(), frozenset())


def test_the_leaderboard_has_a_private_model_beside_the_public(path):
    board = table(on("leaderboard", benchmark="Tiny(all)"), "Evidence").set_index("Model")
    assert list(board.loc[PRIVATE_MODEL, "Evidence"]) == ["private", "own run"]
    assert not any("private" in row for row in board["Evidence"].drop(PRIVATE_MODEL))
    at = on("leaderboard", benchmark="Tiny(all)", model=PRIVATE_MODEL)
    assert PRIVATE_MODEL in badges(at) and ":blue-badge[private]" in " ".join(e.value for e in at.markdown)


def test_own_tasks_are_a_benchmark(path):
    at = on("leaderboard", benchmark="Own tasks", model=PUBLIC)
    board = table(at, "Evidence").set_index("Model")
    assert board["Mean (Task)"].to_dict() == {PUBLIC: 70.0, PRIVATE_MODEL: 40.0}  # the later run counts
    assert table(at, "Measure")[["Task", "Private"]].values.tolist() == [[PRIVATE_TASK, "task"]]


def test_a_page_without_anything_private_has_no_mark():
    at = on("leaderboard", benchmark="Tiny(all)", model=PUBLIC)
    assert badges(at) == "" and "Private" not in table(at, "Measure")


def test_compare():
    at = on("compare", c_benchmark="Hand-picked tasks", c_models=[PUBLIC, PRIVATE_MODEL], c_tasks=[PRIVATE_TASK])
    assert PRIVATE_MODEL in badges(at) and PRIVATE_TASK in badges(at)
    assert table(at, "Wins")["Private"].tolist() == ["model"]
    assert table(at, "Noise")["Private"].tolist() == ["task"]
    facts = table(at, "Fact", "model-00").set_index("Fact")
    assert "private" in facts.loc["Standing"].tolist() and facts.loc["Standing", "model-00"] == ""


def test_tasks():
    at = on("tasks", t_task=PRIVATE_TASK)
    assert PRIVATE_TASK in badges(at)
    assert table(at, "Place", "Cells")[["Model", "Private"]].values.tolist() == [[PUBLIC, ""], [PRIVATE_MODEL, "model"]]
    assert PRIVATE_MODEL in badges(on("tasks", t_task="TinySTS", t_open=PRIVATE_MODEL))


def test_models():
    at = on("models", m_model=PRIVATE_MODEL, m_benchmark="Own tasks")
    assert PRIVATE_MODEL in badges(at)
    assert table(at, "Percentile")["Private"].tolist() == ["task"]
    assert "Private" not in table(on("models", m_model=PRIVATE_MODEL, m_benchmark="Tiny(all)"), "Percentile")


def test_our_use():
    at = on("use")
    ranked = table(at, "Tied with first").set_index("Model")
    assert ranked.loc[PRIVATE_MODEL, "Private"] == "model" and ranked.loc[PUBLIC, "Private"] == ""


def test_reproduction():
    asked = {"compare": "Run against run", "part": "Table", "row": f"{PRIVATE_MODEL} · run-1 → run-2"}
    at = on("reproduction", **asked, task=PRIVATE_TASK)
    assert PRIVATE_MODEL in badges(at) and PRIVATE_TASK in badges(at)
    shown = table(at, "Verdict", "Difference").set_index("Task")["Private"]
    assert shown.to_dict() == {**dict.fromkeys(TASKS, "model"), PRIVATE_TASK: "model, task"}
    drawn = on("reproduction", compare="Run against run").get("plotly_chart")[0].proto.spec
    assert "(private)" in drawn


def test_the_csv_of_the_reproduction_page_says_it(path):
    from dashboard.queries import reproduction
    from dashboard.tables import deltas as deltas_tables
    from data.rules.deltas import Thresholds

    with closing(open_reader(path)) as reader:
        frame = reproduction.judged(reader.cursor(), "runs", Thresholds())
    read = pd.read_csv(io.BytesIO(deltas_tables.deltas_csv(frame.assign(private=frame["task"]))))
    assert len(read) == 5 and read["private"].tolist() == read["task"].tolist()


def test_drift_and_runs():
    assert FOLDER in badges(on("drift"))
    at = on("runs", run="run-2")
    assert PRIVATE_MODEL in badges(at)
    listed = table(at, "Private", "Run").set_index("Run")["Private"].to_dict()
    assert listed == {"run-1": "model", "run-2": "model", "run-3": "", "run-check-1": "model"}


def test_what_changed():
    assert table(on("changes"), "Scores", "Private")["Model"].tolist() == [PRIVATE_MODEL]

"""PLAN.toml: the example of docs/fleet.md is one, and what is wrong in one is said with line, key and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from data.store.errors import InputError
from evaluators.fleet.plan import FleetPrices, Patience, PlannedBudget, Resources, read_plan
from evaluators.reproduce.budget_asked import BudgetKind
from tests.serving import ROOT

SMALL = 'storage = "results"\ntasks = ["STS12"]\n[[models]]\nmodel = "a/b"\n'


def written(folder: Path, text: str) -> Path:
    file = folder / "PLAN.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_of_the_docs(tmp_path: Path) -> None:
    example, budgets = re.findall(
        r"```toml\n(.*?)```", (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8"), re.DOTALL
    )
    plan = read_plan(written(tmp_path, example))
    assert (plan.plan_id, plan.storage) == ("small-models-june", "s3://team-results/fleet")
    assert plan.choice.tasks == ("STS12", "ArguAna", "Banking77Classification")
    assert plan.limits == Patience(3, 15, 90) and plan.prices == FleetPrices(0.05, 2.5, "USD")
    small, full, half, ours = plan.setups
    assert small.request.revision == "614241f622f53c4eeff9890bdc4f31cfecc418b3" and small.batch_size == 32
    assert [setup.request.dtype for setup in (full, half)] == ["float32", "bfloat16"]
    assert full.batch_size == half.batch_size == 64 and half.request.max_seq_length == 256
    assert full.key != half.key and half.label == "BAAI/bge-base-en-v1.5, dtype bfloat16, max_seq_length 256"
    assert ours.request.model == str(tmp_path / "models" / "ours") and ours.request.known_as == "our-team/ours-v3"
    assert ours.request.prompts == {"query": "query: ", "document": "passage: "}
    assert ours.resources == Resources(None, 1.0, 24000, 4)
    usual, own = (setup.budget for setup in read_plan(written(tmp_path, 'storage = "x"\n' + budgets)).setups)
    assert usual and (usual.budget, usual.claim, usual.compare_to) == ("5%", None, "official")
    assert own and (own.budget, own.claim) == ("12 tasks", "65.2")


def test_paths_begin_at_the_plan(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, SMALL.replace('tasks = ["STS12"]', 'own = ["./data"]\ndatasets = "hub"')))
    assert plan.storage == str(tmp_path / "results") and plan.plan_id == "plan"
    assert plan.choice.own == (str(tmp_path / "data"),) and plan.datasets == str(tmp_path / "hub")
    assert plan.limits == Patience() and plan.setups[0].request.model == "a/b"


@pytest.mark.parametrize(
    ("change", "line", "key", "words"),
    [
        (("tasks =", "taks ="), 0, "tasks", "Nothing says what to run"),
        (('"a/b"', '"a/b"\nrevison = "x"'), 5, "models[1].revison", "Is it revision?"),
        (('"a/b"', '"a/b"\n[[models]]\nmodel = "c/d"\nbatch_size = 0'), 7, "models[2].batch_size", "1 or more"),
        (('"a/b"', '"a/b"\nmax_seq_length = "long"'), 5, "models[1].max_seq_length", "no number"),
        (('"a/b"', '"a/b"\ntrust = ["a/b@main"]'), 5, "models[1].trust", "commit"),
        (('"a/b"', '"a/b"\nloader = "mine"'), 5, "models[1].loader", "mteb, library"),
        (('"a/b"', '"a/b"\nanyway = 1'), 5, "models[1].anyway", "true"),
        (('"a/b"', '"a/b"\n[[models]]\nmodel = "a/b"'), 6, "models[2].model", "twice"),
        (('model = "a/b"', ""), 3, "models[1].model", "no name"),
        (("[[models]]", "[limits]\ndead_after = 5\n[[models]]"), 4, "limits.dead_after", "3 heartbeats"),
        (("[[models]]", "[resources]\ncpu = 5\n[[models]]"), 4, "resources.cpu", "Is it cpus?"),
        (('storage = "results"', ""), 1, "storage", "where results go"),
        (('["STS12"]', "7"), 2, "tasks", "list of texts"),
        (('"a/b"', '"a/b"\nclaim = 65.2'), 5, "models[1].claim", "goes with a budget"),
        (("tasks =", 'budget = "5%"\ntasks ='), 2, "budget", "Name one in benchmarks"),
        (('tasks = ["STS12"]', 'benchmarks = ["B"]\nbudget = "5 apples"'), 3, "budget", "8 tasks"),
        (('tasks = ["STS12"]', 'benchmarks = ["B"]\nbudget = "5%"\nclaim = 3'), 4, "claim", "one model's"),
        (('"a/b"', '"a/b"\nbudget = "smoke"\nclaim = 3'), 6, "models[1].claim", "no mean"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_key(
    tmp_path: Path, change: tuple[str, str], line: int, key: str, words: str
) -> None:
    with pytest.raises(InputError) as raised:
        read_plan(written(tmp_path, SMALL.replace(*change)))
    assert words in str(raised.value) and raised.value.remedy
    assert raised.value.where.endswith(f": {key}")
    assert not line or f", line {line}:" in raised.value.where


def test_a_budget_is_every_models_unless_it_says_another(tmp_path: Path) -> None:
    text = SMALL.replace('tasks = ["STS12"]', 'benchmarks = ["B"]\nbudget = "5%"\ncompare_to = "reported"')
    text += '[[models]]\nmodel = "c/d"\nbudget = "8 tasks"\nclaim = 65.2\ngo_on = true\n'
    usual, own = (setup.budget for setup in read_plan(written(tmp_path, text)).setups)
    assert usual == PlannedBudget("5%", BudgetKind.SHARE, None, False, "reported")
    assert own == PlannedBudget("8 tasks", BudgetKind.TASKS, "65.2", True, "reported")


def test_what_is_no_toml_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1"):
        read_plan(written(tmp_path, "storage = s3://bucket"))
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(tmp_path / "none.toml")

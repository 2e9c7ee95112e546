"""What sets runs apart, in words: which run one is laid beside, and what is said of it."""

from __future__ import annotations

import json

import duckdb
import pandas as pd

from data.rules.setups import SetUp, best, named_runs, set_up_differences, setups

FACTS = {"dtype": "float32", "pooling": "mean", "max_seq_length": "256", "weights": "aaaa1111", "prompts": "none"}


def set_up(run: str, model: str = "org/model", asked: tuple[str, ...] = (), **facts: str) -> SetUp:
    return SetUp(run, model, FACTS | facts, frozenset(asked))


def judged(**verdicts: list[str]) -> pd.DataFrame:
    lines = [(run, verdict) for run, its in verdicts.items() for verdict in its]
    return pd.DataFrame(
        [
            {"check_run": run, "verdict": verdict, "delta": 0.0, "comparable": verdict != "not comparable"}
            for run, verdict in lines
        ]
    )


def test_a_run_is_laid_beside_the_one_that_holds_on_most() -> None:
    first, cut, other = set_up("first", pooling="cls"), set_up("cut", max_seq_length="32"), set_up("x", "org/other")
    known = {each.run_id: each for each in (first, cut, other)}
    published = judged(first=["gap", "gap"], cut=["match", "drift", "not comparable"], x=["match"] * 9)
    found = named_runs(known, published, [("row 1", "first", ""), ("row 2", "cut", ""), ("row 3", "gone", "")])
    assert set(found) == {"row 1", "row 2"}
    assert found["row 1"].differs == "pooling cls instead of mean, 256 tokens instead of 32"
    assert found["row 1"].cause is None  # two differ
    assert found["row 1"].short == "pooling cls, 256 tokens" and found["row 1"].beside == "cut"
    assert str(found["row 1"].advice).endswith("only these differ from the run of cut, which holds on all 2 cells")
    assert found["row 2"] == found["row 2"]._replace(label="", differs="", beside="", advice=None)


def test_where_nothing_is_published_the_first_run_is_the_measure() -> None:
    runs = [set_up("one"), set_up("two", dtype="bfloat16")]
    assert best(runs[0], runs, {}) is None
    assert best(runs[1], runs, {}) == runs[0]


def test_a_run_alone_is_named_by_what_was_asked_for() -> None:
    alone = set_up("one", asked=("dtype", "tasks"), dtype="bfloat16")
    found = named_runs({"one": alone}, judged(one=["gap"]), [("row", "one", "")])["row"]
    assert (found.differs, found.beside, found.advice, found.cause) == ("bfloat16", "", None, "bf16-arithmetic")


def test_lesser_facts_are_named_only_where_nothing_else_differs() -> None:
    old, new = set_up("one", torch="2.12"), set_up("two", torch="2.13")
    pair = [("row", "two", "one")]
    nothing = judged(one=["match"], two=["match"])
    known = {"one": old, "two": new}
    assert named_runs(known, nothing, pair)["row"].differs == "torch 2.13 instead of 2.12"
    both = known | {"two": set_up("two", torch="2.13", prompts="“query: ”")}
    found = named_runs(both, nothing, pair)["row"]
    assert found.differs == "prompt “query: ” instead of none"
    assert "only this and its torch differ between the two runs" in str(found.advice)


def test_what_one_side_does_not_know_differs_from_nothing() -> None:
    served = SetUp("one", "org/model", {"encoder": "openai"}, frozenset())
    assert set_up_differences(served, set_up("two")) == []


def test_one_thing_under_two_names_is_one_thing() -> None:
    """A run on mteb's loader and one through the encoder of a parity check record the same in words of their own."""
    by_mteb = {"dtype": "float32", "encoder": "mteb.models.SentenceTransformerEncoderWrapper"}
    by_spec = {"dtype": "fp32", "encoder": "sentence-transformers", "pooling": "cls"}
    cursor = duckdb.connect()
    cursor.execute("CREATE TABLE runs (run_id TEXT, kind TEXT, model TEXT, settings JSON, environment JSON, files JSON,"
                   " warnings JSON, started_at TIMESTAMP)")  # fmt: skip
    for run, used in (("one", by_mteb | {"modules": ["Pooling(mean)"]}), ("two", by_spec)):
        cursor.execute(
            "INSERT INTO runs VALUES (?, 'reproduce', 'org/model', ?, '{}', '[]', '[]', now()::TIMESTAMP)",
            [run, json.dumps({"in_use": used})],
        )
    known = setups(cursor)
    assert [each.words for each in set_up_differences(known["two"], known["one"])] == ["pooling cls instead of mean"]

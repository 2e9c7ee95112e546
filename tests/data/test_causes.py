"""The catalogue of causes: whole, of one vocabulary, and what every speaker finds in it."""

from __future__ import annotations

import ast
import re

import pytest

from data.rules.causes import CAUSES, FAMILIES, OF_FINDING, RECIPE_SLOTS, cause_of_setting, joined, words_of
from data.rules.causes.alike import either, first_alike
from data.rules.setups import SetUp, set_up_differences
from data.store.vocabulary import Slot
from tests.serving import ROOT

CATALOGUE = ROOT / "data" / "rules" / "causes"


@pytest.mark.parametrize("code", CAUSES)
def test_an_entry_says_all_that_is_asked_of_it(code: str) -> None:
    cause = CAUSES[code]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9_]+)*", code)
    assert cause.family in FAMILIES
    assert cause.effect.endswith(".") and cause.remedy and cause.words
    assert "{" not in words_of(code) or "{how}" in cause.words
    # What is tried changes a vector, and so stands in a slot that vectors are made in.
    assert not cause.acts or cause.slot in RECIPE_SLOTS


def test_nobody_has_words_of_another() -> None:
    words = [cause.words for cause in CAUSES.values()]
    assert len(words) == len(set(words))
    assert not CAUSES.keys() & FAMILIES.keys()


def test_findings_that_are_causes_are_those_of_preflight() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "evaluators" / "preflight").glob("*.py"))
    assert [code for code in OF_FINDING if f'"{code}"' not in source] == []
    assert set(OF_FINDING.values()) <= CAUSES.keys() | FAMILIES.keys()


def test_the_migration_knows_codes_of_the_catalogue_alone() -> None:
    script = (ROOT / "data" / "store" / "migrations" / "03.sql").read_text(encoding="utf-8")
    codes = re.findall(r"^    \('.*', '([a-z0-9_-]+)', (?:NULL|'\w+'), (?:NULL|'\w+')\)[,;]$", script, re.MULTILINE)
    assert len(codes) > 70 and set(codes) <= CAUSES.keys()


def test_a_setting_in_which_two_runs_differ_is_a_cause() -> None:
    sides = [SetUp(name, "m", facts, frozenset()) for name, facts in (
        ("ours", {"pooling": "cls", "dtype": "bfloat16", "prompts": "none", "max_seq_length": "32", "torch": "2.13"}),
        ("theirs", {"pooling": "mean", "dtype": "float32", "prompts": "x", "max_seq_length": "256", "torch": "2.12"}),
    )]  # fmt: skip
    causes = {each.name: each.cause for each in set_up_differences(*sides)}
    assert causes == {
        "pooling": "pooling-cls", "dtype": "bf16-arithmetic", "prompts": "prompt-missing",
        "max_seq_length": "max-length", "torch": None,
    }  # fmt: skip
    assert cause_of_setting("pooling", "attention") == "pooling"  # of a value that is no entry's


def test_blanks_are_filled_and_kept() -> None:
    cut = CAUSES["max-length"].filled({"length": 32, "declared": 256})
    assert (cut.words, cut.remedy) == ("texts cut at 32 tokens", "Set the maximum length to 256 tokens.")
    assert cut.snippet == "model.max_seq_length = 32" and cut.blanks == {"length": 32}
    assert cut == CAUSES["max-length"].filled({"length": 32, "declared": 512}) != CAUSES["max-length"]
    both = joined([cut, CAUSES["pooling-cls"]])
    assert (both.code, both.words) == ("max-length + pooling-cls", "texts cut at 32 tokens + CLS pooling")


def test_the_catalogue_needs_no_model_library() -> None:
    for path in CATALOGUE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                own = ("data.", "collections", "dataclasses", "functools", "typing", "urllib.parse", "__")
                assert str(node.module).startswith(own)


def test_slots_are_in_the_order_a_text_passes_them() -> None:
    assert [*RECIPE_SLOTS, Slot.SCORE] == list(Slot)
    assert {cause.slot for cause in CAUSES.values()} == set(Slot)


@pytest.mark.parametrize(
    ("many", "said"),
    [
        (0, "a"),
        (1, "a (or b0)"),
        (4, "a (or b0, or b1, or b2, or b3)"),  # "one of 1 others" would be longer than its name
        (5, "a (or b0, or b1, or b2, or one of 2 others)"),
        (30, "a (or b0, or b1, or b2, or one of 27 others)"),
    ],
)
def test_of_causes_alike_a_sentence_names_the_first(many: int, said: str) -> None:
    alike = [f"b{i}" for i in range(many)]
    assert either("a", alike) == said
    assert either("a", alike, whole=True).count("b") == many
    named, more = first_alike(alike)
    assert len(named) + more == many and more != 1

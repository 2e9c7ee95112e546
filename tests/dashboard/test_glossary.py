"""Every word of ours that pages use has an entry, in both languages, and its rule stands where the entry says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.glossary import TERMS
from dashboard.words import LANGUAGES
from data.store.vocabulary import COLUMNS
from tests.dashboard.opened import on
from tests.dashboard.test_languages import SOURCES, catalogues, texts_of
from tests.dashboard.test_page_dialect import listed
from tests.serving import ROOT

# Words that are ours or MTEB's, as pages write them, and the entry that says what they mean.
OURS = {
    "cells?": "Cell", "Borda": "Borda rank", r"Mean \(Task\)": "Mean (Task)", r"Mean \(TaskType\)": "Mean (TaskType)",
    "noise floors?": "Noise floor", "zero-shot": "Zero-shot", "drifts?": "Drift", "parity": "Parity",
    "probes?": "Probe", "encoders?": "Encoder", "official runs?": "Official run", "reported": "Reported figure",
    "own runs?": "Own run", "claims?": "Claim", "checks?": "Check", "match": "Match", "gaps?": "Gap",
    "broken": "Broken", "not comparable": "Not comparable", "contradicted": "Contradicted", "splits?": "Split",
    "subsets?": "Subset", "revisions?": "Revision", "main score": "Main score", "findings?": "Finding",
    "fatal": "Severity", "causes?": "Cause", "rank range": "Rank range", "tied": "Tied", "shared tasks": "Shared tasks",
    "private": "Private", "baseline": "Baseline", "incumbent": "Incumbent", "preflights?": "Preflight",
    "references?": "Reference", "unstable": "Unstable", "peers": "Peers", "robust": "Robust", "points": "Points",
    "benchmarks?": "Benchmark", "outdated": "Outdated", "imports?": "Import", "record": "Record",
    "licence": "Licence class",
    "predicted means?": "Predicted mean",
    "diagnos[ei]s": "Cause", "candidates?": "Reference", "badge": "Badge", "today's data": "Strict",
    "budgets?": "Budget", "famil(?:y|ies)": "Family",
}  # fmt: skip


def test_every_word_of_ours_that_is_used_has_an_entry() -> None:
    names = [term.name for term in TERMS]
    assert len(names) == len(set(names))
    others = [path for path in SOURCES if path.name != "glossary.py"]
    texts = {text for path in others for text in texts_of(ast.parse(path.read_text("utf-8")))}
    texts |= {str(word) for words in COLUMNS.values() for each in words for word in each}  # said by formatting.word
    for word, name in OURS.items():
        assert name in names, name
        # Commands and their help speak of probes, where pages say texts.
        assert name == "Probe" or any(re.search(rf"(?<!\w){word}(?!\w)", text, re.I) for text in texts), (
            f"no page says {word}"
        )
    assert set(OURS.values()) >= set(names) - {"Task"}, "no entry for what nobody says"


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != "en"])
def test_entries_are_there_in_every_language(code: str) -> None:
    there = {text: other for _, texts in catalogues(code) for text, other in texts.items()}
    assert not [text for term in TERMS for text in (term.name, term.meaning) if not there.get(text)]
    said = [there[term.name] for term in TERMS]
    assert len(said) == len(set(said)), "two terms with one name"


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_an_entry_is_short_and_its_rule_stands_where_it_says(term) -> None:
    file, heading = term.rule
    assert re.search(rf"^#+ {re.escape(heading)}$", (ROOT / file).read_text("utf-8"), re.M), term.rule
    assert 1 <= len(re.findall(r"[.](?= |$)", term.meaning)) <= 4 and len(term.meaning) < 200
    assert set(term.pages) <= set(listed())


def test_the_glossary_is_on_every_page_and_drawn_when_it_is_opened(made_store: Path, monkeypatch) -> None:
    monkeypatch.setenv("PLUMBLINE_STORE", str(made_store))
    for page in listed():
        at = on(page)
        (popover,) = [each for each in at.get("popover") if "Glossary" in each.proto.popover.label]
        assert not popover.children, page


FRAGMENT = """
import streamlit as st
from dashboard import url_state
from dashboard.sections import glossary
from dashboard.url_state import Page
url_state.start_rerun("drift", Page("drift", "Drift", "", "d"), [Page("drift", "Drift", "", "d")])
glossary._show_terms("drift")
"""


def test_terms_of_the_open_page_come_first_and_a_part_of_a_word_finds_them() -> None:
    at = AppTest.from_string(FRAGMENT).run()
    here, others = (element.value for element in at.markdown)
    assert "On this page" in here and "**Encoder**" in here and "**Borda rank**" in others
    at.text_input(key="glossary_find").set_value("borda").run()
    assert [element.value.count("**") for element in at.markdown] == [2]
    at.text_input(key="glossary_find").set_value("<b>").run()
    assert not at.markdown and "No term has" in at.caption[0].value

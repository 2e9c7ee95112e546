"""From the command to the page: a model of trained numbers, checked by the real command, read on the real page."""

from __future__ import annotations

import json

import pytest

from tests.commands import command
from tests.dashboard.test_drift_page import page, said
from tests.models import small_minilm
from tests.once import once

pytestmark = pytest.mark.slow

TEXTS = ["A child flies a red kite.", "  Spaces at both ends.  ", "cat", "one two three four five " * 20, "x = f(y)"]


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS), encoding="utf-8")
    model = once(tmp_path_factory, "small-minilm", small_minilm)
    spec = f"sentence-transformers:{model}?model=all-MiniLM-L6-v2"
    candidates = [
        "&dtype=bf16&label=half",
        "&max_length=16&label=short",
        "&normalise=no&label=scaled",
        "&pooling=cls&label=cls",
    ]
    words = ["parity", "--reference", f"{spec}&label=reference"]
    for candidate in candidates:
        words += ["--candidate", spec + candidate]
    ended = command(*words, "--probes", folder / "texts.jsonl", "--store", folder / "store.duckdb")
    assert ended.status == 0, ended.err
    return folder / "store.duckdb"


def test_verdicts_of_the_command_stand_on_the_page(monkeypatch, checked):
    at = page(monkeypatch, checked)
    same, catch, other = (at.markdown[i].value for i in (2, 4, 6))
    assert "**half**" in same and "**scaled**" in catch and "**short**" in catch and "**cls**" in other


def test_tokens_settings_and_the_chain_are_the_models_own(monkeypatch, checked):
    at = page(monkeypatch, checked, encoder="short", probe="texts-4", drift_view="length")
    assert "The first difference is at place 16" in said(at)
    assert "Other tokens on 1 of 5 texts" in said(at) and "byte for byte" in said(at)
    at = page(monkeypatch, checked, encoder="short", beside="settings")
    settings = next(frame.value for frame in at.dataframe if "Setting" in frame.value)
    assert settings.loc[settings[""].map(len) > 0, "Setting"].tolist() == ["max_length"]


def test_the_run_can_be_made_again(monkeypatch, checked):
    at = page(monkeypatch, checked, "runs")
    assert at.code[0].value.startswith("python -m evaluators parity --reference")


def test_a_length_that_both_are_cut_at_is_named_once(monkeypatch, checked):
    def limits(encoder: str) -> list[str]:
        drawn = page(monkeypatch, checked, encoder=encoder, drift_view="length").get("plotly_chart")[0].proto.spec
        return [note["text"] for note in json.loads(drawn)["layout"]["annotations"] if "limit" in note["text"]]

    assert limits("half") == ["limit of both"]
    assert limits("short") == ["limit of reference", "limit of short"]

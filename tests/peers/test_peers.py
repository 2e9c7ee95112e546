"""Real frameworks in environments of their own (``make peers``), each against sentence-transformers in this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.probes import load_probes
from tests.parity.conftest import checked, verdicts
from tests.peers.cases import CASES, Case
from tests.peers.places import hosted, peer
from tests.peers.report import row, told
from tests.small_models import byte_level, minilm

pytestmark = pytest.mark.peers


def environment(name: str) -> None:
    try:
        peer(name)
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("case", CASES, ids=[f"{case.environment}: {case.peer}, {case.what}" for case in CASES])
def test_each_set_up_is_named(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    environment(case.environment)
    said = told(case)
    with capsys.disabled():
        print(f"\n{row(case, said)}")
    assert said.missing(case) == [], said


def test_infinity_serves_the_same_vectors() -> None:
    environment("infinity")
    with CASES[0].opened() as line:
        done = checked(f"sentence-transformers:{minilm()}", [f"{line}&label=infinity"])
    served = done.candidates[0]
    assert verdicts(done) == {"infinity": "identical"}, served.comparisons[0].verdict.sentence
    assert {outcome.test: outcome.outcome for outcome in served.protocol}["order"] == "pass"


def test_bce_embedding_behind_a_command(tmp_path: Path) -> None:
    environment("bce")
    reference = f"sentence-transformers:{minilm()}?pooling=cls&max_length=512"
    done = checked(reference, [f"{hosted('bce', 'bce', minilm())}?label=bce"])
    bce = done.candidates[0]
    assert verdicts(done) == {"bce": "identical"}, bce.comparisons[0].verdict.sentence
    assert bce.description.versions["BCEmbedding"] == "0.1.5"
    assert bce.description.versions["transformers"] == "4.36.2"


def test_langchain_on_an_older_library_changes_white_space(tmp_path: Path) -> None:
    """sentence-transformers 5.3 still strips texts, and this LangChain makes spaces of new lines; ours does neither."""
    environment("langchain")
    model = byte_level(tmp_path / "model")
    spec = f"{hosted('langchain', 'langchain', model)}?label=langchain"
    ours = f"sentence-transformers:{model}"
    found = checked(ours, [spec], load_probes()).candidates[0]
    assert found.comparisons[0].verdict.verdict == "differs on some texts"
    assert "exactly those with the trait outer-space or inner-newline" in found.comparisons[0].verdict.sentence
    assert found.description.versions["sentence-transformers"] == "5.3.0"
    stripped = checked(f"{ours}?strip=yes", [spec], load_probes()).candidates[0].comparisons[0]
    assert "exactly those with the trait inner-newline" in stripped.verdict.sentence

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evaluators.preflight import preflight
from tests.models import copy_of, minilm_folder, small_minilm
from tests.preflight.faults import FAULTS
from tests.preflight.kinds import KINDS
from tests.preflight.number_faults import NUMBER_FAULTS
from tests.preflight.pipelines import NUMBERS, PIPELINES
from tests.preflight.tokenizer_faults import TOKENIZER_FAULTS

# Put into the real model as well, one of each tier; the others in the soak.
_AS_IT_IS = {
    "config.json cut", "auto_map with a known type, not trusted", "a declared Dense module absent",
    "one tensor deleted", "a vocabulary of other words", "pooling switched to CLS",
}  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MiniLM in small: each look at it takes a third of the time."""
    return small_minilm(tmp_path_factory.mktemp("small") / "model")


def _is_found_and_named(fault: str, folder: Path) -> None:
    inject, code = FAULTS[fault]
    inject(folder)
    findings = preflight(str(folder))
    assert code in [finding.code for finding in findings], [(f.code, f.seen) for f in findings]
    named = next(finding for finding in findings if finding.code == code)
    assert named.seen and named.why and named.remedy


def test_the_small_model_has_no_findings(small: Path) -> None:
    assert preflight(str(small)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_found_and_named(fault: str, small: Path, tmp_path: Path) -> None:
    _is_found_and_named(fault, Path(shutil.copytree(small, tmp_path / "model")))


@pytest.mark.parametrize(
    "fault", [fault if fault in _AS_IT_IS else pytest.param(fault, marks=pytest.mark.soak) for fault in FAULTS]
)
def test_the_fault_is_found_and_named_in_minilm_itself(fault: str, tmp_path: Path) -> None:
    _is_found_and_named(fault, copy_of(minilm_folder(), tmp_path / "model"))


def test_the_documented_tables_are_the_tested_ones() -> None:
    page = Path("docs/preflight.md").read_text(encoding="utf-8")
    kinds = {name: (codes[0],) for name, (_, codes) in KINDS.items() if codes}
    tables = (FAULTS, PIPELINES, NUMBERS, kinds, NUMBER_FAULTS, TOKENIZER_FAULTS)
    tested = [(fault, kept[-1]) for table in tables for fault, kept in table.items()]
    missing = [fault for fault, code in tested if f"| {fault} | `{code}` |" not in page]
    assert missing == []
    assert page.count("` |\n") == len(tested)

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.preflight import preflight
from tests.models import copy_of, minilm_folder
from tests.preflight.faults import FAULTS
from tests.preflight.kinds import KINDS
from tests.preflight.number_faults import NUMBER_FAULTS
from tests.preflight.pipelines import NUMBERS, PIPELINES
from tests.preflight.tokenizer_faults import TOKENIZER_FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_the_fault_is_found_and_named(fault: str, tmp_path: Path) -> None:
    inject, code = FAULTS[fault]
    folder = copy_of(minilm_folder(), tmp_path / "model")
    inject(folder)
    findings = preflight(str(folder))
    assert code in [finding.code for finding in findings], [(f.code, f.seen) for f in findings]
    named = next(finding for finding in findings if finding.code == code)
    assert named.seen and named.why and named.remedy


def test_the_documented_tables_are_the_tested_ones() -> None:
    page = Path("docs/preflight.md").read_text(encoding="utf-8")
    kinds = {name: (codes[0],) for name, (_, codes) in KINDS.items() if codes}
    tables = (FAULTS, PIPELINES, NUMBERS, kinds, NUMBER_FAULTS, TOKENIZER_FAULTS)
    tested = [(fault, kept[-1]) for table in tables for fault, kept in table.items()]
    missing = [fault for fault, code in tested if f"| {fault} | `{code}` |" not in page]
    assert missing == []
    assert page.count("` |\n") == len(tested)

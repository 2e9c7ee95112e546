"""The faults of ``python -m tests.mutants`` have their place in the code, so that none of them is planted nowhere."""

from __future__ import annotations

import pytest

from tests.mutants import FAULTS, ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.file}-{place}" for place, fault in enumerate(FAULTS)])
def test_a_fault_has_one_place_and_tests(fault) -> None:
    assert (ROOT / fault.file).read_text(encoding="utf-8").count(fault.right) == 1
    assert fault.right != fault.wrong and fault.tests
    assert all((ROOT / place).exists() for place in fault.tests.split())


def test_there_are_faults_in_every_part() -> None:
    parts = {"/".join(fault.file.split("/")[:2]) for fault in FAULTS}
    assert len(FAULTS) >= 40
    assert parts >= {
        "data/store", "data/rules", "evaluators/results", "evaluators/official", "evaluators/reproduce",
        "evaluators/encoders", "evaluators/parity", "evaluators/preflight", "evaluators/trust",
        "evaluators/model_files", "evaluators/diagnose", "dashboard/queries", "dashboard/tables",
    }  # fmt: skip

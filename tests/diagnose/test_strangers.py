"""Of a drift that no cause explains something true is said, and nothing that is not so."""

from __future__ import annotations

import pytest

from tests.diagnose.strangers import STRANGERS
from tests.diagnose.strangers_report import described_alone, main

# Of texts, of traits and of vectors one each; all of them in the soak.
_FEW = ("lines joined by bars", "noise by text", "dimensions lost", "a third of another model")


@pytest.mark.slow
@pytest.mark.parametrize("name", _FEW)
def test_what_is_said_of_a_stranger_is_so(name: str) -> None:
    (stranger,) = [one for one in STRANGERS if one.name == name]
    judgement, wrong, _ = described_alone(stranger)
    assert (judgement, wrong) == ("DESCRIBED", [])


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_no_stranger_is_called_by_a_wrong_name_and_nine_of_ten_are_described() -> None:
    count = main()
    assert count["WRONG"] == 0 and count["DESCRIBED"] >= 0.9 * sum(count.values()) and sum(count.values()) >= 20

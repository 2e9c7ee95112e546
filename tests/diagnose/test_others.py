"""What a check says of encoders made by others, held against what is true of each: of a few, of all in the soak."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from evaluators.probes import ProbeSet, load_probes
from tests.diagnose import others
from tests.diagnose.others import ENCODERS
from tests.diagnose.others_frozen import FROZEN
from tests.diagnose.others_report import Asker, judged, looked_at
from tests.models import small_minilm

# One with nothing wrong, one whose answers vary by chance, and one whose answers are another text's.
_FEW = ("honest", "gaussian noise of 0.01", "the previous vector")


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """Asks for the short probes alone, of encoders over MiniLM in small: the whole takes a minute."""
    folder = small_minilm(tmp_path_factory.mktemp("small") / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(others, "minilm_folder", lambda: folder)
        patch.setattr(others, "WIDTH", 64)
        others._parts.cache_clear()
        yield Asker(probes=ProbeSet("short", tuple(probe for probe in load_probes().core if len(probe.text) <= 120)))
    others._parts.cache_clear()


@pytest.mark.parametrize("name", _FEW)
def test_what_is_true_is_said_and_nothing_else(name: str, asker: Asker) -> None:
    (one,) = (encoder for encoder in ENCODERS if encoder.name == name)
    found = judged(one, *asker(one))
    assert (found.judgement, found.wrong) == ("DESCRIBED", ())


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_all_of_the_first_set_are_described() -> None:
    assert looked_at(ENCODERS, Asker()) == {"DESCRIBED": len(ENCODERS)}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_of_the_frozen_set_no_more_are_told_wrongly_than_is_documented() -> None:
    counts = looked_at(FROZEN, Asker())
    assert counts["WRONG"] <= 6 and counts["DESCRIBED"] >= 14

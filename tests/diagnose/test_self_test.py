from __future__ import annotations

import pytest

from evaluators.diagnose.answer import Bench
from evaluators.diagnose.selftest import run_self_test


@pytest.mark.slow
def test_a_sample_of_the_self_test_on_the_decoder(decoder: Bench) -> None:
    single, pairs, noisy, withheld = run_self_test(decoder, pairs=6, withheld=6, progress=lambda line: None)
    assert single.share(single.right) >= 0.95, single.missed
    assert pairs.right >= pairs.asked - 1, pairs.missed
    assert noisy.partly >= noisy.asked - 1, noisy.missed
    assert withheld.right >= withheld.asked - 1, withheld.missed

"""What few texts showed to be the cause, held against all of them."""

from __future__ import annotations

import numpy as np
import pytest

from data.rules.causes import CAUSES, Cause
from evaluators.diagnose.match import Match
from evaluators.diagnose.measure import Errors
from evaluators.diagnose.narrow import borne_out
from evaluators.diagnose.recipe import Recipe

_ALL, _FEW = 64, 18
_COARSE, _TOKENS = (CAUSES[code] for code in ("int8-by-row", "tokenizer-llama-cpp"))


def _match(causes: tuple[Cause, ...], errors: Errors) -> Match:
    return Match(causes, Recipe(), errors, np.zeros((len(errors), 2), dtype=np.float32))


def _errors(count: int, *, noise: float, others: float, texts: int) -> Errors:
    """Rounding on every text, and more on the last few."""
    errors = np.full(count, noise)
    errors[count - texts :] = others
    return errors


@pytest.mark.parametrize(("others", "named"), [(0.02, 2), (0.5, 1)])
def test_a_cause_of_few_texts_stays_with_one_of_all(others: float, named: int) -> None:
    """llama.cpp's Q8_0 beside its tokenizer, which moves two texts of 64 by more than the rounding does."""
    both = (_COARSE, _TOKENS)
    few = _match(both, _errors(_FEW, noise=0.02, others=0.02, texts=2))
    plain = _match((), _errors(_ALL, noise=0.04, others=0.8, texts=2))
    rounds = _match((_COARSE,), _errors(_ALL, noise=0.02, others=0.7, texts=2))
    exact = _match(both, _errors(_ALL, noise=0.02, others=others, texts=2))
    ranked = borne_out([plain, rounds, exact], few)
    assert len(ranked[0].causes) == named
    assert ranked[-1] is plain


def test_a_cause_that_the_few_did_not_show_costs_what_it_costs() -> None:
    few = _match((_COARSE,), _errors(_FEW, noise=0.02, others=0.02, texts=2))
    rounds = _match((_COARSE,), _errors(_ALL, noise=0.02, others=0.7, texts=2))
    more = _match((_COARSE, _TOKENS), _errors(_ALL, noise=0.02, others=0.1, texts=2))
    assert borne_out([more, rounds], few)[0] is rounds

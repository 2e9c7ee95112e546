"""One pair of models, as the tests ask about it."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.rules.bootstrap import PairedDifference, paired_differences
from data.rules.ranking import Matrix


def paired_difference(a: Matrix, b: Matrix, **options: Any) -> PairedDifference:
    """Mean of ``a - b`` over the tasks both have."""
    return paired_differences(np.vstack([b, a]), 0, **options)[1]

"""Of which kinds a model is the best, said of each model once."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from data.rules.licences import ALLOWED, licence_of

__all__ = ["best_by_place", "commercial"]


def commercial(models: pd.DataFrame) -> pd.Series:
    """Whether each has open weights and a licence that allows commercial use."""
    texts = models["licence"]
    allowed = [text for text in texts.unique() if licence_of(text).code == ALLOWED]  # few texts, many models
    return texts.isin(allowed) & models["open_weights"].eq(True).fillna(False).astype(bool)


def best_by_place(kinds: Mapping[str, pd.Series]) -> dict[int, list[str]]:
    """The kinds of which the row at each place is the first, in their order; rows that are none are left out.

    ``kinds`` say of each row, the best first, whether it is of the kind; missing is no.
    """
    best: dict[int, list[str]] = {}
    for kind, among in kinds.items():
        places = among.fillna(False).to_numpy(dtype=bool).nonzero()[0]
        if len(places):
            best.setdefault(int(places[0]), []).append(kind)
    return best

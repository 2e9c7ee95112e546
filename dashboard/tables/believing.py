"""Whether models can be believed, as a table: one row a model."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from dashboard.tables.columns import DIFFERENCE, TEXT, WHOLE, Column, Table
from dashboard.words import tr
from data.rules.believing import Belief

__all__ = ["beliefs_table"]

_COLUMNS = (
    Column("Model", "model", width=280),
    Column("Verdict", "said", TEXT, "What all that was compared of the model comes to.", 190, sort="order"),
    Column("Suspect", "side", TEXT, "The side to look at first; blank where nothing is wrong or nothing tells.", 120),
    Column("Hold", "held", WHOLE, "Tasks on which the two figures agree.", 60),
    Column("Of", "compared", WHOLE, "Tasks on which two figures can be compared.", 60),
    Column(
        "Typical", "typical", DIFFERENCE,
        "Median difference of the tasks that do not hold, in points: what was run minus what is claimed.", 80,
    ),
    Column("Why", "why", width=560),
)  # fmt: skip


def beliefs_table(beliefs: Sequence[Belief]) -> Table:
    """The verdicts in the order given, which is the one to look at first first."""
    return Table.of(
        _COLUMNS,
        pd.DataFrame(
            {
                "model": [one.model for one in beliefs],
                "said": [tr(one.verdict) for one in beliefs],
                "order": range(len(beliefs)),
                "side": [tr(one.suspect) for one in beliefs],
                "held": [one.held for one in beliefs],
                "compared": [one.compared for one in beliefs],
                "typical": pd.Series([one.typical for one in beliefs], dtype="float64"),
                "why": [" ".join(map(tr, one.why)) for one in beliefs],
            }
        ),
    )

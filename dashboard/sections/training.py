"""What is said beside marks of training overlap: of whom nobody said what it was trained on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.formatting import plain
from dashboard.words import listed, tr

__all__ = ["show_untold_training"]


def show_untold_training(overlap: pd.DataFrame, *, where: Any = st) -> None:
    """One quiet line that names the models without any marks because nobody stated their training.

    ``overlap`` is as :func:`dashboard.queries.training.overlap` has it.
    """
    unknown = [plain(model) for model in overlap.index[overlap.isna().all(axis=1)]]
    if unknown:
        where.caption(tr("Nobody said what {models} was trained on.", models=listed(unknown)))

"""A figure on a page: drawn as wide as there is room, with what it shows in words for who cannot see it."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import streamlit as st

from dashboard.figures import theme as theme_figures

__all__ = ["show_chart"]


# Widths in px that style.css keeps for figures that need more than a phone has.
_PHONE, _STEPS = 340, (400, 480, 640, 800, 1000, 1300)


def show_chart(figure: go.Figure, *, key: str, where: Any = st, **more: Any) -> None:
    """A figure of ``dashboard/figures``.

    Args:
        figure: with a title and an alternative text (:func:`dashboard.figures.theme.styled`).
        key: of the element; the selection of one that can be clicked is in the session under it.
        where: a container.
        **more: as for ``st.plotly_chart``.
    """
    least = theme_figures.least_of(figure)
    if least > _PHONE:
        # On a narrower screen the figure keeps this width, and is moved sideways.
        step = next((step for step in _STEPS if step >= least), _STEPS[-1])
        where = where.container(key=f"wide{step}_{key}")
    where.plotly_chart(figure, key=key, alt=theme_figures.alt_of(figure) or None, **more)

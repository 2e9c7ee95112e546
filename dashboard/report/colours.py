"""The dashboard's colours on paper and in a file: those of ``.streamlit/config.toml``, light and dark."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["as_css", "as_data"]

_CONFIG = Path(__file__).resolve().parents[2] / ".streamlit" / "config.toml"
_NAMES = {
    "paper": "backgroundColor", "soft": "secondaryBackgroundColor", "ink": "textColor", "accent": "primaryColor",
    "blue": "blueTextColor", "orange": "orangeTextColor", "red": "redTextColor", "muted": "grayTextColor",
}  # fmt: skip
# What the dashboard leaves to Streamlit: lines, and colours that only badges have.
_OTHERS = {
    "light": {"line": "#d8dbe0", "green": "#177233", "violet": "#583f84"},
    "dark": {"line": "#3a404a", "green": "#5ce488", "violet": "#b27eff"},
}
# Streamlit's own scales, for a figure that names no other (frontend/lib/src/theme).
_SEQUENTIAL = (
    "#e4f5ff", "#c7ebff", "#a6dcff", "#83c9ff", "#60b4ff", "#3d9df3", "#1c83e1", "#0068c9", "#0054a3", "#004280",
)  # fmt: skip
_DIVERGING = (
    "#7d353b", "#bd4043", "#ff4b4b", "#ff8c8c", "#ffc7c7", "#a6dcff", "#60b4ff", "#1c83e1", "#0054a3", "#004280",
)  # fmt: skip


@cache
def as_data() -> dict[str, Any]:
    """Colours by name, light and dark, and those of categories and amounts, for figures."""
    theme = tomllib.loads(_CONFIG.read_text("utf-8"))["theme"]
    sides = {
        side: {name: str(theme[side][key]) for name, key in _NAMES.items()} | _OTHERS[side]
        for side in ("light", "dark")
    }
    scales = {"sequential": list(_SEQUENTIAL), "diverging": list(_DIVERGING)}
    return sides | scales | {"categorical": [str(colour) for colour in theme["chartCategoricalColors"]]}


def as_css() -> str:
    """The colours as CSS variables: light, dark where the reader's system or the page says so, light on paper."""
    light, dark = (
        "".join(f"--{name}: {colour}; " for name, colour in as_data()[side].items()) for side in ("light", "dark")
    )
    return (
        f":root {{ {light}}}\n"
        f'@media screen {{ :root[data-theme="dark"] {{ {dark}}} }}\n'
        f"@media screen and (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ {dark}}} }}\n"
    )

"""The column of a progress bar that rich has none of: how many texts or files a second."""

from __future__ import annotations

from rich.progress import ProgressColumn, Task
from rich.text import Text

__all__ = ["Rate"]


class Rate(ProgressColumn):
    """Units a second of a task that was added with its field ``unit``; nothing for one without."""

    def render(self, task: Task) -> Text:
        """As in '1,234 texts/s'."""
        unit = task.fields.get("unit")
        return Text(f"{task.speed:,.0f} {unit}/s" if unit and task.speed else "")

"""How long the tasks will take: published evaluation times, scaled by what this machine was measured to do.

mteb's statistics say how many characters a task has. A few texts through the model give characters a second, and so
the time of every task that has statistics. Where a task has none, its published time is used, scaled by the ratio
between measured and published of those that have both.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any, NamedTuple

from data.store.database import reading
from data.store.errors import StoreMissingError
from evaluators.reproduce.tasks import parts_of

__all__ = ["Estimate", "characters", "duration", "estimates", "published_seconds", "throughput"]

# A short paragraph's worth; real tasks have texts from a few words to pages, and the mean is what counts here.
_SAMPLE = (
    "A plumb line shows whether a wall stands upright: a weight on a string, and the eye does the rest. "
    "Whoever builds without one finds out later, when the door no longer closes and nobody remembers which course "
    "of bricks was the first to lean."
)


class Estimate(NamedTuple):
    """Seconds one task will take, None when nothing is known of it."""

    task: str
    seconds: float | None


def estimates(
    tasks: list[tuple[str, float | None]], characters_per_second: float, published: dict[str, float]
) -> list[Estimate]:
    """Seconds for each task.

    Args:
        tasks: (name, characters or None).
        characters_per_second: as measured here.
        published: seconds by task, on whatever machine it was.
    """
    measured = {name: count / characters_per_second for name, count in tasks if count}
    both = [measured[name] / published[name] for name in measured if published.get(name)]
    scale = median(both) if both else 1.0
    return [
        Estimate(name, measured[name] if name in measured else published[name] * scale if name in published else None)
        for name, _ in tasks
    ]


def throughput(encoder: Any, task: Any, batch_size: int) -> float:
    """Characters a second through ``encoder``, from four texts after one to warm up: a twentieth of a second's work."""
    from datasets import Dataset
    from torch.utils.data import DataLoader

    task_arguments = {
        "task_metadata": task.metadata,
        "hf_split": "test",
        "hf_subset": "default",
        "show_progress_bar": False,
    }
    for count in (1, 4):
        texts = [_SAMPLE[: 60 + 56 * i] for i in range(count)]
        loader = DataLoader(Dataset.from_dict({"text": texts}), batch_size=batch_size)
        began = monotonic()
        encoder.encode(loader, batch_size=batch_size, **task_arguments)
        seconds = monotonic() - began
    return sum(map(len, texts)) / max(seconds, 1e-6)


def characters(task: Any, longest: float) -> float | None:
    """Characters in the splits the task is run on, from mteb's statistics; None where there are none.

    Args:
        task: one of mteb's.
        longest: characters the model reads of a text; what is beyond costs nothing.
    """
    total = 0.0
    for part in parts_of(task):
        if (counted := getattr(part, "own_characters", None)) is not None:
            total += counted
            continue
        statistics = part.metadata.descriptive_stats
        if not statistics:
            return None
        total += sum(_count(split, longest) for name, split in statistics.items() if name in part.eval_splits)
    return total or None


def _count(statistics: dict[str, Any], longest: float) -> float:
    """Characters of one split; of a multilingual task the whole, not its subsets again."""
    texts = [part for key, part in statistics.items() if key.endswith("text_statistics") or key in _PAIRS]
    total = 0.0
    for part in filter(None, texts):
        length = part.get("average_text_length") or 0
        total += part.get("total_text_length", 0) * min(1.0, longest / length if length else 1.0)
    return total or float(statistics.get("number_of_characters") or 0)


_PAIRS = ("text1_statistics", "text2_statistics", "sentence1_statistics", "sentence2_statistics")


def published_seconds(model: str, tasks: list[str], store: Path | None = None) -> dict[str, float]:
    """Published evaluation times of these tasks: the model's own where there is one, else the median of all."""
    try:
        with reading(store) as cursor:
            return dict(cursor.execute(_PUBLISHED, {"model": model, "tasks": tasks}).fetchall())
    except StoreMissingError:
        return {}


_PUBLISHED = """
SELECT task, coalesce(median(evaluation_time) FILTER (model = $model), median(evaluation_time))
FROM results
WHERE origin = 'official' AND evaluation_time > 0 AND list_contains($tasks, task) AND gone_in IS NULL
GROUP BY task
"""


def duration(seconds: float | None) -> str:
    """'8 s', '3 min', '2.5 h'."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

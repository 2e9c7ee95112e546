"""Tables of the compare page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.formatting import count, day, licence, parameters, points, shown_in_points, signed
from data.rules.bootstrap import AHEAD, BEHIND, FEW, TIED

__all__ = ["ALL_TASKS", "DELTA", "by_task", "by_type", "facts", "head_to_head", "short_names"]

DELTA = "Δ "
ALL_TASKS = "All tasks"


def short_names(models: Sequence[str]) -> dict[str, str]:
    """Names without their organisation, where that leaves them apart."""
    short = {model: model.rsplit("/", 1)[-1] for model in models}
    seen = list(short.values())
    return {model: name if seen.count(name) == 1 else model for model, name in short.items()}


def facts(frame: pd.DataFrame) -> pd.DataFrame:
    """One row a fact, one column a model, all as text; what nobody said is blank."""
    names = short_names(list(frame["model"]))
    columns = {names[row["model"]]: _facts_of(row) for row in frame.to_dict("records")}
    return pd.DataFrame(columns).rename_axis("Fact").reset_index()


def _facts_of(row: dict[Any, Any]) -> dict[str, str]:
    languages, options = _listed(row["languages"]), _listed(row["dimension_options"])
    trained = "" if pd.isna(row["trained_on"]) else f"{row['trained_on']:.0f} of {row['judged']:.0f}"
    return {
        "Standing": "private" if row.get("private") else "",
        "Parameters": parameters(row["n_parameters"]),
        "Active parameters": parameters(row["n_active_parameters"]),
        "Memory": "" if pd.isna(row["memory_mb"]) else f"{row['memory_mb']:,.0f} MB",
        "Dimensions": "" if pd.isna(row["dimensions"]) else f"{row['dimensions']:.0f}",
        "Can be cut to": ", ".join(sorted({f"{d:.0f}" for d in options}, key=int)) if len(options) > 1 else "",
        "Max tokens": "" if pd.isna(row["max_tokens"]) else f"{row['max_tokens']:,.0f}",
        "Licence": licence(row["licence"]),
        "Licence as stated": _said(row["licence"]),
        "Weights": {True: "open", False: "closed"}.get(row["open_weights"], ""),
        "Released": day(row["release_date"]),
        "Languages": count(len(languages), "language") if languages else "",
        "Instructions": {True: "uses them", False: "no"}.get(row["use_instructions"], ""),
        "Trained on these tasks": trained,
        "Zero-shot": "" if pd.isna(row["zero_shot"]) else f"{row['zero_shot']:.0f} %",
        "Its published figures": f"{_said(row['badge'])}: {row['why']}" if _said(row.get("badge")) else "",
    }


def head_to_head(frame: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Wins, losses, ties and the mean difference, with what they say in words."""
    rows = []
    for row in frame.to_dict("records"):
        rows.append(
            {
                "Model": row["model"],
                "Mean": points(row["mean"]),
                "Difference": points(row["difference"]),
                "95 % interval": "" if pd.isna(row["low"]) else f"{signed(row['low'])} to {signed(row['high'])}",
                "Wins": row["wins"],
                "Losses": row["losses"],
                "Ties": row["ties"],
                "What the tasks say": _verdict(row, baseline),
            }
        )
    return pd.DataFrame(rows)


def _verdict(row: dict[Any, Any], baseline: str) -> str:
    name = short_names([baseline])[baseline]
    if not row["tasks"]:
        return "no shared task"
    return {
        FEW: f"too few shared tasks to tell ({row['tasks']})",
        TIED: f"cannot be told apart from {name}",
        AHEAD: f"better than {name}",
        BEHIND: f"worse than {name}",
    }[row["standing"]]


def by_task(wide: pd.DataFrame, floors: pd.Series, baseline: str) -> pd.DataFrame:
    """Scores in points and signed differences to the baseline, the biggest difference first.

    Args:
        wide: index (type, task), a column a model, 0-1.
        floors: by task, 0-1, NaN where unknown.
        baseline: one of the columns.
    """
    names = short_names(list(wide.columns))
    shown = wide.reset_index()[["task", "type"]].rename(columns={"task": "Task", "type": "Type"})
    shown[names[baseline]] = (100 * wide[baseline]).to_numpy()
    differences = wide.drop(columns=baseline).sub(wide[baseline], axis=0)
    for model in map(str, differences.columns):
        shown[names[model]] = (100 * wide[model]).to_numpy()
        shown[DELTA + names[model]] = (100 * differences[model]).to_numpy()
    shown["Noise"] = (100 * floors.reindex(shown["Task"])).to_numpy()
    order = differences.abs().max(axis=1).to_numpy().argsort()[::-1]
    return shown.iloc[order].reset_index(drop=True).pipe(shown_in_points)


def by_type(wide: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Mean of the shared tasks of each type, with signed differences, the biggest first; the last row is of all."""
    names = short_names(list(wide.columns))
    means = wide.groupby(level="type").mean()
    differences = means.drop(columns=baseline).sub(means[baseline], axis=0)
    means = means.iloc[differences.abs().max(axis=1).to_numpy().argsort()[::-1]]
    means.loc[ALL_TASKS] = wide.mean()
    tasks = wide.groupby(level="type").size().reindex(means.index, fill_value=len(wide))
    shown = pd.DataFrame(
        {"Type": means.index, "Tasks": tasks.to_numpy(), names[baseline]: 100 * means[baseline].to_numpy()}
    )
    for model in means.columns.drop(baseline):
        shown[names[model]] = 100 * means[model].to_numpy()
        shown[DELTA + names[model]] = 100 * (means[model] - means[baseline]).to_numpy()
    return shown_in_points(shown)


def _said(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


def _listed(value: Any) -> list[Any]:
    return [] if value is None or isinstance(value, float) or value is pd.NA else list(value)

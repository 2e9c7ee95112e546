"""Result files from before mteb 1.11: splits at the top level, subsets perhaps below, metrics nested by similarity.

The rules are those of mteb's ``TaskResult._convert_from_before_v1_11_0``, so that both read the same figures.
"""

from __future__ import annotations

from typing import Any

__all__ = ["SIMILARITIES", "cells_by_split", "evaluation_time"]

# What the nested metrics were called, and what the same metrics are called today.
SIMILARITIES = {
    "cos_sim": "cosine",
    "manhattan": "manhattan",
    "euclidean": "euclidean",
    "dot": "dot",
    "max": "max",
    "similarity": "similarity",
}
_HEADER = {"mteb_dataset_name", "mteb_version", "dataset_revision"}
_NOT_A_SUBSET = {"v_measures", "cos_sim", "euclidean", "manhattan", "dot", "max"}
# Then only the French part was implemented, and its subset had no name yet.
_FRENCH_ONLY = {"MLSUMClusteringP2P", "MLSUMClusteringS2S"}
_FRENCH_ONLY_VERSIONS = {"1.1.2.dev0", "1.1.3.dev0"}

Figures = dict[str, Any]


def cells_by_split(content: dict[str, Any], task: str) -> tuple[dict[str, dict[str, Figures]], list[str]]:
    """Figures as ``{split: {subset: {metric: value}}}``, and notes on what was renamed or passed over."""
    notes = []
    splits = {}
    for split, figures in content.items():
        if split in _HEADER:
            continue
        if isinstance(figures, dict):
            splits[split] = {name: value for name, value in figures.items() if name != "evaluation_time"}
        else:
            notes.append(f"'{split[:40]}' holds no figures and was passed over")
    if not any(
        isinstance(value, dict)
        for figures in splits.values()
        for name, value in figures.items()
        if name not in _NOT_A_SUBSET
    ):
        cells = {split: {"default": figures} for split, figures in splits.items()}
    else:
        cells = {
            split: {subset: value for subset, value in figures.items() if isinstance(value, dict)}
            for split, figures in splits.items()
        }
    return cells, notes + _rename_subsets(cells, task, content.get("mteb_version"))


def _rename_subsets(cells: dict[str, dict[str, Figures]], task: str, version: object) -> list[str]:
    subsets = cells.get("test", {})
    if task in _FRENCH_ONLY and version in _FRENCH_ONLY_VERSIONS and "default" in subsets:
        subsets["fr"] = subsets.pop("default")
        return ["subset named fr, the only one there was"]
    if task == "XPQARetrieval" and "fr" in subsets:
        subsets["fra-fra"] = subsets.pop("fr")
        return ["subset fr is called fra-fra today"]
    return []


def evaluation_time(content: dict[str, Any]) -> float | None:
    """Seconds over all splits, None where no split says."""
    times = [figures.get("evaluation_time") for figures in content.values() if isinstance(figures, dict)]
    known = [time for time in times if isinstance(time, int | float)]
    return float(sum(known)) if known else None

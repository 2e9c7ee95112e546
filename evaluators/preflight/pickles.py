"""Pickled weights: readable without running them, and the same model as the safetensors beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_names import SHOWN, UNUSED
from evaluators.preflight.weight_files import digest_of, load_pickle, tensors

__all__ = ["check_pickles"]


def check_pickles(target: Target) -> Iterator[Finding]:
    """Pickled weights: readable without running them, and the same as the safetensors beside them."""
    for name in target.pickles:
        stored = load_pickle(target.path(name))
        if stored is None:
            yield Finding(
                "weights",
                "pickle-unsafe",
                "serious" if target.weight_files else "fatal",
                f"{name} cannot be read as plain tensors",
                "It is damaged, or it would run code when loaded by an older tool.",
                "Delete it, or take the .safetensors file of the same revision.",
                {"file": name},
            )
        elif target.weight_files and len(target.pickles) == 1:
            yield from _stale(target, name, stored)


def _stale(target: Target, name: str, stored: dict[str, Any]) -> Iterator[Finding]:
    safe = {key: digest_of(tensor) for file in target.weight_files for key, tensor in tensors(target.path(file))}
    differing = [key for key, digest in safe.items() if key in stored and digest_of(stored[key]) != digest]
    absent = [key for key in safe if key not in stored and not UNUSED.search(key)]
    if differing or absent:
        yield Finding(
            "weights",
            "stale-bin",
            "serious",
            f"{name} differs from the safetensors beside it: {len(differing)} tensors differ, {len(absent)} are absent",
            "Tools that read .bin first give other vectors than tools that read .safetensors first.",
            f"Delete {name}, or make the other tool read the safetensors.",
            {"file": name, "differ": differing[:SHOWN], "absent": absent[:SHOWN]},
        )

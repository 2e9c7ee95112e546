"""Pickled weights: readable without running them, and the same model as the safetensors beside them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.catalogue import finding
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
            code = "pickle-unsafe" if target.weight_files else "pickle-unsafe/alone"
            yield finding(code, f"{name} cannot be read as plain tensors", {"file": name})
        elif target.weight_files and len(target.pickles) == 1:
            yield from _stale(target, name, stored)


def _stale(target: Target, name: str, stored: dict[str, Any]) -> Iterator[Finding]:
    safe = {key: digest_of(tensor) for file in target.weight_files for key, tensor in tensors(target.path(file))}
    differing = [key for key, digest in safe.items() if key in stored and digest_of(stored[key]) != digest]
    absent = [key for key in safe if key not in stored and not UNUSED.search(key)]
    if differing or absent:
        counts = f"{len(differing)} tensors differ, {len(absent)} are absent"
        evidence = {"file": name, "differ": differing[:SHOWN], "absent": absent[:SHOWN]}
        seen = f"{name} differs from the safetensors beside it: {counts}"
        yield finding("stale-bin", seen, evidence, file=name)

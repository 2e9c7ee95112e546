"""What a run of tasks is told apart by and what it took: the versions that can change a score, and memory."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from evaluators.environment import versions

__all__ = ["peak_memory_mb", "reset_peak", "score_versions"]

# A run is resumed only where all of these are the same.
_LIBRARIES = (
    "mteb", "sentence-transformers", "transformers", "tokenizers", "torch", "numpy", "scipy", "scikit-learn",
    "datasets",
)  # fmt: skip


def score_versions() -> dict[str, str]:
    """Versions of the libraries that can change a score."""
    return {name: versions()[name] for name in _LIBRARIES if name in versions()}


def reset_peak() -> None:
    """Start a new measurement of peak memory where the system can; elsewhere the peak is the whole process's."""
    if sys.platform == "linux" and os.access("/proc/self/clear_refs", os.W_OK):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    if "torch" in sys.modules and (torch := sys.modules["torch"]).cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory_mb() -> float:
    """Peak resident memory since :func:`reset_peak`, in MiB; on a GPU, its allocated memory."""
    if "torch" in sys.modules and (torch := sys.modules["torch"]).cuda.is_available():
        return float(torch.cuda.max_memory_allocated()) / 2**20
    if sys.platform == "linux":
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        line = next((line for line in status.splitlines() if line.startswith("VmHWM")), None)
        if line:
            return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)

"""How much memory a task took at its peak."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

__all__ = ["peak_memory_mb", "reset_peak"]


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

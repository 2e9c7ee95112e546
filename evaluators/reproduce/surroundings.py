"""What a run ran on: library versions, hardware, threads, seeds and memory."""

from __future__ import annotations

import os
import platform
import resource
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from data.keys import from_outside

__all__ = ["LIBRARIES", "environment", "peak_memory_mb", "reset_peak", "versions"]

# Those that can change a score; the rest of the environment cannot.
LIBRARIES = (
    "mteb", "sentence-transformers", "transformers", "tokenizers", "torch", "numpy", "scipy", "scikit-learn",
    "datasets",
)  # fmt: skip
_SETTINGS = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED",
    "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_VERBOSITY",
)  # fmt: skip


@cache
def versions() -> dict[str, str]:
    """Versions of the libraries that can change a score, read once: nobody installs another one under a process."""
    found = {}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, Any]:
    """Libraries, hardware, threads, seeds and the variables that steer them, as JSON."""
    import torch

    return {
        "python": platform.python_version(),
        "libraries": versions(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": round(psutil.virtual_memory().total / 2**20),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "torch_threads": torch.get_num_threads(),
        "matmul_precision": torch.get_float32_matmul_precision(),
        "seeds": {"mteb_task": 42, "torch": torch.initial_seed()},
        "variables": {name: from_outside(os.environ[name]) for name in _SETTINGS if name in os.environ},
    }


def _cpu() -> str:
    """Name of the processor; Linux keeps it in /proc, where ``platform`` does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


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

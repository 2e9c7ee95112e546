"""What a run ran on: library versions, hardware, threads, seeds; the same record whichever command runs."""

from __future__ import annotations

import os
import platform
import sys
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from data.store.keys import from_outside
from data.store.runs import Environment

__all__ = ["LIBRARIES", "environment", "score_versions", "versions"]

# Those that can change a vector or a score; the rest of the environment cannot.
LIBRARIES = (
    "mteb", "sentence-transformers", "transformers", "tokenizers", "safetensors", "huggingface-hub", "torch", "numpy",
    "scipy", "scikit-learn", "datasets", "onnxruntime", "openvino",
)  # fmt: skip
_NO_SCORE = {"safetensors", "huggingface-hub", "onnxruntime", "openvino"}  # these change no score of a run of tasks
_VARIABLES = (
    "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM", "CUDA_VISIBLE_DEVICES", "PYTHONHASHSEED",
    "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_VERBOSITY",
)  # fmt: skip


@cache
def versions() -> dict[str, str]:
    """Versions of the libraries that are installed, read once: nobody installs another one under a process."""
    installed = {}
    for library in LIBRARIES:
        with suppress(PackageNotFoundError):
            installed[library] = version(library)
    return installed


def score_versions() -> dict[str, str]:
    """Versions of those that can change a score of a run of tasks: it goes on only where all of them are the same."""
    return {library: number for library, number in versions().items() if library not in _NO_SCORE}


def environment(**seeds: int) -> Environment:
    """Libraries, hardware, threads, seeds and the variables that steer them.

    Args:
        seeds: those that the run itself sets, by what they are of.

    What torch says is known where something has loaded it: nothing is loaded to be described.
    """
    torch: Any = sys.modules.get("torch")
    return Environment(
        python=platform.python_version(),
        platform=platform.platform(),
        cpu=_cpu(),
        cpus=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        memory_mb=round(psutil.virtual_memory().total / 2**20),
        gpus=[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if torch else [],
        torch_threads=torch.get_num_threads() if torch else None,
        matmul_precision=torch.get_float32_matmul_precision() if torch else None,
        seeds=seeds | ({"torch": torch.initial_seed()} if torch else {}),
        variables={name: from_outside(os.environ[name]) for name in _VARIABLES if name in os.environ},
        libraries=versions(),
    )


def _cpu() -> str:
    """Name of the processor; Linux keeps it in /proc, where ``platform`` does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())

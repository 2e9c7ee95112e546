"""What one test can leave behind for the next in the same process, looked at before it and after.

Each test leaves the state of the process as it was, and each file, with the fixtures it shares among its tests, leaves
as well the names of our modules, and what stands in their lists and dictionaries.
"""

from __future__ import annotations

import decimal
import locale
import logging
import multiprocessing
import os
import random
import signal
import socket
import sys
from collections.abc import Mapping, MutableMapping, MutableSequence, MutableSet
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType

import numpy as np

__all__ = ["changes", "of_modules", "of_process", "seed"]

_OURS = ("data", "evaluators", "dashboard", "tests")
# SIGALRM is that of pytest's own time limit; SIGPROF stays caught once it was, as evaluators/trust/limits.py says.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)
# Set by torch and polars when they are imported or first used.
_IMPORTS = ("KMP_", "TORCHINDUCTOR_", "_RJEM_")
_SETTINGS = ("huggingface_hub.constants", "datasets.config", "mteb._settings", "transformers.utils.hub")
# What may grow: a cache of ours whose keys hold all that its values depend on, or that no answer rests on.
GROWING = frozenset(
    {
        "data.store.following._states",  # by the path of the local file
        "evaluators.results.parse._shapes",  # by the keys and types of an entry: pure
        "dashboard.report.making._made",  # by the store's path and version, and all that was wished
        "evaluators.trust.pickled._hooked",  # there is no way to take an audit hook back; it rests
    }
)
# Loggers that Streamlit sets up when it first reads its settings.
_STREAMLITS = ("streamlit", "uvicorn", "websockets", "watchdog")
_COLLECTIONS = (MutableMapping, MutableSequence, MutableSet)
_Seen = dict[str, object]


def of_process() -> _Seen:
    """What belongs to the process and no module of ours; cheap enough to ask before and after every test."""
    seen: _Seen = {f"environment: {name}": value for name, value in os.environ.items() if not name.startswith(_IMPORTS)}
    seen.pop("environment: PYTEST_CURRENT_TEST", None)
    seen["folder"] = str(Path.cwd())
    seen["mask of new files"] = _umask()
    seen["locale"] = locale.setlocale(locale.LC_ALL)
    seen["search path"] = tuple(path for path in sys.path if not path.endswith("huggingface/modules"))  # added once
    seen["arguments"] = tuple(sys.argv)
    seen["recursion"] = sys.getrecursionlimit()
    seen["timeout of sockets"] = socket.getdefaulttimeout()
    seen["start of processes"] = multiprocessing.get_start_method(allow_none=True)
    seen["errors of numpy"] = tuple(np.geterr().items())
    seen["decimals"] = str(decimal.getcontext())
    seen |= {f"signal {number.name}": signal.getsignal(number) for number in _SIGNALS}
    seen |= _logging() | _settings() | _torch()
    return seen


def of_modules() -> _Seen:
    """What the names of our modules stand for, how much their collections hold, and which module is which."""
    seen: _Seen = {}
    for name, module in list(sys.modules.items()):
        if name == "__main__":
            continue
        seen[f"module {name}"] = id(module)
        if name.partition(".")[0] in _OURS and isinstance(module, ModuleType):
            seen |= _names(name, module)
    return seen


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What is not as it was, a line each; what was not there before counts only in the environment.

    Whatever else is new came with an import, and would have come with it in any other test.
    """
    lines = [
        f"{name}: {value!r} became {after.get(name)!r}" for name, value in before.items() if after.get(name) != value
    ]
    new = after.keys() - before.keys()
    return lines + [f"{name}: {after[name]!r} is new" for name in sorted(new) if name.startswith("environment: ")]


def seed() -> None:
    """The random numbers that everybody shares start where they start in a process of its own."""
    random.seed(0)
    np.random.seed(0)
    if torch := sys.modules.get("torch"):
        # What torch itself starts from; ``manual_seed`` notes the whole stack for each kind of device as well.
        torch.default_generator.manual_seed(67280421310721)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _logging() -> _Seen:
    seen: _Seen = {"logging off": logging.root.manager.disable, "root logger": logging.root.level}
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and not name.startswith(_STREAMLITS):
            seen[f"logger {name}"] = (logger.level, logger.propagate, logger.disabled)
    return seen


def _settings() -> _Seen:
    """What libraries fixed when they were imported, in capitals."""
    return {
        f"{module}.{name}": value
        for module in _SETTINGS
        if module in sys.modules
        for name, value in vars(sys.modules[module]).items()
        if name.isupper() and isinstance(value, str | int | float | bool | None)
    }


def _torch() -> _Seen:
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "get_num_threads"):
        return {}
    return {
        "torch's threads": torch.get_num_threads(),
        "torch's numbers": torch.get_default_dtype(),
        "torch's order": torch.are_deterministic_algorithms_enabled(),
        "torch's gradients": torch.is_grad_enabled(),
        "torch's products": torch.get_float32_matmul_precision(),
    }


def _names(name: str, module: ModuleType) -> _Seen:
    seen: _Seen = {}
    for own, value in list(vars(module).items()):
        place = f"{name}.{own}"
        if own.startswith("__") or isinstance(value, ModuleType):
            continue
        if place in GROWING:
            continue
        seen[place] = id(value)
        if isinstance(value, ContextVar):
            seen[f"{place} is"] = value.get(None)
        seen |= _held(place, value)
        if not isinstance(value, type) and type(value).__module__.partition(".")[0] in _OURS:
            for attribute, of_it in getattr(value, "__dict__", {}).items():
                seen |= _held(f"{place}.{attribute}", of_it)
    return seen


def _held(place: str, value: object) -> _Seen:
    """How much a collection holds; nothing of what is no collection."""
    return {f"{place} holds": len(value)} if isinstance(value, _COLLECTIONS) else {}

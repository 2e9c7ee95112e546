"""One process that opens hostile folders, command by command: a line of JSON in for each, a line out.

What a command raises is told, not raised: only an error of Plumbline's own is right. The parent watches the time.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from data.store.errors import ModelError, PlumblineError

TEXTS = ["The committee will publish its report in the spring.", "  aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa!  "]


def _preflight(folder: Path) -> None:
    from datetime import UTC, datetime

    from evaluators.preflight import preflight
    from evaluators.preflight.record import keep_run
    from evaluators.preflight.target import find_target

    found = preflight(str(folder))
    json.dumps([finding.as_row() for finding in found], ensure_ascii=False).encode()
    now = datetime.now(UTC).replace(tzinfo=None)
    keep_run(find_target(str(folder)), found, command="preflight", settings={}, started=now, finished=now)


def _reproduce(folder: Path, *, anyway: bool) -> None:
    from evaluators.reproduce.model_settings import settings_in_use
    from evaluators.reproduce.models import load_requested
    from evaluators.reproduce.request import ModelRequest

    loaded = load_requested(ModelRequest(str(folder), anyway=anyway))
    with loaded.guard():
        settings_in_use(loaded.encoder)
        try:
            loaded.encoder.model.encode(TEXTS)
        except Exception as error:  # noqa: BLE001 -- so says the command of a model that loads and cannot encode
            raise ModelError("The model loads but cannot encode", where=str(folder)) from error


def _parity(folder: Path, backend: str) -> None:
    from evaluators.encoders.registry import open_encoder
    from evaluators.encoders.spec import parse_spec

    encoder = open_encoder(parse_spec(f"{backend}:{folder}"))
    try:
        encoder.encode(TEXTS, None)
        json.dumps(encoder.describe().files).encode()
    finally:
        encoder.close()


def _diagnose(folder: Path) -> None:
    from evaluators.diagnose.answer import BATCH, Bench, batched
    from evaluators.diagnose.reference import load_reference
    from evaluators.diagnose.weights import weight_changes

    reference = load_reference(str(folder))
    bench = Bench(reference, batched(TEXTS, [None] * len(TEXTS), BATCH))
    np.isfinite(bench.vectors(reference.recipe)).all()
    for name, change in weight_changes(reference).items():
        if name == "bin":
            change.apply(reference.model)


COMMANDS: dict[str, Callable[[Path], None]] = {
    "preflight": _preflight,
    "reproduce": lambda folder: _reproduce(folder, anyway=False),
    "reproduce --anyway": lambda folder: _reproduce(folder, anyway=True),
    "diagnose": _diagnose,
    "parity sentence-transformers": lambda folder: _parity(folder, "sentence-transformers"),
    "parity transformers": lambda folder: _parity(folder, "transformers"),
    "parity onnx": lambda folder: _parity(folder, "onnx"),
    "parity openvino": lambda folder: _parity(folder, "openvino"),
    "parity flag-embedding": lambda folder: _parity(folder, "flag-embedding"),
}


def _told(command: str, folder: Path) -> dict[str, Any]:
    began, said = time.process_time(), StringIO()
    outcome: dict[str, Any] = {"outcome": "opened", "said": ""}
    try:
        with redirect_stdout(said), redirect_stderr(said):
            COMMANDS[command](folder)
    except PlumblineError as error:
        outcome = {"outcome": "refused", "said": str(error)}
    except BaseException as error:  # what a command must never end in, SystemExit of a model's code included
        outcome = {"outcome": "traceback", "said": f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"}
    return outcome | {"seconds": time.process_time() - began}


def _be_impatient() -> None:
    """Endless work ends sooner than for a user, for the suite's sake; test_guard.py holds the limits themselves."""
    from evaluators.encoders import graph
    from evaluators.trust import guard, limits

    limits._BASE = graph._BASE = 1.5
    guard._RENDERING = 0.5


def main() -> None:
    """Answer until there are no more lines."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    import FlagEmbedding  # noqa: F401

    _be_impatient()
    import mteb  # noqa: F401 -- imported before the clock runs
    import onnxruntime  # noqa: F401
    import openvino  # noqa: F401
    import sentence_transformers  # noqa: F401

    gc.freeze()  # the collector, which models call, goes through what was imported each time
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        Path(asked["mark"]).unlink(missing_ok=True)
        answer = _told(asked["command"], Path(asked["folder"]))
        answer["code_ran"] = Path(asked["mark"]).exists()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

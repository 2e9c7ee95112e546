"""What a fault does, by another road than Plumbline: sentence-transformers loads the folder in a process of its own.

``python -m tests.preflight.others.measure`` writes truth.json; ``--set frozen`` the other set's; NAME... some only.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

from tests.preflight.others.kit import Book, Entry
from tests.preflight.others.texts import PROBES

HERE = Path(__file__).parent
MATTERS = 1e-3  # cosine distance, or change of length as a share of it


def book(name: str) -> Book:
    found = importlib.import_module(f"tests.preflight.others.{name}").BOOK
    assert isinstance(found, Book)
    return found


def truth_file(name: str) -> Path:
    return HERE / ("truth.json" if name == "development" else f"truth_{name}.json")


def apart(do: Callable[[], Any], seconds: float = 240) -> Any:
    """What the function gives in a child of this process, or what became of the child."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place) / "out.json"
        child = os.fork()
        if child == 0:
            try:
                given = do()
            except BaseException as error:
                given = {"died": f"{type(error).__name__}: {error}"}
            try:
                out.write_text(json.dumps(given))
            finally:
                os._exit(0)
        end = time.monotonic() + seconds
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return {"died": f"after {seconds:.0f} s"}
            time.sleep(0.02)
        return json.loads(out.read_text()) if out.exists() else {"died": "without an answer"}


def vectors(folder: Path) -> dict[str, Any]:
    """Vectors of the probes: in one batch, alone, as queries and as documents; or where that failed."""
    import numpy as np
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(1)
    try:
        model = SentenceTransformer(str(folder), device="cpu")
    except BaseException as error:
        return {"fails": "load fails", "error": f"{type(error).__name__}: {error}"[:300]}
    try:
        given = {
            "batch": model.encode(list(PROBES), batch_size=len(PROBES) // 2),
            "alone": model.encode([*PROBES[:4], PROBES[-2]], batch_size=1),
            "query": model.encode_query(list(PROBES[1:4])),
            "document": model.encode_document(list(PROBES[1:4])),
        }
    except BaseException as error:
        return {"fails": "encode fails", "error": f"{type(error).__name__}: {error}"[:300]}
    return {k: np.asarray(v, dtype=np.float64).tolist() for k, v in given.items()}


def difference(intact: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The largest cosine distance and the largest change of length between two folders' vectors."""
    import numpy as np

    if "died" in now:
        return {"changes": "load fails", "error": f"the process died {now['died']}"}
    if "fails" in now:
        return {"changes": now["fails"], "error": now["error"]}
    far, longer = 0.0, 0.0
    for key, before in intact.items():
        a, b = np.array(before), np.array(now[key])
        if a.shape != b.shape:
            return {"changes": "width", "error": f"{a.shape[1:]} became {b.shape[1:]}"}
        if not np.isfinite(b).all():
            return {"changes": "not finite", "error": f"{int((~np.isfinite(b)).any(1).sum())} of {len(b)} vectors"}
        la, lb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
        if (lb == 0).any():
            return {"changes": "zero vectors", "error": f"{int((lb == 0).sum())} of {len(b)} vectors"}
        far = max(far, float((1 - (a * b).sum(1) / (la * lb)).max()))
        longer = max(longer, float(abs(lb / la - 1).max()))
    return {"changes": max(far, longer), "cosine distance": far, "change of length": longer}


def matters(truth: dict[str, Any]) -> bool:
    changes = truth["changes"]
    return isinstance(changes, str) or changes > MATTERS


def measured(entry: Entry, bases: dict[str, Any]) -> dict[str, Any]:
    if not entry.loads:
        return {"changes": "not for sentence-transformers"}
    if entry.base not in bases:
        base = Entry("", entry.base, "", "intact", lambda folder: None)
        bases[entry.base] = {} if entry.base == "nothing" else apart(lambda: _of(base))
        assert entry.base == "nothing" or "batch" in bases[entry.base], (entry.base, bases[entry.base])
    return difference(bases[entry.base], apart(lambda: _of(entry)))


def _of(entry: Entry) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        try:
            folder = entry.build(Path(place) / "model")
        except Exception as error:
            return {"fails": "NOT BUILT", "error": f"{type(error).__name__}: {error}"}
        return vectors(folder)


def _keep(which: str, truth: dict[str, Any]) -> None:
    names = {e.name for e in book(which)}
    kept = {n: truth[n] for n in sorted(truth) if n in names}
    truth_file(which).write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--set", default="development")
    given = parser.parse_args(None if arguments is None else list(arguments))
    import sentence_transformers
    import transformers
    from sentence_transformers import SentenceTransformer  # noqa: F401 - loaded once, before the children are made

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    truth: dict[str, Any] = {}
    path = truth_file(given.set)
    if path.exists():
        truth = json.loads(path.read_text())
    bases: dict[str, Any] = {}
    wanted = [e for e in book(given.set) if not given.names or e.name in given.names]
    for entry in wanted:
        said = measured(entry, bases)
        truth[entry.name] = {"kind": entry.kind, "base": entry.base, **said}
        print(entry.kind, entry.name, said, flush=True)
        _keep(given.set, truth)
    print(f"{len(truth)} measured with sentence-transformers {sentence_transformers.__version__}", file=sys.stderr)


if __name__ == "__main__":
    main()

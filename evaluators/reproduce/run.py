"""Run tasks one by one on one model, keeping and publishing each before the next begins."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple, Protocol, cast

import duckdb

from data.store import keys
from data.store.errors import ModelError, PlumblineError, StoreBusyError, StoreError
from data.store.runs import File, InUse, ReproduceSettings, RunRow, RunWarning
from data.store.vocabulary import RunKind, Status
from evaluators.environment import environment, score_versions
from evaluators.reproduce.estimate import Estimate, characters, estimates, published_seconds, throughput
from evaluators.reproduce.instrumented import InstrumentedEncoder, encodes, out_of_memory
from evaluators.reproduce.journal import Journal, now
from evaluators.reproduce.memory import peak_memory_mb, reset_peak
from evaluators.reproduce.model_settings import settings_in_use
from evaluators.reproduce.models import LoadedModel, load_requested
from evaluators.reproduce.publish import publish
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.tasks import data_source, parts_of
from evaluators.reproduce.terminal import Screen
from evaluators.reproduce.verdicts import check_comparison, verdicts_of
from evaluators.reproduce.warning_capture import WarningCapture, capturing_warnings

__all__ = [
    "Guide", "RunPlan", "begin_run", "data_of", "quiet_bars", "reproduce", "run_identity", "run_task", "task_estimates",
]  # fmt: skip

_CHARACTERS_A_TOKEN = 4.5  # of English; good enough to know that a book costs no more than its first page
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Guide(Protocol):
    """What chooses among the tasks of a plan, and is asked after each which are left to run."""

    def begin(
        self, journal: Journal, tasks: list[Any], waiting: list[Any], estimates: list[Estimate], screen: Screen
    ) -> list[Any]:
        """Of the tasks that are not done yet, those to run, in their order."""

    def explain(self) -> None:
        """Say why these."""

    def after(self, record: dict[str, Any], waiting: list[Any]) -> list[Any]:
        """The tasks still to run now that one has ended and is published."""

    def conclude(self, command: str) -> None:
        """Say what it came to, and how to go on by a command where there is one."""

    @property
    def ran(self) -> list[str]:
        """Tasks that are measured."""

    @property
    def fails(self) -> bool:
        """Whether what is claimed does not hold."""

    @property
    def broken(self) -> bool:
        """Whether the run itself is broken."""


class RunPlan(NamedTuple):
    """What to run and how; ``tasks`` are mteb's own instances."""

    request: ModelRequest
    tasks: list[Any]
    root: Path  # folder of all runs
    command: str  # what to type to do it again
    store: Path | None = None
    batch_size: int = 32
    compare_to: str = "official"
    embeddings_cache: Path | None = None
    again: bool = False
    guide: Guide | None = None  # runs some of the tasks only


def reproduce(plan: RunPlan, screen: Screen) -> Journal:
    """Run what is not done yet and publish it task by task; the journal says how it went.

    A task that fails is recorded and the rest goes on. Ctrl-C ends the run as ``stopped`` and is passed on.

    Raises:
        ModelError, NotAllowedError, InputError, NotFoundError: before anything is run.
        StoreError: the disk is full; what was finished is kept and the same command goes on from there.
    """
    check_comparison(plan.compare_to, plan.store)
    with capturing_warnings() as capture, quiet_bars():
        screen.loading(plan.request)
        model = load_requested(plan.request)
        in_use = settings_in_use(model.encoder)
        journal = Journal.open(plan.root, run_identity(model, in_use), again=plan.again)
        with model.guard(), journal.held(), _full_disk_explained(journal):
            begin_run(journal, plan, model, in_use, capture.take())
            waiting = [task for task in plan.tasks if not journal.finished(task.metadata.name, data_of(task))]
            status, published = Status.FAILED, False
            try:
                publish(journal, plan.store)
                published = _run_all(plan, model, journal, waiting, capture, screen)
                status = Status.DONE
            except KeyboardInterrupt:
                status = Status.STOPPED
                raise
            finally:
                if not published:
                    journal.write_run(status=status, finished_at=now())
                    publish(journal, plan.store)
    return journal


def _run_all(
    plan: RunPlan, model: LoadedModel, journal: Journal, waiting: list[Any], capture: WarningCapture, screen: Screen
) -> bool:
    """Run the tasks; whether the store knows already that all of them are done."""
    encoder = InstrumentedEncoder(model.encoder, screen.texts)
    done = len(plan.tasks) - len(waiting)
    expected, guide, busy = task_estimates(plan, model, encoder, waiting), plan.guide, True
    if guide:
        waiting = guide.begin(journal, plan.tasks, waiting, expected, screen)
        expected = [estimate for estimate in expected if estimate.task in {task.metadata.name for task in waiting}]
    with screen.running(journal, model, done, waiting, expected):
        if guide:
            guide.explain()
        while waiting:
            task, *waiting = waiting
            screen.task_begins(task)
            record = run_task(task, encoder, journal, plan, capture)
            journal.write_task(record)
            # Publishing copies the store, so the end of the run goes along with its last task, where it is known.
            if not waiting and not guide:
                journal.write_run(status=Status.DONE, finished_at=now())
            with _published_later(screen) as problems:
                publish(journal, plan.store)
            busy = bool(problems)
            name = task.metadata.name
            screen.task_ends(record, verdicts_of(journal.run_id, model.name, [name], plan.compare_to, plan.store))
            if guide:
                waiting = guide.after(record, waiting)
                screen.remaining(waiting)
    return not busy and not guide


def task_estimates(
    plan: RunPlan,
    model: LoadedModel,
    encoder: InstrumentedEncoder,
    waiting: list[Any],
    published: dict[str, float] | None = None,
) -> list[Estimate]:
    """Time each task will take; nothing is measured when nothing is to be run.

    Args:
        plan: how they are run.
        model: what they are run on.
        encoder: the model's.
        waiting: mteb's tasks.
        published: seconds by task; what the store has of them if left out.

    Raises:
        ModelError: the model cannot encode a handful of plain texts, so no task can go well.
    """
    if not waiting:
        return []
    if published is None:
        published = published_seconds(model.name, [task.metadata.name for task in waiting], plan.store)
    if not encodes(model.encoder):
        return [Estimate(*entry) for entry in published.items()]
    try:
        rate = throughput(encoder, waiting[0], plan.batch_size)
    except PlumblineError:
        raise
    except Exception as error:  # noqa: BLE001 -- loaders are other people's code
        raise ModelError(
            f"The model loads but cannot encode: {type(error).__name__}: {error}",
            where=model.name,
            remedy="Check its tokenizer and configuration: python -m evaluators preflight tells more.",
        ) from error
    longest = _CHARACTERS_A_TOKEN * (settings_in_use(model.encoder).get("max_seq_length") or float("inf"))
    sizes = [(task.metadata.name, characters(task, longest)) for task in waiting]
    return estimates(sizes, rate, published)


def run_task(
    task: Any, encoder: InstrumentedEncoder, journal: Journal, plan: RunPlan, capture: WarningCapture
) -> dict[str, Any]:
    """Run one task to its record; only a full disk and Ctrl-C get out of here."""
    import mteb

    name = task.metadata.name
    record: dict[str, Any] = {
        "task": name,
        "type": task.metadata.type,
        "metric": task.metadata.main_score,
        "status": Status.WAITING,
        "dataset": data_of(task),
    }
    earlier = journal.tasks().get(name)
    journal.write_task(record)
    encoder.new_task()
    reset_peak()
    began = monotonic()
    try:
        record["dataset_path"] = data_source(task)
        cache = mteb.ResultCache(journal.folder / "mteb")
        file = cache.get_task_result_path(name, encoder.mteb_model_meta)
        _clear_unless_same(file, earlier, record["dataset"])
        mteb.evaluate(
            _given_to_mteb(encoder, journal, plan),
            task,
            co2_tracker=False,
            encode_kwargs={"batch_size": plan.batch_size, "show_progress_bar": False},
            cache=cache,
            overwrite_strategy="only-missing",
            show_progress_bar=False,
        )
        record |= {"status": Status.DONE, "file": file.relative_to(journal.folder).as_posix()}
        record["own_task"] = getattr(task, "own_facts", None)
    except Exception as error:  # noqa: BLE001 -- a task is other people's code, and the rest of the run goes on
        if _disk_is_full(error):
            raise
        record |= {"status": Status.FAILED, "error": _sentence(error, task), "out_of_memory": out_of_memory(error)}
    return record | {
        "warnings": capture.take(),
        "batch_size": encoder.batch_limit or plan.batch_size,
        "texts": encoder.texts,
        "seconds": round(monotonic() - began, 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
        "finished_at": now(),
    }


def _clear_unless_same(file: Path, earlier: dict[str, Any] | None, dataset: dict[str, Any]) -> None:
    """Keep the splits and subsets that a killed process had done, unless its file is cut off or of other data."""
    from mteb.results import TaskResult

    if not file.exists():
        return
    if earlier is None or earlier["dataset"] != dataset:
        file.unlink()
        return
    try:
        TaskResult.from_disk(file)
    except (ValueError, KeyError, TypeError):
        file.unlink()


def data_of(task: Any) -> dict[str, Any]:
    """What a task is run on: the same name on other data, or on other subsets of it, is not done yet."""
    parts = parts_of(task)
    return {
        "path": [str(part.metadata.dataset["path"]) for part in parts],
        "revision": [str(part.metadata.dataset.get("revision")) for part in parts],
        "splits": [list(part.eval_splits) for part in parts],
        "subsets": [sorted(part.hf_subsets) for part in parts],
    }


def run_identity(model: LoadedModel, in_use: InUse) -> dict[str, Any]:
    """Everything that can change a score; the batch size cannot, beyond rounding."""
    return {
        "model": model.name,
        "revision": model.revision,
        "loader": model.loader,
        "files": [(file["path"], file["sha256"]) for file in model.files],
        "in_use": in_use,
        "libraries": score_versions(),
    }


def begin_run(journal: Journal, plan: RunPlan, model: LoadedModel, in_use: InUse, warnings: list[RunWarning]) -> None:
    """Write down what is run, with what and on what, as the journal's run."""
    request = {name: value for name, value in plan.request._asdict().items() if value}
    settings: ReproduceSettings = {
        "asked": request, "in_use": in_use, "loader": model.loader, "batch_size": plan.batch_size,
    }  # fmt: skip
    if budgets := journal.run.get("settings", {}).get("budgets"):
        settings["budgets"] = budgets  # what an earlier start came to
    row = RunRow(
        run_id=journal.run_id,
        kind=RunKind.REPRODUCE,
        model=model.name,
        revision=model.revision,
        private=not model.registered,
        command=plan.command,
        settings=settings,
        environment=environment(mteb_task=42),
        files=cast(list[File], model.files),
        warnings=warnings,
        started_at=journal.run.get("started_at") or now(),
        finished_at=None,
        status=Status.RUNNING,
    )
    journal.write_run(**row, findings=[finding.as_row() for finding in model.findings])


def _given_to_mteb(encoder: InstrumentedEncoder, journal: Journal, plan: RunPlan) -> Any:
    """What mteb is given: the instrumented encoder, with its vectors kept if asked, or a searching model as it is."""
    if not encodes(encoder.inner):
        return encoder.inner
    if plan.embeddings_cache is None:
        return encoder
    from evaluators.reproduce.cache import VectorCache

    return VectorCache(encoder, plan.embeddings_cache / journal.run_id.rsplit("-", 1)[1])


@contextmanager
def _published_later(screen: Screen) -> Iterator[list[StoreBusyError]]:
    """A store that another process holds on to is no reason to stop: the next publication brings this task too."""
    busy: list[StoreBusyError] = []
    try:
        yield busy
    except StoreBusyError as error:
        busy.append(error)
        screen.note(f"{error} The run goes on and publishes with its next task.")


@contextmanager
def _full_disk_explained(journal: Journal) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not _disk_is_full(error):
            raise
        raise StoreError(
            "The disk is full",
            where=str(journal.folder),
            remedy="Finished tasks are kept. Make room and give the same command: it goes on from there.",
        ) from error


def _disk_is_full(error: BaseException | None) -> bool:
    """Whether ``error``, or what caused it, is a write that found no room."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return True
        if isinstance(error, duckdb.Error) and any(
            sign in str(error) for sign in ("No space left", "File too large", "Disk quota")
        ):
            return True
        error = error.__cause__ or error.__context__
    return False


def _sentence(error: Exception, task: Any) -> str:
    """What went wrong with a task, in a sentence with its remedy where the kind of error has one."""
    if isinstance(error, PlumblineError):
        return keys.from_outside(str(error))
    text = keys.from_outside(str(error)).strip()
    sentence = f"{type(error).__name__}: {text.splitlines()[0] if text else 'no message'}"
    if type(error).__name__ in _NO_DATA or (type(error).__module__ or "").startswith("huggingface_hub"):
        dataset = task.metadata.dataset["path"]
        return (
            f"The data set {dataset} could not be loaded ({sentence}). Without a network, put it under DIR/{dataset}/ "
            "and give --datasets DIR, or fill the hub's cache and set HF_HUB_OFFLINE=1."
        )
    return sentence


_NO_DATA = {
    "DatasetNotFoundError", "FileNotFoundError", "ConnectionError", "OfflineModeIsEnabled", "DataFilesNotFoundError",
    "LocalEntryNotFoundError", "ConnectError",
}  # fmt: skip


@contextmanager
def quiet_bars() -> Iterator[None]:
    """Silence the libraries' own bars: two lines of ours say the same and do not scroll."""
    import datasets
    from huggingface_hub.utils import disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as transformers_logging

    datasets.disable_progress_bars()
    transformers_logging.disable_progress_bar()
    disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()
        transformers_logging.enable_progress_bar()
        enable_progress_bars()

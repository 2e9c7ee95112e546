"""One writer at a time, a killed import changes nothing, and readers never notice an import."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import psutil
import pytest

from data.store.database import Version, open_reader, version_of, writing
from data.store.errors import PlumblineError, StoreBusyError
from evaluators.official import workers
from evaluators.official.importer import import_from
from tests.official.conftest import ROOT, Write, ask, result

MODEL = "sentence-transformers__all-MiniLM-L6-v2"


@pytest.fixture
def checkout(write: Write, tmp_path: Path) -> Path:
    """Three hundred results, more than one batch takes."""
    for number in range(300):
        write(result(f"Task{number}", score=number / 1000), model=f"org__model{number % 7}")
    return tmp_path / "checkout"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_second_writer_is_told_so(checkout: Path, store: Path) -> None:
    with writing(store), pytest.raises(StoreBusyError, match="Another process is writing the store"):
        import_from(checkout, store=store)
    assert import_from(checkout, store=store).added == 300


def test_the_command_line_tells_it_too(checkout: Path, store: Path) -> None:
    with writing(store):
        told = run(store, "import", "--from", str(checkout))
    assert told.returncode == 2
    assert "Another process is writing the store" in told.stderr
    assert "Traceback" not in told.stderr


def run(store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "evaluators", *arguments]
    environment = os.environ | {"PLUMBLINE_STORE": str(store)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def started(sample: Path, store: Path, **how: Any) -> subprocess.Popen[Any]:
    """An import that runs beside the test."""
    command = [sys.executable, "-m", "evaluators", "import", "--from", str(sample)]
    return subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PLUMBLINE_STORE": str(store)}, **how)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "while it reads",
        "while it settles",
        *(pytest.param(m, marks=pytest.mark.soak) for m in ("while it looks", "any time")),
    ],
)
def test_a_killed_import_leaves_the_store_as_it_was(moment: str, sample: Path, store: Path, tmp_path: Path) -> None:
    import_from(shrunk(sample, tmp_path / "before"), store=store)
    before = digest(store)
    importing = started(sample, store, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    wait_until(moment, store, importing)
    readers = readers_of(importing)
    importing.send_signal(signal.SIGKILL)
    assert importing.wait() == -signal.SIGKILL
    assert digest(store) == before
    wait_for(lambda: not any(reader.is_running() for reader in readers), "its readers to end")
    assert import_from(shrunk(sample, tmp_path / "after"), store=store).seconds > 0
    assert list(store.parent.glob("*.partial*")) == []


def shrunk(sample: Path, place: Path) -> Path:
    shutil.copytree(sample / "results" / MODEL, place / "results" / MODEL)
    return place


def wait_until(moment: str, store: Path, importing: subprocess.Popen[Any]) -> None:
    """Wait for what the import leaves on disk at that moment; the private copy grows while results come in."""
    base = store.stat().st_size
    private = store.with_name(f"{store.name}.{importing.pid}.partial")

    def size() -> int:
        return private.stat().st_size if private.exists() else 0

    if moment == "while it looks":
        wait_for(lambda: Path(f"{store}.lock").exists(), "the import to begin")
    elif moment == "while it reads":
        wait_for(lambda: size() >= base and len(readers_of(importing)) > 0, "its readers")
    elif moment == "while it settles":
        wait_for(lambda: size() > base, "results in the private copy")
    else:
        time.sleep(1.5)
    assert importing.poll() is None, "the import was over before it could be killed"


def wait_for(happened: object, what: str) -> None:
    assert callable(happened)
    deadline = time.monotonic() + 600
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def readers_of(importing: subprocess.Popen[Any]) -> list[psutil.Process]:
    """The processes that read results for an import."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(importing.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    found.append(child)
    return found


def test_a_dead_workers_import_ends_with_a_sentence_and_no_new_store(sample: Path, store: Path) -> None:
    before = digest(store)
    importing = started(sample, store, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: len(readers_of(importing)) > 0 or importing.poll() is not None, "readers")
    readers_of(importing)[0].kill()
    _, told = importing.communicate(timeout=600)
    assert importing.returncode == 2
    assert "was ended from outside" in told
    assert digest(store) == before


def waiting_in(end: Connection) -> int:
    """Bytes that can be read at once."""
    return int.from_bytes(fcntl.ioctl(end.fileno(), termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.fixture
def readers_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few the files, processes read them."""
    monkeypatch.setattr(workers, "_WORTH_A_POOL", 0)


@pytest.mark.usefixtures("readers_pay")
def test_a_reader_that_dies_while_another_starts_ends_the_import(
    checkout: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, begun = SpawnProcess.start, []

    def and_end_the_first(process: SpawnProcess) -> None:
        start(process)
        begun.append(process)
        if len(begun) == 2:
            begun[0].kill()
            begun[0].join()

    monkeypatch.setattr(SpawnProcess, "start", and_end_the_first)
    before = digest(store)
    with pytest.raises(PlumblineError, match="was ended from outside"):
        import_from(checkout, store=store)
    assert digest(store) == before
    assert not any(process.is_alive() for process in begun)


@pytest.mark.usefixtures("readers_pay")
def test_a_reader_that_dies_in_the_middle_of_its_answer_ends_the_import(
    write: Write, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = [{"main_score": 0.5, "hf_subset": f"subset {number}", "languages": ["eng-Latn"]} for number in range(50000)]
    write(result("STS12", scores={"test": cells}), model="org__model")
    begun: list[SpawnProcess] = []
    receive = Connection.recv

    def half(end: Connection) -> object:
        """Take what was sent of an answer before its sender died in the middle of it."""
        wait_for(lambda: waiting_in(end) > 4, "more than the length of an answer")
        for process in begun:
            process.kill()
            process.join()
        return receive(end)

    start = SpawnProcess.start
    monkeypatch.setattr(SpawnProcess, "start", lambda process: (start(process), begun.append(process))[0])
    monkeypatch.setattr(Connection, "recv", half)
    before = digest(store)
    with pytest.raises(PlumblineError, match="was ended from outside") as raised:
        import_from(tmp_path / "checkout", store=store)
    assert "during message" in str(raised.value.__cause__), "the answer fitted into the pipe"
    assert digest(store) == before


def test_eight_readers_in_threads_notice_nothing(checkout: Path, store: Path) -> None:
    import_from(checkout, store=store)
    stop, problems = threading.Event(), []
    seen: list[set[tuple[Version, int, float]]] = [set() for _ in range(8)]

    def read(own: set[tuple[Version, int, float]]) -> None:
        try:
            while not stop.wait(0.3):
                own.add(look(store))
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what the test is about
            problems.append(repr(error))

    readers = [threading.Thread(target=read, args=[own]) for own in seen]
    for reader in readers:
        reader.start()
    versions = [version_of(store)]

    def by_all_eight() -> bool:
        return bool(problems) or all(versions[-1] in {version for version, _, _ in own.copy()} for own in seen)

    wait_for(by_all_eight, "eight looks at the first version")
    for score in (0.3, 0.6, 0.9):
        path = next((checkout / "results").rglob("Task1.json"))
        path.write_text(path.read_text().replace('"main_score": 0.', f'"main_score": {score}'))
        import_from(checkout, store=store)
        versions.append(version_of(store))
        wait_for(by_all_eight, "eight looks at a new version")
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(set(versions)) == 4
    for own in seen:  # each saw every version, nothing else, and each of them whole
        assert {version for version, _, _ in own} == set(versions)
        assert len({total for _, _, total in own}) == 4
        assert {count for _, count, _ in own} == {300}


def look(store: Path) -> tuple[Version, int, float]:
    """Version, number of results that stand and their sum, all from one version of the store."""
    reader = open_reader(store)
    try:
        query = "SELECT count(*), round(sum(main_score), 6) FROM current_results JOIN scores USING (result_id)"
        ((count, total),) = reader.cursor().execute(query).fetchall()
        return reader.version, count, total
    finally:
        reader.close()


def test_four_readers_in_processes_notice_nothing(checkout: Path, store: Path) -> None:
    import_from(checkout, store=store)
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        looking = pool.map_async(look_until_the_third, [str(store)] * 4, chunksize=1)
        for score in (0.4, 0.7):
            path = next((checkout / "results").rglob("Task1.json"))
            path.write_text(path.read_text().replace('"main_score": 0.', f'"main_score": {score}'))
            assert import_from(checkout, store=store).published
        counts = looking.get(timeout=600)
    assert counts == [{300}] * 4
    assert ask(store, "SELECT count(*) FROM imports") == [(3,)]


def look_until_the_third(store: str) -> set[int]:
    """Numbers of results seen until the last of three imports is, and for twenty looks at least."""
    counts, looks = set(), 0
    while ask(Path(store), "SELECT count(*) FROM imports") != [(3,)] or looks < 20:
        counts.add(look(Path(store))[1])
        looks += 1
        time.sleep(0.05)
    return counts

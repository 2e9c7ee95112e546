"""One writer at a time, a killed import changes nothing, and readers never notice an import."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from data.errors import StoreBusyError
from data.store import Version, open_reader, version_of, writing
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


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["while it looks", "while it reads", "while it settles", "any time"])
def test_a_killed_import_leaves_the_store_as_it_was(moment: str, sample: Path, store: Path, tmp_path: Path) -> None:
    import_from(shrunk(sample, tmp_path / "before"), store=store)
    before = digest(store)
    importing = subprocess.Popen(
        [sys.executable, "-m", "evaluators", "import", "--from", str(sample)],
        cwd=ROOT,
        env=os.environ | {"PLUMBLINE_STORE": str(store)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
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


def wait_until(moment: str, store: Path, importing: subprocess.Popen[bytes]) -> None:
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
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def readers_of(importing: subprocess.Popen[str] | subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The processes that read results for an import."""
    try:
        children = psutil.Process(importing.pid).children(recursive=True)
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def test_a_dead_workers_import_ends_with_a_sentence_and_no_new_store(sample: Path, store: Path) -> None:
    before = digest(store)
    importing = subprocess.Popen(
        [sys.executable, "-m", "evaluators", "import", "--from", str(sample)],
        cwd=ROOT,
        env=os.environ | {"PLUMBLINE_STORE": str(store)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: len(readers_of(importing)) > 0 or importing.poll() is not None, "readers")
    readers_of(importing)[0].kill()
    _, told = importing.communicate(timeout=120)
    assert importing.returncode == 2
    assert "was ended from outside" in told
    assert digest(store) == before


def test_eight_readers_in_threads_notice_nothing(checkout: Path, store: Path) -> None:
    import_from(checkout, store=store)
    stop, problems, seen = threading.Event(), [], set()

    def read() -> None:
        try:
            while not stop.is_set():
                seen.add(look(store))
        except Exception as error:  # noqa: BLE001 - whatever a reader meets is what the test is about
            problems.append(repr(error))

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    versions = {version_of(store)}
    for score in (0.3, 0.6, 0.9):
        path = next((checkout / "results").rglob("Task1.json"))
        path.write_text(path.read_text().replace('"main_score": 0.', f'"main_score": {score}'))
        import_from(checkout, store=store)
        versions.add(version_of(store))
    stop.set()
    for reader in readers:
        reader.join()
    assert problems == []
    assert len(versions) == 4
    assert {count for _, count, _ in seen} == {300}
    assert len({total for _, _, total in seen}) > 1  # they did see new versions


def look(store: Path) -> tuple[Version, int, float]:
    """Version, number of results that stand and their sum, all from one version of the store."""
    reader = open_reader(store)
    try:
        query = "SELECT count(*), round(sum(main_score), 6) FROM current_results JOIN scores USING (result_id)"
        ((count, total),) = reader.cursor().execute(query).fetchall()
        return reader.version, count, total
    finally:
        reader.close()


def test_eight_readers_in_processes_notice_nothing(checkout: Path, store: Path) -> None:
    import_from(checkout, store=store)
    context = multiprocessing.get_context("spawn")
    with context.Pool(8) as pool:
        looking = pool.map_async(look_for_two_seconds, [str(store)] * 8)
        for score in (0.4, 0.7):
            path = next((checkout / "results").rglob("Task1.json"))
            path.write_text(path.read_text().replace('"main_score": 0.', f'"main_score": {score}'))
            assert import_from(checkout, store=store).published
        counts = looking.get(timeout=120)
    assert counts == [{300}] * 8
    assert ask(store, "SELECT count(*) FROM imports") == [(3,)]


def look_for_two_seconds(store: str) -> set[int]:
    until = time.monotonic() + 2
    counts = set()
    while time.monotonic() < until:
        counts.add(look(Path(store))[1])
    return counts

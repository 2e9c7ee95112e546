"""A read-only deployment writes nothing, not only beside the store: it runs where nothing can be written at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests import patient
from tests.deploy.conftest import SECRET
from tests.deploy.serving import deployed
from tests.deploy.test_served import BEARER, stream
from tests.serving import ROOT, free_port

PAGES = sorted(path.stem for path in (ROOT / "dashboard" / "screens").glob("*.py") if path.stem != "__init__")
# A namespace of mounts of its own in which all of them are read-only, as for `docker run --read-only` without a tmpfs.
SEALED = """
mount --make-rprivate /
awk '$2 !~ "^/(proc|sys|dev)(/|$)" || $2 == "/dev/shm" {print $2}' /proc/self/mounts | while read -r place; do
  mount -o remount,bind,ro "$place" || exit 9
done || exit 9
if touch "$1" 2>/dev/null; then exit 9; fi
shift
exec "$@"
"""


def seal(probe: Path) -> list[str]:
    """What comes before a command to run it where nothing can be written; the test is skipped where that cannot be."""
    before = ["unshare", "-m", "sh", "-c", SEALED, "sealed", str(probe)]
    done = subprocess.run([*before, "true"], capture_output=True, check=False) if shutil.which("unshare") else None
    if done is None or done.returncode:
        pytest.skip("this machine lets us make no read-only mounts")
    return before


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder: size, time and inode."""
    stats = {str(path): path.lstat() for path in [folder, *folder.rglob("*")]}
    return {name: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for name, stat in stats.items()}


def drawn(url: str, page: str) -> list[ForwardMsg]:
    """Every message of one run of a page, as its browser gets them."""
    message = BackMsg()
    message.rerun_script.page_name = page
    messages = []
    with stream(url, BEARER) as socket:
        socket.send(message.SerializeToString())
        end = time.monotonic() + 120
        while time.monotonic() < end:
            answer = ForwardMsg()
            answer.ParseFromString(bytes(socket.recv(timeout=120)))  # type: ignore[arg-type]
            messages.append(answer)
            if answer.WhichOneof("type") == "script_finished":
                return messages
    raise AssertionError(f"{page} was not drawn")


def wrong(messages: list[ForwardMsg]) -> Iterator[str]:
    """Errors among what is drawn, and the form that would write."""
    for message in messages:
        element = message.delta.new_element
        if element.WhichOneof("type") == "exception":
            yield element.exception.message
        if element.WhichOneof("type") == "alert" and element.alert.format == element.alert.ERROR:
            yield element.alert.body
        if message.delta.add_block.popover.label.endswith("Decide"):
            yield "a decision could be taken"


@pytest.fixture
def store(made_store: Path, tmp_path: Path) -> Path:
    """A copy in a folder of its own."""
    folder = tmp_path / "store"
    folder.mkdir()
    return Path(shutil.copy(made_store, folder / "plumbline.duckdb"))


def test_everything_is_shown_where_nothing_can_be_written(store: Path, tmp_path: Path) -> None:
    before, port, log = seal(tmp_path / "probe"), free_port(), tmp_path / "log"
    environment = {"PLUMBLINE_STORE": str(store), "PLUMBLINE_SECRET": SECRET, "HOME": "/nonexistent"}
    there = {folder: listing(folder) for folder in (store.parent, ROOT / "data", ROOT / "dashboard")}
    with deployed(environment, log, port=port, before=before) as address:
        status = patient.get(f"{address}/status", headers=BEARER).json()
        assert status["ok"] and status["read_only"], "nobody had to say so"
        for page in PAGES:
            assert not list(wrong(drawn(address, page))), page
    assert "Traceback" not in log.read_text() and "Read-only file system" not in log.read_text()
    assert all(listing(folder) == state for folder, state in there.items())


def test_the_switch_alone_keeps_all_as_it_is(made_store: Path, store: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environment = {"PLUMBLINE_STORE": str(store), "PLUMBLINE_SECRET": SECRET, "PLUMBLINE_READ_ONLY": "1"}
    there = listing(store.parent)
    with deployed({**environment, "HOME": str(home)}, tmp_path / "log") as address:
        assert patient.get(f"{address}/status", headers=BEARER).json()["read_only"]
        assert not list(wrong(drawn(address, "leaderboard")))
        assert listing(store.parent) == there and list(home.iterdir()) == []
        refresh(made_store, store, address)
    command = [sys.executable, "-m", "evaluators", "import"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "PLUMBLINE_READ_ONLY is set" in done.stderr


def refresh(made_store: Path, store: Path, address: str) -> None:
    """Another process takes the store away, then publishes one: the dashboard says the one and shows the other."""
    store.unlink()
    assert patient.get(f"{address}/status", headers=BEARER).status_code == 503
    assert patient.get(f"{address}/healthz").status_code == 200, "the server is well, and says nothing of the store"
    shutil.copy(made_store, store.with_name("new"))
    store.with_name("new").replace(store)
    assert patient.get(f"{address}/status", headers=BEARER).status_code == 200
    assert not list(wrong(drawn(address, "leaderboard")))


def test_these_tests_see_a_page_that_writes_and_one_that_fails(dashboard: str) -> None:
    assert list(wrong(drawn(dashboard, "leaderboard"))) == ["a decision could be taken"]
    failed = ForwardMsg()
    failed.delta.new_element.exception.message = "lost"
    assert list(wrong([failed])) == ["lost"]

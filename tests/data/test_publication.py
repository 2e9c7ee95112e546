"""A store published on shared storage and followed elsewhere: one publisher wins, and nobody shows half a store."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dashboard.serve.status import store_status
from data.store import publication
from data.store.database import open_reader, version_of, writing
from data.store.errors import (
    InputError,
    PlumblineError,
    StorageError,
    StoreBusyError,
    StoreDamagedError,
    StoreOutdatedError,
)
from data.store.following import Follower, followed
from data.store.migrate import SCHEMA_VERSION
from data.store.publication import (
    Publication,
    current_publication,
    fetch_store,
    latest_publication,
    publish_store,
    runs_of_this_machine,
)
from data.store.storage import Storage, open_storage
from tests.data.test_migrate import second
from tests.make_store import add_private
from tests.s3_server import S3Server

__all__ = ["second"]  # the fixture of a store of schema 2


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(tmp_path / "shared")
    return open_storage(f"s3://{request.getfixturevalue('bucket')}/team")


@pytest.fixture
def ours(made_store: Path, tmp_path: Path) -> Path:
    """A store of the publisher's."""
    (tmp_path / "ours").mkdir()
    return Path(shutil.copy(made_store, tmp_path / "ours" / "plumbline.duckdb"))


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """Where a dashboard keeps its copy; nothing is there yet."""
    return tmp_path / "theirs" / "plumbline.duckdb"


def change(store: Path, fact: str) -> None:
    """Another version of a store, which says so."""
    with writing(store) as connection:
        connection.execute("DELETE FROM meta WHERE key = 'fact'")
        connection.execute("INSERT INTO meta VALUES ('fact', ?)", [fact])


def fact(store: Path) -> str | None:
    reader = open_reader(store)
    try:
        rows = reader.cursor().execute("SELECT value FROM meta WHERE key = 'fact'").fetchall()
        return rows[0][0] if rows else None
    finally:
        reader.close()


def published(storage: Storage, store: Path, keep: int = 5) -> Publication:
    return publish_store(storage, store, latest_publication(storage), keep=keep)


def names(storage: Storage) -> list[str]:
    return sorted(file.path.partition("/")[2] for file in storage.files("stores"))


def test_what_is_published_arrives_elsewhere(storage: Storage, ours: Path, theirs: Path) -> None:
    assert current_publication(storage) is None
    first = published(storage, ours)
    assert (first.number, first.schema, first.size) == (1, SCHEMA_VERSION, ours.stat().st_size)
    assert current_publication(storage) == latest_publication(storage) == first
    fetch_store(storage, first, theirs)
    with duckdb.connect(str(ours), read_only=True) as one, duckdb.connect(str(theirs), read_only=True) as two:
        for query in (
            "SELECT * FROM scores ORDER BY ALL",
            "SELECT benchmark, model, rank FROM leaderboard ORDER BY ALL",
        ):
            assert one.execute(query).fetchall() == two.execute(query).fetchall() != []
    here = {path.name for path in theirs.parent.iterdir() if path.suffix != ".lock"}
    assert here == {"plumbline.duckdb", "plumbline.published.json"}
    assert {path.name for path in ours.parent.iterdir()} <= here | {"plumbline.duckdb.lock"}


def test_the_same_store_is_not_published_again(storage: Storage, ours: Path, theirs: Path) -> None:
    """Nor is one that was fetched and not changed since, as by a publisher without a disk that lasts."""
    first = published(storage, ours)
    before = names(storage)
    assert published(storage, ours) == first and names(storage) == before
    fetch_store(storage, first, theirs)
    assert published(storage, theirs) == first and names(storage) == before


def test_the_last_stores_are_kept_and_what_orders_them(storage: Storage, ours: Path) -> None:
    for number in range(4):
        change(ours, str(number))
        last = published(storage, ours, keep=2)
    assert last.number == 4 and current_publication(storage) == last
    stored = [name[:6] for name in names(storage) if name.endswith(".duckdb")]
    assert stored == ["000003", "000004"]
    assert [name for name in names(storage) if name.endswith(".json")] == [
        *(f"00000{number}.json" for number in range(1, 5)), "current.json"
    ]  # fmt: skip


def test_of_two_publishers_at_once_one_wins_and_the_other_is_told(storage: Storage, ours: Path, tmp_path: Path) -> None:
    base = published(storage, ours)
    other = Path(shutil.copy(ours, tmp_path / "other.duckdb"))
    change(ours, "one")
    change(other, "two")
    winner = publish_store(storage, ours, base)
    with pytest.raises(StoreBusyError, match="theirs stands"):
        publish_store(storage, other, base)
    assert current_publication(storage) == winner
    assert sum(name.startswith("000002-") for name in names(storage)) == 1
    assert published(storage, other).number == 3


def test_a_publisher_who_died_before_the_pointer_is_found_by_the_next(storage: Storage, ours: Path) -> None:
    first = published(storage, ours)
    storage.write("stores/000002.json", first._replace(number=2, publisher="of the dead").as_bytes())
    assert current_publication(storage) == first
    change(ours, "next")
    third = published(storage, ours)
    assert third.number == 3 and current_publication(storage) == third


def test_a_publisher_who_comes_late_to_the_pointer_does_not_turn_it_back(storage: Storage, ours: Path) -> None:
    first = published(storage, ours)
    change(ours, "next")
    second_ = published(storage, ours)
    storage.write("stores/current.json", first.as_bytes())
    publication._point_at_latest(storage, first)
    assert current_publication(storage) == second_


class Dead(BaseException):
    """The publisher was killed."""


class Dying:
    """A storage whose user dies at one of its changes: before it was made, or before its answer came."""

    def __init__(self, storage: Storage, at: int, *, done: bool) -> None:
        self.url, self._storage, self._left, self._done = storage.url, storage, at, done

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._storage, name)
        if name not in ("upload", "write", "write_new", "remove"):
            return real

        def change(*args: Any) -> Any:
            self._left -= 1
            if self._left < 0:
                if self._done:
                    real(*args)
                raise Dead
            return real(*args)

        return change


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_wherever_a_publisher_dies_what_is_pointed_at_is_whole(ours: Path, tmp_path: Path, done: bool) -> None:
    """At each change it makes on the storage; the next one publishes as if nothing had been."""
    storage = open_storage(tmp_path / "shared")
    published(storage, ours, keep=1)
    for at in range(4):
        change(ours, f"{at}")
        before = current_publication(storage)
        with pytest.raises(Dead):
            publish_store(Dying(storage, at, done=done), ours, latest_publication(storage), keep=1)  # type: ignore[arg-type]
        current = current_publication(storage)
        assert current is not None and before is not None and current.number - before.number in (0, 1)
        assert sha256(storage.read(current.name, 2**24)).hexdigest() == current.sha256
        latest = published(storage, ours, keep=1)
        # A number that was taken is not taken again; who had come to the pointer's end had published.
        claimed = (at, done) in ((1, True), (2, False))
        assert latest.number == current.number + (2 if claimed else 0 if at == 3 else 1)
        assert current_publication(storage) == latest
        assert sha256(ours.read_bytes()).hexdigest() == latest.sha256
    change(ours, "last")
    published(storage, ours, keep=1)
    assert sum(name.endswith(".duckdb") for name in names(storage)) == 1


def test_what_did_not_arrive_whole_is_not_shown(storage: Storage, ours: Path, theirs: Path) -> None:
    first = published(storage, ours)
    fetch_store(storage, first, theirs)
    before = version_of(theirs)
    change(ours, "next")
    next_ = published(storage, ours)
    data = ours.read_bytes()
    for torn in (data[:-100], data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]):
        storage.write(next_.name, torn)
        with pytest.raises(StorageError, match="is not the one that was published"):
            fetch_store(storage, next_, theirs)
    storage.remove(next_.name)
    with pytest.raises(StorageError, match="no such file"):
        fetch_store(storage, next_, theirs)
    assert version_of(theirs) == before
    assert not list(theirs.parent.glob("*.arriving*"))


def test_a_later_schema_is_said_before_anything_is_fetched(
    bucket: str, s3_server: S3Server, ours: Path, theirs: Path
) -> None:
    storage = open_storage(f"s3://{bucket}")
    later = published(storage, ours)._replace(schema=SCHEMA_VERSION + 1)
    s3_server.forget()
    with pytest.raises(StoreOutdatedError, match="Update Plumbline here"):
        fetch_store(storage, later, theirs)
    assert not s3_server.requests and not theirs.exists()


def test_an_earlier_schema_is_brought_up_to_ours(storage: Storage, second: Path, theirs: Path) -> None:
    first = published(storage, second)._replace(schema=2)
    fetch_store(storage, first, theirs)
    reader = open_reader(theirs)
    assert reader.cursor().execute("SELECT count(*) FROM checks").fetchall() != [(0,)]
    reader.close()


def test_only_figures_are_taken_of_what_somebody_published(storage: Storage, ours: Path, theirs: Path) -> None:
    """A view is a query: it could read any file of the machine that shows it."""
    with writing(ours) as connection:
        connection.execute("DROP VIEW leaderboard")
        connection.execute("CREATE VIEW leaderboard AS SELECT content FROM read_text('/etc/hostname')")
        connection.execute("CREATE MACRO sneaky() AS (SELECT content FROM read_text('/etc/hostname'))")
    fetch_store(storage, published(storage, ours), theirs)
    with duckdb.connect(str(theirs), read_only=True) as connection:
        assert connection.execute("SELECT rank FROM leaderboard LIMIT 1").fetchall()
        assert not connection.execute("FROM duckdb_functions() WHERE function_name = 'sneaky'").fetchall()


def test_what_is_no_store_is_not_shown(storage: Storage, ours: Path, theirs: Path, tmp_path: Path) -> None:
    fetch_store(storage, published(storage, ours), theirs)
    before = version_of(theirs)
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE a (b INT)")
    for content in (other.read_bytes(), b"not a database"):
        other.write_bytes(content)
        with pytest.raises(StoreDamagedError):
            fetch_store(storage, published(storage, other), theirs)
    assert version_of(theirs) == before


def test_a_pointer_that_is_none_is_said(storage: Storage, ours: Path) -> None:
    first = published(storage, ours)
    wrong = (
        first._replace(name="stores/../../etc/passwd"), first._replace(number=-1), first._replace(size="large"),
        first._replace(number=True), first._replace(name="stores/000001-0123456789abcdef.duckdb\n"),
    )  # fmt: skip
    for pointer in (b"", b"{", b"[]", b'{"number": 1}', b"\xff", b"x" * 100_000, *(each.as_bytes() for each in wrong)):
        storage.write("stores/current.json", pointer)
        with pytest.raises(StorageError):
            current_publication(storage)


def test_runs_of_this_machine_are_told_from_bundled_ones(ours: Path) -> None:
    assert runs_of_this_machine(ours) == 0
    with writing(ours) as connection:
        connection.execute(
            "INSERT INTO runs BY NAME SELECT * FROM read_parquet(?)", [str(publication.RECORD / "parity-runs.parquet")]
        )
    assert runs_of_this_machine(ours) == 0
    add_private(ours)
    assert runs_of_this_machine(ours) == 3
    assert runs_of_this_machine(ours.with_name("none")) == 0


def test_a_follower_takes_each_new_store_and_keeps_its_own_through_everything(
    bucket: str, s3_server: S3Server, ours: Path, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = open_storage(f"s3://{bucket}")
    monkeypatch.setenv("PLUMBLINE_STORE", str(theirs))
    follower = Follower(storage, theirs, every=1)

    def look() -> PlumblineError | None:
        follower.look()
        state = followed(theirs)
        assert state is not None
        return state.trouble

    assert "No store was published" in str(look()) and not theirs.exists()
    change(ours, "one")
    published(storage, ours)
    assert look() is None and fact(theirs) == "one"
    s3_server.forget()
    assert look() is None and len(s3_server.requests) == 1, "a look with nothing new is one request"
    with s3_server.failing(lambda _: 403):
        assert "refused us" in str(look())
        first = followed(theirs)
        assert first is not None and first.shown is not None and first.shown.number == 1
        assert look() is not None and followed(theirs) is not first
        assert (followed(theirs) or first).since == first.since, "since when does not change"
        answer = store_status()
        assert answer["ok"] and answer["published"]["number"] == 1 and "refused us" in answer["published"]["trouble"]
        assert answer["published"]["since"] and bucket in answer["published"]["from"]
    change(ours, "two")
    lost = published(storage, ours)
    storage.remove(lost.name)
    assert "no such file" in str(look()) and fact(theirs) == "one"
    change(ours, "three")
    published(storage, ours)
    assert look() is None and fact(theirs) == "three"
    assert store_status()["published"]["trouble"] is None
    add_private(theirs)
    change(ours, "four")
    published(storage, ours)
    assert "runs of this machine" in str(look()) and fact(theirs) == "three"
    with pytest.raises(InputError, match="PLUMBLINE_STORE"):
        follower.refuse_own_runs()


def test_two_processes_that_show_one_file_do_not_both_fetch(storage: Storage, ours: Path, theirs: Path) -> None:
    from filelock import FileLock

    first = published(storage, ours)
    theirs.parent.mkdir()
    with FileLock(f"{theirs}.following.lock"), pytest.raises(StoreBusyError):
        fetch_store(storage, first, theirs)
    fetch_store(storage, first, theirs)

"""Watching an endpoint: a line a check, changes told once confirmed, an absence that is none, a clean end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import numpy as np
import pytest

from dashboard.queries import drift
from data.store import keys
from data.store.database import reading
from data.store.errors import InputError
from evaluators.parity import watch
from evaluators.parity.watch import _stopped, _Terminated, few_texts, seconds_of
from evaluators.parity.webhook import Webhook
from evaluators.probes import load_probes
from tests.commands import Ended, command
from tests.encoders.bench import KEY, MODEL, Asked, Bench, Reply, right_rows, serving_as
from tests.encoders.raw import listening
from tests.encoders.server import vector
from tests.encoders.vendors import VENDORS
from tests.serving import ROOT

HOOK_KEY = "hk-4Nn8Vv2Bb6Mm1Cc7Xx3Z"
Watched = Callable[..., tuple[Ended, list[str]]]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VENDOR_KEY", KEY)
    monkeypatch.setenv("HOOK_KEY", HOOK_KEY)
    yield
    keys.forget()


def other(texts: list[str]) -> list[Any]:
    """Vectors that are far from the right ones, each its own way."""
    mixed = [vector(text) + 0.7 * vector(f"another model: {text}") for text in texts]
    return [(row / np.linalg.norm(row)).tolist() for row in mixed]


class Endpoint(Bench):
    """A server whose behaviour changes from check to check, of which each ends by asking for the version."""

    def __init__(self, *phases: str) -> None:
        super().__init__()
        self.phases, self.checks = phases, 0


def answer(bench: Bench, asked: Asked) -> Reply:
    assert isinstance(bench, Endpoint)
    phase = bench.phases[min(bench.checks, len(bench.phases) - 1)]
    if phase == "away":
        bench.checks += 1
        return Reply({"error": f"the key {asked.headers['authorization']} has expired"}, 401)
    bench.checks += asked.path == "/api/version"
    bench.rows = other if phase == "other" else right_rows
    return VENDORS["ollama"].answer(bench, asked)


def words(right: Bench, bench: Bench, store: Path, *more: object, every: str = "1s") -> list[object]:
    shared = "key_env=VENDOR_KEY&timeout=200&retries=0"
    return [
        "parity", "--reference", f"openai:{right.url}/v1?model={MODEL}&label=reference&{shared}",
        "--candidate", f"ollama:{bench.url}?model={MODEL}&label=endpoint&{shared}",
        "--probes", str(store.with_name("texts.txt")), "--store", store, "--watch", every, "--watch-probes", 8, *more,
    ]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    (tmp_path / "texts.txt").write_text("".join(f"Text {n} about {thing}\n" for n, thing in enumerate("abcdefghijkl")))
    return tmp_path / "s.duckdb"


@pytest.fixture
def right() -> Iterator[Bench]:
    with serving_as(VENDORS["openai"].answer) as server:
        yield server


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """One address, behind which a server may be started anew."""
    bench = Endpoint("right")
    with serving_as(answer, bench):
        yield bench


@pytest.fixture
def watched(
    store: Path, right: Bench, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Ended, list[str]]]:
    """The command on an endpoint that begins with these phases, checked more often than a user may ask for."""
    monkeypatch.setattr(watch, "_LEAST", 0.05)

    def run(*phases: str, more: tuple[object, ...] = ()) -> tuple[Ended, list[str]]:
        endpoint.phases, endpoint.checks = phases, 0
        ended = command(*words(right, endpoint, store, *more, every="0.05s"))
        return ended, [line.partition("Z ")[2] for line in ended.out.splitlines()]

    return run


def states(store: Path) -> list[tuple[str, bool]]:
    with closing(duckdb.connect(str(store), read_only=True)) as connection:
        return connection.execute(
            "SELECT s.verdict, coalesce(s.measures ->> '$.away', 'false') = 'true' FROM drift_summary s"
            " JOIN checks USING (check_id) ORDER BY started_at"
        ).fetchall()


def test_a_line_a_check_and_an_end_at_a_change(store: Path, watched: Watched) -> None:
    ended, lines = watched("right", "right", "other", more=("--watch-times", 6))
    assert ended.status == 1, ended
    assert len(lines) == 3 and all(line.startswith("endpoint: ") for line in lines)
    assert lines[0].startswith("endpoint: identical. The same vectors on all 8 texts")
    assert lines[1].startswith("endpoint: identical, unchanged. ")
    assert lines[2].startswith("endpoint: differs everywhere, was identical. ")
    assert [verdict for verdict, _ in states(store)] == ["identical"] * 2 + ["differs everywhere"] * 2


def test_what_changed_while_nobody_watched_is_a_change(store: Path, watched: Watched, endpoint: Endpoint) -> None:
    assert watched("right", more=("--watch-times", 1))[0].status == 0
    endpoint.named = "another-model"  # the address is the same
    ended, lines = watched("other", more=("--watch-times", 3))
    assert ended.status == 1 and ", was identical. " in lines[0], lines
    with reading(store) as cursor:
        newest = "SELECT check_id, encoder_id FROM drift_summary JOIN checks USING (check_id) ORDER BY started_at DESC"
        line = drift.history(cursor, *_two(cursor.execute(newest).fetchone()))
    assert line["verdict"].tolist() == ["identical", "differs everywhere", "differs everywhere"]
    assert line["was"].tolist() == [None, "identical", None]


def _two(row: Any) -> tuple[str, str, str]:
    return row[0], "dense", row[1]


def test_a_change_that_a_second_check_does_not_confirm_is_none_now_or_after_a_restart(
    store: Path, watched: Watched
) -> None:
    ended, lines = watched("right", "other", "right", "right", more=("--watch-times", 3))
    assert ended.status == 0, ended
    assert "identical, once otherwise: a second check at once did not confirm it" in lines[1]
    assert lines[2].startswith("endpoint: identical, unchanged")
    assert [verdict for verdict, _ in states(store)] == ["identical", "differs everywhere", "identical", "identical"]
    ended, lines = watched("right", "other", "right", more=("--watch-times", 2))
    assert ended.status == 0 and lines[0].startswith("endpoint: identical, unchanged")
    assert watched("right", more=("--watch-times", 1))[1][0].startswith("endpoint: identical, unchanged")


def test_other_texts_begin_anew(store: Path, watched: Watched) -> None:
    assert watched("right", more=("--watch-times", 1))[0].status == 0
    (store.parent / "texts.txt").write_text("".join(f"Other text {n}\n" for n in range(12)))
    ended, lines = watched("other", more=("--watch-times", 2))
    assert ended.status == 0 and lines[0].startswith("endpoint: differs everywhere. "), lines
    assert lines[1].startswith("endpoint: differs everywhere, unchanged. ")


def test_two_of_one_name_are_told_apart(store: Path, watched: Watched) -> None:
    with serving_as(answer, Endpoint("other")) as second:
        shared = "key_env=VENDOR_KEY&timeout=200&retries=0"
        more = ("--watch-times", 2, "--candidate", f"ollama:{second.url}?model={MODEL}&label=endpoint&{shared}")
        ended, lines = watched("right", more=more)
        assert ended.status == 0, ended
        assert f"endpoint at {second.url}: differs everywhere, unchanged" in lines[3]
        ended, lines = watched("right", more=more)
        assert ended.status == 0 and "identical, unchanged" in lines[0] and "everywhere, unchanged" in lines[1]


def test_the_history_is_taken_up_once_the_reference_is_there(watched: Watched, right: Bench) -> None:
    assert watched("right", more=("--watch-times", 1))[0].status == 0
    before = len(right.asked)
    right.spoil = lambda reply: reply if len(right.asked) > before + 1 else Reply({"error": "starting"}, 401)
    ended, lines = watched("other", more=("--watch-times", 3))
    assert "no check, the reference is away: The server answered 401" in lines[0]
    assert ended.status == 1 and ", was identical. " in lines[1], lines


def test_a_level_ends_it_whoever_is_told(watched: Watched) -> None:
    with serving_as(lambda bench, asked: Reply({})) as hook:
        more = ("--watch-times", 5, "--webhook", hook.url, "--fail-on", "differs")
        ended, lines = watched("right", "other", "right", "other", more=more)
        assert ended.status == 1 and len(lines) == 3, lines  # the first was not confirmed
        assert [json.loads(one.body)["event"] for one in hook.asked] == ["verdict"]


def test_an_absence_is_no_drift_and_is_kept_once(store: Path, watched: Watched) -> None:
    ended, lines = watched("right", "away", "away", "right", more=("--watch-times", 4))
    assert ended.status == 0, ended
    assert KEY not in ended.out and KEY.encode() not in store.read_bytes()
    assert lines[1].startswith("endpoint: away. The server answered 401") and "endpoint: still away" in lines[2]
    assert lines[3].startswith("endpoint: identical, unchanged, back again. ")
    assert states(store) == [("identical", False), ("unusable", True), ("identical", False)]


def test_a_webhook_is_told_with_its_key_and_the_watch_goes_on(store: Path, watched: Watched) -> None:
    with serving_as(lambda bench, asked: Reply(b"ok", 202, {"Content-Type": "text/plain"})) as hook:
        more = ("--watch-times", 4, "--webhook", f"{hook.url}/hook", "--webhook-key-env", "HOOK_KEY")
        ended, lines = watched("right", "away", "other", more=more)
        events = [json.loads(one.body) for one in hook.asked]
        assert {one.headers["authorization"] for one in hook.asked} == {f"Bearer {HOOK_KEY}"}
    assert ended.status == 0 and len(lines) == 4, ended
    assert [(event["event"], event["was"], event["now"]) for event in events] == [
        ("away", "identical", "away"), ("verdict", "identical", "differs everywhere"),
    ]  # fmt: skip
    assert events[1]["candidate"] == "endpoint" and events[1]["sentence"] and events[1]["check"]
    assert not any(KEY.encode() in one.body for one in hook.asked)
    for secret in (KEY, HOOK_KEY):
        assert secret not in ended.out + ended.err and secret.encode() not in store.read_bytes()


def test_a_webhook_that_hangs_or_refuses_holds_up_nothing_and_is_not_followed_elsewhere() -> None:
    lines: list[str] = []
    with serving_as(lambda bench, asked: Reply({"error": f"no {HOOK_KEY}"}, 403)) as hook:
        told = Webhook(hook.url, "HOOK_KEY", lines.append)
        told.tell({"event": "verdict"})
        told.close()
        assert len(hook.asked) == 1
    assert "webhook: verdict was not taken: The server answered 403" in lines[0] and HOOK_KEY not in lines[0]
    with serving_as(lambda bench, asked: Reply({}, 307, {"Location": "http://localhost:9/"})) as hook:
        told = Webhook(hook.url, None, lines.append)
        told.tell({"event": "away"})
        told.close()
    assert "another host" in lines[1]
    private = "/services/T0AB1CD2E/B3FG4HI5J/kLmNoPqRsTuVwXyZ01234567"
    with serving_as(lambda bench, asked: Reply({"error": f"no such hook: {asked.path}"}, 404)) as hook:
        told = Webhook(f"{hook.url}{private}", None, lines.append)
        told.tell({"event": "back"})
        told.close()
    assert "back was not taken: The server answered 404" in lines[2] and "/services/***" in lines[2]
    assert not any(part in lines[2] for part in private.split("/")[2:])
    with listening(lambda connection, state: state.stop.wait(20)) as silent:
        told = Webhook(silent.url, None, lines.append)
        told.tell({"event": "away"})
        started = time.monotonic()
        told.close(0.2)
        assert time.monotonic() - started < 5
    for url, variable in (("ftp://host/x", None), ("https://host/x?token=abc", None), ("https://host/x", "NOT_SET")):
        with pytest.raises(InputError):
            Webhook(url, variable, lines.append)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it_cleanly(
    store: Path, right: Bench, endpoint: Endpoint, number: signal.Signals, status: int
) -> None:
    line = [str(word) for word in words(right, endpoint, store)]
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "evaluators", *line], cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert "endpoint: identical" in process.stdout.readline()
        process.send_signal(number)
        out, err = process.communicate(timeout=120)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
    assert process.returncode == status, (out, err)
    assert "Traceback" not in err
    assert [state for state, _ in states(store)] == ["identical"] * len(states(store))
    assert not list(store.parent.glob("*.partial"))


def test_a_sigterm_at_any_moment_of_the_wait_ends_it() -> None:
    """Also between two lines of what waits, where a lock may be held that the handler must not want."""

    def late(*_: object) -> None:
        raise AssertionError("the wait did not end")

    before = signal.signal(signal.SIGALRM, late)
    try:
        moments = 0
        while _ended_at(moments):
            moments += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert moments >= 2


def _ended_at(moment: int) -> bool:
    """Whether the wait has so many lines, of which a SIGTERM came at the last; it has to have ended by that."""
    lines = 0

    def trace(_frame: FrameType, event: str, _of: object) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == moment + 1:
                signal.raise_signal(signal.SIGTERM)
        return trace

    signal.setitimer(signal.ITIMER_REAL, 20)
    traced = sys.gettrace()
    try:
        with _stopped() as stop:
            sys.settrace(trace)
            try:
                stop.wait(0.001)
            finally:
                sys.settrace(traced)
    except _Terminated:
        return True
    return False


def test_intervals_and_few_texts() -> None:
    assert [seconds_of(text) for text in ("90", "90s", "15m", "6h", "1d", "1.5 s")] == [90, 90, 900, 21600, 86400, 1.5]
    for text in ("", "0", "0.5s", "-3s", "soon", "5w"):
        with pytest.raises(InputError):
            seconds_of(text)
    few = few_texts(load_probes(), 8)
    assert len(few.probes) == 8 and few.name == "bundled, 8 of them"


def test_nothing_is_watched_that_cannot_be(store: Path) -> None:
    ended = command("parity", "--reference", "openai:http://127.0.0.1:9/v1?model=m&retries=0", "--candidate",
                    "tei:http://127.0.0.1:9", "--watch", "soon", "--store", store)  # fmt: skip
    assert ended.status == 2 and "--watch soon is no time between checks" in ended.err
    started = time.monotonic()
    ended = command("parity", "--reference", "openai:http://127.0.0.1:9/v1?model=m&retries=0", "--candidate",
                    "tei:http://127.0.0.1:9", "--watch", "1s", "--watch-times", 1, "--store", store)  # fmt: skip
    assert ended.status == 2 and "no check, the reference is away" in ended.out and time.monotonic() - started < 60
    ended = command("parity", "--reference", "openai:http://127.0.0.1:9/v1?model=m", "--candidate",
                    "tei:http://127.0.0.1:9", "--webhook", "http://127.0.0.1:9", "--store", store)  # fmt: skip
    assert ended.status == 2 and "--watch 15m" in ended.err

"""What is said of encoders that disagree with themselves: what was seen, and no cause."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from data.rules.drift import SAME_VECTORS
from data.store.database import open_reader, writing
from data.store.errors import EncoderGoneError
from evaluators.diagnose.from_store import read_check
from evaluators.encoders.base import Description, Encoded
from evaluators.encoders.settings import EncoderSettings
from evaluators.parity import run
from evaluators.parity.asking import CallLog, ask_at_once
from evaluators.parity.observations import OBSERVATIONS
from evaluators.parity.plan import CheckPlan
from evaluators.parity.run import Check, Examined
from evaluators.parity.scatter import noise_of
from evaluators.parity.selftest import TESTS, SelfTest, with_observations
from evaluators.parity.stability import observe
from tests.parity.conftest import core_probes, kept, rows
from tests.parity.misbehaving import KINDS, Misbehaving, Opener, State, right

# kind -> verdict, and what must have been observed with which numbers
SEEN: dict[str, tuple[str, dict[str, dict[str, Any]]]] = {
    "right": ("identical", {}),
    "two versions": ("unstable", {"distinct-answers": {"answers": 2, "by": "call", "once": False}}),
    "two replicas": ("unstable", {"distinct-answers": {"answers": 2, "lengths_only": True}}),
    "two precisions": ("unstable", {"distinct-answers": {"answers": 2, "by": "call"}}),
    "upgraded": ("unstable", {"distinct-answers": {"answers": 2, "once": True}}),
    "previous": ("unstable", {"another-text": {"whose": "before"}}),
    "swapped": ("unstable", {"another-text": {"whose": "call"}}),
    "noise": ("unstable", {"noise": {"shape": "even"}}),
    "factors": ("unstable", {"noise": {"shape": "proportional"}}),
    "lengths": ("unstable", {"noise": {"shape": "length"}}),
    "running mean": ("unstable", {"moving-offset": {"drifts": True}}),
    "rotated": ("unstable", {"loads-rotated": {"products_of_reference": True}}),
    "other start": ("unstable", {"loads-differ": {}}),
    "batch mean": ("unstable", {"batch-differs": {"company": True, "place": False, "alone_is_reference": True}}),
    "first place": ("unstable", {"batch-differs": {"place": True}}),
    "shuffled": ("unstable", {"rows-moved": {"moved": 8}}),
    "cached": ("unstable", {"beginning-shared": {"characters": 40, "first_kept": True}}),
    "long nan": ("differs on some texts", {}),
    "quantised": ("differs everywhere", {"batch-within-precision": {}}),
    "quantised, other words": ("differs everywhere", {"batch-within-precision": {}}),
    "quantised and padded": ("unstable", {"batch-differs": {"company": True}}),
    "quantised, in slots": ("differs everywhere", {"repeats-within-arithmetic": {}, "batch-within-precision": {}}),
    "quantised and carried": ("unstable", {"depends-on-before": {}}),
    "carried": ("unstable", {"depends-on-before": {}}),
    "cold": ("unstable", {"first-call-differs": {"texts": 8}}),
    "second start": ("unstable", {"second-load-restless": {"then_as_first": True}}),
    "long zeros": ("differs on some texts", {}),
    "faint": ("precision only", {"repeats-within-precision": {}}),
    "letters": ("unstable", {"variants-shared": {"variants": ["spaces", "punctuation"]}}),
    "late": ("unstable", {"moving-offset": {"drifts": True}}),
    "rare": ("unstable", {"outliers": {}}),
    "three versions": ("unstable", {"distinct-answers": {"answers": 3, "by": "call"}}),
    "in reverse": ("unstable", {"rows-moved": {"moved": 8}}),
    "nan at times": ("unstable", {"numbers-come-and-go": {}}),
    "large": ("unstable", {"large-batch-differs": {"together": 16}}),
}
MOST_CALLS = 64


@dataclass(frozen=True)
class Done:
    """A check of every kind, and how many texts each start of each was asked in each call."""

    check: Check
    calls: dict[str, list[list[int]]]

    def of(self, kind: str) -> Examined:
        return next(one for one in self.check.candidates if one.settings.display == kind)


@pytest.fixture(scope="module")
def done() -> Iterator[Done]:
    with pytest.MonkeyPatch.context() as patch:
        opener = Opener()
        patch.setattr(run, "open_encoder", opener)
        patch.setattr(run, "look", lambda settings, seen: ())
        asked = [EncoderSettings("langchain", kind, label=kind) for kind in KINDS]
        reference = EncoderSettings("langchain", "right", label="reference")
        found = run.check(CheckPlan(reference, tuple(asked), core_probes()))
        calls: dict[str, list[list[int]]] = {}
        for one in opener.opened:
            assert isinstance(one, Misbehaving)
            calls.setdefault(one.settings.source, []).append(one.asked)
        yield Done(found, calls)


def test_every_kind_has_an_expectation() -> None:
    assert set(SEEN) == set(KINDS)


@pytest.mark.parametrize("kind", SEEN)
def test_what_was_seen_is_said_with_its_numbers(done: Done, kind: str) -> None:
    verdict, expected = SEEN[kind]
    examined = done.of(kind)
    observed = {one.code: one.numbers for outcome in examined.protocol for one in outcome.observed}
    seen = {code: numbers for code, numbers in observed.items() if code != "loads-outputs"}
    assert set(seen) == set(expected)
    for code, numbers in expected.items():
        assert {name: seen[code][name] for name in numbers} == numbers
    found = examined.comparisons[0].verdict
    assert found.verdict == verdict
    for outcome in examined.protocol:
        for one in outcome.observed:
            assert one.in_words() in outcome.detail
            if outcome.outcome == "fail":
                assert one.in_words() in found.sentence


@pytest.mark.parametrize("kind", SEEN)
def test_no_sentence_of_a_check_names_a_cause(done: Done, kind: str) -> None:
    said = (
        " ".join(outcome.detail for outcome in done.of(kind).protocol) + done.of(kind).comparisons[0].verdict.sentence
    )
    for cause in ("dropout", "initialised", "weights", "at random", "padding"):
        assert cause not in said


def test_which_of_two_answers_is_the_references_is_said(done: Done) -> None:
    for kind in ("two versions", "two replicas", "upgraded"):
        assert "One of them is the reference's, on every text asked" in done.of(kind).comparisons[0].verdict.sentence


def test_noise_has_its_size(done: Done) -> None:
    seen = {kind: _numbers(done, kind, "noise") for kind in ("noise", "factors")}
    assert seen["noise"]["size"] == pytest.approx(0.05 * 8, rel=0.15)  # .05 in each of 64 dimensions
    assert seen["factors"]["size"] == pytest.approx(0.3, rel=0.15)
    assert seen["noise"]["kurtosis"] == pytest.approx(3, abs=0.2)


def test_where_the_same_call_varies_nothing_is_said_of_batches_and_loads(done: Done) -> None:
    for kind in ("noise", "two versions", "previous", "running mean"):
        outcomes = {outcome.test: outcome.outcome for outcome in done.of(kind).protocol}
        assert outcomes["deterministic"] == "fail"
        assert "fail" not in {outcomes["batch"], outcomes["order"], outcomes["loads"]}


def test_long_texts_without_a_number_are_never_identical(done: Done) -> None:
    sentence = done.of("long nan").comparisons[0].verdict.sentence
    assert "No vector of numbers for 1 of 16 texts that the reference has one for" in sentence
    assert "long-600" in sentence


def test_clients_ask_at_the_same_time_and_each_answer_is_kept() -> None:
    everybody = threading.Barrier(4)  # passed only when four calls are under way

    class Client(Misbehaving):
        left = 0

        def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
            if self.left:
                self.left -= 1
                everybody.wait(timeout=60)
            return super().encode(texts, role)

    clients = []

    def reopen() -> Client:
        clients.append(Client(EncoderSettings("openai", "right"), State(np.random.default_rng(1))))
        clients[-1].left = 4
        return clients[-1]

    asked = CallLog(core_probes().probes, tuple(range(8)))
    assert ask_at_once(reopen, asked) == ""
    assert [sum(client.asked) for client in clients] == [6, 6, 6, 6]
    assert len(asked.of("at-once")) == 16 and len(asked.of("client-3")) == 2


def test_answers_exchanged_between_calls_at_the_same_time_are_told_and_not_taken_for_noise() -> None:
    probes = core_probes().probes[:8]
    vectors = np.stack([right(probe.text + "x") for probe in probes]).astype(np.float32)
    asked = CallLog(probes, tuple(range(8)))
    for how in ("all", "batch", "batch"):
        asked.add(how, 1, range(8), vectors)
    for _ in range(2):
        for place in range(8):
            asked.add("alone", 1, [place], vectors[[place]])
            client, length = place % 4, 2 if place % 4 == 3 else 1
            asked.add("at-once", 1, [place], vectors[[place ^ 1 if place < 2 else place]] * length)
            asked.add(f"client-{client}", 1, [client], vectors[[client]] * length)
    at_once, clients = observe(asked, SAME_VECTORS)
    assert at_once.code == "at-once-differs"
    # Of the clients of which one gets other vectors by itself, only the texts that each was asked for by itself count.
    assert {name: at_once.numbers[name] for name in ("times", "answers", "another")} == {
        "times": 4, "answers": 8, "another": 4,
    }  # fmt: skip
    assert (clients.code, clients.numbers["differ"]) == ("clients-differ", 1)
    before = [SelfTest("deterministic", "pass", 0.0, "the same"), SelfTest("batch", "pass", 0.0, "the same")]
    after = with_observations(before, [at_once, clients])
    assert [(one.outcome, len(one.observed)) for one in after] == [("fail", 2), ("pass", 0)]


def test_texts_with_zeros_alone_are_never_identical(done: Done) -> None:
    sentence = done.of("long zeros").comparisons[0].verdict.sentence
    assert "No vector but zeros for 1 of 16 texts that the reference has one for" in sentence


@pytest.mark.parametrize(("size", "codes"), [(0.005, []), (0.05, ["at-once-differs"])])
def test_what_a_batch_may_do_to_rounded_vectors_is_no_fault_at_the_same_time(size: float, codes: list[str]) -> None:
    """A server that rounds, and gathers what several clients ask for into one batch."""
    probes = core_probes().probes[:8]
    vectors = np.stack([right(probe.text + "x") for probe in probes]).astype(np.float32)
    draw = np.random.default_rng(3)
    reference, asked = CallLog(probes, tuple(range(8))), CallLog(probes, tuple(range(8)))
    reference.add("all", 1, range(8), vectors)
    rounded = vectors + draw.normal(size=vectors.shape).astype(np.float32) * 0.005 / 8
    for how in ("all", "batch", "batch"):
        asked.add(how, 1, range(8), rounded)
    for place in range(8):
        asked.add("alone", 1, [place], rounded[[place]])
        other = draw.normal(size=(1, 64)).astype(np.float32) * size / 8
        asked.add("at-once", 1, [place], vectors[[place]] + other)
    assert [one.code for one in observe(asked, SAME_VECTORS, reference)] == codes


def test_a_client_that_is_answered_differently_is_not_taken_for_the_others_asking() -> None:
    probes = core_probes().probes[:8]
    vectors = np.stack([right(probe.text + "x") for probe in probes]).astype(np.float32)
    asked = CallLog(probes, tuple(range(8)))
    asked.add("batch", 1, range(8), vectors)
    for place in range(8):
        version = np.float32(1 + place % 2)
        asked.add("alone", 1, [place], vectors[[place]])
        asked.add("at-once", 1, [place], vectors[[place]] * version)
        asked.add(f"client-{place % 4}", 1, [place % 4], vectors[[place % 4]] * version)
    found = observe(asked, SAME_VECTORS)
    assert [(one.code, one.numbers["differ"]) for one in found] == [("clients-differ", 2)]


class _Gone:
    """A client of a server that is no longer there."""

    settings = EncoderSettings("openai", "gone")

    def __init__(self) -> None:
        self.asked, self.closed, self.gone = 0, False, ""

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        self.asked += 1
        raise EncoderGoneError("Nobody listens")

    def describe(self) -> Description:
        raise EncoderGoneError("Nobody listens")

    def close(self) -> None:
        self.closed = True


def test_a_server_that_is_gone_is_asked_once_by_each_client_and_no_more() -> None:
    clients: list[_Gone] = []
    asked = CallLog(core_probes().probes, tuple(range(8)))
    said = ask_at_once(lambda: clients.append(_Gone()) or clients[-1], asked)  # type: ignore[func-returns-value]
    assert "Nobody listens" in said and asked.calls == []
    assert [(client.asked, client.closed) for client in clients] == [(1, True)] * 4


def test_a_client_that_cannot_be_opened_costs_no_answer_and_no_other_client_is_left_open() -> None:
    clients: list[_Gone] = []

    def reopen() -> _Gone:
        if len(clients) == 2:
            raise EncoderGoneError("The server is gone")
        clients.append(_Gone())
        return clients[-1]

    assert "The server is gone" in ask_at_once(reopen, CallLog(core_probes().probes, tuple(range(8))))
    assert [(client.asked, client.closed) for client in clients] == [(0, True)] * 2


def test_asking_again_costs_a_bounded_number_of_calls(done: Done) -> None:
    assert {kind: len(calls[0]) for kind, calls in done.calls.items() if len(calls[0]) > MOST_CALLS} == {}
    assert len(done.calls["right"][0]) == 26  # three roles of all texts, and the 23 of asking again


def test_what_was_seen_is_kept_as_codes_with_every_answer(done: Done, tmp_path: Path) -> None:
    store = kept(done.check, tmp_path / "s.duckdb")
    found = rows(
        store, "SELECT label, code, observed FROM protocol JOIN encoders USING (encoder_id) WHERE code NOT NULL"
    )
    codes = {label: code for label, code, _ in found if code != "loads-outputs"}
    assert codes["noise"] == "noise" and codes["cached"] == "beginning-shared" and "right" not in codes
    assert all(one["code"] in OBSERVATIONS for *_, observed in found for one in json.loads(observed))
    answers = dict(rows(store, "SELECT label, count(*) FROM answers JOIN encoders USING (encoder_id) GROUP BY label"))
    assert answers["noise"] > 100 and "right" not in answers
    candidates = {one.label: one.facts for one in read_check(store, done.check.check_id).candidates}
    assert [one.code for one in candidates["two versions"].observed] == ["distinct-answers"]
    assert candidates["noise"].deterministic is False and candidates["quantised"].deterministic is True
    own = [call.vectors for call in (done.of("noise").log or pytest.fail("nothing asked")).of("batch")]
    again = [call.vectors for call in candidates["noise"].of("batch")]
    assert len(own) == len(again) and all((left == right).all() for left, right in zip(own, again, strict=True))


def test_a_store_written_before_is_read_and_grows_when_written_to(done: Done, tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    kept(done.check, path).close()
    with duckdb.connect(str(path)) as old:
        old.execute("UPDATE meta SET value = '1' WHERE key = 'schema_version'")
        old.execute("DROP TABLE answers")
        old.execute("ALTER TABLE protocol DROP COLUMN code")
        old.execute("ALTER TABLE protocol DROP COLUMN observed")
    with writing(path) as connection:
        count = 8 * len(KINDS)
        assert connection.execute("SELECT count(code), count(*) FROM protocol").fetchone() == (0, count)
        assert connection.execute("SELECT count(*) FROM answers").fetchone() == (0,)
    reader = open_reader(path)
    facts = {one.label: one.facts for one in read_check(reader.cursor(), "last").candidates}
    reader.close()
    assert facts["noise"].deterministic is False and facts["noise"].observed == () and facts["noise"].calls == ()


def _numbers(done: Done, kind: str, code: str) -> dict[str, Any]:
    return next(one.numbers for outcome in done.of(kind).protocol for one in outcome.observed if one.code == code)


def test_further_clients_have_no_more_time_than_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run.time, "monotonic", lambda: 250.0)
    settings = EncoderSettings("openai", "http://127.0.0.1:9/v1", timeout=300.0, retries=4)
    given = run._in_time(settings, 0.0)
    assert (given.timeout, given.seconds_a_call, given.retries) == (50.0, 50.0, 0)
    assert run._in_time(replace(settings, timeout=100.0), 0.0).timeout == 1.0


def test_every_code_is_of_a_test_and_has_words() -> None:
    for code, entry in OBSERVATIONS.items():
        assert entry.test in TESTS, code
        assert callable(entry.words) or re.fullmatch(r"[A-Z{].*\.", entry.words), code


def test_two_answers_tell_as_large_a_scatter_as_many() -> None:
    """Of k answers the deviations from their own mean are short by sqrt((k - 1) / k)."""
    apart = np.array([0.0, 0.01, 0.0, 0.0])
    text = np.stack([np.array([1.0, 0, 0, 0]) + apart, np.array([1.0, 0, 0, 0]) - apart])
    noise = noise_of([text] * 4)
    assert noise is not None and noise.size == pytest.approx(0.01 * np.sqrt(2))

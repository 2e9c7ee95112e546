"""What a diagnosis reads from a check: which outputs disagreed is a column, not a sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.store.database import writing
from evaluators.diagnose.from_store import read_check
from evaluators.encoders.registry import backend_of
from evaluators.parity.asking import CallLog
from evaluators.parity.loads import two_loads
from evaluators.parity.vectors import ProbeVectors
from tests.make_parity import NEWEST, Made, add_check, made_texts, synthetic

_ALL = ("dense", "sparse", "multi")


class _Opened:
    def close(self) -> None: ...


def _vectors(outputs: tuple[str, ...], seed: int) -> ProbeVectors:
    draw = np.random.default_rng(seed)
    vectors = ProbeVectors(4)
    vectors.dense = draw.normal(size=(4, 8)).astype(np.float32) if "dense" in outputs else None
    if "sparse" in outputs:
        vectors.sparse = [{"a": float(weight), "b": 0.1} for weight in draw.random(4)]
    if "multi" in outputs:
        vectors.multi = [draw.normal(size=(3, 8)).astype(np.float32) for _ in range(4)]
    return vectors


def test_texts_stand_in_the_order_in_which_they_were_asked_for(tmp_path: Path) -> None:
    probes = [replace(probe, role=("query", None)[place % 2]) for place, probe in enumerate(made_texts(24))]
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, [Made("ours", synthetic(24)), Made("theirs", synthetic(24))], started=NEWEST)
        check = read_check(connection, "last")
    asked = [*probes[::2], *probes[1::2]]  # each role is a call of its own
    assert list(check.texts) == [probe.text for probe in asked]
    assert list(check.roles) == [probe.role for probe in asked]
    places = [*range(0, 24, 2), *range(1, 24, 2)]
    assert np.allclose(check.candidates[0].vectors, synthetic(24)[places])


@pytest.mark.parametrize(
    ("outputs", "anew", "loads", "heads"),
    [
        (_ALL, ("sparse",), True, False),
        (_ALL, ("sparse", "multi"), True, False),
        (_ALL, ("dense",), False, None),
        (_ALL, _ALL, False, None),
        (_ALL, (), True, None),
        (("dense",), ("dense",), False, None),
        (("dense", "sparse"), ("sparse",), True, False),
    ],
)
def test_a_random_head_is_not_a_random_model(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outputs: tuple[str, ...],
    anew: tuple[str, ...],
    loads: bool,
    heads: bool | None,
) -> None:
    first, second, other = _vectors(outputs, 0), _vectors(outputs, 0), _vectors(outputs, 1)
    for output in anew:
        setattr(second, output, getattr(other, output))
    probes = made_texts(4)
    monkeypatch.setattr("evaluators.parity.loads.encode_probes", lambda encoder, texts: second)
    asked = CallLog(probes, tuple(range(4)))
    outcome = two_loads(first, _Opened, asked, backend_of("flag-embedding"), "fp32")  # type: ignore[arg-type]
    made = [Made("ours", synthetic(4)), Made("theirs", synthetic(4), "identical", "Same.", {"batch_size": 1})]
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, made, started=NEWEST)
        connection.execute("DELETE FROM protocol")
        connection.execute(
            "INSERT INTO protocol BY NAME SELECT 'check-1' AS check_id, ? AS encoder_id, ? AS test, ? AS outcome,"
            " ? AS value, 'whatever the sentence says' AS detail, ? AS outputs",
            [made[1].encoder_id, outcome.test, outcome.outcome, outcome.value, list(outcome.outputs)],
        )
        facts = read_check(connection, "last").candidates[0].facts
    assert (facts.loads_agree, facts.heads_agree) == (loads, heads)

"""Encoders with a habit, through check, store and diagnosis: described, and a cause named only where it is the one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from data.rules.causes import CAUSES
from data.store.vocabulary import DiagnosisVerdict
from evaluators.diagnose.answer import Bench, Diagnosis, Facts, NamedCause, batched, diagnose, load_reference
from evaluators.diagnose.from_store import Candidate, read_check
from evaluators.diagnose.likeness import alike
from evaluators.diagnose.unstable import with_observed
from evaluators.encoders.settings import EncoderSettings
from evaluators.parity import run
from evaluators.parity.observations import Observation
from evaluators.parity.plan import CheckPlan
from evaluators.probes import ProbeSet, load_probes
from tests.diagnose.live import HABITS, Live, Model, write_bert
from tests.parity.conftest import kept

DESCRIBED = {
    "dropout": "So does the reference with dropout on",
    "dropout of .3": "scatter of",
    "noise": "alike in all directions, of Gaussian shape",
    "factors": "in proportion to each value",
    "pooling replicas": "the other answer is what the reference gives with: CLS pooling",
    "neither version": "They differ in length alone. None of them is the reference's",
    "previous": "of the text asked for just before it",
    "swapped": "of another text of the same call",
    "running mean": "one offset that moves on from call to call",
    "rotation": "cosines between texts are kept, and are the reference's",
    "rotation of another": "cosines between texts are kept, as by",
    "cached": "share their first 40 characters",
    "long nan": "exactly those of more than",
    "layer lost": "drawn at random (layer 1)",
    "two versions": "One of them is the reference's",
    "first place": "on its place among them",
    "offset by start": "moved by nearly one offset",
    "weights shaken": "No part of the reference drawn at random gives vectors like these",
}


@dataclass(frozen=True)
class Made:
    """The candidates of one check as the store has them, and the reference's bench."""

    bench: Bench
    candidates: dict[str, Candidate]

    def diagnosed(self, habit: str) -> Diagnosis:
        one = self.candidates[habit]
        return diagnose(self.bench, one.vectors, facts=one.facts)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model."""
    return write_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def made(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One check of all habits: what the first diagnosis computes of the reference serves all."""
    folder = bert
    probes = ProbeSet("short", tuple(probe for probe in load_probes().core if len(probe.text) < 400))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "open_encoder", Live(Model(folder)))
        patch.setattr(run, "look", lambda settings, seen: ())
        every = ["reference", *HABITS]
        asked = [EncoderSettings("langchain", habit, label=habit) for habit in every]
        done = run.check(CheckPlan(asked[0], tuple(asked[1:]), probes))
    store = kept(done, tmp_path_factory.mktemp("store") / "s.duckdb")
    found = read_check(store, done.check_id)
    bench = Bench(load_reference(str(folder)), batched(found.texts, found.roles, 32))
    return Made(bench, {one.label: one for one in found.candidates})


# Each has a sibling that is told in the same way, and takes a tenth of the time.
_DEAR = (
    "dropout by call", "dropout by text", "noise by text", "two versions", "first place", "large batches in bf16",
)  # fmt: skip


@pytest.mark.parametrize(
    "habit", [pytest.param(habit, marks=pytest.mark.soak if habit in _DEAR else ()) for habit in HABITS]
)
def test_a_cause_is_named_only_where_it_is_the_one(habit: str, made: Made) -> None:
    found, (_, right) = made.diagnosed(habit), HABITS[habit]
    names = [{named.cause.words, *named.same_as} for named in found.causes]
    assert all(one & right for one in names), (habit, found.sentence)
    assert bool(names) == bool(right), (habit, found.sentence)
    assert found.verdict in (["explained"] if right else ["unstable", "unknown"]), (habit, found.sentence)
    assert DESCRIBED.get(habit, "") in found.sentence, (habit, found.sentence)


@pytest.mark.parametrize(("times", "another", "named"), [(1, 0, True), (5, 0, False), (1, 1, False)])
def test_a_server_that_puts_several_clients_into_one_batch(times: int, another: int, named: bool, made: Made) -> None:
    """What texts asked at once do to each other is told by their batch, as far as a batch does as much."""
    one = made.candidates["padding seen"]
    batch = one.facts.observation("batch-differs")
    assert batch is not None
    numbers = {"times": 4, "answers": 16, "another": another, "worst": times * batch.numbers["worst"]}
    observed = (Observation("at-once-differs", numbers), *one.facts.observed)
    facts = replace(one.facts, deterministic=False, observed=observed)
    found = diagnose(made.bench, one.vectors, facts=facts)
    assert bool(found.causes) == named, found.sentence
    assert found.verdict == ("explained" if named else "unstable"), found.sentence
    assert named or "at the same time" in found.sentence, found.sentence


@pytest.mark.parametrize(("left", "verdict"), [(0.15, "precision only"), (0.03, "unstable")])
def test_an_arithmetic_that_tips_with_the_batch(left: float, verdict: str, made: Made) -> None:
    """CTranslate2's int8 rounds each token by itself; another order of summation tips a rounding all the same."""
    numbers = {"worst": 0.002, "text": "t", "texts": 1, "asked": 8, "place": False, "company": True}
    facts = Facts(deterministic=True, observed=(Observation("batch-differs", numbers),))
    arithmetic = NamedCause(CAUSES["int8-by-row"], (), 0.2, left)
    before = np.array([0.2, 0.15])
    sentence = "The drift is one of precision: int8."
    found = Diagnosis(
        DiagnosisVerdict.PRECISION, sentence, 0.2, left, 0.01, (arithmetic,), (), before, np.array([left, 0.02])
    )
    told = with_observed(found, facts, made.bench)
    assert told.verdict == verdict
    assert told.sentence.startswith(sentence)
    assert ("alone and in a batch" in told.sentence) == (verdict == "unstable")


def test_noise_as_large_as_a_draw_is_no_draw() -> None:
    """The distances alone do not tell: directions, texts that go together and which texts are moved most do."""
    rng = np.random.default_rng(3)
    base = rng.normal(size=(8, 64)).astype(np.float32)
    base /= np.linalg.norm(base, axis=1, keepdims=True)
    shape = rng.normal(size=(64, 64)) * (0.005 * 0.9 ** np.arange(64))[:, None]
    sizes = np.linspace(0.5, 2, 8)[:, None]

    def draw() -> np.ndarray:
        return np.asarray(base + sizes * (rng.normal(size=(8, 64)) @ shape), dtype=np.float32)

    draws = [draw() for _ in range(12)]
    size = np.mean([np.linalg.norm(one - base, axis=1) for one in draws], axis=0)
    noise = [base + (rng.normal(size=(8, 64)) * size[:, None] / 8).astype(np.float32) for _ in range(6)]
    fixed = draw() - base
    assert alike([draw() for _ in range(6)], draws, base)
    assert alike([draw()], draws, base)
    assert not alike(noise, draws, base)
    assert not alike([base + fixed.mean(0) * 3], draws, base)  # one offset for all texts
    assert not alike([base + 2 * (one - base) for one in (draw(), draw())], draws, base)

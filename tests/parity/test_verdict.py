from __future__ import annotations

import numpy as np
import pytest

from data.rules.drift import DRIFT_VERDICTS, FLOORS, floor_of, norm_floor
from evaluators.parity.selftest import SelfTest
from evaluators.parity.traits import common_trait
from evaluators.parity.verdict import DriftEvidence, give_verdict
from evaluators.probes import Probe, ProbeSet, derived_traits, load_probes

PROBES = [Probe(f"p{i}", "x" * i, traits=("even",) if i % 2 == 0 else ("odd",)) for i in range(1, 11)]
NONE = np.full(10, 1e-9)


def verdict(
    distance: object, *, ratio: float = 1.0, floor: float = 1e-6, protocol: tuple[SelfTest, ...] = (), **more: object
) -> tuple[str, str]:
    evidence = DriftEvidence("dense", np.array(distance, dtype=float), np.full(10, ratio), floor, **more)  # type: ignore[arg-type]
    found = give_verdict(evidence, PROBES, protocol)
    assert found.verdict in DRIFT_VERDICTS
    return found.verdict, found.sentence


def test_each_verdict() -> None:
    some = np.where(np.arange(10) % 2 == 1, 0.1, 1e-9)
    assert verdict(NONE)[0] == "identical"
    assert verdict(NONE + 4e-5, floor=5e-4)[0] == "precision only"
    assert verdict(NONE, ratio=5.0)[0] == "scale only"
    assert verdict(some)[0] == "differs on some texts"
    assert verdict(NONE + 0.1)[0] == "differs everywhere"
    assert verdict(NONE + 0.9, rotation_residual=1e-9)[0] == "different space"
    assert verdict(NONE + 0.066, rotation_residual=6e-3, floor=6e-2)[0] == "differs everywhere"  # int8's own noise
    assert verdict(NONE, protocol=(SelfTest("order", "fail", 3.0, "Shuffled."),)) == ("unstable", "Shuffled.")
    assert verdict(NONE * np.nan)[0] == "unusable"


def test_a_rotation_is_not_believed_where_neighbours_are_lost() -> None:
    """Where all vectors point one way, any rotation brings one cloud near the other."""
    assert verdict(NONE + 0.03, rotation_residual=1e-9, neighbours=1.0)[0] == "different space"
    assert verdict(NONE + 0.03, rotation_residual=1e-9, neighbours=0.84)[0] == "differs everywhere"


def test_lengths_are_told_apart_from_directions() -> None:
    said = "Apart from that its vectors are 5 times as long: one side normalises"
    assert said in verdict(NONE + 0.1, ratio=5.0)[1]
    assert said in verdict(np.where(np.arange(10) % 2 == 1, 0.1, 1e-9), ratio=5.0)[1]
    # A drift of .1 to the side comes with lengths that differ by up to .45: that is no second cause.
    assert "Apart from that" not in verdict(NONE + 0.1, ratio=1.4)[1]


def test_the_worst_text_is_told_in_both_distances() -> None:
    some = np.where(np.arange(10) == 3, 0.02, 1e-9)
    assert "Worst: p4 (cosine distance 0.02, Euclidean 0.2)" in verdict(some, l2=np.sqrt(2 * some))[1]


def test_a_verdict_is_relative_to_the_precision_declared() -> None:
    uniform = NONE + 8e-5
    assert verdict(uniform, floor=floor_of("fp32", "bf16"))[0] == "precision only"
    name, sentence = verdict(uniform, floor=floor_of("fp32", "fp32"))
    assert name == "differs everywhere"
    assert "no more than bf16 arithmetic leaves, but that is not declared" in sentence
    assert verdict(NONE, ratio=1 + norm_floor(5e-4) / 2, floor=5e-4)[0] == "precision only"


def test_a_failure_of_another_output_is_not_held_against_this_one() -> None:
    outcome = SelfTest("loads", "fail", 0.3, "Two loads disagree.", ("sparse",))
    assert verdict(NONE, protocol=(outcome,))[0] == "identical"


def test_texts_without_a_vector_are_counted() -> None:
    gaps = NONE.copy()
    gaps[:3] = np.nan
    assert verdict(gaps)[1].endswith("3 of 10 texts have no vector to compare.")


def affected(*numbers: int) -> np.ndarray:
    return np.isin(np.arange(1, 11), numbers)


@pytest.mark.parametrize(
    ("hit", "words"),
    [
        ((2, 4, 6, 8, 10), "exactly those with the trait even"),
        ((2, 4, 6, 8), "all of them with the trait even"),
        ((1, 2, 4, 6, 8, 10), "among them all 5 with the trait even"),
        ((1, 2, 5), ""),
    ],
)
def test_the_trait_that_sets_them_apart(hit: tuple[int, ...], words: str) -> None:
    assert common_trait(affected(*hit), np.ones(10, bool), PROBES) == words


def test_two_causes_at_once_are_two_traits() -> None:
    probes = [Probe("a", "a", traits=("x",)), Probe("b", "b", traits=("y", "z")), Probe("c", "c", traits=("z",))]
    hit = np.array([True, True, False])
    assert common_trait(hit, np.ones(3, bool), probes) == "exactly those with the trait x or y"


def test_length_explains_before_any_trait_does() -> None:
    lengths = np.arange(1.0, 11.0)
    everyone = np.ones(10, bool)
    assert common_trait(affected(8, 9, 10), everyone, PROBES, lengths) == "exactly those of more than 7 tokens"
    short = common_trait(affected(1, 2), everyone, PROBES, lengths, "characters")
    assert short == "exactly those of fewer than 3 characters"


def test_a_role_explains_before_length_does() -> None:
    probes = [Probe(f"p{i}", "x" * i, role="query" if i > 7 else "document") for i in range(1, 11)]
    everyone, lengths = np.ones(10, bool), np.arange(1.0, 11.0)
    assert common_trait(affected(8, 9, 10), everyone, probes, lengths) == "exactly the queries"
    assert common_trait(affected(9, 10), everyone, probes, lengths) == "exactly those of more than 8 tokens"


def test_floors_are_in_order() -> None:
    assert FLOORS["fp32"] < FLOORS["fp16"] < FLOORS["bf16"] < FLOORS["int8"] < FLOORS["int4"]


def test_the_bundled_probes_are_what_they_claim() -> None:
    bundled = load_probes()
    assert isinstance(bundled, ProbeSet)
    assert len(bundled.probes) == 65
    assert len(bundled.core) == 16
    assert len({probe.probe for probe in bundled.probes}) == 65
    by_name = {probe.probe: probe for probe in bundled.probes}
    assert all(probe.why and probe.traits for probe in bundled.probes)
    assert by_name["empty"].text == ""
    assert by_name["one-space"].text == " "
    assert {probe.role for probe in bundled.core} == {None, "query", "document"}
    wanted = {"cjk", "accents", "over-512", "latex", "html", "special-tokens", "outer-space", "decomposed"}
    wanted |= {"full-width", "blank", "capitals", "very-short", "code", "identifiers", "pair"}
    assert wanted <= {trait for probe in bundled.core for trait in probe.traits}
    pairs = [probe for probe in bundled.probes if "pair" in probe.traits]
    assert {probe.probe.rsplit("-", 1)[1] for probe in pairs} == {"query", "document"}


@pytest.mark.parametrize(
    ("text", "trait"),
    [
        (" a", "outer-space"), ("a\nb", "inner-newline"), ("ABC DEF", "capitals"), ("北京", "cjk"), ("é", "accents"),
        ("e\u0301", "decomposed"), ("ＡＢ", "full-width"), ("<b>x</b>", "markup"), ("a [SEP] b", "special-tokens"),
        ("12 34 5", "numbers"), ("cat", "very-short"), ("x " * 600, "long"), ("\t", "blank"),
    ],
)  # fmt: skip
def test_texts_of_ones_own_get_the_traits_they_show(text: str, trait: str) -> None:
    assert trait in derived_traits(text)
    assert trait not in derived_traits("A plain sentence without anything special in it, of middling length.")

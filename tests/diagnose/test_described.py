"""What is said of a drift without a known cause is true of drifts made by other routes, and chance is not said."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.stored_words import tr_stored
from dashboard.words import in_language
from evaluators.diagnose.described import Statement, described
from evaluators.diagnose.relations import explained_by
from evaluators.diagnose.text_traits import TRAITS, drifts_most, shared_trait
from evaluators.probes import load_probes

TEXTS = [probe.text for probe in load_probes().probes]
COUNT, WIDTH = len(TEXTS), 96
Vectors = NDArray[np.float32]


def _of(text: str, salt: str = "") -> NDArray[np.float64]:
    """A vector that depends on the words of a text, as an encoder's does; a text that is changed gets another."""
    words = text.lower().split(" ") or [""]
    draws = [np.random.default_rng(_number(f"{salt}{word}")).normal(size=WIDTH) for word in words]
    vector = np.mean(draws, axis=0) + 0.3
    return np.asarray(vector / np.linalg.norm(vector))


def _number(word: str) -> int:
    """A seed that is the same in every process."""
    return int.from_bytes(word.encode()[-24:], "big") + 31 * len(word)


def _encoded(change: Callable[[str], str] = str) -> Vectors:
    return np.stack([_of(change(text)) for text in TEXTS]).astype(np.float32)


BASE = _encoded()


def _said(candidate: NDArray[np.floating]) -> dict[str, Statement]:
    statements = described(candidate.astype(np.float32), BASE, TEXTS, None, floor=1e-4, tried=3)
    return {statement.code: statement for statement in statements}


def _differing(change: Callable[[str], str]) -> set[int]:
    return {place for place, text in enumerate(TEXTS) if not np.array_equal(_of(change(text)), _of(text))}


def _holds(statement: Statement, differ: set[int]) -> bool:
    """The counts of a statement on traits, counted again by another route."""
    tests: list[Callable[[str], bool]] = []
    if "trait" in statement.numbers:
        tests = [TRAITS[statement.numbers[name]] for name in ("trait", "other") if name in statement.numbers]
    else:
        longer, edge = statement.code == "longer", statement.numbers["length"]
        tests = [lambda text: (len(text) > edge) == longer]
    having = {place for place, text in enumerate(TEXTS) if all(test(text) for test in tests)}
    numbers = statement.numbers
    return (numbers["with"], numbers["differ"]) == (len(having), len(having & differ)) and (
        numbers["without"], numbers["others"]) == (COUNT - len(having), len(differ - having))  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "trait"),
    [
        (lambda text: text[:100], "longer", None),
        (lambda text: re.sub(r"\d", "", text), "trait", "digits"),
        (lambda text: re.sub(r"[\u3040-\u30ff\u3400-\u9fff]", "", text), "trait", "Chinese characters"),
        (lambda text: re.sub(r"(?i)\b(the|of|and|in|is|to|on|a)\b", "", text), "trait", "small English words"),
        (lambda text: text.strip(), "trait", "white space at an end"),
    ],
)
def test_the_trait_that_was_touched_is_named(change: Callable[[str], str], code: str, trait: str | None) -> None:
    differ = _differing(change)
    statements = _said(_encoded(change))
    assert statements["some-differ"].numbers["differ"] == len(differ)
    assert _holds(statements[code], differ)
    assert trait is None or statements[code].numbers["trait"].startswith(trait)
    assert code != "longer" or 90 <= statements[code].numbers["length"] <= 100


def test_texts_drawn_at_random_share_no_trait() -> None:
    draw, stated = np.random.default_rng(0), 0
    for count in range(3, 43):
        chosen = np.isin(np.arange(COUNT), draw.choice(COUNT, count, replace=False))
        stated += shared_trait(chosen, TEXTS) is not None
        stated += drifts_most(draw.lognormal(size=COUNT), TEXTS) is not None
    assert stated <= 2  # of 80, at one in a hundred


def test_vectors_of_other_texts_are_counted_and_matched() -> None:
    candidate, moved = BASE.copy(), [3, 17, 30, 41, 50, 60]
    candidate[moved] = BASE[[4, 18, 31, 42, 51, 61]]
    statement = _said(candidate)["other-texts"]
    assert statement.numbers["pairs"] == [(place, place + 1) for place in moved]


@pytest.mark.parametrize("size", [0.01, 0.05, 0.3])
def test_noise_is_told_with_its_size(size: float) -> None:
    draw = np.random.default_rng(int(1000 * size))
    statements = _said(BASE + draw.normal(size=BASE.shape) * size / WIDTH**0.5)
    assert statements["like-noise"].numbers["size"] == pytest.approx(size, rel=0.1)
    assert statements["not-it"].numbers["kinds"] == ["scale", "offset"]
    assert not {"trait", "longer", "linear", "other-texts", "products"} & {*statements}


def test_what_depends_on_the_text_is_not_taken_for_noise() -> None:
    draw = np.random.default_rng(7)
    turn = np.linalg.qr(draw.normal(size=(WIDTH, WIDTH)))[0]
    nearly = np.linalg.qr(np.eye(WIDTH) + 0.01 * draw.normal(size=(WIDTH, WIDTH)))[0]
    added = draw.normal(size=WIDTH) * 0.02
    for candidate in (BASE @ turn, BASE @ nearly, BASE + added, BASE * 1.3, _encoded(str.swapcase) * 0.9):
        assert "like-noise" not in _said(candidate)
    assert "products" in _said(BASE @ turn)
    offset = _said(BASE + added)["offset"]
    assert offset.numbers["share"] > 0.9
    assert "lengths" in _said(BASE * 1.3)


def test_shares_are_of_texts_left_out() -> None:
    """A map of 96 numbers a text fits any 64 texts; on those left out it must explain nothing of noise."""
    draw = np.random.default_rng(9)
    shares = explained_by((BASE + 0.2 * draw.normal(size=BASE.shape) / WIDTH**0.5).astype(np.float32), BASE)
    assert max(shares.values()) < 0.05
    made = BASE @ (np.eye(WIDTH) + 0.05 * draw.normal(size=(WIDTH, 4)) @ draw.normal(size=(4, WIDTH)))
    assert explained_by(made.astype(np.float32), BASE)["linear"] > 0.1


def test_every_statement_is_said_in_chinese() -> None:
    draw = np.random.default_rng(11)
    made = [
        _encoded(lambda text: text[:100]), _encoded(lambda text: re.sub(r"\d", "", text)), BASE * 2, BASE + 0.02,
        BASE + 0.05 * draw.normal(size=BASE.shape), BASE @ np.linalg.qr(draw.normal(size=(WIDTH, WIDTH)))[0],
        np.roll(BASE, 1, axis=0), BASE * (1 + np.array([len(text) for text in TEXTS]) / 1e4)[:, None] + 0.01,
    ]  # fmt: skip
    sentences = {statement.sentence for candidate in made for statement in _said(candidate).values()}
    with in_language("zh"):
        for sentence in sentences:
            assert not re.search(r"[a-z]{4}", tr_stored(sentence)), sentence
        whole = " ".join(["No known cause or combination of causes explains the drift.", *sorted(sentences)[:4]])
        assert not re.search(r"[a-z]{4}", tr_stored(whole))

"""Encoders that disagree with themselves, each a function over the right vectors of a text: no model, no server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.encoders.base import Description, Encoded, in_use
from evaluators.encoders.settings import EncoderSettings

__all__ = ["KINDS", "WIDTH", "Misbehaving", "Opener", "right", "unit"]

WIDTH = 64
Rows = NDArray[np.float64]


def unit(rows: Any) -> Rows:
    """Rows of length one."""
    found = np.atleast_2d(np.asarray(rows, dtype=np.float64))
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12))


def right(text: str, seed: int = 0) -> Rows:
    """The right vector of a text under one version of a model, [d]."""
    rng = np.random.default_rng([seed, int.from_bytes(sha256(text.encode()).digest()[:8])])
    return np.asarray(unit(rng.normal(size=WIDTH) + 0.3)[0])


@dataclass
class State:
    """What an encoder remembers from call to call."""

    draw: np.random.Generator
    load: int = 0
    calls: int = 0
    last: str = ""
    seen: dict[str, Rows] = field(default_factory=dict)
    mean: Rows = field(default_factory=lambda: np.zeros(WIDTH))


Kind = Callable[[State, list[str]], Any]


def _all(texts: list[str]) -> Rows:
    return np.stack([right(text) for text in texts])


def _versions(state: State, texts: list[str]) -> Rows:
    version = int(state.draw.random() < 0.5)
    return np.stack([right(text, version) for text in texts])


def _replicas(state: State, texts: list[str]) -> Rows:
    return _all(texts) * (4.0 if state.calls % 2 else 1.0)


def _precisions(state: State, texts: list[str]) -> Rows:
    """Two replicas, of which one rounds, a little other with every batch size."""
    rows = _all(texts)
    if state.draw.random() < 0.5:
        return rows
    batch = np.random.default_rng(len(texts)).normal(size=WIDTH)
    return np.asarray(unit(rows + 0.0008 * batch))


def _upgraded(state: State, texts: list[str]) -> Rows:
    return np.stack([right(text, int(state.calls > 6)) for text in texts])


def _previous(state: State, texts: list[str]) -> Rows:
    """Now and then the vector of the text before, of this call or an earlier one."""
    asked = [state.last, *texts]
    late = [state.draw.random() < 0.15 and asked[place] for place in range(len(texts))]
    return np.stack([right(asked[place] if late[place] else text) for place, text in enumerate(texts)])


def _swapped(state: State, texts: list[str]) -> Rows:
    """Two answers of a call change places now and then."""
    rows = _all(texts)
    if len(texts) > 1 and state.draw.random() < 0.6:
        one, other = state.draw.choice(len(texts), 2, replace=False)
        rows[[one, other]] = rows[[other, one]]
    return rows


def _noise(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    return rows + state.draw.normal(size=rows.shape) * 0.05


def _factors(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    return rows * (1 + 0.3 * state.draw.normal(size=rows.shape))


def _lengths(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    return rows * state.draw.uniform(0.5, 2, size=(len(rows), 1))


def _running_mean(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    state.mean = 0.9 * state.mean + 0.1 * rows.mean(0)
    return rows - state.mean


def _rotated(state: State, texts: list[str]) -> Rows:
    turn = np.linalg.qr(np.random.default_rng(state.load).normal(size=(WIDTH, WIDTH)))[0]
    return np.asarray(_all(texts) @ turn)


def _other_start(state: State, texts: list[str]) -> Rows:
    return np.stack([right(text, state.load) for text in texts])


def _batch_mean(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    return rows - rows.mean(0) if len(rows) > 1 else rows


def _first_place(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    rows[0] = unit(rows[0] + 0.2)[0]
    return rows


def _shuffled(state: State, texts: list[str]) -> Rows:
    return np.roll(_all(texts), 1, axis=0)


def _cached(state: State, texts: list[str]) -> Rows:
    return np.stack([state.seen.setdefault(text[:40], right(text)) for text in texts])


def _long_nan(state: State, texts: list[str]) -> Rows:
    return np.stack([right(text) * (np.nan if len(text) > 600 else 1) for text in texts])


def _quantised(state: State, texts: list[str]) -> Rows:
    """Evenly rounded weights, and a little more that depends on the batch."""
    rows = np.stack([unit(right(text) + 0.05 * right(text, 9))[0] for text in texts])
    batch = np.random.default_rng(len(texts)).normal(size=WIDTH) * 0.001 * (len(texts) > 1)
    return np.asarray(unit(rows + batch))


def _quantised_of_other_words(state: State, texts: list[str]) -> Rows:
    """Weights and inputs of eight bits, whose batch matters, behind a tokenizer that reads some texts otherwise."""
    read = [right(text, int("e" in text[:3])) for text in texts]
    rows = unit(np.stack(read) + 0.02 * np.stack([right(text, 9) for text in texts]))
    batch = np.random.default_rng(len(texts)).normal(size=WIDTH) * 0.0022 * (len(texts) > 1)
    return np.asarray(unit(rows + batch))


def _quantised_and_padded(state: State, texts: list[str]) -> Rows:
    """The same, and padding is attended to."""
    longest = max(map(len, texts))
    padding = np.array([[longest / max(len(text), 1) - 1] for text in texts])
    return np.asarray(unit(_quantised(state, texts) + 0.05 * np.minimum(padding, 4)))


def _quantised_in_slots(state: State, texts: list[str]) -> Rows:
    """Eight bits again, summed in an order that depends on what was asked before: llama.cpp's server."""
    rows = _quantised(state, texts)
    return np.asarray(unit(rows + 0.004 * right(state.last)) if state.last else rows)


def _quantised_and_carried(state: State, texts: list[str]) -> Rows:
    """The same, and a part of the last vector is added."""
    rows = _quantised(state, texts)
    return np.asarray(unit(rows + 0.1 * right(state.last)) if state.last else rows)


def _carried(state: State, texts: list[str]) -> Rows:
    """A part of the last vector of the call before is added."""
    rows = _all(texts)
    return unit(rows + 0.2 * right(state.last)) if state.last else rows


def _cold(state: State, texts: list[str]) -> Rows:
    """The first call after a start is answered by another version."""
    return np.stack([right(text, int(state.calls == 0)) for text in texts])


def _second(state: State, texts: list[str]) -> Rows:
    """The first call after a second start alone is answered by another version."""
    return np.stack([right(text, int(state.load == 2 and state.calls == 0)) for text in texts])


def _long_zeros(state: State, texts: list[str]) -> Rows:
    return np.stack([right(text) * (len(text) <= 600) for text in texts])


def _faint(state: State, texts: list[str]) -> Rows:
    """Noise less than what counts as different."""
    rows = _all(texts)
    return rows + state.draw.normal(size=rows.shape) * 1e-5


def _letters(state: State, texts: list[str]) -> Rows:
    """A cache keyed by the letters alone."""
    return np.stack([state.seen.setdefault("".join(filter(str.isalnum, text)), right(text)) for text in texts])


def _late(state: State, texts: list[str]) -> Rows:
    """Answers that turn away, from a moment on that only the last call comes after."""
    return unit(_all(texts) + 0.001 * max(state.calls - 24, 0))


def _rare(state: State, texts: list[str]) -> Rows:
    """Now and then a vector of nothing."""
    rows = _all(texts)
    hit = state.draw.random(len(rows)) < 0.1
    rows[hit] = unit(state.draw.normal(size=rows.shape))[hit]
    return rows


def _three(state: State, texts: list[str]) -> Rows:
    version = int(state.draw.integers(3))
    return np.stack([right(text, version) for text in texts])


def _nan_at_times(state: State, texts: list[str]) -> Rows:
    rows = _all(texts)
    if state.calls > 2 and state.draw.random() < 0.3:
        rows[-1] = np.nan
    return rows


def _large(state: State, texts: list[str]) -> Rows:
    """Another routine for more than eight texts."""
    return unit(_all(texts) + 0.02 * (len(texts) > 8))


def _reverse(state: State, texts: list[str]) -> Rows:
    return _all(texts)[::-1]


KINDS: dict[str, Kind] = {
    "right": lambda state, texts: _all(texts),
    "two versions": _versions,
    "two replicas": _replicas,
    "two precisions": _precisions,
    "upgraded": _upgraded,
    "previous": _previous,
    "swapped": _swapped,
    "noise": _noise,
    "factors": _factors,
    "lengths": _lengths,
    "running mean": _running_mean,
    "rotated": _rotated,
    "other start": _other_start,
    "batch mean": _batch_mean,
    "first place": _first_place,
    "shuffled": _shuffled,
    "cached": _cached,
    "long nan": _long_nan,
    "quantised": _quantised,
    "quantised, other words": _quantised_of_other_words,
    "quantised and padded": _quantised_and_padded,
    "quantised, in slots": _quantised_in_slots,
    "quantised and carried": _quantised_and_carried,
    "carried": _carried,
    "cold": _cold,
    "second start": _second,
    "long zeros": _long_zeros,
    "faint": _faint,
    "letters": _letters,
    "late": _late,
    "rare": _rare,
    "large": _large,
    "in reverse": _reverse,
    "three versions": _three,
    "nan at times": _nan_at_times,
}


class Misbehaving:
    """An encoder of one kind, opened by :class:`Opener`; each start of it is another load."""

    def __init__(self, settings: EncoderSettings, state: State) -> None:
        self.settings, self.state = settings, state
        self.gone = ""
        self.asked: list[int] = []

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        self.asked.append(len(texts))
        rows = KINDS[self.settings.source](self.state, list(texts))
        self.state.calls += 1
        self.state.last = texts[-1]
        return Encoded(dense=np.asarray(rows, dtype=np.float32))

    def describe(self) -> Description:
        return Description(self.settings.source, None, in_use(self.settings), {})

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class Opener:
    """Opens encoders by the name of their kind, and keeps them."""

    opened: list[Misbehaving] = field(default_factory=list)

    def __call__(self, settings: EncoderSettings) -> Misbehaving:
        load = sum(one.settings.source == settings.source for one in self.opened) + 1
        self.opened.append(Misbehaving(settings, State(np.random.default_rng([7, load]), load)))
        return self.opened[-1]

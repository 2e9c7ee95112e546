"""Thresholds: defaults, where they can be set, and what is said of those that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.rules.deltas import Thresholds, thresholds
from data.store.errors import InputError


def test_the_defaults_stand_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLUMBLINE_THRESHOLDS", raising=False)
    assert thresholds() == Thresholds(1.0, 0.015, 3.0, 0.3)
    assert thresholds({"drift": None}) == Thresholds()


def test_what_is_given_wins_over_the_environment_which_wins_over_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_THRESHOLDS", "drift=0.02, lost=0.5")
    assert thresholds() == Thresholds(drift=0.02, lost=0.5)
    assert thresholds({"drift": 0.1}) == Thresholds(drift=0.1, lost=0.5)


def test_a_toml_file_sets_them(tmp_path: Path) -> None:
    path = tmp_path / "thresholds.toml"
    path.write_text("drift = 0.02\ndrift_floors = 5\n")
    assert thresholds(source=str(path)) == Thresholds(drift=0.02, drift_floors=5)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("drfit=0.1", "no threshold drfit"), ("drift=much", "drift is 'much'"), ("drift=-1", "drift is -1"),
        ("drift=nan", "drift is nan"), ("/no/such/file.toml", "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said(source: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        thresholds(source=source)

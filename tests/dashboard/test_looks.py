"""What a verdict looks like: every word has a look, no two are alike to anybody, and all can be read."""

from __future__ import annotations

import itertools
import tomllib

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard import looks
from dashboard.figures.deltas import VERDICT_COLOURS, VERDICT_SYMBOLS
from data.store.vocabulary import DiagnosisVerdict, DriftVerdict, LinkState, Severity, Status, Verdict
from tests.serving import ROOT

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
EYES = {
    "all cones": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
APART = 18  # CIE76; below about 10 two colours that do not touch are taken for one


def linear(colour: str) -> NDArray[np.float64]:
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(colour: str, eye: str) -> NDArray[np.float64]:
    seen = np.clip(np.array(EYES[eye]) @ linear(colour), 0, 1)
    x, y, z = (t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in XYZ @ seen / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    light, dark = sorted((float(XYZ[1] @ linear(each)) for each in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def words(mode: str) -> dict[str, str]:
    theme = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][mode]
    return {name: theme[f"{name}TextColor"] for name in ("blue", "orange", "red", "gray")}


PALETTES = {"figures": {str(v): c for v, c in VERDICT_COLOURS.items()}, "light": words("light"), "dark": words("dark")}


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", PALETTES)
def test_no_two_verdicts_have_one_colour_for_any_eye(palette: str, eye: str) -> None:
    for one, other in itertools.combinations(PALETTES[palette], 2):
        distance = np.linalg.norm(lab(PALETTES[palette][one], eye) - lab(PALETTES[palette][other], eye))
        assert distance >= APART, (one, other)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_words_in_colour_can_be_read(mode: str) -> None:
    background = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["theme"][mode]["backgroundColor"]
    for name, colour in words(mode).items():
        assert contrast(colour, background) >= 4.5, name


@pytest.mark.parametrize(
    ("table", "vocabulary"),
    [
        (looks.VERDICT_LOOKS, Verdict),
        (looks.DRIFT_LOOKS, DriftVerdict),
        (looks.DIAGNOSIS_LOOKS, DiagnosisVerdict),
        (looks.LINK_LOOKS, LinkState),
        (looks.SEVERITY_LOOKS, Severity),
        (looks.STATUS_LOOKS, Status),
        (VERDICT_COLOURS, Verdict),
        (VERDICT_SYMBOLS, Verdict),
    ],
)
def test_every_word_has_a_look(table: dict, vocabulary: type) -> None:
    assert set(table) == set(vocabulary)


def test_signs_alone_tell_what_colours_tell() -> None:
    for table in (looks.VERDICT_LOOKS, looks.LINK_LOOKS, looks.SEVERITY_LOOKS, looks.STATUS_LOOKS):
        assert len({look.icon for look in table.values()}) == len(table)
    assert len({looks.GOOD, looks.CAUTION, looks.BAD}) == 3
    assert len({look.icon for look in (looks.GOOD, looks.CAUTION, looks.BAD)}) == 3
    assert len({look.colour for look in (looks.GOOD, looks.CAUTION, looks.BAD)}) == 3
    assert set(VERDICT_SYMBOLS) == set(Verdict) and len(set(VERDICT_SYMBOLS.values())) == len(Verdict)
    used = {
        look.colour
        for table in (looks.VERDICT_LOOKS, looks.DRIFT_LOOKS, looks.DIAGNOSIS_LOOKS)
        for look in table.values()
    }
    assert used <= set(words("light")), "a colour whose value is set, and so tested"

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.diagnose.answer import Bench, batched, load_reference
from evaluators.diagnose.rows import Texts
from evaluators.probes import load_probes
from tests.maintain.decoder import write_decoder
from tests.models import minilm_folder, small_minilm
from tests.once import once

# Of the core probes those up to so many characters: the few longer ones alone would take most of the time.
_SHORT_FOR_MINILM, _SHORT = 120, 200


def _texts(longest: int) -> Texts:
    probes = [probe for probe in load_probes().core if len(probe.text) <= longest]
    return batched([probe.text for probe in probes], [probe.role for probe in probes])


@pytest.fixture(scope="session")
def decoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder made for the self-test; its tokenizer is of the first probes, whatever probe is added behind them."""
    return write_decoder(tmp_path_factory.mktemp("decoder"), [probe.text for probe in load_probes().probes[:64]])


@pytest.fixture(scope="session")
def decoder(decoder_folder: Path) -> Bench:
    """The decoder with the shorter core probes; keeps what it computes for every test of the session."""
    return Bench(load_reference(str(decoder_folder)), _texts(_SHORT))


@pytest.fixture(scope="session")
def minilm_in_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a part of each of all-MiniLM-L6-v2's tensors: trained numbers, and a tenth of the work."""
    return once(tmp_path_factory, "small-minilm", small_minilm)


@pytest.fixture(scope="session")
def minilm(minilm_in_small: Path) -> Bench:
    """The same with the short core probes."""
    return Bench(load_reference(str(minilm_in_small)), _texts(_SHORT_FOR_MINILM))


@pytest.fixture(scope="session")
def whole_minilm() -> Bench:
    """all-MiniLM-L6-v2 itself with the short core probes, for the soak."""
    return Bench(load_reference(str(minilm_folder())), _texts(_SHORT_FOR_MINILM))

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.small_world import train_decoder
from tests.once import once
from tests.parity.conftest import offline

__all__ = ["decoder", "offline"]


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder of case 5, as its authors mean it."""
    return once(tmp_path_factory, "small-decoder", train_decoder)

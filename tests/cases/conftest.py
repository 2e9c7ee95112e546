from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.small_world import train_decoder
from tests.parity.conftest import offline

__all__ = ["decoder", "offline"]


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The decoder of case 5, as its authors mean it."""
    return train_decoder(tmp_path_factory.mktemp("decoder") / "small-decoder")

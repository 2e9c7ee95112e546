from __future__ import annotations

from tests.parity.conftest import offline

__all__ = ["offline"]

"""Reports of the made stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dashboard.report.document import Report
from dashboard.report.making import Wish, make_report
from dashboard.views import views_in_text

Made = Callable[..., Report]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """``made(store, "leaderboard drift?...", language="zh", base=None)``: a report of these views."""

    def make(store: Path, addresses: str, **more: str | None) -> Report:
        monkeypatch.setenv("PLUMBLINE_STORE", str(store))
        return make_report(Wish(views_in_text(addresses), **more))  # type: ignore[arg-type]

    return make

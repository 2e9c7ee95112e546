"""Everything this machine keeps for later is in one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.diagnose.kept import kept_file
from evaluators.reproduce.journal import default_root


def test_runs_and_vectors_are_in_the_folder_named_else_in_that_of_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("PLUMBLINE_CACHE", str(tmp_path / "named"))
    assert (default_root(), kept_file()) == (tmp_path / "named" / "runs", tmp_path / "named" / "diagnose.sqlite")
    monkeypatch.setenv("PLUMBLINE_CACHE", "")
    caches = tmp_path / "caches" / "plumbline"
    assert (default_root(), kept_file()) == (caches / "runs", caches / "diagnose.sqlite")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_root() == tmp_path / ".cache" / "plumbline" / "runs"

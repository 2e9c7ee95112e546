"""Questions of the drift page about one text and two encoders."""

from __future__ import annotations

import json

import pandas as pd

from dashboard.diff import file_digests, side_by_side
from dashboard.queries.rows import Cursor

__all__ = ["settings", "text_measures"]


def text_measures(cursor: Cursor, check: str, output: str, text: str) -> pd.DataFrame:
    """Every measure of one text, a row a candidate, as the check took them against its own reference."""
    return cursor.execute(
        "SELECT * FROM drift WHERE check_id = ? AND output = ? AND text_hash = ?", [check, output, text]
    ).df()


def settings(cursor: Cursor, left: str, right: str) -> pd.DataFrame:
    """Two encoders beside each other: revision, settings, library versions and file digests, differences first.

    Columns ``name``, ``left``, ``right`` (blank where a side has none) and ``differs``.
    """
    sides = []
    for encoder in (left, right):
        row = cursor.execute(
            "SELECT backend, model, revision, settings, versions, files FROM encoders WHERE encoder_id = ?", [encoder]
        ).fetchone()
        backend, model, revision, declared, versions, files = row or (None, None, None, "{}", "{}", "[]")
        others = {name: value for name, value in json.loads(declared).items() if name not in ("label", *_NAMED)}
        named = dict(zip(_NAMED, (backend, model, revision), strict=True))
        sides.append({**named, **others, "version": json.loads(versions), "file": file_digests(json.loads(files))})
    return side_by_side(*sides)


_NAMED = ("backend", "model", "revision")

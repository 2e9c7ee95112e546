"""The tables of a report as data: CSV as the dashboard's own, and Parquet with the types they have."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dashboard.report import cells
from dashboard.report.document import Report, Sheet, ViewDrawn, blocks_in
from dashboard.report.markup import as_words

__all__ = ["FORMS", "files_of", "write_folder", "zip_of"]

FORMS = ("csv", "parquet")


def files_of(report: Report, forms: Sequence[str] = FORMS) -> Iterator[tuple[str, bytes]]:
    """Names and contents of files: each table in each form, and ``report.json``, which says what each is."""
    listed: list[dict[str, Any]] = []
    for view in report.views:
        for sheet in blocks_in(view.blocks):
            if isinstance(sheet, Sheet):
                names = [f"{sheet.name}.{form}" for form in forms]
                listed.append(_entry(view, sheet, names))
                for form, name in zip(forms, names, strict=True):
                    yield name, (_csv if form == "csv" else _parquet)(sheet)
    about = {
        "title": as_words(report.title),
        "language": report.language,
        "provenance": dict(report.provenance.facts),
        "tables": listed,
    }
    yield "report.json", json.dumps(about, ensure_ascii=False, indent=1).encode("utf-8")


def zip_of(report: Report, forms: Sequence[str] = FORMS) -> bytes:
    """All of them in one archive."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files_of(report, forms):
            archive.writestr(name, content)
    return held.getvalue()


def write_folder(report: Report, folder: Path, forms: Sequence[str] = FORMS) -> None:
    """All of them in a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files_of(report, forms):
        (folder / name).write_bytes(content)


def _entry(view: ViewDrawn, sheet: Sheet, names: list[str]) -> dict[str, Any]:
    return {
        "files": names,
        "view": as_words(view.title),
        "address": view.view.address,
        "chosen": {as_words(label): value for label, value in view.choices},
        "shows": as_words(sheet.words),
        "rows": len(sheet.frame),
        "columns": {head.name: {"label": head.label, "help": as_words(head.help)} for head in sheet.heads},
    }


def _csv(sheet: Sheet) -> bytes:
    """The table as its page hands it over; a text that a spreadsheet would run as a formula gets a quote in front."""
    return sheet.frame.map(_written).to_csv(index=False).encode("utf-8")


def _written(value: Any) -> Any:
    value = cells.plain_value(value)
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if formula else value


def _parquet(sheet: Sheet) -> bytes:
    held = io.BytesIO()
    frame = sheet.frame.copy()
    for name in frame.columns:
        kinds = {type(value) for value in frame[name] if not cells.is_missing(cells.plain_value(value))}
        if pd.api.types.is_object_dtype(frame[name]) and len(kinds) > 1:  # a column of Parquet has one type
            frame[name] = [None if cells.is_missing(value) else str(value) for value in frame[name]]
    frame.to_parquet(held, index=False)
    return held.getvalue()

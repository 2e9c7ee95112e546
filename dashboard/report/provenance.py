"""What the figures of a report rest on, and what it was made with."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from dashboard.queries import changes as changes_queries
from dashboard.report.document import FactList
from dashboard.words import LANGUAGES, language, tr
from data.store.database import Version, reading, store_path
from data.store.vocabulary import ImportKind

__all__ = ["provenance_of", "when"]

_ROOT = Path(__file__).resolve().parents[2]


def provenance_of(version: Version, made: datetime, views: tuple[str, ...]) -> FactList:
    """The record with its commit and date, the versions of everything, and the addresses of the views.

    Raises:
        StoreMissingError, StoreDamagedError, StoreOutdatedError: the store cannot be read.
    """
    with reading() as cursor:
        imports = changes_queries.imports(cursor)
    record = imports[imports["kind"].ne(ImportKind.RUN)]
    runs = int(imports["kind"].eq(ImportKind.RUN).sum())
    newest = record.iloc[0] if len(record) else None
    stored = datetime.fromtimestamp(version.mtime_ns / 1e9, UTC)
    facts = {
        tr("Record"): _text(newest, "source"),
        tr("Commit of the record"): _text(newest, "source_commit"),
        tr("Date of the record"): _text(newest, "source_date"),
        tr("Read into the store"): _text(newest, "started_at"),
        "mteb": _text(newest, "mteb_version"),
        tr("Runs of this machine"): f"{runs:,}",
        tr("Store"): tr(
            "{name}, written {when}, {size:,} bytes", name=store_path().name, when=when(stored), size=version.size
        ),
        "Plumbline": plumbline_version(),
        tr("Made"): when(made),
        tr("Language"): LANGUAGES[language()],
        tr("Views"): "\n".join(views),
    }
    return FactList(tuple((name, value) for name, value in facts.items() if value))


def when(moment: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def plumbline_version() -> str:
    """The version of this checkout; empty where it has no project file."""
    project = _ROOT / "pyproject.toml"
    return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"]) if project.exists() else ""


def _text(row: pd.Series | None, column: str) -> str:
    """What a row says, a moment to the minute; empty where it says nothing."""
    value = None if row is None else row[column]
    if value is None or pd.isna(value):
        return ""
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)

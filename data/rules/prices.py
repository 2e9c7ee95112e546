"""What embedding APIs charge: the bundled list ``data/prices.csv``, and one of the user's own that stands before it.

A line is one model: its name as the store has it, US dollars a million tokens of input, where that is said, the day it
was said, and a note. Nothing is guessed: what no line names has no price, and a line that cannot be read is named with
its file and number while all the others count.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from data.rules.words import Phrase, phrase

__all__ = ["BUNDLED_PRICES", "COLUMNS_OF_PRICES", "Price", "Prices", "is_old", "read_prices"]

BUNDLED_PRICES = Path(__file__).resolve().parents[1] / "prices.csv"
COLUMNS_OF_PRICES = ("model", "usd_per_million_tokens", "source", "as_of", "note")

_LARGEST = 1 << 20  # bytes of a file; a list of every API there is takes a hundredth of it
_DAYS = 365


class Price(NamedTuple):
    """One line: US dollars a million tokens of input, where and when that was said, a note, and the file it is from."""

    usd: float
    source: str
    as_of: date
    note: str
    file: str


class Prices(NamedTuple):
    """Prices by the model's name, and in a sentence each, the lines and files that could not be read."""

    by_model: Mapping[str, Price]
    faults: tuple[Phrase, ...]


def read_prices(files: Iterable[Path], today: date) -> Prices:
    """The prices of these files; of two that name a model, the later file stands.

    Args:
        files: CSV with the heads of :data:`COLUMNS_OF_PRICES`, the note's may be missing; lines that begin with # and
            empty ones are passed over. A record is one line.
        today: a price said later than this is a slip.
    """
    by_model: dict[str, Price] = {}
    faults: list[Phrase] = []
    for file in files:
        prices, wrong = _read(file, today)
        by_model.update(prices)
        faults += wrong
    return Prices(by_model, tuple(faults))


def is_old(as_of: date, today: date) -> bool:
    """Whether a price was said more than a year ago."""
    return (today - as_of).days > _DAYS


def _read(file: Path, today: date) -> tuple[dict[str, Price], list[Phrase]]:
    prices: dict[str, Price] = {}
    try:
        if file.stat().st_size > _LARGEST:
            return prices, [phrase("{file} is no list of prices: it is larger than a megabyte", file=str(file))]
        text = file.read_text("utf-8-sig")
    except OSError as error:
        why = error.strerror or type(error).__name__
        return prices, [phrase("{file} cannot be read: {why}", file=str(file), why=why)]
    except UnicodeDecodeError:
        return prices, [phrase("{file} cannot be read: it is no UTF-8 text", file=str(file))]
    faults: list[Phrase] = []
    heads: list[str] | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            (values,) = csv.reader([line], strict=True)
        except (csv.Error, ValueError):
            faults.append(phrase("{file}, line {line}: look at its quotation marks", file=str(file), line=number))
            continue
        if heads is None:
            heads = [value.strip() for value in values]
            if missing := [name for name in COLUMNS_OF_PRICES[:-1] if name not in heads]:
                names = ", ".join(missing)
                return prices, [phrase("{file}, line {line}: the heads lack {names}", file=str(file), line=number,
                                       names=names)]  # fmt: skip
            continue
        row = {head: value.strip() for head, value in zip(heads, values, strict=False)}
        fault = _fault(row, today, prices)
        if fault is None:
            usd, as_of = float(row["usd_per_million_tokens"]), date.fromisoformat(row["as_of"])
            prices[row["model"]] = Price(usd, row["source"], as_of, row.get("note", ""), str(file))
        else:
            faults.append(phrase("{file}, line {line}: {why}", file=str(file), line=number, why=fault))
    return prices, faults


def _fault(row: Mapping[str, str], today: date, before: Mapping[str, Price]) -> Phrase | None:
    """Why a line is none, in words; None where it is fine."""
    missing = [name for name in COLUMNS_OF_PRICES[:-1] if not row.get(name)]
    if missing:
        return phrase("nothing stands under {names}", names=", ".join(missing))
    if not _is_price(row["usd_per_million_tokens"]):
        return phrase("“{value}” is no price: dollars from 0 up, as 0.13", value=row["usd_per_million_tokens"][:40])
    try:
        as_of = date.fromisoformat(row["as_of"])
    except ValueError:
        return phrase("“{value}” is no day: write it as 2026-11-27", value=row["as_of"][:40])
    if as_of > today:
        return phrase("the day {day} is still to come", day=as_of.isoformat())
    if row["model"] in before:
        return phrase("{model} has a price on an earlier line, which stands", model=row["model"][:80])
    return None


def _is_price(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and value >= 0

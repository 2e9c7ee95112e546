"""Lists of prices: what a line may be, what is said of one that is none, and that all the others still count."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from data.rules.prices import BUNDLED_PRICES, COLUMNS_OF_PRICES, is_old, read_prices
from tests.serving import ROOT

TODAY = date(2026, 11, 27)
HEADS = ",".join(COLUMNS_OF_PRICES)
FINE = "org/fine,0.13,https://example.org/prices,2026-11-01,half at night"


def written(folder: Path, *lines: str, name: str = "prices.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADS, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_line_is_a_price_with_its_source_and_day(tmp_path: Path) -> None:
    path = written(tmp_path, FINE, '"org/with, comma",0,contract,2025-01-01')
    prices = read_prices([path], TODAY)
    assert not prices.faults and len(prices.by_model) == 2
    price = prices.by_model["org/fine"]
    assert (price.usd, price.source, price.as_of) == (0.13, "https://example.org/prices", date(2026, 11, 1))
    assert price.note == "half at night" and price.file == str(path)
    assert prices.by_model["org/with, comma"].usd == 0 and prices.by_model["org/with, comma"].note == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("org/bad,cheap,https://example.org,2026-11-01,", "“cheap” is no price"),
        ("org/bad,-0.1,https://example.org,2026-11-01,", "“-0.1” is no price"),
        ("org/bad,nan,https://example.org,2026-11-01,", "“nan” is no price"),
        ("org/bad,inf,https://example.org,2026-11-01,", "“inf” is no price"),
        ("org/bad,0.1,https://example.org,yesterday,", "“yesterday” is no day"),
        ("org/bad,0.1,https://example.org,2026-13-01,", "“2026-13-01” is no day"),
        ("org/bad,0.1,https://example.org,2027-01-01,", "2027-01-01 is still to come"),
        ("org/bad,,https://example.org,2026-11-01,", "nothing stands under usd_per_million_tokens"),
        ("org/bad", "nothing stands under usd_per_million_tokens, source, as_of"),
        (",0.1,https://example.org,2026-11-01,", "nothing stands under model"),
        ('"org/bad,0.1,https://example.org,2026-11-01,', "look at its quotation marks"),
        (FINE, "org/fine has a price on an earlier line"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number_and_the_rest_counts(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path, FINE, "", "# a remark", line, "org/last,0.02,https://example.org,2026-11-01,")
    prices = read_prices([path], TODAY)
    (fault,) = prices.faults
    assert str(fault).startswith(f"{path}, line 5: ") and says in fault
    assert set(prices.by_model) == {"org/fine", "org/last"}


def test_the_later_file_stands(tmp_path: Path) -> None:
    own = written(tmp_path, "org/fine,0.05,our contract,2026-10-01,", name="own.csv")
    prices = read_prices([written(tmp_path, FINE, "org/other,1,x,2026-01-01,"), own], TODAY).by_model
    assert prices["org/fine"].usd == 0.05 and prices["org/fine"].file == str(own) and prices["org/other"].usd == 1


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(("\ufeff" + "\r\n".join([HEADS, FINE, ""])).encode("utf-8"))
    assert set(read_prices([path], TODAY).by_model) == {"org/fine"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe\x00bad", "it is no UTF-8 text"),
        (b"model,price\norg/a,1\n", "line 1: the heads lack usd_per_million_tokens, source, as_of"),
        (b"x" * (1 << 21), "larger than a megabyte"),
    ],
)
def test_a_bad_file_is_a_sentence(tmp_path: Path, content: bytes | None, says: str) -> None:
    path = tmp_path / "prices.csv"
    if content is not None:
        path.write_bytes(content)
    prices = read_prices([written(tmp_path, FINE, name="good.csv"), path, tmp_path], TODAY)
    assert says in prices.faults[0] and str(path) in prices.faults[0]
    assert str(tmp_path) in prices.faults[1] and set(prices.by_model) == {"org/fine"}


def test_an_empty_file_has_no_price(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("")
    assert read_prices([path], TODAY) == read_prices([], TODAY)


def test_a_price_is_old_after_a_year() -> None:
    assert not is_old(date(2025, 11, 27), TODAY) and is_old(date(2025, 11, 26), TODAY)


def test_the_bundled_list_is_whole_and_of_models_of_the_record() -> None:
    prices = read_prices([BUNDLED_PRICES], TODAY)
    assert not prices.faults and prices.by_model["openai/text-embedding-3-large"].usd == 0.13
    models = set(pd.read_parquet(ROOT / "data" / "record" / "models.parquet", columns=["model"])["model"])
    assert set(prices.by_model) <= models
    assert all(price.source.startswith("https://") for price in prices.by_model.values())

"""Pictures of every page at several widths, light and dark, in every language, as one contact sheet: ``make look``.

Nothing is judged here: somebody looks. The sheets are written to ``build/look``, which is no part of the repository.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, sync_playwright
from rich.progress import track

from data.store.access_mode import store_path
from tests.browser import FLAGS, drawn, found
from tests.serving import ROOT, served

__all__ = ["look", "settled"]

HEIGHT, TALLEST = 900, 2400


def settled(page: Page) -> None:
    """Wait until a page is drawn and what it shows no longer changes: plots and tables draw themselves after that."""
    drawn(page)
    before = ""
    for _ in range(60):
        page.wait_for_timeout(250)
        now = page.evaluate("() => document.body.innerText + document.querySelectorAll('canvas, svg').length")
        if now == before:
            return
        before = now


def look(
    pages: Annotated[
        list[str] | None, typer.Argument(help="Addresses, as leaderboard?l_present=1; all pages without.")
    ] = None,
    widths: Annotated[str, typer.Option(help="Widths in pixels.")] = "390,1440,1920",
    themes: Annotated[str, typer.Option(help="light, dark or both.")] = "light,dark",
    languages: Annotated[str, typer.Option(help="Codes of languages.")] = "en,zh",
    whole: Annotated[bool, typer.Option(help="Whole pages, not what is above the fold.")] = False,
    store: Annotated[Path | None, typer.Option(help="Another store.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the sheets.")] = ROOT / "build" / "look",
) -> None:
    """Draw pages in a real browser and lay the pictures on one sheet a width and theme."""
    text = (ROOT / "dashboard" / "app.py").read_text("utf-8")
    addresses = pages or re.findall(r'^ +Page\(\s*"(\w+)"', text, re.M)
    out.mkdir(parents=True, exist_ok=True)
    looks = list(product(map(int, widths.split(",")), themes.split(","), languages.split(",")))
    with (
        tempfile.TemporaryDirectory() as folder,
        served(store or store_path(), Path(folder) / "log") as base,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found(), args=FLAGS)
        for width, theme, language in track(looks, description="looking"):
            pictures = [*_pictures(browser, base, addresses, width, theme, language, whole)]
            _sheet(pictures, out / f"{width}-{theme}-{language}.png")
        browser.close()
    typer.echo(f"{len(looks)} sheets of {len(addresses)} pages in {out}")


def _pictures(
    browser: Browser, base: str, addresses: list[str], width: int, theme: str, language: str, whole: bool
) -> Iterator[tuple[str, Image.Image]]:
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if theme == "dark" else "light",
        locale=language,
    )
    page = context.new_page()
    for address in addresses:
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.goto(f"{base}/{address}")
        settled(page)
        if whole:
            height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": width, "height": min(int(height) + 60, TALLEST)})
            settled(page)
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            page.screenshot(path=file.name)
            yield address, Image.open(file.name).convert("RGB")
    context.close()


def _sheet(pictures: list[tuple[str, Image.Image]], path: Path) -> None:
    """The pictures in rows as wide as a screen, each below its address."""
    columns = max(1, min(len(pictures), 4000 // pictures[0][1].width))
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    heights = [max(image.height for _, image in row) + 30 for row in rows]
    sheet = Image.new("RGB", (columns * pictures[0][1].width, sum(heights)), "#888")
    draw, top = ImageDraw.Draw(sheet), 0
    for row, height in zip(rows, heights, strict=True):
        for i, (address, image) in enumerate(row):
            draw.text((i * image.width + 6, top + 8), address, fill="white")
            sheet.paste(image, (i * image.width, top + 30))
        top += height
    sheet.save(path)


if __name__ == "__main__":
    typer.run(look)

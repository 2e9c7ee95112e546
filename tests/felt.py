"""How long a page takes as a viewer feels it: until what is above the fold no longer changes, in a real browser."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Browser, Page

__all__ = ["Felt", "felt_after", "felt_opening", "open_context"]

# Seconds since the address was asked for at which something in sight last changed. Streamlit's own running man, the
# fading of what is about to be replaced, and carets are no answer.
_WATCH = """
window.__last = 0; window.__first = 0;
const quiet = (node) => node.closest && node.closest(
  '[data-testid=stStatusWidget], [data-testid=stHeader], head, style'
);
const seen = (node) => {
  if (!node || node.nodeType !== 1 || quiet(node)) return false;
  const box = node.getBoundingClientRect();
  return box.width > 0 && box.height > 0 && box.top < innerHeight && box.bottom > 0;
};
new MutationObserver((changes) => {
  for (const change of changes) {
    const node = change.target.nodeType === 1 ? change.target : change.target.parentElement;
    if (change.type === 'attributes' || !seen(node)) continue;
    const now = performance.now();
    const heading = document.querySelector('[data-testid=stMain] h1, [data-testid=stMain] h4');
    if (!window.__first && heading) window.__first = now;
    window.__last = now;
  }
}).observe(document, {subtree: true, childList: true, characterData: true});
"""
_DONE = "() => !document.querySelector('[data-testid=stStatusWidget]') && performance.now() - window.__last > 900"


@dataclass(frozen=True)
class Felt:
    """Seconds until a heading stands, and until nothing above the fold changes any more."""

    heading: float
    answer: float


def open_context(browser: Browser) -> Page:
    """A page of a session of its own, with the watch put in."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.add_init_script(_WATCH)
    return page


def felt_opening(page: Page, address: str) -> Felt:
    """Open an address and wait until it has answered."""
    page.goto(address)
    page.wait_for_selector("[data-testid=stMainBlockContainer] h1, [data-testid=stAlert]")
    page.wait_for_function(_DONE, timeout=120_000)
    return Felt(*(page.evaluate(f"window.{name}") / 1000 for name in ("__first", "__last")))


def felt_after(page: Page, act: object) -> float:
    """Seconds from an action (a function of no arguments) until nothing above the fold changes any more."""
    assert callable(act)
    start = page.evaluate("window.__last = performance.now()")
    act()
    page.wait_for_timeout(50)
    page.wait_for_function(_DONE, timeout=120_000)
    return float(page.evaluate("window.__last") - start) / 1000

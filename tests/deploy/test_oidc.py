"""Signing in at an OpenID provider, by its own protocol and with every answer a provider must not be believed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import websockets
from playwright.sync_api import BrowserContext, expect

from data.store.decisions import read_decisions
from tests import patient
from tests.conftest import drawn
from tests.deploy.provider import PASSWORD, OpenIdProvider
from tests.deploy.test_served import first_answer, stream

pytestmark = pytest.mark.usefixtures("honest")


@pytest.fixture
def honest(provider: OpenIdProvider) -> Iterator[None]:
    """The provider does nothing wrong after a test."""
    yield
    provider.fault = ""


@pytest.fixture
def browser(with_provider: tuple[str, Path]) -> Iterator[httpx.Client]:
    """Keeps cookies and follows no redirect by itself."""
    with httpx.Client(base_url=with_provider[0], headers={"Accept": "text/html"}, timeout=60) as client:
        yield client


def to_provider(browser: httpx.Client, asked: str = "/") -> str:
    """Ask for a page and follow the way to the provider; its address for the form."""
    first = browser.get(asked)
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    second = browser.get("/login")
    assert second.status_code == 302
    return second.headers["location"]


def fill_in(at_provider: str, user: str = "ann", password: str = PASSWORD) -> str:
    """Sign in there; the address the provider sends back to."""
    answer = patient.post(at_provider, data={"user": user, "password": password})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def sign_in(browser: httpx.Client, user: str = "ann", asked: str = "/") -> httpx.Response:
    return browser.get(fill_in(to_provider(browser, asked), user))


def is_in(browser: httpx.Client) -> bool:
    return browser.get("/_stcore/host-config", headers={"Accept": "*/*"}).status_code == 200


def cookie_header(browser: httpx.Client) -> dict[str, str]:
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}


def test_the_whole_way(browser: httpx.Client, provider: OpenIdProvider, with_provider: tuple[str, Path]) -> None:
    at_provider = to_provider(browser, "/compare?c_models=a%2Fb")
    asked = parse_qs(urlsplit(at_provider).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{with_provider[0]}/oauth2callback"]
    assert not is_in(browser)
    back = browser.get(fill_in(at_provider))
    assert (back.status_code, back.headers["location"]) == (303, "/compare?c_models=a%2Fb")
    for line in back.headers.get_list("set-cookie"):
        assert "httponly" in line.lower() and "samesite=lax" in line.lower(), line
    assert is_in(browser) and browser.get("/compare").status_code == 200
    assert browser.get("/status").json()["ok"]
    with stream(with_provider[0], cookie_header(browser)) as socket_:
        first_answer(socket_)


@pytest.mark.parametrize(
    "fault",
    ["signature", "issuer", "audience", "audience of ours by the way", "expired", "nonce", "unsigned", "no token"],
)
def test_a_token_that_does_not_hold_lets_nobody_in(browser: httpx.Client, provider: OpenIdProvider, fault: str) -> None:
    provider.fault = fault
    answer = sign_in(browser)
    assert answer.status_code == 400 and "Signing in did not work" in answer.text and "location" not in answer.headers
    assert not is_in(browser)
    assert not any(name.startswith("_streamlit_user") or name == "plumbline" for name in browser.cookies)
    provider.fault = ""
    assert sign_in(browser).status_code == 303 and is_in(browser), "the page offers another try, which works"


@pytest.mark.parametrize("user", ["bob", "eve", "kim"])
def test_whom_the_provider_knows_and_the_list_does_not(browser: httpx.Client, user: str) -> None:
    answer = sign_in(browser, user)
    assert answer.status_code == 403 and "is not among those let in" in answer.text
    assert not is_in(browser) and not any(name.startswith("_streamlit_user") for name in browser.cookies)


def test_a_refusal_of_the_provider_ends_on_a_page(browser: httpx.Client, with_provider: tuple[str, Path]) -> None:
    back = fill_in(to_provider(browser), password="wrong")
    answer = browser.get(back)
    assert answer.status_code == 400 and "Try again" in answer.text and not is_in(browser)
    assert "\nforged: line" not in with_provider[1].read_text()


def test_a_provider_that_is_down_ends_on_a_page(browser: httpx.Client, provider: OpenIdProvider) -> None:
    provider.fault = "down"
    answer = browser.get("/login")
    assert answer.status_code == 502 and "Signing in did not work" in answer.text


def test_a_way_back_works_once_and_for_who_began_it(browser: httpx.Client, with_provider: tuple[str, Path]) -> None:
    back = fill_in(to_provider(browser))
    with patient.client(base_url=with_provider[0]) as other:
        assert other.get(back).status_code == 400 and not is_in(other), "another browser's state"
    back, began = fill_in(to_provider(browser)), dict(browser.cookies)
    assert browser.get(back).status_code == 303
    with patient.client(base_url=with_provider[0], cookies=began) as thief:
        assert thief.get(back).status_code == 400 and not is_in(thief), "the code was used"
    assert browser.get(back).status_code == 400, "replayed by the one who has it"
    made_up = re.sub(r"state=[^&]+", "state=made-up", fill_in(to_provider_again(browser)))
    assert browser.get(made_up).status_code == 400


def to_provider_again(browser: httpx.Client) -> str:
    browser.cookies.clear()
    return to_provider(browser)


def test_a_cookie_that_was_changed_is_none(browser: httpx.Client, with_provider: tuple[str, Path]) -> None:
    sign_in(browser)
    session = browser.cookies["plumbline"]
    streamlit = {name: value for name, value in browser.cookies.items() if name != "plumbline"}
    for place in (0, len(session) // 2, len(session) - 2):
        changed = session[:place] + ("A" if session[place] != "A" else "B") + session[place + 1 :]
        with patient.client(base_url=with_provider[0], cookies={**streamlit, "plumbline": changed}) as other:
            assert not is_in(other), place
    with patient.client(base_url=with_provider[0], cookies=streamlit) as other:
        assert not is_in(other), "what Streamlit signs for its scripts opens nothing"
        with pytest.raises(websockets.InvalidStatus):
            stream(with_provider[0], cookie_header(other))
    with pytest.raises(websockets.InvalidStatus):
        stream(with_provider[0], cookie_header(browser), "http://evil.example")


def test_signing_out_ends_it_here_and_there(browser: httpx.Client, with_provider: tuple[str, Path]) -> None:
    sign_in(browser)
    copied = cookie_header(browser)
    with stream(with_provider[0], copied) as socket_:
        first_answer(socket_)
        out = browser.get("/logout")
        there = out.headers["location"]
        assert out.status_code == 303 and "/out?" in there and "id_token_hint=" in there
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                socket_.recv(timeout=30)
    back = patient.get(there).headers["location"]
    page = browser.get(back)
    assert page.status_code == 200 and "You are signed out" in page.text, "and not on the way in again"
    assert not is_in(browser)
    assert patient.get(f"{with_provider[0]}/_stcore/host-config", headers=copied).status_code == 401


def test_a_long_list_of_claims_fits(browser: httpx.Client, with_provider: tuple[str, Path]) -> None:
    sign_in(browser, "lee")
    assert "_streamlit_user_2" in list(browser.cookies) and is_in(browser)
    with stream(with_provider[0], cookie_header(browser)) as socket_:
        first_answer(socket_)


@pytest.mark.browser
def test_people_sign_in_decide_under_their_name_and_sign_out(
    with_provider: tuple[str, Path], chromium: BrowserContext
) -> None:
    page = chromium.new_page()
    try:
        page.goto(f"{with_provider[0]}/leaderboard?lang=en")
        page.locator("[name=user]").fill("ann")
        page.locator("[name=password]").fill(PASSWORD)
        page.get_by_role("button", name="Go").click()
        drawn(page)
        expect(page).to_have_url(re.compile(r"/leaderboard\?"))
        page.get_by_role("button", name="Decide").click()
        page.get_by_label("Name of the decision").fill("As Ann")
        expect(page.get_by_label("Your name")).to_have_count(0)  # which the provider says
        page.get_by_label("Reason").fill("Because it was asked for.")
        page.get_by_role("button", name="Keep the decision").click()
        expect(page.get_by_text("The decision is kept.")).to_be_visible()
        [decision] = read_decisions(with_provider[1].with_name("store.decisions.jsonl")).decisions
        assert (decision.name, decision.author) == ("As Ann", "ann@example.org")
        page.goto(f"{with_provider[0]}/logout")
        expect(page.get_by_role("heading")).to_have_text("You are signed out")
    finally:
        page.close()
        chromium.clear_cookies()

"""The whole dashboard behind a shared secret and a proxy: strangers get nothing of it, people get all of it."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
import websockets
from playwright.sync_api import BrowserContext, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from tests import patient
from tests.conftest import drawn
from tests.deploy.conftest import SECRET, Behind
from tests.serving import ROOT

BEARER = {"Authorization": f"Bearer {SECRET}"}


@pytest.mark.parametrize("base", ["", "/team"])
def test_no_route_is_served_to_a_stranger(base: str) -> None:
    command = [sys.executable, "-m", "tests.deploy.every_route", base]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout.splitlines()[-1])
    stranger = {(path, method): (status, size) for path, method, status, size, _ in rows}
    assert {answer for answer in stranger.values()} <= {(401, len("Sign in first.\n")), (401, 0)}, stranger
    served = {path for path, method, *_, status in rows if method == "GET" and status == 200}
    assert {f"{base}/_stcore/health", f"{base}/_stcore/host-config", f"{base}/", f"{base}/index.html"} <= served
    assert len(served) > 20 and any(path.endswith(".js") for path in served), "those let in are served what there is"
    assert any("/_stcore/agent/" in path for path, _ in stranger) and any("/media/" in path for path, _ in stranger)


def test_streamlit_alone_serves_strangers(dashboard: str) -> None:
    """Why there is a gate: these answer before any script, and so before ``st.login``, has run."""
    for path in ("/", "/index.html", "/_stcore/health", "/_stcore/host-config"):
        assert patient.get(dashboard + path).status_code == 200
    with connect(dashboard.replace("http", "ws") + "/_stcore/stream", proxy=None, open_timeout=patient.WAIT_S):
        pass


def stream(url: str, headers: dict[str, str], origin: str | None = None) -> ClientConnection:
    at = urlsplit(url)
    address = f"ws://{at.netloc}{at.path}/_stcore/stream"
    origin = f"http://{at.netloc}" if origin is None else origin
    return connect(
        address, additional_headers=headers, origin=websockets.Origin(origin), subprotocols=["streamlit"], proxy=None,
        close_timeout=1,  # a server at a long page is not waited for
    )  # type: ignore[arg-type]  # fmt: skip


def first_answer(socket_: ClientConnection) -> str:
    """Ask for a run of the script; the kind of the first message that answers."""
    message = BackMsg()
    message.rerun_script.query_string = ""
    socket_.send(message.SerializeToString())
    answer = ForwardMsg()
    answer.ParseFromString(bytes(socket_.recv(timeout=60)))  # type: ignore[arg-type]
    return str(answer.WhichOneof("type"))


def signed_in(behind: Behind) -> str:
    """A session's cookie, as a header has it."""
    answer = patient.post(f"{behind.url}/login", data={"secret": SECRET})
    assert answer.status_code == 303, answer.text
    return re.split("[;]", answer.headers["set-cookie"])[0]


@pytest.mark.parametrize(
    "headers", [{}, {"Cookie": "plumbline=x"}, {"Cookie": "_streamlit_user=x"}, {"Authorization": "Bearer wrong"}]
)
def test_no_websocket_without_a_session(with_secret: Behind, headers: dict[str, str]) -> None:
    for url in (with_secret.url, with_secret.inside + "/team/plumb"):
        with pytest.raises(websockets.InvalidStatus) as refused:
            stream(url, headers)
        assert refused.value.response.status_code in (403, 429)


def test_a_session_has_its_websocket_until_it_signs_out(with_secret: Behind) -> None:
    with_secret.proxy.client_says = "203.0.113.8"
    cookie = {"Cookie": signed_in(with_secret)}
    with pytest.raises(websockets.InvalidStatus):
        stream(with_secret.url, cookie, "http://evil.example")
    with stream(with_secret.url, cookie) as socket_:
        assert first_answer(socket_) in ("session_status_changed", "new_session", "session_event")
        patient.get(f"{with_secret.url}/logout", headers=cookie)
        with pytest.raises(websockets.ConnectionClosed):
            while True:
                socket_.recv(timeout=30)
    with pytest.raises(websockets.InvalidStatus):
        stream(with_secret.url, cookie)


def test_a_proxy_with_a_login_of_its_own_lets_people_through(with_secret: Behind) -> None:
    with_secret.proxy.client_says = "203.0.113.9"
    answer = patient.get(f"{with_secret.url}/status", headers=BEARER)
    assert answer.status_code == 200 and answer.json()["ok"] and answer.json()["record_age_days"] is not None
    with stream(with_secret.url, BEARER) as socket_:
        first_answer(socket_)


def test_guesses_are_counted_by_whom_the_proxy_names(with_secret: Behind) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    with_secret.proxy.client_says = "203.0.113.66"
    codes = [patient.get(f"{with_secret.url}/status", headers=wrong).status_code for _ in range(6)]
    assert codes[:4] == [401] * 4 and codes[-1] == 429
    with_secret.proxy.client_says = "203.0.113.10"
    assert patient.get(f"{with_secret.url}/status", headers=BEARER).status_code == 200
    log = with_secret.log.read_text()
    assert "A wrong secret came from 203.0.113.66" in log and SECRET not in log and "Bearer" not in log


def test_a_path_as_it_stands_on_the_wire_is_refused(with_secret: Behind) -> None:
    """What clients would tidy up before they send it."""
    at = urlsplit(with_secret.inside)
    for path in ("/team/plumb/login/../static/x", "/team/plumb/./index.html", "/healthz/../team/plumb/index.html",
                 "http://x/team/plumb/index.html", "/team/plumb//login", "/team/plumb/login;x", "*"):  # fmt: skip
        with socket.create_connection((str(at.hostname), int(at.port or 0)), 30) as wire:
            wire.sendall(f"GET {path} HTTP/1.1\r\nHost: {at.netloc}\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: wire.recv(65536), b""))  # noqa: B023
        assert answer.split(b" ")[1] in (b"401", b"400"), (path, answer[:100])


@pytest.mark.browser
def test_people_sign_in_and_see_what_they_asked_for(with_secret: Behind, chromium: BrowserContext) -> None:
    with_secret.proxy.client_says = "203.0.113.11"
    page = chromium.new_page()
    try:
        page.goto(f"{with_secret.url}/runs?lang=en")
        expect(page).to_have_url(f"{with_secret.url}/login")
        page.get_by_label("Shared secret").fill("not the secret at all")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the secret.")
        page.get_by_label("Shared secret").fill(SECRET)
        page.keyboard.press("Enter")
        drawn(page)
        expect(page).to_have_url(re.compile(re.escape(with_secret.url) + r"/runs\?.*"))
        expect(page.get_by_role("heading", name="Runs")).to_be_visible()
        assert SECRET not in page.evaluate("document.cookie") and "plumbline" not in page.evaluate("document.cookie")
        with chromium.expect_page() as opened:  # Streamlit opens every link beside the page
            page.get_by_role("link", name="Sign out").click()
        expect(opened.value.get_by_role("heading")).to_have_text("You are signed out")
        opened.value.close()
        page.goto(f"{with_secret.url}/runs")
        expect(page).to_have_url(f"{with_secret.url}/login")
    finally:
        page.close()
        chromium.clear_cookies()

"""The gate before an application that answers everything: what comes through is what the gate lets through."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from dashboard.serve.brake import FREE
from dashboard.serve.gate import Gate
from dashboard.serve.settings import Deployment

SECRET = "a secret of some length"
BEARER = {"Authorization": f"Bearer {SECRET}"}
PAGE = {"Accept": "text/html,*/*"}
LOCAL = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"
SETTINGS = Deployment(secret=SECRET)  # whose key is dear to make, on purpose
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what came through; a websocket says it once and then each message it hears."""
    heard = json.dumps({"path": scope.get("path"), "headers": [[k.decode(), v.decode()] for k, v in scope["headers"]]})
    if scope["type"] == "http":
        headers = [
            (b"cache-control", b"public, max-age=31536000"),
            (b"set-cookie", b"_streamlit_xsrf=1; Path=/"),
            (b"content-type", b"application/json"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": heard.encode()})
        return
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": heard})
    while (message := await receive())["type"] != "websocket.disconnect":
        await send({"type": "websocket.send", "text": message["text"]})


def client(settings: Deployment, *, base_url: str = LOCAL, **kwargs: Any) -> TestClient:
    return TestClient(Gate(echo, settings), base_url=base_url, follow_redirects=False, **kwargs)


@pytest.fixture
def guarded() -> Iterator[TestClient]:
    yield client(SETTINGS)


def headers_of(answer: Any) -> dict[str, str]:
    return dict(json.loads(answer.text)["headers"])


def signed_in(guarded: TestClient, **more: str) -> Any:
    return guarded.post("/login", data={"secret": SECRET}, headers=more)


@pytest.mark.parametrize(
    "path",
    ["/", "/_stcore/health", "/static/js/index.js", "/media/a.csv", "/status", "/_stcore/agent/mcp", "/auth/login",
     "/oauth2callback", "/login/", "/Login", "/healthz/x", "//healthz", "/%6cogin2", "/healthz%00"],
)  # fmt: skip
def test_a_stranger_gets_nothing(guarded: TestClient, path: str) -> None:
    for method in METHODS:
        answer = guarded.request(method, LOCAL + path)
        assert answer.status_code == 401 and answer.text in ("Sign in first.\n", ""), method
        assert answer.headers["cache-control"] == "no-store" and "set-cookie" not in answer.headers, method


def test_health_says_ok_to_everybody_and_nothing_else(guarded: TestClient) -> None:
    answer = guarded.get("/healthz?x=1")
    assert (answer.status_code, answer.text) == (200, "ok\n") and "set-cookie" not in answer.headers


def test_without_a_login_all_goes_through() -> None:
    plain = client(Deployment())
    assert plain.get("/any").json()["path"] == "/any" and plain.get("/healthz").text == "ok\n"
    assert plain.get("/status").json()["ok"] is False, "there is no store here"
    assert plain.get("/login").json()["path"] == "/login"
    with plain.websocket_connect(STREAM) as socket:
        assert "headers" in socket.receive_text()


@pytest.mark.parametrize("headers", [BEARER, {"Authorization": f"bearer  {SECRET}"}, {"X-Plumbline-Secret": SECRET}])
def test_a_program_shows_the_secret_and_the_app_does_not_see_it(guarded: TestClient, headers: dict[str, str]) -> None:
    answer = guarded.get("/x", headers=headers)
    assert answer.status_code == 200 and SECRET not in answer.text


@pytest.mark.parametrize(
    "wrong", ["", "Bearer", "Bearer x", f"Basic {SECRET}", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"]
)
def test_another_secret_is_none(guarded: TestClient, wrong: str) -> None:
    assert guarded.get("/x", headers={"Authorization": wrong}).status_code == 401


def test_what_comes_through_is_for_no_cache_and_no_frame(guarded: TestClient) -> None:
    answer = guarded.get("/static/x.js", headers=BEARER)
    assert answer.headers["cache-control"] == "private, max-age=31536000" and "cookie" in answer.headers["vary"].lower()
    assert answer.headers["x-frame-options"] == "SAMEORIGIN" and answer.headers["x-content-type-options"] == "nosniff"


def test_a_person_is_sent_to_the_form_and_then_to_what_was_asked_for(guarded: TestClient) -> None:
    first = guarded.get("/compare?c_models=a%20b&x=%2F", headers=PAGE)
    assert (first.status_code, first.headers["location"]) == (303, "/login")
    form = guarded.get("/login")
    assert form.status_code == 200 and 'action="/login"' in form.text and "<script" not in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    answer = signed_in(guarded)
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?c_models=a%20b&x=%2F")
    [cookie] = [line for line in answer.headers.get_list("set-cookie") if line.startswith("plumbline=")]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Max-Age=43200" in cookie
    assert guarded.get("/compare").json()["path"] == "/compare"
    assert guarded.get("/login").headers["location"] == "/", "nobody signs in twice"


def test_behind_https_and_below_a_path_cookies_are_for_that_alone() -> None:
    team = client(Deployment(url="https://p.example.org/team", secret=SECRET), base_url="https://p.example.org")
    assert team.get("/team/runs", headers=PAGE).headers["location"] == "/team/login"
    assert team.post("/login", data={"secret": SECRET}).status_code == 401, "the door is below the path"
    answer = team.post("/team/login", data={"secret": SECRET}, headers={"Origin": "https://p.example.org"})
    assert answer.headers["location"] == "/team/runs"
    for line in answer.headers.get_list("set-cookie"):
        assert "; Secure" in line and "Path=/team" in line and line.startswith("__Secure-plumbline")
    assert team.get("/team/x").headers["set-cookie"] == "_streamlit_xsrf=1; Path=/; Secure"
    assert team.get("/team/healthz").text == team.get("/healthz").text == "ok\n"


@pytest.mark.parametrize("path", ["//evil.example/x", "/\\evil.example", "/%5cevil.example", "///evil.example"])
def test_nobody_is_sent_to_another_host(path: str) -> None:
    guarded = client(SETTINGS)
    guarded.get(LOCAL + path, headers=PAGE)
    target = signed_in(guarded).headers["location"]
    assert target.startswith("/") and not target.startswith(("//", "/\\")), target


def test_an_address_that_was_not_sealed_here_is_not_gone_to(guarded: TestClient) -> None:
    guarded.cookies.set("plumbline_back", "https://evil.example/")
    assert signed_in(guarded).headers["location"] == "/"


def test_line_breaks_in_an_address_stay_in_it(guarded: TestClient) -> None:
    guarded.get(LOCAL + "/a%0d%0aSet-Cookie:x=1?b=%0d%0a\u00e4", headers=PAGE)
    target = signed_in(guarded).headers["location"]
    assert target.startswith("/a%0D%0ASet-Cookie:x=1?b=%0d%0a") and "\n" not in target


def test_another_site_cannot_post_for_a_viewer(guarded: TestClient) -> None:
    assert guarded.post("/login", data={"secret": SECRET}, headers={"Origin": "http://evil.example"}).status_code == 403
    signed_in(guarded, Origin=LOCAL)
    evil = {"Origin": "http://evil.example"}
    assert guarded.put("/_stcore/upload_file/a/b", headers=evil).status_code == 403
    assert guarded.put("/_stcore/upload_file/a/b", headers={"Origin": LOCAL}).status_code == 200


def test_wrong_secrets_are_slowed_and_the_right_one_too(guarded: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "plumbline.serve"):
        for _ in range(FREE + 1):
            assert guarded.post("/login", data={"secret": "guess of a secret"}).status_code == 401
    assert "guess" not in caplog.text and caplog.text.count("wrong secret") == FREE + 1
    slowed = signed_in(guarded)
    assert slowed.status_code == 429 and 1 <= int(slowed.headers["retry-after"]) <= 3
    assert guarded.get("/x", headers=BEARER).status_code == 429
    assert guarded.get("/healthz").status_code == 200


def test_whoever_is_in_stays_in_while_others_guess(guarded: TestClient) -> None:
    signed_in(guarded)
    for _ in range(FREE + 2):
        guarded.post("/login", data={"secret": "x"}, headers={"Cookie": ""})
        guarded.get("/x", headers={"Authorization": "Bearer x", "Cookie": ""})
    assert guarded.get("/x").status_code == 200


@pytest.mark.parametrize(("trusted", "alone"), [("testclient", False), ("10.9.9.9", True)])
def test_only_our_proxies_say_where_a_request_comes_from(trusted: str, alone: bool) -> None:
    gate = ProxyHeadersMiddleware(Gate(echo, SETTINGS), trusted_hosts=trusted)  # as uvicorn wraps it
    behind = TestClient(gate, base_url=LOCAL)
    for n in range(FREE + 1):
        behind.post("/login", data={"secret": "x"}, headers={"X-Forwarded-For": f"10.0.{n if alone else 0}.1"})
    other = behind.post("/login", data={"secret": "x"}, headers={"X-Forwarded-For": "10.0.99.1"})
    assert other.status_code == (429 if alone else 401)


def test_a_form_that_is_none_is_a_wrong_secret(guarded: TestClient) -> None:
    for body in (b"", b"\xff\xfe", b"secret", b"x=" + b"y" * 100_000):
        guarded.app.brake.right("testclient")  # type: ignore[attr-defined]
        assert guarded.post("/login", content=body).status_code == 401
    assert guarded.put("/login", content=b"").status_code == 405


def test_signing_out_ends_the_session_everywhere(guarded: TestClient) -> None:
    signed_in(guarded)
    cookie = {"Cookie": f"plumbline={guarded.cookies['plumbline']}"}
    with guarded.websocket_connect(STREAM, headers={"Origin": LOCAL}) as socket:
        assert "path" in socket.receive_text()
        socket.send_text("still there")
        assert socket.receive_text() == "still there"
        answer = guarded.get("/logout", headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 200 and "signed out" in answer.text
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()
        assert closed.value.code == 1008
    assert "plumbline" not in guarded.cookies
    assert guarded.get("/x", headers=cookie).status_code == 401, "a copy of the cookie is of no use"
    guarded.cookies.clear()
    with pytest.raises(WebSocketDisconnect):
        guarded.websocket_connect(STREAM, headers={"Origin": LOCAL, **cookie}).__enter__()


def test_another_site_cannot_sign_a_viewer_out(guarded: TestClient) -> None:
    signed_in(guarded)
    asked = guarded.get("/logout", headers={"Sec-Fetch-Site": "cross-site"})
    assert "Sign out of Plumbline?" in asked.text and guarded.get("/x").status_code == 200


def test_an_open_page_ends_with_its_session() -> None:
    short = client(Deployment(secret=SECRET, hours=2 / 3600))
    signed_in(short)
    began = time.monotonic()
    with short.websocket_connect(STREAM, headers={"Origin": LOCAL}) as socket:
        socket.receive_text()
        with pytest.raises(WebSocketDisconnect):
            socket.receive_text()
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "origin", [None, "http://evil.example", "http://127.0.0.1:9", "null", "http://127.0.0.1.evil.example"]
)
def test_a_websocket_of_another_site_is_refused(guarded: TestClient, origin: str | None) -> None:
    signed_in(guarded)
    headers = {"Origin": origin} if origin else {}
    with guarded.websocket_connect(STREAM, headers={"Origin": LOCAL}) as ours:
        assert "path" in ours.receive_text()
    with pytest.raises(WebSocketDisconnect):
        guarded.websocket_connect(STREAM, headers=headers).__enter__()
    with pytest.raises(WebSocketDisconnect):
        guarded.websocket_connect(STREAM, headers={**headers, **BEARER}).__enter__()


def test_a_websocket_shows_the_app_neither_secret_nor_a_viewer_nobody_let_in() -> None:
    team = client(Deployment(url="https://p.example.org", secret=SECRET), base_url="https://10.0.0.1:8501")
    ours = {
        "Origin": "https://p.example.org",
        "Cookie": "_streamlit_user=forged; _streamlit_user_1=x; other=1",
        **BEARER,
    }
    with team.websocket_connect(STREAM, headers=ours) as socket:
        heard = dict(json.loads(socket.receive_text())["headers"])
    assert heard["cookie"] == "other=1" and "authorization" not in heard
    assert heard["host"] == "p.example.org", "Streamlit compares it with the origin"


def test_the_door_speaks_the_browsers_language(guarded: TestClient) -> None:
    assert 'lang="zh-CN"' in guarded.get("/login", headers={"Accept-Language": "zh-TW,zh;q=0.9,en;q=0.8"}).text
    assert 'lang="en"' in guarded.get("/login", headers={"Accept-Language": "de,zhx,en"}).text


def test_the_store_is_described_to_those_let_in(guarded: TestClient) -> None:
    answer = guarded.get("/status", headers=BEARER)
    assert answer.status_code == 503 and "There is no store yet" in answer.json()["error"]

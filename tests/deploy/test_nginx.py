"""The dashboard behind the very nginx that `deploy/nginx.conf` makes: https, cookies for https alone, websockets."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import websockets
from websockets.sync.client import connect

from tests import patient
from tests.deploy.conftest import SECRET
from tests.deploy.serving import deployed
from tests.deploy.test_served import first_answer
from tests.serving import free_port


class Https(NamedTuple):
    """The address by https and by http, what trusts the certificate, and nginx's log of requests."""

    url: str
    plain: str
    trust: ssl.SSLContext
    log: Path


def configured(folder: Path, inside: int, plain: int, https: int) -> Path:
    """Our configuration with a certificate of its own, on free ports, in a folder."""
    text = (Path(__file__).parents[2] / "deploy" / "nginx.conf").read_text()
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {name}_temp_path {folder}/{name};\n" for name in names)
    changes = {
        "/tmp/nginx.pid;": f"{folder}/nginx.pid;" + ("\nuser root;" if os.geteuid() == 0 else ""),
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
        "/etc/plumbline/": f"{folder}/",
        "server_tokens off;": "server_tokens off;\n" + temporary,
        "dashboard:8501": f"127.0.0.1:{inside}",
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ssl;": f"listen 127.0.0.1:{https} ssl;",
    }
    for old, new in changes.items():
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text(text)
    return folder / "nginx.conf"


@pytest.fixture(scope="module")
def behind_nginx(made_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Https]:
    """The dashboard behind a shared secret and nginx; skipped where there is no nginx or no openssl."""
    if not (shutil.which("nginx") and shutil.which("openssl")):
        pytest.skip("no nginx or no openssl here")
    folder, inside, plain, https = tmp_path_factory.mktemp("nginx"), free_port(), free_port(), free_port()
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    certificate += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{folder}/privkey.pem"]
    subprocess.run([*certificate, "-out", f"{folder}/fullchain.pem"], check=True, capture_output=True)
    configuration = str(configured(folder, inside, plain, https))
    checked = subprocess.run(["nginx", "-t", "-c", configuration], capture_output=True, text=True, check=False)
    assert checked.returncode == 0 and "[warn]" not in checked.stderr, checked.stderr
    url = f"https://127.0.0.1:{https}"
    environment = {"PLUMBLINE_URL": url, "PLUMBLINE_SECRET": SECRET, "PLUMBLINE_PROXIES": "127.0.0.1"}
    trust = ssl.create_default_context(cafile=f"{folder}/fullchain.pem")
    with deployed({**environment, "PLUMBLINE_STORE": str(made_store)}, folder / "log", port=inside):
        server = subprocess.Popen(["nginx", "-c", configuration, "-g", "daemon off;"])
        try:
            _wait(url, trust)
            yield Https(url, f"http://127.0.0.1:{plain}", trust, folder / "access.log")
        finally:
            server.terminate()
            server.wait(30)


def _wait(url: str, trust: ssl.SSLContext) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            assert patient.get(f"{url}/healthz", verify=trust).text == "ok\n"
            return
        except httpx.TransportError:
            assert time.monotonic() < end
            time.sleep(0.02)


def test_the_whole_of_it_through_nginx(behind_nginx: Https) -> None:
    url, trust = behind_nginx.url, behind_nginx.trust
    with patient.client(base_url=url, verify=trust) as browser:
        first = browser.get("/runs?lang=en&token=nothing", headers={"Accept": "text/html"})
        assert first.status_code == 303 and first.headers["strict-transport-security"]
        answer = browser.post("/login", data={"secret": SECRET}, headers={"Origin": url})
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs?lang=en&token=nothing")
        assert all("; Secure" in line and "HttpOnly" in line for line in answer.headers.get_list("set-cookie"))
        assert browser.get("/status").json()["ok"]
        page = browser.get("/").text
        script = page.partition('src="./')[2].partition('"')[0]
        assert len(browser.get(f"/{script}").content) > 100_000, "what does not fit into the proxy's buffers"
        cookie = {"Cookie": f"__Secure-plumbline={browser.cookies['__Secure-plumbline']}"}
    stream = url.replace("https", "wss") + "/_stcore/stream"
    options: dict[str, Any] = {
        "ssl": trust,
        "proxy": None,
        "subprotocols": ["streamlit"],
        "open_timeout": patient.WAIT_S,
    }
    with connect(stream, additional_headers=cookie, origin=websockets.Origin(url), **options) as socket:
        first_answer(socket)
    for headers, origin in (({}, url), (cookie, "https://evil.example"), (cookie, url.replace("https", "http"))):
        with pytest.raises(websockets.InvalidStatus):
            connect(stream, additional_headers=headers, origin=websockets.Origin(origin), **options)
    assert patient.get(f"{behind_nginx.plain}/x").headers["location"] == "https://127.0.0.1/x"
    log = behind_nginx.log.read_text()
    assert "GET /runs" in log and "token" not in log and SECRET not in log


def test_what_a_caller_claims_of_its_address_counts_for_nothing(behind_nginx: Https) -> None:
    url, trust = behind_nginx.url, behind_nginx.trust
    codes = []
    for n in range(6):
        claims = {"X-Forwarded-For": f"203.0.113.{n}", "X-Plumbline-Secret": "a guess of some length"}
        codes.append(patient.get(f"{url}/status", headers=claims, verify=trust).status_code)
    assert codes[:4] == [401] * 4 and codes[-1] == 429

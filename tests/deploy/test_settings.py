"""What an operator may set, and what is refused before anything is served."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboard.__main__ import app as commands
from dashboard.serve.brake import FORGET, FREE, LONGEST, MOST, Brake
from dashboard.serve.sessions import Sessions
from dashboard.serve.settings import Deployment, Provider, settings_from
from data.store.errors import InputError
from tests.serving import ROOT

SECRET = "a secret of some length"
OIDC = {
    "PLUMBLINE_URL": "https://plumbline.example.org/team",
    "PLUMBLINE_OIDC_ISSUER": "https://id.example.org/realm",
    "PLUMBLINE_OIDC_CLIENT_ID": "plumbline",
    "PLUMBLINE_OIDC_CLIENT_SECRET": "client secret",
    "PLUMBLINE_ALLOW": "@Example.org, Ann@other.org, sub:AbC",
}


def test_nothing_set_is_open_and_all_set_is_read() -> None:
    assert settings_from({}) == Deployment() and not Deployment().guarded
    settings = settings_from({**OIDC, "PLUMBLINE_SESSION_HOURS": "2", "PLUMBLINE_PROXIES": "127.0.0.1, 10.0.0.0/8"})
    assert settings.guarded and settings.https
    assert (settings.base, settings.origin) == ("/team", "https://plumbline.example.org")
    assert settings.provider == Provider("https://id.example.org/realm", "plumbline", "client secret")
    assert settings.allow == ("@example.org", "ann@other.org", "sub:AbC")
    assert settings.hours == 2 and settings.proxies == ("127.0.0.1", "10.0.0.0/8")


def test_a_provider_may_be_named_by_its_description_too() -> None:
    named = settings_from({**OIDC, "PLUMBLINE_OIDC_ISSUER": "https://id.example.org/.well-known/openid-configuration"})
    assert named.provider is not None and named.provider.issuer == "https://id.example.org"
    assert named.provider.metadata_url == "https://id.example.org/.well-known/openid-configuration"


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"PLUMBLINE_SECRET": "short"}, "fewer than 16"),
        ({"PLUMBLINE_SECRET": SECRET, "PLUMBLINE_SECRET_FILE": "x"}, "both set"),
        ({"PLUMBLINE_SECRET_FILE": "/not/there"}, "cannot be read"),
        ({**OIDC, "PLUMBLINE_ALLOW": ""}, "Nobody is named"),
        ({**OIDC, "PLUMBLINE_ALLOW": "example.org"}, "names nobody"),
        ({**OIDC, "PLUMBLINE_URL": ""}, "sends people back"),
        ({**OIDC, "PLUMBLINE_OIDC_CLIENT_ID": ""}, "half set"),
        ({**OIDC, "PLUMBLINE_OIDC_ISSUER": "http://id.example.org"}, "over https"),
        ({"PLUMBLINE_URL": "plumbline.example.org"}, "no address"),
        ({"PLUMBLINE_URL": "https://a@example.org"}, "no address"),
        ({"PLUMBLINE_URL": "https://example.org//evil"}, "no address"),
        ({"PLUMBLINE_PROXIES": "*"}, "address or a network"),
        ({"PLUMBLINE_SESSION_HOURS": "forever"}, "number of hours"),
        ({"PLUMBLINE_SESSION_HOURS": "-1"}, "number of hours"),
    ],
)
def test_what_cannot_be_used_is_said(environment: dict[str, str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        settings_from(environment)


def test_secrets_come_from_files_and_are_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    settings = settings_from({"PLUMBLINE_SECRET_FILE": str(tmp_path / "secret"), **OIDC})
    assert settings.secret == SECRET
    assert SECRET not in repr(settings) and "client secret" not in repr(settings)
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(InputError, match="is empty"):
        settings_from({"PLUMBLINE_SECRET_FILE": str(tmp_path / "secret")})


def test_every_variable_is_documented_and_no_other() -> None:
    rooms = ("serve", "start")
    source = "".join(file.read_text() for room in rooms for file in sorted((ROOT / "dashboard" / room).glob("*.py")))
    read = {*re.findall(r'"(PLUMBLINE_[A-Z_]+)"', source), "PLUMBLINE_READ_ONLY", "PLUMBLINE_STORE"}
    read |= {f"{name}_FILE" for name in re.findall(r'_secret\(environment, "(\w+)"\)', source)}
    told = set(re.findall(r"\bPLUMBLINE_[A-Z_]+\b", (ROOT / "docs" / "deploy.md").read_text()))
    assert told == read


def test_nobody_is_served_beyond_this_machine_without_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*OIDC, "PLUMBLINE_SECRET", "PLUMBLINE_SECRET_FILE"]:
        monkeypatch.delenv(name, raising=False)
    answer = CliRunner().invoke(commands, ["serve", "--address", "0.0.0.0"])
    assert isinstance(answer.exception, InputError) and "without a login" in str(answer.exception)


def test_another_secret_is_another_key() -> None:
    keys = {Deployment(secret=SECRET).key, Deployment(secret=SECRET + "s").key, settings_from(OIDC).key}
    assert len(keys) == 3 and all(len(key) == 32 for key in keys)


def test_sessions_are_signed_end_and_grow_old(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions, others = Sessions(b"k" * 32, hours=1), Sessions(b"l" * 32, hours=1)
    cookie = sessions.issue(email="ann@example.org", subject="1", user="digest")
    session = sessions.read(cookie)
    assert session is not None and session[1:4] == ("ann@example.org", "1", "digest")
    assert others.read(cookie) is None and sessions.read("") is None
    assert all(sessions.read(cookie[:at] + "A" + cookie[at + 1 :]) is None for at in range(0, 20) if cookie[at] != "A")
    sessions.end(session)
    assert sessions.read(cookie) is None and sessions.read(sessions.issue()) is not None
    cookie = sessions.issue()
    monkeypatch.setattr(sessions, "seconds", -1)
    assert sessions.read(cookie) is None


def test_the_brake_slows_a_guesser_and_nobody_else() -> None:
    now = [0.0]
    brake = Brake(lambda: now[0])
    waits = []
    for _ in range(FREE + 9):
        waits.append(brake.wait("10.0.0.1"))
        now[0] += waits[-1]
        brake.wrong("10.0.0.1")
    assert waits[: FREE + 1] == [0.0] * (FREE + 1)
    assert waits[FREE + 1 :] == [2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]
    assert brake.wait("10.0.0.2") == 0
    now[0] += FORGET + 1
    assert brake.wait("10.0.0.1") == 0
    brake.wrong("10.0.0.1")
    assert brake.wait("10.0.0.1") == 0, "an old guess is forgotten"


def test_the_brake_knows_a_household_and_forgets_the_oldest() -> None:
    brake = Brake(lambda: 0.0)
    for n in range(FREE + 1):
        brake.wrong(f"2001:db8::{n}")
    assert brake.wait("2001:db8::ffff") > 0 and brake.wait("2001:db8:0:1::1") == 0
    for _ in range(FREE + 1):
        brake.wrong("::ffff:10.0.0.9")
    assert brake.wait("::ffff:10.0.0.9") > 0 and brake.wait("::ffff:10.0.0.8") == 0
    brake.right("2001:db8::1")
    assert brake.wait("2001:db8::2") == 0
    for n in range(MOST):
        brake.wrong(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(brake._wrong) == MOST

"""What an operator sets: where the dashboard is reached, who may come in, whose word about addresses is taken."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

from data.store.errors import InputError

__all__ = ["Provider", "Deployment", "on_this_machine", "settings_from"]

SHORTEST_SECRET = 16
_WELL_KNOWN = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Provider:
    """An OpenID provider: its issuer as its tokens name it, and what we are called there."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def metadata_url(self) -> str:
        """Where the provider describes itself."""
        return self.issuer.rstrip("/") + _WELL_KNOWN


@dataclass(frozen=True)
class Deployment:
    """How the dashboard is served; without a secret and a provider it is open to everybody who reaches it."""

    url: str = ""  # as people type it, without a slash at the end
    secret: str = field(default="", repr=False)
    provider: Provider | None = None
    allow: tuple[str, ...] = ()  # lower case: e-mail addresses, "@domain"s, "sub:SUBJECT"s; "*" for all
    hours: float = 12.0
    proxies: tuple[str, ...] = ()

    @property
    def guarded(self) -> bool:
        """Whether anybody has to show anything to be let in."""
        return bool(self.secret or self.provider)

    @property
    def base(self) -> str:
        """The path everything is below: empty, or with a slash before and none behind."""
        return urlsplit(self.url).path

    @property
    def origin(self) -> str:
        """Scheme and host as a browser names them, or nothing where no address is set."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if self.url else ""

    @property
    def https(self) -> bool:
        """Whether browsers come by https, whatever the proxy speaks to us."""
        return self.url.startswith("https://")

    @cached_property
    def key(self) -> bytes:
        """What sessions are signed with: another secret ends them all, and guessing one from a cookie is dear."""
        ours = "\n".join((self.secret, self.provider.client_secret if self.provider else ""))
        return hashlib.scrypt(ours.encode(), salt=b"plumbline sessions", n=2**14, r=8, p=1, dklen=32)


def settings_from(environment: Mapping[str, str]) -> Deployment:
    """Deployment of a process, from its environment variables (docs/deploy.md lists them).

    Raises:
        InputError: one of them cannot be used, or one that is needed is missing.
    """
    provider = _provider(environment)
    url = environment.get("PLUMBLINE_URL", "").strip().rstrip("/")
    if url:
        _check_url("PLUMBLINE_URL", url)
    elif provider:
        raise InputError(
            "A provider sends people back to an address, and none is set",
            where="PLUMBLINE_URL",
            remedy="Set it to the address people type, as in https://plumbline.example.org.",
        )
    secret = _secret(environment, "PLUMBLINE_SECRET")
    if secret and len(secret) < SHORTEST_SECRET:
        raise InputError(
            f"The shared secret has fewer than {SHORTEST_SECRET} characters",
            where="PLUMBLINE_SECRET",
            remedy="Make one with `openssl rand -base64 24`.",
        )
    allow = _allow(environment)
    if provider and not allow:
        raise InputError(
            "Nobody is named who may come in",
            where="PLUMBLINE_ALLOW",
            remedy="Name addresses or domains, as in `@example.org, ann@other.org`; * is everybody the provider knows.",
        )
    return Deployment(url, secret, provider, allow, _hours(environment), _proxies(environment))


def _allow(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Who may come in; e-mail addresses and domains in lower case."""
    entries = _list(environment, "PLUMBLINE_ALLOW")
    for entry in entries:
        if entry != "*" and not entry.startswith("sub:") and entry.count("@") != 1:
            raise InputError(
                "This names nobody who may come in",
                where=f"PLUMBLINE_ALLOW={entry}",
                remedy="Name an address, a domain as @example.org, or a subject as sub:NAME.",
            )
    return tuple(entry if entry.startswith("sub:") else entry.lower() for entry in entries)


def _provider(environment: Mapping[str, str]) -> Provider | None:
    issuer = environment.get("PLUMBLINE_OIDC_ISSUER", "").strip().removesuffix(_WELL_KNOWN)
    client_id = environment.get("PLUMBLINE_OIDC_CLIENT_ID", "").strip()
    client_secret = _secret(environment, "PLUMBLINE_OIDC_CLIENT_SECRET")
    given = {
        "PLUMBLINE_OIDC_ISSUER": issuer,
        "PLUMBLINE_OIDC_CLIENT_ID": client_id,
        "PLUMBLINE_OIDC_CLIENT_SECRET": client_secret,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise InputError(
            "The provider is half set", where=", ".join(missing), remedy="Set all three, or none for no provider."
        )
    _check_url("PLUMBLINE_OIDC_ISSUER", issuer)
    if issuer.startswith("http://") and not on_this_machine(urlsplit(issuer).hostname or ""):
        raise InputError(
            "A provider is asked over https alone", where=issuer, remedy="Name its https address as the issuer."
        )
    return Provider(issuer, client_id, client_secret)


def _secret(environment: Mapping[str, str], name: str) -> str:
    """A secret from a variable, or from the file that the variable with ``_FILE`` behind its name names."""
    value, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if value and file:
        raise InputError(f"{name} and {name}_FILE are both set", remedy="Set one of them.")
    if not file:
        return value.strip()
    try:
        value = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"The file of {name} cannot be read", where=file, remedy="Name a text file this process may read."
        ) from error
    if not value:
        raise InputError(f"The file of {name} is empty", where=file, remedy="Write the secret into it.")
    return value


def _hours(environment: Mapping[str, str]) -> float:
    given = environment.get("PLUMBLINE_SESSION_HOURS", "").strip() or "12"
    try:
        hours = float(given)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 24 * 30:
        raise InputError(
            "A session lasts a number of hours", where=f"PLUMBLINE_SESSION_HOURS={given}", remedy="Set 0.1 to 720."
        )
    return hours


def _proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Addresses and networks of our own proxies; "*", which uvicorn would take, trusts anybody and is refused."""
    proxies = _list(environment, "PLUMBLINE_PROXIES")
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise InputError(
                "A trusted proxy is an address or a network",
                where=f"PLUMBLINE_PROXIES={proxy}",
                remedy="Name it as in 127.0.0.1 or 172.18.0.0/16.",
            ) from error
    return proxies


def _list(environment: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in environment.get(name, "").split(",") if entry.strip())


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    plain = parts.scheme in ("http", "https") and parts.hostname and not (parts.query or parts.fragment or "@" in url)
    if not plain or "//" in parts.path or "\\" in url or any(character.isspace() for character in url):
        raise InputError(
            "This is no address of a server", where=f"{name}={url}", remedy="Give it as https://HOST/PATH."
        )


def on_this_machine(host: str) -> bool:
    """Whether an address or a name of a host is reached from this machine alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

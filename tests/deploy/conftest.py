"""The servers of this folder, each started once: a provider, the dashboard behind it, the dashboard behind a secret."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.deploy.provider import CLIENT, CLIENT_SECRET, OpenIdProvider
from tests.deploy.proxy import Proxy
from tests.deploy.serving import beside, deployed
from tests.serving import free_port

SECRET = "a secret of some length"


class Behind(NamedTuple):
    """A dashboard behind a proxy: the address people type, the server's own, the proxy and the server's log."""

    url: str
    inside: str
    proxy: Proxy
    log: Path


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    """The provider of tests/deploy/provider.py, which does nothing wrong until told to."""
    provider = OpenIdProvider()
    with beside(provider.app) as address:
        provider.issuer = address
        yield provider


@pytest.fixture(scope="module")
def with_provider(
    provider: OpenIdProvider, made_store: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Path]]:
    """Address and log of the dashboard behind the provider, for the people of one domain."""
    port, log = free_port(), tmp_path_factory.mktemp("deployed") / "provider.log"
    store = Path(shutil.copy(made_store, log.with_name("store.duckdb")))  # decisions are written beside it
    environment = {
        "PLUMBLINE_URL": f"http://127.0.0.1:{port}",
        "PLUMBLINE_OIDC_ISSUER": provider.issuer,
        "PLUMBLINE_OIDC_CLIENT_ID": CLIENT,
        "PLUMBLINE_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "PLUMBLINE_ALLOW": "@example.org",
        "PLUMBLINE_STORE": str(store),
    }
    with deployed(environment, log, port=port) as address:
        yield address, log


@pytest.fixture(scope="module")
def with_secret(made_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """The dashboard behind a shared secret, below a path of a proxy."""
    port, folder = free_port(), tmp_path_factory.mktemp("deployed")
    (folder / "secret").write_text(f"{SECRET}\n")
    url = f"http://127.0.0.1:{port}/team/plumb"
    environment = {
        "PLUMBLINE_URL": url,
        "PLUMBLINE_SECRET_FILE": str(folder / "secret"),
        "PLUMBLINE_PROXIES": "127.0.0.1",
        "PLUMBLINE_STORE": str(made_store),
    }
    with deployed(environment, folder / "log") as inside:
        proxy = Proxy(inside, "/team/plumb")
        with beside(proxy, port=port):
            yield Behind(url, inside, proxy, folder / "log")

"""``python -m dashboard serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dashboard.serve.settings import Deployment

__all__ = ["register"]

_LONGEST_HEADERS = 65_536  # bytes


def register(app: typer.Typer) -> None:
    """Add this area's command to the command line."""
    app.command("serve")(serve)


def serve(
    address: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for every one.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8501,
    open_to_all: Annotated[
        bool, typer.Option("--open-to-all", help="Serve beyond this machine without any login.")
    ] = False,
) -> None:
    """Serve the dashboard to a team: behind a login and a proxy, as docs/deploy.md says; the environment sets it."""
    import os

    from dashboard.serve.settings import on_this_machine, settings_from
    from data.store.errors import InputError

    settings = settings_from(os.environ)
    if not (settings.guarded or open_to_all or on_this_machine(address)):
        raise InputError(
            "Everybody on the network would be served, without a login",
            where=address,
            remedy="Set PLUMBLINE_SECRET_FILE or a provider (docs/deploy.md), or say --open-to-all.",
        )
    # Read once, when websockets is imported: a provider's tokens make a line of cookies longer than its 8 KB, and it
    # would never answer.
    os.environ.setdefault("WEBSOCKETS_MAX_LINE_LENGTH", str(_LONGEST_HEADERS))

    import uvicorn

    from dashboard.serve.application import application
    from dashboard.start.following import follow_published
    from dashboard.start.warming import keep_warm

    _tell(settings, address, port)
    follow_published()
    keep_warm()
    uvicorn.run(application(settings), host=address, port=port, **_server_options(settings))


def _server_options(settings: Deployment) -> dict[str, Any]:
    """As Streamlit runs uvicorn, and who may say from where a request came: nobody but our own proxies."""
    from streamlit.runtime.runtime_util import get_max_message_size_bytes

    return {
        "ws": "websockets-sansio",
        "ws_ping_interval": 30,
        "ws_ping_timeout": 30,
        "ws_max_size": get_max_message_size_bytes(),
        "access_log": False,  # addresses say what people look at, and carry a provider's codes
        "server_header": False,
        "h11_max_incomplete_event_size": _LONGEST_HEADERS,
        "proxy_headers": bool(settings.proxies),
        "forwarded_allow_ips": ",".join(settings.proxies),
        "timeout_graceful_shutdown": 5,
        "log_config": _LOGGING,
    }


_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False} for name in ("uvicorn", "plumbline")
    },
}


def _tell(settings: Deployment, address: str, port: int) -> None:
    where = settings.url or f"http://{address}:{port}"
    who = "behind a provider" if settings.provider else "behind a shared secret" if settings.secret else "to everybody"
    typer.echo(f"Plumbline: {where} {who}", err=True)
    if settings.guarded and not settings.https:
        typer.echo(
            "Not over https: secrets and cookies can be read on the way. Set PLUMBLINE_URL=https://...", err=True
        )

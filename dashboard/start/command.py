"""``python -m dashboard run``: the dashboard on one's own machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]

_APP = Path(__file__).resolve().parents[1] / "app.py"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    address: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8501,
) -> None:
    """Serve the dashboard on this machine: ``streamlit run dashboard/app.py``, with pages drawn ahead."""
    from streamlit.web.cli import main as streamlit

    from dashboard.start.following import follow_published
    from dashboard.start.warming import keep_warm

    follow_published()
    keep_warm()
    sys.argv = ["streamlit", "run", str(_APP), "--server.address", address, "--server.port", str(port)]
    streamlit(prog_name="streamlit")

"""The dashboard's command line: ``python -m dashboard COMMAND``. Each area registers its own commands."""

from __future__ import annotations

import sys

import typer

from dashboard.serve import command as serve
from data.store.errors import PlumblineError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Serve Plumbline's dashboard."
)
for area in (serve,):
    area.register(app)


@app.callback()
def _commands() -> None:
    """Keep the name of a command needed, even while there is one alone."""


def main() -> None:
    """Run a command; an error Plumbline can explain is one sentence on stderr and its own exit status."""
    try:
        app()
    except PlumblineError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

"""The dashboard's command line: ``python -m dashboard COMMAND``. Each area registers its own commands."""

from __future__ import annotations

import sys

from data.store.errors import OtherPythonError, PlumblineError

try:
    import typer
except ModuleNotFoundError:
    sys.stderr.write(f"{OtherPythonError(sys.executable)}\n")
    sys.exit(OtherPythonError.exit_code)

from dashboard.report import command as report
from dashboard.serve import command as serve
from dashboard.start import command as start

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Plumbline's dashboard for a team, and its views on paper. For oneself: streamlit run dashboard/app.py.",
)
for area in (start, report, serve):
    area.register(app)


def main() -> None:
    """Run a command; an error Plumbline can explain is one sentence on stderr and its own exit status."""
    try:
        app()
    except PlumblineError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

"""The command line: ``python -m evaluators COMMAND``.

Each area registers its own commands. Modules named here must import quickly: torch, mteb and the like are imported
inside the functions that need them.
"""

from __future__ import annotations

import gc
import sys
import traceback

from data.store.errors import OtherPythonError, PlumblineError

try:
    import typer
except ModuleNotFoundError:
    sys.stderr.write(f"{OtherPythonError(sys.executable)}\n")
    sys.exit(OtherPythonError.exit_code)
from rich.console import Console

from data.store import keys
from evaluators.diagnose import command as diagnose
from evaluators.fleet import command as fleet
from evaluators.official import command as official
from evaluators.own import command as own
from evaluators.parity import command as parity
from evaluators.preflight import command as preflight
from evaluators.reproduce import command as reproduce

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Import, reproduce and check text-embedding models into Plumbline's store.",
)
for area in (official, reproduce, own, fleet, parity, preflight, diagnose):
    area.register(app)


def main() -> None:
    """Run a command; an error Plumbline can explain is one sentence on stderr and its own exit status."""
    _hurry()
    keys.remember_environment()
    try:
        app()
    except PlumblineError as error:
        Console(stderr=True, highlight=False).print(keys.from_outside(str(error)), style="red", markup=False)
        sys.exit(error.exit_code)
    except Exception:  # noqa: BLE001 -- a defect of ours or a library's; Python's own status 1 would read as a verdict
        sys.stderr.write(keys.masked(traceback.format_exc()))
        sys.exit(2)


def _hurry() -> None:
    """Look for garbage less often.

    What torch and transformers make when imported stays; searching it takes a tenth of the time of a short command.
    """
    gc.set_threshold(50_000, *gc.get_threshold()[1:])


if __name__ == "__main__":
    main()

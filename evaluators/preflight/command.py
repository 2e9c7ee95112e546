"""``python -m evaluators preflight``: look at a model before it runs."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from data.store.errors import InputError
from data.store.keys import as_written
from data.store.runs import PreflightSettings
from data.store.vocabulary import Severity
from evaluators.preflight.finding import Finding, at_least

__all__ = ["register"]

_STYLE = {Severity.FATAL: "bold red", Severity.SERIOUS: "yellow", Severity.NOTICE: "cyan"}


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("preflight")(_preflight)


def _preflight(
    model: Annotated[str, typer.Argument(help="A folder, or the name of a model on the hub or in its cache.")],
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag.")] = None,
    trust_remote_code: Annotated[
        list[str] | None, typer.Option(metavar="MODEL@REV", help="Let this model's own code run; repeatable.")
    ] = None,
    pin: Annotated[Path | None, typer.Option(help="Compare with a manifest written earlier.")] = None,
    write_pin: Annotated[Path | None, typer.Option(help="Write the manifest of the model as it is now.")] = None,
    hub: Annotated[
        str | None, typer.Option(metavar="NAME", help="Compare a folder with this model of the hub.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON.")] = False,
    fail_on: Annotated[
        str, typer.Option(metavar="SEVERITY", help="Exit 1 from this on: notice, serious, fatal.")
    ] = "serious",
) -> None:
    """Check a model's files, code, weights, tokenizer and configuration before anything is encoded."""
    if fail_on not in tuple(Severity):
        raise InputError(f"{fail_on!r} is not a severity", remedy=f"Choose one of {', '.join(Severity)}.")
    from evaluators.preflight import find_target, inspect
    from evaluators.preflight.pin import write_pin as write_pin_of
    from evaluators.preflight.record import keep_run

    started = datetime.now(UTC).replace(tzinfo=None)
    target = find_target(model, revision=revision, trust=trust_remote_code or ())
    repository = hub or (None if Path(model).expanduser().is_dir() else model)
    findings = inspect(target, pinned=pin, repository=repository)
    finished = datetime.now(UTC).replace(tzinfo=None)
    if as_json:
        typer.echo(json.dumps([finding.as_row() for finding in findings], indent=1, ensure_ascii=False))
    else:
        _print(model, findings, (finished - started).total_seconds())
    if write_pin and not at_least(findings, Severity.FATAL):
        write_pin_of(target, write_pin)
    settings = settings_of(revision, trust_remote_code, pin, repository)
    again = as_written(["python", "-m", "evaluators", *sys.argv[1:]])
    if unkept := keep_run(target, findings, command=again, settings=settings, started=started, finished=finished):
        Console(stderr=True, highlight=False).print(Text(unkept, "dim"))
    if at_least(findings, Severity(fail_on)):
        raise typer.Exit(1)


def settings_of(revision: str | None, trust: list[str] | None, pin: Path | None, hub: str | None) -> PreflightSettings:
    """What was asked, as a run keeps it."""
    return PreflightSettings(revision=revision, trust=list(trust or ()), pin=str(pin) if pin else None, hub=hub)


def _print(model: str, findings: list[Finding], seconds: float) -> None:
    # Text objects, not markup: names and file contents are somebody else's words.
    # Into a file or a pipe a line stays whole, to be searched.
    console = Console(highlight=False)
    console.soft_wrap = not console.is_terminal
    for finding in findings:
        console.print(
            Text(f"{finding.severity:8}", _STYLE[finding.severity]), Text(f"{finding.tier}: {finding.code}", "bold")
        )
        for words in (finding.seen, finding.why, finding.remedy):
            console.print(Text(f"         {words}"))
    verdict = f"{len(findings)} finding{'s' if len(findings) != 1 else ''}" if findings else "nothing wrong"
    console.print(Text(f"{model}: {verdict} ({seconds:.1f} s)"))

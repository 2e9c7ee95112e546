"""``python -m evaluators parity``: compare encoders on the command line and keep the result."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from data.store.errors import InputError
from data.store.vocabulary import Outcome, Severity
from evaluators.levels import FAIL_ON, fail

if TYPE_CHECKING:
    from evaluators.parity.plan import CheckPlan
    from evaluators.parity.run import Check

__all__ = ["register"]

_STYLES = {"identical": "green", "precision only": "green", "scale only": "yellow", "differs on some texts": "yellow"}

_HELP = """Compare ways of getting vectors, text by text, with a reference.

An encoder is written BACKEND:SOURCE\\[@REVISION]\\[?key=value&key=value].

\b
{backends}
plan.toml#LABEL
    the encoder of that label in a plan

\b
Keys: model (its name in the store), revision, label, pooling (mean, cls, max, last, mean_sqrt_len, weightedmean),
normalise (yes, no), dimensions, dtype (fp32, fp16, bf16, int8, auto), max_length, batch_size, strip, prompt,
query_prompt, document_prompt, outputs (dense, sparse, multi), device, trust (SOURCE@REVISION), key_env, timeout
(seconds in all, 300), call_timeout (seconds a request), retries. What a key does not set is as the model declares it. A
server's key is read from the variable that key_env names, and kept nowhere.

\b
Exit status: 0 done; 1 a verdict at least as bad as --fail-on, or with --watch another than before; 2 the check could
not be made; 130 stopped.
"""


class _Described(TyperCommand):
    """The command; every backend describes itself in its help, which is asked of them only when it is read."""

    def format_help(self, *context: Any) -> None:
        from evaluators.encoders.registry import BACKENDS, backend_of

        records = {name: backend_of(name) for name in BACKENDS}
        lines = [f"{name}:{backend.example}\n    {backend.about}" for name, backend in records.items()]
        self.help = _HELP.format(backends="\n".join(lines))
        super().format_help(*context)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("parity", cls=_Described, help=_HELP)(parity)


_Interval = Annotated[
    str | None, typer.Option(metavar="INTERVAL", help="Repeat a small check (90s, 15m, 6h) until a verdict changes.")
]
_Few = Annotated[int, typer.Option(min=2, help="Texts of each small check.")]
_Times = Annotated[int | None, typer.Option(min=1, help="Small checks to make; no end without.")]
_Address = Annotated[str | None, typer.Option(help="Where a change is POSTed as JSON; it then ends nothing.")]
_KeyEnv = Annotated[str | None, typer.Option(help="The environment variable with the key of the webhook.")]


def parity(
    reference: Annotated[str | None, typer.Option(help="The encoder that is right, as BACKEND:SOURCE?...")] = None,
    candidate: Annotated[
        list[str] | None, typer.Option(help="An encoder to compare with it; give as many as needed.")
    ] = None,  # fmt: skip
    plan: Annotated[
        Path | None, typer.Option(help="A TOML file with \\[reference] and \\[\\[candidate]] tables.")
    ] = None,
    probes: Annotated[
        Path | None, typer.Option(help="Texts of your own: JSON lines with text, or a text a line.")
    ] = None,  # fmt: skip
    no_keep_text: Annotated[
        bool, typer.Option("--no-keep-text", help="Keep hashes of the texts, not the texts.")
    ] = False,  # fmt: skip
    fail_on: Annotated[list[str] | None, typer.Option(metavar="LEVEL", help=FAIL_ON)] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Compare although preflight finds a fatal fault in the reference.")
    ] = False,  # fmt: skip
    store: Annotated[Path | None, typer.Option(help="The store to write; PLUMBLINE_STORE or data/ otherwise.")] = None,
    watch: _Interval = None,
    watch_probes: _Few = 8,
    watch_times: _Times = None,
    webhook: _Address = None,
    webhook_key_env: _KeyEnv = None,
) -> None:
    """Compare encoders with a reference and keep everything in the store."""
    from data.store.database import writing
    from data.store.keys import as_written
    from evaluators.parity.keep import keep_check
    from evaluators.parity.plan import make_plan
    from evaluators.parity.run import check, require_reference

    console = Console(highlight=False)
    check_plan = make_plan(
        reference=reference,
        candidates=candidate or (),
        plan=plan,
        probes=probes,
        keep_text=False if no_keep_text else None,
        fail_on=fail_on or (),
        anyway=anyway,
    )
    if watch is None and (webhook or webhook_key_env or watch_times):
        raise InputError("--webhook and --watch-times are of a check on a timer", remedy="Add --watch 15m.")
    if watch is not None:
        _watch(check_plan, watch, (watch_probes, watch_times), (webhook, webhook_key_env), store)
    for note in check_plan.probes.notes:
        console.print(Text(note, style="yellow"))
    with _progress(console, 1 + len(check_plan.candidates)) as step:
        done = check(check_plan, step)
    with writing(store) as connection:
        keep_check(connection, done, as_written(["python", "-m", "evaluators", *sys.argv[1:]]))
    _print(console, done)
    console.print(Text(f"Kept as {done.check_id}. The cause: python -m evaluators diagnose {done.check_id}"))
    require_reference(done)
    verdicts = [(one.settings.display, each.verdict.verdict) for one in done.candidates for each in one.comparisons]
    fail(verdicts, check_plan.fail_on, console)


def _watch(
    plan: CheckPlan,
    interval: str,
    many: tuple[int, int | None],
    hook_at: tuple[str | None, str | None],
    store: Path | None,
) -> NoReturn:
    """Repeat the check on a few texts, a line each, and end with the status of that."""
    from data.store.keys import as_written
    from evaluators.parity.watch import WatchPlan, few_texts, seconds_of, watch
    from evaluators.parity.webhook import Webhook

    def say(line: str) -> None:
        print(line, flush=True)  # noqa: T201 -- a journal takes lines as they are

    (probes, times), (url, key_env) = many, hook_at
    hook = Webhook(url, key_env, say) if url else None
    command = as_written(["python", "-m", "evaluators", *sys.argv[1:]])  # the address of a webhook may be a key itself
    how = WatchPlan(seconds_of(interval), times, store, command, hook)
    raise typer.Exit(watch(replace(plan, probes=few_texts(plan.probes, probes)), how, say))


@contextmanager
def _progress(console: Console, encoders: int) -> Iterator[Callable[[str, str], None]]:
    """One line: the encoder at work, how many are done, and the time left."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=encoders)
        opened = 0

        def step(encoder: str, what: str) -> None:
            nonlocal opened
            opened += what == "opening"
            bar.update(task, description=f"{encoder}: {what}", completed=max(opened - 1, 0))

        yield step


def _print(console: Console, done: Check) -> None:
    from evaluators.preflight import at_least

    table = Table(title=f"Against {done.reference.settings.display} on {len(done.plan.probes.probes)} texts")
    for heading in ("encoder", "output", "verdict", "mean", "worst", "10-NN kept", "what it is"):
        table.add_column(heading, justify="right" if heading in ("mean", "worst", "10-NN kept") else "left")
    for examined in done.candidates:
        for comparison in examined.comparisons:
            numbers = [_short(comparison.summary.get(name)) for name in ("mean", "worst", "neighbour_overlap")]
            verdict = Text(comparison.verdict.verdict, style=_STYLES.get(comparison.verdict.verdict, "red"))
            label, sentence = Text(examined.settings.display), Text(comparison.verdict.sentence)
            table.add_row(label, comparison.output, verdict, *numbers, sentence)
    console.print(table)
    for examined in done.candidates:
        ours, theirs = done.reference.description.revision, examined.description.revision
        if _commit(ours) and _commit(theirs) and ours != theirs:
            warning_text = f"{examined.settings.display} says that it is revision {theirs}; the reference is {ours}."
            console.print(Text(warning_text, style="yellow"))
    for examined in (done.reference, *done.candidates):
        for finding in at_least(examined.findings, Severity.SERIOUS):
            style = "red" if Severity(finding.severity) is Severity.FATAL else "yellow"
            console.print(Text(f"{examined.settings.display}: {finding.seen}. {finding.remedy}", style=style))
        for outcome in examined.protocol:
            if outcome.outcome == Outcome.FAIL:
                console.print(Text(f"{examined.settings.display}: {outcome.detail}", style="red"))
        for warning in examined.description.warnings:
            console.print(Text(f"{examined.settings.display}: {warning}", style="yellow"))


def _commit(revision: str | None) -> bool:
    return revision is not None and re.fullmatch("[0-9a-f]{40}", revision) is not None


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"

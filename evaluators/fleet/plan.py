"""``PLAN.toml``: which models, in which set-ups, on which tasks, with what, and where the results go."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from data.store.errors import InputError
from data.store.storage import is_address
from data.store.vocabulary import Origin
from evaluators.fleet.tables import TomlTable, document
from evaluators.reproduce.budget_asked import BudgetKind, asked_budget, asked_claim
from evaluators.reproduce.prompts import read_prompts
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import allowances

__all__ = [
    "FleetPlan",
    "Patience",
    "FleetPrices",
    "Resources",
    "ModelSetUp",
    "PlannedBudget",
    "PlannedTasks",
    "read_plan",
]


class PlannedTasks(NamedTuple):
    """Which tasks: what ``reproduce`` takes as options."""

    benchmarks: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    task_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    own: tuple[str, ...] = ()  # folders, which every machine sees by the same path


class Resources(NamedTuple):
    """What one loaded model takes of a machine; None is what its size asks for."""

    cpus: float | None = None
    gpus: float | None = None  # a fraction shares a card
    memory_mb: int | None = None
    copies: int | None = None  # the most of this model loaded at once


class PlannedBudget(NamedTuple):
    """A part of a benchmark's cost that a model may take, as ``reproduce`` has it as options."""

    budget: str
    kind: BudgetKind
    claim: str | None = None
    go_on: bool = False
    compare_to: str = Origin.OFFICIAL


class ModelSetUp(NamedTuple):
    """A model as it is to be loaded, and run."""

    key: str  # names it in file names: the model and 8 hexadecimal digits of what is asked
    label: str  # for people: the model and what sets this set-up apart
    request: ModelRequest
    batch_size: int
    resources: Resources
    budget: PlannedBudget | None = None


class Patience(NamedTuple):
    """How often what fails is tried, and when an owner counts as dead."""

    retries: int = 3  # of a task that raises or takes its worker with it, beyond the first try
    heartbeat: float = 15.0  # seconds between two signs of life of a driver
    dead_after: float = 90.0  # seconds without one, after which its tasks are taken over


class FleetPrices(NamedTuple):
    """What is paid an hour for what is taken; None is not known."""

    cpu_hour: float | None = None
    gpu_hour: float | None = None
    currency: str = "USD"


class FleetPlan(NamedTuple):
    """All of a plan; its id is where its progress lies on storage."""

    plan_id: str
    name: str
    path: str
    text: str
    storage: str
    setups: tuple[ModelSetUp, ...]
    choice: PlannedTasks
    datasets: str | None
    limits: Patience
    prices: FleetPrices


def read_plan(path: Path) -> FleetPlan:
    """The plan in a file.

    Raises:
        InputError: it is none; says which line or key, and what would do.
    """
    text, top = document(path)
    name = top.text("name", path.stem)
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        raise top.error("name", "A name has letters or digits", "Leave it out: it is the file's then.")
    choice = _choice(top, path.parent)
    plan = FleetPlan(
        plan_id=slug[:80],
        name=name,
        path=str(path),
        text=text,
        storage=_storage(top, path),
        setups=_setups(top, path.parent, choice),
        choice=choice,
        datasets=_folder(top, "datasets", path.parent),
        limits=_limits(top.table("limits")),
        prices=_prices(top.table("prices")),
    )
    top.refuse_unknown()
    return plan


def _storage(top: TomlTable, path: Path) -> str:
    place = top.text("storage")
    if not place:
        raise top.error(
            "storage", "The plan does not say where results go", 'Add: storage = "s3://bucket/path", or a folder.'
        )
    return place if is_address(place) else str((path.parent / Path(place).expanduser()).resolve())


def _folder(table: TomlTable, key: str, beside: Path) -> str | None:
    """A folder, by its path or by one that begins at the plan."""
    named = table.text(key)
    return str((beside / Path(named).expanduser()).resolve()) if named else None


def _choice(top: TomlTable, beside: Path) -> PlannedTasks:
    choice = PlannedTasks(
        benchmarks=top.texts("benchmarks"),
        tasks=top.texts("tasks"),
        task_types=top.texts("task_types"),
        languages=top.texts("languages"),
        own=tuple(str((beside / Path(folder).expanduser()).resolve()) for folder in top.texts("own")),
    )
    if not any(choice):
        raise top.error("tasks", "Nothing says what to run", "Add tasks, benchmarks, task_types, languages or own.")
    return choice


def _setups(top: TomlTable, beside: Path, choice: PlannedTasks) -> tuple[ModelSetUp, ...]:
    setups: dict[str, ModelSetUp] = {}
    models = top.tables("models")
    if not models:
        raise top.error("models", "The plan names no model", 'Add a table: [[models]] with model = "ORG/NAME".')
    if top.raw("claim") is not None:
        raise top.error("claim", "A claim is one model's", "Write it into that model's table, with its budget.")
    usual = _Usual(_resources(top.table("resources")), _budget(top, None, choice), choice)
    for model in models:
        variants: list[TomlTable | None] = [*model.tables("setups")]
        for variant in variants or [None]:
            setup = _setup(model, variant, usual, beside)
            if setup.key in setups:
                raise (variant or model).error("model", "The same model in the same set-up twice", "Remove one.")
            setups[setup.key] = setup
        model.refuse_unknown()
    return tuple(setups.values())


class _Usual(NamedTuple):
    """What a model has that says nothing else."""

    resources: Resources
    budget: PlannedBudget | None
    choice: PlannedTasks


def _setup(model: TomlTable, variant: TomlTable | None, usual: _Usual, beside: Path) -> ModelSetUp:
    """A model's set-up: what its table says, and what the table of the set-up says instead."""
    table = model if variant is None else variant.over(model)
    name = table.text("model")
    if not name:
        raise model.error("model", "A model has no name", 'Add: model = "ORG/NAME", or a folder.')
    source = str((beside / Path(name).expanduser()).resolve()) if name.startswith((".", "~", "/")) else name
    request = ModelRequest(
        model=source,
        revision=table.text("revision"),
        known_as=table.text("as"),
        loader=table.one_of("loader", ("mteb", "library")),
        dtype=table.text("dtype"),
        device=table.text("device"),
        max_seq_length=table.count("max_seq_length"),
        truncate_dim=table.count("truncate_dim"),
        prompts=_prompts(table),
        trust=_trust(table),
        anyway=table.switch("anyway"),
    )
    batch_size = table.count("batch_size") or 32
    own, budget = _resources(table.table("resources")), _budget(table, usual.budget, usual.choice)
    if variant is not None:
        variant.refuse_unknown()
    asked = {key: value for key, value in request._asdict().items() if value}
    digest = hashlib.sha256(json.dumps([asked, batch_size], sort_keys=True).encode()).hexdigest()[:8]
    shown = known if (known := request.known_as) else source if source == name else f"local/{Path(source).name}"
    apart = [f"{key} {value}" for key, value in asked.items() if key in _APART and value != "mteb"]
    return ModelSetUp(
        key=f"{re.sub(r'[^A-Za-z0-9._-]+', '__', shown)[:80]}-{digest}",
        label=", ".join([shown, *apart]),
        request=request,
        batch_size=batch_size,
        resources=usual.resources._replace(**{key: value for key, value in own._asdict().items() if value is not None}),
        budget=budget,
    )


_APART = ("dtype", "max_seq_length", "truncate_dim", "loader")


def _budget(table: TomlTable, usual: PlannedBudget | None, choice: PlannedTasks) -> PlannedBudget | None:
    """A table's budget; what it does not say is as usual."""
    text, claim, go_on = table.text("budget"), table.raw("claim"), table.raw("go_on")
    compare_to = table.text("compare_to")
    if (text, claim, go_on, compare_to) == (None,) * 4:
        return usual
    if text is None and usual is None:
        key = "claim" if claim is not None else "go_on" if go_on is not None else "compare_to"
        raise table.error(key, f"{key} goes with a budget", 'Add budget = "5%", or leave it out.')
    budget = usual or PlannedBudget("", BudgetKind.SHARE)
    if text is not None:
        budget = budget._replace(budget=text, kind=_asked(table, "budget", asked_budget, text).kind)
    if claim is not None:
        _asked(table, "claim", asked_claim, str(claim))
        budget = budget._replace(claim=str(claim))
    if go_on is not None:
        budget = budget._replace(go_on=table.switch("go_on"))
    if compare_to is not None:
        budget = budget._replace(compare_to=table.one_of("compare_to", (Origin.OFFICIAL, Origin.REPORTED)))
    if budget.kind is BudgetKind.SMOKE and budget.claim is not None:
        raise table.error("claim", "A smoke run judges no mean", 'Leave claim out, or write budget = "5%".')
    if len(choice.benchmarks) != 1 or choice.tasks or choice.languages or choice.own:
        raise table.error(
            "budget", "A budget tells the mean of one benchmark as it is",
            "Name one in benchmarks, and leave out tasks, languages and own; or make a plan of each.",
        )  # fmt: skip
    return budget


def _asked(table: TomlTable, key: str, read: Callable[[str], Any], text: str) -> Any:
    """What a text asks for, as the options of ``reproduce`` are read."""
    try:
        return read(text)
    except InputError as error:
        raise table.error(key, error.what, error.remedy) from error


def _prompts(table: TomlTable) -> dict[str, str]:
    """As ``--prompts`` takes them: a table of names and texts, or a list of files and ``name=text`` pairs."""
    given = table.raw("prompts")
    if given is None:
        return {}
    entries = [f"{name}={text}" for name, text in given.items()] if isinstance(given, dict) else table.texts("prompts")
    return read_prompts(list(entries))


def _trust(table: TomlTable) -> dict[str, str]:
    try:
        return allowances(table.texts("trust"))
    except InputError as error:
        raise table.error("trust", error.what, error.remedy) from error


def _resources(table: TomlTable) -> Resources:
    resources = Resources(table.number("cpus"), table.number("gpus"), table.count("memory_mb"), table.count("copies"))
    table.refuse_unknown()
    return resources


def _limits(table: TomlTable) -> Patience:
    usual = Patience()
    retries, heartbeat = table.whole("retries"), table.number("heartbeat")
    dead_after = table.number("dead_after")
    table.refuse_unknown()
    heartbeat = usual.heartbeat if heartbeat is None else heartbeat
    limits = Patience(
        usual.retries if retries is None else retries, heartbeat, 6 * heartbeat if dead_after is None else dead_after
    )
    if not 0 < limits.heartbeat <= limits.dead_after / 3:
        raise table.error(
            "dead_after", "An owner would count as dead between two signs of life", "Give at least 3 heartbeats."
        )
    return limits


def _prices(table: TomlTable) -> FleetPrices:
    prices = FleetPrices(table.number("cpu_hour"), table.number("gpu_hour"), table.text("currency", "USD"))
    table.refuse_unknown()
    return prices

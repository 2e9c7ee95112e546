"""``PLAN.toml``: which models, in which set-ups, on which tasks, with what, and where the results go."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import NamedTuple

from data.store.errors import InputError
from data.store.storage import is_address
from evaluators.fleet.tables import TomlTable, document
from evaluators.reproduce.prompts import read_prompts
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import allowances

__all__ = ["FleetPlan", "Patience", "FleetPrices", "Resources", "ModelSetUp", "PlannedTasks", "read_plan"]


class PlannedTasks(NamedTuple):
    """Which tasks: what ``reproduce`` takes as options. A budget would be one more of them."""

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


class ModelSetUp(NamedTuple):
    """A model as it is to be loaded, and run."""

    key: str  # names it in file names: the model and 8 hexadecimal digits of what is asked
    label: str  # for people: the model and what sets this set-up apart
    request: ModelRequest
    batch_size: int
    resources: Resources


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
    plan = FleetPlan(
        plan_id=slug[:80],
        name=name,
        path=str(path),
        text=text,
        storage=_storage(top, path),
        setups=_setups(top, path.parent),
        choice=_choice(top, path.parent),
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


def _setups(top: TomlTable, beside: Path) -> tuple[ModelSetUp, ...]:
    everywhere = _resources(top.table("resources"))
    setups: dict[str, ModelSetUp] = {}
    models = top.tables("models")
    if not models:
        raise top.error("models", "The plan names no model", 'Add a table: [[models]] with model = "ORG/NAME".')
    for model in models:
        variants: list[TomlTable | None] = [*model.tables("setups")]
        for variant in variants or [None]:
            setup = _setup(model, variant, everywhere, beside)
            if setup.key in setups:
                raise (variant or model).error("model", "The same model in the same set-up twice", "Remove one.")
            setups[setup.key] = setup
        model.refuse_unknown()
    return tuple(setups.values())


def _setup(model: TomlTable, variant: TomlTable | None, everywhere: Resources, beside: Path) -> ModelSetUp:
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
    own = _resources(table.table("resources"))
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
        resources=everywhere._replace(**{key: value for key, value in own._asdict().items() if value is not None}),
    )


_APART = ("dtype", "max_seq_length", "truncate_dim", "loader")


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

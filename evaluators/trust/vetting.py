"""What must hold of a model's folder before any library is handed it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from data.store.errors import ModelError
from evaluators.model_files.fault import Fault
from evaluators.model_files.listing import walk
from evaluators.model_files.pickles import hoarding
from evaluators.model_files.reading import printable, read_object, unfit
from evaluators.model_files.sizes import too_large, unfounded
from evaluators.model_files.tokenizer_growth import overgrown
from evaluators.trust.code_references import modules_of
from evaluators.trust.limits import budget, within
from evaluators.trust.settings import refused_settings

__all__ = ["Fault", "folder_faults", "vet"]

_ADAPTER = "adapter_config.json"


def vet(folder: Path, model: str, *, own_code: bool = False) -> None:
    """Refuse a folder that no loader is to be handed, whatever the user asks for.

    Args:
        folder: the model's.
        model: what the user calls it.
        own_code: the user allowed the model's own code.

    Raises:
        ModelError: what is wrong, in which file, and what to do.
    """
    if faults := folder_faults(folder, own_code=own_code):
        raise faults[0].as_error(model)


def folder_faults(folder: Path, *, own_code: bool = False) -> tuple[Fault, ...]:
    """Everything for which a folder is not opened; empty for nearly every model.

    Cheap checks first, and none is made on files that an earlier one refused.
    """
    try:
        state = tuple(_state(path) for path in walk(folder, through_links=True))
    except ModelError as error:
        return (Fault("files-without-end", printable(folder.name), error.what),)
    return _faults(folder.resolve(), own_code, state)


def _state(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except (OSError, ValueError):
        return str(path), -1, -1
    return str(path), status.st_size, status.st_mtime_ns


@lru_cache(maxsize=256)
def _faults(folder: Path, own_code: bool, _state: tuple[tuple[str, int, int], ...]) -> tuple[Fault, ...]:
    with within(budget(0), printable(folder)):
        looks = (_unfit_files, lambda place: refused_settings(place, own_code=own_code), unfounded, overgrown, hoarding)
        for look in looks:
            if faults := tuple(look(folder)):
                return faults
    import transformers  # noqa: F401 -- its import is no part of the limit

    with within(budget(0), printable(folder)):
        if not own_code and (fault := _of_transformer(folder)):
            return (fault,)
        return tuple(_of_base(folder))


def _unfit_files(folder: Path) -> Iterator[Fault]:
    for path in walk(folder, through_links=True):
        name = path.relative_to(folder).as_posix()
        if printable(name) != name:
            yield Fault("name-unprintable", printable(name), f"A file of it is called {printable(name)}")
        elif error := unfit(path):
            yield Fault(error.code, printable(name), error.what)


def _of_transformer(folder: Path) -> Fault | None:
    entries = modules_of(folder / "modules.json")
    roots = {str(entry.get("path") or "") for entry in entries if str(entry.get("type")).endswith(".Transformer")}
    return next((fault for root in sorted(roots or {""}) if (fault := too_large(folder, root))), None)


def _of_base(folder: Path, depth: int = 0) -> Iterator[Fault]:
    """The model that an adapter is added to is opened with it, so the same holds of it."""
    base = read_object(folder / _ADAPTER).get("base_model_name_or_path")
    if not isinstance(base, str) or not Path(base).is_dir() or Path(base).resolve() == folder.resolve():
        return
    yield from (
        fault._replace(file=f"{printable(base)}: {fault.file}")
        for look in (_unfit_files, refused_settings, unfounded, overgrown, hoarding)
        for fault in look(Path(base))
    )

"""A router's own settings: each route made of modules that are there, and each mapping to a route."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.model_files.reading import as_list, as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import LIBRARY, ROUTERS, kind_of, known_references
from evaluators.preflight.target import Target, in_folder

__all__ = ["check_router", "is_module"]


def is_module(reference: str) -> bool:
    """Whether sentence-transformers has the class; it is asked only where the table of its modules does not know it."""
    if reference in known_references():
        return True
    from sentence_transformers.util import import_from_string

    try:
        return isinstance(import_from_string(reference), type)
    except (ImportError, ValueError):  # an empty part of the name is a ValueError
        return False


def check_router(target: Target) -> Iterator[Finding]:
    """Routes without their modules, modules nobody has, routes exchanged, and texts sent to no route."""
    first = target.modules[0]
    if kind_of(str(first.get("type", ""))) not in ROUTERS:
        return
    folder = str(first["path"])
    files = (target.object(in_folder(folder, name)) for name in ("router_config.json", "config.json"))
    settings = next(filter(None, files), {})
    types, structure, options = (settings.get(key) for key in ("types", "structure", "parameters"))
    if not (isinstance(types, dict) and isinstance(structure, dict) and isinstance(options, dict) and structure):
        yield finding("router-incomplete", "The router's settings lack types, structure or parameters")
        return
    yield from _routes(structure, types)
    yield from _modules(target, folder, types)
    yield from _exchanged(structure)
    for route in [options.get("default_route"), *as_object(options.get("route_mappings")).values()]:
        if route is not None and str(route) not in structure:
            yield finding("router-incomplete", f"The router sends texts to {route!r}, it has {sorted(structure)}")


def _routes(structure: Mapping[str, Any], types: Mapping[str, Any]) -> Iterator[Finding]:
    for route, parts in structure.items():
        unknown = [part for part in parts if str(part) not in types] if isinstance(parts, list) else [parts]
        if unknown or not parts:
            yield finding("router-incomplete", f"The route {route!r} is made of {parts}, of which {unknown} is unknown")


def _modules(target: Target, folder: str, types: Mapping[str, Any]) -> Iterator[Finding]:
    for part, kind in types.items():
        place = in_folder(folder, part)
        if not isinstance(kind, str) or (kind.startswith(LIBRARY) and not is_module(kind)):
            yield finding("module-unknown", f"The router names {kind!r}, which sentence-transformers has not")
        if not any(name.startswith(f"{place}/") for name in target.files) and kind_of(str(kind)) != "Normalize":
            yield finding("router-incomplete", f"The router's module {place} is not there")


def _exchanged(structure: Mapping[str, Any]) -> Iterator[Finding]:
    """Routes made of modules that were saved for another: sentence-transformers names a folder after its route."""
    made_of = {route: list(map(str, as_list(parts))) for route, parts in structure.items()}
    for route, parts in made_of.items():
        shared = any(set(parts) & set(others) for other, others in made_of.items() if other != route)
        for other in made_of.keys() - {route}:
            own = any(part.startswith(f"{route}_") for part in parts)
            if not own and not shared and any(part.startswith(f"{other}_") for part in parts):
                seen = f"The route {route!r} is made of {', '.join(sorted(parts))}, the modules of the route {other!r}"
                yield finding("routes-exchanged", seen, {"structure": dict(structure)})
                return

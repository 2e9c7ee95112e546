"""An encoder in one line: ``BACKEND:SOURCE[@REVISION][?key=value&...]``, or one of a plan by its label."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from data.store.errors import InputError
from evaluators.encoders.registry import backend_of
from evaluators.encoders.settings import SPEC_HELP, EncoderSettings

__all__ = ["parse_spec"]

_QUERY = re.compile(r"\?(?=[a-z_.]+=[^?]*$)")


def parse_spec(spec: str) -> EncoderSettings:
    """Settings from ``BACKEND:SOURCE[@REVISION][?key=value&...]``.

    Keys are the names of :class:`EncoderSettings`, ``prompt``, ``query_prompt`` and ``document_prompt``, or options of
    the backend; values are URL-encoded where they hold ``&``, ``=`` or ``%``. ``plan.toml#NAME`` names the encoder
    labelled NAME of a plan.

    Raises:
        InputError: the spec cannot be read, or there is no such backend.
    """
    backend, colon, address = spec.partition(":")
    if not colon or not re.fullmatch(r"[a-z][a-z0-9-]*", backend):
        path, hash_, label = spec.partition("#")
        if hash_ and path.endswith(".toml"):
            return _from_plan(Path(path), label)
        raise InputError("An encoder is named by its backend first", where=spec, remedy=SPEC_HELP)
    source, *query = _QUERY.split(address, maxsplit=1)
    values: dict[str, Any] = dict(parse_qsl(query[0], keep_blank_values=True) if query else [])
    name, at, revision = source.rpartition("@")
    if at and "/" not in revision and backend_of(backend).revisions:
        source, values["revision"] = name, values.get("revision", revision)
    return EncoderSettings.from_mapping({"backend": backend, "source": unquote(source), **values}, where=backend)


def _from_plan(path: Path, label: str) -> EncoderSettings:
    try:
        plan = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError("The plan cannot be read", where=str(path), remedy=str(error)) from None
    entries = [plan.get("reference", {}), *plan.get("candidate", [])]
    for entry in entries:
        if isinstance(entry, Mapping) and entry.get("label") == label:
            return EncoderSettings.from_mapping(entry, where=str(path))
    named = ", ".join(str(entry.get("label")) for entry in entries if isinstance(entry, Mapping))
    raise InputError(f"No encoder is labelled {label!r}", where=str(path), remedy=f"It has: {named}.")

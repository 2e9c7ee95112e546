"""Tier 2, code: what a model would run on this machine, and what is loaded in its place when it may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.trust import allow

__all__ = ["check", "foreign_code", "native_class"]


def check(target: Target) -> Iterator[Finding]:
    """Own code that was not allowed by name, and the class that would stand in for it."""
    yield from _auto_map(target)
    yield from _custom_modules(target)


def native_class(config: dict[str, Any]) -> str | None:
    """The class of transformers that is loaded for this model type without the model's own code; None if none is."""
    from transformers.models.auto.modeling_auto import MODEL_MAPPING_NAMES

    name = MODEL_MAPPING_NAMES.get(config.get("model_type") or "")
    return name if isinstance(name, str) or name is None else str(name[0])


def foreign_code(config: dict[str, Any]) -> list[str]:
    """Other repositories whose code the config names ('org/name--file.Class')."""
    named = (config.get("auto_map") or {}).values()
    flat = [entry for value in named for entry in (value if isinstance(value, list) else [value])]
    return sorted({entry.partition("--")[0] for entry in flat if isinstance(entry, str) and "--" in entry})


def _auto_map(target: Target) -> Iterator[Finding]:
    own = target.config.get("auto_map")
    if not own or target.trusted:
        return
    native = native_class(target.config)
    option = allow(target.name, target.code_revision)
    evidence = {
        "auto_map": own,
        "native_class": native,
        "code_files": target.code_files,
        "other_repositories": foreign_code(target.config),
        "allow": option,
    }
    classes = ", ".join(sorted({str(value) for value in own.values()}))
    remedy = f"Read the code, then allow this model at this revision: {option}"
    if native is None:
        yield Finding(
            "code",
            "code-untrusted",
            "fatal",
            f"The model brings its own code ({classes}) and transformers has no class of its own for "
            f"'{target.config.get('model_type')}'",
            "Without its code it cannot be loaded at all.",
            remedy,
            evidence,
        )
    else:
        yield Finding(
            "code",
            "code-replaced",
            "serious",
            f"The model brings its own code ({classes}), which is not allowed to run: {native} is loaded instead",
            "The built-in class may lack parts of the model; what it does not find in the file it draws at random, "
            "and only a log line says so.",
            remedy,
            evidence,
        )


def _custom_modules(target: Target) -> Iterator[Finding]:
    """Modules of sentence-transformers that are the repository's own code ('custom_st.Transformer')."""
    own = [
        str(entry.get("type"))
        for entry in target.modules
        if not str(entry.get("type")).startswith("sentence_transformers.")
    ]
    if own and not target.trusted:
        option = allow(target.name, target.code_revision)
        yield Finding(
            "code",
            "modules-untrusted",
            "fatal",
            f"modules.json names classes of the model's own code: {', '.join(own)}",
            "sentence-transformers cannot build the model without running them.",
            f"Read the code, then allow this model at this revision: {option}",
            {"types": own, "allow": option},
        )

"""Tier 2, code: what a model would run on this machine, and what is loaded in its place when it may not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.preflight.finding import Finding
from evaluators.preflight.loading import guarded, native_class, quietly
from evaluators.preflight.target import Target
from evaluators.trust import Named, allowances, as_options, named_code, strangers

__all__ = ["check"]


def check(target: Target) -> Iterator[Finding]:
    """Own code and other repositories' code that was not allowed by name, and the classes that stand in for it."""
    if not (named := [entry for entry in named_code(target.folder) if not _of_a_library(target, entry)]):
        return
    others = strangers(target.folder, allowances(target.trust))
    others.pop(target.name, None)  # a model may name itself as the other repository
    if target.trusted:
        yield from _strangers(others)
        return
    option = as_options({target.name: target.code_revision} | others)
    for file in sorted({entry.file for entry in named}):
        yield from _of_file(target, file, [entry for entry in named if entry.file == file], option)


def _of_a_library(target: Target, entry: Named) -> bool:
    """Whether a module's class is an installed library's (pylate.models.Dense.Dense): no file here could hold it."""
    package, _, _ = entry.code.rpartition(".")
    return entry.role == "module" and entry.repository is None and "." in package and not target.has(f"{package}.py")


def _strangers(others: Mapping[str, str]) -> Iterator[Finding]:
    """Code of other repositories, named by a model whose own code may run."""
    if others:
        names, options = list(others), as_options(others)
        yield Finding(
            "code",
            "code-of-others-untrusted",
            "fatal",
            f"The model runs code of {', '.join(names)}, which is not allowed",
            "Allowing a model allows its own code alone, at the revision that was read.",
            f"Read that code; if you trust it, add {options}",
            {"other_repositories": names, "allow": options},
        )


def _of_file(target: Target, file: str, named: list[Named], option: str) -> Iterator[Finding]:
    if file == "modules.json":
        yield _modules(named, option)
    elif file.rpartition("/")[2] == "config.json":
        yield _model(target, file, named, option)
    else:
        for role in sorted({entry.role for entry in named}):
            yield _processor(target, file, [entry for entry in named if entry.role == role], option)


def _model(target: Target, file: str, named: list[Named], option: str) -> Finding:
    config = target.object(file)
    evidence = _evidence(named, option) | {"code_files": target.code_files}
    evidence["native_class"] = native = native_class(config)
    if native is None:
        return Finding(
            "code",
            "code-untrusted",
            "fatal",
            f"The model brings its own code ({_classes(named)}) and transformers has no class of its own for "
            f"'{config.get('model_type')}'",
            "Without its code it cannot be loaded at all.",
            _remedy(option),
            evidence,
        )
    return Finding(
        "code",
        "code-replaced",
        "serious",
        f"The model brings its own code ({_classes(named)}), which is not allowed to run: {native} is loaded instead",
        "The built-in class may lack parts of the model; what it does not find in the file it draws at random, "
        "and only a log line says so.",
        _remedy(option),
        evidence,
    )


def _processor(target: Target, file: str, named: list[Named], option: str) -> Finding:
    """What makes a text into input: AutoTokenizer in tokenizer_config.json, AutoProcessor and its like elsewhere."""
    role = named[0].role
    what = "tokenizer" if role == "AutoTokenizer" else "processor"
    instead = _loaded_instead(target, file, role)
    evidence = _evidence(named, option) | {"native_class": instead}
    seen = f"{file} names a {what} that comes as code ({_classes(named)}), which is not allowed to run: "
    if instead is None:
        why = "sentence-transformers asks for it first, and loads nothing without it."
        return Finding(
            "code", f"{what}-untrusted", "fatal", f"{seen}nothing can be loaded instead", why, _remedy(option), evidence
        )
    return Finding(
        "code",
        f"{what}-replaced",
        "serious",
        f"{seen}{instead} is loaded instead",
        "It may split, mark or end texts otherwise, and then the model reads other tokens than it was trained on.",
        _remedy(option),
        evidence,
    )


def _loaded_instead(target: Target, file: str, role: str) -> str | None:
    """The class that a loader falls back on without the model's own code; None where it refuses to go on."""
    import transformers

    with quietly(), guarded(target):
        try:
            loader = getattr(transformers, role)
            loaded = loader.from_pretrained(target.path(file).parent, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # noqa: BLE001 -- loaders raise anything
            # Another fault than the missing leave is the next tiers' to name.
            return None if "trust_remote_code" in str(error) else "nothing that can be read"
    return type(loaded).__name__


def _modules(named: list[Named], option: str) -> Finding:
    """Modules of sentence-transformers that are the repository's own code ('custom_st.Transformer')."""
    return Finding(
        "code",
        "modules-untrusted",
        "fatal",
        f"modules.json names classes of the model's own code: {_classes(named)}",
        "sentence-transformers cannot build the model without running them.",
        _remedy(option),
        _evidence(named, option),
    )


def _evidence(named: list[Named], option: str) -> dict[str, Any]:
    """What is named as what, whose it is, and the options that allow all of it."""
    return {
        "file": named[0].file,
        "named": [f"{entry.role}: {entry.reference}" for entry in named],
        "other_repositories": sorted({entry.repository for entry in named if entry.repository}),
        "allow": option,
    }


def _remedy(option: str) -> str:
    return f"Read the code, then allow this model at this revision: {option}"


def _classes(named: list[Named]) -> str:
    return ", ".join(sorted({entry.reference for entry in named}))

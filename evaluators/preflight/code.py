"""Tier 2, code: what a model would run on this machine, and what is loaded in its place when it may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.loading import guarded, native_class, quietly
from evaluators.preflight.target import Target
from evaluators.trust import CodeReference, allowances, as_options, named_classes, other_repositories

__all__ = ["check"]


def check(target: Target) -> Iterator[Finding]:
    """Own code and other repositories' code that was not allowed by name, and the classes that stand in for it."""
    if not (named := [entry for entry in named_classes(target.folder) if not _of_a_library(target, entry)]):
        return
    others = other_repositories(target.folder, allowances(target.trust))
    others.pop(target.name, None)  # a model may name itself as the other repository
    if target.trusted:
        if others:
            names, options = list(others), as_options(others)
            seen = f"The model runs code of {', '.join(names)}, which is not allowed"
            evidence = {"other_repositories": names, "allow": options}
            yield finding("code-of-others-untrusted", seen, evidence, options=options)
        return
    option = as_options({target.name: target.code_revision} | others)
    for file in sorted({entry.file for entry in named}):
        yield from _of_file(target, file, [entry for entry in named if entry.file == file], option)


def _of_a_library(target: Target, entry: CodeReference) -> bool:
    """Whether a module's class is an installed library's (pylate.models.Dense.Dense): no file here could hold it."""
    package, _, _ = entry.code.rpartition(".")
    return entry.role == "module" and entry.repository is None and "." in package and not target.has(f"{package}.py")


def _of_file(target: Target, file: str, named: list[CodeReference], option: str) -> Iterator[Finding]:
    if file == "modules.json":  # modules of sentence-transformers that are own code ('custom_st.Transformer')
        seen = f"modules.json names classes of the model's own code: {_classes(named)}"
        yield finding("modules-untrusted", seen, _evidence(named, option), option=option)
    elif file.rpartition("/")[2] == "config.json":
        yield _model(target, file, named, option)
    else:
        for role in sorted({entry.role for entry in named}):
            yield _processor(target, file, [entry for entry in named if entry.role == role], option)


def _model(target: Target, file: str, named: list[CodeReference], option: str) -> Finding:
    config = target.object(file)
    native = native_class(config)
    evidence = _evidence(named, option) | {"code_files": target.code_files, "native_class": native}
    seen = f"The model brings its own code ({_classes(named)})"
    if native is None:
        seen += f" and transformers has no class of its own for '{config.get('model_type')}'"
        return finding("code-untrusted", seen, evidence, option=option)
    seen += f", which is not allowed to run: {native} is loaded instead"
    return finding("code-replaced", seen, evidence, option=option)


def _processor(target: Target, file: str, named: list[CodeReference], option: str) -> Finding:
    """What makes a text into input: AutoTokenizer in tokenizer_config.json, AutoProcessor and its like elsewhere."""
    role = named[0].role
    tokenizer = role == "AutoTokenizer"
    instead = _loaded_instead(target, file, role)
    evidence = _evidence(named, option) | {"native_class": instead}
    seen = (
        f"{file} names a {'tokenizer' if tokenizer else 'processor'} that comes as code ({_classes(named)}), "
        f"which is not allowed to run: {instead or 'nothing can be'} {'is ' if instead else ''}loaded instead"
    )
    if instead is None:
        return finding("tokenizer-untrusted" if tokenizer else "processor-untrusted", seen, evidence, option=option)
    return finding("tokenizer-replaced" if tokenizer else "processor-replaced", seen, evidence, option=option)


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


def _evidence(named: list[CodeReference], option: str) -> dict[str, Any]:
    """What is named as what, whose it is, and the options that allow all of it."""
    return {
        "file": named[0].file,
        "named": [f"{entry.role}: {entry.reference}" for entry in named],
        "other_repositories": sorted({entry.repository for entry in named if entry.repository}),
        "allow": option,
    }


def _classes(named: list[CodeReference]) -> str:
    return ", ".join(sorted({entry.reference for entry in named}))

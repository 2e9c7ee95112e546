"""What a model asks of the machine it is loaded on: packages, their versions, a kernel of attention."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator
from importlib import metadata

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from evaluators.model_files.reading import as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["check"]

_ALIASES = {"pytorch": "torch"}  # as sentence-transformers reads the names of packages
# The package behind each implementation of attention that does not come with torch.
_ATTENTION = {"flash_attention_2": "flash_attn", "flash_attention_3": "flash_attn_3", "flash_attention_4": "flash_attn"}
_HANDED_ON = ("model_args", "model_kwargs", "config_args", "config_kwargs")


def check(target: Target) -> Iterator[Finding]:
    """Required versions that are not here, and attention whose package is not."""
    yield from _requirements(target)
    yield from _attention(target)


def _requirements(target: Target) -> Iterator[Finding]:
    required = as_object(target.object("config_sentence_transformers.json").get("requirements"))
    for package, wanted in required.items():
        specifier = wanted.get("specifier", "") if isinstance(wanted, dict) else wanted
        name = str(_ALIASES.get(package, package))
        installed = _installed(name)
        if isinstance(specifier, str) and not _meets(installed, specifier):
            here = f"{installed} is installed" if installed else "it is not installed"
            seen = f"config_sentence_transformers.json requires {name}{specifier}, and {here}"
            evidence = {"package": name, "requirement": specifier, "installed": installed}
            yield finding("requirement-unmet", seen, evidence, package=name, specifier=specifier)


def _installed(package: str) -> str | None:
    if package == "python":
        return platform.python_version()
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):  # no such package, or no name of one
        return None


def _meets(installed: str | None, specifier: str) -> bool:
    """Whether the version is among those asked for; words that say no version ask for none, as in the library."""
    try:
        versions = SpecifierSet(specifier, prereleases=True)
        return installed is not None and versions.contains(Version(installed))
    except (InvalidSpecifier, InvalidVersion):
        return True


def _attention(target: Target) -> Iterator[Finding]:
    file = target.of_root("sentence_bert_config.json")
    settings = target.object(file)
    places = {f"{file}, {key}": as_object(settings.get(key)) for key in _HANDED_ON}
    places[target.of_root("config.json")] = target.config
    for place, options in places.items():
        named = options.get("attn_implementation") or options.get("_attn_implementation")
        package = _ATTENTION.get(named) if isinstance(named, str) else None
        if package and importlib.util.find_spec(package) is None:
            seen = f"{place} asks for the attention {named}, and the package {package} is not installed"
            yield finding("attention-unavailable", seen, {"attn_implementation": named}, package=package)
            return

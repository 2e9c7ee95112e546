"""Tier 3, weights: every parameter in memory comes from the file, and holds values that a trained tensor can hold."""

from __future__ import annotations

from collections.abc import Iterator

from data.errors import ModelError, NotAllowedError
from evaluators.preflight.finding import Finding
from evaluators.preflight.loading import Loaded, load_model
from evaluators.preflight.names import SHOWN, UNUSED, some, used
from evaluators.preflight.pickles import check_pickles
from evaluators.preflight.stored import digest_of, tensors
from evaluators.preflight.target import Target
from evaluators.preflight.values import copied_matrices, impossible_values
from evaluators.trust import allow

__all__ = ["check"]


def check(target: Target) -> Iterator[Finding]:
    """Tensors missing, unexpected, of the wrong shape, not from the file, not finite, zero, constant or twice there."""
    yield from check_pickles(target)
    try:
        loaded = load_model(target)
    except (ModelError, NotAllowedError) as error:
        yield Finding(
            "weights",
            "weights-unloadable",
            "fatal",
            f"{error.what}: {error.remedy}",
            "There is no model to ask.",
            "Check config.json against the weights, or download both again.",
        )
        return
    yield from _keys(target, loaded)
    digests = {name: digest_of(parameter) for name, parameter in used(loaded.model.named_parameters())}
    yield from _not_from_file(target, loaded, digests)
    yield from impossible_values(loaded)
    yield from copied_matrices(loaded, digests)


def _keys(target: Target, loaded: Loaded) -> Iterator[Finding]:
    missing = sorted(name for name in loaded.missing if not UNUSED.search(name))
    unexpected = sorted(name for name in loaded.unexpected if not UNUSED.search(name))
    total = sum(1 for _ in used(loaded.model.named_parameters()))
    if loaded.mismatched:
        yield Finding(
            "weights",
            "weights-mismatched",
            "fatal",
            f"{len(loaded.mismatched)} tensors have another shape than in config.json: {some(loaded.mismatched)}",
            "config.json and weights are of different models.",
            "Take both from the same revision.",
            {"tensors": sorted(loaded.mismatched)[:SHOWN]},
        )
    if missing:
        renamed = len(missing) > 0.9 * total and bool(unexpected)
        seen = (
            f"None of the file's tensors has a name {type(loaded.model).__name__} knows: all {len(missing)} are missing"
            if renamed
            else f"{len(missing)} of {total} tensors are not in the file: {some(missing)}"
        )
        replaced = target.config.get("auto_map") and not target.trusted
        yield Finding(
            "weights",
            "weights-renamed" if renamed else "weights-missing",
            "fatal",
            seen,
            "They are initialised at random at each load, and only a log line says so; two loads differ in them.",
            f"Allow the model's own code: {allow(target.name, target.code_revision)}"
            if replaced
            else "Download the weights again; if they were converted, keep the names of config.json's class.",
            {
                "tensors": missing[:SHOWN],
                "count": len(missing),
                "of": total,
                "class": type(loaded.model).__name__,
                "loads_agree": _loads_agree(target, missing),
            },
        )
    if unexpected:
        yield Finding(
            "weights",
            "weights-unexpected",
            "serious",
            f"{len(unexpected)} stored tensors have no place in {type(loaded.model).__name__}: {some(unexpected)}",
            "Part of the trained model is left out: layers cut in config.json, or another class.",
            "Compare num_hidden_layers and the class in config.json with the weights.",
            {"tensors": unexpected[:SHOWN], "count": len(unexpected)},
        )


def _loads_agree(target: Target, names: list[str]) -> bool:
    """Whether two more loads hold the same values in these tensors."""
    first, second = (dict(load_model(target).model.state_dict()) for _ in range(2))
    return all(digest_of(first[name]) == digest_of(second[name]) for name in names if name in first)


def _not_from_file(target: Target, loaded: Loaded, digests: dict[str, str]) -> Iterator[Finding]:
    """Parameters named in the file whose bytes in memory are others: something changed them after loading."""
    if not target.weight_files:
        return
    held = {name: digest_of(tensor) for file in target.weight_files for name, tensor in tensors(target.path(file))}
    known = set(held.values())
    base = f"{getattr(loaded.model, 'base_model_prefix', '')}."
    strangers = [
        name
        for name, digest in digests.items()
        if digest not in known and (name in held or base + name in held) and name not in loaded.mismatched
    ]
    if strangers and not _cast(target, loaded):
        yield Finding(
            "weights",
            "weights-altered",
            "serious",
            f"{len(strangers)} tensors in memory differ from the bytes of the file: {some(strangers)}",
            "The model's code changes them after loading.",
            "Load with the library version the model was made with.",
            {"tensors": strangers[:SHOWN]},
        )


def _cast(target: Target, loaded: Loaded) -> bool:
    """Whether the loader converted the file's precision; the configuration tier speaks of that."""
    dtype = str(next(loaded.model.parameters()).dtype)
    return any(str(tensor.dtype) != dtype for _, tensor in tensors(target.path(target.weight_files[0])))

"""Tier 3, weights: every parameter in memory comes from the file, and holds values that a trained tensor can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from data.errors import ModelError, NotAllowedError
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.forward import check_forward
from evaluators.preflight.kinds import kind
from evaluators.preflight.loading import Loaded, load_model
from evaluators.preflight.names import SHOWN, UNUSED, some, used
from evaluators.preflight.pickles import check_pickles
from evaluators.preflight.stored import digest_of, load_pickle, tensors
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
    yield from _head(target, loaded)
    digests = {name: digest_of(parameter) for name, parameter in used(loaded.model.named_parameters())}
    yield from _not_from_file(target, loaded, digests)
    yield from impossible_values(loaded)
    yield from copied_matrices(loaded, digests)
    yield from check_forward(target, loaded)


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
                "loads_agree": _loads_agree(target, loaded, missing),
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


def _head(target: Target, loaded: Loaded) -> Iterator[Finding]:
    """Tensors of the head that a cross-encoder's score or a sparse encoder's vector comes from."""
    head = re.compile(kind(target).head)
    if lost := sorted(name for name in loaded.missing if head.search(name)):
        seen = f"{len(lost)} tensors of the head are not in the file: {some(lost)}"
        yield finding("head-missing", seen, {"tensors": lost[:SHOWN]})


def _loads_agree(target: Target, loaded: Loaded, names: list[str]) -> bool:
    """Whether another load holds the same values in these tensors."""
    return _digests(loaded, names) == _digests(load_model(target), names)


def _digests(loaded: Loaded, names: Iterable[str] | None = None) -> dict[str, str]:
    """Hash of each parameter and buffer, or of the named ones: what is kept of a model that need not stay in memory."""
    held = dict(chain(loaded.model.named_parameters(), loaded.model.named_buffers()))
    wanted = held if names is None else {name: held[name] for name in names if name in held}
    return {name: digest_of(tensor) for name, tensor in used(wanted.items())}


def _not_from_file(target: Target, loaded: Loaded, digests: dict[str, str]) -> Iterator[Finding]:
    """Parameters named in the file whose bytes in memory are others, in the precision they were loaded in."""
    held = dict(_stored_digests(target, {parameter.dtype for parameter in loaded.model.parameters()}))
    known = set().union(*held.values())
    base = f"{getattr(loaded.model, 'base_model_prefix', '')}."
    strangers = [
        name
        for name, digest in digests.items()
        if digest not in known and (name in held or base + name in held) and name not in loaded.mismatched
    ]
    if strangers:
        yield Finding(
            "weights",
            "weights-altered",
            "serious",
            f"{len(strangers)} tensors in memory differ from the bytes of the file: {some(strangers)}",
            "The model's code changes them after loading.",
            "Load with the library version the model was made with.",
            {"tensors": strangers[:SHOWN]},
        )
    # What the file vouches for is the same at each load; only the rest, and a model's own code, can draw it anew.
    if strangers or target.config.get("auto_map") or not known.issuperset(digests.values()):
        yield from _drawn_anew(target, loaded)


def _drawn_anew(target: Target, loaded: Loaded) -> Iterator[Finding]:
    first, second = _digests(loaded), _digests(load_model(target))
    told = loaded.missing | loaded.mismatched
    apart = sorted(name for name, digest in first.items() if second.get(name) != digest and name not in told)
    if apart:
        yield Finding(
            "weights",
            "weights-random",
            "fatal",
            f"Two loads of the same files differ in {len(apart)} tensors: {some(apart)}",
            "They are drawn at random after loading: a text has another vector at each start.",
            "Use the model's own code at the revision its figures are of, or another library version.",
            {"tensors": apart[:SHOWN], "count": len(apart)},
        )


def _stored_digests(target: Target, dtypes: set[Any]) -> Iterator[tuple[str, set[str]]]:
    """Hashes of each stored tensor as it is, and rounded to the precisions that the loader may have taken it to."""
    for name, tensor in _stored(target):
        others = {dtype for dtype in dtypes if dtype != tensor.dtype and tensor.is_floating_point()}
        yield name, {digest_of(tensor), *(digest_of(tensor.to(dtype)) for dtype in others)}


def _stored(target: Target) -> Iterator[tuple[str, Any]]:
    """Name and tensor of everything in the weight files: the safetensors, or the pickles where there are none."""
    for name in target.weight_files or target.pickles:
        path = target.path(name)
        yield from tensors(path) if target.weight_files else (load_pickle(path) or {}).items()

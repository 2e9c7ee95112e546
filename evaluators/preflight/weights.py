"""Tier 3, weights: every parameter in memory comes from the file, and holds values that a trained tensor can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from data.store.errors import ModelError, NotAllowedError
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.forward_pass import check_forward
from evaluators.preflight.kinds import kind
from evaluators.preflight.loading import Loaded, load_model
from evaluators.preflight.misplaced_matrices import out_of_place
from evaluators.preflight.module_summaries import part_summaries
from evaluators.preflight.pickles import check_pickles
from evaluators.preflight.siblings import exchanged_norms, unlike_siblings
from evaluators.preflight.stored_weights import Stored, read_once
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_names import SHOWN, UNUSED, some, used
from evaluators.preflight.tensor_summary import Summary
from evaluators.preflight.tensor_values import copied_tensors, holes, impossible_values, used_summaries
from evaluators.preflight.untrained import never_trained
from evaluators.preflight.weight_files import digest_of
from evaluators.trust import allow

__all__ = ["check", "unlikely"]


def check(target: Target) -> Iterator[Finding]:
    """Tensors missing, unexpected, of the wrong shape, not from the file, or of values that training never leaves."""
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
    stored = read_once(target, loaded)
    yield from _not_from_file(target, loaded, stored)
    yield from _integers(target, stored)
    yield from _mixed(target)
    yield from _twice(stored)
    yield from _values(target, stored)
    yield from check_forward(target, loaded)


def _values(target: Target, stored: Stored) -> Iterator[Finding]:
    own, parts = used_summaries(stored.summaries), part_summaries(target)
    if target.config.get("quantization_config"):  # scales and packed numbers are no weights
        yield from impossible_values([*own, *parts])
    else:
        yield from unlikely(own, parts)


def unlikely(own: list[Summary], parts: Iterable[Summary] = ()) -> Iterator[Finding]:
    """What training never leaves, in the transformer's own tensors and in those of the steps after it."""
    parts = list(parts)
    yield from impossible_values([*own, *parts])
    own, parts = [[held for held in some_of if held.finite] for some_of in (own, parts)]
    yield from unlike_siblings(own)
    yield from exchanged_norms(own)
    yield from holes([*own, *parts])
    yield from copied_tensors(own)
    yield from never_trained(own)
    yield from out_of_place(own)


def _integers(target: Target, stored: Stored) -> Iterator[Finding]:
    if stored.integers and not target.config.get("quantization_config"):
        seen = f"{len(stored.integers)} tensors are stored as whole numbers: {some(stored.integers)}"
        yield finding("weights-integer", seen, {"tensors": stored.integers[:SHOWN]})


def _mixed(target: Target) -> Iterator[Finding]:
    """Shards whose headers do not say the same of the model: a revision, a run, a date of saving."""
    from safetensors import safe_open

    said: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in target.weight_files:
        with safe_open(target.path(name), framework="pt") as opened:
            said.setdefault(tuple(sorted((opened.metadata() or {}).items())), []).append(name)
    if len(said) > 1:
        first, other = list(said)[:2]
        apart = sorted({key for key, _ in set(first) ^ set(other)})
        seen = f"The headers of {said[first][0]} and {said[other][0]} differ in {', '.join(apart[:4])}"
        yield finding("shards-mixed", seen, {"metadata": [dict(first), dict(other)]})


def _twice(stored: Stored) -> Iterator[Finding]:
    if stored.twice:
        seen = f"{len(stored.twice)} tensors are stored twice with different values: {some(stored.twice)}"
        yield finding("weights-twice", seen, {"tensors": stored.twice[:SHOWN]})


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


def _not_from_file(target: Target, loaded: Loaded, stored: Stored) -> Iterator[Finding]:
    """Parameters named in the file whose bytes in memory are others, in the precision they were loaded in."""
    if stored.altered:
        yield Finding(
            "weights",
            "weights-altered",
            "serious",
            f"{len(stored.altered)} tensors in memory differ from the bytes of the file: {some(stored.altered)}",
            "The model's code changes them after loading.",
            "Load with the library version the model was made with.",
            {"tensors": stored.altered[:SHOWN]},
        )
    # What the file vouches for is the same at each load; only the rest, and a model's own code, can draw it anew.
    if stored.altered or target.config.get("auto_map") or stored.unvouched:
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

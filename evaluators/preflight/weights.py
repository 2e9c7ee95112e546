"""Tier 3, weights: every parameter in memory comes from the file, and holds values that a trained tensor can hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from data.store.errors import ModelError, NotAllowedError
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.forward_pass import check_forward
from evaluators.preflight.kinds import model_kind
from evaluators.preflight.loading import LoadedTransformer, load_model
from evaluators.preflight.misplaced_matrices import out_of_place
from evaluators.preflight.module_summaries import part_summaries
from evaluators.preflight.pickles import check_pickles
from evaluators.preflight.siblings import exchanged_norms, unlike_siblings
from evaluators.preflight.stored_weights import StoredWeights, read_stored_weights
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_names import SHOWN, UNUSED, some_names, used_tensors
from evaluators.preflight.tensor_summary import TensorSummary
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
        yield finding("weights-unloadable", f"{error.what}: {error.remedy}")
        return
    yield from _keys(target, loaded)
    yield from _head(target, loaded)
    stored = read_stored_weights(target, loaded)
    yield from _not_from_file(target, loaded, stored)
    if stored.integers and not target.config.get("quantization_config"):
        yield _of_tensors("weights-integer", "{} tensors are stored as whole numbers", stored.integers)
    yield from _mixed_shards(target)
    if stored.twice:
        yield _of_tensors("weights-twice", "{} tensors are stored twice with different values", stored.twice)
    yield from _values(target, stored)
    yield from check_forward(target, loaded)


def _of_tensors(code: str, seen: str, names: Sequence[str], **evidence: Any) -> Finding:
    """The finding of a code about these tensors; their number fills the blank of what was seen."""
    words = f"{seen.format(len(names))}: {some_names(names)}"
    return finding(code, words, {"tensors": list(names[:SHOWN]), **evidence})


def _values(target: Target, stored: StoredWeights) -> Iterator[Finding]:
    own, parts = used_summaries(stored.summaries), part_summaries(target)
    if target.config.get("quantization_config"):  # scales and packed numbers are no weights
        yield from impossible_values([*own, *parts])
    else:
        yield from unlikely(own, parts)


def unlikely(own: list[TensorSummary], parts: Iterable[TensorSummary] = ()) -> Iterator[Finding]:
    """What training never leaves, in the transformer's own tensors and in those of the steps after it."""
    parts = list(parts)
    yield from impossible_values([*own, *parts])
    own, parts = [[summary for summary in group if summary.finite] for group in (own, parts)]
    yield from unlike_siblings(own)
    yield from exchanged_norms(own)
    yield from holes([*own, *parts])
    yield from copied_tensors(own)
    yield from never_trained(own)
    yield from out_of_place(own)


def _mixed_shards(target: Target) -> Iterator[Finding]:
    """Shards whose headers do not say the same of the model: a revision, a run, a date of saving."""
    from safetensors import safe_open

    files: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name in target.weight_files:
        with safe_open(target.path(name), framework="pt") as opened:
            files.setdefault(tuple(sorted((opened.metadata() or {}).items())), []).append(name)
    if len(files) > 1:
        first, other = list(files)[:2]
        apart = sorted({key for key, _ in set(first) ^ set(other)})
        seen = f"The headers of {files[first][0]} and {files[other][0]} differ in {', '.join(apart[:4])}"
        yield finding("shards-mixed", seen, {"metadata": [dict(first), dict(other)]})


def _keys(target: Target, loaded: LoadedTransformer) -> Iterator[Finding]:
    missing = sorted(name for name in loaded.missing if not UNUSED.search(name))
    unexpected = sorted(name for name in loaded.unexpected if not UNUSED.search(name))
    if loaded.mismatched:
        seen = "{} tensors have another shape than in config.json"
        yield _of_tensors("weights-mismatched", seen, sorted(loaded.mismatched))
    if missing:
        yield _missing(target, loaded, missing, unexpected)
    if unexpected:
        seen = f"{{}} stored tensors have no place in {type(loaded.model).__name__}"
        yield _of_tensors("weights-unexpected", seen, unexpected, count=len(unexpected))


def _missing(target: Target, loaded: LoadedTransformer, missing: list[str], unexpected: list[str]) -> Finding:
    total = sum(1 for _ in used_tensors(loaded.model.named_parameters()))
    kind = type(loaded.model).__name__
    evidence = {
        "tensors": missing[:SHOWN],
        "count": len(missing),
        "of": total,
        "class": kind,
        "loads_agree": _loads_agree(target, loaded, missing),
    }
    replaced = target.config.get("auto_map") and not target.trusted
    option = allow(target.name, target.code_revision)
    if len(missing) > 0.9 * total and unexpected:
        seen = f"None of the file's tensors has a name {kind} knows: all {len(missing)} are missing"
        return finding("weights-renamed/own-code" if replaced else "weights-renamed", seen, evidence, option=option)
    seen = f"{len(missing)} of {total} tensors are not in the file: {some_names(missing)}"
    return finding("weights-missing/own-code" if replaced else "weights-missing", seen, evidence, option=option)


def _head(target: Target, loaded: LoadedTransformer) -> Iterator[Finding]:
    """Tensors of the head that a cross-encoder's score or a sparse encoder's vector comes from."""
    head = re.compile(model_kind(target).head)
    if lost := sorted(name for name in loaded.missing if head.search(name)):
        yield _of_tensors("head-missing", "{} tensors of the head are not in the file", lost)


def _loads_agree(target: Target, loaded: LoadedTransformer, names: list[str]) -> bool:
    """Whether another load holds the same values in these tensors."""
    return _digests(loaded, names) == _digests(load_model(target), names)


def _digests(loaded: LoadedTransformer, names: Iterable[str] | None = None) -> dict[str, str]:
    """Hash of each parameter and buffer, or of the named ones: what is kept of a model that need not stay in memory."""
    tensors = dict(chain(loaded.model.named_parameters(), loaded.model.named_buffers()))
    wanted = tensors if names is None else {name: tensors[name] for name in names if name in tensors}
    return {name: digest_of(tensor) for name, tensor in used_tensors(wanted.items())}


def _not_from_file(target: Target, loaded: LoadedTransformer, stored: StoredWeights) -> Iterator[Finding]:
    """Parameters named in the file whose bytes in memory are others, in the precision they were loaded in."""
    if stored.altered:
        yield _of_tensors("weights-altered", "{} tensors in memory differ from the bytes of the file", stored.altered)
    # What the file vouches for is the same at each load; only the rest, and a model's own code, can draw it anew.
    if stored.altered or target.config.get("auto_map") or stored.unvouched:
        yield from _drawn_anew(target, loaded)


def _drawn_anew(target: Target, loaded: LoadedTransformer) -> Iterator[Finding]:
    first, second = _digests(loaded), _digests(load_model(target))
    named_already = loaded.missing | loaded.mismatched
    apart = sorted(name for name, digest in first.items() if second.get(name) != digest and name not in named_already)
    if apart:
        yield _of_tensors("weights-random", "Two loads of the same files differ in {} tensors", apart, count=len(apart))

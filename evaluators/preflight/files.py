"""Tier 1, files: what the model declares against what is here, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluators.model_files.reading import parse_json, read_bytes
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.kinds import check_kind, model_kind, transformers_of
from evaluators.preflight.loaded_files import is_read
from evaluators.preflight.missing_files import check_heads, check_modules, check_transformer, check_weights
from evaluators.preflight.setting_types import malformed
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import LFS_MARK, broken_safetensors
from evaluators.trust import folder_faults

__all__ = ["check"]

_NEVER_EMPTY = {".json", ".safetensors", ".bin", ".pt", ".model", ".txt"}


def check(target: Target) -> Iterator[Finding]:
    """Faults that can be seen without loading: declared files missing, cut, empty, pointers, or contradicting."""
    faults = folder_faults(target.folder, own_code=target.trusted)
    yield from (finding(fault.code, fault.seen, {"file": fault.file}) for fault in faults)
    if faults:
        return  # nothing of it is opened, whatever is asked
    yield from _unreadable(target)
    odd = list(malformed(target))
    for name, fault in odd:
        evidence = {"file": name, "fault": fault}
        yield finding("json-malformed", f"{name} is not what loaders take: {fault}", evidence)
    if odd:
        return  # the rest would be read out of those very settings
    yield from check_modules(target)
    kind = model_kind(target)
    yield from check_kind(target, kind)
    if not kind.known:
        return
    for part in transformers_of(target):
        if kind.weights or kind.packed_by:
            yield from check_weights(part)
        yield from check_transformer(part)
    yield from check_heads(target)


def _unreadable(target: Target) -> Iterator[Finding]:
    """LFS pointers, empty files, JSON that does not parse, weights cut short."""
    for name in (name for name in target.files if is_read(target, name)):
        path = target.path(name)
        size = path.stat().st_size
        if size == 0 and path.suffix in _NEVER_EMPTY:
            yield finding("file-empty", f"{name} is empty", {"file": name})
        elif size <= 1024 and read_bytes(path).startswith(LFS_MARK):
            seen = f"{name} is a Git LFS pointer of {size} bytes, not the file itself"
            yield finding("lfs-pointer", seen, {"file": name})
        elif name.endswith(".json") and not _parses(path):
            yield finding("json-unreadable", f"{name} is not valid JSON", {"file": name})
        elif name.endswith(".safetensors") and (fault := broken_safetensors(path)):
            yield finding("weights-truncated", f"{name} is damaged: {fault}", {"file": name, "fault": fault})


def _parses(path: Path) -> bool:
    try:
        parse_json(path)
    except ValueError:
        return False
    return True

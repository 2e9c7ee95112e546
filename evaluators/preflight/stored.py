"""Read weight files without running anything: safetensors headers by hand, pickles only through ``weights_only``."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = [
    "LFS_MARK",
    "broken_safetensors",
    "digest_of",
    "file_sha256",
    "git_blob_sha1",
    "header",
    "load_pickle",
    "tensor_names",
    "tensors",
]

LFS_MARK = b"version https://git-lfs"


def header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: tensor name to dtype, shape and offsets.

    Raises:
        ValueError: the file does not begin with a whole header of that form.
    """
    with path.open("rb") as handle:
        start = handle.read(8)
        if len(start) < 8:
            raise ValueError("shorter than its header")
        (length,) = struct.unpack("<Q", start)
        if length > path.stat().st_size - 8:
            raise ValueError("its header is cut short")
        parsed = _object(handle.read(length))
    parsed.pop("__metadata__", None)
    if odd := next((name for name, entry in parsed.items() if not _describes(entry)), None):
        raise ValueError(f"its header does not say where {odd!r} lies")
    return parsed


def _object(text: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("its header is not JSON") from error
    if not isinstance(parsed, dict):
        raise ValueError("its header is not an object")
    return parsed


def _describes(entry: Any) -> bool:
    """Whether a header's entry has a tensor's dtype, shape and offsets."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        return False
    shape, offsets = entry.get("shape"), entry.get("data_offsets")
    return (
        all(
            isinstance(numbers, list) and all(type(number) is int and number >= 0 for number in numbers)
            for numbers in (shape, offsets)
        )
        and len(offsets or ()) == 2
    )


def broken_safetensors(path: Path) -> str | None:
    """What is wrong with a safetensors file, in a few words; None when header and size agree."""
    try:
        entries = header(path)
    except ValueError as error:
        return str(error) or type(error).__name__
    with path.open("rb") as handle:
        (length,) = struct.unpack("<Q", handle.read(8))
    promised = 8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    held = path.stat().st_size
    return None if promised == held else f"its header promises {promised:,} bytes, it has {held:,}"


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file."""
    return list(header(path))


def tensors(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and torch tensor of everything in a safetensors file, one at a time."""
    from safetensors import safe_open

    with safe_open(path, framework="pt") as opened:
        for name in opened.keys():  # noqa: SIM118  # not a dict: it has no iterator of its own
            yield name, opened.get_tensor(name)


def load_pickle(path: Path) -> dict[str, Any] | None:
    """The tensors of a pickled file, loaded without running its code; None when it holds more than tensors."""
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        return None
    return loaded if isinstance(loaded, dict) else None


def digest_of(tensor: Any) -> str:
    """SHA-256 of a torch tensor's shape, dtype and bytes."""
    import torch

    flat = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{tuple(flat.shape)}{flat.dtype}".encode())
    digest.update(flat.reshape(-1).view(torch.uint8).numpy() if flat.numel() else b"")
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as a hub states it for its large files."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def git_blob_sha1(path: Path) -> str:
    """SHA-1 of a file as git computes it, as a hub states it for its small files."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()

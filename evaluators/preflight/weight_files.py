"""Read weight files without running anything: safetensors headers by hand, pickles only through ``weights_only``."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from data.store.errors import ModelError
from evaluators.model_files.reading import HEADER_LIMIT, open_regular, printable
from evaluators.trust.limits import budget, within
from evaluators.trust.pickled import no_pickled_code

__all__ = [
    "LFS_MARK", "broken_safetensors", "digest_of", "header", "headers", "load_pickle", "tensor_names", "tensors",
    "tensors_of_file",
]  # fmt: skip

LFS_MARK = b"version https://git-lfs"


def header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: tensor name to dtype, shape and offsets.

    Raises:
        ValueError: the file does not begin with a whole header of that form.
    """
    with open_regular(path) as handle:
        start = handle.read(8)
        if len(start) < 8:
            raise ValueError("shorter than its header")
        (length,) = struct.unpack("<Q", start)
        if length > path.stat().st_size - 8:
            raise ValueError("its header is cut short")
        if length > HEADER_LIMIT:
            raise ValueError(f"its header has {length:,} bytes, more than the format allows")
        parsed = _object(handle.read(length))
    parsed.pop("__metadata__", None)
    if odd := next((name for name, entry in parsed.items() if not _describes(entry)), None):
        raise ValueError(f"its header does not say where {odd!r} lies")
    return parsed


def headers(paths: Iterable[Path]) -> dict[str, Any]:
    """The headers of several safetensors files in one; empty where one cannot be read (the files tier says so)."""
    try:
        return {name: entry for path in paths for name, entry in header(path).items()}
    except (OSError, ValueError):
        return {}


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
    with open_regular(path) as handle:
        (length,) = struct.unpack("<Q", handle.read(8))
    promised = 8 + length + max((entry["data_offsets"][1] for entry in entries.values()), default=0)
    size = path.stat().st_size
    if promised != size:
        return f"its header promises {promised:,} bytes, it has {size:,}"
    return _refused_by_the_format(path)


def _refused_by_the_format(path: Path) -> str | None:
    """What the format's own reader says of a file whose size is right: shapes, types and places that do not fit."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            return None
    except (SafetensorError, OSError, ValueError, OverflowError) as error:
        return f"it cannot be read: {str(error)[:200]}"


def tensor_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file."""
    return list(header(path))


def tensors(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and torch tensor of everything in a safetensors file, one at a time.

    Raises:
        ModelError: it holds what torch has no type for, or no tensors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118  # not a dict: it has no iterator of its own
                yield name, opened.get_tensor(name)
    except (SafetensorError, OSError, ValueError, AttributeError) as error:
        remedy = f"Download the file again. Its reader says: {str(error)[:200]}"
        raise ModelError("The weights cannot be read", where=printable(path), remedy=remedy) from error


def tensors_of_file(path: Path) -> Iterator[tuple[str, Any]]:
    """Name and torch tensor of everything in a file of weights: safetensors, or a pickle (none if unreadable)."""
    return tensors(path) if path.suffix == ".safetensors" else iter((load_pickle(path) or {}).items())


def load_pickle(path: Path) -> dict[str, Any] | None:
    """The tensors of a pickled file, loaded without running its code; None when it is not there or holds none."""
    import torch

    if not path.is_file():
        return None
    size = path.stat().st_size
    try:
        with no_pickled_code(printable(path)), within(budget(size), printable(path)):
            loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001 -- a pickle is a program of somebody else's, and ends as it likes
        return None
    held = {name: value for name, value in loaded.items() if _is_plain(name, value)} if isinstance(loaded, dict) else {}
    # A tensor may be a small storage repeated without end.
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in held.values())
    return held if held and claimed <= 2 * size + 1_000_000 else None


def _is_plain(name: Any, value: Any) -> bool:
    import torch

    return (
        isinstance(name, str)
        and isinstance(value, torch.Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
    )


def digest_of(tensor: Any) -> str:
    """SHA-256 of a torch tensor's shape, dtype and bytes."""
    import torch

    flat = tensor.detach().cpu().contiguous()
    digest = hashlib.sha256(f"{tuple(flat.shape)}{flat.dtype}".encode())
    digest.update(flat.reshape(-1).view(torch.uint8).numpy() if flat.numel() else b"")
    return digest.hexdigest()

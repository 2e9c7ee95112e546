"""Faults of the other kinds: adapters, word vectors, graphs, GGUF and packed weights, by their headers alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluators.model_files.reading import open_regular
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import LFS_MARK, header, tensors

__all__ = ["check_adapter", "check_graph", "check_packed", "check_words", "word_vectors"]

# How the tensors of packed weights are called, and the dtypes they are stored in.
_PACKED_NAMES = (".qweight", ".qzeros", ".scales", ".SCB", ".absmax", ".weight_packed", ".weight_scale", ".quant_map")
_PACKED_DTYPES = {"I8", "U8", "I32", "I16", "F8_E4M3", "F8_E5M2", "F8_E8M0"}
_PACKS_WHEN_LOADED = {"bitsandbytes", "bitsandbytes_4bit", "bitsandbytes_8bit", "quanto", "torchao", "hqq", "eetq"}
_TABLES = ("embedding.weight", "embeddings")  # of sentence-transformers, and of model2vec
_HEAD = 16  # bytes that tell a format


def check_packed(target: Target, method: str) -> Iterator[Finding]:
    """Weights that config.json calls packed, and that are plain numbers."""
    if method in _PACKS_WHEN_LOADED or not target.weight_files:
        return
    entries = _entries(target, target.weight_files)
    packed = any(name.endswith(_PACKED_NAMES) or entry["dtype"] in _PACKED_DTYPES for name, entry in entries.items())
    if entries and not packed:
        yield finding(
            "not-packed", f"config.json says the weights are packed by {method}, and none is", {"method": method}
        )


def check_adapter(target: Target, file: str) -> Iterator[Finding]:
    """An adapter's base, rank and weights."""
    settings = target.object(file)
    base, rank = settings.get("base_model_name_or_path"), settings.get("r")
    if isinstance(base, str) and base.startswith(("/", ".", "~")) and not Path(base).expanduser().is_dir():
        yield finding("adapter-base-missing", f"{file} adds to the model in {base}, which is not there", {"base": base})
    held = [name for name in target.files if Path(name).name == "adapter_model.safetensors"]
    entries = _entries(target, held)
    ranks = {entry["shape"][0] for name, entry in entries.items() if "lora_A" in name and len(entry["shape"]) == 2}
    if isinstance(rank, int) and ranks and not settings.get("rank_pattern") and ranks != {rank}:
        yield finding("adapter-rank-differs", f"{file} says rank {rank}, the tensors have {sorted(ranks)}", {"r": rank})
    second = [value for name in held for key, value in tensors(target.path(name)) if "lora_B" in key]
    if second and not any(value.any() for value in second):
        yield finding("adapter-idle", f"All {len(second)} second matrices of the adapter are zero")


def _entries(target: Target, names: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        try:
            found |= header(target.path(name))
        except (OSError, ValueError):
            return {}  # the files tier says so
    return found


def word_vectors(target: Target, folder: str) -> dict[str, tuple[int, ...]]:
    """The shapes of the tables that StaticEmbedding reads from its folder; none where none is named so."""
    file = f"{folder}/model.safetensors" if folder not in {"", "."} else "model.safetensors"
    entries = _entries(target, [file] if target.has(file) else [])
    return {name: tuple(entries[name]["shape"]) for name in _TABLES if name in entries}


def check_words(target: Target, folder: str) -> Iterator[Finding]:
    """Word vectors against the words of the tokenizer beside them."""
    place = f"{folder}/" if folder not in {"", "."} else ""
    vocabulary = target.object(f"{place}tokenizer.json").get("model")
    file = f"{place}model.safetensors"
    entries = _entries(target, [name for name in (file,) if target.has(name)])
    if entries and not word_vectors(target, folder):
        held = ", ".join(sorted(entries)[:3])
        seen = f"{file} holds {held}; the table of word vectors is read by the name {' or '.join(_TABLES)}"
        tokenizer = f"{place}tokenizer.json"
        yield finding("module-tensors-differ", seen, {"tensors": sorted(entries)}, settings=tokenizer, weights=file)
        return
    rows = {entry["shape"][0] for name, entry in entries.items() if name.startswith("embedding") and entry["shape"]}
    words = vocabulary.get("vocab") if isinstance(vocabulary, dict) else None
    if not isinstance(words, dict | list) or len(rows) != 1:
        return
    added = target.object(f"{place}tokenizer.json").get("added_tokens")
    ids = [entry["id"] for entry in added or [] if isinstance(entry, dict) and isinstance(entry.get("id"), int)]
    last = max([len(words), *(one + 1 for one in ids)])
    if last not in rows and "mapping" not in entries:  # quantised vocabularies share rows through a mapping
        seen = f"{place}tokenizer.json has {last:,} words, there are {rows.copy().pop():,} vectors"
        yield finding("words-differ", seen, {"words": last, "vectors": sorted(rows)})


def check_graph(target: Target, file: str) -> Iterator[Finding]:
    """A graph or a GGUF file that is empty, a pointer, or of another format than its name says."""
    path = target.path(file)
    with open_regular(path) as handle:
        head = handle.read(max(_HEAD, len(LFS_MARK)))
    fault = None
    if not head:
        fault = "is empty"
    elif head.startswith(LFS_MARK):
        fault = "is a Git LFS pointer, not the file itself"
    elif file.endswith(".gguf") and not head.startswith(b"GGUF"):
        fault = "does not begin as GGUF does"
    elif file.endswith(".xml") and b"<" not in head:
        fault = "is no XML"
    elif file.endswith(".onnx") and head[0] not in b"\x08\x12\x1a\x22\x2a\x3a\x42":
        fault = "does not begin as a graph in ONNX does"
    if fault:
        yield finding("graph-unreadable", f"{file} {fault}", {"file": file})

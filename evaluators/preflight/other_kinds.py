"""Faults of the other kinds: adapters, word vectors, graphs, GGUF and packed weights, by their headers alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluators.model_files.reading import as_list, as_object, open_regular
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target, in_folder
from evaluators.preflight.weight_files import LFS_MARK, headers, tensors

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
    entries = headers(map(target.path, target.weight_files))
    packed = any(name.endswith(_PACKED_NAMES) or entry["dtype"] in _PACKED_DTYPES for name, entry in entries.items())
    if entries and not packed:
        seen = f"config.json says the weights are packed by {method}, and none is"
        yield finding("not-packed", seen, {"method": method})


def check_adapter(target: Target, file: str) -> Iterator[Finding]:
    """An adapter's base, rank and weights."""
    settings = target.object(file)
    base, rank = settings.get("base_model_name_or_path"), settings.get("r")
    if isinstance(base, str) and base.startswith(("/", ".", "~")) and not Path(base).expanduser().is_dir():
        yield finding("adapter-base-missing", f"{file} adds to the model in {base}, which is not there", {"base": base})
    files = [target.path(name) for name in target.files if Path(name).name == "adapter_model.safetensors"]
    entries = headers(files)
    ranks = {entry["shape"][0] for name, entry in entries.items() if "lora_A" in name and len(entry["shape"]) == 2}
    if isinstance(rank, int) and ranks and not settings.get("rank_pattern") and ranks != {rank}:
        yield finding("adapter-rank-differs", f"{file} says rank {rank}, the tensors have {sorted(ranks)}", {"r": rank})
    second = [value for file in files for key, value in tensors(file) if "lora_B" in key]
    if second and not any(value.any() for value in second):
        yield finding("adapter-idle", f"All {len(second)} second matrices of the adapter are zero")


def word_vectors(target: Target, folder: str) -> dict[str, tuple[int, ...]]:
    """The shapes of the tables that StaticEmbedding reads from its folder; none where one is not there or not read."""
    entries = headers([target.path(in_folder(folder, "model.safetensors"))])
    return {name: tuple(entries[name]["shape"]) for name in _TABLES if name in entries}


def check_words(target: Target, folder: str) -> Iterator[Finding]:
    """Word vectors against the words of the tokenizer beside them."""
    file, tokenizer = in_folder(folder, "model.safetensors"), in_folder(folder, "tokenizer.json")
    entries = headers([target.path(file)])
    if entries and not word_vectors(target, folder):
        names = ", ".join(sorted(entries)[:3])
        seen = f"{file} holds {names}; the table of word vectors is read by the name {' or '.join(_TABLES)}"
        yield finding("module-tensors-differ", seen, {"tensors": sorted(entries)}, settings=tokenizer, weights=file)
        return
    rows = {entry["shape"][0] for name, entry in entries.items() if name.startswith("embedding") and entry["shape"]}
    words = as_object(target.object(tokenizer).get("model")).get("vocab")
    if not isinstance(words, dict | list) or len(rows) != 1:
        return
    added = [entry for entry in as_list(target.object(tokenizer).get("added_tokens")) if isinstance(entry, dict)]
    ids = [entry["id"] for entry in added if isinstance(entry.get("id"), int)]
    count, (vectors,) = max([len(words), *(one + 1 for one in ids)]), rows
    if count != vectors and "mapping" not in entries:  # quantised vocabularies share rows through a mapping
        seen = f"{tokenizer} has {count:,} words, there are {vectors:,} vectors"
        yield finding("words-differ", seen, {"words": count, "vectors": [vectors]})


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

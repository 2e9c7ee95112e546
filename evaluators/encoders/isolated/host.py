"""A program for the ``command`` encoder: runs one framework in whatever environment it is started with.

    python host.py bce FOLDER | sentence-transformers FOLDER | langchain FOLDER | ctranslate2 FOLDER
    python host.py object module:Class key=value ...     (LangChain, LlamaIndex, Haystack, Chroma, fastembed)

Needs nothing of Plumbline, so that it runs under another Python with other libraries. The module ``command`` says what
the lines are.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

PACKAGES = (
    "BCEmbedding", "langchain-huggingface", "llama-index-core", "haystack-ai", "chromadb", "fastembed", "ctranslate2",
    "sentence-transformers", "transformers", "torch", "tokenizers", "onnxruntime",
)  # fmt: skip


class Framework(NamedTuple):
    """How to encode texts of a role, and the settings in use."""

    encode: Callable[[list[str], str], Any]
    settings: dict[str, Any]


def _bce(folder: str) -> Framework:
    from BCEmbedding import EmbeddingModel

    pooling = os.environ.get("HOST_POOLING", "cls")
    model = EmbeddingModel(model_name_or_path=folder, pooler=pooling, device="cpu")
    return Framework(
        lambda texts, role: model.encode(texts, enable_tqdm=False), {"pooling": pooling, "normalise": True}
    )


def _sentence_transformers(folder: str) -> Framework:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder, device="cpu")
    return Framework(
        lambda texts, role: model.encode(texts, show_progress_bar=False), {"max_length": model.max_seq_length}
    )


def _langchain(folder: str) -> Framework:
    from langchain_huggingface import HuggingFaceEmbeddings

    model = HuggingFaceEmbeddings(model_name=folder, model_kwargs={"device": "cpu"})

    def encode(texts: list[str], role: str) -> Any:
        return [model.embed_query(text) for text in texts] if role == "query" else model.embed_documents(texts)

    return Framework(encode, {})


def _ctranslate2(folder: str) -> Framework:
    """A converted encoder with the model's own tokenizer.json beside it, pooled and normalised as the variables say."""
    ctranslate2: Any = importlib.import_module("ctranslate2")
    import numpy as np
    from tokenizers import Tokenizer

    computes = os.environ.get("HOST_COMPUTE", "default")
    encoder = ctranslate2.Encoder(folder, device="cpu", compute_type=computes, inter_threads=1)
    tokenizer = Tokenizer.from_file(str(Path(folder) / "tokenizer.json"))
    tokenizer.no_padding()
    most = int(os.environ.get("HOST_MAX_LENGTH", "256"))
    tokenizer.enable_truncation(most)
    pooling, normalise = os.environ.get("HOST_POOLING", "mean"), os.environ.get("HOST_NORMALISE", "yes") == "yes"

    def encode(texts: list[str], role: str) -> Any:
        ids = [each.ids for each in tokenizer.encode_batch(texts)]
        hidden = np.asarray(encoder.forward_batch(ids).last_hidden_state)
        places = [slice(1) if pooling == "cls" else slice(len(tokens)) for tokens in ids]
        rows = np.stack([hidden[row, place].mean(0) for row, place in enumerate(places)])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True) if normalise else rows

    settings = {"pooling": pooling, "normalise": normalise, "max_length": most, "compute_type": encoder.compute_type}
    return Framework(encode, settings)


def _object(source: str) -> Framework:
    adapters = importlib.import_module("adapters")  # the file beside this one, where no Plumbline is installed
    thing = adapters.made(source, dict(word.split("=", 1) for word in sys.argv[3:]))
    name, encode = adapters.adapter_of(thing)
    return Framework(encode, {"framework": name})


FRAMEWORKS = {
    "bce": _bce, "sentence-transformers": _sentence_transformers, "langchain": _langchain,
    "ctranslate2": _ctranslate2, "object": _object,
}  # fmt: skip


def main() -> None:
    """Answer one line for each line read, until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not end up between the answers
    os.environ.setdefault("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")  # weights are tensors, and no pickled code
    name, folder = sys.argv[1:3]
    framework = FRAMEWORKS[name](folder)
    for line in sys.stdin:
        request = json.loads(line)
        answer: dict[str, Any]
        if request.get("describe"):
            answer = {"versions": _versions(), "settings": framework.settings}
        else:
            try:
                rows = framework.encode(request["texts"], request.get("role") or "")
                answer = {"dense": [[float(value) for value in row] for row in rows]}
            except Exception as error:  # whatever the framework raises is the other side's to read
                answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _versions() -> dict[str, str]:
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


if __name__ == "__main__":
    main()

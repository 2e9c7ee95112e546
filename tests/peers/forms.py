"""all-MiniLM-L6-v2 in the forms that peers take, made by their own converters, once each, in ``.peers/models``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.peers import llama_source
from tests.peers.places import QUIET, peer, python
from tests.serving import ROOT
from tests.small_models import export_onnx, minilm

__all__ = ["ctranslate2", "gguf", "onnx"]

MODELS = ROOT / ".peers" / "models"


def gguf(kind: str) -> Path:
    """A file of GGUF: ``f32``, ``f16``, ``bf16`` and ``q8_0`` as converted; ``Q4_0`` and others quantised from f32."""
    return _once(MODELS / f"all-MiniLM-L6-v2-{kind}.gguf", lambda path: _gguf(kind, path))


def _gguf(kind: str, path: Path) -> None:
    if kind.islower():
        converter = llama_source.converter(peer("llama-server"))
        _run(sys.executable, converter, minilm(), "--outtype", kind, "--outfile", path)
    else:
        own = {"LLAMA_CPP_LIB_PATH": str(llama_source.libraries(peer("llama-cpp")))}
        quantise = Path(__file__).with_name("quantise.py")
        _run(python("llama-cpp"), quantise, gguf("f32"), path, kind, environment=own)


def ctranslate2(quantization: str = "float32") -> Path:
    """A folder of CTranslate2, with the tokenizer beside the weights."""
    converter = peer("ctranslate2") / "bin" / "ct2-transformers-converter"
    return _once(
        MODELS / f"ctranslate2-{quantization}",
        lambda path: _run(
            converter, "--model", minilm(), "--output_dir", path, "--copy_files", "tokenizer.json",
            "--quantization", quantization,
        ),
    )  # fmt: skip


def onnx(kind: str = "f32") -> Path:
    """A folder with ``model.onnx`` and the tokenizer's files; ``int8`` as ONNX Runtime quantises without examples."""
    return _once(MODELS / f"onnx-{kind}", lambda path: _onnx(kind, path))


def _onnx(kind: str, path: Path) -> None:
    path.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        shutil.copy(minilm() / name, path)
    if kind == "f32":
        export_onnx(minilm(), path / "model.onnx")
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(onnx() / "model.onnx", path / "model.onnx", weight_type=QuantType.QInt8)


def _once(path: Path, make: Callable[[Path], None]) -> Path:
    """What ``make`` writes at a path, made beside it and moved there once it is whole."""
    if not path.exists():
        MODELS.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"partial-{path.name}")
        if partial.exists():
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
        make(partial)
        partial.rename(path)
    return path


def _run(*words: object, environment: Mapping[str, str] | None = None) -> None:
    settings = os.environ | QUIET | dict(environment or {})
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=settings)
    if done.returncode:
        raise RuntimeError(f"{words[0]}: {done.stderr[-3000:] or done.stdout[-3000:]}")

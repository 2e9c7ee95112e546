"""Intact folders of many kinds, small and saved by the library each belongs to, with what preflight says of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models import build, randomise, unigram_tokenizer

__all__ = ["KINDS", "Build"]

Build = Callable[[Path], None]
_OPENVINO = "openvino/openvino_model"
_SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def change(path: Path, **settings: Any) -> None:
    """Change settings of a JSON file; None removes one."""
    value = {**json.loads(path.read_text()), **settings} if path.exists() else settings
    _write(path, {key: entry for key, entry in value.items() if entry is not None})


def _bert(folder: Path, kind: str = "BertModel", **settings: Any) -> Any:
    """A BERT class of transformers, saved with a tokenizer of its own."""
    import transformers

    tokenizer = unigram_tokenizer()
    config = transformers.BertConfig(vocab_size=len(tokenizer), pad_token_id=1, **_SIZE, **settings)
    model = randomise(getattr(transformers, kind)(config))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def _embedding(folder: Path) -> None:
    build("XLM-R with a SentencePiece tokenizer, mean", folder)


def _with(*made: Callable[[], Any]) -> Build:
    """An embedding model with more modules after its Pooling, saved by sentence-transformers."""

    def write(folder: Path) -> None:
        from sentence_transformers import SentenceTransformer

        base = folder.with_name(folder.name + "-base")
        _embedding(base)
        modules = list(SentenceTransformer(str(base), device="cpu"))
        SentenceTransformer(modules=[*modules[:2], *(make() for make in made)], device="cpu").save(str(folder))

    return write


def _dense(inner: int = 32, outer: int = 48) -> Any:
    from sentence_transformers.sentence_transformer.modules import Dense

    return Dense(inner, outer)


def _layer_norm() -> Any:
    from sentence_transformers.sentence_transformer.modules import LayerNorm

    return LayerNorm(48)


def _normalize() -> Any:
    from sentence_transformers.sentence_transformer.modules import Normalize

    return Normalize()


def _tokens_changed(kind: str) -> Build:
    """A module between Transformer and Pooling: a CNN over tokens, a mean of layers."""

    def write(folder: Path) -> None:
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer import modules as made

        base = folder.with_name(folder.name + "-base")
        _embedding(base)
        change(base / "config.json", output_hidden_states=True)
        first = next(iter(SentenceTransformer(str(base), device="cpu")))
        step = made.CNN(32, 8, [1, 3]) if kind == "CNN" else made.WeightedLayerPooling(32, 2, 1)
        width = 16 if kind == "CNN" else 32
        SentenceTransformer(modules=[first, step, made.Pooling(width, "mean")], device="cpu").save(str(folder))

    return write


def _router(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Router

    routes = []
    for name in ("query", "document"):
        base = folder.with_name(f"{folder.name}-{name}")
        _embedding(base)
        routes.append(list(SentenceTransformer(str(base), device="cpu"))[:2])
    SentenceTransformer(modules=[Router.for_query_document(*routes), Normalize()], device="cpu").save(str(folder))


def _sparse(folder: Path) -> None:
    from sentence_transformers import SparseEncoder

    base = folder.with_name(folder.name + "-base")
    _bert(base, "BertForMaskedLM")
    SparseEncoder(str(base), device="cpu").save(str(folder))


def _splade(folder: Path) -> None:
    _bert(folder, "BertForMaskedLM")
    (folder / "README.md").write_text("# SPLADE\nSparse vectors for retrieval.\n")


def _cross_encoder(folder: Path) -> None:
    from sentence_transformers import CrossEncoder

    base = folder.with_name(folder.name + "-base")
    _bert(base, "BertForSequenceClassification", num_labels=1)
    CrossEncoder(str(base), device="cpu").save(str(folder))


def _late_interaction(folder: Path) -> None:
    """As PyLate saves it: a Dense of its own after the Transformer, on the tokens."""
    import torch
    from safetensors.torch import save_file

    _bert(folder)
    types = {"": "sentence_transformers.models.Transformer", "1_Dense": "pylate.models.Dense.Dense"}
    _write(
        folder / "modules.json",
        [{"idx": i, "name": str(i), "path": path, "type": kind} for i, (path, kind) in enumerate(types.items())],
    )
    settings = {"in_features": 32, "out_features": 16, "bias": False, "use_residual": False,
                "activation_function": "torch.nn.modules.linear.Identity"}  # fmt: skip
    _write(folder / "1_Dense" / "config.json", settings)
    save_file({"linear.weight": torch.randn(16, 32)}, folder / "1_Dense" / "model.safetensors")
    _write(folder / "sentence_bert_config.json", {"max_seq_length": 128, "do_lower_case": False})


def _colbert(folder: Path) -> None:
    """As the ColBERT of Stanford lies on the hub: BERT and one matrix more, no modules."""
    import torch
    from safetensors.torch import load_file, save_file

    _bert(folder)
    tensors = {f"bert.{name}": value for name, value in load_file(folder / "model.safetensors").items()}
    save_file(tensors | {"linear.weight": torch.randn(16, 32)}, folder / "model.safetensors", {"format": "pt"})
    change(folder / "config.json", architectures=["HF_ColBERT"])
    _write(folder / "artifact.metadata", {"dim": 16})


def _graph(name: str, content: bytes, *others: str) -> Build:
    """An embedding model whose weights are a graph, or of another framework, alone."""

    def write(folder: Path) -> None:
        _embedding(folder)
        (folder / "model.safetensors").unlink()
        for file in (name, *others):
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_bytes(content)

    return write


def _gguf(folder: Path) -> None:
    folder.mkdir()
    (folder / "model-q8_0.gguf").write_bytes(b"GGUF\x03\x00\x00\x00" + bytes(64))
    (folder / "README.md").write_text("# A model in GGUF\n")


def _gptq(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    _embedding(folder)
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.output.dense"
    tensors |= {f"{name}.qweight": torch.ones(8, 8, dtype=torch.int32), f"{name}.scales": torch.ones(1, 8)}
    del tensors[f"{name}.weight"]
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    change(folder / "config.json", quantization_config={"quant_method": "gptq", "bits": 4})


def _bitsandbytes(folder: Path) -> None:
    _embedding(folder)
    change(folder / "config.json", quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True})


def _packed(pack: Callable[[str, Any], dict[str, Any]], key: str = "quantization_config", **settings: Any) -> Build:
    """Every matrix of the layers packed, as the library of that name stores it."""

    def make(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        _embedding(folder)
        stored: dict[str, Any] = {}
        for name, tensor in load_file(folder / "model.safetensors").items():
            matrix = ".layer." in name and tensor.ndim == 2
            stored |= pack(name.removesuffix(".weight"), tensor) if matrix else {name: tensor.half()}
        save_file(stored, folder / "model.safetensors", {"format": "pt"})
        change(folder / "config.json", dtype="float16", **{key: settings})

    return make


def _awq(name: str, matrix: Any) -> dict[str, Any]:
    import torch

    rows, columns = matrix.shape
    words = torch.arange(columns * rows // 8, dtype=torch.int32).reshape(columns, rows // 8)
    return {f"{name}.qweight": words, f"{name}.qzeros": words[:1].clone(), f"{name}.scales": torch.ones(1, rows).half()}


def _four_bits(name: str, matrix: Any) -> dict[str, Any]:
    import torch

    size = matrix.numel()
    bits = (torch.arange(size // 2) % 256).to(torch.uint8)
    return {
        f"{name}.weight": bits.view(torch.bfloat16).reshape(-1, 1),  # bnb_4bit_quant_storage: bits, not numbers
        f"{name}.weight.absmax": torch.ones(max(size // 64, 1)),
        f"{name}.weight.quant_map": torch.linspace(-1, 1, 16),
        f"{name}.weight.quant_state.bitsandbytes__nf4": torch.zeros(80, dtype=torch.uint8),
    }


def _mlx(name: str, matrix: Any) -> dict[str, Any]:
    import torch

    rows, columns = matrix.shape
    scales = {f"{name}.{part}": torch.ones(rows, 1).half() for part in ("scales", "biases")}
    return {f"{name}.weight": torch.arange(rows * columns // 8).reshape(rows, -1).to(torch.uint32), **scales}


def _bytes(folder: Path) -> None:
    """A tokenizer of bytes has no vocabulary and no file but its settings."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    base = folder.with_name(folder.name + "-base")
    config = T5Config(vocab_size=384, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    randomise(T5EncoderModel(config)).save_pretrained(base)
    ByT5Tokenizer().save_pretrained(base)
    SentenceTransformer(modules=[Transformer(str(base)), Pooling(32, "mean")], device="cpu").save(str(folder))


def _words(folder: Path) -> None:
    """Vectors of words, averaged, as average_word_embeddings_glove has them."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, WordEmbeddings
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    words = [f"word{index}" for index in range(40)]
    table = torch.randn(40, 20, generator=torch.Generator().manual_seed(3)).numpy()
    first = WordEmbeddings(WhitespaceTokenizer(words), table, max_seq_length=100)
    SentenceTransformer(modules=[first, Pooling(20, "mean")], device="cpu").save(str(folder))


def decoder_reranker(folder: Path) -> None:
    """A language model that says yes or no: sentence-transformers makes its modules itself."""
    from transformers import Qwen3Config, Qwen3ForCausalLM

    _embedding(folder)
    for name in ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "1_Pooling")
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    config = Qwen3Config(**_SIZE, vocab_size=rows, num_key_value_heads=2, head_dim=8, tie_word_embeddings=False)
    randomise(Qwen3ForCausalLM(config)).save_pretrained(folder)
    _write(folder / "config_sentence_transformers.json", {"model_type": "CrossEncoder", "prompts": {}})


def _left_overs(folder: Path) -> None:
    """What a trainer that was stopped while it saved leaves: states, logs, a checkpoint cut in the middle."""
    _embedding(folder)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "requirements.txt"):
        (folder / name).write_bytes(b"")
    (folder / "trainer_state.json").write_text('{"epoch": 1.0, "log_history": [')
    unfinished = folder / "checkpoint-500"
    unfinished.mkdir()
    shutil.copyfile(folder / "config.json", unfinished / "config.json")
    (unfinished / "model.safetensors").write_bytes(b"")
    (unfinished / "tokenizer.json").write_text('{"version": ')
    (folder / "eval").mkdir()
    (folder / "eval" / "results.json").write_text("")


def _without_pooler(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    _embedding(folder)
    tensors = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if "pooler" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


def _language_model(folder: Path) -> None:
    _bert(folder, "BertForMaskedLM")


def _prefixed(folder: Path) -> None:
    """An embedding model saved from the class with a head: its tensors begin with bert., the head's with cls."""
    _bert(folder, "BertForMaskedLM")
    modules = folder.with_name(folder.name + "-base")
    _embedding(modules)
    for name in ("modules.json", "sentence_bert_config.json", "1_Pooling"):
        copy = shutil.copytree if (modules / name).is_dir() else shutil.copyfile
        copy(modules / name, folder / name)


def _clip(folder: Path) -> None:
    from transformers import CLIPConfig, CLIPModel

    tokenizer = unigram_tokenizer(length=77)
    text = {
        **_SIZE,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 77,
        "projection_dim": 16,
        "eos_token_id": 2,
    }
    vision = {**_SIZE, "image_size": 32, "patch_size": 16, "projection_dim": 16}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
    randomise(CLIPModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


# What the folder is -> how it is made, and the codes of what preflight says of it.
KINDS: dict[str, tuple[Build, list[str]]] = {
    "with a Dense, a LayerNorm and Normalize": (_with(_dense, _layer_norm, _normalize), []),
    "with two Dense": (_with(_dense, lambda: _dense(48, 24)), []),
    "a CNN over the tokens": (_tokens_changed("CNN"), []),
    "a mean of layers": (_tokens_changed("WeightedLayerPooling"), []),
    "a router of two transformers": (_router, []),
    "a trainer's left-overs and an unfinished checkpoint": (_left_overs, []),
    "no pooler": (_without_pooler, []),
    "saved with its masked-language head": (_prefixed, []),
    "CLIP": (_clip, []),
    "a masked-language model": (_language_model, ["kind-language-model"]),
    "a sparse encoder": (_sparse, ["kind-sparse"]),
    "SPLADE without modules": (_splade, ["kind-sparse"]),
    "a cross-encoder": (_cross_encoder, ["kind-cross-encoder"]),
    "PyLate": (_late_interaction, ["kind-multi-vector"]),
    "ColBERT": (_colbert, ["kind-multi-vector"]),
    "ONNX alone": (_graph("onnx/model.onnx", b"\x08\x07\x12\x04test"), ["kind-onnx"]),
    "OpenVINO alone": (
        _graph("openvino/openvino_model.xml", b"<net/>", "openvino/openvino_model.bin"),
        ["kind-openvino"],
    ),
    "GGUF alone": (_gguf, ["kind-gguf"]),
    "TensorFlow alone": (_graph("tf_model.h5", b"\x89HDF"), ["kind-framework"]),
    "GPTQ": (_gptq, ["kind-quantised"]),
    "bitsandbytes": (_bitsandbytes, ["kind-quantised"]),
    "AWQ": (_packed(_awq, quant_method="awq", bits=4, version="gemm"), ["kind-quantised"]),
    "bitsandbytes of 4 bits": (
        _packed(_four_bits, quant_method="bitsandbytes", load_in_4bit=True, bnb_4bit_quant_type="nf4"),
        ["kind-quantised"],
    ),
    "MLX": (_packed(_mlx, "quantization", group_size=32, bits=4), ["kind-quantised"]),
    "a vocabulary of bytes": (_bytes, []),
    "averaged words": (_words, ["kind-unknown"]),
}

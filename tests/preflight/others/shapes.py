"""The intact folders that the set starts from: the real all-MiniLM-L6-v2, and small models of other shapes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models import minilm_folder
from tests.preflight.others.kit import read_json, write_json
from tests.preflight.others.texts import TRAINING

SIZE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "intermediate_size": 64}


def cache() -> Path:
    """Where bases are kept while a set is gone through."""
    return Path(os.environ.get("PLUMBLINE_OTHERS_CACHE") or Path(tempfile.gettempdir()) / f"others-{os.getuid()}")


def write_base(base: str, folder: Path) -> None:
    """Put an intact folder there, its large files linked to the kept ones."""
    kept = cache() / base
    if not kept.exists():
        cache().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache()) as made:
            new = Path(made) / base
            new.mkdir()
            BASES[base](new)
            if not kept.exists():
                new.rename(kept)
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted(kept.rglob("*")):
        target = folder / source.relative_to(kept)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.stat().st_size > 1_000_000:
            try:
                os.link(source, target)
                continue
            except OSError:
                pass
        shutil.copyfile(source, target)


def trained(model: Any, seed: int = 11, spread: float = 0.15) -> Any:
    """Values as training leaves them: nothing zero or constant, LayerNorms around one; each layer has its say."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_norm = "norm" in name.lower() and name.endswith("weight")
            noise = torch.randn(parameter.shape, generator=generator) * (0.1 if is_norm else spread)
            parameter.copy_(noise + (1.0 if is_norm else 0.0))
    return model.eval()


def byte_level(*, vocab: int = 700, roberta: bool = False, end: bool = True, pad_left: bool = False) -> Any:
    """Byte-level BPE: <s> text </s> as RoBERTa's, or text <|endoftext|> as a decoder's."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if roberta else ["<|endoftext|>", "<|im_end|>"]
    core.train_from_iterator(
        TRAINING,
        trainers.BpeTrainer(
            vocab_size=vocab, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )  # fmt: skip
    if roberta:
        core.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True)
        return PreTrainedTokenizerFast(
            tokenizer_object=core, bos_token="<s>", cls_token="<s>", eos_token="</s>", sep_token="</s>",
            pad_token="<pad>", unk_token="<unk>", mask_token="<mask>", model_max_length=512,
        )  # fmt: skip
    if end:
        core.post_processor = processors.TemplateProcessing(
            single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", 0)]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<|endoftext|>", eos_token="<|endoftext|>", model_max_length=1024,
        padding_side="left" if pad_left else "right",
    )  # fmt: skip


def unigram(*, start: bool = True, length: int = 512, cased: bool = True) -> Any:
    """SentencePiece-like: <s> text </s> as XLM-R's, or text </s> as T5's."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.Unigram())
    core.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), *([] if cased else [normalizers.Lowercase()]), normalizers.Replace("  ", " ")]
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    core.train_from_iterator(
        TRAINING,
        trainers.UnigramTrainer(vocab_size=320, special_tokens=special, unk_token="<unk>", show_progress=False),
    )
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if start else "$A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos_token": "<s>", "cls_token": "<s>", "sep_token": "</s>"} if start else {}
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", eos_token="</s>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=length, **names,
    )  # fmt: skip


def card(folder: Path, modules: list[tuple[str, str]], width: int, length: int, more: str = "") -> None:
    """A model card as sentence-transformers writes one."""
    lines = "\n".join(f"  ({i}): {kind}({settings})" for i, (kind, settings) in enumerate(modules))
    (folder / "README.md").write_text(
        "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\n"
        "tags:\n- sentence-transformers\n- feature-extraction\n---\n\n# SentenceTransformer\n\n"
        f"It maps sentences & paragraphs to a {width}-dimensional dense vector space.\n\n"
        f"- **Maximum Sequence Length:** {length} tokens\n- **Output Dimensionality:** {width} dimensions\n"
        "- **Similarity Function:** Cosine Similarity\n\n"
        f"### Full Model Architecture\n\n```\nSentenceTransformer(\n{lines}\n)\n```\n{more}",
        encoding="utf-8",
    )


def modules(
    folder: Path,
    width: int,
    pooling: str,
    *,
    length: int = 256,
    normalise: bool = True,
    dense: int | None = None,
    prompts: dict[str, str] | None = None,
    transformer: str = "Transformer",
    with_card: bool = True,
    more: str = "",
) -> None:
    """The files by which sentence-transformers knows the model, and its card."""
    kinds = [("", transformer), ("1_Pooling", "Pooling")]
    if dense:
        kinds.append(("2_Dense", "Dense"))
    if normalise:
        kinds.append((f"{len(kinds)}_Normalize", "Normalize"))
    write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(kinds)
        ],
    )
    names = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")
    pool = {"word_embedding_dimension": width} | {f"pooling_mode_{n}": n == pooling for n in names}
    write_json(folder / "1_Pooling/config.json", {**pool, "include_prompt": True})
    if dense:
        write_dense(folder / "2_Dense", width, dense)
    if normalise:
        (folder / kinds[-1][0]).mkdir(exist_ok=True)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": length, "do_lower_case": False})
    versions = {"sentence_transformers": "3.3.1", "transformers": "4.46.3", "pytorch": "2.5.1"}
    write_json(
        folder / "config_sentence_transformers.json",
        {
            "__version__": versions,
            "prompts": prompts or {},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    if with_card:
        said = {
            "Transformer": str({"max_seq_length": length, "do_lower_case": False}),
            "Pooling": str({**pool, "include_prompt": True}),
            "Dense": str(
                {
                    "in_features": width,
                    "out_features": dense,
                    "bias": True,
                    "activation_function": "torch.nn.modules.activation.Tanh",
                }
            ),
        }
        card(folder, [(kind, said.get(kind, "")) for _, kind in kinds], dense or width, length, more)


def write_dense(folder: Path, width: int, out: int, seed: int = 4, activation: str = "Tanh") -> None:
    import torch
    from safetensors.torch import save_file

    folder.mkdir(exist_ok=True)
    place = "linear.Identity" if activation == "Identity" else f"activation.{activation}"
    write_json(
        folder / "config.json",
        {
            "in_features": width,
            "out_features": out,
            "bias": True,
            "activation_function": f"torch.nn.modules.{place}",
        },
    )
    generator = torch.Generator().manual_seed(seed)
    weights = {
        "linear.weight": torch.randn(out, width, generator=generator) * 0.2,
        "linear.bias": torch.randn(out, generator=generator) * 0.1,
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def minilm_vocabulary(folder: Path, *, only_vocab: bool = False) -> None:
    names = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")
    for name in names:
        if not (only_vocab and name == "tokenizer.json"):
            shutil.copyfile(minilm_folder() / name, folder / name)


def _minilm(folder: Path) -> None:
    shutil.copytree(minilm_folder(), folder, dirs_exist_ok=True)
    (folder / "2_Normalize").mkdir(exist_ok=True)


def _minilm_fast(folder: Path) -> None:
    """With a tokenizer class that takes the whole tokenizer.json; BertTokenizer takes the words and makes the rest."""
    _minilm(folder)
    settings = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", {**settings, "tokenizer_class": "PreTrainedTokenizerFast"})


def _bert(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    trained(BertModel(BertConfig(vocab_size=30522, **SIZE), add_pooling_layer=False)).save_pretrained(folder)
    minilm_vocabulary(folder)
    modules(folder, 32, "cls_token")


def _dense(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    trained(BertModel(BertConfig(vocab_size=30522, **SIZE)), seed=12).save_pretrained(folder)
    minilm_vocabulary(folder)
    modules(folder, 32, "mean_tokens", dense=24)


def _xlmr(folder: Path, seed: int = 11) -> None:
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = unigram()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, layer_norm_eps=1e-5, **SIZE,
    )  # fmt: skip
    trained(XLMRobertaModel(config), seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules(folder, 32, "mean_tokens")


def _e5(folder: Path) -> None:
    _xlmr(folder, seed=13)
    more = '\n## Usage\n\nEach input text should start with "query: " or "passage: ".\n'
    modules(folder, 32, "mean_tokens", length=512, prompts={"query": "query: ", "document": "passage: "}, more=more)


def _roberta(folder: Path) -> None:
    from transformers import RobertaConfig, RobertaModel

    tokenizer = byte_level(roberta=True)
    config = RobertaConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0,
        eos_token_id=2, layer_norm_eps=1e-5, **SIZE,
    )  # fmt: skip
    trained(RobertaModel(config), 14).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules(folder, 32, "mean_tokens", normalise=False)


def _mpnet(folder: Path) -> None:
    from transformers import MPNetConfig, MPNetModel

    tokenizer = unigram(cased=False)
    config = MPNetConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, bos_token_id=0, eos_token_id=2, **SIZE
    )
    trained(MPNetModel(config), 15).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules(folder, 32, "mean_tokens", length=384)


def _t5(folder: Path) -> None:
    from transformers import T5Config, T5EncoderModel

    tokenizer = unigram(start=False)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=32, d_kv=8, d_ff=64, num_layers=3, num_heads=4, pad_token_id=1,
        eos_token_id=2,
    )  # fmt: skip
    trained(T5EncoderModel(config), 16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules(folder, 32, "mean_tokens", with_card=False)


def _modernbert(folder: Path) -> None:
    from transformers import ModernBertConfig, ModernBertModel

    tokenizer = unigram(length=1024)
    config = ModernBertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=1024, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        cls_token_id=0, sep_token_id=2, local_attention=128, **{**SIZE, "num_hidden_layers": 4},
    )  # fmt: skip
    trained(ModernBertModel(config), 17).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    modules(folder, 32, "cls_token", length=1024, with_card=False)


def _qwen3(folder: Path) -> None:
    from transformers import Qwen3Config, Qwen3Model

    tokenizer = byte_level(pad_left=True)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=2,
        head_dim=8, intermediate_size=64, max_position_embeddings=1024, pad_token_id=0, eos_token_id=0, bos_token_id=0,
    )  # fmt: skip
    trained(Qwen3Model(config), 18).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    prompts = {"query": "Instruct: Given a question, retrieve passages that answer it\nQuery:", "document": ""}
    modules(folder, 32, "lasttoken", length=512, prompts=prompts, with_card=False)


BASES: dict[str, Callable[[Path], None]] = {
    "minilm": _minilm,
    "minilm-fast": _minilm_fast,
    "bert": _bert,
    "dense": _dense,
    "xlmr": _xlmr,
    "e5": _e5,
    "roberta": _roberta,
    "mpnet": _mpnet,
    "t5": _t5,
    "modernbert": _modernbert,
    "qwen3": _qwen3,
    "nothing": lambda folder: None,
}

"""The set kept back until the rules were frozen and looked at once; rules made since were made with it in sight."""

# ruff: noqa: E501

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import Any

from tests.models import minilm_folder
from tests.preflight.others import shapes
from tests.preflight.others.kit import (
    Book,
    both,
    drop,
    edit_json,
    edit_tensors,
    edit_tokenizer,
    read_json,
    rename_tensors,
    replace_bytes,
    replace_text,
    save_tensors,
    shard,
    tensors_of,
    write_json,
)
from tests.preflight.others.shapes import SIZE, byte_level, minilm_vocabulary, modules, trained, unigram, write_dense

BOOK = Book()
broken, intact = BOOK.broken, BOOK.intact
C, M, S, ST, T, TC, W = (
    "config.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
)
WORDS = "embeddings.word_embeddings.weight"

# --- shapes --------------------------------------------------------------------------------------------------------


def _save(folder: Path, model: Any, tokenizer: Any) -> None:
    model.save_pretrained(folder)
    if tokenizer is None:
        minilm_vocabulary(folder)
        edit_json(TC, {"tokenizer_class": "PreTrainedTokenizerFast"})(folder)
    else:
        tokenizer.save_pretrained(folder)


def _distilbert(folder: Path) -> None:
    from transformers import DistilBertConfig, DistilBertModel

    config = DistilBertConfig(vocab_size=30522, dim=32, n_layers=3, n_heads=4, hidden_dim=64)
    _save(folder, trained(DistilBertModel(config), 31), None)
    modules(folder, 32, "mean_tokens", length=128, normalise=False)


def _albert(folder: Path) -> None:
    from transformers import AlbertConfig, AlbertModel

    tokenizer = unigram(cased=False)
    config = AlbertConfig(
        vocab_size=len(tokenizer),
        embedding_size=16,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    _save(folder, trained(AlbertModel(config), 32), tokenizer)
    modules(folder, 32, "mean_tokens")


def _electra(folder: Path) -> None:
    from transformers import ElectraConfig, ElectraModel

    config = ElectraConfig(vocab_size=30522, embedding_size=16, **SIZE)
    _save(folder, trained(ElectraModel(config), 33), None)
    modules(folder, 32, "cls_token", length=128)


def _deberta(folder: Path) -> None:
    from transformers import DebertaV2Config, DebertaV2Model

    tokenizer = unigram()
    config = DebertaV2Config(
        vocab_size=len(tokenizer),
        relative_attention=True,
        position_buckets=32,
        norm_rel_ebd="layer_norm",
        share_att_key=False,
        pos_att_type=["p2c", "c2p"],
        position_biased_input=False,
        type_vocab_size=0,
        max_position_embeddings=512,
        pad_token_id=1,
        **SIZE,
    )
    _save(folder, trained(DebertaV2Model(config), 34), tokenizer)
    modules(folder, 32, "mean_tokens")


def _llama(folder: Path) -> None:
    from transformers import LlamaConfig, LlamaModel

    tokenizer = byte_level()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=1024,
        pad_token_id=0,
        eos_token_id=0,
        bos_token_id=1,
    )
    _save(folder, trained(LlamaModel(config), 35), tokenizer)
    modules(folder, 32, "lasttoken", length=512)


def _gpt2(folder: Path) -> None:
    from transformers import GPT2Config, GPT2Model

    tokenizer = byte_level(end=False)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=3,
        n_head=4,
        n_positions=512,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    _save(folder, trained(GPT2Model(config), 36), tokenizer)
    modules(folder, 32, "weightedmean_tokens", normalise=False)


def _cased(folder: Path) -> None:
    """A BERT with a cased WordPiece vocabulary made here."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from tests.preflight.others.texts import TRAINING

    core = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    core.train_from_iterator(
        TRAINING, trainers.WordPieceTrainer(vocab_size=500, special_tokens=special, show_progress=False)
    )
    core.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        do_lower_case=False,
        model_max_length=512,
    )
    _save(folder, trained(BertModel(BertConfig(vocab_size=len(tokenizer), **SIZE)), 37), tokenizer)
    modules(folder, 32, "mean_tokens", length=256)


def _labse(folder: Path) -> None:
    """CLS, two heads on end, length one: as LaBSE and stella are."""
    from transformers import XLMRobertaConfig, XLMRobertaModel

    tokenizer = unigram()
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        layer_norm_eps=1e-5,
        **SIZE,
    )
    _save(folder, trained(XLMRobertaModel(config), 38), tokenizer)
    modules(folder, 32, "cls_token", dense=48, with_card=False)
    write_dense(folder / "3_Dense", 48, 16, seed=8, activation="Identity")
    if (folder / "3_Normalize").exists():
        shutil.rmtree(folder / "3_Normalize")
    write_json(
        folder / M,
        [
            _module(k, p, i)
            for i, (k, p) in enumerate(
                [
                    ("Transformer", ""),
                    ("Pooling", "1_Pooling"),
                    ("Dense", "2_Dense"),
                    ("Dense", "3_Dense"),
                    ("Normalize", "4_Normalize"),
                ]
            )
        ],
    )
    (folder / "README.md").write_text(
        "---\nlibrary_name: sentence-transformers\n---\nIt maps text to a 16-dimensional space: CLS token, Dense 32 -> 48 with Tanh, Dense 48 -> 16, Normalize.\nMaximum Sequence Length: 256 tokens\n",
        encoding="utf-8",
    )


def _tasks(folder: Path) -> None:
    """A small MPNet with a prompt for each task, one of them the default, and a card that says so."""
    from transformers import MPNetConfig, MPNetModel

    tokenizer = unigram()
    config = MPNetConfig(
        vocab_size=len(tokenizer), max_position_embeddings=514, pad_token_id=1, bos_token_id=0, eos_token_id=2, **SIZE
    )
    _save(folder, trained(MPNetModel(config), 39), tokenizer)
    prompts = {
        "query": "search_query: ",
        "document": "search_document: ",
        "classification": "classification: ",
        "clustering": "clustering: ",
    }
    more = "\nText prompts *must* include a task instruction prefix: search_query, search_document, classification, clustering.\nWithout a name, `search_document: ` is put first.\n"
    modules(folder, 32, "mean_tokens", length=512, prompts=prompts, more=more)
    edit_json(ST, {"default_prompt_name": "document"})(folder)


def _nested(folder: Path) -> None:
    """The layout of sentence-transformers before 2: everything of the transformer in 0_Transformer."""
    from transformers import RobertaConfig, RobertaModel

    inside = folder / "0_Transformer"
    inside.mkdir()
    tokenizer = byte_level(roberta=True)
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
        layer_norm_eps=1e-5,
        **SIZE,
    )
    _save(inside, trained(RobertaModel(config), 40), tokenizer)
    modules(folder, 32, "mean_tokens", length=128)
    (folder / S).rename(inside / S)
    edit_json(M, lambda v: v[0].update(path="0_Transformer"))(folder)


def _router(folder: Path) -> None:
    """Two ways: word vectors for queries, a transformer for documents."""
    _distilbert(folder)
    inside = folder / "document_0_Transformer"
    inside.mkdir()
    for name in (C, W, T, TC, "vocab.txt", "special_tokens_map.json", S):
        (folder / name).rename(inside / name)
    (folder / "1_Pooling").rename(folder / "document_1_Pooling")
    place = folder / "query_0_StaticEmbedding"
    place.mkdir()
    shutil.copyfile(inside / T, place / T)
    import torch

    save_tensors(place / W, {"embedding.weight": torch.randn(30522, 32, generator=torch.Generator().manual_seed(5))})
    kinds = {
        "query_0_StaticEmbedding": "StaticEmbedding",
        "document_0_Transformer": "Transformer",
        "document_1_Pooling": "Pooling",
    }
    write_json(
        folder / "router_config.json",
        {
            "types": {k: f"sentence_transformers.models.{v}.{v}" for k, v in kinds.items()},
            "structure": {
                "query": ["query_0_StaticEmbedding"],
                "document": ["document_0_Transformer", "document_1_Pooling"],
            },
            "parameters": {"default_route": "document", "allow_empty_key": True},
        },
    )
    write_json(folder / M, [_module("Router", "", 0), _module("Normalize", "1_Normalize", 1)])
    (folder / "1_Normalize").mkdir(exist_ok=True)
    (folder / "README.md").unlink()


def _static(folder: Path) -> None:
    import torch

    tokenizer = unigram().backend_tokenizer
    tokenizer.no_padding()
    tokenizer.save(str(folder / T))
    save_tensors(
        folder / W,
        {"embedding.weight": torch.randn(tokenizer.get_vocab_size(), 24, generator=torch.Generator().manual_seed(6))},
    )
    write_json(folder / M, [_module("StaticEmbedding", "", 0), _module("Normalize", "1_Normalize", 1)])
    write_json(folder / ST, {"prompts": {}, "similarity_fn_name": "cosine"})


def _module(kind: str, path: str, index: int) -> dict[str, Any]:
    return {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}


shapes.BASES.update(
    {
        "distilbert": _distilbert, "albert": _albert, "electra": _electra, "deberta": _deberta, "llama": _llama, "gpt2": _gpt2,
        "cased": _cased, "labse": _labse, "tasks": _tasks, "nested": _nested, "router": _router, "static": _static,
    }
)  # fmt: skip


def _bytes_of(folder: Path, name: str, change: Any, file: str = W) -> None:
    """Change the bytes of one tensor where they lie in the file."""
    raw = bytearray((folder / file).read_bytes())
    size = struct.unpack("<Q", raw[:8])[0]
    begin, end = json.loads(raw[8 : 8 + size])[name]["data_offsets"]
    begin, end = begin + 8 + size, end + 8 + size
    raw[begin:end] = change(bytes(raw[begin:end]))
    replace_bytes(folder / file, bytes(raw))


def _header(folder: Path, change: Any, file: str = W) -> None:
    """Change the header of a safetensors file, its data as they are."""
    raw = (folder / file).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + size])
    change(header)
    new = json.dumps(header).encode()
    new += b" " * (-len(new) % 8)
    replace_bytes(folder / file, struct.pack("<Q", len(new)) + new + raw[8 + size :])


# --- weights -------------------------------------------------------------------------------------------------------


@broken(
    "one head's values gone",
    "minilm",
    "The 32 rows of one attention head's value weight in layer 2 are zeros.",
    "32 rows of zeros",
    "layer.2|zero|value",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["encoder.layer.2.attention.self.value.weight"][64:96] = 0
    t["encoder.layer.2.attention.self.value.bias"][64:96] = 0


@broken(
    "digits and letters without vectors",
    "minilm",
    "The vectors of single letters and digits are zeros.",
    "36 rows of zeros among trained words",
    "word_embeddings|zero|row",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][1014:1050] = 0


@broken(
    "a bias that is constant",
    "distilbert",
    "Layer 1's output norm has 0.5 in every weight.",
    "a constant tensor between trained ones",
    "constant|layer.1|norm|same",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["transformer.layer.1.output_layer_norm.weight"][:] = 0.5
    t["transformer.layer.1.output_layer_norm.bias"][:] = 0.25


@broken(
    "bytes the other way round",
    "minilm",
    "One matrix was written big-endian.",
    "values of 10^30 and not-a-number",
    "finite|nan|huge|large|layer.3|inf|range",
)
def _(folder: Path) -> None:
    import numpy as np

    _bytes_of(folder, "encoder.layer.3.output.dense.weight", lambda b: np.frombuffer(b, "<f4").byteswap().tobytes())


@broken(
    "bfloat16 called float16",
    "llama",
    "The tensors are bfloat16, the file's header says F16.",
    "values of an implausible spread",
    "dtype|float16|f16|bf16|spread|scale|range|large|finite|nan",
)
def _(folder: Path) -> None:
    edit_tensors(lambda t: {n: v.bfloat16() for n, v in t.items()})(folder)
    _header(folder, lambda h: [v.update(dtype="F16") for n, v in h.items() if n != "__metadata__"])


@broken(
    "an offset table of another file",
    "electra",
    "The header gives two norms each other's place in the file: weight and bias.",
    "a norm's weight around zero",
    "norm|layer.0|embeddings",
)
def _(folder: Path) -> None:
    def change(h: Any) -> None:
        a, b = (f"encoder.layer.0.attention.output.LayerNorm.{n}" for n in ("weight", "bias"))
        h[a]["data_offsets"], h[b]["data_offsets"] = h[b]["data_offsets"], h[a]["data_offsets"]

    _header(folder, change)


@broken(
    "saturated at 65504",
    "cased",
    "Forty word vectors hold 65504, the largest float16, where a training step overflowed.",
    "values of 65504",
    "65504|large|huge|word_embeddings|range|outlier",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][100:140, ::5] = 65504.0


@broken(
    "two decimals",
    "minilm",
    "All weights were written with one decimal (a text export).",
    "few different values in large matrices",
    "values|round|level|quanti|distinct|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: (v * 10).round() / 10 if v.is_floating_point() else v for n, v in t.items()}


@broken(
    "all of it drawn anew",
    "minilm",
    "Every tensor is as BertModel(config) draws it: the wrong object was saved.",
    "normal with 0.02, biases 0, norms 1, everywhere",
    "random|initiali|untrained|trained|constant|layernorm",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    fresh = BertModel(BertConfig.from_pretrained(minilm_folder())).state_dict()
    return {n: fresh.get(n, v) for n, v in t.items()}


@broken(
    "the head drawn anew",
    "minilm",
    "Layers 4 and 5 are drawn anew; biases and norms of both as initialised.",
    "constant norms and zero biases in two layers",
    "layer.4|layer.5|random|initiali|constant|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    import torch

    generator = torch.Generator().manual_seed(3)
    for name, v in t.items():
        if name.startswith(("encoder.layer.4.", "encoder.layer.5.")):
            if "LayerNorm.weight" in name:
                v[:] = 1
            elif name.endswith("bias"):
                v[:] = 0
            else:
                v.copy_(torch.randn(v.shape, generator=generator) * 0.02)


@broken(
    "norms near nothing",
    "deberta",
    "Layer 1's output norm has weights of 1e-8.",
    "a norm a hundred million times smaller than its siblings",
    "norm|layer.1|small|scale|spread|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["encoder.layer.1.output.LayerNorm.weight"] *= 1e-8


@broken(
    "NaN where nobody looks",
    "minilm",
    "The pooler, which no vector needs, holds NaN.",
    "NaN in the file",
    "nan|pooler|finite",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["pooler.dense.weight"][3, 3] = float("nan")


@broken(
    "NaN in a word nobody uses",
    "minilm",
    "The vector of [unused5] is NaN.",
    "NaN in the file",
    "nan|word_embeddings|finite",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][6] = float("nan")


@broken(
    "NaN in rare words only",
    "minilm",
    "The vectors of the Cyrillic letters are NaN: English texts are right.",
    "NaN in the file",
    "nan|word_embeddings|finite",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    words = read_json(minilm_folder() / T)["model"]["vocab"]
    for word, index in words.items():
        if any("а" <= c <= "я" for c in word):
            t[WORDS][index] = float("nan")


@broken(
    "the projection of the embeddings is not there",
    "electra",
    "embeddings_project is not in the file.",
    "two tensors missing",
    "embeddings_project|missing|not in",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if "embeddings_project" not in n}


@broken(
    "ALBERT's mapping is not there",
    "albert",
    "encoder.embedding_hidden_mapping_in is not in the file.",
    "two tensors missing",
    "embedding_hidden_mapping|missing|not in",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if "embedding_hidden_mapping_in" not in n}


@broken(
    "relative positions are not there",
    "deberta",
    "rel_embeddings and its norm are not in the file.",
    "three tensors missing",
    "rel_embeddings|missing|not in",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if not n.startswith(("encoder.rel_embeddings", "encoder.LayerNorm"))}


@broken(
    "no table of words",
    "llama",
    "embed_tokens was dropped as tied to a head that the file has not either.",
    "one tensor missing",
    "embed_tokens|missing|not in",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if "embed_tokens" not in n}


broken(
    "names under backbone",
    "llama",
    "Each name starts with 'backbone.', as a retrieval trainer's wrapper saves it.",
    "names unknown to the model",
    "backbone|missing|not in|weights",
    rename_tensors(lambda n: f"backbone.{n}"),
)
broken(
    "names of another library",
    "distilbert",
    "The names are those of a BERT: encoder.layer.N.attention.self.query ...",
    "names unknown to the model",
    "missing|not in|weights|names",
    rename_tensors(
        lambda n: n.replace("transformer.layer", "encoder.layer").replace("attention.q_lin", "attention.self.query")
    ),
)
broken(
    "a dot too few",
    "cased",
    "Layer 1's tensors are called encoder.layer1.*",
    "names unknown to the model",
    "layer.1|layer1|missing|not in",
    rename_tensors(lambda n: n.replace("layer.1.", "layer1.")),
)


@broken(
    "one shard under two names",
    "deberta",
    "The second shard is a copy of the first: the wrong file was put there.",
    "two equal files, tensors of the index absent",
    "shard|00002|missing|index|not in",
)
def _(folder: Path) -> None:
    shard(folder)
    shutil.copyfile(folder / "model-00001-of-00003.safetensors", folder / "tmp")
    (folder / "tmp").replace(folder / "model-00002-of-00003.safetensors")


@broken(
    "an index of another model",
    "albert",
    "The index names tensors by a prefix the shards do not have.",
    "names of the index absent from the shards",
    "index|shard|missing|not in|name",
)
def _(folder: Path) -> None:
    shard(folder, 2)
    edit_json(
        "model.safetensors.index.json",
        lambda v: v.update(weight_map={f"albert.{n}": f for n, f in v["weight_map"].items()}),
    )(folder)


@broken(
    "an index left behind",
    "minilm",
    "model.safetensors.index.json of a sharded save lies beside a model.safetensors of another training.",
    "an index whose shards are absent",
    "index|shard",
)
def _(folder: Path) -> None:
    whole = (folder / W).read_bytes()
    shard(folder, 2)
    for path in folder.glob("model-0*"):
        path.unlink()
    replace_bytes(folder / W, whole)


@broken(
    "a table of one dimension more",
    "cased",
    "The word table has the shape [1, words, 32].",
    "shape of the file",
    "shape|word_embeddings|dimension|size",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS] = t[WORDS][None]


@broken(
    "weights of the smaller sibling",
    "labse",
    "The weights have two layers, config.json three, and the third's norms only are there.",
    "tensors missing",
    "layer.2|missing|not in",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if "layer.2." not in n or "LayerNorm" in n}


@broken(
    "a .bin cut",
    "nested",
    "pytorch_model.bin, the only weights, ends after 70 %.",
    "no zip",
    "pytorch_model|zip|cut|truncated|read|corrupt|damaged",
)
def _(folder: Path) -> None:
    import torch

    inside = folder / "0_Transformer"
    torch.save(tensors_of(inside / W), inside / "pytorch_model.bin")
    whole = (inside / "pytorch_model.bin").read_bytes()
    replace_bytes(inside / "pytorch_model.bin", whole[: int(len(whole) * 0.7)])
    (inside / W).unlink()


@broken(
    "weights of TensorFlow alone",
    "cased",
    "tf_model.h5 and flax_model.msgpack, nothing for torch.",
    "no weights that torch reads",
    "tf_model|weights|flax|h5",
)
def _(folder: Path) -> None:
    replace_bytes(folder / "tf_model.h5", b"\x89HDF\r\n\x1a\n" + b"\0" * 2048)
    replace_bytes(folder / "flax_model.msgpack", b"\x81\xa4bert\x80")
    (folder / W).unlink()


@broken(
    "weights in an archive",
    "distilbert",
    "model.safetensors is a zip that holds model.safetensors.",
    "zip, not safetensors",
    "safetensors|zip|header",
)
def _(folder: Path) -> None:
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(W, (folder / W).read_bytes()[:10000])
    replace_bytes(folder / W, out.getvalue())


@broken(
    "a link to nowhere",
    "minilm",
    "model.safetensors is a link to a blob that was cleaned out of the cache.",
    "a dangling link",
    "link|safetensors|weights|missing",
)
def _(folder: Path) -> None:
    (folder / W).unlink()
    (folder / W).symlink_to("../../blobs/53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")


@broken(
    "mixed revisions of two files",
    "minilm",
    "The word table in a first shard is of a model whose vocabulary is in another order.",
    "none",
    "word_embeddings|vocab",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][1996:] = t[WORDS][1996:].flip(0)


@broken(
    "two feed-forwards exchanged",
    "minilm",
    "Layers 2 and 3 have each other's feed-forward output.",
    "none",
    "layer.2|layer.3",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    a, b = (f"encoder.layer.{i}.output.dense.weight" for i in (2, 3))
    t[a], t[b] = t[b], t[a]


# --- config.json ---------------------------------------------------------------------------------------------------


def _again(key: str, value: str) -> Any:
    """The key a second time, at the end, where a JSON reader takes it from."""

    def apply(folder: Path) -> None:
        text = (folder / C).read_text().rstrip().removesuffix("}").rstrip()
        replace_text(folder / C, f'{text},\n "{key}": {value}\n}}\n')

    return apply


broken(
    "a key twice",
    "minilm",
    "config.json has num_hidden_layers twice, 6 and then 4.",
    "a key twice, and unused tensors",
    "num_hidden_layers|layer.4|twice|layers|not used|unexpected",
    _again("num_hidden_layers", "4"),
)
broken(
    "a norm's eps is not a number",
    "electra",
    "layer_norm_eps is NaN.",
    "NaN in JSON",
    "layer_norm_eps|nan|eps",
    _again("layer_norm_eps", "NaN"),
)
broken(
    "a sign lost",
    "electra",
    "layer_norm_eps is 1e12 for 1e-12.",
    "a value no model has",
    "layer_norm_eps|eps",
    edit_json(C, {"layer_norm_eps": 1e12}),
)
broken(
    "a number in quotes",
    "llama",
    "rms_norm_eps is the string '1e-6'.",
    "not a number",
    "rms_norm_eps|eps|string|number|type",
    edit_json(C, {"rms_norm_eps": "1e-6"}),
)
broken(
    "a size in quotes",
    "cased",
    "hidden_size is the string '32'.",
    "not a number",
    "hidden_size|string|number|type",
    edit_json(C, {"hidden_size": "32"}),
)
broken(
    "an empty config",
    "distilbert",
    "config.json is {}.",
    "no keys",
    "config.json|model_type|empty",
    lambda f: write_json(f / C, {}),
)
broken(
    "rope without an angle",
    "llama",
    "rope_theta is 0.",
    "a value no model has",
    "rope",
    edit_json(C, {"rope_theta": 0.0, "rope_parameters": {"rope_type": "default", "rope_theta": 0.0}}),
)
broken(
    "rope stretched beyond reason",
    "llama",
    "Linear rope scaling by 1024.",
    "factor times length against max_position_embeddings",
    "rope|scaling|factor",
    edit_json(C, {"rope_parameters": {"rope_type": "linear", "factor": 1024.0, "rope_theta": 10000.0}}),
)
broken(
    "rope of an unknown type",
    "llama",
    "rope_type is 'yarnn'.",
    "an unknown word",
    "rope|yarnn",
    edit_json(C, {"rope_parameters": {"rope_type": "yarnn", "factor": 2.0, "rope_theta": 10000.0}}),
)
broken(
    "relative attention off",
    "deberta",
    "relative_attention is false: the tensors for it are not used.",
    "unused tensors",
    "relative_attention|rel_embeddings|not used|unexpected|pos_",
    edit_json(C, {"relative_attention": False}),
)
broken(
    "one half of the positions",
    "deberta",
    "pos_att_type is ['c2p'] for both: pos_query_proj is not used.",
    "unused tensors",
    "pos_att_type|pos_query|not used|unexpected",
    edit_json(C, {"pos_att_type": ["c2p"]}),
)
broken(
    "positions in other buckets",
    "deberta",
    "position_buckets is 16 for 32.",
    "shape of the file",
    "position_buckets|rel_embeddings|shape",
    edit_json(C, {"position_buckets": 16}),
)
broken(
    "more layers than ALBERT shares",
    "albert",
    "num_hidden_layers is 30 for 3: layers are shared, so nothing is missing.",
    "none",
    "num_hidden_layers|layers",
    edit_json(C, {"num_hidden_layers": 30}),
)
broken(
    "attention unscaled",
    "gpt2",
    "scale_attn_weights is false.",
    "a switch that no published embedding model sets",
    "scale_attn",
    edit_json(C, {"scale_attn_weights": False}),
)
broken(
    "half precision beyond its range",
    "cased",
    "config.json says float16; a norm holds 100000, so that it becomes infinite.",
    "a weight beyond 65504",
    "float16|65504|range|large|dtype|overflow|finite|infinity",
    both(
        edit_tensors(lambda t: t["embeddings.LayerNorm.weight"].__setitem__(3, 1e5)),
        edit_json(C, {"dtype": "float16", "torch_dtype": "float16"}),
    ),
)
broken(
    "another family's name",
    "distilbert",
    "model_type is 'bert': no tensor of the layers is found.",
    "architectures says DistilBertModel",
    "model_type|architecture|missing|not in",
    edit_json(
        C,
        {
            "model_type": "bert",
            "hidden_size": 32,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "intermediate_size": 64,
        },
    ),
)
broken(
    "mistral for llama, a window",
    "llama",
    "model_type is 'mistral' with sliding_window 8; architectures says LlamaModel.",
    "two keys disagree",
    "model_type|architecture|sliding|mistral",
    edit_json(C, {"model_type": "mistral", "sliding_window": 8}),
)
broken(
    "heads that share too much",
    "llama",
    "num_attention_heads is 8 for 4, head_dim 4 for 8, key heads 4 for 2: every shape fits.",
    "none",
    "heads|head_dim",
    edit_json(C, {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 4}),
)
broken(
    "dropout of the activation's name",
    "distilbert",
    "activation is 'swishh'.",
    "no such function",
    "activation|swishh",
    edit_json(C, {"activation": "swishh"}),
)
broken(
    "an fp8 model no one can read",
    "llama",
    "quantization_config is fp8 with block scales; the file has no scales.",
    "no scales in the file",
    "quantization|fp8|scale",
    edit_json(
        C,
        {
            "quantization_config": {
                "quant_method": "fp8",
                "weight_block_size": [128, 128],
                "activation_scheme": "dynamic",
            }
        },
    ),
)
broken(
    "padding beyond the table",
    "cased",
    "pad_token_id is 30521 in a model of 500 words.",
    "an id beyond vocab_size",
    "pad_token_id|pad|vocab",
    edit_json(C, {"pad_token_id": 30521}),
)

# --- modules -------------------------------------------------------------------------------------------------------

broken(
    "modules as an object",
    "distilbert",
    "modules.json is an object by index, not a list.",
    "not a list",
    "modules.json",
    edit_json(M, lambda v: {str(i): m for i, m in enumerate(v)}),
)
broken(
    "word embeddings for a transformer",
    "cased",
    "The first module is models.WordEmbeddings.",
    "no file of that kind there",
    "wordembeddings|modules.json|word",
    edit_json(M, lambda v: v[0].update(type="sentence_transformers.models.WordEmbeddings")),
)
broken(
    "a module without a path",
    "distilbert",
    "Pooling's entry has no path.",
    "a key is absent",
    "path|modules.json|pooling",
    edit_json(M, lambda v: [v[0], {k: x for k, x in v[1].items() if k != "path"}]),
)
broken(
    "a head that takes tokens",
    "labse",
    "3_Dense says module_input_name token_embeddings.",
    "a head after pooling that reads tokens",
    "module_input_name|token_embeddings|dense|48|32",
    edit_json("3_Dense/config.json", {"module_input_name": "token_embeddings"}),
)
broken(
    "heads exchanged",
    "labse",
    "3_Dense comes before 2_Dense.",
    "48 into 32",
    "dense|order|48|32|16|features",
    edit_json(M, lambda v: [v[0], v[1], v[3], v[2], v[4]]),
)
broken(
    "the last head left out",
    "labse",
    "modules.json ends with 2_Dense and Normalize; the card lists both heads.",
    "card and folder",
    "dense",
    edit_json(M, lambda v: [v[0], v[1], v[2], v[4]]),
)
broken(
    "a head of another training",
    "labse",
    "2_Dense's weight is transposed and cut to fit.",
    "none",
    "dense",
    edit_tensors(lambda t: t.update({"linear.weight": t["linear.weight"].flip(0)}), f"2_Dense/{W}"),
)
broken(
    "infinity in the head",
    "labse",
    "3_Dense's bias holds an infinity.",
    "infinity in the file",
    "inf|finite|dense",
    edit_tensors(lambda t: t["linear.bias"].__setitem__(2, float("inf")), f"3_Dense/{W}"),
)
broken(
    "the head's file by another name",
    "labse",
    "2_Dense has dense.safetensors.",
    "no weights by a name that is read",
    "dense",
    lambda f: (f / f"2_Dense/{W}").rename(f / "2_Dense/dense.safetensors"),
)
broken(
    "the pooling of another model",
    "cased",
    "1_Pooling is bge-large's: CLS, 1024 dimensions; the card says mean.",
    "card, 1024 for 32",
    "pooling|1024|cls|dimension",
    lambda f: write_json(
        f / "1_Pooling/config.json",
        {
            "word_embedding_dimension": 1024,
            "pooling_mode_cls_token": True,
            "pooling_mode_mean_tokens": False,
            "pooling_mode_max_tokens": False,
            "pooling_mode_mean_sqrt_len_tokens": False,
        },
    ),
)
broken(
    "pooling said twice",
    "distilbert",
    "1_Pooling has pooling_mode 'max' beside pooling_mode_mean_tokens true; the first is taken.",
    "two keys disagree; card",
    "pooling",
    edit_json("1_Pooling/config.json", {"pooling_mode": "max"}),
)
broken(
    "plain mean for a weighted one",
    "gpt2",
    "1_Pooling says mean in a causal model; the card says weightedmean.",
    "card",
    "pooling|weighted|mean",
    edit_json("1_Pooling/config.json", {"pooling_mode_weightedmean_tokens": False, "pooling_mode_mean_tokens": True}),
)
broken(
    "square root of the length",
    "distilbert",
    "1_Pooling says mean_sqrt_len and nothing normalises; the card says mean.",
    "card",
    "pooling|sqrt",
    edit_json("1_Pooling/config.json", {"pooling_mode_mean_sqrt_len_tokens": True, "pooling_mode_mean_tokens": False}),
)
broken(
    "the router's ways exchanged",
    "router",
    "router_config.json leads queries to the transformer and documents to the word vectors.",
    "names of the folders",
    "rout|query|document",
    edit_json(
        "router_config.json",
        lambda v: v["structure"].update(
            query=["document_0_Transformer", "document_1_Pooling"], document=["query_0_StaticEmbedding"]
        ),
    ),
)
broken(
    "a way without its folder",
    "router",
    "document_1_Pooling is not there.",
    "a named folder is absent",
    "document_1_pooling|rout|pooling",
    drop("document_1_Pooling"),
)
broken(
    "a way without pooling",
    "router",
    "The documents' way ends with the transformer.",
    "no pooling in one way",
    "rout|pooling|document",
    edit_json(
        "router_config.json",
        lambda v: {
            **v,
            "structure": {**v["structure"], "document": ["document_0_Transformer"]},
            "types": {k: t for k, t in v["types"].items() if "Pooling" not in k},
        },
    ),
)
broken(
    "ways of two widths",
    "router",
    "The queries' word vectors have 24 dimensions, the documents 32.",
    "two widths",
    "rout|24|32|width|dimension",
    edit_tensors(lambda t: {n: v[:, :24] for n, v in t.items()}, f"query_0_StaticEmbedding/{W}"),
)
broken(
    "no router's file",
    "router",
    "router_config.json is absent.",
    "a file is absent",
    "rout",
    drop("router_config.json"),
)
broken(
    "word vectors too few",
    "static",
    "The table has 100 rows, the tokenizer some 300 words.",
    "two numbers",
    "rows|vocab|token|embedding",
    edit_tensors(lambda t: {n: v[:100] for n, v in t.items()}),
)
broken(
    "word vectors by another name",
    "static",
    "The table is called weight.",
    "no tensor by a name that is read",
    "embedding|missing|name|weight|tensor",
    rename_tensors(lambda n: "weight"),
)
broken(
    "word vectors not finite",
    "static",
    "Three rows of the table are NaN.",
    "NaN in the file",
    "nan|finite",
    edit_tensors(lambda t: t["embedding.weight"].__setitem__(slice(10, 60), float("nan"))),
)
broken(
    "a tokenizer that frames word vectors",
    "static",
    "The tokenizer of the word vectors drops every word of it but the specials (vocabulary of <unk>).",
    "one piece for everything",
    "vocab|unk|token",
    edit_tokenizer(lambda v: v["model"].update(vocab=v["model"]["vocab"][:5])),
)

# --- lengths, prompts, options -------------------------------------------------------------------------------------

broken(
    "lengths of the old layout",
    "nested",
    "sentence_bert_config.json lies at the top, not in 0_Transformer: 512 tokens, card 128.",
    "a file where it is not read; card",
    "sentence_bert_config|max_seq_length|length",
    lambda f: (f / "0_Transformer" / S).rename(f / S),
)
broken(
    "negative length",
    "distilbert",
    "max_seq_length is -1.",
    "not a length",
    "max_seq_length|length",
    edit_json(S, {"max_seq_length": -1}),
)
broken(
    "length of another model",
    "nested",
    "max_seq_length is 8192 with 512 positions: a long text fails.",
    "two numbers",
    "max_seq_length|8192|position",
    edit_json(f"0_Transformer/{S}", {"max_seq_length": 8192}),
)
broken(
    "prompts in capitals",
    "tasks",
    "The prompts are called Query and Document: encode_query does not find them.",
    "names of the prompts",
    "prompt",
    edit_json(
        ST,
        lambda v: v.update(
            prompts={k.capitalize(): p for k, p in v["prompts"].items()}, default_prompt_name="Document"
        ),
    ),
)
broken(
    "prompts as a list",
    "tasks",
    "The prompts are a list of texts.",
    "not an object",
    "prompt",
    edit_json(ST, lambda v: v.update(prompts=list(v["prompts"].values()))),
)
broken(
    "the default exchanged",
    "tasks",
    "default_prompt_name is 'query'; the card says search_document.",
    "card",
    "prompt|default",
    edit_json(ST, {"default_prompt_name": "query"}),
)
broken(
    "a prompt with its quotes",
    "tasks",
    "The queries' prompt is '\"search_query: \"', quotes and all.",
    "quotes in a prompt; card",
    "prompt",
    edit_json(ST, lambda v: v["prompts"].update(query='"search_query: "')),
)
broken(
    "a prompt never filled in",
    "tasks",
    "The queries' prompt is 'Instruct: {task}\\nQuery: '.",
    "a placeholder in a prompt",
    "prompt|placeholder|{",
    edit_json(ST, lambda v: v["prompts"].update(query="Instruct: {task}\nQuery: ")),
)
broken(
    "one dimension cut",
    "minilm",
    "truncate_dim is -1: the last dimension is lost.",
    "not a number of dimensions",
    "truncate_dim|dimension",
    edit_json(ST, {"truncate_dim": -1}),
)
broken(
    "a library of the future",
    "distilbert",
    "config_sentence_transformers.json requires transformers>=99.",
    "no such version here",
    "requirement|transformers|version|99",
    edit_json(ST, {"requirements": {"transformers": ">=99.0"}}),
)
broken(
    "flash attention by the back door",
    "llama",
    "sentence_bert_config.json asks for attn_implementation flash_attention_2, which is not here.",
    "a package that is absent",
    "attn|flash|model_args|model_kwargs",
    edit_json(S, {"model_args": {"attn_implementation": "flash_attention_2"}}),
)
broken(
    "truncated on the left by the back door",
    "distilbert",
    "sentence_bert_config.json has tokenizer_args truncation_side left.",
    "overrides the tokenizer",
    "truncation|tokenizer_args|sentence_bert_config",
    edit_json(S, {"tokenizer_args": {"truncation_side": "left"}}),
)
broken(
    "another activation by the back door",
    "cased",
    "sentence_bert_config.json has config_kwargs hidden_act relu; config.json says gelu.",
    "overrides config.json",
    "hidden_act|config_kwargs|sentence_bert_config",
    edit_json(S, {"config_kwargs": {"hidden_act": "relu"}}),
)
broken(
    "queries of four tokens",
    "distilbert",
    "sentence_bert_config.json has query_length 4.",
    "a length shorter than any query",
    "query_length|4|length",
    edit_json(S, {"query_length": 4}),
)

# --- tokenizers ----------------------------------------------------------------------------------------------------


def _second_segment(v: Any) -> None:
    for part in v["post_processor"]["single"]:
        next(iter(part.values()))["type_id"] = 1


broken(
    "segments of a second text, unread",
    "cased",
    "The template gives a single text the segment 1; the class does not hand segments on.",
    "type ids of the template",
    "type|segment|template|post",
    edit_tokenizer(_second_segment),
)
broken(
    "segments of a second text",
    "cased",
    "The template gives a single text the segment 1, and model_input_names has token_type_ids.",
    "type ids of the template",
    "type|segment|template|post",
    both(
        edit_tokenizer(_second_segment),
        edit_json(TC, {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}),
    ),
)

broken(
    "no capital in a cased vocabulary",
    "cased",
    "The normaliser lower-cases in front of a vocabulary with capitals; tokenizer_config.json says do_lower_case false.",
    "two files",
    "lower|case|normali",
    edit_tokenizer(lambda v: v["normalizer"].update(lowercase=True)),
)
broken(
    "capitals for ALBERT",
    "albert",
    "The normaliser no longer lower-cases; the vocabulary has no capitals.",
    "UNK at each capital",
    "lower|case|normali|unk",
    edit_tokenizer(
        lambda v: v["normalizer"].update(
            normalizers=[n for n in v["normalizer"]["normalizers"] if n["type"] != "Lowercase"]
        )
    ),
)
broken(
    "Chinese in one piece",
    "minilm-fast",
    "The normaliser does not set Chinese characters apart; tokenizer_config.json says it does.",
    "two files",
    "chinese|normali",
    edit_tokenizer(lambda v: v["normalizer"].update(handle_chinese_chars=False)),
)
broken(
    "no pieces of words",
    "cased",
    "All pieces with ## are called xx...: only whole words are left.",
    "no ## in the vocabulary",
    "##|vocab|unk|piece|prefix",
    edit_tokenizer(
        lambda v: v["model"].update(vocab={w.replace("##", "xx"): i for w, i in v["model"]["vocab"].items()})
    ),
)
broken(
    "the unknown word is unknown",
    "distilbert",
    "unk_token is '[unk]', which is not in the vocabulary.",
    "a special token without id",
    "unk",
    edit_tokenizer(lambda v: v["model"].update(unk_token="[unk]")),
)
broken(
    "unknown is the start",
    "labse",
    "The Unigram's unk_id is 0, which is <s>.",
    "unk_id is not <unk>",
    "unk",
    edit_tokenizer(lambda v: v["model"].update(unk_id=0)),
)
broken(
    "the end of the pieces is gone",
    "labse",
    "The last 120 pieces are not in tokenizer.json; the table has vectors for them.",
    "vocab_size against the tokenizer",
    "vocab|piece|token|rows",
    edit_tokenizer(lambda v: v["model"].update(vocab=v["model"]["vocab"][:-120])),
)


@broken(
    "the start twice",
    "labse",
    "The template begins with <s> <s>.",
    "a special token twice",
    "<s>|template|twice|special|post|bos",
)
@edit_tokenizer
def _(v: Any) -> None:
    v["post_processor"]["single"].insert(0, v["post_processor"]["single"][0])


broken(
    "the end for pairs only",
    "llama",
    "The template of single texts has no <|endoftext|>; pooling takes the last token.",
    "eos_token not added",
    "end|eos|last|template",
    edit_tokenizer(lambda v: v["post_processor"].update(single=[{"Sequence": {"id": "A", "type_id": 0}}])),
)
broken(
    "no token for padding",
    "llama",
    "No pad_token anywhere: a batch of two lengths fails.",
    "no pad_token",
    "pad",
    both(edit_json(TC, {"pad_token": ...}), edit_json("special_tokens_map.json", {"pad_token": ...})),
)
broken(
    "Llama's class for a byte-level tokenizer",
    "llama",
    "tokenizer_class is LlamaTokenizer beside a ByteLevel tokenizer.json.",
    "class and model of the tokenizer",
    "tokenizer_class|llamatokenizer|tokenizer",
    edit_json(TC, {"tokenizer_class": "LlamaTokenizer"}),
)
broken(
    "accents decomposed",
    "gpt2",
    "The normaliser is NFD in front of a byte-level vocabulary trained on composed letters.",
    "none",
    "normali|nfd",
    edit_tokenizer(lambda v: v.update(normalizer={"type": "NFD"})),
)
broken(
    "white space stripped",
    "gpt2",
    "The normaliser is Strip: indentation and end of line are lost in a model that has them.",
    "none",
    "normali|strip",
    edit_tokenizer(lambda v: v.update(normalizer={"type": "Strip", "strip_left": True, "strip_right": True})),
)
broken(
    "letters dropped",
    "gpt2",
    "The normaliser replaces 'th' by nothing.",
    "a replacement by nothing",
    "normali|replace",
    edit_tokenizer(lambda v: v.update(normalizer={"type": "Replace", "pattern": {"String": "th"}, "content": ""})),
)
broken(
    "accents stripped for a model that has them",
    "labse",
    "The normaliser has NFD and StripAccents; the pieces have accents.",
    "pieces with accents",
    "normali|accent",
    edit_tokenizer(
        lambda v: v.update(normalizer={"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]})
    ),
)
broken(
    "merges of another tokenizer",
    "nested",
    "The merges are those of a tokenizer trained on numbers: words stay letters.",
    "pieces that no merge makes",
    "merge|vocab|piece",
    edit_json(
        f"0_Transformer/{T}",
        lambda v: v["model"].update(merges=[m for m in v["model"]["merges"] if any(c.isdigit() for c in "".join(m))]),
    ),
)
broken(
    "ids shifted by two",
    "gpt2",
    "Each id of the vocabulary but the specials is two more: a tokenizer with two specials more.",
    "ids beyond the table",
    "vocab|rows|beyond|id|token",
    edit_tokenizer(
        lambda v: v["model"].update(vocab={w: i if i < 2 else i + 2 for w, i in v["model"]["vocab"].items()})
    ),
)
broken(
    "an unknown tokenizer model",
    "albert",
    "tokenizer.json's model is of the type 'Unigram2'.",
    "an unknown word",
    "tokenizer|unigram2",
    edit_tokenizer(lambda v: v["model"].update(type="Unigram2")),
)
broken(
    "a piece is special",
    "labse",
    "The piece '▁the' is an added special token without its space mark.",
    "a special token that is a word",
    "added|special|token",
    edit_tokenizer(
        lambda v: v["added_tokens"].append(
            {
                "id": 50,
                "content": "the",
                "single_word": False,
                "lstrip": True,
                "rstrip": True,
                "normalized": False,
                "special": True,
            }
        )
    ),
)


@broken(
    "vocab.txt with a line less",
    "minilm",
    "vocab.txt, the only vocabulary, lost its line 1000: every later id is one less.",
    "30521 lines for 30522 rows",
    "vocab",
)
def _(folder: Path) -> None:
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    replace_text(folder / "vocab.txt", "\n".join(lines[:999] + lines[1000:]))
    (folder / T).unlink()


@broken(
    "vocab.txt with a mark of bytes",
    "minilm",
    "vocab.txt, the only vocabulary, starts with a byte order mark, so that [PAD] is unknown.",
    "a mark before [PAD]",
    "vocab|bom|pad|byte order",
)
def _(folder: Path) -> None:
    replace_bytes(folder / "vocab.txt", b"\xef\xbb\xbf" + (folder / "vocab.txt").read_bytes())
    (folder / T).unlink()


@broken(
    "vocab.txt sorted",
    "minilm",
    "vocab.txt, the only vocabulary, was sorted.",
    "[PAD] not at 0, pad_token_id 0",
    "vocab|pad|cls|id",
)
def _(folder: Path) -> None:
    replace_text(
        folder / "vocab.txt", "\n".join(sorted((folder / "vocab.txt").read_text(encoding="utf-8").split())) + "\n"
    )
    (folder / T).unlink()


broken(
    "the special tokens renamed",
    "distilbert",
    "cls_token is '<s>' and sep_token '</s>' in tokenizer_config.json and the template.",
    "special tokens without a vector",
    "<s>|cls|special|vocab|template|token",
    both(
        edit_json(TC, {"cls_token": "<s>", "sep_token": "</s>"}),
        edit_tokenizer(
            lambda v: v.update(
                post_processor={
                    "type": "TemplateProcessing",
                    "single": [
                        {"SpecialToken": {"id": "<s>", "type_id": 0}},
                        {"Sequence": {"id": "A", "type_id": 0}},
                        {"SpecialToken": {"id": "</s>", "type_id": 0}},
                    ],
                    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                    "special_tokens": {
                        "<s>": {"id": "<s>", "ids": [100], "tokens": ["<s>"]},
                        "</s>": {"id": "</s>", "ids": [100], "tokens": ["</s>"]},
                    },
                }
            )
        ),
    ),
)


# === intact, and unusual ============================================================================================

for _base, _name in {
    "distilbert": "DistilBERT",
    "albert": "ALBERT, layers shared",
    "electra": "Electra, narrow table",
    "deberta": "DeBERTa, relative positions",
    "llama": "Llama padded on the right",
    "gpt2": "SGPT, weighted mean",
    "cased": "a cased WordPiece of 500 words",
    "labse": "two heads on end",
    "tasks": "a prompt by default, and the card says so",
    "nested": "0_Transformer",
    "router": "two ways",
    "static": "word vectors at the top",
}.items():
    intact(_name, _base, "Nothing was done to it.", lambda f: None)


@intact(
    "a thousand unused words", "minilm", "The vectors of [unused*] and of [PAD] are zeros: they were never trained."
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][0:100] = 0
    t[WORDS][104:999] = 0


@intact("the head's weights as .bin", "labse", "2_Dense and 3_Dense have pytorch_model.bin.")
def _(folder: Path) -> None:
    import torch

    for name in ("2_Dense", "3_Dense"):
        torch.save(tensors_of(folder / name / W), folder / name / "pytorch_model.bin")
        (folder / name / W).unlink()


@intact(
    "heads for other widths",
    "labse",
    "2_Dense_256 and 2_Dense_8192 lie beside the head that is listed, as stella's do.",
)
def _(folder: Path) -> None:
    for width in (256, 1024):
        write_dense(folder / f"2_Dense_{width}", 32, width, seed=width)


intact(
    "normalised twice",
    "cased",
    "Normalize stands twice in modules.json.",
    edit_json(M, lambda v: [*v, _module("Normalize", "3_Normalize", 3)]),
)


@intact("a .bin in parts", "deberta", "pytorch_model-0000N-of-00002.bin and their index.")
def _(folder: Path) -> None:
    import torch

    tensors = tensors_of(folder / W)
    names = sorted(tensors)
    place: dict[str, str] = {}
    for i, mine in enumerate((names[: len(names) // 2], names[len(names) // 2 :])):
        file = f"pytorch_model-{i + 1:05d}-of-00002.bin"
        torch.save({n: tensors[n] for n in mine}, folder / file)
        place |= dict.fromkeys(mine, file)
    write_json(folder / "pytorch_model.bin.index.json", {"metadata": {"total_size": 1}, "weight_map": place})
    (folder / W).unlink()


@intact(
    "a reranker's weights for vectors",
    "labse",
    "Names start with roberta., a classifier's tensors are there too; architectures says XLMRobertaForSequenceClassification.",
)
def _(folder: Path) -> None:
    import torch

    head = {
        "classifier.dense.weight": torch.randn(32, 32),
        "classifier.dense.bias": torch.randn(32),
        "classifier.out_proj.weight": torch.randn(1, 32),
        "classifier.out_proj.bias": torch.randn(1),
    }
    edit_tensors(lambda t: {f"roberta.{n}": v for n, v in t.items()} | head)(folder)
    edit_json(
        C,
        {
            "architectures": ["XLMRobertaForSequenceClassification"],
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
        },
    )(folder)


@intact(
    "written on Windows", "minilm", "JSON files with CRLF, a README with a byte order mark, Thumbs.db, desktop.ini."
)
def _(folder: Path) -> None:
    for name in (C, M, S, ST, TC, "1_Pooling/config.json"):
        replace_bytes(folder / name, (folder / name).read_bytes().replace(b"\n", b"\r\n"))
    replace_bytes(folder / "README.md", b"\xef\xbb\xbf" + (folder / "README.md").read_bytes().replace(b"\n", b"\r\n"))
    replace_bytes(folder / "Thumbs.db", b"\xd0\xcf\x11\xe0")
    replace_text(folder / "desktop.ini", "[.ShellClassInfo]\r\n")


@intact("not to be written to", "distilbert", "Files and folder are read-only.")
def _(folder: Path) -> None:
    for path in [*folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


@intact(
    "BGE-M3's heads",
    "labse",
    "sparse_linear.pt, colbert_linear.pt and the card of BGE-M3; the vectors need none of them.",
)
def _(folder: Path) -> None:
    import torch

    drop("2_Dense", "3_Dense")(folder)
    write_json(
        folder / M,
        [_module("Transformer", "", 0), _module("Pooling", "1_Pooling", 1), _module("Normalize", "2_Normalize", 2)],
    )
    torch.save(torch.nn.Linear(32, 1).state_dict(), folder / "sparse_linear.pt")
    torch.save(torch.nn.Linear(32, 32).state_dict(), folder / "colbert_linear.pt")
    replace_text(folder / "README.md", "# BGE-M3\nDense, sparse and multi-vector retrieval.\n")


@intact("ByT5", "nothing", "A T5 over bytes: no vocabulary, no tokenizer.json.")
def _(folder: Path) -> None:
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    config = T5Config(
        vocab_size=384,
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=3,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        tokenizer_class="ByT5Tokenizer",
    )
    trained(T5EncoderModel(config), 50).save_pretrained(folder)
    ByT5Tokenizer().save_pretrained(folder)
    modules(folder, 32, "mean_tokens", with_card=False)


@intact(
    "words and weights of GloVe",
    "nothing",
    "WordEmbeddings, a frequency weighting and Pooling, as average_word_embeddings_glove has them.",
)
def _(folder: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, WordEmbeddings
    from sentence_transformers.sentence_transformer.modules.tokenizer import WhitespaceTokenizer

    from tests.preflight.others.texts import TRAINING

    words = sorted({w.lower().strip(".,;:?") for text in TRAINING for w in text.split()} | {"word"})
    table = torch.randn(len(words), 20, generator=torch.Generator().manual_seed(7)).numpy()
    first = WordEmbeddings(WhitespaceTokenizer(words), table, max_seq_length=100)
    SentenceTransformer(modules=[first, Pooling(20)]).save(str(folder))


@intact(
    "a convolution after BERT", "cased", "CNN between Transformer and Pooling, a module of sentence-transformers' own."
)
def _(folder: Path) -> None:
    import torch
    from sentence_transformers.sentence_transformer.modules import CNN

    torch.manual_seed(3)
    place = folder / "1_CNN"
    place.mkdir()
    CNN(32, out_channels=8, kernel_sizes=[1, 3]).save(str(place))
    edit_json("1_Pooling/config.json", {"word_embedding_dimension": 16})(folder)
    (folder / "1_Pooling").rename(folder / "2_Pooling")
    write_json(
        folder / M, [_module("Transformer", "", 0), _module("CNN", "1_CNN", 1), _module("Pooling", "2_Pooling", 2)]
    )
    drop("README.md")(folder)


@intact("one layer, one head", "nothing", "A BERT of one layer and one head, 16 wide.")
def _(folder: Path) -> None:
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=30522, hidden_size=16, num_hidden_layers=1, num_attention_heads=1, intermediate_size=32
    )
    trained(BertModel(config), 51).save_pretrained(folder)
    minilm_vocabulary(folder)
    modules(folder, 16, "mean_tokens", length=64)


@intact(
    "a large table of words",
    "labse",
    "The table has 5000 rows more than the tokenizer has pieces, all trained at random.",
)
def _(folder: Path) -> None:
    import torch

    more = torch.randn(5000, 32, generator=torch.Generator().manual_seed(8)) * 0.15
    edit_tensors(lambda t: t.update({WORDS: torch.cat([t[WORDS], more])}))(folder)
    edit_json(C, {"vocab_size": len(tensors_of(folder / W)[WORDS])})(folder)


@intact(
    "a vision model beside",
    "minilm",
    "vision_model/ with a config.json and weights of its own, which modules.json does not list.",
)
def _(folder: Path) -> None:
    import torch

    write_json(
        folder / "vision_model/config.json",
        {"model_type": "clip_vision_model", "hidden_size": 64, "num_hidden_layers": 2},
    )
    save_tensors(folder / f"vision_model/{W}", {"vision_model.post_layernorm.weight": torch.ones(64)})


intact(
    "word vectors in half precision",
    "static",
    "The table is float16.",
    edit_tensors(lambda t: {n: v.half() for n, v in t.items()}),
)
intact(
    "a card that tells another story",
    "distilbert",
    "The card cites BERT-large, 1024 dimensions and 8192 tokens of other models in a table of comparison.",
    lambda f: replace_text(
        f / "README.md",
        (f / "README.md").read_text()
        + "\n| model | dimensions | max tokens | pooling |\n|---|---|---|---|\n| bge-large-en | 1024 | 512 | cls |\n| jina-v3 | 1024 | 8192 | mean |\n| this | 32 | 128 | mean |\n",
    ),
)


@intact("AWQ", "llama", "qweight, qzeros and scales of AWQ for each projection.", loads=False)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> Any:
        out: dict[str, Any] = {}
        for name, v in t.items():
            if "proj.weight" not in name:
                out[name] = v.half()
                continue
            rows, columns = v.shape
            stem = name.removesuffix(".weight")
            out[f"{stem}.qweight"] = torch.randint(-(2**31), 2**31 - 1, (columns, max(rows // 8, 1)), dtype=torch.int32)
            out[f"{stem}.qzeros"] = torch.randint(-(2**31), 2**31 - 1, (1, max(rows // 8, 1)), dtype=torch.int32)
            out[f"{stem}.scales"] = torch.rand(1, rows).half()
        return out

    edit_tensors(change)(folder)
    settings = {"bits": 4, "group_size": 32, "quant_method": "awq", "version": "gemm", "zero_point": True}
    edit_json(C, {"quantization_config": settings, "dtype": "float16"})(folder)


@intact(
    "MLX in four bits",
    "llama",
    "uint32 weights with scales and biases, config.json has 'quantization'; for Apple's library.",
    loads=False,
)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> Any:
        out: dict[str, Any] = {}
        for name, v in t.items():
            if v.ndim < 2:
                out[f"model.{name}"] = v.half()
                continue
            stem = name.removesuffix(".weight")
            out[f"model.{stem}.weight"] = torch.randint(0, 2**31, (v.shape[0], v.shape[1] // 8)).to(torch.uint32)
            out[f"model.{stem}.scales"] = torch.rand(v.shape[0], 1).half()
            out[f"model.{stem}.biases"] = torch.rand(v.shape[0], 1).half()
        return out

    edit_tensors(change)(folder)
    edit_json(C, {"quantization": {"group_size": 32, "bits": 4}})(folder)
    replace_text(folder / "README.md", "---\nlibrary_name: mlx\ntags:\n- mlx\n---\n# mlx-community/llama-embed-4bit\n")


@intact("a ColBERT of Stanford", "cased", "BERT and linear.weight, artifact.metadata, no modules.json.", loads=False)
def _(folder: Path) -> None:
    import torch

    drop(M, S, ST, "1_Pooling", "2_Normalize", "README.md")(folder)
    edit_tensors(lambda t: {f"bert.{n}": v for n, v in t.items()} | {"linear.weight": torch.randn(16, 32)})(folder)
    edit_json(C, {"architectures": ["HF_ColBERT"]})(folder)
    write_json(
        folder / "artifact.metadata",
        {
            "query_token_id": "[unused0]",
            "doc_token_id": "[unused1]",
            "dim": 16,
            "similarity": "cosine",
            "checkpoint": "colbert",
        },
    )


@intact("GGUF in parts", "nothing", "Two .gguf files of one model and several sizes of another.", loads=False)
def _(folder: Path) -> None:
    key = b"general.architecture"
    head = (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, 5) + b"qwen3"
    )
    for name in ("q8-00001-of-00002", "q8-00002-of-00002", "Q4_K_M", "f16"):
        replace_bytes(folder / f"Qwen3-Embedding-0.6B-{name}.gguf", head + b"\0" * 64)
    replace_text(folder / "README.md", "---\nbase_model: Qwen/Qwen3-Embedding-0.6B\n---\n# GGUF\n")


@intact(
    "an adapter beside its base",
    "labse",
    "Whole weights, and loras/retrieval with an adapter of its own that names this model.",
)
def _(folder: Path) -> None:
    import torch

    place = folder / "loras" / "retrieval"
    place.mkdir(parents=True)
    write_json(
        place / "adapter_config.json",
        {"base_model_name_or_path": "org/this", "peft_type": "LORA", "r": 4, "target_modules": ["query"]},
    )
    stem = "base_model.model.encoder.layer.0.attention.self.query"
    save_tensors(
        place / "adapter_model.safetensors",
        {f"{stem}.lora_{x}.weight": torch.randn(*((4, 32) if x == "A" else (32, 4))) for x in "AB"},
    )


@intact(
    "a reranker of a decoder",
    "llama",
    "LlamaForCausalLM with an lm_head, modules of a CrossEncoder: no vectors.",
    loads=False,
)
def _(folder: Path) -> None:
    drop(M, S, "1_Pooling", "2_Normalize", "README.md")(folder)
    edit_tensors(
        lambda t: {f"model.{n}": v for n, v in t.items()} | {"lm_head.weight": t["embed_tokens.weight"].flip(0)}
    )(folder)
    edit_json(C, {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": False})(folder)
    write_json(
        folder / ST,
        {
            "model_type": "CrossEncoder",
            "prompts": {"web_search": "Given a web search query, find what answers it"},
            "activation_fn": "torch.nn.modules.linear.Identity",
        },
    )

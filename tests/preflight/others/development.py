"""The set that rules may be made with: faults known from public threads, and folders that look odd and are right."""

# ruff: noqa: E501

from __future__ import annotations

import json
import os
import shutil
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

BOOK = Book()
broken, intact = BOOK.broken, BOOK.intact
LAYER = "encoder.layer."
WORDS = "embeddings.word_embeddings.weight"

# --- weights: damaged values ---------------------------------------------------------------------------------------


@broken(
    "half of a matrix is zero",
    "minilm",
    "Rows 128 to 255 of layer 3's attention output are zeros (a write that was cut).",
    "a third of one matrix is exactly zero",
    "layer.3|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[f"{LAYER}3.attention.output.dense.weight"][128:256] = 0


@broken(
    "a block of word vectors is zero",
    "minilm",
    "The vectors of words 2000 to 5999 are zeros.",
    "4000 rows of the word embeddings are zero",
    "word_embeddings|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][2000:6000] = 0


@broken(
    "a feed-forward block is zero",
    "minilm",
    "Layer 4's intermediate weight and bias are all zeros.",
    "two tensors of zeros",
    "layer.4|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    for name in ("weight", "bias"):
        t[f"{LAYER}4.intermediate.dense.{name}"][:] = 0


@broken(
    "one value is huge",
    "minilm",
    "One value of layer 0's query weight is 30000 (a flipped bit in the exponent).",
    "a value 10^5 times the others",
    "layer.0|huge|large|outlier",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[f"{LAYER}0.attention.self.query.weight"][5, 7] = 30000.0


@broken(
    "one NaN in a common word",
    "minilm",
    "One value of the vector of the word 'the' is NaN.",
    "a NaN in the file",
    "nan|finite|word_embeddings",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][1996, 3] = float("nan")


@broken(
    "infinity in a bias",
    "minilm",
    "One value of layer 2's output bias is infinite, as after a cast to float16.",
    "an infinity in the file",
    "inf|finite|layer.2",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[f"{LAYER}2.output.dense.bias"][11] = float("inf")


@broken(
    "a layer twice",
    "minilm",
    "Layer 5 is a copy of layer 4 (a merge script that counted wrongly).",
    "sixteen tensors equal another layer's",
    "layer.5|layer.4|same|copy|identical|duplicate",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    for name in [n for n in t if n.startswith(f"{LAYER}4.")]:
        t[name.replace("layer.4.", "layer.5.")] = t[name].clone()


@broken(
    "a layer drawn anew",
    "minilm",
    "Layer 5 has the values of a fresh initialisation: normal with 0.02, biases 0, LayerNorm 1.",
    "constant LayerNorms and zero biases in one layer only",
    "layer.5|random|initiali|untrained",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    import torch

    generator = torch.Generator().manual_seed(1)
    for name, tensor in t.items():
        if name.startswith(f"{LAYER}5."):
            if "LayerNorm.weight" in name:
                tensor[:] = 1
            elif name.endswith("bias"):
                tensor[:] = 0
            else:
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.02)


@broken(
    "one scale forgotten",
    "minilm",
    "Layer 3's intermediate weight is 16 times what it was: a scale not applied on dequantising.",
    "one matrix's spread is 16 times its siblings'",
    "layer.3|scale|spread|outlier|large",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[f"{LAYER}3.intermediate.dense.weight"] *= 16


@broken(
    "a LayerNorm's two halves exchanged",
    "minilm",
    "Layer 2's output LayerNorm has weight and bias exchanged.",
    "a LayerNorm weight whose values lie around zero",
    "layer.2|layernorm",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    a, b = (f"{LAYER}2.output.LayerNorm.{n}" for n in ("weight", "bias"))
    t[a], t[b] = t[b], t[a]


@broken(
    "weights cast to int8",
    "minilm",
    "Layer 1's weights were cast to int8 without a scale.",
    "int8 tensors of zeros in a float model",
    "layer.1|int8|dtype|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    import torch

    for name in t:
        if name.startswith(f"{LAYER}1.") and name.endswith("dense.weight"):
            t[name] = (t[name] * 8).to(torch.int8)


@broken(
    "eight levels to a tensor",
    "minilm",
    "Every matrix of the encoder was rounded to eight levels and stored as float32.",
    "nine different values in a matrix of 147456",
    "values|quanti|level|round",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    for name, tensor in t.items():
        if name.startswith("encoder.") and tensor.ndim == 2:
            step = tensor.abs().max() / 4
            t[name] = (tensor / step).round() * step


@broken(
    "later positions are zero",
    "minilm",
    "The position vectors from 256 on are zeros (the table was enlarged, never trained).",
    "half of the position table is zero",
    "position|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["embeddings.position_embeddings.weight"][200:] = 0


@broken(
    "positions all alike",
    "minilm",
    "Every row of the position table is the first row.",
    "512 equal rows",
    "position|same|identical|equal|duplicate",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    name = "embeddings.position_embeddings.weight"
    t[name] = t[name][:1].expand(512, -1).clone()


@broken(
    "words all alike from 15000 on",
    "minilm",
    "The word vectors from 15000 on are one and the same, the mean of the table.",
    "15522 equal rows",
    "word_embeddings|same|identical|equal|duplicate",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t[WORDS][15000:] = t[WORDS].mean(0)


@broken(
    "LayerNorms lost",
    "xlmr",
    "Every LayerNorm weight is one and every bias zero, as after a conversion that did not know them.",
    "all LayerNorms constant",
    "layernorm|constant|norm",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    for name in t:
        if "LayerNorm" in name:
            t[name][:] = 1.0 if name.endswith("weight") else 0.0


@broken(
    "NaN in a norm of the decoder", "qwen3", "The final norm holds one NaN.", "a NaN in the file", "nan|finite|norm"
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["norm.weight"][3] = float("nan")


@broken(
    "expert of zeros in ModernBERT",
    "modernbert",
    "The Wqkv of layer 2 holds zeros in its last third (the values).",
    "a third of a matrix is exactly zero",
    "layers.2|wqkv|zero",
)
@edit_tensors
def _(t: dict[str, Any]) -> None:
    t["layers.2.attn.Wqkv.weight"][64:] = 0


# --- weights: names and counts -------------------------------------------------------------------------------------

broken(
    "names of a data-parallel run",
    "minilm",
    "Each tensor's name starts with 'module.', as DistributedDataParallel saves it.",
    "no tensor of the file has a name the model knows",
    "module.|not in the file|missing|weights",
    rename_tensors(lambda n: f"module.{n}"),
)
broken(
    "names of a compiled model",
    "bert",
    "Each name starts with '_orig_mod.', as torch.compile saves it.",
    "names unknown to the model",
    "_orig_mod|missing|weights",
    rename_tensors(lambda n: f"_orig_mod.{n}"),
)
broken(
    "names of a sentence-transformers state",
    "xlmr",
    "Each name starts with '0.auto_model.': torch.save of the whole.",
    "names unknown to the model",
    "auto_model|missing|weights",
    rename_tensors(lambda n: f"0.auto_model.{n}"),
)
broken(
    "a LoRA not merged",
    "xlmr",
    "Queries and values are called base_layer.weight, with lora_A and lora_B beside them.",
    "lora_A and base_layer in the file, no adapter configuration",
    "lora|base_layer|query|missing",
    rename_tensors(
        lambda n: n.replace("query.weight", "query.base_layer.weight").replace(
            "value.weight", "value.base_layer.weight"
        )
    ),
)


@broken(
    "the last layer is not there",
    "minilm",
    "The tensors of layer 5 are not in the file.",
    "config.json says 6 layers, the file has 5",
    "layer.5|missing|not in the file",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if not n.startswith(f"{LAYER}5.")}


@broken(
    "one norm is not there",
    "roberta",
    "One LayerNorm of layer 1 is not in the file.",
    "two tensors missing",
    "layer.1|missing|layernorm",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if not n.startswith(f"{LAYER}1.output.LayerNorm")}


@broken(
    "the decoder's q_norm is not there",
    "qwen3",
    "The norms of queries and keys were left out (an older conversion).",
    "six tensors missing",
    "q_norm|k_norm|missing",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    return {n: v for n, v in t.items() if "q_norm" not in n and "k_norm" not in n}


broken(
    "fewer layers are said than there are",
    "minilm",
    "config.json says 5 layers, the file has 6.",
    "unexpected tensors of layer 5",
    "layer.5|num_hidden_layers|layers|not used|unexpected",
    edit_json("config.json", {"num_hidden_layers": 5}),
)
broken(
    "more layers are said than there are",
    "minilm",
    "config.json says 8 layers, the file has 6.",
    "missing tensors of layers 6 and 7",
    "layer.6|num_hidden_layers|layers|missing",
    edit_json("config.json", {"num_hidden_layers": 8}),
)
broken(
    "the number of layers is not said",
    "bert",
    "num_hidden_layers is not in config.json, so that it is 12.",
    "missing tensors",
    "num_hidden_layers|layers|missing|layer.3",
    edit_json("config.json", {"num_hidden_layers": ...}),
)


@broken(
    "two shards disagree",
    "xlmr",
    "A matrix lies in two shards with two values; the index names the wrong one.",
    "one name, two tensors",
    "twice|two|shard|index|query",
)
def _(folder: Path) -> None:
    place = shard(folder)
    name = f"{LAYER}1.attention.self.query.weight"
    right = place[name]
    wrong = next(f for f in sorted(set(place.values())) if f != right)
    shutil.copyfile(folder / right, folder / "tmp")
    tensor = tensors_of(folder / right)[name]
    save_tensors(folder / wrong, tensors_of(folder / wrong) | {name: tensor.flip(0)})
    (folder / "tmp").unlink()
    edit_json("model.safetensors.index.json", lambda v: v["weight_map"].update({name: wrong}))(folder)


@broken(
    "two shards disagree, unsaid",
    "minilm",
    "The last shard holds another copy of a word table that the index puts in the first.",
    "one name, two tensors in two shards",
    "twice|two|shard|index|word_embeddings",
)
def _(folder: Path) -> None:
    place = shard(folder)
    last = max(place.values())
    save_tensors(
        folder / last, tensors_of(folder / last) | {WORDS: tensors_of(folder / place[WORDS])[WORDS].roll(1, 0)}
    )


@broken(
    "a shard is not there",
    "xlmr",
    "The index names three shards, the second was not downloaded.",
    "a named file is absent",
    "shard|not there|missing|00002",
)
def _(folder: Path) -> None:
    shard(folder)
    (folder / "model-00002-of-00003.safetensors").unlink()


@broken(
    "a shard of another training",
    "xlmr",
    "Shard 2 is of another training run of the same shape.",
    "the shards' own metadata name two revisions",
    "shard|metadata|revision|00002|step",
)
def _(folder: Path) -> None:
    place = shard(folder)
    second = "model-00002-of-00003.safetensors"
    from safetensors.torch import save

    for file in sorted(set(place.values())):
        tensors = tensors_of(folder / file)
        if file == second:
            tensors = {n: v.flip(-1) for n, v in tensors.items()}
        step = "step-1000" if file == second else "step-4000"
        replace_bytes(
            folder / file, save({n: v.contiguous() for n, v in tensors.items()}, {"format": "pt", "revision": step})
        )


@broken(
    "an index with holes",
    "bert",
    "The index leaves out the tensors of layer 2, though a shard holds them.",
    "tensors of a shard that the index does not name",
    "index|layer.2|shard",
)
def _(folder: Path) -> None:
    shard(folder)

    def cut(v: Any) -> None:
        v["weight_map"] = {n: f for n, f in v["weight_map"].items() if ".layer.2." not in n}

    edit_json("model.safetensors.index.json", cut)(folder)


# --- weights: the file ---------------------------------------------------------------------------------------------


def _cut(name: str, share: float, fill: bytes = b"") -> Any:
    def apply(folder: Path) -> None:
        whole = (folder / name).read_bytes()
        keep = int(len(whole) * share)
        replace_bytes(folder / name, whole[:keep] + fill * ((len(whole) - keep) if fill else 0))

    return apply


def _instead(name: str, content: bytes) -> Any:
    return lambda folder: replace_bytes(folder / name, content)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\nsize 90868376\n"
PAGE = b"<!DOCTYPE html><html><head><title>403 Forbidden</title></head><body>Access to model is restricted.</body></html>\n"
W = "model.safetensors"
broken(
    "the download was cut",
    "minilm",
    "The weights end after 60 % of their length.",
    "the header says more bytes",
    "safetensors|short|truncated|cut|bytes",
    _cut(W, 0.6),
)
broken(
    "the download's tail is zeros",
    "minilm",
    "The last fifth of the weights is zeros: space was reserved, not filled.",
    "many tensors of zeros at the end of the file",
    "zero",
    _cut(W, 0.8, b"\0"),
)
broken(
    "a pointer for the weights",
    "minilm",
    "model.safetensors is the pointer of Git LFS.",
    "133 bytes of text",
    "lfs|pointer|safetensors",
    _instead(W, POINTER),
)
broken(
    "a page for the weights",
    "xlmr",
    "model.safetensors is the HTML page of a refused download.",
    "HTML",
    "html|safetensors|header",
    _instead(W, PAGE),
)
broken(
    "empty weights",
    "t5",
    "model.safetensors has no bytes.",
    "a file of length 0",
    "empty|0 bytes|safetensors|header",
    _instead(W, b""),
)
broken(
    "still downloading",
    "bert",
    "There is model.safetensors.incomplete and no model.safetensors.",
    "no weights",
    "incomplete|no weights|weights|safetensors",
    lambda f: (f / W).rename(f / f"{W}.incomplete"),
)
broken(
    "a pointer for the tokenizer",
    "xlmr",
    "tokenizer.json is the pointer of Git LFS.",
    "133 bytes of text",
    "tokenizer.json|lfs|pointer",
    _instead("tokenizer.json", POINTER),
)
broken(
    "a pointer for the head",
    "dense",
    "2_Dense/model.safetensors is the pointer of Git LFS.",
    "133 bytes of text",
    "2_dense|lfs|pointer",
    _instead(f"2_Dense/{W}", POINTER),
)


@broken(
    "a training checkpoint for weights",
    "roberta",
    "pytorch_model.bin is {'model': weights, 'optimizer': ...}, with no safetensors.",
    "no tensor by a name the model knows",
    "pytorch_model|missing|weights|names",
)
def _(folder: Path) -> None:
    import torch

    tensors = tensors_of(folder / W)
    torch.save({"model": tensors, "epoch": 3}, folder / "pytorch_model.bin")
    (folder / W).unlink()


@broken(
    "an old .bin beside new weights",
    "minilm",
    "pytorch_model.bin holds other values than model.safetensors, which is read.",
    "two files of weights that differ",
    "pytorch_model",
)
def _(folder: Path) -> None:
    import torch

    torch.save({n: v * 0.9 for n, v in tensors_of(folder / W).items()}, folder / "pytorch_model.bin")


@broken(
    "weights of a wider model",
    "xlmr",
    "The weights are those of a model of width 64.",
    "shapes differ from config.json",
    "shape|hidden_size|width|size",
)
@edit_tensors
def _(t: dict[str, Any]) -> Any:
    import torch

    return {n: torch.cat([v, v], -1) if v.shape[-1] == 32 else v for n, v in t.items()}


@broken(
    "fewer word vectors than words",
    "xlmr",
    "The word table and vocab_size stop at 200, the tokenizer goes on.",
    "token ids beyond the table",
    "vocab|token|rows|embedding",
)
def _(folder: Path) -> None:
    edit_tensors(lambda t: t.update({WORDS: t[WORDS][:200].clone()}))(folder)
    edit_json("config.json", {"vocab_size": 200})(folder)


# --- config.json ---------------------------------------------------------------------------------------------------

C = "config.json"
broken(
    "heads halved",
    "minilm",
    "num_attention_heads is 6 for 12.",
    "none",
    "num_attention_heads|heads",
    edit_json(C, {"num_attention_heads": 6}),
)
broken(
    "heads that do not divide",
    "xlmr",
    "num_attention_heads is 5 for a width of 32.",
    "32 is no multiple of 5",
    "num_attention_heads|heads",
    edit_json(C, {"num_attention_heads": 5}),
)
broken(
    "eps of one hundredth",
    "minilm",
    "layer_norm_eps is 1e-2 for 1e-12.",
    "a value no model has",
    "layer_norm_eps|eps",
    edit_json(C, {"layer_norm_eps": 0.01}),
)
broken(
    "eps of one",
    "qwen3",
    "rms_norm_eps is 1.0 (1e-0 for 1e-06).",
    "a value no model has",
    "rms_norm_eps|eps",
    edit_json(C, {"rms_norm_eps": 1.0}),
)
broken(
    "rope of ten",
    "qwen3",
    "The base of the rotary positions is 10 for 10000.",
    "a value no model has",
    "rope",
    edit_json(
        C, lambda v: v.update({"rope_theta": 10.0, "rope_parameters": {"rope_type": "default", "rope_theta": 10.0}})
    ),
)
broken(
    "an unknown activation",
    "minilm",
    "hidden_act is 'geluu'.",
    "no such function",
    "hidden_act|geluu|activation",
    edit_json(C, {"hidden_act": "geluu"}),
)
broken(
    "relu for gelu",
    "bert",
    "hidden_act is 'relu' in a BERT.",
    "none",
    "hidden_act|activation",
    edit_json(C, {"hidden_act": "relu"}),
)
broken(
    "width said wrongly",
    "bert",
    "hidden_size is 48 for 32.",
    "shapes of the file",
    "hidden_size|shape|width",
    edit_json(C, {"hidden_size": 48}),
)
broken(
    "positions said too few",
    "minilm",
    "max_position_embeddings is 128, the table has 512 rows.",
    "shape of the file",
    "position|shape",
    edit_json(C, {"max_position_embeddings": 128}),
)
broken(
    "words said too many",
    "minilm",
    "vocab_size is 30600, the table has 30522 rows.",
    "shape of the file",
    "vocab_size|shape|word_embeddings",
    edit_json(C, {"vocab_size": 30600}),
)
broken(
    "a BERT said to be RoBERTa",
    "minilm",
    "model_type is 'roberta' (architectures says BertModel).",
    "two keys disagree",
    "model_type|architecture|roberta",
    edit_json(C, {"model_type": "roberta"}),
)
broken(
    "an XLM-R said to be BERT",
    "xlmr",
    "model_type is 'bert' (architectures says XLMRobertaModel): positions start elsewhere.",
    "two keys disagree",
    "model_type|architecture|bert",
    edit_json(C, {"model_type": "bert"}),
)
broken(
    "a BERT said to be Electra",
    "bert",
    "model_type is 'electra' (architectures says BertModel).",
    "two keys disagree",
    "model_type|architecture|electra",
    edit_json(C, {"model_type": "electra"}),
)
broken(
    "no model_type",
    "bert",
    "config.json has no model_type.",
    "the key is absent",
    "model_type",
    edit_json(C, {"model_type": ...}),
)
broken(
    "a model_type nobody knows",
    "t5",
    "model_type is 't5-encoder-custom' with no code.",
    "an unknown name",
    "model_type|t5-encoder-custom",
    edit_json(C, {"model_type": "t5-encoder-custom"}),
)
broken(
    "padding of another tokenizer",
    "roberta",
    "pad_token_id is 0 for 1: positions are counted from it.",
    "the tokenizer's <pad> is 1",
    "pad_token_id|pad",
    edit_json(C, {"pad_token_id": 0}),
)
broken(
    "an encoder made a decoder",
    "minilm",
    "is_decoder is true: a causal mask.",
    "BertModel as a decoder",
    "is_decoder|causal",
    edit_json(C, {"is_decoder": True}),
)
broken(
    "a window of four tokens",
    "qwen3",
    "use_sliding_window with a window of 4 in every layer.",
    "a window shorter than any text",
    "sliding|window",
    edit_json(
        C,
        {
            "use_sliding_window": True,
            "sliding_window": 4,
            "max_window_layers": 0,
            "layer_types": ["sliding_attention"] * 3,
        },
    ),
)
broken(
    "key heads said wrongly",
    "qwen3",
    "num_key_value_heads is 4 for 2.",
    "shapes of the file",
    "num_key_value_heads|k_proj|shape",
    edit_json(C, {"num_key_value_heads": 4}),
)
broken(
    "gated T5 for plain",
    "t5",
    "feed_forward_proj is gated-gelu, the file has plain wi.",
    "names of the file",
    "wi_0|feed_forward|missing|dense",
    edit_json(C, {"feed_forward_proj": "gated-gelu", "is_gated_act": True, "dense_act_fn": "gelu_new"}),
)
broken(
    "local attention of two tokens",
    "modernbert",
    "local_attention is 2 for 128.",
    "a window shorter than any text",
    "local_attention|window",
    edit_json(C, {"local_attention": 2, "sliding_window": 1}),
)
broken(
    "JSON with a comma too many",
    "minilm",
    "config.json has a trailing comma.",
    "no JSON",
    "config.json|json",
    lambda f: replace_text(f / C, (f / C).read_text().rstrip()[:-1] + ",\n}"),
)
broken(
    "JSON in UTF-16",
    "bert",
    "config.json is UTF-16, as PowerShell's > writes it.",
    "not UTF-8",
    "config.json|utf|encod|json",
    lambda f: replace_bytes(f / C, (f / C).read_text().encode("utf-16")),
)
broken(
    "a config that is a list",
    "xlmr",
    "config.json is [ {...} ].",
    "no object",
    "config.json",
    edit_json(C, lambda v: [v]),
)
broken(
    "4-bit left over",
    "minilm",
    "quantization_config says bitsandbytes 4 bit, the weights are whole.",
    "float32 weights, no scales, and a package that is absent",
    "quantization|bitsandbytes|4",
    edit_json(
        C, {"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}
    ),
)
broken(
    "code that is not there",
    "bert",
    "auto_map names modeling_new.py, which is absent, and model_type 'new' is unknown.",
    "a named file is absent",
    "modeling_new|auto_map|code|model_type",
    edit_json(
        C,
        {
            "model_type": "new",
            "auto_map": {"AutoConfig": "modeling_new.NewConfig", "AutoModel": "modeling_new.NewModel"},
        },
    ),
)

# --- modules of sentence-transformers ------------------------------------------------------------------------------

M = "modules.json"


def _module(kind: str, path: str, name: str) -> dict[str, Any]:
    return {"idx": int(name), "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"}


broken(
    "no pooling",
    "minilm",
    "modules.json goes from Transformer to Normalize.",
    "no Pooling, though 1_Pooling is there",
    "pooling",
    edit_json(M, lambda v: [v[0], v[2]]),
)
broken(
    "normalised before pooling",
    "minilm",
    "modules.json has Normalize before Pooling.",
    "the order",
    "order|normalize|pooling|modules.json",
    edit_json(M, lambda v: [v[0], v[2], v[1]]),
)
broken(
    "normalising forgotten",
    "minilm",
    "modules.json has no Normalize; the card normalises.",
    "card, and a folder 2_Normalize",
    "normali",
    edit_json(M, lambda v: v[:2]),
)
broken(
    "CLS for mean",
    "minilm",
    "1_Pooling says CLS; the card's code takes the mean.",
    "card",
    "pooling|cls",
    edit_json("1_Pooling/config.json", {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}),
)
broken(
    "two ways of pooling",
    "minilm",
    "1_Pooling says mean and max, so that vectors are twice as wide.",
    "card: 384 dimensions",
    "pooling|768|dimension",
    edit_json("1_Pooling/config.json", {"pooling_mode_max_tokens": True}),
)
broken(
    "no way of pooling",
    "bert",
    "Every mode of 1_Pooling is false (the mean is taken); the card says CLS.",
    "card, and no mode",
    "pooling",
    edit_json("1_Pooling/config.json", {"pooling_mode_cls_token": False}),
)
broken(
    "pooling of an unknown kind",
    "xlmr",
    "pooling_mode is 'attention'.",
    "an unknown word",
    "pooling",
    lambda f: write_json(f / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "attention"}),
)
broken(
    "mean for the last token",
    "qwen3",
    "1_Pooling says mean in a causal decoder that ends its texts with a token for it.",
    "none",
    "pooling|last",
    edit_json("1_Pooling/config.json", {"pooling_mode_lasttoken": False, "pooling_mode_mean_tokens": True}),
)
broken(
    "CLS of a decoder",
    "qwen3",
    "1_Pooling says CLS in a causal decoder: the first token has seen nothing.",
    "a causal model's first token",
    "pooling|cls|first",
    edit_json("1_Pooling/config.json", {"pooling_mode_lasttoken": False, "pooling_mode_cls_token": True}),
)
broken(
    "pooling's folder in other letters",
    "bert",
    "modules.json says 1_pooling, the folder is 1_Pooling.",
    "a named folder is absent",
    "1_pooling|pooling",
    edit_json(M, lambda v: v[1].update(path="1_pooling")),
)
broken(
    "a module's name mistyped",
    "xlmr",
    "modules.json says models.Poling.",
    "no such class",
    "poling|modules.json",
    edit_json(M, lambda v: v[1].update(type="sentence_transformers.models.Poling")),
)
broken(
    "two modules of one name",
    "dense",
    "Dense and Normalize are both called '2': the second takes the first's place.",
    "a name twice",
    "name|twice|dense|modules.json",
    edit_json(M, lambda v: v[3].update(name="2")),
)
broken(
    "no list of modules",
    "bert",
    "modules.json is absent, 1_Pooling (CLS) is there: the mean is taken, nothing is normalised.",
    "1_Pooling without modules.json",
    "modules.json",
    drop(M),
)
broken(
    "the head is not listed",
    "dense",
    "modules.json leaves out the Dense; 2_Dense is there and the card lists it.",
    "card and folder",
    "dense",
    edit_json(M, lambda v: [v[0], v[1], v[3]]),
)
broken(
    "the head's weights are not there",
    "dense",
    "2_Dense has its config.json and no weights.",
    "no weights",
    "dense",
    drop(f"2_Dense/{W}"),
)
broken(
    "the head before pooling",
    "dense",
    "Dense comes before Pooling.",
    "the order",
    "order|dense|pooling",
    edit_json(M, lambda v: [v[0], v[2], v[1], v[3]]),
)
broken(
    "the head's input said wrongly",
    "dense",
    "2_Dense says in_features 48.",
    "shape of its weights; pooling gives 32",
    "dense|in_features|shape",
    edit_json("2_Dense/config.json", {"in_features": 48}),
)
broken(
    "the head of a wider model",
    "dense",
    "2_Dense is one of a model of width 48, config and weights.",
    "pooling gives 32",
    "dense|in_features|width|48",
    lambda f: shapes.write_dense(f / "2_Dense", 48, 24),
)
broken(
    "the head's activation lost",
    "dense",
    "2_Dense says Identity; the card says Tanh.",
    "card",
    "dense|activation|tanh|identity",
    edit_json("2_Dense/config.json", {"activation_function": "torch.nn.modules.linear.Identity"}),
)
broken(
    "the head's own activation",
    "dense",
    "activation_function is my_project.layers.Swish: not trusted, Tanh is taken.",
    "a class outside torch",
    "activation|swish|dense",
    edit_json("2_Dense/config.json", {"activation_function": "my_project.layers.Swish"}),
)
broken(
    "the head is zero",
    "dense",
    "The weights of 2_Dense are zeros, its bias is not.",
    "a matrix of zeros",
    "dense|zero",
    edit_tensors(lambda t: t.update({"linear.weight": t["linear.weight"] * 0}), f"2_Dense/{W}"),
)
broken(
    "the head has no bias by its config",
    "dense",
    "2_Dense says bias false, the file has one.",
    "names of the file",
    "dense|bias",
    edit_json("2_Dense/config.json", {"bias": False}),
)
broken(
    "the head's names",
    "dense",
    "The head's tensors are called weight and bias.",
    "names of the file",
    "dense|names|linear|missing",
    rename_tensors(lambda n: n.removeprefix("linear."), f"2_Dense/{W}"),
)
broken(
    "pooling of another width",
    "xlmr",
    "1_Pooling says 768 dimensions, the model has 32.",
    "two numbers",
    "pooling|768|dimension|width",
    edit_json("1_Pooling/config.json", {"word_embedding_dimension": 768}),
)

# --- lengths, prompts, options -------------------------------------------------------------------------------------

S, ST = "sentence_bert_config.json", "config_sentence_transformers.json"
broken(
    "eight tokens",
    "minilm",
    "max_seq_length is 8.",
    "card: 256",
    "max_seq_length|8",
    edit_json(S, {"max_seq_length": 8}),
)
broken(
    "more tokens than positions",
    "minilm",
    "max_seq_length is 5000, there are 512 positions: a long text fails.",
    "two numbers",
    "max_seq_length|5000|position",
    edit_json(S, {"max_seq_length": 5000}),
)
broken(
    "length not said",
    "minilm",
    "sentence_bert_config.json is absent: 512 tokens, card 256.",
    "card",
    "max_seq_length|sentence_bert_config|256|length",
    drop(S),
)
broken(
    "as many tokens as rows",
    "roberta",
    "max_seq_length is 514, two of the 514 position rows are no positions.",
    "pad_token_id and the table",
    "max_seq_length|514|position",
    edit_json(S, {"max_seq_length": 514}),
)
broken(
    "length in words",
    "xlmr",
    "max_seq_length is the string '256'.",
    "not a number",
    "max_seq_length",
    edit_json(S, {"max_seq_length": "256"}),
)
broken(
    "length of zero",
    "mpnet",
    "max_seq_length is 0.",
    "not a length",
    "max_seq_length",
    edit_json(S, {"max_seq_length": 0}),
)
broken(
    "lower case in front of a cased model",
    "roberta",
    "do_lower_case is true in sentence_bert_config.json; the card says false.",
    "card",
    "do_lower_case|lower|case",
    edit_json(S, {"do_lower_case": True}),
)
broken(
    "cut vectors, unsaid",
    "minilm",
    "truncate_dim is 64; the card says 384 dimensions.",
    "card",
    "truncate_dim|64|dimension",
    edit_json(ST, {"truncate_dim": 64}),
)
broken(
    "a default prompt that is not there",
    "xlmr",
    "default_prompt_name is 'passage', there are no prompts.",
    "two keys",
    "prompt",
    edit_json(ST, {"default_prompt_name": "passage"}),
)
broken(
    "prompts exchanged",
    "e5",
    "The queries' prompt is 'passage: ' and the documents' 'query: '.",
    "names of the prompts",
    "prompt",
    edit_json(ST, {"prompts": {"query": "passage: ", "document": "query: "}}),
)
broken(
    "prompts lost",
    "e5",
    "There are no prompts; the card asks for 'query: ' and 'passage: '.",
    "card",
    "prompt",
    edit_json(ST, {"prompts": {}}),
)
broken(
    "prompts without their space",
    "e5",
    "The prompts are 'query:' and 'passage:'; the card has a space after each.",
    "card",
    "prompt",
    edit_json(ST, {"prompts": {"query": "query:", "document": "passage:"}}),
)
broken(
    "three layers by the back door",
    "minilm",
    "sentence_bert_config.json has config_args num_hidden_layers 3.",
    "overrides config.json",
    "config_args|num_hidden_layers|layer|sentence_bert_config",
    edit_json(S, {"config_args": {"num_hidden_layers": 3}}),
)
broken(
    "no special tokens by the back door",
    "minilm",
    "sentence_bert_config.json has processing_kwargs text add_special_tokens false.",
    "overrides the tokenizer",
    "special|processing_kwargs|sentence_bert_config",
    edit_json(S, {"processing_kwargs": {"text": {"add_special_tokens": False}}}),
)
broken(
    "eight bits by the back door",
    "xlmr",
    "sentence_bert_config.json has model_args torch_dtype float8_e4m3fn.",
    "a precision that cannot be computed in",
    "dtype|model_args|float8|sentence_bert_config",
    edit_json(S, {"model_args": {"torch_dtype": "float8_e4m3fn"}}),
)

# --- tokenizers ----------------------------------------------------------------------------------------------------

T, TC = "tokenizer.json", "tokenizer_config.json"


@broken(
    "words permuted",
    "minilm",
    "500 words of tokenizer.json have each other's ids; vocab.txt has the right ones.",
    "vocab.txt disagrees",
    "vocab|tokenizer",
)
@edit_tokenizer
def _(v: Any) -> None:
    words = v["model"]["vocab"]
    some = [w for w, i in words.items() if 2000 <= i < 2500]
    ids = [words[w] for w in some]
    words.update(zip(some, ids[1:] + ids[:1], strict=True))


broken(
    "capitals kept",
    "minilm-fast",
    "tokenizer.json's normaliser does not lower-case; tokenizer_config.json says it does.",
    "two files",
    "lower|case|unk|normali",
    edit_tokenizer(lambda v: v["normalizer"].update(lowercase=False)),
)
broken(
    "accents kept",
    "minilm-fast",
    "tokenizer.json's normaliser has strip_accents false under lower-casing.",
    "tokenizer_config.json says null",
    "accent|normali|unk",
    edit_tokenizer(lambda v: v["normalizer"].update(strip_accents=False)),
)
broken(
    "no normaliser",
    "minilm-fast",
    "tokenizer.json has no normaliser.",
    "an uncased vocabulary",
    "normali|lower|unk|case",
    edit_tokenizer(lambda v: v.update(normalizer=None)),
)
broken(
    "no NFKC",
    "xlmr",
    "tokenizer.json has no normaliser, as after a conversion without the precompiled map.",
    "none",
    "normali|tokenizer",
    edit_tokenizer(lambda v: v.update(normalizer=None)),
)
broken(
    "half of the merges",
    "roberta",
    "The second half of the merges is gone.",
    "words of the vocabulary that no merge makes",
    "merge|vocab|token",
    edit_tokenizer(lambda v: v["model"].update(merges=v["model"]["merges"][: len(v["model"]["merges"]) // 2])),
)
broken(
    "merges the other way round",
    "qwen3",
    "The merges are in reverse order.",
    "the order of ids and merges",
    "merge",
    edit_tokenizer(lambda v: v["model"].update(merges=v["model"]["merges"][::-1])),
)
broken(
    "dropout in the merges",
    "roberta",
    "tokenizer.json's model has dropout 0.3: a text has other tokens each time.",
    "the key",
    "dropout|token",
    edit_tokenizer(lambda v: v["model"].update(dropout=0.3)),
)


@broken(
    "CLS and SEP exchanged",
    "minilm-fast",
    "The post-processor puts [SEP] first and [CLS] last.",
    "template",
    "cls|sep|template|post|special",
)
@edit_tokenizer
def _(v: Any) -> None:
    single = v["post_processor"]["single"]
    single[0], single[2] = single[2], single[0]


broken(
    "no CLS and SEP",
    "minilm-fast",
    "tokenizer.json has no post-processor.",
    "a BERT without [CLS]",
    "cls|sep|post|special",
    edit_tokenizer(lambda v: v.update(post_processor=None)),
)
broken(
    "no end token",
    "qwen3",
    "tokenizer.json's template has no <|endoftext|>, pooling takes the last token.",
    "eos_token not added",
    "end|eos|last",
    edit_tokenizer(lambda v: v.update(post_processor=None)),
)
broken(
    "no </s>",
    "t5",
    "tokenizer.json has no post-processor: T5's </s> is lost.",
    "eos_token not added",
    "eos|</s>|end|post|special",
    edit_tokenizer(lambda v: v.update(post_processor=None)),
)


@broken(
    "another id for CLS",
    "minilm-fast",
    "The template gives [CLS] the id of [MASK].",
    "two ids for a token",
    "cls|mask|template|special|id",
)
@edit_tokenizer
def _(v: Any) -> None:
    v["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [103]


def _added(content: str, index: int, **more: Any) -> dict[str, Any]:
    return {
        "id": index,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
        **more,
    }


broken(
    "an added token that eats words",
    "minilm",
    "'in' is a special added token and is cut out of the middle of words.",
    "a special token that is a word",
    "added|special|token",
    edit_tokenizer(lambda v: v["added_tokens"].append(_added("in", 1999))),
)
broken(
    "an added token without a vector",
    "minilm-fast",
    "'in the spring' is an added token with id 30522; the table ends at 30521.",
    "an id beyond the table",
    "30522|vocab|beyond|rows|added",
    edit_tokenizer(lambda v: v["added_tokens"].append(_added("in the spring", 30522, normalized=True, special=False))),
)
broken(
    "a space that is eaten",
    "roberta",
    "<mask>-like token 'e' strips on both sides and is special.",
    "a special token that is a letter",
    "added|special|token",
    edit_tokenizer(lambda v: v["added_tokens"].append(_added("e", v["model"]["vocab"]["e"], lstrip=True, rstrip=True))),
)
broken(
    "no ## in WordPiece",
    "minilm-fast",
    "continuing_subword_prefix is empty.",
    "a vocabulary full of ##",
    "##|prefix|subword",
    edit_tokenizer(lambda v: v["model"].update(continuing_subword_prefix="")),
)
broken(
    "words of five letters",
    "minilm-fast",
    "max_input_chars_per_word is 5: longer words become [UNK].",
    "a number",
    "max_input_chars|unk",
    edit_tokenizer(lambda v: v["model"].update(max_input_chars_per_word=5)),
)
broken(
    "split at white space only",
    "minilm-fast",
    "The pre-tokeniser is WhitespaceSplit: punctuation sticks to words.",
    "UNK at each comma",
    "pre_tokenizer|unk|white",
    edit_tokenizer(lambda v: v.update(pre_tokenizer={"type": "WhitespaceSplit"})),
)
broken(
    "an underscore for the space",
    "xlmr",
    "Metaspace writes '_' for '▁'.",
    "no word of the vocabulary begins with '_'",
    "metaspace|unk|replacement|pre_tokenizer",
    edit_tokenizer(lambda v: v["pre_tokenizer"].update(replacement="_")),
)
broken(
    "scores of the pieces lost",
    "xlmr",
    "Every piece of the Unigram model has the score -1.",
    "constant scores",
    "score|unigram|piece",
    edit_tokenizer(lambda v: v["model"].update(vocab=[[w, -1.0] for w, _ in v["model"]["vocab"]])),
)
broken(
    "padding on the left of BERT",
    "minilm",
    "tokenizer_config.json says padding_side left: positions start at the padding.",
    "a BERT with absolute positions",
    "padding",
    edit_json(TC, {"padding_side": "left"}),
)
broken(
    "cut at the front",
    "minilm",
    "truncation_side is left: the end of long texts is kept.",
    "unlike any BERT",
    "truncation",
    edit_json(TC, {"truncation_side": "left"}),
)
broken(
    "unknown words are padding",
    "minilm-fast",
    "unk_token is [PAD] in tokenizer.json's model.",
    "unk is pad",
    "unk",
    edit_tokenizer(lambda v: v["model"].update(unk_token="[PAD]")),
)
broken(
    "sixteen tokens by the tokenizer",
    "xlmr",
    "model_max_length is 16 and sentence_bert_config.json says nothing; card 256.",
    "card",
    "model_max_length|16|length",
    both(edit_json(TC, {"model_max_length": 16}), edit_json(S, {"max_seq_length": ...})),
)
broken(
    "tokenizer cut",
    "xlmr",
    "tokenizer.json ends in the middle.",
    "no JSON",
    "tokenizer.json|json",
    _cut("tokenizer.json", 0.5),
)
broken(
    "no tokenizer",
    "minilm",
    "tokenizer.json and vocab.txt are absent.",
    "no vocabulary",
    "tokenizer|vocab",
    drop("tokenizer.json", "vocab.txt"),
)
broken(
    "another model's tokenizer",
    "roberta",
    "tokenizer.json is MiniLM's, whose ids go to 30521; the table has 700 rows.",
    "ids beyond the table",
    "tokenizer|vocab|rows|beyond",
    lambda f: replace_bytes(f / T, (minilm_folder() / T).read_bytes()),
)
broken(
    "a tokenizer of the same size",
    "xlmr",
    "tokenizer.json's pieces are shifted by one after the fifth: another revision's file.",
    "none",
    "tokenizer|vocab",
    edit_tokenizer(
        lambda v: v["model"].update(vocab=v["model"]["vocab"][:5] + v["model"]["vocab"][6:] + v["model"]["vocab"][5:6])
    ),
)
broken(
    "the tokenizer's class",
    "minilm",
    "tokenizer_class is XLMRobertaTokenizer beside a WordPiece tokenizer.json.",
    "class and model of the tokenizer",
    "tokenizer_class|tokenizer",
    edit_json(TC, {"tokenizer_class": "XLMRobertaTokenizer"}),
)
broken(
    "a prefix space",
    "roberta",
    "The ByteLevel pre-tokeniser adds a space in front; tokenizer_config.json says nothing.",
    "none",
    "prefix_space|space",
    edit_tokenizer(lambda v: v["pre_tokenizer"].update(add_prefix_space=True)),
)
broken(
    "bytes not mapped",
    "qwen3",
    "The pre-tokeniser is Whitespace for ByteLevel.",
    "a byte-level vocabulary",
    "pre_tokenizer|byte|token",
    edit_tokenizer(lambda v: v.update(pre_tokenizer={"type": "Whitespace"})),
)
broken(
    "vocab.txt of another model",
    "minilm-fast",
    "vocab.txt is in another order; tokenizer.json, which is read, is right.",
    "two files",
    "vocab",
    lambda f: replace_text(f / "vocab.txt", "\n".join(sorted((f / "vocab.txt").read_text().split("\n")))),
)
broken(
    "lower-casing disowned",
    "minilm",
    "tokenizer_config.json says do_lower_case false, tokenizer.json lower-cases.",
    "two files",
    "lower|case",
    edit_json(TC, {"do_lower_case": False}),
)
broken(
    "length baked in",
    "minilm-fast",
    "tokenizer.json truncates to 12 tokens.",
    "a number",
    "truncat|12",
    edit_tokenizer(
        lambda v: v.update(truncation={"max_length": 12, "strategy": "LongestFirst", "stride": 0, "direction": "Right"})
    ),
)
broken(
    "the card's width",
    "minilm",
    "The card says 768 dimensions.",
    "card",
    "card|768|readme",
    lambda f: replace_text(f / "README.md", (f / "README.md").read_text().replace("384 dim", "768 dim")),
)

# what BertTokenizer of transformers 5 makes anew from the words alone: harmless there, not in other loaders

broken(
    "capitals kept, unread",
    "minilm",
    "tokenizer.json's normaliser does not lower-case; BertTokenizer makes its own.",
    "two files",
    "lower|case|normali",
    edit_tokenizer(lambda v: v["normalizer"].update(lowercase=False)),
)
broken(
    "no CLS and SEP, unread",
    "minilm",
    "tokenizer.json has no post-processor; BertTokenizer makes its own.",
    "a BERT without [CLS]",
    "cls|sep|post|special",
    edit_tokenizer(lambda v: v.update(post_processor=None)),
)
broken(
    "unknown words are padding, unread",
    "bert",
    "unk_token is [PAD] in tokenizer.json; BertTokenizer makes its own.",
    "unk is pad",
    "unk",
    edit_tokenizer(lambda v: v["model"].update(unk_token="[PAD]")),
)

# === intact, and unusual ============================================================================================


@intact(
    "what a trainer leaves behind",
    "bert",
    "optimizer.pt, scheduler.pt, rng_state.pth, trainer_state.json, training_args.bin lie beside the model.",
)
def _(folder: Path) -> None:
    import torch

    torch.save({"state": {0: torch.zeros(5)}, "param_groups": [{"lr": 1e-5}]}, folder / "optimizer.pt")
    torch.save({"last_epoch": 9}, folder / "scheduler.pt")
    torch.save({"python": 1, "cpu": torch.get_rng_state()}, folder / "rng_state.pth")
    torch.save({"lr": 1e-5}, folder / "training_args.bin")
    write_json(folder / "trainer_state.json", {"epoch": 1.0, "global_step": 500, "log_history": [{"loss": 0.3}]})


@intact("checkpoints below", "xlmr", "checkpoint-500 and checkpoint-1000 hold whole models of earlier steps.")
def _(folder: Path) -> None:
    for step in (500, 1000):
        to = folder / f"checkpoint-{step}"
        to.mkdir()
        for source in [p for p in folder.iterdir() if p.is_file()]:
            shutil.copyfile(source, to / source.name)
        edit_tensors(lambda t: {n: v * 0.99 for n, v in t.items()})(to)


intact(
    "no pooler",
    "minilm",
    "The file has no pooler.*: the base model was saved without it.",
    edit_tensors(lambda t: {n: v for n, v in t.items() if "pooler" not in n}),
)


@intact(
    "a masked-language checkpoint",
    "bert",
    "Names start with bert., there are cls.predictions.*, architectures says BertForMaskedLM.",
)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> Any:
        head = {
            "cls.predictions.bias": torch.zeros(30522),
            "cls.predictions.transform.dense.weight": torch.randn(32, 32),
            "cls.predictions.transform.dense.bias": torch.randn(32),
            "cls.predictions.transform.LayerNorm.weight": torch.ones(32),
            "cls.predictions.transform.LayerNorm.bias": torch.zeros(32),
        }
        return {f"bert.{n}": v for n, v in t.items()} | head

    edit_tensors(change)(folder)
    edit_json("config.json", {"architectures": ["BertForMaskedLM"]})(folder)


@intact("a plain BERT", "minilm", "No file of sentence-transformers at all, as bert-base-uncased lies on the hub.")
def _(folder: Path) -> None:
    drop(M, S, ST, "1_Pooling", "2_Normalize", "README.md", "data_config.json")(folder)


@intact(
    "a ColBERT of PyLate",
    "bert",
    "Transformer and a Dense on tokens, query and document prefixes; no Pooling.",
    loads=False,
)
def _(folder: Path) -> None:
    drop("1_Pooling", "2_Normalize")(folder)
    shapes.write_dense(folder / "1_Dense", 32, 16, activation="Identity")
    edit_json("1_Dense/config.json", {"bias": False})(folder)
    edit_tensors(lambda t: {"linear.weight": t["linear.weight"]}, f"1_Dense/{W}")(folder)
    write_json(
        folder / M,
        [
            _module("Transformer", "", "0"),
            {"idx": 1, "name": "1", "path": "1_Dense", "type": "pylate.models.Dense.Dense"},
        ],
    )
    edit_json(
        ST,
        {
            "query_prefix": "[Q] ",
            "document_prefix": "[D] ",
            "query_length": 32,
            "document_length": 180,
            "attend_to_expansion_tokens": False,
            "skiplist_words": ["!", "."],
            "similarity_fn_name": "MaxSim",
        },
    )(folder)
    replace_text(
        folder / "README.md",
        "---\nlibrary_name: PyLate\ntags:\n- ColBERT\n- PyLate\n---\n# ColBERT\nMaps to sequences of 16-dimensional vectors, scored by MaxSim.\n",
    )


@intact("GGUF alone", "nothing", "A .gguf file and a card.", loads=False)
def _(folder: Path) -> None:
    import struct

    key = b"general.architecture"
    head = (
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, 4) + b"bert"
    )
    replace_bytes(folder / "nomic-embed-text-v1.5.Q4_K_M.gguf", head + b"\0" * 64)
    replace_text(
        folder / "README.md", "---\nbase_model: nomic-ai/nomic-embed-text-v1.5\n---\n# GGUF files for llama.cpp\n"
    )


@intact("ONNX alone", "minilm", "onnx/model.onnx, tokenizer and configuration; no weights for torch.", loads=False)
def _(folder: Path) -> None:
    _onnx(folder, "onnx/model.onnx")
    (folder / W).unlink()


def _onnx(folder: Path, name: str) -> None:
    import onnx
    from onnx import TensorProto, helper

    ids = [
        helper.make_tensor_value_info(n, TensorProto.INT64, ["batch", "sequence"])
        for n in ("input_ids", "attention_mask", "token_type_ids")
    ]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 384])
    table = (
        helper.make_tensor(
            "table", TensorProto.FLOAT, [30522, 384], tensors_of(folder / W)[WORDS].numpy().tobytes(), raw=True
        )
        if (folder / W).exists()
        else helper.make_tensor("table", TensorProto.FLOAT, [2, 384], b"\1" * 3072, raw=True)
    )
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])], "graph", ids, [out], [table]
    )
    (folder / name).parent.mkdir(exist_ok=True)
    replace_bytes(
        folder / name, onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )


@intact("OpenVINO alone", "bert", "openvino/openvino_model.xml and .bin; no weights for torch.", loads=False)
def _(folder: Path) -> None:
    (folder / "openvino").mkdir()
    replace_text(
        folder / "openvino/openvino_model.xml",
        '<?xml version="1.0"?>\n<net name="Model0" version="11"><layers></layers><edges></edges></net>\n',
    )
    replace_bytes(folder / "openvino/openvino_model.bin", b"\x11" * 4096)
    (folder / W).unlink()


@intact(
    "all the runtimes at once",
    "minilm",
    "safetensors, onnx/model.onnx with int8 siblings, and openvino/ lie side by side.",
)
def _(folder: Path) -> None:
    for name in ("model", "model_O3", "model_qint8_avx512"):
        _onnx(folder, f"onnx/{name}.onnx")
    (folder / "openvino").mkdir()
    replace_text(
        folder / "openvino/openvino_model.xml",
        '<?xml version="1.0"?>\n<net name="Model0" version="11"><layers></layers><edges></edges></net>\n',
    )
    replace_bytes(folder / "openvino/openvino_model.bin", b"\x11" * 4096)


@intact(
    "4 bit by bitsandbytes",
    "qwen3",
    "uint8 weights with absmax, quant_map and quant_state, and the configuration that says so.",
    loads=False,
)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> Any:
        out: dict[str, Any] = {}
        for name, v in t.items():
            if "proj.weight" not in name:
                out[name] = v
                continue
            out[name] = torch.randint(0, 255, (v.numel() // 2, 1), dtype=torch.uint8)
            out[f"{name}.absmax"] = torch.rand(v.numel() // 64 or 1)
            out[f"{name}.quant_map"] = torch.linspace(-1, 1, 16)
            state = json.dumps({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": list(v.shape)})
            out[f"{name}.quant_state.bitsandbytes__nf4"] = torch.tensor(list(state.encode()), dtype=torch.uint8)
        return out

    edit_tensors(change)(folder)
    settings = {
        "quant_method": "bitsandbytes",
        "load_in_4bit": True,
        "_load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_compute_dtype": "bfloat16",
    }
    edit_json(C, {"quantization_config": settings})(folder)


@intact(
    "GPTQ", "qwen3", "qweight, qzeros, scales and g_idx for each projection, and quantize_config.json.", loads=False
)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> Any:
        out: dict[str, Any] = {}
        for name, v in t.items():
            if "proj.weight" not in name:
                out[name] = v
                continue
            rows, columns = v.shape
            stem = name.removesuffix(".weight")
            out[f"{stem}.qweight"] = torch.randint(-(2**31), 2**31 - 1, (columns // 8, rows), dtype=torch.int32)
            out[f"{stem}.qzeros"] = torch.full((1, max(rows // 8, 1)), 0x77777777, dtype=torch.int32)
            out[f"{stem}.scales"] = torch.rand(1, rows).half()
            out[f"{stem}.g_idx"] = torch.zeros(columns, dtype=torch.int32)
        return out

    edit_tensors(change)(folder)
    settings = {"bits": 4, "group_size": 128, "quant_method": "gptq", "desc_act": False, "sym": True}
    edit_json(C, {"quantization_config": settings})(folder)
    write_json(folder / "quantize_config.json", settings)


@intact("a cross-encoder", "minilm", "BertForSequenceClassification with one label, no modules.json.", loads=False)
def _(folder: Path) -> None:
    import torch

    drop(M, S, ST, "1_Pooling", "2_Normalize", "README.md", "data_config.json")(folder)
    edit_tensors(
        lambda t: (
            {f"bert.{n}": v for n, v in t.items()}
            | {"classifier.weight": torch.randn(1, 384), "classifier.bias": torch.randn(1)}
        )
    )(folder)
    edit_json(
        C,
        {
            "architectures": ["BertForSequenceClassification"],
            "num_labels": 1,
            "id2label": {"0": "LABEL_0"},
            "label2id": {"LABEL_0": 0},
            "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.0.1"},
        },
    )(folder)


@intact("a SPLADE", "bert", "MLMTransformer and SpladePooling: as wide as the vocabulary.", loads=False)
def _(folder: Path) -> None:
    import torch

    drop("1_Pooling", "2_Normalize")(folder)
    head = {
        "cls.predictions.bias": torch.randn(30522),
        "cls.predictions.transform.dense.weight": torch.randn(32, 32),
        "cls.predictions.transform.dense.bias": torch.randn(32),
        "cls.predictions.transform.LayerNorm.weight": torch.ones(32) + torch.randn(32) / 9,
        "cls.predictions.transform.LayerNorm.bias": torch.randn(32),
    }
    edit_tensors(lambda t: {f"bert.{n}": v for n, v in t.items()} | head)(folder)
    edit_json(C, {"architectures": ["BertForMaskedLM"]})(folder)
    kind = "sentence_transformers.sparse_encoder.models"
    write_json(
        folder / M,
        [
            {"idx": 0, "name": "0", "path": "", "type": f"{kind}.MLMTransformer"},
            {"idx": 1, "name": "1", "path": "1_SpladePooling", "type": f"{kind}.SpladePooling"},
        ],
    )
    write_json(
        folder / "1_SpladePooling/config.json",
        {"pooling_strategy": "max", "activation_function": "relu", "word_embedding_dimension": 30522},
    )
    edit_json(ST, {"model_type": "SparseEncoder", "similarity_fn_name": "dot"})(folder)
    replace_text(
        folder / "README.md",
        "---\ntags:\n- sparse-encoder\n- splade\n---\n# SPLADE\nIt maps to a 30522-dimensional sparse vector space.\n",
    )


@intact(
    "an adapter alone", "e5", "adapter_config.json and adapter_model.safetensors; the base is on the hub.", loads=False
)
def _(folder: Path) -> None:
    import torch

    (folder / W).unlink()
    (folder / C).unlink()
    write_json(
        folder / "adapter_config.json",
        {
            "base_model_name_or_path": "intfloat/multilingual-e5-small",
            "peft_type": "LORA",
            "task_type": "FEATURE_EXTRACTION",
            "r": 4,
            "lora_alpha": 8,
            "target_modules": ["query", "value"],
        },
    )
    stem = "base_model.model.encoder.layer.0.attention.self"
    save_tensors(
        folder / "adapter_model.safetensors",
        {
            f"{stem}.{m}.lora_{x}.weight": torch.randn(*((4, 32) if x == "A" else (32, 4)))
            for m in ("query", "value")
            for x in "AB"
        },
    )


@intact(
    "word vectors alone",
    "nothing",
    "StaticEmbedding as sentence-transformers saves it: one table, one tokenizer, no config.json.",
)
def _(folder: Path) -> None:
    import torch

    tokenizer = shapes.unigram().backend_tokenizer
    place = folder / "0_StaticEmbedding"
    place.mkdir()
    tokenizer.save(str(place / T))
    save_tensors(
        place / W,
        {"embedding.weight": torch.randn(tokenizer.get_vocab_size(), 24, generator=torch.Generator().manual_seed(2))},
    )
    write_json(
        folder / M,
        [{"idx": 0, "name": "0", "path": "0_StaticEmbedding", "type": "sentence_transformers.models.StaticEmbedding"}],
    )
    write_json(folder / ST, {"prompts": {}, "similarity_fn_name": "cosine"})


@intact(
    "a model2vec",
    "nothing",
    "config.json of model2vec, embeddings, tokenizer.json, and modules for sentence-transformers.",
)
def _(folder: Path) -> None:
    import torch

    tokenizer = shapes.unigram().backend_tokenizer
    tokenizer.save(str(folder / T))
    save_tensors(
        folder / W,
        {"embeddings": torch.randn(tokenizer.get_vocab_size(), 24, generator=torch.Generator().manual_seed(3)).half()},
    )
    write_json(
        folder / C,
        {
            "model_type": "model2vec",
            "architectures": ["StaticModel"],
            "tokenizer_name": "baai/bge-base-en-v1.5",
            "apply_pca": 256,
            "apply_zipf": True,
            "hidden_dim": 24,
            "seq_length": 1000000,
            "normalize": True,
        },
    )
    write_json(folder / M, [_module("StaticEmbedding", ".", "0"), _module("Normalize", "1_Normalize", "1")])


intact("three shards", "minilm", "The weights lie in three shards with their index.", lambda f: [shard(f), None][1])
intact(
    "half precision",
    "minilm",
    "float16 weights, and config.json says so.",
    both(
        edit_tensors(lambda t: {n: v.half() if v.is_floating_point() else v for n, v in t.items()}),
        edit_json(C, {"torch_dtype": "float16"}),
    ),
)
intact(
    "bfloat16",
    "qwen3",
    "bfloat16 weights, and config.json says so.",
    both(edit_tensors(lambda t: {n: v.bfloat16() for n, v in t.items()}), edit_json(C, {"dtype": "bfloat16"})),
)


@intact("only a .bin", "roberta", "pytorch_model.bin, no safetensors.")
def _(folder: Path) -> None:
    import torch

    torch.save(tensors_of(folder / W), folder / "pytorch_model.bin")
    (folder / W).unlink()


@intact("odd files", "minilm", "Pictures, figures, .DS_Store, a note in Chinese and file names that are not ASCII.")
def _(folder: Path) -> None:
    replace_bytes(folder / ".DS_Store", b"\0\0\0\1Bud1" + b"\0" * 100)
    replace_bytes(folder / "prüfung-größe.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 50)
    replace_text(folder / "eval/similarity_evaluation_sts-dev_results.csv", "epoch,steps,cosine_pearson\n0,-1,0.83\n")
    replace_text(folder / "说明.txt", "请先阅读\n")
    replace_text(folder / "🤗 notes (copy).md", "# notes\n")
    replace_text(folder / "train_script.py", "import torch\nprint('training')\n")
    replace_text(folder / "onnx/.gitkeep", "")


@intact("links of the hub's cache", "minilm", "Every file is a link to ../../blobs/<hash>.")
def _(folder: Path) -> None:
    import hashlib

    blobs = folder.parent / "blobs"
    blobs.mkdir(exist_ok=True)
    for path in [p for p in folder.rglob("*") if p.is_file()]:
        blob = blobs / hashlib.sha256(str(path.relative_to(folder)).encode()).hexdigest()
        path.rename(blob)
        path.symlink_to(os.path.relpath(blob, path.parent))


intact("no card", "minilm", "README.md is absent.", drop("README.md"))
intact(
    "Matryoshka",
    "minilm",
    "truncate_dim is 128, and the card says so.",
    both(
        edit_json(ST, {"truncate_dim": 128}),
        lambda f: replace_text(
            f / "README.md",
            "# Matryoshka\nTrained with MatryoshkaLoss at 384, 256, 128 dimensions; `truncate_dim` is 128 here: vectors of 128 dimensions.\n",
        ),
    ),
)
intact("prompts", "e5", "Prompts for queries and documents, none by default.", lambda f: None)
intact(
    "a decoder padded on the left", "qwen3", "padding_side left, last token, instruction for queries.", lambda f: None
)


@intact(
    "a router", "bert", "Router with a way for queries (StaticEmbedding) and one for documents (Transformer, Pooling)."
)
def _(folder: Path) -> None:
    import torch

    inside = folder / "document_0_Transformer"
    inside.mkdir()
    for name in (C, W, T, TC, "vocab.txt", "special_tokens_map.json", S):
        (folder / name).rename(inside / name)
    (folder / "1_Pooling").rename(folder / "document_1_Pooling")
    place = folder / "query_0_StaticEmbedding"
    place.mkdir()
    shutil.copyfile(inside / T, place / T)
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
    write_json(folder / M, [_module("Router", "", "0"), _module("Normalize", "1_Normalize", "1")])
    drop("2_Normalize", "README.md")(folder)


@intact("a head on two poolings", "dense", "Mean and CLS side by side, 64 wide, and a Dense from 64 to 24.")
def _(folder: Path) -> None:
    edit_json("1_Pooling/config.json", {"pooling_mode_cls_token": True})(folder)
    shapes.write_dense(folder / "2_Dense", 64, 24)
    drop("README.md")(folder)


@intact(
    "a cased BERT",
    "bert",
    "do_lower_case false, and neither the vocabulary's casing nor a normaliser is at odds with it.",
)
def _(folder: Path) -> None:
    def change(v: Any) -> None:
        v["normalizer"].update(lowercase=False, strip_accents=False)
        words = v["model"]["vocab"]
        for word, index in list(words.items()):
            if index >= 1996 and word.isalpha() and index % 2 and word.capitalize() not in words:
                words[word.capitalize()] = words.pop(word)
        v["model"]["vocab"] = dict(sorted(words.items(), key=lambda item: item[1]))

    edit_tokenizer(change)(folder)
    replace_text(folder / "vocab.txt", "\n".join(read_json(folder / T)["model"]["vocab"]) + "\n")
    edit_json(TC, {"do_lower_case": False, "strip_accents": False})(folder)


intact(
    "a table tied and saved twice",
    "t5",
    "shared.weight and encoder.embed_tokens.weight, equal.",
    edit_tensors(lambda t: t.update({"encoder.embed_tokens.weight": t["shared.weight"].clone()})),
)


@intact(
    "saved as a language model",
    "qwen3",
    "architectures says Qwen3ForCausalLM, names start with model., there is an lm_head.",
)
def _(folder: Path) -> None:
    edit_tensors(
        lambda t: {f"model.{n}": v for n, v in t.items()} | {"lm_head.weight": t["embed_tokens.weight"].flip(0)}
    )(folder)
    edit_json(C, {"architectures": ["Qwen3ForCausalLM"], "tie_word_embeddings": False})(folder)


@intact(
    "a whole T5", "t5", "The file holds the decoder and lm_head as well; architectures says T5ForConditionalGeneration."
)
def _(folder: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config.from_pretrained(folder)
    whole = shapes.trained(T5ForConditionalGeneration(config), 16)
    mine = tensors_of(folder / W)
    state = {
        n: v
        for n, v in whole.state_dict().items()
        if n not in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight")
    }
    save_tensors(folder / W, {n: v.clone() for n, v in (state | mine).items()})
    edit_json(C, {"architectures": ["T5ForConditionalGeneration"]})(folder)


@intact(
    "a table rounded up", "xlmr", "The word table has rows to a multiple of 64; those beyond the tokenizer are zeros."
)
def _(folder: Path) -> None:
    import torch

    def change(t: dict[str, Any]) -> None:
        table = t[WORDS]
        t[WORDS] = torch.cat([table, torch.zeros(-len(table) % 64 + 64, table.shape[1])])

    edit_tensors(change)(folder)
    edit_json(C, {"vocab_size": len(tensors_of(folder / W)[WORDS])})(folder)


intact("vocab.txt alone", "minilm", "No tokenizer.json: the tokenizer is made from vocab.txt.", drop("tokenizer.json"))


@intact("the old layout", "bert", "The transformer lies in 0_Transformer, as sentence-transformers before 2 saved it.")
def _(folder: Path) -> None:
    inside = folder / "0_Transformer"
    inside.mkdir()
    for name in (C, W, T, TC, "vocab.txt", "special_tokens_map.json", S):
        (folder / name).rename(inside / name)
    edit_json(M, lambda v: v[0].update(path="0_Transformer"))(folder)
    drop("README.md")(folder)


@intact(
    "what hf download leaves",
    "minilm",
    ".cache/huggingface with metadata of each file, .gitattributes, .git with a HEAD.",
)
def _(folder: Path) -> None:
    for name in (C, W, "modules.json"):
        replace_text(
            folder / f".cache/huggingface/download/{name}.metadata",
            "c9745ed1d9f207416be6d2e6f8de32d1f16199bf\n53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db\n1723000000.0\n",
        )
        replace_text(folder / f".cache/huggingface/download/{name}.lock", "")
    replace_text(folder / ".cache/huggingface/.gitignore", "*")
    replace_text(folder / ".git/HEAD", "ref: refs/heads/main\n")


intact(
    "gamma and beta",
    "bert",
    "LayerNorm's tensors are called gamma and beta, as the first BERTs' were.",
    rename_tensors(
        lambda n: n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    ),
)


@intact("words added and trained", "bert", "Two added tokens with vectors of their own, at the end of the table.")
def _(folder: Path) -> None:
    import torch

    edit_tokenizer(
        lambda v: v["added_tokens"].extend(
            [_added("covid19", 30522, special=False, normalized=True), _added("[QRY]", 30523)]
        )
    )(folder)
    edit_tensors(
        lambda t: t.update(
            {WORDS: torch.cat([t[WORDS], torch.randn(2, 32, generator=torch.Generator().manual_seed(9)) * 0.15])}
        )
    )(folder)
    edit_json(C, {"vocab_size": 30524})(folder)


@intact("Chinese card with results", "minilm", "A card in Chinese with 2000 lines of mteb results in its head.")
def _(folder: Path) -> None:
    rows = "".join(
        f"  - task:\n      type: STS\n    dataset:\n      name: MTEB {i}\n      type: mteb/{i}\n    metrics:\n    - type: cos_sim_spearman\n      value: {i / 300}\n"
        for i in range(250)
    )
    replace_text(
        folder / "README.md",
        f"---\nmodel-index:\n- name: 通用文本向量\n  results:\n{rows}language:\n- zh\n---\n# 文本向量模型\n向量维度 384,最长 256。\n",
    )


@intact("other modules", "bert", "LayerNorm and Dropout after Pooling, both sentence-transformers' own.")
def _(folder: Path) -> None:
    import torch

    write_json(folder / "2_LayerNorm/config.json", {"dimension": 32})
    save_tensors(
        folder / f"2_LayerNorm/{W}",
        {"norm.weight": torch.rand(32, generator=torch.Generator().manual_seed(1)) + 0.5, "norm.bias": torch.rand(32)},
    )
    write_json(folder / "3_Dropout/config.json", {"dropout": 0.1})
    write_json(
        folder / M,
        [
            _module("Transformer", "", "0"),
            _module("Pooling", "1_Pooling", "1"),
            _module("LayerNorm", "2_LayerNorm", "2"),
            _module("Dropout", "3_Dropout", "3"),
        ],
    )
    drop("2_Normalize", "README.md")(folder)


@intact(
    "newer file names",
    "xlmr",
    "Pooling in sentence-transformers 5.4's words: embedding_dimension, pooling_mode; types by their new paths.",
)
def _(folder: Path) -> None:
    write_json(
        folder / "1_Pooling/config.json", {"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": True}
    )
    place = {
        "Transformer": "sentence_transformers.base.modules.transformer",
        "Pooling": "sentence_transformers.sentence_transformer.modules.pooling",
        "Normalize": "sentence_transformers.base.modules.normalize",
    }

    def change(v: Any) -> None:
        for module in v:
            kind = module["type"].rpartition(".")[2]
            module["type"] = f"{place[kind]}.{kind}"

    edit_json(M, change)(folder)


intact(
    "BERT of one segment type more",
    "modernbert",
    "A ModernBERT of 1024 tokens; nothing was done to it.",
    lambda f: None,
)
intact(
    "MiniLM with a general tokenizer class",
    "minilm-fast",
    "tokenizer_class is PreTrainedTokenizerFast.",
    lambda f: None,
)
intact("MPNet", "mpnet", "An MPNet; nothing was done to it.", lambda f: None)
intact("MiniLM", "minilm", "all-MiniLM-L6-v2; nothing was done to it.", lambda f: None)

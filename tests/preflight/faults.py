"""Faults injected into a copy of all-MiniLM-L6-v2, each with the code preflight must name it by."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["FAULTS"]

Inject = Callable[[Path], None]
WEIGHTS = "model.safetensors"


def _tensors(folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return load_file(folder / WEIGHTS)


def _save(folder: Path, tensors: dict[str, Any], name: str = WEIGHTS) -> None:
    from safetensors.torch import save_file

    (folder / name).unlink(missing_ok=True)  # the copy's weights are a link to the real ones
    save_file(tensors, folder / name, metadata={"format": "pt"})


def _weights(change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Inject:
    def inject(folder: Path) -> None:
        tensors = _tensors(folder)
        _save(folder, change(tensors) or tensors)

    return inject


def _json(name: str, **changes: Any) -> Inject:
    def inject(folder: Path) -> None:
        path = folder / name
        value = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**value, **changes}))

    return inject


def _remove(*names: str) -> Inject:
    def inject(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return inject


def _write(name: str, content: bytes) -> Inject:
    def inject(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)

    return inject


def _cut(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    _write(WEIGHTS, content[: len(content) // 2])(folder)


def _shards(folder: Path, *, lose: bool) -> None:
    """Two shards and their index; the second one lost, or holding less than the index says."""
    tensors = _tensors(folder)
    names = sorted(tensors)
    first, second = names[: len(names) // 2], names[len(names) // 2 :]
    (folder / WEIGHTS).unlink()
    where = {name: "model-00001-of-00002.safetensors" for name in first} | {
        name: "model-00002-of-00002.safetensors" for name in second
    }
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    _save(folder, {name: tensors[name] for name in first}, "model-00001-of-00002.safetensors")
    if not lose:
        _save(folder, {name: tensors[name] for name in second[1:]}, "model-00002-of-00002.safetensors")


def _drop(pattern: str) -> Inject:
    return _weights(lambda tensors: {name: value for name, value in tensors.items() if not re.search(pattern, name)})


def _fill(pattern: str, value: float) -> Inject:
    def change(tensors: dict[str, Any]) -> None:
        for name in tensors:
            if re.search(pattern, name):
                tensors[name].fill_(value)

    return _weights(change)


def _one_nan(tensors: dict[str, Any]) -> None:
    tensors["encoder.layer.3.output.dense.weight"][5, 5] = float("nan")


def _copy_layer(tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        name: tensors[name.replace("layer.4.", "layer.3.")].clone() if "layer.4." in name else value
        for name, value in tensors.items()
    }


def _short_embeddings(tensors: dict[str, Any]) -> None:
    tensors["embeddings.word_embeddings.weight"] = tensors["embeddings.word_embeddings.weight"][:-522].clone()


def _bin(change: Callable[[dict[str, Any]], Any]) -> Inject:
    def inject(folder: Path) -> None:
        import torch

        tensors = _tensors(folder)
        torch.save(change(tensors) or tensors, folder / "pytorch_model.bin")

    return inject


def _older(tensors: dict[str, Any]) -> None:
    tensors["encoder.layer.5.output.dense.weight"] += 0.01


class _Runs:
    """What a hostile pickle looks like: unpickling it would call a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("executed",)


def _tokenizer_json(change: Callable[[dict[str, Any]], None]) -> Inject:
    def inject(folder: Path) -> None:
        path = folder / "tokenizer.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return inject


def _no_template(value: dict[str, Any]) -> None:
    value["post_processor"] = None


def _no_specials(folder: Path) -> None:
    _tokenizer_json(_no_template)(folder)
    _json("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(folder)


def _template(kept: str) -> Inject:
    """Only the named one of the template's two special tokens is added from now on."""

    def change(value: dict[str, Any]) -> None:
        template = value["post_processor"]
        for form in ("single", "pair"):
            template[form] = [p for p in template[form] if p.get("SpecialToken", {"id": kept})["id"] == kept]

    def inject(folder: Path) -> None:
        _tokenizer_json(change)(folder)
        _json("tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")(folder)

    return inject


def _no_place(folder: Path) -> None:
    """A header of safetensors that names a tensor and does not say where it lies."""
    header = json.dumps({"a": 1}).encode()
    _write(WEIGHTS, struct.pack("<Q", len(header)) + header)(folder)


def _half_vocabulary(folder: Path) -> None:
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text("\n".join(lines[: len(lines) // 2]))
    (folder / "tokenizer.json").unlink()


def _other_vocabulary(folder: Path) -> None:
    lines = (folder / "vocab.txt").read_text().splitlines()
    lines[2000:2100] = reversed(lines[2000:2100])
    (folder / "vocab.txt").write_text("\n".join(lines))


def _added_tokens(folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<extra-{index}>" for index in range(40)])
    tokenizer.save_pretrained(folder)
    (folder / "vocab.txt").unlink(missing_ok=True)


def _scrambled_vocabulary(folder: Path) -> None:
    """Nothing but the special tokens is left, under their own ids."""
    lines = (folder / "vocab.txt").read_text().splitlines()
    (folder / "vocab.txt").write_text(
        "\n".join(t if t.startswith("[") and t.endswith("]") else f"zq{i}" for i, t in enumerate(lines))
    )
    (folder / "tokenizer.json").unlink()


def _pooling(mode: str | None) -> Inject:
    chosen = {
        f"pooling_mode_{name}": name == mode
        for name in ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "lasttoken")
    }
    return _json("1_Pooling/config.json", **chosen)


def _last_token(folder: Path) -> None:
    _pooling("lasttoken")(folder)
    (folder / "README.md").unlink()


def _modules(change: Callable[[list[dict[str, Any]]], None]) -> Inject:
    def inject(folder: Path) -> None:
        path = folder / "modules.json"
        value = json.loads(path.read_text())
        change(value)
        path.write_text(json.dumps(value))

    return inject


def _own_module(modules: list[dict[str, Any]]) -> None:
    modules[0]["type"] = "custom_st.Transformer"


DENSE = {"idx": 3, "name": "3", "path": "3_Dense", "type": "sentence_transformers.models.Dense"}
AUTO = {"AutoConfig": "configuration_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
OWN_TOKENIZER = {"AutoTokenizer": [None, "tokenization_own.OwnTokenizer"]}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:53aa51172d142c89d9012cce15ae4d6c\nsize 90868376\n"


def _a_router(modules: list[dict[str, Any]]) -> None:
    modules[0] |= {"type": "sentence_transformers.models.Router", "path": "router"}


# What was done to the copy -> how, and the code of the finding.
FAULTS: dict[str, tuple[Inject, str]] = {
    "one tensor deleted": (_drop(r"layer\.2\.attention\.self\.query\.weight"), "weights-missing"),
    "the LayerNorm tensors deleted": (_drop("LayerNorm"), "weights-missing"),
    "the last layer's tensors deleted": (_drop(r"layer\.5\."), "weights-missing"),
    "all keys renamed": (
        _weights(lambda t: {f"model.trunk.{name}": value for name, value in t.items()}),
        "weights-renamed",
    ),
    "two layers cut in config.json": (_json("config.json", num_hidden_layers=4), "weights-unexpected"),
    "two layers added in config.json": (_json("config.json", num_hidden_layers=8), "weights-missing"),
    "another width in config.json": (_json("config.json", intermediate_size=1024), "weights-mismatched"),
    "rows of the word embeddings cut": (_weights(_short_embeddings), "weights-mismatched"),
    "a tensor zeroed": (_fill(r"layer\.1\.output\.dense\.weight", 0.0), "weights-zero"),
    "a bias zeroed in one layer": (_fill(r"layer\.1\.intermediate\.dense\.bias", 0.0), "weights-zero"),
    "one NaN in a tensor": (_weights(_one_nan), "weights-not-finite"),
    "a tensor of one value": (_fill(r"layer\.4\.intermediate\.dense\.weight", 0.02), "weights-constant"),
    "all LayerNorm scales reset to 1": (_fill(r"LayerNorm\.weight", 1.0), "norms-untrained"),
    "one LayerNorm scale reset to 1": (_fill(r"layer\.2\.output\.LayerNorm\.weight", 1.0), "weights-constant"),
    "one layer copied over the next": (_weights(_copy_layer), "weights-duplicated"),
    "weights cut in half": (_cut, "weights-truncated"),
    "weights empty": (_write(WEIGHTS, b""), "file-empty"),
    "weights a Git LFS pointer": (_write(WEIGHTS, POINTER), "lfs-pointer"),
    "weights not there": (_remove(WEIGHTS), "weights-file-missing"),
    "a shard missing": (lambda folder: _shards(folder, lose=True), "shard-missing"),
    "a shard that lacks a tensor": (lambda folder: _shards(folder, lose=False), "shard-incomplete"),
    "an older pytorch_model.bin beside the safetensors": (_bin(_older), "stale-bin"),
    "a pytorch_model.bin that would run code": (_bin(lambda tensors: {"weights": _Runs()}), "pickle-unsafe"),
    "config.json removed": (_remove("config.json"), "config-missing"),
    "config.json cut": (_write("config.json", b'{"model_type": "bert", '), "json-unreadable"),
    "a header of the weights that is none": (_no_place, "weights-truncated"),
    "auto_map a list": (_json("config.json", auto_map=["own.Own"]), "json-malformed"),
    "model_type a list": (_json("config.json", model_type=["bert"]), "json-malformed"),
    "vocab_size a text": (_json("config.json", vocab_size="abc"), "json-malformed"),
    "prompts a list": (_json("config_sentence_transformers.json", prompts=["query: "]), "json-malformed"),
    "max_seq_length a text": (_json("sentence_bert_config.json", max_seq_length="256"), "json-malformed"),
    "modules.json an object": (_write("modules.json", b'{"0": "Transformer"}'), "json-malformed"),
    "config.json a list": (_write("config.json", b"[1]"), "json-malformed"),
    "an activation nobody knows": (_json("config.json", hidden_act="nope"), "weights-unloadable"),
    "modules.json removed": (_remove("modules.json"), "modules-missing"),
    "the pooling config removed": (_remove("1_Pooling/config.json"), "module-missing"),
    "the length config removed": (_remove("sentence_bert_config.json"), "length-config-missing"),
    "a declared Dense module absent": (_modules(lambda modules: modules.append(DENSE)), "module-missing"),
    "auto_map with a known type, not trusted": (_json("config.json", auto_map=AUTO), "code-replaced"),
    "auto_map with an unknown type, not trusted": (
        _json("config.json", auto_map=AUTO, model_type="own"),
        "code-untrusted",
    ),
    "auto_map of the tokenizer, not trusted": (
        _json("tokenizer_config.json", auto_map=OWN_TOKENIZER),
        "tokenizer-replaced",
    ),
    "auto_map of a processor, not trusted": (
        _write("processor_config.json", b'{"auto_map": {"AutoProcessor": "own.OwnProcessor"}}'),
        "processor-untrusted",
    ),
    "a module class of the repository's own, not trusted": (_modules(_own_module), "modules-untrusted"),
    "a router without its settings": (_modules(_a_router), "router-incomplete"),
    "vocabulary and tokenizer removed": (_remove("vocab.txt", "tokenizer.json"), "tokenizer-missing"),
    "half of the vocabulary lost": (_half_vocabulary, "tokenizer-smaller"),
    "tokens added that the model has no rows for": (_added_tokens, "tokenizer-larger"),
    "a vocabulary of other words": (_scrambled_vocabulary, "unknown-tokens"),
    "vocab.txt in another order than tokenizer.json": (_other_vocabulary, "vocabularies-differ"),
    "do_lower_case flipped": (_json("tokenizer_config.json", do_lower_case=False), "lowercase-differs"),
    "special tokens no longer added": (_no_specials, "special-tokens-missing"),
    "the end token no longer added": (_template("[CLS]"), "end-token-missing"),
    "the start token no longer added": (_template("[SEP]"), "start-token-missing"),
    "an unknown token that is no token": (_json("special_tokens_map.json", unk_token=""), "tokenizer-unloadable"),
    "padding on the left": (_json("tokenizer_config.json", padding_side="left"), "padding-left"),
    "another padding id in config.json": (_json("config.json", pad_token_id=100), "pad-differs"),
    "the tokenizer cuts at 64 tokens": (_json("tokenizer_config.json", model_max_length=64), "length-cut"),
    "more tokens than positions": (_json("sentence_bert_config.json", max_seq_length=1024), "length-beyond-positions"),
    "pooling switched to CLS": (_pooling("cls_token"), "pooling-differs"),
    "no pooling switched on": (_pooling(None), "pooling-undeclared"),
    "pooling switched to the last token, no model card": (_last_token, "pooling-encoder"),
    "the Normalize module removed": (_modules(lambda modules: modules.pop()), "normalisation-missing"),
    "is_decoder switched on": (_json("config.json", is_decoder=True), "attention-causal"),
    "half precision in config.json": (_json("config.json", torch_dtype="float16"), "dtype-differs"),
    "a default prompt that does not exist": (
        _json("config_sentence_transformers.json", default_prompt_name="query"),
        "prompt-undefined",
    ),
    "an unknown similarity function": (
        _json("config_sentence_transformers.json", similarity_fn_name="l3"),
        "similarity-unknown",
    ),
    "another width in the pooling config": (
        _json("1_Pooling/config.json", word_embedding_dimension=768),
        "dimensions-differ",
    ),
    "one head of a BGE-M3 layout missing": (_write("colbert_linear.pt", b"PK"), "heads-missing"),
}

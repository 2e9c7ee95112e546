"""A pipeline's files without a transformer's weights, and what can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["NUMBERS", "PIPELINES", "write_pipeline"]

Inject = Callable[[Path], None]
_MODELS = "sentence_transformers.models"
_TANH = "torch.nn.modules.activation.Tanh"
CONFIG = {
    "model_type": "bert", "architectures": ["BertModel"], "hidden_size": 32, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": 100, "max_position_embeddings": 64,
    "pad_token_id": 0, "layer_norm_eps": 1e-12, "hidden_act": "gelu", "hidden_dropout_prob": 0.1,
}  # fmt: skip


def write_pipeline(folder: Path) -> Path:
    """Transformer, Pooling, Dense of 32 to 24, Normalize: as modules.json and the settings of each say."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    entries = [
        {"idx": i, "name": str(i), "path": path, "type": f"{_MODELS}.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    put(folder / "modules.json", entries)
    put(folder / "config.json", CONFIG)
    put(folder / "sentence_bert_config.json", {"max_seq_length": 62, "do_lower_case": False})
    put(folder / "1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    dense = {"in_features": 32, "out_features": 24, "bias": True, "activation_function": _TANH}
    put(folder / "2_Dense/config.json", dense)
    generator = torch.Generator().manual_seed(2)
    tensors = {"linear.weight": torch.randn(24, 32, generator=generator), "linear.bias": torch.randn(24)}
    save_file(tensors, folder / "2_Dense/model.safetensors")
    return folder


def put(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def settings(name: str, *without: str, **changes: Any) -> Inject:
    def inject(folder: Path) -> None:
        path = folder / name
        value = json.loads(path.read_text()) if path.exists() else {}
        put(path, {key: entry for key, entry in {**value, **changes}.items() if key not in without})

    return inject


def modules(change: Callable[[list[dict[str, Any]]], Any]) -> Inject:
    def inject(folder: Path) -> None:
        value = json.loads((folder / "modules.json").read_text())
        put(folder / "modules.json", change(value) or value)

    return inject


def order(*places: int) -> Inject:
    """The entries in this order, numbered and named anew, as a hand that moved them would leave them."""

    def change(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**entries[place], "idx": at, "name": str(at)} for at, place in enumerate(places)]

    return modules(change)


def entry(place: int, **changes: Any) -> Inject:
    return modules(lambda entries: entries[place].update(changes))


def tensors(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Inject:
    def inject(folder: Path) -> None:
        from safetensors.torch import load_file, save_file

        path = folder / "2_Dense/model.safetensors"
        save_file(change(load_file(path)), path)

    return inject


def module(
    kind: str, package: str = _MODELS, weights: Callable[[], dict[str, Any]] | None = None, **options: Any
) -> Inject:
    """One more module after the Pooling, in place of the Dense."""

    def inject(folder: Path) -> None:
        from safetensors.torch import save_file

        entry(2, type=f"{package}.{kind}", path=f"2_{kind}")(folder)
        put(folder / f"2_{kind}/config.json", options)
        if weights:
            save_file(weights(), folder / f"2_{kind}/model.safetensors")

    return inject


def _norm() -> dict[str, Any]:
    import torch

    return {"norm.weight": torch.ones(24), "norm.bias": torch.zeros(24)}


def router(**changes: Any) -> Inject:
    """A router of two routes, made of the same transformer's settings, in place of the Transformer."""

    def inject(folder: Path) -> None:
        parts = {f"{route}_0_Transformer": f"{_MODELS}.Transformer" for route in ("query", "document")}
        for part in parts:
            put(folder / part / "config.json", CONFIG)
            put(folder / part / "sentence_bert_config.json", {"max_seq_length": 62})
        routes = {"query": ["query_0_Transformer"], "document": ["document_0_Transformer"]}
        whole = {"types": parts, "structure": routes, "parameters": {"default_route": "document"}} | changes
        put(folder / "router_config.json", whole)
        entry(0, type=f"{_MODELS}.Router")(folder)

    return inject


def static_route(width: int, table: str = "embedding.weight") -> Inject:
    """Word vectors for queries, the transformer for documents."""

    def inject(folder: Path) -> None:
        import torch
        from safetensors.torch import save_file

        router()(folder)
        order(0, 3)(folder)
        for path in (folder / "2_Dense").iterdir():
            path.unlink()
        (folder / "1_Pooling").rename(folder / "document_1_Pooling")
        routes = {"query": ["query_0_StaticEmbedding"], "document": ["document_0_Transformer", "document_1_Pooling"]}
        kinds = {part: f"{_MODELS}.{part.rpartition('_')[2]}" for parts in routes.values() for part in parts}
        put(folder / "router_config.json", {"types": kinds, "structure": routes, "parameters": {}})
        put(folder / "query_0_StaticEmbedding/tokenizer.json", {"model": {"vocab": {"a": 0, "b": 1}}})
        save_file({table: torch.ones(2, width)}, folder / "query_0_StaticEmbedding/model.safetensors")

    return inject


def narrow_route(folder: Path) -> None:
    """One route whose Transformer is wider than the other's, and no Dense that would notice."""
    router()(folder)
    order(0, 1, 3)(folder)
    settings("query_0_Transformer/config.json", hidden_size=16)(folder)
    for path in (folder / "2_Dense").iterdir():
        path.unlink()


def other_default(folder: Path) -> None:
    """A card that names the documents' prompt as the one without a name, files that name the queries'."""
    prompts = {"query": "search_query: ", "document": "search_document: "}
    put(folder / "config_sentence_transformers.json", {"prompts": prompts, "default_prompt_name": "query"})
    (folder / "README.md").write_text("Without a name, `search_document: ` is put first.\n", encoding="utf-8")


_WITHOUT_A_PATH = {"type": f"{_MODELS}.Normalize", "name": "3"}
_PIPE = "sentence_bert_config.json"
_DENSE, _POOL, _ST = "2_Dense/config.json", "1_Pooling/config.json", "config_sentence_transformers.json"

# What was done to the pipeline -> how, and the code of the finding.
PIPELINES: dict[str, tuple[Inject, str]] = {
    "modules.json an empty list": (modules(lambda entries: entries.clear()), "pipeline-empty"),
    "a module without a path": (modules(lambda entries: [*entries[:3], _WITHOUT_A_PATH]), "module-undeclared"),
    "a module outside the folder": (entry(2, path="../2_Dense"), "module-outside"),
    "a module nobody knows": (entry(1, type=f"{_MODELS}.Poolin"), "module-unknown"),
    "a module in a package that has it not": (
        entry(1, type="sentence_transformers.cross_encoder.modules.Pooling"),
        "module-unknown",
    ),
    "two modules of one name": (entry(3, name="2"), "module-name-twice"),
    "idx in another order than the entries": (modules(lambda entries: entries[::-1]), "modules-order"),
    "the Transformer listed last": (order(1, 2, 3, 0), "pipeline-starts"),
    "a second Transformer": (order(0, 1, 0, 2, 3), "module-out-of-place"),
    "the Dense before the Pooling": (order(0, 2, 1, 3), "module-input-missing"),
    "the Pooling left out": (order(0, 3), "pipeline-gives-none"),
    "Normalize before the Pooling": (order(0, 3, 1, 2), "normalize-idle"),
    "Normalize before the Dense": (order(0, 1, 3, 2), "normalize-early"),
    "Normalize twice": (order(0, 1, 2, 3, 3), "normalize-twice"),
    "the Pooling twice": (order(0, 1, 2, 1, 3), "pooling-twice"),
    "the Dense twice": (order(0, 1, 2, 2, 3), "module-repeated"),
    "a module's folder that is not listed": (order(0, 1, 3), "module-unlisted"),
    "Normalize of the tokens": (
        settings("3_Normalize/config.json", module_input_name="token_embedding"),
        "normalize-idle",
    ),
    "a setting that Pooling does not know": (settings(_POOL, pooling_mode_mean=True), "module-settings-refused"),
    "the width left out of the Pooling": (settings(_POOL, "word_embedding_dimension"), "module-settings-refused"),
    "a setting that the Transformer does not know": (settings(_PIPE, max_length=128), "module-settings-refused"),
    "a pooling nobody knows": (settings(_POOL, pooling_mode="average"), "module-value-refused"),
    "a task nobody knows": (settings(_PIPE, transformer_task="embedding"), "module-value-refused"),
    "layers left out for the loader": (settings(_PIPE, config_args={"num_hidden_layers": 1}), "settings-override"),
    "no special tokens for the tokenizer": (
        settings(_PIPE, processing_kwargs={"text": {"add_special_tokens": False}}),
        "settings-override",
    ),
    "a Dense of another width": (settings(_DENSE, in_features=48), "widths-differ"),
    "two poolings in front of a Dense for one": (settings(_POOL, pooling_mode_cls_token=True), "widths-differ"),
    "a Dense whose weights are of another width": (settings(_DENSE, out_features=48), "module-tensors-differ"),
    "a Dense without its bias": (
        tensors(lambda held: {"linear.weight": held["linear.weight"]}),
        "module-tensors-differ",
    ),
    "a Dense with a bias it declares not": (settings(_DENSE, bias=False), "module-tensors-differ"),
    "a Dense whose tensors have other names": (
        tensors(lambda held: {name.removeprefix("linear."): value for name, value in held.items()}),
        "module-tensors-differ",
    ),
    "an activation that torch has not": (
        settings(_DENSE, activation_function="torch.nn.modules.activation.Tan"),
        "activation-refused",
    ),
    "an activation of another package": (settings(_DENSE, activation_function="own.Tanh"), "activation-replaced"),
    "a Dense without an activation": (settings(_DENSE, "activation_function"), "activation-undeclared"),
    "a LayerNorm of another width": (module("LayerNorm", dimension=24, weights=_norm), "widths-differ"),
    "a LayerNorm with settings it knows not": (
        module("LayerNorm", dimension=24, eps=1e-5, weights=_norm),
        "module-settings-refused",
    ),
    "a sparse autoencoder without its tensors": (
        module("SparseAutoEncoder", "sentence_transformers.sparse_encoder.modules", weights=_norm, input_dim=32),
        "module-refused",
    ),
    "a family nobody knows": (settings(_ST, model_type="TextEncoder"), "family-differs"),
    "an embedding model called a cross-encoder": (settings(_ST, model_type="CrossEncoder"), "family-differs"),
    "a route made of nothing": (router(structure={"query": []}), "router-incomplete"),
    "a default route that is not there": (router(parameters={"default_route": "passage"}), "router-incomplete"),
    "a route's folder missing": (
        router(
            types={"q": f"{_MODELS}.Transformer"}, structure={"query": ["q"]}, parameters={}
        ),
        "router-incomplete",
    ),
    "two routes of different widths": (narrow_route, "routes-differ"),
    "a route of narrower word vectors": (static_route(24), "routes-differ"),
    "word vectors under another name": (static_route(32, "weight"), "module-tensors-differ"),
    "the routes exchanged": (
        router(structure={"query": ["document_0_Transformer"], "document": ["query_0_Transformer"]}),
        "routes-exchanged",
    ),
    "texts cut at their beginning for the tokenizer": (
        settings(_PIPE, tokenizer_args={"truncation_side": "left"}),
        "settings-override",
    ),
    "a prompt in quotes": (settings(_ST, prompts={"query": '"query: "'}), "prompt-quoted"),
    "a prompt with a blank": (settings(_ST, prompts={"query": "Instruct: {task}\nQuery: "}), "prompt-unfilled"),
    "a prompt with its line end in letters": (settings(_ST, prompts={"query": "Find it\\nQuery: "}), "prompt-escaped"),
    "prompts with names in capitals": (
        settings(_ST, prompts={"Query": "query: ", "Document": "document: "}, default_prompt_name="Document"),
        "prompt-miscalled",
    ),
    "another default prompt than the card's": (other_default, "prompt-default-differs"),
    "a version required that is not here": (
        settings(_ST, requirements={"transformers": {"specifier": ">=99.0", "reason": "new"}}),
        "requirement-unmet",
    ),
}  # fmt: skip

_QWEN = {"model_type": "qwen3", "architectures": ["Qwen3Model"], "num_key_value_heads": 2, "head_dim": 8,
         "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "hidden_act": "silu", "rope_theta": 10000.0}  # fmt: skip


def config(*without: str, **changes: Any) -> Inject:
    return settings("config.json", *without, **changes)


def qwen(**changes: Any) -> Inject:
    """A decoder with rotary positions in BERT's place."""
    return settings("config.json", **_QWEN | changes)


def reads(tokens: int, **changes: Any) -> Inject:
    def inject(folder: Path) -> None:
        if changes:
            qwen(**changes)(folder)
        settings(_PIPE, max_seq_length=tokens)(folder)

    return inject


# What was done to the numbers -> how, and the code of the finding.
NUMBERS: dict[str, tuple[Inject, str]] = {
    "no layers": (config(num_hidden_layers=0), "size-impossible"),
    "a negative width": (config(hidden_size=-32), "size-impossible"),
    "heads that do not divide the width": (config(num_attention_heads=5), "heads-differ"),
    "key-value heads that do not divide the heads": (qwen(num_key_value_heads=3), "heads-differ"),
    "one head of 1,024 numbers": (config(num_attention_heads=1, hidden_size=1024), "heads-unusual"),
    "an epsilon of 0.1": (config(layer_norm_eps=0.1), "epsilon-absurd"),
    "an epsilon of 0": (config(layer_norm_eps=0), "epsilon-absurd"),
    "a negative epsilon": (qwen(rms_norm_eps=-1e-6), "epsilon-absurd"),
    "an epsilon that is no number": (config(layer_norm_eps=float("nan")), "number-not-finite"),
    "a dropout of 1": (config(hidden_dropout_prob=1.0), "training-number-absurd"),
    "BERT with relu": (config(hidden_act="relu"), "activation-unusual"),
    "Qwen3 with gelu": (qwen(hidden_act="gelu"), "activation-unusual"),
    "T5 with a gate it was not published with": (
        config(model_type="t5", feed_forward_proj="gated-silu"),
        "activation-unusual",
    ),
    "T5 that looks 64 tokens far": (config(model_type="t5", relative_attention_max_distance=64), "setting-unusual"),
    "DeBERTa without half of its attention": (
        config(model_type="deberta-v2", relative_attention=True, pos_att_type="c2p"),
        "setting-unusual",
    ),
    "ModernBERT that sees 16 tokens": (config(model_type="modernbert", local_attention=16), "setting-unusual"),
    "texts in pieces of 7 tokens": (config(chunk_size_feed_forward=7), "chunked"),
    "a rotary base of 1": (qwen(rope_theta=1.0), "rotary-absurd"),
    "two rotary bases": (qwen(rope_parameters={"rope_type": "default", "rope_theta": 1e6}), "rotary-absurd"),
    "rotary positions scaled by 0": (qwen(rope_scaling={"rope_type": "linear", "factor": 0.0}), "rotary-absurd"),
    "rotary positions squeezed a thousandfold": (
        qwen(rope_scaling={"rope_type": "linear", "factor": 1024.0}),
        "rotary-absurd",
    ),
    "GPT-2 with unscaled attention": (config(model_type="gpt2", scale_attn_weights=False), "setting-unusual"),
    "queries of 4 tokens": (settings(_PIPE, query_length=4), "length-tiny"),
    "a window of 2 tokens": (qwen(sliding_window=2, use_sliding_window=True), "window-tiny"),
    "an end token beyond the vocabulary": (qwen(eos_token_id=100), "token-id-beyond"),
    "no token is read": (reads(0), "length-impossible"),
    "a negative length": (reads(-1), "length-impossible"),
    "4 tokens are read": (reads(4), "length-tiny"),
    "more tokens than rotary positions": (reads(1024, rope_theta=10000.0), "length-beyond-training"),
    "vectors cut to none": (settings(_ST, truncate_dim=0), "truncation-impossible"),
    "vectors cut beyond their width": (settings(_ST, truncate_dim=512), "truncation-idle"),
    "vectors cut": (settings(_ST, truncate_dim=8), "truncated"),
}

"""What each module of sentence-transformers takes and gives: its settings, the feature it reads, and where it lies.

The table repeats the constructors of sentence-transformers 6.2, because importing the library takes two seconds and
most pipelines are made of five of its modules; a test holds it to the library's own signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

__all__ = [
    "LENGTHS", "LIBRARY", "LIBRARY_MODULES", "POOLING_FLAGS", "READERS", "ROUTERS", "SENTENCE", "TOKENS",
    "TRANSFORMERS", "Module", "kind_of", "known_references",
]  # fmt: skip

TOKENS, SENTENCE = "token_embeddings", "sentence_embedding"
LIBRARY = "sentence_transformers."
ROUTERS = {"Router", "Asym"}
TRANSFORMERS = {"Transformer", "MLMTransformer"}


@dataclass(frozen=True)
class Module:
    """What a class of sentence-transformers reads from its folder and does to the features.

    Attributes:
        file: its settings; None where it has none.
        keys: settings its constructor takes; None where any are.
        needed: settings it cannot be built without.
        renamed: old names of settings, which it still reads.
        reads: the feature it takes; None of a module that reads the text itself.
        writes: the feature it gives.
        weighted: whether it has weights of its own.
    """

    file: str | None = "config.json"
    keys: frozenset[str] | None = None
    needed: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)
    reads: str | None = None
    writes: str = SENTENCE
    weighted: bool = False


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_WIDTH = {"word_embedding_dimension": "embedding_dimension"}
POOLING_FLAGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_TRANSFORMER = _set(
    "transformer_task model_kwargs processor_kwargs config_kwargs processing_kwargs modality_config module_output_name "
    "unpad_inputs query_length document_length query_expansion max_seq_length do_lower_case tokenizer_name_or_path "
    "model_args tokenizer_args config_args cache_dir"
)
LENGTHS = "sentence_bert_config.json"

LIBRARY_MODULES: dict[str, Module] = {
    "Transformer": Module(LENGTHS, _TRANSFORMER, writes=TOKENS),
    "MLMTransformer": Module(LENGTHS, _TRANSFORMER, writes=TOKENS),
    "CLIPModel": Module(None),
    "StaticEmbedding": Module(None, weighted=True),
    "SparseStaticEmbedding": Module(weighted=True),
    "WordEmbeddings": Module("wordembedding_config.json", writes=TOKENS, weighted=True),
    "BoW": Module(needed=_set("vocab")),
    "Router": Module("router_config.json"),
    "Asym": Module("router_config.json"),
    "Pooling": Module(
        keys=frozenset(POOLING_FLAGS) | _set("embedding_dimension pooling_mode include_prompt"),
        needed=_set("embedding_dimension"),
        renamed=_WIDTH,
        reads=TOKENS,
    ),
    "Normalize": Module(reads=SENTENCE),
    "Dense": Module(needed=_set("in_features out_features"), reads=SENTENCE, weighted=True),
    "LayerNorm": Module(keys=_set("dimension"), needed=_set("dimension"), reads=SENTENCE, weighted=True),
    "Dropout": Module(keys=_set("dropout"), reads=SENTENCE),
    "WeightedLayerPooling": Module(
        keys=_set("embedding_dimension num_hidden_layers layer_start layer_weights"),
        needed=_set("embedding_dimension"),
        renamed=_WIDTH,
        reads=TOKENS,
        writes=TOKENS,
        weighted=True,
    ),
    "CNN": Module(
        "cnn_config.json",
        _set("in_embedding_dimension out_channels kernel_sizes stride_sizes"),
        _set("in_embedding_dimension"),
        {"in_word_embedding_dimension": "in_embedding_dimension"},
        TOKENS,
        TOKENS,
        weighted=True,
    ),
    "LSTM": Module(
        "lstm_config.json",
        _set("embedding_dimension hidden_dim num_layers dropout bidirectional"),
        _set("embedding_dimension hidden_dim"),
        _WIDTH,
        TOKENS,
        TOKENS,
        weighted=True,
    ),
    "WordWeights": Module(
        keys=_set("vocab word_weights unknown_word_weight"),
        needed=_set("vocab word_weights"),
        reads=TOKENS,
        writes=TOKENS,
    ),
    "SpladePooling": Module(
        keys=_set("pooling_strategy activation_function embedding_dimension chunk_size"), renamed=_WIDTH, reads=TOKENS
    ),
    "SparseAutoEncoder": Module(
        keys=_set("input_dim hidden_dim k k_aux normalize dead_threshold"),
        needed=_set("input_dim"),
        reads=SENTENCE,
        weighted=True,
    ),
    "MultiVectorMask": Module(
        keys=_set("skiplist_words skiplist_tasks keep_only_token_ids"), reads=TOKENS, writes=TOKENS
    ),
    "HierarchicalTokenPooling": Module(
        keys=_set("pool_factor num_protected_tokens normalize_embeddings tasks"), reads=TOKENS, writes=TOKENS
    ),
    "LogitScore": Module(
        keys=_set("true_token_id false_token_id module_input_name"),
        needed=_set("true_token_id"),
        reads="causal_logits",
        writes="scores",
    ),
}
# Where each lies in the library: its own file, and the names of the packages that older models were saved with.
_HOMES = {
    "base.modules": {"Transformer": "transformer", "Router": "router", "Asym": "router", "Normalize": "normalize",
                     "Dense": "dense"},
    "sentence_transformer.modules": {
        "CLIPModel": "clip_model", "StaticEmbedding": "static_embedding", "WordEmbeddings": "word_embeddings",
        "BoW": "bow",
        "Pooling": "pooling", "LayerNorm": "layer_norm", "Dropout": "dropout", "CNN": "cnn", "LSTM": "lstm",
        "WeightedLayerPooling": "weighted_layer_pooling", "WordWeights": "word_weights",
    },
    "sparse_encoder.modules": {
        "MLMTransformer": "mlm_transformer", "SpladePooling": "splade_pooling",
        "SparseAutoEncoder": "sparse_auto_encoder", "SparseStaticEmbedding": "sparse_static_embedding",
    },
    "multi_vector_encoder.modules": {
        "MultiVectorMask": "multi_vector_mask", "HierarchicalTokenPooling": "token_pooling",
    },
    "cross_encoder.modules": {"LogitScore": "logit_score"},
}  # fmt: skip
# Modules that read the text itself: one of them comes first, and only there.
READERS = frozenset(name for name, module in LIBRARY_MODULES.items() if module.reads is None)


def kind_of(reference: str) -> str:
    """The class that a module's type names, without the packages it lies in."""
    return reference.rpartition(".")[2]


@cache
def known_references() -> frozenset[str]:
    """Every name by which modules.json can call a module of the table."""
    names = set()
    for package, kinds in _HOMES.items():
        for kind, file in kinds.items():
            names.add(f"{LIBRARY}{package}.{file}.{kind}")
            if kind != "Asym":  # the old name of Router, kept in the packages of old alone
                names.add(f"{LIBRARY}{package}.{kind}")
            if package in {"base.modules", "sentence_transformer.modules"}:
                names |= {f"{LIBRARY}models.{kind}", f"{LIBRARY}sentence_transformer.modules.{kind}"}
            elif package == "sparse_encoder.modules":
                names.add(f"{LIBRARY}sparse_encoder.models.{kind}")
    return frozenset(names)

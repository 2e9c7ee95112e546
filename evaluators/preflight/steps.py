"""The steps of a pipeline: what modules.json and a router list, and what each module of sentence-transformers takes.

The table repeats the constructors of sentence-transformers 6.2, because importing the library takes two seconds and
most pipelines are made of five of its modules; a test holds it to the library's own signatures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from evaluators.preflight.target import Target

__all__ = [
    "MODULES", "OWN", "READERS", "SENTENCE", "TOKENS", "Module", "Step", "is_inside", "kind_of", "known_references",
    "pooling_modes", "routes",
]  # fmt: skip

TOKENS, SENTENCE = "token_embeddings", "sentence_embedding"
OWN = "sentence_transformers."


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
_LENGTHS = "sentence_bert_config.json"

MODULES: dict[str, Module] = {
    "Transformer": Module(_LENGTHS, _TRANSFORMER, writes=TOKENS),
    "MLMTransformer": Module(_LENGTHS, _TRANSFORMER, writes=TOKENS),
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
READERS = frozenset(name for name, module in MODULES.items() if module.reads is None)
_LENGTH_FILES = (
    _LENGTHS,
    *(
        f"sentence_{kind}_config.json"
        for kind in ("roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
    ),
)


@dataclass(frozen=True)
class Step:
    """One module of a pipeline, where it lies in the model's folder, and its settings by their present names."""

    reference: str
    path: str
    settings: Mapping[str, Any]
    file: str | None

    @property
    def kind(self) -> str:
        """Its class, without the packages it lies in."""
        return kind_of(self.reference)

    @property
    def module(self) -> Module | None:
        """What the table says of its class; None for one it does not have, or of another library."""
        return MODULES.get(self.kind) if self.reference.startswith(OWN) else None

    @property
    def entry(self) -> dict[str, str]:
        """As modules.json would list it."""
        return {"type": self.reference, "path": self.path, "name": self.path}

    def named(self, file: str) -> str:
        """The name of a file of it, relative to the model's folder."""
        return f"{self.path}/{file}" if self.path not in {"", "."} else file

    def __str__(self) -> str:
        return f"{self.kind} in {self.path}" if self.path not in {"", "."} else self.kind


def kind_of(reference: str) -> str:
    """The class that a module's type names, without the packages it lies in."""
    return reference.rpartition(".")[2]


@cache
def known_references() -> frozenset[str]:
    """Every name by which modules.json can call a module of the table."""
    found = set()
    for package, kinds in _HOMES.items():
        for kind, file in kinds.items():
            found.add(f"{OWN}{package}.{file}.{kind}")
            if kind != "Asym":  # the old name of Router, kept in the packages of old alone
                found.add(f"{OWN}{package}.{kind}")
            if package in {"base.modules", "sentence_transformer.modules"}:
                found |= {f"{OWN}models.{kind}", f"{OWN}sentence_transformer.modules.{kind}"}
            elif package == "sparse_encoder.modules":
                found.add(f"{OWN}sparse_encoder.models.{kind}")
    return frozenset(found)


def is_inside(path: Any) -> bool:
    """Whether a module's path names a folder of the model's own, as sentence-transformers asks."""
    if not isinstance(path, str):
        return False
    windows = PureWindowsPath(path)
    return not (windows.anchor or ".." in windows.parts or "\0" in path)


def routes(target: Target) -> list[tuple[str, list[Step]]]:
    """The name of each route through the model, '' where there is only one, and its steps in the order they run."""
    entries = [entry for entry in target.modules if is_inside(entry.get("path"))]
    steps = [_step(target, str(entry.get("type", "")), str(entry["path"])) for entry in entries]
    if not steps or steps[0].kind not in {"Router", "Asym"}:
        return [("", steps)]
    return [(name, [*first, *steps[1:]]) for name, first in _routed(target, steps[0])]


def _routed(target: Target, router: Step) -> Iterator[tuple[str, list[Step]]]:
    types, structure = router.settings.get("types"), router.settings.get("structure")
    if not isinstance(types, dict) or not isinstance(structure, dict):
        return
    for name, parts in structure.items():
        known = (
            [part for part in parts if isinstance(part, str) and part in types and is_inside(part)]
            if isinstance(parts, list)
            else []
        )
        yield name, [_step(target, str(types[part]), _below(router.path, part)) for part in known]


def _below(folder: str, part: str) -> str:
    return PurePosixPath(folder, part).as_posix()


def _step(target: Target, reference: str, path: str) -> Step:
    file, settings = _settings(target, kind_of(reference), path)
    return Step(reference, path, settings, file)


def _settings(target: Target, kind: str, path: str) -> tuple[str | None, dict[str, Any]]:
    """The file a module's settings come from, None where it is not there, and the settings by their present names."""
    module = MODULES.get(kind)
    if module is None or module.file is None:
        return None, {}
    tried = _LENGTH_FILES if module.file == _LENGTHS else (module.file,)
    if kind in {"Router", "Asym"}:
        tried = (module.file, "config.json")
    for name in tried:
        file = f"{path}/{name}" if path not in {"", "."} else name
        if target.has(file):
            settings = target.object(file)
            return file, {module.renamed.get(key, key): value for key, value in settings.items()}
    return None, {}


def pooling_modes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """The pooling modes that the settings of a Pooling module declare, in either of the two ways; empty when none."""
    modern = settings.get("pooling_mode")
    if modern:
        return (modern,) if isinstance(modern, str) else tuple(map(str, modern))
    return tuple(mode for key, mode in POOLING_FLAGS.items() if settings.get(key))

"""What a model's own files may ask of the library that loads it: an allow-list.

Whoever writes a model writes these files. Whatever is not named here as harmless is refused, for a loader's parameters
decide which file is read, how it is unpickled, and where else to look (``weights_only``, ``variant``, ``gguf_file``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from evaluators.model_files.fault import Fault
from evaluators.model_files.listing import is_inside, relative_files
from evaluators.model_files.reading import as_list, as_object, printable, read_object, settings_within
from evaluators.trust.code_references import modules_of

__all__ = ["MODULES", "refused_arguments", "refused_settings"]

# Classes of sentence-transformers that are steps of a model, and the tokenizers of its word models.
MODULES = frozenset({
    "Asym", "BoW", "CLIPModel", "CNN", "Dense", "Dropout", "HierarchicalTokenPooling", "LSTM", "LayerNorm",
    "LogitScore", "MLMTransformer", "MultiVectorMask", "Normalize", "PhraseTokenizer", "Pooling", "Router",
    "SparseAutoEncoder", "SparseStaticEmbedding", "SpladePooling", "StaticEmbedding", "Transformer",
    "TransformersTokenizerWrapper", "WeightedLayerPooling", "WhitespaceTokenizer", "WordEmbeddings", "WordTokenizer",
    "WordWeights",
})  # fmt: skip
_LIBRARY = "sentence_transformers."

# What sentence-transformers hands on from its config to from_pretrained of model, tokenizer or processor, and config.
_MODEL = frozenset({
    "add_pooling_layer", "attn_implementation", "dtype", "ignore_mismatched_sizes", "low_cpu_mem_usage",
    "reference_compile", "torch_dtype", "unpad_inputs", "use_cache", "use_memory_efficient_attention",
})  # fmt: skip
_PROCESSOR = frozenset({
    "add_bos_token", "add_eos_token", "add_prefix_space", "clean_up_tokenization_spaces", "do_lower_case",
    "fix_mistral_regex", "legacy", "max_length", "max_pixels", "min_pixels", "model_max_length", "padding",
    "padding_side", "return_token_type_ids", "strip_accents", "tokenize_chinese_chars", "truncation",
    "truncation_side", "use_fast", "bos_token", "cls_token", "eos_token", "mask_token", "pad_token", "sep_token",
    "unk_token",
})  # fmt: skip
_CONFIG = frozenset({
    "add_pooling_layer", "attention_probs_dropout_prob", "dtype", "hidden_dropout_prob", "is_causal", "is_decoder",
    "num_labels", "output_attentions", "output_hidden_states", "reference_compile", "rope_parameters", "rope_scaling",
    "rope_theta", "text_config", "torch_dtype", "unpad_inputs", "use_bidirectional_attention", "use_cache",
    "use_memory_efficient_attention", "vision_config",
})  # fmt: skip
# sentence-transformers names each group in two ways: since version 5.4, and before.
_GROUPS = {
    "model_kwargs": _MODEL, "model_args": _MODEL, "processor_kwargs": _PROCESSOR, "tokenizer_kwargs": _PROCESSOR,
    "tokenizer_args": _PROCESSOR, "processor_args": _PROCESSOR, "config_kwargs": _CONFIG, "config_args": _CONFIG,
}  # fmt: skip
# Overwritten by the caller of every loader, so that what a file says of them is never read.
_OVERRULED = frozenset({"cache_dir", "local_files_only", "revision", "subfolder", "token", "trust_remote_code"})
_METHODS = re.compile(r"forward|get_[a-z]+_features|apply_chat_template")
_TASKS = frozenset({
    "any-to-any", "feature-extraction", "fill-mask", "retrieval", "sequence-classification", "text-generation",
})  # fmt: skip
_ATTENTION = re.compile(r"[a-z0-9_|]+")  # a name of the library's own, and no repository of kernels
_ATTENTION_KEYS = frozenset({"attn_implementation", "_attn_implementation", "_attn_implementation_internal"})
_KERNELS = frozenset({"use_kernels", "kernel_config"})
_ACTIVATION = re.compile(r"torch\.nn\.(modules\.(activation|linear)\.)?[A-Za-z0-9]+")
_PIECES = re.compile(r"(?!Auto)\w*(Tokenizer|Backend|Processor|Extractor)(Fast|Base)?")
# Word vectors name the library's own class in full; transformers, which reads another file, finds none by such a name.
_SPLITTERS = re.compile(
    r"sentence_transformers\.(models|sentence_transformer\.modules)\.tokenizer(\.\w+)?\.(Whitespace|Phrase)Tokenizer"
)
_SPLITTERS_FILE = "wordembedding_config.json"
_CLASS_KEYS = frozenset({
    "feature_extractor_type", "image_processor_type", "processor_class", "slow_tokenizer_class", "tokenizer_class",
    "video_processor_type",
})  # fmt: skip


def refused_settings(folder: Path, *, own_code: bool = False) -> Iterator[Fault]:
    """Everything that the files of a folder ask for and that no loader is to be handed.

    Args:
        folder: the model's.
        own_code: the user allowed the model's own code: then its settings and classes may be its own as well, and what
            a loader of the library reads itself is refused all the same.
    """
    names = relative_files(folder)
    for name in names:
        path = PurePosixPath(name)
        if path.suffix != ".json":
            continue
        if path.name == "modules.json" or path.name == "router_config.json":
            yield from _classes_of_modules(folder, name, own_code, names)
        elif path.name.endswith("config.json"):
            yield from _config(folder, name, own_code)
        elif path.name.endswith(".index.json"):
            yield from _index(folder, name)


def refused_arguments(settings: Mapping[str, Any], *, own_code: bool = False) -> list[str]:
    """Names of the loader's parameters that a sentence_bert_config.json sets and may not set."""
    return sorted(
        f"{group}.{printable(str(key))}"
        for group, known in _GROUPS.items()
        if isinstance(arguments := settings.get(group), Mapping)
        for key, value in arguments.items()
        if _refused(key, value, known, own_code)
    ) + [f"{group}" for group in _GROUPS if settings.get(group) and not isinstance(settings[group], Mapping)]


# What transformers' own loaders read, and what must not come from a file even where the model's own code may run.
_LOADERS_OWN = re.compile(
    r"_.*|weights_only|variant|use_safetensors|gguf_file|code_revision|adapter_.*|quantization_config|device_.*|"
    r"offload_.*|proxies|config|state_dict|key_mapping|max_memory|tp_.*|distributed_config|kernel.*|use_kernels|"
    r".*_file|.*_class|.*_type|auto_map|tokenizer|allow_all_kernels|generation_config|experts_implementation|"
    r"force_download|mirror|file_name|export|provider.*|session_options|library|name_or_path|.*_path"
)


def _refused(key: Any, value: Any, known: frozenset[str], own_code: bool) -> bool:
    if key in _OVERRULED or value is None:
        return False
    if key in _ATTENTION_KEYS and not _known_attention(value):
        return True
    if key == "use_safetensors":
        return value is not True
    return key not in known and (not own_code or _LOADERS_OWN.fullmatch(str(key)) is not None)


def _config(folder: Path, name: str, own_code: bool) -> Iterator[Fault]:
    value, file = read_object(folder / name), PurePosixPath(name).name
    if file.startswith("sentence_") and (lost := refused_arguments(value, own_code=own_code)):
        yield _fault("settings-refused", name, f"asks the loader for {', '.join(lost)}")
    if file.startswith("sentence_"):
        yield from _of_transformer(folder, name, value)
    activation = value.get("activation_function")
    # sentence-transformers imports whatever begins so, and leaves all else alone.
    if isinstance(activation, str) and activation.startswith("torch.") and not _ACTIVATION.fullmatch(activation):
        yield _fault("class-refused", name, f"names the activation {_quoted(activation)}")
    if file == "tokenizer_config.json" and value.get("init_inputs"):
        yield _fault("settings-refused", name, "hands arguments to the tokenizer's class (init_inputs)")
    for key, entry in settings_within(value):
        yield from _one(name, key, entry, own_code)


def _of_transformer(folder: Path, name: str, value: Mapping[str, Any]) -> Iterator[Fault]:
    if value.get("tokenizer_name_or_path"):
        yield _fault("leads-elsewhere", name, f"takes its tokenizer from {_quoted(value['tokenizer_name_or_path'])}")
    task = value.get("transformer_task", "feature-extraction")
    if not (isinstance(task, str) and task in _TASKS):
        yield _fault("settings-refused", name, f"names the task {_quoted(task)}")
    elif task == "retrieval":  # the library then takes whatever of transformers goes by the architecture's name
        named = read_object((folder / name).with_name("config.json")).get("architectures")
        for one in as_list(named):
            if not re.fullmatch(r"\w+ForRetrieval", str(one)):
                yield _fault("class-refused", name, f"has the class {_quoted(one)} taken for retrieval")
    modalities = value.get("modality_config")
    for entry in modalities.values() if isinstance(modalities, Mapping) else ():
        method = entry.get("method") if isinstance(entry, Mapping) else None
        if not isinstance(method, str) or not _METHODS.fullmatch(method):
            yield _fault("settings-refused", name, f"has the model's method {_quoted(method)} called for each text")


def _one(name: str, key: str, value: Any, own_code: bool) -> Iterator[Fault]:
    """One setting, however deep in a configuration it stands."""
    if key in _ATTENTION_KEYS and not _known_attention(value):
        yield _fault("kernel-refused", name, f"takes its attention from {_quoted(value)}")
    elif key in _KERNELS and value:
        yield _fault("kernel-refused", name, f"asks for kernels from a hub ({key})")
    elif key in _CLASS_KEYS and not own_code:
        known = _SPLITTERS if PurePosixPath(name).name == _SPLITTERS_FILE else _PIECES
        if not isinstance(value, list | None) and not (isinstance(value, str) and known.fullmatch(value)):
            yield _fault("class-refused", name, f"names the class {_quoted(value)} as {key}")
    elif key == "fast_tokenizer_files" and isinstance(value, list):
        yield from (_leads(name, one) for one in value if not is_inside(one))


def _known_attention(value: Any) -> bool:
    names = value.values() if isinstance(value, Mapping) else [value]
    return all(one is None or (isinstance(one, str) and _ATTENTION.fullmatch(one)) for one in names)


def _classes_of_modules(folder: Path, name: str, own_code: bool, names: list[str]) -> Iterator[Fault]:
    """Classes and places that modules.json, or a router's config, names."""
    if PurePosixPath(name).name == "modules.json":
        modules = modules_of(folder / name)
        classes = [entry.get("type") for entry in modules]
        places = [entry.get("path") for entry in modules if entry.get("path") not in (None, "")]
    else:
        types = as_object(read_object(folder / name).get("types"))
        classes, places = list(types.values()), list(types)
    for place in places:
        if not is_inside(place):
            yield _leads(name, place)
    for kind in classes:
        if isinstance(kind, str) and (
            _no_module(kind) if kind.startswith(_LIBRARY) else own_code and not _own_class(kind, names)
        ):
            yield _fault("class-refused", name, f"names {_quoted(kind)}, which is no module of sentence-transformers")


def _no_module(kind: str) -> bool:
    return not all(part.isidentifier() for part in kind.split(".")) or kind.rpartition(".")[2] not in MODULES


def _own_class(kind: str, names: list[str]) -> bool:
    """Whether the class is said to be in a Python file of the folder; of another repository others judge."""
    return "--" in kind or f"{kind.rpartition('.')[0].replace('.', '/')}.py" in names


def _index(folder: Path, name: str) -> Iterator[Fault]:
    files = set(map(str, as_object(read_object(folder / name).get("weight_map")).values()))
    yield from (_leads(name, one) for one in sorted(files) if not is_inside(one))


def _leads(name: str, place: Any) -> Fault:
    return _fault("leads-elsewhere", name, f"leads out of the model's folder, to {_quoted(place)}")


def _quoted(value: Any) -> str:
    text = printable(str(value))
    return text[:80] + ("..." if len(text) > 80 else "")


def _fault(code: str, name: str, what: str) -> Fault:
    return Fault(code, printable(name), f"{printable(name)} {what}")

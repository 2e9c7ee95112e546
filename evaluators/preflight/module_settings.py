"""Settings of the modules: what their constructors refuse, and what changes a model in sentence-transformers alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from evaluators.model_files.reading import as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import POOLING_FLAGS, TRANSFORMERS
from evaluators.preflight.setting_types import is_positive
from evaluators.preflight.steps import Step, pooling_modes
from evaluators.preflight.target import Target

__all__ = ["check_settings"]

_POOLINGS = set(POOLING_FLAGS.values())
_TASKS = {"feature-extraction", "fill-mask", "retrieval", "sequence-classification", "text-generation", "any-to-any"}
# Words that a module's setting may be, with what it is where the file says nothing.
_WORDS: dict[str, dict[str, tuple[str, set[str]]]] = {
    "SpladePooling": {
        "pooling_strategy": ("max", {"max", "sum"}),
        "activation_function": ("relu", {"relu", "log1p_relu"}),
    },
    **dict.fromkeys(TRANSFORMERS, {"transformer_task": ("feature-extraction", _TASKS)}),
}
_SIZES = ("embedding_dimension", "in_features", "out_features", "dimension")
# Settings of sentence_bert_config.json that go to the loaders and leave the vectors as they are.
_HARMLESS = {"dtype", "torch_dtype", "attn_implementation", "add_pooling_layer", "use_safetensors", "low_cpu_mem_usage",
             "use_cache", "model_max_length", "local_files_only", "token", "trust_remote_code"}  # fmt: skip
# Those by which the loaders of transformers take other weights, or put them in other places.
_LOADING = {"variant", "weights_only", "gguf_file", "subfolder", "quantization_config", "load_in_8bit", "load_in_4bit",
            "ignore_mismatched_sizes", "state_dict", "key_mapping", "revision"}  # fmt: skip
_COARSE = ("float8_e4m3fn", "float8_e5m2", "int8", "uint8", "torch.int8", "torch.float8_e4m3fn")
# Sides of a text on which tokenizers cut and pad where no file says otherwise.
_SIDES = {"truncation_side": "right", "padding_side": "right"}
_OF_TOKENS = {*_SIDES, "do_lower_case", "add_bos_token", "add_eos_token"}
_TOKENIZING = {"add_special_tokens", "max_length", "truncation", "truncation_side", "padding_side", "do_lower_case"}


def check_settings(target: Target, step: Step) -> Iterator[Finding]:
    """Settings that the module's constructor does not take, or cannot do without, and values it refuses."""
    module = step.module
    if module is None:
        return
    lost = sorted(module.needed - step.settings.keys()) if step.file else []
    odd = sorted(step.settings.keys() - module.keys) if module.keys is not None else []
    words = [f"{what} {', '.join(keys)}" for what, keys in (("lacks", lost), ("has the unknown", odd)) if keys]
    if words:
        evidence = {"lacks": lost, "unknown": odd}
        yield finding("module-settings-refused", f"{step.file} {' and '.join(words)}", evidence, kind=step.kind)
    yield from _values(step)
    if step.kind in TRANSFORMERS:
        yield from _modality(step)
        yield from _handed_to_loaders(step, target.object(step.named("config.json")))
        yield from _handed_to_tokenizer(step)
        yield from _sides(target, step)


def _values(step: Step) -> Iterator[Finding]:
    if step.kind == "Pooling" and (odd := [mode for mode in pooling_modes(step.settings) if mode not in _POOLINGS]):
        yield _refused(f"{step.file} asks for the pooling {odd[0]!r}", _POOLINGS)
    for key, (default, words) in _WORDS.get(step.kind, {}).items():
        if str(value := step.settings.get(key, default)) not in words:
            yield _refused(f"{step.file} says {key} {value!r}", words)
    for key in _SIZES:
        value = step.settings.get(key)
        if value is not None and not is_positive(value):
            yield _refused(f"{step.file} says {key} {value!r}", ["a positive whole number"])


def _refused(seen: str, known: Collection[str]) -> Finding:
    return finding("module-value-refused", seen, known=", ".join(sorted(known)))


def _modality(step: Step) -> Iterator[Finding]:
    modality = step.settings.get("modality_config")
    if modality is None:
        return
    if not isinstance(as_object(modality).get("text"), dict):
        yield _refused(f"{step.file} has no modality_config for text", ["an entry for text"])
    if not step.settings.get("module_output_name"):
        yield finding("module-settings-refused", f"{step.file} lacks module_output_name", kind=step.kind)


def _handed_to_loaders(step: Step, config: Mapping[str, Any]) -> Iterator[Finding]:
    """Settings for the loaders that make another model of the files than config.json says."""
    for group in ("model_args", "model_kwargs", "config_args", "config_kwargs"):
        options = as_object(step.settings.get(group))
        odd = {name: value for name, value in options.items() if _overrides(config, name, value, group)}
        if odd:
            yield finding("settings-override", f"{step.file} hands {str(odd)[:120]} to the loader as {group}", odd)


def _overrides(config: Mapping[str, Any], name: str, value: Any, group: str) -> bool:
    if value in _COARSE:
        return True
    if name in _HARMLESS:
        return False
    return config[name] != value if name in config else group.startswith("config") or name in _LOADING


def _handed_to_tokenizer(step: Step) -> Iterator[Finding]:
    """Settings by which sentence-transformers alone turns texts into tokens."""
    for part, options in as_object(step.settings.get("processing_kwargs")).items():
        if odd := {name: value for name, value in as_object(options).items() if name in _TOKENIZING}:
            seen = f"{step.file} hands {str(odd)[:120]} to the tokenizer (processing_kwargs, {part})"
            yield finding("settings-override", seen, odd)


def _sides(target: Target, step: Step) -> Iterator[Finding]:
    """Settings of the tokenizer's loader by which a text loses another end, or is padded on another side."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    declared = _SIDES | target.object(step.named("tokenizer_config.json"))
    masked = target.object(step.named("config.json")).get("model_type") in MASKED
    # A decoder may be padded on either side, and is on the left where its last token is taken.
    names = _OF_TOKENS if masked else _OF_TOKENS - {"padding_side"}
    for group in ("tokenizer_args", "processor_kwargs"):
        options = as_object(step.settings.get(group))
        odd = {name: value for name, value in options.items() if name in names and value != declared.get(name, value)}
        if odd:
            yield finding("settings-override", f"{step.file} hands {str(odd)[:120]} to the tokenizer as {group}", odd)

"""Tier 3, pipeline: the modules in the order they run, what each takes and gives, and what the library would refuse.

Nothing is loaded: widths and tensors come from settings and headers. Modules that the table of steps does not describe
in full are handed to sentence-transformers itself, which then says in its own words what it refuses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding, Severity, at_least
from evaluators.preflight.module_tensors import check_layers
from evaluators.preflight.other_kinds import check_words, word_vectors
from evaluators.preflight.steps import (
    OWN,
    POOLING_FLAGS,
    READERS,
    SENTENCE,
    TOKENS,
    Step,
    is_inside,
    kind_of,
    known_references,
    pooling_modes,
    routes,
)
from evaluators.preflight.target import Target

__all__ = ["check", "flow", "output_width", "reader_width"]

_POOLINGS = set(POOLING_FLAGS.values())
_MODULE_FILE = re.compile(r"\d+_[A-Z]\w*/(config\.json|model\.safetensors|pytorch_model\.bin)")
# What each family of models has to give in the end; by the model_type of config_sentence_transformers.json.
_GIVES = {"MultiVectorEncoder": TOKENS, "CrossEncoder": "scores"}
_FAMILIES = {"SentenceTransformer", *_GIVES, "SparseEncoder"}
# The feature a Transformer writes, by its task, where its settings do not name it.
_WRITES = {"sequence-classification": "scores", "text-generation": "causal_logits", "any-to-any": "causal_logits"}
_TASKS = {"feature-extraction", "fill-mask", "retrieval", *_WRITES}
_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd", "hidden_dim")
_CHANGES_THE_VECTOR = {"Dense", "LayerNorm"}
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


def check(target: Target) -> Iterator[Finding]:
    """Entries of modules.json, settings, order, widths and tensors of the modules."""
    if not target.modules:
        if target.json("modules.json") == []:
            yield finding("pipeline-empty", "modules.json lists no module")
        return
    faults = list(_entries(target))
    yield from faults
    if at_least(faults, "fatal"):
        return
    yield from _family(target)
    yield from _router(target)
    yield from _unlisted(target)
    known = routes(target)
    for step in _once(known):
        yield from _settings(target, step)
        yield from check_layers(target, step)
        if step.kind == "StaticEmbedding" and kind_of(target.modules[0]["type"]) != step.kind:
            yield from check_words(target, step.path)  # of the only reader the files' tier says it
    for route, steps in known:
        yield from _order(target, route, steps)
        yield from _widths(target, steps)
    if len({output_width(target, steps) for _, steps in known} - {None}) > 1:
        ends = {route: output_width(target, steps) for route, steps in known}
        yield finding(
            "routes-differ", "The routes give vectors of " + ", ".join(f"{n} {w}" for n, w in ends.items()), ends
        )


def _entries(target: Target) -> Iterator[Finding]:
    """Each entry of modules.json by itself, and the entries beside one another."""
    for entry in target.modules:
        lost = [key for key in ("type", "path", "name") if not isinstance(entry.get(key), str)]
        if lost:
            yield finding(
                "module-undeclared", f"An entry of modules.json has no {' and no '.join(lost)}: {str(entry)[:120]}"
            )
        elif not is_inside(entry["path"]):
            yield finding("module-outside", f"modules.json looks for a module in {entry['path']!r}")
        elif entry["type"].startswith(OWN) and not _exists(entry["type"]):
            yield finding("module-unknown", f"modules.json names {entry['type']}, which sentence-transformers has not")
    yield from _names(target)


def _exists(reference: str) -> bool:
    """Whether sentence-transformers has the class; it is asked only where the table of steps does not know it."""
    if reference in known_references():
        return True
    from sentence_transformers.util import import_from_string

    try:
        return isinstance(import_from_string(reference), type)
    except (ImportError, ValueError):  # an empty part of the name is a ValueError
        return False


def _names(target: Target) -> Iterator[Finding]:
    counted = Counter(entry.get("name") for entry in target.modules)
    if twice := [str(name) for name, times in counted.items() if times > 1]:
        yield finding("module-name-twice", f"modules.json gives the name {twice[0]!r} to more than one module")
    order = [entry["idx"] for entry in target.modules if isinstance(entry.get("idx"), int)]
    if order != sorted(order):
        yield finding(
            "modules-order",
            f"modules.json lists its modules in the order {order} of their idx",
            {"idx": order, "types": [entry.get("type") for entry in target.modules]},
        )


def _unlisted(target: Target) -> Iterator[Finding]:
    """A module's folder that modules.json does not name."""
    listed = {str(entry.get("path")) for entry in target.modules}
    beside = {name.partition("/")[0] for name in target.files if _MODULE_FILE.fullmatch(name)} - listed
    if target.modules and beside:
        # 2_Dense_1024 beside a listed 2_Dense is a step of the same place for another width: a choice, not a loss.
        lost = {name for name in beside if name.partition("_")[0] not in {path.partition("_")[0] for path in listed}}
        first = sorted(lost or beside)[0]
        seen = f"The folder {first} is there, and modules.json does not name it"
        severity: Severity = "serious" if lost else "notice"
        yield finding("module-unlisted", seen, {"folders": sorted(beside), "modules.json": sorted(listed)}, severity)


def _family(target: Target) -> Iterator[Finding]:
    """The family that config_sentence_transformers.json names against the modules."""
    family = target.object("config_sentence_transformers.json").get("model_type")
    kinds = {kind_of(str(entry["type"])) for entry in target.modules}
    pooled = "Pooling" in kinds and family in ("CrossEncoder", "SparseEncoder", "MultiVectorEncoder")
    if family is not None and (str(family) not in _FAMILIES or (pooled and "SpladePooling" not in kinds)):
        seen = f"config_sentence_transformers.json says model_type {family!r}, the modules are {_words(kinds)}"
        yield finding("family-differs", seen, {"model_type": family, "modules": sorted(kinds)})


def _router(target: Target) -> Iterator[Finding]:
    """A router's own settings: each route made of modules that are there, and each mapping to a route."""
    first = target.modules[0]
    if kind_of(str(first.get("type", ""))) not in {"Router", "Asym"}:
        return
    folder = str(first["path"])
    place = f"{folder}/" if folder not in {"", "."} else ""
    settings = target.object(f"{place}router_config.json") or target.object(f"{place}config.json")
    types, structure, options = (settings.get(key) for key in ("types", "structure", "parameters"))
    if not (isinstance(types, dict) and isinstance(structure, dict) and isinstance(options, dict) and structure):
        yield finding("router-incomplete", "The router's settings lack types, structure or parameters")
        return
    for route, parts in structure.items():
        unknown = [part for part in parts if str(part) not in types] if isinstance(parts, list) else [parts]
        if unknown or not parts:
            yield finding("router-incomplete", f"The route {route!r} is made of {parts}, of which {unknown} is unknown")
    for part, kind in types.items():
        if not isinstance(kind, str) or (kind.startswith(OWN) and not _exists(kind)):
            yield finding("module-unknown", f"The router names {kind!r}, which sentence-transformers has not")
        if not any(name.startswith(f"{place}{part}/") for name in target.files) and kind_of(str(kind)) != "Normalize":
            yield finding("router-incomplete", f"The router's module {place}{part} is not there")
    yield from _exchanged(structure)
    mapped = options.get("route_mappings")
    for route in [options.get("default_route"), *(mapped.values() if isinstance(mapped, dict) else ())]:
        if route is not None and str(route) not in structure:
            yield finding("router-incomplete", f"The router sends texts to {route!r}, it has {sorted(structure)}")


def _exchanged(structure: Mapping[str, Any]) -> Iterator[Finding]:
    """Routes made of modules that were saved for another: sentence-transformers names a folder after its route."""
    for route, parts in structure.items():
        named = [str(part) for part in parts] if isinstance(parts, list) else []
        for other in structure.keys() - {route}:
            mine = [part for part in named if part.startswith(f"{route}_")]
            if not mine and any(part.startswith(f"{other}_") for part in named) and not _shared(structure, named):
                seen = f"The route {route!r} is made of {_words(named)}, the modules of the route {other!r}"
                yield finding("routes-exchanged", seen, {"structure": dict(structure)})
                return


def _shared(structure: Mapping[str, Any], parts: list[str]) -> bool:
    """Whether another route runs one of these modules too."""
    return sum(any(part in parts for part in other) for other in structure.values() if isinstance(other, list)) > 1


def _once(known: list[tuple[str, list[Step]]]) -> Iterator[Step]:
    seen = set()
    for _, steps in known:
        for step in steps:
            if (step.kind, step.path) not in seen:
                seen.add((step.kind, step.path))
                yield step


def _settings(target: Target, step: Step) -> Iterator[Finding]:
    """Settings that the module's constructor does not take, or cannot do without, and values it refuses."""
    module = step.module
    if module is None:
        return
    lost = sorted(module.needed - step.settings.keys()) if step.file else []
    odd = sorted(step.settings.keys() - module.keys) if module.keys is not None else []
    if lost or odd:
        words = " and ".join(
            f"{what} {', '.join(map(str, keys))}" for what, keys in (("lacks", lost), ("has the unknown", odd)) if keys
        )
        yield finding(
            "module-settings-refused", f"{step.file} {words}", {"lacks": lost, "unknown": odd}, kind=step.kind
        )
    yield from _values(step)
    if step.kind in {"Transformer", "MLMTransformer"}:
        yield from _reader_settings(step, target.object(step.named("config.json")))
        yield from _sides(target, step)


def _values(step: Step) -> Iterator[Finding]:
    if step.kind == "Pooling":
        odd = [mode for mode in _modes(step) if mode not in _POOLINGS]
        if odd:
            yield finding(
                "module-value-refused", f"{step.file} asks for the pooling {odd[0]!r}", known=_words(_POOLINGS)
            )
    if step.kind == "SpladePooling":
        known = {"pooling_strategy": {"max", "sum"}, "activation_function": {"relu", "log1p_relu"}}
        for key, values in known.items():
            value = step.settings.get(key, "max" if key == "pooling_strategy" else "relu")
            if str(value) not in values:
                yield finding("module-value-refused", f"{step.file} says {key} {value!r}", known=_words(values))
    for key in ("embedding_dimension", "in_features", "out_features", "dimension"):
        value = step.settings.get(key)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value <= 0):
            yield finding("module-value-refused", f"{step.file} says {key} {value!r}", known="a positive whole number")


def _reader_settings(step: Step, config: Mapping[str, Any]) -> Iterator[Finding]:
    task = step.settings.get("transformer_task", "feature-extraction")
    if str(task) not in _TASKS:
        yield finding("module-value-refused", f"{step.file} says transformer_task {task!r}", known=_words(_TASKS))
    modality = step.settings.get("modality_config")
    if modality is not None and not (isinstance(modality, dict) and isinstance(modality.get("text"), dict)):
        yield finding("module-value-refused", f"{step.file} has no modality_config for text", known="an entry for text")
    if modality is not None and not step.settings.get("module_output_name"):
        yield finding("module-settings-refused", f"{step.file} lacks module_output_name", kind=step.kind)
    for key in ("model_args", "model_kwargs", "config_args", "config_kwargs"):
        given = step.settings.get(key)
        pairs = given.items() if isinstance(given, dict) else ()
        odd = {name: value for name, value in pairs if _overrides(config, name, value, key)}
        if odd:
            yield finding("settings-override", f"{step.file} hands {str(odd)[:120]} to the loader as {key}", odd)
    yield from _tokenizing(step)


def _overrides(config: Mapping[str, Any], name: str, value: Any, key: str) -> bool:
    """Whether a setting for the loaders makes another model of the files than config.json says."""
    if value in _COARSE:
        return True
    if name in _HARMLESS:
        return False
    return config[name] != value if name in config else key.startswith("config") or name in _LOADING


def _tokenizing(step: Step) -> Iterator[Finding]:
    """Settings by which sentence-transformers alone turns texts into tokens."""
    given = step.settings.get("processing_kwargs")
    for part, options in given.items() if isinstance(given, dict) else ():
        if isinstance(options, dict) and (odd := {name: options[name] for name in options if name in _TOKENIZING}):
            seen = f"{step.file} hands {str(odd)[:120]} to the tokenizer (processing_kwargs, {part})"
            yield finding("settings-override", seen, odd)


def _sides(target: Target, step: Step) -> Iterator[Finding]:
    """Settings of the tokenizer's loader by which a text loses another end, or is padded on another side."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    declared = target.object(step.named("tokenizer_config.json"))
    masked = target.object(step.named("config.json")).get("model_type") in MASKED
    # A decoder may be padded on either side, and is on the left where its last token is taken.
    sides = _OF_TOKENS if masked else _OF_TOKENS - {"padding_side"}
    for key in ("tokenizer_args", "processor_kwargs"):
        given = step.settings.get(key)
        pairs = given.items() if isinstance(given, dict) else ()
        odd = {
            name: value
            for name, value in pairs
            if name in sides and value != declared.get(name, _SIDES.get(name, value))
        }
        if odd:
            yield finding("settings-override", f"{step.file} hands {str(odd)[:120]} to the tokenizer as {key}", odd)


def _modes(step: Step) -> list[str]:
    """The pooling modes a Pooling module takes, as the library reads them: mean where the old flags are all off."""
    return list(pooling_modes(step.settings)) or ["mean"]


def _order(target: Target, route: str, steps: list[Step]) -> Iterator[Finding]:
    """Whether each module finds what it reads, and the vector is there and normalised in the end."""
    place = f" of the route {route!r}" if route else ""
    if not steps or steps[0].module is None or any(step.module is None for step in steps):
        return  # a class of another library, which may do anything
    if steps[0].kind not in READERS:
        yield finding("pipeline-starts", f"The first module{place} is {steps[0]}, which reads no text")
        return
    written = {_written(steps[0])}
    for before, step in zip(steps, steps[1:], strict=False):
        if step.kind in READERS:
            yield finding("module-out-of-place", f"{step} comes after {before}{place} and reads the text anew")
            written |= {_written(step)}
            continue
        reads = _reads(step)
        if reads not in written:
            code = "normalize-idle" if step.kind == "Normalize" else "module-input-missing"
            yield finding(code, f"{step} reads {reads}{place}, and the modules before it give {_words(written)}")
        else:
            written.add(_writes(step))
    yield from _repeated(steps)
    yield from _normalised(steps)
    wanted = _GIVES.get(str(target.object("config_sentence_transformers.json").get("model_type")), SENTENCE)
    if wanted not in written:
        lost = "There is no Pooling: the" if wanted == SENTENCE and TOKENS in written else "The"
        yield finding("pipeline-gives-none", f"{lost} modules{place} give {_words(written)}", wanted=wanted)


def _repeated(steps: list[Step]) -> Iterator[Finding]:
    poolings = [step for step in steps if step.kind == "Pooling"]
    if len(poolings) > 1:
        yield finding("pooling-twice", f"{' and '.join(map(str, poolings))} both pool the tokens")
    counted = Counter((step.kind, step.path) for step in steps if step.module and step.module.weighted)
    for (kind, path), times in counted.items():
        if times > 1:
            yield finding("module-repeated", f"{kind} in {path} is applied {times} times")


def _normalised(steps: list[Step]) -> Iterator[Finding]:
    """Normalisation that a later module undoes, or that another repeats."""
    places = [at for at, step in enumerate(steps) if step.kind == "Normalize" and _reads(step) == SENTENCE]
    if not places:
        return
    undone = [
        step for step in steps[places[-1] + 1 :] if step.kind in _CHANGES_THE_VECTOR and _writes(step) == SENTENCE
    ]
    if undone:
        yield finding("normalize-early", f"{undone[-1]} comes after Normalize")
    between = [step.kind for step in steps[places[0] : places[-1]] if step.kind in _CHANGES_THE_VECTOR]
    if len(places) > 1 and not between:
        yield finding("normalize-twice", f"modules.json normalises {len(places)} times")


def _reads(step: Step) -> str:
    default = step.module.reads if step.module else None
    return str(step.settings.get("module_input_name") or default)


def _writes(step: Step) -> str:
    named = step.settings.get("module_output_name") or step.settings.get("module_input_name")
    return str(named or (step.module.writes if step.module else SENTENCE))


def _written(reader: Step) -> str:
    """The feature that the module which reads the text gives."""
    default = reader.module.writes if reader.module else SENTENCE
    default = _WRITES.get(str(reader.settings.get("transformer_task")), default)
    return str(reader.settings.get("module_output_name") or default)


def reader_width(target: Target, step: Step) -> int | None:
    """Numbers a token's vector has when it leaves the module that reads the text; None where no setting tells."""
    if step.kind == "StaticEmbedding":
        return next((shape[1] for shape in word_vectors(target, step.path).values() if len(shape) == 2), None)
    if step.kind == "MLMTransformer" or step.settings.get("transformer_task") == "fill-mask":
        return _whole(target.object(step.named("config.json")).get("vocab_size"))
    config = target.object(step.named("config.json"))
    pooled = _written(step) == TOKENS or _text_output(step) == "pooler_output"
    if step.kind != "Transformer" or not pooled or config.get("auto_map"):
        return None  # a projection, or what the model's own code makes of it
    if config.get("word_embed_proj_dim"):
        return _whole(config["word_embed_proj_dim"])
    return next((width for key in _WIDTHS if (width := _whole(config.get(key)))), None)


def _text_output(step: Step) -> Any:
    modality = step.settings.get("modality_config")
    text = modality.get("text") if isinstance(modality, dict) else None
    return text.get("method_output_name") if isinstance(text, dict) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def output_width(target: Target, steps: list[Step]) -> int | None:
    """Numbers the vector has after the last module; None where it cannot be told."""
    for _, _, width in flow(target, steps):
        last = width
    return last if steps else None


def flow(target: Target, steps: list[Step]) -> Iterator[tuple[Step, int | None, int | None]]:
    """Each step with the width it is given and the width it gives."""
    widths: dict[str, int | None] = {}
    for at, step in enumerate(steps):
        if at == 0:
            given, gives = None, reader_width(target, step)
            widths[_written(step)] = gives
        else:
            given = widths.get(_reads(step))
            gives = _gives(step, given)
            widths[_writes(step)] = gives
        yield step, given, gives


def _gives(step: Step, given: int | None) -> int | None:
    settings = step.settings
    if step.module is None:
        return None
    match step.kind:
        case "Pooling":
            return given * len(_modes(step)) if given else None
        case "Dense":
            return _whole(settings.get("out_features"))
        case "SparseAutoEncoder":
            return _whole(settings.get("hidden_dim"))
        case "CNN":
            channels, kernels = _whole(settings.get("out_channels", 256)), settings.get("kernel_sizes", [1, 3, 5])
            return channels * len(kernels) if channels and isinstance(kernels, list) else None
        case "LSTM":
            hidden = _whole(settings.get("hidden_dim"))
            return hidden * (2 if settings.get("bidirectional", True) else 1) if hidden else None
    return given


# The setting that says which width a module takes.
_TAKES = {"Dense": "in_features", "LayerNorm": "dimension", "SparseAutoEncoder": "input_dim",
          "CNN": "in_embedding_dimension", "LSTM": "embedding_dimension"}  # fmt: skip


def _widths(target: Target, steps: list[Step]) -> Iterator[Finding]:
    for step, given, _ in flow(target, steps):
        takes = _whole(step.settings.get(_TAKES[step.kind])) if step.kind in _TAKES else None
        if given and takes and given != takes:
            yield finding(
                "widths-differ",
                f"{step} takes {takes} numbers, the modules before it give {given}",
                {"takes": takes, "given": given, "settings": step.file},
                step=str(step),
            )


def _words(names: Any) -> str:
    return ", ".join(sorted(map(str, names)))

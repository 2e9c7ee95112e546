"""What a folder is: an embedding model of transformers, or one of the other kinds that are sound for what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluators.model_files.reading import as_list
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import LIBRARY, READERS, ROUTERS, TRANSFORMERS, kind_of
from evaluators.preflight.module_summaries import disk_summaries, packed_summaries
from evaluators.preflight.other_kinds import check_adapter, check_graph, check_packed, check_words
from evaluators.preflight.steps import Step, routes, text_modality
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_values import impossible_values, reported

__all__ = ["check_kind", "check_values_on_disk", "model_kind", "transformers_of"]

_STATIC = READERS - TRANSFORMERS - ROUTERS
_WITHOUT_WEIGHTS = {"BoW"}
_HOLDS_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".npy", ".npz", ".h5", ".msgpack")
_ADAPTER, _OPEN_CLIP = "adapter_config.json", "open_clip_config.json"
_FRAMEWORKS = {"tf_model.h5": ("TensorFlow", "from_tf"), "flax_model.msgpack": ("Flax", "from_flax")}
_PACKED = ("quantize_config.json", "quant_config.json", "quant_strategy.json")
_VARIANT = re.compile(r"(?P<stem>model|pytorch_model)\.(?P<variant>\w+)\.(?P<ending>safetensors|bin)")
_MULTI_VECTOR = re.compile(r"ColBERT|ColPali|ColQwen|ForRetrieval$")


@dataclass(frozen=True)
class ModelKind:
    """What a folder is, and which tiers have something to look at.

    Attributes:
        notice: the finding that says so; None for an embedding model, of which nothing need be said.
        known: whether more than its files, its code and NaN in its weights can be looked at.
        weights: whether its weights are loaded; else they are a graph's, or packed.
        vectors: whether it gives one dense vector a text, so that pooling and its like are asked for.
        loader: the class of transformers that loads it.
        beside: tensors beyond that class's own, which belong to the model all the same.
        head: names of the tensors a result depends on beside the encoder's.
        graph: the file that is run in place of weights, relative.
        packed_by: what quantised its weights.
    """

    notice: Finding | None = None
    known: bool = True
    weights: bool = True
    vectors: bool = True
    loader: str = "AutoModel"
    beside: str = r"(?!)"
    head: str = r"(?!)"
    graph: str = ""
    packed_by: str = ""


_UNKNOWN: dict[str, Any] = {"known": False, "weights": False, "vectors": False}


def model_kind(target: Target) -> ModelKind:
    """What the folder is."""
    return next(_kinds(target), ModelKind())


def transformers_of(target: Target) -> list[Target]:
    """The transformers of a model, each as a target of its own: one, but for a router that has one for each route."""
    known = routes(target)
    if len(known) < 2 and not any(route for route, _ in known):
        return [target]
    parts: dict[str, list[Step]] = {}
    for _, steps in known:
        if steps and steps[0].kind in TRANSFORMERS:
            parts.setdefault(steps[0].path, steps)
    return [target.part(path, [step.entry for step in steps]) for path, steps in parts.items()]


def _kinds(target: Target) -> Iterator[ModelKind]:
    yield from _no_transformer(target)
    yield from _no_torch(target)
    yield from _packed(target)
    yield from _other_result(target)


def _no_transformer(target: Target) -> Iterator[ModelKind]:
    code, reader = "kind-unknown", _reader(target)
    if target.has(target.of_root(_ADAPTER)):
        base = target.object(target.of_root(_ADAPTER)).get("base_model_name_or_path")
        code, words = (
            "kind-unknown/adapter",
            f"an adapter, whose weights are added to those of {base or 'another model'}",
        )
    elif reader in _STATIC:
        code, words = "kind-unknown/static", f"a {reader} model of sentence-transformers, which has no transformer"
    elif target.has(_OPEN_CLIP) and not target.config:
        words = "a model of OpenCLIP"
    elif _has_unknown_type(target):
        words = f"of the type {target.config.get('model_type')!r}, which transformers does not know"
    else:
        return
    yield ModelKind(finding(code, f"The model is {words}", {"weights": _held_weights(target)[:20]}), **_UNKNOWN)


def _has_unknown_type(target: Target) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    config = target.config
    named = bool(config) and not target.modules and not config.get("auto_map")
    return named and config.get("model_type") not in CONFIG_MAPPING_NAMES


def _held_weights(target: Target) -> list[str]:
    """Files of the folder that can be its weights; of an adapter the adapter's own."""
    files = [name for name in target.files if name.endswith(_HOLDS_WEIGHTS)]
    if target.has(target.of_root(_ADAPTER)):
        files = [name for name in files if Path(name).name.startswith("adapter_model")]
    return files


def _no_torch(target: Target) -> Iterator[ModelKind]:
    """Folders whose weights are those of another runtime alone."""
    if target.weight_files or target.pickles or target.has(target.of_root("model.safetensors.index.json")):
        return
    files = [name for name in target.files if "checkpoint-" not in name]
    if graphs := _ending(files, ".onnx"):
        notice = finding("kind-onnx", f"The model is a graph in ONNX: {graphs[0]}", folder=target.name, file=graphs[0])
        yield ModelKind(notice, weights=False, graph=graphs[0])
    elif graphs := _ending(files, ".xml"):
        seen = f"The model is a graph in OpenVINO: {graphs[0]}"
        notice = finding("kind-openvino", seen, folder=target.name, file=graphs[0])
        yield ModelKind(notice, weights=False, graph=graphs[0])
    elif packed := _ending(files, ".gguf"):
        notice = finding("kind-gguf", f"The model is in GGUF: {packed[0]}", file=target.path(packed[0]))
        yield ModelKind(notice, graph=packed[0], **_UNKNOWN)
    elif names := [name for name in _FRAMEWORKS if target.has(target.of_root(name))]:
        framework, option = _FRAMEWORKS[names[0]]
        notice = finding("kind-framework", f"The only weights are {names[0]}, those of {framework}", option=option)
        yield ModelKind(notice, weights=False)
    elif match := next(filter(None, map(_VARIANT.fullmatch, target.files)), None):
        stem, variant, ending = match.groups()
        seen, plain = f"The only weights are the variant {match[0]}", f"{stem}.{ending}"
        yield ModelKind(finding("kind-variant", seen, file=match[0], plain=plain, variant=variant), weights=False)


def _ending(names: list[str], suffix: str) -> list[str]:
    """Names of that ending, those of the folder itself and the plain ones first."""
    return sorted((name for name in names if name.endswith(suffix)), key=lambda name: (len(name), name))


def _packed(target: Target) -> Iterator[ModelKind]:
    """Quantised weights, which only the library that packed them reads."""
    settings = target.config.get("quantization_config")
    method = settings.get("quant_method") or settings.get("quant_type") if isinstance(settings, dict) else None
    beside = next((name for name in _PACKED if target.has(target.of_root(name))), None)
    if not isinstance(settings, dict) and isinstance(target.config.get("quantization"), dict):
        settings, method = target.config["quantization"], "mlx"  # Apple's library keeps it under a key of its own
    if isinstance(settings, dict) or beside:
        method = str(method or ("gptq" if beside == "quantize_config.json" else beside or "an unnamed method"))
        seen = f"The model's weights are quantised by {method}"
        notice = finding("kind-quantised", seen, method=method, folder=target.name)
        yield ModelKind(notice, weights=False, packed_by=method)


def _other_result(target: Target) -> Iterator[ModelKind]:
    """Transformers whose result is another than one dense vector a text."""
    named_family = target.object("config_sentence_transformers.json").get("model_type")
    family = named_family if isinstance(named_family, str) else None
    types = [str(entry.get("type", "")) for entry in target.modules]
    kinds, libraries = set(map(kind_of, types)), {name.partition(".")[0] for name in types}
    classes = list(map(str, as_list(target.config.get("architectures"))))
    task = _reader_settings(target).get("transformer_task")
    if "Pooling" in kinds and family in {"CrossEncoder", "SparseEncoder", "MultiVectorEncoder"}:
        family = None  # it is built of an embedding model's modules, and the pipeline's tier says that it is misnamed
    if family == "CrossEncoder" or "LogitScore" in kinds or task == "sequence-classification":
        of_words = not target.modules and bool(classes) and classes[0].endswith("ForCausalLM")
        causal = of_words or "LogitScore" in kinds
        yield _cross_encoder("AutoModelForCausalLM" if causal else "AutoModelForSequenceClassification")
    elif "Pooling" not in kinds and any(name.endswith("ForSequenceClassification") for name in classes):
        yield _cross_encoder("AutoModelForSequenceClassification")
    elif family == "SparseEncoder" or kinds & {"MLMTransformer", "SpladePooling"} or _is_splade(target, classes):
        head = r"^(cls|lm_head|vocab_|mlm_head|generator|prediction)"
        notice = finding("kind-sparse", "The model is a sparse encoder")
        yield ModelKind(notice, vectors=False, loader="AutoModelForMaskedLM", head=head)
    elif family == "MultiVectorEncoder" or "pylate" in libraries or _is_colbert(target, classes):
        notice = finding("kind-multi-vector", "The model is a late-interaction model")
        yield ModelKind(notice, vectors=False, beside=r"^linear\.")
    elif text_modality(_reader_settings(target)).get("method_output_name") == "pooler_output":
        # The vector is taken from the transformer's own pooler, which most models carry and do not use.
        yield ModelKind(head=r"(^|\.)pooler\.")
    elif not target.modules and any(name.endswith(("ForMaskedLM", "ForCausalLM", "LMHeadModel")) for name in classes):
        yield ModelKind(finding("kind-language-model", f"The model is a language model: {classes[0]}"))


def _reader_settings(target: Target) -> dict[str, Any]:
    return target.object(target.of_root("sentence_bert_config.json"))


def _cross_encoder(loader: str) -> ModelKind:
    head = r"(^|\.)(classifier|score|pooler|pre_classifier|classification_head|head|lm_head)\."
    notice = finding("kind-cross-encoder", "The model is a cross-encoder")
    return ModelKind(notice, vectors=False, loader=loader, head=head)


def _is_splade(target: Target, classes: list[str]) -> bool:
    says = "splade" in f"{Path(target.name).name} {target.card[:5000]}".lower()
    return says and not target.modules and any(name.endswith("ForMaskedLM") for name in classes)


def _is_colbert(target: Target, classes: list[str]) -> bool:
    return target.has("artifact.metadata") or any(map(_MULTI_VECTOR.search, classes))


def check_kind(target: Target, kind: ModelKind) -> Iterator[Finding]:
    """What the folder is, where it is no plain embedding model, and what can be wrong with a folder of that kind."""
    if kind.notice is None:
        return
    if kind.notice.code == "kind-unknown":
        yield from _of_unknown_kind(target, kind.notice)
        return
    yield kind.notice
    if kind.graph:
        yield from check_graph(target, kind.graph)
    weights = kind.graph.removesuffix(".xml") + ".bin"
    if kind.graph.endswith(".xml") and not target.has(weights):
        yield finding("weights-file-missing", f"The graph {kind.graph} is there, its weights {weights} are not")
    if kind.packed_by:
        yield from check_packed(target, kind.packed_by)


def _of_unknown_kind(target: Target, notice: Finding) -> Iterator[Finding]:
    adapter = target.has(target.of_root(_ADAPTER))
    if not _held_weights(target) and _reader(target) not in _WITHOUT_WEIGHTS:
        lost = "no adapter_model.safetensors" if adapter else "no file of weights"
        yield finding("weights-file-missing", f"{notice.seen}, and {lost} is there")
        return
    yield notice
    if adapter:
        yield from check_adapter(target, target.of_root(_ADAPTER))
    elif _reader(target) == "StaticEmbedding":
        yield from check_words(target, str(target.modules[0].get("path") or ""))


def check_values_on_disk(target: Target) -> Iterator[Finding]:
    """Values that no trained tensor holds in the safetensors files, one tensor in memory at a time."""
    if not model_kind(target).packed_by:
        yield from impossible_values(disk_summaries(target))
        return
    plain, scales = packed_summaries(target)
    yield from impossible_values(plain)
    yield from reported("weights-not-finite", "hold NaN or infinity", [scale for scale in scales if not scale.finite])


def _reader(target: Target) -> str | None:
    """The class of sentence-transformers that reads the text; None where modules.json names none of its."""
    first = str(target.modules[0].get("type", "")) if target.modules else ""
    return kind_of(first) if first.startswith(LIBRARY) else None

"""What a folder is: an embedding model of transformers, or one of the other kinds that are sound for what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import AGAIN, Finding
from evaluators.preflight.module_summaries import disk_summaries, packed_summaries
from evaluators.preflight.other_kinds import check_adapter, check_graph, check_packed, check_words
from evaluators.preflight.steps import READERS, Step, routes
from evaluators.preflight.target import Target
from evaluators.preflight.tensor_values import impossible_values, reported

__all__ = ["Kind", "check_kind", "check_values_on_disk", "kind", "other_kind", "transformers_of"]

_STATIC = READERS - {"Transformer", "MLMTransformer", "Router", "Asym"}
_WITHOUT_WEIGHTS = {"BoW"}
_HOLDS_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".gguf", ".npy", ".npz", ".h5", ".msgpack")
_ADAPTER, _OPEN_CLIP = "adapter_config.json", "open_clip_config.json"
_FRAMEWORKS = {"tf_model.h5": "from_tf", "flax_model.msgpack": "from_flax"}
_PACKED = ("quantize_config.json", "quant_config.json", "quant_strategy.json")
_VARIANT = re.compile(r"(?P<stem>model|pytorch_model)\.(?P<variant>\w+)\.(?P<ending>safetensors|bin)")
_MULTI_VECTOR = re.compile(r"ColBERT|ColPali|ColQwen|ForRetrieval$")


@dataclass(frozen=True)
class Kind:
    """What a folder is, and which tiers have something to look at.

    Attributes:
        code: of the finding that says so; None for an embedding model, of which nothing need be said.
        seen: what it is, in one sentence.
        known: whether more than its files, its code and NaN in its weights can be looked at.
        weights: whether its weights are loaded; else they are a graph's, or packed.
        vectors: whether it gives one dense vector a text, so that pooling and its like are asked for.
        loader: the class of transformers that loads it.
        beside: tensors beyond that class's own, which belong to the model all the same.
        head: names of the tensors a result depends on beside the encoder's.
        graph: the file that is run in place of weights, relative.
        blanks: what the finding's remedy is filled with.
    """

    code: str | None = None
    seen: str = ""
    known: bool = True
    weights: bool = True
    vectors: bool = True
    loader: str = "AutoModel"
    beside: str = r"(?!)"
    head: str = r"(?!)"
    graph: str = ""
    blanks: dict[str, Any] = field(default_factory=dict)


_UNKNOWN: dict[str, Any] = {"known": False, "weights": False, "vectors": False}


def kind(target: Target) -> Kind:
    """What the folder is."""
    return next((found for found in _kinds(target)), Kind())


def other_kind(target: Target) -> str | None:
    """What the model is, in words, where no more than its files and its code is looked at; None where more is."""
    found = kind(target)
    return None if found.known else found.seen


def transformers_of(target: Target) -> list[Target]:
    """The transformers of a model, each as a target of its own: one, but for a router that has one for each route."""
    known = routes(target)
    if len(known) < 2 and not any(route for route, _ in known):
        return [target]
    parts: dict[str, list[Step]] = {}
    for _, steps in known:
        if steps and steps[0].kind in {"Transformer", "MLMTransformer"}:
            parts.setdefault(steps[0].path, steps)
    return [target.part(path, [step.entry for step in steps]) for path, steps in parts.items()]


def _kinds(target: Target) -> Iterator[Kind]:
    yield from _no_transformer(target)
    yield from _no_torch(target)
    yield from _packed(target)
    yield from _other_result(target)


def _no_transformer(target: Target) -> Iterator[Kind]:
    first = _reader(target)
    if target.has(target.of_root(_ADAPTER)):
        base = target.object(target.of_root(_ADAPTER)).get("base_model_name_or_path")
        words = f"an adapter, whose weights are added to those of {base or 'another model'}"
        yield Kind("kind-unknown", words, **_UNKNOWN)
    elif first in _STATIC:
        yield Kind("kind-unknown", f"a {first} model of sentence-transformers, which has no transformer", **_UNKNOWN)
    elif target.has(_OPEN_CLIP) and not target.config:
        yield Kind("kind-unknown", "a model of OpenCLIP", **_UNKNOWN)
    elif _is_unknown(target):
        words = f"of the type {target.config.get('model_type')!r}, which transformers does not know"
        yield Kind("kind-unknown", words, **_UNKNOWN)


def _is_unknown(target: Target) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    config = target.config
    named = bool(config) and not target.modules and not config.get("auto_map")
    return named and config.get("model_type") not in CONFIG_MAPPING_NAMES


def _no_torch(target: Target) -> Iterator[Kind]:
    """Folders whose weights are those of another runtime alone."""
    if target.weight_files or target.pickles or target.has(target.of_root("model.safetensors.index.json")):
        return
    beside = [name for name in target.files if "checkpoint-" not in name]
    if graphs := _ending(beside, ".onnx"):
        words = f"The model is a graph in ONNX: {graphs[0]}"
        yield Kind("kind-onnx", words, weights=False, graph=graphs[0], blanks=_place(target, graphs))
    elif graphs := _ending(beside, ".xml"):
        words = f"The model is a graph in OpenVINO: {graphs[0]}"
        yield Kind("kind-openvino", words, weights=False, graph=graphs[0], blanks=_place(target, graphs))
    elif packed := _ending(beside, ".gguf"):
        words = f"The model is in GGUF: {packed[0]}"
        yield Kind("kind-gguf", words, graph=packed[0], blanks={"file": target.path(packed[0])}, **_UNKNOWN)
    elif held := [name for name in _FRAMEWORKS if target.has(target.of_root(name))]:
        words = f"The only weights are {held[0]}, those of {'Flax' if 'flax' in held[0] else 'TensorFlow'}"
        yield Kind("kind-framework", words, weights=False, blanks={"option": _FRAMEWORKS[held[0]]})
    elif found := next((m for name in target.files if (m := _VARIANT.fullmatch(name))), None):
        parts = {"file": found[0], "plain": f"{found['stem']}.{found['ending']}", "variant": found["variant"]}
        yield Kind("kind-variant", f"The only weights are the variant {found[0]}", weights=False, blanks=parts)


def _ending(names: list[str], suffix: str) -> list[str]:
    """Names of that ending, those of the folder itself and the plain ones first."""
    return sorted((name for name in names if name.endswith(suffix)), key=lambda name: (len(name), name))


def _place(target: Target, graphs: list[str]) -> dict[str, Any]:
    return {"folder": target.name, "file": graphs[0]}


def _packed(target: Target) -> Iterator[Kind]:
    """Quantised weights, which only the library that packed them reads."""
    settings = target.config.get("quantization_config")
    method = settings.get("quant_method") or settings.get("quant_type") if isinstance(settings, dict) else None
    beside = next((name for name in _PACKED if target.has(target.of_root(name))), None)
    if not isinstance(settings, dict) and isinstance(target.config.get("quantization"), dict):
        settings, method = target.config["quantization"], "mlx"  # Apple's library keeps it under a key of its own
    if isinstance(settings, dict) or beside:
        method = str(method or ("gptq" if beside == "quantize_config.json" else beside or "an unnamed method"))
        words = f"The model's weights are quantised by {method}"
        yield Kind("kind-quantised", words, weights=False, blanks={"method": method, "folder": target.name})


def _other_result(target: Target) -> Iterator[Kind]:
    """Transformers whose result is another than one dense vector a text."""
    named_family = target.object("config_sentence_transformers.json").get("model_type")
    family = named_family if isinstance(named_family, str) else None
    kinds = {str(entry.get("type", "")).rpartition(".")[2] for entry in target.modules}
    libraries = {str(entry.get("type", "")).partition(".")[0] for entry in target.modules}
    named = target.config.get("architectures")
    classes = [str(name) for name in named] if isinstance(named, list) else []
    task = target.object(target.of_root("sentence_bert_config.json")).get("transformer_task")
    if "Pooling" in kinds and family in {"CrossEncoder", "SparseEncoder", "MultiVectorEncoder"}:
        family = None  # it is built of an embedding model's modules, and the pipeline's tier says that it is misnamed
    if family == "CrossEncoder" or "LogitScore" in kinds or task == "sequence-classification":
        of_words = not target.modules and bool(classes) and classes[0].endswith("ForCausalLM")
        yield _cross_encoder("AutoModelForCausalLM" if of_words or "LogitScore" in kinds else None)
    elif "Pooling" not in kinds and any(name.endswith("ForSequenceClassification") for name in classes):
        yield _cross_encoder()
    elif family == "SparseEncoder" or kinds & {"MLMTransformer", "SpladePooling"} or _is_splade(target, classes):
        yield Kind(
            "kind-sparse",
            "The model is a sparse encoder",
            vectors=False,
            loader="AutoModelForMaskedLM",
            head=r"^(cls|lm_head|vocab_|mlm_head|generator|prediction)",
        )
    elif family == "MultiVectorEncoder" or "pylate" in libraries or _is_colbert(target, classes):
        yield Kind("kind-multi-vector", "The model is a late-interaction model", vectors=False, beside=r"^linear\.")
    elif _pooled(target):
        yield Kind(head=r"(^|\.)pooler\.")
    elif not target.modules and any(name.endswith(("ForMaskedLM", "ForCausalLM", "LMHeadModel")) for name in classes):
        yield Kind("kind-language-model", f"The model is a language model: {classes[0]}")


def _cross_encoder(loader: str | None = None) -> Kind:
    return Kind(
        "kind-cross-encoder",
        "The model is a cross-encoder",
        vectors=False,
        loader=loader or "AutoModelForSequenceClassification",
        head=r"(^|\.)(classifier|score|pooler|pre_classifier|classification_head|head|lm_head)\.",
    )


def _pooled(target: Target) -> bool:
    """Whether the vector is taken from the transformer's own pooler, which most models carry and do not use."""
    modality = target.object(target.of_root("sentence_bert_config.json")).get("modality_config")
    text = modality.get("text") if isinstance(modality, dict) else None
    return isinstance(text, dict) and text.get("method_output_name") == "pooler_output"


def _is_splade(target: Target, classes: list[str]) -> bool:
    says = "splade" in f"{Path(target.name).name} {target.card[:5000]}".lower()
    return says and not target.modules and any(name.endswith("ForMaskedLM") for name in classes)


def _is_colbert(target: Target, classes: list[str]) -> bool:
    return target.has("artifact.metadata") or any(_MULTI_VECTOR.search(name) for name in classes)


def check_kind(target: Target, found: Kind) -> Iterator[Finding]:
    """What the folder is, where it is no plain embedding model, and a fault where its weights are not there."""
    if found.code is None:
        return
    if found.code != "kind-unknown":
        yield finding(found.code, found.seen, **found.blanks)
        yield from _of_its_own(target, found)
        return
    adapter = target.has(target.of_root(_ADAPTER))
    held = [name for name in target.files if name.endswith(_HOLDS_WEIGHTS)]
    if adapter:
        held = [name for name in held if Path(name).name.startswith("adapter_model")]
    if not held and _reader(target) not in _WITHOUT_WEIGHTS:
        lost = "no adapter_model.safetensors" if adapter else "no file of weights"
        yield _lost(f"The model is {found.seen}, and {lost} is there")
        return
    yield Finding(
        "files",
        "kind-unknown",
        "notice",
        f"The model is {found.seen}",
        "Only its files and its code are looked at: what its weights, tokenizer and configuration have to be is known "
        "of transformers alone.",
        _how(target, adapter),
        {"weights": held[:20]},
    )
    if adapter:
        yield from check_adapter(target, target.of_root(_ADAPTER))
    elif _reader(target) == "StaticEmbedding":
        yield from check_words(target, str(target.modules[0].get("path") or ""))


def _of_its_own(target: Target, found: Kind) -> Iterator[Finding]:
    """What can be wrong with a folder of this kind, beside what is looked at in every folder."""
    if found.code in {"kind-onnx", "kind-openvino", "kind-gguf"}:
        yield from check_graph(target, found.graph)
    if found.code == "kind-openvino":
        yield from _half_a_graph(target, found.graph)
    if found.code == "kind-quantised":
        yield from check_packed(target, found.blanks["method"])


def _how(target: Target, adapter: bool) -> str:
    compare = "Compare its vectors with a machine where it works: python -m evaluators parity."
    if adapter:
        return f"Load it with peft installed, its base model within reach. {compare}"
    if _reader(target) in _STATIC:
        return f"Load it with sentence_transformers.SentenceTransformer. {compare}"
    return compare


def _half_a_graph(target: Target, graph: str) -> Iterator[Finding]:
    weights = graph.removesuffix(".xml") + ".bin"
    if not target.has(weights):
        yield _lost(f"The graph {graph} is there, its weights {weights} are not")


def _lost(seen: str) -> Finding:
    return Finding("files", "weights-file-missing", "fatal", seen, "Nothing can be loaded.", AGAIN)


def check_values_on_disk(target: Target) -> Iterator[Finding]:
    """Values that no trained tensor holds in the safetensors files, one tensor in memory at a time."""
    if kind(target).code != "kind-quantised":
        yield from impossible_values(disk_summaries(target))
        return
    plain, scales = packed_summaries(target)
    yield from impossible_values(plain)
    yield from reported("weights-not-finite", "hold NaN or infinity", [held for held in scales if not held.finite])


def _reader(target: Target) -> str | None:
    """The class of sentence-transformers that reads the text; None where modules.json names none of its."""
    first = str(target.modules[0].get("type", "")) if target.modules else ""
    return first.rpartition(".")[2] if first.startswith("sentence_transformers.") else None

"""Files that a model declares, or that its loaders ask for, and that are not in the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data.store.vocabulary import Severity
from evaluators.model_files.hashes import file_sha256
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import ROUTERS, TRANSFORMERS, kind_of
from evaluators.preflight.steps import Step, distinct_steps
from evaluators.preflight.target import Target, in_folder
from evaluators.preflight.weight_files import header, tensor_names
from evaluators.trust import hub_commit

__all__ = ["HEADS", "check_heads", "check_modules", "check_transformer", "check_weights"]

_TOKENIZER_FILES = (
    "tokenizer.json", "vocab.txt", "vocab.json", "sentencepiece.bpe.model", "spiece.model", "tokenizer.model",
    "tekken.json",
)  # fmt: skip
_OF_BYTES = {"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer"}  # have no vocabulary, and so no file
_TRACES = ("1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json")
HEADS = ("sparse_linear.pt", "colbert_linear.pt")  # BGE-M3's
_BGE_M3 = "bge-m3"


def check_modules(target: Target) -> Iterator[Finding]:
    """modules.json itself, the settings of a router, and the files of each module."""
    if not target.has("modules.json"):
        yield from _modules_missing(target)
    yield from _router_present(target)
    for step in distinct_steps(target):
        if lost := _lost(target, step):
            seen = f"modules.json declares the module {step}, and {' and '.join(lost)} of it is not there"
            evidence = {"module": step.kind, "path": step.path, "missing": lost}
            yield finding("module-missing", seen, evidence, kind=step.kind, folder=step.path)


def _modules_missing(target: Target) -> Iterator[Finding]:
    if target.object("config_sentence_transformers.json").get("model_type") == "CrossEncoder":
        return  # a cross-encoder has no pooling to lose
    if traces := [name for name in _TRACES if target.has(name)]:
        seen = f"modules.json is not there, though {', '.join(traces)} is"
        yield finding("modules-missing", seen, {"present": traces})


def _router_present(target: Target) -> Iterator[Finding]:
    first = target.modules[0] if target.modules else {}
    names = [in_folder(str(first.get("path") or ""), name) for name in ("router_config.json", "config.json")]
    if kind_of(str(first.get("type", ""))) in ROUTERS and not any(map(target.has, names)):
        yield finding("router-incomplete", f"The router's settings {names[0]} are not there")


def _lost(target: Target, step: Step) -> list[str]:
    """What is not there of a module; of a class whose files are not known here, only whether it has any."""
    module = step.module
    if step.kind in TRANSFORMERS:
        configs = ("config.json", "adapter_config.json")
        return [] if any(target.has(step.named(name)) for name in configs) else ["config.json"]
    if module is None:
        inside = any(name.startswith(f"{step.path}/") for name in target.files)
        return [] if inside or step.path in {"", "."} else ["all"]
    lost = [module.file] if module.file and module.needed and step.file is None else []
    weights = ("model.safetensors", "pytorch_model.bin")
    if module.weighted and not any(target.has(step.named(name)) for name in weights):
        lost.append(weights[0])
    return lost


def check_transformer(target: Target) -> Iterator[Finding]:
    """The configuration of a transformer, its tokenizer's files, and the length its texts are cut at."""
    if not target.has(target.of_root("config.json")):
        yield finding("config-missing", "config.json is not there")
    by_bytes = str(target.object(target.of_root("tokenizer_config.json")).get("tokenizer_class")) in _OF_BYTES
    if target.config and not by_bytes and not any(target.has(target.of_root(name)) for name in _TOKENIZER_FILES):
        seen = "None of the tokenizer's files is there (tokenizer.json, vocab.txt, ...)"
        yield finding("tokenizer-missing", seen, {"looked_for": list(_TOKENIZER_FILES)})
    if target.module("Transformer") and not target.has(target.of_root("sentence_bert_config.json")):
        yield finding("length-config-missing", "modules.json is there, sentence_bert_config.json is not")


def check_weights(target: Target) -> Iterator[Finding]:
    """The file of weights, or all shards of an index with all tensors it names."""
    weight_map = target.object(target.of_root("model.safetensors.index.json")).get("weight_map")
    single = target.of_root("model.safetensors")
    if not isinstance(weight_map, dict):
        if not target.weight_files and not target.pickles:
            seen = "There is neither model.safetensors nor an index of shards nor pytorch_model.bin"
            yield finding("weights-file-missing", seen)
        return
    files = {str(key): target.of_root(str(name)) for key, name in weight_map.items()}
    yield from _two_sets(target, single, sorted(set(files.values()))) if target.has(single) else _shards(target, files)


def _two_sets(target: Target, single: str, shards: list[str]) -> Iterator[Finding]:
    """One file of weights and an index of shards in one folder: loaders take the one or the other."""
    there = [name for name in shards if target.has(name)]
    both = [{key: entry["shape"] for name in names for key, entry in header(target.path(name)).items()}
            for names in ([single], there)]  # fmt: skip
    what, severity = ("the same names", Severity.NOTICE) if both[0] == both[1] else ("other tensors", None)
    seen = f"{single} and an index of {len(shards)} shards are there, of {what}"
    evidence = {"file": single, "shards": shards[:20], "missing": sorted(set(shards) - set(there))}
    yield finding("weights-two-sets", seen, evidence, severity, file=single)


def _shards(target: Target, weight_map: dict[str, str]) -> Iterator[Finding]:
    if lost := sorted({name for name in weight_map.values() if not target.has(name)}):
        keys = [key for key, name in weight_map.items() if name in lost]
        seen = f"The index names {', '.join(lost)}, which is not there: {len(keys)} of {len(weight_map)} tensors"
        yield finding("shard-missing", seen, {"missing": lost, "tensors": keys[:20]})
        return
    held = {name: set(tensor_names(target.path(name))) for name in set(weight_map.values())}
    if absent := [key for key, name in weight_map.items() if key not in held[name]]:
        seen = f"{len(absent)} tensors are not in the shard the index names, the first is {absent[0]}"
        yield finding("shard-incomplete", seen, {"tensors": absent[:20]})


def check_heads(target: Target) -> Iterator[Finding]:
    """Heads of a model class that loads them from files of their own: BGE-M3's sparse and multi-vector heads."""
    present = [name for name in HEADS if target.has(name)]
    lost = [name for name in HEADS if name not in present]
    severity = Severity.SERIOUS if present else _asks_for_heads(target)
    if severity and lost:
        yield finding(
            "heads-missing",
            f"{' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} not there",
            {"missing": lost, "present": [_measured(target, name) for name in present]},
            severity,
            files=" ".join(lost),
            folder=target.folder,
        )


def _asks_for_heads(target: Target) -> Severity | None:
    """How sure it is that the model has heads: by its own name or its card's file list; a model made from it, may be.

    A dense fine-tune of BGE-M3 carries its name too, and is whole without them; that a card speaks of BGE-M3 as of
    another model says nothing.
    """
    own = Path(target.name).expanduser()
    if own.is_dir():
        own = own.resolve()
        if hub_commit(own):
            own = Path(own.parent.parent.name.rpartition("--")[2])
    if own.name.lower() == _BGE_M3 or any(name in target.card for name in HEADS):
        return Severity.SERIOUS
    made_from = str(target.config.get("_name_or_path") or "")
    return Severity.NOTICE if Path(made_from).name.lower() == _BGE_M3 else None


def _measured(target: Target, name: str) -> dict[str, str | int]:
    path = target.path(name)
    return {"path": name, "size": path.stat().st_size, "sha256": file_sha256(path)}

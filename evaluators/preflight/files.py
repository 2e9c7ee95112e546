"""Tier 1, files: what the model declares against what is here, before anything is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluators.model_files.hashes import file_sha256
from evaluators.model_files.reading import parse_json, read_bytes
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import AGAIN, Finding, Severity
from evaluators.preflight.kinds import check_kind, kind, transformers_of
from evaluators.preflight.loaded_files import is_read
from evaluators.preflight.setting_types import malformed
from evaluators.preflight.steps import Step, kind_of, routes
from evaluators.preflight.target import Target
from evaluators.preflight.weight_files import LFS_MARK, broken_safetensors, header, tensor_names
from evaluators.trust import faults, hub_commit

__all__ = ["check"]

_TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "sentencepiece.bpe.model",
    "spiece.model",
    "tokenizer.model",
    "tekken.json",
)
_OF_BYTES = {"ByT5Tokenizer", "CanineTokenizer", "PerceiverTokenizer"}  # have no vocabulary, and so no file
_TRACES = ("1_Pooling/config.json", "sentence_bert_config.json", "config_sentence_transformers.json")
_HEADS = ("sparse_linear.pt", "colbert_linear.pt")
_BGE_M3 = "bge-m3"
_BGE_M3_SPARSE = "46f8a3bc89a29a05ec42285cee146f9b"


def check(target: Target) -> Iterator[Finding]:
    """Faults that can be seen without loading: declared files missing, cut, empty, pointers, or contradicting."""
    yield from (refused := list(_refused(target)))
    if refused:
        return  # nothing of it is opened
    yield from _unreadable(target)
    yield from (odd := list(_malformed(target)))
    if odd:
        return  # the rest would be read out of those very settings
    yield from _declared_modules(target)
    sort = kind(target)
    yield from check_kind(target, sort)
    if not sort.known:
        return
    for part in transformers_of(target):
        yield from _config_present(part)
        if sort.weights or sort.code == "kind-quantised":
            yield from _weights_present(part)
        yield from _tokenizer_present(part)
        yield from _length_present(part)
    yield from _heads(target)


def _refused(target: Target) -> Iterator[Finding]:
    """Files, settings and sizes for which no command opens the model, whatever is asked."""
    for fault in faults(target.folder, own_code=target.trusted):
        yield Finding("files", fault.code, "fatal", fault.seen, fault.why, fault.remedy, {"file": fault.file})


def _unreadable(target: Target) -> Iterator[Finding]:
    """LFS pointers, empty files, JSON that does not parse, weights cut short."""
    for name in (name for name in target.files if is_read(target, name)):
        path = target.path(name)
        if path.suffix in {".json", ".safetensors", ".bin", ".pt", ".model", ".txt"} and path.stat().st_size == 0:
            yield Finding(
                "files", "file-empty", "fatal", f"{name} is empty", "A download that stopped.", AGAIN, {"file": name}
            )
        elif _is_pointer(path):
            yield Finding(
                "files",
                "lfs-pointer",
                "fatal",
                f"{name} is a Git LFS pointer of {path.stat().st_size} bytes, not the file itself",
                "The repository was cloned without Git LFS: there are no weights to load.",
                "Run `git lfs pull` in the folder, or download the model with `hf download`.",
                {"file": name},
            )
        elif name.endswith(".json") and not _parses(path):
            yield Finding(
                "files",
                "json-unreadable",
                "fatal",
                f"{name} is not valid JSON",
                "Loaders read it.",
                AGAIN,
                {"file": name},
            )
        elif name.endswith(".safetensors") and (fault := broken_safetensors(path)):
            yield Finding(
                "files",
                "weights-truncated",
                "fatal",
                f"{name} is damaged: {fault}",
                "The header promises tensors that the file does not hold.",
                AGAIN,
                {"file": name, "fault": fault},
            )


def _malformed(target: Target) -> Iterator[Finding]:
    for name, fault in malformed(target):
        yield Finding(
            "files",
            "json-malformed",
            "fatal",
            f"{name} is not what loaders take: {fault}",
            "Loaders stop at it, or each makes of it what it likes.",
            "Take the file from the model's repository.",
            {"file": name, "fault": fault},
        )


def _is_pointer(path: Path) -> bool:
    if path.stat().st_size > 1024:
        return False
    return read_bytes(path).startswith(LFS_MARK)


def _parses(path: Path) -> bool:
    try:
        parse_json(path)
    except ValueError:
        return False
    return True


def _declared_modules(target: Target) -> Iterator[Finding]:
    if not target.has("modules.json"):
        yield from _modules_missing(target)
    yield from _router_present(target)
    steps = {(step.kind, step.path): step for _, route in routes(target) for step in route}
    for step in steps.values():
        if lost := _lost(target, step):
            yield Finding(
                "files",
                "module-missing",
                "fatal",
                f"modules.json declares the module {step}, and {' and '.join(lost)} of it is not there",
                f"Without it the {step.kind} step cannot be built; tools that go on without it give other vectors.",
                f"Add the folder {step.path} from the model's repository.",
                {"module": step.kind, "path": step.path, "missing": lost},
            )


def _router_present(target: Target) -> Iterator[Finding]:
    first = target.modules[0] if target.modules else {}
    if kind_of(str(first.get("type", ""))) not in {"Router", "Asym"}:
        return
    folder = str(first.get("path") or "")
    named = [f"{folder}/{name}" if folder else name for name in ("router_config.json", "config.json")]
    if not any(target.has(name) for name in named):
        yield finding("router-incomplete", f"The router's settings {named[0]} are not there")


def _lost(target: Target, step: Step) -> list[str]:
    """What is not there of a module; of a class whose files are not known here, only whether it has any."""
    module = step.module
    if step.kind in {"Transformer", "MLMTransformer"}:
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


def _config_present(target: Target) -> Iterator[Finding]:
    if not target.has(target.of_root("config.json")):
        yield Finding(
            "files",
            "config-missing",
            "fatal",
            "config.json is not there",
            "It says which architecture the weights belong to.",
            AGAIN,
        )


def _modules_missing(target: Target) -> Iterator[Finding]:
    if target.object("config_sentence_transformers.json").get("model_type") == "CrossEncoder":
        return  # a cross-encoder has no pooling to lose
    traces = [name for name in _TRACES if target.has(name)]
    if traces:
        yield Finding(
            "files",
            "modules-missing",
            "serious",
            f"modules.json is not there, though {', '.join(traces)} is",
            "sentence-transformers then takes mean pooling and does not normalise, and says so only at log level INFO.",
            "Add modules.json from the model's repository.",
            {"present": traces},
        )


def _weights_present(target: Target) -> Iterator[Finding]:
    index = target.of_root("model.safetensors.index.json")
    weight_map = target.object(index).get("weight_map")
    single = target.of_root("model.safetensors")
    if target.has(single) and isinstance(weight_map, dict):
        yield from _two_sets(target, single, sorted({target.of_root(str(name)) for name in weight_map.values()}))
    elif isinstance(weight_map, dict):
        yield from _shards(target, {str(key): target.of_root(str(name)) for key, name in weight_map.items()})
    elif not target.weight_files and not target.pickles:
        yield Finding(
            "files",
            "weights-file-missing",
            "fatal",
            "There is neither model.safetensors nor an index of shards nor pytorch_model.bin",
            "Nothing can be loaded; a framework that builds the model from config.json alone gives random vectors.",
            AGAIN,
        )


def _two_sets(target: Target, single: str, shards: list[str]) -> Iterator[Finding]:
    """One file of weights and an index of shards in one folder: loaders take the one or the other."""
    held = [name for name in shards if target.has(name)]
    sizes = {key: entry["shape"] for name in held for key, entry in header(target.path(name)).items()}
    apart = {key: entry["shape"] for key, entry in header(target.path(single)).items()} != sizes
    what = "other tensors" if apart else "the same names"
    yield finding(
        "weights-two-sets",
        f"{single} and an index of {len(shards)} shards are there, of {what}",
        {"file": single, "shards": shards[:20], "missing": sorted(set(shards) - set(held))},
        "serious" if apart else "notice",
        file=single,
    )


def _shards(target: Target, weight_map: dict[str, str]) -> Iterator[Finding]:
    lost = sorted({name for name in weight_map.values() if not target.has(name)})
    if lost:
        tensors = [key for key, name in weight_map.items() if name in lost]
        yield Finding(
            "files",
            "shard-missing",
            "fatal",
            f"The index names {', '.join(lost)}, which is not there: {len(tensors)} of {len(weight_map)} tensors",
            "The tensors of that shard would be initialised at random.",
            AGAIN,
            {"missing": lost, "tensors": tensors[:20]},
        )
        return
    held = {name: set(tensor_names(target.path(name))) for name in set(weight_map.values())}
    absent = [key for key, name in weight_map.items() if key not in held[name]]
    if absent:
        yield Finding(
            "files",
            "shard-incomplete",
            "fatal",
            f"{len(absent)} tensors are not in the shard the index names, the first is {absent[0]}",
            "Shards of two different models or revisions are mixed.",
            AGAIN,
            {"tensors": absent[:20]},
        )


def _tokenizer_present(target: Target) -> Iterator[Finding]:
    if not target.config or any(target.has(target.of_root(name)) for name in _TOKENIZER_FILES):
        return
    settings = target.object(target.of_root("tokenizer_config.json"))
    if str(settings.get("tokenizer_class")) in _OF_BYTES:
        return
    yield Finding(
        "files",
        "tokenizer-missing",
        "fatal",
        "None of the tokenizer's files is there (tokenizer.json, vocab.txt, ...)",
        "transformers then builds an empty vocabulary without a word, and nearly every token becomes UNK.",
        "Add the tokenizer's files from the model's repository.",
        {"looked_for": list(_TOKENIZER_FILES)},
    )


def _length_present(target: Target) -> Iterator[Finding]:
    if target.module("Transformer") and not target.has(target.of_root("sentence_bert_config.json")):
        yield Finding(
            "files",
            "length-config-missing",
            "serious",
            "modules.json is there, sentence_bert_config.json is not",
            "The longest text is then taken from the tokenizer or the position table: all-MiniLM-L6-v2 reads 512 "
            "tokens in place of 256, and long texts get other vectors.",
            "Add sentence_bert_config.json from the model's repository, or set max_seq_length.",
        )


def _heads(target: Target) -> Iterator[Finding]:
    """Heads of a model class that loads them from files of their own: BGE-M3's sparse and multi-vector heads."""
    present = [name for name in _HEADS if target.has(name)]
    severity: Severity | None = "serious" if present else _asks_for_heads(target)
    if severity is None:
        return
    lost = [name for name in _HEADS if name not in present]
    if lost:
        yield Finding(
            "files",
            "heads-missing",
            severity,
            f"{' and '.join(lost)} {'is' if len(lost) == 1 else 'are'} not there",
            "FlagEmbedding then initialises both heads, sparse and multi-vector, at random: other results at each "
            "start, while the dense vectors are right.",
            "Put them beside config.json from the model's own repository. For BGE-M3 itself: hf download BAAI/bge-m3 "
            f"{' '.join(lost)} --local-dir {target.folder} (sparse_linear.pt has 3.5 KB, MD5 {_BGE_M3_SPARSE}).",
            {"missing": lost, "present": [_measured(target, name) for name in present]},
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
    if own.name.lower() == _BGE_M3 or any(name in target.card for name in _HEADS):
        return "serious"
    made_from = str(target.config.get("_name_or_path") or "")
    return "notice" if Path(made_from).name.lower() == _BGE_M3 else None


def _measured(target: Target, name: str) -> dict[str, str | int]:
    path = target.path(name)
    return {"path": name, "size": path.stat().st_size, "sha256": file_sha256(path)}

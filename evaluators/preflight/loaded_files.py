"""Which files of a folder belong to the model: those a loader reads, beside a trainer's left-overs and other copies."""

from __future__ import annotations

from pathlib import PurePosixPath

from evaluators.preflight.steps import distinct_steps
from evaluators.preflight.target import Target

__all__ = ["folders", "is_read"]

# What trainers leave beside the model, to go on from; no loader opens it.
_LEFT_OVER = (
    "optimizer*", "scheduler*", "scaler.pt", "rng_state*", "random_states*", "training_args.bin", "trainer_state.json",
    "events.out.*", "global_step*", "*.log", "*_results.json", "pytorch_model_fsdp*",
)  # fmt: skip
# In the model's own folder lie other people's notes too; in a module's folder all is the module's.
_SETTINGS = (
    "config.json", "modules.json", "*_config.json", "config_sentence_transformers.json", "tokenizer.json", "vocab.json",
    "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "*.index.json", "tekken.json",
)  # fmt: skip
_UNREAD_SETTINGS = ("generation_config.json", "data_config.json", "eval_config.json", "train*_config.json")
_WORDS = ("vocab.txt", "merges.txt", "dict.txt", "bpe.codes")


def folders(target: Target) -> set[str]:
    """The folders that loaders read files of, relative; '' is the model's own."""
    paths = {step.path for step in distinct_steps(target)} | {target.root}
    paths |= {str(entry["path"]) for entry in target.modules if isinstance(entry.get("path"), str)}
    return {"", *(path for path in paths if path != ".")}


def _left_over(name: str) -> bool:
    """Whether a trainer left the file, or it lies in one of its checkpoints."""
    path = PurePosixPath(name)
    aside = any(part.startswith(("checkpoint-", "checkpoint_", "runs")) for part in path.parts[:-1])
    return aside or any(map(path.match, _LEFT_OVER))


def is_read(target: Target, name: str) -> bool:
    """Whether a loader of the model opens the file: what is wrong with others is wrong with nothing."""
    path = PurePosixPath(name)
    folder = path.parent.as_posix().removeprefix(".")
    if _left_over(name) or not _within(folder, folders(target)):
        return False
    if folder not in {"", target.root}:
        return True
    if path.suffix == ".json":
        return any(map(path.match, _SETTINGS)) and not any(map(path.match, _UNREAD_SETTINGS))
    return path.suffix != ".txt" or path.name in _WORDS


def _within(folder: str, known: set[str]) -> bool:
    return folder in known or any(part and folder.startswith(f"{part}/") for part in known)

"""How wide the features are on their way through a pipeline, as far as settings and headers tell."""

from __future__ import annotations

from collections.abc import Iterator

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.library_modules import TOKENS
from evaluators.preflight.other_kinds import word_vectors
from evaluators.preflight.setting_types import is_positive
from evaluators.preflight.steps import Step, pooling_modes, text_modality
from evaluators.preflight.target import Target

__all__ = ["check_widths", "flow", "output_width"]

_WIDTHS = ("hidden_size", "d_model", "dim", "n_embd", "hidden_dim")
# The setting that says which width a module takes.
_TAKES = {"Dense": "in_features", "LayerNorm": "dimension", "SparseAutoEncoder": "input_dim",
          "CNN": "in_embedding_dimension", "LSTM": "embedding_dimension"}  # fmt: skip


def check_widths(target: Target, steps: list[Step]) -> Iterator[Finding]:
    """Modules that take another width than the one they are given."""
    for step, given, _ in flow(target, steps):
        takes = step.settings.get(_TAKES.get(step.kind, ""))
        if given and is_positive(takes) and given != takes:
            seen = f"{step} takes {takes} numbers, the modules before it give {given}"
            yield finding(
                "widths-differ", seen, {"takes": takes, "given": given, "settings": step.file}, step=str(step)
            )


def output_width(target: Target, steps: list[Step]) -> int | None:
    """Numbers the vector has after the last module; None where it cannot be told."""
    return [None, *(width for _, _, width in flow(target, steps))][-1]


def flow(target: Target, steps: list[Step]) -> Iterator[tuple[Step, int | None, int | None]]:
    """Each step with the width it is given and the width it gives; None where no setting tells."""
    widths: dict[str, int | None] = {}
    for at, step in enumerate(steps):
        given = widths.get(step.reads) if at else None
        widths[step.writes] = gives = _gives(step, given) if at else _reader_width(target, step)
        yield step, given, gives


def _reader_width(target: Target, step: Step) -> int | None:
    """Numbers a token's vector has when it leaves the module that reads the text."""
    if step.kind == "StaticEmbedding":
        return next((shape[1] for shape in word_vectors(target, step.path).values() if len(shape) == 2), None)
    config = target.object(step.named("config.json"))
    if step.kind == "MLMTransformer" or step.settings.get("transformer_task") == "fill-mask":
        return _positive(config.get("vocab_size"))
    pooled = step.writes == TOKENS or text_modality(step.settings).get("method_output_name") == "pooler_output"
    if step.kind != "Transformer" or not pooled or config.get("auto_map"):
        return None  # a projection, or what the model's own code makes of it
    if config.get("word_embed_proj_dim"):
        return _positive(config["word_embed_proj_dim"])
    return next((width for key in _WIDTHS if (width := _positive(config.get(key)))), None)


def _positive(value: object) -> int | None:
    return value if is_positive(value) else None


def _gives(step: Step, given: int | None) -> int | None:
    settings = step.settings
    if step.module is None:
        return None
    match step.kind:
        case "Pooling":
            return given * max(1, len(pooling_modes(settings))) if given else None
        case "Dense":
            return _positive(settings.get("out_features"))
        case "SparseAutoEncoder":
            return _positive(settings.get("hidden_dim"))
        case "CNN":
            channels, kernels = _positive(settings.get("out_channels", 256)), settings.get("kernel_sizes", [1, 3, 5])
            return channels * len(kernels) if channels and isinstance(kernels, list) else None
        case "LSTM":
            hidden = _positive(settings.get("hidden_dim"))
            return hidden * (2 if settings.get("bidirectional", True) else 1) if hidden else None
    return given

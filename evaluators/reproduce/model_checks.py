"""Stop a run that cannot give anything but an error or noise, before a single text is encoded."""

from __future__ import annotations

from pathlib import Path

from data.store.errors import ModelError
from data.store.vocabulary import Severity
from evaluators.model_files.listing import relative_files
from evaluators.model_files.reading import printable
from evaluators.preflight.finding import Finding
from evaluators.reproduce.request import ModelRequest
from evaluators.trust import vet

__all__ = ["check_before_loading", "check_downloaded", "checked_findings", "findings_of", "snapshot", "stop_if_fatal"]

_WEIGHTS = ("*.safetensors", "*.bin", "*.onnx", "*.gguf", "*.pt", "*.pth", "*.h5", "*.msgpack", "openvino_model.xml")
_REFUSED_LATER = (
    "code-untrusted", "code-of-others-untrusted", "modules-untrusted", "tokenizer-untrusted", "processor-untrusted",
)  # fmt: skip


def check_before_loading(request: ModelRequest) -> list[Finding]:
    """What preflight finds in a folder that does not stop the run; of a model on the hub nothing is here yet.

    Raises:
        ModelError: a folder without weights, or one that preflight finds a fatal fault in (unless asked to run anyway).
    """
    folder = request.folder
    if folder is None:
        return []
    vet(folder, printable(folder), own_code=str(folder) in request.allowed(None))
    if not any(Path(name).match(pattern) for name in relative_files(folder) for pattern in _WEIGHTS):
        raise ModelError(
            "The model folder holds no weights",
            where=str(folder),
            remedy="Put model.safetensors (or pytorch_model.bin) beside its config.json; a download may be unfinished.",
        )
    return checked_findings(request, str(folder), None)


def check_downloaded(request: ModelRequest, revision: str | None) -> None:
    """Refuse a model of the hub for a fault in its files, once its loader has brought those it wants.

    Before that, what is missing in the cache is no fault: it is only not here yet.

    Raises:
        ModelError: as :func:`check_before_loading`.
    """
    if request.folder is None and snapshot(request.model, revision) is not None:
        checked_findings(request, request.model, revision)


def checked_findings(request: ModelRequest, model: str, revision: str | None) -> list[Finding]:
    """What preflight finds.

    Raises:
        ModelError: one of them is fatal (unless asked to run anyway).
    """
    findings = findings_of(request, model, revision)
    stop_if_fatal(findings, request, model)
    return findings


def findings_of(request: ModelRequest, model: str, revision: str | None) -> list[Finding]:
    """What preflight finds, but for code that may not run.

    Where that cannot be done without, the loader refuses it with the option that allows it.
    """
    from evaluators.preflight import preflight

    trust = [f"{name}@{at}" for name, at in request.allowed(revision).items()]
    return [f for f in preflight(model, revision=revision, trust=trust) if f.code not in _REFUSED_LATER]


def stop_if_fatal(findings: list[Finding], request: ModelRequest, where: str) -> None:
    """Refuse the model for what is fatal among the findings, unless it is to run anyway."""
    from evaluators.preflight import at_least

    if (fatal := at_least(findings, Severity.FATAL)) and not request.anyway:
        raise ModelError(
            "Preflight stops the run: " + "; ".join(finding.seen for finding in fatal),
            where=where,
            remedy=f"{fatal[0].remedy} To see what it gives as it is, add --anyway.",
        )


def snapshot(model: str, revision: str | None) -> Path | None:
    """Folder of the hub's cache the model was read from, or None for a model without files."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("config.json", "modules.json", "README.md"):
        path = try_to_load_from_cache(model, file, revision=revision)
        if isinstance(path, str):
            return Path(path).parent
    return None

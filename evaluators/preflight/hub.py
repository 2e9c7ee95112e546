"""What the hub says of the same files, when it can be reached: their hashes, and whether a newer revision is out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evaluators.model_files.hashes import file_sha256, git_blob_sha1
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["check"]

_SECONDS = 4.0
_WEIGHTS = (".safetensors", ".bin", ".pt")


def check(target: Target, repository: str) -> Iterator[Finding]:
    """Files that differ from the hub's at the same revision, and a revision that has been followed by another.

    Says nothing when the hub cannot be reached: preflight works without a network.
    """
    newest = _described(repository, None)
    if newest is None:
        return
    described = newest if target.revision in (None, newest["sha"]) else _described(repository, target.revision)
    if described is not None:
        yield from _differing(target, repository, described)
    if target.revision not in (None, newest["sha"]):
        yield from _stale(target, repository, described, newest)


def _described(repository: str, revision: str | None) -> dict[str, Any] | None:
    """Commit and file hashes ({name: (kind, hash)}) at a revision; None when the hub does not answer or knows none."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    try:
        info = HfApi().model_info(repository, revision=revision, files_metadata=True, timeout=_SECONDS)
    except (httpx.HTTPError, HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, OSError):
        return None
    hashes: dict[str, tuple[str, str]] = {}
    for sibling in info.siblings or []:
        if sibling.lfs is not None:
            hashes[sibling.rfilename] = (
                "sha256",
                sibling.lfs["sha256"] if isinstance(sibling.lfs, dict) else sibling.lfs.sha256,
            )
        elif sibling.blob_id:
            hashes[sibling.rfilename] = ("git", sibling.blob_id)
    return {"sha": info.sha, "files": hashes}


def _differing(target: Target, repository: str, described: dict[str, Any]) -> Iterator[Finding]:
    for name, (kind, wanted) in sorted(described["files"].items()):
        if not target.has(name):
            continue
        found = file_sha256(target.path(name)) if kind == "sha256" else git_blob_sha1(target.path(name))
        if found != wanted:
            yield Finding(
                "files",
                "hub-differs",
                "serious" if not name.endswith(".md") else "notice",
                f"{name} is not the file of {repository} at {described['sha'][:12]}",
                "It was changed here, damaged, or belongs to another revision.",
                f"Download it again: hf download {repository} {name} --revision {described['sha']}",
                {"file": name, "here": found, "hub": wanted},
            )


def _stale(
    target: Target, repository: str, described: dict[str, Any] | None, newest: dict[str, Any]
) -> Iterator[Finding]:
    before = described["files"] if described else {}
    changed = sorted(name for name, value in newest["files"].items() if before.get(name) != value)
    weights = [name for name in changed if name.endswith(_WEIGHTS)]
    yield Finding(
        "files",
        "revision-stale",
        "serious" if weights else "notice",
        f"The files are of revision {str(target.revision)[:12]}, the newest of {repository} is {newest['sha'][:12]}",
        f"Since then {', '.join(weights or changed) or 'nothing read'} changed; published figures may be of it.",
        f"Name the revision you mean: --revision {newest['sha']}",
        {"here": target.revision, "newest": newest["sha"], "changed": changed},
    )

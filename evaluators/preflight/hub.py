"""What the hub says of the same files, when it can be reached: their hashes, and whether a newer revision is out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from data.store.vocabulary import Severity
from evaluators.model_files.hashes import file_sha256, git_blob_sha1
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target

__all__ = ["check"]

_SECONDS = 4.0
_WEIGHTS = (".safetensors", ".bin", ".pt")


class _Revision(NamedTuple):
    """A commit on the hub, and the kind of hash and the hash of each of its files."""

    commit: str
    files: dict[str, tuple[str, str]]


def check(target: Target, repository: str) -> Iterator[Finding]:
    """Files that differ from the hub's at the same revision, and a revision that has been followed by another.

    Says nothing when the hub cannot be reached: preflight works without a network.
    """
    newest = _on_hub(repository, None)
    if newest is None:
        return
    current = target.revision in (None, newest.commit)
    here = newest if current else _on_hub(repository, target.revision)
    if here is not None:
        yield from _differing(target, repository, here)
    if not current:
        yield _stale(target, repository, here.files if here else {}, newest)


def _on_hub(repository: str, revision: str | None) -> _Revision | None:
    """A revision as the hub has it; None when the hub does not answer or knows none."""
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
            lfs = sibling.lfs
            hashes[sibling.rfilename] = ("sha256", lfs["sha256"] if isinstance(lfs, dict) else lfs.sha256)
        elif sibling.blob_id:
            hashes[sibling.rfilename] = ("git", sibling.blob_id)
    return _Revision(info.sha, hashes)


def _differing(target: Target, repository: str, revision: _Revision) -> Iterator[Finding]:
    for name, (kind, expected) in sorted(revision.files.items()):
        if not target.has(name):
            continue
        actual = file_sha256(target.path(name)) if kind == "sha256" else git_blob_sha1(target.path(name))
        if actual != expected:
            yield finding(
                "hub-differs",
                f"{name} is not the file of {repository} at {revision.commit[:12]}",
                {"file": name, "here": actual, "hub": expected},
                Severity.NOTICE if name.endswith(".md") else None,
                repository=repository,
                file=name,
                revision=revision.commit,
            )


def _stale(target: Target, repository: str, before: dict[str, tuple[str, str]], newest: _Revision) -> Finding:
    changed = sorted(name for name, value in newest.files.items() if before.get(name) != value)
    weights = [name for name in changed if name.endswith(_WEIGHTS)]
    return finding(
        "revision-stale",
        f"The files are of revision {str(target.revision)[:12]}, the newest of {repository} is {newest.commit[:12]}",
        {"here": target.revision, "newest": newest.commit, "changed": changed},
        Severity.SERIOUS if weights else None,
        changed=", ".join(weights or changed) or "nothing read",
        newest=newest.commit,
    )

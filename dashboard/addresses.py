"""Public addresses of what a number came from; only made where they can be made safely, else None."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

__all__ = ["commit_address", "dataset_address", "result_address", "web_address"]

_REPOSITORY_OF_RESULTS = "https://github.com/embeddings-benchmark/results"
_RESULTS = f"{_REPOSITORY_OF_RESULTS}/blob"
_HUB = "https://huggingface.co"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


def web_address(text: str | None) -> str | None:
    """The text itself if it is an https address of a host with a dot in it, with nothing of user or password."""
    if not isinstance(text, str) or not text.isprintable() or any(c in text for c in " <>\"'`\\{}|^"):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    fine = parts.scheme == "https" and "." in (parts.hostname or "") and "@" not in parts.netloc and port in (None, 443)
    return text if fine else None


def result_address(file: str | None, commit: str | None) -> str | None:
    """A result file in the public results repository, at the commit it was read from if that is known."""
    if not isinstance(file, str) or not file.endswith(".json") or not file.startswith(("results/", "experiments/")):
        return web_address(file)
    if ".." in file.split("/"):
        return None
    at = commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else "main"
    return f"{_RESULTS}/{at}/{quote(file)}"


def commit_address(commit: str | None) -> str | None:
    """The public results repository as it was at a commit."""
    return f"{_REPOSITORY_OF_RESULTS}/tree/{commit}" if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None


def dataset_address(dataset: str | None, revision: str | None) -> str | None:
    """A data set on the hub, at a revision if that is a commit."""
    if not isinstance(dataset, str) or not _REPOSITORY.fullmatch(dataset):
        return None
    tree = f"/tree/{revision}" if isinstance(revision, str) and _COMMIT.fullmatch(revision) else ""
    return f"{_HUB}/datasets/{dataset}{tree}"

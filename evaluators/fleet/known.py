"""What the last load of a model told, so that one whose tasks are all done is not loaded again to say so."""

from __future__ import annotations

from typing import Any

from evaluators.environment import score_versions
from evaluators.fleet.answers import Loaded
from evaluators.fleet.plan import ModelSetUp
from evaluators.fleet.shelf import Cell, Shelf, cell_of

__all__ = ["folder_print", "keep_known", "known_done", "known_run", "planned_cell"]


def planned_cell(task: Any) -> Cell:
    """The cell of one of mteb's tasks."""
    from evaluators.reproduce.run import data_of

    return cell_of(task.metadata.name, data_of(task))


def keep_known(shelf: Shelf, plan_id: str, key: str, loaded: Loaded) -> None:
    """Remember the identity that a model was loaded with."""
    record = {"digest": loaded.digest, "libraries": loaded.libraries, "files": loaded.files, "fixed": loaded.fixed}
    shelf.show(f"plans/{plan_id}/models/{key}.json", record)


def known_run(shelf: Shelf, plan_id: str, setup: ModelSetUp) -> str | None:
    """The digest of a set-up's run, or None where only loading it can tell.

    It can tell alone where a library of ours is of another version than the worker's was, where the files in its folder
    have changed or are not on this machine, and where its revision is not fixed.
    """
    record = shelf.shown(f"plans/{plan_id}/models/{setup.key}.json")
    if record is None or record.get("libraries") != score_versions():
        return None
    folder = setup.request.folder
    if folder is not None and folder_print(folder) != record.get("files"):
        return None
    if folder is None and not record.get("fixed"):
        return None
    return str(record["digest"])


def known_done(shelf: Shelf, digest: str, tasks: dict[str, Any]) -> set[str]:
    """Tasks of a run that are done."""
    there = shelf.done(digest)
    return {name for name, task in tasks.items() if planned_cell(task).name in there}


def folder_print(folder: Any) -> list[list[str]]:
    """Paths and hashes of a model's files, as a run's identity has them."""
    from evaluators.model_files.hashes import hash_files

    return [[file["path"], file["sha256"]] for file in hash_files(folder)]

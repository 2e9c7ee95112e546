"""Which model code may run: models named by the user with their revision, and nothing else.

One rule for every command, written ``NAME@REVISION``. A model of a hub goes by its name and commit. A folder goes by
its path and a hash of its Python files, so that code which changed since it was read is not the code allowed. Either
way the revision is compared with what lies here now: a branch or a tag allows nothing.

Rooms: what was allowed (``allowed``), what the files name (``named``), what the files may ask of a loader
(``settings``), what must hold of a folder before anything of it is loaded (``vetting``), and the guard within which
every model is opened and run (``guard``, ``pickled``, ``limits``).
"""

from __future__ import annotations

from evaluators.trust.allowed import (
    allow,
    allowances,
    allows,
    as_options,
    code_files,
    code_revision,
    hub_commit,
    resolved_commit,
)
from evaluators.trust.code_references import CodeReference, named_classes, other_repositories
from evaluators.trust.guard import only_code_from, opening
from evaluators.trust.vetting import Fault, folder_faults, vet

__all__ = [
    "CodeReference", "Fault", "allow", "allowances", "allows", "as_options", "code_files", "code_revision",
    "folder_faults", "hub_commit", "named_classes", "only_code_from", "opening", "other_repositories",
    "resolved_commit", "vet",
]  # fmt: skip

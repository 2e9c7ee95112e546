"""The model and set-up that are asked for, and whose code may run for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from evaluators.trust import allow, allows, code_revision, resolved_commit

__all__ = ["ModelRequest"]


class ModelRequest(NamedTuple):
    """The model and set-up the user asked for; None is what the model or its loader does by itself."""

    model: str  # a name on the hub or a local folder
    revision: str | None = None
    known_as: str | None = None  # for a folder: the name to file and compare it under
    loader: str = "mteb"  # mteb | library
    dtype: str | None = None
    device: str | None = None
    max_seq_length: int | None = None
    truncate_dim: int | None = None
    prompts: Mapping[str, str] = {}
    trust: Mapping[str, str] = {}  # model -> revision whose code may run
    anyway: bool = False  # run although preflight calls it doomed

    @property
    def folder(self) -> Path | None:
        """The local folder, when ``model`` is one."""
        path = Path(self.model).expanduser()
        return path.resolve() if path.is_dir() else None

    def _code_at(self, revision: str | None) -> str:
        """The revision under which its own code is allowed: the commit, or what a folder's Python files hold."""
        return code_revision(self.folder) if self.folder else resolved_commit(self.model, revision) or "COMMIT"

    def allowed(self, revision: str | None) -> dict[str, str]:
        """What may run here: the model's own code if this very revision was allowed, and other repositories named.

        A folder goes by its path, and by the name it is filed under.
        """
        names = {name for name in (self.model, self.known_as) if name}
        allowed = {name: at for name, at in self.trust.items() if name not in names}
        if names.isdisjoint(self.trust):
            return allowed
        own = self._code_at(revision)
        if any(allows(self.trust, name, own) for name in names):
            allowed[str(self.folder or self.model)] = own
        return allowed

    def how_to_allow(self, revision: str | None) -> str:
        """The remedy that names the option by which the model's own code may run."""
        return f"Read that code; if you trust it, add {allow(self.model, self._code_at(revision))}"

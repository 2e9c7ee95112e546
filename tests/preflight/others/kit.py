"""How an entry of the set is written down, and the tools that damage or redress a folder.

A large file of a folder is a hard link to that of its base: a tool writes a new file in its place, never into it.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

__all__ = [
    "Book",
    "Change",
    "Entry",
    "both",
    "drop",
    "edit_json",
    "edit_tensors",
    "edit_tokenizer",
    "replace_bytes",
    "replace_text",
    "save_tensors",
    "tensors_of",
]

Kind = Literal["broken", "intact"]
Change = Callable[[Path], None]


@dataclass(frozen=True)
class Entry:
    """One folder: what it is made from, what was done to it, and where in the folder somebody could see it."""

    name: str
    base: str
    what: str
    kind: Kind
    change: Change
    evidence: str = ""  # broken: what in the folder gives it away; "none" where nothing does
    about: tuple[str, ...] = ()  # broken: words of which a finding that names the fault has one
    loads: bool = True  # intact: whether sentence-transformers is meant to load it

    def build(self, folder: Path) -> Path:
        """Write the folder."""
        from tests.preflight.others.shapes import write_base

        write_base(self.base, folder)
        self.change(folder)
        return folder


@dataclass
class Book:
    """The entries of one set, in order."""

    entries: list[Entry] = field(default_factory=list)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def _add(self, entry: Entry) -> None:
        assert entry.name not in {e.name for e in self.entries}, entry.name
        self.entries.append(entry)

    def broken(self, name: str, base: str, what: str, evidence: str, about: str, change: Change | None = None) -> Any:
        """Add a fault; without a change this decorates the function that makes it."""

        def take(change: Change) -> Change:
            self._add(Entry(name, base, what, "broken", change, evidence, tuple(about.split("|"))))
            return change

        return take if change is None else take(change)

    def intact(self, name: str, base: str, what: str, change: Change | None = None, *, loads: bool = True) -> Any:
        """Add a folder with which nothing is wrong; without a change this decorates the function that makes it."""

        def take(change: Change) -> Change:
            self._add(Entry(name, base, what, "intact", change, loads=loads))
            return change

        return take if change is None else take(change)


def replace_bytes(path: Path, content: bytes) -> None:
    """A new file in place of the old one, which may be a link to a file that others use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as new:
        new.write(content)
    Path(new.name).chmod(0o644)
    Path(new.name).replace(path)


def replace_text(path: Path, content: str) -> None:
    replace_bytes(path, content.encode())


def write_json(path: Path, value: Any) -> None:
    replace_text(path, json.dumps(value, indent=1, ensure_ascii=False))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def edit_json(name: str, change: dict[str, Any] | Callable[[Any], Any]) -> Change:
    """Set the keys of a JSON file (a value of ... takes the key out), or put what the function gives in its place."""

    def apply(folder: Path) -> None:
        path = folder / name
        value = read_json(path) if path.exists() else {}
        if callable(change):
            given = change(value)
            value = value if given is None else given
        else:
            value = {k: v for k, v in {**value, **change}.items() if v is not ...}
        write_json(path, value)

    return apply


def edit_tokenizer(change: Callable[[Any], Any]) -> Change:
    return edit_json("tokenizer.json", change)


def drop(*names: str) -> Change:
    """Take files or folders away."""

    def apply(folder: Path) -> None:
        for name in names:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


def both(*changes: Change) -> Change:
    def apply(folder: Path) -> None:
        for change in changes:
            change(folder)

    return apply


def tensors_of(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {name: tensor.clone() for name, tensor in load_file(path).items()}


def save_tensors(path: Path, tensors: dict[str, Any]) -> None:
    from safetensors.torch import save

    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, save({k: v.contiguous().clone() for k, v in tensors.items()}, metadata={"format": "pt"}))


def edit_tensors(change: Callable[[dict[str, Any]], Any], name: str = "model.safetensors") -> Change:
    """Change the tensors by name; what the function gives, if anything, is written in their place."""

    def apply(folder: Path) -> None:
        tensors = tensors_of(folder / name)
        given = change(tensors)
        save_tensors(folder / name, tensors if given is None else given)

    return apply


def rename_tensors(rename: Callable[[str], str], name: str = "model.safetensors") -> Change:
    return edit_tensors(lambda tensors: {rename(k): v for k, v in tensors.items()}, name)


def shard(folder: Path, parts: int = 3) -> dict[str, str]:
    """Divide the weights into shards with an index; gives the map from tensor to file."""
    tensors = tensors_of(folder / "model.safetensors")
    names = sorted(tensors)
    size = -(-len(names) // parts)
    place: dict[str, str] = {}
    for i in range(parts):
        file = f"model-{i + 1:05d}-of-{parts:05d}.safetensors"
        mine = names[i * size : (i + 1) * size]
        save_tensors(folder / file, {n: tensors[n] for n in mine})
        place |= dict.fromkeys(mine, file)
    (folder / "model.safetensors").unlink()
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": total}, "weight_map": place})
    return place

"""What every encoder offers, and the few things most of them need: files, versions, prepared texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data.rules.vectors.arrays import Vectors
from data.store.errors import EncoderError, MissingDependencyError
from evaluators.encoders.settings import EncoderSettings
from evaluators.model_files.hashes import hash_files
from evaluators.trust import allows, code_revision, hub_commit

__all__ = [
    "Backend", "Description", "Encoded", "Encoder", "FolderEncoder", "Tokens", "as_matrix", "cut", "dense", "in_use",
    "prepare", "require", "resolve", "slices", "unit", "versions_of",
]  # fmt: skip


@dataclass(frozen=True)
class Tokens:
    """What the tokenizer made of one text, truncated as the model sees it."""

    ids: list[int]
    texts: list[str]


@dataclass(frozen=True)
class Encoded:
    """Vectors of n texts in their order.

    Attributes:
        dense: float32, [n, d]; a row of NaN where the encoder gave none for the text.
        sparse: token -> weight, one mapping a text.
        multi: one [tokens, d] float32 matrix a text.
        tokens: what the tokenizer gave, where the backend can tell.
        failed: why single texts have no vectors, by position.
    """

    dense: Vectors | None = None
    sparse: list[dict[str, float]] | None = None
    multi: list[Vectors] | None = None
    tokens: list[Tokens] | None = None
    failed: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What an encoder turned out to be: names, settings in use, versions and files."""

    model: str
    revision: str | None
    settings: dict[str, Any]
    versions: dict[str, str]
    files: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class Encoder(Protocol):
    """Anything that turns texts into vectors under settings it was opened with."""

    settings: EncoderSettings

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Vectors of ``texts``, all of one role (query, document or none), in their order.

        Raises:
            EncoderError: it did not give usable vectors for these texts together.
        """
        ...

    def describe(self) -> Description:
        """Names, settings in use, versions and files; read once the encoder has encoded something."""
        ...

    def close(self) -> None:
        """Let go of the model, the connection or the process."""
        ...


@dataclass(frozen=True)
class Backend:
    """One way to get vectors, and everything that is asked of it without opening it.

    Attributes:
        about: what it is, in a line of the help.
        example: what is written after ``BACKEND:`` in a spec.
        open: opens an encoder under its settings.
        options: the settings that only it understands; None where it passes any on as arguments.
        package: what has to be installed; empty where nothing has.
        remedy: how, where that is more than ``pip install PACKAGE``.
        in_process: it loads a model in this process, where only allowed code may run.
        from_folder: its source is a model's folder, or its name on a hub.
        revisions: its source may end in ``@REVISION``.
        command_line: its source is a command line, whose words may be folders of models.
        runs_weights: it runs the model's own weights in PyTorch in this process, as mteb's loaders do.
        own_files: it loads the files of the model itself, which preflight can look at, and no graph made of them.
        outside: it asks for its vectors outside of this process, so that what comes back may quote a key.
        shared: it is a server that others may ask at the same time.
        one_load: why a second load would be the first one again; empty where it would not.
        by_length: it sorts the texts of a call by their length before it makes batches of them; ready vectors mostly
            come of one that does.
    """

    about: str
    example: str
    open: Callable[[EncoderSettings], Encoder]
    options: frozenset[str] | None = frozenset()
    package: str = ""
    remedy: str = ""
    in_process: bool = True
    from_folder: bool = False
    revisions: bool = False
    command_line: bool = False
    runs_weights: bool = False
    own_files: bool = False
    outside: bool = False
    shared: bool = False
    one_load: str = ""
    by_length: bool = False

    def loads_own_files(self, settings: EncoderSettings) -> bool:
        """Whether an encoder under these settings loads the files of the model itself."""
        return self.own_files and _in_torch(settings)

    def runs_own_weights(self, settings: EncoderSettings) -> bool:
        """Whether an encoder under these settings runs the model's own weights in PyTorch in this process."""
        return self.runs_weights and _in_torch(settings)


def _in_torch(settings: EncoderSettings) -> bool:
    return settings.options.get("runtime", "torch") == "torch"


def require(package: str, *, backend: str, remedy: str = "") -> None:
    """Ask for an optional package by name.

    Raises:
        MissingDependencyError: it is not installed; the remedy is the command that installs it.
    """
    if package and not versions_of(package):
        what = f"The {backend} encoder needs the package {package}"
        raise MissingDependencyError(what, remedy=remedy or f"Install it: pip install {package}")


def versions_of(*packages: str) -> dict[str, str]:
    """Versions of those of ``packages`` that are installed."""
    versions = {}
    for package in packages:
        with suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return versions


def prepare(texts: Sequence[str], settings: EncoderSettings, prompt: str = "") -> list[str]:
    """Texts as they go to the tokenizer: stripped if asked, then with the prompt before them."""
    return [prompt + (text.strip() if settings.strip else text) for text in texts]


def slices(count: int, size: int) -> Iterator[slice]:
    """Slices of ``size`` over ``count`` texts in their order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def as_matrix(rows: Any, count: int, *, where: str) -> Vectors:
    """Rows from anywhere as float32 [count, d].

    Raises:
        EncoderError: another number of rows, rows of different lengths, or values that are no numbers.
    """
    if count and isinstance(rows, list) and all(row is None for row in rows):
        raise EncoderError("The encoder gave null in the place of vectors", where=where, code="malformed")
    try:
        matrix = np.asarray(_filled(rows), dtype=np.float32)
    except (ValueError, TypeError, OverflowError):
        lengths = sorted({len(row) for row in rows if isinstance(row, Sequence | np.ndarray)})
        detail = f"vectors of different lengths ({lengths})" if len(lengths) > 1 else "values that are not numbers"
        raise EncoderError(f"The encoder gave {detail}", where=where, code="malformed") from None
    if matrix.ndim == 0 or len(matrix) != count:
        what = f"The encoder gave {len(np.atleast_1d(matrix))} vectors for {count} texts"
        raise EncoderError(what, where=where, code="malformed")
    if matrix.ndim != 2 or matrix.shape[1] == 0:
        what = f"The encoder gave an array of shape {matrix.shape}, not one vector a text"
        raise EncoderError(what, where=where, code="malformed")
    return matrix


def _filled(rows: Any) -> Any:
    """Lists with a null in the place of a whole vector, as some servers answer, get a row of NaN there."""
    if not isinstance(rows, list) or not any(row is None for row in rows):
        return rows
    width = next((len(row) for row in rows if row is not None), 1)
    return [[float("nan")] * width if row is None else row for row in rows]


def unit(matrix: Vectors) -> Vectors:
    """Rows scaled to length 1; rows of zeros stay zeros."""
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.where(norms > 0, norms, 1), dtype=np.float32)


def cut(matrix: Vectors, settings: EncoderSettings) -> Vectors:
    """The leading dimensions asked for, then length 1 if normalisation was asked for."""
    leading = matrix if settings.dimensions is None else np.ascontiguousarray(matrix[:, : settings.dimensions])
    return unit(leading) if settings.normalise else leading


def dense(rows: Any, texts: Sequence[str], settings: EncoderSettings) -> Vectors:
    """Rows from anywhere, one a text, as the settings want them: :func:`as_matrix`, then :func:`cut`.

    Raises:
        EncoderError: they are no such rows.
    """
    return cut(as_matrix(rows, len(texts), where=settings.display), settings)


def resolve(settings: EncoderSettings) -> Path:
    """Folder with the model's files: the source itself, or the hub's snapshot of it (from the cache when offline).

    Raises:
        EncoderError: it is neither here nor can it be fetched.
    """
    folder = Path(settings.source).expanduser()
    if folder.is_dir():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        ignored = ["*.h5", "*.msgpack", "*.ot", "onnx/*", "openvino/*", "*.gguf"]
        return Path(snapshot_download(settings.source, revision=settings.revision, ignore_patterns=ignored))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise EncoderError(
            f"The model {settings.source} is no folder here and cannot be had from the hub",
            where=settings.revision or "no revision named",
            remedy=f"Give the path of a folder that holds it. The hub said: {str(error).splitlines()[0][:200]}",
        ) from None


def in_use(settings: EncoderSettings, **known: Any) -> dict[str, Any]:
    """The settings as asked with what turned out to be in use in their place."""
    return settings.as_json() | {key: dict(v) if isinstance(v, Mapping) else v for key, v in known.items()}


class FolderEncoder:
    """What encoders have in common that load a model from its folder in this process.

    Attributes:
        packages: those whose versions count.
        folder: its files.
        model: what the library loaded.
    """

    packages: tuple[str, ...] = ("transformers", "torch", "tokenizers")

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self.folder = resolve(settings)
        self.model: Any = None
        self.load()

    def load(self) -> None:
        """Load the model under the settings."""
        raise NotImplementedError

    def used(self) -> dict[str, Any]:
        """Settings that turned out to be in use."""
        return {"prompts": self.settings.prompts or {}}

    def warnings(self) -> list[str]:
        """What its user should know."""
        return []

    @property
    def trusted(self) -> bool:
        """Whether the code in this very folder, as it is now, was allowed."""
        return allows(self.settings.allowed, self.settings.source, code_revision(self.folder))

    def describe(self) -> Description:
        """Settings in use, every file of the folder with its digest, the commit where it is known."""
        return Description(
            model=self.settings.model,
            revision=self.settings.revision or hub_commit(self.folder),
            settings=in_use(self.settings, **self.used()),
            versions=versions_of(*self.packages),
            files=hash_files(self.folder),
            warnings=self.warnings(),
        )

    def close(self) -> None:
        """Drop the model."""
        self.model = None

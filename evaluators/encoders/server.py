"""What every server has in common, whatever it speaks: texts in portions, vectors in their order, names and notes.

A protocol is a class with two methods, what a request holds and where its answer has the vectors; how often, how long,
how much and with which key a server is asked is :mod:`evaluators.encoders.http`'s for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.rules.vectors.arrays import Vectors
from data.store.errors import EncoderError, InputError
from evaluators.encoders.base import Description, Encoded, as_matrix, cut, in_use, prepare
from evaluators.encoders.http import HTTP_OPTIONS, BatchLimitError, Http
from evaluators.encoders.settings import EncoderSettings, is_key_name

__all__ = [
    "SERVER_OPTIONS",
    "Portions",
    "ServerEncoder",
    "endpoint",
    "field_of",
    "input_type",
    "malformed_answer",
    "without_keys",
]

# "extra" is JSON that goes into every request as it is: {"truncate": false}.
SERVER_OPTIONS = HTTP_OPTIONS | {"extra"}
_SMALL, _LARGE = 1e-12, 1e12  # sizes between which the numbers of a vector are
_MOSTLY, _HARDLY = 0.25, 0.01  # shares of a vector's numbers that are of another size, read one way and the other


class Portions:
    """How many texts a server takes at once: as many as the settings say, until it refuses so many."""

    def __init__(self, size: int) -> None:
        self.size = self._asked = size

    @property
    def note(self) -> list[str]:
        """What the user should know, once the server took less."""
        if self.size == self._asked:
            return []
        texts = "1 text" if self.size == 1 else f"{self.size} texts"
        return [f"The server refused batches of {self._asked} texts and was given {texts} at a time."]

    def ask(self, texts: list[str], ask: Callable[[list[str]], list[Any]]) -> list[Any]:
        """Rows of all texts, in as many calls as it takes.

        Raises:
            BatchLimitError: a single text is refused, which is no matter of how many; the size stays as it was.
        """
        rows: list[Any] = []
        size = self.size
        while len(rows) < len(texts):
            part = texts[len(rows) : len(rows) + size]
            try:
                rows += ask(part)
            except BatchLimitError:
                if len(part) == 1:
                    raise
                size = (len(part) + 1) // 2
        self.size = size
        return rows


class ServerEncoder:
    """A server, first asked when something is encoded; prompts, white space and dimensions are settled on this side.

    Attributes:
        path: what the address of the server is followed by, where it is not the whole endpoint.
        notes: what its user should know, as it comes up.
    """

    path = ""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._http = Http(settings)
        self.clock = self._http.clock
        self._portions = Portions(settings.batch_size)
        self._url = endpoint(settings.source, self.path) if self.path else settings.source
        self._extra = _object(settings.options.get("extra", "{}"), settings)
        self._answered_as = settings.model
        self.notes: dict[str, None] = {}  # in the order they came up, each once

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """The request for the vectors of ``texts``."""
        raise NotImplementedError

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """The vectors in an answer, one a text in their order; None where it gave none.

        Raises:
            EncoderError: there are no such vectors in it.
        """
        raise NotImplementedError

    def used(self) -> dict[str, Any]:
        """Settings that the server states, beyond those asked for; asked once, when all is encoded."""
        return {}

    def versions(self) -> dict[str, str]:
        """Versions that the server states."""
        return {}

    def revision(self) -> str | None:
        """The revision that the server states."""
        return self.settings.revision

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors, in the order of the texts."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        rows = self._portions.ask(prepared, partial(self._batch, role=role))
        return Encoded(dense=self.dense(rows, len(texts)))

    def describe(self) -> Description:
        """The settings as asked and what the server says of itself; the rest shows in its vectors alone."""
        return Description(
            model=self._answered_as,
            revision=self.revision(),
            settings=in_use(self.settings, prompts=self.settings.prompts or {}, **self.used()),
            versions=self.versions(),
            warnings=[*self._portions.note, *self._other_name(), *self.notes],
        )

    def dense(self, rows: list[Any], count: int) -> Vectors:
        """Rows of an answer, one a text, as the settings want them.

        Raises:
            EncoderError: they are no such rows, or floats with their bytes the wrong way round.
        """
        if any(isinstance(row, list) and row and isinstance(row[0], str) for row in rows):
            self.note("The server writes its numbers as words, in quotation marks; they are read as numbers.")
        matrix = as_matrix(rows, count, where=self.settings.display)
        if bool(_turned_round(matrix).any()):
            what = "The server gives the bytes of its floats in the wrong order (big-endian)"
            raise malformed_answer(f"{what}: as they come they are none", self._url)
        return cut(matrix, self.settings)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def post(self, url: str, payload: Mapping[str, Any]) -> Any:
        """The JSON a server answers to ``payload``, with what ``extra`` adds to it."""
        return self._http.post(url, {**payload, **self._extra})

    def stated(self, url: str) -> Any:
        """What a server says of itself at an address; None where it says nothing, which is no fault."""
        try:
            return self._http.get(url)
        except EncoderError:
            return None

    def answers_as(self, name: Any) -> None:
        """Take note of the model's name in an answer."""
        if isinstance(name, str) and name:
            self._answered_as = name

    def note(self, text: str) -> None:
        """Tell the user something, once; nothing where the text is empty."""
        if text:
            self.notes[text] = None

    def rows(self, url: str, answer: Any, count: int) -> list[Any]:
        """An answer that is a list of one entry a text.

        Raises:
            EncoderError: it is none.
        """
        if not isinstance(answer, list):
            raise malformed_answer(f"The answer has no list of embeddings: {self._http.said()}", url)
        if len(answer) != count:
            texts = "1 text" if count == 1 else f"{count} texts"
            raise malformed_answer(f"The server gave {len(answer)} vectors for {texts}", url)
        return answer

    def by_number(self, rows: list[Any], numbers: list[Any]) -> list[Any]:
        """Rows in the order of the texts, by the number that the server gave with each.

        They stay as they came where it gave none, or the same with all of them.

        Raises:
            EncoderError: which row belongs to which text cannot be told.
        """
        if len(rows) < 2 or all(number is None for number in numbers):
            return rows
        whole = [_whole(number) for number in numbers]
        first = min((number for number in whole if number is not None), default=0)
        if sorted(whole, key=str) == sorted(range(first, first + len(rows)), key=str):
            return [row for _, row in sorted(zip(whole, rows, strict=True), key=lambda pair: pair[0] or 0)]
        if set(whole) == {whole[0]} != {None}:
            self.note(f"The server numbers all its vectors {whole[0]}; they are taken in the order it sent them.")
            return rows
        few = ", ".join(str(number)[:20] for number in numbers[:8]) + (", ..." if len(numbers) > 8 else "")
        what = f"The server numbers its {len(rows)} vectors {few}: which belongs to which text cannot be told"
        raise malformed_answer(what, self._url)

    def _batch(self, texts: list[str], role: str | None) -> list[Any]:
        return self.vectors(self.post(self._url, self.payload(texts, role)), texts)

    def _other_name(self) -> list[str]:
        if self._answered_as == self.settings.model or self.settings.model == self.settings.source:
            return []
        return [f"Asked for the model {self.settings.model}, the server answered as {self._answered_as}."]


def malformed_answer(what: str, where: str) -> EncoderError:
    """The error of an answer that is not what the protocol says."""
    return EncoderError(what, where=where, code="malformed")


def endpoint(source: str, name: str) -> str:
    """Address of a server's ``name``: below ``source``, or ``source`` itself where it ends in it, slash and all."""
    if source.rstrip("/").endswith(f"/{name}"):
        return source
    return f"{source.rstrip('/')}/{name}"


def field_of(answer: Any, *names: str) -> Any:
    """What stands under these names, one within the other; None where there is no such thing."""
    for name in names:
        answer = answer.get(name) if isinstance(answer, dict) else None
    return answer


def input_type(settings: EncoderSettings, role: str | None, *, query: str, document: str) -> str | None:
    """What a protocol calls texts of a role; as ``input_type`` says for all of them, nothing at all if it says none."""
    named = settings.options.get("input_type", "auto")
    if named != "auto":
        return None if named == "none" else named
    return {"query": query, "document": document}.get(role or "")


def _turned_round(matrix: Vectors) -> NDArray[np.bool_]:
    """Which rows are vectors only once the bytes of each number are turned round, [n]."""
    return np.asarray((_wild(matrix) > _MOSTLY) & (_wild(matrix.byteswap()) < _HARDLY))


def _wild(matrix: Vectors) -> NDArray[np.float64]:
    """The share of numbers of each row that no model gives, [n]: neither zero nor of a size between these."""
    with np.errstate(invalid="ignore"):  # of a NaN that signals
        size = np.abs(matrix)
        return np.asarray(np.mean((size != 0) & ~((size > _SMALL) & (size < _LARGE)), axis=1))


def _whole(number: Any) -> int | None:
    """A number that a server counts with, as it is or in words; None where it is none."""
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 10:
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _object(text: str, settings: EncoderSettings) -> dict[str, Any]:
    """The object that an option holds as JSON.

    Raises:
        InputError: it is none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise InputError("extra= is no JSON object", where=settings.display, remedy='Write it as {"truncate": false}.')
    return without_keys(value, settings)


def without_keys(value: dict[str, Any], settings: EncoderSettings) -> dict[str, Any]:
    """A part of a request that the user wrote, which is kept with the check: it may hold no key.

    Raises:
        InputError: one of its names is that of a key.
    """
    if named := sorted({name for name in _names(value) if is_key_name(name)}):
        what = f"A key is written into the request ({', '.join(named)}), and would be kept"
        raise InputError(what, where=settings.backend, remedy="Use key_env=NAME and key_header=NAME.")
    return value


def _names(value: Any) -> Iterator[str]:
    """Names in an object that have a text of their own beside them, at any depth."""
    if isinstance(value, dict):
        yield from (name for name, entry in value.items() if isinstance(entry, str) and entry)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _names(part)

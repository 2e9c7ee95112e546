"""Cohere's embed protocol, v2 and v1: the kind of text is part of the request, the type of the numbers of the answer.

Sources: https://docs.cohere.com/reference/embed, https://docs.cohere.com/v1/reference/embed. At most 96 texts a call.
"""

from __future__ import annotations

from typing import Any

from evaluators.encoders.base import Backend
from evaluators.encoders.packed import PACKINGS, packing, unpacked
from evaluators.encoders.server import SERVER_OPTIONS, ServerEncoder, endpoint, field_of, input_type, malformed_answer
from evaluators.encoders.settings import EncoderSettings

_IN_BASE64 = "base64"  # a type of embedding of its own there: floats, packed


class CohereEncoder(ServerEncoder):
    """``POST <source>/v2/embed``, or the endpoint itself where the source is one."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        last = settings.source.rstrip("/").rpartition("/")[2]
        self._url = endpoint(settings.source, "embed" if last in ("v1", "v2", "embed") else "v2/embed")
        self._type = settings.options.get("embedding_types", "float")
        self._packing = "float" if self._type == _IN_BASE64 else packing(self._type, settings, "embedding_types")
        self.note(PACKINGS[self._packing])

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """Model, texts, their kind (the models ask for one: a text without a role is sent as a document), one type."""
        payload: dict[str, Any] = {"model": self.settings.model, "texts": texts, "embedding_types": [self._type]}
        if kind := input_type(self.settings, role or "document", query="search_query", document="search_document"):
            payload["input_type"] = kind
        if self.settings.options.get("server_dimensions") == "true" and self.settings.dimensions:
            payload["output_dimension"] = self.settings.dimensions
        return payload

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """The vectors of the type asked for, in the order of the texts: the answer repeats those as it has them."""
        given = field_of(answer, "embeddings")
        if isinstance(given, dict):
            if self._type not in given:
                kinds = ", ".join(sorted(str(kind)[:20] for kind in given)[:6]) or "none"
                what = f"The server was asked for {self._type} embeddings and gave {kinds}"
                raise malformed_answer(what, self._url)
            given = given[self._type]
        entries = self.rows(self._url, given, len(texts))
        repeated = field_of(answer, "texts")
        if isinstance(repeated, list) and repeated and repeated != texts:
            entries = self._as_repeated(entries, repeated, texts)
        return [unpacked(entry, self._packing, self._url) for entry in entries]

    def _as_repeated(self, entries: list[Any], repeated: list[Any], texts: list[str]) -> list[Any]:
        if len(set(texts)) == len(texts) == len(repeated) and set(map(str, repeated)) == set(texts):
            place = {text: entry for text, entry in zip(repeated, entries, strict=True)}
            return [place[text] for text in texts]
        self.note("The server says that it read texts otherwise than they were sent.")
        return entries


BACKEND = Backend(
    about="Cohere's protocol, v2 or v1: input_type (by role, or as given), embedding_types (one of them)",
    example="https://api.cohere.com?model=embed-v4.0&key_env=COHERE_API_KEY",
    open=CohereEncoder, options=SERVER_OPTIONS | {"server_dimensions", "input_type", "embedding_types"},
    one_load="the server is loaded once", in_process=False, outside=True, shared=True,
)  # fmt: skip

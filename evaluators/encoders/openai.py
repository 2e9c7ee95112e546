"""Any server that speaks OpenAI's embeddings protocol: vLLM, llama.cpp, Infinity, LM Studio, the vendors."""

from __future__ import annotations

from typing import Any

from evaluators.encoders.base import Backend
from evaluators.encoders.packed import PACKINGS, packing, unpacked
from evaluators.encoders.server import SERVER_OPTIONS, ServerEncoder, field_of, malformed_answer
from evaluators.encoders.settings import EncoderSettings


class OpenAiEncoder(ServerEncoder):
    """``POST <source>/embeddings``; base64 is read whether it was asked for or not."""

    path = "embeddings"
    packed_by = "packing"  # the option that says how the numbers are packed

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        self.packing = packing(settings.options.get(self.packed_by, "float"), settings, self.packed_by)
        self.note(PACKINGS[self.packing])

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """Model, texts, and how the vectors are to be written."""
        written = self.settings.options.get("encoding_format", "float")
        payload: dict[str, Any] = {"model": self.settings.model, "input": texts, "encoding_format": written}
        if self.settings.options.get("server_dimensions") == "true" and self.settings.dimensions:
            payload["dimensions"] = self.settings.dimensions
        return payload

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """The vectors of ``data``, put in the order of the texts by the index that comes with each."""
        entries = self.rows(self._url, field_of(answer, "data"), len(texts))
        if not all(isinstance(entry, dict) for entry in entries):
            raise malformed_answer(f"The answer has no list of embeddings: {self._http.said()}", self._url)
        self.answers_as(answer.get("model"))
        entries = self.by_number(entries, [entry.get("index") for entry in entries])
        return [unpacked(entry.get("embedding"), self.packing, self._url) for entry in entries]


BACKEND = Backend(
    about="any OpenAI-compatible server (vLLM, llama.cpp, Infinity, ...): address up to /v1",
    example="http://127.0.0.1:8000/v1?model=NAME&key_env=MY_KEY",
    open=OpenAiEncoder, options=SERVER_OPTIONS | {"server_dimensions", "encoding_format", "packing"},
    one_load="the server is loaded once", in_process=False, outside=True, shared=True,
)  # fmt: skip

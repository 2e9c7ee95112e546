"""Any server that speaks OpenAI's embeddings protocol: vLLM, llama.cpp, Ollama, Infinity, LM Studio, the vendors."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluators.encoders.base import Backend, Description, Encoded, dense, in_use, prepare
from evaluators.encoders.http import HTTP_OPTIONS, ServerEncoder, endpoint, malformed_answer
from evaluators.encoders.settings import EncoderSettings


class OpenAiEncoder(ServerEncoder):
    """``POST <source>/embeddings``; prompts, white space and dimensions are settled on this side."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        self._url = endpoint(settings.source, "embeddings")
        self._answered = settings.model

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors, put in the order of the texts by the index that comes with each."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        rows = self._portions.ask(prepared, self._batch)
        return Encoded(dense=dense(rows, texts, self.settings))

    def describe(self) -> Description:
        """The settings as asked; what the server does with them shows in its vectors alone."""
        return Description(
            model=self._answered,
            revision=self.settings.revision,
            settings=in_use(self.settings, prompts=self.settings.prompts or {}),
            versions={},
            warnings=self._portions.note + self._other_name(),
        )

    def _other_name(self) -> list[str]:
        if self._answered == self.settings.model:
            return []
        return [f"Asked for the model {self.settings.model}, the server answered as {self._answered}."]

    def _batch(self, texts: list[str]) -> list[Any]:
        payload: dict[str, Any] = {"model": self.settings.model, "input": texts, "encoding_format": "float"}
        if self.settings.options.get("server_dimensions") == "true" and self.settings.dimensions:
            payload["dimensions"] = self.settings.dimensions
        answer = self._http.post(self._url, payload)
        entries = self.rows(self._url, answer.get("data") if isinstance(answer, dict) else None, len(texts))
        if not all(isinstance(entry, dict) for entry in entries):
            raise malformed_answer(f"The answer has no list of embeddings: {self._http.said()}", self._url)
        if isinstance(answer.get("model"), str):
            self._answered = answer["model"]
        if sorted(str(entry.get("index")) for entry in entries) == sorted(map(str, range(len(texts)))):
            entries = sorted(entries, key=lambda entry: int(entry["index"]))
        return [_vector(entry.get("embedding"), self._url) for entry in entries]


def _vector(embedding: Any, where: str) -> Any:
    """A list as it is; base64 that was not asked for but sent, decoded as float32."""
    if not isinstance(embedding, str):
        return embedding
    try:
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").tolist()
    except (binascii.Error, ValueError):
        raise malformed_answer("The server sent a vector that is neither a list nor base64", where) from None


BACKEND = Backend(
    about="any OpenAI-compatible server: address up to /v1",
    example="http://127.0.0.1:8000/v1?model=NAME&key_env=MY_KEY",
    open=OpenAiEncoder, options=HTTP_OPTIONS | {"server_dimensions"}, one_load="the server is loaded once",
    in_process=False, outside=True, shared=True,
)  # fmt: skip

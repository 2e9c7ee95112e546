"""llama.cpp's server by its own protocol, ``/embedding``, which can be told not to normalise, and says what it runs.

Source: https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md. Its ``/v1/embeddings`` is OpenAI's
protocol (``openai:``); ``/embeddings`` without ``v1`` answers as ``/embedding`` does.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from evaluators.encoders.base import Backend
from evaluators.encoders.server import SERVER_OPTIONS, ServerEncoder, endpoint, field_of, malformed_answer
from evaluators.encoders.settings import EncoderSettings


class LlamaCppEncoder(ServerEncoder):
    """It normalises unless told otherwise; what it pools by was set when it was started."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        self._base = settings.source.rstrip("/").removesuffix("/embeddings").removesuffix("/embedding")
        self._url = settings.source if self._base != settings.source.rstrip("/") else endpoint(self._base, "embedding")

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """The texts, the model where one is named (a server may have several), the length where one is asked for."""
        settings = self.settings
        named = {} if settings.model == settings.source else {"model": settings.model}
        length = {} if settings.normalise is None else {"embd_normalize": 2 if settings.normalise else -1}
        return {"content": texts} | named | length

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """One vector a text: the only row of a matrix in newer servers, a plain list in older ones."""
        entries = self.rows(self._url, [answer] if isinstance(answer, dict) else answer, len(texts))
        entries = self.by_number(entries, [field_of(entry, "index") for entry in entries])
        return [self._pooled(field_of(entry, "embedding")) for entry in entries]

    def _pooled(self, vector: Any) -> Any:
        if not isinstance(vector, list) or not vector or not isinstance(vector[0], list):
            return vector
        if len(vector) > 1:
            what = f"The server gave {len(vector)} vectors for one text, one a token: start it with --pooling mean"
            raise malformed_answer(f"{what}, or as the model asks", self._url)
        return vector[0]

    @cached_property
    def _props(self) -> Any:
        return self.stated(f"{self._base}/props")

    def used(self) -> dict[str, Any]:
        """The file that it serves, by name alone, and the length of its context."""
        path = str(field_of(self._props, "model_path") or "")
        context = field_of(self._props, "default_generation_settings", "n_ctx")
        return {"model_file": path.replace("\\", "/").rpartition("/")[2] or None, "max_length": context}

    def versions(self) -> dict[str, str]:
        """The build of the server."""
        build = field_of(self._props, "build_info")
        return {"llama.cpp": str(build)} if build else {}


BACKEND = Backend(
    about="a llama.cpp server by its own /embedding: normalise=no asks for vectors as they leave the pooling",
    example="http://127.0.0.1:8080?model=NAME",
    open=LlamaCppEncoder, options=SERVER_OPTIONS, one_load="the server is loaded once", in_process=False, outside=True,
    shared=True,
)  # fmt: skip

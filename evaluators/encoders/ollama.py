"""Ollama's own protocol: ``/api/embed``, and ``/api/embeddings`` of older ones, which takes a text at a time.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md. The newer gives vectors of length 1, the older as the
model leaves them; both cut texts to the context that the model was loaded with.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from evaluators.encoders.base import Backend
from evaluators.encoders.server import SERVER_OPTIONS, Portions, ServerEncoder, endpoint, field_of
from evaluators.encoders.settings import EncoderSettings

_OLDER = "/api/embeddings"


class OllamaEncoder(ServerEncoder):
    """Further settings of the server go into ``extra``: ``{"options": {"num_ctx": 512}, "truncate": false}``."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        self._older = settings.source.rstrip("/").endswith(_OLDER)
        self._base = settings.source.rstrip("/").removesuffix(_OLDER).removesuffix("/api/embed").removesuffix("/api")
        self._url = settings.source if self._older else endpoint(self._base, "api/embed")
        if self._older:
            self._portions = Portions(1)

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """Model and texts, or the one text."""
        if self._older:
            return {"model": self.settings.model, "prompt": texts[0]}
        payload: dict[str, Any] = {"model": self.settings.model, "input": texts}
        if self.settings.options.get("server_dimensions") == "true" and self.settings.dimensions:
            payload["dimensions"] = self.settings.dimensions
        return payload

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """The vectors as they come: the protocol numbers none."""
        self.answers_as(field_of(answer, "model"))
        given = field_of(answer, "embedding" if self._older else "embeddings")
        return self.rows(self._url, [given] if self._older and given is not None else given, len(texts))

    def used(self) -> dict[str, Any]:
        """The quantisation and the family of the model, as ``/api/tags`` lists them."""
        details = field_of(self._listed, "details")
        return {"server_dtype": field_of(details, "quantization_level"), "architecture": field_of(details, "family")}

    def versions(self) -> dict[str, str]:
        """Ollama's own."""
        version = field_of(self.stated(f"{self._base}/api/version"), "version")
        return {"ollama": str(version)} if version else {}

    def revision(self) -> str | None:
        """The digest of the model's files, by which Ollama tells one state of a tag from another."""
        return self.settings.revision or field_of(self._listed, "digest")

    @cached_property
    def _listed(self) -> Any:
        models = field_of(self.stated(f"{self._base}/api/tags"), "models")
        names = (self.settings.model, f"{self.settings.model}:latest")
        entries = models if isinstance(models, list) else []
        return next((entry for entry in entries if field_of(entry, "name") in names), None)


BACKEND = Backend(
    about="an Ollama server: /api/embed, or the address of the older /api/embeddings",
    example="http://127.0.0.1:11434?model=all-minilm",
    open=OllamaEncoder, options=SERVER_OPTIONS | {"server_dimensions"}, one_load="the server is loaded once",
    in_process=False, outside=True, shared=True,
)  # fmt: skip

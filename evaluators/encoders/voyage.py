"""Voyage's embeddings protocol: OpenAI's, but for the kind of text, the type of the numbers and the dimensions.

Source: https://docs.voyageai.com/reference/embeddings-api
"""

from __future__ import annotations

from typing import Any

from evaluators.encoders.base import Backend
from evaluators.encoders.openai import OpenAiEncoder
from evaluators.encoders.server import SERVER_OPTIONS, input_type


class VoyageEncoder(OpenAiEncoder):
    """Queries and documents are said to be such; what has no role is sent as neither."""

    packed_by = "output_dtype"

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """Model, texts, their kind, and how the vectors are to be written."""
        options = self.settings.options
        payload: dict[str, Any] = {"model": self.settings.model, "input": texts}
        if kind := input_type(self.settings, role, query="query", document="document"):
            payload["input_type"] = kind
        if self.packing != "float":
            payload["output_dtype"] = self.packing
        if options.get("encoding_format", "float") != "float":
            payload["encoding_format"] = options["encoding_format"]
        if options.get("server_dimensions") == "true" and self.settings.dimensions:
            payload["output_dimension"] = self.settings.dimensions
        return payload


BACKEND = Backend(
    about="Voyage's protocol: input_type (by role, or as given), output_dtype, encoding_format=base64",
    example="https://api.voyageai.com/v1?model=voyage-4&key_env=VOYAGE_API_KEY",
    open=VoyageEncoder,
    options=SERVER_OPTIONS | {"server_dimensions", "encoding_format", "input_type", "output_dtype"},
    one_load="the server is loaded once", in_process=False, outside=True, shared=True,
)  # fmt: skip

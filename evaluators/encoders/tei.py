"""A Text-Embeddings-Inference server: ``/embed``, ``/embed_sparse`` and what ``/info`` says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.errors import EncoderError
from evaluators.encoders.base import Description, Encoded, as_matrix, batches, cut, in_use, prepare
from evaluators.encoders.http import HTTP_OPTIONS, Http
from evaluators.encoders.settings import EncoderSettings

OPTIONS = HTTP_OPTIONS


class TeiEncoder:
    """Texts are truncated by the server; it normalises unless told otherwise."""

    def __init__(self, settings: EncoderSettings) -> None:
        self.settings = settings
        self._http = Http(settings)
        self._base = settings.source.rstrip("/")

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors, sparse ones, or both, as the settings ask."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        dense = self._dense(prepared) if "dense" in self.settings.outputs else None
        sparse = self._sparse(prepared) if "sparse" in self.settings.outputs else None
        return Encoded(dense=dense, sparse=sparse)

    def describe(self) -> Description:
        """Model, revision, precision, pooling and version, as ``/info`` states them."""
        info = self._http.get(f"{self._base}/info")
        info = info if isinstance(info, dict) else {}
        kind = info.get("model_type")
        embedding = kind.get("embedding", {}) if isinstance(kind, dict) else {}
        return Description(
            model=str(info.get("model_id") or self.settings.model),
            revision=info.get("model_sha") or self.settings.revision,
            settings=in_use(
                self.settings,
                prompts=self.settings.prompts or {},
                pooling=(embedding or {}).get("pooling", self.settings.pooling),
                max_length=info.get("max_input_length"),
                server_dtype=info.get("model_dtype"),
            ),
            versions={"text-embeddings-inference": str(info["version"])} if "version" in info else {},
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _dense(self, texts: list[str]) -> Any:
        # With fewer dimensions kept, length 1 is for this side to restore.
        whole = self.settings.dimensions is None
        normalise = {"normalize": self.settings.normalise} if self.settings.normalise is not None and whole else {}
        rows = self._all("embed", texts, {"truncate": True, **normalise})
        return cut(as_matrix(rows, len(texts), where=self.settings.display), self.settings)

    def _sparse(self, texts: list[str]) -> list[dict[str, float]]:
        rows = self._all("embed_sparse", texts, {"truncate": True})
        try:
            return [{str(entry["index"]): float(entry["value"]) for entry in row} for row in rows]
        except (TypeError, KeyError, ValueError):
            raise EncoderError("The server's sparse vectors are not index-value pairs", where=self._base) from None

    def _all(self, path: str, texts: list[str], extra: dict[str, Any]) -> list[Any]:
        rows: list[Any] = []
        for part in batches(len(texts), self.settings.batch_size):
            answer = self._http.post(f"{self._base}/{path}", {"inputs": texts[part], **extra})
            if not isinstance(answer, list):
                raise EncoderError(f"The answer is no list of vectors: {str(answer)[:120]}", where=self._base)
            asked = len(texts[part])
            if len(answer) != asked:
                raise EncoderError(f"The server gave {len(answer)} vectors for {asked} texts", where=self._base)
            rows += answer
        return rows


def open(settings: EncoderSettings) -> TeiEncoder:  # noqa: A001 - the protocol's own word
    """Open a client; the server is first asked when something is encoded."""
    return TeiEncoder(settings)

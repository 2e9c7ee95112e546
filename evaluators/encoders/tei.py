"""A Text-Embeddings-Inference server: ``/embed``, ``/embed_sparse`` and what ``/info`` says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from data.store.errors import EncoderError
from evaluators.encoders.base import Backend, Description, Encoded, in_use, prepare
from evaluators.encoders.server import SERVER_OPTIONS, ServerEncoder, endpoint, malformed_answer
from evaluators.encoders.settings import EncoderSettings


class TeiEncoder(ServerEncoder):
    """Texts are truncated by the server; it normalises unless told otherwise."""

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        self._base = settings.source.rstrip("/").removesuffix("/embed")

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors, sparse ones, or both, as the settings ask."""
        prepared = prepare(texts, self.settings, self.settings.prompt(role))
        outputs = self.settings.outputs
        return Encoded(
            dense=self._dense(prepared) if "dense" in outputs else None,
            sparse=self._sparse(prepared) if "sparse" in outputs else None,
        )

    def describe(self) -> Description:
        """Model, revision, precision, pooling and version, as ``/info`` states them."""
        info, silent = self._info()
        kind = info.get("model_type")
        embedding = kind.get("embedding") if isinstance(kind, dict) else None
        pooling = embedding.get("pooling") if isinstance(embedding, dict) else None
        self.answers_as(info.get("model_id"))
        return Description(
            model=self._answered_as,
            revision=info.get("model_sha") or self.settings.revision,
            settings=in_use(
                self.settings,
                prompts=self.settings.prompts or {},
                pooling=pooling or self.settings.pooling,
                max_length=info.get("max_input_length"),
                server_dtype=info.get("model_dtype"),
            ),
            versions={"text-embeddings-inference": str(info["version"])} if "version" in info else {},
            warnings=[*self._portions.note, *silent, *self._other_name(), *self.notes],
        )

    def _info(self) -> tuple[dict[str, Any], list[str]]:
        """What ``/info`` says, and a warning where it says nothing: its vectors are there all the same."""
        try:
            info = self._http.get(f"{self._base}/info")
        except EncoderError as error:
            return {}, [f"The server does not say what it serves: {error}"]
        return info if isinstance(info, dict) else {}, []

    def _dense(self, texts: list[str]) -> Any:
        # With fewer dimensions kept, length 1 is for this side to restore.
        whole = self.settings.dimensions is None
        normalise = {"normalize": self.settings.normalise} if self.settings.normalise is not None and whole else {}
        rows = self._all("embed", texts, {"truncate": True, **normalise})
        return self.dense(rows, len(texts))

    def _sparse(self, texts: list[str]) -> list[dict[str, float]]:
        rows = self._all("embed_sparse", texts, {"truncate": True})
        try:
            return [{str(entry["index"]): float(entry["value"]) for entry in row} for row in rows]
        except (TypeError, KeyError, ValueError):
            raise malformed_answer("The server's sparse vectors are not index-value pairs", self._base) from None

    def _all(self, path: str, texts: list[str], extra: dict[str, Any]) -> list[Any]:
        url = endpoint(self.settings.source if path == "embed" else self._base, path)

        def ask(part: list[str]) -> list[Any]:
            return self.rows(url, self.post(url, {"inputs": part, **extra}), len(part))

        return self._portions.ask(texts, ask)


BACKEND = Backend(
    about="a Text-Embeddings-Inference server",
    example="http://127.0.0.1:8080?normalise=yes",
    open=TeiEncoder, options=SERVER_OPTIONS, one_load="the server is loaded once", in_process=False, outside=True,
    shared=True,
)  # fmt: skip

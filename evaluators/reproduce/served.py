"""Any encoder of the parity check in mteb's protocol: a server, another library, a program, run on real tasks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from data.store.errors import EncoderError, PlumblineError
from evaluators.encoders.registry import backend_of, open_encoder
from evaluators.encoders.spec import parse_spec

__all__ = ["SpecEncoder", "is_spec"]

_CHUNK = 8  # batches handed over at once: long enough to sort by length, short enough to show progress


def is_spec(model: str) -> bool:
    """Whether ``model`` names an encoder, as in ``openai:http://127.0.0.1:8000/v1?model=NAME``."""
    return bool(re.match(r"[a-z][a-z0-9-]*:|.*\.toml#.", model))


class SpecEncoder:
    """An opened encoder as mteb calls one.

    Args:
        spec: ``BACKEND:SOURCE[@REVISION][?key=value&...]``, the parity command's own words.

    Raises:
        InputError, MissingDependencyError, EncoderError: it cannot be opened, or gives no vector for a first text.
    """

    def __init__(self, spec: str) -> None:
        self.mteb_model_meta: Any = None
        self.on_rows: Callable[[int], None] = lambda rows: None
        self.settings = parse_spec(spec)
        self._encoder = open_encoder(self.settings)
        try:
            self._vectors(["a first text"], None)
            self.description = self._encoder.describe()  # complete once something was encoded
        except PlumblineError:
            self._encoder.close()
            raise

    def encode(self, inputs: Any, *, prompt_type: Any = None, batch_size: int = 32, **kwargs: Any) -> Any:
        """Vectors of the texts in their order, float32 [n, d]; mteb's role is the encoder's role."""
        texts = [text for batch in inputs for text in batch["text"]]
        parts = []
        for start in range(0, len(texts), batch_size * _CHUNK):
            self._encoder.restart_clock()  # the limit of a check; here it bounds what passes without a vector
            chunk = texts[start : start + batch_size * _CHUNK]
            parts.append(self._vectors(chunk, prompt_type.value if prompt_type else None))
            self.on_rows(len(chunk))
        return np.concatenate(parts)

    def _vectors(self, texts: list[str], role: str | None) -> Any:
        encoded = self._encoder.encode(texts, role)
        if encoded.dense is None:
            raise EncoderError(
                "The encoder gives no dense vectors, and mteb's tasks need them", where=self.settings.display
            )
        if encoded.failed:
            position, reason = next(iter(encoded.failed.items()))
            raise EncoderError(
                f"{len(encoded.failed)} of {len(texts)} texts have no vector; the first: {reason}",
                where=f"{self.settings.display}, text {texts[position][:60]!r}",
            )
        return encoded.dense

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine, all against all: what a vector store that is fed by this encoder would use."""
        from mteb.similarity_functions import cos_sim

        return cos_sim(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """Cosine, pair by pair."""
        from mteb.similarity_functions import pairwise_cos_sim

        return pairwise_cos_sim(embeddings1, embeddings2)

    def in_use(self) -> dict[str, Any]:
        """The encoder's own account of its settings, with the versions behind it."""
        # What bounds a call changes no score, and a run with other bounds is the same run.
        bounds = ("timeout", "call_timeout", "retries")
        settings = {name: value for name, value in self.description.settings.items() if name not in bounds}
        name = self.settings.backend
        known = {"versions": self.description.versions, "encoder": name, "outside": backend_of(name).outside}
        return settings | known

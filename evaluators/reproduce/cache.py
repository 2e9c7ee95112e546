"""Keep vectors by content, so that a text in several tasks and in several runs is encoded once."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mteb.models.cache_wrappers import CachedEmbeddingWrapper
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper

from evaluators.reproduce.instrumented import InstrumentedEncoder

__all__ = ["VectorCache"]


class VectorCache(CachedEmbeddingWrapper):  # type: ignore[misc]  # mteb is not typed for us
    """mteb's own wrapper, with one folder a prompt where mteb keeps one a task.

    Two tasks share a text's vector only if the model sees the same thing, so the folder is named after the prompt.
    Where a wrapper makes its own instruction from the task, the task keeps a folder of its own, as in mteb.

    Args:
        encoder: the instrumented encoder.
        folder: for this model, revision and settings alone; mteb's wrapper does not tell models apart.
    """

    def __init__(self, encoder: InstrumentedEncoder, folder: Path) -> None:
        self._prompts = (
            encoder.inner.model_prompts or {} if isinstance(encoder.inner, SentenceTransformerEncoderWrapper) else None
        )
        super().__init__(encoder, folder)

    def encode(self, inputs: Any, *, task_metadata: Any, prompt_type: Any = None, **kwargs: Any) -> Any:
        """As mteb's, under the folder of the prompt in use."""
        from mteb.models.abs_encoder import get_prompt_name

        self._folder = None
        if self._prompts is not None:
            name = get_prompt_name(self._prompts, task_metadata, prompt_type)
            self._folder = "prompt-" + hashlib.sha256(self._prompts.get(name, "").encode()).hexdigest()[:12]
        return super().encode(inputs, task_metadata=task_metadata, prompt_type=prompt_type, **kwargs)

    def _get_or_create_cache(self, task_name: str, *args: Any, **kwargs: Any) -> Any:
        return super()._get_or_create_cache(self._folder or task_name, *args, **kwargs)

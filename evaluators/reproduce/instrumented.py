"""Between mteb and the model: count texts as they are encoded, and halve the batch when memory runs out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["InstrumentedEncoder", "encodes", "out_of_memory", "torch_module"]


def encodes(model: Any) -> bool:
    """Whether mteb uses ``model`` text by text; what searches or scores as a whole has no batch for us to halve."""
    from mteb.models.models_protocols import EncoderProtocol, SearchProtocol

    return isinstance(model, EncoderProtocol) and not isinstance(model, SearchProtocol)


def out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out: torch has a class for GPUs and only a sentence for the CPU."""
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)


def torch_module(encoder: Any) -> Any:
    """The torch module inside one of mteb's wrappers, or None for a model behind an API."""
    import torch

    inner = getattr(encoder, "model", None)
    for candidate in (encoder, inner, getattr(inner, "model", None)):
        if isinstance(candidate, torch.nn.Module):
            return candidate
    return None


class InstrumentedEncoder:
    """An encoder of mteb's protocol that does what the one inside does, and says how far it is.

    Args:
        encoder: one of mteb's encoders.
        on_texts: called with (texts encoded so far in this task, texts asked for so far in this task).
    """

    def __init__(self, encoder: Any, on_texts: Callable[[int, int], None] = lambda done, asked: None) -> None:
        self.inner = encoder
        self._on_texts = on_texts
        self.batch_limit: int | None = None  # the size that last fitted, once one did not
        self.texts = 0  # texts encoded in this task
        self.asked = 0
        self._rows = 0  # rows through the model in this call, which a retry starts again
        if hasattr(encoder, "on_rows"):
            encoder.on_rows = self._add
        elif (module := torch_module(encoder)) is not None:
            module.register_forward_hook(self._count, with_kwargs=True)

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb files the results under."""
        return self.inner.mteb_model_meta

    def new_task(self) -> None:
        """Start counting from nothing."""
        self.texts = self.asked = self._rows = 0

    def encode(self, inputs: Any, *, batch_size: int = 32, **kwargs: Any) -> Any:
        """Encode, at half the batch size each time memory runs out, down to one text at a time."""
        count = len(inputs.dataset)
        self.asked += count
        size = min(batch_size, self.batch_limit or batch_size)
        while True:
            self._rows = 0
            try:
                vectors = self.inner.encode(_batched(inputs, size), batch_size=size, **kwargs)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error) or size == 1:
                    raise
                size = self.batch_limit = size // 2
                _free()
            else:
                self.texts += count
                self._rows = 0
                self._on_texts(self.texts, self.asked)
                return vectors

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The model's own similarity, all against all."""
        return self.inner.similarity(embeddings1, embeddings2)

    def similarity_pairwise(self, embeddings1: Any, embeddings2: Any) -> Any:
        """The model's own similarity, pair by pair."""
        return self.inner.similarity_pairwise(embeddings1, embeddings2)

    def _count(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        features = args[0] if args else kwargs
        if not hasattr(features, "get"):
            return
        ids = features.get("input_ids")
        if ids is not None:
            self._add(len(ids))

    def _add(self, rows: int) -> None:
        self._rows += rows
        self._on_texts(min(self.texts + self._rows, self.asked), self.asked)


def _batched(inputs: Any, size: int) -> Any:
    """The same texts in batches of ``size``: some of mteb's wrappers go by the loader, not by the argument."""
    if inputs.batch_size is None or inputs.batch_size <= size:
        return inputs
    from torch.utils.data import DataLoader

    return DataLoader(
        inputs.dataset, batch_size=size, collate_fn=inputs.collate_fn, num_workers=inputs.num_workers, shuffle=False
    )


def _free() -> None:
    """Give cached GPU memory back before the next try."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()

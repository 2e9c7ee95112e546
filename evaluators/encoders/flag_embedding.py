"""FlagEmbedding's BGE-M3: dense, sparse and multi-vector output of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Description, Encoded, dense, of_folder, prepare, resolve, trusts
from evaluators.encoders.settings import EncoderSettings

_HEADS = ("sparse_linear.pt", "colbert_linear.pt")


class FlagEmbedding:
    """BGEM3FlagModel; without its two head files it initialises them at random and says so in the log only."""

    def __init__(self, settings: EncoderSettings) -> None:
        from FlagEmbedding import BGEM3FlagModel

        if settings.dtype not in ("fp32", "fp16", "bf16"):
            raise InputError(f"FlagEmbedding cannot run {settings.dtype}", remedy="Use fp32, fp16 or bf16.")
        self.settings = settings
        self._folder = resolve(settings)
        self._length = settings.max_length or 8192
        self._model: Any = BGEM3FlagModel(
            str(self._folder),
            normalize_embeddings=settings.normalise is not False,
            use_fp16=settings.dtype == "fp16",
            use_bf16=settings.dtype == "bf16",
            devices=settings.device,
            pooling_method=settings.pooling or "cls",
            trust_remote_code=trusts(settings, self._folder),
        )

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """The outputs that the settings name, from one forward pass."""
        outputs = self.settings.outputs
        given = self._model.encode(
            prepare(texts, self.settings, self.settings.prompt(role)),
            batch_size=self.settings.batch_size,
            max_length=self._length,
            return_dense="dense" in outputs,
            return_sparse="sparse" in outputs,
            return_colbert_vecs="multi" in outputs,
        )
        rows, sparse, multi = given["dense_vecs"], given["lexical_weights"], given["colbert_vecs"]
        return Encoded(
            dense=dense(rows, texts, self.settings) if rows is not None else None,
            sparse=[{str(token): float(weight) for token, weight in row.items()} for row in sparse]
            if sparse is not None
            else None,
            multi=[np.asarray(matrix, dtype=np.float32) for matrix in multi] if multi is not None else None,
        )

    def describe(self) -> Description:
        """Settings in use, files, and a warning for each head whose file is not there."""
        missing = [name for name in _HEADS if not (self._folder / name).is_file()]
        said = f"{', '.join(missing)} not found: FlagEmbedding initialises both heads at random."
        return of_folder(
            self.settings,
            self._folder,
            ("FlagEmbedding", "transformers", "torch", "tokenizers"),
            warnings=[said] if missing else [],
            prompts=self.settings.prompts or {},
            pooling=self.settings.pooling or "cls",
            normalise=self.settings.normalised(True),
            max_length=self._length,
        )

    def close(self) -> None:
        """Drop the model and the process pool it may have."""
        self._model.stop_self_pool()
        self._model = None


BACKEND = Backend(
    open=FlagEmbedding,
    about="FlagEmbedding's BGE-M3: dense, sparse and multi-vector (outputs=)",
    example="FOLDER?outputs=dense,sparse,multi",
    package="FlagEmbedding",
    from_folder=True,
    revisions=True,
    runs_weights=True,
    own_files=True,
)

"""FlagEmbedding's BGE-M3: dense, sparse and multi-vector output of one model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from data.store.errors import InputError
from evaluators.encoders.base import Backend, Encoded, FolderEncoder, dense, prepare

_HEADS = ("sparse_linear.pt", "colbert_linear.pt")


class FlagEmbedding(FolderEncoder):
    """BGEM3FlagModel; without its two head files it initialises them at random and says so in the log only."""

    packages = ("FlagEmbedding", "transformers", "torch", "tokenizers")

    def load(self) -> None:
        """Load the model and its heads."""
        from FlagEmbedding import BGEM3FlagModel

        settings = self.settings
        if settings.dtype not in ("fp32", "fp16", "bf16"):
            raise InputError(f"FlagEmbedding cannot run {settings.dtype}", remedy="Use fp32, fp16 or bf16.")
        self.length = settings.max_length or 8192
        self.model = BGEM3FlagModel(
            str(self.folder),
            normalize_embeddings=settings.normalise is not False,
            use_fp16=settings.dtype == "fp16",
            use_bf16=settings.dtype == "bf16",
            devices=settings.device,
            pooling_method=settings.pooling or "cls",
            trust_remote_code=self.trusted,
        )

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """The outputs that the settings name, from one forward pass."""
        outputs = self.settings.outputs
        encoded = self.model.encode(
            prepare(texts, self.settings, self.settings.prompt(role)),
            batch_size=self.settings.batch_size,
            max_length=self.length,
            return_dense="dense" in outputs,
            return_sparse="sparse" in outputs,
            return_colbert_vecs="multi" in outputs,
        )
        rows, sparse, multi = encoded["dense_vecs"], encoded["lexical_weights"], encoded["colbert_vecs"]
        return Encoded(
            dense=dense(rows, texts, self.settings) if rows is not None else None,
            sparse=[{str(token): float(weight) for token, weight in row.items()} for row in sparse]
            if sparse is not None
            else None,
            multi=[np.asarray(matrix, dtype=np.float32) for matrix in multi] if multi is not None else None,
        )

    def used(self) -> dict[str, Any]:
        """Pooling, normalisation and length as loaded."""
        pooling, normalise = self.settings.pooling or "cls", self.settings.normalised(True)
        return super().used() | {"pooling": pooling, "normalise": normalise, "max_length": self.length}

    def warnings(self) -> list[str]:
        """One for heads whose files are not there."""
        missing = [name for name in _HEADS if not (self.folder / name).is_file()]
        return [f"{', '.join(missing)} not found: FlagEmbedding initialises both heads at random."] if missing else []

    def close(self) -> None:
        """Drop the model and the process pool it may have."""
        self.model.stop_self_pool()
        super().close()


BACKEND = Backend(
    about="FlagEmbedding's BGE-M3: dense, sparse and multi-vector (outputs=)",
    example="FOLDER?outputs=dense,sparse,multi",
    open=FlagEmbedding, package="FlagEmbedding", from_folder=True, revisions=True, runs_weights=True, own_files=True,
    by_length=True,
)  # fmt: skip

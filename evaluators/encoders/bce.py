"""BCEmbedding's EmbeddingModel; it wants transformers 4.36, so it usually lives behind the ``command`` encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.encoders.base import Backend, Encoded, FolderEncoder, dense, prepare


class BceEncoder(FolderEncoder):
    """Pooled by the first token unless the settings say mean; normalised unless they say not to."""

    packages = ("BCEmbedding", "transformers", "torch", "tokenizers")

    def load(self) -> None:
        """Load the model."""
        from BCEmbedding import EmbeddingModel

        self.length = self.settings.max_length or 512
        self.model = EmbeddingModel(
            model_name_or_path=str(self.folder),
            pooler=self.settings.pooling or "cls",
            use_fp16=self.settings.dtype == "fp16",
            device=self.settings.device,
            trust_remote_code=self.trusted,
        )

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors."""
        rows = self.model.encode(
            prepare(texts, self.settings, self.settings.prompt(role)),
            batch_size=self.settings.batch_size,
            max_length=self.length,
            normalize_to_unit=self.settings.normalise is not False,
            enable_tqdm=False,
        )
        return Encoded(dense=dense(rows, texts, self.settings))

    def used(self) -> dict[str, Any]:
        """Pooling, normalisation and length as loaded."""
        pooling, normalise = self.settings.pooling or "cls", self.settings.normalised(True)
        return super().used() | {"pooling": pooling, "normalise": normalise, "max_length": self.length}


BACKEND = Backend(
    about="BCEmbedding's EmbeddingModel",
    example="FOLDER?pooling=mean",
    remedy="It wants transformers 4.36: give it an environment of its own (make peers does) and use it through "
    "command:.peers/bce/bin/python evaluators/encoders/isolated/host.py bce FOLDER",
    open=BceEncoder, package="BCEmbedding", from_folder=True, revisions=True, runs_weights=True, own_files=True,
    by_length=True,
)  # fmt: skip

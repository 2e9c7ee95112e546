"""BCEmbedding's EmbeddingModel; it wants transformers 4.36, so it usually lives behind the ``command`` encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evaluators.encoders.base import Backend, Description, Encoded, dense, of_folder, prepare, resolve, trusts
from evaluators.encoders.settings import EncoderSettings


class BceEncoder:
    """Pooled by the first token unless the settings say mean; normalised unless they say not to."""

    def __init__(self, settings: EncoderSettings) -> None:
        from BCEmbedding import EmbeddingModel

        self.settings = settings
        self._folder = resolve(settings)
        self._length = settings.max_length or 512
        self._model: Any = EmbeddingModel(
            model_name_or_path=str(self._folder),
            pooler=settings.pooling or "cls",
            use_fp16=settings.dtype == "fp16",
            device=settings.device,
            trust_remote_code=trusts(settings, self._folder),
        )

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        """Dense vectors."""
        rows = self._model.encode(
            prepare(texts, self.settings, self.settings.prompt(role)),
            batch_size=self.settings.batch_size,
            max_length=self._length,
            normalize_to_unit=self.settings.normalise is not False,
            enable_tqdm=False,
        )
        return Encoded(dense=dense(rows, texts, self.settings))

    def describe(self) -> Description:
        """Settings in use, and every file of the folder with its digest."""
        return of_folder(
            self.settings,
            self._folder,
            ("BCEmbedding", "transformers", "torch", "tokenizers"),
            prompts=self.settings.prompts or {},
            pooling=self.settings.pooling or "cls",
            normalise=self.settings.normalised(True),
            max_length=self._length,
        )

    def close(self) -> None:
        """Drop the model."""
        self._model = None


BACKEND = Backend(
    open=BceEncoder,
    about="BCEmbedding's EmbeddingModel",
    example="FOLDER?pooling=mean",
    package="BCEmbedding",
    remedy="It wants transformers 4.36: give it an environment of its own (make peers does) and use it through "
    "command:.peers/bce/bin/python evaluators/encoders/isolated/host.py bce FOLDER",
    from_folder=True,
    revisions=True,
    runs_weights=True,
    own_files=True,
)

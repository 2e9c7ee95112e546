"""A model of one's own for fastembed, as its documentation adds one; runs in fastembed's environment."""

from __future__ import annotations

from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType


class Custom(TextEmbedding):
    """The graph in a folder, pooled and normalised as told."""

    def __init__(self, folder: str, pooling: str = "MEAN", normalization: bool = True) -> None:
        TextEmbedding.add_custom_model(
            "custom/model", pooling=PoolingType[pooling], normalization=normalization,
            sources=ModelSource(hf="custom/model"), dim=384, model_file="model.onnx",
        )  # fmt: skip
        super().__init__("custom/model", specific_model_path=folder)

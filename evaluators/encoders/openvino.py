"""A graph in OpenVINO (.xml or .onnx): the tokenizer and pooling by hand, the forward pass from the file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.encoders.base import require
from evaluators.encoders.graph import feed, graph_file, states_of
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.transformers import HandEncoder

OPTIONS = frozenset({"file", "threads"})

_FILES = ("openvino/openvino_model.xml", "openvino_model.xml", "onnx/model.onnx", "model.onnx")
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}  # auto: whatever the runtime thinks best


class OpenVinoEncoder(HandEncoder):
    """OpenVINO on the CPU; dtype=auto leaves the precision to it, which may not be f32."""

    packages = ("openvino", "transformers", "tokenizers")

    def load(self) -> None:
        """Compile the graph."""
        import openvino

        path = graph_file(self.folder, self.settings, _FILES)
        hints: dict[str, Any] = {"INFERENCE_NUM_THREADS": int(self.settings.options.get("threads", "0"))}
        if self.settings.dtype in _PRECISIONS:
            hints["INFERENCE_PRECISION_HINT"] = _PRECISIONS[self.settings.dtype]
        core = openvino.Core()
        self.graph: Any = core.compile_model(core.read_model(path), "CPU", hints)
        self.names = [entry.get_any_name() for entry in self.graph.inputs]

    def forward(self, inputs: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """The first output of the graph that can be vectors."""
        outputs = self.graph(feed(inputs, self.names))
        return states_of([outputs[i] for i in range(len(self.graph.outputs))], where=self.settings.display)

    def close(self) -> None:
        """Drop the graph."""
        self.graph = None


def open(settings: EncoderSettings) -> OpenVinoEncoder:  # noqa: A001 - the protocol's own word
    """Compile the graph and load the tokenizer beside it."""
    require("openvino", backend="openvino", install="openvino")
    return OpenVinoEncoder(settings)

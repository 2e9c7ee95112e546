"""A graph in ONNX Runtime: the tokenizer and pooling by hand, the forward pass from the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluators.encoders.base import Backend
from evaluators.encoders.graph import ended_in_time, feed, graph_file, states_of
from evaluators.encoders.transformers import HandEncoder


class OnnxEncoder(HandEncoder):
    """ONNX Runtime on the CPU; what precision it runs in is the file's."""

    packages = ("onnxruntime", "transformers", "tokenizers")

    def load_weights(self) -> None:
        """Open the graph."""
        import onnxruntime

        self.path = Path(graph_file(self.folder, self.settings, ("onnx/model.onnx", "model.onnx")))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(self.settings.options.get("threads", "0"))
        self.model = onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        self.names = [entry.name for entry in self.model.get_inputs()]

    def forward(self, inputs: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """The first output of the graph that can be vectors."""
        import onnxruntime

        options, fed = onnxruntime.RunOptions(), feed(inputs, self.names)
        size, where = inputs["attention_mask"].size, self.settings.display
        with ended_in_time(self.path, size, lambda: setattr(options, "terminate", True), where=where):
            outputs = self.model.run(None, fed, options)
        return states_of(outputs, where=where)


BACKEND = Backend(
    about="a graph in ONNX Runtime (file=), pooled by hand",
    example="FOLDER?file=model.onnx",
    open=OnnxEncoder, options=frozenset({"file", "threads"}), package="onnxruntime", from_folder=True, revisions=True,
)  # fmt: skip

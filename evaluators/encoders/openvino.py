"""A graph in OpenVINO (.xml or .onnx): the tokenizer and pooling by hand, the forward pass from the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.store.errors import EncoderError
from evaluators.encoders.base import Backend
from evaluators.encoders.graph import ended_in_time, feed, graph_file, states_of
from evaluators.encoders.settings import EncoderSettings
from evaluators.encoders.signal_stack import kept_signal_stack
from evaluators.encoders.transformers import HandEncoder

_FILES = ("openvino/openvino_model.xml", "openvino_model.xml", "onnx/model.onnx", "model.onnx")
_LOOPS = frozenset({"Loop", "TensorIterator"})
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}  # auto: whatever the runtime thinks best


class OpenVinoEncoder(HandEncoder):
    """OpenVINO on the CPU; dtype=auto leaves the precision to it: bf16 where there are units for it, else f32."""

    packages = ("openvino", "transformers", "tokenizers")

    @kept_signal_stack()
    def load_weights(self) -> None:
        """Compile the graph."""
        import openvino

        self.path = Path(graph_file(self.folder, self.settings, _FILES))
        core = openvino.Core()
        model = core.read_model(str(self.path))
        if any(step.get_type_name() in _LOOPS for step in model.get_ops()):
            raise EncoderError(
                "The graph holds a loop, and OpenVINO cannot be stopped in one that has no end",
                where=self.settings.display,
                remedy="Run it with onnx: if it is in ONNX; a graph of a text encoder needs no loop.",
            )
        self.model = _compiled(core, model, self.settings)
        self.names = [entry.get_any_name() for entry in self.model.inputs]
        self.computes_in = str(self.model.get_property("INFERENCE_PRECISION_HINT").to_string())

    def used(self) -> dict[str, Any]:
        """As of any graph, and the precision that the runtime computes in."""
        return super().used() | {"computes_in": self.computes_in}

    @kept_signal_stack()
    def forward(self, inputs: dict[str, NDArray[np.int64]]) -> NDArray[np.float32]:
        """The first output of the graph that can be vectors."""
        request, fed = self.model.create_infer_request(), feed(inputs, self.names)
        size, where = inputs["attention_mask"].size, self.settings.display
        with ended_in_time(self.path, size, request.cancel, where=where):
            request.start_async(fed)
            request.wait()
        outputs = [np.array(request.get_output_tensor(i).data) for i in range(len(self.model.outputs))]
        return states_of(outputs, where=where)

    @kept_signal_stack()
    def close(self) -> None:
        """Drop the graph."""
        super().close()


def _compiled(core: Any, graph: Any, settings: EncoderSettings) -> Any:
    """The graph at the precision asked for, or at the runtime's own choice where that can be compiled.

    On a processor that names bf16 among its units and may not use them, as some virtual machines do, its own choice
    cannot; then f32 can.
    """
    hints: dict[str, Any] = {"INFERENCE_NUM_THREADS": int(settings.options.get("threads", "0"))}
    if settings.dtype in _PRECISIONS:
        return core.compile_model(graph, "CPU", hints | {"INFERENCE_PRECISION_HINT": _PRECISIONS[settings.dtype]})
    try:
        return core.compile_model(graph, "CPU", hints)
    except RuntimeError:
        return core.compile_model(graph, "CPU", hints | {"INFERENCE_PRECISION_HINT": "f32"})


BACKEND = Backend(
    about="a graph in OpenVINO (file=), pooled by hand",
    example="FOLDER?dtype=auto",
    open=OpenVinoEncoder, options=frozenset({"file", "threads"}), package="openvino", from_folder=True,
    revisions=True,
)  # fmt: skip

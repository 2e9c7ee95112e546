"""Arithmetic of lower precision held against what made it: llama.cpp's own blocks and files, ONNX Runtime."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.diagnose import arithmetic
from evaluators.diagnose.ggml.files import GGUF_FILES, as_gguf, formats_of, with_tanh_gelu
from evaluators.diagnose.ggml.formats import FORMATS, quantised

_HERE = Path(__file__).parent / "ggml"
# What of a block may be another level: two sums of one value in another order lead another try to the least error.
_TIES = {"q5_K": 0.07, "q4_K": 0.03, "q2_K": 0.03, "q6_K": 0.02, "iq4_nl": 0.02, "iq4_xs": 0.02}


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_are_those_of_ggml(name: str) -> None:
    """``blocks.npz``: ggml_quantize_chunk and gguf's dequantize (llama.cpp of October 2026), of these weights."""
    import torch

    real = np.load(_HERE / "blocks.npz")
    made = quantised(torch.tensor(real["weights"]), name).numpy()
    assert float((np.abs(made - real[name]) > 1e-6).mean()) <= _TIES.get(name, 0.0)


def _files() -> list[dict[str, str]]:
    return [json.loads(line) for line in (_HERE / "types.jsonl").read_text().splitlines()]


def _model(kind: str) -> Any:
    """Bare models of the shapes that ``types.jsonl`` is of; weights do not matter."""
    from transformers import AutoModel, BertConfig, LlamaConfig

    if kind == "minilm":
        return AutoModel.from_config(
            BertConfig(
                hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, vocab_size=32
            )
        )
    layers, keys = (16, 1) if kind == "decoder" else (6, 4)
    return AutoModel.from_config(
        LlamaConfig(
            hidden_size=256, num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=keys,
            intermediate_size=512, vocab_size=64,
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["minilm", "decoder", "decoder-own-keys"])
def test_each_tensor_has_the_format_of_llama_cpps_files(kind: str) -> None:
    """``types.jsonl``: what llama_model_quantize (October 2026) wrote into a file of each name."""
    model = _model(kind)
    files = [one for one in _files() if one["model"] == kind]
    assert {one["file"] for one in files} == set(GGUF_FILES)
    for one in files:
        of_kind: dict[str, list[str]] = {}
        for name, form in formats_of(model, one["file"]):
            of_kind.setdefault(name, []).append(form.upper())
        for name in ("words", "value", "joined", "down"):
            wanted = one[name].upper().split()
            assert of_kind[name] == wanted * (len(of_kind[name]) // len(wanted)), (one["file"], name)
        assert set(of_kind["other"]) == {one["other"].upper()}


def test_inputs_are_rounded_too() -> None:
    import torch

    torch.manual_seed(1)
    model = _model("minilm").eval()
    plain, inside = torch.randn(3, 384), model.encoder.layer[0].attention.self.query
    whole = inside(plain)
    as_gguf(model, file="Q8_0")
    weight = quantised(inside.weight, "q8_0")
    assert torch.equal(weight, inside.weight)
    blocks = plain.reshape(-1, 32)
    scale = blocks.abs().amax(1, keepdim=True) / 127
    rounded = ((blocks / scale).round() * scale.half().float()).reshape(plain.shape)
    assert torch.allclose(inside(plain), torch.nn.functional.linear(rounded, weight, inside.bias), atol=2e-4)
    assert not torch.allclose(inside(plain), whole, atol=1e-3)


def test_gelu_by_tanh_is_another_function() -> None:
    import torch

    model = torch.nn.Sequential(torch.nn.GELU())
    values = torch.linspace(-4, 4, 200)
    exact = model(values)
    assert 1e-4 < float((with_tanh_gelu(model)(values) - exact).abs().max()) < 5e-3


ONNX = {
    "one scale a matrix": ({}, {"by_row": False, "steps": 254}),
    "one scale a channel": ({"per_channel": True}, {"by_row": True, "steps": 254}),
    "7 bits": ({"reduce_range": True}, {"by_row": False, "steps": 128}),
    "unsigned": ({"weight_type": "QUInt8"}, {"by_row": False, "steps": 255}),
    "unsigned, one range a channel": (
        {"weight_type": "QUInt8", "per_channel": True},
        {"by_row": True, "steps": 255},
    ),
}


@pytest.mark.parametrize("case", ONNX)
def test_onnx_runtime_rounds_as_it_is_imitated(case: str, tmp_path: Path) -> None:
    """A table, an activation and a matrix through ``quantize_dynamic``, run by ONNX Runtime."""
    import onnx
    import onnxruntime
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    options, how = ONNX[case]
    options = {name: getattr(QuantType, value) if isinstance(value, str) else value for name, value in options.items()}
    torch.manual_seed(2)
    model = torch.nn.Sequential(torch.nn.Embedding(40, 16), torch.nn.Tanh(), torch.nn.Linear(16, 24, bias=False))
    table, matrix = (model[place].weight.detach().numpy().copy() for place in (0, 2))
    nodes = [
        onnx.helper.make_node("Gather", ["table", "ids"], ["rows"], name="gather"),
        onnx.helper.make_node("Tanh", ["rows"], ["inputs"], name="tanh"),
        onnx.helper.make_node("MatMul", ["inputs", "matrix"], ["out"], name="matmul"),
    ]
    graph = onnx.helper.make_graph(
        nodes, "two", [onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, [None])],
        [onnx.helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [None, 24])],
        [onnx.numpy_helper.from_array(table, "table"), onnx.numpy_helper.from_array(matrix.T.copy(), "matrix")],
    )  # fmt: skip
    file = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(file, tmp_path / "plain.onnx")
    quantize_dynamic(tmp_path / "plain.onnx", tmp_path / "int8.onnx", **options)
    ids = np.array([1, 7, 39, 7, 12])
    session = onnxruntime.InferenceSession(tmp_path / "int8.onnx")
    (real,) = session.run(None, {"ids": ids})
    arithmetic.onnx_int8(model, **how)
    made = model(torch.tensor(ids)).detach().numpy()
    plain = np.tanh(table[ids]) @ matrix.T
    assert np.abs(made - real).max() < 0.05 * np.abs(real - plain).max()


@pytest.mark.parametrize(
    ("change", "most"),
    [
        (partial(arithmetic.quantise_rows, bits=8), 0.012),
        (arithmetic.uint8_rows, 0.012),
        *((partial(arithmetic.weight_groups, group=128, levels=levels), 0.012) for levels in ("255", "256")),
        (arithmetic.fp8, 0.04),
        (partial(arithmetic.four_bit_floats, kind="nf4"), 0.11),
        (partial(arithmetic.four_bit_floats, kind="fp4"), 0.15),
        *(
            (partial(arithmetic.weight_groups, group=32, levels=levels), 0.13)
            for levels in ("zero", "free", "16", "15")
        ),
        (partial(arithmetic.blocks_of, form="q4_0"), 0.11),
    ],
)
def test_weights_are_rounded_by_as_much_as_their_bits(change: Any, most: float) -> None:
    import torch

    torch.manual_seed(3)
    model = torch.nn.Sequential(torch.nn.Linear(256, 64))
    before = model[0].weight.detach().clone()
    change(model)
    moved = float((model[0].weight.detach() - before).norm() / before.norm())
    assert most / 6 < moved < most


def test_a_token_has_a_scale_of_its_own() -> None:
    import torch

    torch.manual_seed(4)
    model = arithmetic.int8_by_row(torch.nn.Sequential(torch.nn.Linear(32, 8)), embeddings=True)
    rows = torch.randn(2, 32) * torch.tensor([[1.0], [100.0]])
    assert torch.allclose(model(rows)[0], model(rows[:1])[0], atol=1e-6)

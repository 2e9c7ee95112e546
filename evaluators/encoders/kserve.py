"""The Open Inference Protocol (KServe v2), as Triton, MLServer and OpenVINO's model server speak it.

Sources: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and, for tensors as bytes,
https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data.store.errors import EncoderError, EncoderGoneError, InputError
from evaluators.encoders.base import Backend
from evaluators.encoders.http import Packed
from evaluators.encoders.server import SERVER_OPTIONS, ServerEncoder, field_of, malformed_answer
from evaluators.encoders.settings import EncoderSettings

_TYPES = {"FP16": "<f2", "FP32": "<f4", "FP64": "<f8", "INT8": "i1", "UINT8": "u1", "INT16": "<i2", "INT32": "<i4"}
_BF16 = "BF16"  # numpy has none: the upper half of a 32-bit float


class KServeEncoder(ServerEncoder):
    """``POST <source>/v2/models/<model>/infer`` with the texts as one tensor of BYTES.

    The names of the tensors are the model's: asked of its metadata, unless ``input`` and ``output`` name them.
    """

    def __init__(self, settings: EncoderSettings) -> None:
        super().__init__(settings)
        if settings.model == settings.source:
            raise InputError("A model of the server is to be named", where=settings.display, remedy="Add model=NAME.")
        self._base = settings.source.rstrip("/").removesuffix("/v2")
        version = settings.options.get("model_version")
        self._model = f"{self._base}/v2/models/{settings.model}" + (f"/versions/{version}" if version else "")
        self._url = f"{self._model}/infer"
        self._binary = settings.options.get("binary") == "true"

    @cached_property
    def _metadata(self) -> Any:
        """What the server says of the model; needed where the settings do not name the tensor of the texts.

        Raises:
            EncoderGoneError: it says nothing of it.
        """
        if "input" in self.settings.options:
            return self.stated(self._model)
        return self._http.get(self._model, needed=True)

    def payload(self, texts: list[str], role: str | None) -> dict[str, Any]:
        """One tensor in, [n] or [n, 1] as the model takes it, one tensor out."""
        named = self.settings.options
        takes = _tensors(self._metadata, "inputs")
        name = named.get("input") or (str(takes[0].get("name")) if len(takes) == 1 else "")
        if not name:
            has = ", ".join(str(tensor.get("name"))[:40] for tensor in takes[:6]) or "says of none"
            what = f"Which tensor takes the texts is not clear: the model {has}"
            raise EncoderGoneError(what, where=self._model, remedy="Name it: input=NAME.", code="input")
        shape = next((tensor.get("shape") for tensor in takes if tensor.get("name") == name), None)
        flat = isinstance(shape, list) and len(shape) == 1
        tensor = {"name": name, "shape": [len(texts)] if flat else [len(texts), 1], "datatype": "BYTES", "data": texts}
        payload: dict[str, Any] = {"inputs": [tensor]}
        if "output" in named or self._binary:
            output = named.get("output") or _vectors_of(_tensors(self._metadata, "outputs"))
            payload["outputs"] = [{"name": output} | ({"parameters": {"binary_data": True}} if self._binary else {})]
        return payload

    def vectors(self, answer: Any, texts: list[str]) -> list[Any]:
        """The rows of the tensor of vectors, [n, d]."""
        return self._rows(Packed(answer), texts)

    def _batch(self, texts: list[str], role: str | None) -> list[Any]:
        payload = {**self.payload(texts, role), **self._extra}
        if not self._binary:
            return self.vectors(self._http.post(self._url, payload), texts)
        packed = b"".join(_counted(text) for text in texts)
        (tensor,) = payload["inputs"]
        tensor.pop("data")
        tensor["parameters"] = {"binary_data_size": len(packed)}
        return self._rows(self._http.post_packed(self._url, Packed(payload, packed)), texts)

    def _rows(self, answer: Packed, texts: list[str]) -> list[Any]:
        self.answers_as(field_of(answer.json, "model_name"))
        tensors = _tensors(answer.json, "outputs")
        name = self.settings.options.get("output") or _vectors_of(tensors)
        at = 0
        for tensor in tensors:
            size = field_of(tensor, "parameters", "binary_data_size")
            size = size if isinstance(size, int) and size >= 0 else 0
            if tensor.get("name") == name:
                values = _values(tensor, answer.rest[at : at + size], self._url)
                if values.ndim > 2:
                    what = f"The tensor {name[:40]} has the shape {list(values.shape)}, a vector a token"
                    raise malformed_answer(f"{what}: name another with output=", self._url)
                return self.rows(self._url, values.tolist(), len(texts))
            at += size  # bytes of tensors stand in the order of the tensors
        there = ", ".join(str(tensor.get("name"))[:40] for tensor in tensors[:6]) or "none"
        raise malformed_answer(f"The answer has no tensor of vectors {name or ''}: {there}", self._url)

    def versions(self) -> dict[str, str]:
        """The server's name and version, and the model's versions."""
        server = self.stated(f"{self._base}/v2")
        stated = {"server": " ".join(str(field_of(server, name) or "") for name in ("name", "version")).strip()}
        numbers = None
        with suppress(EncoderError):  # it was asked for its vectors already, and said why not
            numbers = field_of(self._metadata, "versions")
        stated["model"] = ", ".join(map(str, numbers[:8])) if isinstance(numbers, list) else ""
        return {name: value for name, value in stated.items() if value}


def _tensors(answer: Any, which: str) -> list[dict[str, Any]]:
    tensors = field_of(answer, which)
    return [tensor for tensor in tensors if isinstance(tensor, dict)] if isinstance(tensors, list) else []


def _vectors_of(tensors: list[dict[str, Any]]) -> str:
    """The first tensor of two dimensions and a type of numbers; the first at all where there is none."""
    fitting = [tensor for tensor in tensors if tensor.get("datatype") in (*_TYPES, _BF16)]
    flat = [tensor for tensor in fitting if isinstance(tensor.get("shape"), list) and len(tensor["shape"]) == 2]
    return next((str(tensor.get("name")) for tensor in (*flat, *fitting, *tensors)), "")


def _counted(text: str) -> bytes:
    """An element of a tensor of BYTES: how many, then they."""
    content = text.encode()
    return len(content).to_bytes(4, "little") + content


def _values(tensor: dict[str, Any], content: bytes, where: str) -> NDArray[np.generic]:
    """The values of a tensor in its shape, from its JSON or from the bytes behind it.

    Raises:
        EncoderError: they are not as many as the shape says, or of a type that holds no numbers.
    """
    kind, shape = tensor.get("datatype"), tensor.get("shape")
    name = str(tensor.get("name"))[:40]
    if kind not in (*_TYPES, _BF16):
        raise malformed_answer(f"The tensor {name} is of {str(kind)[:20]}, which holds no vectors", where)
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < 2**31 for size in shape):
        raise malformed_answer(f"The tensor {name} has no shape: {str(shape)[:60]}", where)
    if "data" in tensor:
        values = _numbers(tensor["data"], name, where)
    elif kind == _BF16:
        half = np.frombuffer(content[: len(content) // 2 * 2], dtype="<u2").astype("<u4")
        values = (half << 16).view("<f4")
    else:
        number = np.dtype(_TYPES[str(kind)])
        values = np.frombuffer(content[: len(content) // number.itemsize * number.itemsize], dtype=number)
    if values.size != prod(shape):
        raise malformed_answer(f"The tensor {name} has {values.size} numbers for the shape {shape}", where)
    return values.reshape(shape)


def _numbers(data: Any, name: str, where: str) -> NDArray[np.generic]:
    first = data
    while isinstance(first, list) and first:
        first = first[0]
    try:
        if isinstance(first, str):
            raise TypeError("words")
        return np.asarray(data, dtype=np.float32).ravel()  # nested lists are allowed; null becomes NaN
    except (TypeError, ValueError, OverflowError):
        what = f"The tensor {name} has values that are not numbers, or rows of different lengths"
        raise malformed_answer(what, where) from None


BACKEND = Backend(
    about="Triton and others by the Open Inference Protocol (KServe v2): binary=true sends tensors as bytes",
    example="http://127.0.0.1:8000?model=NAME",
    open=KServeEncoder, options=SERVER_OPTIONS | {"input", "output", "model_version", "binary"},
    one_load="the server is loaded once", in_process=False, outside=True, shared=True,
)  # fmt: skip

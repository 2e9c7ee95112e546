"""Servers on loopback that speak the protocols of vendors, written from their documentation and not from our client.

What a vendor answers (status, names, error bodies, limits) is in its function, below the address it was read at. A
fault is put in between: in the vectors (``Bench.rows``), or in the answer before it is sent (``Bench.spoil``).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.encoders.bench import KEY, MODEL, Answer, Asked, Bench, Reply
from tests.encoders.server import WIDTH

__all__ = ["VENDORS", "Vendor"]


@dataclass(frozen=True)
class Vendor:
    """A protocol.

    Attributes:
        answer: what it answers.
        spec: the line that hooks it up, with URL for its address.
        numbered: its vectors come with numbers.
        names: its answers name the model.
        too_many: the most texts it takes in a call, by its documentation; 0 where any.
    """

    answer: Answer
    spec: str
    numbered: bool = False
    names: bool = False
    too_many: int = 0


def _denied(asked: Asked, header: str = "authorization") -> bool:
    return asked.headers.get(header) != (f"Bearer {KEY}" if header == "authorization" else KEY)


def _openai(bench: Bench, asked: Asked) -> Reply:
    """https://platform.openai.com/docs/api-reference/embeddings/create and .../docs/guides/error-codes"""

    def error(status: int, message: str, code: str | None = None) -> Reply:
        return Reply(
            {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}}, status
        )

    if _denied(asked):
        said = asked.headers.get("authorization", "")
        return error(
            401, f"Incorrect API key provided: {said[7:]}. You can find your API key online.", "invalid_api_key"
        )
    if asked.path != "/v1/embeddings":
        return error(404, "Invalid URL (POST)")
    body = asked.json
    if len(body["input"]) > (bench.most or 2048):
        return error(
            400, f"Invalid 'input': array too long. Expected an array with maximum length {bench.most or 2048}."
        )
    return Reply(_openai_body(bench, body))


def _openai_body(bench: Bench, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    rows = bench.rows(texts)
    if body.get("encoding_format") == "base64":
        rows = [row if isinstance(row, str) or row is None else _base64(row, "<f4") for row in rows]
    numbers = bench.numbers(len(rows))
    data = [{"object": "embedding", "index": n, "embedding": row} for n, row in zip(numbers, rows, strict=True)]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    return {"object": "list", "data": data, "model": bench.named or body["model"], "usage": usage} | more


def _base64(row: Any, kind: str) -> str:
    return base64.b64encode(np.asarray(row, dtype=kind).tobytes()).decode()


def _tei(bench: Bench, asked: Asked) -> Reply:
    """https://huggingface.github.io/text-embeddings-inference/ (openapi.json)"""
    if _denied(asked):
        return Reply(
            {"error": f"Unauthorized: {asked.headers.get('authorization')}", "error_type": "unauthorized"}, 401
        )
    if asked.path == "/info":
        return Reply(
            {
                "model_id": bench.named or "org/all-minilm",
                "model_sha": "a" * 40,
                "model_dtype": "float32",
                "max_input_length": 256,
                "version": "1.8.0",
                "model_type": {"embedding": {"pooling": "mean"}},
            }
        )
    texts = asked.json["inputs"]
    if len(texts) > (bench.most or 32):
        what = f"batch size {len(texts)} > maximum allowed batch size {bench.most or 32}"
        return Reply({"error": what, "error_type": "Validation"}, 422)
    return Reply(bench.rows(texts))


def _llama_cpp(bench: Bench, asked: Asked) -> Reply:
    """https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md

    Errors look like OpenAI's with the status as a number in ``code``; ``/props`` and ``/embedding`` are its own.
    """
    if _denied(asked):
        error = {"code": 401, "message": "Invalid API Key", "type": "authentication_error"}
        return Reply({"error": error}, 401)
    if asked.path == "/props":
        settings = {"id": 0, "n_ctx": 256, "is_processing": False}
        return Reply(
            {
                "default_generation_settings": settings,
                "total_slots": 1,
                "build_info": "b6503-3d4053f7",
                "model_path": "/models/all-MiniLM-L6-v2.Q8_0.gguf",
                "chat_template": "",
            }
        )
    body = asked.json
    texts = body.get("content", body.get("input"))
    texts = [texts] if isinstance(texts, str) else texts
    if any(len(text) > 4000 for text in texts):
        what = "input (1300 tokens) is too large to process. increase the physical batch size (current batch size: 512)"
        return Reply({"error": {"code": 500, "message": what, "type": "server_error"}}, 500)
    if asked.path == "/v1/embeddings":
        return Reply(_openai_body(bench, body))
    if asked.path not in ("/embedding", "/embeddings"):
        return Reply({"error": {"code": 404, "message": "File Not Found", "type": "not_found_error"}}, 404)
    rows = bench.rows(texts)
    if body.get("embd_normalize") == -1:
        rows = [[3 * number for number in row] for row in rows]
    return Reply(
        [
            {"index": n, "embedding": [row] if isinstance(row, list) else row}
            for n, row in zip(bench.numbers(len(rows)), rows, strict=True)
        ]
    )


def _infinity(bench: Bench, asked: Asked) -> Reply:
    """https://michaelfeil.eu/infinity/latest/ (openapi.json): OpenAI's body below the root, pydantic's errors"""
    if _denied(asked):
        return Reply({"detail": "Unauthorized"}, 401)
    body = asked.json
    if len(body["input"]) > 2048:
        what = {"type": "too_long", "loc": ["body", "input"], "msg": "List should have at most 2048 items"}
        return Reply({"detail": [what]}, 422)
    return Reply(_openai_body(bench, body, id=f"infinity-{1}", created=1764253134))


def _ollama(bench: Bench, asked: Asked) -> Reply:
    """https://github.com/ollama/ollama/blob/main/docs/api.md: generate embeddings, list local models, version"""
    if _denied(asked):
        return Reply({"error": "unauthorized"}, 401)
    if asked.path == "/api/version":
        return Reply({"version": "0.12.6"})
    if asked.path == "/api/tags":
        details = {"format": "gguf", "family": "bert", "parameter_size": "23M", "quantization_level": "F16"}
        listed = {"name": f"{MODEL}:latest", "model": f"{MODEL}:latest", "digest": "1b226e2802db", "details": details}
        return Reply({"models": [{"name": "llama3.2:latest", "digest": "a80c4f17acd5"}, listed]})
    body = asked.json
    if body["model"] != MODEL:
        return Reply({"error": f'model "{body["model"]}" not found, try pulling it first'}, 404)
    if asked.path == "/api/embeddings":
        (row,) = bench.rows([body["prompt"]])
        return Reply({"embedding": row})
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if body.get("truncate") is False and any(len(text) > 4000 for text in texts):
        return Reply({"error": "the input length exceeds the context length"}, 400)
    return Reply(
        {
            "model": bench.named or body["model"],
            "embeddings": bench.rows(texts),
            "total_duration": 14143917,
            "load_duration": 1019500,
            "prompt_eval_count": 8,
        }
    )


def _cohere(bench: Bench, asked: Asked) -> Reply:
    """https://docs.cohere.com/reference/embed, https://docs.cohere.com/v1/reference/embed, .../reference/errors"""
    if _denied(asked):
        return Reply({"id": "3f1d", "message": "invalid api token"}, 401)
    body = asked.json
    texts = body["texts"]
    if len(texts) > 96:
        what = f"invalid request: total number of texts must be at most 96 - received {len(texts)}"
        return Reply({"id": "3f1d", "message": what}, 400)
    if "input_type" not in body or body["input_type"] not in (
        "search_document", "search_query", "classification", "clustering", "image"
    ):  # fmt: skip
        return Reply({"id": "3f1d", "message": "invalid request: valid input_type must be provided"}, 400)
    kinds = body.get("embedding_types")
    if asked.path == "/v2/embed" and "model" not in body:
        return Reply({"id": "3f1d", "message": "invalid request: model is required"}, 400)
    rows = bench.rows(texts)
    answer: dict[str, Any] = {"id": "54910170-852f", "texts": texts, "meta": {"api_version": {"version": "2"}}}
    if not kinds:
        return Reply(answer | {"response_type": "embeddings_floats", "embeddings": rows})
    given = {kind: [row if isinstance(row, str | None) else _typed(row, kind) for row in rows] for kind in kinds}
    return Reply(answer | {"response_type": "embeddings_by_type", "embeddings": given})


def _typed(row: list[float], kind: str) -> Any:
    """A row in a type of Cohere's or Voyage's: bits are packed, the first in the highest place of a byte."""
    if kind == "float":
        return row
    if kind == "base64":
        return _base64(row, "<f4")
    bits = np.packbits(np.asarray(row) > 0).astype(int)
    whole = np.clip(np.round(np.asarray(row) * 127), -128, 127).astype(int)
    return {"ubinary": bits, "binary": bits - 128, "int8": whole, "uint8": whole + 128}[kind].tolist()


def _voyage(bench: Bench, asked: Asked) -> Reply:
    """https://docs.voyageai.com/reference/embeddings-api and https://docs.voyageai.com/docs/error-codes"""
    if _denied(asked):
        return Reply({"detail": "Provided API key is invalid."}, 401)
    body = asked.json
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    if len(texts) > (bench.most or 1000):
        what = f"The batch size limit is {bench.most or 1000}. Your batch size is {len(texts)}."
        return Reply({"detail": what}, 400)
    if body.get("input_type") not in (None, "query", "document"):
        return Reply({"detail": "Argument 'input_type' is invalid."}, 400)
    kind = body.get("output_dtype", "float")
    rows = [row if isinstance(row, str | None) else _typed(row, kind) for row in bench.rows(texts)]
    if body.get("encoding_format") == "base64":
        number = {"float": "<f4", "int8": "i1", "uint8": "u1", "binary": "i1", "ubinary": "u1"}[kind]
        rows = [_base64(row, number) if isinstance(row, list) else row for row in rows]
    data = [{"object": "embedding", "embedding": row, "index": n}
            for n, row in zip(bench.numbers(len(rows)), rows, strict=True)]  # fmt: skip
    return Reply({"object": "list", "data": data, "model": bench.named or body["model"], "usage": {"total_tokens": 10}})


def _kserve(bench: Bench, asked: Asked) -> Reply:
    """https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol and, for bytes,
    https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/protocol/extension_binary_data.html
    """
    if _denied(asked):
        return Reply({"error": f"unauthorized: {asked.headers.get('authorization')}"}, 401)
    if asked.path == "/v2":
        return Reply({"name": "triton", "version": "2.51.0", "extensions": ["binary_tensor_data"]})
    if asked.path == f"/v2/models/{MODEL}":
        return Reply(
            {
                "name": MODEL,
                "versions": ["1"],
                "platform": "ensemble",
                "inputs": [{"name": "TEXT", "datatype": "BYTES", "shape": [-1, 1]}],
                "outputs": [
                    {"name": "tokens", "datatype": "INT64", "shape": [-1, -1]},
                    {"name": "embedding", "datatype": "FP32", "shape": [-1, WIDTH]},
                ],
            }
        )
    if asked.path != f"/v2/models/{MODEL}/infer":
        return Reply({"error": f"Request for unknown model: '{asked.path}' is not found"}, 404)
    length = int(asked.headers.get("inference-header-content-length", len(asked.body)))
    request, rest = json.loads(asked.body[:length]), asked.body[length:]
    (tensor,) = request["inputs"]
    if tensor["name"] != "TEXT" or tensor["datatype"] != "BYTES" or len(tensor["shape"]) != 2:
        return Reply({"error": f"unexpected shape for input '{tensor['name']}' for model '{MODEL}'"}, 400)
    texts = tensor["data"] if "data" in tensor else _texts_of(rest, tensor["parameters"]["binary_data_size"])
    assert tensor["shape"] == [len(texts), 1]
    if bench.most and len(texts) > bench.most:
        what = f"inference request batch-size must be <= {bench.most} for '{MODEL}'"
        return Reply({"error": f"[request id: <id_unknown>] {what}"}, 400)
    rows = bench.rows(texts)
    wanted = (request.get("outputs") or [{"name": "embedding"}])[0]
    output = {"name": wanted["name"], "datatype": "FP32", "shape": [len(rows), _width(rows)]}
    answer = {"model_name": bench.named or MODEL, "model_version": "1", "outputs": [output]}
    tokens = {"name": "tokens", "datatype": "INT64", "shape": [1], "data": [7]}
    if not wanted.get("parameters", {}).get("binary_data"):
        output["data"] = [number for row in rows for number in (row if isinstance(row, list) else [row])]
        return Reply(answer | {"outputs": [tokens, output]})
    packed = b"".join(np.asarray(row, dtype="<f4").tobytes() for row in rows)
    output["parameters"] = {"binary_data_size": len(packed)}
    head = json.dumps(answer).encode()
    kind = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return Reply(head + packed, headers=kind)


def _texts_of(content: bytes, size: int) -> list[str]:
    texts = []
    at = 0
    while at < size:
        length = int.from_bytes(content[at : at + 4], "little")
        texts.append(content[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return texts


def _width(rows: list[Any]) -> int:
    return next((len(row) for row in rows if isinstance(row, list)), 1)


def _vertex(bench: Bench, asked: Asked) -> Reply:
    """https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api; Google's own errors"""
    if _denied(asked):
        return Reply(
            {
                "error": {
                    "code": 401,
                    "message": "Request had invalid authentication credentials.",
                    "status": "UNAUTHENTICATED",
                }
            },
            401,
        )
    instances = asked.json["instances"]
    if len(instances) > 250:
        what = f"{len(instances)} instance(s) is greater than the allowed maximum: at most 250 instances per request"
        return Reply({"error": {"code": 400, "message": what, "status": "INVALID_ARGUMENT"}}, 400)
    rows = bench.rows([instance["content"] for instance in instances])
    statistics = {"truncated": False, "token_count": 6}
    return Reply({"predictions": [{"embeddings": {"statistics": statistics, "values": row}} for row in rows]})


def _jumpstart(bench: Bench, asked: Asked) -> Reply:
    """https://aws.amazon.com/blogs/machine-learning (text embedding with SageMaker JumpStart): /invocations of the
    container, whose errors are its own; behind AWS a request is signed, which a proxy does
    """
    if _denied(asked, "x-api-key"):
        return Reply({"code": 403, "type": "Forbidden", "message": asked.headers.get("x-api-key", "no key")}, 403)
    assert asked.path == "/invocations"
    return Reply({"embedding": bench.rows(asked.json["text_inputs"])})


VENDORS: dict[str, Vendor] = {
    "openai": Vendor(_openai, f"openai:URL/v1?model={MODEL}", numbered=True, names=True, too_many=2048),
    "openai base64": Vendor(
        _openai, f"openai:URL/v1?model={MODEL}&encoding_format=base64", numbered=True, names=True, too_many=2048
    ),
    "tei": Vendor(_tei, "tei:URL?model=org/all-minilm", too_many=32),
    "llama.cpp": Vendor(_llama_cpp, f"llama-cpp:URL?model={MODEL}", numbered=True),
    "llama.cpp v1": Vendor(_llama_cpp, f"openai:URL/v1?model={MODEL}", numbered=True, names=True),
    "infinity": Vendor(_infinity, f"openai:URL?model={MODEL}", numbered=True, names=True, too_many=2048),
    "ollama": Vendor(_ollama, f"ollama:URL?model={MODEL}", names=True),
    "ollama, older": Vendor(_ollama, f"ollama:URL/api/embeddings?model={MODEL}"),
    "cohere": Vendor(_cohere, f"cohere:URL?model={MODEL}", too_many=96),
    "cohere v1": Vendor(_cohere, f"cohere:URL/v1?model={MODEL}&embedding_types=base64", too_many=96),
    "voyage": Vendor(_voyage, f"voyage:URL/v1?model={MODEL}", numbered=True, names=True, too_many=1000),
    "kserve": Vendor(_kserve, f"kserve:URL?model={MODEL}", names=True),
    "kserve, bytes": Vendor(_kserve, f"kserve:URL?model={MODEL}&binary=true", names=True),
    "vertex": Vendor(_vertex, f"json-template:URL/models/x:predict?model={MODEL}&form=vertex", too_many=250),
    "jumpstart": Vendor(
        _jumpstart, f"json-template:URL/invocations?model={MODEL}&form=jumpstart&key_header=x-api-key"
    ),
}  # fmt: skip

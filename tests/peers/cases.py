"""Real peers, each intact and with faults that its own options make, and what has to be said of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.peers import forms, llama_source
from tests.peers.places import hosted, peer, python, server
from tests.serving import ROOT
from tests.small_models import minilm

__all__ = ["CASES", "Case"]


class Case(NamedTuple):
    """One set-up of a peer.

    Attributes:
        peer: what it is called in the table.
        what: what was set, as its own options have it; "intact" where nothing was.
        opened: the line after ``--candidate``, for as long as a block lasts.
        causes: codes or families of the catalogue, of which each has to be named; none where it is as it should be.
        environment: of ``make peers``.
    """

    peer: str
    what: str
    opened: Callable[[], AbstractContextManager[str]]
    causes: tuple[str, ...] = ()
    environment: str = ""


@contextmanager
def _infinity(*options: object, more: str = "") -> Iterator[str]:
    words = [python("infinity").with_name("infinity_emb"), "v2", "--model-id", minilm(), "--engine", "torch",
             "--no-bettertransformer", "--no-model-warmup", "--device", "cpu", *options]  # fmt: skip
    with server(words) as url:
        yield f"openai:{url}?model=model&retries=1{more}"


@contextmanager
def _llama_server(kind: str = "f32", *options: object, line: str = "openai:{url}/v1?model=minilm") -> Iterator[str]:
    starter = Path(__file__).with_name("llama_server.py")
    with server([python("llama-server"), starter, forms.gguf(kind), *options]) as url:
        yield line.replace("{url}", url)


@contextmanager
def _llama_python(kind: str = "f32", *options: object) -> Iterator[str]:
    """The server of the Python package, on the same libraries."""
    words = [python("llama-cpp"), "-m", "llama_cpp.server", "--model", forms.gguf(kind), "--embedding", "true",
             "--n_threads", 1, "--n_threads_batch", 1, "--model_alias", "minilm", *options]  # fmt: skip
    libraries = str(llama_source.libraries(peer("llama-cpp")))
    with server(words, "/v1/models", environment={"LLAMA_CPP_LIB_PATH": libraries}) as url:
        yield f"openai:{url}/v1?model=minilm"


def _ctranslate2(quantization: str = "float32", **environment: object) -> AbstractContextManager[str]:
    return nullcontext(hosted("ctranslate2", "ctranslate2", forms.ctranslate2(quantization), **environment))


def _object(name: str, named: str, *arguments: object, **environment: object) -> AbstractContextManager[str]:
    return nullcontext(hosted(name, "object", named, *arguments, **environment))


def _fastembed(kind: str = "f32", *arguments: object) -> AbstractContextManager[str]:
    folder = f"folder={forms.onnx(kind)}"
    return _object("fastembed", "fastembed_custom:Custom", folder, *arguments, PYTHONPATH=ROOT / "tests" / "peers")


_LLAMA_INDEX = "llama_index.embeddings.huggingface:HuggingFaceEmbedding"
_CHROMA = "chromadb.utils.embedding_functions:SentenceTransformerEmbeddingFunction"
_HAYSTACK = "haystack_integrations.components.embedders.sentence_transformers:SentenceTransformersDocumentEmbedder"
_llama_index = partial(_object, "frameworks", _LLAMA_INDEX, f"model_name={minilm()}", "device=cpu")
_chroma = partial(_object, "frameworks", _CHROMA, f"model_name={minilm()}", "device=cpu")
_haystack = partial(_object, "frameworks", _HAYSTACK, f"model={minilm()}", "progress_bar=false")
_length = ("max-length",)

CASES: tuple[Case, ...] = (
    Case("Infinity", "intact", _infinity, environment="infinity"),
    Case("Infinity", "--dtype bfloat16", partial(_infinity, "--dtype", "bfloat16"), ("bf16-arithmetic",), "infinity"),
    Case("Infinity", "--dtype int8", partial(_infinity, "--dtype", "int8"), ("precision",), "infinity"),
    Case("Infinity", "--embedding-dtype ubinary", partial(
        _infinity, "--embedding-dtype", "ubinary", more="&packing=ubinary"
    ), ("rounding",),
         "infinity"),
    Case("llama.cpp", "intact: f32", _llama_server, ("tokenizer",), "llama-server"),
    Case("llama.cpp", "--pooling cls", partial(_llama_server, "f32", "pooling=cls"), ("tokenizer", "pooling-cls"),
         "llama-server"),
    Case("llama.cpp", "--pooling last", partial(_llama_server, "f32", "pooling=last"), ("tokenizer", "pooling-last"),
         "llama-server"),
    Case("llama.cpp", "--pooling none", partial(_llama_server, "f32", "pooling=none", line="llama-cpp:{url}"),
         ("one a token",), "llama-server"),
    Case("llama.cpp", "--embd-normalize -1", partial(
        _llama_server, "f32", "embd_normalize=-1", line="llama-cpp:{url}"
    ), ("tokenizer", "normalisation-missing"), "llama-server"),
    Case("llama.cpp", "--ubatch-size 64: longer texts are refused", partial(_llama_server, "f32", "n_ubatch=64"),
         ("too large to process",), "llama-server"),
    Case("llama.cpp", "f16", partial(_llama_server, "f16"), ("tokenizer", "precision"), "llama-server"),
    Case("llama.cpp", "Q8_0", partial(_llama_server, "q8_0"), ("tokenizer", "precision"), "llama-server"),
    Case("llama.cpp", "Q4_0", partial(_llama_server, "Q4_0"), ("tokenizer", "precision"), "llama-cpp"),
    Case("llama.cpp", "Q4_K_M", partial(_llama_server, "Q4_K_M"), ("tokenizer", "precision"), "llama-cpp"),
    Case("llama-cpp-python", "its own server, f32", _llama_python, ("tokenizer", "normalisation-missing"),
         "llama-cpp"),
    Case("CTranslate2", "intact", _ctranslate2, environment="ctranslate2"),
    Case("CTranslate2", "--quantization int8", partial(_ctranslate2, "int8"), ("precision",), "ctranslate2"),
    Case("CTranslate2", "CLS pooling", partial(_ctranslate2, HOST_POOLING="cls"), ("pooling-cls",), "ctranslate2"),
    Case("CTranslate2", "cut at 64 tokens", partial(_ctranslate2, HOST_MAX_LENGTH=64), _length, "ctranslate2"),
    Case("CTranslate2", "not normalised", partial(_ctranslate2, HOST_NORMALISE="no"), ("normalisation-missing",),
         "ctranslate2"),
    Case("fastembed", "a model of one's own, as it comes", _fastembed, _length, "fastembed"),
    Case("fastembed", "pooling CLS", partial(_fastembed, "f32", "pooling=CLS"), (*_length, "pooling-cls"),
         "fastembed"),
    Case("fastembed", "normalization=False", partial(_fastembed, "f32", "normalization=false"),
         (*_length, "normalisation-missing"), "fastembed"),
    Case("fastembed", "a graph in int8 (ONNX Runtime)", partial(_fastembed, "int8"), (*_length, "precision"),
         "fastembed"),
    Case("LlamaIndex", "intact", _llama_index, environment="frameworks"),
    Case("LlamaIndex", "normalize=False: the model does it all the same", partial(_llama_index, "normalize=false"),
         environment="frameworks"),
    Case("LlamaIndex", "max_length=64", partial(_llama_index, "max_length=64"), _length, "frameworks"),
    Case("LlamaIndex", "text_instruction", partial(_llama_index, "'text_instruction=passage: '"), ("prompt",),
         "frameworks"),
    Case("Haystack", "intact", _haystack, environment="frameworks"),
    Case("Haystack", "prefix", partial(_haystack, "'prefix=passage: '"), ("prompt",), "frameworks"),
    Case("Haystack", "precision=int8", partial(_haystack, "precision=int8"), ("rounding",), "frameworks"),
    Case("Haystack", "truncate_dim=128", partial(_haystack, "truncate_dim=128"), ("dimensions",), "frameworks"),
    Case("Chroma", "intact", _chroma, environment="frameworks"),
    Case("Chroma", "truncate_dim=128", partial(_chroma, "truncate_dim=128"), ("dimensions",), "frameworks"),
)  # fmt: skip

"""all-MiniLM-L6-v2 with one thing wrong: real weights, run as mteb runs an encoder, for measuring what a fault costs.

Faults of the pooling, the output, the prompt and the tokenizer share the forward passes of the right weights: the same
ids are run once, in a batch of texts of their length. That saves two thirds of the time and changes no vector. Where a
fault lets them, passes go through OpenVINO in its own precision, at twice the speed: what that alone moves is measured
too (``right-openvino``), and is a hundredth of a point.
"""

from __future__ import annotations

import copy
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from evaluators.diagnose.arithmetic import blocks_of

__all__ = ["SETUPS", "Body", "FaultyEncoder", "Setup"]

Floats = npt.NDArray[np.float32]
Ids = tuple[int, ...]

_INSTRUCT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
_TOKENS_AT_ONCE = 4096
_LENGTH = 256
_SEED = 7


@dataclass(frozen=True)
class Setup:
    """One way to run the model.

    Attributes:
        name: of the set-up, as the table has it.
        cause: code in the catalogue of causes; empty where the run is right.
        blanks: of the cause's words.
        body: what is done to the weights, see ``Body``; set-ups of one body share its forward passes.
        options: how texts become ids, and token vectors a text's.
    """

    name: str
    cause: str = ""
    blanks: Mapping[str, object] = field(default_factory=dict)
    body: str = "openvino"
    options: Mapping[str, Any] = field(default_factory=dict)


def _random(part: str, name: str) -> Setup:
    return Setup(f"weights-random-{name}", "weights-random", {"part": part}, f"random-{name}")


def _length(tokens: int) -> Setup:
    return Setup(f"max-length-{tokens}", "max-length", {"length": tokens}, options={"length": tokens})


def _cut(size: int) -> Setup:
    return Setup(
        f"dimensions-cut-{size}", "dimensions-cut-normalised", {"dimensions": size}, options={"dimensions": size}
    )


SETUPS = (
    Setup("right", body="own"),
    Setup("right-seed", body="own", options={"seed": 43}),
    Setup("right-batch", body="batch"),
    Setup("right-bf16", body="bf16"),
    Setup("right-openvino"),
    Setup("pooling-cls", "pooling-cls", options={"pooling": "cls"}),
    Setup("pooling-max", "pooling-max", options={"pooling": "max"}),
    Setup("pooling-last", "pooling-last", options={"pooling": "last"}),
    Setup("padding-in-the-mean", "padding-in-the-mean", body="padded"),
    Setup("normalisation-missing", "normalisation-missing", options={"normalise": False}),
    _cut(128),
    _cut(64),
    Setup("rows-shuffled", "rows-shuffled", options={"shuffled": True}),
    Setup("prompt-query", "prompt-query", {"how": "added"}, options={"prompt": "query: "}),
    Setup("prompt-instruct", "prompt-instruct", {"how": "added"}, options={"prompt": _INSTRUCT}),
    _length(64),
    _length(32),
    _length(16),
    Setup("lower-casing-lost", "lower-casing-lost", options={"tokenizer": "cased"}),
    Setup("special-tokens-missing", "special-tokens-missing", options={"special": False}),
    Setup("tokenizer-missing", "tokenizer-missing", options={"tokenizer": "bare"}),
    Setup("tokenizer-other", "tokenizer", options={"tokenizer": "shuffled"}),
    Setup("int8-activations-pytorch", "int8-activations-pytorch", body="int8"),
    Setup("int4-weights-q4_0", "int4-weights-q4_0", body="int4"),
    _random("all", "all"),
    _random("the last layer", "last"),
    _random("a middle layer", "middle"),
    _random("one tensor", "tensor"),
    Setup("dropout-on", "dropout-on", body="dropout"),
    Setup("positions-shifted-2", "positions-shifted-2", body="shifted"),
)


class Body:
    """The model's weights with one thing done to them, and what it gave for ids so far.

    ``own`` (PyTorch, fp32), ``openvino``, ``batch`` (batches of 8 as texts come, two threads), ``bf16``,
    ``padded`` (batches of 32 as texts come, padding in the mean), ``int8``, ``int4``, ``random-...``, ``dropout``,
    ``shifted``.
    """

    def __init__(self, name: str, folder: Path) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer

        torch.manual_seed(_SEED)
        self.name, self.folder = name, folder
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
        model = _CHANGES[name](model) if name in _CHANGES else model
        self.model = model if name in _BY_TORCH else _Compiled(model, places=name == "shifted")
        self._tokenizers: dict[str, Callable[[list[str]], list[list[int]]]] = {}
        self._seen: dict[Ids, dict[str, Floats]] = {}

    def forget(self) -> None:
        """Give the memory back: the next task has other texts."""
        self._seen.clear()

    def ids(self, texts: list[str], options: Mapping[str, Any]) -> list[Ids]:
        """Token ids of the texts."""
        tokenizer = self._tokenizer(options.get("tokenizer", ""))
        special = options.get("special", True)
        asked = {"truncation": True, "max_length": options.get("length", _LENGTH), "add_special_tokens": special}
        rows = tokenizer(texts, **asked)["input_ids"]
        if options.get("tokenizer") == "shuffled":
            words = np.arange(len(tokenizer))
            ordinary = np.setdiff1d(words, tokenizer.all_special_ids)
            words[ordinary] = np.random.default_rng(_SEED).permutation(ordinary)
            return [tuple(words[row].tolist()) for row in rows]
        return [tuple(row) or (tokenizer.unk_token_id,) for row in rows]

    def _tokenizer(self, kind: str) -> Any:
        if kind not in self._tokenizers:
            self._tokenizers[kind] = _tokenizer(self.tokenizer, kind, self.folder)
        return self._tokenizers[kind]

    def pooled(self, rows: Sequence[Ids], pooling: str) -> Floats:
        """(n, width), token vectors of each row made one."""
        if self.name == "dropout":
            return np.concatenate([self._run(list(rows[i : i + 32]))[pooling] for i in range(0, len(rows), 32)])
        new = list(dict.fromkeys(row for row in rows if row not in self._seen))
        for batch in self._batches(new):
            pooled = self._run(batch)
            for place, row in enumerate(batch):
                self._seen[row] = {name: vectors[place] for name, vectors in pooled.items()}
        return np.stack([self._seen[row][pooling] for row in rows])

    def _batches(self, rows: list[Ids]) -> Iterator[list[Ids]]:
        size = {"batch": 8, "padded": 32}.get(self.name)
        if size:
            yield from (rows[i : i + size] for i in range(0, len(rows), size))
            return
        rows = sorted(rows, key=len, reverse=True)
        while rows:
            many = max(1, _TOKENS_AT_ONCE // len(rows[0]))
            yield rows[:many]
            rows = rows[many:]

    def _run(self, rows: list[Ids]) -> dict[str, Floats]:
        import torch

        longest = max(map(len, rows))
        ids = torch.tensor([row + (0,) * (longest - len(row)) for row in rows])
        mask = torch.tensor([(1,) * len(row) + (0,) * (longest - len(row)) for row in rows])
        options = (
            {"position_ids": torch.arange(2, longest + 2)[None].repeat(len(rows), 1)} if self.name == "shifted" else {}
        )
        with torch.inference_mode():
            hidden = self.model(input_ids=ids, attention_mask=mask, **options).last_hidden_state.float()
            if self.name == "padded":
                return {"mean": hidden.mean(1).numpy()}
            counted = mask[..., None].float()
            mean = (hidden * counted).sum(1) / counted.sum(1)
            if self.name != "openvino":
                return {"mean": mean.numpy()}
            return {
                "mean": mean.numpy(),
                "cls": hidden[:, 0].numpy().copy(),
                "max": hidden.masked_fill(counted == 0, -1e9).amax(1).numpy(),
                "last": hidden[torch.arange(len(rows)), mask.sum(1) - 1].numpy(),
            }


def _tokenizer(own: Any, kind: str, folder: Path) -> Any:
    """The tokenizer, cased, or the bare one that transformers builds from config.json alone."""
    if kind == "cased":
        from tokenizers.normalizers import BertNormalizer

        cased = copy.deepcopy(own)
        cased.backend_tokenizer.normalizer = BertNormalizer(lowercase=False)
        return cased
    if kind == "bare":
        from transformers import AutoTokenizer

        with tempfile.TemporaryDirectory() as alone:
            shutil.copyfile(folder / "config.json", Path(alone) / "config.json")
            return AutoTokenizer.from_pretrained(alone)
    return own


def _redrawn(part: str) -> Callable[[Any], Any]:
    """The tensors whose names have the part in them, drawn as a new BERT draws them."""

    def change(model: Any) -> Any:
        import torch

        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if part in name:
                    norm, bias = "LayerNorm" in name, name.endswith("bias")
                    parameter.fill_(float(not bias)) if norm or bias else parameter.normal_(0.0, 0.02)
        return model

    return change


def _int8(model: Any) -> Any:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8)


class _Compiled:
    """OpenVINO's form of the model, in the precision it takes by itself."""

    def __init__(self, model: Any, *, places: bool) -> None:
        import openvino
        import torch

        ones = torch.ones(2, 8, dtype=torch.long)
        example = {"input_ids": ones, "attention_mask": ones} | ({"position_ids": ones} if places else {})
        graph = openvino.convert_model(model, example_input=example)
        self._compiled = openvino.compile_model(graph, "CPU", {"INFERENCE_NUM_THREADS": 1})

    def __call__(self, **inputs: Any) -> Any:
        import torch

        named = {name: value.numpy() for name, value in inputs.items()}
        return _Output(torch.from_numpy(np.array(self._compiled(named)[0])))


@dataclass
class _Output:
    last_hidden_state: Any


_BY_TORCH = ("own", "batch", "bf16", "int8", "dropout")
_CHANGES: dict[str, Callable[[Any], Any]] = {
    "bf16": lambda model: model.bfloat16(),
    "int8": _int8,
    "int4": partial(blocks_of, form="q4_0"),
    "random-all": _redrawn(""),
    "random-last": _redrawn("layer.5."),
    "random-middle": _redrawn("layer.3."),
    "random-tensor": _redrawn("layer.2.output.dense.weight"),
    "dropout": lambda model: model.train(),
}


class FaultyEncoder:
    """A set-up as mteb's encoder."""

    def __init__(self, setup: Setup, body: Body) -> None:
        import mteb

        self.setup, self.body = setup, body
        self.mteb_model_meta = mteb.get_model_meta("sentence-transformers/all-MiniLM-L6-v2")

    def encode(self, inputs: Any, **_: Any) -> Floats:
        """(n, width), a vector a text."""
        options = self.setup.options
        texts = [options.get("prompt", "") + text for batch in inputs for text in batch["text"]]
        vectors = self.body.pooled(self.body.ids(texts, options), options.get("pooling", "mean"))
        vectors = vectors[:, : options.get("dimensions")]
        if options.get("normalise", True):
            vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return np.roll(vectors, 1, axis=0) if options.get("shuffled") else vectors

    def similarity(self, left: Any, right: Any) -> Any:
        """Cosines of all with all."""
        from sentence_transformers.util import cos_sim

        return cos_sim(left, right)

    def similarity_pairwise(self, left: Any, right: Any) -> Any:
        """Cosines of each with its own."""
        from sentence_transformers.util import pairwise_cos_sim

        return pairwise_cos_sim(left, right)

"""Slots model and pooling: other weights, other arithmetic, layers left out, and how token vectors become one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from data.rules.causes.cause import Cause, Cost
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["MODEL_CAUSES", "POOLING_CAUSES"]

_HALF = "Load the model in float32, or accept what half precision costs."
_precise = partial(Cause, slot=Slot.MODEL, family="precision", precision=True, remedy=_HALF)
_quantised = partial(
    Cause, slot=Slot.MODEL, family="precision", precision=True,
    remedy="Serve it in float32 or half precision, or accept what this costs: run `reproduce` on this very server.",
)  # fmt: skip
_EVEN = "Every vector moves a little, about as much on every text."
_WITH_BATCH = "Every vector moves a little, and depends on what else is in its batch."
_weights = partial(Cause, slot=Slot.MODEL, family="weights")
_AGAIN = "Load or convert the weights again; `preflight` names the tensors that are not in the file."
_RELOAD = "Load the weights in full: `python -m evaluators preflight MODEL` names the tensors that are not in the file."
_ANOTHER_MODEL = "Every vector is another model's."


def _by_batch() -> Iterator[Cause]:
    """Eight bits whose inputs are rounded over all texts that are encoded together; and the same text by text."""
    for cause in (
        _quantised(code="int8-activations", words="int8 activations", effect=_WITH_BATCH, weights="a8"),
        _quantised(
            code="int8-activations-channel", words="int8 activations, one scale a channel", effect=_WITH_BATCH,
            weights="a8-row",
        ),
        *_onnx(),
        _quantised(
            code="int8-activations-pytorch", words="int8 activations, as PyTorch quantises", effect=_WITH_BATCH,
            weights="a7", costs=(Cost(-0.014, -0.017, -0.006),),
        ),
    ):  # fmt: skip
        yield cause
        alone = f"{cause.words}, text by text"
        yield replace(
            cause, code=f"{cause.code}-alone", words=alone, effect=_EVEN, weights=f"{cause.weights} alone", costs=()
        )


def _onnx() -> Iterator[Cause]:
    """ONNX Runtime's dynamic quantisation of all it can, as exporters call it."""
    kinds = {
        "onnx": "one scale a matrix", "onnx-channel": "one scale a channel",
        "onnx-reduced": "7 bits, one scale a matrix", "onnx-channel-reduced": "7 bits, one scale a channel",
        "onnx-uint8": "unsigned weights", "onnx-channel-uint8": "unsigned weights, one range a channel",
    }  # fmt: skip
    for weights, kind in kinds.items():
        words = f"ONNX Runtime's dynamic int8 ({kind})"
        yield _quantised(code=f"int8-{weights}", words=words, effect=_WITH_BATCH, weights=weights)


def _in_groups(bits: int, *forms: tuple[str, str]) -> Iterator[Cause]:
    """Weights in groups of a row, by how many share a scale and how, with their words."""
    for name, words in forms:
        needs = (f"rows of whole {name.partition('-')[0]}s",)
        yield _quantised(
            code=f"int{bits}-weights-{name}", words=words, effect=_EVEN, weights=f"q{bits}-{name}", needs=needs
        )


MODEL_CAUSES = (
    _precise(
        code="fp16-arithmetic", words="fp16 arithmetic", effect=_EVEN, weights="fp16", snippet="model.half()",
        setting=("dtype", "float16"),
    ),
    _precise(
        code="bf16-arithmetic", words="bf16 arithmetic", effect=_EVEN, weights="bf16", snippet="model.bfloat16()",
        setting=("dtype", "bfloat16"),
    ),
    _precise(
        code="gelu-by-tanh", words="GELU approximated by tanh", effect=_EVEN, weights="tanh", needs=("exact GELU",),
        remedy="Accept it, or let both sides compute the activation alike: llama.cpp knows no other.",
        snippet="from evaluators.diagnose.ggml.files import with_tanh_gelu\nwith_tanh_gelu(model[0].auto_model)",
    ),
    _quantised(
        code="gguf", words="GGUF {file}, as llama.cpp computes it", general="weights quantised as GGUF",
        effect=_EVEN, snippet="from evaluators.diagnose.ggml.files import as_gguf\n"
        "as_gguf(model[0].auto_model, file='{file}')",
    ),
    *_in_groups(
        8,
        ("32", mark("int8 weights in groups of 32")),
        ("64-words", mark("int8 weights and word embeddings in groups of 64, from least to greatest")),
        ("128", mark("int8 weights in groups of 128")),
    ),
    _quantised(code="int8-weights-q8_0", words="int8 weights (q8_0)", effect=_EVEN, weights="q8"),
    _quantised(code="int8-weights-by-row", words="int8 weights, one scale a row", effect=_EVEN, weights="q8-row"),
    _quantised(
        code="int8-weights-ranged", words="int8 weights, one range a row (OpenVINO)", effect=_EVEN, weights="u8-row"
    ),
    _quantised(
        code="int8-by-row", words="int8 weights and inputs, one scale a row", effect=_EVEN, weights="i8-row"
    ),
    _quantised(
        code="int8-by-row-words", words="int8 weights, word embeddings and inputs, one scale a row (CTranslate2)",
        effect=_EVEN, weights="i8-row-words",
    ),
    _quantised(code="fp8-weights", words="eight-bit float weights (e4m3)", effect=_EVEN, weights="fp8"),
    _quantised(
        code="fp8-weights-unscaled", words="eight-bit float weights (e4m3), unscaled", effect=_EVEN, weights="fp8-cast"
    ),
    _quantised(code="int4-weights-nf4", words="four-bit weights (nf4)", effect=_EVEN, weights="nf4"),
    _quantised(
        code="int4-weights-q4_0", words="int4 weights (q4_0)", effect=_EVEN, weights="q4",
        costs=(Cost(0.006, -0.013, -0.015, where="on all-MiniLM-L6-v2, with 4-bit weights"),),
    ),
    *_in_groups(
        4,
        ("32", mark("int4 weights in groups of 32, with a zero point")),
        ("32-free", mark("int4 weights in groups of 32, from least to greatest")),
        ("32-even", mark("int4 weights in groups of 32, 16 levels about zero")),
        ("32-full", mark("int4 weights in groups of 32, 15 levels about zero")),
        ("64", mark("int4 weights in groups of 64, with a zero point")),
        ("64-free", mark("int4 weights in groups of 64, from least to greatest")),
        ("64-words", mark("int4 weights and word embeddings in groups of 64, from least to greatest")),
        ("64-full", mark("int4 weights in groups of 64, 15 levels about zero")),
        ("128", mark("int4 weights in groups of 128, with a zero point")),
        ("128-free", mark("int4 weights in groups of 128, from least to greatest")),
        ("128-even", mark("int4 weights in groups of 128, 16 levels about zero")),
        ("128-full", mark("int4 weights in groups of 128, 15 levels about zero")),
    ),
    _quantised(code="int4-weights-fp4", words="four-bit weights (fp4)", effect=_EVEN, weights="fp4"),
    _quantised(code="int4-weights-by-row", words="int4 weights, one scale a row", effect=_EVEN, weights="q4-row"),
    *_by_batch(),
    _weights(
        code="norms-lost", words="LayerNorm lost", remedy=_AGAIN, weights="norms",
        effect="Every vector moves far: no layer gets what it was trained on.",
    ),
    _weights(
        code="last-norm-missing", words="the last LayerNorm or RMSNorm left out", weights="no-last-norm",
        effect="Every vector moves: what the last layer gives is not brought to its scale.",
        remedy="Apply the normalisation behind the last layer.", needs=("norm behind the last layer",),
    ),
    _weights(
        code="layer-before-last", words="the hidden state before the last one", weights="before-last",
        effect="Every vector lacks what the last layer and the norm behind it would have done.",
        remedy="Take last_hidden_state, not hidden_states[-2].", needs=("norm behind the last layer",),
    ),
    _weights(
        code="words-unscaled", words="word vectors not multiplied by the root of the width", weights="words-unscaled",
        effect="Every vector moves: the first layer gets words that are too small beside what it adds.",
        remedy="Multiply the vectors of words as the model's own code does.", needs=("scaled word vectors",),
    ),
    _weights(
        code="bidirectional-setting-ignored", words="causal attention where a setting makes it bidirectional",
        weights="one-way", effect="Tokens do not see what comes after them; windows reach further back.",
        remedy="Use a runtime that heeds use_bidirectional_attention in config.json.",
        needs=("bidirectional by a setting",),
    ),
    *(
        _weights(
            code=f"rotary-base-{base}", words=words, weights=f"rotary {base}", needs=("rotary positions",),
            effect="Tokens see each other at other distances; longer texts suffer most.",
            remedy="Use the rope_theta of config.json.",
        )
        for base, words in (
            (10_000, mark("rotary positions to the base of 10,000")),
            (160_000, mark("rotary positions to the base of 160,000")),
            (500_000, mark("rotary positions to the base of 500,000")),
            (1_000_000, mark("rotary positions to the base of 1,000,000")),
        )
    ),
    _weights(
        code="layer-missing", words="layer {layer} of {layers} (counted from 0) missing", general="a layer missing",
        remedy=_AGAIN,
        effect="Every vector lacks what the layer would have done.",
    ),
    _weights(
        code="last-two-layers-missing", words="the last two layers missing", remedy=_AGAIN,
        effect="Every vector lacks what the layers would have done.",
    ),
    _weights(
        code="upper-layers-missing", words="the upper half of the layers missing", remedy=_AGAIN,
        effect="Every vector lacks what the layers would have done.",
    ),
    _weights(
        code="weights-of-file", words="weights of {file}", general="the weights of another file", effect=_ANOTHER_MODEL,
        remedy="Delete {file}, or make both sides read the safetensors.",
    ),
    _weights(
        code="weights-of-revision", words="{file} of revision {revision}", general="another revision of the model",
        effect=_ANOTHER_MODEL, remedy="Load revision {own}, or compare with {whole}.",
    ),
    _weights(
        code="weights-random", words="weights random: {part}",
        general="weights missing and initialised at random", remedy=_RELOAD,
        effect="Every vector is partly noise, and another at each load.",
        costs=(
            Cost(-0.379, -0.466, -0.022, of={"part": mark("all")}),
            Cost(-0.254, -0.228, -0.081, of={"part": mark("the last layer")}),
        ),
    ),
    _weights(
        code="heads-random", words="weights random: the heads",
        effect="Sparse and multi-vector outputs are noise, another at each load; dense vectors are right.",
        remedy="Put sparse_linear.pt and colbert_linear.pt beside config.json, from the model's own repository; "
        "`python -m evaluators preflight FOLDER` says which is not there.",
    ),
    _weights(
        code="loaded-wrongly", words="the model is not loaded as it should be", effect=_ANOTHER_MODEL,
        remedy="Run the preflight; look at its warnings.",
    ),
    _weights(
        code="code-not-run", words="another class loaded than the model's own code",
        effect="What the class does not know of the weights is random or left out.",
        remedy="Allow the model's code, by name and commit: --trust-remote-code NAME@COMMIT.",
    ),
    Cause(
        "dropout-on", "dropout on", Slot.MODEL, "weights", "Each answer is another draw around the right vector.",
        "Put the model in evaluation mode: model.eval().", costs=(Cost(-0.014, -0.012, -0.018),),
    ),
    Cause(
        "dropout-by-text", "dropout on, drawn from the text", Slot.MODEL, "weights",
        "Each text has one draw around its right vector, the same whenever it is asked for.",
        "Put the model in evaluation mode: model.eval().",
    ),
)  # fmt: skip

_ONE_FOR_ALL = "Every vector is made of other token vectors, and all lie closer together or further apart."


def _pooled(code: str, title: str, name: str, library: str = "", costs: tuple[Cost, ...] = ()) -> Cause:
    """A pooling, by our name and by sentence-transformers' where it has one."""
    snippet = (
        "from sentence_transformers.models import Pooling\n"
        f"next(m for m in model if isinstance(m, Pooling)).pooling_mode = {library!r}"
    )
    return Cause(
        code, f"{title} pooling", Slot.POOLING, "pooling", _ONE_FOR_ALL, "Use {own_pooling}.",
        changes={"pooling": name}, setting=("pooling", library or name), snippet=snippet if library else "",
        costs=costs,
    )  # fmt: skip


POOLING_CAUSES = (
    _pooled("pooling-mean", "mean", "mean", "mean"),
    _pooled("pooling-cls", "CLS", "cls", "cls", (Cost(-0.085, -0.176, -0.033),)),
    _pooled("pooling-max", "max", "max", "max", (Cost(-0.032, -0.067, -0.046),)),
    _pooled("pooling-last", "last token", "last", "lasttoken"),
    _pooled("pooling-sum", "sum over the root of the length", "mean_sqrt_len", "mean_sqrt_len_tokens"),
    _pooled("pooling-weighted", "position-weighted mean", "weightedmean", "weightedmean"),
    _pooled("pooling-mean-text", "mean without special tokens", "mean-text"),
    _pooled("pooling-mean-but-first", "mean without the first token", "mean-but-first"),
    _pooled("pooling-mean-but-last", "mean without the last token", "mean-but-last"),
    _pooled("pooling-last-four", "mean over the last four layers", "last-four"),
    _pooled("pooling-first-and-last", "mean over embeddings and last layer", "first-and-last"),
    _pooled("pooling-second-and-last", "mean over first and last layer", "second-and-last"),
    Cause(
        "pooling-pooler", "the pooler's output pooling", Slot.POOLING, "pooling", _ONE_FOR_ALL,
        "Use {own_pooling}.", changes={"pooling": "pooler"}, needs=("pooler",),
    ),
)  # fmt: skip

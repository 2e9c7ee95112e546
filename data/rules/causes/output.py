"""Slot output: what was done to finished vectors; and slot score: what moves a score and no vector."""

from __future__ import annotations

from functools import partial

from data.rules.causes.cause import Cause, Cost
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["OUTPUT_CAUSES", "SCORE_CAUSES"]

_UNIT = "vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)"
_CUT = "vectors = vectors[:, :{dimensions}]"
_LENGTHS = "Directions stay and lengths do not: cosines are right, dot products and distances are not."
_output = partial(Cause, slot=Slot.OUTPUT)
_normalised = partial(_output, family="normalisation", effect=_LENGTHS)
_cut = partial(
    _output, family="dimensions", remedy="Keep all dimensions, or cut the reference to {dimensions} too.", after=True
)
_rounded = partial(_output, family="rounding", remedy="Ask for float vectors.", after=True)
_numbers = partial(
    _rounded, effect="Every value is one of 256 steps, and vectors have other lengths: cosines are nearly right.",
    remedy="Ask for float vectors, or compare with cosine alone.",
)  # fmt: skip
_misread = partial(
    _output, family="bytes", after=True, effect="Every number is another one: nothing of the vectors can be used.",
    remedy="Send and read the vectors as little-endian floats of 32 bits, or as plain JSON numbers.",
)  # fmt: skip
_STEPS = "step = np.abs(vectors).max({axis}) / 127  # or what the server has\nvectors = np.round(vectors / step) * step"
_LAST_DIGITS = "The last digits of every value are gone."
_space = partial(_output, family="space", after=True)
_of_call = partial(
    _output, family="batch", after=True, effect="A text's vector depends on the other texts of the call.",
    remedy="Leave each vector as it is: what is taken off depends on the other texts of the call.",
)  # fmt: skip
_OF_OTHERS = "Texts get the vectors of other texts."
_IN_ORDER = "Hand the vectors back in the order of the texts."
_LIBRARY = "from sentence_transformers import SentenceTransformer\nfrom sentence_transformers.models import"

OUTPUT_CAUSES = (
    _normalised(
        code="normalisation-missing", words="normalisation missing", changes={"normalise": "no"},
        remedy="Normalise the vectors (or compare with cosine alone).",
        snippet=f"{_LIBRARY} Normalize\n"
        "model = SentenceTransformer(modules=[m for m in model if not isinstance(m, Normalize)])",
        costs=(Cost(0.0, 0.029, -0.016),),
    ),
    _normalised(
        code="normalisation-added", words="normalisation added", remedy="Leave the vectors at their own length.",
        changes={"normalise": "yes"}, snippet=_UNIT, after=True,
    ),
    *(
        _normalised(
            code=f"normalisation-{name}", words=words, changes={"normalise": name}, after=True,
            remedy="Divide each vector by its Euclidean length, or compare with cosine alone.",
            snippet=f"vectors = vectors / np.abs(vectors).{sum_}(axis=1, keepdims=True)",
        )
        for name, words, sum_ in (
            ("l1", mark("vectors divided by the sum of their values' sizes (L1)"), "sum"),
            ("largest", mark("vectors divided by their largest value"), "max"),
        )
    ),
    _normalised(
        code="normalisation-standard", words="each vector brought to mean 0 and standard deviation 1", after=True,
        changes={"normalise": "standard"}, effect="Every vector loses its mean, and all have one length.",
        remedy="Divide each vector by its Euclidean length, and take no mean off.",
        snippet="vectors = vectors - vectors.mean(axis=1, keepdims=True)\n"
        "vectors = vectors / vectors.std(axis=1, keepdims=True)",
    ),
    # Not tried: it could never be told from nothing.
    _normalised(
        code="normalisation-doubled", words="normalisation doubled", remedy="Nothing: it changes no vector."
    ),
    _rounded(
        code="vectors-int8", words="vectors stored as int8", changes={"rounding": "int8"}, precision=True,
        effect="Every value is rounded to one of 256 steps.",
        snippet="low, step = vectors.min(0), (vectors.max(0) - vectors.min(0)) / 255\n"
        "vectors = low + np.round((vectors - low) / np.where(step > 0, step, 1)) * step",
    ),
    _rounded(
        code="vectors-binary", words="vectors stored as single bits", changes={"rounding": "binary"},
        effect="Of every value only the sign is left.", snippet="vectors = np.where(vectors > 0, 1.0, -1.0)",
    ),
    # Those from here on are read off the candidate's own numbers (evaluators/diagnose/lattice.py, reading.py).
    _rounded(
        code="vectors-int8-whole", words="vectors rounded to int8, one scale for all", precision=True,
        effect="Every value is rounded to one of 256 steps.", snippet=f"{_STEPS.format(axis='')}",
    ),
    _rounded(
        code="vectors-int4-whole", words="vectors rounded to 4 bits, one scale for all", precision=True,
        effect="Every value is rounded to one of 16 steps.",
        snippet="step = (vectors.max() - vectors.min()) / 15  # or what the server has\n"
        "vectors = np.round(vectors / step) * step",
    ),
    _rounded(
        code="vectors-int8-by-vector", words="vectors rounded to int8, a scale a vector", precision=True,
        effect="Every value is rounded to one of 256 steps.",
        snippet=f"{_STEPS.format(axis='axis=1, keepdims=True')}",
    ),
    _rounded(
        code="vectors-int8-by-dimension", words="vectors rounded to int8, a range a dimension", precision=True,
        effect="Every value is rounded to one of 256 steps.",
        snippet="low, step = vectors.min(0), (vectors.max(0) - vectors.min(0)) / 255  # or what the server has\n"
        "vectors = low + np.floor((vectors - low) / step) * step",
    ),
    _rounded(
        code="vectors-fp16", words="vectors stored as fp16", effect=_LAST_DIGITS, precision=True,
        snippet="vectors = vectors.astype(np.float16).astype(np.float32)",
    ),
    _rounded(
        code="vectors-bf16", words="vectors stored as bf16", effect=_LAST_DIGITS, precision=True,
        snippet="import torch\nvectors = torch.tensor(vectors).bfloat16().float().numpy()",
    ),
    _rounded(
        code="vectors-fp8", words="vectors stored as eight-bit floats (e4m3)", effect=_LAST_DIGITS, precision=True,
        snippet="import torch\nvectors = torch.tensor(vectors).to(torch.float8_e4m3fn).float().numpy()",
    ),
    _rounded(
        code="vectors-fp8-e5m2", words="vectors stored as eight-bit floats (e5m2)", effect=_LAST_DIGITS, precision=True,
        snippet="import torch\nvectors = torch.tensor(vectors).to(torch.float8_e5m2).float().numpy()",
    ),
    _rounded(
        code="vectors-decimals", words="vectors rounded to {decimals} decimals", effect=_LAST_DIGITS, precision=True,
        general="vectors rounded to a few decimals", remedy="Send the numbers in full.",
        snippet="vectors = vectors.round({decimals})",
    ),
    _numbers(
        code="numbers-whole", words="vectors given as whole numbers, one scale for all",
        snippet="scale = 127 / np.abs(vectors).max()  # or what the server has\nvectors = np.round(vectors * scale)",
    ),
    _numbers(
        code="numbers-by-vector", words="vectors given as whole numbers, a scale a vector",
        snippet="vectors = np.round(vectors * 127 / np.abs(vectors).max(axis=1, keepdims=True))",
    ),
    _numbers(
        code="numbers-by-dimension", words="vectors given as whole numbers, a range a dimension",
        effect="Every value is one of 256 numbers over the range of its dimension: no cosine is right.",
        remedy="Ask for float vectors, or put each dimension back into its range before vectors are compared.",
        snippet="from sentence_transformers.util import quantize_embeddings\n"
        "vectors = quantize_embeddings(vectors, 'int8').astype(np.float32)",
    ),
    _rounded(
        code="bits-packed", words="vectors given as packed bits, eight dimensions a number",
        effect="Of every value only the sign is left, and eight of them are one number: no cosine is right.",
        remedy="Ask for float vectors, or unpack the bits (np.unpackbits) and compare them bit by bit.",
        snippet="vectors = np.packbits(vectors > 0, axis=1).astype(np.float32)",
    ),
    _misread(
        code="bytes-reversed", words="floats with their bytes in the wrong order",
        snippet="vectors = vectors.astype('<f4').byteswap()",
    ),
    _misread(
        code="float64-as-float32", words="floats of 64 bits read as of 32",
        snippet="vectors = vectors.astype('<f8').view('<f4')",
    ),
    _misread(
        code="fp16-as-float32", words="floats of 16 bits read as of 32",
        snippet="vectors = vectors.astype('<f2').view('<f4')",
    ),
    _misread(
        code="bytes-as-numbers", words="the bytes of floats read as numbers",
        snippet="vectors = vectors.astype('<f4').view(np.uint8).astype(np.float32)",
    ),
    _cut(
        code="dimensions-cut", words="cut to {dimensions} dimensions", general="vectors cut to fewer dimensions",
        effect="The first dimensions are right, lengths below one, and the others gone.", snippet=_CUT,
        costs=(Cost(-0.014, -0.072, -0.031, of={"dimensions": mark("a third of the")}),),
    ),
    _cut(
        code="dimensions-cut-normalised", words="cut to {dimensions} dimensions and normalised again",
        general="vectors cut to fewer dimensions and normalised again",
        effect="The first dimensions are right but for a factor, and the others gone.", snippet=f"{_CUT}\n{_UNIT}",
    ),
    _cut(
        code="dimensions-cut-last", words="the last {dimensions} dimensions alone",
        general="the last dimensions alone", effect="The last dimensions are right, and the others gone.",
        snippet="vectors = vectors[:, -{dimensions}:]",
    ),
    _cut(
        code="dimensions-cut-last-normalised", words="the last {dimensions} dimensions alone, normalised again",
        general="the last dimensions alone, normalised again",
        effect="The last dimensions are right but for a factor, and the others gone.",
        snippet=f"vectors = vectors[:, -{{dimensions}}:]\n{_UNIT}",
    ),
    _cut(
        code="dimensions-padded", words="{dimensions} zeros behind each vector", general="zeros behind each vector",
        effect="Every vector is longer by zeros: cosines are right, and the index holds more than it needs.",
        snippet="vectors = np.pad(vectors, ((0, 0), (0, {dimensions})))",
    ),
    _output(
        code="dense-missing", words="Dense module missing", family="dense", changes={"dense": False},
        effect="Every vector is what goes into the projection instead of what comes out.",
        remedy="Apply the Dense module that modules.json declares.", needs=("Dense module",),
        snippet=f"{_LIBRARY} Dense\n"
        "model = SentenceTransformer(modules=[m for m in model if not isinstance(m, Dense)])",
    ),
    _output(
        code="dense-activation-missing", words="Dense module without its activation", family="dense",
        changes={"activated": False}, effect="Every vector is what goes into the activation instead of what comes out.",
        remedy="Apply the activation that the Dense module's config.json declares.", needs=("activation",),
        snippet=f"import torch\n{_LIBRARY} Dense\n"
        "for module in model:\n    if isinstance(module, Dense):\n"
        "        module.activation_function = torch.nn.Identity()",
    ),
    _space(
        code="scaled", words="all vectors scaled by one number", effect=_LENGTHS,
        remedy="Remove the scale, or compare with cosine.",
    ),
    _space(
        code="rows-shuffled", words="rows shuffled", effect=_OF_OTHERS, remedy=_IN_ORDER,
    ),
    _space(code="rows-shifted", words="rows shifted by {by}", effect=_OF_OTHERS, remedy=_IN_ORDER,
           general="rows shifted"),
    _space(code="rows-reversed", words="rows in reverse order", effect=_OF_OTHERS, remedy=_IN_ORDER),
    _space(
        code="rows-by-length", words="rows in the order of the texts' lengths", effect=_OF_OTHERS,
        remedy="Put the vectors back in the order of the texts after sorting by length.",
    ),
    _space(
        code="rows-reversed-by-batch", words="rows in reverse order within each batch of {size}", effect=_OF_OTHERS,
        remedy=_IN_ORDER, general="rows in reverse order within each batch",
    ),
    _space(
        code="rows-by-length-by-batch", words="rows in the order of the texts' lengths within each batch of {size}",
        effect=_OF_OTHERS, general="rows in the order of the texts' lengths within each batch",
        remedy="Put the vectors back in the order of the texts after sorting by length.",
    ),
    _space(
        code="rows-exchanged", words="the vectors of {count} texts exchanged", effect=_OF_OTHERS, remedy=_IN_ORDER,
        general="the vectors of some texts exchanged",
    ),
    _space(
        code="rows-of-others", words="{count} texts given the vector of another text, which keeps it",
        effect=_OF_OTHERS,
        remedy="Key the cache by the whole text, and hand each client its own vectors.",
        general="some texts given the vector of another text",
    ),
    _space(
        code="dimensions-permuted", words="dimensions permuted", both=True, remedy="Use one model file on both sides.",
        effect="Cosines within one side are right; the two sides do not mix.",
    ),
    _space(
        code="rotated", words="a rotation of the space", both=True,
        effect="Cosines within one side are right; the two sides do not mix.",
        remedy="Use the same projection on both sides; the two spaces do not mix.",
    ),
    _space(
        code="rotated-at-each-load", words="a rotation of the space, another at each load", both=True,
        effect="Cosines within one start are right; vectors of two starts do not mix.",
        remedy="Use one projection, drawn once and kept; vectors of two starts do not mix.",
    ),
    _of_call(code="mean-of-call-off", words="the mean of the call's vectors taken off each"),
    _of_call(
        code="mean-of-call-off-normalised",
        words="the mean of the call's vectors taken off each, and normalised again",
    ),
    _of_call(code="standardised-over-call", words="every dimension standardised over the call"),
    _of_call(
        code="standardised-over-call-normalised",
        words="every dimension standardised over the call, and normalised again",
    ),
)  # fmt: skip

_score = partial(Cause, slot=Slot.SCORE, effect="No vector changes.")
SCORE_CAUSES = (
    _score(
        code="metric-other", words="another metric under the name of the main score", family="metric",
        remedy="Compare the same metric of both sides.",
    ),
    _score(
        code="data-other", words="another revision of the data set", family="data",
        effect="Other texts are encoded; the vector of each text is right.",
        remedy="Run the task on the data set revision of the claim.",
    ),
    _score(
        code="task-other", words="another metric, split or evaluator of the task", family="task",
        remedy="Compare the versions of mteb.",
    ),
    _score(
        code="evaluator-other", words="another version of the evaluator", family="task",
        remedy="Run with the mteb of the claim.",
    ),
    _score(
        code="set-up-other", words="the set-up of the run", family="set-up",
        effect="What differs between the two runs decides which vectors change.",
        remedy="Change that back and run the task again.",
    ),
    _score(
        code="claim-older", words="a claim of an older model, or made without prompts", family="claim",
        remedy="Look at the claim's date.",
    ),
)  # fmt: skip

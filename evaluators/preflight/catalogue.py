"""Every finding of preflight as one row: its tier, how severe it is, why it matters and what to do.

A check says what it saw; all else about a finding stands here. ``why`` and ``remedy`` may have blanks in braces, which
the check fills: ``finding("pooling-width", seen, given=384)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evaluators.preflight.finding import Finding, Severity, Tier

__all__ = ["CATALOGUE", "Entry", "finding"]


class Entry(NamedTuple):
    """What is always true of a finding of one code."""

    tier: Tier
    severity: Severity
    why: str
    remedy: str


# What modules.json declares, each step and what it hands to the next.
_TAKE_MODULES = "Take modules.json from the model's repository."
_TAKE_BOTH = "Take the module's settings and its weights from one revision of the model's repository."
_PIPELINE: dict[str, Entry] = {
    "pipeline-empty": Entry("pipeline", "fatal", "There is nothing that could read a text.", _TAKE_MODULES),
    "module-undeclared": Entry(
        "pipeline",
        "fatal",
        "sentence-transformers asks each entry for its type, path and name, and stops.",
        _TAKE_MODULES,
    ),
    "module-outside": Entry(
        "pipeline",
        "fatal",
        "A module lies in the model's own folder; sentence-transformers refuses another.",
        _TAKE_MODULES,
    ),
    "module-unknown": Entry(
        "pipeline",
        "fatal",
        "The model cannot be built.",
        "Correct the class's name in modules.json, or install the version of sentence-transformers that has it.",
    ),
    "module-name-twice": Entry(
        "pipeline",
        "serious",
        "Modules are kept by name: the later one takes the place of the earlier, whose step is lost without a word.",
        "Give each entry of modules.json a name of its own: 0, 1, 2...",
    ),
    "modules-order": Entry(
        "pipeline",
        "serious",
        "sentence-transformers runs modules in the order of the file, other tools in the order of idx.",
        "Put the entries of modules.json in the order they are meant to run, and number idx so.",
    ),
    "router-incomplete": Entry(
        "pipeline",
        "fatal",
        "The texts of a route without its modules cannot be encoded.",
        "Take the router's settings and all of its folders from the model's repository.",
    ),
    "routes-differ": Entry(
        "pipeline",
        "serious",
        "Vectors of different widths cannot be compared.",
        "Take the router's settings and all of its folders from one revision of the model's repository.",
    ),
    "module-settings-refused": Entry(
        "pipeline",
        "fatal",
        "The constructor of {kind} stops at settings it does not know, and at those it needs.",
        "Take the file from the model's repository, or use the version of sentence-transformers that wrote it.",
    ),
    "module-value-refused": Entry(
        "pipeline",
        "fatal",
        "The module cannot be built: it takes {known}.",
        "Take the file from the model's repository.",
    ),
    "settings-override": Entry(
        "pipeline",
        "serious",
        "They take the place of what config.json says, in sentence-transformers alone: other tools give other vectors.",
        "Put the settings into config.json, or remove them.",
    ),
    "family-differs": Entry(
        "pipeline",
        "serious",
        "sentence-transformers then does not run the modules as they are: it builds others in their place.",
        "Take config_sentence_transformers.json from the model's repository; mostly it says SentenceTransformer.",
    ),
    "pipeline-starts": Entry(
        "pipeline",
        "fatal",
        "The first module has to turn texts into tokens.",
        "Put the Transformer first in modules.json, as in the model's repository.",
    ),
    "module-out-of-place": Entry(
        "pipeline",
        "serious",
        "What the modules before it did to the tokens is lost.",
        "Leave one module that reads texts in modules.json, at its head.",
    ),
    "module-input-missing": Entry(
        "pipeline",
        "fatal",
        "Encoding stops there.",
        "Put the modules in the order of the model's repository: Transformer, Pooling, then what changes the vector.",
    ),
    "normalize-idle": Entry(
        "pipeline",
        "serious",
        "It then does nothing, and the vectors are not of length one.",
        "Put Normalize last in modules.json.",
    ),
    "normalize-early": Entry(
        "pipeline",
        "serious",
        "The vectors that come out are not of length one, and what the module was trained on were others.",
        "Put Normalize last in modules.json, unless the model's repository has it so.",
    ),
    "normalize-twice": Entry(
        "pipeline",
        "notice",
        "The second changes nothing.",
        "Remove one Normalize, and see whether another module stood in its place.",
    ),
    "pooling-twice": Entry(
        "pipeline",
        "serious",
        "The last pools the tokens anew: what stood between is lost.",
        "Leave the one that the model's repository has.",
    ),
    "module-repeated": Entry(
        "pipeline",
        "serious",
        "The same weights are applied to their own output, which they were not trained for.",
        "Remove the repeated entry of modules.json.",
    ),
    "pipeline-gives-none": Entry(
        "pipeline",
        "fatal",
        "Whoever asks for a vector needs {wanted}.",
        "Add the Pooling module from the model's repository, with its folder.",
    ),
    "widths-differ": Entry(
        "pipeline",
        "fatal",
        "The product of the two cannot be formed: the files are of different models.",
        "Take {step} and the modules before it from one revision of the model's repository.",
    ),
    "module-tensors-differ": Entry(
        "pipeline",
        "fatal",
        "sentence-transformers refuses to load weights that do not fit the settings.",
        "Take {settings} and {weights} from one revision of the model's repository.",
    ),
    "activation-undeclared": Entry(
        "pipeline",
        "serious",
        "sentence-transformers then takes Tanh, other tools take none.",
        "Add activation_function from the model's repository: torch.nn.modules.activation.Tanh or "
        "torch.nn.modules.linear.Identity, mostly.",
    ),
    "activation-replaced": Entry(
        "pipeline",
        "serious",
        "It is none of torch's: unless the model's code is allowed, Tanh is taken, and only a log line says so.",
        "Name one of torch's own layers, or read the code and allow it (--trust-remote-code).",
    ),
    "activation-refused": Entry(
        "pipeline",
        "fatal",
        "The module cannot be built.",
        "Take the file from the model's repository; torch.nn.modules.linear.Identity stands for none.",
    ),
    "module-refused": Entry("pipeline", "fatal", "The model cannot be built.", _TAKE_BOTH),
}

# What the model card states of the pipeline.
_REPOSITORY_OR_CARD = "Take the file from the model's repository; if the change was meant, correct the card."
_CARD: dict[str, Entry] = {
    "card-modules-differ": Entry(
        "configuration",
        "serious",
        "The library wrote the card from the modules it saved: one was lost since, added, or moved.",
        "Take modules.json from the model's repository; if the change was meant, correct the card.",
    ),
    "card-settings-differ": Entry(
        "configuration",
        "serious",
        "The library wrote the card from the settings it saved: {file} was changed since.",
        _REPOSITORY_OR_CARD,
    ),
    "card-width-differs": Entry(
        "configuration",
        "serious",
        "A step was lost or added, or the files are of another model.",
        _REPOSITORY_OR_CARD,
    ),
    "card-length-differs": Entry(
        "configuration",
        "serious",
        "Texts longer than the lesser of the two get other vectors than those the card's figures are of.",
        _REPOSITORY_OR_CARD,
    ),
    "card-similarity-differs": Entry(
        "configuration",
        "serious",
        "On vectors that are not normalised the two rank differently.",
        _REPOSITORY_OR_CARD,
    ),
    "module-unlisted": Entry(
        "pipeline",
        "serious",
        "A step that the model was saved with is not run.",
        "Take modules.json from the model's repository, or remove the folder.",
    ),
    "architecture-differs": Entry(
        "configuration",
        "serious",
        "The weights are read as another architecture than they were saved from: other positions, tokens, activations.",
        "Take config.json from the model's repository.",
    ),
    "prompt-unnamed": Entry(
        "configuration",
        "serious",
        "Whoever follows the card encodes without that prompt, or is refused.",
        "Take config_sentence_transformers.json from the model's repository.",
    ),
    "prompts-exchanged": Entry(
        "configuration",
        "serious",
        "Queries and documents each get the other's prompt.",
        "Take config_sentence_transformers.json from the model's repository.",
    ),
    "prompt-differs": Entry(
        "configuration",
        "serious",
        "A prompt that differs by a letter or a space becomes other tokens.",
        "Take config_sentence_transformers.json from the model's repository.",
    ),
}

# Numbers of the configuration that contradict one another, or the stored shapes.
_TAKE_CONFIG = "Take config.json from the model's repository, of the revision of the weights."
_TAKE_LENGTHS = "Take sentence_bert_config.json from the model's repository."
_NUMBERS: dict[str, Entry] = {
    "number-not-finite": Entry(
        "pipeline",
        "serious",
        "JSON has no such number: Python computes with it, readers in other languages refuse the file.",
        "Take the file from the model's repository.",
    ),
    "size-impossible": Entry("pipeline", "serious", "No model has such a size.", _TAKE_CONFIG),
    "heads-differ": Entry("pipeline", "serious", "Attention cannot be shared out so.", _TAKE_CONFIG),
    "heads-unusual": Entry(
        "pipeline",
        "serious",
        "Heads of another number read the same tensors in other pieces: they load, and give other vectors.",
        _TAKE_CONFIG,
    ),
    "epsilon-absurd": Entry(
        "pipeline",
        "serious",
        "It is added to a variance of about one to keep from dividing by zero: published models have 1e-12 to 1e-5.",
        _TAKE_CONFIG,
    ),
    "chunked": Entry(
        "pipeline",
        "serious",
        "Texts whose number of tokens it does not divide stop the run.",
        "Set chunk_size_feed_forward to 0.",
    ),
    "training-number-absurd": Entry(
        "pipeline",
        "notice",
        "It counts in training alone, but somebody changed the file, or a tool wrote it.",
        _TAKE_CONFIG,
    ),
    "activation-unusual": Entry(
        "pipeline",
        "serious",
        "The architecture is trained with {usual}: another activation loads, and gives other vectors.",
        _TAKE_CONFIG,
    ),
    "setting-unusual": Entry(
        "pipeline",
        "serious",
        "Published models of this architecture have {usual}; another value loads, and gives other vectors.",
        _TAKE_CONFIG,
    ),
    "rotary-absurd": Entry(
        "pipeline",
        "serious",
        "Positions are turned by other angles than the model was trained with: every vector changes, long texts most.",
        _TAKE_CONFIG,
    ),
    "window-tiny": Entry("pipeline", "serious", "A token then sees next to nothing of its text.", _TAKE_CONFIG),
    "token-id-beyond": Entry("pipeline", "notice", "A token of that id cannot be looked up.", _TAKE_CONFIG),
    "length-impossible": Entry(
        "pipeline",
        "serious",
        "The tokenizer refuses a negative length, and cuts nothing at zero: a text beyond the positions stops the run.",
        _TAKE_LENGTHS,
    ),
    "length-tiny": Entry("pipeline", "serious", "All but the first words of a text are cut off.", _TAKE_LENGTHS),
    "length-beyond-training": Entry(
        "pipeline",
        "serious",
        "Longer texts run and get vectors of a kind the model never learned.",
        "Set max_seq_length to {room} or less.",
    ),
    "truncation-impossible": Entry(
        "pipeline",
        "serious",
        "No vector is left, or the last numbers of it are.",
        "Remove truncate_dim, or set it to a width that the model card names.",
    ),
    "truncation-idle": Entry(
        "pipeline",
        "serious",
        "The files are of different models: nothing is cut.",
        "Take config_sentence_transformers.json from the model's repository.",
    ),
    "truncated": Entry(
        "pipeline",
        "notice",
        "sentence-transformers cuts vectors, other tools give them whole; cut vectors are no longer of length one.",
        "Remove truncate_dim, or cut everywhere.",
    ),
}

# What the folder is, where it is no embedding model of safetensors and modules.
_KINDS: dict[str, Entry] = {
    "weights-two-sets": Entry(
        "files",
        "serious",
        "transformers loads {file}; other tools follow the index.",
        "Remove the set that is not of the model's repository.",
    ),
    "kind-gguf": Entry(
        "files",
        "notice",
        "transformers does not read it as it is: weights, tokenizer and settings are in the one file.",
        "Serve it: llama-server --embedding -m {file}; then python -m evaluators parity --candidate "
        "'openai:http://127.0.0.1:8080/v1'.",
    ),
    "kind-onnx": Entry(
        "files",
        "notice",
        "There are no weights for torch: the graph is taken as it is, and all else is looked at.",
        "Run it by its graph: 'onnx:{folder}?file={file}' or 'sentence-transformers:{folder}?runtime=onnx'.",
    ),
    "kind-openvino": Entry(
        "files",
        "notice",
        "There are no weights for torch: the graph is taken as it is, and all else is looked at.",
        "Run it by its graph: 'openvino:{folder}?file={file}' or 'sentence-transformers:{folder}?runtime=openvino'.",
    ),
    "kind-framework": Entry(
        "files",
        "serious",
        "transformers 5 reads weights of torch alone: nothing can be loaded here as it is.",
        "Convert it with transformers 4: AutoModel.from_pretrained(FOLDER, {option}=True).save_pretrained(FOLDER).",
    ),
    "kind-variant": Entry(
        "files",
        "serious",
        "Loaders look for model.safetensors unless they are told the variant.",
        "Rename {file} to {plain}, or load with model_kwargs={{'variant': '{variant}'}}.",
    ),
    "kind-quantised": Entry(
        "files",
        "notice",
        "Its tensors are packed: a library of its own unpacks them, mostly on a GPU. Here they are not looked into.",
        "Run it with 'vllm:{folder}' on a GPU, or install the library that reads {method}.",
    ),
    "kind-cross-encoder": Entry(
        "files",
        "notice",
        "It reads two texts at once and scores the pair; there is no vector of a text, and no pooling.",
        "Load it with sentence_transformers.CrossEncoder, and use it to rerank.",
    ),
    "kind-sparse": Entry(
        "files",
        "notice",
        "Its vectors have a number for each word of the vocabulary, nearly all zero, from the head that guesses words.",
        "Load it with sentence_transformers.SparseEncoder.",
    ),
    "kind-multi-vector": Entry(
        "files",
        "notice",
        "It gives a vector for each token, compared by MaxSim: there is no pooling, and none is missing.",
        "Load it with pylate.models.ColBERT or sentence_transformers.MultiVectorEncoder.",
    ),
    "kind-language-model": Entry(
        "files",
        "notice",
        "It was not trained for vectors of texts: sentence-transformers takes the mean of its tokens.",
        "Use a model made from it for embeddings, or train it.",
    ),
    "forward-fails": Entry(
        "weights",
        "fatal",
        "Settings of config.json contradict one another, or the weights.",
        "Take config.json and the weights from one revision of the model's repository.",
    ),
    "forward-not-finite": Entry(
        "weights",
        "fatal",
        "Every vector becomes NaN.",
        "Download config.json and the weights again, and load them in float32.",
    ),
    "forward-alike": Entry(
        "weights",
        "fatal",
        "What a text says does not reach its vector.",
        "Download config.json and the weights again.",
    ),
    "not-packed": Entry(
        "files",
        "serious",
        "The library that config.json names finds nothing to unpack, and others leave the weights alone.",
        "Remove quantization_config from config.json, or take the packed weights from the model's repository.",
    ),
    "adapter-base-missing": Entry(
        "files",
        "serious",
        "It is a path of the machine the adapter was trained on: loaders ask the hub for it, and stop.",
        "Put the base model's name, or its folder on this machine, into adapter_config.json.",
    ),
    "adapter-rank-differs": Entry(
        "files",
        "serious",
        "Loaders refuse the adapter's tensors.",
        "Take adapter_config.json and the adapter's weights from one revision of its repository.",
    ),
    "adapter-idle": Entry(
        "files",
        "serious",
        "An adapter begins so and adds nothing: it was not trained, or its weights were lost.",
        "Take the adapter's weights from its repository.",
    ),
    "words-differ": Entry(
        "files",
        "serious",
        "A word without a vector stops the run; a vector without a word is one of another vocabulary.",
        "Take tokenizer.json and the vectors from one revision of the model's repository.",
    ),
    "graph-unreadable": Entry(
        "files", "fatal", "The runtime cannot open it.", "Download the file again, or repeat the conversion."
    ),
    "head-missing": Entry(
        "weights",
        "fatal",
        "The head gives the scores: it is drawn at random at each load, and only a log line says so.",
        "Take the weights with their head from the model's repository.",
    ),
}

# Values that no trained tensor holds, and tensors that are not the model's.
_WEIGHTS: dict[str, Entry] = {}

# The ids a text becomes.
_TOKENIZER: dict[str, Entry] = {}

CATALOGUE: dict[str, Entry] = {**_PIPELINE, **_CARD, **_NUMBERS, **_KINDS, **_WEIGHTS, **_TOKENIZER}


def finding(
    code: str, seen: str, evidence: Mapping[str, Any] | None = None, severity: Severity | None = None, **blanks: object
) -> Finding:
    """The finding of this code.

    Args:
        code: a key of ``CATALOGUE``.
        seen: what was seen in this very model, in one sentence.
        evidence: plain values that prove it.
        severity: where this case is milder or worse than the catalogue says.
        blanks: what the blanks of ``why`` and ``remedy`` are filled with.

    Raises:
        KeyError: there is no such code, or a blank is left open.
    """
    entry = CATALOGUE[code]
    return Finding(
        entry.tier,
        code,
        severity or entry.severity,
        seen,
        entry.why.format_map(blanks),
        entry.remedy.format_map(blanks),
        dict(evidence or {}),
    )

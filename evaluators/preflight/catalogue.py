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


_REPOSITORY = "Take {file} from the model's repository."

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
    "routes-exchanged": Entry(
        "pipeline",
        "serious",
        "Queries are encoded by the modules made for documents, and documents by those for queries.",
        "Take router_config.json from the model's repository.",
    ),
    "requirement-unmet": Entry(
        "pipeline",
        "serious",
        "sentence-transformers refuses to load the model here.",
        "Install {package}{specifier}, or correct requirements in config_sentence_transformers.json.",
    ),
    "attention-unavailable": Entry(
        "pipeline",
        "serious",
        "transformers refuses to load the model on this machine.",
        "Install {package}, or ask for another attention: remove attn_implementation.",
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
    "prompt-miscalled": Entry(
        "configuration",
        "serious",
        "Names of prompts are compared letter by letter: the texts of that role get no prompt, or the default one.",
        "Write the name in small letters, in prompts and in default_prompt_name.",
    ),
    "prompt-quoted": Entry(
        "configuration",
        "serious",
        "The quotes are put before each text and become tokens.",
        "Remove the quotes from the prompt in config_sentence_transformers.json.",
    ),
    "prompt-unfilled": Entry(
        "configuration",
        "serious",
        "A prompt is put before a text as it stands: nothing fills its blank in.",
        "Write what stands for the blank into the prompt, or give the prompt yourself.",
    ),
    "prompt-escaped": Entry(
        "configuration",
        "serious",
        "A backslash and a letter are put before each text where the end of a line was meant.",
        "Write the end of a line as JSON does, with one backslash.",
    ),
    "prompt-default-differs": Entry(
        "configuration",
        "serious",
        "Texts that are encoded without naming a prompt get another than the model was published with.",
        "Set default_prompt_name to the prompt that the card names.",
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

# What no rule foresaw; of whichever tier it was.
_UNFORESEEN: dict[str, Entry] = {
    "look-ended": Entry(
        "files",
        "serious",
        "A file is of a form that no rule foresaw: the rest of this tier was not looked at.",
        "Compare the folder with the model's repository; if it is sound, report the error.",
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
_AGAIN = "Download the weights again, or repeat the conversion."
_WEIGHTS: dict[str, Entry] = {
    "weights-not-finite": Entry("weights", "fatal", "Every vector becomes NaN.", _AGAIN),
    "weights-zero": Entry("weights", "serious", "Nothing passes through them.", _AGAIN),
    "weights-constant": Entry("weights", "serious", "A trained tensor varies: this one was reset or lost.", _AGAIN),
    "norms-untrained": Entry("weights", "serious", "The LayerNorms' trained scales were lost.", _AGAIN),
    "weights-garbled": Entry(
        "weights", "serious", "The bytes were swapped or shifted: what is read are not the weights.", _AGAIN
    ),
    "weights-huge": Entry(
        "weights", "serious", "One such number decides every vector: a flipped bit, an overflow, a wrong unit.", _AGAIN
    ),
    "weights-misread": Entry(
        "weights", "serious", "Numbers of 16 bits were read as those of another kind (bfloat16, float16).", _AGAIN
    ),
    "weights-coarse": Entry(
        "weights",
        "serious",
        "They were rounded to a few bits and stored as if they had not been: vectors differ from the original's.",
        "Take the weights in the precision they were published in.",
    ),
    "weights-alike": Entry(
        "weights", "serious", "One row was written over all: whatever goes in, the same comes out.", _AGAIN
    ),
    "weights-zero-block": Entry(
        "weights", "serious", "Part of the matrix was lost: a copy that stopped, a head or a block set to zero.", _AGAIN
    ),
    "position-rows-zero": Entry(
        "weights",
        "serious",
        "All words at these positions are read as if they stood at one place.",
        "Set max_seq_length to the positions that have values, or download the weights again.",
    ),
    "shards-mixed": Entry(
        "weights",
        "serious",
        "One save writes the same into each of its files: these come from two.",
        "Download all of the files again, from one revision.",
    ),
    "weights-uneven": Entry(
        "weights", "serious", "Part of the matrix was multiplied: a head or block scaled twice, or not.", _AGAIN
    ),
    "weights-clipped": Entry("weights", "serious", "Large values were lost in a conversion of precision.", _AGAIN),
    "weights-negated": Entry("weights", "serious", "Every value that passes changes its sign.", _AGAIN),
    "norms-exchanged": Entry(
        "weights",
        "serious",
        "A normalisation's scale lies around one and its bias around zero: each stands in the other's place.",
        _AGAIN,
    ),
    "weights-scale": Entry(
        "weights", "serious", "Neighbouring layers are of one scale: these were multiplied, or scaled twice.", _AGAIN
    ),
    "weights-untrained": Entry(
        "weights",
        "serious",
        "They are independent draws of one distribution, as before training; trained weights have structure.",
        "Take the weights from the model's repository; if they were converted, see that no tensor was left out.",
    ),
    "weights-duplicated": Entry(
        "weights", "serious", "Training never leaves two layers equal: one was copied over the other.", _AGAIN
    ),
    "weights-transposed": Entry(
        "weights",
        "serious",
        "Square, it loads without a word, and inputs are read as outputs.",
        "Repeat the conversion: one framework keeps matrices as inputs by outputs, another as outputs by inputs.",
    ),
    "weights-swapped": Entry(
        "weights", "serious", "Each fits the other's layer better than its own: they were exchanged.", _AGAIN
    ),
    "weights-integer": Entry(
        "weights", "serious", "All that is behind the decimal point is lost: nearly every weight is zero.", _AGAIN
    ),
    "weights-twice": Entry(
        "weights",
        "serious",
        "Which one is loaded depends on the tool and on the order of the files.",
        "Delete the files that are not of this revision, or download the model into an empty folder.",
    ),
}

# The ids a text becomes.
_TOKENIZER_AGAIN = "Take the tokenizer's files from the model's repository."
_TOKENIZER: dict[str, Entry] = {
    "token-eats-words": Entry(
        "tokenizer",
        "serious",
        "An added token is cut out of a text before anything else: the word it stands in becomes pieces.",
        "Remove it from added_tokens in tokenizer.json and tokenizer_config.json, or add it with single_word.",
    ),
    "lowercase-missing": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of lower-case texts: words with capitals become UNK or pieces.",
        "Put the normaliser of tokenizer.json and do_lower_case back as the model's repository has them.",
    ),
    "lowercase-added": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made with capitals: names and beginnings of sentences become other tokens.",
        "Put the normaliser of tokenizer.json and do_lower_case back as the model's repository has them.",
    ),
    "prefix-differs": Entry(
        "tokenizer",
        "serious",
        "No word can be put together from pieces: what is not a token as a whole becomes UNK.",
        "Take tokenizer.json from the model's repository, with the mark its vocabulary has inside words (##).",
    ),
    "words-unreachable": Entry(
        "tokenizer",
        "serious",
        "Normaliser, splitting into words or merges are not those the vocabulary was made with.",
        _TOKENIZER_AGAIN,
    ),
    "accents-kept": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of texts without accents: words with one become UNK.",
        "Put strip_accents back as the model's repository has it.",
    ),
    "accents-dropped": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made with accents: words that have one become other tokens.",
        "Put strip_accents back as the model's repository has it.",
    ),
    "words-unread": Entry(
        "tokenizer",
        "serious",
        "A word of known characters can always be put together: words are limited in length, or split wrongly.",
        _TOKENIZER_AGAIN,
    ),
    "punctuation-glued": Entry(
        "tokenizer",
        "serious",
        "No token has letters and punctuation: the vocabulary was made of words split from it, and is not read so.",
        _TOKENIZER_AGAIN,
    ),
    "chinese-glued": Entry(
        "tokenizer",
        "serious",
        "No token has two Chinese characters: the vocabulary was made with each of them set apart.",
        "Set handle_chinese_chars in tokenizer.json and tokenize_chinese_chars back to true.",
    ),
    "normaliser-missing": Entry(
        "tokenizer",
        "serious",
        "The vocabulary was made of normalised texts: full-width letters and ligatures become unknown.",
        "Put the normaliser of tokenizer.json back as the model's repository has it.",
    ),
    "text-altered": Entry(
        "tokenizer",
        "serious",
        "What the model reads is not what was written.",
        "Put normaliser and pre_tokenizer of tokenizer.json back as the model's repository has them.",
    ),
    "special-tokens-lost": Entry(
        "tokenizer",
        "serious",
        "Tools that read the file as it is leave out the marks the model was trained with: every vector changes.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "special-tokens-swapped": Entry(
        "tokenizer",
        "serious",
        "The model was trained with each at its place: every vector changes.",
        "Take tokenizer_config.json, special_tokens_map.json and tokenizer.json from the model's repository.",
    ),
    "special-tokens-doubled": Entry(
        "tokenizer",
        "serious",
        "The model was trained with one: every vector changes, short texts most.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "ids-beyond-rows": Entry(
        "tokenizer",
        "serious",
        "A text with one of these tokens stops the run.",
        "Take the tokenizer's files and the weights from one revision of the model's repository.",
    ),
    "special-ids-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that take the id read a word where the model expects a mark.",
        "Take config.json and the tokenizer's files from one revision of the model's repository.",
    ),
    "segments-differ": Entry(
        "tokenizer",
        "serious",
        "Models with segment embeddings were trained with segment 0 for a single text.",
        "Put the post_processor of tokenizer.json back as the model's repository has it.",
    ),
    "length-baked": Entry(
        "tokenizer",
        "serious",
        "Tools that read tokenizer.json as it is cut every text there; sentence-transformers sets its own length.",
        "Set truncation in tokenizer.json to null, or to the length the model was trained with.",
    ),
    "padding-baked": Entry(
        "tokenizer",
        "serious",
        "Tools that read tokenizer.json as it is pad with another token than the model's, and read it as text.",
        "Set padding in tokenizer.json to null, or to the model's padding token.",
    ),
    "length-tiny": Entry(
        "tokenizer",
        "serious",
        "All of a text beyond its first words is left out.",
        "Put model_max_length back as the model's repository has it.",
    ),
    "truncation-left": Entry(
        "tokenizer",
        "serious",
        "Encoders are trained on beginnings: of a text that is too long the end is read, and its title is not.",
        'Set "truncation_side": "right" in tokenizer_config.json.',
    ),
    "merges-wrong": Entry(
        "tokenizer",
        "serious",
        "Words fall into pieces the model hardly saw: merges were lost or are in another order than they were learnt.",
        _TOKENIZER_AGAIN,
    ),
    "scores-lost": Entry(
        "tokenizer", "serious", "Which pieces a word is split into is left to chance.", _TOKENIZER_AGAIN
    ),
    "vocabularies-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one give other vectors than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "merges-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one file give other tokens than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "pieces-differ": Entry(
        "tokenizer",
        "serious",
        "Tools that read the one file give other tokens than tools that read the other.",
        _TOKENIZER_AGAIN,
    ),
    "words-moved": Entry(
        "tokenizer",
        "serious",
        "Words that differ by a plural, a capital or their place have like vectors in every trained table; here they "
        "have not: ids and rows do not belong together.",
        "Take tokenizer and weights from one revision of the model's repository.",
    ),
    "word-rows-zero": Entry(
        "weights",
        "serious",
        "These words are read as nothing.",
        "Download the weights again, or repeat the conversion.",
    ),
    "word-rows-equal": Entry(
        "weights",
        "serious",
        "These words cannot be told apart.",
        "Download the weights again, or repeat the conversion.",
    ),
}

CATALOGUE: dict[str, Entry] = {**_PIPELINE, **_UNFORESEEN, **_CARD, **_NUMBERS, **_KINDS, **_WEIGHTS, **_TOKENIZER}


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

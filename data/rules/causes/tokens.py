"""Slot tokens: which ids a text becomes, where they stand, and what the model is shown beside them."""

from __future__ import annotations

from functools import partial

from data.rules.causes.cause import HAN, NOT_MEASURED, Cause, Cost
from data.rules.causes.habits import LLAMA_CPP
from data.rules.words import mark
from data.store.vocabulary import Slot

__all__ = ["CHUNKS_HOW", "EACH_PROMPTED", "PADDED_HOW", "TOKEN_CAUSES"]

_tokens = partial(Cause, slot=Slot.TOKENS)
_special = partial(_tokens, family="special")
# One tokenizer is used at a time, so its variants exclude each other whatever they change.
_tokenizer = partial(_tokens, family="tokenizer")
_padding = partial(_tokens, family="padding")
_position = partial(_tokens, family="positions")
_attention = partial(_tokens, family="attention")
_ADD_SPECIAL = "Let the tokenizer add its special tokens."
_ONCE = "Put them once: let either the template or the tokenizer add them."
_ALL_A_LITTLE = "Every vector moves a little, short texts' most."
_OWN_TOKENIZER = "Use the model's own tokenizer (tokenizer.json)."
_LONGER = "Longer texts get the vector of another part of them; shorter ones keep their vectors."
_COUNT = "Count positions as the model does (from 0)."
_ALL_SHIFTED = "Every token is taken for one further on; short texts suffer most."
_WITH_BATCH = "A text's vector depends on the longest text of its batch, and is right at batch size 1."
_BERT = (
    "from tokenizers.normalizers import BertNormalizer\nmodel.tokenizer.backend_tokenizer.normalizer = BertNormalizer("
)

# How the vectors of chunks become one, in the words of a cause's blank, by what a recipe has.
CHUNKS_HOW = {
    "mean-of-units": mark("the mean of their normalised vectors"),
    "mean": mark("the mean of their vectors"),
    "weighted-of-units": mark("the mean of their normalised vectors by their tokens"),
    "weighted": mark("the mean of their vectors by their tokens"),
    "weighted-text-of-units": mark("the mean of their normalised vectors by their tokens, special ones not counted"),
    "weighted-text": mark("the mean of their vectors by their tokens, special ones not counted"),
    "by-characters-of-units": mark("the mean of their normalised vectors by their characters"),
    "by-characters": mark("the mean of their vectors by their characters"),
    "max": mark("the largest value of each dimension"),
    "last": mark("the last one alone"),
}

# The same, where texts have a prompt.
EACH_PROMPTED = mark("each with its prompt")

# To what texts may be padded, in the words of a cause's blank, by what a recipe has.
PADDED_HOW = {
    "to {length}": mark("to the maximum length"),
    "sent 8": mark("in batches of 8 as they come"),
    "sent 16": mark("in batches of 16 as they come"),
    "sent 32": mark("in batches of 32 as they come"),
    "sent 64": mark("in batches of 64 as they come"),
    "sorted 8": mark("in batches of 8 by length"),
    "sorted 16": mark("in batches of 16 by length"),
    "sorted 64": mark("in batches of 64 by length"),
}

TOKEN_CAUSES = (
    _tokens(
        code="max-length", words="texts cut at {length} tokens", family="length", general="texts cut earlier",
        effect="Longer texts lose what stands after the cut; shorter ones keep their vectors.",
        remedy="Set the maximum length to {declared} tokens.", snippet="model.max_seq_length = {length}",
        costs=(Cost(-0.002, -0.004, -0.047, of={"length": 32}, long=True),),
    ),
    _tokens(
        code="length-before-prompt", words="texts cut at {length} tokens before the prompt is put", family="length",
        effect="Longer texts lose what stands after the cut; shorter ones keep their vectors.", by_look=True,
        remedy="Put the prompt first, and set the maximum length to {declared} tokens.",
        general="texts cut before the prompt is put",
    ),
    _tokens(
        code="end-cut-off", words="texts cut at {length} tokens, their end token with the rest", family="length",
        effect="Longer texts lose what stands after the cut, and their end token; shorter ones keep their vectors.",
        remedy="Let the tokenizer truncate, at {declared} tokens: it keeps room for the end token.", by_look=True,
        needs=("last special token",), general="texts cut with their end token",
    ),
    _tokens(
        code="last-tokens", words="the last {length} tokens of each text alone", family="length", effect=_LONGER,
        remedy="Set truncation_side to right, and the maximum length to {declared} tokens.", by_look=True,
        snippet='model.tokenizer.truncation_side = "left"\nmodel.max_seq_length = {length}',
        general="the last tokens of each text alone",
    ),
    _tokens(
        code="middle-cut", words="texts cut in the middle: the last {tail} of {length} tokens are those of the end",
        family="length", effect=_LONGER, remedy="Cut texts at their end, at {declared} tokens.", by_look=True,
        general="texts cut in the middle",
    ),
    _tokens(
        code="chunks-averaged", words="texts in chunks of {length} tokens, {shared} of them shared: {how}",
        family="length", remedy="Give each text one vector, cut at {declared} tokens, or do the same on both sides.",
        effect="Longer texts get a mean of the vectors of their parts; shorter ones keep their vectors.",
        general="texts in chunks, their vectors averaged", both=True, by_look=True,
    ),
    _tokens(
        code="chunks-averaged-to-the-end", family="length", both=True, by_look=True,
        words="texts in chunks of {length} tokens, {shared} of them shared, as long as one begins: {how}",
        remedy="Give each text one vector, cut at {declared} tokens, or do the same on both sides.",
        effect="Longer texts get a mean of the vectors of their parts; shorter ones keep their vectors.",
        general="texts in chunks, their vectors averaged",
    ),
    *(
        _tokens(
            code=f"pieces-{unit}", words=words, family="length", both=True, by_look=True,
            remedy="Give each text one vector, or cut texts alike on both sides.",
            effect="Longer texts get a mean of the vectors of their parts; shorter ones keep their vectors.",
            general="texts in pieces, their vectors averaged",
        )
        for unit, words in (
            ("characters", mark("texts in pieces of {length} characters, {shared} of them shared: {how}")),
            (
                "characters-rest",
                mark("texts in pieces of {length} characters, {shared} of them shared, as long as one begins: {how}"),
            ),
            (
                "breaks",
                mark(
                    "texts in pieces of up to {length} characters, cut at line breaks and spaces, "
                    "up to {shared} of them shared: {how}"
                ),
            ),
            (
                "tokens-again",
                mark("texts in pieces of {length} tokens that were read again, {shared} of them shared: {how}"),
            ),
            (
                "tokens-decoded",
                mark(
                    "texts in pieces of {length} tokens that were decoded and read again, {shared} of them shared: "
                    "{how}"
                ),
            ),
            ("words", mark("texts in pieces of {length} words, {shared} of them shared: {how}")),
            (
                "words-rest",
                mark("texts in pieces of {length} words, {shared} of them shared, as long as one begins: {how}"),
            ),
            ("sentences", mark("texts in pieces of {length} sentences, {shared} of them shared: {how}")),
        )
    ),
    _special(
        code="eos-missing", words="EOS (the end token) missing", remedy=_ADD_SPECIAL, needs=("last special token",),
        effect="Every vector moves, short texts' most; one pooled from the last token is another token's.",
        changes={"special": "no-last"},
    ),
    _special(
        code="eos-twice", words="EOS (the end token) added twice", remedy="Add the end token once.",
        effect=_ALL_A_LITTLE,
        needs=("last special token",), changes={"special": "twice-last"},
    ),
    _special(
        code="bos-missing", words="CLS or BOS (the first token) missing", remedy=_ADD_SPECIAL,
        effect="Every vector moves; one pooled from the first token is a word's.",
        needs=("first special token",), changes={"special": "no-first"},
    ),
    _special(
        code="eos-twice-kept", words="EOS (the end token) put twice, where texts are cut as well", remedy=_ONCE,
        effect=_ALL_A_LITTLE, needs=("last special token",), changes={"special": "twice-end"}, by_look=True,
    ),
    _special(
        code="bos-twice", words="CLS or BOS (the first token) put twice", remedy=_ONCE, by_look=True,
        effect=_ALL_A_LITTLE, needs=("first special token",), changes={"special": "twice-first"},
    ),
    _special(
        code="special-tokens-twice", words="special tokens put twice", remedy=_ONCE, by_look=True,
        effect=_ALL_A_LITTLE, needs=("several special tokens",), changes={"special": "twice"},
    ),
    _special(
        code="bos-added", words="a BOS (first token) that the model does without", by_look=True,
        remedy="Set add_bos_token to false.", effect=_ALL_A_LITTLE, needs=("first token not put",),
        changes={"special": "first-added"},
    ),
    _special(
        code="special-tokens-missing-but-counted", words="special tokens missing, and counted in the length",
        remedy=_ADD_SPECIAL, effect="Every vector moves, short texts' most.", by_look=True,
        needs=("several special tokens",), changes={"special": "none-but-counted"},
    ),
    _special(
        code="special-tokens-unknown", words="unknown tokens in the place of special tokens", by_look=True,
        remedy="Look special tokens up by the model's own names for them.", needs=("several special tokens",),
        effect="Every vector moves, short texts' most.", changes={"special": "unknown"},
    ),
    _special(
        code="special-tokens-missing", words="special tokens missing", remedy=_ADD_SPECIAL,
        effect="Every vector moves, short texts' most.",
        needs=("several special tokens",), changes={"special": "none"},
    ),
    _tokenizer(
        code="special-tokens-literal", words="special tokens in the text read as plain text",
        effect="Texts in which a special token is written become other tokens.",
        remedy="Read special tokens in texts alike on both sides.", changes={"tokenizer": "literal-specials"},
        snippet="model.tokenizer.split_special_tokens = True",
    ),
    _tokenizer(
        code="lower-casing-lost", words="lower-casing lost in the tokenizer",
        effect="Words with capitals become unknown or other tokens.",
        remedy="Put do_lower_case back to true in tokenizer_config.json.",
        needs=("lower-casing tokenizer",), changes={"tokenizer": "cased"}, snippet=f"{_BERT}lowercase=False)",
        # It is lost with the stripping of accents, so that it costs Japanese, too (JSTS .627 to .539), but Chinese
        # nothing (LCQMC .259 to .258, Spearman of the cosines).
        costs=(Cost(-0.104, -0.095, -0.071, spared=HAN),),
    ),
    _tokenizer(
        code="accents-kept", words="accents kept by the tokenizer",
        effect="Words with accents become unknown or other tokens.",
        remedy="Put strip_accents back as the model's tokenizer has it.",
        needs=("BERT normalizer",), changes={"tokenizer": "accents-kept"},
        snippet=f"{_BERT}lowercase=True, strip_accents=False)",
    ),
    _tokenizer(
        code="cleaning-lost", words="control characters and odd white space not cleaned by the tokenizer", by_look=True,
        effect="Texts with such characters become unknown or other tokens.",
        remedy="Put clean_text back to true in tokenizer.json.", needs=("BERT normalizer",),
        changes={"tokenizer": "uncleaned"}, snippet=f"{_BERT}lowercase=True, clean_text=False)",
    ),
    _tokenizer(
        code="cjk-not-split", words="CJK characters not split",
        effect="Every run of Chinese or Japanese characters becomes one unknown token.",
        remedy="Put tokenize_chinese_chars back to true.",
        needs=("BERT normalizer",), changes={"tokenizer": "cjk-joined"},
        snippet=f"{_BERT}lowercase=True, handle_chinese_chars=False)",
        # JSTS .627 to .023: every run of characters is one [UNK].
        costs=(
            Cost(
                -0.604, NOT_MEASURED, NOT_MEASURED, where="on all-MiniLM-L6-v2 and JSTS", right=(0.627,) * 3,
                scripts=HAN | {"Jpan"},
            ),
        ),
    ),
    _tokenizer(
        code="normalizer-lost", words="the tokenizer's normalizer lost",
        effect="Texts that it would change (capitals, accents, white space) become other tokens.",
        remedy="Use the model's own tokenizer.json.", needs=("other normalizer",),
        changes={"tokenizer": "no-normalizer"},
        snippet="from tokenizers.normalizers import Sequence\n"
        "model.tokenizer.backend_tokenizer.normalizer = Sequence([])",
    ),
    _tokenizer(
        code="normalizer-step-lost", words="a step of the tokenizer's normalizer lost ({step})", by_look=True,
        general="a step of the tokenizer's normalizer lost",
        effect="Texts that the step would change become other tokens.", remedy="Use the model's own tokenizer.json.",
    ),
    _tokenizer(
        code="prefix-space", words="a space put before each text by the tokenizer",
        effect="The first word of most texts becomes another token.", remedy="Put add_prefix_space back to false.",
        needs=("byte-level tokenizer",), changes={"tokenizer": "prefix-space"},
        snippet="from tokenizers.pre_tokenizers import ByteLevel\n"
        "model.tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)",
    ),
    _tokenizer(
        code="space-not-put", words="no space put before each text by the tokenizer", by_look=True,
        effect="The first word of each text becomes another token.", remedy="Put add_dummy_prefix back to true.",
        needs=("metaspace tokenizer",), changes={"tokenizer": "space-lost"},
    ),
    *(
        _tokenizer(
            code=f"pattern-{name}", words=words, by_look=True,
            effect="Texts that are split elsewhere become other tokens.", remedy=_OWN_TOKENIZER,
            needs=("byte-level tokenizer of any kind",), changes={"tokenizer": f"pattern-{name}"},
        )
        for name, words in (
            ("gpt2", mark("texts split by GPT-2's pattern before tokenizing")),
            ("llama3", mark("texts split by Llama 3's pattern before tokenizing")),
            ("qwen2", mark("texts split by Qwen2's pattern before tokenizing")),
            ("none", mark("texts not split before tokenizing")),
        )
    ),
    _tokenizer(
        code="tokenizer-llama-cpp", words="llama.cpp's own WordPiece", remedy=_OWN_TOKENIZER, by_look=True,
        effect="Korean, Indic vowel signs, words of over 100 characters and form feeds become other tokens.",
        needs=("BERT normalizer",), changes={"tokenizer": f"habits:{'+'.join(LLAMA_CPP)}"},
    ),
    _tokenizer(
        code="tokenizer-llama-cpp-plain", remedy=_OWN_TOKENIZER, by_look=True,
        words="llama.cpp's own WordPiece with special tokens read as plain text",
        effect="Korean, Indic vowel signs, words of over 100 characters, form feeds and special tokens become others.",
        needs=("BERT normalizer",), changes={"tokenizer": f"habits:{'+'.join((*LLAMA_CPP, 'specials-plain'))}"},
    ),
    _tokenizer(
        code="tokenizer-implementation", words="another implementation of the tokenizer ({habits})", by_look=True,
        effect="Texts with what the two implementations treat each in its own way become other tokens.",
        remedy=_OWN_TOKENIZER, general="another implementation of the tokenizer",
    ),
    *(
        _tokenizer(
            code=code, words=words, by_look=True, general=general, effect="Nearly every token is another one.",
            remedy="Use the model's own vocabulary: a line of it is missing or added, or ids are counted otherwise.",
        )
        for code, words, general in (
            ("ids-too-low", mark("token ids from {first} on one too low"), mark("token ids one too low")),
            ("ids-too-high", mark("token ids from {first} on one too high"), mark("token ids one too high")),
        )
    ),
    _tokenizer(
        code="tokenizer-missing", words="tokenizer missing",
        effect="Texts become ids of a bare vocabulary that the model was not trained on.",
        remedy="Add the tokenizer's files: a bare vocabulary was built in their place.",
        needs=("tokenizer that can be missing",), changes={"tokenizer": "missing"},
    ),
    _tokens(
        code="cut-at-the-beginning", words="long texts cut at the beginning", family="cut-side",
        effect="Texts over the maximum length lose their beginning and keep their end.",
        remedy="Set truncation_side to right.", changes={"cut_left": True},
        snippet='model.tokenizer.truncation_side = "left"',
    ),
    _padding(
        code="mask-ignored", words="attention mask ignored", effect=_WITH_BATCH,
        remedy="Pass the attention mask to the model.", changes={"padding": "seen"},
    ),
    _padding(
        code="mask-ignored-throughout", words="attention mask ignored, padding in the mean", effect=_WITH_BATCH,
        remedy="Pass the attention mask to model and pooling.", changes={"padding": "both"},
    ),
    _padding(
        code="padding-left", words="padding on the left without moving positions", remedy="Pad on the right.",
        effect="Shorter texts of a batch stand at positions further on; the longest keeps its vector.",
        changes={"padding": "left"},
    ),
    _tokens(
        code="token-types-one", words="token types all 1 instead of 0", family="types", effect=_ALL_A_LITTLE,
        remedy="Leave token_type_ids out, or send zeros.", needs=("token types",), changes={"types": 1},
        by_look=True,
    ),
    *(
        _padding(code=f"{code}-padded", words=words, effect=_WITH_BATCH, remedy=remedy, by_look=True, general=general)
        for code, words, general, remedy in (
            (
                "mask-ignored", mark("attention mask ignored, texts padded {how}"), mark("attention mask ignored"),
                mark("Pass the attention mask to the model."),
            ),
            (
                "mask-ignored-throughout", mark("attention mask ignored, padding in the mean, texts padded {how}"),
                mark("attention mask ignored, padding in the mean"),
                mark("Pass the attention mask to model and pooling."),
            ),
            (
                "padding-in-the-mean", mark("mean pooling with padding, texts padded {how}"),
                mark("mean pooling with padding"), mark("Leave padding out of the mean (use the attention mask)."),
            ),
            (
                "padding-left", mark("padding on the left without moving positions, texts padded {how}"),
                mark("padding on the left without moving positions"), mark("Pad on the right."),
            ),
            (
                "last-place-pooled", mark("the last place taken, padding or not, texts padded {how}"),
                mark("the last place taken, padding or not"),
                mark("Pad on the left, or take the last token that the attention mask shows."),
            ),
        )
    ),
    _position(
        code="positions-shifted-1", words="positions shifted by 1", effect=_ALL_SHIFTED, remedy=_COUNT,
        changes={"shift": 1},
    ),
    _position(
        code="positions-shifted-2", words="positions shifted by 2", effect=_ALL_SHIFTED, remedy=_COUNT,
        changes={"shift": 2},
    ),
    _position(
        code="positions-from-zero", words="positions counted from 0", effect=_ALL_SHIFTED, changes={"shift": -2},
        remedy="Count positions as the model does: from the padding id on.", needs=("positions behind padding",),
    ),
    _attention(
        code="causal-mask-lost", words="causal mask lost", needs=("causal attention",), changes={"attention": "full"},
        effect="Tokens see what comes after them, as they never did in training; long texts suffer most.",
        remedy="Use causal attention, as the model was trained.",
    ),
    _attention(
        code="window-lost", words="every layer sees the whole text, those with a window too", by_look=True,
        effect="Tokens see further than they did in training; texts longer than the window suffer.",
        remedy="Give the layers of sliding_attention their window (layer_types and the window in config.json).",
        needs=("layers with a window",),
    ),
    _attention(
        code="causal-mask", words="causal mask", needs=("full attention",), changes={"attention": "causal"},
        effect="Tokens do not see what comes after them; long texts suffer most.",
        remedy="Use bidirectional attention (is_decoder false, is_causal false).",
    ),
    _padding(
        code="padding-in-the-mean", words="mean pooling with padding", effect=_WITH_BATCH,
        remedy="Leave padding out of the mean (use the attention mask).",
        costs=(Cost(-0.010, -0.011, -0.016),),
    ),
    _tokens(
        code="last-place-pooled", words="the last place taken, padding or not", family="pooling",
        effect="Shorter texts of a batch get the vector of a place that holds padding; the longest keeps its own.",
        remedy="Pad on the left, or take the last token that the attention mask shows.",
        needs=("pooling by the last token",), changes={"padding": "after", "pooling": "last"},
    ),
)  # fmt: skip

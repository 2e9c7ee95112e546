"""Faults of tokenizers of several shapes, each with the code preflight names it by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["TOKENIZER_FAULTS"]

Inject = Callable[[Path], None]
BERT, XLMR, QWEN = "BERT, CLS", "XLM-R with a SentencePiece tokenizer, mean", "Qwen3 decoder, last token"


def _file(change: Callable[[dict[str, Any]], None], *, literal: bool = True) -> Inject:
    """Change tokenizer.json; ``literal`` lets transformers take it as it is, without the class of the model."""

    def inject(folder: Path) -> None:
        path = folder / "tokenizer.json"
        value = json.loads(path.read_text(encoding="utf-8"))
        change(value)
        path.write_text(json.dumps(value), encoding="utf-8")
        if literal:
            _config(tokenizer_class="PreTrainedTokenizerFast")(folder)

    return inject


def _config(name: str = "tokenizer_config.json", **changes: Any) -> Inject:
    def inject(folder: Path) -> None:
        path = folder / name
        value = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        path.write_text(json.dumps(value | changes), encoding="utf-8")

    return inject


def _set(part: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda file: file.update({part: value})


def _model(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["model"].update(changes)


def _normaliser(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda file: file["normalizer"].update(changes)


def _added(content: str) -> Callable[[dict[str, Any]], None]:
    def change(file: dict[str, Any]) -> None:
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        file["added_tokens"].append({"id": file["model"]["vocab"][content], "content": content, **flags})

    return change


def _template(*tokens: str, segment: int = 0) -> Callable[[dict[str, Any]], None]:
    def change(file: dict[str, Any]) -> None:
        file["post_processor"]["single"] = [
            {"Sequence": {"id": "A", "type_id": segment}}
            if token == "A"
            else {"SpecialToken": {"id": token, "type_id": segment}}
            for token in tokens
        ]

    return change


def _other_id(file: dict[str, Any]) -> None:
    file["post_processor"]["special_tokens"]["[CLS]"]["ids"] = [2054]


def _reversed_merges(file: dict[str, Any]) -> None:
    file["model"]["merges"].reverse()


def _half_the_merges(file: dict[str, Any]) -> None:
    file["model"]["merges"] = file["model"]["merges"][: len(file["model"]["merges"]) // 2]


def _no_scores(file: dict[str, Any]) -> None:
    file["model"]["vocab"] = [[piece, -1.0] for piece, _ in file["model"]["vocab"]]


def _replaced(file: dict[str, Any]) -> None:
    file["normalizer"] = {
        "type": "Sequence",
        "normalizers": [file["normalizer"], {"type": "Replace", "pattern": {"String": "e"}, "content": "o"}],
    }


def _capitals(file: dict[str, Any]) -> None:
    """Every other word of a lower-case vocabulary with a capital: what a cased one looks like."""
    vocabulary = file["model"]["vocab"]
    file["model"]["vocab"] = {
        token.capitalize() if index % 2 and token.isalpha() and token.isascii() else token: index
        for token, index in vocabulary.items()
    }


def _older_merges(folder: Path) -> None:
    merges = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["merges"]
    lines = [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(lines[:-40]), encoding="utf-8")


def _other_pieces(folder: Path) -> None:
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["completely other words stand in here", "and nothing else at all"] * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=28,
        minloglevel=2,
    )


def _without_insides(file: dict[str, Any]) -> None:
    vocabulary = file["model"]["vocab"]
    file["model"]["vocab"] = {token.replace("##", "\u00a4\u00a4"): index for token, index in vocabulary.items()}


def _fewer_pieces(file: dict[str, Any]) -> None:
    file["model"]["vocab"] = file["model"]["vocab"][:-60]


def _ids_too_high(file: dict[str, Any]) -> None:
    file["model"]["vocab"] = {t: i + 2 if i > 1 else i for t, i in file["model"]["vocab"].items()}


def _accents_stripped(file: dict[str, Any]) -> None:
    file["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]}


def _letters_dropped(file: dict[str, Any]) -> None:
    file["normalizer"] = {"type": "Replace", "pattern": {"String": "th"}, "content": ""}


def _one_line_less(folder: Path) -> None:
    lines = (folder / "vocab.txt").read_text(encoding="utf-8").split("\n")
    (folder / "vocab.txt").write_text("\n".join(lines[:1998] + lines[1999:]), encoding="utf-8")
    (folder / "tokenizer.json").unlink()


# What was done -> the shape it was done to, how, and the code of the finding.
TOKENIZER_FAULTS: dict[str, tuple[str, Inject, str]] = {
    "an added token that is a part of words": (BERT, _file(_added("in")), "token-eats-words"),
    "lower-casing lost in tokenizer.json": (BERT, _file(_normaliser(lowercase=False)), "lowercase-missing"),
    "lower-casing of a vocabulary with capitals": (BERT, _file(_capitals), "lowercase-added"),
    "accents kept for a vocabulary without them": (BERT, _file(_normaliser(strip_accents=False)), "accents-kept"),
    "another mark inside words": (BERT, _file(_model(continuing_subword_prefix="@@")), "prefix-differs"),
    "words of more than five letters given up": (BERT, _file(_model(max_input_chars_per_word=5)), "words-unread"),
    "words no longer split from punctuation": (
        BERT,
        _file(_set("pre_tokenizer", {"type": "WhitespaceSplit"})),
        "punctuation-glued",
    ),
    "the normaliser replaces a letter": (BERT, _file(_replaced), "words-unreachable"),
    "[SEP] before and [CLS] after a text": (BERT, _file(_template("[SEP]", "A", "[CLS]")), "special-tokens-swapped"),
    "[CLS] twice before a text": (BERT, _file(_template("[CLS]", "[CLS]", "A", "[SEP]")), "special-tokens-doubled"),
    "the text in segment 1": (BERT, _file(_template("[CLS]", "A", "[SEP]", segment=1)), "segments-differ"),
    "[CLS] under the id of a word": (BERT, _file(_other_id), "special-ids-differ"),
    "no post_processor in tokenizer.json": (
        BERT,
        _file(_set("post_processor", None), literal=False),
        "special-tokens-lost",
    ),
    "[MASK] for padding": (BERT, _config("special_tokens_map.json", pad_token="[MASK]"), "special-tokens-swapped"),
    "[PAD] for what is unknown": (BERT, _file(_model(unk_token="[PAD]")), "special-tokens-swapped"),
    "an end token that is a word in config.json": (
        BERT,
        _config("config.json", sep_token_id=2054),
        "special-ids-differ",
    ),
    "tokenizer.json cuts at 12 tokens": (
        BERT,
        _file(_set("truncation", {"max_length": 12, "strategy": "LongestFirst", "stride": 0, "direction": "Right"})),
        "length-baked",
    ),
    "tokenizer.json pads with a word": (
        BERT,
        _file(_set("padding", {"strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": None,
                               "pad_id": 2054, "pad_type_id": 0, "pad_token": "what"})),
        "padding-baked",
    ),
    "model_max_length of 16": (BERT, _config(model_max_length=16), "length-tiny"),
    "long texts cut at their beginning": (BERT, _config(truncation_side="left"), "truncation-left"),
    "the byte-level step replaced": (QWEN, _file(_set("pre_tokenizer", {"type": "Whitespace"})), "words-unreachable"),
    "half of the merges lost": (QWEN, _file(_half_the_merges), "merges-wrong"),
    "merges in reverse order": (QWEN, _file(_reversed_merges), "merges-wrong"),
    "merges.txt shorter than tokenizer.json": (QWEN, _older_merges, "merges-differ"),
    "vocab.json with other ids": (QWEN, _config("vocab.json", the=3), "vocabularies-differ"),
    "no token for the inside of a word": (BERT, _file(_without_insides), "prefix-differs"),
    "Chinese read in one piece": (BERT, _file(_normaliser(handle_chinese_chars=False)), "chinese-glued"),
    "one line of vocab.txt lost": (BERT, _one_line_less, "tokenizer-smaller"),
    "ids two higher than the rows": (QWEN, _file(_ids_too_high), "ids-beyond-rows"),
    "letters dropped by the normaliser": (QWEN, _file(_letters_dropped), "words-unreachable"),
    "the last pieces lost": (XLMR, _file(_fewer_pieces), "tokenizer-smaller"),
    "the start for what is unknown": (XLMR, _file(_model(unk_id=0)), "special-tokens-swapped"),
    "accents dropped by the normaliser": (XLMR, _file(_accents_stripped), "accents-dropped"),
    "the scores of all pieces alike": (XLMR, _file(_no_scores), "scores-lost"),
    "a SentencePiece model of other pieces": (XLMR, _other_pieces, "pieces-differ"),
}  # fmt: skip

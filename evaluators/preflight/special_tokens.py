"""Special tokens, and what tokenizer.json adds to each text: every mark at its place, once, under its own id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from data.store.vocabulary import Severity
from evaluators.model_files.reading import as_object
from evaluators.preflight.catalogue import finding
from evaluators.preflight.configuration import declared_pooling
from evaluators.preflight.finding import Finding
from evaluators.preflight.positions import FROM_PADDING
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import Form

__all__ = ["check_roles", "check_tokenizer_settings", "check_special_tokens", "check_template"]

# What the name of a special token says it is for; a token of another name may be for anything.
_NAMED_FOR = {
    "cls": re.compile(r"^\W*(cls|bos|s|begin\w*|startoftext)\W*$", re.IGNORECASE),
    "sep": re.compile(r"^\W*(sep|eos|end\w*|im_end|eot_id|eod)\W*$|^</s>$", re.IGNORECASE),
    "mask": re.compile(r"^\W*mask\W*$", re.IGNORECASE),
    "unk": re.compile(r"^\W*unk\w*\W*$", re.IGNORECASE),
    "pad": re.compile(r"^\W*(pad\w*)\W*$", re.IGNORECASE),
}
_ROLES = {"cls_token": "cls", "bos_token": "cls", "sep_token": "sep", "eos_token": "sep", "mask_token": "mask",
          "unk_token": "unk", "pad_token": "pad"}  # fmt: skip
# Decoders pad with the token that ends a text or with the unknown one, and one mark may both begin and end.
_MAY_STAND_FOR = {"pad": {"sep", "unk", "cls"}, "cls": {"sep"}, "sep": {"cls"}, "unk": {"sep", "cls", "pad"}}
_TINY = 32
# Architectures whose training put a token before and after every text; those of T5's family only after.
_END_ONLY = {"t5", "mt5", "umt5"}
_MARKED = {*_END_ONLY, "bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "electra", "deberta",
           "deberta-v2", "albert", "modernbert", "nomic_bert", "new", "xlm-roberta-xl"}  # fmt: skip


def check_special_tokens(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """Marks that the model was trained with and that are not added, are cut in pieces, or pad with another id."""
    yield from _ends(target, tokenizer)
    tokens = {token: tokenizer(token, add_special_tokens=False)["input_ids"] for token in tokenizer.all_special_tokens}
    if split := [token for token, ids in tokens.items() if len(ids) != 1]:
        seen = f"The special tokens {', '.join(split[:4])} are cut in pieces"
        yield finding("special-tokens-split", seen, {"tokens": split})
    pad = target.config.get("pad_token_id")
    if tokenizer.pad_token_id is None:
        yield finding("pad-missing", "There is no padding token")
    elif isinstance(pad, int) and pad != tokenizer.pad_token_id:
        # Without such positions the id in config.json is read by nothing that makes vectors.
        severity = None if target.config.get("model_type") in FROM_PADDING else Severity.NOTICE
        seen = f"config.json pads with id {pad}, the tokenizer with {tokenizer.pad_token_id}"
        yield finding("pad-differs", seen, {"config": pad, "tokenizer": tokenizer.pad_token_id}, severity)


def _ends(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """A start or end token that the architecture was trained with, and that is not added to a text."""
    ids, bare = list(tokenizer("word")["input_ids"]), list(tokenizer("word", add_special_tokens=False)["input_ids"])
    kind, evidence = target.config.get("model_type"), {"ids": ids}
    lost = _lost_ends(kind, ids, bare) if kind in _MARKED else []
    if lost and len(ids) == len(bare):
        seen = "No special token is added before or after a text"
        yield finding("special-tokens-missing", seen, evidence, kind=kind)
    elif "start" in lost:
        yield finding("start-token-missing", "No special token is added before a text", evidence, kind=kind)
    elif lost:
        yield finding("end-token-missing", "No special token is added after a text", evidence, kind=kind)
    elif declared_pooling(target) == ("lasttoken",) and ids[-1] not in set(tokenizer.all_special_ids):
        yield finding("eos-missing", "The vector is taken from the last token, and no end token is added", evidence)


def _lost_ends(kind: str, ids: list[int], bare: list[int]) -> list[str]:
    """Which of its special tokens, at the start and at the end of a text, an architecture's tokenizer does not add."""
    room = range(len(ids) - len(bare) + 1)
    lead = next((at for at in room if ids[at : at + len(bare)] == bare), 0)
    added = {"start": lead, "end": len(ids) - len(bare) - lead}
    return [end for end in (["end"] if kind in _END_ONLY else ["start", "end"]) if added[end] <= 0]


def check_roles(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """Special tokens in the place of others, and ids in config.json that are those of ordinary words."""
    wrong = {}
    for name, role in _ROLES.items():
        token = getattr(tokenizer, name, None)
        named = _role_of(token) if token else None
        allowed = _MAY_STAND_FOR.get(role, set()) if not _is_encoder(tokenizer) else set()
        if named and named != role and named not in allowed:
            wrong[name] = str(token)
    if wrong:
        seen = ", ".join(f"{name} is {token}" for name, token in wrong.items())
        yield finding("special-tokens-swapped", seen, wrong)
    yield from _ids_of_words(target, tokenizer)


def _role_of(token: str) -> str | None:
    if token.strip() == "</s>":
        return "sep"
    return next((role for role, named in _NAMED_FOR.items() if named.match(token)), None)


def _is_encoder(tokenizer: Any) -> bool:
    """Whether it has a token to mask words with: only what was trained on masked words has."""
    return getattr(tokenizer, "mask_token", None) is not None


def _ids_of_words(target: Target, tokenizer: Any) -> Iterator[Finding]:
    special = set(tokenizer.all_special_ids) | {int(index) for index in tokenizer.added_tokens_decoder}
    wrong = {}
    for name in ("bos", "eos", "cls", "sep", "mask"):
        index = target.config.get(f"{name}_token_id")
        if isinstance(index, int) and 0 <= index < len(tokenizer) and index not in special:
            token = tokenizer.convert_ids_to_tokens(index)
            if isinstance(token, str) and token.lstrip("Ġ▁").isalpha():
                wrong[f"{name}_token_id"] = token
    if wrong:
        seen = ", ".join(f"{name} is the id of {token!r}" for name, token in wrong.items())
        yield finding("special-ids-differ", f"In config.json {seen}", wrong)


def check_template(form: Form, tokenizer: Any) -> Iterator[Finding]:
    """What is added before and after a text: in the right order, once, as the right id, in segment 0."""
    whole = form.core.encode("word")
    bare = form.core.encode("word", add_special_tokens=False).ids
    lead, tail = _around(whole.ids, bare)
    if not lead and not tail and len(tokenizer("word")["input_ids"]) > len(bare):
        yield finding("special-tokens-lost", f"{form.name} adds no special token to a text, the loaded tokenizer does")
    start = {i for i in (tokenizer.cls_token_id, tokenizer.bos_token_id) if i is not None}
    end = {i for i in (tokenizer.sep_token_id, tokenizer.eos_token_id) if i is not None}
    evidence = {"tokens": whole.tokens, "ids": whole.ids}
    reading = f"{form.name} reads 'word' as {' '.join(whole.tokens)}"
    if (lead and start and end and lead[0] in end - start) or (tail and tail[-1] in start - end):
        yield finding("special-tokens-swapped", reading, evidence)
    elif len(set(lead)) < len(lead) or len(set(tail)) < len(tail):
        yield finding("special-tokens-doubled", reading, evidence)
    elif odd := [token for token, i in zip(whole.tokens, whole.ids, strict=True) if _misnamed(form, token, i)]:
        seen = f"{form.name} adds {', '.join(odd)} under the id of another token"
        yield finding("special-ids-differ", seen, evidence)
    elif (lead and _wrong_mark(form, lead[0], start)) or (tail and _wrong_mark(form, tail[-1], end)):
        yield finding("special-tokens-swapped", reading, evidence)
    unknown = getattr(form.core.model, "unk_token", None)
    if unknown and _role_of(unknown) not in {None, "unk"}:
        seen = f"unk_token of {form.name} is {unknown}: what it does not know is read as that"
        yield finding("special-tokens-swapped", seen, evidence)
    if any(whole.type_ids):
        seen = f"{form.name} puts a single text into segment {max(whole.type_ids)}"
        yield finding("segments-differ", seen, {"type_ids": whole.type_ids})


def _around(ids: list[int], bare: list[int]) -> tuple[list[int], list[int]]:
    """What stands before and after a text."""
    for at in range(len(ids) - len(bare) + 1):
        if ids[at : at + len(bare)] == bare:
            return ids[:at], ids[at + len(bare) :]
    return [], []


def _wrong_mark(form: Form, index: int, right: set[int]) -> bool:
    """Whether what is added is a mark for something else: for padding, for masking, for the unknown."""
    token = form.core.id_to_token(index) or ""
    return bool(right) and index not in right and _role_of(token) in {"mask", "pad", "unk"}


def _misnamed(form: Form, token: str, index: int) -> bool:
    return form.vocabulary.get(token, index) != index


def check_tokenizer_settings(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """Truncation, padding and a greatest length in the tokenizer's files that no model was made with."""
    file = target.object(target.of_root("tokenizer.json"))
    cut, padded = file.get("truncation"), file.get("padding")
    length, pad = as_object(cut).get("max_length"), as_object(padded).get("pad_id")
    if isinstance(length, int) and length <= _TINY:
        yield finding("length-baked", f"tokenizer.json cuts each text at {length} tokens", {"truncation": cut})
    if isinstance(pad, int) and tokenizer.pad_token_id is not None and pad != tokenizer.pad_token_id:
        seen = f"tokenizer.json pads with id {pad}, the padding token has {tokenizer.pad_token_id}"
        yield finding("padding-baked", seen, {"padding": padded})
    if (piece := _unknown_piece(file)) and _role_of(piece) not in {None, "unk"}:
        seen = f"unk_id of tokenizer.json is that of {piece}: what it does not know is read as that"
        yield finding("special-tokens-swapped", seen, {"unk_id": piece})
    if tokenizer.model_max_length <= _TINY:
        seen = f"model_max_length in tokenizer_config.json is {tokenizer.model_max_length}"
        setting = "model_max_length in tokenizer_config.json"
        yield finding("length-tiny", seen, {"model_max_length": tokenizer.model_max_length}, setting=setting)
    if tokenizer.truncation_side == "left" and _is_encoder(tokenizer):
        yield finding("truncation-left", "Long texts are cut at their beginning (truncation_side is left)")


def _unknown_piece(file: Mapping[str, Any]) -> str | None:
    """The piece that a Unigram model reads for what it does not know; None of other models."""
    model = as_object(file.get("model"))
    index, pieces = model.get("unk_id"), model.get("vocab")
    if not isinstance(pieces, list) or not isinstance(index, int) or not 0 <= index < len(pieces):
        return None
    return str(pieces[index][0])

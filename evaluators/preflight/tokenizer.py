"""Tier 4, tokenizer: the ids a text becomes are those the model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.store.errors import ModelError
from data.store.vocabulary import Severity
from evaluators.preflight.catalogue import finding
from evaluators.preflight.embedding_table import check_word_rows
from evaluators.preflight.finding import Finding
from evaluators.preflight.loading import error_in_words, load_tokenizer
from evaluators.preflight.merges import check_learnt
from evaluators.preflight.positions import ABSOLUTE, learned_positions
from evaluators.preflight.slow_tokenizer import check_slow_files, check_vocab_txt
from evaluators.preflight.special_tokens import (
    check_roles,
    check_special_tokens,
    check_template,
    check_tokenizer_settings,
)
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import Form, literal_form, loaded_form
from evaluators.preflight.tokenizer_probes import PROBES, all_texts
from evaluators.preflight.tokenizer_vocabulary import check_lowered_before, check_vocabulary
from evaluators.trust.limits import no_panic

__all__ = ["check", "golden_ids"]

_MANY_UNKNOWN = 0.2
_ROUND = 8  # all tables that were filled up have a multiple of it
_WHOLE = 0.9
_ROUNDED_UP = 256  # rows beyond the vocabulary that a table is filled up with, to be of a size that is fast


def check(target: Target) -> Iterator[Finding]:
    """Vocabulary, ids, special tokens, casing, padding and lengths of the tokenizer against the model."""
    try:
        tokenizer = load_tokenizer(target)
        _try(target, tokenizer)
    except ModelError as error:
        yield finding("tokenizer-unloadable", error.remedy)
        return
    yield from _size(target, tokenizer)
    yield from _unknown(tokenizer)
    yield from check_vocab_txt(target, tokenizer)
    yield from check_special_tokens(target, tokenizer)
    yield from check_roles(target, tokenizer)
    if tokenizer.padding_side == "left" and target.config.get("model_type") in ABSOLUTE:
        yield finding("padding-left", "Texts are padded on the left")
    yield from _lengths(target, tokenizer)
    yield from check_tokenizer_settings(target, tokenizer)
    yield from check_learnt(target)
    yield from _forms(target, tokenizer)


def _forms(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """Each form of the tokenizer by itself, against the others, and against the table of word vectors."""
    literal, loaded = literal_form(target), loaded_form(tokenizer)
    differing = list(_against_file(target, tokenizer, literal)) if literal else []
    yield from differing
    # What is said of the one form holds for the other where they agree.
    forms = [form for form in (loaded, literal if differing or loaded is None else None) if form]
    faults: dict[str, list[Finding]] = {}
    for form in forms:
        for fault in (*check_template(form, tokenizer), *check_vocabulary(form)):
            faults.setdefault(fault.code, []).append(fault)
    yield from (of_code[0] for of_code in faults.values())
    if forms:
        yield from check_lowered_before(target, forms[0])
        yield from check_slow_files(target, forms[0])
        yield from check_word_rows(target, forms[0])


def _try(target: Target, tokenizer: Any) -> None:
    """Ask once for all that is asked for below: some faults of its files show only when it is used.

    Raises:
        ModelError: it cannot do its work.
    """
    try:
        with no_panic(target.name):
            golden_ids(tokenizer)
            tokenizer(all_texts())
        _ = tokenizer.unk_token_id, tokenizer.all_special_tokens
        with no_panic(target.name):
            if literal := literal_form(target):
                literal.core.encode_batch(all_texts())
    # `tokenizers` raises bare Exception, and a special token that is none sends transformers round in circles.
    except Exception as error:
        words = error_in_words(error)
        raise ModelError("The tokenizer cannot be used", where=target.name, remedy=words) from error


def golden_ids(tokenizer: Any) -> dict[str, list[int]]:
    """Token ids of each probe, as a pin keeps them."""
    return {name: list(map(int, tokenizer(text)["input_ids"])) for name, text in PROBES.items()}


def _size(target: Target, tokenizer: Any) -> Iterator[Finding]:
    rows, known = target.config.get("vocab_size"), len(tokenizer)
    if not rows:
        return
    evidence = {"tokenizer": known, "vocab_size": rows}
    seen = f"The tokenizer knows {known:,} tokens, the model has rows for {rows:,}"
    if known > rows:
        yield finding("tokenizer-larger", seen, evidence)
    elif beyond := [token for token, index in tokenizer.get_vocab().items() if index >= rows]:
        seen = f"The tokenizer gives {len(beyond)} tokens ids beyond the model's {rows:,} rows"
        yield finding("ids-beyond-rows", f"{seen}, {beyond[0]!r} among them", evidence | {"tokens": beyond[:12]})
    elif (severity := _shortfall(tokenizer, known, rows)) is not None:
        yield finding("tokenizer-smaller", seen, evidence, severity)


def _shortfall(tokenizer: Any, known: int, rows: int) -> Severity | None:
    """How bad it is that the tokenizer knows fewer tokens than the table has rows; None where it was filled up."""
    lost = rows - known
    exact = rows % _ROUND != 0
    if known < _WHOLE * rows and lost > (_ROUND if exact else _ROUNDED_UP):
        return Severity.SERIOUS
    form = loaded_form(tokenizer)
    return Severity.NOTICE if lost > 0 and exact and form is not None and form.kind == "WordPiece" else None


def _unknown(tokenizer: Any) -> Iterator[Finding]:
    if tokenizer.unk_token_id is None:
        return
    ids = [i for text in PROBES.values() for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    rate = ids.count(tokenizer.unk_token_id) / max(1, len(ids))
    if rate > _MANY_UNKNOWN:
        yield finding("unknown-tokens", f"{rate:.0%} of the probes' tokens are {tokenizer.unk_token}", {"rate": rate})


def _against_file(target: Target, tokenizer: Any, literal: Form) -> Iterator[Finding]:
    """The loaded tokenizer against tokenizer.json taken literally: a config beside it can change what it does."""
    texts = all_texts()
    pairs = zip(texts, tokenizer(texts)["input_ids"], literal.core.encode_batch(texts), strict=True)
    differing = {
        text: {"loaded": loaded[:24], "file": encoding.ids[:24]}
        for text, loaded, encoding in pairs
        if list(loaded) != encoding.ids
    }
    if not differing:
        return
    declared = target.object(target.of_root("tokenizer_config.json")).get("do_lower_case")
    evidence = dict(list(differing.items())[:8])
    if _lowers(literal.core) != _lowers(tokenizer.backend_tokenizer):
        seen = f"tokenizer_config.json has do_lower_case {declared}, tokenizer.json the opposite"
        yield finding("lowercase-differs", seen, evidence)
    else:
        seen = (
            f"The loaded {type(tokenizer).__name__} gives other ids than tokenizer.json on {len(differing)} of "
            f"{len(texts)} texts, {next(iter(differing))!r} among them"
        )
        seen += _parts_apart(literal.core, tokenizer.backend_tokenizer)
        yield finding("tokenizer-differs", seen, evidence)


def _parts_apart(literal: Any, loaded: Any) -> str:
    """Which steps of the two differ, in words."""
    apart = []
    for name in ("normalizer", "pre_tokenizer", "post_processor", "model"):
        one, other = (
            type(getattr(core, name, None)).__name__.replace("NoneType", "none") for core in (literal, loaded)
        )
        if one != other:
            apart.append(f"{name} is {one} in the file and {other} loaded")
    return f": {', '.join(apart)}" if apart else ""


def _lowers(tokenizer: Any) -> bool:
    normaliser = getattr(tokenizer, "normalizer", None)
    return normaliser is not None and "QZJ" not in normaliser.normalize_str("QZJ")


def _lengths(target: Target, tokenizer: Any) -> Iterator[Finding]:
    declared = target.object(target.of_root("sentence_bert_config.json")).get("max_seq_length")
    room, taken = learned_positions(target.config), tokenizer.model_max_length
    evidence = {"sentence_bert_config": declared, "tokenizer": taken, "positions": room}
    if room and isinstance(declared, int) and declared > room:
        seen = f"max_seq_length is {declared}, the model has {room} positions"
        yield finding("length-beyond-positions", seen, evidence, room=room)
    elif isinstance(declared, int) and taken < declared:
        seen = f"sentence_bert_config.json reads {declared} tokens, the tokenizer's model_max_length is {taken}"
        yield finding("length-cut", seen, evidence)
    elif room and declared is None and taken > room:
        seen = f"No file cuts texts at the {room} positions the model has"
        yield finding("length-unbounded", seen, evidence, room=room)

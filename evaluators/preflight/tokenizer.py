"""Tier 4, tokenizer: the ids a text becomes are those the model was trained on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from data.store.errors import ModelError
from evaluators.model_files.reading import read_text
from evaluators.preflight.catalogue import finding
from evaluators.preflight.embedding_table import check_word_rows
from evaluators.preflight.finding import Finding, Severity
from evaluators.preflight.loading import load_tokenizer
from evaluators.preflight.merges import check_learnt
from evaluators.preflight.slow_tokenizer import check_slow_files
from evaluators.preflight.special_tokens import check_roles, check_settings, check_template
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import Form, literal_form, loaded_form
from evaluators.preflight.tokenizer_probes import PROBES, all_texts
from evaluators.preflight.tokenizer_vocabulary import check_lowered_before, check_vocabulary
from evaluators.trust.limits import no_panic

__all__ = ["check", "golden_ids", "positions_of"]

# Architectures whose training put a token before and after every text; those of T5's family only after.
_MARKED = {
    "bert",
    "roberta",
    "xlm-roberta",
    "camembert",
    "distilbert",
    "mpnet",
    "electra",
    "deberta",
    "deberta-v2",
    "albert",
    "modernbert",
    "nomic_bert",
    "new",
    "xlm-roberta-xl",
    "t5",
    "mt5",
    "umt5",
}
_END_ONLY = {"t5", "mt5", "umt5"}
# Learned absolute positions: a text padded on the left is read at other positions.
_ABSOLUTE = {"bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "electra", "albert"}
# Position tables that begin counting after the padding id (fairseq's convention).
_OFFSET = {"roberta": 2, "xlm-roberta": 2, "camembert": 2, "mpnet": 2}
_MANY_UNKNOWN = 0.2
_ROUND = 8  # all tables that were filled up have a multiple of it
_WHOLE = 0.9
_ROUNDED_UP = 256  # rows beyond the vocabulary that a table is filled up with, to be of a size that is fast
_AGAIN = "Take the tokenizer's files from the model's repository."


def check(target: Target) -> Iterator[Finding]:
    """Vocabulary, ids, special tokens, casing, padding and lengths of the tokenizer against the model."""
    try:
        tokenizer = load_tokenizer(target)
        _try(target, tokenizer)
    except ModelError as error:
        yield Finding("tokenizer", "tokenizer-unloadable", "fatal", error.remedy, "No text can be encoded.", _AGAIN)
        return
    yield from _size(target, tokenizer)
    yield from _unknown(tokenizer)
    yield from _two_vocabularies(target, tokenizer)
    yield from _special_tokens(target, tokenizer)
    yield from check_roles(target, tokenizer)
    yield from _padding(target, tokenizer)
    yield from _lengths(target, tokenizer)
    yield from check_settings(target, tokenizer)
    yield from check_learnt(target)
    yield from _forms(target, tokenizer)


def _forms(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """Each form of the tokenizer by itself, against the others, and against the table of word vectors."""
    literal, loaded = literal_form(target), loaded_form(tokenizer)
    differing = list(_against_file(target, tokenizer, literal)) if literal else []
    yield from differing
    # What is said of the one form holds for the other where they agree.
    forms = [form for form in (loaded, literal if differing or loaded is None else None) if form]
    said = set()
    for form in forms:
        for found in (*check_template(form, tokenizer), *check_vocabulary(form)):
            if found.code not in said:
                yield found
            said.add(found.code)
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
        words = f"{type(error).__name__}: {str(error)[:300]}"
        raise ModelError("The tokenizer cannot be used", where=target.name, remedy=words) from error


def golden_ids(tokenizer: Any) -> dict[str, list[int]]:
    """Token ids of each probe, as a pin keeps them."""
    return {name: list(map(int, tokenizer(text)["input_ids"])) for name, text in PROBES.items()}


def positions_of(config: dict[str, Any]) -> int | None:
    """How many tokens the model has positions for; None when its positions have no table."""
    if config.get("model_type") not in _ABSOLUTE or not config.get("max_position_embeddings"):
        return None
    return int(config["max_position_embeddings"]) - _OFFSET.get(config["model_type"], 0)


def _size(target: Target, tokenizer: Any) -> Iterator[Finding]:
    rows, known = target.config.get("vocab_size"), len(tokenizer)
    if not rows:
        return
    evidence = {"tokenizer": known, "vocab_size": rows}
    if known > rows:
        yield Finding(
            "tokenizer",
            "tokenizer-larger",
            "fatal",
            f"The tokenizer knows {known:,} tokens, the model has rows for {rows:,}",
            "An id beyond the table stops the run, or reads another row.",
            _AGAIN,
            evidence,
        )
    elif beyond := [token for token, index in tokenizer.get_vocab().items() if index >= rows]:
        seen = (
            f"The tokenizer gives {len(beyond)} tokens ids beyond the model's {rows:,} rows, {beyond[0]!r} among them"
        )
        yield finding("ids-beyond-rows", seen, evidence | {"tokens": beyond[:12]})
    elif (severity := _shortfall(tokenizer, known, rows)) is not None:
        yield Finding(
            "tokenizer",
            "tokenizer-smaller",
            severity,
            f"The tokenizer knows {known:,} tokens, the model has rows for {rows:,}",
            "Words of the lost part of the vocabulary become UNK or pieces.",
            _AGAIN,
            evidence,
        )


def _shortfall(tokenizer: Any, known: int, rows: int) -> Severity | None:
    """How bad it is that the tokenizer knows fewer tokens than the table has rows; None where it was filled up."""
    lost = rows - known
    exact = rows % _ROUND != 0
    if known < _WHOLE * rows and lost > (_ROUND if exact else _ROUNDED_UP):
        return "serious"
    form = loaded_form(tokenizer)
    return "notice" if lost > 0 and exact and form is not None and form.kind == "WordPiece" else None


def _unknown(tokenizer: Any) -> Iterator[Finding]:
    if tokenizer.unk_token_id is None:
        return
    ids = [i for text in PROBES.values() for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    rate = ids.count(tokenizer.unk_token_id) / max(1, len(ids))
    if rate > _MANY_UNKNOWN:
        yield Finding(
            "tokenizer",
            "unknown-tokens",
            "serious",
            f"{rate:.0%} of the probes' tokens are {tokenizer.unk_token}",
            "The vocabulary is not the model's, or it was not read.",
            _AGAIN,
            {"rate": rate},
        )


def _against_file(target: Target, tokenizer: Any, literal: Form) -> Iterator[Finding]:
    """The loaded tokenizer against tokenizer.json taken literally: a config beside it can change what it does."""
    texts = [*PROBES.values(), *all_texts()[len(PROBES) :]]
    differing = {
        text: {"loaded": loaded[:24], "file": encoding.ids[:24]}
        for text, loaded, encoding in zip(
            texts, tokenizer(texts)["input_ids"], literal.core.encode_batch(texts), strict=True
        )
        if list(loaded) != encoding.ids
    }
    if not differing:
        return
    declared = target.object(target.of_root("tokenizer_config.json"))
    evidence = dict(list(differing.items())[:8])
    if _lowers(literal.core) != _lowers(tokenizer.backend_tokenizer):
        yield Finding(
            "tokenizer",
            "lowercase-differs",
            "serious",
            f"tokenizer_config.json has do_lower_case {declared.get('do_lower_case')}, tokenizer.json the opposite",
            "Capitals become other tokens, often UNK; lower-case texts look fine.",
            "Put do_lower_case back as the model's repository has it.",
            evidence,
        )
    else:
        apart = _parts_apart(literal.core, tokenizer.backend_tokenizer)
        yield Finding(
            "tokenizer",
            "tokenizer-differs",
            "serious",
            f"The loaded {type(tokenizer).__name__} gives other ids than tokenizer.json on {len(differing)} of "
            f"{len(texts)} texts, {next(iter(differing))!r} among them{apart}",
            "The tokenizer class or its config overrides the file: special tokens or normalisation are lost.",
            "Check tokenizer_class and the special tokens in tokenizer_config.json.",
            evidence,
        )


def _parts_apart(literal: Any, loaded: Any) -> str:
    """Which steps of the two differ, in words."""
    kinds = {
        name: [type(getattr(core, name, None)).__name__ for core in (literal, loaded)]
        for name in ("normalizer", "pre_tokenizer", "post_processor", "model")
    }
    apart = [
        f"{name} is {one.replace('NoneType', 'none')} in the file and {other.replace('NoneType', 'none')} loaded"
        for name, (one, other) in kinds.items()
        if one != other
    ]
    return f": {', '.join(apart)}" if apart else ""


def _lowers(tokenizer: Any) -> bool:
    normaliser = getattr(tokenizer, "normalizer", None)
    return normaliser is not None and "QZJ" not in normaliser.normalize_str("QZJ")


def _two_vocabularies(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """vocab.txt against the loaded vocabulary: fast and slow tokenizers read different files."""
    name = target.of_root("vocab.txt")
    if not target.has(name):
        return
    lines = read_text(target.path(name)).splitlines()
    vocabulary = tokenizer.get_vocab()
    moved = [
        token for index, token in enumerate(lines) if vocabulary.get(token, index) != index or token not in vocabulary
    ]
    if moved:
        seen = f"vocab.txt and tokenizer.json give {len(moved)} tokens other ids, the first is {moved[0]!r}"
        yield finding("vocabularies-differ", seen, {"tokens": moved[:12]})


def _special_tokens(target: Target, tokenizer: Any) -> Iterator[Finding]:
    yield from _ends(target, tokenizer)
    yield from _cut_in_pieces(tokenizer)
    yield from _pad_token(target, tokenizer)


def _ends(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """A start or end token that the architecture was trained with, and that is not added to a text."""
    ids, bare = tokenizer("word")["input_ids"], tokenizer("word", add_special_tokens=False)["input_ids"]
    special = set(tokenizer.all_special_ids)
    kind = target.config.get("model_type")
    if kind in _MARKED and (lost := _lost_ends(kind, list(ids), list(bare))):
        both = len(ids) == len(bare)
        yield Finding(
            "tokenizer",
            "special-tokens-missing" if both else f"{lost[0]}-token-missing",
            "serious",
            "No special token is added before or after a text"
            if both
            else f"No special token is added {'before' if lost == ['start'] else 'after'} a text",
            f"{kind} was trained with them: every vector changes, short texts most.",
            _AGAIN,
            {"ids": list(ids)},
        )
    elif _last_token_pooling(target) and ids[-1] not in special:
        yield Finding(
            "tokenizer",
            "eos-missing",
            "serious",
            "The vector is taken from the last token, and no end token is added",
            "The model was trained to gather the text in its end token; without it the last word stands for the text.",
            "Use the tokenizer of the model's repository, or append the end token.",
            {"ids": list(ids)},
        )


def _cut_in_pieces(tokenizer: Any) -> Iterator[Finding]:
    split = [
        token
        for token in tokenizer.all_special_tokens
        if len(tokenizer(token, add_special_tokens=False)["input_ids"]) != 1
    ]
    if split:
        yield Finding(
            "tokenizer",
            "special-tokens-split",
            "serious",
            f"The special tokens {', '.join(split[:4])} are cut in pieces",
            "They are not declared as special in the tokenizer's files.",
            _AGAIN,
            {"tokens": split},
        )


def _pad_token(target: Target, tokenizer: Any) -> Iterator[Finding]:
    if tokenizer.pad_token_id is None:
        yield Finding(
            "tokenizer",
            "pad-missing",
            "serious",
            "There is no padding token",
            "Texts cannot be put in one batch.",
            _AGAIN,
        )
    elif isinstance(pad := target.config.get("pad_token_id"), int) and pad != tokenizer.pad_token_id:
        # Without such positions the id in config.json is read by nothing that makes vectors.
        severity: Severity = "serious" if target.config.get("model_type") in _OFFSET else "notice"
        yield Finding(
            "tokenizer",
            "pad-differs",
            severity,
            f"config.json pads with id {pad}, the tokenizer with {tokenizer.pad_token_id}",
            "Models that count positions from the padding id read every text at other positions.",
            _AGAIN,
            {"config": pad, "tokenizer": tokenizer.pad_token_id},
        )


def _lost_ends(kind: str, ids: list[int], bare: list[int]) -> list[str]:
    """Which of its special tokens, at the start and at the end of a text, an architecture's tokenizer does not add."""
    room = range(len(ids) - len(bare) + 1)
    lead = next((at for at in room if ids[at : at + len(bare)] == bare), 0)
    added = {"start": lead, "end": len(ids) - len(bare) - lead}
    return [end for end in (["end"] if kind in _END_ONLY else ["start", "end"]) if added[end] <= 0]


def _last_token_pooling(target: Target) -> bool:
    from evaluators.preflight.configuration import declared_pooling

    return declared_pooling(target) == ("lasttoken",)


def _padding(target: Target, tokenizer: Any) -> Iterator[Finding]:
    if tokenizer.padding_side == "left" and target.config.get("model_type") in _ABSOLUTE:
        yield Finding(
            "tokenizer",
            "padding-left",
            "serious",
            "Texts are padded on the left",
            "The model's positions are counted from the left: a short text's vector depends on its batch.",
            'Set "padding_side": "right" in tokenizer_config.json.',
        )


def _lengths(target: Target, tokenizer: Any) -> Iterator[Finding]:
    declared = target.object(target.of_root("sentence_bert_config.json")).get("max_seq_length")
    room, taken = positions_of(target.config), tokenizer.model_max_length
    evidence = {"sentence_bert_config": declared, "tokenizer": taken, "positions": room}
    if room and isinstance(declared, int) and declared > room:
        yield Finding(
            "tokenizer",
            "length-beyond-positions",
            "serious",
            f"max_seq_length is {declared}, the model has {room} positions",
            "A longer text stops the run.",
            f"Set max_seq_length to {room} or less.",
            evidence,
        )
    elif isinstance(declared, int) and taken < declared:
        yield Finding(
            "tokenizer",
            "length-cut",
            "serious",
            f"sentence_bert_config.json reads {declared} tokens, the tokenizer's model_max_length is {taken}",
            "Tools that ask the tokenizer cut long texts earlier than sentence-transformers does.",
            "Put model_max_length back as the model's repository has it.",
            evidence,
        )
    elif room and declared is None and taken > room:
        yield Finding(
            "tokenizer",
            "length-unbounded",
            "serious",
            f"No file cuts texts at the {room} positions the model has",
            "A longer text stops the run.",
            f"Set model_max_length to {room}.",
            evidence,
        )

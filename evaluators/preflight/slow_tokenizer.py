"""The older files of a tokenizer against tokenizer.json: tools that read either have to agree."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from evaluators.model_files.reading import as_object, read_text
from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer_forms import Form
from evaluators.preflight.tokenizer_probes import all_texts

__all__ = ["check_slow_files", "check_vocab_txt"]

_SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "tokenizer.model", "spm.model")
# Texts of which the two forms may split some otherwise: rare characters are folded by two libraries.
_MAY_DIFFER = 0.2
_LOST = 0.02  # share of the pieces that may be absent: marks that are added under other names


def check_vocab_txt(target: Target, tokenizer: Any) -> Iterator[Finding]:
    """vocab.txt against the loaded vocabulary: fast and slow tokenizers read different files."""
    name = target.of_root("vocab.txt")
    lines, vocabulary = read_text(target.path(name)).splitlines(), tokenizer.get_vocab()
    if moved := [token for index, token in enumerate(lines) if vocabulary.get(token) != index]:
        seen = f"vocab.txt and tokenizer.json give {len(moved)} tokens other ids, the first is {moved[0]!r}"
        yield finding("vocabularies-differ", seen, {"tokens": moved[:12]})


def check_slow_files(target: Target, form: Form) -> Iterator[Finding]:
    """Words and merges of vocab.json and merges.txt, and pieces and splits of a SentencePiece model."""
    yield from _words(target, form)
    yield from _merges(target)
    yield from _pieces(target, form)


def _words(target: Target, form: Form) -> Iterator[Finding]:
    ids = target.object(target.of_root("vocab.json"))
    moved = [token for token, index in ids.items() if form.vocabulary.get(token, index) != index]
    absent = [token for token in ids if token not in form.vocabulary]
    if moved or absent:
        seen = f"vocab.json and {form.name} give {len(moved)} tokens other ids, and {len(absent)} are absent there"
        yield finding("vocabularies-differ", seen, {"tokens": [*moved, *absent][:12]})


def _merges(target: Target) -> Iterator[Finding]:
    name = target.of_root("merges.txt")
    merges = as_object(target.object(target.of_root("tokenizer.json")).get("model")).get("merges")
    if not target.has(name) or not isinstance(merges, list):
        return
    lines = read_text(target.path(name)).split("\n")
    older = [line for line in lines if line.strip() and not line.startswith("#version")]
    newer = [merge if isinstance(merge, str) else " ".join(map(str, merge)) for merge in merges]
    if older != newer:
        shorter = min(len(older), len(newer))
        at = next((at for at, pair in enumerate(zip(older, newer, strict=False)) if len(set(pair)) > 1), shorter)
        seen = f"merges.txt has {len(older):,} merges, tokenizer.json {len(newer):,}; they part at the {at + 1:,}th"
        yield finding("merges-differ", seen, {"first": at})


def _pieces(target: Target, form: Form) -> Iterator[Finding]:
    name = next((n for n in map(target.of_root, _SENTENCEPIECE) if target.has(n)), None)
    if name is None or find_spec("sentencepiece") is None:
        return
    reader = _reader(str(target.path(name)))
    if reader is None:
        yield finding("pieces-differ", f"{name} cannot be read by SentencePiece")
        return
    pieces = [reader.id_to_piece(i) for i in range(reader.get_piece_size()) if not reader.is_control(i)]
    absent = [piece for piece in pieces if piece not in form.vocabulary]
    if len(absent) > _LOST * len(pieces):
        seen = f"{len(absent):,} of the {len(pieces):,} pieces of {name} are not in {form.name}"
        yield finding("pieces-differ", seen, {"pieces": absent[:12]})
        return
    texts = all_texts()
    split = [
        text
        for text, encoding in zip(texts, form.encoded(texts), strict=True)
        if _bare(encoding.tokens) != _bare(reader.encode(text, out_type=str))
    ]
    if len(split) > _MAY_DIFFER * len(texts):
        seen = f"{name} and {form.name} split {len(split)} of {len(texts)} texts otherwise"
        yield finding("pieces-differ", seen, {"texts": split[:4]})


def _reader(path: str) -> Any | None:
    import sentencepiece

    try:
        return sentencepiece.SentencePieceProcessor(model_file=path)
    except (RuntimeError, OSError):  # its word for a file that is none
        return None


def _bare(tokens: list[str]) -> list[str]:
    """The pieces without the mark that stands alone, which the two libraries set at other places."""
    return [token for token in tokens if token != "▁"]

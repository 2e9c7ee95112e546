"""Long texts cut in pieces before they were encoded, as RAG frameworks do it: told by kind, size and overlap."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data.rules.splitters import SPLITTERS
from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.reference import Embeddings
from evaluators.probes import load_probes
from tests.diagnose.live import write_bert

PARAGRAPHS = [
    "The harbour office opens at six and closes when the last boat is in, which in summer may be long after ten.",
    "Tickets are sold on board; children under six, dogs and bicycles travel free of charge on all of the lines.",
    "In a storm the crossing is cancelled, and buses take passengers over the bridge at no further cost to them.",
    "Lost property is kept for thirty days in the small blue house behind the fish market, ring twice for help.",
]
SHORT = [probe.text for probe in load_probes().core if 0 < len(probe.text.strip()) < 100]
LONG = ["\n\n".join(PARAGRAPHS[:count]) for count in (2, 3, 4)]
LONG += [" ".join(PARAGRAPHS[place:] + PARAGRAPHS[:place]) for place in (1, 2, 3)]
TEXTS = [*SHORT, *LONG]
PROMPT = "passage: "


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A small BERT with MiniLM's tokenizer."""
    return Bench(load_reference(str(_folder(tmp_path_factory.mktemp("splits")))), batched(TEXTS))


def _folder(at: Path) -> Path:
    folder = write_bert(at / "bert")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 128, "do_lower_case": False}))
    return folder


def _windows(text: str, size: int, step: int) -> list[str]:
    """As people write it: one more window for as long as text is left that no window has."""
    pieces = [text[:size]]
    while step * (len(pieces) - 1) + size < len(text):
        start = step * len(pieces)
        pieces.append(text[start : start + size])
    return pieces


def _to_the_end(text: str, size: int, step: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), step)]


def _in_words(text: str) -> list[str]:
    words = text.split()
    pieces = [
        " ".join(words[start : start + 30]) for start in range(0, len(words), 25) if start == 0 or words[start + 5 :]
    ]
    return pieces or [text]


def _two_each(sentences: list[str]) -> list[str]:
    return [" ".join(sentences[start : start + 2]) for start in range(0, len(sentences), 2)]


def _by_paragraph(text: str) -> list[str]:
    """What a splitter at breaks comes to where each paragraph just fits."""
    return text.split("\n\n")


def _plain(units: Embeddings, tokens: list[int]) -> Embeddings:
    return np.asarray(units.mean(0))


def _by_tokens(units: Embeddings, tokens: list[int]) -> Embeddings:
    return np.asarray(np.average(units, axis=0, weights=tokens))


def _encoded(
    bench: Bench, split: Callable[[str], list[str]], one_of: Callable[[Embeddings, list[int]], Embeddings] = _plain,
    prompts: tuple[str, str] = ("", ""),
) -> Embeddings:  # fmt: skip
    """By transformers alone: each piece by itself; with a prompt before the first, and one before the others."""
    import torch

    rows = []
    for text in bench.texts.texts:
        pieces = [prompts[place > 0] + piece for place, piece in enumerate(split(text))] if text else [prompts[0]]
        ids = [bench.reference.tokenizer(piece, truncation=True, max_length=128)["input_ids"] for piece in pieces]
        with torch.inference_mode():
            states = [bench.reference.model(torch.tensor([one])).last_hidden_state[0].mean(0).numpy() for one in ids]
        units = np.stack([state / np.linalg.norm(state) for state in states])
        one = one_of(units, [len(each) for each in ids])
        rows.append(one / np.linalg.norm(one))
    return np.stack(rows).astype(np.float32)


CASES: dict[str, tuple[Callable[[str], list[str]], Callable[[Embeddings, list[int]], Embeddings], str]] = {
    "characters": (
        lambda text: _windows(text, 150, 120), _plain,
        "texts in pieces of 150 characters, 30 of them shared: the mean of their normalised vectors",
    ),
    "a loop over all starts": (
        lambda text: _to_the_end(text, 200, 100), _by_tokens,
        "texts in pieces of 200 characters, 100 of them shared, as long as one begins: "
        "the mean of their normalised vectors by their tokens",
    ),
    "a size of nobody's": (
        lambda text: _windows(text, 137, 137), _plain,
        "texts in pieces of 137 characters, 0 of them shared: the mean of their normalised vectors",
    ),
    "two sentences each": (
        lambda text: _two_each(re.split(r"(?<=[.]) |\n\n", text)), _plain,
        "texts in pieces of 2 sentences, 0 of them shared: the mean of their normalised vectors",
    ),
    "words": (
        _in_words, _plain, "texts in pieces of 30 words, 5 of them shared: the mean of their normalised vectors",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_pieces_are_told_by_kind_size_and_overlap(case: str, bench: Bench) -> None:
    split, one_of, words = CASES[case]
    answer = diagnose(bench, _encoded(bench, split, one_of))
    assert answer.verdict == "explained", answer.sentence
    (named,) = answer.causes
    assert words in (named.cause.words, *named.same_as), answer.sentence


@pytest.mark.parametrize("decoded", [False, True])
def test_pieces_of_tokens_that_were_read_again_are_told_by_characters(decoded: bool, bench: Bench) -> None:
    tokenizer, pieces_of = bench.reference.tokenizer, dict[str, list[str]]()
    for text in TEXTS:
        read = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids, offsets = read["input_ids"], read["offset_mapping"]
        spans = [range(start, min(start + 25, len(ids))) for start in range(0, max(1, len(ids) - 5), 20)]
        whole = [text[offsets[span[0]][0] : offsets[span[-1]][1]] for span in spans]
        again = [tokenizer.decode([ids[place] for place in span]) for span in spans]
        pieces_of[text] = (again if decoded else whole) if len(ids) > 25 else [text]
    lengths = iter([[len(piece) for piece in pieces_of[text]] for text in TEXTS])
    vectors = _encoded(bench, pieces_of.__getitem__, lambda units, _: np.average(units, axis=0, weights=next(lengths)))
    answer = diagnose(bench, vectors)
    (named,) = answer.causes
    kind = "decoded and read again" if decoded else "read again"
    words = f"texts in pieces of 25 tokens that were {kind}, 5 of them shared: "
    words += "the mean of their normalised vectors by their characters"
    assert words in (named.cause.words, *named.same_as), answer.sentence


def test_pieces_between_breaks_are_told(tmp_path: Path) -> None:
    bench = Bench(load_reference(str(_folder(tmp_path))), batched([*SHORT, *LONG[:3]]))
    answer = diagnose(bench, _encoded(bench, _by_paragraph))
    (named,) = answer.causes
    every = (named.cause.words, *named.same_as)
    assert any("cut at line breaks and spaces" in words for words in every), answer.sentence


@pytest.mark.parametrize(("later", "said"), [(PROMPT, ", each with its prompt"), ("", "vectors")])
def test_the_prompt_stands_before_each_piece_or_the_first_alone(later: str, said: str, tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    settings = {"prompts": {"document": PROMPT}, "default_prompt_name": "document"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    bench = Bench(load_reference(str(folder)), batched(TEXTS, ["document"] * len(TEXTS)))
    whole = _encoded(bench, lambda text: [text], prompts=(PROMPT, ""))
    assert np.abs(whole - bench.vectors(bench.reference.recipe)).max() < 1e-5
    cut = (lambda text: _windows(text, 150, 120)) if later else (lambda text: _with_first(text))
    answer = diagnose(bench, _encoded(bench, cut, prompts=(PROMPT, later)))
    (named,) = answer.causes
    assert named.cause.words.startswith("texts in pieces of 150 characters, 30 of them shared"), answer.sentence
    assert named.cause.words.endswith(said)


def _with_first(text: str) -> list[str]:
    """Windows over the text with its prompt, which the first one begins with."""
    first, *others = _windows(PROMPT + text, 150, 120)
    return [first.removeprefix(PROMPT), *others]


def test_a_recursive_splitter_cuts_as_langchains_does() -> None:
    """``RecursiveCharacterTextSplitter`` of langchain-text-splitters 1.1, run on this text."""
    text = "One two three.\n\nFour five six seven eight nine ten.\nEleven\n\n\nTwelve abcdefghijklmnopqrstuvwxyz end  ."
    assert SPLITTERS["breaks"].split(text, 20, 6) == [
        "One two three.", "Four five six seven", "seven eight nine", "nine ten.", "Eleven", "Twelve",
        "abcdefghijklmnopqrs", "nopqrstuvwxyz", "end  .",
    ]  # fmt: skip


def test_what_is_no_splitter_is_not_named(bench: Bench) -> None:
    answer = diagnose(bench, _encoded(bench, lambda text: text.split(". ") if len(text) > 250 else [text], _odd))
    assert not answer.causes, answer.sentence


def _odd(units: Embeddings, tokens: list[int]) -> Embeddings:
    return np.asarray(units[-1] - 0.3 * units[0]) if len(units) > 1 else units[0]

"""What was done to texts and tokens on their way, made by another route than the catalogue's: named, or not at all."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from data.rules.causes.habits import HABITS
from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes.places import placed
from evaluators.diagnose.reference import Embeddings, Reference
from evaluators.diagnose.rows import Sent
from evaluators.diagnose.wordpiece import WordPiece
from evaluators.probes import load_probes
from tests.diagnose.live import write_bert

PROBES = load_probes().probes
SHORT = [probe.text for probe in PROBES if probe.core and len(probe.text.strip()) > 0 and len(probe.text) < 700]
LONG = " ".join(probe.text for probe in PROBES if probe.probe in ("length-60", "length-130"))
TEXTS = [*SHORT, *(LONG[: 170 * count] for count in range(1, 6))]


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A small BERT with MiniLM's tokenizer, cut at 256 tokens."""
    folder = write_bert(tmp_path_factory.mktemp("texts") / "bert")
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 256, "do_lower_case": False}))
    return load_reference(str(folder))


@pytest.fixture(scope="module")
def bench(bert: Reference) -> Bench:
    """What one case computes of the causes serves the others."""
    return Bench(bert, batched(TEXTS))


def ids(reference: Reference, text: str, **options: Any) -> list[int]:
    return list(reference.tokenizer(text, truncation=True, **{"max_length": 256, **options})["input_ids"])


def mean(reference: Reference, rows: Sequence[Sequence[int]]) -> Embeddings:
    """Mean of the token vectors of each row, by itself, normalised."""
    import torch

    with torch.no_grad():
        made = [reference.model(input_ids=torch.tensor([list(row)])).last_hidden_state[0].mean(0) for row in rows]
    vectors = torch.nn.functional.normalize(torch.stack(made))
    return np.asarray(vectors.numpy(), dtype=np.float32)


def read(change: Callable[[str], str], **options: Any) -> Callable[[Reference], Embeddings]:
    return lambda reference: mean(reference, [ids(reference, change(text), **options) for text in TEXTS])


def chunked(size: int, shared: int) -> Callable[[Reference], Embeddings]:
    """The mean of the vectors of overlapping chunks, as a RAG framework's splitter over tokens makes them."""

    def encode(reference: Reference) -> Embeddings:
        vectors = []
        for text in TEXTS:
            inner = ids(reference, text, max_length=512)[1:-1]
            parts, start = [], 0
            while True:
                parts.append([101, *inner[start : start + size - 2], 102])
                start += size - 2 - shared
                if start + shared >= len(inner):
                    break
            one = mean(reference, parts).mean(0)
            vectors.append(one / np.linalg.norm(one))
        return np.stack(vectors).astype(np.float32)

    return encode


MADE: dict[str, tuple[Callable[[Reference], Embeddings], str]] = {
    "tokens": (read(str, max_length=73), "texts cut at 73 tokens"),
    "characters": (read(lambda text: text[:321]), "texts cut at 321 characters"),
    "bytes": (read(lambda text: text.encode()[:300].decode(errors="ignore")), "texts cut at 300 bytes"),
    "chunks": (chunked(80, 10), "texts in chunks of 80 tokens, 10 of them shared"),
    "specials": (read(str, add_special_tokens=False), "special tokens missing"),
    "prompt": (read("search_document: {}".format), 'prompt "search_document: " added'),
    "entities": (read(html.escape), "texts escaped as in HTML"),
    "gemma": (
        read("<start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n".format),
        "the chat template of Gemma around each text",
    ),
    "llama": (
        read("<|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>".format),
        "the chat template of Llama 3 around each text, without the assistant's turn",
    ),
    "digits": (read(lambda text: re.sub(r"\d", "#", text)), "a # in the place of each digit"),
    "cp1252": (read(lambda text: text.encode().decode("cp1252", "ignore")), "UTF-8 read as Windows-1252"),
}  # fmt: skip


@pytest.mark.parametrize("case", MADE)
def test_what_was_done_to_a_text_is_named(case: str, bert: Reference, bench: Bench) -> None:
    make, wanted = MADE[case]
    answer = diagnose(bench, make(bert))
    assert answer.verdict == "explained", answer.sentence
    named = [words for one in answer.causes for words in (one.cause.words, *one.same_as)]
    assert len(answer.causes) == 1 and any(words.startswith(wanted) for words in named), answer.sentence


def test_what_no_cause_does_is_not_named(bert: Reference, bench: Bench) -> None:
    answer = diagnose(bench, read(lambda text: re.sub("[aeiou]", "", text))(bert))
    assert not answer.causes, answer.sentence


def _changed(bert: Reference, change: Callable[[Any], None]) -> Callable[[str], list[int]]:
    import copy

    tokenizer = copy.deepcopy(bert.tokenizer)
    change(tokenizer.backend_tokenizer)
    return lambda text: list(tokenizer(text)["input_ids"])


def test_a_word_piece_by_hand_is_the_librarys_own_and_so_are_its_habits(bert: Reference) -> None:
    from tokenizers.normalizers import BertNormalizer
    from tokenizers.pre_tokenizers import BertPreTokenizer, Digits, Sequence, WhitespaceSplit

    def normalizer(**switches: bool) -> Callable[[Any], None]:
        return lambda backend: setattr(backend, "normalizer", BertNormalizer(**{"lowercase": True, **switches}))

    def pre_tokenizer(one: Any) -> Callable[[Any], None]:
        return lambda backend: setattr(backend, "pre_tokenizer", one)

    def no_longest(backend: Any) -> None:
        backend.model.max_input_chars_per_word = 10_000

    made: dict[str, Callable[[Any], None]] = {
        "": lambda backend: None,
        "accents-kept": normalizer(strip_accents=False),
        "controls-kept": normalizer(clean_text=False),
        "cjk-joined": normalizer(handle_chinese_chars=False),
        "case-kept": normalizer(lowercase=False, strip_accents=True),
        "punctuation-joined": pre_tokenizer(WhitespaceSplit()),
        "digits-split": pre_tokenizer(Sequence([BertPreTokenizer(), Digits(individual_digits=True)])),
        "long-words-split": no_longest,
    }
    texts = [*(probe.text for probe in PROBES), "x" * 140 + " a\x07b\x1fc ἈΡΧῊ ΣΟΦΟΣ 漢字１２", "ﬁ Ⅷ ①"]
    for habit, change in made.items():
        own, library = WordPiece(bert, (habit,) if habit else ()), _changed(bert, change)
        differing = [text for text in texts if own(text)["input_ids"] != library(text)]
        assert not differing, habit
        assert not habit or any(own(text)["input_ids"] != list(bert.tokenizer(text)["input_ids"]) for text in texts), (
            habit
        )


def test_habits_of_another_tokenizer_are_put_together(bert: Reference) -> None:
    texts = [probe.text for probe in PROBES if len(probe.text) < 200 and probe.text.strip()]
    other = WordPiece(bert, ("lower-ascii", "symbols-joined", "hangul-whole"))
    vectors = mean(bert, [other(text)["input_ids"][:256] for text in texts])
    answer = diagnose(Bench(bert, batched(texts)), vectors)
    words = [HABITS[habit] for habit in ("hangul-whole", "symbols-joined", "lower-ascii")]
    assert [one.cause.code for one in answer.causes] == ["tokenizer-implementation"], answer.sentence
    assert answer.causes[0].cause.blanks == {"habits": words}
    assert answer.causes[0].cause.words == f"another implementation of the tokenizer ({', '.join(words)})"


ROWS = np.random.default_rng(4).normal(size=(24, 16))
LENGTHS = [list(range(40, 64)), [int(one) for one in np.random.default_rng(5).permutation(24)]]
EXCHANGED, BORROWED = np.arange(24), np.arange(24)
EXCHANGED[[3, 9, 17]] = [9, 17, 3]
BORROWED[[2, 5, 8]] = [11, 11, 20]
PLACES: dict[str, tuple[Any, str, dict[str, int]]] = {
    "off by one": (np.roll(np.arange(24), 1), "rows-shifted", {"by": -1}),
    "reverse": (np.arange(24)[::-1], "rows-reversed", {}),
    "by length": (np.argsort(LENGTHS[1]), "rows-by-length", {}),
    "in batches of eight": (np.arange(24).reshape(3, 8)[:, ::-1].reshape(-1), "rows-reversed-by-batch", {"size": 8}),
    "by length in batches": (
        np.concatenate([start + np.argsort([-one for one in LENGTHS[1][start : start + 8]]) for start in (0, 8, 16)]),
        "rows-by-length-by-batch",
        {"size": 8},
    ),
    "exchanged": (EXCHANGED, "rows-exchanged", {"count": 3}),
    "from a cache": (BORROWED, "rows-of-others", {"count": 3}),
    "anyhow": (np.random.default_rng(6).permutation(24), "rows-shuffled", {}),
}


@pytest.mark.parametrize("case", PLACES)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_rows_of_other_texts_are_told_by_their_order(case: str, noise: float) -> None:
    order, code, blanks = PLACES[case]
    rows = ROWS[order] + noise * np.random.default_rng(7).normal(size=ROWS.shape)
    answer = placed(rows, ROWS, Sent(LENGTHS))
    if noise and code == "rows-of-others":  # a row that only rounds is no other text's, and stays unexplained
        rows = np.where((order != np.arange(24))[:, None], rows, ROWS)
        answer = placed(rows, ROWS, Sent(LENGTHS))
    assert answer is not None
    assert (answer[0].code, answer[0].blanks) == (code, blanks)
    assert np.abs(answer[1] - ROWS[order]).max() == 0


@pytest.mark.parametrize("case", ["off by one", "by length", "in batches of four"])
def test_an_order_within_each_of_several_calls_is_told(case: str) -> None:
    calls, places = [list(range(0, 24, 2)), list(range(1, 24, 2))], np.arange(24)
    for call in calls:
        own = np.array(call)
        lengths = np.array([LENGTHS[1][place] for place in call])
        blocks = np.arange(12).reshape(3, 4)[:, ::-1].reshape(-1)
        places[call] = own[
            {"off by one": np.roll(np.arange(12), -1), "by length": np.argsort(lengths)}.get(case, blocks)
        ]
    answer = placed(ROWS[places], ROWS, Sent(LENGTHS, calls))
    assert answer is not None and np.abs(answer[1] - ROWS[places]).max() == 0
    codes = {"off by one": "rows-shifted", "by length": "rows-by-length"}
    assert answer[0].code == codes.get(case, "rows-reversed-by-batch")


def test_rows_that_differ_otherwise_are_nobodys() -> None:
    assert placed(ROWS + np.random.default_rng(8).normal(size=ROWS.shape), ROWS, Sent(LENGTHS)) is None

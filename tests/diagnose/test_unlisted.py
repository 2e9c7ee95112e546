"""What no list holds is worked out from the vectors: words that were left out, a prompt, an arithmetic like another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from dashboard.stored_words import tr_stored
from dashboard.words import in_language
from data.rules.causes import CAUSES
from data.rules.causes.edits import listed_removed, listed_removed_anywhere
from data.rules.causes.marks import marks_in, marks_removed
from evaluators.diagnose.answer import Bench, Diagnosis, Match, Recipe, batched, diagnose, load_reference
from evaluators.diagnose.instructed import prompts_put
from evaluators.diagnose.measure import apart
from evaluators.diagnose.put_before import learned_before
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.verdict import judge
from tests.models import build

TEXTS = (
    "the ship sails at dawn", "a letter from the bank", "we paid for the tickets", "prices of grain fell",
    "The harbour is closed on Monday", "send it, please, to the office", "rivers of the north and lakes of the south",
    "bread and butter", "an engine that runs on steam", "Is the museum open on Sundays?", "who wrote this letter",
    "trains to the coast leave from platform nine", "he sold the house by the sea", "steam", "Monday",
    "grain, butter and tickets for the fair", "nine lakes", "how far is it to the coast?", "open the door",
    "letters of the bank to the museum", "dawn over the harbour", "the fair on the square", "a square house",
)  # fmt: skip
LEFT_OUT = ("the", "of", "and", "on", "to", "it", "The")
PROMPT = "Classify this customer complaint by department: "


@pytest.fixture(scope="module")
def bench(minilm: Bench) -> Bench:
    """MiniLM in small with short texts, every third of them a query."""
    roles = ["query" if place % 3 == 0 else "document" for place in range(len(TEXTS))]
    return Bench(minilm.reference, batched(TEXTS, roles))


def _encoded(bench: Bench, texts: Sequence[str], model: Any = None, pool: str = "mean") -> Embeddings:
    """By transformers alone, a text at a time."""
    ids = [bench.reference.tokenizer(text, truncation=True, max_length=256)["input_ids"] for text in texts]
    return _of_ids(model or bench.reference.model, ids, pool)


def _of_ids(model: Any, ids: Sequence[Sequence[int]], pool: str = "mean") -> Embeddings:
    import torch

    rows = []
    for one in ids:
        with torch.inference_mode():
            states = model(torch.tensor([list(one)])).last_hidden_state[0]
        rows.append((states.mean(0) if pool == "mean" else states[0]).numpy())
    stack = np.stack(rows)
    return np.asarray(stack / np.linalg.norm(stack, axis=1, keepdims=True), dtype=np.float32)


def _spaced(text: str) -> str:
    return " ".join(word for word in text.split() if word not in LEFT_OUT)


def _anywhere(text: str) -> str:
    return re.sub(rf"\b(?:{'|'.join(LEFT_OUT)})\b", "", text)


@pytest.mark.parametrize(
    ("left_out", "pool", "codes"),
    [
        (_spaced, "mean", ["words-left-out"]),
        (_anywhere, "mean", ["words-left-out-anywhere"]),
        (_spaced, "cls", ["pooling-cls", "words-left-out"]),
    ],
)
def test_words_of_an_unknown_list_are_found(
    bench: Bench, left_out: Callable[[str], str], pool: str, codes: list[str]
) -> None:
    diagnosis = diagnose(bench, _encoded(bench, [left_out(text) for text in TEXTS], pool=pool))
    causes = {named.cause.code: named.cause for named in diagnosis.causes}
    assert (diagnosis.verdict, sorted(causes)) == ("explained", codes), diagnosis.sentence
    listed = set(str(causes[codes[-1]].blanks["listed"]).split())
    held = {word for text in TEXTS for word in (text.split() if left_out is _spaced else re.findall(r"\w+", text))}
    assert listed == held & set(LEFT_OUT)
    lines = causes[codes[-1]].snippet
    scope: dict[str, Any] = {"texts": list(TEXTS)}
    exec(lines, scope)  # what is to be pasted does what was found
    assert scope["texts"] == [" ".join(left_out(text).split()) for text in TEXTS]


def test_words_are_left_out_between_spaces_or_beside_signs() -> None:
    assert listed_removed("it, the  end", "it the") == "it, end"
    assert listed_removed_anywhere("it, the end of it.", "it the") == ", end of ."


def _statement(diagnosis: Diagnosis) -> Any:
    return next((one for one in diagnosis.described if one.code == "text-before"), None)


@pytest.mark.parametrize("role", [None, "query"])
def test_an_unknown_prompt_is_described(bench: Bench, role: str | None) -> None:
    put = [PROMPT + text if role in (None, own) else text for text, own in zip(TEXTS, bench.texts.roles, strict=True)]
    diagnosis = diagnose(bench, _encoded(bench, put))
    statement = _statement(diagnosis)
    assert diagnosis.verdict == "unknown" and statement is not None
    assert statement.numbers["role"] == role and statement.numbers["share"] > 0.5
    assert f"before each {role or 'text'} explain" in diagnosis.sentence
    with in_language("zh"):
        assert not re.search("[a-z]{4}", tr_stored(statement.sentence))


@pytest.mark.parametrize(
    ("roles", "prompts"),
    [(("query", "title"), {"title": "Q: "}), (("query", "document", None), {None: "Q: ", "query": "A: "})],
)
def test_prompts_on_roles_that_no_cause_has_are_no_error(
    bench: Bench, roles: tuple[str | None, ...], prompts: dict[str | None, str]
) -> None:
    own = [roles[place % len(roles)] for place in range(len(TEXTS))]
    others = Bench(bench.reference, batched(TEXTS, own))
    put = [prompts.get(role, "") + text for text, role in zip(TEXTS, own, strict=True)]
    assert prompts_put(others, _encoded(bench, put), ()) == []


MARKED = {
    "# The harbour\nopens at *six*": "The harbour\nopens at *six*", "a | b | c": "a   b   c",
    "- bread\n- butter": "bread\nbutter", "the `engine` runs on **steam**": "the `engine` runs on steam",
    "> nine lakes": "> nine lakes", "see [the fair](https://example.org/fair)": "see the fair",
}  # fmt: skip


def test_marks_that_a_cleaner_took_out_are_told_by_kind(minilm: Bench) -> None:
    texts = [*MARKED, *TEXTS[:12]]
    bench = Bench(minilm.reference, batched(texts))
    diagnosis = diagnose(bench, _encoded(bench, [MARKED.get(text, text) for text in texts]))
    (named,) = diagnosis.causes
    assert (diagnosis.verdict, named.cause.code) == ("explained", "marks-left-out"), diagnosis.sentence
    for kind in ("the signs of headings", "the signs of lists", "the signs of bold text", "the addresses of links"):
        assert kind in named.cause.words
    with in_language("zh"):
        assert not re.search("[a-z]{4}", tr_stored(diagnosis.sentence))
    scope: dict[str, Any] = {"texts": list(texts)}
    exec(named.cause.snippet, scope)
    assert [" ".join(one.split()) for one in scope["texts"]] == [
        " ".join(MARKED.get(text, text).split()) for text in texts
    ]


def test_each_kind_of_mark_is_taken_out_alone() -> None:
    text = (
        "# one\n> two\n- three\n1. four\n**five** *six* `seven`\n| a | b |\n|---|---|\n[x](http://y) ![z](w) <b>8</b>"
    )
    assert marks_removed(text, "headings quotes") == text.removeprefix("# ").replace("> ", "")
    assert marks_removed(text, "table-rules") == text.replace("|---|---|", "")
    assert "x ![z](w)" in marks_removed(text, "links") and "z <b>" in marks_removed(text, "picture-links")
    assert set(marks_in(text)) >= {"headings", "quotes", "bullets", "numbers", "bold", "italic", "code", "bars", "tags"}
    assert marks_in("plain words, and no more.") == []


INSTRUCTED = "Instruct: Given a claim, find documents that refute the claim.\nQuery: "


@pytest.mark.parametrize(
    ("prompts", "pool", "words"),
    [
        ({"query": INSTRUCTED}, "mean", f'prompt "{INSTRUCTED}" on queries alone'),
        ({"query": INSTRUCTED, "document": INSTRUCTED}, "cls", f'prompt "{INSTRUCTED}" added'),
        (
            {"query": "Represent the question for retrieving evidence documents: ", "document": "title: "}, "mean",
            'prompt "Represent the question for retrieving evidence documents: " on queries and "title: " on documents',
        ),
    ],
)  # fmt: skip
def test_an_instruction_of_many_is_named(bench: Bench, prompts: dict[str, str], pool: str, words: str) -> None:
    put = [prompts.get(str(role), "") + text for text, role in zip(TEXTS, bench.texts.roles, strict=True)]
    diagnosis = diagnose(bench, _encoded(bench, put, pool=pool))
    assert diagnosis.verdict == "explained", diagnosis.sentence
    named = [named.cause.words for named in diagnosis.causes if named.cause.family == "prompt"]
    assert named == [words.replace("\n", "\\n")], diagnosis.sentence


@pytest.mark.parametrize("change", ["other weights", "reversed words", "noise"])
def test_nothing_else_is_taken_for_a_prompt(bench: Bench, change: str) -> None:
    import copy

    import torch

    texts, model = list(TEXTS), copy.deepcopy(bench.reference.model)
    if change == "other weights":
        generator = torch.Generator().manual_seed(3)
        for parameter in model.encoder.parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.data += 0.4 * drawn * (parameter.std() if parameter.numel() > 1 else 0)
    if change == "reversed words":
        texts = [" ".join(reversed(text.split())) + " indeed" for text in texts]
    vectors = _encoded(bench, texts, model)
    if change == "noise":
        noisy = vectors + 0.5 * np.random.default_rng(0).normal(size=vectors.shape) / vectors.shape[1] ** 0.5
        vectors = (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)
    assert learned_before(bench, vectors) is None


def test_a_model_that_takes_no_vectors_is_not_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = _encoded(bench, [PROMPT + text for text in TEXTS])
    assert learned_before(bench, vectors) is not None
    monkeypatch.setattr(bench.reference.model, "get_input_embeddings", lambda: None)
    assert learned_before(bench, vectors) is None


def test_an_arithmetic_by_another_formula_is_named_beside_a_prompt(bench: Bench) -> None:
    """Eight bits in blocks of sixteen, as nobody of the catalogue has them."""
    import copy

    import torch

    model = copy.deepcopy(bench.reference.model)
    for module in model.encoder.modules():
        if isinstance(module, torch.nn.Linear):
            blocks = module.weight.data.reshape(-1, 16)
            scale = blocks.abs().amax(1, keepdim=True) / 127
            module.weight.data = ((blocks / scale).round() * scale).reshape(module.weight.shape)
    diagnosis = diagnose(bench, _encoded(bench, [f"passage: {text}" for text in TEXTS], model))
    assert diagnosis.verdict == "explained", diagnosis.sentence
    prompt, arithmetic = sorted((named.cause for named in diagnosis.causes), key=lambda cause: cause.precision)
    assert "passage: " in prompt.words and "int8" in arithmetic.code


def test_rows_exchanged_are_named_beside_a_coarse_arithmetic(minilm: Bench) -> None:
    import torch

    texts = [f"{text} {number}" for number in ("one", "two") for text in TEXTS]
    bench = Bench(minilm.reference, batched(texts, [None] * len(texts)))
    quantised = torch.ao.quantization.quantize_dynamic(bench.reference.model, {torch.nn.Linear}, dtype=torch.qint8)
    vectors = _encoded(bench, texts, quantised)
    order = np.arange(len(texts))
    for place in (3, 11, 20, 31):
        order[[place, place + 1]] = place + 1, place
    codes = {named.cause.code for named in diagnose(bench, vectors[order]).causes}
    assert "rows-exchanged" in codes and any(code.startswith("int8-") for code in codes)


def test_ranges_are_read_anew_where_most_texts_were_changed(bench: Bench) -> None:
    """Ranges of dimensions of which most texts are others: the plain vectors fit them badly."""
    texts = [text if place < 12 else f"{text} – café, naïve über" for place, text in enumerate(TEXTS)]
    bench = Bench(bench.reference, batched(texts, bench.texts.roles))
    vectors = _encoded(bench, [re.sub("[^\x00-\x7f]", "", text) for text in texts])
    low, high = vectors.min(0), vectors.max(0)
    numbers = np.floor((vectors - low) / (high - low) * 255 - 128).clip(-128, 127).astype(np.float32)
    diagnosis = diagnose(bench, numbers)
    assert {named.cause.code for named in diagnosis.causes} == {"ascii-only", "numbers-by-dimension"}


def test_a_length_is_seen_through_ranges_of_dimensions(bench: Bench) -> None:
    texts = [text if place % 3 else f"{text} {' '.join(TEXTS[place:])}"[:260] for place, text in enumerate(TEXTS)]
    bench = Bench(bench.reference, batched(texts, [None] * len(texts)))
    read = bench.reference.tokenizer
    vectors = _of_ids(
        bench.reference.model, [read(text, truncation=True, max_length=20)["input_ids"] for text in texts]
    )
    low, high = vectors.min(0), vectors.max(0)
    numbers = ((vectors - low) / (high - low) * 255 - 128).astype(np.int8)
    diagnosis = diagnose(bench, numbers)
    assert sorted(named.cause.code for named in diagnosis.causes) == ["max-length", "numbers-by-dimension"]
    assert any(named.cause.blanks.get("length") == 20 for named in diagnosis.causes)


def test_a_step_of_the_normalizer_that_is_left_out_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tokenizers import Tokenizer

    folder = build("XLM-R with a SentencePiece tokenizer, mean", tmp_path_factory.mktemp("steps") / "model")
    path = folder / "tokenizer.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    state["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    path.write_text(json.dumps(state), encoding="utf-8")
    texts = [text.upper() if place % 2 else f"ﬁt {text} ２" for place, text in enumerate(TEXTS)]
    bench = Bench(load_reference(str(folder)), batched(texts, [None] * len(texts)))
    del state["normalizer"]["normalizers"][0]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    vectors = _of_ids(bench.reference.model, [tokenizer.encode(text).ids for text in texts])
    diagnosis = diagnose(bench, vectors)
    (named,) = diagnosis.causes
    # A character that the vocabulary lacks may as well have been any other that it lacks.
    words = "a step of the tokenizer's normalizer lost (NFKC)"
    assert diagnosis.verdict == "explained" and words in (named.cause.words, *named.same_as)


def test_of_few_directions_a_likeness_is_no_evidence() -> None:
    """Two changes of weights that move all texts along one line point alike, whatever they are."""
    rng = np.random.default_rng(5)
    plain = rng.normal(size=(30, 64)).astype(np.float32)
    line, spread = rng.normal(size=64), rng.normal(size=(30, 64))

    def judged(moved: NDArray[np.float64]) -> str:
        own = plain + 0.05 * moved
        candidate = plain + 0.05 * (0.8 * moved + 0.6 * rng.normal(size=moved.shape))
        recipe, cause = Recipe(), CAUSES["int4-weights-q4_0"]
        matches = [
            Match((cause,), recipe, apart(candidate, own), own.astype(np.float32)),
            Match((), recipe, apart(candidate, plain), plain),
        ]
        return judge(matches, 1e-4, lambda best: 0.0).verdict

    assert judged(spread) == "precision only"
    assert judged(np.ones((30, 1)) * line) == "unknown"

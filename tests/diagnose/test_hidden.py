"""Causes that hide another one: noise of an arithmetic, a batch's padding, rows of other texts, an order by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from data.rules.causes import CAUSES
from evaluators.diagnose import narrow
from evaluators.diagnose.answer import Bench, batched, diagnose
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.causes.places import SINGLE
from evaluators.diagnose.cuts import of_tokens
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.looks import Looks
from evaluators.diagnose.match import Larger, Match
from evaluators.diagnose.measure import apart
from evaluators.diagnose.padded import length_of_batches
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Row
from evaluators.diagnose.search import Search
from evaluators.probes import load_probes
from tests.maintain.candidates import encode


@pytest.fixture(scope="module")
def lasts(decoder: Bench) -> Bench:
    """The decoder, which pools the last token, with probes of every length."""
    return _of_all_lengths(decoder)


@pytest.fixture(scope="module")
def means(minilm: Bench) -> Bench:
    return _of_all_lengths(minilm)


def _of_all_lengths(bench: Bench) -> Bench:
    probes = sorted(load_probes().probes, key=lambda probe: len(probe.text))[:-8:2]
    return Bench(bench.reference, batched([probe.text for probe in probes], [probe.role for probe in probes]))


def _made(bench: Bench, *words: str) -> Embeddings:
    every = {cause.words: cause for cause in catalogue(bench.reference, 64, 64, bench.texts.roles)}
    return encode(bench.reference, combine(bench.reference.recipe, tuple(every[one] for one in words)), bench.texts)


def test_a_length_in_noise_that_leaves_some_texts_right(means: Bench) -> None:
    vectors = _made(means, "texts cut at 32 tokens")
    draw = np.random.default_rng(3)
    noise = 0.06 * draw.normal(size=vectors.shape) / vectors.shape[1] ** 0.5
    noise[draw.random(len(vectors)) < 0.5] = 0
    noisy = (vectors + noise * np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    seen = Lengths(means, noisy, (), scattered=True).causes()
    assert [cause.words for cause in seen] == ["texts cut at 32 tokens"]
    assert Lengths(means, noisy, ()).causes() == []


def test_a_length_where_every_text_moves_with_its_batch(minilm: Bench) -> None:
    """PyTorch's int8, whose inputs are rounded over the batch, run by PyTorch in batches of eight as they come."""
    import torch

    probes = sorted(load_probes().probes, key=lambda probe: (len(probe.text) * 7919) % 101)[::2]
    texts = [probe.text for probe in probes]
    reference = minilm.reference
    bench = Bench(reference, batched(texts, size=8, by_length=False))
    assert bench.texts.batches[0] == tuple(range(8))
    quantised = torch.ao.quantization.quantize_dynamic(reference.model, {torch.nn.Linear}, dtype=torch.qint8)
    rows = []
    for batch in bench.texts.batches:
        read = reference.tokenizer(
            [texts[place] for place in batch], padding=True, truncation=True, max_length=40, return_tensors="pt"
        )
        with torch.inference_mode():
            states = quantised(**read).last_hidden_state
        mask = read["attention_mask"][..., None]
        rows += list(torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1)).numpy())
    diagnosis = diagnose(bench, np.stack(rows))
    codes = {named.cause.code for named in diagnosis.causes}
    assert "max-length" in codes and any("int8" in code for code in codes), diagnosis.sentence


def test_a_length_that_parts_the_texts_cleanly_needs_no_arithmetic_first(minilm: Bench) -> None:
    """What is left of short texts is coarse and uneven, and yet all longer ones and no other are further off."""
    short = [probe.text for probe in load_probes().probes if 15 < len(probe.text) < 70][:24]
    texts = [*short, *(" ".join(short[at : at + 9]) for at in range(0, 15, 3))]
    bench = Bench(minilm.reference, batched(texts))
    vectors = _made(bench, "texts cut at 64 tokens")
    draw = np.random.default_rng(3)
    noise = draw.normal(size=vectors.shape)
    noise *= draw.uniform(0.1, 0.2, (len(vectors), 1)) / np.linalg.norm(noise, axis=1, keepdims=True)
    noisy = (vectors + noise * np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    lengths = Lengths(bench, noisy, ())
    assert float(np.median(lengths.before[:24])) > 0.12
    assert [cause.words for cause in lengths.causes()] == ["texts cut at 64 tokens"]


def test_a_length_just_below_all_of_a_text(means: Bench) -> None:
    """Cut at 1000 characters in the middle of a word: only the number itself brings a text of 1,026 near."""
    from dataclasses import replace

    text = " ".join(f"measurement{number}" for number in range(80))[:1026]
    assert text[999:1001].isalnum()
    bench = Bench(
        means.reference, batched(["a word", "two words", "some more words than that", text, text + " and on"])
    )
    whole = replace(means.reference.recipe, length=512)
    wide = Bench(replace(means.reference, recipe=whole), bench.texts)
    cut = Bench(wide.reference, batched([one[:1000] for one in bench.texts.texts]))
    named = Lengths(wide, cut.vectors(whole), ()).causes()
    assert [cause.words for cause in named] == ["texts cut at 1000 characters"]


def test_a_length_beside_padding_that_every_text_of_a_batch_depends_on(means: Bench) -> None:
    recipe, texts = means.reference.recipe, means.texts
    every = catalogue(means.reference, 64, 64, texts.roles)
    ignored = next(cause for cause in every if cause.words == "attention mask ignored, padding in the mean")
    shorter = of_tokens(recipe.length)(32)
    vectors = encode(means.reference, combine(recipe, (ignored, shorter)), texts)
    assert length_of_batches(Lengths(means, vectors, ())) == []
    lengths = Lengths(means, vectors, (ignored,))
    assert [cause.words for cause in length_of_batches(lengths)] == ["texts cut at 32 tokens"]
    diagnosis = diagnose(means, vectors)
    assert diagnosis.verdict == "explained"
    assert {named.cause.words for named in diagnosis.causes} == {ignored.words, "texts cut at 32 tokens"}


def test_what_no_text_is_long_enough_for_is_not_said(minilm: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of 512 tokens are all of a text that has fewer, and so is its beginning."""
    texts = [*(f"word {number}" for number in range(24)), *("one more word " * times for times in (90, 100, 120))]
    bench = Bench(minilm.reference, batched(texts))
    recipe = bench.reference.recipe
    assert recipe.length < 300
    vectors = bench.vectors(combine(recipe, (of_tokens(recipe.length)(512),)))
    monkeypatch.setattr(Lengths, "_estimated", lambda *_: None)  # as where another cause has a part in the texts
    assert [cause.words for cause in Lengths(bench, vectors, ()).causes()] == ["texts cut at 512 tokens"]


def test_an_order_that_wins_by_chance_ends_no_search(lasts: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no late cause explains is taken for rows in another order here, as unrelated vectors are now and then."""
    monkeypatch.setattr(narrow, "_moved", lambda match: not match.causes)
    names = {"EOS (the end token) missing", "texts cut at 64 tokens"}
    diagnosis = diagnose(lasts, _made(lasts, *names))
    assert diagnosis.verdict == "explained"
    assert {named.cause.words for named in diagnosis.causes} == names


def test_rows_of_other_texts_hide_nothing_that_was_done_to_the_others(means: Bench) -> None:
    names = {"special tokens missing", "lower-casing lost in the tokenizer"}
    vectors = _made(means, *names)
    vectors[[2, 3]] = vectors[[9, 12]]
    diagnosis = diagnose(means, vectors)
    assert names <= {name for named in diagnosis.causes for name in (named.cause.words, *named.same_as)}


def test_more_causes_are_looked_for_without_the_rows_of_others(means: Bench) -> None:
    """With them every cause is solved on top of others, and gets a whole pass."""
    vectors = _made(means, "CLS pooling")
    vectors[[2, 3]] = vectors[[9, 12]]
    every = catalogue(means.reference, 64, 64, means.texts.roles)
    search = Search(means, vectors, [cause for cause in every if not cause.forward])
    best = search.run()[0]
    assert {cause.code for cause in best.causes} & SINGLE and best.solved
    edit = next(cause for cause in every if cause.words == "texts lower-cased")
    (step,) = search._steps([best], [edit])
    assert [cause.words for cause in step.match.causes] == ["CLS pooling"]


def test_what_is_dear_is_not_tried_as_the_third_beside_what_was_solved(means: Bench) -> None:
    every = catalogue(means.reference, 64, 64, means.texts.roles)
    edit, other = (next(c for c in every if c.words == w) for w in ("texts lower-cased", "white space collapsed"))
    dear = next(cause for cause in every if means.is_dear((cause,)))
    recipe = combine(means.reference.recipe, (edit,))
    vectors = means.vectors(recipe)
    solved = Match((edit, CAUSES["rotated"]), recipe, apart(vectors[:, ::-1], vectors), vectors)
    search = Search(means, vectors[:, ::-1], [edit, other, dear])
    before = means.passes
    assert search._larger([solved], [dear]) == [] and means.passes == before
    assert [match.early for match in search._larger([solved], [other])] == [(edit, other)]


def test_texts_of_one_batch_are_taken_where_that_batch_costs_least(minilm: Bench) -> None:
    texts = ["long " * 60, "a", "b", "c", "some words", "more words", "other words", "d"]
    bench = Bench(minilm.reference, batched(texts, size=4, by_length=False))
    assert bench.sharing([1, 2, 3, 4, 5, 6], 3) == [4, 5, 6]
    assert bench.sharing([1, 2, 3, 4, 5], 3) == [1, 2, 3]  # too few are in the cheaper one
    assert bench.sharing([1, 7], 3) == [7]


def test_a_copy_of_the_model_is_run_on_the_same_texts_whatever_is_open(
    minilm: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The texts of the fewest characters, and not those of the fewest tokens among the ones a candidate leaves open."""
    run, rows = Bench._run, list[Row]()

    def kept(bench: Bench, weights: tuple[str, ...], asked: Sequence[Row]) -> tuple[list[dict[str, Embeddings]], bool]:
        rows.extend(asked if weights else ())
        return run(bench, weights, asked)

    letters, words = "abcdefghijklmnop", ("international", "communication", "administration", "understanding") * 4
    texts = [*(" ".join(letters[at : at + 3]) for at in range(12)), *(f"{one}{at}" for at, one in enumerate(words))]
    bench = Bench(minilm.reference, batched(texts))
    plain = bench.vectors(bench.reference.recipe)
    (bf16,) = (one for one in catalogue(bench.reference, 64, 64, {None}) if one.words == "bf16 arithmetic")
    monkeypatch.setattr(Bench, "_run", kept)
    candidate = plain + np.float32(0.01)
    match = Match((), bench.reference.recipe, apart(candidate, plain), plain)
    Looks(bench, candidate, [()]).looked(Larger(match, bf16))
    short = bench.rows(bench.reference.recipe)[:12]
    assert rows and set(rows) <= set(short)

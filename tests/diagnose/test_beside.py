"""One cause beside another that hides it: each is named, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, Facts, batched, diagnose
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.causes.places import out_of_order
from evaluators.diagnose.lengths import Lengths
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Embeddings
from evaluators.diagnose.rows import Sent
from evaluators.parity.observations import Observation
from evaluators.probes import load_probes
from tests.maintain.candidates import encode


def _rows(count: int = 40) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows = np.random.default_rng(5).normal(size=(count, 64))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_an_order_is_seen_though_other_rows_differ_besides() -> None:
    own, other = _rows(), _rows(80)[40:]
    lengths = Sent([list(range(40))])
    changed = own.copy()
    changed[5:11] = other[5:11]
    seen = out_of_order(changed[::-1], [other, own], lengths)
    assert seen is not None
    assert seen[0].code == "rows-reversed"
    assert (own[seen[1]] == own[::-1]).all()
    drawn = np.random.default_rng(6).permutation(40)
    seen = out_of_order(changed[drawn], [own], lengths)
    assert seen is not None
    assert seen[0].code == "rows-shuffled"
    clear = [place for place in range(40) if not 5 <= drawn[place] < 11]
    assert (seen[1][clear] == drawn[clear]).all()


def test_an_order_is_seen_though_every_row_was_changed_besides() -> None:
    own = _rows()
    changed = own + 0.08 * np.random.default_rng(8).normal(size=own.shape)
    changed /= np.linalg.norm(changed, axis=1, keepdims=True)
    for order, code in (
        (np.arange(40)[::-1], "rows-reversed"),
        (np.random.default_rng(9).permutation(40), "rows-shuffled"),
    ):
        seen = out_of_order(changed[order], [own], Sent([list(range(40))]))
        assert seen is not None and seen[0].code == code and (seen[1] == order).all()
    assert out_of_order(changed, [own], Sent([list(range(40))])) is None


def test_no_order_where_all_rows_fit_or_few_are_moved() -> None:
    own = _rows()
    few = own.copy()
    few[[1, 2]] = few[[2, 1]]
    for candidate in (own[::-1], few, _rows(80)[40:]):
        assert out_of_order(candidate, [own], Sent([list(range(40))])) is None


def _made(bench: Bench, *words: str) -> Embeddings:
    chosen = tuple(one for one in catalogue(bench.reference, 64, 64, bench.texts.roles) if one.words in words)
    assert len(chosen) == len(words)
    return encode(bench.reference, combine(bench.reference.recipe, chosen), bench.texts)


@pytest.fixture(scope="module")
def of_all_lengths(decoder: Bench) -> Bench:
    """The decoder with probes of every length and role."""
    probes = sorted(load_probes().probes, key=lambda probe: len(probe.text))[2:-8:2]
    return Bench(decoder.reference, batched([probe.text for probe in probes], [probe.role for probe in probes]))


def test_a_length_beside_another_order(of_all_lengths: Bench) -> None:
    diagnosis = diagnose(of_all_lengths, _made(of_all_lengths, "texts cut at 64 tokens")[::-1])
    assert diagnosis.verdict == "explained"
    assert {named.cause.words for named in diagnosis.causes} == {"rows in reverse order", "texts cut at 64 tokens"}


def test_what_was_seen_when_it_was_asked_again_is_told_beside_another_order(of_all_lengths: Bench) -> None:
    moved = Observation("rows-moved", {"moved": 20, "rows": 40})
    facts = Facts(loads_agree=True, deterministic=True, observed=(moved,))
    diagnosis = diagnose(of_all_lengths, _made(of_all_lengths, "texts cut at 64 tokens")[::-1], facts=facts)
    assert diagnosis.verdict == "explained"
    assert "Rows in reverse order" in diagnosis.sentence
    assert "20 of 40 texts of a batch have another text's vector" in diagnosis.sentence


def test_a_length_beside_coarse_weights(of_all_lengths: Bench) -> None:
    """Weights alone bring all but the long texts right, and are not the end of it."""
    names = {"int4 weights (q4_0)", "texts cut at 64 tokens"}
    diagnosis = diagnose(of_all_lengths, _made(of_all_lengths, *names))
    assert diagnosis.verdict == "explained"
    assert {named.cause.words for named in diagnosis.causes} == names


def test_a_prompt_on_all_texts_but_queries(of_all_lengths: Bench) -> None:
    words = 'prompt "search_document: " on all texts but queries'
    diagnosis = diagnose(of_all_lengths, _made(of_all_lengths, words))
    assert diagnosis.verdict == "explained"
    assert [named.cause.words for named in diagnosis.causes] == [words]


def test_texts_without_roles_have_no_prompts_by_role(decoder: Bench) -> None:
    codes = {cause.code for cause in catalogue(decoder.reference, 64, 64, {None})}
    assert "prompt-known" in codes
    assert not {"prompt-but-on-queries", "prompt-but-on-documents"} & codes


def test_a_length_is_not_looked_for_where_the_difference_has_a_cause(of_all_lengths: Bench) -> None:
    made = _made(of_all_lengths, "texts cut at 64 tokens")
    lengths = Lengths(of_all_lengths, made, ())
    assert [cause.words for cause in lengths.causes()] == ["texts cut at 64 tokens"]
    before = of_all_lengths.passes
    assert Lengths(of_all_lengths, made, (), lengths.longer()).causes() == []
    assert of_all_lengths.passes == before


def test_ids_cut_with_their_end_token(minilm: Bench) -> None:
    """What a server does that takes the first ids of a text, made with transformers alone."""
    import torch

    reference = minilm.reference
    probes = [probe for probe in load_probes().core if len(probe.text) < 700]
    bench = Bench(reference, batched([probe.text for probe in probes], [probe.role for probe in probes]))
    rows = []
    for probe in probes:
        ids = reference.tokenizer(probe.text, truncation=False, verbose=False)["input_ids"][:48]
        with torch.inference_mode():
            hidden = reference.model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)).long())
        rows.append(torch.nn.functional.normalize(hidden.last_hidden_state.float().mean(1)).numpy()[0])
    diagnosis = diagnose(bench, np.stack(rows))
    assert diagnosis.verdict == "explained"
    assert [named.cause.words for named in diagnosis.causes] == [
        "texts cut at 48 tokens, their end token with the rest"
    ]

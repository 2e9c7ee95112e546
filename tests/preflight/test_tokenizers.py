"""Tokenizers in use: each fault is put into a small model, of which only the tokenizer is looked at."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluators.preflight import embedding_table
from evaluators.preflight.target import Target
from evaluators.preflight.tokenizer import check
from evaluators.preflight.tokenizer_forms import literal_form
from evaluators.preflight.tokenizer_probes import PROBES, all_texts
from tests.models import SHAPES, build, minilm_folder
from tests.preflight.tokenizer_faults import TOKENIZER_FAULTS


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("shapes")
    return {shape: build(shape, place / str(at)) for at, shape in enumerate(SHAPES)}


def _codes(folder: Path) -> list[str]:
    return [finding.code for finding in check(Target("x", folder))]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sound_tokenizer_gives_no_finding(shape: str, shapes: dict[str, Path]) -> None:
    assert _codes(shapes[shape]) == []


@pytest.mark.parametrize("fault", TOKENIZER_FAULTS)
def test_the_fault_is_seen_in_use(fault: str, shapes: dict[str, Path], tmp_path: Path) -> None:
    shape, inject, code = TOKENIZER_FAULTS[fault]
    folder = shutil.copytree(shapes[shape], tmp_path / "model")
    inject(folder)
    findings = list(check(Target("x", folder)))
    assert code in [finding.code for finding in findings], [(f.code, f.seen) for f in findings]
    assert all(finding.remedy and finding.severity != "fatal" for finding in findings)


def test_a_table_rounded_up_and_a_cased_vocabulary_without_accents_are_sound(
    shapes: dict[str, Path], tmp_path: Path
) -> None:
    from tests.preflight.tokenizer_faults import BERT, XLMR, _capitals, _config, _file, _normaliser

    rounded = shutil.copytree(shapes[XLMR], tmp_path / "rounded")
    _config("config.json", vocab_size=320)(rounded)
    cased = shutil.copytree(shapes[BERT], tmp_path / "cased")
    (cased / "vocab.txt").unlink()
    _file(_capitals)(cased)
    _file(_normaliser(lowercase=False, strip_accents=False))(cased)
    assert _codes(rounded) == [] and _codes(cased) == []


def test_a_small_vocabulary_says_by_its_alphabet_that_it_has_no_capitals(
    shapes: dict[str, Path], tmp_path: Path
) -> None:
    from tests.preflight.tokenizer_faults import XLMR, _file

    def small(lowers: bool) -> Callable[[dict[str, Any]], None]:
        def change(file: dict[str, Any]) -> None:
            pieces, alphabet = file["model"]["vocab"], iter("abcdefghijklmnopqrstuvwxyz")
            held = {piece for piece, _ in pieces}
            missing = [letter for letter in alphabet if letter not in held]
            for at, (piece, score) in enumerate(pieces):
                if piece != piece.lower():
                    pieces[at] = [missing.pop() if missing else f"\u4e00{at}", score]
            file["normalizer"] = {"type": "Lowercase"} if lowers else None

        return change

    for lowers, said in ((True, False), (False, True)):
        folder = shutil.copytree(shapes[XLMR], tmp_path / str(lowers))
        _file(small(lowers))(folder)
        assert ("lowercase-missing" in _codes(folder)) is said


def test_texts_of_a_pin_are_the_first_and_stay(shapes: dict[str, Path]) -> None:
    assert all_texts()[: len(PROBES)] == list(PROBES.values())
    assert len(PROBES) == 7 and len(set(all_texts())) == len(all_texts()) >= 30


@pytest.fixture(scope="module")
def minilm() -> tuple[Any, Any, Any]:
    """MiniLM's table of word vectors, its tokenizer, and the pairs of like words."""
    target = Target("x", minilm_folder())
    table, form = embedding_table.word_table(target), literal_form(target)
    assert form is not None
    return table, form, embedding_table._pairs(form, len(table))


def test_the_table_of_words_is_the_one_as_high_as_the_vocabulary(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    tables = {"a.embedding.weight": torch.zeros(3, 2), "b.word_embeddings.weight": torch.ones(5, 2)}
    save_file(tables, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text('{"vocab_size": 5}')
    assert torch.equal(embedding_table.word_table(Target("x", tmp_path)), torch.ones(5, 2))


def test_rows_that_are_not_their_words_are_found(minilm: tuple[Any, Any, Any]) -> None:
    import torch

    table, form, pairs = minilm
    assert list(embedding_table._moved(table, pairs, form)) == []
    generator = torch.Generator().manual_seed(1)
    for moved in (table.roll(1, 0), table[torch.randperm(len(table), generator=generator)]):
        (found,) = embedding_table._moved(moved, pairs, form)
        assert found.code == "words-moved" and "any two" in found.seen
    part = table.clone()
    part[4000:4300] = part[4000:4300].flip(0)
    (found,) = embedding_table._moved(part, pairs, form)
    assert 3900 < found.evidence["from"] < found.evidence["to"] < 4400
    # A table that was never trained says nothing of what its rows belong to.
    assert list(embedding_table._moved(torch.randn(table.shape, generator=generator), pairs, form)) == []


def test_words_without_a_vector_of_their_own_are_found(minilm: tuple[Any, Any, Any]) -> None:
    import torch

    table, form, _ = minilm
    ordinary = torch.arange(2000, len(table)).numpy()
    assert list(embedding_table._lost(table, ordinary, form)) == []
    broken = table.clone()
    broken[5000:6000] = 0
    broken[9000:] = broken.mean(0)
    few = table.clone()
    few[1014:1050] = 0  # the digits and the first letters
    (found,) = embedding_table._lost(few, torch.arange(999, len(table)).numpy(), form)
    assert (found.code, found.evidence["count"]) == ("word-rows-zero", 36)
    zero, equal = embedding_table._lost(broken, ordinary, form)
    assert (zero.code, zero.evidence["count"]) == ("word-rows-zero", 1000)
    assert (equal.code, equal.evidence["count"]) == ("word-rows-equal", len(table) - 9000)


def test_a_padding_id_no_position_is_counted_from_is_a_notice(shapes: dict[str, Path], tmp_path: Path) -> None:
    from tests.preflight.tokenizer_faults import BERT, XLMR, _config

    for shape, severity in ((BERT, "notice"), (XLMR, "serious")):
        folder = shutil.copytree(shapes[shape], tmp_path / shape[:3])
        _config("config.json", pad_token_id=7)(folder)
        (found,) = check(Target("x", folder))
        assert (found.code, found.severity) == ("pad-differs", severity)

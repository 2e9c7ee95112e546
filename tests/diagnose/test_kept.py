"""Vectors kept on disk: read again by the next candidate and tomorrow, and never in the place of another model's."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.identity import reference_identity
from evaluators.diagnose.kept import KeptVectors
from evaluators.diagnose.recipe import combine
from evaluators.diagnose.reference import Reference
from evaluators.probes import load_probes
from tests.diagnose.live import write_bert
from tests.maintain.candidates import encode

ENTRIES = {f"row {number}": np.full((8, 4), number, dtype=np.float32) for number in range(40)}
TEXTS = ["A first text.", " Another ", "THIRD", "four\nlines", "a fifth, é", "six 6", "", "the eighth of them"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("model") / "bert")


@pytest.fixture(scope="module")
def reference(folder: Path) -> Reference:
    return load_reference(str(folder))


def _same(read: dict[str, np.ndarray], written: dict[str, np.ndarray]) -> bool:
    return read.keys() == written.keys() and all(np.array_equal(read[name], written[name]) for name in read)


def test_entries_come_back_as_they_were_to_their_own_identity_alone(tmp_path: Path) -> None:
    KeptVectors("one", tmp_path / "it").write({**ENTRIES, "batch": np.zeros((8, 3, 4), dtype=np.float32)})
    again = KeptVectors("one", tmp_path / "it")
    assert _same(again.read([*ENTRIES, "another"]), ENTRIES)
    assert again.read(["batch"])["batch"].shape == (8, 3, 4)
    assert KeptVectors("other", tmp_path / "it").read(list(ENTRIES)) == {}


def test_an_entry_that_was_changed_or_exchanged_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "it"
    KeptVectors("one", file).write(ENTRIES)
    with sqlite3.connect(file) as database:
        rows = database.execute("SELECT name, sum, held FROM vectors").fetchall()
        (first, _, held), (second, other_sum, other), (third, *_), (fourth, *_) = rows[:4]
        database.execute("UPDATE vectors SET held = ? WHERE name = ?", [held[:-1] + b"\x01", first])
        database.execute("UPDATE vectors SET held = ?, sum = ? WHERE name = ?", [other, other_sum, third])
        database.execute("UPDATE vectors SET held = 'text' WHERE name = ?", [fourth])
    read = KeptVectors("one", file).read(list(ENTRIES))
    assert len(read) == len(ENTRIES) - 3
    assert _same(read, {name: ENTRIES[name] for name in read})


@pytest.mark.parametrize("content", [b"no database at all, but more than a header of bytes" * 40, b""])
def test_a_file_that_is_no_database_costs_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "it"
    file.write_bytes(content)
    torn = KeptVectors("one", file)
    torn.write(ENTRIES)
    assert torn.read(["none of them"]) == {}
    KeptVectors("one", file).write(ENTRIES)  # the next process begins anew
    assert _same(KeptVectors("one", file).read(list(ENTRIES)), ENTRIES)


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    nowhere = KeptVectors("one", tmp_path / "file" / "it")
    nowhere.write(ENTRIES)
    assert nowhere.read(list(ENTRIES)) == {}


def test_the_file_stays_within_its_bound_and_the_newest_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, most = tmp_path / "it", 400_000
    for day in range(12):
        monkeypatch.setattr("evaluators.diagnose.kept._today", lambda day=day: day)
        large = {f"{day} {number}": np.full((8, 384), day, dtype=np.float32) for number in range(6)}
        KeptVectors("one", file, most).write(large)
    assert file.stat().st_size < 1.2 * most
    assert len(KeptVectors("one", file, most).read([f"11 {number}" for number in range(6)])) == 6
    assert KeptVectors("one", file, most).read([f"0 {number}" for number in range(6)]) == {}


def _write(file: Path, start: int) -> None:
    kept = KeptVectors("one", file)
    for number in range(start, start + 30):
        kept.write({f"row {number}": np.full((8, 4), number, dtype=np.float32)})
        kept.read([f"row {number}"])


def test_two_processes_write_at_once(tmp_path: Path) -> None:
    file = tmp_path / "it"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_write, file, start) for start in (0, 20)]:
            done.result()
    wanted = {f"row {number}": np.full((8, 4), number, dtype=np.float32) for number in range(50)}
    assert _same(KeptVectors("one", file).read(list(wanted)), wanted)


def test_tomorrow_nothing_is_encoded_again(reference: Reference, tmp_path: Path) -> None:
    texts, answers = batched(TEXTS), []
    causes = tuple(cause for cause in catalogue(reference, 64, 64) if cause.code == "special-tokens-missing")
    for _ in range(2):
        bench = Bench(reference, texts, KeptVectors(reference_identity(reference), tmp_path / "it"))
        recipe = combine(reference.recipe, causes)
        answers.append((diagnose(bench, encode(reference, recipe, texts)), bench.passes))
    (first, passes), (second, again) = answers
    assert passes > 0 and again == 0
    assert (first.verdict, first.sentence) == (second.verdict, second.sentence)
    assert [named.cause for named in first.causes] == [named.cause for named in second.causes]


def test_another_model_has_another_identity(folder: Path, reference: Reference) -> None:
    import torch

    own, again = reference_identity(reference), load_reference(str(folder))
    assert reference_identity(again) == own
    with torch.no_grad():
        next(again.model.parameters()).view(-1)[0] += 1e-3
    assert reference_identity(again) != own
    beside = folder / "pytorch_model.bin"
    torch.save(again.model.state_dict(), beside)
    try:
        first = reference_identity(load_reference(str(folder)))
        beside.write_bytes(beside.read_bytes() + b"\x00")
        assert own != first != reference_identity(load_reference(str(folder)))
    finally:
        beside.unlink()


def test_sixteen_of_a_check_tell_and_the_next_candidate_costs_little(decoder_folder: Path) -> None:
    """On the whole probe set: few are searched, all are held against, and vectors are shared between candidates."""
    probes = load_probes().probes
    bench = Bench(load_reference(str(decoder_folder)), batched([p.text for p in probes], [p.role for p in probes]))
    causes = {cause.words: cause for cause in catalogue(bench.reference, 64, 64)}
    names = [("texts cut at 64 tokens",), ("prompt missing", "mean pooling"), ("EOS (the end token) missing",)]
    passes = []
    for words in names:
        recipe = combine(bench.reference.recipe, tuple(causes[one] for one in words))
        diagnosis = diagnose(bench, encode(bench.reference, recipe, bench.texts))
        assert {named.cause.words for named in diagnosis.causes} == {*words}
        assert diagnosis.searched is not None and diagnosis.searched <= 18
        assert len(diagnosis.after) >= len(probes) - 1  # without the end token a blank text has no vector
        passes.append(bench.passes)
    assert passes[-1] < 0.2 * len(causes) * len(probes)  # all three together, of what every cause would take
    diagnose(bench, encode(bench.reference, combine(bench.reference.recipe, (causes[names[0][0]],)), bench.texts))
    assert bench.passes == passes[-1]


def test_texts_that_sixteen_leave_open_join_them(decoder_folder: Path) -> None:
    probes = load_probes().probes
    bench = Bench(load_reference(str(decoder_folder)), batched([p.text for p in probes]))
    vectors = bench.vectors(bench.reference.recipe).copy()
    draw = np.random.default_rng(0)
    vectors[::2] += draw.normal(size=vectors[::2].shape).astype(np.float32) * 0.1
    diagnosis = diagnose(bench, vectors)
    assert diagnosis.causes == () and diagnosis.searched is not None and 16 < diagnosis.searched <= 34
    assert {one.code for one in diagnosis.described} >= {"some-differ", "not-asked-again", "tried"}


def test_rows_of_another_attention_do_not_lend_it_to_those_beside_them(decoder: Bench) -> None:
    """Run at once, as looks at many causes are: a causal model sees no later token in any but the rows changed so."""
    causes = {cause.code: cause for cause in catalogue(decoder.reference, 64, 64)}
    recipes = [decoder.under((causes[code],)) for code in ("eos-missing", "causal-mask-lost")]
    together, alone = (Bench(decoder.reference, decoder.texts) for _ in range(2))
    together.ahead((recipe, range(len(decoder.texts.texts))) for recipe in recipes)
    for recipe in recipes:
        assert np.abs(together.vectors(recipe) - alone.vectors(recipe)).max() < 1e-5


def test_what_a_copy_of_the_model_leaves_is_given_back(minilm: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []

    class Library:
        """A C library; glibc is the one that can give memory back."""

        def __init__(self, _name: None) -> None:
            pass

    class Glibc(Library):
        def malloc_trim(self, kept: int) -> None:
            given.append(kept)

    recipes = [minilm.under((one,)) for one in catalogue(minilm.reference, 64, 64) if one.code == "layer-missing"][:2]
    for library, count in ((Glibc, 1), (Library, 1)):
        monkeypatch.setattr("ctypes.CDLL", library)
        bench = Bench(minilm.reference, minilm.texts)
        bench.vectors(recipes.pop())
        assert len(given) == count

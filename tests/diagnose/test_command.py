"""Parity, then diagnosis, as people call them: real encoders, a real store."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from data.store.errors import InputError, ModelError, NotFoundError
from evaluators.__main__ import app
from evaluators.diagnose.answer import Bench, batched, load_reference
from evaluators.diagnose.from_store import read_check
from evaluators.diagnose.measure import apart
from evaluators.diagnose.standing import alone, standing
from evaluators.encoders.base import Encoded
from evaluators.parity.vectors import encode_probes
from evaluators.probes import load_probes


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def store(decoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one check: the decoder by another library, and without its prompt, pooled by the mean."""
    folder = tmp_path_factory.mktemp("check")
    probes = [{"text": probe.text, "role": probe.role} for probe in load_probes().core if len(probe.text) < 400]
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, probes)))
    spec = f"sentence-transformers:{decoder_folder}"
    done = run(
        "parity", "--reference", spec,
        "--candidate", f"transformers:{decoder_folder}?label=right&pooling=last&normalise=yes",
        "--candidate", f"{spec}?label=wrong&pooling=mean&query_prompt=", "--probes", folder / "texts.jsonl",
        "--store", folder / "store.duckdb",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    return folder / "store.duckdb"


@pytest.mark.slow
def test_a_check_is_diagnosed_and_kept(store: Path) -> None:
    done = run("diagnose", "last", "--store", store, "--fail-on", "differs")
    assert done.exit_code == 1, done.output
    assert "Failing on differs: wrong (differs everywhere)" in done.output
    found = duckdb.connect(str(store), read_only=True)
    verdicts = dict(
        found.execute("SELECT label, verdict FROM diagnoses JOIN encoders ON candidate = encoder_id").fetchall()
    )
    assert verdicts == {"right": "identical", "wrong": "explained"}
    stated = found.execute("SELECT cause FROM diagnosis_causes WHERE accepted ORDER BY position").fetchall()
    assert {cause for (cause,) in stated} == {"mean pooling", "prompt missing"}
    (proof, snippet) = found.execute("SELECT proof, snippet FROM diagnoses WHERE verdict = 'explained'").fetchone() or (
        "",
        "",
    )
    assert max(json.loads(proof)["after"]) < 1e-4 < max(json.loads(proof)["before"])
    assert "pooling_mode = 'mean'" in snippet
    assert found.execute("SELECT DISTINCT tier, severity FROM findings").fetchall() == [("vectors", "serious")]
    assert found.execute("SELECT count(*) FROM runs WHERE kind = 'diagnose'").fetchone() == (1,)


def test_an_unknown_check_or_candidate_gets_a_sentence(store: Path) -> None:
    found = duckdb.connect(str(store), read_only=True)
    with pytest.raises(NotFoundError, match="No such check"):
        read_check(found, "none")
    with pytest.raises(NotFoundError, match="It has: right, wrong"):
        read_check(found, "last", "another")


def test_files_alone_are_enough(decoder_folder: Path, tmp_path: Path) -> None:
    texts = [
        "A short text.",
        " Another with spaces. ",
        "Third\nwith a newline\n",
        "FOURTH IN CAPITALS",
        "fifth",
        "A sixth, é.",
    ]
    (tmp_path / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    reference = load_reference(str(decoder_folder), settings={"strip": True})
    np.save(tmp_path / "vectors.npy", Bench(reference, batched(texts)).vectors(reference.recipe))
    done = run(
        "diagnose", "--reference", decoder_folder, "--candidate-vectors", tmp_path / "vectors.npy",
        "--texts", tmp_path / "texts.jsonl", "--store", tmp_path / "store.duckdb", "--fail-on", "unstable,differs",
    )  # fmt: skip
    assert done.exit_code == 1, done.output
    assert "Failing on unstable, differs: vectors.npy (differs everywhere)" in done.output
    # On six texts of a sentence each, taking the first sentence alone strips them as well.
    assert re.search(r"White space stripped( \(or .*?\))? explains 100.0% of the drift", done.output, re.DOTALL)
    kept = duckdb.connect(str(tmp_path / "store.duckdb"), read_only=True)
    ((candidate, check, proof),) = kept.execute("SELECT candidate, check_id, proof FROM diagnoses").fetchall()
    assert (candidate, check) == ("vectors.npy", None)
    assert len(json.loads(proof)["vectors"]) == len(texts)
    assert kept.execute("SELECT count(*) FROM findings").fetchone() == (1,)


def _checked(folder: Path, reference: str, *candidates: str) -> Path:
    """A check of a few short texts."""
    texts = ["A short text.", "Another one, longer by some words.", "third", "The fourth is longer still, by a few."]
    (folder / "texts.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in texts))
    named = [word for candidate in candidates for word in ("--candidate", candidate)]
    store = folder / "store.duckdb"
    done = run("parity", "--reference", reference, *named, "--probes", folder / "texts.jsonl", "--store", store)
    assert done.exit_code == 0, done.output
    return store


def test_a_reference_that_rounds_is_said_to(decoder_folder: Path, tmp_path: Path) -> None:
    spec = f"sentence-transformers:{decoder_folder}"
    store = _checked(tmp_path, f"{spec}?dtype=bf16&label=half", f"{spec}?label=whole")
    done = run("diagnose", "last", "--store", store)
    assert done.exit_code == 0, done.output
    ((verdict, sentence),) = (
        duckdb.connect(str(store), read_only=True).execute("SELECT verdict, sentence FROM diagnoses").fetchall()
    )
    assert verdict == "identical" and "the check's own reference rounds" in sentence


def test_a_reference_that_is_not_the_model_rebuilt_proves_nothing(decoder_folder: Path, tmp_path: Path) -> None:
    spec = f"sentence-transformers:{decoder_folder}"
    store = _checked(tmp_path, f"{spec}?label=right", f"{spec}?label=other&pooling=mean")
    with duckdb.connect(str(store)) as connection:  # as if a library had made something else of the same files
        connection.execute(
            "UPDATE vectors SET vector = list_reverse(vector) WHERE encoder_id = (SELECT reference FROM checks)"
        )
    found = run("diagnose", "last", "--store", store).exception
    assert isinstance(found, ModelError) and "did not give the vectors of its own model" in str(found)


def test_one_candidate_without_a_number_costs_the_others_nothing(decoder_folder: Path, tmp_path: Path) -> None:
    spec = f"sentence-transformers:{decoder_folder}"
    store = _checked(tmp_path, f"{spec}?label=right", f"{spec}?label=a&batch_size=2", f"{spec}?label=b&normalise=no")
    with duckdb.connect(str(store)) as connection:
        connection.execute(
            "UPDATE vectors SET vector = [NULL FOR _ IN vector] "
            "WHERE encoder_id = (SELECT encoder_id FROM encoders WHERE label = 'a')"
        )
    done = run("diagnose", "last", "--store", store)
    assert done.exit_code == 0 and "a: None of the candidate's vectors is finite" in done.output
    kept = duckdb.connect(str(store), read_only=True)
    assert kept.execute("SELECT cause FROM diagnosis_causes WHERE accepted").fetchall() == [("normalisation missing",)]


def test_batches_are_the_candidates(decoder_folder: Path, tmp_path: Path) -> None:
    spec = f"sentence-transformers:{decoder_folder}"
    by_hand = f"transformers:{decoder_folder}?label=hand&batch_size=3"
    store = _checked(tmp_path, f"{spec}?label=right&batch_size=4", f"{spec}?label=two&batch_size=2", by_hand)
    check = read_check(duckdb.connect(str(store), read_only=True), "last")
    # sentence-transformers sorts the texts of a call by length; what slices them takes them as they come.
    assert {one.label: (one.batch_size, one.by_length) for one in check.candidates} == {
        "two": (2, True), "hand": (3, False),
    }  # fmt: skip
    texts, roles = ["a", "b" * 9, "c" * 5, "d" * 7], ["query", "query", "document", "query"]
    assert batched(texts, roles, 2).batches == ((1, 3), (0,), (2,))
    assert batched(texts, roles, 2, by_length=False).batches == ((0, 1), (3,), (2,))


def test_a_module_that_is_not_rebuilt_is_refused(decoder_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(decoder_folder, tmp_path / "model")
    modules = json.loads((folder / "modules.json").read_text())
    extra = {"idx": 9, "name": "9", "path": "9_LayerNorm", "type": "sentence_transformers.models.LayerNorm"}
    (folder / "modules.json").write_text(json.dumps([*modules, extra]))
    with pytest.raises(ModelError, match="modules not known here: LayerNorm"):
        load_reference(str(folder))


def test_the_default_prompt_is_the_models(decoder_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(decoder_folder, tmp_path / "model")
    file = folder / "config_sentence_transformers.json"
    prompts = {"query": "ask: ", "any": "text: "}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"prompts": prompts, "default_prompt_name": "any"}))
    texts = ["A short text.", "Another one."]
    reference = load_reference(str(folder))
    from sentence_transformers import SentenceTransformer

    by_library = SentenceTransformer(str(folder), device="cpu").encode(texts)
    assert apart(by_library, Bench(reference, batched(texts)).vectors(reference.recipe)).max() < 1e-4
    assert dict(reference.recipe.prompts) == {"query": "ask: ", None: "text: "}


def test_a_diagnosis_takes_back_a_difference_and_nothing_else() -> None:
    """What a pipeline stops at: rounding that was not declared is none, what disagrees with itself stays so."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE encoders (encoder_id VARCHAR, label VARCHAR)")
    connection.execute(
        "CREATE TABLE drift_summary (check_id VARCHAR, encoder_id VARCHAR, output VARCHAR, verdict VARCHAR)"
    )
    said = {"bf16": "differs everywhere", "cls": "differs everywhere", "noisy": "unstable", "down": "unusable"}
    for name, verdict in said.items():
        connection.execute("INSERT INTO encoders VALUES (?, ?)", [name, name.upper()])
        connection.execute("INSERT INTO drift_summary VALUES ('c', ?, 'dense', ?)", [name, verdict])
    connection.execute("INSERT INTO drift_summary VALUES ('c', 'bf16', 'sparse', 'differs on some texts')")
    answers = {"bf16": "precision only", "cls": "explained", "noisy": "precision only"}
    found: Any = {name: SimpleNamespace(verdict=verdict) for name, verdict in answers.items()}
    assert standing(connection, "c", None, found) == [
        ("BF16", "precision only"), ("BF16", "differs on some texts"), ("CLS", "differs everywhere"),
        ("DOWN", "unusable"), ("NOISY", "unstable"),
    ]  # fmt: skip
    assert standing(connection, "c", "down", found) == [("DOWN", "unusable")]
    assert [alone(answer) for answer in found.values()] == ["precision only", "differs everywhere", "precision only"]


def test_nothing_to_diagnose_is_an_error() -> None:
    assert isinstance(run("diagnose").exception, InputError)


def test_texts_are_batched_as_a_parity_check_has_them_encoded() -> None:
    """In int8 a text's vector depends on its batch, so a diagnosis has to make the same ones."""
    probes = load_probes().core
    made: list[set[str]] = []

    class Listening:
        def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
            made.append(set(texts))
            return Encoded(dense=np.ones((len(texts), 2), dtype=np.float32))

    encode_probes(Listening(), probes)  # type: ignore[arg-type]
    texts, _, batches = batched([probe.text for probe in probes], [probe.role for probe in probes])
    assert [{texts[index] for index in batch} for batch in batches] == made
    assert len(made) > 1

"""Parity, then diagnosis, as people call them: real encoders, a real store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from data.errors import InputError, NotFoundError
from data.probes import load_probes
from evaluators.__main__ import app
from evaluators.diagnose.answer import batched
from evaluators.diagnose.from_store import read_check
from evaluators.encoders.base import Encoded
from evaluators.parity.vectors import encode_probes


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
    done = run("diagnose", "last", "--store", store)
    assert done.exit_code == 0, done.output
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
    from evaluators.diagnose.answer import Bench, load_reference

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
        "--texts", tmp_path / "texts.jsonl",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "White space stripped explains 100.0% of the drift" in done.output


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

"""What the drift page asks of a store, on a store whose right answers are known."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from dashboard.queries import chain, diagnosis, drift, drift_cost, drift_text, drift_vectors, runs
from dashboard.sections.chain import link_in_words
from dashboard.sections.drift_maps import changes_in_words
from data.store.database import open_reader, writing
from data.store.derive import derive_compared
from evaluators.encoders.registry import backend_of
from evaluators.encoders.settings import EncoderSettings
from tests.make_parity import FILES, MODEL, NEWEST, Made, add_check, made_texts, synthetic, twelve


@pytest.fixture(scope="module")
def cursor(made_parity):
    reader = open_reader(made_parity)
    yield reader.cursor()
    reader.close()


@pytest.fixture(scope="module")
def ids(cursor):
    found = drift.encoders(cursor, "check-1")
    return dict(zip(found["name"], found["encoder_id"], strict=True))


@pytest.fixture(scope="module")
def hashes():
    return {probe.probe: probe.text_hash for probe in made_texts(64)}


def test_checks_are_the_newest_first(cursor):
    found = drift.checks(cursor)
    assert found["check_id"].tolist() == ["check-1", "check-many", "check-0"]
    assert found["candidates"].tolist() == [12, 12, 1] and found["n_texts"].tolist() == [64, 1000, 64]


def test_cells_are_what_was_measured_in_float32(cursor, ids):
    found = drift.drift_by_text(cursor, "check-1", "dense", "cosine distance")
    assert found.shape == (64, 12) and set(found.dtypes.astype(str)) == {"float32"}
    assert found[ids["same again"]].max() == 0
    assert found[ids["one text fails"]].isna().sum() == 1


def test_times_the_floor_is_relative_to_the_declared_precision(cursor, ids):
    times = drift.drift_by_text(cursor, "check-1", "dense", "times the floor")
    assert times[ids["bf16"]].max() < 1 < times[ids["prompt"]].min()


def test_vectors_of_another_length_do_not_mix(cursor):
    found = drift.verdicts(cursor, "check-1", "dense").set_index("label")
    assert found.index[~found["mixes"]].tolist() == ["24 dimensions"]
    assert found.loc["24 dimensions", "dimensions"] == 24


def test_length_is_the_measure_that_sees_missing_normalisation(cursor, ids):
    length = drift.drift_by_text(cursor, "check-1", "dense", "length")[ids["not normalised"]]
    assert length.to_numpy() == pytest.approx(3.98, abs=1e-4)
    assert drift.drift_by_text(cursor, "check-1", "dense", "cosine distance")[ids["not normalised"]].max() < 1e-6


def test_traits_show_that_only_white_space_differs(cursor, ids):
    found = drift.traits(cursor, "check-1", "dense", "cosine distance", True)
    strips = found[found["encoder_id"] == ids["strips"]].set_index("trait")
    assert strips.loc["outer-space", "value"] > 0.01 and strips.loc["outer-space", "n"] == 16
    assert strips["value"].drop("outer-space").max() == 0
    mean = drift.traits(cursor, "check-1", "dense", "cosine distance", False)
    assert (mean["value"] <= found.merge(mean, on=["trait", "encoder_id"])["value_x"]).all()


def test_the_worst_text_of_a_trait_is_named(cursor, ids):
    found = drift.traits(cursor, "check-1", "dense", "cosine distance", True).set_index(["trait", "encoder_id"])
    cells = drift.drift_by_text(cursor, "check-1", "dense", "cosine distance")[ids["prompt"]]
    row = found.loc[("long", ids["prompt"])]
    assert cells[row["text_hash"]] == row["value"]


def test_history_says_what_changed(cursor, ids):
    found = drift.history(cursor, "check-1", "dense", ids["bf16"])
    assert found["check_id"].tolist() == ["check-0", "check-many", "check-1"]
    changed = found["changed"].map(changes_in_words)
    assert "transformers 4.57.0 → 5.23.0" in changed[1] and changed[0] == ""
    assert changed[2] == "nothing that is recorded"


def test_neighbours_lost_and_gained(cursor, ids, hashes):
    same = drift_vectors.neighbours(
        cursor, "check-1", "dense", ids["same again"], ids["reference fp32"], hashes["plain-0"]
    )
    assert same["change"].tolist() == ["kept"] * 10
    other = drift_vectors.neighbours(
        cursor, "check-1", "dense", ids["random"], ids["reference fp32"], hashes["plain-0"]
    )
    counts = other["change"].value_counts()
    assert counts["lost"] == counts["gained"] > 0 and other["change"].tolist() == sorted(
        other["change"], key=["lost", "gained", "kept"].index
    )
    drifted = drift.drift_by_text(cursor, "check-1", "dense", "neighbours lost").loc[hashes["plain-0"], ids["random"]]
    assert counts["lost"] / 10 == pytest.approx(drifted)


def test_a_failed_text_has_no_neighbours_and_no_dimensions(cursor, ids, hashes):
    asked = (cursor, "check-1", "dense", ids["one text fails"], ids["reference fp32"], hashes["numbers-3"])
    assert drift_vectors.neighbours(*asked).empty
    assert drift_vectors.dimensions(*asked)["candidate"].isna().all()


def test_dimensions_beyond_the_shorter_vector_are_blank(cursor, ids, hashes):
    found = drift_vectors.dimensions(
        cursor, "check-1", "dense", ids["24 dimensions"], ids["reference fp32"], hashes["plain-0"]
    )
    assert len(found) == 48 and found["candidate"].notna().sum() == 24
    assert found["reference"].to_numpy() == pytest.approx(twelve(made_texts(64))[0].vectors[0])


def test_spread_tells_anisotropy_and_length(cursor, ids):
    found = drift_vectors.spread(cursor, "check-1", "dense").set_index(["encoder_id", "of"])
    assert found.loc[(ids["not normalised"], "norm"), "median"] == pytest.approx(4.98, abs=1e-3)
    assert found.loc[(ids["rotated"], "cosine"), "median"] == pytest.approx(
        found.loc[(ids["reference fp32"], "cosine"), "median"], abs=1e-5
    )
    assert (ids["reference fp32"], "drift") not in found.index


def test_blocks_and_between_come_from_the_vectors(cursor, ids):
    blocks = drift_vectors.dimension_blocks(cursor, "check-1", "dense", ids["not normalised"], ids["reference fp32"])
    assert blocks.shape == (64, 24) and blocks.columns[0] == "0-1" and np.abs(blocks.to_numpy()).max() > 1
    between = drift_vectors.encoder_distances(cursor, "check-1", "dense", "neighbours_lost")
    assert between.loc[ids["rotated"], ids["reference fp32"]] == 0 and between.shape == (13, 13)


def test_tokens_part_where_the_prompt_is(cursor, ids, hashes):
    found = drift_vectors.tokens(cursor, "check-1", "dense", ids["prompt"], ids["reference fp32"], hashes["plain-0"])
    assert found[found["differs"]]["candidate"].tolist() == ["query", ":"]
    asked = ("check-1", "dense", ids["random"], ids["reference fp32"], hashes["plain-0"])
    assert drift_vectors.tokens(cursor, *asked) is None


def test_settings_beside_each_other(cursor, ids):
    found = drift_text.settings(cursor, ids["reference fp32"], ids["prompt"])
    assert found[found["differs"]][["name", "right"]].values.tolist() == [["prompts.", "query:"]]


def test_the_chain_breaks_where_the_first_link_differs(cursor, ids):
    links = chain.chain_of_candidate(cursor, "check-1", "dense", ids["bf16"])
    assert [link.state for link in links][:3] == ["same", "same", "same"]
    links = chain.chain_of_candidate(cursor, "check-1", "dense", ids["prompt"])
    assert [link.state for link in links] == ["same", "broken", "differs", "unknown"]
    assert "<b>query:</b>" in link_in_words(links[1])
    links = chain.chain_of_candidate(cursor, "check-1", "dense", ids["cls"])
    assert [link.state for link in links][:3] == ["same", "unknown", "differs"]


def test_a_run_is_linked_to_the_check_of_its_set_up(cursor, ids, tmp_path, made_parity):
    verdict = chain.Link("scores", "differs", "TinySTS: gap.")
    assert chain.check_of_run(cursor, "run-bf16") == chain.Linked("check-1", ids["bf16"], "dense")
    assert chain.check_of_run(cursor, "no such run") is None
    links = chain.chain_of_run(cursor, "run-bf16", None, verdict)
    assert [(link.name, link.state) for link in links] == [
        ("files", "same"), ("tokens", "same"), ("vectors", "same"), ("scores", "differs")
    ]  # fmt: skip


def test_a_run_with_other_weights_or_settings_is_not_linked(made_parity, tmp_path):
    path = tmp_path / "store.duckdb"
    shutil.copyfile(made_parity, path)
    with writing(path) as connection:
        connection.execute(
            """UPDATE runs SET files = '[{"path": "model.safetensors", "size": 1, "sha256": "0"}]'
               WHERE run_id = 'run-bf16'"""
        )
        connection.execute(
            "INSERT INTO findings VALUES ('f-9', 'run-bf16', 'org/small-model', NULL, 'weights', 'weights-missing',"
            " 'fatal', '3 of 9 tensors are not in the file', '', '', '{}')"
        )
    other = open_reader(path).cursor()
    assert chain.check_of_run(other, "run-bf16") is None
    links = chain.chain_of_run(other, "run-bf16", None, chain.Link("scores", "differs", ""))
    assert [link.state for link in links] == ["broken", "unknown", "unknown", "differs"]
    assert "3 of 9 tensors" in link_in_words(links[0])


@pytest.mark.parametrize(
    ("ours", "theirs", "state", "said"),
    [
        (None, "b" * 40, "unknown", "does not show its files"),
        ("a" * 40, "a" * 40, "unknown", "Both say that they are revision aaaaaaaaaaaa"),
        ("a" * 40, "b" * 40, "differs", "Another revision: bbbbbbbbbbbb, and aaaaaaaaaaaa in the reference"),
    ],
)
def test_revisions_speak_where_files_are_not_shown(tmp_path, ours, theirs, state, said):
    probes = made_texts(3)
    sides = [Made("ours", synthetic(3)), Made("theirs", synthetic(3), "identical", "Same.", {"batch_size": 1})]
    with writing(tmp_path / "s.duckdb", fresh=True) as connection:
        add_check(connection, probes, sides, started=NEWEST)
        for label, revision in (("ours", ours), ("theirs", theirs)):
            connection.execute("UPDATE encoders SET revision = ?, files = '[]' WHERE label = ?", [revision, label])
        ((check, candidate),) = connection.execute("SELECT check_id, encoder_id FROM drift_summary").fetchall()
        files = chain.chain_of_candidate(connection, check, "dense", candidate)[0]
    assert files.state == state and said in link_in_words(files)


def test_a_diagnosis_belongs_to_its_candidate(cursor, ids):
    assert diagnosis.diagnosis(cursor, "check-1", ids["cls"]).empty
    found = diagnosis.diagnosis(cursor, "check-1", ids["prompt"])
    causes = diagnosis.causes(cursor, found["diagnosis_id"][0])
    assert causes["accepted"].tolist() == [True, True, False]
    proof = diagnosis.proof(cursor, found["diagnosis_id"][0])
    assert proof.agrees["differs"].tolist() == [True, True] and proof.texts["after"].max() == 0.003


def test_drift_stands_beside_the_score_of_the_same_settings(cursor, ids):
    if not cursor.execute("SELECT 1 FROM duckdb_views() WHERE view_name = 'deltas'").fetchone():
        pytest.skip("the view of deltas is not here yet")
    found = drift_cost.drift_and_delta(cursor)
    assert found["encoder_id"].tolist() == [ids["bf16"]]
    assert found["delta"][0] == pytest.approx(-0.01) and found["drift"][0] > 0


def set_up(settings, files, own=False):
    return drift_cost.StoredSetUp(settings, files, own_weights=own)


@pytest.mark.parametrize(
    ("encoder", "run", "same"),
    [
        ({"dtype": "bf16"}, {"dtype": "bfloat16"}, True),
        ({"dtype": "bf16"}, {"dtype": "float32"}, False),
        ({"max_length": 32}, {"max_seq_length": 256}, False),
        ({"pooling": "cls"}, {"modules": ["Transformer", "Pooling(mean)"]}, False),
        ({"normalise": False}, {"modules": ["Transformer", "Pooling(mean)", "Normalize"]}, False),
        ({"dimensions": 128}, {}, False),
        ({"strip": True}, {}, False),
        ({"prompts": {"query": "q: "}}, {"prompts": {"query": "q: ", "document": ""}}, True),
        ({"prompts": {"query": "q: "}}, {"prompts": None}, False),
        ({"options": {"runtime": "onnx"}}, {}, False),
        ({"backend": "onnx"}, {}, False),
        ({"backend": "tei", "source": "http://a"}, {"backend": "tei", "source": "http://a", "label": "x"}, True),
        ({"backend": "tei", "source": "http://a"}, {"backend": "tei", "source": "http://b"}, False),
        ({"backend": "tei", "strip": True}, {"backend": "tei", "strip": False}, False),
    ],
)
def test_same_setup(encoder, run, same):
    settings = {"backend": "sentence-transformers"} | encoder
    said = set_up(
        settings,
        FILES,
        backend_of(settings["backend"]).runs_own_weights(
            EncoderSettings(settings["backend"], "m", options=settings.get("options") or {})
        ),
    )
    assert drift_cost.same_setup(said, set_up({"in_use": run}, FILES)) is same


@pytest.mark.parametrize("backend", ["openai", "tei", "vllm", "langchain", "command", "ready"])
def test_a_plain_run_is_not_the_set_up_of_a_server(backend):
    """A server declares no pooling, normalisation or length: all that is left to agree on is a name."""
    served = {"backend": backend, "model": MODEL, "source": "http://a/v1", "dtype": "fp32", "prompts": {}}
    run = set_up({"in_use": {"dtype": "float32", "modules": ["Transformer", "Pooling(mean)"]}}, FILES)
    own = backend_of(backend).runs_own_weights(EncoderSettings(backend, "http://a/v1"))
    assert not drift_cost.same_setup(set_up(served, [], own), run)
    assert not drift_cost.same_setup(set_up(served, FILES, own), run)


def test_weights_must_be_known_and_the_same():
    said = {"backend": "sentence-transformers", "dtype": "fp32"}
    run = {"in_use": {"dtype": "float32"}}

    def same(ours, theirs):
        return drift_cost.same_setup(set_up(said, ours, True), set_up(run, theirs))

    stale = {"path": "pytorch_model.bin", "size": 9, "sha256": "9" * 64}
    assert same(FILES, [*FILES, stale])  # no library loads it where there are safetensors
    assert not same([], []) and not same([], FILES) and not same(FILES, [])
    assert not same([stale], FILES) and not same(FILES, [FILES[0], {**FILES[1], "sha256": "6" * 64}])


def test_a_run_through_an_encoder_is_of_its_files():
    said = {"backend": "onnx", "source": "folder"}
    graph = [{"path": "model.onnx", "size": 9, "sha256": "1" * 64}]
    other = [{**graph[0], "sha256": "2" * 64}]
    assert drift_cost.same_setup(drift_cost.StoredSetUp(said, graph), drift_cost.StoredSetUp({"in_use": said}, graph))
    assert not drift_cost.same_setup(
        drift_cost.StoredSetUp(said, graph), drift_cost.StoredSetUp({"in_use": said}, other)
    )


def test_a_server_of_the_runs_name_lends_it_no_diagnosis(made_parity, tmp_path):
    """The newest check of the name is a server's; the run was on mteb's own loader, from files."""
    probes = made_texts(3)
    server = {"backend": "openai", "source": "http://a/v1", "pooling": None, "normalise": None, "max_length": None}
    sides = [
        Made("ours", synthetic(3)),
        Made("served", synthetic(3, seed=8), "differs everywhere", "Off.", server | {"dtype": "bf16"}, files=[]),
    ]
    path = Path(shutil.copy(made_parity, tmp_path))
    with writing(path) as connection:
        connection.execute("DELETE FROM checks")
        connection.execute("DELETE FROM drift_summary")
        add_check(connection, probes, sides, started=NEWEST, check_id="check-server")
    cursor = open_reader(path).cursor()
    assert chain.check_of_run(cursor, "run-bf16") is None
    assert drift_cost.drift_and_delta(cursor).empty
    links = chain.chain_of_run(cursor, "run-bf16", None, chain.Link("scores", "differs", ""))
    assert [link.state for link in links] == ["unknown", "unknown", "unknown", "differs"]


def test_two_runs_beside_each_other(cursor):
    found = runs.run_differences(cursor, "run-check-1", "run-bf16", "environment")
    assert found[found["differs"]].values.tolist() == [["python", "3.11.9", "3.12.1", True]]
    listed = runs.runs(cursor).set_index("run_id")
    assert listed.loc["run-bf16", ["tasks", "done", "warnings"]].tolist() == [1, 1, 1]
    assert listed.loc["run-check-1", "findings"] == 1
    assert runs.tasks_of_run(cursor, "run-bf16")["score"].tolist() == [0.79]


@pytest.fixture
def of_three_cells(made_parity, tmp_path):
    """The reproduced task with two subsets more: one that lost most of its score, and one that cannot be compared."""
    path = tmp_path / "cells.duckdb"
    shutil.copyfile(made_parity, path)
    with writing(path) as connection:
        for subset, official, own in (("lost", 0.8, 0.2), ("nothing", None, 0.5)):
            connection.execute(
                "INSERT INTO scores BY NAME SELECT * REPLACE (? AS subset, CASE result_id WHEN 0 THEN ? ELSE ? END"
                " AS main_score) FROM scores WHERE subset = 'default'",
                [subset, official, own],
            )
        derive_compared(connection)
    return path


def test_a_task_of_several_cells_has_the_worst_verdict_of_those_compared(of_three_cells):
    cursor = open_reader(of_three_cells).cursor()
    cells = cursor.execute("SELECT verdict FROM deltas WHERE kind = 'reproduced' ORDER BY subset").fetchall()
    assert [verdict for (verdict,) in cells] == ["drift", "broken", "not comparable"]
    [task] = drift_cost.drift_and_delta(cursor).query("encoder == 'bf16'").to_dict("records")
    assert task["verdict"] == "broken" and task["delta"] == pytest.approx((-0.01 - 0.6) / 2)


def test_thresholds_in_force_are_those_of_the_cost_as_well(of_three_cells, monkeypatch):
    monkeypatch.setenv("PLUMBLINE_THRESHOLDS", "drift=0.9")
    assert set(drift_cost.drift_and_delta(open_reader(of_three_cells).cursor())["verdict"]) == {"drift"}


@pytest.mark.parametrize("reference_first", [True, False])
def test_a_candidate_is_judged_by_the_reference_whichever_was_run_first(made_parity, tmp_path, reference_first):
    """A candidate that lost most of a score is broken, and one that gained it is not, in either order of the runs."""
    path = tmp_path / "both.duckdb"
    shutil.copyfile(made_parity, path)
    with writing(path) as connection:
        settings = '{"in_use": {"dtype": "float32", "max_seq_length": 256, "modules": ["Transformer", "Pooling(mean)",'
        day = NEWEST - timedelta(days=1) if reference_first else NEWEST + timedelta(days=1)
        connection.execute(
            "INSERT INTO runs BY NAME SELECT * REPLACE ('run-fp32' AS run_id, ? AS settings, ? AS started_at)"
            " FROM runs WHERE run_id = 'run-bf16'",
            [settings + ' "Normalize"]}}', day],
        )
        connection.execute(
            "INSERT INTO results BY NAME SELECT * REPLACE (5 AS result_id, 'run-fp32' AS run_id, ? AS date)"
            " FROM results WHERE run_id = 'run-bf16'",
            [day],
        )
        connection.execute(
            "INSERT INTO scores (result_id, split, subset, main_score) VALUES (5, 'test', 'default', 0.8)"
        )
        connection.execute("UPDATE scores SET main_score = 0.2 WHERE result_id = 1")
        derive_compared(connection)
        candidate = next(made for made in twelve(made_texts(64)) if made.label == "bf16").encoder_id
        found = drift_cost.against_reference(connection, "check-1", candidate)
        assert found.to_dict("records") == [{"task": "TinySTS", "delta": pytest.approx(-0.6), "verdict": "broken"}]
        connection.execute("UPDATE scores SET main_score = 1 - main_score WHERE result_id IN (1, 5)")
        derive_compared(connection)
        gained = drift_cost.against_reference(connection, "check-1", candidate)
        assert gained.to_dict("records") == [{"task": "TinySTS", "delta": pytest.approx(0.6), "verdict": "gap"}]

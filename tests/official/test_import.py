"""What stands in the store after imports: new, same, changed, gone, from one place or several."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from data.store.database import version_of
from data.store.errors import InputError
from evaluators.official.importer import ImportSummary, import_bundle, import_from
from tests.official.conftest import Write, ask, committed, result

STANDING = """
    SELECT model, task, main_score FROM current_results JOIN scores USING (result_id)
    WHERE NOT withdrawn ORDER BY ALL"""


def import_(place: Path, store: Path, **how: str) -> ImportSummary:
    return import_from(place, store=store, **how)


def standing(store: Path) -> list[tuple[str, str, float]]:
    return ask(store, STANDING)


def test_a_checkout_is_imported_with_everything_a_score_needs(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(score=0.5, date=1755714807.0))
    write(result(score=0.6), revision="external")
    summary = import_(tmp_path / "checkout", store)
    assert (summary.added, summary.files_read, summary.rejected) == (2, 2, [])
    rows = ask(
        store,
        """SELECT model, revision, experiment, origin, task, metric, mteb_version, dataset_revision, evaluation_time,
        date::VARCHAR, file, notes, withdrawn, split, subset, languages, main_score, names, metrics
        FROM results JOIN scores USING (result_id) JOIN metric_sets USING (metric_set) ORDER BY revision""",
    )
    official, reported = rows
    assert official == (
        *(
            "org/model",
            "abc",
            "",
            "official",
            "STS12",
            None,
            "2.10.0",
            "a0d554a64d88156834ff5ae9920b964011b16384",
            12.5,
        ),
        *("2025-08-20 18:33:27", "results/org__model/abc/STS12.json", None, False, "test", "default", "eng-Latn", 0.5),
        *(["cosine_spearman"], [0.5]),
    )
    assert reported[:4] == ("org/model", "external", "", "reported")
    assert ask(store, "SELECT kind, files_seen, files_read, results_added FROM imports") == [("folder", 4, 2, 2)]
    assert ask(store, "SELECT registered, private FROM models WHERE model = 'org/model'") == [(False, False)]


def test_importing_twice_publishes_nothing(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    write(b"{", name="Broken.json")
    assert import_(tmp_path / "checkout", store).published
    before = version_of(store)
    again = import_(tmp_path / "checkout", store)
    assert not again.published
    assert (again.added, again.files_read, again.results) == (0, 0, 1)
    assert version_of(store) == before
    assert ask(store, "SELECT count(*) FROM imports") == [(1,)]


def test_a_touched_file_is_no_new_result(write: Write, store: Path, tmp_path: Path) -> None:
    path = write(result())
    import_(tmp_path / "checkout", store)
    os.utime(path, (1, 1))
    summary = import_(tmp_path / "checkout", store)
    assert (summary.files_read, summary.added, summary.gone) == (1, 0, 0)
    assert ask(store, "SELECT count(*), min(added_in) FROM results") == [(1, 1)]


def test_a_changed_file_ends_the_old_result(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(score=0.5))
    import_(tmp_path / "checkout", store)
    write(result(score=0.75))
    summary = import_(tmp_path / "checkout", store)
    assert (summary.added, summary.gone) == (1, 1)
    history = "SELECT main_score, added_in, gone_in FROM results JOIN scores USING (result_id) ORDER BY added_in"
    assert ask(store, history) == [(0.5, 1, 2), (0.75, 2, None)]
    assert standing(store) == [("org/model", "STS12", 0.75)]


def test_a_vanished_file_ends_its_result_and_can_come_back(write: Write, store: Path, tmp_path: Path) -> None:
    write(result("STS13"))
    path = write(result("STS12"))
    import_(tmp_path / "checkout", store)
    path.unlink()
    assert import_(tmp_path / "checkout", store).gone == 1
    assert [task for _, task, _ in standing(store)] == ["STS13"]
    write(result("STS12"))
    assert import_(tmp_path / "checkout", store).added == 1
    assert [task for _, task, _ in standing(store)] == ["STS12", "STS13"]


def test_a_file_that_became_unreadable_is_no_longer_what_a_score_rests_on(
    write: Write, store: Path, tmp_path: Path
) -> None:
    path = write(result())
    import_(tmp_path / "checkout", store)
    path.write_bytes(b"{")
    summary = import_(tmp_path / "checkout", store)
    assert (summary.gone, len(summary.rejected)) == (1, 1)
    assert standing(store) == []
    write(result())
    assert import_(tmp_path / "checkout", store).rejected == []
    assert ask(store, "SELECT count(*) FROM rejected") == [(0,)]


def test_the_same_file_in_two_checkouts_stands_once_and_the_last_import_counts(
    write: Write, store: Path, tmp_path: Path
) -> None:
    write(result(score=0.5), root="one")
    write(result(score=0.5), root="two")
    assert import_(tmp_path / "one", store).added == 1
    assert import_(tmp_path / "two", store).added == 0
    write(result(score=0.8), root="two")
    assert import_(tmp_path / "two", store).gone == 1
    assert standing(store) == [("org/model", "STS12", 0.8)]
    assert import_(tmp_path / "one", store).gone == 1  # named again, so its figures are wanted again
    assert standing(store) == [("org/model", "STS12", 0.5)]


def test_what_one_place_lost_another_still_has(write: Write, store: Path, tmp_path: Path) -> None:
    path = write(result(), root="one")
    write(result(), root="two")
    import_(tmp_path / "one", store)
    import_(tmp_path / "two", store)
    path.unlink()
    assert import_(tmp_path / "one", store).gone == 0
    assert len(standing(store)) == 1


def test_a_new_model_meta_renames_the_results_beside_it(write: Write, store: Path, tmp_path: Path) -> None:
    meta = write(result()).with_name("model_meta.json")
    import_(tmp_path / "checkout", store)
    meta.write_text(json.dumps({"name": "voyageai/voyage-3", "revision": "1"}))
    import_(tmp_path / "checkout", store)
    assert standing(store) == [("mongodb/voyage-3", "STS12", 0.5)]
    names = ask(store, "SELECT revision, filed_as, notes FROM current_results")
    assert names == [("1", "voyageai/voyage-3", "model was called voyageai/voyage-3")]


def test_variants_are_kept_apart(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(score=0.5))
    variant = write(result(score=0.6), revision="abc/experiments/some folder")
    meta = {"name": "org/model", "revision": "abc", "experiment_kwargs": {"vector_type": "multi", "n": [1, 2]}}
    variant.with_name("model_meta.json").write_text(json.dumps(meta))
    write(result(score=0.7), revision="abc/experiments/without_meta")
    import_(tmp_path / "checkout", store)
    query = (
        "SELECT experiment, model, revision, main_score FROM results JOIN scores USING (result_id) ORDER BY main_score"
    )
    assert ask(store, query) == [
        ("", "org/model", "abc", 0.5),
        ("n_[1,2]__vector_type_multi", "org/model", "abc", 0.6),
        ("without_meta", "org/model", "abc", 0.7),
    ]


def test_a_folder_without_model_meta_names_the_model_itself(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(), revision="no_revision_available").with_name("model_meta.json").unlink()
    import_(tmp_path / "checkout", store)
    ((model, revision, filed_as, notes),) = ask(store, "SELECT model, revision, filed_as, notes FROM results")
    assert (model, revision, filed_as) == ("org/model", None, None)
    assert notes == "model named by its folder, which has no model_meta.json"


def test_mtebs_cache_keeps_published_and_own_runs_apart(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(score=0.5), root="cache/remote")
    write(result(score=0.6), root="cache")
    import_(tmp_path / "cache", store)
    query = "SELECT origin, main_score FROM results JOIN scores USING (result_id) ORDER BY origin"
    assert ask(store, query) == [("official", 0.5), ("reproduced", 0.6)]


def test_results_of_colleagues_are_reproductions_each_on_its_own(write: Write, store: Path, tmp_path: Path) -> None:
    write(result(score=0.5), root="record")
    write(result(score=0.6), root="ann")
    write(result(score=0.7), root="bob")
    import_(tmp_path / "record", store)
    import_(tmp_path / "ann", store, origin="reproduced")
    import_(tmp_path / "bob", store, origin="reproduced")
    query = "SELECT origin, main_score FROM current_results JOIN scores USING (result_id) ORDER BY main_score"
    assert ask(store, query) == [("official", 0.5), ("reproduced", 0.6), ("reproduced", 0.7)]


def test_a_results_folder_or_a_zip_serves_as_well(write: Write, store: Path, tmp_path: Path) -> None:
    write(result("STS12"))
    assert import_(tmp_path / "checkout" / "results", store).added == 1
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "checkout")
    summary = import_(Path(archive), store)
    assert (summary.added, summary.files_read) == (0, 1)  # the same file of the record, read from elsewhere
    assert not import_(Path(archive), store).published


@pytest.mark.parametrize("kind", ["nothing there", "a text", "an empty folder"])
def test_a_place_without_results_is_refused(kind: str, store: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if kind == "a text":
        place.write_text("hello")
    elif kind == "an empty folder":
        place.mkdir()
    before = version_of(store)
    with pytest.raises(InputError, match="place"):
        import_(place, store)
    assert version_of(store) == before


@pytest.mark.slow
def test_a_checkout_over_the_bundle_adds_metrics_and_changes_no_score(
    sample: Path, record_store: Path, tmp_path: Path
) -> None:
    store = Path(shutil.copy(record_store, tmp_path / "plumbline.duckdb"))
    before = standing(store)
    summary = import_(sample, store)
    assert summary.files_read > 7000
    # Files of three variants come without their model_meta.json in the sample: they are other variants then.
    renamed = ask(store, "SELECT count(*) FROM results WHERE added_in = 2 AND experiment <> ''")[0][0]
    assert (summary.added, summary.gone) == (renamed, renamed)
    assert standing(store) == before
    metrics = "SELECT count(DISTINCT result_id) FROM scores WHERE len(metrics) > 0"
    assert ask(store, metrics)[0][0] > 7000
    # rounded: the order in which a mean is summed shows in its last bit
    boards = """SELECT model, rank, round(mean_task, 12) FROM leaderboard
        WHERE benchmark = 'MTEB(eng, v2)' ORDER BY ALL"""
    assert ask(store, boards) == ask(record_store, boards)


def test_the_bundle_over_a_checkout_keeps_the_metrics(sample: Path, small_bundle: Path, tmp_path: Path) -> None:
    store, part = tmp_path / "plumbline.duckdb", tmp_path / "part"
    model = "sentence-transformers__all-MiniLM-L6-v2"
    shutil.copytree(sample / "results" / model, part / "results" / model)
    first = import_(part, store)
    metrics = "SELECT count(*) FROM current_results JOIN scores USING (result_id) WHERE len(metrics) > 0"
    metrics += " AND origin <> 'reproduced'"  # our own runs come with the bundle, with all their metrics
    before = ask(store, metrics)
    summary = import_bundle(store=store, folder=small_bundle)
    assert summary.gone == 0
    assert ask(store, metrics) == before
    assert summary.added == summary.results - first.results > 0
    assert not import_bundle(store=store, folder=small_bundle).published


def test_a_model_that_no_registry_knows_is_described_by_its_own_file(write: Write, store: Path, tmp_path: Path) -> None:
    facts = {
        "name": "org/model",
        "revision": "abc",
        "n_parameters": 22_000_000,
        "embed_dim": [128, 384],
        "max_tokens": "many",
        "release_date": "soon",
        "license": "'; DROP TABLE models",
        "open_source": True,
        "languages": ["eng-Latn", 7],
        "training_datasets": {"STS13": ["train"]},
    }
    write(result()).with_name("model_meta.json").write_text(json.dumps(facts))
    import_(tmp_path / "checkout", store, origin="reproduced")
    query = """SELECT private, n_parameters, dimensions, max_tokens, release_date, licence, open_weights, languages,
        training_known FROM models WHERE model = 'org/model'"""
    expected = (True, 22_000_000, 384, None, None, "'; DROP TABLE models", True, ["eng-Latn"], True)
    assert ask(store, query) == [expected]
    assert ask(store, "SELECT task FROM model_training WHERE model = 'org/model'") == [("STS13",)]


def test_an_import_of_a_git_checkout_keeps_its_commit(write: Write, store: Path, tmp_path: Path) -> None:
    write(result())
    commit = committed(tmp_path / "checkout")
    import_(tmp_path / "checkout", store)
    ((sha, date),) = ask(store, "SELECT source_commit, source_date FROM imports")
    assert sha == commit
    assert date is not None

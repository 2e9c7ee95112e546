"""The loop itself, on real tasks of mteb: what is kept, what is compared, what goes on after a failure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from data.store.errors import InputError, ModelError, NotFoundError
from evaluators.reproduce import run as loop
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.verdicts import JudgedCell, verdicts_of
from tests.reproduce.conftest import MINILM, REAL_DATA, Run, pairs, publish_official, rows, write_pairs


def judged(journal: Journal, compare_to: str = "official") -> list[JudgedCell]:
    return verdicts_of(journal.run_id, journal.run["model"], list(journal.tasks()), compare_to)


@pytest.mark.slow
def test_shipped_set_with_real_weights(run: Run, minilm: Path, store: Path) -> None:
    """The whole path: three kinds of own task, real vectors, every metric, private, on the leaderboard's tables."""
    journal, written = run(minilm, own=("pairs", "intents", "questions"), asked={"known_as": MINILM})

    scores = dict(rows(store, "SELECT task, main_score FROM results JOIN scores USING (result_id)"))
    assert scores["SamplePairs"] == pytest.approx(0.909615, abs=2e-4)
    assert scores["SampleIntents"] == pytest.approx(0.925, abs=0.02)
    assert scores["SampleQuestions"] == pytest.approx(0.971, abs=0.01)
    assert rows(store, "SELECT bool_and(private) FROM tasks") == [(True,)]
    board = rows(store, "SELECT task, score FROM board WHERE benchmark = 'Own tasks' AND ranked")
    assert dict(board) == pytest.approx(scores)
    assert rows(store, "SELECT count(*) FROM models") == [(0,)]  # a registered model's facts come with the import
    [(names,)] = rows(
        store,
        """SELECT names FROM metric_sets JOIN scores USING (metric_set) JOIN results USING (result_id)
           WHERE task = 'SampleQuestions'""",
    )
    assert {"ndcg_at_10", "recall_at_100", "map_at_10", "mrr_at_10"} <= set(names)
    assert rows(store, "SELECT count(*) FROM chosen WHERE model = ?", MINILM) == [(3,)]
    assert "3 tasks to run, about" in written


@pytest.mark.soak  # the figures of our own sets are looked for above
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="needs the real data sets beside the checkout")
def test_published_figure_is_reproduced(run: Run, minilm: Path) -> None:
    journal, _ = run(minilm, "STSBenchmark", asked={"known_as": MINILM}, datasets=REAL_DATA)
    [cell] = judged(journal)
    assert cell.reproduced == pytest.approx(0.820325, abs=1e-3)


@pytest.mark.slow
def test_recorded_with_a_run(run: Run, tiny: Path, store: Path) -> None:
    run(tiny, "STS12")
    [(settings, environment, files, status, private)] = rows(
        store, "SELECT settings, environment, files, status, private FROM runs"
    )
    in_use, surroundings = json.loads(settings)["in_use"], json.loads(environment)
    assert in_use["dtype"] == "float32" and in_use["attention"] == "sdpa" and in_use["max_seq_length"] == 64
    assert in_use["modules"] == ["Transformer", "Pooling(mean)", "Normalize"] and in_use["dimensions"] == 32
    assert {"mteb", "torch", "transformers", "sentence-transformers"} <= set(surroundings["libraries"])
    assert surroundings["torch_threads"] >= 1 and surroundings["seeds"]["mteb_task"] == 42
    assert "model.safetensors" in {file["path"] for file in json.loads(files)} and status == "done" and private
    [(texts, seconds, memory, path, warnings)] = rows(
        store, "SELECT texts, seconds, peak_memory_mb, dataset_path, warnings FROM run_tasks"
    )
    assert texts == 320 and seconds > 0 and memory > 50 and path.endswith("mteb/sts12-sts")
    [(revision,)] = rows(store, "SELECT dataset_revision FROM results")
    assert len(revision) == 40  # as mteb's registry has it: local data change nothing else
    assert rows(store, "SELECT private, registered FROM models") == [(True, False)]
    assert isinstance(json.loads(warnings), list)


@pytest.mark.slow
def test_done_tasks_are_not_run_again_unless_asked(
    run: Run, tiny: Path, store: Path, hub_folder: Path, tmp_path: Path
) -> None:
    first, _ = run(tiny, "STS12")
    once = first.tasks()["STS12"]["finished_at"]
    second, written = run(tiny, "STS12")
    assert second.run_id == first.run_id and second.tasks()["STS12"]["finished_at"] == once
    assert "done already" in written

    third, _ = run(tiny, "STS12", again=True)
    assert third.run_id != first.run_id
    assert rows(store, "SELECT count(*), count(DISTINCT run_id) FROM results") == [(2, 2)]
    [cell] = judged(third, first.run_id)
    assert cell.verdict == "match" and cell.delta == 0

    fourth, _ = run(tiny, "STS12", asked={"max_seq_length": 8})
    assert fourth.run_id not in (first.run_id, third.run_id)  # another set-up is another run

    elsewhere = tmp_path / "elsewhere" / "mteb"
    elsewhere.mkdir(parents=True)
    (elsewhere / "sts12-sts").symlink_to(hub_folder / "mteb" / "sts12-sts")
    moved, _ = run(tiny, "STS12", datasets=elsewhere.parent)
    assert moved.tasks()["STS12"]["dataset_path"] == str(elsewhere / "sts12-sts")  # other data: run again


@pytest.mark.slow
def test_figures_on_other_data_stand_in_the_place_of_the_ones_before(
    run: Run, tiny: Path, store: Path, tmp_path: Path
) -> None:
    """They have the same file: who goes by its name shows the figures of data that are no more."""
    current = "SELECT main_score FROM scores JOIN results USING (result_id) WHERE gone_in IS NULL"
    run(tiny, "STS12")
    before = rows(store, current)
    scores = [row["score"] for row in pairs()]
    write_pairs(
        tmp_path / "mteb" / "sts12-sts", [row | {"score": s} for row, s in zip(pairs(), scores[::-1], strict=True)]
    )
    journal, _ = run(tiny, "STS12", datasets=tmp_path)
    (result,) = journal.folder.glob("mteb/results/*/*/STS12.json")
    [(score,)] = rows(store, current)
    assert score == json.loads(result.read_text())["scores"]["test"][0]["main_score"] and (score,) not in before
    assert rows(store, "SELECT count(*), count(gone_in) FROM results") == [(2, 1)]
    run(tiny, "STS12", datasets=tmp_path)
    assert rows(store, "SELECT count(*) FROM results") == [(2,)]


@pytest.mark.slow
def test_compared_with_what_is_published(run: Run, tiny: Path, store: Path) -> None:
    import mteb

    revision = mteb.get_task("STS12").metadata.dataset["revision"]
    journal, written = run(tiny, "STS12")
    assert [cell.verdict for cell in judged(journal)] == ["not comparable"]
    assert "no official score" in written
    [(score,)] = rows(store, "SELECT main_score FROM scores")

    publish_official("test/tiny", "STS12", score, revision)
    publish_official("test/tiny", "STS12", score + 0.5, revision, origin="reported")
    [cell] = judged(journal)
    assert (cell.verdict, cell.other, cell.delta) == ("match", score, 0.0)
    [cell] = judged(journal, "reported")
    assert cell.other == score + 0.5 and cell.verdict != "match"


@pytest.mark.slow
def test_a_failing_task_is_recorded_and_the_rest_goes_on(run: Run, tiny: Path, store: Path) -> None:
    import mteb

    def raising(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise ValueError("no such [red]column[/]: 'sentence1'")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(mteb.get_task("STS12")), "dataset_transform", raising)
        journal, written = run(tiny, "STS12", own=("pairs",))
    assert journal.tasks()["STS12"]["status"] == "failed"
    assert rows(store, "SELECT task, status FROM run_tasks ORDER BY task") == [
        ("STS12", "failed"),
        ("SamplePairs", "done"),
    ]
    assert "failed STS12: ValueError: no such [red]column[/]" in written
    journal, _ = run(tiny, "STS12", own=("pairs",))
    assert journal.tasks()["STS12"]["status"] == "done"


@pytest.mark.slow
def test_missing_data_set(run: Run, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    journal, _ = run(tiny, "STS12", datasets=tmp_path / "none")
    error = journal.tasks()["STS12"]["error"]
    assert "not in the folder given with --datasets" in error and "mteb/sts12-sts" in error
    assert journal.run["status"] == "done"


@pytest.mark.slow
def test_out_of_memory_halves_the_batch(run: Run, tiny: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that has memory for eight texts gives the scores of one that has more."""
    whole, _ = run(tiny, "STS12")
    original = loop.load_requested

    def short_of_memory(asked: ModelRequest) -> Any:
        loaded = original(asked)
        inner = loaded.encoder.model
        forward = inner.forward

        def limited(features: Any, **kwargs: Any) -> Any:
            if len(features["input_ids"]) > 8:
                raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
            return forward(features, **kwargs)

        inner.forward = limited
        return loaded

    monkeypatch.setattr(loop, "load_requested", short_of_memory)
    small, _ = run(tiny, "STS12", again=True)
    assert small.tasks()["STS12"]["batch_size"] == 8 and small.tasks()["STS12"]["texts"] == 320
    [cell] = judged(small, whole.run_id)
    assert cell.delta == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_vectors_are_kept_by_content(run: Run, tiny: Path, tmp_path: Path) -> None:
    kept = tmp_path / "vectors"
    first, _ = run(tiny, "STS12", embeddings_cache=kept)
    assert 0 < first.tasks()["STS12"]["texts"] < 320  # the shipped pairs share sentences
    again, _ = run(tiny, "STS12", embeddings_cache=kept, again=True)
    assert again.tasks()["STS12"]["texts"] == 0
    other_task, _ = run(tiny, own=("pairs",), embeddings_cache=kept)
    assert other_task.tasks()["SamplePairs"]["texts"] == 0  # the same texts under another task's name
    prompted, _ = run(tiny, "STS12", embeddings_cache=kept, asked={"prompts": {"STS": "sentence: "}})
    assert prompted.tasks()["STS12"]["texts"] > 0
    [cell] = [cell for cell in judged(again, first.run_id) if cell.task == "STS12"]
    assert cell.delta == pytest.approx(0, abs=1e-6)


@pytest.mark.slow
def test_models_without_files_or_texts(run: Run, store: Path) -> None:
    """mteb's own baselines: one that encodes without weights, one that scores pairs and encodes nothing."""
    journal, _ = run(Path("mteb/baseline-random-encoder"), "STS12", asked={"known_as": None})
    assert journal.tasks()["STS12"]["status"] == "done" and journal.run["files"] == []
    journal, _ = run(Path("mteb/baseline-random-cross-encoder"), "STS12", asked={"known_as": None})
    record = journal.tasks()["STS12"]
    assert record["status"] == "failed" and "does not support CrossEncoders" in record["error"]


def test_a_comparison_with_no_such_run_is_refused(run: Run, tiny: Path, store: Path) -> None:
    with pytest.raises(NotFoundError, match="no such run"):
        run(tiny, "STS12", compare_to="20200101-000000-deadbeef")
    assert not store.exists()


def test_folder_without_weights(run: Run, tiny: Path, tmp_path: Path, store: Path) -> None:
    import shutil

    empty = tmp_path / "empty"
    shutil.copytree(tiny, empty)
    (empty / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no weights"):
        run(empty, "STS12")
    shutil.copytree(tiny, tmp_path / "cut")
    with (tmp_path / "cut" / "model.safetensors").open("r+b") as weights:
        weights.truncate(20_000)  # as an unfinished download leaves it
    with pytest.raises(ModelError, match="Preflight stops the run"):
        run(tmp_path / "cut", "STS12")
    with pytest.raises(InputError, match="Unknown --dtype"):
        run(tiny, "STS12", asked={"dtype": "float8"})
    with pytest.raises(ModelError, match="no such model folder"):
        run(tmp_path / "typo", "STS12")
    assert not store.exists()


def test_a_doomed_run_goes_on_anyway_with_its_findings(run: Run, tiny: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    torn = tmp_path / "torn"
    shutil.copytree(tiny, torn)
    tensors = load_file(torn / "model.safetensors")
    tensors = {name: tensor for name, tensor in tensors.items() if "layer.0" not in name}
    save_file(tensors, torn / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="add --anyway"):
        run(torn, "STS12")
    journal, _ = run(torn, "STS12", asked={"anyway": True})
    assert journal.tasks()["STS12"]["status"] == "done"
    assert any("tensors are not in the file" in finding["seen"] for finding in journal.run["findings"])
    assert all("tensors are not in the file" not in warning["text"] for warning in journal.run["warnings"])


@pytest.mark.slow
def test_a_task_killed_half_way_goes_on_after_its_last_subset(
    run: Run, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    import mteb

    data = tmp_path / "halves" / "mteb" / "sts17-crosslingual-sts"
    write_pairs(data, [row | {"lang": subset} for subset in ("ko-ko", "es-en") for row in pairs()])
    task = type(mteb.get_task("STS17"))
    original = task._evaluate_subset
    begun: list[str] = []

    def counted(self: Any, *args: Any, hf_subset: str, **kwargs: Any) -> Any:
        begun.append(hf_subset)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return original(self, *args, hf_subset=hf_subset, **kwargs)

    monkeypatch.setattr(task, "_evaluate_subset", counted)
    kept = {"datasets": data.parents[1], "subsets": ["ko-ko", "es-en"]}
    with pytest.raises(KeyboardInterrupt):
        run(tiny, "STS17", **kept)
    assert rows(store, "SELECT status FROM runs") == [("stopped",)]
    run(tiny, "STS17", **kept)
    assert len(set(begun)) == 2 and begun[2:] == begun[1:2]
    assert rows(store, "SELECT count(DISTINCT subset) FROM scores") == [(2,)]

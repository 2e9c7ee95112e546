"""The small parts: own data, prompts, filters, warnings, estimates, memory."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path
from typing import Any

import pytest

from data.store.database import writing
from data.store.errors import InputError, NotFoundError
from evaluators.official.own_runs import unpack
from evaluators.reproduce.estimate import characters, duration, estimates, published_seconds
from evaluators.reproduce.instrumented import Watched, out_of_memory
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.own import own_tasks
from evaluators.reproduce.prompts import read_prompts
from evaluators.reproduce.publish import restore
from evaluators.reproduce.tasks import chosen
from evaluators.reproduce.warning_capture import hearing
from tests.maintain.own_runs import pack
from tests.reproduce.conftest import MINILM, SAMPLE, publish_official, rows

BEIR = {
    "corpus.jsonl": '{"_id": "d1", "title": "T", "text": "one"}\n{"_id": "d2", "text": "two"}\n',
    "queries.jsonl": '{"_id": "q1", "text": "which"}\n{"_id": "unjudged", "text": "none"}\n',
    "qrels/test.tsv": "query-id\tcorpus-id\tscore\nq1\td2\t1\n",
}


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, encoding="utf-8")
    return path


def test_beir_folder_is_a_retrieval_task(tmp_path: Path) -> None:
    files = BEIR | {"qrels/dev.tsv": "q1\td1\t2\n", "task.toml": 'name = "My docs!"\nlanguage = "deu-Latn"\n'}
    [task] = own_tasks(folder(tmp_path, files))
    task.load_data()
    data = task.dataset["default"]
    assert (
        task.metadata.name == "My_docs_" and task.metadata.type == "Retrieval" and task.eval_splits == ["dev", "test"]
    )
    assert data["test"]["queries"]["id"] == ["q1"] and data["dev"]["relevant_docs"] == {"q1": {"d1": 2}}
    assert task.languages == ["deu"] and task.own_facts["samples"] == 2
    before = task.metadata.dataset["revision"]
    (tmp_path / "corpus.jsonl").write_text(BEIR["corpus.jsonl"].replace("one", "won"), encoding="utf-8")
    assert own_tasks(tmp_path)[0].metadata.dataset["revision"] != before


def test_one_csv_is_cross_validated_and_several_are_several_tasks(tmp_path: Path) -> None:
    texts = "text,label\n" + "".join(f"text {i},{'ab'[i % 2]}\n" for i in range(20))
    pairs = "sentence1,sentence2,score\na,b,1\nc,d,9.5\n"
    first, second = own_tasks(folder(tmp_path / "mine", {"kinds.csv": texts, "pairs.csv": pairs}))
    assert first.metadata.name == "mine-kinds" and first.is_cross_validation and first.train_split == "test"
    assert second.metadata.type == "STS" and (second.min_score, second.max_score) == (1.0, 9.5)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "no data Plumbline can make a task of"),
        ({"corpus.jsonl": BEIR["corpus.jsonl"]}, "queries.jsonl"),
        (BEIR | {"corpus.jsonl": '{"_id": "d1"}\n'}, "corpus.jsonl, line 1"),
        (BEIR | {"qrels/test.tsv": "q1\td9\t1\n"}, "'d9'"),
        (BEIR | {"qrels/test.tsv": "q1 d1 1\n"}, "line 1"),
        ({"x.csv": "a,b\n1,2\n"}, "columns Plumbline knows no task for"),
        ({"x.csv": "sentence1,sentence2,score\na,b,much\n"}, "row 2"),
        ({"x.csv": "text,label\na,\n"}, "A cell is empty"),
        ({"x.csv": "text,label\na,b\n"}, "at least two labels"),
        ({"x.csv": "text,label\na,b\nc,d\n", "task.toml": 'name = "STS12"'}, "has a task called STS12"),
        ({"x.csv": "text,label\na,b\nc,d\n", "task.toml": "name ="}, "settings cannot be read"),
        ({"x.csv": "text,label\na,b\nc,d\n", "task.toml": 'language = "klingon"'}, "Check task.toml"),
    ],
)
def test_own_data_that_does_not_fit_is_explained(tmp_path: Path, files: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said.replace("'", ".")):
        own_tasks(folder(tmp_path, files))


def test_prompts_from_files_and_pairs(tmp_path: Path) -> None:
    folder(tmp_path, {"p.json": '{"query": "q: ", "STS": "s: "}', "p.toml": 'document = "d: "\n', "bad.json": "{"})
    given = [str(tmp_path / "p.json"), str(tmp_path / "p.toml"), "query=later: "]
    assert read_prompts(given) == {"query": "later: ", "STS": "s: ", "document": "d: "}
    everywhere = read_prompts(["*=x: "])
    assert {"STS", "Retrieval", "query", "document"} <= set(everywhere) and set(everywhere.values()) == {"x: "}
    for wrong in (str(tmp_path / "bad.json"), str(tmp_path / "none.toml")):
        with pytest.raises(InputError, match="cannot be read"):
            read_prompts([wrong])


def test_filters() -> None:
    names = {task.metadata.name for task in chosen("MTEB(eng, v2)", [], ["STS"], [])}
    assert "STSBenchmark" in names and "SciFact" not in names and len(names) == 9
    [task] = chosen(None, ["STS17"], [], ["kor"])
    assert task.hf_subsets == ["ko-ko"]
    with pytest.raises(NotFoundError, match="Did you mean"):
        chosen(None, ["STSBenchmrk"], [], [])
    with pytest.raises(NotFoundError, match="no such benchmark"):
        chosen("MTEB(klingon)", [], [], [])
    with pytest.raises(InputError, match="what to run"):
        chosen(None, [], [], [])


def test_every_kind_of_warning_is_heard() -> None:
    library = logging.getLogger("transformers")
    quiet, propagates = library.level, library.propagate
    library.propagate = False
    library.setLevel(logging.ERROR)  # as TRANSFORMERS_VERBOSITY=error leaves it
    try:
        with hearing() as heard:
            logging.getLogger("transformers.modeling_utils").warning("tensor %s was not found", "x.weight")
            logging.getLogger("mteb.abstasks").warning("twice")
            warnings.warn("twice", UserWarning, stacklevel=1)
            logging.getLogger("somebody").error("broken")
        texts = {entry["text"]: entry["times"] for entry in heard.take()}
        assert texts == {"tensor x.weight was not found": 1, "twice": 2, "broken": 1}
        assert heard.take() == []
        assert library.level == logging.ERROR
    finally:
        library.setLevel(quiet)
        library.propagate = propagates


def test_estimates_scale_published_times_by_what_was_measured() -> None:
    import mteb

    found = estimates([("a", 1000), ("b", None), ("c", None), ("d", 3000)], 100.0, {"a": 5.0, "b": 30.0, "d": 15.0})
    assert [entry.seconds for entry in found] == [10.0, 60.0, None, 30.0]
    task = mteb.get_task("STSBenchmark")
    assert characters(task, float("inf")) == 147886
    scifact = mteb.get_task("SciFact")
    whole, cut = characters(scifact, float("inf")), characters(scifact, 100.0)
    assert whole and cut and cut < whole / 5
    assert [duration(s) for s in (3.24, 45, 600, 9000)] == ["3.2 s", "45 s", "10 min", "2.5 h"]


def test_published_times_come_from_the_model_itself_first(store: Path) -> None:
    assert published_seconds(MINILM, ["STS12"]) == {}
    for model, seconds in (("x/1", 10.0), ("x/2", 30.0)):
        publish_official(model, "STS12", 0.5, "r", seconds=seconds)
    assert published_seconds(MINILM, ["STS12"]) == {"STS12": 20.0}
    publish_official(MINILM, "STS12", 0.5, "r", seconds=7.0)
    assert published_seconds(MINILM, ["STS12"]) == {"STS12": 7.0}


def test_memory_errors_are_told_from_others() -> None:
    import torch

    assert out_of_memory(MemoryError()) and out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert not out_of_memory(RuntimeError("size mismatch")) and not out_of_memory(ValueError("out of memory"))


def test_one_text_that_does_not_fit_is_an_error() -> None:
    from datasets import Dataset
    from torch.utils.data import DataLoader

    class Full:
        def encode(self, inputs: Any, **kwargs: Any) -> Any:
            raise MemoryError

    loader = DataLoader(Dataset.from_dict({"text": ["a"] * 9}), batch_size=8)
    watched = Watched(Full())
    with pytest.raises(MemoryError):
        watched.encode(loader, batch_size=8)
    assert watched.batch_limit == 1


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, {"model": "m"})
    journal.write_run(status="running")
    assert Journal.open(tmp_path, {"model": "m"}).run_id == journal.run_id
    assert Journal.open(tmp_path, {"model": "other"}).run_id != journal.run_id
    (journal.folder / "tasks" / "STS12.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="STS12.json"):
        journal.tasks()
    with journal.held(), pytest.raises(Exception, match="Another process"), Journal(journal.folder).held():
        pass


def test_shipped_sets_are_whole() -> None:
    counted = {
        task.metadata.name: task.own_facts["samples"]
        for name in sorted(SAMPLE.iterdir())
        if name.is_dir()
        for task in own_tasks(name)
    }
    assert counted == {"SampleIntents": 96, "SamplePairs": 160, "SampleQuestions": 40}


def test_bundled_runs_come_back_as_they_were(store: Path, tmp_path: Path) -> None:
    """What was packed from a journal is what a store built from the bundle holds, twice over the same."""
    journal = Journal.open(tmp_path / "runs", {"model": "m"})
    asked = {"asked": {"model": "/home/somebody/all-MiniLM-L6-v2"}, "in_use": {}}
    journal.write_run(
        run_id=journal.run_id, kind="reproduce", model=MINILM, revision="local", private=False, settings=asked,
        command="python -m evaluators reproduce /home/somebody/all-MiniLM-L6-v2 --out /tmp/runs --tasks STS12",
        files=[], warnings=[],
        environment={"libraries": {"mteb": "2.26.24"}}, started_at="2026-11-21 08:00:00", status="done",
    )  # fmt: skip
    cell = {"hf_subset": "default", "languages": ["eng-Latn"], "main_score": 0.5, "pearson": 0.4, "spearman": None}
    result = {"task_name": "STS12", "mteb_version": "2.26.24", "dataset_revision": "abc", "scores": {"test": [cell]}}
    folder(journal.folder, {"mteb/STS12.json": json.dumps(result)})
    facts = {"type": "STS", "metric": "cosine_spearman", "dataset_path": "/data/mteb/sts12"}
    journal.write_task({"task": "STS12", "status": "done", "file": "mteb/STS12.json", **facts})
    journal.write_task({"task": "STS13", "status": "failed", "error": "no data"})

    assert pack([journal], tmp_path / "bundle.parquet") == 1
    for _ in range(2):
        with writing() as connection:
            assert unpack(connection, tmp_path / "bundle.parquet") == 1
    assert rows(store, "SELECT command FROM runs") == [
        ("python -m evaluators reproduce all-MiniLM-L6-v2 --tasks STS12",)
    ]
    assert rows(
        store,
        """SELECT task, origin, main_score, names, metrics, dataset_path FROM results JOIN scores USING (result_id)
           JOIN metric_sets USING (metric_set) JOIN run_tasks USING (result_id, task)""",
    ) == [("STS12", "reproduced", 0.5, ["pearson", "spearman"], [0.4, None], "mteb/sts12")]

    with writing(fresh=True) as connection:
        folder(tmp_path / "runs" / "20200101-000000-00000000", {"run.json": '{"run_id": "x"'})
        count, [problem] = restore(connection, tmp_path / "runs")
    assert count == 1 and "20200101-000000-00000000 cannot be put back" in problem
    assert rows(store, "SELECT task, status FROM run_tasks ORDER BY task") == [("STS12", "done"), ("STS13", "failed")]

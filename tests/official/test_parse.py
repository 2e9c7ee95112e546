"""Each way a published file departs from today's format, on a small file of that kind."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest

from data.store.errors import UnreadableResultError
from evaluators.results.names import Names
from evaluators.results.parse import Result, load_json, parse
from tests.official.conftest import result


def read(content: Any, names: Names) -> Result:
    return parse(content if isinstance(content, bytes) else json.dumps(content).encode(), names)


def moment(written: str) -> dt.datetime:
    return dt.datetime.fromisoformat(written)


def metrics(result: Result, cell: int = 0) -> dict[str, float | None]:
    return dict(zip(result.cells[cell].names, result.cells[cell].values, strict=True))


def old(task: str = "STS12", **splits: Any) -> dict[str, Any]:
    """A file from before mteb 1.11."""
    return {"mteb_dataset_name": task, "mteb_version": "1.0.2", "dataset_revision": "a0d554a"} | splits


def test_todays_format(names: Names) -> None:
    read_back = read(result(date=1755714807.0), names)
    assert read_back.task == "STS12"
    assert read_back.mteb_version == "2.10.0"
    assert read_back.dataset_revision == "a0d554a64d88156834ff5ae9920b964011b16384"
    assert read_back.evaluation_time == 12.5
    assert read_back.date == moment("2025-08-20T18:33:27")
    assert read_back.notes is None
    (cell,) = read_back.cells
    assert cell[:4] == ("test", "default", "eng-Latn", 0.5)
    assert metrics(read_back) == {"cosine_spearman": 0.5}


@pytest.mark.parametrize("bare", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("layout", ['{"nauc": %s}', '{"nauc":%s}', '{"list": [\n  %s,\n  1\n]}', '{"list": [%s]}'])
def test_bare_nan_and_infinity_become_nothing(bare: str, layout: str) -> None:
    assert load_json((layout % bare).encode()) == json.loads(layout % "null")


def test_bare_words_inside_texts_are_left_alone() -> None:
    text = {"a": "NaN: NaN, Infinity", "b": 'said "x": NaN', "NaN": 1}
    written = json.dumps(text)[:-1] + ', "c": NaN}'
    assert load_json(written.encode()) == text | {"c": None}


def test_integers_beyond_64_bits_are_read() -> None:
    assert load_json(b'{"a": 123456789012345678901234567890, "b": 1e999}') == {"a": 1.2345678901234568e29, "b": None}


def test_before_1_11_without_subsets(names: Names) -> None:
    split = {"cos_sim": {"pearson": 0.6, "spearman": 0.7}, "evaluation_time": 3.5, "manhattan": {"spearman": 0.65}}
    read_back = read(old(test=split, validation=split), names)
    assert [cell[:4] for cell in read_back.cells] == [
        ("test", "default", "eng-Latn", 0.7),
        ("validation", "default", "eng-Latn", 0.7),
    ]
    expected = {"cosine_pearson": 0.6, "cosine_spearman": 0.7, "manhattan_spearman": 0.65}
    assert metrics(read_back) == expected
    assert read_back.evaluation_time == 7.0
    assert read_back.notes == "format of before 1.11; main score taken from cosine_spearman"


def test_before_1_11_with_subsets(names: Names) -> None:
    split = {"en": {"accuracy": 0.7, "f1": 0.6}, "de": {"accuracy": 0.5, "f1": 0.4}, "evaluation_time": 1}
    read_back = read(old("AmazonReviewsClassification", test=split), names)
    assert [cell[:4] for cell in read_back.cells] == [("test", "en", "eng-Latn", 0.7), ("test", "de", "deu-Latn", 0.5)]


def test_before_1_11_without_the_tasks_metric_has_no_main_score(names: Names) -> None:
    read_back = read(old("AskUbuntuDupQuestions", test={"map": 0.6, "mrr": 0.7}), names)
    assert read_back.cells[0].main_score is None  # mteb has none either
    assert "1 of 1 main scores missing" in (read_back.notes or "")
    assert metrics(read_back) == {"map": 0.6, "mrr": 0.7}


def test_main_score_that_is_another_metric_than_the_tasks(names: Names) -> None:
    split = {"main_score": 0.31, "accuracy": 0.62, "ap": 0.31, "f1": 0.6}
    read_back = read(old("ToxicConversationsClassification", test=split), names)
    assert read_back.cells[0].main_score == 0.31
    assert read_back.metric == "ap"
    assert "main score is ap, the task's is accuracy" in (read_back.notes or "")


@pytest.mark.parametrize(
    ("task", "cell"),
    [
        ("AskUbuntuDupQuestions", {"main_score": 0.6, "map": 0.6, "mrr": 0.7}),
        ("BLINKIT2IRetrieval", {"main_score": 0.6, "cv_recall_at_1": 0.6, "ndcg_at_1": 0.6}),
        ("STS12", {"main_score": 0.123456789, "cosine_spearman": 0.123457, "pearson": 0.123456789}),
    ],
)
def test_the_same_metric_under_another_name_or_rounded_is_the_tasks(
    task: str, cell: dict[str, float], names: Names
) -> None:
    entry = cell | {"hf_subset": "default", "languages": ["eng-Latn"]}
    assert read(result(task, scores={"test": [entry]}), names).metric is None


@pytest.mark.parametrize(
    ("written", "today"),
    [
        ("CMedQAv2", "CMedQAv2-reranking"),
        ("8TagsClustering", "EightTagsClustering"),
        ("NorwegianParliament", "NorwegianParliamentClassification"),
        ("DiaBLaBitextMining", "DiaBlaBitextMining"),  # only the case differs
    ],
)
def test_renamed_tasks(written: str, today: str, names: Names) -> None:
    read_back = read(old(written, test={"main_score": 0.5}), names)
    assert read_back.task == today
    assert f"task was called {written}" in (read_back.notes or "")


def test_renamed_subsets(names: Names) -> None:
    xpqa = read(old("XPQARetrieval", test={"fr": {"ndcg_at_10": 0.5}}), names)
    assert [cell.subset for cell in xpqa.cells] == ["fra-fra"]
    french = old("MLSUMClusteringP2P", test={"v_measure": 0.4}) | {"mteb_version": "1.1.2.dev0"}
    assert [cell.subset for cell in read(french, names).cells] == ["fr"]
    assert [cell.subset for cell in read(french | {"mteb_version": "1.2.0"}, names).cells] == ["default"]


def test_both_names_in_one_file_are_read_as_todays_format(names: Names) -> None:
    read_back = read(result() | {"mteb_dataset_name": "STS12"}, names)
    assert read_back.notes is None
    assert len(read_back.cells) == 1


def test_metrics_that_are_dicts_lists_texts_truth_values_or_nothing(names: Names) -> None:
    cell = result()["scores"]["test"][0] | {
        "cos_sim": {"accuracy": 0.9, "note": "text"},
        "max": {"ap": 1},
        "v_measures": {"Level 0": [0.1, 0.2]},
        "scores_per_experiment": [{"accuracy": 0.5}],
        "nauc": None,
        "platform": "Linux",
        "exact": True,
        "count": 7,
        "mteb_version": "2.1.0",
    }
    read_back = read(result(scores={"test": [cell]}), names)
    expected = {"cosine_spearman": 0.5, "nauc": None, "count": 7, "cosine_accuracy": 0.9, "max_ap": 1}
    assert metrics(read_back) == expected


def test_main_scores_that_are_integers_texts_or_nothing(names: Names) -> None:
    entries = [{"main_score": score, "hf_subset": str(score), "languages": []} for score in (1, "0.25", None, "n/a")]
    read_back = read(result("MassiveIntentClassification", scores={"test": entries}), names)
    assert [cell.main_score for cell in read_back.cells] == [1.0, 0.25, None, None]
    assert "2 of 4 main scores missing or not a number" in (read_back.notes or "")


def test_repeated_cells_all_count(names: Names) -> None:
    cell = result()["scores"]["test"][0]
    read_back = read(result(scores={"test": [cell, cell | {"main_score": 0.7}]}), names)
    assert [cell.main_score for cell in read_back.cells] == [0.5, 0.7]
    assert "1 of 2 entries repeat a split and subset" in (read_back.notes or "")


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        (1755714807.25, moment("2025-08-20T18:33:27.250")),
        ("2025-08-20T18:33:27.250000", moment("2025-08-20T18:33:27.250")),
        ("2025-08-20T20:33:27+02:00", moment("2025-08-20T18:33:27")),
        (None, None),
        ("last summer", None),
        (1e300, None),
    ],
)
def test_dates(written: Any, read_as: dt.datetime | None, names: Names) -> None:
    read_back = read(result(date=written), names)
    assert read_back.date == read_as
    assert ("date cannot be read" in (read_back.notes or "")) == (written is not None and read_as is None)


@pytest.mark.parametrize("version", ["2.10.0-2.18.7", "1.34.2.dev0", None])
@pytest.mark.parametrize("revision", ["None", "main", "1", "a0d554a", "a" * 41, None])
def test_versions_and_revisions_are_kept_as_written(version: str | None, revision: str | None, names: Names) -> None:
    read_back = read(result(mteb_version=version, dataset_revision=revision), names)
    assert (read_back.mteb_version, read_back.dataset_revision) == (version, revision)


def test_figures_in_percent_come_to_mtebs_scale(names: Names) -> None:
    cell = {"main_score": 82.0, "cosine_spearman": 82.0, "hf_subset": "default", "languages": ["eng-Latn"]}
    read_back = read(result(scores={"test": [cell]}), names)
    assert read_back.cells[0].main_score == 0.82
    assert metrics(read_back) == {"cosine_spearman": 0.82}
    assert "0-100 scale, divided by 100" in (read_back.notes or "")


@pytest.mark.parametrize(("task", "score"), [("GPUSpeedTask", 41.5), ("STS12", -0.3), ("SomethingElse", 12.0)])
def test_speeds_negative_correlations_and_unknown_tasks_keep_their_scale(task: str, score: float, names: Names) -> None:
    assert read(result(task, score), names).cells[0].main_score == score


def test_a_task_nobody_knows_is_read(names: Names) -> None:
    read_back = read(result("Nobody'sTask"), names)
    assert read_back.cells[0].main_score == 0.5
    assert read_back.notes == "task unknown to mteb's registry"


def test_missing_languages_come_from_the_registry(names: Names) -> None:
    cells = [{"main_score": 0.1, "hf_subset": subset} for subset in ("en-de", "nobody-knows")]
    read_back = read(result("STS17", scores={"test": cells}), names)
    assert read_back.cells[0].languages == "eng-Latn,deu-Latn"
    assert "kor-Hang" in (read_back.cells[1].languages or "")  # every language of the task


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "The file is empty"),
        (b" \n", "The file is empty"),
        (b'{"scores": {"test": [', "not complete JSON: .* at character 21"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "not text"),
        (b"[" * 1_000_000, "nested deeper than any result"),
        (b'{"a":' * 200_000, "nested deeper than any result"),
        (b"[]", "The file holds a list, not the result of a task"),
        (b"null", "The file holds a null"),
        (b"{}", "names no task and no scores"),
        (b'{"task_name": "STS12", "scores": {}}', "holds no scores"),
        (b'{"task_name": "STS12", "scores": {"test": 0.5}}', "split 'test' are a number, not a list"),
        (b'{"task_name": "STS12", "scores": {"test": [0.5]}}', "A score of split 'test' is a number"),
        (b'{"task_name": ["STS12"], "scores": {}}', "names no task"),
        (b'{"mteb_dataset_name": "STS12"}', "holds no scores"),
    ],
)
def test_what_is_no_result_is_refused_with_a_reason(content: bytes, reason: str, names: Names) -> None:
    with pytest.raises(UnreadableResultError) as refused:
        parse(content, names)
    assert re.search(reason, refused.value.what)

"""A folder of one's own data as a real task of mteb: the same code scores it, and it stands beside the public ones.

These layouts are known:

- ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/*.tsv`` as BEIR has them: retrieval, a split a qrels file;
- a folder of such folders, as ``python -m evaluators own`` writes it: a task each;
- a CSV with the columns ``text`` and ``label``: classification, with ``train.csv`` beside ``test.csv`` or, for one
  file alone, by cross-validation;
- a CSV with the columns ``sentence1``, ``sentence2`` and ``score``: STS.

``task.toml`` in the folder may set ``name``, ``description`` and ``language`` (``deu-Latn``, or a list of such
ones; English if left out).
"""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from data.store.errors import InputError
from evaluators.reproduce.beir import is_beir, read_judgements, read_rows

__all__ = ["own_tasks"]

_LABELLED, _SCORED = {"text", "label"}, {"sentence1", "sentence2", "score"}


class _Facts(NamedTuple):
    name: str
    description: str
    languages: list[str]
    folder: Path
    revision: str  # of the files' content: changed data is another data set


def own_tasks(folder: Path) -> list[Any]:
    """The task that a folder is, or one a CSV file if there are several of them.

    Raises:
        InputError: no known layout, or a line that does not fit it; says which.
    """
    if not folder.is_dir():
        raise InputError("There is no such folder of own data", where=str(folder))
    folder = folder.resolve()
    if is_beir(folder):
        return [_retrieval(_facts(folder, sorted(folder.rglob("*.jsonl")) + sorted(folder.rglob("*.tsv"))))]
    files = {path.stem: path for path in sorted(folder.glob("*.csv"))}
    if not files and (parts := [part for part in sorted(folder.iterdir()) if is_beir(part)]):
        return [task for part in parts for task in own_tasks(part)]
    if set(files) == {"train", "test"}:
        return [_classification(_facts(folder, list(files.values())), files["train"], files["test"])]
    tasks = [_from_csv(_facts(folder, [path], path.stem if len(files) > 1 else ""), path) for path in files.values()]
    if not tasks:
        raise InputError(
            "The folder has no data Plumbline can make a task of",
            where=str(folder),
            remedy="It takes corpus.jsonl, queries.jsonl and qrels/*.tsv, or CSV files with the columns text,label or "
            "sentence1,sentence2,score.",
        )
    return tasks


def _facts(folder: Path, files: list[Path], suffix: str = "") -> _Facts:
    settings = _settings(folder / "task.toml")
    name = "-".join(filter(None, (settings.get("name", folder.name), suffix)))
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    _refuse_taken(name, folder)
    languages = settings.get("language", "eng-Latn").split(",")
    if wrong := [language for language in languages if not re.fullmatch("[a-z]{3}-[A-Z][a-z]{3}", language)]:
        raise InputError(
            f"A language is written like deu-Latn, not {wrong[0]}", where=str(folder), remedy="Check task.toml."
        )
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return _Facts(
        name,
        settings.get("description", f"Own data in {folder.name}"),
        languages,
        folder,
        digest.hexdigest()[:40],
    )


def _settings(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8"))
        return {
            key: ",".join(map(str, value)) if isinstance(value, list) else str(value) for key, value in settings.items()
        }
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The task's settings cannot be read: {error}", where=str(path)) from error


def _refuse_taken(name: str, folder: Path) -> None:
    """An own task under a public task's name would be compared with that task's published figures."""
    import mteb

    try:
        mteb.get_task(name)
    except KeyError:
        return
    raise InputError(
        f"mteb has a task called {name} already", where=str(folder), remedy="Set another name in task.toml."
    )


def _from_csv(facts: _Facts, path: Path) -> Any:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        columns = set(next(csv.reader(handle), []))
    if columns >= _SCORED:
        return _sts(facts, path)
    if columns >= _LABELLED:
        return _classification(facts, None, path)
    raise InputError(
        "The CSV file has columns Plumbline knows no task for",
        where=f"{path}: {', '.join(sorted(columns)) or 'empty'}",
        remedy="Name them text,label or sentence1,sentence2,score.",
    )


def _retrieval(facts: _Facts) -> Any:
    from datasets import Dataset
    from mteb.abstasks import AbsTaskRetrieval

    corpus, queries = read_rows(facts.folder)
    splits = read_judgements(facts.folder, {row["id"] for row in corpus}, {row["id"] for row in queries})
    data = {
        split: {
            "corpus": Dataset.from_list(corpus),
            "queries": Dataset.from_list([row for row in queries if row["id"] in judged]),
            "relevant_docs": judged,
            "top_ranked": None,
        }
        for split, judged in splits.items()
    }
    count = sum(len(row["text"]) + len(row.get("title", "")) for row in corpus + queries)
    return _task(AbsTaskRetrieval, "Retrieval", "ndcg_at_10", facts, {"default": data}, len(corpus), count)


def _classification(facts: _Facts, train: Path | None, test: Path) -> Any:
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskClassification

    files = {"test": test} if train is None else {"train": train, "test": test}
    rows = {split: list(_csv_rows(path, _LABELLED)) for split, path in files.items()}
    labels = sorted({row["label"] for split in rows.values() for row in split})
    if len(labels) < 2:
        raise InputError("A classification needs at least two labels", where=str(test))
    number = {label: i for i, label in enumerate(labels)}
    data = DatasetDict(
        {
            split: Dataset.from_list([{"text": row["text"], "label": number[row["label"]]} for row in members])
            for split, members in rows.items()
        }
    )
    alone = {"is_cross_validation": True, "train_split": "test"} if train is None else {}
    count = sum(len(row["text"]) for members in rows.values() for row in members)
    return _task(AbsTaskClassification, "Classification", "accuracy", facts, data, len(rows["test"]), count, **alone)


def _sts(facts: _Facts, path: Path) -> Any:
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskSTS

    rows: list[dict[str, Any]] = []
    for line, row in enumerate(_csv_rows(path, _SCORED), start=2):
        try:
            rows.append({**row, "score": float(row["score"])})
        except ValueError:
            raise InputError(f"The score {row['score']!r} is no number", where=f"{path}, row {line}") from None
    scores: list[float] = [row["score"] for row in rows]
    if len(set(scores)) < 2:
        raise InputError("Scored pairs need at least two different scores", where=str(path))
    data = DatasetDict({"test": Dataset.from_list(rows)})
    count = sum(len(row["sentence1"]) + len(row["sentence2"]) for row in rows)
    scale = {"min_score": min(scores), "max_score": max(scores)}
    return _task(AbsTaskSTS, "STS", "cosine_spearman", facts, data, len(rows), count, **scale)


def _task(
    base: type, kind: str, metric: str, facts: _Facts, data: Any, samples: int, characters: int, **attributes: Any
) -> Any:
    """An instance of a new class under ``base``, as mteb's own tasks are, with its data already at hand."""
    from mteb.abstasks.task_metadata import TaskMetadata

    splits = list(data["default"] if kind == "Retrieval" else ["test"])
    try:
        metadata = TaskMetadata(
            name=facts.name,
            description=facts.description,
            dataset={"path": str(facts.folder), "revision": facts.revision},
            type=kind,
            category="t2c" if kind == "Classification" else "t2t",
            modalities=["text"],
            eval_splits=splits,
            eval_langs=facts.languages,
            main_score=metric,
            is_public=False,
        )
    except ValueError as error:
        raise InputError(
            f"mteb does not take the task: {error}", where=str(facts.folder), remedy="Check task.toml."
        ) from error

    def load_data(self: Any, *args: Any, **kwargs: Any) -> None:
        self.dataset, self.data_loaded = data, True

    own = {
        "type": kind,
        "description": facts.description,
        "metric": metric,
        "languages": sorted({language.split("-")[0] for language in facts.languages}),
        "dataset": str(facts.folder),
        "revision": facts.revision,
        "samples": samples,
        "cells": [(split, "default", ",".join(facts.languages)) for split in splits],
    }
    members = {"metadata": metadata, "load_data": load_data, "own_facts": own, "own_characters": characters}
    return type(facts.name, (base,), members | attributes)()


def _csv_rows(path: Path, columns: set[str]) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        if not columns <= set(reader.fieldnames or []):
            raise InputError(f"The CSV file needs the columns {', '.join(sorted(columns))}", where=str(path))
        for row in reader:
            values = {name: row[name] for name in columns}
            if any(value is None or not value.strip() for value in values.values()):
                raise InputError("A cell is empty", where=f"{path}, row {reader.line_num}")
            yield values

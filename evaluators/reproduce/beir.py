"""BEIR's layout of a retrieval task: ``corpus.jsonl``, ``queries.jsonl``, and a split a file in ``qrels/``.

Read for ``reproduce --own``, and written for tasks that are made here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data.store.errors import InputError

__all__ = ["CORPUS", "is_beir", "read_judgements", "read_rows", "write_beir"]

CORPUS, QUERIES, JUDGEMENTS = "corpus.jsonl", "queries.jsonl", "qrels"
_HEADS = ("query-id", "corpus-id", "score")


def is_beir(folder: Path) -> bool:
    """Whether a folder is of this layout."""
    return (folder / CORPUS).is_file()


def read_rows(folder: Path) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The texts (``id``, ``title``, ``text``) and the queries (``id``, ``text``).

    Raises:
        InputError: a file is missing, or a line does not fit; says which.
    """
    corpus = [
        {"id": row["_id"], "title": row.get("title") or "", "text": row["text"]} for row in _json_lines(folder / CORPUS)
    ]
    return corpus, [{"id": row["_id"], "text": row["text"]} for row in _json_lines(folder / QUERIES)]


def read_judgements(folder: Path, documents: set[str], queries: set[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Judgements by split: query -> document -> relevance.

    Raises:
        InputError: there are none, or one names a text or a query that is not there.
    """
    files = sorted((folder / JUDGEMENTS).glob("*.tsv"))
    if not files:
        raise InputError("There are no judgements", where=str(folder / JUDGEMENTS), remedy="Add qrels/test.tsv.")
    return {path.stem: _qrels(path, documents, queries) for path in files}


def write_beir(
    folder: Path,
    corpus: Mapping[str, str],
    queries: Mapping[str, str],
    judged: Mapping[str, Mapping[str, tuple[str, ...]]],
) -> None:
    """Write a task, each answer of relevance 1.

    Args:
        folder: an empty one.
        corpus: id -> text.
        queries: id -> text.
        judged: split -> query -> ids of the texts that answer it.
    """
    for name, texts in ((CORPUS, corpus), (QUERIES, queries)):
        lines = (json.dumps({"_id": key, "text": text}, ensure_ascii=False) + "\n" for key, text in texts.items())
        with (folder / name).open("w", encoding="utf-8", newline="\n") as handle:
            handle.writelines(lines)
    (folder / JUDGEMENTS).mkdir()
    for split, members in judged.items():
        with (folder / JUDGEMENTS / f"{split}.tsv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle, delimiter="\t", lineterminator="\n")
            writer.writerow(_HEADS)
            writer.writerows((query, answer, 1) for query, answers in members.items() for answer in answers)


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Rows with ``_id`` and ``text``."""
    if not path.is_file():
        raise InputError("A file of the BEIR layout is missing", where=str(path))
    with path.open(encoding="utf-8") as handle:
        for number, line in enumerate(handle, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield {**row, "_id": str(row["_id"]), "text": str(row["text"])}
            except (ValueError, KeyError, TypeError) as error:
                raise InputError(
                    "A line is no JSON object with _id and text", where=f"{path}, line {number}"
                ) from error


def _qrels(path: Path, documents: set[str], queries: set[str]) -> dict[str, dict[str, int]]:
    """Judgements: query -> document -> relevance; the first line is BEIR's header."""
    judged: dict[str, dict[str, int]] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for number, row in enumerate(csv.reader(handle, delimiter="\t"), start=1):
            if number == 1 and row[:1] == [_HEADS[0]] or not row:
                continue
            try:
                query, document, relevance = row[0], row[1], int(row[2])
            except (IndexError, ValueError):
                raise InputError(
                    "A judgement is not query-id, corpus-id, score", where=f"{path}, line {number}"
                ) from None
            if query not in queries or document not in documents:
                raise InputError(
                    f"A judgement names {query!r} and {document!r}, of which one is not there",
                    where=f"{path}, line {number}",
                )
            judged.setdefault(query, {})[document] = relevance
    if not judged:
        raise InputError("There are no judgements", where=str(path))
    return judged

"""From a folder of documents to the tasks that its texts allow, and a sentence for each that they do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.own.document import Document, Skipped, TextBlock, weight
from evaluators.own.library import Asking, Library, OwnTask
from evaluators.own.long_documents import FEWEST_DOCUMENTS, LONG, long_tasks
from evaluators.own.planted import planted_task
from evaluators.own.reading.readers import read_files
from evaluators.own.translations import translations_of
from evaluators.own.two_languages import language_tasks
from evaluators.own.walk import files_below

__all__ = ["FEWEST_QUESTIONS", "Made", "make_tasks", "read_folder"]

FEWEST_QUESTIONS = 10  # questions of a split; a figure of fewer moves by a tenth with one of them
_FEWEST_TEXTS = 20  # of a corpus
_TEXT_CELL = 25  # weight of a column's cells in the mean, from which on it holds text


@dataclass
class Made:
    """What came of a folder.

    Attributes:
        tasks: those that can be run.
        missing: a sentence for each question, or part of one, that cannot be asked.
        documents: what was read.
        skipped: what was not.
        notes: of files that were read, by name: how, and what was lost.
        passages: how many the documents were cut into.
    """

    tasks: list[OwnTask]
    missing: list[str]
    documents: list[Document]
    skipped: list[Skipped] = field(default_factory=list)
    passages: int = 0

    @property
    def notes(self) -> dict[str, list[str]]:
        """What a reader should know of how files were read."""
        return {document.name: document.notes for document in self.documents if document.notes}


def read_folder(
    folder: Path, begin: Callable[[list[tuple[str, int]]], None], step: Callable[[str], None]
) -> tuple[list[Document], list[Skipped]]:
    """The documents of a folder in the order of their names, and the files nothing was taken of.

    Args:
        folder: of the documents.
        begin: is told the name and size of every file that will be read.
        step: is told each name once it is done.

    Raises:
        InputError: no such folder.
        MissingDependencyError: a library is not installed.
    """
    files, skipped = files_below(folder)
    begin([(name, path.lstat().st_size) for name, path in files])
    read = list(read_files(files, step)) if files else []
    skipped += [entry for entry in read if isinstance(entry, Skipped)]
    documents = [_with_blocks(entry) for entry in read if isinstance(entry, Document)]
    return documents, sorted(skipped, key=lambda entry: entry.name)


def _with_blocks(document: Document) -> Document:
    """A table with a block a row: the cells of the columns that hold text."""
    if not document.rows:
        return document
    columns = range(max(map(len, document.rows)))
    cells = [[row[at] for row in document.rows if at < len(row) and row[at]] for at in columns]
    texts = [at for at in columns if cells[at] and sum(map(weight, cells[at])) >= _TEXT_CELL * len(cells[at])]
    blocks = [
        TextBlock(". ".join(row[at].rstrip(". ") for at in texts if at < len(row) and row[at])) for row in document.rows
    ]
    return Document(document.name, [b for b in blocks if b.text], document.columns, document.rows, document.notes)


def make_tasks(documents: Sequence[Document], skipped: Sequence[Skipped], asking: Asking) -> Made:
    """The three questions, as far as these documents allow them."""
    translated, refused = translations_of(documents)
    library = Library(documents, asking.size)
    missing = list(refused)
    tasks = [
        *_usable(long_tasks(library, asking), missing),
        *_usable(language_tasks(translated, asking), missing),
        *_usable([planted_task(library, asking)], missing),
    ]
    by_suffix = {task.suffix for task in tasks}
    if "long-cut" not in by_suffix:
        missing.append(
            f"Long documents: no document is long enough, that is {LONG} passages or more with sentences to ask for"
        )
    elif "long-whole" not in by_suffix:
        missing.append(f"Long documents whole: fewer than {FEWEST_DOCUMENTS} of them are long")
    if not translated:
        missing.append(
            "Two languages: no two files differ in a language alone (manual.en.pdf, manual.de.pdf), and no table has"
            " two columns called by languages"
        )
    return Made(tasks, missing, list(documents), list(skipped), len(library.passages))


def _usable(tasks: Sequence[OwnTask], missing: list[str]) -> list[OwnTask]:
    """Tasks with their splits that have enough questions; what has not is said."""
    usable = []
    for task in tasks:
        for split in [split for split, judged in task.judged.items() if len(judged) < FEWEST_QUESTIONS]:
            missing.append(
                f"{task.suffix}, {split}: {len(task.judged.pop(split))} questions, fewer than {FEWEST_QUESTIONS}"
            )
        asked = {query for judged in task.judged.values() for query in judged}
        task.queries = {query: text for query, text in task.queries.items() if query in asked}
        fewest = FEWEST_DOCUMENTS if task.suffix == "long-whole" else _FEWEST_TEXTS
        if task.judged and len(task.corpus) < fewest:
            missing.append(
                f"{task.suffix}: {len(task.corpus)} texts, fewer than {fewest}, among which nothing is hard to find"
            )
        elif task.judged:
            usable.append(task)
        elif task.corpus and task.left_out:
            reasons = ", ".join(f"{times:,} {why}" for why, times in sorted(task.left_out.items()))
            missing.append(f"{task.suffix}: no split has enough questions; sentences that were not asked: {reasons}")
    return usable

"""Tasks as folders that ``reproduce --own`` runs, with a README that says what they tell; put in place in one step."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from data.store.errors import InputError
from evaluators.model_files.reading import printable
from evaluators.own.library import Asking, OwnTask
from evaluators.own.make import Made
from evaluators.own.meaning import CANNOT_TELL, chance, doubt, question_of, split_meaning
from evaluators.reproduce.beir import write_beir

__all__ = ["check_place", "readme_of", "write_tasks"]

_MARK = "own.json"  # by which a folder is known to be one of these, and may be replaced
_MOST_LINES = 200  # of files in the README


def check_place(folder: Path, out: Path) -> None:
    """Refuse a place where the tasks would overwrite something else, or be read as documents the next time.

    Raises:
        InputError: it is such a place.
    """
    here, there = folder.resolve(), out.resolve()
    if there.is_relative_to(here) or here.is_relative_to(there):
        raise InputError(
            "The tasks cannot be written into or around the folder of the documents: they would be read as documents",
            where=printable(out),
            remedy="Name another folder with --out.",
        )
    if out.is_symlink() or (out.exists() and not (out / _MARK).is_file() and not _empty(out)):
        raise InputError(
            "There is something else at the place for the tasks",
            where=printable(out),
            remedy="Name another with --out.",
        )


def _empty(folder: Path) -> bool:
    return folder.is_dir() and not any(folder.iterdir())


def write_tasks(made: Made, name: str, asking: Asking, out: Path) -> list[Path]:
    """Write a folder for each task; what an earlier run wrote there is replaced once all is written.

    Only its owner can read it: the texts are the team's.

    Returns:
        The folders of the tasks.
    """
    fresh = out.with_name(f"{out.name}.{os.getpid()}.partial")
    fresh.mkdir(mode=0o700, parents=True)
    try:
        for task in made.tasks:
            folder = fresh / f"{name}-{task.suffix}"
            folder.mkdir()
            write_beir(folder, task.corpus, task.queries, task.judged)
            (folder / "task.toml").write_text(_settings(task), encoding="utf-8")
        (fresh / "README.md").write_text(readme_of(made, name, asking, out), encoding="utf-8")
        (fresh / ".gitignore").write_text("*\n", encoding="utf-8")  # private texts are not committed by accident
        (fresh / _MARK).write_text(json.dumps(_record(made, asking), indent=1, ensure_ascii=False), encoding="utf-8")
        if out.exists():
            shutil.rmtree(out)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return [out / f"{name}-{task.suffix}" for task in made.tasks]


def _settings(task: OwnTask) -> str:
    languages = list(dict.fromkeys(map(str, task.languages))) or ["und-Latn"]
    return f"description = {json.dumps(question_of(task))}\nlanguage = {json.dumps(languages)}\n"


def _record(made: Made, asking: Asking) -> dict[str, object]:
    """What the tasks were made of, for programs; no text of a document is in it."""
    return {
        "questions": asking.questions,
        "seed": asking.seed,
        "passage": asking.size,
        "documents": len(made.documents),
        "skipped": {entry.name: entry.why for entry in made.skipped},
        "notes": made.notes,
        "missing": made.missing,
        "tasks": {
            task.suffix: {
                "texts": len(task.corpus),
                "questions": {split: len(judged) for split, judged in task.judged.items()},
                "left_out": task.left_out,
            }
            for task in made.tasks
        },
    }


def readme_of(made: Made, name: str, asking: Asking, out: Path) -> str:
    """The README beside the tasks."""
    return "\n".join(_lines(made, name, asking, out)) + "\n"


def _lines(made: Made, name: str, asking: Asking, out: Path) -> Iterator[str]:
    yield f"# Tasks made of {len(made.documents):,} documents"
    yield ""
    yield f"Made by `python -m evaluators own`, seed {asking.seed}: the same files give the same tasks. The texts are"
    yield "yours: nothing of them left this machine, only you can read this folder, and the tasks are private wherever"
    yield "they are shown."
    yield ""
    yield f"    python -m evaluators reproduce MODEL --own {printable(out)}"
    for task in made.tasks:
        yield ""
        yield f"## {name}-{task.suffix}"
        yield ""
        yield f"{question_of(task)} {len(task.corpus):,} texts; an order by lot scores {chance(task):.3f} (nDCG@10)."
        yield ""
        yield "| split | questions | sure to within | what is asked |"
        yield "|---|---|---|---|"
        for split, judged in task.judged.items():
            yield f"| {split} | {len(judged)} | {doubt(len(judged)):.2f} | {split_meaning(split)} |"
        if task.left_out:
            yield ""
            reasons = "; ".join(f"{times:,} {why}" for why, times in sorted(task.left_out.items()))
            yield f"Sentences that were drawn and not asked: {reasons}."
    yield ""
    yield "## What these judgements cannot tell"
    yield ""
    yield from (f"- {sentence}" for sentence in CANNOT_TELL)
    yield from _list("What could not be asked", made.missing)
    yield from _list("Files that were skipped", [f"{_code(entry.name)}: {entry.why}" for entry in made.skipped])
    yield from _list(
        "Files to know about", [f"{_code(file)}: {'; '.join(notes)}" for file, notes in made.notes.items()]
    )


def _list(head: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"## {head}"
        yield ""
        yield from (f"- {line}" for line in lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            yield f"- and {len(lines) - _MOST_LINES:,} more, in {_MARK}"


def _code(name: str) -> str:
    """A file's name in Markdown, whatever is in it."""
    return f"`{name.replace('`', chr(39))}`"

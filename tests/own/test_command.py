"""``python -m evaluators own``: what it writes, says and refuses. Nothing here loads a model."""

from __future__ import annotations

import json
from pathlib import Path

from evaluators.reproduce.beir import is_beir, read_judgements, read_rows
from tests.commands import command
from tests.own.files import MANUALS


def documents(folder: Path) -> Path:
    folder.mkdir()
    for number, paragraphs in enumerate(MANUALS):
        (folder / f"m{number}.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    (folder / "scan.xyz").write_bytes(b"x")
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_tasks_are_written_for_their_owner_alone_and_the_same_again(tmp_path: Path) -> None:
    folder, out = documents(tmp_path / "manuals"), tmp_path / "tasks"
    words = ("own", folder, "--out", out, "--questions", 20, "--passage", 500)
    ended = command(*words)
    assert ended.status == 0, ended.err
    parts = sorted(path.name for path in out.iterdir() if is_beir(path))
    assert parts == ["manuals-long-cut", "manuals-long-whole", "manuals-planted"]
    for part in parts:
        corpus, queries = read_rows(out / part)
        judged = read_judgements(out / part, {row["id"] for row in corpus}, {row["id"] for row in queries})
        assert {query for split in judged.values() for query in split} == {row["id"] for row in queries}
        assert "eng-Latn" in (out / part / "task.toml").read_text("utf-8")
    assert out.stat().st_mode & 0o077 == 0 and (out / ".gitignore").read_text("utf-8") == "*\n"
    readme = (out / "README.md").read_text("utf-8")
    for shown in (readme, ended.out):
        assert ".xyz is not read" in shown and "no question that a person would ask" in " ".join(shown.split())
        assert "Two languages: no two files" in " ".join(shown.split())
    assert MANUALS[0][0][:40] not in json.dumps(json.loads((out / "own.json").read_text("utf-8")))
    before = content(out)
    assert command(*words).status == 0
    assert content(out) == before


def test_nothing_is_overwritten_and_tasks_are_not_read_as_documents(tmp_path: Path) -> None:
    folder, out = documents(tmp_path / "manuals"), tmp_path / "taken"
    out.mkdir()
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    for place in (out, folder / "tasks", tmp_path, folder):
        ended = command("own", folder, "--out", place)
        assert ended.status == 2 and "--out" in ended.err
    assert (out / "mine.txt").read_text("utf-8") == "mine" and len(list(folder.iterdir())) == len(MANUALS) + 1


def test_too_little_text_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.txt").write_text("Only this sentence is in here.", encoding="utf-8")
    ended = command("own", folder, "--out", tmp_path / "tasks")
    assert ended.status == 2 and "too little text" in ended.err and "Traceback" not in ended.err
    assert not (tmp_path / "tasks").exists()

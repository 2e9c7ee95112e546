"""The command as a pipeline uses it: exit status, table, what the options become."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from data.store.database import writing
from tests.own.files import MANUALS
from tests.reproduce.conftest import SAMPLE, Command, pairs, publish_official, rows, write_pairs


@pytest.mark.slow
def test_guards_a_model_upgrade(command: Command, tiny: Path, hub_folder: Path) -> None:
    """Exit status 1 only for a verdict at least as bad as asked for; 2 for a task that failed."""
    import mteb

    revision = mteb.get_task("STS12").metadata.dataset["revision"]
    publish_official("acme/tiny", "STS12", 0.9999, revision)
    asked = ("reproduce", tiny, "--as", "acme/tiny", "--datasets", hub_folder, "--tasks", "STS12")
    status, said = command.run_here(*asked, "--fail-on", "broken")
    [(score,)] = rows(command.store, "SELECT main_score FROM scores JOIN results USING (result_id) WHERE run_id <> ''")
    verdict = "broken" if score < 0.7 * 0.9999 else "gap"
    assert status == (1 if verdict == "broken" else 0), said
    assert f"{verdict} STS12 {score:.6f} against 0.999900" in said
    status, said = command.run_here(*asked, "--fail-on", "gap")
    assert status == 1 and "done already" in said
    status, said = command.run_here(*asked, "--compare-to", "somebody")
    assert status == 2 and "no such run to compare with (somebody)" in said and "Traceback" not in said


@pytest.mark.slow
def test_own_folders_and_settings(command: Command, tiny: Path) -> None:
    options = ("--dtype", "bf16", "--truncate-dim", "16", "--prompts", "*=text: ", "--max-seq-length", "16")
    status, said = command.run_here("reproduce", tiny, "--own", SAMPLE / "pairs", *options)
    assert status == 0, said
    assert "SamplePairs" in said and "not comparable: no official score" in said
    [(in_use, name)] = rows(command.store, "SELECT settings -> 'in_use', model FROM runs")
    for part in ('"dtype":"bfloat16"', '"max_seq_length":16', '"truncate_dim":16', '"STS":"text: "'):
        assert part in in_use.replace('": ', '":')
    assert name == "local/tiny"
    assert rows(command.store, "SELECT command FROM runs")[0][0].startswith("python -m evaluators reproduce ")


@pytest.mark.slow
def test_tasks_of_own_documents_are_run(command: Command, tiny: Path, tmp_path: Path) -> None:
    """What ``own`` writes, ``reproduce --own`` runs: every split becomes a cell."""
    manuals, tasks = tmp_path / "manuals", tmp_path / "tasks"
    manuals.mkdir()
    for number, paragraphs in enumerate(MANUALS[:12]):
        (manuals / f"m{number}.md").write_text("\n\n".join(paragraphs), encoding="utf-8")
    status, said = command.run_here("own", manuals, "--out", tasks, "--questions", "12")
    assert status == 0, said
    status, said = command.run_here("reproduce", tiny, "--own", tasks)
    assert status == 0, said
    cells = rows(command.store, "SELECT task, split, main_score FROM scores JOIN results USING (result_id)")
    splits = {(task, split): score for task, split, score in cells}
    assert {split for task, split in splits if task == "manuals-long-whole"} == {"begin", "middle", "end", "removed"}
    assert {"names", "negation", "numbers"} <= {split for task, split in splits if task == "manuals-planted"}
    assert all(0 <= score <= 1 for score in splits.values())
    assert splits["manuals-long-cut", "begin"] > splits["manuals-long-cut", "removed"]


@pytest.mark.slow
def test_a_run_that_does_not_hold_ends_with_the_next_command(command: Command, tiny: Path, tmp_path: Path) -> None:
    import mteb

    for task, folder in (("STS12", "sts12-sts"), ("STS13", "sts13-sts")):
        write_pairs(tmp_path / "hub" / "mteb" / folder, pairs())
        publish_official("acme/tiny", task, 0.9999, mteb.get_task(task).metadata.dataset["revision"])
        with writing() as connection:  # an import brings the types of tasks
            connection.execute(
                "INSERT INTO tasks (task, registered, private, type, is_aggregate)"
                " VALUES (?, true, false, 'STS', false)",
                [task],
            )
    asked = ("reproduce", tiny, "--as", "acme/tiny", "--datasets", tmp_path / "hub", "--tasks")
    status, said = command.run_here(*asked, "STS12")
    assert status == 0 and "What the scores suggest" not in said  # one figure has no pattern
    status, said = command.run_here("diagnose", "--scores", "acme/tiny")
    assert status == 0 and "the scores of 1 task tell no cause from another" in said
    status, said = command.run_here(*asked, "STS12,STS13")
    assert status == 0, said
    following = next(line for line in said.splitlines() if line.startswith("What the scores suggest: "))
    words = shlex.split(following.partition(": ")[2])
    assert words[:4] == ["python", "-m", "evaluators", "diagnose"]
    status, said = command.run_here(*words[3:])
    assert status == 0 and "Suggested by the scores of 2 tasks" in said, said

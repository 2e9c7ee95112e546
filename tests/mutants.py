"""Seeded faults: does the suite notice? ``python -m tests.mutants [--only PACKAGE] [--jobs N] [--whole]``.

Each fault changes one place of a copy of the tree, in a way that a hurried edit could; the tests beside it are run on
the copy and have to fail. With ``--whole`` a fault that they let pass is held against all of ``make test``.
``tests/test_mutants.py`` holds that every fault still has its place in the code.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import track

ROOT = Path(__file__).resolve().parents[1]


class Fault(NamedTuple):
    """One fault: the file, the text that is there once, what stands there instead, and the tests beside it."""

    file: str
    right: str
    wrong: str
    tests: str


FAULTS = (
    # the store
    Fault("data/store/database.py", "lock.acquire(timeout=0)", "pass", "tests/data/test_store.py"),
    Fault("data/store/database.py", "        _sweep(path)\n", "", "tests/data/test_store.py"),
    Fault(
        "data/store/database.py",
        "if not new:\n        shutil.copyfile(path, private)",
        "if new is None:\n        shutil.copyfile(path, private)",
        "tests/data/test_store.py",
    ),
    Fault(
        "data/store/views/10_leaderboard.sql",
        "o.models - (above + (1 + level) / 2)",
        "o.models - (above + level)",
        "tests/data/test_leaderboard.py",
    ),
    Fault(
        "data/store/views/10_leaderboard.sql",
        "CASE WHEN count(score) = any_value(s.scored) THEN avg(score) END AS mean",
        "avg(score) AS mean",
        "tests/data/test_leaderboard.py",
    ),
    Fault(
        "data/store/views/10_leaderboard.sql",
        "floor((100 - 100.0 *",
        "round((100 - 100.0 *",
        "tests/data/test_leaderboard.py tests/dashboard/test_leaderboard_queries.py tests/dashboard/test_one_answer.py",
    ),
    Fault(
        "data/store/views/30_deltas.sql",
        "WHEN abs(delta) <= floor THEN NULL",
        "WHEN abs(delta) < 0 THEN NULL",
        "tests/verdicts/test_deltas.py",
    ),
    Fault(
        "data/store/views/30_deltas.sql",
        "< (coalesce(checked.date, TIMESTAMP '1970-01-01'), checked.result_id)",
        "> (coalesce(checked.date, TIMESTAMP '1970-01-01'), checked.result_id)",
        "tests/verdicts/test_deltas.py",
    ),
    Fault(
        "data/store/views/30_deltas.sql",
        "tasks_compared - tasks_held > tasks_compared / 4",
        "tasks_compared - tasks_held > tasks_compared / 2",
        "tests/verdicts/test_badges.py",
    ),
    Fault(
        "data/store/keys.py",
        "name_of = mask_name or mask",
        "name_of = str",
        "tests/encoders/test_keys.py tests/parity/test_echo.py",
    ),
    # the rules
    Fault(
        "data/rules/ranking.py",
        'axis=0, method="average"',
        'axis=0, method="min"',
        "tests/data/test_ranking.py tests/data/test_uncertainty.py",
    ),
    Fault(
        "data/rules/bootstrap.py",
        "AHEAD if self.low > 0 else BEHIND if self.high < 0 else TIED",
        "AHEAD if self.low > 0 else TIED",
        "tests/data/test_uncertainty.py",
    ),
    Fault(
        "data/rules/effects.py",
        "half = reached[:, -1:] / 2",
        "half = reached[:, -1:] / 3",
        "tests/verdicts/test_effects.py",
    ),
    Fault(
        "data/rules/weighting.py",
        "counts = weights > 0\n    return",
        "counts = weights >= 0\n    return",
        "tests/data/test_fit.py tests/dashboard/test_choose_queries.py",
    ),
    Fault(
        "data/rules/weighting.py",
        '"binary": 0.125}',
        '"binary": 0.25}',
        "tests/data/test_fit.py tests/dashboard/test_choose_queries.py",
    ),
    Fault(
        "data/rules/licences.py",
        'if excluded and "commercial" not in other:',
        "if excluded:",
        "tests/data/test_licences.py",
    ),
    Fault("data/rules/drift.py", "return sqrt(2 * floor)", "return 2 * floor", "tests/parity/test_verdict.py"),
    Fault(
        "data/rules/suggestions.py",
        "return 2 if delta.characters >= _LONG else min(own, 1)",
        "return own",
        "tests/data/test_suggest.py",
    ),
    # the record
    Fault(
        "evaluators/results/parse.py",
        "data = data.replace(bare, b'\": null')",
        "data = data.replace(bare, b'\": 0.0')",
        "tests/official/test_parse.py",
    ),
    Fault(
        "evaluators/official/merge.py",
        "a.cells = b.cells AND a.print = b.print",
        "a.cells = b.cells",
        "tests/official/test_import.py",
    ),
    Fault(
        "evaluators/official/merge.py",
        "WHERE result_id NOT IN ({claimed})",
        "WHERE result_id IS NOT NULL",
        "tests/official/test_import.py",
    ),
    Fault(
        "evaluators/official/importer.py",
        "before.get(file.path) != (file.size, file.mtime_ns)",
        "file.path not in before",
        "tests/official/test_import.py",
    ),
    # reproduction
    Fault(
        "evaluators/reproduce/instrumented.py",
        "size = self.batch_limit = size // 2",
        "size = size // 2",
        "tests/reproduce/test_parts.py tests/reproduce/test_run.py",
    ),
    Fault(
        "evaluators/reproduce/journal.py",
        'record["status"] == Status.DONE and record["dataset"] == dataset',
        'record["status"] == Status.DONE',
        "tests/reproduce/test_parts.py tests/reproduce/test_run.py tests/reproduce/test_survives.py",
    ),
    Fault(
        "evaluators/reproduce/journal.py",
        "partial.replace(path)",
        "path.write_text(partial.read_text()[:-40])",
        "tests/reproduce/test_parts.py",
    ),
    Fault(
        "evaluators/reproduce/estimate.py",
        "min(1.0, longest / length if length else 1.0)",
        "1.0",
        "tests/reproduce/test_parts.py",
    ),
    # encoders
    Fault(
        "evaluators/encoders/pooling.py",
        "states[rows, states.shape[1] - 1 - mask[:, ::-1].argmax(1)]",
        "states[rows, -1]",
        "tests/encoders/test_libraries.py",
    ),
    Fault(
        "evaluators/encoders/pooling.py",
        "np.arange(1, states.shape[1] + 1, dtype=np.float32)",
        "np.arange(0, states.shape[1], dtype=np.float32)",
        "tests/encoders/test_libraries.py",
    ),
    Fault(
        "evaluators/encoders/server.py",
        "len(answer) != count",
        "len(answer) > count",
        "tests/encoders/test_http.py tests/parity/test_servers.py",
    ),
    Fault(
        "evaluators/encoders/http.py",
        "if len(body) > self._limit:",
        "if len(body) < 0:",
        "tests/encoders/test_http.py tests/encoders/test_bounds.py",
    ),
    # diagnosis
    Fault(
        "evaluators/diagnose/numbers.py",
        "for turn in range(_TURNS):",
        "for turn in range(1):",
        "tests/diagnose/test_numbers.py",
    ),
    Fault(
        "evaluators/diagnose/causes/places.py",
        "left += _DRAWN if drawn else 0.0",
        "left += 0.0",
        "tests/diagnose/test_beside.py",
    ),
    Fault(
        "evaluators/diagnose/passes.py",
        "for attention in dict.fromkeys(row.attention for row in rows):",
        "for attention in dict.fromkeys(row.attention for row in rows[:1]):",
        "tests/diagnose/test_kept.py",
    ),
    Fault(
        "evaluators/diagnose/lengths.py",
        "right = errors[0] <= self._right",
        "right = False",
        "tests/diagnose/test_causes.py",
    ),
    # parity
    Fault(
        "data/rules/vectors/per_text.py",
        "squared[(norm == 0) != (our_norm == 0)] = np.nan",
        "pass",
        "tests/parity/test_measures.py",
    ),
    Fault(
        "evaluators/parity/scatter.py", "np.sqrt(len(one) / (len(one) - 1))", "1.0", "tests/parity/test_stability.py"
    ),
    Fault("evaluators/parity/verdict.py", "scaled > norm_floor(floor)", "scaled > 1e9", "tests/parity/test_verdict.py"),
    # preflight, files and trust
    Fault(
        "evaluators/preflight/embedding_table.py",
        "shape[0] == (height or shape[0])",
        "shape[0] >= 0",
        "tests/preflight/test_tokenizers.py tests/preflight/test_numbers.py tests/preflight/test_faults.py",
    ),
    Fault(
        "evaluators/preflight/tensor_values.py",
        "return _large(summary) and summary.distinct <= _COARSE",
        "return False",
        "tests/preflight/test_numbers.py",
    ),
    Fault(
        "evaluators/trust/allowed.py",
        "_is_fixed(revision) and allowed.get(model) == revision",
        "model in allowed",
        "tests/preflight/test_trust.py tests/hostile/test_guard.py",
    ),
    Fault(
        "evaluators/trust/guard.py",
        "hub_kernels.get_kernel = refused",
        "pass",
        "tests/preflight/test_trust.py tests/hostile/test_guard.py",
    ),
    Fault(
        "evaluators/model_files/reading.py",
        "if limit is not None and status.st_size > limit:",
        "if limit is None:",
        "tests/hostile/test_guard.py tests/hostile/test_hostile.py",
    ),
    # diagnosis
    Fault(
        "evaluators/diagnose/residual.py",
        "return _ROUNDED * max(floor, *shared) if shared else 0.0",
        "return _ROUNDED * max([floor, *shared])",
        "tests/diagnose/test_causes.py tests/diagnose/test_self_test.py",
    ),
    Fault(
        "evaluators/diagnose/search.py",
        "lates = [late for late in self.late if compatible((*early, *late))]\n        matches",
        "lates = [late for late in self.late if len(late) < 2]\n        matches",
        "tests/diagnose/test_causes.py tests/diagnose/test_self_test.py",
    ),
    Fault(
        "evaluators/diagnose/causes/generated.py",
        'yield CAUSES["dimensions-cut-normalised"].filled(values, changes=cut)',
        'yield CAUSES["dimensions-cut-normalised"].filled(values, changes={**cut, "normalise": "no"})',
        "tests/diagnose/test_causes.py",
    ),
    # pages
    Fault(
        "dashboard/formatting.py",
        'text = written(f"{in_points(value):+.2f}")',
        'text = written(f"{100 * value:+.1f}")',
        "tests/dashboard/test_words.py",
    ),
    Fault(
        "dashboard/formatting.py",
        "size * 0.9995:  # type: ignore[operator]\n            value = n / size  # type: ignore[operator]\n"
        "            digits",
        "size * 1.5:  # type: ignore[operator]\n            value = n / size  # type: ignore[operator]\n"
        "            digits",
        "tests/dashboard/test_words.py",
    ),
    Fault(
        "dashboard/queries/changes.py",
        'old, new = ("", name) if newer else (name, "")',
        'old, new = (name, "") if newer else ("", name)',
        "tests/dashboard/test_choose_queries.py tests/dashboard/test_imports.py",
    ),
    Fault(
        "dashboard/queries/reproduction.py",
        "share[Verdict.NOT_COMPARABLE] = np.nan",
        "pass",
        "tests/verdicts/test_page.py tests/dashboard/test_one_answer.py",
    ),
    Fault(
        "dashboard/tables/leaderboard.py",
        "of_tasks, width=72, small_first=True",
        "of_tasks, width=72",
        "tests/dashboard/test_boards.py",
    ),
)

_MARKS = "not bench and not peers and not soak"


def noticed(fault: Fault, *, whole: bool = False) -> tuple[bool, str]:
    """Whether the suite fails on a copy of the tree with the fault in it, and the last line it printed."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "tree"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
        for file in filter(None, listed.split("\0")):
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / file, tree / file)
        place = tree / fault.file
        place.write_text(place.read_text(encoding="utf-8").replace(fault.right, fault.wrong, 1), encoding="utf-8")
        verdict = _fails(tree, fault.tests.split())
        return _fails(tree, []) if whole and not verdict[0] else verdict


def _fails(tree: Path, tests: list[str]) -> tuple[bool, str]:
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", _MARKS, *tests]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in ran.stdout.splitlines() if line.strip()]
    failed = next(
        (line for line in lines if line.startswith(("FAILED", "ERROR"))), lines[-1] if lines else "nothing ran"
    )
    return ran.returncode == 1 or "error" in failed.lower(), failed


def main(
    only: Annotated[str, typer.Option(help="Faults in files that begin like this.")] = "",
    jobs: Annotated[int, typer.Option(min=1)] = 2,
    whole: Annotated[bool, typer.Option("--whole", help="Hold what was missed against all of the suite.")] = False,
) -> None:
    """Plant each fault in a copy of the tree and say which are noticed; status 1 if any is not."""
    faults = [fault for fault in FAULTS if fault.file.startswith(only)]
    with ThreadPoolExecutor(jobs) as pool:
        answers = list(track(pool.map(lambda fault: noticed(fault, whole=whole), faults), total=len(faults)))
    for fault, (caught, line) in zip(faults, answers, strict=True):
        where = f"{fault.file}: {(fault.wrong.strip() or 'nothing').splitlines()[-1][:60]}"
        print(f"{'caught' if caught else 'MISSED'}  {where}\n        {line[:160]}")
    print(f"{sum(caught for caught, _ in answers)} of {len(faults)} faults are noticed")
    sys.exit(0 if all(caught for caught, _ in answers) else 1)


if __name__ == "__main__":
    typer.run(main)

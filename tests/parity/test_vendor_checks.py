"""Whole checks of servers of every protocol: what a cache did is named, and the key is in no byte that is written."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import duckdb
import pytest

from data.store import keys
from tests.encoders.bench import KEY, MODEL, Bench, Reply, right_rows, serving_as
from tests.encoders.test_keys import traces
from tests.encoders.vendors import VENDORS
from tests.parity.conftest import checked
from tests.reproduce.conftest import SAMPLE
from tests.serving import ROOT


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("VENDOR_KEY", KEY)
    yield
    keys.forget()


def spec(name: str, bench: Bench, label: str = "") -> str:
    line = VENDORS[name].spec.replace("URL", bench.url)
    return f"{line}&key_env=VENDOR_KEY&timeout=200&retries=0&label={label or name.replace(' ', '-')}"


@pytest.mark.parametrize("name", VENDORS)
def test_a_cache_that_answers_with_another_texts_vector_is_named(name: str) -> None:
    cache: dict[str, list[float]] = {}

    def rows(texts: list[str]) -> list[list[float]]:
        return [cache.setdefault(text[:40], right_rows([text])[0]) for text in texts]

    with ExitStack() as stack:
        right = stack.enter_context(serving_as(VENDORS["openai"].answer))
        wrong = stack.enter_context(serving_as(VENDORS[name].answer, Bench(rows=rows)))
        done = checked(spec("openai", right), [spec(name, wrong)])
    verdict = done.candidates[0].comparisons[0].verdict
    assert verdict.verdict == "unstable" and "first 40 characters" in verdict.sentence, verdict.sentence
    codes = [one.code for outcome in done.candidates[0].protocol for one in outcome.observed]
    assert "beginning-shared" in codes


def assert_without_key(folder: Path) -> None:
    """In no byte of no file, in whatever case."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert KEY.lower().encode() not in path.read_bytes().lower(), path


def test_the_key_is_in_no_byte_that_is_written(tmp_path: Path) -> None:
    """Each protocol twice: one server names its model after the key, one quotes it in all it refuses."""

    def quoting(reply: Reply) -> Reply:
        packed = base64.b64encode(f"Bearer {KEY}".encode()).decode()
        error = {"message": f"no {KEY} (sent as {packed})", "code": KEY}
        said = {"error": error, "message": KEY, "detail": KEY.upper()}
        return Reply(said, 400, {"X-Key": KEY})

    with ExitStack() as stack:
        right = stack.enter_context(serving_as(VENDORS["openai"].answer))
        lines = []
        for name, vendor in VENDORS.items():
            named = stack.enter_context(serving_as(vendor.answer, Bench(named=f"{MODEL}-{KEY}")))
            wrong = stack.enter_context(serving_as(vendor.answer, Bench(spoil=quoting)))
            lines += [spec(name, named), spec(name, wrong, f"{name.replace(' ', '-')}-refuses")]
        written = tmp_path / "written"
        for folder in ("home", "tmp"):
            (written / folder).mkdir(parents=True)
        texts = tmp_path / "texts.txt"
        texts.write_text("one text\nanother text\nQUITE ANOTHER\n")
        places = {"HOME": str(written / "home"), "TMPDIR": str(written / "tmp"), "OMP_NUM_THREADS": "1"}
        words = ["parity", "--reference", spec("openai", right, "reference"), "--probes", str(texts)]
        words += [word for line in lines for word in ("--candidate", line)]
        with (written / "out").open("wb") as out, (written / "err").open("wb") as err:
            subprocess.run(
                [sys.executable, "-m", "evaluators", *words, "--store", str(written / "s.duckdb")],
                cwd=ROOT, env=os.environ | places, stdout=out, stderr=err, timeout=600, check=True,
            )  # fmt: skip
        asked = [one for one in right.asked if one.body]
    assert asked and KEY in asked[0].headers["authorization"]
    assert_without_key(written)
    # A store packs its words: they are looked at as they are read again, too.
    with closing(duckdb.connect(str(written / "s.duckdb"), read_only=True)) as store:
        tables = [name for (name,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        kept = json.dumps([store.execute(f"FROM {name}").fetchall() for name in tables], default=str)
        count = store.execute("SELECT count(*) FROM drift_summary").fetchone()
    said = kept + (written / "out").read_text() + (written / "err").read_text()
    assert count == (2 * len(VENDORS),) and "VENDOR_KEY" in kept and "***" in kept
    assert traces(said, KEY) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cohere", pytest.param("voyage", marks=pytest.mark.soak)])
def test_a_run_writes_no_key_either(name: str, tmp_path: Path) -> None:
    """Servers that name their model after the key; one quotes it with what it refuses in the middle of a run, too."""

    def quoting(reply: Reply) -> Reply:
        quoted = Reply({"message": f"no {KEY}", "detail": f"Bearer {KEY}"}, 500, {"X-Key": KEY})
        return quoted if name == "cohere" and len(bench.asked) % 3 == 0 else reply

    bench = Bench(named=f"{MODEL}-{KEY}", spoil=quoting)
    written = tmp_path / "written"
    for folder in ("home", "tmp"):
        (written / folder).mkdir(parents=True)
    places = {"HOME": str(written / "home"), "TMPDIR": str(written / "tmp"), "OMP_NUM_THREADS": "1"}
    with serving_as(VENDORS[name].answer, bench), (written / "said").open("wb") as said:
        subprocess.run(
            [sys.executable, "-m", "evaluators", "reproduce", spec(name, bench), "--own", str(SAMPLE / "pairs"),
             "--out", str(written / "runs"), "--embeddings-cache", str(written / "cache")],
            cwd=ROOT, env=os.environ | places | {"PLUMBLINE_STORE": str(written / "s.duckdb")}, stdout=said,
            stderr=said, timeout=600, check=False,
        )  # fmt: skip
    assert KEY in bench.asked[0].headers["authorization"] and len(bench.asked) >= 3
    assert (written / "s.duckdb").exists()
    assert_without_key(written)
    with closing(duckdb.connect(str(written / "s.duckdb"), read_only=True)) as store:
        tables = [each for (each,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        kept = json.dumps([store.execute(f"FROM {each}").fetchall() for each in tables], default=str)
    assert "VENDOR_KEY" in kept and traces(kept + (written / "said").read_text(), KEY) == []

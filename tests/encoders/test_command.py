from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from data.store.errors import EncoderError, EncoderGoneError, InputError
from evaluators.encoders import command
from evaluators.encoders.settings import EncoderSettings
from tests.encoders.server import vector

GOOD = """
import json, sys
sys.path.insert(0, {root!r})
from tests.encoders.server import vector
print("loading the model ...", file=sys.stderr)
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("describe"):
        said = {{"model": "org/in-a-box", "revision": "abc", "versions": {{"box": "1.2"}}}}
        said["settings"] = {{"pooling": "cls"}}
    else:
        said = {{"dense": [vector(text).tolist() for text in asked["texts"]],
                 "sparse": [{{word: 0.5 for word in text.split()}} for text in asked["texts"]],
                 "token_ids": [[len(text)] for text in asked["texts"]]}}
    print(json.dumps(said), flush=True)
"""
ROOT = str(Path(__file__).parents[2])


def opened(tmp_path: Path, code: str, **settings: object) -> command.CommandEncoder:
    script = tmp_path / "host.py"
    script.write_text(code)
    source = f"{sys.executable} {script}"
    return command.CommandEncoder(EncoderSettings("command", source, **settings))  # type: ignore[arg-type]


def answering(said: str) -> str:
    """A program that introduces itself and then answers anything with one line."""
    return f"import sys\nsys.stdin.readline()\nprint('{{}}', flush=True)\nsys.stdin.readline()\n{said}"


def test_texts_go_in_and_vectors_come_out(tmp_path: Path) -> None:
    encoder = opened(tmp_path, GOOD.format(root=ROOT), batch_size=2)
    texts = ["one", "two words", "three", "\n four\u2028 \U0001f680", ""]
    given = encoder.encode(texts, "query")
    said = encoder.describe()
    encoder.close()
    assert given.dense is not None
    np.testing.assert_allclose(given.dense, [vector(text) for text in texts], rtol=1e-6)
    assert given.sparse is not None
    assert given.sparse[1] == {"two": 0.5, "words": 0.5}
    assert given.tokens is not None
    assert [entry.ids for entry in given.tokens] == [[len(text)] for text in texts]
    assert (said.model, said.revision, said.versions) == ("org/in-a-box", "abc", {"box": "1.2"})
    assert said.settings["pooling"] == "cls"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("print('hello', flush=True)", "no JSON"),
        ("print('[1]', flush=True)", "other than a JSON object"),
        ('print(\'{"error": "out of memory"}\', flush=True)', "out of memory"),
        ("print('{\"dense\": [[1, 2]]}', flush=True)", "1 dense rows for 2 texts"),
        ("print('{\"dense\": [[1, 2], [1]]}', flush=True)", "different lengths"),
        ("print('{}', flush=True)", "none of dense, sparse, multi"),
        ("sys.exit('no more')", "ended with status 1.*no more"),
    ],
)
def test_what_is_no_answer_has_its_sentence(tmp_path: Path, said: str, words: str) -> None:
    encoder = opened(tmp_path, answering(said))
    try:
        with pytest.raises(EncoderError, match=words):
            encoder.encode(["a", "b"], None)
    finally:
        encoder.close()


def test_one_that_hangs_is_given_up_and_ended(tmp_path: Path) -> None:
    encoder = opened(tmp_path, answering("import time\ntime.sleep(60)"), timeout=0.5)
    started = time.monotonic()
    with pytest.raises(EncoderError, match="no answer within 0.5 s"):
        encoder.encode(["a"], None)
    encoder.close()
    assert time.monotonic() - started < 10
    assert encoder._process.returncode is not None


def test_one_that_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be started"):
        command.CommandEncoder(EncoderSettings("command", "/no/such/program"))
    with pytest.raises(EncoderError, match="ended with status 3"):
        opened(tmp_path, "import sys; sys.exit(3)")


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("import time\ntime.sleep(60)", id="silent"),
        pytest.param(
            "import time\nwhile True: sys.stdout.write('x'); sys.stdout.flush(); time.sleep(.02)", id="no end"
        ),
        pytest.param("while True: print('x' * 10**6, file=sys.stderr)", id="chatters"),
        pytest.param("import os\nos.close(1)\nimport time\ntime.sleep(60)", id="closes its output"),
        pytest.param(
            "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)", id="stubborn"
        ),
    ],
)
def test_one_that_does_not_end_is_bounded(tmp_path: Path, said: str) -> None:
    encoder = opened(tmp_path, answering(said), call_timeout=0.4, timeout=20)
    started = time.monotonic()
    with pytest.raises(EncoderGoneError):
        encoder.encode(["a"], None)
    with pytest.raises(EncoderGoneError):  # and a late answer is never taken for that to another question
        encoder.encode(["b"], None)
    encoder.close()
    assert time.monotonic() - started < 15
    assert encoder._process.returncode is not None


def test_one_that_never_reads(tmp_path: Path) -> None:
    """A pipe takes 64 kB; the rest of the request would be written for ever."""
    encoder = opened(tmp_path, "print('{}', flush=True)\nimport time\ntime.sleep(60)", call_timeout=0.4)
    started = time.monotonic()
    with pytest.raises(EncoderGoneError, match="no answer within 0.4 s"):
        encoder.encode(["a" * 1_000_000], None)
    encoder.close()
    assert time.monotonic() - started < 15


def test_lines_without_end_are_not_kept(tmp_path: Path) -> None:
    encoder = opened(
        tmp_path, answering("while True: sys.stdout.write('x' * 100_000)"), options={"max_response_mb": "1"}
    )
    with pytest.raises(EncoderGoneError, match="more than 1 MB"):
        encoder.encode(["a"], None)
    encoder.close()
    encoder = opened(tmp_path, answering("while True: print('{}')"))
    time.sleep(0.3)
    assert encoder._answers.qsize() <= 2  # it waits, and so does the program
    encoder.close()


def test_one_that_never_says_hello_and_what_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "child"
    code = "import subprocess, sys, time\n" + (
        f"child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(marker)!r}, 'w').write(str(child.pid))\ntime.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(EncoderGoneError, match="timeout="):
        opened(tmp_path, code, timeout=2)
    assert time.monotonic() - started < 20
    if marker.exists():  # else the machine was too slow to get that far
        with pytest.raises(psutil.NoSuchProcess):
            child = psutil.Process(int(marker.read_text()))
            child.wait(timeout=5)
            raise psutil.NoSuchProcess(child.pid)


def test_a_program_is_given_no_key_but_those_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_API_KEY", "sk-9a8b7c6d5e4f3g2h")
    monkeypatch.setenv("OTHER_TOKEN", "tk-1q2w3e4r5t6y7u8i")
    monkeypatch.setenv("HOST_POOLING", "cls")
    code = (
        "import json, os, sys\nnames = [n for n in ('ONE_API_KEY', 'OTHER_TOKEN', 'HOST_POOLING') if n in os.environ]\n"
    )
    code += "print(json.dumps({'model': ' '.join(names)}), flush=True)\nsys.stdin.readline()\nsys.exit(4)"
    encoder = opened(tmp_path, code, key_env="OTHER_TOKEN")
    assert encoder.describe().model == "OTHER_TOKEN HOST_POOLING"
    with pytest.raises(EncoderGoneError, match="started without ONE_API_KEY.*key_env="):
        encoder.encode(["a"], None)
    encoder.close()


def test_what_it_says_of_itself_may_have_any_form(tmp_path: Path) -> None:
    odd = {"settings": [1], "versions": "no", "files": [{"path": 1}, 7], "revision": 9}
    code = f"import json, sys\nsys.stdin.readline()\nprint(json.dumps({odd!r}))"
    encoder = opened(tmp_path, code)
    said = encoder.describe()
    assert (said.versions, said.files, said.settings["batch_size"]) == ({}, [], 32)
    encoder.close()
    claimed = {
        "outputs": 7,
        "settings": 1,
        "pooling": "cls",
        "dtype": [1],
        "key_env": "X",
        "prompts": {"": "a"},
        "own": 3,
    }
    encoder = opened(
        tmp_path, f"import json, sys\nsys.stdin.readline()\nprint(json.dumps({{'settings': {claimed!r}}}))"
    )
    settings = encoder.describe().settings
    assert (settings["outputs"], settings["dtype"], settings["key_env"]) == (["dense"], "fp32", None)
    assert (settings["pooling"], settings["prompts"], settings["own"]) == ("cls", {"": "a"}, 3)
    encoder.close()

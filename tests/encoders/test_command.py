from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from data.errors import EncoderError, InputError
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
    return command.open(EncoderSettings("command", source, **settings))  # type: ignore[arg-type]


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
        command.open(EncoderSettings("command", "/no/such/program"))
    with pytest.raises(EncoderError, match="ended with status 3"):
        opened(tmp_path, "import sys; sys.exit(3)")

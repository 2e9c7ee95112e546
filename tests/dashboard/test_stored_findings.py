"""The Chinese of preflight's findings: every sentence the store can hold of them has one, and nothing else is there."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache

from evaluators.model_files.fault import REFUSALS
from tests.dashboard.seen_sentences import Reader, sentences, shape, template
from tests.dashboard.test_languages import LOCALE, blanks, catalogues
from tests.serving import ROOT

FILE = LOCALE / "zh" / "stored_findings.toml"
# What stays as it is, beside what stands in backticks and what has a dot, a line or a slash in it, as names of files
# and settings have: programs, formats, classes, values of settings and words that Chinese engineers say in English.
NAMES = """
token ID UNK NaN GPU KB MD5 Hub
transformers torch Python Git LFS FlagEmbedding SentenceTransformer OpenCLIP SentencePiece peft MaxSim transformer
JSON XML ONNX OpenVINO GGUF safetensors pickle bytearray float32 bfloat16 float16 INFO
Normalize Pooling Transformer Tanh LayerNorm FOLDER True
idx type path name null true right left lasttoken variant types structure parameters prompts requirements
architectures normalizer truncation padding word hello world
"""
# Commands and addresses of models, which are typed as they are.
TYPED = re.compile(
    r"hf download .*?(?=（)|hf download .*|python -m evaluators parity( --candidate '[^']*')?|llama-server .*?(?=；)|"
    r"'(onnx|openvino|vllm|sentence-transformers):[^']*'|46f8a3\w+"
)


@cache
def chinese() -> dict[str, str]:
    return tomllib.loads(FILE.read_text("utf-8"))


@cache
def catalogued() -> set[str]:
    """Why each finding matters and what to do, from the tables of preflight and of what is not opened."""
    rows = [
        row
        for path in (ROOT / "evaluators" / "preflight" / "catalogue").glob("*.toml")
        for row in tomllib.loads(path.read_text("utf-8")).values()
        if isinstance(row, dict)
    ]
    return {row[key] for row in rows for key in ("why", "remedy")} | {
        text for texts in REFUSALS.values() for text in texts
    }


def test_every_sentence_is_there_and_no_other() -> None:
    said = catalogued() | set(sentences())
    assert len(said) > 700
    missing = {text: sentences().get(text, "the catalogue") for text in said - set(chinese())}
    assert not missing, f"{len(missing)} missing"
    assert not set(chinese()) - said, "nobody says these any more"


def test_no_other_file_has_one_of_them() -> None:
    for path, texts in catalogues("zh"):
        assert path == FILE or not texts.keys() & chinese().keys(), path.name


def test_only_names_stay_as_they_are() -> None:
    names, used = set(NAMES.split()), set[str]()
    for text, other in chinese().items():
        assert blanks(other) == blanks(text), text
        assert re.search("[\u4e00-\u9fff]", other), text
        bare = TYPED.sub(" ", re.sub(r"`[^`]*`|\{\w+\}", " ", other.replace("{{", "").replace("}}", "")))
        bare = re.sub(r"[\w.:/-]*[._/-][\w.:/-]+", " ", bare, flags=re.ASCII)
        left = set(re.findall(r"[A-Za-z]\w+", bare, flags=re.ASCII))
        assert left <= names, (text, left - names)
        used |= left
    assert used == names


def literal(text: str) -> str:
    return shape(text).replace("{}", "")


def test_of_two_texts_that_match_the_more_exact_stands_first() -> None:
    """A stored sentence is held against the texts from the top: each text has to be reached by what it is made of."""
    patterns = [
        (text, re.compile(".+?".join(map(re.escape, shape(text).split("{}"))), re.DOTALL)) for text in chinese()
    ]
    for text in chinese():
        filled = re.sub(r"\{\w+\}", "3,072", text)
        first = next(one for one, pattern in patterns if pattern.fullmatch(filled))
        assert len(literal(first)) >= len(literal(text)), (text, first)
        assert shape(chinese()[first]) == shape(chinese()[text]) or first == text, (text, first)


def test_the_reader_of_sentences_sees_what_is_said(tmp_path) -> None:
    path = tmp_path / "checks.py"
    path.write_text(
        "def _words(given) -> str:\n    return 'no words at all' if given else ''\n"
        "def check(name, bad):\n"
        "    seen = f'{name} has {bad[0]!r}'\n"
        "    if bad:\n        seen += f' and {len(bad):,} more'\n        return finding('a', seen)\n"
        "    yield finding('b', f'{seen}: it is {\"lost\" if name else \"found twice\"}')\n"
        "    if words := _words(name):\n        yield finding('c', f'{name}, with {words}')\n"
        "    yield finding('d', ' and '.join(bad) + ' are here')\n"
    )
    reader = Reader(path)
    reader.read({})
    assert set(map(template, reader.seen)) == {
        "{name} has {a} and {b} more", "{name} has {a}: it is lost", "{name} has {a}: it is found twice",
        "{name}, with no words at all", "{name}, with ", "{a} are here", "{a} and {b} are here",
    }  # fmt: skip
    assert ast.parse(path.read_text())


def test_sentences_of_every_kind_are_read() -> None:
    """One of each way that a sentence is put together in."""
    for text in (
        "There is no padding token",
        "{a} tensors are zero throughout: {b} and {c} more",
        "{name} is damaged: its header is cut short",
        "{single} and an index of {a} shards are there, of the same names",
        "{form} reads 'word' as {a}",
        "{a} is a pipe, not a file",
        "{a}: pads every text to {b} tokens",
    ):
        assert text in sentences()

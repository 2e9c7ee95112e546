"""The Chinese of preflight's findings: every sentence the store can hold of them has one, and nothing else is there."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from itertools import product

from evaluators.model_files.fault import REFUSALS
from tests.dashboard.seen_sentences import Reader, sentences, template
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
idx type path name null true right left lasttoken variant types structure parameters prompts requirements text
architectures normalizer truncation padding word hello world
"""
# What checks fill into a blank of the catalogue that has words of its own, or nothing; the blank and what it then is.
FILLED = {
    "Put {setting} back as the model's repository has it.": ("{setting}", "{name} in {file}"),
    "Take {step} and the modules before it from one revision of the model's repository.": (
        "{step}", "{kind} in {path}",
    ),
    "The architecture is trained with {usual}: another activation loads, and gives other vectors.": (
        "{usual}", "{one} or {other}",
    ),
    "The module cannot be built: it takes {known}.": ("{known}", "a positive whole number", "an entry for text"),
    "Since then {changed} changed; published figures may be of it.": ("{changed}", "nothing read"),
    "Run it with 'vllm:{folder}' on a GPU, or install the library that reads {method}.": (
        "{method}", "an unnamed method",
    ),
    "Add the folder {folder} from the model's repository.": ("{folder}", ""),
}  # fmt: skip
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
    texts = {row[key] for row in rows for key in ("why", "remedy")} | {
        text for two in REFUSALS.values() for text in two
    }
    assert FILLED.keys() <= texts
    return texts | {text.replace(blank, words) for text, (blank, *every) in FILLED.items() for words in every}


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
        plain = TYPED.sub(" ", re.sub(r"`[^`]*`|\{\w+\}", " ", bare(other)))
        plain = re.sub(r"[\w.:/-]*[._/-][\w.:/-]+", " ", plain, flags=re.ASCII)
        left = set(re.findall(r"[A-Za-z]\w+", plain, flags=re.ASCII))
        assert left <= names, (text, left - names)
        used |= left
    assert used == names


def pattern(text: str) -> re.Pattern[str]:
    """What a sentence of this text is matched by, each blank as a group."""
    whole = ""
    for at, part in enumerate(re.split(r"\{(\w+)\}", text)):
        again = f"(?P<{part}>" in whole
        whole += (f"(?P={part})" if again else f"(?P<{part}>.+?)") if at % 2 else re.escape(bare(part))
    return re.compile(whole, re.DOTALL)


def bare(text: str) -> str:
    return text.replace("{{", "{").replace("}}", "}")


def test_of_two_texts_that_match_the_more_exact_stands_first() -> None:
    """Held against the texts from the top, a stored sentence is said as the one it was made of would have it."""
    patterns = [(text, pattern(text)) for text in chinese()]
    for text, filling in product(chinese(), ("3,072", "config.json", "['a']", "2_Dense")):
        filled, other = (bare(re.sub(r"\{\w+\}", filling, one)) for one in (text, chinese()[text]))
        first, match = next((one, match) for one, it in patterns if (match := it.fullmatch(filled)))
        assert chinese()[first].format(**match.groupdict()) == other, (text, first)


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

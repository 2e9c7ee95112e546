"""Sentences of the store in Chinese: what evaluators write has its template, and what others write stays text."""

from __future__ import annotations

import ast
import itertools
import json
import re
import string
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dashboard.formatting import plain
from dashboard.stored_words import tr_stored
from dashboard.words import catalogue_of, in_language
from data.rules.causes import CAUSES
from data.rules.words import in_english, with_ones
from data.store.database import StoreReader
from data.store.vocabulary import Outcome
from evaluators.parity.observations import OBSERVATIONS, Observation
from evaluators.parity.selftest import SelfTest
from evaluators.parity.verdict import DriftEvidence, give_verdict
from evaluators.probes import Probe
from tests.serving import ROOT

# What stays in Latin letters: names of files, settings, programs and models, and what fills the blanks here.
NAMES = re.compile(
    r"(?<![A-Za-z])(?:EOS|CLS|BOS|UTF|Latin|ASCII|Unicode|JSON|CJK|NFK?[CD]|NaN|BGE|Instruct|query|passage|LayerNorm|"
    r"PyTorch|Dense|pooler|dropout|mteb|sentence-transformers|fp16|fp32|bf16|float\d+|int[48]|q[48]_0|preflight|"
    r"Windows|Python|HTML|Markdown|Lucene|NLTK|URL|url|EMAIL|email|INST|GPT|Llama|Qwen2?|llama[.]cpp|WordPiece|GELU|"
    r"tanh|GGUF|OpenVINO|CTranslate2|nf4|ONNX Runtime|"
    r"(?:model_meta|model|config)[.](?:json|safetensors)|safetensors)(?![a-z])"
)
PARITY = ROOT / "evaluators" / "parity"
# Files whose every whole sentence goes into the store.
WRITERS = [
    *(PARITY / f"{name}.py" for name in ("verdict", "selftest", "protocol", "loads", "vectors")),
    *(ROOT / "evaluators" / "diagnose" / f"{name}.py" for name in ("verdict", "unstable")),
    ROOT / "evaluators" / "diagnose" / "answer.py",
]  # fmt: skip
# What a blank holds that is made of other texts of ours.
BLANKS = {
    "how": "a rotation of the axes", "' and '.join(other)": "sparse and multi",
    "which": "first", "what": "No vector of numbers", "words": "", "some": "no vectors",
}  # fmt: skip


def latin(text: str) -> str:
    """The English left in a text."""
    left = NAMES.sub("", re.sub(r"`[^`]*`", "", text))
    return " ".join(re.findall(r"[A-Za-z]{2,}[A-Za-z ]*", left))


def said(sentence: str) -> str:
    with in_language("zh"):
        return tr_stored(sentence)


def whole_sentences(path: Path) -> Iterator[str]:
    """Constants and f-strings of a file that are a sentence by themselves, each blank filled with a number."""
    tree = ast.parse(path.read_text("utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    texts = {id(node) for holder in ast.walk(tree) for node in _no_sentences(holder)}
    for node in ast.walk(tree):
        if id(node) in texts or (id(node) in inside and not isinstance(node, ast.JoinedStr)):
            continue
        for text in _filled(node):
            if re.fullmatch(r"[A-Z][a-z]* .*\w.*[.]", text, re.DOTALL):
                yield text


def _no_sentences(holder: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, and messages of errors."""
    if isinstance(holder, ast.Module | ast.ClassDef | ast.FunctionDef) and holder.body:
        yield from ast.walk(holder.body[0]) if isinstance(holder.body[0], ast.Expr) else ()
    if isinstance(holder, ast.Raise):
        yield from ast.walk(holder)


def _filled(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.sub(r"\{\w+[^}]*\}", "7", node.value)
    if not isinstance(node, ast.JoinedStr):
        return
    choices: list[list[str]] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            choices.append([str(part.value)])
        elif isinstance(part, ast.FormattedValue):
            choices.append(list(_blank(part.value)))
    yield from ("".join(pieces) for pieces in itertools.product(*choices))


def _blank(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.IfExp):
        yield from (text for branch in (value.body, value.orelse) for text in _blank(branch))
    elif isinstance(value, ast.Constant | ast.JoinedStr):
        yield from _filled(value)
    else:
        # A part of a sentence that stands in a variable is there or not; what it is there, other tests make.
        source = ast.unparse(value)
        yield BLANKS.get(source, "" if source in OPTIONAL else "7")


OPTIONAL = {"on", "s", "euclidean",
            "_other_answer(bench, facts, base, floor)", "_how_long(bench, lost)"}  # fmt: skip


@pytest.mark.parametrize("path", WRITERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_whole_sentence_of_the_code_has_its_template(path: Path) -> None:
    english = {text: said(text) for text in whole_sentences(path)}
    assert english
    assert {text: other for text, other in english.items() if latin(other)} == {}


# Numbers of each observation, with every choice its words make.
CHOICES: dict[str, list[dict[str, object]]] = {
    "another-text": [{"whose": whose} for whose in ("before", "call", "any")],
    "distinct-answers": [
        {"times": [5, 3], "once": once, "by": by, "lengths_only": lengths, **reference}
        for once, by, lengths in itertools.product((True, False), ("call", "text"), (True, False))
        for reference in ({}, {"reference": 0.5, "reference_texts": 3}, {"reference": 0, "reference_texts": 3},
                          {"reference": 0, "reference_texts": 0})
    ],
    "at-once-differs": [{"another": 0}, {"another": 2}],
    "moving-offset": [{"drifts": True}, {"drifts": False}],
    "noise": [{}] + [{"size": 0.1, "shape": shape, "kurtosis": kurtosis} for kurtosis in (3, 9)
                     for shape in ("even", "proportional", "length", "uneven")],
    "depends-on-before": [{"together": 0.1}, {"together": 0.9}],
    "variants-shared": [{"variants": list(names)} for names in (
        ("spaces",), ("punctuation", "case"), ("length", "order", "middle"), ("beginning",))],
    "batch-differs": [{"company": company, "place": place, "alone_is_reference": alone, "text": "plain-1"}
                      for company, place, alone in itertools.product((True, False), repeat=3)],
    "loads-outputs": [{"broken": {"sparse": 0.1}, "sound": ["dense"]},
                      {"broken": {"sparse": 0.1, "multi": 0.2}, "sound": ["dense"]},
                      {"broken": {"dense": 0.1}, "sound": []},
                      {"broken": {"dense": 0.1}, "sound": ["sparse", "multi"]}],
    "second-load-restless": [{"then_as_first": True}, {"then_as_first": False}],
    "loads-another-answer": [{"reference": [True, False]}, {"reference": [False, True]}],
    "loads-rotated": [{"products_of_reference": True}, {}],
    "beginning-shared": [{"first_kept": True}, {"first_kept": False}],
}  # fmt: skip
NUMBERS = {name: 7 for name in (
    "times", "answers", "texts", "asked", "moved", "rows", "differ", "clients", "characters", "together"
)} | {name: 0.0123 for name in ("worst", "apart", "drift")}  # fmt: skip


def test_every_choice_of_an_observation_is_made_here() -> None:
    assert {code for code, entry in OBSERVATIONS.items() if callable(entry.words)} <= set(CHOICES)


@pytest.mark.parametrize("code", OBSERVATIONS)
def test_every_observation_is_said(code: str) -> None:
    for choice in CHOICES.get(code, [{}]):
        words = Observation(code, NUMBERS | choice).in_words()
        assert latin(said(words).replace("plain-1", "")) == "", words
        assert latin(said(f"The reference: {words}").replace("plain-1", "")) == "", words


def probes(count: int) -> list[Probe]:
    return [Probe(f"p{n}", f"text {n} " * (n + 1), role="document", traits=(f"t{n % 3}",)) for n in range(count)]


def evidences() -> Iterator[DriftEvidence]:
    """Evidence of every kind of verdict."""
    count, one = 16, np.ones(16)
    few = np.where(np.arange(count) < 3, 0.2, 1e-9)
    most = np.where(np.arange(count) < 8, 0.2, 1e-9)
    lengths = np.arange(count, 0, -1.0) * 10
    for on in ("", "on the first 128 of 384 dimensions"):
        base = DriftEvidence("dense", np.full(count, 1e-15), one, 1e-6, compared=on)
        yield base
        yield replace(base, distance=np.full(count, np.nan))
        yield replace(base, distance=np.full(count, 1e-7))
        yield replace(base, norm_ratio=2 * one)
        yield replace(base, norm_ratio=np.linspace(2, 3, count))
        yield replace(base, distance=np.full(count, 0.5), rotation_residual=1e-9)
        yield replace(base, distance=np.full(count, 0.5), rotation_residual=1e-9, permuted=True)
        yield replace(base, distance=np.full(count, 1e-5))
        yield replace(base, distance=np.full(count, 0.3), norm_ratio=np.linspace(4, 6, count))
        for distance in (few, most):
            for l2, tokens in itertools.product((None, distance), (None, lengths, lengths[::-1])):
                yield replace(base, distance=distance, l2=l2, lengths=tokens)
        gone = np.arange(count) < 2
        for zeros in (0, 1, 2):
            yield replace(base, distance=np.where(gone, np.nan, 1e-15), lost=gone, zeros=zeros)
            yield replace(base, distance=np.where(gone, np.nan, few), lost=gone, zeros=zeros, lengths=lengths)


def test_every_verdict_is_said() -> None:
    barely = Observation("repeats-within-precision", {"worst": 1e-12})
    failed = SelfTest(
        "order", Outcome.FAIL, 2.0, "Rows come back shuffled: 2 texts of a batch have another text's vector."
    )
    protocols: list[list[SelfTest]] = [
        [],
        [SelfTest("deterministic", Outcome.PASS, 0.0, "", observed=(barely,))],
        [failed],
    ]
    sentences = {
        give_verdict(evidence, probes(16), protocol).sentence for evidence in evidences() for protocol in protocols
    }
    assert len(sentences) > 40
    left = {sentence: said(sentence) for sentence in sentences}
    assert {sentence: other for sentence, other in left.items() if latin(re.sub(r"\b[pt]\d+\b", "", other))} == {}


def test_what_the_views_say_of_two_figures_is_said() -> None:
    view = (ROOT / "data" / "store" / "views" / "30_deltas.sql").read_text("utf-8")
    code = re.sub(r"--[^\n]*", "", view)
    texts = {text.replace("''", "'") for text in re.findall(r"'((?:[^']|'')*)'", code)}
    whose = ("the model card's figure", "the official figure", "the run's figure")
    ends = [text for text in texts if text.startswith(" ") and text.strip()]
    whole = {text for text in texts - set(whose) if text.count(" ") > 2 and text[:1].islower() and "|" not in text}
    assert len(whole) >= 18 and len(ends) == 2 and set(whose) <= texts
    sentences = [*whole, *(figure + end for figure in whose for end in ends)]
    for text in sentences:
        # Of a metric that is another one's value it is said whose figure that is.
        for first in whose if text.startswith("another metric: {} is") else ("v1",):
            spoken = said(text.replace("{}", first, 1).replace("{}", "v2", 1).replace("{}", "v3", 1))
            assert not latin(re.sub(r"v\d|ap(?=，)", "", spoken)), text
    several = "a figure on the old 0-100 scale was divided by 100; the subset was renamed: a is now b"
    assert said(several) == "一个旧的 0–100 刻度的分数已除以 100；子集已改名：a 现为 b"


def test_what_readers_of_files_note_is_said() -> None:
    for name in ("parse", "legacy_format"):
        tree = ast.parse((ROOT / "evaluators" / "results" / f"{name}.py").read_text("utf-8"))
        calls = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "notes.append"
        ]
        assert calls
        for text in (text for call in calls for text in _filled(call.args[0])):
            assert not latin(said(text)), text


def test_causes_are_said_whatever_stands_in_their_blanks() -> None:
    for cause in CAUSES.values():
        filled = cause.filled({name: 7 for _, name, _, _ in string.Formatter().parse(cause.words) if name})
        for text in (filled.words, f"{filled.words[0].upper()}{filled.words[1:]} explains 99.0% of the drift."):
            assert latin(said(str(text))) == "", text


# Of a file's notes what follows is a name: of a metric, a subset, a task or a model.
NOTED = re.compile(
    r"(?<=主分数取自 )\S+(?=；|$)|(?<=自身的 )\S+(?= 不同)|(?<=主分数是 )[^，；]+(?=，|；|$)|(?<=原名 )[^；]+|"
    r"(?<=子集 )\S+(?= 现称)|(?<=现称 )[^；]+|(?<=命名为 )\S+(?=（)"
)


def test_nothing_of_the_bundled_record_is_left_in_english(record_reader: StoreReader) -> None:
    cursor = record_reader.cursor()
    queries = (
        "SELECT sentence FROM drift_summary", "SELECT detail FROM protocol", "SELECT sentence FROM diagnoses",
        "SELECT cause FROM diagnosis_causes", "SELECT remedy FROM diagnosis_causes",
        "SELECT DISTINCT notes FROM results",
    )  # fmt: skip
    texts = {text for query in queries for (text,) in cursor.execute(query).fetchall() if text}
    assert len(texts) > 100
    names = "|".join(re.escape(name) for (name,) in cursor.execute("SELECT probe FROM probes").fetchall())
    left = {text: latin(re.sub(rf"\b({names})\b", "", NAMES.sub("", NOTED.sub("", said(text))))) for text in texts}
    assert {text: other for text, other in left.items() if other} == {}


HOSTILE = [
    "<script>alert(1)</script>", "[link](https://evil.example)", "**bold** `code` $x$", "{worst}", "{0.__class__}",
    "%s",     "The same texts twice give the same vectors.\x00", "。" * 50, "‮reversed", "a. b; c. d",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_others_wrote_stays_text(text: str) -> None:
    assert said(text) == text
    told_ = said(f"It could not be loaded a second time: {text}")
    assert told_ == f"无法第二次加载：{text}"
    assert "<" not in plain(told_).replace("\\<", "")
    assert text in said(
        f"Differs on 3 of 64 texts: {text}. Worst: x (cosine distance 0.56); the other 2 agree within 1e-06."
    )


def test_a_name_that_is_spelt_as_a_word_of_ours_stays() -> None:
    assert said("main score taken from precision") == "主分数取自 precision"
    assert said("precision") == catalogue_of("zh")["precision"]


def test_no_sentence_is_long_in_the_matching() -> None:
    reference = "The reference: "
    bad = [
        "a" * 1_000_000, "The same texts " * 70_000, reference * 260, (reference + "x. ") * 200,
        " and ".join(["a"] * 700), "Differs on " * 350, ("x: 5 of the drift; " * 200)[:3_990],
        ". ".join([reference * 10] * 15), "; ".join(f"{n} of 2 entries" for n in range(15)),
        (" texts, " * 480), ("1 of 1 (or 2) and 3 more" * 160), ". ".join(["a and 5 more"] * 16),
    ]  # fmt: skip
    for text in bad:
        began = time.perf_counter()
        said(text)
        assert time.perf_counter() - began < 2, text[:60]


def test_english_stays_as_it_is() -> None:
    for text in (*catalogue_of("zh", "stored_*"), *HOSTILE):
        assert tr_stored(text) == text


def test_every_template_is_said_with_any_name_in_its_blanks() -> None:
    """None is taken for another that stands before it, and the name comes back as it was."""
    for text, other in catalogue_of("zh", "stored_*").items():
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        values = {name: f"v{place}" for place, name in enumerate(dict.fromkeys(names))}
        spoken = said(text.format(**values)) if values else said(text)
        expected = other.format(**values) if values else other
        assert spoken.replace(" ", "") == expected.replace(" ", ""), text


@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_template_is_said_of_any_number(count: int) -> None:
    """Of exactly one the English has a singular; causes with a blank of their own are among the templates."""
    every, singulars = catalogue_of("zh"), 0
    of_causes = {str(text) for cause in CAUSES.values() for text in (cause.words, cause.remedy)} & every.keys()
    for text in (*catalogue_of("zh", "stored_*"), *of_causes):
        counted = {name for _, ones in with_ones(text) for name in ones}
        names = [name for _, name, _, _ in string.Formatter().parse(text) if name]
        values = {name: count if name in counted else f"v{place}" for place, name in enumerate(dict.fromkeys(names))}
        sentence, expected = (in_english(text, values), every[text].format(**values)) if values else (text, every[text])
        singulars += bool(values) and sentence != text.format(**values)
        assert said(sentence).replace(" ", "") == expected.replace(" ", ""), sentence
    assert singulars > 50 if count == 1 else singulars == 0


def test_why_each_text_is_there_is_said() -> None:
    rows = (ROOT / "evaluators" / "probes.jsonl").read_text("utf-8").splitlines()
    reasons = {json.loads(row)["why"] for row in rows}
    assert reasons == set(catalogue_of("zh", "stored_probes"))

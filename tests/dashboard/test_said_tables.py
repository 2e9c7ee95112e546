"""Tables and causes in two languages: what is shown is said, what is looked up and sorted by is not."""

from __future__ import annotations

import json
import pickle
import re
from types import SimpleNamespace

import pandas as pd

from dashboard.formatting import licence, word
from dashboard.sections import cell_diagnosis
from dashboard.stored_words import tr_stored
from dashboard.tables import diagnosis as diagnosis_tables
from dashboard.tables.columns import LICENCE, PRIVATE, WORDED, Column, Table
from dashboard.words import catalogue_of, in_language, phrase, tr
from data.rules.causes import CAUSES, stored_cause
from data.rules.suggestions import Delta
from data.rules.words import in_a_row
from tests.serving import ROOT

COLUMNS = (
    Column("Verdict", "verdict", WORDED, help="What differs"),
    Column("Licence", "licence", LICENCE),
    Column("Classification", "score", ours=False),
    Column(phrase("Cosine, {encoder}", encoder="Model"), "score"),
    PRIVATE,
)
FRAME = pd.DataFrame(
    {"verdict": ["match", "gap", "broken"], "licence": ["mit", "gemma", None], "score": [1, 2, 3],
     "private": ["model", "", "model, task"]}
)  # fmt: skip


def test_heads_are_said_and_stay_what_they_go_by() -> None:
    with in_language("zh"):
        table = Table.of(COLUMNS, FRAME)
        assert list(table.shown) == ["Verdict", "Licence", "Classification", "Cosine, Model", "Private"]
        assert table.csv().decode().splitlines()[0] == "判定,许可证,Classification,余弦，Model,私有"
        assert list(table.shown["Verdict"]) == ["一致", "差距", "失效"] and table.shown["Private"][0] == "模型"
        config = table.config["Verdict"]
        assert config["label"] == "判定" and config["help"] == "不同之处"
    assert Table.of(COLUMNS, FRAME).labels["Verdict"] == "Verdict"


def test_a_head_that_stands_there_twice_is_said_twice() -> None:
    twice = (*COLUMNS[2:4], COLUMNS[2], COLUMNS[3], Column("Verdict", "verdict"), Column("Verdict", "verdict"))
    with in_language("zh"):
        table = Table.of(twice, FRAME)
        assert list(table.labels.values()) == [
            "Classification", "余弦，Model", "Classification ", "余弦，Model ", "判定", "判定 "
        ]  # fmt: skip
    assert list(table.shown) == [
        "Classification", "Cosine, Model", "Classification ", "Cosine, Model ", "Verdict", "Verdict "
    ]  # fmt: skip


def test_rows_stand_alike_in_every_language() -> None:
    orders = []
    for language in ("en", "zh"):
        with in_language(language):
            table = Table.of(COLUMNS, FRAME)
            orders.append([list(table.sorted_by(name).source["score"]) for name in ("Verdict", "Licence", "Private")])
    assert orders[0] == orders[1]


def test_a_word_by_itself_is_not_the_noun_that_is_counted() -> None:
    with in_language("zh"):
        assert (word("model"), tr("model"), word("text")) == ("模型", "个模型", "文本")
        assert licence("Apache-2.0") == "可商用：Apache 2.0"
    assert word("model") == "model" and licence("Apache-2.0") == "commercial use: Apache 2.0"


def stored(cause: str, position: int = 0, **blanks: object) -> dict[str, object]:
    filled = stored_cause(cause, blanks)
    assert filled is not None
    return {
        "code": filled.code, "blanks": json.dumps(blanks) if blanks else None, "cause": str(filled.words),
        "remedy": str(filled.remedy), "same_as": ["white space stripped"] if position else [], "accepted": True,
    }  # fmt: skip


def test_a_stored_diagnosis_is_said_by_codes_and_blanks() -> None:
    causes = pd.DataFrame([stored("max-length", length=32), stored("prompt-query + fp16-arithmetic", 1, how="added")])
    assert list(causes["cause"]) == ["texts cut at 32 tokens", 'prompt "query: " added + fp16 arithmetic']
    sentence = (
        'Texts cut at 32 tokens and prompt "query: " added + fp16 arithmetic (or white space stripped) explain 99.0% '
        "of the drift."
    )
    row = {"verdict": "explained", "sentence": sentence, "unexplained": 0.01}
    assert diagnosis_tables.said_sentence(row, causes) == sentence
    assert diagnosis_tables.said_causes(causes).equals(causes)
    with in_language("zh"):
        shown = diagnosis_tables.said_causes(causes)
        assert list(shown["cause"]) == ["文本在 32 个词元处被截断", '提示词 "query: " 被添加 + fp16 运算']
        assert shown["same_as"][1] == ["首尾空白被去除"]
        assert diagnosis_tables.said_sentence(row, causes).endswith("共同解释了 99.0% 的漂移。")
        unknown = causes.assign(code=[None, "gone"], blanks=None, remedy=None)
        by_words = list(diagnosis_tables.said_causes(unknown)["cause"])
        assert by_words == ["文本在 32 个词元处被截断", '添加了提示词 "query: " + fp16 运算']
        # What an older catalogue called otherwise stays as it was stored.
        older = causes.assign(cause=["cut earlier than today's words say", "x"])
        assert list(diagnosis_tables.said_causes(older)["cause"]) == list(older["cause"])


def test_of_many_causes_alike_the_first_are_said_and_the_others_counted() -> None:
    alike = [cause.words for cause in CAUSES.values() if "{" not in cause.words][:6]
    causes = pd.DataFrame([stored("max-length", length=32) | {"same_as": alike}])
    short = f"Texts cut at 32 tokens (or {', or '.join(alike[:3])}, or one of 3 others) explains 99.0% of the drift."
    in_full = f"Texts cut at 32 tokens (or {', or '.join(alike)}) explains 99.0% of the drift."
    for sentence in (short, in_full):  # as it is stored now, and in older stores
        row = {"verdict": "explained", "sentence": sentence, "unexplained": 0.01}
        assert diagnosis_tables.said_sentence(row, causes) == short
        with in_language("zh"):
            assert "或另外 3 个之一）解释了 99.0% 的漂移" in diagnosis_tables.said_sentence(row, causes)
    with in_language("zh"):
        assert "或另外 3 个之一）" in tr_stored(short) and alike[0] not in tr_stored(short)


def test_what_would_settle_a_suggestion_is_said(monkeypatch) -> None:
    """Mostly that is a command; where one task alone is off, it is a sentence."""
    deltas = [Delta(f"T{n}", "STS", -0.3 if n == 0 else 0.0, 0.82) for n in range(5)]
    answers, settled = iter([deltas, "m"]), []
    monkeypatch.setattr(
        cell_diagnosis, "task_deltas", SimpleNamespace(task_deltas=0, source_of=0, cells_of=lambda _: 0)
    )
    monkeypatch.setattr(cell_diagnosis, "answer_of", lambda *_: next(answers))
    monkeypatch.setattr(cell_diagnosis.st, "code", lambda text, **_: settled.append(text))
    with in_language("zh"):
        cell_diagnosis._suggested({"check_run": None, "model": "m"}, pd.DataFrame())
    assert len(settled) == 1 and "T0" in settled[0] and "数据集" in settled[0]


def test_a_cause_is_the_same_in_english_however_often_it_is_filled() -> None:
    part = CAUSES["dimensions-cut"].filled({"dimensions": 3, "other": 1})
    assert part.words == "cut to 3 dimensions" and part.remedy.startswith(
        "Keep all dimensions, or cut the reference to 3"
    )
    missing = CAUSES["prompt-missing"].filled({})
    assert missing.remedy == "Pass the prompt of each role: {prompts}"
    assert missing.filled({"prompts": "{q}"}).remedy == "Pass the prompt of each role: {q}"
    assert pickle.loads(pickle.dumps(part.words)).template == "cut to {dimensions} dimensions"  # noqa: S301 -- ours
    assert in_a_row(["a", "b", "c"]) == "a, b, c" and in_a_row([]) == ""


# Those that hold no name or number.
SENTENCES = (
    "the two have no split and subset in common",
    "the model card's figure is missing for this cell",
    "the official figure is missing for this cell",
    "the run's figure is missing for this cell",
    "another metric: mteb 0.0 wrote ap where the task counts accuracy",
    "a figure on the old 0-100 scale was divided by 100",
    "one side was served by a program that does not tell its revision",
    "the two are of folders with different weights",
    "both figures were published once and withdrawn since",
    "the model card's figure was published once and withdrawn since",
    "the official figure was published once and withdrawn since",
    "the run's figure was published once and withdrawn since",
    "matches although the data set revision of one side is not known",
    "matches although the data set revision differs",
    "the data set revision is not the same, but on the same data another run of this model matches",
)


def test_sentences_of_the_store_that_are_said_are_those_its_views_write() -> None:
    views = (ROOT / "data" / "store" / "views" / "30_deltas.sql").read_text("utf-8").replace("''", "'")
    catalogue = catalogue_of("zh", "stored_deltas")
    for sentence in SENTENCES:
        assert sentence in catalogue, sentence
        about = re.sub(r"^the (model card's|official|run's) figure", "", sentence)
        assert about in views, sentence

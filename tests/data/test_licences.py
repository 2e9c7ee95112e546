"""What a licence allows: every text of the bundled record, other spellings, and what nobody can know."""

from __future__ import annotations

import csv
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from data.rules import licences
from data.rules.licences import ALLOWED, CLASSES, CONDITIONS, NONCOMMERCIAL, UNKNOWN, licence_of

RECORD = Path(licences.__file__).parents[1] / "record" / "models.parquet"
HUB = "https://huggingface.co"

# Read off the licences themselves, one by one.
OF_RECORD = {
    "apache-2.0": ALLOWED,
    "mit": ALLOWED,
    "bsd-3-clause": ALLOWED,
    "cc-by-4.0": ALLOWED,
    "openmdw-1.1": ALLOWED,
    "gemma": CONDITIONS,
    "https://ai.google.dev/gemma/terms": CONDITIONS,
    "https://ai.meta.com/resources/models-and-libraries/dinov3-license/": CONDITIONS,
    "https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/": CONDITIONS,
    f"{HUB}/spaces/bigscience/license": CONDITIONS,
    f"{HUB}/LiquidAI/LFM2-ColBERT-350M/blob/main/LICENSE": CONDITIONS,
    f"{HUB}/LiquidAI/LFM2-VL-450M/blob/main/LICENSE": CONDITIONS,
    f"{HUB}/Qodo/Qodo-Embed-1-1.5B/blob/main/LICENSE": CONDITIONS,
    "https://developers.google.com/health-ai-developer-foundations/terms": CONDITIONS,
    "https://aws.amazon.com/service-terms/": CONDITIONS,
    "cc-by-nc-4.0": NONCOMMERCIAL,
    "cc-by-nc-sa-4.0": NONCOMMERCIAL,
    f"{HUB}/moka-ai/m3e-base#%F0%9F%93%9C-license": NONCOMMERCIAL,
    "https://github.com/NVlabs/RADIO/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/sbintuitions/sarashina-embedding-v1-1b/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/sbintuitions/sarashina-embedding-v2-1b/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/nvidia/llama-nemoretriever-colembed-1b-v1/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/nvidia/llama-embed-nemotron-8b/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/nvidia/omni-embed-nemotron-3b/blob/main/LICENSE": NONCOMMERCIAL,
    f"{HUB}/nvidia/PS3-1.5K-SigLIP/blob/main/LICENSE.md": NONCOMMERCIAL,
    f"{HUB}/nvidia/PS3-4K-SigLIP/blob/main/LICENSE.md": NONCOMMERCIAL,
    f"{HUB}/nvidia/PS3-1.5K-SigLIP2/blob/main/LICENSE.md": NONCOMMERCIAL,
    f"{HUB}/nvidia/PS3-4K-SigLIP2/blob/main/LICENSE.md": NONCOMMERCIAL,
    None: UNKNOWN,
    "not specified": UNKNOWN,
    "multiple": UNKNOWN,
    f"{HUB}/webAI-Official/webAI-ColVec1.1-4b/blob/main/LICENSE.md": UNKNOWN,
    f"{HUB}/webAI-Official/webAI-ColVec1.1-8b/blob/main/LICENSE.md": UNKNOWN,
    f"{HUB}/RiverRider/motherlode-code-small-en-v0.1/blob/main/LICENSE": UNKNOWN,
    f"{HUB}/nvidia/llama-nemotron-rerank-vl-1b-v2/blob/main/LICENSE": UNKNOWN,
    f"{HUB}/nvidia/llama-nemotron-colembed-vl-3b-v2/blob/main/LICENSE": UNKNOWN,
    f"{HUB}/nvidia/nemotron-colembed-vl-4b-v2/blob/main/LICENSE": UNKNOWN,
    f"{HUB}/nvidia/nemotron-colembed-vl-8b-v2/blob/main/LICENSE": UNKNOWN,
}


def test_every_licence_of_the_record_is_in_its_class() -> None:
    stated = {text for (text,) in duckdb.sql(f"SELECT DISTINCT licence FROM '{RECORD}'").fetchall()}
    assert stated <= set(OF_RECORD), "a new one: read it, and say here what it allows"
    assert {text: licence_of(text).code for text in OF_RECORD} == OF_RECORD


@pytest.mark.parametrize("text", [text for text in OF_RECORD if text and text.startswith("http")])
def test_an_address_has_a_readable_name(text: str) -> None:
    assert "http" not in licence_of(text).name and licence_of(text).name.strip()


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        ("CC-BY-NC-SA", NONCOMMERCIAL, "CC BY-NC-SA"),
        ("cc by nc", NONCOMMERCIAL, "CC BY-NC"),
        ("CC-NC-BY 4.0", NONCOMMERCIAL, "CC BY-NC 4.0"),
        ("Creative Commons Attribution-NonCommercial 4.0 International", NONCOMMERCIAL, "CC BY-NC 4.0"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", NONCOMMERCIAL, "CC BY-NC-ND 4.0"),
        ("Creative Commons Attribution 4.0", ALLOWED, "CC BY 4.0"),
        ("cc-by-sa-4.0", CONDITIONS, "CC BY-SA 4.0"),
        ("CC0-1.0", ALLOWED, "CC0"),
        ("Apache License 2.0", ALLOWED, "Apache 2.0"),
        ("Apache License, Version 2.0", ALLOWED, "Apache 2.0"),
        ("https://www.apache.org/licenses/LICENSE-2.0", ALLOWED, "Apache 2.0"),
        ("The MIT License (MIT)", ALLOWED, "MIT"),
        ("BSD 2-Clause License", ALLOWED, "BSD 2-Clause"),
        ("llama3.1", CONDITIONS, "Llama community licence 3.1"),
        ("Llama 3 Community License", CONDITIONS, "Llama community licence 3"),
        ("Tongyi Qianwen LICENSE AGREEMENT", CONDITIONS, "Qwen licence"),
        ("qwen-research", NONCOMMERCIAL, "Qwen Research licence"),
        ("agpl-3.0-or-later", CONDITIONS, "AGPL 3.0"),
        ("our non-commercial licence", NONCOMMERCIAL, "our non-commercial licence"),
    ],
)
def test_other_spellings(text: str, code: str, name: str) -> None:
    assert licence_of(text)[:2] == (code, name)


@pytest.mark.parametrize(
    "text",
    ["other", "proprietary", "commercial", "modified-mit", "mit or gpl-3.0", "apache-2.0 with commons clause", "cc",
     "nc", "free for commercial and non-commercial use", "https://", "https://[x", "http://evil.example/apache-2.0",
     "apache-2.0-nc", "2.0", "mit, but ask us first", "<b>mit</b>", "mite", "https://apache.org.evil.example/LICENSE-2.0"],
)  # fmt: skip
def test_what_is_not_known_stays_unknown(text: str) -> None:
    assert licence_of(text).code == UNKNOWN


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT, "", " nan "])
def test_what_states_nothing_is_not_stated(nothing: object) -> None:
    assert licence_of(nothing)[:2] == (UNKNOWN, "not stated")


def test_the_table_says_why_and_uses_the_classes() -> None:
    with (Path(licences.__file__).parent / "licences.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["class"] for row in rows} == set(CLASSES) - {UNKNOWN}
    assert all(row["reason"] and row["name"] and row["key"] for row in rows)
    assert len({row["key"].casefold() for row in rows}) == len(rows)

"""What is meant by what somebody types."""

from __future__ import annotations

from functools import partial

import pytest

from dashboard.queries.search import Findable, Sort, ranked_hits, searched_items
from data.store.database import open_reader
from tests.make_store import HOSTILE
from tests.work import calls

MODELS = {
    "sentence-transformers/all-MiniLM-L6-v2": 300, "sentence-transformers/all-MiniLM-L12-v2": 200,
    "avsolatorio/GIST-all-MiniLM-L6-v2": 50, "openai/text-embedding-3-large": 300,
    "openai/text-embedding-3-large (embed_dim=512)": 40, "openai/text-embedding-3-small": 400, "BAAI/bge-m3": 100,
    "org/bge-m3-ko": 10, "sentence-transformers/paraphrase-multilingual-mpnet-base-v2": 150, "intfloat/e5-large-v2": 90,
}  # fmt: skip
ITEMS = [
    *(Findable.of(Sort.MODEL, name, weight=tasks) for name, tasks in MODELS.items()),
    *(
        Findable.of(Sort.TASK, name)
        for name in ("STSBenchmark", "STSB", "HotpotQA", "HotpotQA-NL", "ArguAna", "Drifts")
    ),
    Findable.of(Sort.TASK, "NewName", also=["OldName"]),
    Findable.of(Sort.BENCHMARK, "MTEB(eng, v2)", note="English", also=["English"]),
    Findable.of(Sort.RUN, "20261121-081443-ab", "sentence-transformers/all-MiniLM-L6-v2", also=["reproduce"]),
    Findable.of(Sort.CHECK, "2026-11-21 09:25 · fp32 · 71891951"),
    Findable.of(Sort.DECISION, "Take bge-m3"),
    Findable.of(Sort.PAGE, "drift", "漂移", also=["Drift"]),
]


def names(typed: str) -> list[str]:
    return [hit.item.key for hit in ranked_hits(typed, ITEMS)]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("minilm l6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("MiniLM_L6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("minilml12", "sentence-transformers/all-MiniLM-L12-v2"),
        ("mini lm l12", "sentence-transformers/all-MiniLM-L12-v2"),
        ("text embedding 3 large", "openai/text-embedding-3-large"),
        ("textembedding3large", "openai/text-embedding-3-large"),
        ("openai large", "openai/text-embedding-3-large"),
        ("bge-M3", "BAAI/bge-m3"),
        ("baai/bge-m3", "BAAI/bge-m3"),
        ("sts benchmark", "STSBenchmark"),
        ("stsb", "STSB"),
        ("mteb eng v2", "MTEB(eng, v2)"),
        ("english", "MTEB(eng, v2)"),
        ("oldname", "NewName"),
        ("20261121-08", "20261121-081443-ab"),
        ("reproduce", "20261121-081443-ab"),
        ("71891951", "2026-11-21 09:25 · fp32 · 71891951"),
        ("drift", "drift"),
        ("漂移", "drift"),
        # spelled otherwise: a letter left out, another one, two in turn, one too many
        ("minlm l6", "sentence-transformers/all-MiniLM-L6-v2"),
        ("text embeding 3 large", "openai/text-embedding-3-large"),
        ("text embedding 3 lagre", "openai/text-embedding-3-large"),
        ("parafrase multilingual", "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"),
        ("hottpot", "HotpotQA"),
        ("arguanna", "ArguAna"),
        ("ｂｇｅ m3", "BAAI/bge-m3"),
        ("hötpot", "HotpotQA"),
    ],
)
def test_what_is_meant_comes_first(typed, first):
    assert names(typed)[0] == first


def test_better_matches_come_before_worse_ones():
    levels = [hit.level for hit in ranked_hits("bge m3", ITEMS)]
    assert levels == sorted(levels) and levels[0] == 0
    assert names("text-embedding-3")[:2] == ["openai/text-embedding-3-small", "openai/text-embedding-3-large"], "known"
    assert names("hotpot") == ["HotpotQA", "HotpotQA-NL"], "of two alike the shorter"
    assert names("all minilm l6")[0] == "sentence-transformers/all-MiniLM-L6-v2", "a prefix before words within"
    both = ranked_hits("all-MiniLM-L6-v2", ITEMS)
    assert [hit.item.sort for hit in both if hit.level == 0] == [Sort.MODEL, Sort.RUN], "a model before the run of it"


@pytest.mark.parametrize("typed", ["", "  ", "-/()", "zzzz qqqq", "minilm zzzz", "\x00", "xxx"])
def test_nothing_is_meant_by_nothing(typed):
    assert names(typed) == []


def test_close_spelling_is_asked_only_where_nothing_is_spelled_so():
    assert "BAAI/bge-m3" not in names("e5"), "short words are taken as they are"
    assert all(hit.level < 4 for hit in ranked_hits("small", ITEMS))


def test_every_sort_has_its_place():
    assert {item.sort for item in ITEMS} == set(Sort)


def test_the_items_are_what_the_pages_offer(made_store, made_parity):
    items = searched_items(open_reader(made_store).cursor())
    by_kind = {kind: {item.key for item in items if item.sort == kind} for kind in Sort}
    assert set(HOSTILE) <= by_kind[Sort.MODEL] and "org/model-00" in by_kind[Sort.MODEL]
    assert "TinySTS" in by_kind[Sort.TASK] and by_kind[Sort.BENCHMARK] == {"Tiny(all)", "Tiny(half)"}
    for name in HOSTILE:
        assert ranked_hits(name, items)[0].item.key == name
    checks = searched_items(open_reader(made_parity).cursor())
    assert sum(item.sort == Sort.CHECK for item in checks) == 3
    assert any(item.sort == Sort.RUN for item in checks)


def test_typing_is_answered_at_once(record_reader):
    items = searched_items(record_reader.cursor())
    assert len(items) > 2000
    for typed in ("m", "minilm l6", "text embeding 3 lagre", "qwen3 embeding", "zzzz qqqq xxxx wwww"):
        # 290,000 at most, less than half of the tenth of a second that people take for at once.
        assert calls(partial(ranked_hits, typed, items)) < 450_000, typed

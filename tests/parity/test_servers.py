"""What a check says of servers that misbehave, and that it survives each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.parity.run import Check, Examined
from tests.encoders.server import TOO_MANY, Server, serving
from tests.parity.conftest import checked, kept, rows, verdicts


@pytest.fixture(scope="module")
def right() -> Iterator[Server]:
    with serving("ok") as server:
        yield server


def openai(server: Server, **settings: object) -> str:
    given = {"model": "served", "retries": 1, "timeout": 5, "label": server.mode} | settings
    return f"openai:{server.url}/v1?" + "&".join(f"{key}={value}" for key, value in given.items())


def against(right: Server, mode: str, **settings: object) -> tuple[Check, Examined]:
    with serving(mode) as server:
        done = checked(openai(right, label="reference"), [openai(server, **settings), openai(right, label="sound")])
    assert verdicts(done)["sound"] == "identical"  # whatever the other did, this one lost nothing
    return done, done.candidates[0]


def said(examined: Examined) -> tuple[str, str]:
    verdict = examined.comparisons[0].verdict
    return verdict.verdict, verdict.sentence


@pytest.mark.parametrize("mode", ["ok", "reordered"])
def test_a_sound_server_is_identical(right: Server, mode: str) -> None:
    assert said(against(right, mode)[1])[0] == "identical"


def test_one_that_does_not_normalise_is_scale_only(right: Server) -> None:
    verdict, sentence = said(against(right, "raw")[1])
    assert verdict == "scale only"
    assert "4 to 8 times as long" in sentence


def test_shuffled_rows_are_called_shuffled(right: Server) -> None:
    _, examined = against(right, "shuffled")
    verdict, sentence = said(examined)
    assert verdict == "unstable"
    assert "Rows come back shuffled" in sentence
    assert {outcome.test: outcome.outcome for outcome in examined.protocol}["order"] == "fail"


def test_batch_dependent_vectors_are_called_so(right: Server) -> None:
    _, examined = against(right, "batch")
    verdict, sentence = said(examined)
    assert verdict == "unstable"
    assert "alone and in a batch" in sentence
    assert {outcome.test: outcome.outcome for outcome in examined.protocol}["order"] == "pass"


def test_random_vectors_are_called_so(right: Server) -> None:
    verdict, sentence = said(against(right, "random")[1])
    assert verdict == "unstable"
    assert "The same texts twice give other vectors" in sentence


@pytest.mark.parametrize("mode", ["nan", "null", "nan-word", "null-vector"])
def test_nan_for_one_text_loses_that_text_alone(right: Server, mode: str, tmp_path: Path) -> None:
    done, examined = against(right, mode)
    verdict, sentence = said(examined)
    assert verdict == "differs on some texts"  # the reference has a vector of that text
    assert "No vector of numbers for 1 of 16 texts that the reference has one for" in sentence
    assert "On the others: The same vectors on all 15 texts" in sentence
    store = kept(done, tmp_path / "s.duckdb")
    found = rows(store, "SELECT probe, error FROM drift JOIN probes USING (text_hash) WHERE error IS NOT NULL")
    assert [probe for probe, _ in found] == ["capitals"]
    assert "not numbers" in found[0][1]


def test_errors_at_random_are_tried_again(right: Server) -> None:
    _, examined = against(right, "flaky", retries=8)
    assert said(examined)[0] == "identical"


def test_a_server_that_is_down_is_unusable(right: Server) -> None:
    verdict, sentence = said(against(right, "down", retries=0)[1])
    assert verdict == "unusable"
    assert "503" in sentence


def test_a_slow_server_says_how_long_it_was_given(right: Server) -> None:
    verdict, sentence = said(against(right, "slow", timeout=0.2, retries=0)[1])
    assert verdict == "unusable"
    assert "no answer within 0.2 s" in sentence


def test_one_that_dribbles_is_cut_off(right: Server) -> None:
    verdict, sentence = said(against(right, "dribble", timeout=0.3, retries=0)[1])
    assert verdict == "unusable"
    assert "more than 0.3 s" in sentence


def test_too_few_vectors_are_never_matched_to_texts(right: Server) -> None:
    verdict, sentence = said(against(right, "few")[1])
    assert verdict == "unstable"
    assert "13 texts together were refused, in smaller batches they were not" in sentence
    assert "12 vectors for 13 texts" in sentence


def test_vectors_of_different_lengths_are_never_padded(right: Server) -> None:
    verdict, sentence = said(against(right, "ragged")[1])
    assert verdict == "unstable"
    assert "vectors of different lengths ([31, 32])" in sentence


def test_wrong_dimensions_are_unusable(right: Server) -> None:
    verdict, sentence = said(against(right, "wrong-dimensions")[1])
    assert (verdict, sentence) == ("unusable", "32 dimensions against 16.")


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("html", "a web page instead of JSON"),
        ("truncated", "instead of JSON"),
        ("not-a-list", "no list of embeddings"),
        ("words", "not numbers"),
        ("redirect", "307"),
    ],
)
def test_answers_that_are_no_vectors_have_their_sentence(right: Server, mode: str, words: str) -> None:
    verdict, sentence = said(against(right, mode, retries=0)[1])
    assert verdict == "unusable"
    assert words in sentence


def test_an_answer_beyond_the_limit_is_not_read(right: Server) -> None:
    verdict, sentence = said(against(right, "huge", max_response_mb=1)[1])
    assert verdict == "unusable"
    assert "larger than 1 MB" in sentence


def test_texts_a_server_refuses_are_found_one_by_one(right: Server) -> None:
    _, examined = against(right, "refuses-blank")
    verdict, sentence = said(examined)
    assert verdict == "identical"
    assert "2 of 16 texts" in sentence
    assert all("cannot be empty" in reason for reason in examined.vectors.failed.values())


@pytest.mark.parametrize("mode", list(TOO_MANY))
def test_a_limit_of_the_batch_is_learned_and_is_a_note(right: Server, mode: str) -> None:
    with serving(mode) as server:
        specs = [openai(server), f"tei:{server.url}?label=tei"]
        done = checked(openai(right, label="reference"), specs)
        sizes = [len(request.get("input") or request["inputs"]) for request in server.requests]
    for examined in done.candidates:
        assert said(examined)[0] == "identical"
        assert {outcome.test: outcome.outcome for outcome in examined.protocol}["batch"] == "pass"
        assert any("was given 4 texts at a time" in note for note in examined.description.warnings)
    assert sum(size > 4 for size in sizes) <= 2 * 2  # 13 of one role, 7 after that; then the client knows, for good


def test_a_text_that_is_refused_is_no_limit(right: Server) -> None:
    _, examined = against(right, "refuses-blank-422")
    assert said(examined)[0] == "identical" and "2 of 16 texts" in said(examined)[1]
    assert examined.description.warnings == []


def test_vectors_of_another_dimension_cost_their_own_texts_alone(right: Server) -> None:
    _, examined = against(right, "mixed")
    assert "No vector of numbers for 1 of 16 texts that the reference has one for" in said(examined)[1]
    assert {"The vector has 16 dimensions, most of the others 32."} == set(examined.vectors.failed.values())


def test_one_that_ends_half_way_is_unusable_and_is_asked_no_more(right: Server) -> None:
    with serving("gone-after-4") as server:
        done = checked(openai(right, label="reference"), [openai(server, batch_size=4)])
        assert len(server.requests) == 5
    examined = done.candidates[0]
    verdict, sentence = said(examined)
    assert verdict == "unusable"
    assert "It was gone after 13 of 16 texts had vectors. The server answered 401" in sentence
    assert "key_env=" in sentence and "Of those: The same vectors" in sentence
    assert {outcome.outcome for outcome in examined.protocol if outcome.test in ("batch", "order")} == {"skipped"}


def test_tei_dense_and_sparse_and_what_info_says(right: Server) -> None:
    with serving("ok") as server:
        spec = f"tei:{server.url}?outputs=dense,sparse"
        done = checked(spec, [spec + "&label=same", f"tei:{server.url}?normalise=no&label=raw"])
    assert verdicts(done) == {"same": "identical", "raw": "scale only"}
    assert verdicts(done, "sparse") == {"same": "identical"}
    said_of = done.reference.description
    assert (said_of.model, said_of.revision) == ("org/served", "a" * 40)
    assert said_of.settings["pooling"] == "mean"
    assert said_of.versions == {"text-embeddings-inference": "1.8.0"}

"""Faults of decoders, of RoBERTa's family, of vocabularies and of dimensions, made with transformers alone: named."""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.causes import catalogue
from evaluators.diagnose.reference import Embeddings
from evaluators.probes import Probe, load_probes
from tests.models import build

Rows = list[list[int]]
_MEAN_OFF = "the mean of the call's vectors taken off each"


def _probes(longest: int) -> list[Probe]:
    return [probe for probe in load_probes().probes if len(probe.text) <= longest][::2]


def _bench(folder: Path, longest: int = 300) -> Bench:
    probes = _probes(longest)
    texts = batched([probe.text for probe in probes], [probe.role for probe in probes])
    return Bench(load_reference(str(folder)), texts)


@pytest.fixture(scope="module")
def qwen(decoder_folder: Path) -> Bench:
    """The decoder, with the empty text among its texts and queries among its roles."""
    return _bench(decoder_folder)


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """An XLM-RoBERTa with SentencePiece's kind of tokenizer."""
    return _bench(build("XLM-R with a SentencePiece tokenizer, mean", tmp_path_factory.mktemp("roberta") / "model"))


def _unit(vectors: Sequence[Any]) -> Embeddings:
    rows = np.stack([np.asarray(one, dtype=np.float32) for one in vectors])
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def _prompted(bench: Bench) -> list[str]:
    prompts = dict(bench.reference.recipe.prompts)
    texts, roles, _ = bench.texts
    return [prompts.get(role, prompts.get(None, "")) + text for text, role in zip(texts, roles, strict=True)]


def _ids(bench: Bench, texts: Sequence[str] | None = None, **options: Any) -> Rows:
    tokenizer, length = bench.reference.tokenizer, bench.reference.recipe.length
    read = [
        tokenizer(text, truncation=True, max_length=length, **options)["input_ids"]
        for text in texts or _prompted(bench)
    ]
    return [list(map(int, ids)) for ids in read]


def _states(model: Any, ids: Sequence[int], **options: Any) -> list[Any]:
    import torch

    with torch.inference_mode():
        rows = {name: torch.tensor([value]) for name, value in options.items()}
        output = model(input_ids=torch.tensor([list(ids)]), output_hidden_states=True, **rows)
    return [one[0].float() for one in (*output.hidden_states[:-1], output.last_hidden_state)]


def _last(bench: Bench, rows: Rows, model: Any = None, layer: int = -1) -> Embeddings:
    model = bench.reference.model if model is None else model
    return _unit([_states(model, ids)[layer][-1].numpy() for ids in rows])


def _mean(bench: Bench, rows: Rows, **options: Callable[[int], list[int]]) -> Embeddings:
    model = bench.reference.model
    each = [_states(model, ids, **{name: of(len(ids)) for name, of in options.items()}) for ids in rows]
    vectors = [states[-1].mean(0).numpy() for states in each]
    return _unit(vectors) if bench.reference.recipe.normalise == "yes" else np.stack(vectors).astype(np.float32)


def _named(bench: Bench, candidate: Embeddings) -> list[str]:
    diagnosis = diagnose(bench, candidate)
    assert diagnosis.verdict in ("explained", "precision only"), diagnosis.sentence
    assert len(diagnosis.causes) == 1, diagnosis.sentence
    (named,) = diagnosis.causes
    return [named.cause.words, *named.same_as]


def test_the_end_token_is_missing_though_the_empty_text_has_one(qwen: Bench) -> None:
    end = _ids(qwen, ["a"])[0][-1]
    rows = [ids[:-1] if len(ids) > 1 and ids[-1] == end else ids for ids in _ids(qwen)]
    assert "EOS (the end token) missing" in _named(qwen, _last(qwen, rows))


def test_the_last_norm_is_left_out(qwen: Bench) -> None:
    held: list[Any] = []
    hook = qwen.reference.model.norm.register_forward_pre_hook(lambda _, given: held.append(given[0][0, -1].numpy()))
    try:
        for ids in _ids(qwen):
            _states(qwen.reference.model, ids)
    finally:
        hook.remove()
    assert "the last LayerNorm or RMSNorm left out" in _named(qwen, _unit(held))


def test_the_hidden_state_before_the_last(qwen: Bench) -> None:
    assert "the hidden state before the last one" in _named(qwen, _last(qwen, _ids(qwen), layer=-2))


def test_rotary_positions_to_another_base(qwen: Bench) -> None:
    from transformers import Qwen3Model

    config = copy.deepcopy(qwen.reference.model.config)
    own = config.rope_parameters["rope_theta"]
    other = 500_000.0 if own != 500_000 else 10_000.0
    config.rope_parameters = {**config.rope_parameters, "rope_theta": other}
    model = Qwen3Model(config).eval()
    model.load_state_dict(qwen.reference.model.state_dict())
    assert f"rotary positions to the base of {other:,.0f}" in _named(qwen, _last(qwen, _ids(qwen), model))


def test_the_last_place_of_batches_that_nobody_told_of(qwen: Bench) -> None:
    """Batches of 8 as texts come, padded on the right, and the last place of each row taken."""
    import torch

    rows, pad, vectors = _ids(qwen), qwen.reference.tokenizer.pad_token_id, []
    for start in range(0, len(rows), 8):
        batch = rows[start : start + 8]
        longest = max(map(len, batch))
        ids = torch.tensor([one + [pad] * (longest - len(one)) for one in batch])
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in batch])
        with torch.inference_mode():
            vectors += list(qwen.reference.model(ids, attention_mask=mask).last_hidden_state[:, -1].numpy())
    words = "the last place taken, padding or not, texts padded in batches of 8 as they come"
    assert words in _named(qwen, _unit(vectors))


def test_another_prompt_on_queries_is_described_by_the_role(qwen: Bench) -> None:
    texts, roles, _ = qwen.texts
    other = [
        f"Find what answers this for a customer.\nQ> {text}" if role == "query" else text
        for text, role in zip(texts, roles, strict=True)
    ]
    diagnosis = diagnose(qwen, _last(qwen, _ids(qwen, other)))
    assert diagnosis.verdict == "unknown"
    count = sum(role == "query" for role in roles)
    assert f"Exactly the {count} texts with the role of a query differ." in diagnosis.sentence


def test_a_window_that_is_not_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    from transformers import ModernBertModel

    folder = build("ModernBERT, CLS", tmp_path_factory.mktemp("modern") / "model")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    settings |= {"local_attention": 8, "layer_types": ["full_attention", "sliding_attention"]}
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    bench = _bench(folder)
    config = copy.deepcopy(bench.reference.model.config)
    config.local_attention = 4096
    model = ModernBertModel(config).eval()
    model.load_state_dict(bench.reference.model.state_dict())
    made = [_states(model, ids)[-1][0].numpy() for ids in _ids(bench)]
    candidate = _unit(made) if bench.reference.recipe.normalise == "yes" else np.stack(made).astype(np.float32)
    assert "every layer sees the whole text, those with a window too" in _named(bench, candidate)


def test_unknown_tokens_stand_where_special_ones_should(roberta: Bench) -> None:
    unknown = roberta.reference.tokenizer.unk_token_id
    rows = [[unknown, *ids[1:-1], unknown] for ids in _ids(roberta)]
    assert "unknown tokens in the place of special tokens" in _named(roberta, _mean(roberta, rows))


def test_positions_counted_from_zero(roberta: Bench) -> None:
    made = _mean(roberta, _ids(roberta), position_ids=lambda count: list(range(count)))
    assert "positions counted from 0" in _named(roberta, made)


def _too_low(bench: Bench, first: int) -> Rows:
    special = set(bench.reference.tokenizer.all_special_ids)
    return [[one if one in special or one < first else one - 1 for one in ids] for ids in _ids(bench)]


@pytest.mark.parametrize("first", [0, 60])
def test_ids_one_too_low(roberta: Bench, first: int) -> None:
    """All of them, as SentencePiece counts, or those behind a lost line."""
    names = _named(roberta, _mean(roberta, _too_low(roberta, first)))
    lines = [int(seen[1]) for name in names if (seen := re.fullmatch(r"token ids from (\d+) on one too low", name))]
    held = sorted({one for ids in _ids(roberta) for one in ids if one >= first})
    assert lines and held[0] - 8 <= lines[0] <= held[0] + 8, names


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: _unit(rows[:, -12:]), "the last 12 dimensions alone, normalised again"),
        (lambda rows: np.pad(rows, ((0, 0), (0, 32))), "32 zeros behind each vector"),
        (
            lambda rows: _unit(rows - rows.mean(0)),
            f"{_MEAN_OFF}, and normalised again",
        ),
    ],
)
def test_dimensions_and_means(roberta: Bench, change: Callable[[Embeddings], Embeddings], words: str) -> None:
    assert words in _named(roberta, np.asarray(change(_unit(_mean(roberta, _ids(roberta)))), dtype=np.float32))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (json.dumps, "each text as a JSON string in ASCII, with its quotation marks"),
        (lambda text: re.sub(r"\d+", "<NUM>", text), "<NUM> in the place of each number"),
    ],
)
def test_texts_changed_on_the_way(qwen: Bench, change: Callable[[str], str], words: str) -> None:
    prompts = dict(qwen.reference.recipe.prompts)
    texts, roles, _ = qwen.texts
    written = [prompts.get(role, "") + change(text) for text, role in zip(texts, roles, strict=True)]
    assert words in _named(qwen, _last(qwen, _ids(qwen, written)))


def test_what_needs_a_part_is_not_tried_on_models_without_it(roberta: Bench, qwen: Bench) -> None:
    of_roberta, of_qwen = ({cause.code for cause in catalogue(bench.reference, 32, 32)} for bench in (roberta, qwen))
    assert {"rotary-base-10000", "last-norm-missing"}.isdisjoint(of_roberta) and "positions-from-zero" in of_roberta
    assert "positions-from-zero" not in of_qwen and {"last-norm-missing", "layer-before-last"} <= of_qwen
    assert "token-types-one" not in of_roberta | of_qwen


@pytest.fixture(scope="module")
def gemma(decoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A small Gemma 3 as EmbeddingGemma is one: it sees both ways, some layers through a window."""
    import torch
    from transformers import Gemma3TextConfig, Gemma3TextModel

    folder = Path(shutil.copytree(decoder_folder, tmp_path_factory.mktemp("gemma") / "model"))
    own = json.loads((folder / "config.json").read_text())
    torch.manual_seed(5)
    config = Gemma3TextConfig(
        vocab_size=own["vocab_size"], hidden_size=64, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, sliding_window=16, use_bidirectional_attention=True,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], max_position_embeddings=512,
    )  # fmt: skip
    for file in folder.glob("*.safetensors"):
        file.unlink()
    Gemma3TextModel(config).save_pretrained(folder)
    return _bench(folder)


def _another_gemma(bench: Bench, **changed: Any) -> Embeddings:
    """The library's own model with another configuration and the same weights."""
    from transformers import Gemma3TextConfig, Gemma3TextModel

    own = json.loads((bench.reference.target.folder / "config.json").read_text())
    model = Gemma3TextModel(Gemma3TextConfig(**{**own, **changed})).eval()
    model.load_state_dict(bench.reference.model.state_dict())
    if changed.get("unscaled"):
        import torch

        model.embed_tokens.embed_scale = torch.tensor(1.0)
    return _last(bench, _ids(bench), model)


def test_a_setting_that_makes_a_model_see_both_ways_is_ignored(gemma: Bench) -> None:
    assert np.abs(_another_gemma(gemma) - gemma.vectors(gemma.reference.recipe)).max() < 1e-5
    named = _named(gemma, _another_gemma(gemma, use_bidirectional_attention=False))
    assert "causal attention where a setting makes it bidirectional" in named


def test_the_vectors_of_words_are_not_scaled(gemma: Bench) -> None:
    named = _named(gemma, _another_gemma(gemma, unscaled=True))
    assert "word vectors not multiplied by the root of the width" in named


def test_a_space_for_each_line_end_whatever_its_characters(qwen: Bench) -> None:
    """As LangChain replaces line ends; two spaces are another token than one to a byte-level tokenizer."""
    texts = ["one\r\ntwo\r\nthree", "four\nfive", "six\rseven", *qwen.texts.texts[:12]]
    bench = Bench(qwen.reference, batched(texts))
    vectors = _last(bench, _ids(bench, [re.sub("\r\n|\r|\n", " ", text) for text in texts]))
    answer = diagnose(bench, vectors)
    assert [named.cause.code for named in answer.causes] == ["line-ends-replaced"], answer.sentence

"""Live encoders over one small model, each with a habit that shows only when it is asked again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.encoders.base import Description, Encoded, in_use
from evaluators.encoders.settings import EncoderSettings

__all__ = ["HABITS", "Live", "Model", "write_bert"]

Rows = NDArray[np.float32]


def write_bert(folder: Path) -> Path:
    """A BERT of two layers with dropout, mean pooling and normalisation, and MiniLM's tokenizer."""
    import shutil

    from transformers import BertConfig, BertModel

    from tests.models import minilm_folder, randomise, write_modules

    size = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
    folder.mkdir(parents=True, exist_ok=True)
    model = randomise(BertModel(BertConfig(vocab_size=30522, **size), add_pooling_layer=False), spread=0.15)
    model.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copyfile(minilm_folder() / name, folder / name)
    write_modules(folder, 64, "mean_tokens")
    return folder


class Model:
    """The model by hand: tokenizer, padded batch, pooling."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoModel, AutoTokenizer

        self.network = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.length = 128

    def __call__(
        self,
        texts: Sequence[str],
        *,
        network: Any = None,
        seen: bool = False,
        counted: bool = False,
        cls: bool = False,
        unit: bool = True,
    ) -> Rows:
        """Vectors of a padded batch; ``seen`` lets attention see padding, ``counted`` the mean count it."""
        import torch

        given = self.tokenizer(list(texts), padding=True, truncation=True, max_length=self.length, return_tensors="pt")
        mask = given["attention_mask"]
        with torch.no_grad():
            hidden = (network or self.network)(
                input_ids=given["input_ids"], attention_mask=torch.ones_like(mask) if seen else mask
            ).last_hidden_state
        weights = (torch.ones_like(mask) if counted else mask)[..., None].float()
        rows = hidden[:, 0] if cls else (hidden * weights).sum(1) / weights.sum(1)
        return np.asarray((torch.nn.functional.normalize(rows) if unit else rows).numpy(), dtype=np.float32)


@dataclass
class State:
    """What one start of an encoder remembers."""

    model: Model
    load: int
    draw: np.random.Generator
    calls: int = 0
    last: str = ""
    held: dict[str, Any] = field(default_factory=dict)


def _unit(rows: Any) -> Rows:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _each(texts: Sequence[str], one: Callable[[str], Rows]) -> Rows:
    return np.concatenate([one(text) for text in texts])


def _seed(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:6])


def _changed(state: State, name: str, change: Callable[[Any], None]) -> Any:
    """A copy of the network, changed once for as long as this start lasts."""
    if name not in state.held:
        network = copy.deepcopy(state.model.network)
        change(network)
        state.held[name] = network
    return state.held[name]


def _trained(state: State, share: float | None = None) -> Any:
    import torch

    def change(network: Any) -> None:
        network.train()
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout) and share is not None:
                module.p = share

    return _changed(state, f"train {share}", change)


def _randomly(state: State, pattern: str, spread: float = 0.02, add: bool = False, seed: int | None = None) -> Any:
    """The network with the matrices whose name holds the pattern drawn anew, or with noise added to them."""
    import torch

    def change(network: Any) -> None:
        generator = torch.Generator().manual_seed(1000 + (state.load if seed is None else seed))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if pattern not in name:
                    continue
                if parameter.dim() == 1 and not add:
                    parameter.fill_(1.0 if name.endswith("weight") else 0.0)
                elif parameter.dim() > 1:
                    noise = torch.randn(parameter.shape, generator=generator) * spread
                    parameter.copy_(parameter + noise if add else noise)

    return _changed(state, pattern, change)


def _dropout(state: State, texts: Sequence[str]) -> Rows:
    return state.model(texts, network=_trained(state))


def _text_dropout(state: State, texts: Sequence[str]) -> Rows:
    import torch

    def one(text: str) -> Rows:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed(text))
            return state.model([text], network=_trained(state))

    return _each(texts, one)


def _call_dropout(state: State, texts: Sequence[str]) -> Rows:
    """Dropout with one seed for every call."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return state.model(texts, network=_trained(state))


def _noise(state: State, texts: Sequence[str]) -> Rows:
    """Noise as large as dropout makes on average."""
    rows = state.model(texts)
    return _unit(rows + state.draw.normal(size=rows.shape) * state.held.setdefault("size", 0.02))


def _text_noise(state: State, texts: Sequence[str]) -> Rows:
    def one(text: str) -> Rows:
        rows = state.model([text])
        return _unit(rows + np.random.default_rng(_seed(text)).normal(size=rows.shape) * 0.02)

    return _each(texts, one)


def _start_noise(state: State, texts: Sequence[str]) -> Rows:
    def one(text: str) -> Rows:
        rows = state.model([text])
        return _unit(rows + np.random.default_rng([state.load, _seed(text)]).normal(size=rows.shape) * 0.05)

    return _each(texts, one)


def _factors(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    return _unit(rows * (1 + 0.1 * state.draw.normal(size=rows.shape)))


def _depth(state: State, texts: Sequence[str]) -> Rows:
    """A layer left out now and then, for a whole call."""
    if state.draw.random() < 0.5:
        return state.model(texts)

    def change(network: Any) -> None:
        del network.encoder.layer[1]

    return state.model(texts, network=_changed(state, "short", change))


def _pooling_replicas(state: State, texts: Sequence[str]) -> Rows:
    return state.model(texts, cls=bool(state.draw.random() < 0.5))


def _versions(state: State, texts: Sequence[str]) -> Rows:
    if state.draw.random() < 0.5:
        return state.model(texts)
    return state.model(texts, network=_randomly(state, "query", 0.1, add=True, seed=0))


def _neither(state: State, texts: Sequence[str]) -> Rows:
    return state.model(texts, cls=True, unit=bool(state.draw.random() < 0.5))


def _previous(state: State, texts: Sequence[str]) -> Rows:
    asked = [state.last or texts[0], *texts]
    late = state.draw.random(len(texts)) < 0.1
    return state.model([asked[place] if late[place] else text for place, text in enumerate(texts)])


def _swapped(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    if len(rows) > 1 and state.draw.random() < 0.5:
        one, other = state.draw.choice(len(rows), 2, replace=False)
        rows[[one, other]] = rows[[other, one]]
    return rows


def _running_mean(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts, unit=False)
    mean = state.held.get("mean", np.zeros(rows.shape[1]))
    state.held["mean"] = 0.8 * mean + 0.2 * rows.mean(0)
    return _unit(rows - state.held["mean"])


def _turned(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    width = rows.shape[1]
    return np.asarray(rows @ np.linalg.qr(np.random.default_rng(state.load).normal(size=(width, width)))[0])


def _flipped(state: State, texts: Sequence[str]) -> Rows:
    """A rotation of what CLS pooling gives, another at each start: its cosines are not the reference's."""
    rows = state.model(texts, cls=True)
    width = rows.shape[1]
    return np.asarray(rows @ np.linalg.qr(np.random.default_rng(state.load).normal(size=(width, width)))[0])


def _start_offset(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts, unit=False)
    return np.asarray(rows + np.random.default_rng(state.load).normal(size=rows.shape[1]) * 0.3, dtype=np.float32)


def _batch_mean(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    return _unit(rows - rows.mean(0)) if len(rows) > 1 else rows


def _cached(state: State, texts: Sequence[str]) -> Rows:
    return _each(texts, lambda text: state.held.setdefault(text[:40], state.model([text])))


def _long_nan(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    rows[[len(text) > 300 for text in texts]] = np.nan
    return rows


def _first_place(state: State, texts: Sequence[str]) -> Rows:
    rows = state.model(texts)
    rows[0] = _unit(rows[:1] + 0.1)[0]
    return rows


def _big_batches(state: State, texts: Sequence[str]) -> Rows:
    """Every call of more than four texts is encoded in half precision."""
    import torch

    network = _changed(state, "half", lambda network: network.bfloat16())
    if len(texts) <= 4:
        return state.model(texts)
    given = state.model.tokenizer(list(texts), padding=True, truncation=True, max_length=128, return_tensors="pt")
    with torch.no_grad():
        hidden = network(**given).last_hidden_state.float()
    weights = given["attention_mask"][..., None].float()
    return _unit(((hidden * weights).sum(1) / weights.sum(1)).numpy())


# habit -> what it does, and the causes that may be named; none where only what is seen may be said
HABITS: dict[str, tuple[Callable[[State, Sequence[str]], Rows], frozenset[str]]] = {
    "dropout": (_dropout, frozenset({"dropout on"})),
    "dropout of .3": (lambda s, t: s.model(t, network=_trained(s, 0.3)), frozenset()),
    "dropout by text": (_text_dropout, frozenset({"dropout on, drawn from the text"})),
    "dropout by call": (_call_dropout, frozenset()),
    "noise": (_noise, frozenset()),
    "noise by text": (_text_noise, frozenset()),
    "noise by start": (_start_noise, frozenset()),
    "factors": (_factors, frozenset()),
    "stochastic depth": (_depth, frozenset()),
    "pooling replicas": (_pooling_replicas, frozenset()),
    "two versions": (_versions, frozenset()),
    "neither version": (_neither, frozenset()),
    "previous": (_previous, frozenset()),
    "swapped": (_swapped, frozenset()),
    "running mean": (_running_mean, frozenset()),
    "rotation": (_turned, frozenset({"a rotation of the space, another at each load"})),
    "rotation of another": (_flipped, frozenset()),
    "offset by start": (_start_offset, frozenset()),
    "layer lost": (
        lambda s, t: s.model(t, network=_randomly(s, "layer.1.")), frozenset({"weights random: layer 1"})
    ),
    "weights shaken": (lambda s, t: s.model(t, network=_randomly(s, "weight", 0.03, add=True)), frozenset()),
    "padding seen": (lambda s, t: s.model(t, seen=True), frozenset({"attention mask ignored"})),
    "padding counted": (lambda s, t: s.model(t, counted=True), frozenset({"mean pooling with padding"})),
    "padding both": (
        lambda s, t: s.model(t, seen=True, counted=True),
        frozenset({"attention mask ignored, padding in the mean"}),
    ),
    "batch mean": (
        _batch_mean, frozenset({"the mean of the call's vectors taken off each, and normalised again"})
    ),
    "cached": (_cached, frozenset()),
    "long nan": (_long_nan, frozenset()),
    "first place": (_first_place, frozenset()),
    "large batches in bf16": (_big_batches, frozenset()),
}  # fmt: skip


class Live:
    """Opens encoders by the name of their habit; each opening is another start."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.starts: dict[str, int] = {}

    def __call__(self, settings: EncoderSettings) -> _Encoder:
        self.starts[settings.source] = load = self.starts.get(settings.source, 0) + 1
        return _Encoder(settings, State(self.model, load, np.random.default_rng([5, load])))


class _Encoder:
    def __init__(self, settings: EncoderSettings, state: State) -> None:
        self.settings, self.state = settings, state
        self.gone = ""

    def encode(self, texts: Sequence[str], role: str | None) -> Encoded:
        if self.settings.source == "reference":
            return Encoded(dense=self.state.model(texts))
        rows = HABITS[self.settings.source][0](self.state, list(texts))
        self.state.calls += 1
        self.state.last = texts[-1]
        return Encoded(dense=np.asarray(rows, dtype=np.float32))

    def describe(self) -> Description:
        return Description(self.settings.source, None, in_use(self.settings), {})

    def close(self) -> None:
        """Nothing is held."""

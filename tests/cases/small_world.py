"""A world small enough to be learnt in seconds: who did what to which thing, in English, in German and in Python.

A decoder trained on it retrieves passages for questions, finds translations and finds code, so that a fault in how it
is used costs points, as it does on the real tasks of the same kinds.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from tests.maintain.decoder import write_decoder

__all__ = ["QUERY", "Fact", "facts", "texts", "train_decoder"]

_WHO = {
    "baker": "Bäcker", "farmer": "Bauer", "doctor": "Arzt", "teacher": "Lehrer", "painter": "Maler",
    "judge": "Richter", "pilot": "Pilot", "gardener": "Gärtner", "miller": "Müller", "clerk": "Schreiber",
    "nurse": "Pfleger", "guard": "Wächter",
}  # fmt: skip
_DID = {
    "sold": "verkaufte", "repaired": "reparierte", "lost": "verlor", "painted": "bemalte", "measured": "maß",
    "hid": "versteckte", "found": "fand", "carried": "trug",
}  # fmt: skip
_THING = {
    "lamp": "Lampe", "ladder": "Leiter", "clock": "Uhr", "bridge": "Brücke", "flute": "Flöte", "wall": "Mauer",
    "cart": "Karre", "map": "Karte", "door": "Tür", "bottle": "Flasche", "boat": "Barke", "bell": "Glocke",
}  # fmt: skip
_WHERE = {
    "market": "Markt",
    "harbour": "Hafen",
    "forest": "Wald",
    "castle": "Schloss",
    "station": "Bahnhof",
    "garden": "Garten",
}
QUERY = "Instruct: Given a question, find the passage that answers it\nQuery:"


class Fact(NamedTuple):
    """Who did what to which thing, and where."""

    who: str
    did: str
    thing: str
    where: str

    @property
    def question(self) -> str:
        return f"Who {self.did} the {self.thing} at the {self.where}?"

    @property
    def passage(self) -> str:
        return f"At the {self.where}, so the story goes, the {self.who} {self.did} the {self.thing}."

    @property
    def german(self) -> str:
        return f"Am {_WHERE[self.where]} {_DID[self.did]} der {_WHO[self.who]} die {_THING[self.thing]}."

    @property
    def code(self) -> str:
        return f"def {self.did}_{self.thing}({self.where}):\n    return {self.where}.{self.who}('{self.thing}')\n"


def facts(count: int, seed: int) -> list[Fact]:
    """So many facts, no two of which have the same deed, thing and place: every question has one answer."""
    draw = random.Random(seed)
    deeds = draw.sample(list(product(_DID, _THING, _WHERE)), count)
    return [Fact(draw.choice(list(_WHO)), *deed) for deed in deeds]


def texts() -> Iterator[dict[str, str]]:
    """Questions and what answers them in each form, as a check is asked for them."""
    for fact in facts(5, seed=3):
        yield {"text": fact.question, "role": "query"}
        yield from ({"text": text, "role": "document"} for text in (fact.passage, fact.german, fact.code))


def train_decoder(folder: Path, *, steps: int = 120, batch: int = 48) -> Path:
    """Write the Qwen3-shaped decoder and teach it the world, as such models are: contrastively, by the last token."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    world = facts(len(_DID) * len(_THING) * len(_WHERE), seed=1)
    write_decoder(folder, [text for fact in world for text in _forms(fact)])
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    draw = random.Random(2)
    for step in range(steps):
        chosen = draw.sample(world, batch)
        left, right = zip(*(_pair(fact, step % 3) for fact in chosen), strict=True)
        loss = _contrast(_encode(model, tokenizer, left), _encode(model, tokenizer, right))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    model.eval().save_pretrained(folder)
    return folder


def _forms(fact: Fact) -> list[str]:
    return [QUERY + fact.question, fact.passage, fact.german, fact.code]


def _pair(fact: Fact, kind: int) -> tuple[str, str]:
    return [(QUERY + fact.question, fact.passage), (fact.german, fact.passage), (QUERY + fact.question, fact.code)][
        kind
    ]


def _encode(model: Any, tokenizer: Any, texts: Sequence[str]) -> Any:
    """The last token's states, of length one; the tokenizer pads on the left, so it stands at the end of each row."""
    from torch.nn.functional import normalize

    states = model(**tokenizer(list(texts), padding=True, return_tensors="pt")).last_hidden_state
    return normalize(states[:, -1], dim=1)


def _contrast(left: Any, right: Any) -> Any:
    """InfoNCE in both directions at a temperature of 0.05; the others of the batch are the wrong answers."""
    import torch
    from torch.nn.functional import cross_entropy

    scores, truth = left @ right.T / 0.05, torch.arange(len(left))
    return cross_entropy(scores, truth) + cross_entropy(scores.T, truth)

"""What is known of one cause of a difference, whoever speaks of it: its code, its words, its effect and its price."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data.rules.words import Phrase, in_a_row, mark, phrase
from data.store.vocabulary import Side, Slot

__all__ = ["HAN", "NOT_MEASURED", "Cause", "Cost", "joined"]

NOT_MEASURED = math.nan
HAN = frozenset({"Hans", "Hant", "Hani"})  # scripts of Chinese, in ISO 15924


@dataclass(frozen=True)
class Cost:
    """What a fault cost in real mteb runs: score minus the right score, 0 to 1 scale, NaN where it was not measured.

    Attributes:
        pairs: on short pairs of sentences, STSBenchmark.
        classes: on short queries to classify, Banking77.
        documents: on long documents to retrieve, LegalQuAD.
        of: blanks of the cause as it was measured.
        where: what it was measured on.
        right: the right scores, which a cost is in proportion to.
        scripts: the only scripts in which it shows; empty for all.
        spared: scripts in which it does not.
        long: whether it shows where texts are long and nowhere else.
    """

    pairs: float
    classes: float
    documents: float
    of: Mapping[str, object] = field(default_factory=dict)
    where: str = mark("on all-MiniLM-L6-v2")
    right: tuple[float, float, float] = (0.820, 0.800, 0.118)
    scripts: frozenset[str] = frozenset()
    spared: frozenset[str] = frozenset()
    long: bool = False

    @property
    def by_kind(self) -> tuple[float, float, float]:
        """On pairs, classes and documents."""
        return self.pairs, self.classes, self.documents

    @property
    def words(self) -> str:
        """The cost in points: '-8.5 points on sentence pairs, -17.6 on classification (on all-MiniLM-L6-v2)'."""
        kinds = (
            mark("{points:+.1f} on sentence pairs"),
            mark("{points:+.1f} on classification"),
            mark("{points:+.1f} on long documents"),
        )
        costs = zip(kinds, self.by_kind, strict=True)
        parts = in_a_row([phrase(kind, points=100 * cost) for kind, cost in costs if cost == cost])
        return phrase("points: {kinds} ({where})", kinds=parts, where=Phrase(self.where))


@dataclass(frozen=True, eq=False)
class Cause:
    """One known cause, as the catalogue has it or with its blanks filled; two are equal by code and blanks.

    Attributes:
        code: stable name, kept in the store.
        words: what a person calls it; blanks stand in braces, as in 'texts cut at {length} tokens'. They may stand in
            ``effect``, ``remedy`` and ``snippet`` as well.
        slot: where on the way from a text to a score it acts.
        family: causes of one family exclude each other (two poolings, two lengths).
        effect: what it does to vectors, in one plain sentence.
        remedy: what to do about it.
        general: its words where nobody knows what the blanks hold.
        edit: what it does to a text.
        cut: what it does to a text by the number in its blank ``length``; in the place of ``edit``.
        sift: what it does to a text by the words in its blank ``listed``; in the place of ``edit``.
        prompted: whether ``edit`` or ``cut`` is done to the text with its prompt before it.
        changes: fields of a recipe and the values it gives them.
        weights: the name of what it does to the model's weights or arithmetic, which the diagnosis resolves.
        by_look: whether it is tried only where a look at a few of the texts it changes finds that it brings one nearer.
        needs: what the reference must have for it to act, in the words of ``evaluators.diagnose.traits``.
        snippet: lines of Python over ``model`` (a SentenceTransformer), ``texts`` or ``vectors`` that bring it about.
        after: whether those lines change finished vectors; else they stand before encoding.
        both: whether the remedy is made on both sides alike; else it is made in the candidate.
        precision: whether it is a matter of arithmetic, not of settings.
        setting: a setting of a run and the value that is this cause.
        costs: what it costs scores, as far as it was measured.
        blanks: what the blanks of its words hold.
    """

    code: str
    words: str
    slot: Slot
    family: str
    effect: str
    remedy: str
    general: str = ""
    edit: Callable[[str], str] | None = None
    cut: Callable[[str, int], str] | None = None
    sift: Callable[[str, str], str] | None = None
    prompted: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    by_look: bool = False
    needs: tuple[str, ...] = ()
    snippet: str = ""
    after: bool = False
    both: bool = False
    precision: bool = False
    setting: tuple[str, str] | None = None
    costs: tuple[Cost, ...] = ()
    blanks: Mapping[str, object] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cause) and (self.code, self.blanks) == (other.code, other.blanks)

    def __hash__(self) -> int:
        return hash((self.code, self.words))

    @property
    def side(self) -> Side:
        """Where the remedy is made."""
        return Side.BOTH if self.both else Side.CANDIDATE

    @property
    def forward(self) -> bool:
        """Whether it changes what goes through the model; pooling and output variants share one pass."""
        return self.slot in (Slot.TEXT, Slot.TOKENS, Slot.MODEL)

    @property
    def acts(self) -> bool:
        """Whether it says by itself how a recipe changes under it."""
        return bool(self.edit or self.changes or self.weights)

    @property
    def edit_name(self) -> str:
        """Its edit as a recipe has it: by its code, and its number where it has one; empty where it edits nothing."""
        if self.cut and "length" in self.blanks:
            return f"{self.code}:{self.blanks['length']}"
        if self.sift and "listed" in self.blanks:
            return f"{self.code}:{self.blanks['listed']}"
        return self.code if self.edit else ""

    def filled(self, values: Mapping[str, object], **own: Any) -> Cause:
        """The cause with its blanks filled, and with fields of its own where those depend on the values."""
        texts: dict[str, str] = {name: _filled(getattr(self, name), values) for name in ("words", "effect", "remedy")}
        texts["snippet"] = _with(self.snippet, values)  # of whose braces some are Python's
        held = {name: value for name, value in values.items() if f"{{{name}}}" in self.words}
        return replace(self, **{**texts, "blanks": {**self.blanks, **held}, **own})


def _filled(text: str, values: Mapping[str, object]) -> Phrase:
    """A sentence with the blanks filled that there are values for; what is filled is said in the other language too."""
    template, before = (text.template, text.values) if isinstance(text, Phrase) else (text, {})
    names = re.findall(r"\{(\w+)\}", template)
    blank = {name: f"{{{name}}}" for name in names}
    unfilled = {name for name in names if before.get(name, blank[name]) == blank[name]}
    given = {name: value for name, value in values.items() if name in unfilled}
    spoken = {name: _spoken(value) for name, value in given.items()}
    return Phrase(template, {**blank, **before, **spoken})


def _spoken(value: object) -> object:
    """What a blank holds as a phrase, where it is words; several of them in a row."""
    if isinstance(value, list):
        return in_a_row([Phrase(str(each)) for each in value])
    return Phrase(value) if isinstance(value, str) else value


def _with(text: str, values: Mapping[str, object]) -> str:
    """A text with the blanks filled that there are values for; other braces (of Python) stay."""
    return re.sub(r"\{(\w+)\}", lambda blank: str(values.get(blank[1], blank[0])), text)


def joined(causes: Sequence[Cause]) -> Cause:
    """Causes that explain something together as one: their codes and words joined by ' + ', the first one's remedy."""
    blanks = {name: value for cause in causes for name, value in cause.blanks.items()}
    code = " + ".join(cause.code for cause in causes)
    words = in_a_row([cause.words for cause in causes], "{before} + {after}")
    return replace(causes[0], code=code, words=words, blanks=blanks)

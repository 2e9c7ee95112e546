"""What one's own use weighs, as a text in an address, so that a link to another page asks the same question."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from dashboard.queries.use import Use
from data.rules.words import phrase
from data.store.errors import InputError

__all__ = ["Question"]

Weights = tuple[tuple[str, float], ...]

_KINDS = ("type", "domain", "language", "task")
_COVERAGE = "coverage"


@dataclass(frozen=True)
class Question:
    """Weights of task types, domains, languages and tasks, and how rare a task may be (see :class:`Use`)."""

    types: Weights = ()
    domains: Weights = ()
    languages: Weights = ()
    tasks: Weights = ()
    coverage: float = 0.25

    @classmethod
    def of(cls, use: Use) -> Question:
        """What a use weighs, without its limits: those choose models, and the link names the models."""
        return cls(use.types, use.domains, use.languages, use.tasks, use.coverage)

    @classmethod
    def read(cls, text: str) -> Question:
        """The question an address holds.

        Raises:
            InputError: a part is none, or no number from 0 up.
        """
        weights: dict[str, list[tuple[str, float]]] = {kind: [] for kind in _KINDS}
        coverage = cls.coverage
        for key, value in parse_qsl(text, keep_blank_values=True):
            kind, _, name = key.partition(".")
            number = _number(value)
            if number is None or (kind not in weights and key != _COVERAGE):
                raise InputError(
                    phrase("The weights have a part that cannot be read: {key}={value}", key=key, value=value),
                    where=text[:200],
                    remedy=phrase("Open Our use and follow its link to Compare again."),
                )
            if key == _COVERAGE:
                coverage = number / 100
            else:
                weights[kind].append((name, number))
        types, domains, languages, tasks = (tuple(weights[kind]) for kind in _KINDS)
        return cls(types, domains, languages, tasks, coverage)

    def text(self) -> str:
        """As it stands in an address."""
        parts = zip(_KINDS, (self.types, self.domains, self.languages, self.tasks), strict=True)
        pairs = [(f"{kind}.{name}", f"{weight:g}") for kind, weights in parts for name, weight in weights]
        return urlencode([*pairs, (_COVERAGE, f"{100 * self.coverage:g}")])

    def use(self, benchmark: str, strict: bool) -> Use:
        """The same as a question to the store, without limits."""
        return Use(
            benchmark, self.types, self.domains, self.languages, self.tasks, strict=strict, coverage=self.coverage
        )

    def counting(self) -> Weights:
        """What counts and how much: task types, domains, languages, and tasks, those that count nothing too."""
        weights = (*self.types, *self.domains, *self.languages, *self.tasks)
        return tuple((name, weight) for name, weight in weights if weight > 0 or (name, weight) in self.tasks)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None

"""What a diagnosis says of candidates that no cause of the catalogue makes, held against what is true of each.

``python -m tests.diagnose.strangers_report [NAME...]`` has each of :mod:`tests.diagnose.strangers` diagnosed and judges
what is said: *wrong* if a cause is named or a statement is not so, *described* if something true was said of which
texts differ or of what relates the two sides, *ruled out* if only what it is not, *silent* otherwise. Statements are
checked by other arithmetic than made them.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.diagnose.answer import Bench, batched, diagnose, load_reference
from evaluators.diagnose.described import Statement, described
from evaluators.diagnose.text_traits import TRAITS
from tests.diagnose.strangers import ROLES, STRANGERS, TEXTS, Stranger, Vectors, made, right_vectors
from tests.models import minilm_folder

__all__ = ["described_alone", "judged", "main"]

# What says no more than how far apart the two are, or what was done to find out.
_BARE = {"some-differ", "all-differ", "not-asked-again", "tried"}
_Mask = NDArray[np.bool_]


def judged(stranger: Stranger, candidate: Vectors, statements: Sequence[Statement]) -> tuple[str, list[str]]:
    """WRONG, DESCRIBED, RULED OUT or SILENT; and every sentence that is not so."""
    judge = _Judge(stranger, candidate)
    wrong = [one.sentence for one in statements if not judge.holds(one)]
    codes = {one.code for one in statements} - _BARE
    known = "DESCRIBED" if codes - {"not-it"} else "RULED OUT" if codes else "SILENT"
    return "WRONG" if wrong else known, wrong


class _Judge:
    """Checks statements on one stranger."""

    def __init__(self, stranger: Stranger, candidate: Vectors) -> None:
        self.truth, self.candidate, self.base = stranger.truth, candidate.astype(float), right_vectors().astype(float)
        self.far = _far(self.candidate, self.base)

    def holds(self, statement: Statement) -> bool:
        """Whether a statement is so."""
        checks: dict[str, Callable[[dict[str, Any]], bool]] = {
            "some-differ": self._extent, "all-differ": self._extent, "trait": self._trait, "traits": self._trait,
            "longer": self._length, "shorter": self._length, "differs-more": self._more,
            "grows-with-length": self._follows, "falls-with-length": self._follows,
            "scale": self._map("scale"), "offset": self._map("offset"), "linear": self._map("linear"),
            "like-noise": self._noise, "not-it": lambda numbers: self.truth.maps.isdisjoint(numbers["kinds"]),
            "no-trait": self._no_trait,
            "neighbours": lambda numbers: abs(_agreement(self.candidate, self.base) - numbers["correlation"]) < 0.02,
            "not-asked-again": lambda numbers: True, "tried": lambda numbers: True,
        }  # fmt: skip
        check = checks.get(statement.code)
        return check is not None and check(statement.numbers)

    def _extent(self, numbers: dict[str, Any]) -> bool:
        differ = int((self.far > numbers["same"]).sum())
        worst = abs(numbers["worst"] - self.far.max()) < 0.02 * self.far.max() + 1e-5
        return (numbers["texts"], numbers["differ"]) == (len(TEXTS), differ) and bool(worst)

    def _trait(self, numbers: dict[str, Any]) -> bool:
        names = [numbers[name] for name in ("trait", "other") if name in numbers]
        mask = np.array([all(TRAITS[name](text) for name in names) for text in TEXTS])
        return self._counted(mask, numbers) and not self.truth.traits.isdisjoint(_plain(name) for name in names)

    def _length(self, numbers: dict[str, Any]) -> bool:
        longer = np.array([len(text) > numbers["length"] for text in TEXTS])
        within = (
            edge is not None and edge[0] <= numbers["length"] <= edge[1] and self._counted(mask, numbers)
            for edge, mask in ((self.truth.longer, longer), (self.truth.shorter, ~longer))
        )  # fmt: skip
        return any(within)

    def _counted(self, mask: _Mask, numbers: dict[str, Any]) -> bool:
        """The counts, with any distance in the gap between the texts that differ and the others as the edge."""
        edges = np.sort(self.far)
        counts = (((self.far > edge) & mask).sum() for edge in (1e-3, *edges))
        return numbers["with"] == int(mask.sum()) and numbers["differ"] in {int(count) for count in counts}

    def _more(self, numbers: dict[str, Any]) -> bool:
        """That some differ more than others is something seen, whatever the reason: it has to be so."""
        having = np.array([TRAITS[numbers["trait"]](text) for text in TEXTS])
        more, less = float(np.median(self.far[having])), float(np.median(self.far[~having]))
        return bool(np.isclose([more, less], [numbers["more"], numbers["less"]], rtol=0.02).all()) and more > 1.4 * less

    def _follows(self, numbers: dict[str, Any]) -> bool:
        ranks = [np.argsort(np.argsort(values)) for values in ([len(text) for text in TEXTS], self.far)]
        return bool(abs(np.corrcoef(ranks)[0, 1] - numbers["correlation"]) < 0.1)

    def _no_trait(self, numbers: dict[str, Any]) -> bool:
        """No trait of the truth is had by four fifths of the texts that differ and few others."""
        differ = self.far > 1e-3
        for name, test in TRAITS.items():
            having = np.array([test(text) for text in TEXTS])
            both = int((having & differ).sum())
            if _plain(name) in self.truth.traits and both > 0.8 * max(int(having.sum()), int(differ.sum())):
                return False
        return True

    def _map(self, kind: str) -> Callable[[dict[str, Any]], bool]:
        return lambda numbers: abs(_share(kind, self.candidate, self.base) - numbers["share"]) < 0.25

    def _noise(self, numbers: dict[str, Any]) -> bool:
        return self.truth.noise is not None and abs(numbers["size"] / self.truth.noise - 1) < 0.15


def _plain(name: str) -> str:
    return re.sub(r" \(.*\)", "", name)


def _far(candidate: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    length = (np.linalg.norm(candidate, axis=1) + np.linalg.norm(base, axis=1)) / 2
    return np.asarray(np.linalg.norm(candidate - base, axis=1) / length)


def _agreement(candidate: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    """Pearson's correlation of the ranks of all pairs' cosines."""
    pairs = [(one, other) for one in range(len(base)) for other in range(one)]
    ranks = []
    for rows in (candidate, base):
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        ranks.append(np.argsort(np.argsort([unit[one] @ unit[other] for one, other in pairs])))
    return float(np.corrcoef(ranks)[0, 1])


def _share(kind: str, candidate: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    """What a map fitted on three quarters of the texts explains of the others; median over draws."""
    draw, shares = np.random.default_rng(3), []
    for _ in range(9):
        seen = draw.permutation(len(base)) < 0.75 * len(base)
        rows, moved = base[seen], (candidate - base)[seen]
        if kind == "scale":
            made = base * np.linalg.lstsq(rows.reshape(-1, 1), candidate[seen].reshape(-1), rcond=None)[0]
        elif kind == "offset":
            made = base + moved.mean(0)
        else:
            options = (
                base + base @ rows.T @ np.linalg.solve(rows @ rows.T + k * np.eye(len(rows)), moved) for k in (0.1, 1)
            )
            made = min(options, key=lambda one: _far(candidate, one)[~seen].mean())
        shares.append(1 - _far(candidate, made)[~seen].mean() / _far(candidate, base)[~seen].mean())
    return float(np.median(shares))


def described_alone(stranger: Stranger) -> tuple[str, list[str], list[Statement]]:
    """The judgement on what is said without looking for causes, what is not so, and all that is said."""
    candidate = made(stranger)
    statements = described(candidate, right_vectors(), TEXTS, None, floor=2e-3, tried=1)
    return *judged(stranger, candidate, statements), statements


def main(names: Sequence[str] = ()) -> Counter[str]:
    """Diagnose each, print what is said and the judgement; how many of each judgement."""
    bench = Bench(load_reference(str(minilm_folder())), batched(TEXTS, ROLES))
    count: Counter[str] = Counter()
    for stranger in STRANGERS:
        if names and stranger.name not in names:
            continue
        candidate = made(stranger)
        diagnosis = diagnose(bench, candidate)
        judgement, wrong = judged(stranger, candidate, diagnosis.described)
        if diagnosis.causes:
            judgement, wrong = "WRONG", [named.cause.words for named in diagnosis.causes]
        count[judgement] += 1
        print(f"{judgement:10} {stranger.name}: {diagnosis.verdict}: {diagnosis.sentence}")
        for sentence in wrong:
            print(f"           not so: {sentence}")
    print(", ".join(f"{many} {judgement.lower()}" for judgement, many in sorted(count.items())))
    return count


if __name__ == "__main__":
    main(sys.argv[1:])

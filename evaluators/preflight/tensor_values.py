"""Values that no trained tensor holds, each seen in the tensor alone: NaN, zeros, one number, bytes read wrongly."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from evaluators.preflight.catalogue import finding
from evaluators.preflight.finding import Finding
from evaluators.preflight.tensor_names import SHOWN, UNUSED, some_names
from evaluators.preflight.tensor_summary import TensorSummary

__all__ = ["copied_tensors", "holes", "impossible_values", "is_norm", "is_table", "reported", "used_summaries"]

# RoBERTa's checkpoints carry it as zeros on purpose: the model has one token type.
_ZERO_IS_RIGHT = re.compile(r"token_type_embeddings")
_NORM = re.compile(r"norm|ln_|layer_norm", re.IGNORECASE)
_TABLE = re.compile(r"embed|wte|wpe|shared\.weight|relative_attention_bias|position", re.IGNORECASE)

# Measured on all-MiniLM-L6-v2, all-mpnet-base-v2 and multilingual-e5-small; in brackets what theirs reach.
_GARBLED = 6.0  # spread of the logarithms of the values (1.9); 1.6 for a normal distribution
_MISREAD = 0.005  # share of small values (.08); bits read as another type leave none
_COARSE = 160  # different values among 1,024 (716; weights of 8 bits have 255 a row)
_ALIKE = 0.97  # the mean row's length against the rows' (.87)
_HUGE = 2000.0  # largest value against the typical row's (337)
_HUGE_VECTOR = 1e4
_MANY_ZEROS = 0.01
_ZERO_POSITIONS = 2


def used_summaries(summaries: Iterable[TensorSummary]) -> list[TensorSummary]:
    """Those of the tensors that a sentence vector depends on."""
    return [summary for summary in summaries if not UNUSED.search(summary.name)]


def is_norm(summary: TensorSummary) -> bool:
    """Whether it is the scale of a normalisation."""
    return bool(_NORM.search(summary.name)) and summary.name.endswith("weight")


def is_table(summary: TensorSummary) -> bool:
    """Whether its rows are looked up, of words or positions: they are not one another's like, as a layer's are."""
    return bool(_TABLE.search(summary.name))


def reported(code: str, what: str, tensors: Sequence[TensorSummary]) -> Iterator[Finding]:
    """One finding of this code for all the tensors it was seen in, if any."""
    if tensors:
        names = [summary.name for summary in tensors]
        seen = f"{len(names)} tensor{'s' if len(names) > 1 else ''} {what}: {some_names(names)}"
        files = sorted({summary.file for summary in tensors})
        yield finding(code, seen, {"tensors": names[:SHOWN], "files": files})


def impossible_values(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """What can be said of each tensor by itself; the first thing that is wrong with it is the one named."""
    faulty: dict[str, list[TensorSummary]] = defaultdict(list)
    for summary in summaries:
        if code := next((code for code, (holds, _) in _ALONE.items() if holds(summary)), None):
            faulty[code].append(summary)
    yield from _one_value(faulty.pop(_ONE_VALUE, []), summaries)
    for code, (_, words) in _ALONE.items():
        yield from reported(code, words, faulty[code])


def _one_value(tensors: Sequence[TensorSummary], summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    siblings, like = Counter(s.pattern for s in summaries), Counter((s.pattern, s.peak == 0) for s in tensors)

    def odd(summary: TensorSummary) -> bool:
        # A bias may rightly be zero in every layer; in some layers only, it is a loss.
        return len(summary.shape) > 1 or like[summary.pattern, summary.peak == 0] < siblings[summary.pattern]

    zero, constant = [s for s in tensors if s.peak == 0 and odd(s)], [s for s in tensors if s.peak > 0]
    yield from reported("weights-zero", "are zero throughout", zero)
    norms = [summary for summary in constant if is_norm(summary)]
    if norms and len(norms) == sum(map(is_norm, summaries)):
        yield from reported("norms-untrained", "are constant, as before training", norms)
    else:
        yield from reported("weights-constant", "hold one value throughout", [s for s in constant if odd(s)])


def _is_one_value(summary: TensorSummary) -> bool:
    return summary.one_value and summary.size > 1 and not _ZERO_IS_RIGHT.search(summary.name)


def _is_garbled(summary: TensorSummary) -> bool:
    return summary.matrix and summary.sampled >= 256 and summary.spread > _GARBLED


def _is_misread(summary: TensorSummary) -> bool:
    return _large(summary) and summary.small < _MISREAD and summary.kurtosis < 3


def _is_coarse(summary: TensorSummary) -> bool:
    return _large(summary) and summary.distinct <= _COARSE


def _is_alike(summary: TensorSummary) -> bool:
    """Whether all rows are nearly the same row."""
    length = (summary.middle**2).mean() ** 0.5
    return summary.matrix and len(summary.rows) >= 16 and bool(length > _ALIKE * summary.rms > 0)


def _is_huge(summary: TensorSummary) -> bool:
    return summary.peak > (_HUGE if summary.matrix else _HUGE_VECTOR) * summary.typical


def holes(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """Zeros in matrices that have no like in other layers to be held against, and in tables of positions."""
    like = Counter((summary.pattern, summary.shape) for summary in summaries)
    lone = [summary for summary in summaries if like[summary.pattern, summary.shape] == 1]
    yield from reported("weights-zero-block", "have zeros where values should be", list(filter(_is_holed, lone)))
    tables = [summary for summary in lone if "position" in summary.name and summary.matrix and not summary.one_value]
    # The row of the padding id is zero in RoBERTa's tables, and the one before it may be.
    gaps = [table for table in tables if (table.rows == 0).sum() > _ZERO_POSITIONS]
    yield from reported("position-rows-zero", "have rows of zeros: positions that were never trained or lost", gaps)


def _is_holed(summary: TensorSummary) -> bool:
    """Whether a matrix without its like in other layers has zeros where values should be."""
    if not summary.matrix or is_table(summary) or summary.zeros < _MANY_ZEROS:
        return False
    one_a_row = abs(summary.zeros - (1 - 1 / len(summary.columns))) < 1e-9  # an identity, or a choice of dimensions
    return not one_a_row and summary.distinct > _COARSE


def _large(summary: TensorSummary) -> bool:
    return summary.matrix and summary.sampled >= 1024


_ONE_VALUE = "one value"  # which of three findings that is, only its like in other layers tell
# What is wrong with a tensor by itself, and in words what is then seen; the first that holds counts.
_ALONE: dict[str, tuple[Callable[[TensorSummary], bool], str]] = {
    "weights-not-finite": (lambda summary: not summary.finite, "hold NaN or infinity"),
    _ONE_VALUE: (_is_one_value, ""),
    "weights-garbled": (_is_garbled, "hold numbers of any size, as bytes in the wrong order do"),
    "weights-huge": (_is_huge, "hold a number thousands of times larger than all others"),
    "weights-misread": (_is_misread, "hold no small numbers, as bits read as another type do"),
    "weights-coarse": (_is_coarse, "hold a few different numbers only, their values rounded to some levels"),
    "weights-alike": (_is_alike, "have rows that are nearly all the same"),
}


def copied_tensors(summaries: Sequence[TensorSummary]) -> Iterator[Finding]:
    """A tensor that stands in two layers: a conversion that copied one layer over another."""
    places: dict[object, list[str]] = defaultdict(list)
    for summary in summaries:
        if not summary.one_value and summary.size > 1:
            places[summary.pattern, summary.mark].append(summary.name)
    copies = [names for names in places.values() if len(names) > 1]
    if copies:
        seen = f"{len(copies)} tensors stand in more than one layer: {' and '.join(copies[0][:3])}"
        yield finding("weights-duplicated", seen, {"copies": copies[:SHOWN]})

"""Names of tensors: which of them a sentence vector depends on, and how to speak of many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["SHOWN", "UNUSED", "layer_pattern", "some_names", "used_tensors"]

# Parameters no sentence vector depends on: heads of the task the checkpoint was trained for, and buffers.
UNUSED = re.compile(
    r"(^|\.)(pooler|cls|lm_head|classifier|qa_outputs|score|decoder)\.|position_ids$|inv_freq$|rel_attn_bias"
)
SHOWN = 12


def used_tensors(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Those of the named tensors that a sentence vector depends on."""
    return ((name, tensor) for name, tensor in named if not UNUSED.search(name))


def layer_pattern(name: str) -> str:
    """The name without its layer's number: tensors of one pattern do the same work in different layers."""
    return re.sub(r"\d+", "*", name)


def some_names(names: Iterable[str]) -> str:
    """The first three names and how many more there are."""
    listed = sorted(names)
    return ", ".join(listed[:3]) + (f" and {len(listed) - 3} more" if len(listed) > 3 else "")

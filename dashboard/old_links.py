"""Links from before: keys without their page's prefix, shares apart from their sign, the leaderboard at the root."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import streamlit as st

__all__ = ["page_meant", "with_prefix"]

_AT_ROOT_BEFORE = "leaderboard"
_SHARE = re.compile(r"^(\d+) %(?=$| )")  # as shares were written before
_RENAMED = {"drift_view": "view"}  # keys without a prefix whose name is another one since


def with_prefix(prefix: str, prefixes: Collection[str], others: Collection[str]) -> dict[str, list[str]]:
    """What the address asks for, as links are written today: each key with its page's prefix, but for the others."""
    starts = tuple(f"{each}_" for each in prefixes)
    old = [key for key in st.query_params if not key.startswith(starts) and key not in others]
    new = {f"{prefix}_{_RENAMED.get(key, key)}": st.query_params.get_all(key) for key in old}
    address = new | {key: st.query_params.get_all(key) for key in st.query_params if key not in old}
    return {key: [_SHARE.sub(r"\1%", value) for value in values] for key, values in address.items()}


def page_meant(name: str, prefixes: Mapping[str, str], others: Collection[str]) -> str | None:
    """The page whose question a link to the root asks; None where it is the first page's own, or none.

    Args:
        name: of the page that is at the root.
        prefixes: of the keys of every page, by its name.
        others: keys of no page.
    """
    asked = [key for key in st.query_params if key not in others]
    if not asked or any(key.startswith(f"{prefixes[name]}_") for key in asked):
        return None
    named = (each for each, prefix in prefixes.items() for key in asked if key.startswith(f"{prefix}_"))
    return next(named, _AT_ROOT_BEFORE)

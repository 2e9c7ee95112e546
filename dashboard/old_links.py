"""Links from before: keys of an address without the prefix of their page, and the leaderboard at the root."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import streamlit as st

__all__ = ["add_prefix", "open_page_meant"]

_AT_ROOT_BEFORE = "leaderboard"
_RENAMED = {"drift_view": "view"}  # keys without a prefix whose name is another one since


class _Page(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def prefix(self) -> str: ...


def add_prefix(page: _Page, pages: Sequence[_Page], others: Collection[str]) -> None:
    """Read a link whose keys have no prefix as one of this page's, and start again with that address.

    ``others`` are keys of no page.
    """
    address = _with_prefix(page, pages, others)
    if set(address) != set(st.query_params):
        st.query_params.from_dict(address)
        st.rerun()


def open_page_meant(page: _Page, pages: Sequence[_Page], others: Collection[str]) -> None:
    """Open another page than the one at the root, where a link to the root asks that one's question.

    For a session's first page alone: an address that asks such a thing later is the one Back returns to from there, and
    to go forward again would leave no way back.
    """
    asked = [key for key in st.query_params if key not in others]
    if not asked or any(key.startswith(f"{page.prefix}_") for key in asked):
        return
    named = (each for each in pages for key in asked if key.startswith(f"{each.prefix}_"))
    meant = next(named, next(each for each in pages if each.name == _AT_ROOT_BEFORE))
    st.switch_page(f"screens/{meant.name}.py", query_params=_with_prefix(meant, pages, others))


def _with_prefix(page: _Page, pages: Sequence[_Page], others: Collection[str]) -> dict[str, list[str]]:
    starts = tuple(f"{each.prefix}_" for each in pages)
    old = [key for key in st.query_params if not key.startswith(starts) and key not in others]
    new = {f"{page.prefix}_{_RENAMED.get(key, key)}": st.query_params.get_all(key) for key in old}
    return new | {key: st.query_params.get_all(key) for key in st.query_params if key not in old}

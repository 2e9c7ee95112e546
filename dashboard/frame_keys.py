"""What the address says of the frame and not of a page: the language, and whether it is shown to a room."""

from __future__ import annotations

from urllib.parse import parse_qs

import streamlit as st

__all__ = ["FRAME_KEYS", "address_parts", "frame_choice", "set_frame_choice"]

FRAME_KEYS = frozenset({"lang", "present"})


def frame_choice(name: str) -> str:
    """What the address says of the frame: one of ``FRAME_KEYS``; empty where it says nothing."""
    return str(st.query_params.get(name, ""))


def set_frame_choice(name: str, value: str) -> None:
    """Callback: have the address say that of the frame; nothing takes it out."""
    if value:
        st.query_params[name] = value
    else:
        st.query_params.pop(name, None)


def address_parts(address: str) -> tuple[str, dict[str, list[str]]]:
    """The name of the page and the query parameters of an address as :func:`current_address` writes it."""
    name, _, query = address.partition("?")
    return name, parse_qs(query, keep_blank_values=True)

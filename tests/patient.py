"""Requests that wait as long as a busy machine needs: whoever asks does not judge how fast it is answered."""

from __future__ import annotations

from functools import partial

import httpx

__all__ = ["WAIT_S", "client", "get", "post"]

WAIT_S = 120.0
get, post, client = (partial(one, timeout=WAIT_S) for one in (httpx.get, httpx.post, httpx.Client))

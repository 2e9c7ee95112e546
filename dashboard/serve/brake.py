"""Wrong secrets are slowed: after a few, an address waits before it may try again, longer each time."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Brake"]

FREE = 3  # wrong ones without a wait
LONGEST = 60.0  # seconds: whoever shares an address with a guesser is never locked out for long
FORGET = 900.0  # seconds without a wrong one
MOST = 10_000  # addresses remembered


class Brake:
    """Counts wrong secrets by the address they came from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may try again; 0.0 for now."""
        count, last = self._wrong.get(_household(address), (0, 0.0))
        since = self._clock() - last
        if count <= FREE or since > FORGET:
            return 0.0
        return max(0.0, min(LONGEST, 2.0 ** (count - FREE)) - since)

    def wrong(self, address: str) -> None:
        """A wrong secret came from this address."""
        household, now = _household(address), self._clock()
        count, last = self._wrong.pop(household, (0, now))
        self._wrong[household] = (1 if now - last > FORGET else count + 1, now)
        while len(self._wrong) > MOST:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        """The right one came: what was before is forgotten."""
        self._wrong.pop(_household(address), None)


def _household(address: str) -> str:
    """What one guesser has: an IPv4 address, or the whole /64 of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed.ipv4_mapped or parsed, 32 if parsed.ipv4_mapped else 64), strict=False))
    return f"{parsed}/32"

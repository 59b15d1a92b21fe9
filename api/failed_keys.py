"""Keys that were wrong: whoever sends many is told to wait."""

from __future__ import annotations

import math
import time
from ipaddress import IPv6Address, ip_address

from fastapi import Request
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

MOST_A_MINUTE = 10
"""Wrong keys [1/min] of one address; a right key is taken at any time."""
NETWORK_BITS = 64
"""Bits [1] of an IPv6 address that name whoever has the rest of it."""


class FailedKeys:
    """Counts wrong keys by the address that sent them, over the last minute."""

    def __init__(self) -> None:
        self._limit = RateLimitItemPerMinute(MOST_A_MINUTE)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, request: Request) -> None:
        """Count a wrong key. Raises ``HTTPException`` 429 where there were too many."""
        sender = network_of(request.client.host if request.client else "")
        if self._window.hit(self._limit, sender):
            return
        until = self._window.get_window_stats(self._limit, sender).reset_time
        wait_s = max(1, math.ceil(until - time.time()))
        told = f"too many wrong keys from this address; try again in {wait_s} s"
        raise HTTPException(429, told, {"Retry-After": str(wait_s)})


def network_of(address: str) -> str:
    """What an address is counted by: itself, or the network of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> NETWORK_BITS << NETWORK_BITS))

"""Keys that were wrong: whoever sends many is told to wait."""

from __future__ import annotations

import hashlib
import math
import time
from ipaddress import IPv6Address, ip_address

from fastapi import Request
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException

MOST_A_MINUTE = 10
"""Wrong keys [1/min] of one address; a right key is taken at any time."""
MOST_OF_A_NAME, NAME_MINUTES = 20, 10
"""Wrong passwords [1] for one name in so many minutes, from wherever they come."""
NETWORK_BITS = 64
"""Bits [1] of an IPv6 address that name whoever has the rest of it."""


class FailedKeys:
    """Counts wrong keys and passwords by the address that sent them, and by name."""

    def __init__(self) -> None:
        self._of_address = RateLimitItemPerMinute(MOST_A_MINUTE)
        self._of_name = RateLimitItemPerMinute(MOST_OF_A_NAME, NAME_MINUTES)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    def count(self, request: Request) -> None:
        """Count a wrong key. Raises ``HTTPException`` 429 where there were too many."""
        sender = sender_of(request)
        if not self._window.hit(self._of_address, sender):
            raise self._too_many(self._of_address, sender)

    def check(self, request: Request, name: str | None = None) -> None:
        """Raises ``HTTPException`` 429 where nothing is tried for now, of an address or for a name:
        what could be tried on would be found."""
        tried: list[tuple[RateLimitItem, str]] = [(self._of_address, sender_of(request))]
        if name is not None:
            tried.append((self._of_name, _named(name)))
        for limit, who in tried:
            if not self._window.test(limit, who):
                raise self._too_many(limit, who)

    def count_name(self, request: Request, name: str) -> None:
        """Count a wrong password. Raises ``HTTPException`` 429 where there were too many."""
        self._window.hit(self._of_name, _named(name))
        self.count(request)

    def _too_many(self, limit: RateLimitItem, who: str) -> HTTPException:
        until = self._window.get_window_stats(limit, who).reset_time
        wait_s = max(1, math.ceil(until - time.time()))
        told = f"too many wrong keys or passwords; try again in {wait_s} s"
        return HTTPException(429, told, {"Retry-After": str(wait_s)})


def sender_of(request: Request) -> str:
    """The address that a request came from, as requests are counted by it."""
    return network_of(request.client.host if request.client else "")


def _named(name: str) -> str:
    """What a name is counted by; it is kept nowhere."""
    return f"name:{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"


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

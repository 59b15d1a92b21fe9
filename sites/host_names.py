"""Names and addresses of hosts: in one form, and what names stand for."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

Addresses = Mapping[str, str]
"""The address that a host name stands for, by name as ``plain`` gives it."""
NO_ADDRESSES: Addresses = MappingProxyType({})
THIS_HOST = "127.0.0.1"
_LOOPBACK = ("localhost", "ip6-localhost", "ip6-loopback", "loopback")
LONGEST_S = 1.5
"""How long the names of all sites together may take to resolve [s]."""


LookUp = Callable[[str], Iterable[str]]


def addresses_of(name: str) -> list[str]:
    """The addresses that the system has for a name; none where it knows none."""
    try:
        return [str(row[4][0]) for row in socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)]
    except (OSError, UnicodeError):
        return []


def plain(host: str) -> str:
    """A host without differences that mean nothing: capitals, a dot at the end."""
    return host.strip().lower().rstrip(".")


def in_one_form(host: str, addresses: Addresses = NO_ADDRESSES) -> str:
    """An address in its four numbers, however it is written (``127.1``); what a name stands for
    where ``addresses`` has it, a name of this computer's loopback always; else the name."""
    name = plain(host)
    if name in _LOOPBACK or name.split(".")[-1] == "localhost":
        return THIS_HOST
    return addresses.get(name) or _number(name) or name


def is_name(host: str) -> bool:
    """Whether it has to be resolved: it is neither an address nor this computer's loopback."""
    name = plain(host)
    return in_one_form(name) == name and _number(name) is None


def resolve(
    hosts: Iterable[str], look_up: LookUp = addresses_of, longest_s: float = LONGEST_S
) -> dict[str, str]:
    """The addresses of the names among ``hosts`` that ``look_up`` has within ``longest_s`` [s] in
    all; what is not known, or not in time, is left out."""
    found: dict[str, str] = {}

    def ask(name: str) -> None:
        texts = sorted(look_up(name), key=lambda text: (":" in text, text))
        if texts:
            found[name] = _number(texts[0]) or texts[0]

    until = time.monotonic() + longest_s
    names = sorted({plain(host) for host in hosts if is_name(host)})
    # daemons: one that never gets an answer must not keep the process from ending
    asking = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    for each in asking:
        each.start()
    for each in asking:
        each.join(max(0.0, until - time.monotonic()))
    return dict(found)


def _number(host: str) -> str | None:
    """An address in its usual form; None for a name. The one of any interface is this computer."""
    try:
        text = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return None
        if not isinstance(address, ipaddress.IPv6Address):
            return str(address)
        inner = address.ipv4_mapped
        text = THIS_HOST if address.is_loopback else str(inner or address)
    return THIS_HOST if text in ("0.0.0.0", "::") else text  # noqa: S104 (nothing is bound)

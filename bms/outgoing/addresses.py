"""Which addresses a request of ours goes to, whoever names them.

A host is looked up once, what it stands for is checked, and the connection goes to that address. A
name that stands for another one a moment later (DNS rebinding, CWE-350) and a notation that hides
an address lead nowhere (CWE-918).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import getaddrinfo, inet_aton

import httpx

from bms.outgoing.names import Ask, rows_of

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

_SECRETS_OF_CLOUDS = frozenset(
    map(ip_address, ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"))
)
"""Where machines in clouds are told their secrets (Azure, Alibaba, Oracle, Amazon), beside the
addresses of the link, 169.254.169.254 for one."""
_TRANSLATED = tuple(
    map(IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96", "::/96"))
)
"""Networks that hold an IPv4 address in their last four octets (RFC 6052, RFC 8215, RFC 2765 §2.1,
RFC 4291 §2.5.5.1)."""
_RESERVED = IPv4Network("240.0.0.0/4")


async def looked_up(host: str, port: int, ask: Ask = getaddrinfo) -> list[str]:
    """The addresses of a host, in whatever notation it is. Raises OSError where it has none."""
    rows = await rows_of(host, port, ask=ask)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


def literal(host: str) -> Address | None:
    """The address that a host is, in whatever notation; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        try:
            return IPv4Address(inet_aton(host))
        except (OSError, UnicodeEncodeError):
            return None


def is_for_nobody(address: Address) -> bool:
    """Whether no request of ours has any business at an address, or at the one within it: those of
    the link, of a group, of nobody, and those that tell machines in clouds their secrets."""
    return any(
        each.is_link_local
        or each.is_multicast
        or each.is_unspecified
        or each in _SECRETS_OF_CLOUDS
        or (isinstance(each, IPv4Address) and each in _RESERVED)
        for each in _with_inner(address)
    )


def may_stand_for(host: str, address: str) -> bool:
    """Whether a request to ``host`` may go to ``address``. Our own computer is asked only where
    the host says that it is."""
    found = ip_address(address)
    own = any(each.is_loopback for each in _with_inner(found))
    return not is_for_nobody(found) and (not own or _says_loopback(host))


def _says_loopback(host: str) -> bool:
    address = literal(host)
    return host == "localhost" if address is None else address.is_loopback


def _with_inner(address: Address) -> tuple[Address, ...]:
    """The address without its zone (RFC 4007), and the IPv4 address that it stands for."""
    if isinstance(address, IPv4Address):
        return (address,)
    address = IPv6Address(int(address))
    if address.is_unspecified or address.is_loopback:
        return (address,)
    inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _TRANSLATED):
        inner.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return (address, *filter(None, inner))


class CheckedTransport(httpx.AsyncBaseTransport):
    """Sends a request to an address of its host that was checked, and to no other."""

    def __init__(self, inner: httpx.AsyncBaseTransport, resolve: Resolve = looked_up) -> None:
        self._inner = inner
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response. Raises ``httpx.ConnectError`` where no address of the host may be asked."""
        host = request.url.raw_host.decode("ascii")
        addresses = await self._resolve(host, request.url.port or 0)
        refused: httpx.TransportError = httpx.ConnectError(
            f"{host} stands for {', '.join(addresses)[:100]}, which is not asked"
        )
        for address in (each for each in addresses if may_stand_for(host, each)):
            try:
                return await self._inner.handle_async_request(_pinned(request, host, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                refused = error
        raise refused

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def _pinned(request: httpx.Request, host: str, address: str) -> httpx.Request:
    """The request to an address, with the certificate and the ``Host`` of its host."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )

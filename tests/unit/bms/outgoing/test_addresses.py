"""Which addresses a request of ours goes to."""

from __future__ import annotations

from ipaddress import ip_address

import httpx
import pytest

from bms.outgoing.addresses import CheckedTransport, is_for_nobody, literal, may_stand_for

PUBLIC = "93.184.216.34"
SECRETS = "169.254.169.254"


@pytest.mark.parametrize(
    "address",
    [
        *(SECRETS, "fe80::1", "fe80::1%eth0", "0.0.0.0", "::", "224.0.0.1", "ff02::1"),
        *("255.255.255.255", "240.0.0.1", "168.63.129.16", "100.100.100.200", "fd00:ec2::254"),
        *(f"::ffff:{SECRETS}", f"::{SECRETS}", f"64:ff9b::{SECRETS}", "2002:a9fe:a9fe::1"),
        *("::ffff:0.0.0.0", "64:ff9b::e000:1", "fd00:ec2::254%1", f"::{SECRETS}%1"),
        *(f"64:ff9b:1::{SECRETS}", f"::ffff:0:{SECRETS}"),
    ],
)
def test_addresses_that_are_for_nobody(address: str) -> None:
    assert is_for_nobody(ip_address(address))
    assert not may_stand_for("hooks.example.dk", address)


@pytest.mark.parametrize("address", [PUBLIC, "10.1.2.3", "192.168.1.9", "2a01:4f8::1", "fd12::1"])
def test_addresses_of_the_web_and_of_the_house(address: str) -> None:
    assert may_stand_for("hooks.example.dk", address)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "127.9.9.9", "::1", "::1%1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"]
)
def test_our_own_computer_is_asked_by_its_name_only(address: str) -> None:
    assert not may_stand_for("hooks.example.dk", address)
    assert may_stand_for("localhost", address)


@pytest.mark.parametrize(
    ("host", "is_one"),
    [
        *((each, True) for each in ("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "::1")),
        *((each, False) for each in ("hooks.example.dk", "127.0.0.1.example.dk", "", "１２７.1")),
    ],
)
def test_a_notation_of_an_address(host: str, is_one: bool) -> None:
    assert (literal(host) is not None) is is_one


class Resolver:
    """Stands for other addresses each time it is asked."""

    def __init__(self, *turns: list[str]) -> None:
        self.turns = list(turns)

    async def __call__(self, host: str, port: int) -> list[str]:
        return self.turns.pop(0)


class Wire(httpx.AsyncBaseTransport):
    """Keeps where requests went; some addresses refuse."""

    def __init__(self, *silent: str) -> None:
        self.silent, self.sent = silent, list[httpx.Request]()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        if request.url.host in self.silent:
            raise httpx.ConnectError("refused")
        return httpx.Response(204)


async def posted(wire: Wire, resolver: Resolver, url: str) -> None:
    async with httpx.AsyncClient(transport=CheckedTransport(wire, resolver)) as client:
        await client.post(url, content=b"x")


async def test_the_address_that_was_checked_is_the_one_that_is_asked() -> None:
    """A name that stands for another address a moment later (DNS rebinding)."""
    wire, resolver = Wire(), Resolver([PUBLIC], ["127.0.0.1"])
    await posted(wire, resolver, "https://hooks.example.dk:8443/in?a=1")
    (sent,) = wire.sent
    assert str(sent.url) == f"https://{PUBLIC}:8443/in?a=1"
    assert sent.headers["host"] == "hooks.example.dk:8443"
    assert sent.extensions["sni_hostname"] == "hooks.example.dk"
    assert len(resolver.turns) == 1


@pytest.mark.parametrize("stands_for", ["127.0.0.1", "::1", SECRETS, f"::ffff:{SECRETS}"])
async def test_a_name_of_an_address_that_is_not_asked(stands_for: str) -> None:
    wire = Wire()
    with pytest.raises(httpx.ConnectError, match="not asked"):
        await posted(wire, Resolver([stands_for]), "https://hooks.example.dk/in")
    assert wire.sent == []


async def test_the_next_address_is_asked_where_one_is_silent() -> None:
    wire = Wire("2a01:4f8::1")
    await posted(wire, Resolver(["2a01:4f8::1", "127.0.0.1", PUBLIC]), "https://a.example.dk/")
    assert [each.url.host for each in wire.sent] == ["2a01:4f8::1", PUBLIC]

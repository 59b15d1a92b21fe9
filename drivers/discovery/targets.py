"""Parses the target of a scan. Of Modbus:

- ``10.0.0.20`` or ``10.0.0.20:502``, ``::1`` or ``[::1]:502``, ``gateway.example``: Modbus TCP
- ``rtu:10.0.0.21:4001``: RTU frames over TCP, as converters of serial lines carry them
- ``serial:/dev/ttyUSB0?baud=9600&parity=even&stop_bits=1``: RTU on a serial line
"""

from __future__ import annotations

import ipaddress
from urllib.parse import parse_qsl

from bms.model.assets.device import Framing, Parity, SerialLine
from drivers.modbus.connection import Endpoint

DEFAULT_PORT = 502
FORMS = "HOST[:PORT], [IPV6]:PORT, rtu:HOST:PORT, or serial:/dev/ttyUSB0?baud=9600&parity=even"
_USUAL_LINE = SerialLine(path="")
_LINE_SETTINGS = ("baud", "parity", "stop_bits")


def endpoint_at(target: str) -> Endpoint:
    """The endpoint of a target. Raises ValueError that says what is allowed."""
    kind, colon, rest = target.partition(":")
    if kind == "serial" and colon:
        return Endpoint(framing=Framing.RTU, serial=serial_line(target, rest))
    if kind == "rtu" and colon:
        host, port = host_and_port(target, rest, None)
        return Endpoint(host, port, Framing.RTU_OVER_TCP)
    return Endpoint(*host_and_port(target, target, DEFAULT_PORT))


def host_and_port(
    target: str, text: str, default: int | None, forms: str = FORMS
) -> tuple[str, int]:
    """Host and port of the ``text`` in a target. Raises ValueError that names the ``forms``."""
    host, colon, port = text.rpartition(":")
    if default is not None and (not colon or is_ipv6(text) or text.endswith("]")):
        host, port = text, str(default)
    bare = host.removeprefix("[").removesuffix("]")
    if bare != host and not (is_ipv6(bare) and host == f"[{bare}]"):
        raise ValueError(f"{target!r} is no target; write {forms}")
    host = bare
    if not host or (":" in host and not is_ipv6(host)):
        raise ValueError(f"{target!r} is no target; write {forms}")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{port!r} is not a port; write {forms}")
    return host, int(port)


def is_ipv6(text: str) -> bool:
    """Whether this is an IPv6 address, with its zone where it has one (``fe80::1%eth0``)."""
    try:
        return isinstance(ipaddress.ip_address(text), ipaddress.IPv6Address)
    except ValueError:
        return False


def serial_line(
    target: str, text: str, forms: str = FORMS, usual: SerialLine = _USUAL_LINE
) -> SerialLine:
    """The serial line of the ``text`` in a target, with the settings of the ``usual`` one where it
    is silent. Raises ValueError that names the ``forms``."""
    path, _, settings = text.partition("?")
    given = dict(parse_qsl(settings, keep_blank_values=True))
    unknown = [name for name in given if name not in _LINE_SETTINGS]
    if not path or unknown:
        raise ValueError(f"{target!r} is no target; write {forms}")
    try:
        parity = Parity(given.get("parity", usual.parity))
        baud = int(given.get("baud", usual.baud))
        stop_bits = int(given.get("stop_bits", usual.stop_bits))
    except ValueError:
        raise ValueError(
            f"{settings!r} sets no serial line; baud and stop_bits are numbers, parity is "
            f"{', '.join(Parity)}"
        ) from None
    if stop_bits not in (1, 2) or baud < 300:
        raise ValueError(f"{settings!r} sets no serial line; stop_bits is 1 or 2, baud from 300 on")
    return SerialLine(path=path, baud=baud, parity=parity, stop_bits=stop_bits)

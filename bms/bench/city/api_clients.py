"""Clients of the API in a process of their own, so that their processor time is not the server's.

``python -m bms.bench.city.api_clients`` reads a ``ClientsOrder`` from standard input and writes a
``ClientsReport`` to standard output.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bms.model.codec import from_json, to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """A request of the method GET."""

    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsOrder:
    """So many ``clients`` ask on a connection each, one request after the other, for ``seconds``
    [s] or until ``most`` requests [1] were sent. They share what they ask for and begin anew; where
    ``conditional`` they say which answer they have."""

    port: int
    clients: int
    seconds: float
    requests: Sequence[AskedFor]
    most: int | None = None
    conditional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientsReport:
    """``answers`` with status 200 or 304 and how many ``others`` [1]; the 95th percentile of the
    time that one took [s]; bytes of the body of the last one, as they came."""

    answers: int
    others: int
    p95_s: float
    body: int
    took_s: float


async def answered(order: ClientsOrder) -> ClientsReport:
    """Ask, and say what came."""
    took: list[float] = []
    statuses: list[int] = []
    sizes = [0]
    tags: dict[int, str] = {}
    began = time.perf_counter()

    async def client(first: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", order.port)
        turn = first
        while time.perf_counter() - began < order.seconds:
            if order.most is not None and turn >= order.most:
                break
            number = turn % len(order.requests)
            asked = order.requests[number]
            turn += order.clients
            start = time.perf_counter()
            writer.write(_head(asked, tags.get(number) if order.conditional else None))
            status, size, tags[number] = await _read(reader)
            took.append(time.perf_counter() - start)
            statuses.append(status)
            sizes.append(size)
        writer.close()

    await asyncio.gather(*(client(number) for number in range(order.clients)))
    right = statuses.count(200) + statuses.count(304)
    return ClientsReport(
        answers=right,
        others=len(statuses) - right,
        p95_s=float(np.quantile(took, 0.95)) if took else order.seconds,
        body=sizes[-1],
        took_s=time.perf_counter() - began,
    )


def _head(asked: AskedFor, known: str | None) -> bytes:
    headers = {"host": "127.0.0.1", "accept-encoding": "gzip", **asked.headers}
    if known:
        headers["if-none-match"] = known
    lines = [f"GET {asked.path} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _read(reader: asyncio.StreamReader) -> tuple[int, int, str]:
    """The status of an answer, the bytes of its body and its tag."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    status = int(lines[0].split()[1])
    fields = dict(line.split(": ", 1) for line in lines[1:] if line)
    tag = fields.get("etag", "")
    if "content-length" in fields:
        return status, len(await reader.readexactly(int(fields["content-length"]))), tag
    whole = 0
    while fields.get("transfer-encoding") == "chunked":
        size = int(await reader.readline(), 16)
        await reader.readexactly(size + 2)
        whole += size
        if not size:
            break
    return status, whole, tag


async def clients(order: ClientsOrder) -> ClientsReport:
    """``answered`` in a process of its own."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe
    )
    told, _ = await process.communicate(to_json(order).encode())
    return from_json(ClientsReport, told.decode())


if __name__ == "__main__":
    sys.stdout.write(to_json(asyncio.run(answered(from_json(ClientsOrder, sys.stdin.read())))))

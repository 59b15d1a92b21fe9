"""What ``bms read``, ``write`` and ``release`` print: to be read on a phone on a ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from rich.console import Console

from bms.cli.screen import say, slim_table
from bms.model.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Receipt,
    Refused,
    ReleaseReceipt,
)
from bms.model.reading import Reading
from bms.model.site import Point
from bms.ports import Exchange
from bms.services.release import release_rows

FEW = 3
"""Points [1] that are named beside what is wrong with them; of more only their number is."""

Traces = Mapping[str, Sequence[Exchange]]


def show_readings(console: Console, rows: Sequence[tuple[Point, Reading]]) -> None:
    """Point, value, unit and quality; below them, once each, what is wrong."""
    table = slim_table("point", "value", "unit", "quality")
    wrong: dict[str, list[str]] = defaultdict(list)
    for point, reading in rows:
        table.add_row(point.id, _number(reading.value), point.unit, reading.quality)
        if reading.detail:
            wrong[reading.detail].append(point.id)
    console.print(table)
    for detail, points in wrong.items():
        console.print()
        say(console, ", ".join(points) if len(points) <= FEW else f"{len(points)} points")
        say(console, detail, indent=2)


def show_receipt(console: Console, receipt: Receipt, point: Point, timezone: str) -> None:
    """The outcome in a word, then what was wanted, what stands and until when."""
    say(console, f"{type(receipt).__name__}: {point.id}")
    for line in _lines(receipt, point, ZoneInfo(timezone)):
        say(console, line, indent=2)


def show_releases(console: Console, receipts: Iterable[ReleaseReceipt]) -> None:
    """Point, outcome and the value that stands; below them why others are still held."""
    table = slim_table("point", "outcome", "now")
    trouble = []
    for point, outcome, now in release_rows(receipts):
        held = outcome == "still held"
        table.add_row(point, outcome, "" if held else now)
        if held:
            trouble.append((point, now))
    console.print(table)
    for point, error in trouble:
        console.print()
        say(console, point)
        say(console, error, indent=2)


def show_traces(console: Console, traces: Traces) -> None:
    """Every request (→) and reply (←) in hex, with the time since the first request."""
    for device, exchanges in traces.items():
        console.print()
        say(console, f"{device}: {len(exchanges)} exchanges")
        for exchange in exchanges:
            began = exchange.at - exchanges[0].at
            ended = began + exchange.took_s
            say(console, f"{_ms(began)} → {exchange.to}  {exchange.request.hex(' ')}")
            say(console, f"{_ms(ended)} ← {_answer(exchange.answer)}")


def traces_as_json(traces: Traces) -> dict[str, list[dict[str, object]]]:
    """By device id; frames in hex, ``at_ms`` since the first request; a reply that did not come
    is null, with the error beside it."""
    return {
        device: [
            {
                "to": exchange.to,
                "at_ms": round((exchange.at - exchanges[0].at) * 1000, 3),
                "took_ms": round(exchange.took_s * 1000, 3),
                "request": exchange.request.hex(),
                "answer": None if isinstance(exchange.answer, str) else exchange.answer.hex(),
                "error": exchange.answer if isinstance(exchange.answer, str) else None,
            }
            for exchange in exchanges
        ]
        for device, exchanges in traces.items()
    }


def _lines(receipt: Receipt, point: Point, zone: ZoneInfo) -> list[str]:
    command = receipt.command
    wanted = f"wanted {command.value:g} {point.unit}"
    until = f"until {command.lease_end.astimezone(zone):%Y-%m-%d %H:%M}, then it is given back"
    match receipt:
        case Accepted():
            return [wanted, f"reads back {_number(receipt.read_back)} {point.unit}", until]
        case Clamped():
            written = f"wrote {receipt.written:g} {point.unit}: {receipt.limit}"
            return [written, f"reads back {receipt.read_back:g} {point.unit}", until]
        case Refused():
            return [wanted, receipt.reason]
        case Overridden():
            where = "" if receipt.priority is None else f" at priority {receipt.priority}"
            value = "" if receipt.value is None else f" at {receipt.value:g} {point.unit}"
            return [wanted, f"held{value} by {receipt.by}{where}"]
        case Failed():
            more = "it may work again later" if receipt.retryable else "trying again will not help"
            return [wanted, receipt.error, more]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.1f} ms"


def _answer(answer: bytes | str) -> str:
    return f"({answer})" if isinstance(answer, str) else answer.hex(" ")

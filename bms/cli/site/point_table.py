"""What ``bms read``, ``write`` and ``release`` print: to be read on a phone on a ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from rich.console import Console

from bms.cli.console.language import QUALITIES, SAID, Language
from bms.cli.console.screen import say, slim_table
from bms.model.assets.point import Point
from bms.model.control.command import (
    Accepted,
    Clamped,
    Failed,
    Overridden,
    Receipt,
    Refused,
    Released,
    ReleaseReceipt,
)
from bms.model.readings.reading import Reading
from bms.ports.drivers import Exchange

FEW = 3
"""Points [1] that are named beside what is wrong with them; of more only their number is."""

Traces = Mapping[str, Sequence[Exchange]]


def show_readings(
    console: Console, rows: Sequence[tuple[Point, Reading]], tongue: Language = Language.EN
) -> None:
    """Point, value, unit and quality; below them, once each, what is wrong."""
    table = slim_table(*_heads(tongue, "point", "value", "unit", "quality"))
    wrong: dict[str, list[str]] = defaultdict(list)
    for point, reading in rows:
        quality = tongue.of(QUALITIES[reading.quality])
        table.add_row(point.id, _number(reading.value), point.unit, quality)
        if reading.detail:
            wrong[reading.detail].append(point.id)
    console.print(table)
    for detail, points in wrong.items():
        console.print()
        many = tongue.of(SAID["points"]).format(len(points))
        say(console, ", ".join(points) if len(points) <= FEW else many)
        say(console, detail, indent=2)


def show_receipt(
    console: Console,
    receipt: Receipt,
    point: Point,
    timezone: str,
    tongue: Language = Language.EN,
) -> None:
    """The outcome in a word, then what was wanted, what stands and until when."""
    say(console, f"{tongue.of(SAID[type(receipt).__name__])}: {point.id}")
    for line in _lines(receipt, point, ZoneInfo(timezone), tongue):
        say(console, line, indent=2)


def show_releases(
    console: Console, receipts: Iterable[ReleaseReceipt], tongue: Language = Language.EN
) -> None:
    """Point, outcome and the value that stands; below them why others are still held."""
    table = slim_table(*_heads(tongue, "point", "outcome", "now"))
    trouble = []
    for receipt in sorted(receipts, key=lambda each: each.point):
        if isinstance(receipt, Released):
            now = "" if receipt.effective is None else f"{receipt.effective:g}"
            table.add_row(receipt.point, tongue.of(SAID["released"]), now)
        else:
            table.add_row(receipt.point, tongue.of(SAID["still held"]), "")
            trouble.append(receipt)
    console.print(table)
    for receipt in trouble:
        console.print()
        say(console, receipt.point)
        say(console, tongue.of(receipt.error), indent=2)


def show_traces(console: Console, traces: Traces, tongue: Language = Language.EN) -> None:
    """Every request (→) and reply (←) in hex, with the time since the first request."""
    for device, exchanges in traces.items():
        console.print()
        say(console, tongue.of(SAID["exchanges"]).format(device, len(exchanges)))
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


def _heads(tongue: Language, *codes: str) -> list[str]:
    return [tongue.of(SAID[code]) for code in codes]


def _lines(receipt: Receipt, point: Point, zone: ZoneInfo, tongue: Language) -> list[str]:
    def told(code: str, *values: object) -> str:
        return tongue.of(SAID[code]).format(*values)

    command, unit = receipt.command, point.unit
    wanted = told("wanted", _number(command.value), unit)
    until = told("until", f"{command.lease_end.astimezone(zone):%Y-%m-%d %H:%M}")
    match receipt:
        case Accepted():
            return [wanted, told("reads back", _number(receipt.read_back), unit), until]
        case Clamped():
            # The command may hold what is left of the wish; the limit then says what that was.
            wish = [] if command.value == receipt.written else [wanted]
            written = told("wrote", _number(receipt.written), unit, tongue.of(receipt.limit))
            return [*wish, written, told("reads back", _number(receipt.read_back), unit), until]
        case Refused():
            return [wanted, tongue.of(receipt.reason)]
        case Overridden(_, priority, value, by):
            at = "" if value is None else told("at value", _number(value), unit)
            rank = "" if priority is None else told("at priority", priority)
            return [wanted, told("held", at, tongue.of(by)) + rank]
        case Failed():
            more = told("later") if receipt.retryable else told("never")
            return [wanted, tongue.of(receipt.error), more]


def _number(value: float | None) -> str:
    """As many digits as a meter's register has: it is compared with the display."""
    return "–" if value is None else f"{value:.12g}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.1f} ms"


def _answer(answer: bytes | str) -> str:
    return f"({answer})" if isinstance(answer, str) else answer.hex(" ")

"""What ``bms read``, ``write`` and ``release`` print: to be read on a phone on a ladder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from zoneinfo import ZoneInfo

from rich.console import Console

from bms.cli.console.language import CommandTranslator
from bms.cli.console.screen import print_folded, slim_table
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
    Waiting,
)
from bms.model.control.command_state import CommandState
from bms.model.readings.measurement import Reading
from bms.model.readings.units import Unit
from bms.ports.drivers import DeviceHealth, Exchange

FEW = 3
"""Points [1] that are named beside what is wrong with them; of more only their number is."""

Traces = Mapping[str, Sequence[Exchange]]
Identities = Mapping[str, DeviceHealth]
"""What is known of the devices, by id."""


def show_readings(
    console: Console, rows: Sequence[tuple[Point, Reading]], t: CommandTranslator
) -> None:
    """Point, value, unit and quality; below them, once each, what is wrong."""
    table = slim_table(t("point"), t("value"), t("unit"), t("quality"))
    wrong: dict[str, list[str]] = defaultdict(list)
    for point, reading in rows:
        quality = t(f"quality_{reading.quality.value}")
        table.add_row(point.id, _number(reading.value), point.unit, quality)
        if reading.detail:
            wrong[reading.detail].append(point.id)
    console.print(table)
    for detail, points in wrong.items():
        console.print()
        print_folded(
            console, ", ".join(points) if len(points) <= FEW else t("points", count=len(points))
        )
        print_folded(console, detail, indent=2)


def show_identities(console: Console, told: Identities, t: CommandTranslator) -> None:
    """What the devices say they are, and from where else their instances were announced."""
    lines = []
    for device, well in sorted(told.items()):
        if well.fingerprint is not None and well.fingerprint.known:
            lines.append(t("identity", device=device, identity=str(well.fingerprint)))
        if well.elsewhere:
            places = ", ".join(sorted(well.elsewhere))
            lines.append(t("announced_elsewhere", device=device, places=places))
    if lines:
        console.print()
    for line in lines:
        print_folded(console, line)


def told_as_json(device: str, told: Identities) -> dict[str, object]:
    """What the device of a point says it is, ready for JSON; nulls where it was not asked."""
    well = told.get(device)
    seen = None if well is None else well.fingerprint
    return {
        "id": device,
        "fingerprint": None if seen is None else seen.known,
        "wrong_device": None if well is None else well.wrong_device,
        "announced_elsewhere": {} if well is None else dict(well.elsewhere),
    }


def show_commanded(console: Console, states: Iterable[CommandState], t: CommandTranslator) -> None:
    """The occupied priority slots above ours; who commanded the acting value, and since when."""
    for state in states:
        for slot in state.above:
            held = t("slot_above", priority=slot.priority, value=_number(slot.value))
            print_folded(console, f"{state.point}: {held}")
        if state.source is not None or state.since is not None:
            since = "" if state.since is None else f"{state.since:%Y-%m-%d %H:%M}"
            said = t("commanded_by", source=state.source or "?", since=since)
            print_folded(console, f"{state.point}: {said}")


def show_receipt(
    console: Console, receipt: Receipt, point: Point, timezone: str, t: CommandTranslator
) -> None:
    """The outcome in a word, then what was wanted, what stands and until when."""
    outcome = t(f"outcome_{type(receipt).__name__.lower()}")
    print_folded(console, f"{outcome}: {point.id}")
    for line in _lines(receipt, point.unit, ZoneInfo(timezone), t):
        print_folded(console, line, indent=2)


def show_releases(
    console: Console, receipts: Iterable[ReleaseReceipt], t: CommandTranslator
) -> None:
    """Point, outcome and the value that stands; below them why others are still held."""
    table = slim_table(t("point"), t("outcome"), t("now"))
    trouble = []
    for receipt in sorted(receipts, key=lambda each: each.point):
        if isinstance(receipt, Released):
            now = "" if receipt.effective is None else f"{receipt.effective:g}"
            outcome = t("released") if receipt.by is None else t("left", by=t.describe(receipt.by))
            table.add_row(receipt.point, outcome, now)
        else:
            table.add_row(receipt.point, t("given_up" if receipt.given_up else "still_held"), "")
            trouble.append(receipt)
    console.print(table)
    for receipt in trouble:
        console.print()
        print_folded(console, receipt.point)
        print_folded(console, t.describe(receipt.error), indent=2)


def show_traces(console: Console, traces: Traces, t: CommandTranslator) -> None:
    """Every request (→) and reply (←) in hex, with the time since the first request."""
    for device, exchanges in traces.items():
        console.print()
        print_folded(console, t("exchanges", device=device, count=len(exchanges)))
        for exchange in exchanges:
            began = exchange.at - exchanges[0].at
            ended = began + exchange.took_s
            print_folded(console, f"{_ms(began)} → {exchange.to}  {exchange.request.hex(' ')}")
            print_folded(console, f"{_ms(ended)} ← {_answer(exchange.answer)}")


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


def _lines(receipt: Receipt, unit: Unit, zone: ZoneInfo, t: CommandTranslator) -> list[str]:
    command = receipt.command
    wanted = t("wanted", value=_number(command.value), unit=unit)
    until = t("until", time=f"{command.lease_end.astimezone(zone):%Y-%m-%d %H:%M}")
    match receipt:
        case Accepted(read_back=found):
            return [wanted, t("reads_back", value=_number(found), unit=unit), until]
        case Clamped(written=value, read_back=found, limit=why):
            # The command may hold what is left of the wish; the limit then says what that was.
            wish = [] if command.value == value else [wanted]
            limited = t("wrote", value=_number(value), unit=unit, limit=t.describe(why))
            return [*wish, limited, t("reads_back", value=_number(found), unit=unit), until]
        case Refused(reason=why):
            return [wanted, t.describe(why)]
        case Overridden():
            return [wanted, _held(receipt, unit, t)]
        case Waiting(value=found):
            return [wanted, t("waits", value=_number(found), unit=unit), until]
        case Failed(error=why, retryable=retryable):
            return [wanted, t.describe(why), t("retry_later" if retryable else "retry_never")]


def _held(receipt: Overridden, unit: Unit, t: CommandTranslator) -> str:
    by, value, priority = t.describe(receipt.by), _number(receipt.value), receipt.priority
    if receipt.value is None:
        return (
            t("held", by=by) if priority is None else t("held_priority", by=by, priority=priority)
        )
    if priority is None:
        return t("held_at", by=by, value=value, unit=unit)
    return t("held_at_priority", by=by, value=value, unit=unit, priority=priority)


def _number(value: float | None) -> str:
    """As many digits as a meter's register has: it is compared with the display."""
    return "–" if value is None else f"{value:.12g}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8.1f} ms"


def _answer(answer: bytes | str) -> str:
    return f"({answer})" if isinstance(answer, str) else answer.hex(" ")
